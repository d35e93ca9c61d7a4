//! Policies and operator policies.

use serde_json::json;

use super::Argument::{Option as WithValue, Required};
use super::list::table;
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "set_policy",
        "Create or replace a policy",
        [
            Required("name"),
            Required("pattern"),
            Required("definition"),
            WithValue("priority", "NUMBER"),
            WithValue("apply-to", "KIND")
        ],
        set
    ),
    verb!("clear_policy", "Delete a policy", [Required("name")], clear),
    verb!(
        "list_policies",
        "List the policies of a virtual host",
        [],
        list
    ),
    verb!(
        "set_operator_policy",
        "Create or replace an operator policy",
        [
            Required("name"),
            Required("pattern"),
            Required("definition"),
            WithValue("priority", "NUMBER"),
            WithValue("apply-to", "KIND")
        ],
        set_operator
    ),
    verb!(
        "clear_operator_policy",
        "Delete an operator policy",
        [Required("name")],
        clear_operator
    ),
    verb!(
        "list_operator_policies",
        "List the operator policies of a virtual host",
        [],
        list_operator
    ),
];

async fn put(call: &Call, kind: &str) -> Result<(), Failure> {
    let priority = call.maybe("priority").unwrap_or("0");
    let priority: i64 = priority
        .parse()
        .map_err(|_| Failure::data(format!("priority is not a number: {priority}")))?;
    let body = json!({
        "pattern": call.text("pattern"),
        "definition": call.json("definition")?,
        "priority": priority,
        "apply-to": call.maybe("apply-to").unwrap_or("all"),
    });
    call.put(&path(call, kind), &body).await
}

fn path(call: &Call, kind: &str) -> String {
    let (vhost, name) = (segment(&call.vhost), segment(call.text("name")));
    format!("/api/{kind}/{vhost}/{name}")
}

async fn set(call: &Call) -> Result<Output, Failure> {
    put(call, "policies").await?;
    done(format!(
        "Setting policy \"{}\" for pattern \"{}\" to \"{}\" with priority \"{}\" for vhost \"{}\" ...",
        call.text("name"),
        call.text("pattern"),
        call.text("definition"),
        call.maybe("priority").unwrap_or("0"),
        call.vhost
    ))
}

async fn set_operator(call: &Call) -> Result<Output, Failure> {
    put(call, "operator-policies").await?;
    let (name, vhost) = (call.text("name"), &call.vhost);
    done(format!(
        "Setting operator policy override \"{name}\" for vhost \"{vhost}\" ..."
    ))
}

async fn clear(call: &Call) -> Result<Output, Failure> {
    call.delete(&path(call, "policies")).await?;
    let (name, vhost) = (call.text("name"), &call.vhost);
    done(format!(
        "Clearing policy \"{name}\" on vhost \"{vhost}\" ..."
    ))
}

async fn clear_operator(call: &Call) -> Result<Output, Failure> {
    call.delete(&path(call, "operator-policies")).await?;
    let (name, vhost) = (call.text("name"), &call.vhost);
    done(format!(
        "Clearing operator policy \"{name}\" on vhost \"{vhost}\" ..."
    ))
}

async fn rows(call: &Call, kind: &str, title: &str) -> Result<Output, Failure> {
    let rows = call
        .get(&format!("/api/{kind}/{}", segment(&call.vhost)))
        .await?;
    let columns = [
        "vhost",
        "name",
        "pattern",
        "apply-to",
        "definition",
        "priority",
    ];
    Ok(table(
        format!("{title} for vhost \"{}\" ...", call.vhost),
        &columns,
        &rows,
    ))
}

async fn list(call: &Call) -> Result<Output, Failure> {
    rows(call, "policies", "Listing policies").await
}

async fn list_operator(call: &Call) -> Result<Output, Failure> {
    rows(
        call,
        "operator-policies",
        "Listing operator policy overrides",
    )
    .await
}
