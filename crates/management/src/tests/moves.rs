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

/// The ids of what is in a queue, by payload.
async fn ids(setting: &Setting, queue: &str, wanted: &[&str]) -> Vec<Value> {
    let path = format!("/api/leveret/queues/%2F/{queue}/messages");
    let answer = setting.read(&path).await;
    let messages = answer["messages"].as_array().unwrap();
    let is_one = |one: &&Value| wanted.contains(&one["payload"].as_str().unwrap());
    let found = messages.iter().filter(is_one);
    found.map(|one| one["id"].clone()).collect()
}

#[tokio::test]
async fn given_messages_move_and_those_that_find_no_place_are_not_redelivered() {
    let setting = with_messages(&["a", "b", "c", "d"]).await;
    let mut wanted = ids(&setting, "from", &["b", "d"]).await;
    wanted.push(json!("999"));
    let nowhere = json!({"exchange": "amq.direct", "ids": wanted});
    let answer = move_them(&setting, &nowhere).await;
    assert_eq!(answer, json!({"moved": 0, "unroutable": 2}));
    let path = "/api/leveret/queues/%2F/from/messages";
    let browsed = setting.read(path).await;
    let redelivered = |one: &Value| one["redelivered"] == true;
    assert!(
        !browsed["messages"]
            .as_array()
            .unwrap()
            .iter()
            .any(redelivered)
    );
    let answer = move_them(&setting, &json!({"queue": "to", "ids": wanted})).await;
    assert_eq!(answer, json!({"moved": 2, "unroutable": 0}));
    assert_eq!(payloads(&take(&setting, "to").await), ["b", "d"]);
    assert_eq!(payloads(&take(&setting, "from").await), ["a", "c"]);
}

#[tokio::test]
async fn copies_leave_the_originals_where_they_are() {
    let setting = with_messages(&["a", "b", "c"]).await;
    let wanted = ids(&setting, "from", &["b"]).await;
    let given = json!({"queue": "to", "ids": wanted, "copy": true});
    let answer = move_them(&setting, &given).await;
    assert_eq!(answer, json!({"moved": 1, "unroutable": 0, "next": null}));
    let first = json!({"queue": "to", "count": 2, "copy": true});
    let answer = move_them(&setting, &first).await;
    assert_eq!(
        (&answer["moved"], &answer["unroutable"]),
        (&json!(2), &json!(0))
    );
    let rest = json!({"queue": "to", "count": 9, "copy": true, "from": answer["next"]});
    assert_eq!(move_them(&setting, &rest).await["moved"], 1);
    assert_eq!(payloads(&take(&setting, "to").await), ["b", "a", "b", "c"]);
    assert_eq!(payloads(&take(&setting, "from").await), ["a", "b", "c"]);
}

#[tokio::test]
async fn given_messages_are_deleted_wherever_they_are() {
    let setting = with_messages(&["a", "b", "c", "d"]).await;
    let mut wanted = ids(&setting, "from", &["b", "c"]).await;
    wanted.push(wanted[0].clone());
    wanted.push(json!("18446744073709551615"));
    let path = "/api/leveret/queues/%2F/from/messages/delete";
    let body = json!({ "ids": wanted }).to_string();
    let reply = setting.post(path, &body).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json(), json!({"deleted": 2}));
    let again = setting.post(path, &body).await;
    assert_eq!(again.json(), json!({"deleted": 0}), "they are gone");
    assert_eq!(payloads(&take(&setting, "from").await), ["a", "d"]);
    let many: Vec<String> = (0..1001).map(|id| id.to_string()).collect();
    for wrong in [
        json!({}),
        json!({"ids": ["a"]}),
        json!({"ids": 5}),
        json!({"ids": many}),
    ] {
        let reply = setting.post(path, &wrong.to_string()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let none = setting
        .post("/api/leveret/queues/%2F/none/messages/delete", "{}")
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}
