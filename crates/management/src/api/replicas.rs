//! Replicas of quorum queues, as the only node of a cluster has them: every queue has one member,
//! this node, which leads. There is no other node to grow to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::{Queue, VHost};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, Done, Shared, queues};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional, required};
use crate::page::to_value;

const ACTION: &[Field] = &[required("action", Kind::Text, "None is known any more.")];

const NODE: &[Field] = &[required("node", Kind::Text, "The node.")];

const GROW: &[Field] = &[
    required("strategy", Kind::Of(&["all", "even"]), "Which queues grow."),
    optional("vhost_pattern", Kind::Text, "Virtual hosts; a pattern."),
    optional("queue_pattern", Kind::Text, "Queues; a pattern."),
];

pub(super) fn routes() -> Paths {
    Paths::of("Replicas", "Of quorum queues; each has one, on this node.")
        .path("/rebalance/queues")
        .post("Spreads leaders over the nodes", Success::Done, rebalance)
        .path("/queues/{vhost}/{name}/actions")
        .post("Does something to a queue", Success::Done, act)
        .body(ACTION)
        .path("/queues/quorum/{vhost}/{name}/replicas/add")
        .post("Adds a member", Success::Done, add)
        .body(NODE)
        .path("/queues/quorum/{vhost}/{name}/replicas/delete")
        .delete("Deletes a member; the last one stays", remove)
        .body(NODE)
        .path("/queues/quorum/{vhost}/{name}/status")
        .list("The members of a queue", status)
        .path("/queues/quorum/replicas/on/{node}/grow")
        .post("Gives queues a member on a node", Success::Done, grow)
        .body(GROW)
        .path("/queues/quorum/replicas/on/{node}/shrink")
        .delete("Takes members off a node: those that stay", shrink)
        .answers(Success::List)
}

/// Every queue is led by this node already.
async fn rebalance(_: Administrator) -> Done {
    Ok(StatusCode::NO_CONTENT)
}

/// RabbitMQ knows no action any more.
async fn act(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    queues::find(&*caller.vhost(&context, &vhost)?, &name)?;
    let action = fields.required_text("action")?;
    Err(ApiError::bad_request(format!("unknown action: {action}")))
}

/// Whether a queue is of type quorum.
pub(crate) fn is_quorum(queue: &Queue) -> bool {
    codec::get_str(queue.arguments(), "x-queue-type") == Some("quorum")
}

fn quorum_queue(vhost: &VHost, name: &str) -> Result<Arc<Queue>, ApiError> {
    let queue = queues::find(vhost, name)?;
    if is_quorum(&queue) {
        return Ok(queue);
    }
    Err(ApiError::bad_request(format!(
        "queue '{name}' in vhost '{}' is not a quorum queue",
        vhost.name()
    )))
}

fn this_node(context: &Context, node: &str) -> Result<(), ApiError> {
    // `management.restrictions.quorum_queue_replica_operations.disabled`
    if context.info.replicas_fixed {
        return Err(ApiError::MethodNotAllowed);
    }
    if node == context.broker.settings().node {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "node {node} is not a member of this cluster"
    )))
}

/// The one member there can be is there.
async fn add(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    quorum_queue(&*caller.vhost(&context, &vhost)?, &name)?;
    this_node(&context, fields.required_text("node")?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The last member stays: a queue without any would be lost.
async fn remove(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    quorum_queue(&*caller.vhost(&context, &vhost)?, &name)?;
    this_node(&context, fields.required_text("node")?)?;
    Err(ApiError::bad_request("the last member of a queue stays"))
}

/// The fields of a member of a Raft cluster. There is no Raft here: one member is a majority.
#[derive(Serialize)]
#[allow(non_snake_case, reason = "RabbitMQ's column titles")]
struct Member<'a> {
    #[serde(rename = "Node Name")]
    node: &'a str,
    #[serde(rename = "Raft State")]
    state: &'static str,
    #[serde(rename = "Membership")]
    membership: &'static str,
    #[serde(rename = "Last Log Index")]
    last_log_index: u64,
    #[serde(rename = "Last Written")]
    last_written: u64,
    #[serde(rename = "Last Applied")]
    last_applied: u64,
    #[serde(rename = "Commit Index")]
    commit_index: u64,
    #[serde(rename = "Snapshot Index")]
    snapshot_index: u64,
    #[serde(rename = "Term")]
    term: u64,
    #[serde(rename = "Machine Version")]
    machine_version: u64,
}

async fn status(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
) -> Answer {
    quorum_queue(&*caller.vhost(&context, &vhost)?, &name)?;
    let member = Member {
        node: &context.broker.settings().node,
        state: "leader",
        membership: "voter",
        last_log_index: 0,
        last_written: 0,
        last_applied: 0,
        commit_index: 0,
        snapshot_index: 0,
        term: 0,
        machine_version: 0,
    };
    Ok(Json(Value::Array(vec![to_value(&member)])))
}

/// Every quorum queue has a member on this node.
async fn grow(
    State(context): Shared,
    _: Administrator,
    Path(node): Path<String>,
    fields: Fields,
) -> Done {
    this_node(&context, &node)?;
    match fields.required_text("strategy")? {
        "all" | "even" => Ok(StatusCode::NO_CONTENT),
        other => Err(ApiError::bad_request(format!("unknown strategy: {other}"))),
    }
}

/// None leaves its last node; the answer names each with what went wrong.
async fn shrink(State(context): Shared, _: Administrator, Path(node): Path<String>) -> Answer {
    this_node(&context, &node)?;
    let vhosts = context.broker.vhosts();
    let quorum = vhosts
        .iter()
        .flat_map(|vhost| vhost.queues())
        .filter(|queue| is_quorum(queue));
    let kept: Vec<Value> = quorum
        .map(|queue| {
            json!({
                "vhost": &**queue.vhost(), "name": &**queue.name(),
                "error": "last_node", "size": 1,
            })
        })
        .collect();
    Ok(Json(Value::Array(kept)))
}
