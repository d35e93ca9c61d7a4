//! Definitions through the API: out, in, into one virtual host, wrong, and across a crash.

use std::fs;

use serde_json::{Value, json};
use tests::{Broker, Http, Launch, http::Answer, run, scratch_dir, shared, wire::queue};

/// What every broker has of its own, so that two exports can be compared.
fn without_node(mut file: Value) -> Value {
    for key in ["original_cluster_name", "explanation", "users"] {
        file[key] = Value::Null;
    }
    file
}

fn of_a_shop() -> Value {
    json!({
        "rabbitmq_version": "4.1.0",
        "users": [{"name": "shop", "password": "secret", "tags": "management"}],
        "vhosts": [{"name": "shop", "metadata": {"description": "d", "tags": ["a"]}}],
        "permissions": [
            {"user": "shop", "vhost": "shop", "configure": "", "write": ".*", "read": ".*"},
            {"user": "guest", "vhost": "shop", "configure": "", "write": "", "read": ""}
        ],
        "policies": [{"vhost": "shop", "name": "short", "pattern": "^o", "apply-to": "queues",
                      "definition": {"max-length": 7}, "priority": 1}],
        "exchanges": [{"name": "x", "vhost": "shop", "type": "topic", "durable": true,
                       "auto_delete": false, "arguments": {"alternate-exchange": "amq.fanout"}}],
        "queues": [{"name": "orders", "vhost": "shop", "durable": true, "auto_delete": false,
                    "arguments": {"x-message-ttl": 60_000}}],
        "bindings": [{"source": "x", "vhost": "shop", "destination": "orders",
                      "destination_type": "queue", "routing_key": "o.#", "arguments": {}}]
    })
}

fn upload(http: &Http, file: &Value) -> Answer {
    http.post("/definitions", file)
}

#[test]
fn what_is_exported_imports_elsewhere_and_survives_a_kill() {
    let from = Broker::start();
    let http = from.http();
    upload(&http, &of_a_shop()).ok(204);
    from.open().declare("more", queue::DURABLE);
    let file = http.json("/definitions");
    assert_eq!(file["rabbitmq_definition_format"], "cluster");
    let mut to = Broker::start();
    upload(&to.http(), &file).ok(204);
    to.kill();
    to.restart();
    let again = to.http().json("/definitions");
    assert_eq!(without_node(again.clone()), without_node(file.clone()));
    let named = |file: &Value| {
        let users = file["users"].as_array().unwrap();
        users
            .iter()
            .find(|user| user["name"] == "shop")
            .unwrap()
            .clone()
    };
    assert_eq!(named(&again), named(&file), "hashes of passwords are kept");
    let shown = to.http().json("/queues/shop/orders");
    assert_eq!(shown["policy"], "short");
    assert_eq!(
        shown["effective_policy_definition"],
        json!({"max-length": 7})
    );
}

#[test]
fn one_virtual_host_is_exported_and_imported_into_another() {
    let broker = Broker::start();
    let http = broker.http();
    upload(&http, &of_a_shop()).ok(204);
    http.put("/vhosts/copy", &json!({})).ok(201);
    let file = http.json("/definitions/shop");
    assert_eq!(file["rabbitmq_definition_format"], "single_virtual_host");
    assert_eq!(file["original_vhost_name"], "shop");
    assert_eq!(file["metadata"]["description"], "d");
    http.post("/definitions/copy", &file).ok(204);
    let copy = http.json("/definitions/copy");
    for list in ["queues", "exchanges", "bindings", "policies", "parameters"] {
        assert_eq!(copy[list], file[list], "{list}");
    }
    http.post("/definitions/none", &file).ok(404);
    http.get("/definitions/none").ok(404);
    upload(&http, &file).ok(400);
}

#[test]
fn a_form_with_a_file_is_taken() {
    let broker = Broker::start();
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"d.json\"\r\n\
         Content-Type: application/json\r\n\r\n{}\r\n--XX--\r\n",
        of_a_shop()
    );
    let http = broker.http().sending("multipart/form-data; boundary=XX");
    http.request("POST", "/api/definitions", Some(&body))
        .ok(204);
    broker.http().get("/queues/shop/orders").ok(200);
}

#[test]
fn a_wrong_file_changes_nothing_and_its_first_error_is_named() {
    let http = shared().http();
    let mut file = of_a_shop();
    file["vhosts"][0]["name"] = json!("df-half");
    file["queues"][0]["arguments"]["x-message-ttl"] = json!("soon");
    file["permissions"] = json!([]);
    for list in ["policies", "exchanges", "queues", "bindings"] {
        file[list][0]["vhost"] = json!("df-half");
    }
    let answer = upload(&http, &file).ok(400).json();
    assert_eq!(answer["error"], "bad_request");
    let reason = answer["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "queues[0] ('orders'): invalid arg 'x-message-ttl' for queue 'orders' in vhost \
         'df-half': \"expected integer, got longstr\""
    );
    http.get("/vhosts/df-half").ok(404);
    http.get("/users/shop").ok(404);
    let answer = http.request("POST", "/api/definitions", Some("{")).ok(400);
    assert_eq!(answer.json()["reason"], "failed_to_parse_json");
}

#[test]
fn a_download_has_the_name_that_was_asked_for() {
    let http = shared().http();
    let answer = http.get("/definitions?download=rabbit.json").ok(200);
    let header = answer.header("content-disposition");
    assert_eq!(header, Some("attachment; filename=rabbit.json"));
    http.get("/definitions?download=a%22b").ok(400);
    http.get("/all-configuration").ok(200);
}

#[test]
fn a_start_imports_what_it_is_told_to() {
    let dir = scratch_dir();
    let path = dir.join("d.json");
    let mut file = of_a_shop();
    file["users"][0]["tags"] = json!("administrator");
    file["permissions"][0]["configure"] = json!(".*");
    file["permissions"].as_array_mut().unwrap().pop();
    fs::write(&path, file.to_string()).unwrap();
    let flag = path.to_str().unwrap();
    let broker = Launch::default()
        .argument("--import-definitions")
        .argument(flag)
        .start();
    // base64 of "shop:secret"; there is no guest, because the file says who there is.
    let http = broker.http();
    http.get("/whoami").ok(401);
    let http = http.authorized(Some("Basic c2hvcDpzZWNyZXQ="));
    assert_eq!(http.json("/queues/shop/orders")["policy"], "short");
    let config = format!("load_definitions = {flag}\n");
    let broker = Launch::default().config(&config).start();
    let http = broker.http().authorized(Some("Basic c2hvcDpzZWNyZXQ="));
    http.get("/queues/shop/orders").ok(200);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_start_with_wrong_definitions_says_what_is_wrong_and_ends() {
    let dir = scratch_dir();
    let (path, data) = (dir.join("d.json"), dir.join("data"));
    let file = json!({"queues": [{"name": "q", "vhost": "nowhere"}]});
    fs::write(&path, file.to_string()).unwrap();
    let output = run(&[
        "--data-dir",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--management-listen",
        "127.0.0.1:0",
        "--import-definitions",
        path.to_str().unwrap(),
    ]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("Please create virtual host \"nowhere\""),
        "{said}"
    );
    fs::remove_dir_all(dir).unwrap();
}
