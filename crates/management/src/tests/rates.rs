//! What the sampler saw, as the API shows it.

use serde_json::json;

use super::setting::Setting;

async fn publish(setting: &Setting, count: u32) {
    let message =
        r#"{"routing_key":"q","properties":{},"payload":"x","payload_encoding":"string"}"#;
    for _ in 0..count {
        setting
            .post("/api/exchanges/%2F/amq.default/publish", message)
            .await;
    }
}

#[tokio::test]
async fn a_rate_is_the_change_over_the_last_seconds() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/q", "{}").await;
    setting.sample_at(0);
    for second in 1..=6 {
        publish(&setting, 10).await;
        setting.sample_at(second);
    }
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_eq!(queue["message_stats"]["publish_details"]["rate"], 10.0);
    assert_eq!(queue["messages_details"]["rate"], 10.0);
    let overview = setting.read("/api/overview").await;
    assert_eq!(overview["message_stats"]["publish_details"]["rate"], 10.0);
    assert_eq!(
        overview["queue_totals"]["messages_ready_details"]["rate"],
        10.0
    );
    let exchange = setting.read("/api/exchanges/%2F/amq.default").await;
    assert_eq!(
        exchange["message_stats"]["publish_in_details"]["rate"],
        10.0
    );
    let vhost = setting.read("/api/vhosts/%2F").await;
    assert_eq!(vhost["message_stats"]["publish_details"]["rate"], 10.0);
    for second in 7..=20 {
        setting.sample_at(second);
    }
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_eq!(queue["message_stats"]["publish_details"]["rate"], 0.0);
    assert_eq!(queue["idle_since"], "2023-11-14T22:13:26.000+00:00");
}

#[tokio::test]
async fn lists_sort_by_rate() {
    let setting = Setting::new();
    for queue in ["a", "q", "z"] {
        setting.put(&format!("/api/queues/%2F/{queue}"), "{}").await;
    }
    setting.sample_at(0);
    publish(&setting, 1).await;
    setting.sample_at(1);
    let path =
        "/api/queues?sort=message_stats.publish_details.rate&sort_reverse=true&columns=name&page=1";
    assert_eq!(setting.read(path).await["items"][0], json!({"name": "q"}));
}

#[tokio::test]
async fn deleted_queues_leave_nothing_behind() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/q", "{}").await;
    publish(&setting, 1).await;
    setting.sample_at(0);
    let id = setting
        .context
        .broker
        .vhost("/")
        .unwrap()
        .queue("q")
        .unwrap()
        .id();
    assert!(setting.context.rates.read().queues.get(&id).is_some());
    setting.delete("/api/queues/%2F/q").await;
    setting.sample_at(1);
    assert!(setting.context.rates.read().queues.get(&id).is_none());
}
