//! The node itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::Argument::{Optional, Required};
use super::list::table;
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::output::Output;

/// Between two tries of `await_startup`.
const TRY_EVERY: Duration = Duration::from_millis(100);

pub(super) const VERBS: &[Verb] = &[
    verb!("ping", "Check that the broker answers", [], ping),
    verb!(
        "status",
        "Show the node: version, memory, disk, listeners, totals",
        [],
        status
    ),
    verb!(
        "cluster_status",
        "Show the cluster: its one node",
        [],
        cluster_status
    ),
    verb!(
        "await_startup",
        "Wait until the broker answers",
        [],
        await_startup
    ),
    verb!(
        "await_online_nodes",
        "Wait until there are so many nodes",
        [Required("count")],
        await_nodes
    ),
    verb!(
        "await_online_quorum_plus_one",
        "Nothing: one node is all there is",
        [],
        ping
    ),
    verb!(
        "environment",
        "Show the settings in effect",
        [],
        environment
    ),
    verb!(
        "report",
        "Show everything for a support request",
        [],
        report
    ),
    verb!(
        "stop",
        "Stop the broker on this machine",
        [Optional("pidfile")],
        stop
    ),
    verb!("shutdown", "Stop the broker on this machine", [], stop),
    verb!(
        "server_version",
        "Show the version that clients see",
        [],
        server_version
    ),
    verb!("erlang_version", "There is no Erlang", [], erlang_version),
    verb!("listeners", "List listeners", [], listeners),
    verb!(
        "memory_breakdown",
        "Show what memory is used for",
        [],
        memory
    ),
    verb!("list", "List plugins", [], plugins),
    verb!(
        "is_enabled",
        "Check that a plugin is there",
        [Required("plugin")],
        is_enabled
    ),
    verb!(
        "quorum_status",
        "Show a quorum queue: it is on the one node",
        [Required("queue")],
        quorum_status
    ),
];

async fn overview(call: &Call) -> Result<Value, Failure> {
    call.get("/api/overview").await
}

async fn node(call: &Call) -> Result<Value, Failure> {
    let mut nodes = call.get("/api/nodes").await?;
    Ok(nodes.pointer_mut("/0").map(Value::take).unwrap_or_default())
}

async fn ping(call: &Call) -> Result<Output, Failure> {
    call.get("/api/whoami").await?;
    done("Ping succeeded")
}

async fn await_startup(call: &Call) -> Result<Output, Failure> {
    loop {
        match call.get("/api/whoami").await {
            Err(failure) if failure.code == Failure::unavailable("").code => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            other => return other.and_then(|_| done("RabbitMQ has started")),
        }
    }
}

async fn await_nodes(call: &Call) -> Result<Output, Failure> {
    match call.text("count") {
        "0" | "1" => await_startup(call).await,
        count => Err(Failure::late(format!(
            "there will never be {count} nodes, only one"
        ))),
    }
}

async fn status(call: &Call) -> Result<Output, Failure> {
    let (overview, node) = (overview(call).await?, node(call).await?);
    let totals = &overview["object_totals"];
    let queues = &overview["queue_totals"];
    Ok(Output::Json(json!({
        "node": overview["node"],
        "pid": node["os_pid"],
        "uptime_ms": node["uptime"],
        "rabbitmq_version": overview["rabbitmq_version"],
        "leveret_version": overview["leveret_version"],
        "data_directory": node["db_dir"],
        "memory": { "used": node["mem_used"], "limit": node["mem_limit"], "alarm": node["mem_alarm"] },
        "disk": { "free": node["disk_free"], "limit": node["disk_free_limit"], "alarm": node["disk_free_alarm"] },
        "file_descriptors": { "used": node["fd_used"], "total": node["fd_total"] },
        "totals": totals,
        "messages": { "ready": queues["messages_ready"], "unacknowledged": queues["messages_unacknowledged"] },
        "listeners": overview["listeners"],
    })))
}

async fn cluster_status(call: &Call) -> Result<Output, Failure> {
    let overview = overview(call).await?;
    let node = &overview["node"];
    Ok(Output::Json(json!({
        "cluster_name": overview["cluster_name"],
        "disk_nodes": [node],
        "running_nodes": [node],
        "versions": { node.as_str().unwrap_or_default(): overview["rabbitmq_version"] },
        "partitions": {},
        "alarms": [],
        "listeners": overview["listeners"],
    })))
}

