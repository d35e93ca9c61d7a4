//! Runtime parameters, feature flags, deprecated features.

use serde_json::{Value, json};

use super::Argument::Required;
use super::list::table;
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!(
        "set_parameter",
        "Set a runtime parameter",
        [Required("component"), Required("name"), Required("value")],
        set
    ),
    verb!(
        "clear_parameter",
        "Delete a runtime parameter",
        [Required("component"), Required("name")],
        clear
    ),
    verb!(
        "list_parameters",
        "List the runtime parameters of a virtual host",
        [],
        list
    ),
    verb!(
        "set_global_parameter",
        "Set a global runtime parameter",
        [Required("name"), Required("value")],
        set_global
    ),
    verb!(
        "clear_global_parameter",
        "Delete a global runtime parameter",
        [Required("name")],
        clear_global
    ),
    verb!(
        "list_global_parameters",
        "List global runtime parameters",
        [],
        list_global
    ),
    verb!(
        "set_cluster_name",
        "Name the cluster",
        [Required("name")],
        set_cluster_name
    ),
    verb!("list_feature_flags", "List feature flags", [], list_flags),
    verb!(
        "enable_feature_flag",
        "Enable a feature flag, or 'all'",
        [Required("name")],
        enable_flag
    ),
    verb!(
        "list_deprecated_features",
        "List deprecated features",
        [],
        list_deprecated
    ),
];

fn path(call: &Call) -> String {
    let component = segment(call.text("component"));
    let (vhost, name) = (segment(&call.vhost), segment(call.text("name")));
    format!("/api/parameters/{component}/{vhost}/{name}")
}

async fn set(call: &Call) -> Result<Output, Failure> {
    let body = json!({
        "component": call.text("component"),
        "vhost": call.vhost,
        "name": call.text("name"),
        "value": call.json("value")?,
    });
    call.put(&path(call), &body).await?;
    let (name, component) = (call.text("name"), call.text("component"));
    done(format!(
        "Setting runtime parameter \"{name}\" for component \"{component}\" ..."
    ))
}

async fn clear(call: &Call) -> Result<Output, Failure> {
    call.delete(&path(call)).await?;
    let (name, component) = (call.text("name"), call.text("component"));
    done(format!(
        "Clearing runtime parameter \"{name}\" for component \"{component}\" ..."
    ))
}

async fn list(call: &Call) -> Result<Output, Failure> {
    let all = call.get("/api/parameters").await?;
    let of_vhost = all.as_array().into_iter().flatten();
    let of_vhost: Value = of_vhost
        .filter(|parameter| parameter["vhost"] == *call.vhost)
        .cloned()
        .collect();
    let title = format!(
        "Listing runtime parameters for vhost \"{}\" ...",
        call.vhost
    );
    Ok(table(title, &["component", "name", "value"], &of_vhost))
}

async fn set_global(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    let body = json!({ "name": name, "value": call.json("value")? });
    call.put(&format!("/api/global-parameters/{}", segment(name)), &body)
        .await?;
    done(format!("Setting global runtime parameter \"{name}\" ..."))
}

async fn clear_global(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    call.delete(&format!("/api/global-parameters/{}", segment(name)))
        .await?;
    done(format!("Clearing global runtime parameter \"{name}\" ..."))
}

async fn list_global(call: &Call) -> Result<Output, Failure> {
    let rows = call.get("/api/global-parameters").await?;
    let title = "Listing global runtime parameters ...".to_owned();
    Ok(table(title, &["name", "value"], &rows))
}

async fn set_cluster_name(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    call.put("/api/cluster-name", &json!({ "name": name }))
        .await?;
    done(format!("Setting cluster name to {name} ..."))
}

async fn list_flags(call: &Call) -> Result<Output, Failure> {
    let rows = call.get("/api/feature-flags").await?;
    Ok(table(
        "Listing feature flags ...".to_owned(),
        &["name", "state"],
        &rows,
    ))
}

async fn enable_flag(call: &Call) -> Result<Output, Failure> {
    let name = call.text("name");
    let all = call.get("/api/feature-flags").await?;
    let known = all.as_array().into_iter().flatten();
    if name != "all" && !known.into_iter().any(|flag| flag["name"] == *name) {
        return Err(Failure::data(format!("no feature flag '{name}'")));
    }
    done("All feature flags are enabled already")
}

async fn list_deprecated(call: &Call) -> Result<Output, Failure> {
    let rows = call.get("/api/deprecated-features").await?;
    let columns = ["name", "deprecation_phase", "state"];
    Ok(table(
        "Listing deprecated features ...".to_owned(),
        &columns,
        &rows,
    ))
}
