//! Users and permissions over HTTP.

use serde_json::json;
use tests::{shared, unique};

use super::{ALL, as_user, grant, granted, names, open, user};

/// MD5 of the salt 01020304 and "secret", behind the salt.
const MD5_OF_SECRET: &str = "AQIDBDgk9ci8Lfh6CKE9Y0AUfmU=";

/// The same with SHA-512.
const SHA512_OF_SECRET: &str =
    "AQIDBPhTH2L5HGYB1LWOrn+YpvuQmVOXKGqgsuiJRIZTILRoEvblSJo/WAsym3IZTfuaIaK5KR2o5KwFfTv6KsxfMIE=";

/// Salt 908DC60A, password test12: RabbitMQ's documented example.
const TEST12: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";

#[test]
fn a_user_is_created_changed_and_deleted() {
    let (http, name) = (shared().http(), unique("acc-u"));
    let path = format!("/users/{name}");
    http.get(&path).ok(404);
    http.put(
        &path,
        &json!({"password": name, "tags": "management, mine"}),
    )
    .ok(201);
    let shown = http.json(&path);
    assert_eq!(shown["tags"], json!(["management", "mine"]));
    assert_eq!(shown["hashing_algorithm"], "rabbit_password_hashing_sha256");
    assert_eq!(shown["limits"], json!({}));
    assert_eq!(shown["password_hash"].as_str().unwrap().len(), 48);
    as_user(shared(), &name).get("/whoami").ok(200);
    http.put(&path, &json!({"password": "other", "tags": ["monitoring"]}))
        .ok(204);
    as_user(shared(), &name).get("/whoami").ok(401);
    let me = shared().http().login(&name, "other").json("/whoami");
    assert_eq!(me["tags"], json!(["monitoring"]));
    http.delete(&path).ok(204);
    http.delete(&path).ok(404);
    shared().http().login(&name, "other").get("/whoami").ok(401);
}

#[test]
fn wrong_bodies_for_users_are_400() {
    let http = shared().http();
    let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    for body in [
        json!({}),
        json!({"password": "x"}),
        json!({"flim": "flam"}),
        json!({"tags": 5}),
        json!({"tags": many}),
        json!({"tags": "", "password": "x", "password_hash": TEST12}),
        json!({"tags": "", "password_hash": "not base64"}),
        json!({"tags": "", "password_hash": TEST12, "hashing_algorithm": "rot13"}),
        json!({"tags": "", "limits": {"max-connections": "x"}}),
        json!({"tags": "", "limits": {"max-cars": 1}}),
        json!({"tags": "", "permissions": {"nowhere": {"configure": "", "write": "", "read": ""}}}),
        json!({"tags": "", "permissions": {"/": {"configure": ""}}}),
    ] {
        let answer = http.put("/users/acc-wrong", &body);
        assert_eq!(answer.status, 400, "{body}");
    }
    http.get("/users/acc-wrong").ok(404);
}

#[test]
fn exported_hashes_of_every_algorithm_let_their_users_in() {
    let http = shared().http();
    let name = unique("acc-hash");
    let path = format!("/users/{name}");
    for (algorithm, hash, password) in [
        ("rabbit_password_hashing_sha256", TEST12, "test12"),
        ("rabbit_password_hashing_md5", MD5_OF_SECRET, "secret"),
        ("rabbit_password_hashing_sha512", SHA512_OF_SECRET, "secret"),
    ] {
        let body = json!({
            "password_hash": hash, "hashing_algorithm": algorithm, "tags": "management"
        });
        http.put(&path, &body);
        let shown = http.json(&path);
        assert_eq!(shown["password_hash"], hash);
        assert_eq!(shown["hashing_algorithm"], algorithm);
        shared()
            .http()
            .login(&name, password)
            .get("/whoami")
            .ok(200);
        shared().http().login(&name, "no").get("/whoami").ok(401);
    }
}

#[test]
fn without_password_or_hash_the_password_is_cleared() {
    let (http, name) = (shared().http(), unique("acc-clear"));
    let path = format!("/users/{name}");
    http.put(&path, &json!({"password": name, "tags": "management"}))
        .ok(201);
    http.put(&path, &json!({"tags": "management"})).ok(204);
    assert_eq!(http.json(&path)["password_hash"], "");
    for password in ["", &name] {
        shared()
            .http()
            .login(&name, password)
            .get("/whoami")
            .ok(401);
    }
}

#[test]
fn the_legacy_administrator_flag_is_a_tag() {
    let http = shared().http();
    for (flag, tags) in [("true", json!(["administrator"])), ("false", json!([]))] {
        let path = format!("/users/{}", unique("acc-legacy"));
        http.put(&path, &json!({"administrator": flag, "password": "x"}))
            .ok(201);
        assert_eq!(http.json(&path)["tags"], tags);
    }
}

#[test]
fn protected_users_are_not_touched() {
    let (http, name) = (shared().http(), unique("acc-protected"));
    let path = format!("/users/{name}");
    http.put(&path, &json!({"password": "x", "tags": "protected"}))
        .ok(201);
    http.put(&path, &json!({"password": "y", "tags": ""}))
        .ok(400);
    http.delete(&path).ok(400);
    http.post("/users/bulk-delete", &json!({"users": [name]}))
        .ok(400);
    http.get(&path).ok(200);
}

#[test]
fn a_new_user_may_come_with_permissions() {
    let (http, name) = (shared().http(), unique("acc-preset"));
    let permission = json!({"configure": "^c", "write": "", "read": ".*"});
    let body = json!({"password": name, "tags": "", "permissions": {"/": permission}});
    http.put(&format!("/users/{name}"), &body).ok(201);
    let rows = http.json(&format!("/users/{name}/permissions"));
    assert_eq!(
        rows,
        json!([{"user": name, "vhost": "/", "configure": "^c", "write": "", "read": ".*"}])
    );
    drop(open(shared(), &name));
}

