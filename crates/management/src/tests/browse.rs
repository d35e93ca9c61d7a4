//! Looking into a queue.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::setting::Setting;

const PATH: &str = "/api/leveret/queues/%2F/q/messages";

async fn with_messages(number: usize) -> Setting {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q", r#"{"durable":true}"#)
        .await;
    for i in 0..number {
        let body = json!({
            "routing_key": "q", "payload": format!("body {i}"), "payload_encoding": "string",
            "properties": {"delivery_mode": 2, "headers": {"Tenant": format!("t{}", i % 3)}},
        });
        let path = "/api/exchanges/%2F/amq.default/publish";
        setting.post(path, &body.to_string()).await;
    }
    setting
}

fn payloads(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|one| one["payload"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_nothing_is_taken() {
    let setting = with_messages(5).await;
    let first = setting.read(&format!("{PATH}?count=3")).await;
    assert_eq!(payloads(&first), ["body 0", "body 1", "body 2"]);
    let next = first["next"].as_str().unwrap();
    let second = setting.read(&format!("{PATH}?count=3&from={next}")).await;
    assert_eq!(payloads(&second), ["body 3", "body 4"]);
    assert_eq!(second["next"], Value::Null);
    let again = setting.read(&format!("{PATH}?count=3")).await;
    assert_eq!(again, first, "looking changes nothing");
    assert_eq!(again["messages"][0]["redelivered"], false);
    assert_eq!(setting.read("/api/queues/%2F/q").await["messages_ready"], 5);
}

#[tokio::test]
async fn keys_properties_and_bodies_are_searched() {
    let setting = with_messages(7).await;
    for (search, expected) in [
        ("BODY%205", &["body 5"][..]),
        (
            "tenant",
            &[
                "body 0", "body 1", "body 2", "body 3", "body 4", "body 5", "body 6",
            ],
        ),
        ("T1", &["body 1", "body 4"]),
        ("nothing", &[]),
    ] {
        let answer = setting.read(&format!("{PATH}?search={search}")).await;
        assert_eq!(payloads(&answer), expected, "{search}");
        assert_eq!(answer["looked_at"], 7, "{search}");
    }
}

#[tokio::test]
async fn long_payloads_are_cut_where_it_is_wanted() {
    let setting = with_messages(1).await;
    let answer = setting.read(&format!("{PATH}?truncate=4")).await;
    assert_eq!(answer["messages"][0]["payload"], "body");
    assert_eq!(answer["messages"][0]["payload_bytes"], 6);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_refused() {
    let setting = with_messages(0).await;
    assert_eq!(setting.read(PATH).await["messages"], json!([]));
    for (path, status) in [
        (format!("{PATH}?from=x"), StatusCode::BAD_REQUEST),
        (format!("{PATH}?count=-1"), StatusCode::BAD_REQUEST),
        (format!("{PATH}?encoding=x"), StatusCode::BAD_REQUEST),
        (
            "/api/leveret/queues/%2F/none/messages".to_owned(),
            StatusCode::NOT_FOUND,
        ),
    ] {
        assert_eq!(setting.get(&path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn only_who_may_read_a_queue_looks_into_it() {
    let setting = with_messages(1).await;
    setting
        .put(
            "/api/users/eve",
            r#"{"password":"eve","tags":"management"}"#,
        )
        .await;
    for (read, looks) in [
        ("^other$", StatusCode::UNAUTHORIZED),
        ("^q$", StatusCode::OK),
    ] {
        let permission = json!({"configure": "", "write": "", "read": read}).to_string();
        setting.put("/api/permissions/%2F/eve", &permission).await;
        let request = |method: &str, path: &str, body: &str| {
            Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", "Basic ZXZlOmV2ZQ==")
                .body(Body::from(body.to_owned()))
                .unwrap()
        };
        let reply = setting.send(request("GET", PATH, "")).await;
        assert_eq!(reply.status, looks, "{read}");
        // Whoever may not publish moves nothing.
        let path = "/api/leveret/queues/%2F/q/move";
        let body = r#"{"count":1,"exchange":"amq.fanout"}"#;
        let reply = setting.send(request("POST", path, body)).await;
        assert_eq!(reply.status, looks, "{read}");
        let path = "/api/leveret/route?vhost=/&exchange=amq.fanout";
        let told = setting.send(request("GET", path, "")).await.json();
        let refusal = told["permission"].as_str().unwrap();
        assert!(
            refusal.contains("write access to exchange 'amq.fanout'"),
            "{refusal}"
        );
    }
    assert_eq!(setting.read("/api/queues/%2F/q").await["messages_ready"], 1);
}
