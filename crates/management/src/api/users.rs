//! Users. They come from the configuration; nothing changes them here yet.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use broker::User;

use super::{Answer, List, Listing, Shared};
use crate::auth::Administrator;
use crate::context::Context;
use crate::error::ApiError;
use crate::page::{Paging, to_value};
use crate::views::user::{PermissionView, UserView};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/users", get(list))
        .route("/users/without-permissions", get(without_permissions))
        .route("/users/{name}", get(one))
        .route("/users/{name}/permissions", get(permissions))
}

async fn list(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    let view = |user: &Arc<User>| to_value(&UserView::of(user));
    listing.list(
        context.broker.users().all(),
        Paging::Offered,
        |user| &*user.name,
        view,
    )
}

/// Everybody may do everything, so that nobody is without.
async fn without_permissions(_: Administrator, Query(listing): Listing) -> List {
    listing.list(Vec::<()>::new(), Paging::Ignored, |()| "", to_value)
}

fn find(context: &Context, name: &str) -> Result<Arc<User>, ApiError> {
    context
        .broker
        .users()
        .find(name)
        .ok_or(ApiError::ObjectNotFound)
}

async fn one(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Answer {
    Ok(Json(to_value(&UserView::of(&*find(&context, &name)?))))
}

async fn permissions(
    State(context): Shared,
    _: Administrator,
    Path(name): Path<String>,
    Query(listing): Listing,
) -> List {
    let user = find(&context, &name)?;
    let view =
        |vhost: &Arc<broker::VHost>| to_value(&PermissionView::all(&user.name, vhost.name()));
    let mut vhosts = context.broker.vhosts();
    vhosts.retain(|vhost| user.may_access(vhost.name()));
    listing.list(vhosts, Paging::Ignored, |vhost| &**vhost.name(), view)
}
