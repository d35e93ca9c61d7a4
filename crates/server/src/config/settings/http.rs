//! The management API and the metrics.

use broker::RatesMode;

use super::super::options::HttpOptions;
use super::super::value;
use super::{Setting, Wrong, choice, ip, path, setting, tls};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "management.tcp.port",
        "15672",
        "port",
        "port of the management API and pages",
        |config, _, text| {
            config.management.port = Some(value::integer(text)?);
            Ok(())
        },
    ),
    setting(
        "management.tcp.ip",
        "",
        "IP address",
        "interface of the management API (every one)",
        |config, _, text| ip(&mut config.management.ip, text),
    ),
    setting(
        "management.ssl.port",
        "",
        "port",
        "port of the management API with TLS (none)",
        |config, _, text| {
            config.management.ssl_port = Some(value::integer(text)?);
            Ok(())
        },
    ),
    setting(
        "management.ssl.ip",
        "",
        "IP address",
        "interface of that (that of management.tcp.ip)",
        |config, _, text| ip(&mut config.management.ssl_ip, text),
    ),
    setting(
        "management.ssl.cacertfile",
        "",
        "file",
        "authorities (PEM) of the management API's clients",
        |config, _, text| path(&mut config.management.tls.cacertfile, text),
    ),
    setting(
        "management.ssl.certfile",
        "",
        "file",
        "certificate (PEM) of the management API",
        |config, _, text| path(&mut config.management.tls.certfile, text),
    ),
    setting(
        "management.ssl.keyfile",
        "",
        "file",
        "its key (PEM)",
        |config, _, text| path(&mut config.management.tls.keyfile, text),
    ),
    setting(
        "management.ssl.verify",
        "",
        "verify_peer or verify_none",
        "verify_peer: HTTP clients are asked for a certificate",
        |config, _, text| tls::verify(&mut config.management.tls, text),
    ),
    setting(
        "management.ssl.fail_if_no_peer_cert",
        "",
        "true or false",
        "HTTP clients without a certificate are refused",
        |config, _, text| {
            config.management.tls.fail_if_no_peer_cert = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "management.path_prefix",
        "",
        "/path",
        "what every path of the management API and pages begins with",
        |config, _, text| prefix(&mut config.management, text),
    ),
    setting(
        "management.rates_mode",
        "basic",
        "basic, detailed or none",
        "which rates the management API tells",
        |config, _, text| {
            config.broker.rates_mode = choice(
                text,
                &[
                    ("basic", RatesMode::Basic),
                    ("detailed", RatesMode::Detailed),
                    ("none", RatesMode::None),
                ],
            )?;
            Ok(())
        },
    ),
    setting(
        "management.load_definitions",
        "",
        "file or directory",
        "as load_definitions",
        |config, _, text| path(&mut config.broker.load_definitions, text),
    ),
    setting(
        "collect_statistics_interval",
        "5000",
        "milliseconds",
        "time between samples",
        |config, _, text| {
            config.broker.collect_statistics_interval_ms = value::integer(text)?;
            Ok(())
        },
    ),
    setting(
        "prometheus.tcp.port",
        "15692",
        "port",
        "port of the metrics for Prometheus",
        |config, _, text| {
            config.prometheus.port = Some(value::integer(text)?);
            Ok(())
        },
    ),
    setting(
        "prometheus.tcp.ip",
        "",
        "IP address",
        "interface of that (every one)",
        |config, _, text| ip(&mut config.prometheus.ip, text),
    ),
];

fn prefix(http: &mut HttpOptions, text: &str) -> Result<(), Wrong> {
    let text = text.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    let fits = text.starts_with('/') && text.chars().all(plain);
    if !text.is_empty() && !fits {
        return Err(format!("expected a path such as /rabbitmq, got '{text}'").into());
    }
    text.clone_into(&mut http.path_prefix);
    Ok(())
}
