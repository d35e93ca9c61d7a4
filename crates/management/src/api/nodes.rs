//! The node.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

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
