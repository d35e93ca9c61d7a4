//! Feature flags and deprecated features, under the names that RabbitMQ's operators and their tools
//! know. What a stable flag stands for is here and can't be turned off; a deprecated feature says
//! whether clients may still use it.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::{Done, List, Listing, Shared};
use crate::auth::Administrator;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Paths};
use crate::page::{Paging, to_value};

pub(super) fn routes() -> Paths {
    Paths::of("Features", "Feature flags and deprecated features.")
        .path("/feature-flags")
        .list("All feature flags", flags)
        .path("/feature-flags/{name}/enable")
        .put("Turns a flag on; all of them are on", enable)
        .answers(Success::Done)
        .path("/deprecated-features")
        .list("Deprecated features", deprecated)
        .path("/deprecated-features/used")
        .list("Those of them that something uses", used)
}

/// `(name, what it means here)`
const FLAGS: [(&str, &str); 16] = [
    (
        "classic_queue_mirroring_removed",
        "There are no mirrored classic queues",
    ),
    (
        "classic_queue_type_delivery_support",
        "Classic queues deliver like the other types",
    ),
    (
        "detailed_queues_endpoint",
        "GET /api/queues/detailed shows every field",
    ),
    (
        "direct_exchange_routing_v2",
        "Direct exchanges look keys up in a table",
    ),
    (
        "drop_unroutable_metric",
        "Messages that no queue takes are counted",
    ),
    (
        "empty_basic_get_metric",
        "basic.get that finds nothing is counted",
    ),
    ("feature_flags_v2", "Feature flags are listed"),
    (
        "implicit_default_bindings",
        "Bindings of the default exchange are not stored",
    ),
    (
        "message_containers",
        "A message has one form for all protocols",
    ),
    ("quorum_queue", "Queues of type quorum can be declared"),
    (
        "rabbit_exchange_type_local_random",
        "Exchanges of type x-local-random can be declared",
    ),
    ("rabbitmq_4.0.0", "Clients find what 4.0 has"),
    ("rabbitmq_4.1.0", "Clients find what 4.1 has"),
    ("rabbitmq_4.2.0", "Clients find what 4.2 has"),
    ("user_limits", "Users have limits"),
    (
        "virtual_host_metadata",
        "Virtual hosts have descriptions and tags",
    ),
];

/// `(name, phase, what it means here)`
const DEPRECATED: [(&str, &str, &str); 5] = [
    (
        "amqp_address_v1",
        "permitted_by_default",
        "AMQP 1.0 is not spoken, so none of its addresses are used",
    ),
    (
        "classic_queue_mirroring",
        "removed",
        "There are no mirrored classic queues",
    ),
    (
        "global_qos",
        "permitted_by_default",
        "basic.qos with global set works",
    ),
    (
        "queue_master_locator",
        "permitted_by_default",
        "x-queue-master-locator is taken; there is one node",
    ),
    (
        "transient_nonexcl_queues",
        "permitted_by_default",
        "Queues that are neither durable nor exclusive can be declared",
    ),
];

#[derive(Serialize)]
struct Flag {
    name: &'static str,
    desc: &'static str,
    doc_url: &'static str,
    stability: &'static str,
    state: &'static str,
    provided_by: &'static str,
    require_level: &'static str,
    experiment_level: &'static str,
    callbacks: [&'static str; 0],
}

#[derive(Serialize)]
struct Deprecated {
    name: &'static str,
    desc: &'static str,
    doc_url: &'static str,
    deprecation_phase: &'static str,
    state: &'static str,
    provided_by: &'static str,
}

/// Flags that a RabbitMQ of this version could still be without.
const LATEST: [&str; 2] = ["rabbitmq_4.1.0", "rabbitmq_4.2.0"];

async fn flags(Query(listing): Listing) -> List {
    let view = |(name, desc): &(&'static str, &'static str)| {
        to_value(&Flag {
            name,
            desc,
            doc_url: "",
            stability: if LATEST.contains(name) {
                "stable"
            } else {
                "required"
            },
            state: "enabled",
            provided_by: "rabbit",
            require_level: if LATEST.contains(name) {
                "none"
            } else {
                "hard"
            },
            experiment_level: "unsupported",
            callbacks: [],
        })
    };
    listing.list(FLAGS.to_vec(), Paging::Ignored, |(name, _)| name, view)
}

/// All of them are on; asking for it again changes nothing.
async fn enable(_: Administrator, Path(name): Path<String>) -> Done {
    if FLAGS.iter().any(|(flag, _)| *flag == name) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::bad_request(format!(
        "feature flag {name} is not supported"
    )))
}

fn listed(
    listing: &crate::page::ListQuery,
    rows: Vec<(&'static str, &'static str, &'static str)>,
) -> List {
    let view = |(name, phase, desc): &(&'static str, &'static str, &'static str)| {
        to_value(&Deprecated {
            name,
            desc,
            doc_url: "",
            deprecation_phase: phase,
            state: if *phase == "removed" {
                "denied"
            } else {
                "permitted"
            },
            provided_by: "rabbit",
        })
    };
    listing.list(rows, Paging::Ignored, |(name, ..)| name, view)
}

async fn deprecated(Query(listing): Listing) -> List {
    listed(&listing, DEPRECATED.to_vec())
}

/// Of the deprecated features only those that something uses at the moment.
async fn used(State(context): Shared, Query(listing): Listing) -> List {
    let vhosts = context.broker.vhosts();
    let transient = vhosts
        .iter()
        .flat_map(|vhost| vhost.queues())
        .any(|queue| !queue.durable() && !queue.exclusive());
    let rows = DEPRECATED
        .into_iter()
        .filter(|(name, ..)| transient && *name == "transient_nonexcl_queues")
        .collect();
    listed(&listing, rows)
}
