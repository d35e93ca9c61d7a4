//! Why a message goes where it goes.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::setting::Setting;

async fn with_topology() -> Setting {
    let setting = Setting::new();
    for queue in ["new", "all", "mail", "lost"] {
        let path = format!("/api/queues/%2F/{queue}");
        setting.put(&path, r#"{"durable":true}"#).await;
    }
    for (exchange, kind, arguments) in [
        ("orders", "topic", json!({"alternate-exchange": "unrouted"})),
        ("events", "fanout", json!({})),
        ("matching", "headers", json!({})),
        ("unrouted", "fanout", json!({})),
        ("alone", "direct", json!({"alternate-exchange": "nowhere"})),
    ] {
        let body = json!({"type": kind, "durable": true, "arguments": arguments}).to_string();
        let path = format!("/api/exchanges/%2F/{exchange}");
        setting.put(&path, &body).await;
    }
    for (path, key, arguments) in [
        ("orders/q/new", "order.new.*", json!({})),
        ("orders/e/events", "order.#", json!({})),
        ("events/q/all", "", json!({})),
        ("events/e/orders", "", json!({})),
        ("unrouted/q/lost", "", json!({})),
        (
            "matching/q/mail",
            "",
            json!({"x-match": "all", "kind": "mail", "to": "me"}),
        ),
    ] {
        let body = json!({"routing_key": key, "arguments": arguments}).to_string();
        let path = format!("/api/bindings/%2F/e/{path}");
        assert_eq!(setting.post(&path, &body).await.status, StatusCode::CREATED);
    }
    setting
}

async fn explain(setting: &Setting, exchange: &str, key: &str, headers: &str) -> Value {
    let path =
        format!("/api/leveret/route?vhost=/&exchange={exchange}&key={key}&headers={headers}");
    setting.read(&path).await
}

/// The reasons of a step's bindings by destination.
fn reasons(step: &Value) -> Vec<(&str, bool, &str)> {
    let bindings = step["bindings"].as_array().unwrap();
    bindings
        .iter()
        .map(|one| {
            (
                one["destination"].as_str().unwrap(),
                one["matches"].as_bool().unwrap(),
                one["reason"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn the_way_through_exchanges_is_told_with_reasons() {
    let setting = with_topology().await;
    let told = explain(&setting, "orders", "order.paid", "").await;
    assert_eq!(told["queues"], json!(["all"]));
    let steps = told["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "a circle ends: {steps:?}");
    assert_eq!(
        reasons(&steps[0]),
        [
            (
                "events",
                true,
                "the pattern \"order.#\" matches \"order.paid\""
            ),
            (
                "new",
                false,
                "the pattern \"order.new.*\" does not match \"order.paid\""
            ),
        ]
    );
    assert_eq!(steps[1]["why"], "bound from orders");
}

#[tokio::test]
async fn what_nothing_matches_goes_to_the_alternate() {
    let setting = with_topology().await;
    let told = explain(&setting, "orders", "invoice", "").await;
    assert_eq!(told["queues"], json!(["lost"]));
    assert_eq!(
        told["steps"][0]["note"],
        "Nothing matches, so it goes on to the alternate unrouted."
    );
    let told = explain(&setting, "alone", "x", "").await;
    assert_eq!(told["queues"], json!([]));
    assert_eq!(
        told["steps"][0]["note"],
        "Nothing matches, and the alternate nowhere does not exist."
    );
}

#[tokio::test]
async fn headers_are_compared_one_by_one() {
    let setting = with_topology().await;
    let one = "%7B%22kind%22:%22mail%22,%22to%22:%22you%22%7D";
    let told = explain(&setting, "matching", "", one).await;
    assert_eq!(
        reasons(&told["steps"][0]),
        [(
            "mail",
            false,
            "not all of its headers match: to is different"
        )]
    );
    let both = "%7B%22kind%22:%22mail%22,%22to%22:%22me%22%7D";
    let told = explain(&setting, "matching", "", both).await;
    assert_eq!(told["queues"], json!(["mail"]));
}

#[tokio::test]
async fn the_default_exchange_knows_queues_by_name() {
    let setting = with_topology().await;
    let told = explain(&setting, "amq.default", "new", "").await;
    assert_eq!(told["queues"], json!(["new"]));
    let told = explain(&setting, "amq.default", "none", "").await;
    assert_eq!(
        told["steps"][0]["note"],
        "There is no queue named \"none\"."
    );
}

#[tokio::test]
async fn nothing_is_published_and_nonsense_is_refused() {
    let setting = with_topology().await;
    explain(&setting, "events", "", "").await;
    let queue = setting.read("/api/queues/%2F/all").await;
    assert_eq!(queue["messages"], 0);
    for (query, status) in [
        ("vhost=/&exchange=none&key=", StatusCode::NOT_FOUND),
        ("vhost=none&exchange=events", StatusCode::NOT_FOUND),
        (
            "vhost=/&exchange=events&headers=[]",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let reply = setting.get(&format!("/api/leveret/route?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
    }
}
