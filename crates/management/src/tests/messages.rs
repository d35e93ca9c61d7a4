//! Publish, get and their effects.

use axum::http::StatusCode;
use broker::Resources;
use serde_json::{Value, json};

use super::setting::{Setting, assert_shape};

async fn with_queue() -> Setting {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q", r#"{"durable":true}"#)
        .await;
    setting
}

async fn publish(setting: &Setting, message: &Value) -> Value {
    let reply = setting
        .post(
            "/api/exchanges/%2F/amq.default/publish",
            &message.to_string(),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    reply.json()
}

fn text(payload: &str) -> Value {
    json!({
        "routing_key": "q", "properties": {}, "payload": payload, "payload_encoding": "string",
    })
}

async fn get(setting: &Setting, count: u32, ackmode: &str) -> Vec<Value> {
    let body = json!({"count": count, "ackmode": ackmode, "encoding": "auto"}).to_string();
    let reply = setting.post("/api/queues/%2F/q/get", &body).await;
    assert_eq!(reply.status, StatusCode::OK);
    reply.json().as_array().unwrap().clone()
}

async fn depth(setting: &Setting) -> Value {
    setting.read("/api/queues/%2F/q").await["messages_ready"].clone()
}

#[tokio::test]
async fn during_an_alarm_nothing_is_published() {
    let setting = with_queue().await;
    let broker = &setting.context.broker;
    for (memory_used, disk_free, reason) in [
        (2, 1, "confirm_timeout: low on memory"),
        (1, 0, "confirm_timeout: low on disk"),
    ] {
        broker.observe(&Resources {
            memory_used,
            memory_limit: 1,
            disk_free,
            disk_free_limit: 1,
        });
        let path = "/api/exchanges/%2F/amq.default/publish";
        let reply = setting.post(path, &text("no").to_string()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        let expected = json!({"error": "bad_request", "reason": reason});
        assert_eq!(reply.json(), expected);
    }
    broker.observe(&Resources::default());
    publish(&setting, &text("yes")).await;
    let got = get(&setting, 5, "ack_requeue_false").await;
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!(got[0]["payload"], "yes");
}

#[tokio::test]
async fn what_is_published_can_be_fetched() {
    let setting = with_queue().await;
    let message = json!({
        "routing_key": "q", "payload": "hällo", "payload_encoding": "string",
        "properties": {"delivery_mode": 2, "headers": {"n": 1}, "content_type": "text/plain"},
    });
    assert_eq!(publish(&setting, &message).await, json!({"routed": true}));
    let got = get(&setting, 5, "ack_requeue_false").await;
    assert_eq!(
        got,
        [json!({
            "payload_bytes": 6, "redelivered": false, "exchange": "", "routing_key": "q",
            "message_count": 0, "payload": "hällo", "payload_encoding": "string",
            "properties": {
                "delivery_mode": 2, "headers": {"n": 1}, "content_type": "text/plain",
            },
        })]
    );
    assert_eq!(depth(&setting).await, 0);
}

#[tokio::test]
async fn nobody_to_route_to_is_said() {
    let setting = with_queue().await;
    let mut message = text("x");
    message["routing_key"] = "elsewhere".into();
    assert_eq!(publish(&setting, &message).await, json!({"routed": false}));
}

#[tokio::test]
async fn requeued_messages_stay_in_order_and_are_marked() {
    let setting = with_queue().await;
    for payload in ["1", "2", "3"] {
        publish(&setting, &text(payload)).await;
    }
    for mode in ["ack_requeue_true", "reject_requeue_true"] {
        assert_eq!(get(&setting, 2, mode).await.len(), 2, "{mode}");
        assert_eq!(depth(&setting).await, 3, "{mode}");
    }
    let got = get(&setting, 2, "reject_requeue_false").await;
    let seen: Vec<_> = got
        .iter()
        .map(|m| (m["payload"].clone(), m["redelivered"].clone()))
        .collect();
    assert_eq!(seen, [("1".into(), true.into()), ("2".into(), true.into())]);
    assert_eq!(depth(&setting).await, 1);
}

#[tokio::test]
async fn bytes_that_are_not_text_travel_as_base64() {
    let setting = with_queue().await;
    let mut message = text("/+8=");
    message["payload_encoding"] = "base64".into();
    publish(&setting, &message).await;
    let got = get(&setting, 1, "ack_requeue_true").await;
    assert_eq!(
        (&got[0]["payload"], &got[0]["payload_encoding"]),
        (&"/+8=".into(), &"base64".into())
    );
    let body = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"base64","truncate":1}"#;
    let got = setting.post("/api/queues/%2F/q/get", body).await.json();
    assert_eq!(
        (&got[0]["payload"], &got[0]["payload_bytes"]),
        (&"/w==".into(), &2.into())
    );
}

#[tokio::test]
async fn incomplete_requests_are_refused() {
    let setting = with_queue().await;
    let publish = "/api/exchanges/%2F/amq.default/publish";
    let get = "/api/queues/%2F/q/get";
    for (path, body) in [
        (
            publish,
            r#"{"properties":{},"payload":"","payload_encoding":"string"}"#,
        ),
        (
            publish,
            r#"{"routing_key":"q","payload":"","payload_encoding":"string"}"#,
        ),
        (
            publish,
            r#"{"routing_key":"q","properties":{},"payload_encoding":"string"}"#,
        ),
        (
            publish,
            r#"{"routing_key":"q","properties":{},"payload":1,"payload_encoding":"string"}"#,
        ),
        (
            publish,
            r#"{"routing_key":"q","properties":{},"payload":"!","payload_encoding":"base64"}"#,
        ),
        (
            publish,
            r#"{"routing_key":"q","properties":{},"payload":"","payload_encoding":"x"}"#,
        ),
        (get, r#"{"ackmode":"ack_requeue_true","encoding":"auto"}"#),
        (get, r#"{"count":1,"encoding":"auto"}"#),
        (get, r#"{"count":1,"ackmode":"ack_requeue_true"}"#),
        (
            get,
            r#"{"count":"x","ackmode":"ack_requeue_true","encoding":"auto"}"#,
        ),
        (get, r#"{"count":1,"ackmode":"nonsense","encoding":"auto"}"#),
    ] {
        let reply = setting.post(path, body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(reply.json()["error"], "bad_request", "{body}");
    }
    let reply = setting
        .post(get, r#"{"ackmode":"ack_requeue_true","encoding":"auto"}"#)
        .await;
    assert_eq!(reply.json()["reason"], json!([["key_missing", "count"]]));
    let reply = setting
        .post("/api/exchanges/%2F/none/publish", &text("x").to_string())
        .await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn traffic_shows_in_every_count() {
    let setting = with_queue().await;
    publish(&setting, &text("x")).await;
    get(&setting, 1, "ack_requeue_false").await;
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_shape(
        &queue["message_stats"],
        "publish:number publish_details/rate:number deliver_get:number get:number
         get_no_ack:number get_empty:number ack:number redeliver:number deliver:number
         deliver_no_ack:number",
    );
    assert!(queue["message_stats"].get("confirm").is_none());
    assert_eq!(queue["message_stats"]["publish"], 1);
    assert_eq!(queue["message_stats"]["get_no_ack"], 1);
    let overview = setting.read("/api/overview").await;
    assert_eq!(overview["message_stats"]["publish"], 1);
    assert_eq!(overview["message_stats"]["get_no_ack"], 1);
    let exchange = setting.read("/api/exchanges/%2F/amq.default").await;
    assert_eq!(exchange["message_stats"]["publish_in"], 1);
    assert_eq!(exchange["message_stats"]["publish_out"], 1);
}

#[tokio::test]
async fn a_queue_shows_the_timestamp_of_its_first_message() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/q", "{}").await;
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_eq!(queue["head_message_timestamp"], Value::Null);
    for timestamp in [1_700_000_000, 1_800_000_000] {
        let message = format!(
            r#"{{"routing_key":"q","properties":{{"timestamp":{timestamp}}},"payload":"x","payload_encoding":"string"}}"#
        );
        let path = "/api/exchanges/%2F/amq.default/publish";
        setting.post(path, &message).await;
    }
    for expected in [1_700_000_000, 1_800_000_000] {
        let queue = setting.read("/api/queues/%2F/q").await;
        assert_eq!(queue["head_message_timestamp"], expected);
        let get = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
        setting.post("/api/queues/%2F/q/get", get).await;
    }
}
