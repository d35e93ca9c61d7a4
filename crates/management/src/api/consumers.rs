//! Consumers, of all queues or of one virtual host's.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use broker::{ConnectionId, ConnectionInfo, ConsumerView, Event, Queue, Removed, VHost, Wakes};
use serde_json::Value;

use super::{Done, List, Listing, Shared, connections, queues};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;
use crate::page::{ListQuery, Paging, to_value};
use crate::views::channel_name;
use crate::views::consumer::ConsumerDetails;

pub(super) fn routes() -> Paths {
    Paths::of("Consumers", "Who is given messages as they come.")
        .path("/consumers")
        .list("Consumers in all virtual hosts of the caller", list)
        .path("/consumers/{vhost}")
        .list("Consumers in a virtual host", of_vhost)
        .path("/leveret/consumers/{vhost}/{queue}/{channel}/{tag}")
        .delete(
            "Stops a consumer, by its channel's name and its tag. Leveret's own.",
            cancel,
        )
        .path("/leveret/queues/{vhost}/{name}/consumers")
        .list("Consumers of a queue. Leveret's own.", of_queue)
}

/// A consumer with its queue.
struct Row {
    queue: Arc<Queue>,
    consumer: ConsumerView,
}

/// By queue, then in the order of their turns.
fn rows(vhosts: &[Arc<VHost>]) -> Vec<Row> {
    rows_of(vhosts.iter().flat_map(|vhost| vhost.queues()))
}

fn rows_of(queues: impl Iterator<Item = Arc<Queue>>) -> Vec<Row> {
    let consumers_of = |queue: Arc<Queue>| {
        let consumers = queue.snapshot().consumers;
        consumers.into_iter().map(move |consumer| Row {
            queue: Arc::clone(&queue),
            consumer,
        })
    };
    queues.flat_map(consumers_of).collect()
}

fn answer(context: &Context, rows: Vec<Row>, listing: &ListQuery) -> List {
    let connections = connections(context);
    let node = &context.broker.settings().node;
    let view = |row: &Row| show(node, row, &connections);
    listing.list(rows, Paging::Ignored, |row| &*row.consumer.tag, view)
}

fn connections(context: &Context) -> HashMap<ConnectionId, Arc<ConnectionInfo>> {
    let all = context.broker.registry().connections();
    all.into_iter()
        .map(|connection| (connection.id, connection))
        .collect()
}

fn show(node: &str, row: &Row, connections: &HashMap<ConnectionId, Arc<ConnectionInfo>>) -> Value {
    let peer = connections
        .get(&row.consumer.connection)
        .map(|peer| &**peer);
    to_value(&ConsumerDetails::of(node, &row.queue, &row.consumer, peer))
}

/// The consumers of one channel as JSON.
pub(super) fn of_channel(
    context: &Context,
    vhost: &str,
    (connection, channel): (ConnectionId, u16),
) -> Vec<Value> {
    let vhosts: Vec<Arc<VHost>> = context.broker.vhost(vhost).into_iter().collect();
    let connections = connections(context);
    rows(&vhosts)
        .iter()
        .filter(|row| row.consumer.connection == connection && row.consumer.channel == channel)
        .map(|row| show(&context.broker.settings().node, row, &connections))
        .collect()
}

/// Stops a consumer, as if its queue were gone: its client is told with `basic.cancel`, if it
/// understands that. What it has not acknowledged stays with it.
async fn cancel(
    State(context): Shared,
    caller: Caller,
    Path((vhost, queue, channel, tag)): Path<(String, String, String, String)>,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    let queue = queues::find(&vhost, &queue)?;
    let is_one = |one: &ConsumerView| {
        *one.tag == *tag && channel_name(&one.connection_name, one.channel) == channel
    };
    let consumer = queue.snapshot().consumers.into_iter().find(is_one);
    let consumer = consumer.ok_or(ApiError::ObjectNotFound)?;
    let registry = context.broker.registry();
    let connection = registry
        .get(consumer.connection)
        .ok_or(ApiError::ObjectNotFound)?;
    connections::check_closing(&caller, &connection.user)?;
    let mut wakes = Wakes::new();
    if queue.remove_consumer(consumer.id, &mut wakes) == Removed::No {
        return Err(ApiError::ObjectNotFound);
    }
    tracing::info!(peer = %connection.name, queue = %queue.name(), tag = %consumer.tag, "consumer stopped by the API");
    let event = Event::ConsumerCancelled(consumer.id);
    connection.outbox.send(event, &mut wakes);
    vhost.remove_queue_if_unused(&queue, &mut wakes);
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(context): Shared, caller: Caller, Query(listing): Listing) -> List {
    answer(&context, rows(&caller.vhosts(&context)?), &listing)
}

async fn of_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    answer(&context, rows(&[vhost]), &listing)
}

async fn of_queue(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    let queue = queues::find(&vhost, &name)?;
    answer(&context, rows_of(std::iter::once(queue)), &listing)
}
