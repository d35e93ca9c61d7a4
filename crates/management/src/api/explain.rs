//! `GET /api/leveret/route`: the way that a message would take, and the reason for each turn.
//!
//! Parameters: `vhost`, `exchange` (`amq.default` for the default one), `key`, and `headers`, a
//! JSON object. The answer is `{queues: [name], steps: [{exchange, type, why, note, bindings:
//! [{destination, destination_type, routing_key, arguments, matches, reason}], left_out}],
//! permission}`. `permission` is null, or why `user` (else the caller) may not publish this.
//! Nothing is published. 404 without the exchange.

use axum::Json;
use axum::extract::{Query, State};
use broker::{BindingSpec, Came, Destination, Right, Step, VHost};
use codec::{AMQPValue, FieldTable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

use super::{Answer, Shared, exchange_name, exchanges};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional, required};
use crate::page::to_value;
use crate::table;

pub(super) fn routes() -> Paths {
    let about = "The way that a message would take, and why. Leveret's own.";
    Paths::of("Routing explained", about)
        .path("/leveret/route")
        .get(
            "Explains a route without publishing: {queues, steps: [{exchange, type, why, note, \
             bindings, left_out}], permission}",
            explain,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    vhost: String,
    exchange: String,
    key: String,
    headers: Option<String>,
    user: Option<String>,
}

impl Parameters for Asked {
    const FIELDS: &'static [Field] = &[
        required("vhost", Kind::Text, "The virtual host."),
        required(
            "exchange",
            Kind::Text,
            "The exchange; amq.default for the default one.",
        ),
        optional("key", Kind::Text, "The routing key."),
        optional("headers", Kind::Text, "The headers, as a JSON object."),
        optional(
            "user",
            Kind::Text,
            "Whose permission is looked at; the caller's unless told.",
        ),
    ];
}

#[derive(Serialize)]
struct Explained<'a> {
    queues: BTreeSet<&'a str>,
    steps: Vec<StepView<'a>>,
    permission: Option<String>,
}

#[derive(Serialize)]
struct StepView<'a> {
    exchange: &'a str,
    r#type: &'a str,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    bindings: Vec<JudgedView<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct JudgedView<'a> {
    destination: &'a str,
    destination_type: &'a str,
    routing_key: &'a str,
    arguments: Value,
    matches: bool,
    reason: String,
}

async fn explain(State(context): Shared, caller: Caller, Query(asked): Query<Asked>) -> Answer {
    let vhost = caller.vhost(&context, &asked.vhost)?;
    let headers = headers(asked.headers.as_deref())?;
    let permission = refusal(&context, &caller, &vhost, &asked)?;
    let steps = vhost.explain(exchange_name(&asked.exchange), &asked.key, &headers)?;
    let queues = steps
        .iter()
        .flat_map(|step| &step.bindings)
        .filter_map(|(binding, matches)| match &binding.destination {
            Destination::Queue(name) if *matches => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let steps = steps
        .iter()
        .map(|step| view(step, &asked.key, &headers))
        .collect();
    Ok(Json(to_value(&Explained {
        queues,
        steps,
        permission,
    })))
}

/// Why somebody may not publish this. Only administrators ask about others.
fn refusal(
    context: &Context,
    caller: &Caller,
    vhost: &VHost,
    asked: &Asked,
) -> Result<Option<String>, ApiError> {
    let exchange = exchanges::find(vhost, &asked.exchange)?;
    let access = match asked.user.as_deref().filter(|user| !user.is_empty()) {
        None => Some(caller.actor(vhost)?.access),
        Some(user) if caller.is_administrator() => {
            context.broker.users().access(user, vhost.name())
        }
        Some(_) => return Err(ApiError::NotAuthorised("Not administrator user")),
    };
    let Some(access) = access else {
        return Ok(Some("there is no such user".to_owned()));
    };
    let key = asked.key.as_str();
    let allowed = access
        .check_exchange(Right::Write, &exchange.name, vhost.name())
        .and_then(|()| access.check_topics(Right::Write, &exchange, [key]));
    Ok(allowed.err().map(|error| error.to_string()))
}

fn headers(text: Option<&str>) -> Result<FieldTable, ApiError> {
    match text {
        None | Some("") => Ok(FieldTable::default()),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => table::from_json(&object),
            _ => Err(ApiError::bad_request("headers is not a JSON object")),
        },
    }
}

fn view<'a>(step: &'a Step, key: &str, headers: &FieldTable) -> StepView<'a> {
    let kind = step.exchange.kind.as_str();
    StepView {
        exchange: &step.exchange.name,
        r#type: kind,
        why: match &step.came {
            Came::Published => "the message is published here".to_owned(),
            Came::Bound(from) => format!("bound from {from}"),
            Came::Alternate(of) => format!("the alternate of {of}, where nothing matched"),
        },
        note: note(step, key),
        bindings: step
            .bindings
            .iter()
            .map(|(binding, matches)| JudgedView {
                destination: binding.destination.name(),
                destination_type: binding.destination.kind(),
                routing_key: &binding.routing_key,
                arguments: table::to_json(&binding.arguments),
                matches: *matches,
                reason: reason(kind, binding, *matches, key, headers),
            })
            .collect(),
        left_out: step.left_out,
    }
}

