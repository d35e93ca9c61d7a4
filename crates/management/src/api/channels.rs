//! Channels.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{ChannelInfo, ConnectionInfo};
use serde_json::Value;

use super::{Answer, List, Listing, Past, Shared, connections, consumers};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;
use crate::page::{ListQuery, Paging};
use crate::query::{PastQuery, Windows};
use crate::views;
use crate::views::channel_name;
use crate::views::pair::Pairs;

pub(super) fn routes() -> Paths {
    Paths::of("Channels", "Open channels.")
        .path("/channels")
        .pages("Channels: all, or the caller's own", list)
        .path("/channels/{name}")
        .get("One channel", one)
        .path("/connections/{name}/channels")
        .list("Channels of a connection", of_connection)
        .path("/vhosts/{vhost}/channels")
        .list("Channels in a virtual host", of_vhost)
}

/// A channel with its connection and its name, made once for sorting and filtering.
struct Row {
    connection: Arc<ConnectionInfo>,
    channel: Arc<ChannelInfo>,
    name: String,
}

fn rows(connections: Vec<Arc<ConnectionInfo>>) -> Vec<Row> {
    let channels_of = |connection: Arc<ConnectionInfo>| {
        connection.channels().into_iter().map(move |channel| Row {
            name: channel_name(&connection.name, channel.number),
            connection: Arc::clone(&connection),
            channel,
        })
    };
    connections.into_iter().flat_map(channels_of).collect()
}

fn answer(
    context: &Context,
    connections: Vec<Arc<ConnectionInfo>>,
    paging: Paging,
    listing: &ListQuery,
    past: &PastQuery,
) -> List {
    let windows = past.windows(context.now_ms())?;
    let sampled = context.rates.read();
    let view = |row: &Row, windows: &Windows| {
        let channel = (&*row.connection, &*row.channel);
        views::channel::show(context, &sampled, channel, None, windows)
    };
    listing.list_with_past((rows(connections), paging), &windows, |row| &row.name, view)
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let mut visible = connections::visible(&context, &caller);
    visible.retain(|connection| caller.asks_for(&connection.vhost));
    answer(&context, visible, Paging::Offered, &listing, &past)
}

async fn of_connection(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let connection = connections::find(&context, &caller, &name)?;
    answer(&context, vec![connection], Paging::Ignored, &listing, &past)
}

async fn of_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    caller.vhost(&context, &vhost)?;
    let mut visible = connections::visible(&context, &caller);
    visible.retain(|connection| *connection.vhost == *vhost);
    answer(&context, visible, Paging::Ignored, &listing, &past)
}

async fn one(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let (connection_name, number) = parse(&name).ok_or(ApiError::ObjectNotFound)?;
    let connection = connections::find(&context, &caller, connection_name)?;
    let channels = connection.channels();
    let channel = channels
        .iter()
        .find(|channel| channel.number == number)
        .ok_or(ApiError::ObjectNotFound)?;
    let consumers: Vec<Value> =
        consumers::of_channel(&context, &connection.vhost, (connection.id, number));
    let channel = (connection, Arc::clone(channel));
    let full = Some((consumers, Pairs::of_channel(&context, &channel)));
    let sampled = context.rates.read();
    let channel = (&*channel.0, &*channel.1);
    let view = views::channel::show(&context, &sampled, channel, full, &windows);
    Ok(Json(listing.chosen(view)))
}

/// `connection name (number)`
fn parse(name: &str) -> Option<(&str, u16)> {
    let (connection, number) = name.strip_suffix(')')?.rsplit_once(" (")?;
    Some((connection, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_channel_is_named_after_its_connection() {
        let connection = "127.0.0.1:4000 -> 127.0.0.1:5672";
        assert_eq!(parse(&format!("{connection} (12)")), Some((connection, 12)));
        for bad in ["", "()", "a (b)", "a (70000)", "a 1", "a (1) "] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