async fn environment(call: &Call) -> Result<Output, Failure> {
    call.get("/api/config/effective").await.map(Output::Json)
}

async fn report(call: &Call) -> Result<Output, Failure> {
    let mut report = serde_json::Map::new();
    for what in [
        "overview",
        "nodes",
        "vhosts",
        "connections",
        "channels",
        "queues",
        "exchanges",
        "bindings",
        "consumers",
        "policies",
        "permissions",
    ] {
        report.insert(what.to_owned(), call.get(&format!("/api/{what}")).await?);
    }
    Ok(Output::Json(Value::Object(report)))
}

async fn stop(call: &Call) -> Result<Output, Failure> {
    let node = node(call).await?;
    let pid = node["os_pid"].as_str().unwrap_or_default().to_owned();
    let status = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .map_err(|error| Failure::unavailable(format!("cannot signal process {pid}: {error}")))?;
    if !status.success() {
        return Err(Failure::refused(format!(
            "process {pid} is not on this machine, or not yours"
        )));
    }
    while call.get("/api/whoami").await.is_ok() {
        tokio::time::sleep(TRY_EVERY).await;
    }
    done(format!("Stopped the broker, process {pid}"))
}

async fn server_version(call: &Call) -> Result<Output, Failure> {
    let overview = overview(call).await?;
    let version = overview["rabbitmq_version"].as_str().unwrap_or_default();
    Ok(Output::Text(version.to_owned()))
}

async fn erlang_version(_: &Call) -> Result<Output, Failure> {
    Ok(Output::Text("none".to_owned()))
}

async fn listeners(call: &Call) -> Result<Output, Failure> {
    let overview = overview(call).await?;
    let listeners = overview["listeners"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let line = |listener: &Value| {
        format!(
            "Interface: {}, port: {}, protocol: {}",
            listener["ip_address"].as_str().unwrap_or_default(),
            listener["port"],
            listener["protocol"].as_str().unwrap_or_default()
        )
    };
    let lines: Vec<_> = listeners.iter().map(line).collect();
    Ok(Output::Text(lines.join("\n")))
}

async fn memory(call: &Call) -> Result<Output, Failure> {
    let name = node(call).await?["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let path = format!("/api/nodes/{}/memory", crate::http::segment(&name));
    let parts = call.get(&path).await?;
    let parts = parts["memory"].as_object().cloned().unwrap_or_default();
    let rows: Vec<_> = parts
        .into_iter()
        .filter(|(_, value)| value.is_u64())
        .map(|(part, bytes)| json!({ "part": part, "bytes": bytes }))
        .collect();
    let title = "Reporting memory breakdown ...".to_owned();
    Ok(table(title, &["part", "bytes"], &Value::from(rows)))
}

async fn plugins(call: &Call) -> Result<Output, Failure> {
    let plugins = node(call).await?["enabled_plugins"].take();
    let names = plugins.as_array().into_iter().flatten();
    let rows: Vec<_> = names
        .map(|name| json!({ "name": name, "state": "running" }))
        .collect();
    let title = "Listing plugins ...".to_owned();
    Ok(table(title, &["name", "state"], &Value::from(rows)))
}

async fn is_enabled(call: &Call) -> Result<Output, Failure> {
    let plugins = node(call).await?["enabled_plugins"].take();
    let plugin = call.text("plugin");
    let mut names = plugins.as_array().into_iter().flatten();
    match names.any(|name| name == plugin) {
        true => done(format!("Plugin {plugin} is enabled")),
        false => Err(Failure::unavailable(format!(
            "Plugin {plugin} is not enabled"
        ))),
    }
}

async fn quorum_status(call: &Call) -> Result<Output, Failure> {
    let node = overview(call).await?["node"].clone();
    let rows = json!([{ "Node Name": node, "Raft State": "leader", "Membership": "voter" }]);
    let title = format!("Status of quorum queue {} ...", call.text("queue"));
    Ok(table(
        title,
        &["Node Name", "Raft State", "Membership"],
        &rows,
    ))
}
