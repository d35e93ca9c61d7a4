//! Bindings by their properties key.

use axum::http::StatusCode;
use serde_json::json;

use super::setting::Setting;

async fn with_queue() -> Setting {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q", r#"{"durable":true}"#)
        .await;
    setting
        .put("/api/exchanges/%2F/x", r#"{"durable":true}"#)
        .await;
    setting
}

#[tokio::test]
async fn a_binding_is_found_where_its_location_says() {
    let setting = with_queue().await;
    for (body, key, location) in [
        (r#"{"routing_key":"a.b"}"#, "a.b", "q/a.b"),
        (
            r#"{"routing_key":"a b/#"}"#,
            "a+b%2F%23",
            "q/a%2Bb%252F%2523",
        ),
        ("{}", "~", "q/~"),
    ] {
        let reply = setting.post("/api/bindings/%2F/e/x/q/q", body).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        assert_eq!(reply.header("location"), location);
        let path = format!("/api/bindings/%2F/e/x/q/{location}");
        let binding = setting.read(&path).await;
        assert_eq!(binding["properties_key"], key);
        assert_eq!(binding["destination_type"], "queue");
        assert_eq!(setting.delete(&path).await, StatusCode::NO_CONTENT);
        assert_eq!(setting.delete(&path).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn bindings_with_arguments_are_told_apart() {
    let setting = with_queue().await;
    for value in [1, 2] {
        let body = json!({"routing_key": "k", "arguments": {"h": value}}).to_string();
        setting
            .post("/api/bindings/%2F/e/amq.headers/q/q", &body)
            .await;
    }
    let list = setting.read("/api/bindings/%2F/e/amq.headers/q/q").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    let key = list[0]["properties_key"]
        .as_str()
        .unwrap()
        .replace('%', "%25");
    let path = format!("/api/bindings/%2F/e/amq.headers/q/q/{key}");
    assert_eq!(setting.delete(&path).await, StatusCode::NO_CONTENT);
    let left = setting.read("/api/bindings/%2F/e/amq.headers/q/q").await;
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["arguments"], list[1]["arguments"]);
}

#[tokio::test]
async fn every_view_of_the_bindings_agrees() {
    let setting = with_queue().await;
    setting
        .post("/api/bindings/%2F/e/x/q/q", r#"{"routing_key":"k"}"#)
        .await;
    setting
        .post(
            "/api/bindings/%2F/e/x/e/amq.topic",
            r#"{"routing_key":"t"}"#,
        )
        .await;
    let count = async |path: &str| setting.read(path).await.as_array().unwrap().len();
    assert_eq!(count("/api/bindings").await, 3, "with the implicit one");
    assert_eq!(count("/api/bindings/%2F").await, 3);
    assert_eq!(count("/api/queues/%2F/q/bindings").await, 2);
    assert_eq!(count("/api/exchanges/%2F/x/bindings/source").await, 2);
    assert_eq!(
        count("/api/exchanges/%2F/amq.topic/bindings/destination").await,
        1
    );
    assert_eq!(count("/api/bindings/%2F/e/x/e/amq.topic").await, 1);
    assert_eq!(count("/api/bindings/%2F/e/amq.default/q/q").await, 1);
}

#[tokio::test]
async fn ends_have_to_exist() {
    let setting = with_queue().await;
    for path in [
        "/api/bindings/%2F/e/none/q/q",
        "/api/bindings/%2F/e/x/q/none",
    ] {
        assert_eq!(
            setting.post(path, "{}").await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(setting.read(path).await, json!([]), "{path}");
    }
    let reply = setting
        .post("/api/bindings/%2F/e/amq.default/q/q", "{}")
        .await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        reply.json(),
        json!({"error": "not_authorised", "reason": "Access refused."})
    );
}

#[tokio::test]
async fn bindings_are_searched_by_both_ends_without_those_that_every_queue_has() {
    let setting = with_queue().await;
    for key in ["red.one", "red.two", "blue"] {
        let body = json!({ "routing_key": key }).to_string();
        setting.post("/api/bindings/%2F/e/x/q/q", &body).await;
    }
    let path = "/api/bindings/%2F?page=1&page_size=1&search_in=source,destination,routing_key&explicit=true&sort=routing_key";
    let page = setting.read(path).await;
    assert_eq!(
        (&page["total_count"], &page["page_count"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(page["items"][0]["routing_key"], "blue");
    let page = setting
        .read(&format!("{path}&name=^red&use_regex=true"))
        .await;
    assert_eq!(page["filtered_count"], 2);
    assert_eq!(
        setting
            .read("/api/bindings/%2F?page=1")
            .await
            .as_array()
            .unwrap()
            .len(),
        4
    );
}
