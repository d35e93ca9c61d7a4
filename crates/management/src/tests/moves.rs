//! Moving messages from queue to queue.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::setting::Setting;

async fn with_messages(payloads: &[&str]) -> Setting {
    let setting = Setting::new();
    for queue in ["from", "to"] {
        let path = format!("/api/queues/%2F/{queue}");
        setting.put(&path, r#"{"durable":true}"#).await;
    }
    for payload in payloads {
        publish(&setting, payload, json!({"message_id": payload})).await;
    }
    setting
}

async fn publish(setting: &Setting, payload: &str, properties: Value) {
    let body = json!({
        "routing_key": "from", "properties": properties, "payload": payload,
        "payload_encoding": "string",
    });
    let path = "/api/exchanges/%2F/amq.default/publish";
    let reply = setting.post(path, &body.to_string()).await;
    assert_eq!(reply.status, StatusCode::OK);
}

async fn move_them(setting: &Setting, body: &Value) -> Value {
    let path = "/api/leveret/queues/%2F/from/move";
    let reply = setting.post(path, &body.to_string()).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
    reply.json()
}

/// Payloads and properties of what is in a queue, taken out.
async fn take(setting: &Setting, queue: &str) -> Vec<(String, Value)> {
    let body = r#"{"count":100,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
    let path = format!("/api/queues/%2F/{queue}/get");
    let reply = setting.post(&path, body).await.json();
    let messages = reply.as_array().unwrap();
    messages
        .iter()
        .map(|one| {
            (
                one["payload"].as_str().unwrap().to_owned(),
                one["properties"].clone(),
            )
        })
        .collect()
}

fn payloads(messages: &[(String, Value)]) -> Vec<&str> {
    messages.iter().map(|(payload, _)| &**payload).collect()
}

#[tokio::test]
async fn the_first_messages_move_in_order_with_their_properties() {
    let setting = with_messages(&["a", "b", "c"]).await;
    let answer = move_them(&setting, &json!({"queue": "to", "count": 2})).await;
    assert_eq!(answer, json!({"moved": 2, "unroutable": 0}));
    let moved = take(&setting, "to").await;
    assert_eq!(payloads(&moved), ["a", "b"]);
    assert_eq!(moved[0].1["message_id"], "a");
    assert_eq!(payloads(&take(&setting, "from").await), ["c"]);
}

#[tokio::test]
async fn what_no_queue_takes_stays_in_its_place() {
    let setting = with_messages(&["a", "b"]).await;
    let answer = move_them(&setting, &json!({"exchange": "amq.direct", "count": 9})).await;
    assert_eq!(answer, json!({"moved": 0, "unroutable": 2}));
    assert_eq!(payloads(&take(&setting, "from").await), ["a", "b"]);
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_died() {
    let setting = with_messages(&["never died"]).await;
    let deaths = json!([{"queue": "to", "reason": "rejected"}, {"queue": "other"}]);
    publish(&setting, "dead", json!({"headers": {"x-death": deaths}})).await;
    let answer = move_them(&setting, &json!({"origin": true, "count": 9})).await;
    assert_eq!(answer, json!({"moved": 1, "unroutable": 1}));
    assert_eq!(payloads(&take(&setting, "to").await), ["dead"]);
    assert_eq!(payloads(&take(&setting, "from").await), ["never died"]);
}

#[tokio::test]
async fn nothing_moves_to_where_it_cannot_go() {
    let setting = with_messages(&["a"]).await;
    for (body, status) in [
        (json!({"count": 1, "queue": "none"}), StatusCode::NOT_FOUND),
        (
            json!({"count": 1, "exchange": "none"}),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({"count": 1, "queue": "from"}),
            StatusCode::BAD_REQUEST,
        ),
        (json!({"count": 1}), StatusCode::BAD_REQUEST),
        (json!({"queue": "to"}), StatusCode::BAD_REQUEST),
    ] {
        let path = "/api/leveret/queues/%2F/from/move";
        let reply = setting.post(path, &body.to_string()).await;
        assert_eq!(reply.status, status, "{body}");
    }
    assert_eq!(payloads(&take(&setting, "from").await), ["a"]);
}
