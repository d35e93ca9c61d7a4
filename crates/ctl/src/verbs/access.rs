//! Permissions.

use serde_json::{Value, json};

use super::Argument::{Optional, Required};
use super::list::table;
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "set_permissions",
        "Let a user configure, write and read what three patterns match",
        [
            Required("username"),
            Required("conf"),
            Required("write"),
            Required("read")
        ],
        set
    ),
    verb!(
        "clear_permissions",
        "Take a user's permissions in a virtual host away",
        [Required("username")],
        clear
    ),
    verb!(
        "list_permissions",
        "List permissions in a virtual host",
        [],
        list
    ),
    verb!(
        "list_user_permissions",
        "List a user's permissions",
        [Required("username")],
        list_of_user
    ),
    verb!(
        "set_topic_permissions",
        "Let a user write and read routing keys of a topic exchange",
        [
            Required("username"),
            Required("exchange"),
            Required("write"),
            Required("read")
        ],
        set_topic
    ),
    verb!(
        "clear_topic_permissions",
        "Take topic permissions away",
        [Required("username"), Optional("exchange")],
        clear_topic
    ),
    verb!(
        "list_topic_permissions",
        "List topic permissions in a virtual host",
        [],
        list_topic
    ),
    verb!(
        "list_user_topic_permissions",
        "List a user's topic permissions",
        [Required("username")],
        list_topic_of_user
    ),
];

fn path(kind: &str, call: &Call) -> String {
    let (vhost, user) = (segment(&call.vhost), segment(call.text("username")));
    format!("/api/{kind}/{vhost}/{user}")
}

async fn set(call: &Call) -> Result<Output, Failure> {
    let body = json!({
        "configure": call.text("conf"),
        "write": call.text("write"),
        "read": call.text("read"),
    });
    call.put(&path("permissions", call), &body).await?;
    let (user, vhost) = (call.text("username"), &call.vhost);
    done(format!(
        "Setting permissions for user \"{user}\" in vhost \"{vhost}\" ..."
    ))
}

async fn clear(call: &Call) -> Result<Output, Failure> {
    call.delete(&path("permissions", call)).await?;
    let (user, vhost) = (call.text("username"), &call.vhost);
    done(format!(
        "Clearing permissions for user \"{user}\" in vhost \"{vhost}\" ..."
    ))
}

async fn list(call: &Call) -> Result<Output, Failure> {
    let rows = call
        .get(&format!("/api/vhosts/{}/permissions", segment(&call.vhost)))
        .await?;
    let title = format!("Listing permissions for vhost \"{}\" ...", call.vhost);
    Ok(table(title, &["user", "configure", "write", "read"], &rows))
}

async fn list_of_user(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let rows = call
        .get(&format!("/api/users/{}/permissions", segment(user)))
        .await?;
    let title = format!("Listing permissions for user \"{user}\" ...");
    Ok(table(
        title,
        &["vhost", "configure", "write", "read"],
        &rows,
    ))
}

async fn set_topic(call: &Call) -> Result<Output, Failure> {
    let body = json!({
        "exchange": call.text("exchange"),
        "write": call.text("write"),
        "read": call.text("read"),
    });
    call.put(&path("topic-permissions", call), &body).await?;
    done(format!(
        "Setting topic permissions on \"{}\" for user \"{}\" in vhost \"{}\" ...",
        call.text("exchange"),
        call.text("username"),
        call.vhost
    ))
}

async fn clear_topic(call: &Call) -> Result<Output, Failure> {
    let mut path = path("topic-permissions", call);
    if let Some(exchange) = call.maybe("exchange") {
        path = format!("{path}/{}", segment(exchange));
    }
    call.delete(&path).await?;
    done(format!(
        "Clearing topic permissions for user \"{}\" in vhost \"{}\" ...",
        call.text("username"),
        call.vhost
    ))
}

async fn topic(call: &Call, path: String, title: String) -> Result<Output, Failure> {
    let rows: Value = call.get(&path).await?;
    let columns = ["user", "vhost", "exchange", "write", "read"];
    Ok(table(title, &columns, &rows))
}

async fn list_topic(call: &Call) -> Result<Output, Failure> {
    let path = format!("/api/vhosts/{}/topic-permissions", segment(&call.vhost));
    let title = format!("Listing topic permissions for vhost \"{}\" ...", call.vhost);
    topic(call, path, title).await
}

async fn list_topic_of_user(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    let path = format!("/api/users/{}/topic-permissions", segment(user));
    topic(
        call,
        path,
        format!("Listing topic permissions for user \"{user}\" ..."),
    )
    .await
}
