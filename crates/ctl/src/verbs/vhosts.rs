//! Virtual hosts.

use serde_json::{Map, Value, json};

use super::Argument::{Option as WithValue, Required, Words};
use super::list::table;
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "add_vhost",
        "Create a virtual host",
        [
            Required("name"),
            WithValue("description", "TEXT"),
            WithValue("tags", "TAGS"),
            WithValue("default-queue-type", "TYPE")
        ],
        add
    ),
    verb!(
        "delete_vhost",
        "Delete a virtual host with all that is in it",
        [Required("name")],
        delete
    ),
    verb!("list_vhosts", "List virtual hosts", [Words("column")], list),
    verb!(
        "update_vhost_metadata",
        "Change a virtual host's description, tags or default queue type",
        [
            Required("name"),
            WithValue("description", "TEXT"),
            WithValue("tags", "TAGS"),
            WithValue("default-queue-type", "TYPE")
        ],
        update
    ),
    verb!(
        "set_vhost_tags",
        "Replace a virtual host's tags",
        [Required("name"), Words("tag")],
        set_tags
    ),
    verb!(
        "enable_vhost_deletion_protection",
        "Refuse to delete a virtual host",
        [Required("name")],
        protect
    ),
    verb!(
        "disable_vhost_deletion_protection",
        "Allow to delete a virtual host again",
        [Required("name")],
        unprotect
    ),
    verb!(
        "restart_vhost",
        "Nothing: virtual hosts don't fail by themselves",
        [],
        restart
    ),
    verb!(
        "trace_on",
        "Copy all messages to amq.rabbitmq.trace",
        [],
        trace_on
    ),
    verb!(
        "trace_off",
        "Stop copying messages to amq.rabbitmq.trace",
        [],
        trace_off
    ),
];

fn path(name: &str) -> String {
    format!("/api/vhosts/{}", segment(name))
}

/// The options that were given.
fn metadata(call: &Call) -> Value {
    let mut body = Map::new();
    for (option, key) in [
        ("description", "description"),
        ("tags", "tags"),
        ("default-queue-type", "default_queue_type"),
    ] {
        if let Some(value) = call.maybe(option) {
            body.insert(key.to_owned(), json!(value));
        }
    }
    Value::Object(body)
}

async fn existing(call: &Call, name: &str) -> Result<(), Failure> {
    match call.exists(&path(name)).await? {
        true => Ok(()),
        false => Err(Failure::refused(format!(
            "Virtual host '{name}' does not exist"
        ))),
    }
}

async fn add(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    call.put(&path(name), &metadata(call)).await?;
    done(format!("Adding vhost \"{name}\" ..."))
}

async fn update(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    existing(call, name).await?;
    call.put(&path(name), &metadata(call)).await?;
    done(format!("Updating metadata of vhost \"{name}\" ..."))
}

async fn set_tags(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    existing(call, name).await?;
    let tags = call.words("tag");
    call.put(&path(name), &json!({ "tags": tags })).await?;
    done(format!(
        "Setting tags for vhost \"{name}\" to [{}] ...",
        tags.join(", ")
    ))
}

async fn delete(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    existing(call, name).await?;
    call.delete(&path(name)).await?;
    done(format!("Deleting vhost \"{name}\" ..."))
}

async fn list(call: &Call) -> Result<Output, Failure> {
    let mut columns = call.words("column");
    if columns.is_empty() {
        columns.push("name");
    }
    let rows = call.get("/api/vhosts").await?;
    Ok(table("Listing vhosts ...".to_owned(), &columns, &rows))
}

async fn protect(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    let path = format!("{}/deletion/protection", path(name));
    call.post(&path, &Value::Null).await?;
    done(format!("Protecting vhost \"{name}\" from deletion ..."))
}

async fn unprotect(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    call.delete(&format!("{}/deletion/protection", path(name)))
        .await?;
    done(format!(
        "Removing deletion protection from vhost \"{name}\" ..."
    ))
}

async fn restart(call: &Call) -> Result<Output, Failure> {
    existing(call, &call.vhost).await?;
    done(format!("Virtual host '{}' is already running", call.vhost))
}

async fn trace(call: &Call, on: bool) -> Result<(), Failure> {
    existing(call, &call.vhost).await?;
    call.put(&path(&call.vhost), &json!({ "tracing": on }))
        .await
}

async fn trace_on(call: &Call) -> Result<Output, Failure> {
    trace(call, true).await?;
    done(format!("Trace enabled for vhost {}", call.vhost))
}

async fn trace_off(call: &Call) -> Result<Output, Failure> {
    trace(call, false).await?;
    done(format!("Trace disabled for vhost {}", call.vhost))
}
