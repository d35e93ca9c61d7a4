//! Health checks: 200 and `ok`, or 503 and `failed`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Answer, Shared};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;
use crate::page::name_regex;
use crate::timestamp::iso_8601;

pub(super) fn routes() -> Paths {
    Paths::of("Health", "200 and ok, or 503 and failed.")
        .path("/health/checks/alarms")
        .check("No alarm is raised", alarms)
        .path("/health/checks/local-alarms")
        .check("No alarm is raised on this node", local_alarms)
        .path("/health/checks/virtual-hosts")
        .check("All virtual hosts run", well)
        .path("/health/checks/node-is-quorum-critical")
        .check("No queue needs this node for its quorum", not_clustered)
        .path("/health/checks/certificate-expiration/{within}/{unit}")
        .check("No certificate expires so soon", certificates)
        .path("/health/checks/metadata-store/initialized")
        .check("The store is open", well)
        .path("/health/checks/metadata-store/initialized/with-data")
        .check("The store is open and filled", well)
        .path("/health/checks/is-in-service")
        .check("The node serves clients", serving)
        .path("/health/checks/ready-to-serve-clients")
        .check("The node serves clients", serving)
        .path("/health/checks/below-node-connection-limit")
        .check("There is room for a connection", well)
        .path("/health/checks/reached-target-cluster-size")
        .check("All nodes are there", well)
        .path("/health/checks/quorum-queues-without-elected-leaders/all-vhosts")
        .check("Every quorum queue has a leader", well)
        .path("/health/checks/quorum-queues-without-elected-leaders/all-vhosts/pattern/{pattern}")
        .check("Those have whose names match", led)
        .path("/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}")
        .check("Those in a virtual host have", led_in_vhost)
        .path(
            "/health/checks/quorum-queues-without-elected-leaders/vhost/{vhost}/pattern/{pattern}",
        )
        .check(
            "Those in it have whose names match",
            led_in_vhost_and_pattern,
        )
        .path("/health/checks/port-listener/{port}")
        .check("Something listens on a port", port_listener)
        .path("/health/checks/protocol-listener/{protocols}")
        .check(
            "Something listens for each of these protocols",
            protocol_listener,
        )
        .path("/aliveness-test/{vhost}")
        .get("The virtual host is there", aliveness)
        .path("/healthchecks/node")
        .check("The node is there", well)
        .path("/healthchecks/node/{node}")
        .check("The node is there", well)
}

fn ok() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// A virtual host that does not start keeps the broker from starting: whoever gets an answer finds
/// it well.
async fn well() -> Json<Value> {
    ok()
}

/// A queue that is there is led by this node, whatever its name.
async fn led(Path(pattern): Path<String>) -> Answer {
    check_pattern(&pattern)?;
    Ok(ok())
}

async fn led_in_vhost(State(context): Shared, caller: Caller, Path(vhost): Path<String>) -> Answer {
    caller.visible_vhost(&context, &vhost)?;
    Ok(ok())
}

async fn led_in_vhost_and_pattern(
    State(context): Shared,
    caller: Caller,
    Path((vhost, pattern)): Path<(String, String)>,
) -> Answer {
    caller.visible_vhost(&context, &vhost)?;
    check_pattern(&pattern)?;
    Ok(ok())
}

fn check_pattern(pattern: &str) -> Result<(), ApiError> {
    name_regex(pattern).map(drop)
}

async fn alarms(State(context): Shared) -> Response {
    alarms_clear(&context, "There are alarms in effect in the cluster")
}

async fn local_alarms(State(context): Shared) -> Response {
    alarms_clear(&context, "There are alarms in effect on the node")
}

fn alarms_clear(context: &Context, reason: &str) -> Response {
    let node = &context.broker.settings().node;
    let raised = context.broker.alarms().raised();
    let alarms: Vec<Value> = raised
        .resources()
        .map(|resource| json!({"node": node, "resource": resource}))
        .collect();
    if alarms.is_empty() {
        return serving_or_not(context);
    }
    failed(json!({"status": "failed", "reason": reason, "alarms": alarms}))
}

async fn serving(State(context): Shared) -> Response {
    serving_or_not(&context)
}

/// A broker whose store has failed is about to stop.
fn serving_or_not(context: &Context) -> Response {
    match context.broker.failure() {
        None => ok().into_response(),
        Some(reason) => {
            let reason = format!("the store has failed: {reason}");
            failed(json!({"status": "failed", "reason": reason}))
        }
    }
}

