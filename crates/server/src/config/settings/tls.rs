//! Certificates.

use super::super::options::{AlternativeKind, AlternativeName, LoginFrom, TlsOptions, TlsVersion};
use super::super::{Config, value};
use super::{Setting, Wrong, choice, path, setting};

const PASSWORD: &str = "encrypted keys are not supported: store the key without a password, \
                        readable by the broker only";

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "ssl_options.cacertfile",
        "",
        "file",
        "authorities (PEM) that clients' certificates may come from",
        |config, _, text| path(&mut config.tls.cacertfile, text),
    ),
    setting(
        "ssl_options.certfile",
        "",
        "file",
        "certificate (PEM) of AMQP with TLS, intermediates behind it",
        |config, _, text| path(&mut config.tls.certfile, text),
    ),
    setting(
        "ssl_options.keyfile",
        "",
        "file",
        "its key (PEM)",
        |config, _, text| path(&mut config.tls.keyfile, text),
    ),
    setting(
        "ssl_options.verify",
        "verify_none",
        "verify_peer or verify_none",
        "verify_peer: clients are asked for a certificate",
        |config, _, text| verify(&mut config.tls, text),
    ),
    setting(
        "ssl_options.fail_if_no_peer_cert",
        "false",
        "true or false",
        "clients without a certificate are refused",
        |config, _, text| {
            config.tls.fail_if_no_peer_cert = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "ssl_options.versions.$n",
        "",
        "tlsv1.2 or tlsv1.3",
        "a version of TLS to offer (both)",
        |config, _, text| version(&mut config.tls, text),
    )
    .list(|config| config.tls.versions.clear()),
    setting(
        "ssl_options.password",
        "",
        "password",
        "of the key; ignored",
        |_, _, _| Err(Wrong::Ignored(PASSWORD.to_owned())),
    ),
    setting(
        "ssl_options.depth",
        "",
        "certificates",
        "ignored: chains may have up to 6 intermediates",
        |_, _, text| {
            let _: u8 = value::integer(text)?;
            Err(Wrong::Ignored(
                "chains may have up to 6 intermediate certificates".to_owned(),
            ))
        },
    ),
    setting(
        "ssl_cert_login_from",
        "distinguished_name",
        "distinguished_name, common_name or subject_alternative_name",
        "the user name in a certificate (SASL EXTERNAL)",
        |config, _, text| {
            config.login_from = choice(
                text,
                &[
                    ("distinguished_name", LoginFrom::Distinguished),
                    ("common_name", LoginFrom::Common),
                    (
                        "subject_alternative_name",
                        LoginFrom::Alternative(AlternativeName::default()),
                    ),
                    (
                        "subject_alt_name",
                        LoginFrom::Alternative(AlternativeName::default()),
                    ),
                ],
            )?;
            Ok(())
        },
    ),
    setting(
        "ssl_cert_login_san_type",
        "dns",
        "dns, ip, email or uri",
        "which kind of alternative name",
        |config, _, text| {
            config.login_name.kind = choice(
                text,
                &[
                    ("dns", AlternativeKind::Dns),
                    ("ip", AlternativeKind::Ip),
                    ("email", AlternativeKind::Email),
                    ("uri", AlternativeKind::Uri),
                ],
            )?;
            Ok(())
        },
    ),
    setting(
        "ssl_cert_login_san_index",
        "0",
        "number",
        "which of that kind, from 0",
        |config, _, text| {
            config.login_name.index = value::integer(text)?;
            Ok(())
        },
    ),
];

/// `ssl_options.verify` and its like.
pub(super) fn verify(tls: &mut TlsOptions, text: &str) -> Result<(), Wrong> {
    tls.verify_peer = choice(text, &[("verify_peer", true), ("verify_none", false)])?;
    Ok(())
}

fn version(tls: &mut TlsOptions, text: &str) -> Result<(), Wrong> {
    let version = match text {
        "tlsv1.2" => TlsVersion::V12,
        "tlsv1.3" => TlsVersion::V13,
        "tlsv1" | "tlsv1.1" => {
            return Err(Wrong::Ignored(format!(
                "{text} is not safe and not offered"
            )));
        }
        _ => return Err(format!("expected tlsv1.2 or tlsv1.3, got '{text}'").into()),
    };
    if !tls.versions.contains(&version) {
        tls.versions.push(version);
    }
    Ok(())
}

/// Settles what two keys say together.
pub(in super::super) fn resolve(config: &mut Config) {
    if let LoginFrom::Alternative(name) = &mut config.login_from {
        *name = config.login_name;
    }
}
