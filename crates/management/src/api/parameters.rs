//! Runtime parameters and global parameters.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{Parameter, VHost};
use serde_json::Value;

use super::policies::{to_change, to_show, without_tags};
use super::{Answer, Done, List, Listing, Shared, put};
use crate::auth::{Administrator, Caller, Policymaker};
use crate::body::Fields;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Paths, required};
use crate::page::{ListQuery, Paging, to_value};
use crate::views::policy::{GlobalView, ParameterView};

const VALUE: &[Field] = &[required("value", Kind::Any, "The value.")];

pub(super) fn routes() -> Paths {
    Paths::of(
        "Parameters",
        "Settings of components, in a virtual host or everywhere.",
    )
    .path("/parameters")
    .list("Parameters in all virtual hosts of the caller", list)
    .path("/parameters/{component}")
    .list("Those of a component", of_component)
    .path("/parameters/{component}/{vhost}")
    .list("Those in a virtual host", of_vhost)
    .path("/parameters/{component}/{vhost}/{name}")
    .get("One parameter", one)
    .put("Sets a parameter", set)
    .body(VALUE)
    .delete("Clears a parameter", clear)
    .path("/global-parameters")
    .list("All global parameters", list_globals)
    .path("/global-parameters/{name}")
    .get("One global parameter", one_global)
    .put("Sets a global parameter", set_global)
    .body(VALUE)
    .delete("Clears a global parameter", clear_global)
}

fn answer(vhosts: &[Arc<VHost>], component: Option<&str>, listing: &ListQuery) -> List {
    let of = |vhost: &Arc<VHost>| vhost.parameters(component);
    let rows: Vec<Parameter> = vhosts.iter().flat_map(of).collect();
    listing.list(
        rows,
        Paging::Ignored,
        |parameter| &*parameter.name,
        |parameter| to_value(&ParameterView::of(parameter)),
    )
}

async fn list(State(context): Shared, maker: Policymaker, Query(listing): Listing) -> List {
    answer(&maker.0.vhosts(&context)?, None, &listing)
}

async fn of_component(
    State(context): Shared,
    maker: Policymaker,
    Path(component): Path<String>,
    Query(listing): Listing,
) -> List {
    answer(&maker.0.vhosts(&context)?, Some(&component), &listing)
}

async fn of_vhost(
    State(context): Shared,
    maker: Policymaker,
    Path((component, vhost)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    answer(&[vhost], Some(&component), &listing)
}

async fn one(
    State(context): Shared,
    maker: Policymaker,
    Path((component, vhost, name)): Path<(String, String, String)>,
) -> Answer {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    let parameter = vhost.parameter(&component, &name);
    let parameter = parameter.ok_or(ApiError::ObjectNotFound)?;
    Ok(Json(to_value(&ParameterView::of(&parameter))))
}

async fn set(
    State(context): Shared,
    maker: Policymaker,
    Path((component, vhost, name)): Path<(String, String, String)>,
    fields: Fields,
) -> Done {
    let vhost = to_change(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    super::check_name(&name)?;
    let value = fields.required("value")?.clone();
    let applied = context
        .broker
        .set_parameter(vhost.name(), &component, &name, value, &maker.0.0.name)
        .map_err(in_plain_words)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn clear(
    State(context): Shared,
    maker: Policymaker,
    Path((component, vhost, name)): Path<(String, String, String)>,
) -> Done {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    let cleared =
        context
            .broker
            .clear_parameter(vhost.name(), &component, &name, &maker.0.0.name)?;
    let ticket = cleared.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(put(false))
}

fn in_plain_words(error: broker::Error) -> ApiError {
    match error {
        broker::Error::InvalidParameter(text) => ApiError::bad_request(without_tags(&text)),
        other => other.into(),
    }
}

async fn list_globals(State(context): Shared, _: Policymaker, Query(listing): Listing) -> List {
    let rows: Vec<(String, Value)> = context.broker.global_parameters();
    listing.list(
        rows,
        Paging::Ignored,
        |(name, _)| name,
        |(name, value)| to_value(&GlobalView { name, value }),
    )
}

async fn one_global(State(context): Shared, _: Policymaker, Path(name): Path<String>) -> Answer {
    let value = context.broker.global_parameter(&name);
    let value = &value.ok_or(ApiError::ObjectNotFound)?;
    Ok(Json(to_value(&GlobalView { name: &name, value })))
}

async fn set_global(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path(name): Path<String>,
    fields: Fields,
) -> Done {
    super::check_name(&name)?;
    let value = fields.required("value")?.clone();
    let applied = context
        .broker
        .set_global_parameter(&name, value, &caller.0.name)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn clear_global(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path(name): Path<String>,
) -> Done {
    let ticket = context.broker.clear_global_parameter(&name, &caller.0.name);
    let ticket = ticket.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(put(false))
}
