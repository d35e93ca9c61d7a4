//! Lists of what there is, with the columns asked for.

use serde_json::Value;

use super::Argument::{Flag, Words};
use super::{Verb, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "list_queues",
        "List queues (columns: name, messages, consumers, …)",
        [
            Words("column"),
            Flag("online"),
            Flag("offline"),
            Flag("local")
        ],
        queues
    ),
    verb!(
        "list_exchanges",
        "List exchanges (columns: name, type, …)",
        [Words("column")],
        exchanges
    ),
    verb!(
        "list_bindings",
        "List bindings",
        [Words("column")],
        bindings
    ),
    verb!(
        "list_connections",
        "List AMQP connections (columns: user, peer_host, …)",
        [Words("column")],
        connections
    ),
    verb!(
        "list_channels",
        "List channels (columns: pid, user, …)",
        [Words("column")],
        channels
    ),
    verb!(
        "list_consumers",
        "List consumers in a virtual host",
        [Words("column")],
        consumers
    ),
    verb!(
        "list_unresponsive_queues",
        "List queues that don't answer: none",
        [Words("column")],
        unresponsive
    ),
];

/// What stands under a column: a field by its own name, by a dotted path, or by the name that it
/// has in the API.
fn cell(item: &Value, column: &str) -> Value {
    let path = match column {
        "source_name" => "source",
        "destination_name" => "destination",
        "destination_kind" => "destination_type",
        "source_kind" => return Value::from("exchange"),
        "queue_name" => "queue.name",
        "channel_pid" => "channel_details.name",
        "pid" if item["number"].is_u64() => "name",
        "pid" => "node",
        "exclusive_consumer_pid" => "exclusive_consumer_tag",
        "owner_pid" => "owner_pid_details.name",
        "slave_pids" | "synchronised_slave_pids" => return Value::from(""),
        "connection" => "connection_details.name",
        other => other,
    };
    let field = path.split('.').try_fold(item, |value, key| value.get(key));
    field.cloned().unwrap_or(Value::Null)
}

/// A table of some fields of some objects.
pub(super) fn table(title: String, columns: &[&str], items: &Value) -> Output {
    let rows = items.as_array().into_iter().flatten();
    Output::Table {
        title,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows
            .map(|item| columns.iter().map(|column| cell(item, column)).collect())
            .collect(),
    }
}

async fn list(call: &Call, title: String, path: &str, default: &[&str]) -> Result<Output, Failure> {
    let asked = call.words("column");
    let columns = if asked.is_empty() { default } else { &asked };
    let items = call.get(path).await?;
    Ok(table(title, columns, &items))
}

async fn of_vhost(call: &Call, what: &str, default: &[&str]) -> Result<Output, Failure> {
    let vhost = &call.vhost;
    let title = format!("Listing {what} for vhost {vhost} ...");
    let path = match what {
        "queues" => format!("/api/queues/{}?disable_stats=false", segment(vhost)),
        _ => format!("/api/{what}/{}", segment(vhost)),
    };
    list(call, title, &path, default).await
}

async fn queues(call: &Call) -> Result<Output, Failure> {
    if call.flag("offline") {
        return unresponsive(call).await;
    }
    of_vhost(call, "queues", &["name", "messages"]).await
}

async fn exchanges(call: &Call) -> Result<Output, Failure> {
    of_vhost(call, "exchanges", &["name", "type"]).await
}

async fn bindings(call: &Call) -> Result<Output, Failure> {
    let default = [
        "source_name",
        "source_kind",
        "destination_name",
        "destination_kind",
        "routing_key",
        "arguments",
    ];
    of_vhost(call, "bindings", &default).await
}

async fn consumers(call: &Call) -> Result<Output, Failure> {
    let default = [
        "queue_name",
        "channel_pid",
        "consumer_tag",
        "ack_required",
        "prefetch_count",
        "active",
        "arguments",
    ];
    let title = format!("Listing consumers in vhost {} ...", call.vhost);
    let path = format!("/api/consumers/{}", segment(&call.vhost));
    list(call, title, &path, &default).await
}

async fn connections(call: &Call) -> Result<Output, Failure> {
    let default = ["user", "peer_host", "peer_port", "state"];
    let title = "Listing connections ...".to_owned();
    list(call, title, "/api/connections", &default).await
}

async fn channels(call: &Call) -> Result<Output, Failure> {
    let default = ["pid", "user", "consumer_count", "messages_unacknowledged"];
    list(
        call,
        "Listing channels ...".to_owned(),
        "/api/channels",
        &default,
    )
    .await
}

async fn unresponsive(call: &Call) -> Result<Output, Failure> {
    let title = format!("Listing unresponsive queues for vhost {} ...", call.vhost);
    Ok(table(title, &["name"], &Value::Null))
}
