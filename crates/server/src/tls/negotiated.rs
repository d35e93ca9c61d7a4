//! What a handshake has come to, in RabbitMQ's words.

use broker::{PeerCertificate, TlsInfo};
use tokio_rustls::rustls::{ProtocolVersion, ServerConnection};

use super::certificate::Certificate;
use crate::config::LoginFrom;

/// Version and cipher of a connection whose handshake is over, and the client's certificate if it
/// has sent one, which was verified then.
pub(crate) fn negotiated(connection: &ServerConnection, login_from: LoginFrom) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "tlsv1.2",
        _ => "tlsv1.3",
    };
    let suite = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or_default();
    let (key_exchange, cipher) = parts(suite);
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| Certificate::read(chain.first()?));
    TlsInfo {
        protocol: version,
        key_exchange,
        cipher,
        hash: "aead",
        certificate: certificate.map(|certificate| PeerCertificate {
            user: certificate.user(login_from),
            subject: certificate.subject,
            issuer: certificate.issuer,
            validity: certificate.validity,
        }),
    }
}

/// Key exchange and cipher in the name of a suite: `TLS13_AES_256_GCM_SHA384` or
/// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
fn parts(suite: &str) -> (String, String) {
    let (exchange, rest) = match suite.strip_prefix("TLS13_") {
        Some(rest) => ("any", rest),
        None => suite
            .strip_prefix("TLS_")
            .and_then(|suite| suite.split_once("_WITH_"))
            .unwrap_or(("", suite)),
    };
    let cipher = rest.rsplit_once("_SHA").map_or(rest, |(cipher, _)| cipher);
    (exchange.to_lowercase(), cipher.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_named_as_in_erlang() {
        let named = |exchange: &str, cipher: &str| (exchange.to_owned(), cipher.to_owned());
        for (suite, expected) in [
            ("TLS13_AES_256_GCM_SHA384", named("any", "aes_256_gcm")),
            (
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                named("ecdhe_rsa", "aes_128_gcm"),
            ),
            (
                "TLS13_CHACHA20_POLY1305_SHA256",
                named("any", "chacha20_poly1305"),
            ),
            ("", named("", "")),
        ] {
            assert_eq!(parts(suite), expected, "{suite}");
        }
    }
}
