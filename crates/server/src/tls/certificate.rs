//! What stands in a certificate.

use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::config::{AlternativeKind, AlternativeName, LoginFrom};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate, as people read it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Whose it is: `CN=…,O=…` (RFC 4514).
    pub(super) subject: String,
    /// Who says so.
    pub(super) issuer: String,
    /// From when until when: `2026-01-01T00:00:00Z - 2027-01-01T00:00:00Z`.
    pub(super) validity: String,
    /// The end of that in seconds of the epoch.
    pub(super) not_after: u64,
    common_names: Vec<String>,
    alternative_names: Vec<(AlternativeKind, String)>,
}

impl Certificate {
    /// Reads its DER form.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate;
        let validity = certificate.validity;
        let attributes = certificate.subject.0.iter().flat_map(|rdn| rdn.0.iter());
        let common_names = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
        let common_names = common_names
            // Every kind of string that is still issued is UTF-8 or a part of it.
            .filter_map(|name| Some(std::str::from_utf8(name.value.value()).ok()?.to_owned()))
            .collect();
        let alternative_names = match certificate.get::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(alternative_name).collect(),
            _ => Vec::new(),
        };
        Some(Self {
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            validity: format!("{} - {}", validity.not_before, validity.not_after),
            not_after: validity.not_after.to_unix_duration().as_secs(),
            common_names,
            alternative_names,
        })
    }

    /// The user that it stands for; `None` if it has no such name.
    pub(super) fn user(&self, from: LoginFrom) -> Option<String> {
        let name = match from {
            LoginFrom::Distinguished => self.subject.clone(),
            LoginFrom::Common => self.common_names.join(","),
            LoginFrom::Alternative(AlternativeName { kind, index }) => {
                let names = self.alternative_names.iter();
                let mut names = names.filter(|(other, _)| *other == kind);
                names.nth(index)?.1.clone()
            }
        };
        (!name.is_empty()).then_some(name)
    }
}

fn alternative_name(name: &GeneralName) -> Option<(AlternativeKind, String)> {
    match name {
        GeneralName::DnsName(name) => Some((AlternativeKind::Dns, name.to_string())),
        GeneralName::Rfc822Name(name) => Some((AlternativeKind::Email, name.to_string())),
        GeneralName::UniformResourceIdentifier(uri) => {
            Some((AlternativeKind::Uri, uri.to_string()))
        }
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from));
            Some((AlternativeKind::Ip, ip.ok()?.to_string()))
        }
        _ => None,
    }
}
