//! Policies of users and of the operator.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{Policy, PolicyClass, VHost};
use serde_json::json;

use super::{Answer, Done, List, Listing, Shared, put};
use crate::auth::{Administrator, Caller, Policymaker};
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Paths, optional, required};
use crate::page::{ListQuery, Paging, to_value};
use crate::views::policy::PolicyView;

const POLICY: &[Field] = &[
    required("pattern", Kind::Text, "The names that it applies to."),
    required("definition", Kind::Object, "What it sets."),
    optional(
        "priority",
        Kind::Integer,
        "The highest of those that match counts; 0 unless told.",
    ),
    optional(
        "apply-to",
        Kind::Text,
        "queues, exchanges or all (unless told), or a type.",
    ),
];

pub(super) fn routes() -> Paths {
    Paths::of(
        "Policies",
        "Settings for all queues and exchanges of some name.",
    )
    .path("/policies")
    .list("Policies in all virtual hosts of the caller", list)
    .path("/policies/{vhost}")
    .list("Policies in a virtual host", of_vhost)
    .path("/policies/{vhost}/{name}")
    .get("One policy", one)
    .put("Sets a policy", set)
    .body(POLICY)
    .delete("Clears a policy", clear)
    .path("/operator-policies")
    .list("All operator policies", list_operators)
    .path("/operator-policies/{vhost}")
    .list("Operator policies in a virtual host", operators_of_vhost)
    .path("/operator-policies/{vhost}/{name}")
    .get("One operator policy", operators_one)
    .put("Sets an operator policy", set_operators)
    .body(POLICY)
    .delete("Clears an operator policy", clear_operators)
}

fn answer(vhosts: &[Arc<VHost>], class: PolicyClass, listing: &ListQuery) -> List {
    let mut rows: Vec<(&Arc<VHost>, Arc<Policy>)> = Vec::new();
    for vhost in vhosts {
        let mut policies = vhost.policies(class);
        policies.sort_by(|a, b| a.name().cmp(b.name()));
        rows.extend(policies.into_iter().map(|policy| (vhost, policy)));
    }
    listing.list(
        rows,
        Paging::Ignored,
        |(_, policy)| &**policy.name(),
        |(vhost, policy)| to_value(&PolicyView::of(vhost.name(), policy)),
    )
}

fn show(vhost: &VHost, class: PolicyClass, name: &str) -> Answer {
    let policy = vhost.policy(class, name).ok_or(ApiError::ObjectNotFound)?;
    Ok(Json(to_value(&PolicyView::of(vhost.name(), &policy))))
}

async fn change(
    context: &Context,
    vhost: &VHost,
    (class, name): (PolicyClass, &str),
    fields: &Fields,
    by: &Caller,
) -> Done {
    super::check_name(name)?;
    let value = json!({
        "pattern": fields.required("pattern")?,
        "definition": fields.required("definition")?,
        "priority": fields.given("priority").cloned().unwrap_or_else(|| 0.into()),
        "apply-to": fields.given("apply-to").cloned().unwrap_or_else(|| "all".into()),
    });
    let policy = Policy::parse(class, name, &value)
        .map_err(|text| ApiError::bad_request(without_tags(&text)))?;
    let applied = vhost.put_policies(vec![(class, policy)], &by.0.name)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn remove(
    context: &Context,
    vhost: &VHost,
    (class, name): (PolicyClass, &str),
    by: &Caller,
) -> Done {
    let ticket = vhost.delete_policy(class, name, &by.0.name);
    let ticket = ticket.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(put(false))
}

/// RabbitMQ's pages put these texts into HTML as they are.
pub(super) fn without_tags(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// A virtual host named in the path of a change.
pub(super) fn to_change(context: &Context, name: &str) -> Result<Arc<VHost>, ApiError> {
    let vhost = context.broker.vhost(name);
    vhost.ok_or(ApiError::NotFound("vhost_not_found"))
}

/// A virtual host named in the path of a list or an object.
pub(super) fn to_show(context: &Context, name: &str) -> Result<Arc<VHost>, ApiError> {
    context.broker.vhost(name).ok_or(ApiError::ObjectNotFound)
}

async fn list(State(context): Shared, maker: Policymaker, Query(listing): Listing) -> List {
    answer(&maker.0.vhosts(&context)?, PolicyClass::User, &listing)
}

async fn of_vhost(
    State(context): Shared,
    maker: Policymaker,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    answer(&[vhost], PolicyClass::User, &listing)
}

async fn one(
    State(context): Shared,
    maker: Policymaker,
    Path((vhost, name)): Path<(String, String)>,
) -> Answer {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    show(&vhost, PolicyClass::User, &name)
}

async fn set(
    State(context): Shared,
    maker: Policymaker,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    let vhost = to_change(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    change(
        &context,
        &vhost,
        (PolicyClass::User, &name),
        &fields,
        &maker.0,
    )
    .await
}

async fn clear(
    State(context): Shared,
    maker: Policymaker,
    Path((vhost, name)): Path<(String, String)>,
) -> Done {
    let vhost = to_show(&context, &vhost)?;
    maker.check(&context, &vhost)?;
    remove(&context, &vhost, (PolicyClass::User, &name), &maker.0).await
}

async fn list_operators(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    answer(&context.broker.vhosts(), PolicyClass::Operator, &listing)
}

async fn operators_of_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    let vhost = to_show(&context, &vhost)?;
    answer(&[vhost], PolicyClass::Operator, &listing)
}

async fn operators_one(
    State(context): Shared,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
) -> Answer {
    show(&*to_show(&context, &vhost)?, PolicyClass::Operator, &name)
}

/// `management.restrictions.operator_policy_changes.disabled`
fn may_change_operators(context: &Context) -> Result<(), ApiError> {
    match context.info.operator_policies_fixed {
        true => Err(ApiError::MethodNotAllowed),
        false => Ok(()),
    }
}

async fn set_operators(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    may_change_operators(&context)?;
    let vhost = to_change(&context, &vhost)?;
    let name = (PolicyClass::Operator, &*name);
    change(&context, &vhost, name, &fields, &caller).await
}

async fn clear_operators(
    State(context): Shared,
    caller: Caller,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
) -> Done {
    may_change_operators(&context)?;
    let vhost = to_show(&context, &vhost)?;
    remove(&context, &vhost, (PolicyClass::Operator, &name), &caller).await
}
