//! The management API and the metrics.

use broker::RatesMode;

use super::super::Config;
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
        "management.cors.allow_origins",
        "none",
        "none",
        "'none': pages of other origins may not use the API",
        |_, _, text| match text {
            "none" => Ok(()),
            _ => Err(format!("expected none, or management.cors.allow_origins.1 = {text}").into()),
        },
    )
    .list(|config| config.management.cors_origins.clear()),
    setting(
        "management.cors.allow_origins.$n",
        "",
        "origin or *",
        "pages of this origin may use the API",
        |config, _, text| {
            config.management.cors_origins.push(text.to_owned());
            Ok(())
        },
    )
    .list(|config| config.management.cors_origins.clear()),
    setting(
        "management.cors.max_age",
        "1800",
        "seconds",
        "how long browsers may remember that",
        |config, _, text| {
            config.management.cors_max_age_s = Some(value::integer(text)?);
            Ok(())
        },
    ),
    setting(
        "management.csp.policy",
        "",
        "header",
        "Content-Security-Policy of every answer (one that fits the dashboard)",
        |config, _, text| header(config, "content-security-policy", text),
    ),
    setting(
        "management.hsts.policy",
        "",
        "header",
        "Strict-Transport-Security of every answer (none)",
        |config, _, text| header(config, "strict-transport-security", text),
    ),
    setting(
        "management.headers.content_type_options",
        "nosniff",
        "header",
        "X-Content-Type-Options of every answer",
        |config, _, text| header(config, "x-content-type-options", text),
    ),
    setting(
        "management.headers.xss_protection",
        "",
        "header",
        "X-XSS-Protection of every answer (none)",
        |config, _, text| header(config, "x-xss-protection", text),
    ),
    setting(
        "management.headers.frame_options",
        "DENY",
        "header",
        "X-Frame-Options of every answer",
        |config, _, text| header(config, "x-frame-options", text),
    ),
    setting(
        "management.restrictions.operator_policy_changes.disabled",
        "false",
        "true or false",
        "operator policies can't be changed through the API",
        |config, _, text| {
            config.management.operator_policies_fixed = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "management.restrictions.quorum_queue_replica_operations.disabled",
        "false",
        "true or false",
        "replicas can't be added or removed through the API",
        |config, _, text| {
            config.management.replicas_fixed = value::switch(text)?;
            Ok(())
        },
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

fn header(config: &mut Config, name: &'static str, text: &str) -> Result<(), Wrong> {
    let fits = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !fits || text.is_empty() {
        return Err(format!("expected the value of a header, got '{text}'").into());
    }
    config
        .management
        .headers
        .retain(|(other, _)| *other != name);
    config.management.headers.push((name, text.to_owned()));
    Ok(())
}

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
