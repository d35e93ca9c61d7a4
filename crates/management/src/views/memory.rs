//! What memory is used for: messages, and everything else. The other categories are parts of another
//! runtime; clients that decode strictly want to see them all the same.

use serde_json::{Map, Value, json};

use crate::context::Context;

const NOT_HERE: [&str; 24] = [
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
    "reserved_unallocated",
];

/// In bytes.
pub(crate) fn bytes(context: &Context) -> Value {
    let rss = context.broker.alarms().resources().memory_used;
    let messages = context.broker.budget().used().min(rss);
    let mut memory = breakdown(messages, rss - messages);
    memory.insert("strategy".to_owned(), "rss".into());
    let total = json!({ "rss": rss, "allocated": rss, "erlang": rss });
    memory.insert("total".to_owned(), total);
    Value::Object(memory)
}

/// In percent of the total.
pub(crate) fn percents(context: &Context) -> Value {
    let rss = context.broker.alarms().resources().memory_used.max(1);
    let messages = context.broker.budget().used().min(rss) * 100 / rss;
    let mut memory = breakdown(messages, 100 - messages);
    memory.insert("total".to_owned(), 100.into());
    Value::Object(memory)
}

fn breakdown(messages: u64, rest: u64) -> Map<String, Value> {
    let mut memory: Map<String, Value> = NOT_HERE
        .iter()
        .map(|category| ((*category).to_owned(), Value::from(0)))
        .collect();
    memory.insert("binary".to_owned(), messages.into());
    memory.insert("other_system".to_owned(), rest.into());
    memory
}
