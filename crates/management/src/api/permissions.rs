//! Permissions: who may do what in which virtual host.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use broker::{User, VHost};

use super::{Answer, List, Listing, Shared};
use crate::auth::Administrator;
use crate::context::Context;
use crate::error::ApiError;
use crate::page::{ListQuery, Paging, to_value};
use crate::views::user::PermissionView;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/permissions", get(list))
        .route("/permissions/{vhost}/{user}", get(one))
        .route("/vhosts/{vhost}/permissions", get(of_vhost))
}

fn answer(context: &Context, vhosts: &[Arc<VHost>], listing: &ListQuery) -> List {
    let users = context.broker.users().all();
    let pairs = users
        .iter()
        .flat_map(|user| vhosts.iter().map(move |vhost| (user, vhost)));
    let rows: Vec<(&Arc<User>, &Arc<VHost>)> = pairs
        .filter(|(user, vhost)| user.may_access(vhost.name()))
        .collect();
    let view = |(user, vhost): &(&Arc<User>, &Arc<VHost>)| {
        to_value(&PermissionView::all(&user.name, vhost.name()))
    };
    listing.list(rows, Paging::Ignored, |(user, _)| &*user.name, view)
}

async fn list(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    answer(&context, &context.broker.vhosts(), &listing)
}

async fn of_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    let vhost = context
        .broker
        .vhost(&vhost)
        .ok_or(ApiError::ObjectNotFound)?;
    answer(&context, &[vhost], &listing)
}

async fn one(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
) -> Answer {
    let vhost = context
        .broker
        .vhost(&vhost)
        .ok_or(ApiError::ObjectNotFound)?;
    let user = context
        .broker
        .users()
        .find(&user)
        .ok_or(ApiError::ObjectNotFound)?;
    if !user.may_access(vhost.name()) {
        return Err(ApiError::ObjectNotFound);
    }
    Ok(Json(to_value(&PermissionView::all(
        &user.name,
        vhost.name(),
    ))))
}
