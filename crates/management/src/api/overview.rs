//! The broker as a whole, and who asks.

use axum::Json;
use axum::extract::{Query, State};
use serde_json::json;

use super::{Answer, Done, Listing, Past, Shared, put};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::openapi::{Answer as Success, Field, Kind, Paths, required};
use crate::page::to_value;
use crate::views;
use crate::views::user::WhoAmI;

pub(super) fn routes() -> Paths {
    const NAME: &[Field] = &[required("name", Kind::Text, "The new name.")];
    Paths::of("Overview", "The broker as a whole, and who asks.")
        .path("/overview")
        .get("Totals, rates, listeners", overview)
        .path("/version")
        .get(
            "The version of RabbitMQ that this is compatible with",
            version,
        )
        .path("/cluster-name")
        .get("The cluster's name", cluster_name)
        .put("Renames the cluster", set_cluster_name)
        .answers(Success::Done)
        .body(NAME)
        .path("/whoami")
        .get("The user who asks, and its tags", whoami)
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

async fn set_cluster_name(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    fields: Fields,
) -> Done {
    let name = fields.required_text("name")?;
    let applied = context.broker.set_cluster_name(name, &caller.0.name)?;
    context.committed(applied.ticket).await?;
    Ok(put(false))
}

async fn whoami(caller: Caller) -> Answer {
    Ok(Json(to_value(&WhoAmI::of(&caller.0))))
}
