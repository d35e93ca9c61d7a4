//! Bindings.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use broker::{BindingSpec, Destination, VHost};
use serde::Deserialize;

use super::{Answer, Done, List, Listing, Shared, exchange_name, exchanges, queues};
use crate::auth::Caller;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Parameters, Paths, optional};
use crate::page::{ListQuery, Paging, is_true, to_value};
use crate::views::binding::{BindingView, properties_key};

const BIND: &[Field] = &[
    optional("routing_key", Kind::Text, "Routing key or pattern."),
    optional(
        "arguments",
        Kind::Object,
        "What a headers exchange compares.",
    ),
];

pub(super) fn routes() -> Paths {
    Paths::of(
        "Bindings",
        "From exchanges to queues (q) and to exchanges (e).",
    )
    .path("/bindings")
    .list("Bindings in all virtual hosts of the caller", list)
    .path("/bindings/{vhost}")
    .list("Bindings in a virtual host", of_vhost)
    .path("/bindings/{vhost}/e/{source}/q/{destination}")
    .list("Bindings from an exchange to a queue", of_queue_pair)
    .post("Binds a queue to an exchange", Success::Made, bind_queue)
    .body(BIND)
    .path("/bindings/{vhost}/e/{source}/e/{destination}")
    .list("Bindings from an exchange to another", of_exchange_pair)
    .post("Binds an exchange to another", Success::Made, bind_exchange)
    .body(BIND)
    .path("/bindings/{vhost}/e/{source}/q/{destination}/{properties_key}")
    .get("One binding of a queue", one_of_queue)
    .delete("Unbinds a queue", unbind_queue)
    .path("/bindings/{vhost}/e/{source}/e/{destination}/{properties_key}")
    .get("One binding of an exchange", one_of_exchange)
    .delete("Unbinds an exchange", unbind_exchange)
    .path("/queues/{vhost}/{name}/bindings")
    .list("Bindings of a queue", of_queue)
    .path("/exchanges/{vhost}/{name}/bindings/source")
    .list("Bindings from an exchange", from_exchange)
    .path("/exchanges/{vhost}/{name}/bindings/destination")
    .list("Bindings to an exchange", to_exchange_list)
}

/// Bindings with the virtual host that they are in.
type Row = (Arc<VHost>, BindingSpec);

/// Which bindings a list is of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    explicit: Option<String>,
}

impl Parameters for Wanted {
    const FIELDS: &'static [Field] = &[optional(
        "explicit",
        Kind::Boolean,
        "Not those of the default exchange, which every queue has. Leveret's own.",
    )];
}

impl Wanted {
    fn of(&self, mut bindings: Vec<BindingSpec>) -> Vec<BindingSpec> {
        if is_true(self.explicit.as_ref()) {
            bindings.retain(|binding| !binding.source.is_empty());
        }
        bindings
    }
}

fn answer(rows: Vec<Row>, listing: &ListQuery) -> List {
    let view = |(vhost, binding): &Row| to_value(&BindingView::of(vhost.name(), binding));
    listing.list(rows, Paging::Ignored, |(_, binding)| &binding.source, view)
}

fn within(vhost: &Arc<VHost>, bindings: Vec<BindingSpec>) -> Vec<Row> {
    bindings
        .into_iter()
        .map(|binding| (Arc::clone(vhost), binding))
        .collect()
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(wanted): Query<Wanted>,
) -> List {
    let vhosts = caller.vhosts(&context)?;
    answer(
        vhosts
            .iter()
            .flat_map(|vhost| within(vhost, wanted.of(vhost.bindings())))
            .collect(),
        &listing,
    )
}

async fn of_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
    Query(wanted): Query<Wanted>,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    answer(within(&vhost, wanted.of(vhost.bindings())), &listing)
}

async fn of_queue(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    let queue = queues::find(&vhost, &name)?;
    answer(within(&vhost, vhost.bindings_to_queue(&queue)), &listing)
}

async fn from_exchange(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    let exchange = exchanges::find(&vhost, &name)?;
    answer(within(&vhost, vhost.bindings_from(&exchange)), &listing)
}

async fn to_exchange_list(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    let exchange = exchanges::find(&vhost, &name)?;
    answer(
        within(&vhost, vhost.bindings_to_exchange(&exchange)),
        &listing,
    )
}

/// The two ends of a binding as a path names them.
type Ends = Path<(String, String, String)>;
/// The same, and which of the bindings between them.
type EndsAndKey = Path<(String, String, String, String)>;

async fn of_queue_pair(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, queue)): Ends,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    answer(
        within(&vhost, between(&vhost, &source, &Destination::Queue(queue))),
        &listing,
    )
}

