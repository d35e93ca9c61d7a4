//! The node.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::{Answer, List, Listing, Past, Shared};
use crate::auth::Monitor;
use crate::context::Context;
use crate::error::ApiError;
use crate::page::Paging;
use crate::views;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/nodes", get(list))
        .route("/nodes/{name}", get(one))
        .route("/nodes/{name}/memory", get(memory))
}

async fn list(
    State(context): Shared,
    _: Monitor,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let windows = past.windows(context.now_ms())?;
    let node = views::node::show(&context, &context.rates.read(), &windows);
    listing.list(vec![node], Paging::Ignored, |_| "", Value::clone)
}

async fn one(
    State(context): Shared,
    _: Monitor,
    Path(name): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    if name != context.broker.settings().node {
        return Err(ApiError::ObjectNotFound);
    }
    let windows = past.windows(context.now_ms())?;
    let node = views::node::show(&context, &context.rates.read(), &windows);
    Ok(Json(listing.chosen(node)))
}

/// What memory is used for: messages, and everything else. The other categories are parts of
/// another runtime; clients want to see them all the same.
const OTHER_CATEGORIES: [&str; 23] = [
    "connection_readers",
    "connection_writers",
    "connection_channels",
    "connection_other",
    "queue_procs",
    "quorum_queue_procs",
    "quorum_queue_dlx_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
    "stream_queue_coordinator_procs",
    "plugins",
    "metadata_store",
    "other_proc",
    "metrics",
    "mgmt_db",
    "mnesia",
    "quorum_ets",
    "metadata_store_ets",
    "other_ets",
    "msg_index",
    "code",
    "atom",
    "allocated_unused",
];

async fn memory(State(context): Shared, _: Monitor, Path(name): Path<String>) -> Answer {
    if name != context.broker.settings().node {
        return Err(ApiError::ObjectNotFound);
    }
    let rss = context.broker.alarms().resources().memory_used;
    let messages = context.broker.budget().used();
    let mut memory: Map<String, Value> = OTHER_CATEGORIES
        .iter()
        .map(|category| ((*category).to_owned(), Value::from(0)))
        .collect();
    memory.insert("binary".to_owned(), messages.into());
    let rest = rss.saturating_sub(messages);
    memory.insert("other_system".to_owned(), rest.into());
    memory.insert("reserved_unallocated".to_owned(), 0.into());
    memory.insert("strategy".to_owned(), "rss".into());
    let total = json!({ "rss": rss, "allocated": rss, "erlang": rss });
    memory.insert("total".to_owned(), total);
    Ok(Json(json!({ "memory": memory })))
}
