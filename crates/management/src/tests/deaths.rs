//! Dead letters, grouped.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::setting::Setting;

const PATH: &str = "/api/leveret/queues/%2F/dead/dead-letters";

async fn publish(setting: &Setting, queue: &str, payload: &str, more: Value) {
    let mut properties = json!({"delivery_mode": 2});
    let more = more.as_object().cloned().unwrap_or_default();
    properties.as_object_mut().unwrap().extend(more);
    let body = json!({
        "routing_key": queue, "properties": properties, "payload": payload,
        "payload_encoding": "string",
    });
    let path = "/api/exchanges/%2F/amq.default/publish";
    let reply = setting.post(path, &body.to_string()).await;
    assert_eq!(reply.json()["routed"], true);
}

/// Two queues whose dead letters go to a third, which has `rejected` of each and one message
/// that never died.
async fn with_dead_letters(rejected: usize) -> Setting {
    let setting = Setting::new();
    for name in ["a", "b", "dead"] {
        let arguments = json!({
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-max-length": 0,
        });
        let arguments = if name == "dead" { json!({}) } else { arguments };
        let body = json!({"durable": true, "arguments": arguments});
        let path = format!("/api/queues/%2F/{name}");
        setting.put(&path, &body.to_string()).await;
    }
    for _ in 0..rejected {
        publish(&setting, "a", "of a", json!({})).await;
        publish(&setting, "b", "of b", json!({})).await;
    }
    publish(&setting, "dead", "alive", json!({})).await;
    setting
}

#[tokio::test]
async fn dead_letters_are_grouped_by_reason_queue_and_exchange() {
    let setting = with_dead_letters(2).await;
    let answer = setting.read(PATH).await;
    assert_eq!(
        (&answer["looked_at"], &answer["others"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(answer["next"], Value::Null);
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    for (group, queue) in groups.iter().zip(["a", "b"]) {
        assert_eq!(group["reason"], "maxlen");
        assert_eq!(group["queue"], queue);
        assert_eq!(group["exchange"], "");
        assert_eq!(group["routing_keys"], json!([queue]));
        assert_eq!(group["count"], 2);
        assert_eq!(group["ids"].as_array().unwrap().len(), 2);
        let (oldest, newest) = (group["oldest"].as_u64(), group["newest"].as_u64());
        assert!(oldest.unwrap() > 1_600_000_000_000 && oldest <= newest);
    }
    // They are messages as browsing tells them, to be moved by their ids.
    let body = json!({"ids": groups[0]["ids"], "queue": "dead", "copy": true}).to_string();
    let path = "/api/leveret/queues/%2F/dead/move";
    assert_eq!(setting.post(path, &body).await.json()["moved"], 2);
}

#[tokio::test]
async fn a_long_queue_is_looked_at_in_parts() {
    let setting = with_dead_letters(3).await;
    let (mut path, mut looked_at, mut others, mut counted) =
        (format!("{PATH}?count=2"), vec![], 0, 0);
    loop {
        let page = setting.read(&path).await;
        looked_at.push(page["looked_at"].as_u64().unwrap());
        others += page["others"].as_u64().unwrap();
        for group in page["groups"].as_array().unwrap() {
            counted += group["count"].as_u64().unwrap();
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{PATH}?count=2&from={next}");
    }
    assert_eq!(looked_at, [2, 2, 2, 1]);
    assert_eq!((counted, others), (6, 1));
}

#[tokio::test]
async fn deaths_that_a_client_made_up_do_no_harm() {
    let setting = with_dead_letters(0).await;
    let deaths = [
        json!("no list"),
        json!([]),
        json!(["no table"]),
        json!([{}]),
        json!([{"queue": 5, "reason": {}, "time": "now", "routing-keys": [1, "k"]}]),
    ];
    for deaths in deaths {
        let headers = json!({"headers": {"x-death": deaths}});
        publish(&setting, "dead", "odd", headers).await;
    }
    let answer = setting.read(PATH).await;
    assert_eq!(
        (&answer["looked_at"], &answer["others"]),
        (&json!(6), &json!(4))
    );
    let group = &answer["groups"][0];
    assert_eq!(
        (&group["queue"], &group["oldest"]),
        (&json!(""), &Value::Null)
    );
    for (path, status) in [
        (format!("{PATH}?from=x"), StatusCode::BAD_REQUEST),
        (PATH.replace("dead/", "none/"), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(setting.get(&path).await.status, status, "{path}");
    }
}
