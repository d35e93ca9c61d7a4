//! What Prometheus scrapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::setting::Setting;
use crate::metrics::routes;

/// The lines of a page by name and labels, and the type of each name.
struct Scraped {
    values: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

async fn scrape(setting: &Setting, path: &str) -> Scraped {
    let app = routes(Arc::clone(&setting.context));
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut scraped = Scraped {
        values: BTreeMap::new(),
        types: BTreeMap::new(),
    };
    for line in String::from_utf8(body.to_vec()).unwrap().lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            let before = scraped.types.insert(name.to_owned(), kind.to_owned());
            assert_eq!(before, None, "{name} is there twice");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            scraped
                .values
                .insert(name.to_owned(), value.parse().unwrap());
        }
    }
    scraped
}

async fn two_queues() -> Setting {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/one", "{}").await;
    setting.put("/api/queues/%2F/two", "{}").await;
    for queue in ["one", "one", "two", "none"] {
        let message = format!(
            r#"{{"routing_key":"{queue}","properties":{{}},"payload":"xyz","payload_encoding":"string"}}"#
        );
        let path = "/api/exchanges/%2F/amq.default/publish";
        setting.post(path, &message).await;
    }
    setting
}

#[tokio::test]
async fn sizes_of_messages_are_a_histogram() {
    let setting = two_queues().await;
    let page = scrape(&setting, "/metrics").await;
    assert_eq!(page.types["rabbitmq_message_size_bytes"], "histogram");
    for (le, expected) in [
        ("100", 4.0),
        ("1000", 4.0),
        ("100000000", 4.0),
        ("+Inf", 4.0),
    ] {
        let line = format!(r#"rabbitmq_message_size_bytes_bucket{{protocol="amqp091",le="{le}"}}"#);
        assert_eq!(page.values.get(&line), Some(&expected), "{line}");
    }
    let labels = r#"{protocol="amqp091"}"#;
    assert_eq!(
        page.values[&format!("rabbitmq_message_size_bytes_sum{labels}")],
        12.0
    );
    assert_eq!(
        page.values[&format!("rabbitmq_message_size_bytes_count{labels}")],
        4.0
    );
}

#[tokio::test]
async fn the_overview_dashboard_finds_its_metrics() {
    let setting = two_queues().await;
    let scraped = scrape(&setting, "/metrics").await;
    for name in [
        "rabbitmq_queue_messages_ready",
        "rabbitmq_queue_messages_unacked",
        "rabbitmq_connections",
        "rabbitmq_channels",
        "rabbitmq_queues",
        "rabbitmq_consumers",
        "rabbitmq_process_resident_memory_bytes",
        "rabbitmq_resident_memory_limit_bytes",
        "rabbitmq_disk_space_available_bytes",
        "rabbitmq_disk_space_available_limit_bytes",
        "rabbitmq_process_open_fds",
        "rabbitmq_process_max_fds",
        "rabbitmq_erlang_uptime_seconds",
        "rabbitmq_alarms_memory_used_watermark",
        "rabbitmq_alarms_free_disk_space_watermark",
        "rabbitmq_alarms_file_descriptor_limit",
        "rabbitmq_connections_opened_total",
        "rabbitmq_connections_closed_total",
        "rabbitmq_channels_opened_total",
        "rabbitmq_channels_closed_total",
        "rabbitmq_queues_declared_total",
        "rabbitmq_queues_created_total",
        "rabbitmq_queues_deleted_total",
    ] {
        assert!(scraped.values.contains_key(name), "{name}");
    }
    for name in [
        "messages_received_total",
        "messages_received_confirm_total",
        "messages_confirmed_total",
        "messages_routed_total",
        "messages_unroutable_dropped_total",
        "messages_unroutable_returned_total",
        "messages_delivered_total",
        "messages_delivered_consume_manual_ack_total",
        "messages_delivered_consume_auto_ack_total",
        "messages_delivered_get_manual_ack_total",
        "messages_delivered_get_auto_ack_total",
        "messages_redelivered_total",
        "messages_acknowledged_total",
        "messages_get_empty_total",
    ] {
        let name = format!("rabbitmq_global_{name}");
        assert_eq!(scraped.types[&name], "counter");
    }
    for name in ["rabbitmq_identity_info{", "rabbitmq_build_info{"] {
        assert!(scraped.values.keys().any(|key| key.starts_with(name)));
    }
    assert_eq!(scraped.values["rabbitmq_queue_messages_ready"], 3.0);
    assert_eq!(scraped.values["rabbitmq_queues"], 2.0);
    assert_eq!(scraped.types["rabbitmq_queue_messages_ready"], "gauge");
}

#[tokio::test]
async fn each_queue_has_its_own_line_on_request() {
    let setting = two_queues().await;
    let scraped = scrape(&setting, "/metrics/per-object").await;
    let ready = |queue| {
        let one = format!(r#"rabbitmq_queue_messages_ready{{queue="{queue}",vhost="/"}}"#);
        let other = format!(r#"rabbitmq_queue_messages_ready{{vhost="/",queue="{queue}"}}"#);
        let either = [one, other].into_iter();
        either
            .filter_map(|name| scraped.values.get(&name).copied())
            .next()
    };
    assert_eq!((ready("one"), ready("two")), (Some(2.0), Some(1.0)));
}

#[tokio::test]
async fn detailed_shows_the_families_and_virtual_hosts_asked_for() {
    let setting = two_queues().await;
    let path = "/metrics/detailed?family=queue_coarse_metrics&family=vhost_status&vhost=%2F";
    let scraped = scrape(&setting, path).await;
    let names: Vec<_> = scraped.types.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "rabbitmq_cluster_vhost_status",
            "rabbitmq_detailed_queue_messages",
            "rabbitmq_detailed_queue_messages_ready",
            "rabbitmq_detailed_queue_messages_unacked",
        ]
    );
    assert_eq!(scraped.values.len(), 7);
    let elsewhere = "/metrics/detailed?family=queue_coarse_metrics&vhost=other";
    assert!(scrape(&setting, elsewhere).await.values.is_empty());
    assert!(
        scrape(&setting, "/metrics/detailed")
            .await
            .values
            .is_empty()
    );
}

#[tokio::test]
async fn names_with_quotes_stay_within_their_label() {
    let setting = Setting::new();
    setting.put("/api/queues/%2F/a%22b%5Cc%0Ad", "{}").await;
    let scraped = scrape(&setting, "/metrics/per-object").await;
    let escaped = r#"queue="a\"b\\c\nd""#;
    assert!(scraped.values.keys().any(|key| key.contains(escaped)));
}
