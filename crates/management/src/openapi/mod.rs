//! The API's description, made from the same declarations as its routes.
//!
//! A file of `api/` declares its paths with [`Paths`]: the route goes to the router, and what is
//! said about it here. What a handler takes says more by itself ([`Describe`]): its query
//! parameters, whether it reads a body, who may call it.
//!
//! `/api/openapi.json` and `/api/index.html` need no login. They tell what any Leveret of this
//! version can do, nothing about this one, and a tool reads them before it has credentials.

mod describe;
mod document;
mod field;
mod operation;
mod page;
mod paths;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;

pub(crate) use describe::Parameters;
pub(crate) use field::{Field, Kind, optional, required};
pub(crate) use operation::Answer;
pub(crate) use paths::Paths;

use operation::Group;

/// The description as a file for tools and as a page for people, below a prefix. Made when somebody
/// asks, which is seldom: a broker that nobody asks should not keep megabytes for it.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    groups: Vec<Group>,
    prefix: String,
) -> Router<S> {
    let groups: Arc<[Group]> = groups.into();
    let paged = Arc::clone(&groups);
    let typed = |kind: &'static str| -> [(HeaderName, &'static str); 1] { [(CONTENT_TYPE, kind)] };
    let (json, html) = (typed("application/json"), typed("text/html; charset=utf-8"));
    let index = [(LOCATION, format!("{prefix}/api/index.html"))];
    let index = get(async move || (StatusCode::MOVED_PERMANENTLY, index.clone()));
    let document = async move || (json, document::document(&groups, &prefix).to_string());
    Router::new()
        .route("/openapi.json", get(document))
        .route(
            "/index.html",
            get(async move || (html, page::page(&paged)).into_response()),
        )
        .route("/", index)
}
