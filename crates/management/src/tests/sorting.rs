//! Sorted lists of queues: the quick way says what the long one does.

use std::sync::Arc;

use broker::Queue;
use serde_json::Value;

use super::setting::Setting;
use crate::page::field;
use crate::query::Windows;
use crate::views::queue::{Detail, SortField, show};

const FIELDS: &[&str] = &[
    "vhost",
    "type",
    "durable",
    "auto_delete",
    "exclusive",
    "policy",
    "consumers",
    "memory",
    "message_bytes",
    "message_bytes_ready",
    "message_bytes_unacknowledged",
    "messages",
    "messages_ready",
    "messages_unacknowledged",
    "messages_details.rate",
    "messages_ready_details.rate",
    "messages_unacknowledged_details.rate",
    "message_stats.publish",
    "message_stats.publish_details.rate",
    "message_stats.deliver_get",
    "message_stats.deliver_get_details.rate",
    "message_stats.get_no_ack",
    "message_stats.ack_details.rate",
];

/// Paths that name nothing of the kind, and have to be looked for in the JSON.
const OTHERS: &[&str] = &[
    "idle_since",
    "message_stats",
    "message_stats.confirm",
    "message_stats.confirm_details.rate",
    "messages_details",
    "publish",
    "arguments.x-max-length",
    "",
];

async fn busy() -> Setting {
    let setting = Setting::new();
    setting.put("/api/vhosts/other", "{}").await;
    for (path, body) in [
        ("%2F/empty", "{}"),
        ("%2F/got", r#"{"durable":true}"#),
        (
            "%2F/quorum",
            r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#,
        ),
        ("other/full", r#"{"auto_delete":true}"#),
    ] {
        setting.put(&format!("/api/queues/{path}"), body).await;
    }
    setting.sample_at(0);
    for (vhost, queue, count) in [
        ("%2F", "got", 2),
        ("%2F", "quorum", 3),
        ("other", "full", 5),
    ] {
        let message = format!(
            r#"{{"routing_key":"{queue}","properties":{{}},"payload":"abc","payload_encoding":"string"}}"#
        );
        for _ in 0..count {
            let path = format!("/api/exchanges/{vhost}/amq.default/publish");
            setting.post(&path, &message).await;
        }
    }
    let get = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
    setting.post("/api/queues/%2F/got/get", get).await;
    setting.sample_at(1);
    setting
}

fn shown(setting: &Setting, queue: &Arc<Queue>, detail: Detail, path: &str) -> Value {
    let sampled = setting.context.rates.read();
    let windows = Windows::default();
    let view = show(&setting.context, &sampled, queue, detail, &windows);
    field(&view, path)
}

#[tokio::test]
async fn a_field_to_sort_by_is_what_the_queue_shows() {
    let setting = busy().await;
    let vhosts = setting.context.broker.vhosts();
    for queue in vhosts.iter().flat_map(|vhost| vhost.queues()) {
        for detail in [
            Detail::Metadata,
            Detail::Totals,
            Detail::Basic,
            Detail::Full,
        ] {
            for path in FIELDS {
                let field = SortField::find(path, detail).unwrap();
                let found = field.of(&queue, &setting.context.rates.read());
                let expected = shown(&setting, &queue, detail, path);
                assert_eq!(found, expected, "{path} of {} as {detail:?}", queue.name());
            }
        }
    }
    for path in OTHERS {
        assert!(SortField::find(path, Detail::Full).is_none(), "{path}");
    }
}

#[tokio::test]
async fn a_page_sorted_by_messages_has_the_fullest_queues() {
    let setting = busy().await;
    let path = "/api/queues?sort=messages&sort_reverse=true&page=1&page_size=2&columns=name\
                &name=u&use_regex=true";
    let page = setting.read(path).await;
    assert_eq!(page["filtered_count"], 2);
    assert_eq!(page["items"][0]["name"], "full");
    assert_eq!(page["items"][1]["name"], "quorum");
}
