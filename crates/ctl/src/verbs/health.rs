//! Checks: exit code 0 when all is well, 69 when it is not.

use serde_json::Value;
use tokio::net::TcpStream;

use super::Argument::{Option as WithValue, Required};
use super::{Verb, done, verb};
use crate::call::Call;
use crate::failure::Failure;
use crate::http::segment;
use crate::output::Output;

pub(super) const VERBS: &[Verb] = &[
    verb!("check_running", "Check that the broker runs", [], running),
    verb!(
        "check_local_alarms",
        "Check that no alarm is in effect",
        [],
        alarms
    ),
    verb!(
        "check_alarms",
        "Check that no alarm is in effect",
        [],
        alarms
    ),
    verb!(
        "check_port_connectivity",
        "Connect to every listener",
        [WithValue("address", "HOST")],
        connectivity
    ),
    verb!(
        "check_port_listener",
        "Check that something listens on a port",
        [Required("port")],
        port
    ),
    verb!(
        "check_protocol_listener",
        "Check that there is a listener for a protocol",
        [Required("protocol")],
        protocol
    ),
    verb!(
        "check_virtual_hosts",
        "Check that all virtual hosts run",
        [],
        vhosts
    ),
    verb!(
        "check_certificate_expiration",
        "Check that no certificate expires too soon",
        [WithValue("within", "NUMBER"), WithValue("unit", "UNIT")],
        certificates
    ),
    verb!(
        "check_if_node_is_quorum_critical",
        "Check that queues survive without this node: one node is all there is",
        [],
        quorum
    ),
    verb!(
        "check_if_any_deprecated_features_are_used",
        "Check that nothing deprecated is used",
        [],
        deprecated
    ),
];

async fn check(call: &Call, path: &str, well: &str) -> Result<Output, Failure> {
    match call.check(&format!("/api/health/checks/{path}")).await? {
        None => done(well),
        Some(reason) => Err(Failure::unavailable(reason)),
    }
}

async fn running(call: &Call) -> Result<Output, Failure> {
    call.get("/api/overview").await?;
    done("RabbitMQ on this node is fully booted and running")
}

async fn alarms(call: &Call) -> Result<Output, Failure> {
    check(call, "alarms", "Node reported no alarms").await
}

async fn port(call: &Call) -> Result<Output, Failure> {
    let port = call.text("port");
    let well = format!("A listener for port {port} is running.");
    check(call, &format!("port-listener/{}", segment(port)), &well).await
}

async fn protocol(call: &Call) -> Result<Output, Failure> {
    let protocol = call.text("protocol");
    let well = format!("A listener for protocol {protocol} is running.");
    check(
        call,
        &format!("protocol-listener/{}", segment(protocol)),
        &well,
    )
    .await
}

async fn vhosts(call: &Call) -> Result<Output, Failure> {
    check(call, "virtual-hosts", "Node reported all vhosts as running").await
}

async fn quorum(call: &Call) -> Result<Output, Failure> {
    let well = "Node reported no quorum queues as critical";
    check(call, "node-is-quorum-critical", well).await
}

async fn certificates(call: &Call) -> Result<Output, Failure> {
    let (within, unit) = (
        call.maybe("within").unwrap_or("4"),
        call.maybe("unit").unwrap_or("weeks"),
    );
    let path = format!(
        "certificate-expiration/{}/{}",
        segment(within),
        segment(unit)
    );
    check(call, &path, "No certificate expires within that time").await
}

async fn deprecated(call: &Call) -> Result<Output, Failure> {
    let used = call.get("/api/deprecated-features/used").await?;
    match used.as_array().map_or(0, Vec::len) {
        0 => done("No deprecated features are used"),
        n => Err(Failure::unavailable(format!(
            "{n} deprecated features are used"
        ))),
    }
}

async fn connectivity(call: &Call) -> Result<Output, Failure> {
    let overview = call.get("/api/overview").await?;
    let listeners = overview["listeners"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for listener in &listeners {
        let port = listener["port"].as_u64().unwrap_or_default();
        let ip = host(listener, call.maybe("address"));
        let address = match ip.contains(':') {
            true => format!("[{ip}]:{port}"),
            false => format!("{ip}:{port}"),
        };
        TcpStream::connect(&address).await.map_err(|error| {
            Failure::unavailable(format!("cannot connect to {address}: {error}"))
        })?;
    }
    done(format!(
        "Successfully connected to {} ports",
        listeners.len()
    ))
}

/// Where to reach a listener from here.
fn host(listener: &Value, address: Option<&str>) -> String {
    match (address, listener["ip_address"].as_str()) {
        (Some(address), _) => address.to_owned(),
        (None, Some("::" | "0.0.0.0") | None) => "127.0.0.1".to_owned(),
        (None, Some(ip)) => ip.to_owned(),
    }
}
