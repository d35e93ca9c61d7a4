//! The paths under `/api`, one file per resource: its routes and their handlers.

mod bindings;
mod browse;
mod channels;
mod connections;
mod consumers;
mod deaths;
mod definitions;
mod delayed;
mod exchanges;
mod explain;
mod features;
mod health;
mod limits;
mod log;
mod login;
mod logins;
mod messages;
mod moves;
mod nodes;
mod nothing;
mod overview;
mod parameters;
mod permissions;
mod policies;
mod queues;
mod replicas;
mod selection;
mod trace;
mod unacked;
mod users;
mod vhosts;

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde_json::Value;

use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;
use crate::page::{ListQuery, Listed};
use crate::query::PastQuery;

/// What a handler needs to know about everything.
type Shared = axum::extract::State<Arc<Context>>;
/// Query parameters of lists.
type Listing = axum::extract::Query<ListQuery>;
/// Query parameters that ask for samples.
type Past = axum::extract::Query<PastQuery>;
/// An answer with a body.
type Answer = Result<Json<Value>, ApiError>;
/// An answer with a list.
type List = Result<Listed, ApiError>;
/// An answer without a body.
type Done = Result<StatusCode, ApiError>;

/// Every route of the API, without what surrounds them.
pub(crate) fn routes() -> Paths {
    Paths::none()
        .merge(overview::routes())
        .merge(nodes::routes())
        .merge(vhosts::routes())
        .merge(connections::routes())
        .merge(channels::routes())
        .merge(consumers::routes())
        .merge(exchanges::routes())
        .merge(delayed::routes())
        .merge(queues::routes())
        .merge(messages::routes())
        .merge(moves::routes())
        .merge(browse::routes())
        .merge(selection::routes())
        .merge(deaths::routes())
        .merge(unacked::routes())
        .merge(trace::routes())
        .merge(explain::routes())
        .merge(bindings::routes())
        .merge(users::routes())
        .merge(permissions::routes())
        .merge(definitions::routes())
        .merge(policies::routes())
        .merge(parameters::routes())
        .merge(limits::routes())
        .merge(login::routes())
        .merge(logins::routes())
        .merge(health::routes())
        .merge(log::routes())
        .merge(features::routes())
        .merge(replicas::routes())
        .merge(nothing::routes())
}

/// The answer to a PUT.
fn put(created: bool) -> StatusCode {
    if created {
        StatusCode::CREATED
    } else {
        StatusCode::NO_CONTENT
    }
}

/// The exchange that a path segment means: the default one has no name that fits in a path.
fn exchange_name(segment: &str) -> &str {
    if segment == "amq.default" {
        ""
    } else {
        segment
    }
}

/// A name has to fit a short string.
fn check_name(name: &str) -> Result<(), ApiError> {
    if name.len() > broker::limits::NAME_BYTES_MAX {
        return Err(ApiError::bad_request("a name is longer than 255 bytes"));
    }
    Ok(())
}
