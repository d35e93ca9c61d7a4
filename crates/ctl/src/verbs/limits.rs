//! Limits of virtual hosts and users.

use serde_json::{Value, json};

use super::Argument::{Flag, Option as WithValue, Required};
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

/// What a virtual host can be limited in.
const VHOST_LIMITS: [&str; 2] = ["max-connections", "max-queues"];
/// What a user can be limited in.
const USER_LIMITS: [&str; 2] = ["max-connections", "max-channels"];

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "set_vhost_limits",
        "Limit a virtual host: '{\"max-connections\": 64, \"max-queues\": 256}'",
        [Required("definition")],
        set_vhost
    ),
    verb!(
        "clear_vhost_limits",
        "Remove a virtual host's limits",
        [],
        clear_vhost
    ),
    verb!(
        "list_vhost_limits",
        "List a virtual host's limits",
        [Flag("global")],
        list_vhost
    ),
    verb!(
        "set_user_limits",
        "Limit a user: '{\"max-connections\": 64, \"max-channels\": 256}'",
        [Required("username"), Required("definition")],
        set_user
    ),
    verb!(
        "clear_user_limits",
        "Remove a user's limit, or 'all'",
        [Required("username"), Required("limit")],
        clear_user
    ),
    verb!(
        "list_user_limits",
        "List users' limits",
        [WithValue("user", "USER"), Flag("global")],
        list_user
    ),
];

async fn set(call: &Call, base: &str, known: &[&str]) -> Result<(), Failure> {
    let definition = call.json("definition")?;
    let limits = definition
        .as_object()
        .ok_or_else(|| Failure::data("expected an object of limits"))?;
    if let Some(other) = limits.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::data(format!(
            "unknown limit '{other}', known are {}",
            known.join(", ")
        )));
    }
    for (name, value) in limits {
        call.put(&format!("{base}/{name}"), &json!({ "value": value }))
            .await?;
    }
    Ok(())
}

/// Removes a limit, unless it was not set.
async fn clear(call: &Call, base: &str, names: &[&str]) -> Result<(), Failure> {
    let all = call.get(base).await?;
    let set = |name: &str| {
        all.pointer("/0/value")
            .is_some_and(|value| value.get(name).is_some())
    };
    for name in names.iter().filter(|name| set(name)) {
        call.delete(&format!("{base}/{name}")).await?;
    }
    Ok(())
}

fn rows(title: String, of: &str, limits: &Value) -> Output {
    let rows = limits.as_array().into_iter().flatten();
    Output::Table {
        title,
        columns: vec![of.to_owned(), "limits".to_owned()],
        rows: rows
            .map(|row| vec![row[of].clone(), Value::from(row["value"].to_string())])
            .collect(),
    }
}

async fn set_vhost(call: &Call) -> Result<Output, Failure> {
    let base = format!("/api/vhost-limits/{}", segment(&call.vhost));
    set(call, &base, &VHOST_LIMITS).await?;
    let definition = call.text("definition");
    done(format!(
        "Setting vhost limits to \"{definition}\" for vhost \"{}\" ...",
        call.vhost
    ))
}

async fn clear_vhost(call: &Call) -> Result<Output, Failure> {
    let base = format!("/api/vhost-limits/{}", segment(&call.vhost));
    clear(call, &base, &VHOST_LIMITS).await?;
    done(format!("Clearing vhost \"{}\" limits ...", call.vhost))
}

async fn list_vhost(call: &Call) -> Result<Output, Failure> {
    if call.flag("global") {
        let all = call.get("/api/vhost-limits").await?;
        return Ok(rows(
            "Listing limits for all vhosts ...".to_owned(),
            "vhost",
            &all,
        ));
    }
    let path = format!("/api/vhost-limits/{}", segment(&call.vhost));
    let limits = call.get(&path).await?;
    let title = format!("Listing limits for vhost \"{}\" ...", call.vhost);
    Ok(rows(title, "vhost", &limits))
}

fn user_path(user: &str) -> String {
    format!("/api/user-limits/{}", segment(user))
}

async fn set_user(call: &Call) -> Result<Output, Failure> {
    let user = call.text("username");
    set(call, &user_path(user), &USER_LIMITS).await?;
    let definition = call.text("definition");
    done(format!(
        "Setting user limits to \"{definition}\" for user \"{user}\" ..."
    ))
}

async fn clear_user(call: &Call) -> Result<Output, Failure> {
    let (user, limit) = (call.text("username"), call.text("limit"));
    let one = [limit];
    let names: &[&str] = if limit == "all" { &USER_LIMITS } else { &one };
    clear(call, &user_path(user), names).await?;
    done(format!(
        "Clearing \"{limit}\" limit for user \"{user}\" ..."
    ))
}

async fn list_user(call: &Call) -> Result<Output, Failure> {
    let path = call
        .maybe("user")
        .map_or_else(|| "/api/user-limits".to_owned(), user_path);
    let limits = call.get(&path).await?;
    Ok(rows(
        "Listing limits of users ...".to_owned(),
        "user",
        &limits,
    ))
}
