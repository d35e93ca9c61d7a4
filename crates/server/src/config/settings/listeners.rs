//! Where clients connect.

use std::time::Duration;

use super::super::listen::Listen;
use super::super::value;
use super::{Setting, Wrong, setting};

type Listeners = Vec<(String, Listen)>;

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "listeners.tcp",
        "",
        "none",
        "'none': no AMQP listener without TLS",
        |_, _, text| none(text),
    )
    .list(|config| config.amqp.clear()),
    setting(
        "listeners.tcp.$name",
        "5672",
        "PORT or IP:PORT",
        "an AMQP listener; repeat with other names",
        |config, name, text| add(&mut config.amqp, name, text),
    )
    .list(|config| config.amqp.clear()),
    setting(
        "listeners.ssl",
        "none",
        "none",
        "'none': no AMQP listener with TLS",
        |_, _, text| none(text),
    )
    .list(|config| config.amqps.clear()),
    setting(
        "listeners.ssl.$name",
        "",
        "PORT or IP:PORT",
        "an AMQP listener with TLS; repeat with other names",
        |config, name, text| add(&mut config.amqps, name, text),
    )
    .list(|config| config.amqps.clear()),
    setting(
        "proxy_protocol",
        "false",
        "true or false",
        "AMQP listeners expect a PROXY header, version 1 or 2, from a load balancer",
        |config, _, text| {
            config.proxy_protocol = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "handshake_timeout",
        "10000",
        "milliseconds",
        "time from accept to connection.open",
        |config, _, text| {
            config.broker.handshake_timeout = Duration::from_millis(value::integer(text)?);
            Ok(())
        },
    ),
    setting(
        "ssl_handshake_timeout",
        "5000",
        "milliseconds",
        "time of the TLS handshake and the PROXY header",
        |config, _, text| {
            config.ssl_handshake_timeout = Duration::from_millis(value::integer(text)?);
            Ok(())
        },
    ),
];

fn none(text: &str) -> Result<(), Wrong> {
    match text {
        "none" => Ok(()),
        _ => Err(format!("expected none, got '{text}'").into()),
    }
}

fn add(listeners: &mut Listeners, name: &str, text: &str) -> Result<(), Wrong> {
    let listen = Listen::parse(text)?;
    listeners.retain(|(other, _)| other != name);
    listeners.push((name.to_owned(), listen));
    Ok(())
}