/// What there is to say about the exchange as a whole.
fn note(step: &Step, key: &str) -> Option<String> {
    if step.exchange.internal && step.came == Came::Published {
        return Some("The exchange is internal: clients cannot publish to it.".to_owned());
    }
    if step.exchange.is_default() && step.bindings.is_empty() {
        return Some(format!("There is no queue named {key:?}."));
    }
    match &step.alternate {
        Some((name, true)) => Some(format!(
            "Nothing matches, so it goes on to the alternate {name}."
        )),
        Some((name, false)) => Some(format!(
            "Nothing matches, and the alternate {name} does not exist."
        )),
        None if step.bindings.is_empty() => Some("Nothing is bound to it.".to_owned()),
        None => None,
    }
}

fn reason(
    kind: &str,
    binding: &BindingSpec,
    matches: bool,
    key: &str,
    headers: &FieldTable,
) -> String {
    let own = &binding.routing_key;
    match (kind, matches) {
        _ if binding.source.is_empty() => "the key is the queue's name".to_owned(),
        ("fanout", _) => "a fanout exchange sends to all that is bound".to_owned(),
        ("direct", true) => format!("the key is {own:?}"),
        ("direct", false) => format!("the key is {key:?}, not {own:?}"),
        ("topic", true) => format!("the pattern {own:?} matches {key:?}"),
        ("topic", false) => format!("the pattern {own:?} does not match {key:?}"),
        ("headers", _) => of_headers(&binding.arguments, matches, headers),
        (_, true) => format!("a {kind} exchange chose it"),
        (_, false) => format!("a {kind} exchange chose another"),
    }
}

/// Which headers decided.
fn of_headers(wanted: &FieldTable, matches: bool, given: &FieldTable) -> String {
    let mode = codec::get_str(wanted, "x-match").unwrap_or("all");
    let with_x = mode.ends_with("-with-x");
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (name, value) in wanted.inner() {
        if name.as_str() == "x-match" || (name.as_str().starts_with("x-") && !with_x) {
            continue;
        }
        match given.inner().get(name) {
            // A binding without a value asks for the header only.
            Some(found) if found == value || *value == AMQPValue::Void => same.push(name.as_str()),
            Some(_) => other.push(format!("{} is different", name.as_str())),
            None => other.push(format!("{} is missing", name.as_str())),
        }
    }
    match (matches, mode.starts_with("any")) {
        (true, true) => format!(
            "any of its headers is enough, and {} is there",
            same.join(", ")
        ),
        (true, false) => "all of its headers are there".to_owned(),
        (false, true) => format!("none of its headers matches: {}", other.join(", ")),
        (false, false) => format!("not all of its headers match: {}", other.join(", ")),
    }
}