async fn of_exchange_pair(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, exchange)): Ends,
    Query(listing): Listing,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    let destination = Destination::Exchange(exchange_name(&exchange).to_owned());
    answer(
        within(&vhost, between(&vhost, &source, &destination)),
        &listing,
    )
}

/// The bindings from one exchange to one destination: none if one of them does not exist.
fn between(vhost: &VHost, source: &str, destination: &Destination) -> Vec<BindingSpec> {
    let mut bindings = match destination {
        Destination::Queue(name) => vhost
            .queue(name)
            .map(|queue| vhost.bindings_to_queue(&queue)),
        Destination::Exchange(name) => vhost
            .exchange(name)
            .map(|exchange| vhost.bindings_to_exchange(&exchange)),
    }
    .unwrap_or_default();
    bindings.retain(|binding| binding.source == exchange_name(source));
    bindings
}

async fn bind_queue(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, queue)): Ends,
    fields: Fields,
) -> Result<Response, ApiError> {
    bind(
        &context,
        &caller,
        &vhost,
        (&source, Destination::Queue(queue)),
        &fields,
    )
    .await
}

async fn bind_exchange(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, exchange)): Ends,
    fields: Fields,
) -> Result<Response, ApiError> {
    let destination = Destination::Exchange(exchange_name(&exchange).to_owned());
    bind(&context, &caller, &vhost, (&source, destination), &fields).await
}

/// Answers 201 with the place of the binding, whether or not it was there.
async fn bind(
    context: &Context,
    caller: &Caller,
    vhost: &str,
    (source, destination): (&str, Destination),
    fields: &Fields,
) -> Result<Response, ApiError> {
    let vhost = caller.vhost(context, vhost)?;
    let spec = BindingSpec {
        source: exchange_name(source).to_owned(),
        destination,
        routing_key: fields.text("routing_key")?.unwrap_or_default().to_owned(),
        arguments: fields.table("arguments")?,
    };
    super::check_name(&spec.routing_key)?;
    let applied = vhost.bind(&spec, &caller.actor(&vhost)?)?;
    context.committed(applied.ticket).await?;
    // Relative to the address that was posted to; what the key holds is encoded once more.
    let place = properties_key(&spec)
        .replace('%', "%25")
        .replace('+', "%2B");
    let place = format!("{}/{place}", encoded(spec.destination.name()));
    Ok((StatusCode::CREATED, [(LOCATION, place)]).into_response())
}

/// A name as a path segment.
fn encoded(name: &str) -> String {
    use std::fmt::Write;
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            _ => {
                let _ = write!(segment, "%{byte:02X}");
            }
        }
    }
    segment
}

async fn one_of_queue(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, queue, key)): EndsAndKey,
) -> Answer {
    let vhost = caller.vhost(&context, &vhost)?;
    let binding = find(&vhost, &source, &Destination::Queue(queue), &key)?;
    Ok(Json(to_value(&BindingView::of(vhost.name(), &binding))))
}

async fn one_of_exchange(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, exchange, key)): EndsAndKey,
) -> Answer {
    let vhost = caller.vhost(&context, &vhost)?;
    let destination = Destination::Exchange(exchange_name(&exchange).to_owned());
    let binding = find(&vhost, &source, &destination, &key)?;
    Ok(Json(to_value(&BindingView::of(vhost.name(), &binding))))
}

async fn unbind_queue(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, queue, key)): EndsAndKey,
) -> Done {
    unbind(
        &context,
        &caller,
        &vhost,
        (&source, Destination::Queue(queue)),
        &key,
    )
    .await
}

async fn unbind_exchange(
    State(context): Shared,
    caller: Caller,
    Path((vhost, source, exchange, key)): EndsAndKey,
) -> Done {
    let destination = Destination::Exchange(exchange_name(&exchange).to_owned());
    unbind(&context, &caller, &vhost, (&source, destination), &key).await
}

async fn unbind(
    context: &Context,
    caller: &Caller,
    vhost: &str,
    (source, destination): (&str, Destination),
    key: &str,
) -> Done {
    let vhost = caller.vhost(context, vhost)?;
    let binding = find(&vhost, source, &destination, key)?;
    let applied = vhost.unbind(&binding, &caller.actor(&vhost)?)?;
    context.committed(applied.ticket).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The binding that a properties key names. A plain routing key is understood too: clients that
/// don't list first make it up from that.
fn find(
    vhost: &VHost,
    source: &str,
    destination: &Destination,
    key: &str,
) -> Result<BindingSpec, ApiError> {
    let bindings = between(vhost, source, destination);
    let plain =
        |binding: &BindingSpec| binding.routing_key == key && binding.arguments.inner().is_empty();
    bindings
        .iter()
        .find(|binding| properties_key(binding) == key)
        .or_else(|| bindings.iter().find(|binding| plain(binding)))
        .cloned()
        .ok_or(ApiError::ObjectNotFound)
}
