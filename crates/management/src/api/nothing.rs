//! Resources of which there are none: their lists are empty, and whatever is asked for by name is
//! not found. Clients and monitoring systems read them all.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;

use super::{List, Listing};
use crate::context::Context;
use crate::page::{Paging, to_value};

const LISTS: [&str; 1] = ["/extensions"];

pub(super) fn routes() -> Router<Arc<Context>> {
    LISTS
        .iter()
        .fold(Router::new(), |router, path| router.route(path, get(none)))
}

async fn none(Query(listing): Listing) -> List {
    listing.list(Vec::<()>::new(), Paging::Ignored, |()| "", to_value)
}
