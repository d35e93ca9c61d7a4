//! Queues and exchanges: declare, look, delete.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::setting::{Setting, assert_shape};

#[tokio::test]
async fn a_queue_is_declared_once() {
    let setting = Setting::new();
    let body = r#"{"durable":true,"arguments":{"x-max-length":10}}"#;
    assert_eq!(
        setting.put("/api/queues/%2F/q", body).await,
        StatusCode::CREATED
    );
    assert_eq!(
        setting.put("/api/queues/%2F/q", body).await,
        StatusCode::NO_CONTENT
    );
    let other = setting
        .ask(Method::PUT, "/api/queues/%2F/q", r#"{"durable":"false"}"#)
        .await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    assert_eq!(other.json()["error"], "bad_request");
    let reason = other.json()["reason"].as_str().unwrap().to_owned();
    assert!(
        reason.starts_with("inequivalent arg 'durable' for queue 'q' in vhost '/'"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_queue_has_all_its_fields() {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q%20%2F%C3%BC", r#"{"durable":true}"#)
        .await;
    let list = setting.read("/api/queues/%2F").await;
    let basic = "name:string vhost:string type:string durable:bool auto_delete:bool
         exclusive:bool internal:bool internal_owner:bool arguments:object node:string
         state:string effective_policy_definition:object messages:number
         messages_details/rate:number messages_ready:number messages_ready_details/rate:number
         messages_unacknowledged:number messages_unacknowledged_details/rate:number
         messages_ram:number messages_ready_ram:number messages_unacknowledged_ram:number
         message_bytes:number message_bytes_ready:number message_bytes_unacknowledged:number
         message_bytes_ram:number memory:number consumers:number consumer_capacity:number
         consumer_utilisation:number storage_version:number reductions:number
         reductions_details/rate:number policy:null";
    assert_shape(&list[0], basic);
    let queue = setting.read("/api/queues/%2F/q%20%2F%C3%BC").await;
    assert_shape(&queue, basic);
    assert_shape(
        &queue,
        "consumer_details:array incoming:array deliveries:array
         garbage_collection/minor_gcs:number head_message_timestamp:null
         exclusive_consumer_tag:null single_active_consumer_tag:null operator_policy:null",
    );
    assert_eq!(queue["name"], "q /ü");
    assert!(
        queue.get("message_stats").is_none(),
        "nothing has happened yet"
    );
}

#[tokio::test]
async fn a_list_without_stats_is_metadata() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/q", "{}").await;
    let bare = setting.read("/api/queues?disable_stats=true").await;
    assert!(bare[0].get("messages").is_none() && bare[0]["name"] == "q");
    let totals = setting
        .read("/api/queues?disable_stats=true&enable_queue_totals=true")
        .await;
    assert_eq!(totals[0]["messages"], 0);
    assert!(totals[0].get("memory").is_none());
    let chosen = setting.read("/api/queues?columns=name,messages").await;
    assert_eq!(chosen, json!([{"name": "q", "messages": 0}]));
}

#[tokio::test]
async fn a_queue_is_deleted_when_the_condition_holds() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/q", "{}").await;
    let message =
        r#"{"routing_key":"q","properties":{},"payload":"x","payload_encoding":"string"}"#;
    setting
        .post("/api/exchanges/%2F/amq.default/publish", message)
        .await;
    assert_eq!(
        setting.delete("/api/queues/%2F/q?if-empty=true").await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        setting.delete("/api/queues/%2F/q/contents").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        setting
            .delete("/api/queues/%2F/q?if-empty=true&if-unused=true")
            .await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        setting.delete("/api/queues/%2F/q").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        setting.delete("/api/queues/%2F/q/contents").await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn exchanges_come_and_go() {
    let setting = Setting::new();
    let body = r#"{"type":"topic","durable":true,"arguments":{"alternate-exchange":"amq.fanout"}}"#;
    assert_eq!(
        setting.put("/api/exchanges/%2F/x", body).await,
        StatusCode::CREATED
    );
    assert_eq!(
        setting.put("/api/exchanges/%2F/x", body).await,
        StatusCode::NO_CONTENT
    );
    let exchange = setting.read("/api/exchanges/%2F/x").await;
    assert_shape(
        &exchange,
        "name:string vhost:string type:string durable:bool auto_delete:bool internal:bool
         arguments:object user_who_performed_action:string incoming:array outgoing:array",
    );
    assert_eq!(exchange["type"], "topic");
    assert_eq!(exchange["arguments"]["alternate-exchange"], "amq.fanout");
    assert_eq!(
        setting.delete("/api/exchanges/%2F/x").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        setting.delete("/api/exchanges/%2F/x").await,
        StatusCode::NOT_FOUND
    );
    for (path, body, expected) in [
        (
            "/api/exchanges/%2F/y",
            r#"{"type":"nonsense"}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/api/exchanges/%2F/amq.mine",
            "{}",
            StatusCode::UNAUTHORIZED,
        ),
        ("/api/queues/%2F/amq.mine", "{}", StatusCode::UNAUTHORIZED),
        ("/api/exchanges/none/y", "{}", StatusCode::NOT_FOUND),
        (
            "/api/queues/%2F/q",
            r#"{"node":"elsewhere"}"#,
            StatusCode::BAD_REQUEST,
        ),
    ] {
        assert_eq!(setting.put(path, body).await, expected, "{path}");
    }
    let default = setting.read("/api/exchanges/%2F/amq.default").await;
    assert_eq!(default["name"], "");
    assert_eq!(
        setting.delete("/api/exchanges/%2F/amq.topic").await,
        StatusCode::UNAUTHORIZED
    );
}
