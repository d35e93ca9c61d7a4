//! Exchanges.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{DeleteIf, Exchange, ExchangeDeclare, VHost};
use serde::Deserialize;

use super::{Answer, Done, List, Listing, Past, Shared, exchange_name, put};
use crate::auth::Caller;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::page::{ListQuery, Paging, is_true};
use crate::query::{PastQuery, Windows};
use crate::views;
use crate::views::pair::Pairs;

const DECLARE: &[Field] = &[
    optional(
        "type",
        Kind::Text,
        "direct unless told; topic, fanout, headers and so on.",
    ),
    optional("durable", Kind::Boolean, "Whether it outlives a restart."),
    optional(
        "auto_delete",
        Kind::Boolean,
        "Whether it goes with its last binding.",
    ),
    optional(
        "internal",
        Kind::Boolean,
        "Whether clients can't publish to it.",
    ),
    optional(
        "arguments",
        Kind::Object,
        "Further arguments, such as alternate-exchange.",
    ),
];

pub(super) fn routes() -> Paths {
    Paths::of("Exchanges", "Where messages are published to.")
        .path("/exchanges")
        .pages("Exchanges in all virtual hosts of the caller", list)
        .path("/exchanges/{vhost}")
        .pages("Exchanges in a virtual host", of_vhost)
        .path("/exchanges/{vhost}/{name}")
        .get("One exchange", one)
        .put("Declares an exchange", declare)
        .body(DECLARE)
        .delete("Deletes an exchange", delete)
}

/// The exchange that a path means.
pub(super) fn find(vhost: &VHost, segment: &str) -> Result<Arc<Exchange>, ApiError> {
    vhost
        .exchange(exchange_name(segment))
        .ok_or(ApiError::NotFound("exchange_not_found"))
}

fn answer(context: &Context, vhosts: &[Arc<VHost>], listing: &ListQuery, past: &PastQuery) -> List {
    let windows = past.windows(context.now_ms())?;
    let rows: Vec<Arc<Exchange>> = vhosts.iter().flat_map(|vhost| vhost.exchanges()).collect();
    let sampled = context.rates.read();
    let view = |exchange: &Arc<Exchange>, windows: &Windows| {
        views::exchange::show(&sampled, exchange, None, windows)
    };
    listing.list_with_past(
        (rows, Paging::Offered),
        &windows,
        |exchange| &*exchange.name,
        view,
    )
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    answer(&context, &caller.vhosts(&context)?, &listing, &past)
}

async fn of_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    answer(&context, &[vhost], &listing, &past)
}

async fn one(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let exchange = find(&*caller.vhost(&context, &vhost)?, &name)?;
    let pairs = Some(Pairs::of_exchange(&context, &exchange));
    let sampled = context.rates.read();
    let view = views::exchange::show(&sampled, &exchange, pairs, &windows);
    Ok(Json(listing.chosen(view)))
}

async fn declare(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    let declare = ExchangeDeclare {
        name: exchange_name(&name).to_owned(),
        kind: fields.text("type")?.unwrap_or("direct").to_owned(),
        durable: fields.flag("durable")?,
        auto_delete: fields.flag("auto_delete")?,
        internal: fields.flag("internal")?,
        arguments: fields.table("arguments")?,
    };
    super::check_name(&declare.name)?;
    let applied = vhost.declare_exchange(&declare, &caller.actor(&vhost)?)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

/// Conditions of a delete.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Condition {
    if_unused: Option<String>,
    if_empty: Option<String>,
}

impl Parameters for Condition {
    const FIELDS: &'static [Field] = &[
        optional("if-unused", Kind::Boolean, "Only if nothing uses it."),
        optional(
            "if-empty",
            Kind::Boolean,
            "Only if no message is in it (queues).",
        ),
    ];
}

impl Condition {
    pub(super) fn delete_if(&self) -> DeleteIf {
        DeleteIf {
            unused: is_true(self.if_unused.as_ref()),
            empty: is_true(self.if_empty.as_ref()),
        }
    }
}

async fn delete(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(condition): Query<Condition>,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    find(&vhost, &name)?;
    let actor = caller.actor(&vhost)?;
    let deleted = vhost.delete_exchange(exchange_name(&name), condition.delete_if(), &actor)?;
    if !deleted.existed {
        return Err(ApiError::NotFound("exchange_not_found"));
    }
    context.committed(deleted.ticket).await?;
    Ok(put(false))
}
