//! Resources of which there are none: their lists are empty, and whatever is asked for by name is
//! not found. Clients and monitoring systems read them all.

use axum::extract::Query;

use super::{List, Listing};
use crate::openapi::Paths;
use crate::page::{Paging, to_value};

const LISTS: [&str; 1] = ["/extensions"];

pub(super) fn routes() -> Paths {
    LISTS.iter().fold(
        Paths::of("Nothing", "What RabbitMQ has and Leveret has none of."),
        |paths, path| paths.path(path).list("None", none),
    )
}

async fn none(Query(listing): Listing) -> List {
    listing.list(Vec::<()>::new(), Paging::Ignored, |()| "", to_value)
}