#[test]
fn users_are_deleted_in_bulk() {
    let http = shared().http();
    let some: Vec<String> = (0..3).map(|_| unique("acc-bulk")).collect();
    for name in &some {
        user(shared(), name, "");
    }
    let body = json!({"users": [some[0], some[1], "acc-not-there"]});
    http.post("/users/bulk-delete", &body).ok(204);
    http.get(&format!("/users/{}", some[0])).ok(404);
    http.get(&format!("/users/{}", some[1])).ok(404);
    http.get(&format!("/users/{}", some[2])).ok(200);
    http.post("/users/bulk-delete", &json!({})).ok(400);
}

#[test]
fn users_without_permissions_are_listed() {
    let (without, with) = (unique("acc-without"), granted(shared(), ALL));
    user(shared(), &without, "");
    let list = shared().http().json("/users/without-permissions");
    assert!(names(&list).contains(&&*without));
    assert!(!names(&list).contains(&&*with));
}

#[test]
fn permissions_are_set_shown_and_cleared() {
    let (http, name) = (shared().http(), unique("acc-perm"));
    user(shared(), &name, "");
    let path = format!("/permissions/%2F/{name}");
    http.get(&path).ok(404);
    let body = json!({"configure": "foo", "write": "bar", "read": "baz"});
    http.put(&path, &body).ok(201);
    http.put(&path, &body).ok(204);
    let row =
        json!({"user": name, "vhost": "/", "configure": "foo", "write": "bar", "read": "baz"});
    assert_eq!(http.json(&path), row);
    for list in ["/permissions", "/vhosts/%2F/permissions"] {
        assert!(http.json(list).as_array().unwrap().contains(&row), "{list}");
    }
    assert_eq!(
        http.json(&format!("/users/{name}/permissions")),
        json!([row])
    );
    http.delete(&path).ok(204);
    http.delete(&path).ok(404);
    http.get(&path).ok(404);
}

#[test]
fn wrong_permissions_are_400() {
    let http = shared().http();
    let good = json!({"configure": ".*", "write": ".*", "read": ".*"});
    for path in ["/permissions/nowhere/guest", "/permissions/%2F/nobody"] {
        let body = http.put(path, &good).ok(400).json();
        assert_eq!(body["reason"], "vhost_or_user_not_found");
    }
    for body in [
        json!({"configure": "[", "write": ".*", "read": ".*"}),
        json!({"configure": ".*", "write": ".*"}),
        json!({"configure": ".*", "write": ".*", "read": 5}),
    ] {
        http.put("/permissions/%2F/guest", &body).ok(400);
    }
    for path in ["/users/nobody/permissions", "/vhosts/nowhere/permissions"] {
        http.get(path).ok(404);
    }
}

#[test]
fn topic_permissions_are_set_shown_and_cleared() {
    let (http, name) = (shared().http(), unique("acc-topics"));
    user(shared(), &name, "");
    let path = format!("/topic-permissions/%2F/{name}");
    http.get(&path).ok(404);
    let body = |exchange: &str| json!({"exchange": exchange, "write": "^a", "read": "^b"});
    http.put(&path, &body("amq.topic")).ok(201);
    http.put(&path, &body("amq.topic")).ok(204);
    http.put(&path, &body("amq.direct")).ok(201);
    let row = |exchange: &str| json!({"user": name, "vhost": "/", "exchange": exchange, "write": "^a", "read": "^b"});
    assert_eq!(
        http.json(&path),
        json!([row("amq.direct"), row("amq.topic")])
    );
    for list in ["/topic-permissions", "/vhosts/%2F/topic-permissions"] {
        let rows = http.json(list);
        assert!(rows.as_array().unwrap().contains(&row("amq.topic")));
    }
    http.delete(&format!("{path}/amq.direct")).ok(204);
    http.delete(&format!("{path}/amq.direct")).ok(404);
    let of_user = http.json(&format!("/users/{name}/topic-permissions"));
    assert_eq!(of_user, json!([row("amq.topic")]));
    http.delete(&path).ok(204);
    http.delete(&path).ok(404);
    http.put(&path, &json!({"exchange": "x", "write": "(", "read": ""}))
        .ok(400);
    http.get("/topic-permissions/%2F/nobody").ok(404);
}

#[test]
fn deleting_a_user_closes_the_connections() {
    let name = granted(shared(), ALL);
    let mut w = open(shared(), &name);
    shared().http().delete(&format!("/users/{name}")).ok(204);
    w.expect_connection_close(
        320,
        &format!("CONNECTION_FORCED - user '{name}' is deleted"),
    );
}

#[test]
fn a_changed_password_leaves_open_connections_alone() {
    let name = granted(shared(), ALL);
    let mut w = open(shared(), &name);
    let body = json!({"password": "other", "tags": ""});
    shared()
        .http()
        .put(&format!("/users/{name}"), &body)
        .ok(204);
    w.expect_silence();
    grant(shared(), &name, "/", ["", "", ""]);
    w.expect_silence();
}

#[test]
fn passwords_are_hashed_on_request() {
    let http = shared().http();
    let answer = http.json("/auth/hash_password/secret");
    let hash = answer["ok"].as_str().unwrap();
    let name = unique("acc-hashed");
    let body = json!({"password_hash": hash, "tags": "management"});
    http.put(&format!("/users/{name}"), &body).ok(201);
    shared()
        .http()
        .login(&name, "secret")
        .get("/whoami")
        .ok(200);
}