async fn not_clustered() -> Json<Value> {
    Json(json!({"status": "ok", "reason": "single node cluster"}))
}

/// 503 if a certificate of a listener expires within that time, or has expired.
async fn certificates(
    State(context): Shared,
    Path((within, unit)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let count: u32 = within
        .parse()
        .map_err(|_| ApiError::bad_request(format!("Invalid expiration time: {within}")))?;
    let days: u64 = match unit.as_str() {
        "day" | "days" => 1,
        "week" | "weeks" => 7,
        "month" | "months" => 30,
        "year" | "years" => 365,
        _ => return Err(ApiError::bad_request(format!("Invalid unit: {unit}"))),
    };
    let until = context.now_ms() / 1000 + u64::from(count) * days * 24 * 60 * 60;
    let node = &context.broker.settings().node;
    let certificates = context.info.certificates.borrow().clone();
    let expiring = certificates.iter().filter(|certificate| {
        let authorities = certificate.cacertfile_expires_s;
        certificate.certfile_expires_s <= until || authorities.is_some_and(|end| end <= until)
    });
    let time = |seconds: u64| iso_8601(seconds * 1000);
    let expired: Vec<Value> = expiring
        .map(|certificate| {
            json!({
                "node": node,
                "protocol": certificate.protocol,
                "interface": certificate.address.ip().to_string(),
                "port": certificate.address.port(),
                "certfile": certificate.certfile,
                "certfile_expires_on": [time(certificate.certfile_expires_s)],
                "cacertfile": certificate.cacertfile.as_deref().unwrap_or_default(),
                "cacertfile_expires_on":
                    certificate.cacertfile_expires_s.map(time).into_iter().collect::<Vec<_>>(),
            })
        })
        .collect();
    if expired.is_empty() {
        return Ok(ok().into_response());
    }
    let reason = "Certificates expiring";
    Ok(failed(
        json!({"status": "failed", "reason": reason, "expired": expired}),
    ))
}

async fn aliveness(State(context): Shared, caller: Caller, Path(vhost): Path<String>) -> Answer {
    if context.broker.vhost(&vhost).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    caller.vhost(&context, &vhost)?;
    Ok(ok())
}

fn failed(body: Value) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn port_listener(
    State(context): Shared,
    Path(port): Path<String>,
) -> Result<Response, ApiError> {
    let wanted: u16 = port
        .parse()
        .map_err(|_| ApiError::bad_request(format!("Invalid port: {port}")))?;
    let info = &context.info;
    let amqp = info.amqp_listeners.iter().chain(&info.amqp_tls_listeners);
    let listeners = amqp
        .chain(&info.management_listeners)
        .chain(&info.management_tls_listeners)
        .chain(&info.prometheus_listeners);
    let mut ports: Vec<u16> = listeners.map(std::net::SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.contains(&wanted) {
        return Ok(Json(json!({"status": "ok", "port": wanted})).into_response());
    }
    let reason = "No active listener";
    Ok(failed(
        json!({"status": "failed", "reason": reason, "missing": wanted, "ports": ports}),
    ))
}

async fn protocol_listener(State(context): Shared, Path(protocols): Path<String>) -> Response {
    let info = &context.info;
    let active: Vec<&str> = [
        ("amqp", &info.amqp_listeners),
        ("amqp/ssl", &info.amqp_tls_listeners),
        ("http", &info.management_listeners),
        ("https", &info.management_tls_listeners),
        ("http/prometheus", &info.prometheus_listeners),
    ]
    .into_iter()
    .filter(|(_, listeners)| !listeners.is_empty())
    .map(|(protocol, _)| protocol)
    .collect();
    let wanted: Vec<&str> = protocols
        .split(',')
        .map(|name| protocol(name.trim()))
        .collect();
    let missing: Vec<&&str> = wanted
        .iter()
        .filter(|name| !active.contains(name))
        .collect();
    if missing.is_empty() {
        return Json(json!({"status": "ok", "protocols": active})).into_response();
    }
    let reason = "No active listener";
    failed(json!({
        "status": "failed", "reason": reason, "missing": missing, "protocols": active,
    }))
}

/// Other names of the protocols that there are.
fn protocol(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "amqp" | "amqp091" | "amqp0.9.1" | "amqp0-9-1" | "amqp0_9_1" => "amqp",
        "amqps" | "amqp+tls" | "amqp/tls" | "amqp-tls" => "amqp/ssl",
        "http" => "http",
        "https" | "http/tls" | "http/ssl" => "https",
        _ => name,
    }
}
