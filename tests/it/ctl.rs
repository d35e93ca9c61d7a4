//! `leveret ctl`, and being called by RabbitMQ's names.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tests::{Broker, binary};

/// Runs a verb by the socket in the broker's data directory.
fn ctl(broker: &Broker, words: &[&str]) -> Output {
    Command::new(binary())
        .arg("ctl")
        .args(words)
        .env("RABBITMQ_DATA_DIR", broker.data_dir())
        .output()
        .unwrap()
}

/// What a verb that has to succeed prints.
#[track_caller]
fn said(broker: &Broker, words: &[&str]) -> String {
    let output = ctl(broker, words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(broker: &Broker, words: &[&str]) -> Value {
    let words = [words, &["--formatter", "json"]].concat();
    serde_json::from_str(&said(broker, &words)).unwrap()
}

#[test]
fn a_user_is_added_granted_listed_and_deleted_without_a_password_of_ones_own() {
    let broker = Broker::start();
    said(&broker, &["add_vhost", "shop"]);
    said(&broker, &["add_user", "ann", "secret"]);
    said(
        &broker,
        &["set_user_tags", "ann", "monitoring", "policymaker"],
    );
    said(
        &broker,
        &["set_permissions", "-p", "shop", "ann", "^a", "", ".*"],
    );
    assert_eq!(
        said(&broker, &["-q", "list_permissions", "-p", "shop"])
            .lines()
            .find(|line| line.starts_with("ann")),
        Some("ann\t^a\t\t.*")
    );
    let users = said(&broker, &["-s", "list_users"]);
    assert!(users.contains("ann\t[monitoring, policymaker]"), "{users}");
    let again = ctl(&broker, &["add_user", "ann", "secret"]);
    assert_eq!(again.status.code(), Some(70));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already exists"));
    said(&broker, &["clear_permissions", "-p", "shop", "ann"]);
    said(&broker, &["delete_user", "ann"]);
    said(&broker, &["delete_vhost", "shop"]);
    let gone = ctl(&broker, &["delete_user", "ann"]);
    assert_eq!(gone.status.code(), Some(70));
}

#[test]
fn queues_are_listed_with_the_columns_asked_for_purged_and_deleted() {
    let broker = Broker::start();
    let mut wire = broker.open();
    wire.declare("orders", 0);
    wire.confirm_select();
    wire.enqueue("orders", "one");
    wire.enqueue("orders", "two");
    wire.await_confirms(2);
    let listed = said(
        &broker,
        &["-q", "list_queues", "name", "messages_ready", "durable"],
    );
    assert_eq!(listed, "name\tmessages_ready\tdurable\norders\t2\tfalse\n");
    let rows = json(&broker, &["list_queues"]);
    assert_eq!(
        (&rows[0]["name"], &rows[0]["messages"]),
        (&"orders".into(), &2.into())
    );
    said(&broker, &["purge_queue", "orders"]);
    assert_eq!(
        json(&broker, &["list_queues", "messages"])[0]["messages"],
        0
    );
    said(&broker, &["delete_queue", "orders"]);
    assert_eq!(said(&broker, &["-q", "list_queues"]), "");
}

#[test]
fn checks_succeed_on_a_healthy_broker_and_say_why_not_otherwise() {
    let mut broker = Broker::start();
    for words in [
        &["ping"][..],
        &["check_running"],
        &["check_alarms"],
        &["check_local_alarms"],
        &["check_port_connectivity"],
        &["check_virtual_hosts"],
        &["check_protocol_listener", "amqp"],
        &["check_port_listener", &broker.amqp().port().to_string()],
        &["await_startup"],
        &["status"],
        &["cluster_status"],
        &["listeners"],
        &["environment"],
    ] {
        said(&broker, words);
    }
    let missing = ctl(&broker, &["check_port_listener", "1"]);
    assert_eq!(missing.status.code(), Some(69));
    broker.kill();
    let dead = ctl(&broker, &["ping"]);
    assert_eq!(dead.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&dead.stderr).contains("unable to reach the broker"));
}

#[test]
fn connections_are_listed_and_closed() {
    let broker = Broker::start();
    let mut wire = broker.open();
    let listed = json(&broker, &["list_connections", "user", "state", "name"]);
    assert_eq!(listed[0]["user"], "guest");
    let name = listed[0]["name"].as_str().unwrap();
    said(&broker, &["close_connection", name, "go away"]);
    wire.expect_connection_close(320, "CONNECTION_FORCED - Closed via management plugin");
}

#[test]
fn it_is_rabbitmqctl_through_a_link() {
    let broker = Broker::start();
    let link = broker.data_dir().join("rabbitmq-diagnostics");
    std::os::unix::fs::symlink(binary(), &link).unwrap();
    let run = |program: &Path, words: &[&str]| {
        let status = Command::new(program)
            .args(words)
            .env("RABBITMQ_DATA_DIR", broker.data_dir())
            .output()
            .unwrap()
            .status;
        status.success()
    };
    assert!(run(&link, &["-q", "ping"]));
    assert!(run(&link, &["-q", "check_port_connectivity"]));
    assert!(!run(&link, &["no_such_verb"]));
}

#[test]
fn an_address_needs_the_right_password() {
    let broker = Broker::start();
    let url = format!("http://{}", broker.http_address());
    said(&broker, &["--url", &url, "list_vhosts"]);
    let wrong = ctl(
        &broker,
        &["--url", &url, "--password", "wrong", "list_vhosts"],
    );
    assert_eq!(wrong.status.code(), Some(77));
}

#[test]
fn completions_and_the_manual_page_know_the_verbs() {
    for (words, part) in [
        (&["completions", "bash"][..], "list_queues"),
        (&["man"], "leveret"),
    ] {
        let output = Command::new(binary()).args(words).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(part));
    }
}

#[test]
fn the_environment_is_the_settings_in_effect_without_secrets() {
    let broker = Broker::start();
    let settings = json(&broker, &["environment"]);
    assert_eq!(settings["heartbeat"], "60");
    assert_eq!(settings["default_pass"], "********");
}
