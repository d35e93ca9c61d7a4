//! The node.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Done, List, Listing, Past, Shared};
use crate::auth::{Administrator, Monitor};
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::page::{Paging, is_true};
use crate::views;

pub(super) fn routes() -> Paths {
    Paths::of("Nodes", "The one node that there is.")
        .path("/nodes")
        .list("All nodes", list)
        .path("/nodes/{name}")
        .get("One node", one)
        .path("/nodes/{name}/memory")
        .get("What memory is used for", memory)
        .path("/nodes/{name}/memory/relative")
        .get("The same in percent", relative_memory)
        .path("/nodes/{name}/memory/ets")
        .get("Erlang's tables, of which there are none", tables)
        .path("/nodes/{name}/memory/ets/relative")
        .get("The same in percent", tables)
        .path("/nodes/{name}/memory/ets/{filter}")
        .get("The same of one kind", tables_of)
        .path("/nodes/{name}/memory/ets/{filter}/relative")
        .get("The same in percent", tables_of)
        .path("/config/effective")
        .get("The settings in effect, secrets masked", settings)
        .path("/reset")
        .delete("Forgets the past of all rates", reset)
        .path("/reset/{name}")
        .delete("Forgets the past of a node's rates", reset_node)
}

/// RabbitMQ shows its Erlang environment here; this is what takes its place.
async fn settings(State(context): Shared, _: Administrator) -> Answer {
    let settings = context.info.settings.iter().cloned();
    Ok(Json(
        settings
            .map(|(key, value)| (key, Value::from(value)))
            .collect(),
    ))
}

fn check_node(context: &Context, name: &str) -> Result<(), ApiError> {
    if name == context.broker.settings().node {
        return Ok(());
    }
    Err(ApiError::ObjectNotFound)
}

async fn tables(State(context): Shared, _: Monitor, Path(name): Path<String>) -> Answer {
    check_node(&context, &name)?;
    Ok(Json(json!({ "ets_tables_memory": "no_tables" })))
}

async fn tables_of(
    context: Shared,
    monitor: Monitor,
    Path((name, _)): Path<(String, String)>,
) -> Answer {
    tables(context, monitor, Path(name)).await
}

/// What may be shown besides, if it is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Besides {
    memory: Option<String>,
    binary: Option<String>,
}

impl Parameters for Besides {
    const FIELDS: &'static [Field] = &[
        optional("memory", Kind::Boolean, "With what memory is used for."),
        optional(
            "binary",
            Kind::Boolean,
            "With an empty object, as clients expect one.",
        ),
    ];
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
    Query(besides): Query<Besides>,
) -> Answer {
    check_node(&context, &name)?;
    let windows = past.windows(context.now_ms())?;
    let mut node = views::node::show(&context, &context.rates.read(), &windows);
    if let Value::Object(fields) = &mut node {
        if is_true(besides.memory.as_ref()) {
            fields.insert("memory".to_owned(), views::memory::bytes(&context));
        }
        if is_true(besides.binary.as_ref()) {
            // References to shared memory are a thing of another runtime.
            fields.insert("binary".to_owned(), json!({}));
        }
    }
    Ok(Json(listing.chosen(node)))
}

async fn memory(State(context): Shared, _: Monitor, Path(name): Path<String>) -> Answer {
    check_node(&context, &name)?;
    Ok(Json(json!({ "memory": views::memory::bytes(&context) })))
}

async fn relative_memory(State(context): Shared, _: Monitor, Path(name): Path<String>) -> Answer {
    check_node(&context, &name)?;
    Ok(Json(json!({ "memory": views::memory::percents(&context) })))
}

/// Forgets the past of all numbers; rates begin anew.
async fn reset(State(context): Shared, _: Administrator) -> Done {
    context.rates.forget();
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_node(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Done {
    check_node(&context, &name)?;
    context.rates.forget();
    Ok(StatusCode::NO_CONTENT)
}
