//! Prometheus: the names that RabbitMQ's Grafana dashboards ask for.
//!
//! `/metrics` adds everything up, `/metrics/per-object` has a line for each queue, channel and
//! connection, `/metrics/detailed?family=…&vhost=…` only what was asked for. Numbers are read when
//! a scrape asks for them; nothing is kept for it.

mod node;
mod objects;
mod page;
mod tables;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::context::Context;
use objects::{Scope, Wanted};
use page::Page;

/// Paths of the metrics listener. Open to everybody who reaches it, as RabbitMQ's are.
pub(crate) fn routes(context: Arc<Context>) -> Router {
    Router::new()
        .route("/metrics", get(aggregated))
        .route("/metrics/per-object", get(per_object))
        .route("/metrics/detailed", get(detailed))
        .route("/metrics/memory-breakdown", get(memory))
        .with_state(context)
}

async fn aggregated(State(context): State<Arc<Context>>) -> Response {
    let mut page = Page::new("rabbitmq_");
    node::add(&mut page, &context);
    objects::add(&mut page, &context, &Wanted::everything(), Scope::Total);
    answer(&page)
}

async fn per_object(State(context): State<Arc<Context>>) -> Response {
    let mut page = Page::new("rabbitmq_");
    node::add(&mut page, &context);
    objects::add(&mut page, &context, &Wanted::everything(), Scope::Each);
    answer(&page)
}

async fn detailed(
    State(context): State<Arc<Context>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let wanted = Wanted::parse(query);
    let mut page = Page::new("rabbitmq_detailed_");
    objects::add(&mut page, &context, &wanted, Scope::Each);
    let mut cluster = Page::new("rabbitmq_cluster_");
    objects::add_cluster(&mut cluster, &context, &wanted);
    page.append(cluster);
    answer(&page)
}

async fn memory(State(context): State<Arc<Context>>) -> Response {
    let mut page = Page::new("rabbitmq_");
    node::add_memory(&mut page, &context);
    answer(&page)
}

fn answer(page: &Page) -> Response {
    let kind = [(CONTENT_TYPE, prometheus::TEXT_FORMAT)];
    (kind, page.encode()).into_response()
}
