//! Queues to empty or delete, connections to close.

use serde_json::Value;

use super::Argument::{Flag, Option as WithValue, Required};
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "purge_queue",
        "Drop all ready messages of a queue",
        [Required("queue")],
        purge
    ),
    verb!(
        "delete_queue",
        "Delete a queue",
        [Required("queue"), Flag("if-empty"), Flag("if-unused")],
        delete
    ),
    verb!(
        "close_connection",
        "Close a connection by its name",
        [Required("connection"), Required("explanation")],
        close
    ),
    verb!(
        "close_all_connections",
        "Close the connections to a virtual host, or all of them",
        [
            Required("explanation"),
            Flag("global"),
            WithValue("limit", "NUMBER")
        ],
        close_all
    ),
    verb!(
        "close_all_user_connections",
        "Close a user's connections",
        [Required("username"), Required("explanation")],
        close_user
    ),
];

fn queue(call: &Call) -> String {
    let (vhost, queue) = (segment(&call.vhost), segment(call.text("queue")));
    format!("/api/queues/{vhost}/{queue}")
}

async fn purge(call: &Call) -> Result<Output, Failure> {
    call.delete(&format!("{}/contents", queue(call))).await?;
    let (queue, vhost) = (call.text("queue"), &call.vhost);
    done(format!("Purging queue '{queue}' in vhost '{vhost}' ..."))
}

async fn delete(call: &Call) -> Result<Output, Failure> {
    let mut conditions = Vec::new();
    for condition in ["if-empty", "if-unused"] {
        if call.flag(condition) {
            conditions.push(format!("{condition}=true"));
        }
    }
    call.delete(&format!("{}?{}", queue(call), conditions.join("&")))
        .await?;
    let (queue, vhost) = (call.text("queue"), &call.vhost);
    done(format!("Deleting queue '{queue}' on vhost '{vhost}' ..."))
}

/// The names of connections for which `which` holds.
async fn names(call: &Call, which: impl Fn(&Value) -> bool) -> Result<Vec<String>, Failure> {
    let connections = call.get("/api/connections").await?;
    let chosen = connections.as_array().into_iter().flatten();
    Ok(chosen
        .filter(|connection| which(connection))
        .filter_map(|connection| connection["name"].as_str().map(str::to_owned))
        .collect())
}

async fn close_each(call: &Call, names: &[String]) -> Result<usize, Failure> {
    let mut closed = 0;
    for name in names {
        let path = format!("/api/connections/{}", segment(name));
        // One that has closed by itself meanwhile is fine.
        if call.exists(&path).await? {
            call.delete(&path).await?;
            closed += 1;
        }
    }
    Ok(closed)
}

async fn close(call: &Call) -> Result<Output, Failure> {
    let name = call.text("connection").to_owned();
    let closed = close_each(call, std::slice::from_ref(&name)).await?;
    match closed {
        0 => Err(Failure::refused(format!("no connection '{name}'"))),
        _ => done(format!(
            "Closing connection {name}, reason: {} ...",
            call.text("explanation")
        )),
    }
}

async fn close_all(call: &Call) -> Result<Output, Failure> {
    let everywhere = call.flag("global");
    let mut names = names(call, |c| everywhere || c["vhost"] == *call.vhost).await?;
    if let Some(limit) = call.maybe("limit").and_then(|limit| limit.parse().ok()) {
        names.truncate(limit);
    }
    let closed = close_each(call, &names).await?;
    done(format!("Closed {closed} connections"))
}

async fn close_user(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let names = names(call, |c| c["user"] == *user).await?;
    let closed = close_each(call, &names).await?;
    done(format!("Closed {closed} connections of user \"{user}\""))
}
