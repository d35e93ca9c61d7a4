//! Getting in, and not.

use serde_json::json;
use tests::{
    Broker, Launch, Wire, eventually, shared, unique,
    wire::{capable, connection, plain},
};

use super::{ALL, as_user, granted, user};

/// Tries to log in and is told why not.
#[track_caller]
fn refused(broker: &Broker, name: &str, password: &str) {
    let (mut w, _) = Wire::greet(broker.amqp());
    w.send(
        0,
        &connection::start_ok(&capable(), "PLAIN", &plain(name, password)),
    );
    w.expect_connection_close(
        403,
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
    );
}

#[test]
fn users_with_their_password_get_in_where_they_have_permissions() {
    let name = granted(shared(), ALL);
    let (vhost, text) = (unique("acc-v"), "NOT_ALLOWED - access to vhost '");
    shared()
        .http()
        .put(&format!("/vhosts/{vhost}"), &json!({}))
        .ok(201);
    drop(Wire::open_as(shared().amqp(), (&name, &name), "/"));
    let mut w = Wire::ask_to_open(shared().amqp(), (&name, &name), &vhost);
    w.expect_connection_close(530, &format!("{text}{vhost}' refused for user '{name}'"));
    let mut w = Wire::ask_to_open(shared().amqp(), (&name, &name), "acc-nowhere");
    w.expect_connection_close(530, "NOT_ALLOWED - vhost acc-nowhere not found");
}

#[test]
fn wrong_blank_and_missing_passwords_are_refused() {
    let name = unique("acc-login");
    user(shared(), &name, "");
    refused(shared(), &name, "wrong");
    refused(shared(), &name, "");
    let path = format!("/users/{name}");
    shared()
        .http()
        .put(&path, &json!({"password": "", "tags": ""}))
        .ok(204);
    refused(shared(), &name, "");
    shared()
        .http()
        .put(&path, &json!({"password_hash": "", "tags": ""}))
        .ok(204);
    refused(shared(), &name, "");
    refused(shared(), "acc-nobody", "x");
}

#[test]
fn guessing_slows_down_for_that_user_only_and_is_logged_without_the_password() {
    let mut broker = Launch::default().start();
    user(&broker, "victim", "management");
    user(&broker, "bystander", "management");
    let http = broker.http();
    for n in 0..11 {
        let guess = http.clone().login("victim", &format!("guess-{n}"));
        guess.get("/whoami").ok(401);
    }
    as_user(&broker, "bystander").get("/whoami").ok(200);
    // The twelfth is refused unseen, right or not; the address is the same for AMQP.
    as_user(&broker, "victim").get("/whoami").ok(401);
    refused(&broker, "victim", "victim");
    broker.wait_log("too many failed logins");
    eventually("the wait to be over", || {
        (as_user(&broker, "victim").get("/whoami").status == 200).then_some(())
    });
    let log = broker.log();
    assert!(
        log.contains("victim") && log.contains("wrong password"),
        "{log}"
    );
    assert!(!log.contains("guess-"), "{log}");
}

#[test]
fn attempts_are_counted() {
    let broker = Broker::start();
    let http = broker.http();
    let node = http.json("/overview")["node"].as_str().unwrap().to_owned();
    let path = format!("/auth/attempts/{node}");
    http.delete(&path).ok(204);
    drop(broker.open());
    refused(&broker, "guest", "wrong");
    let list = http.json(&path);
    let amqp = &list[0];
    assert_eq!(amqp["protocol"], "amqp091");
    assert_eq!(amqp["auth_attempts"], 2);
    assert_eq!(amqp["auth_attempts_succeeded"], 1);
    assert_eq!(amqp["auth_attempts_failed"], 1);
    http.get("/auth/attempts/elsewhere").ok(404);
}

#[test]
fn update_secret_of_a_user_with_a_password_changes_nothing() {
    let name = granted(shared(), ALL);
    let mut w = Wire::open_as(shared().amqp(), (&name, &name), "/");
    w.send(0, &connection::update_secret("anything"));
    assert_eq!(w.method(0).id, (10, 71));
    w.expect_silence();
}
