//! The broker as a whole, and who asks.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::{Answer, Done, Listing, Past, Shared, put};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::context::Context;
use crate::page::to_value;
use crate::views;
use crate::views::user::WhoAmI;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/overview", get(overview))
        .route("/version", get(version))
        .route("/cluster-name", get(cluster_name).put(set_cluster_name))
        .route("/whoami", get(whoami))
}

async fn overview(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let view = views::overview::show(&context, &context.rates.read(), &caller, &windows);
    Ok(Json(listing.chosen(view)))
}

async fn version() -> Answer {
    Ok(Json(json!(broker::RABBITMQ_VERSION)))
}

async fn cluster_name(State(context): Shared) -> Answer {
    Ok(Json(json!({ "name": context.broker.cluster_name() })))
}

async fn set_cluster_name(State(context): Shared, _: Administrator, fields: Fields) -> Done {
    let name = fields.required_text("name")?;
    let applied = context.broker.set_cluster_name(name)?;
    context.committed(applied.ticket).await?;
    Ok(put(false))
}

async fn whoami(caller: Caller) -> Answer {
    Ok(Json(to_value(&WhoAmI::of(&caller.0))))
}
