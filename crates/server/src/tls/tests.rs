use std::fs;
use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};
use tempfile::TempDir;

use super::certificate::Certificate;
use super::*;
use crate::config::{AlternativeKind, AlternativeName, LoginFrom};

/// A name with a common name and an organisation.
fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Tests, Inc.");
    name.push(DnType::CommonName, common);
    name
}

/// An authority, an intermediate below it and a server below that, in files.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = Self { dir };
        files.issue("server");
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn issue(&self, common: &str) {
        let key = || KeyPair::generate().unwrap();
        let authority = |common: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name = named(common);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let (root_key, middle_key, server_key) = (key(), key(), key());
        let root = authority("root").self_signed(&root_key).unwrap();
        let middle = authority("middle")
            .signed_by(&middle_key, &root, &root_key)
            .unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = named(common);
        let server = params.signed_by(&server_key, &middle, &middle_key).unwrap();
        fs::write(self.path("ca.pem"), root.pem() + &middle.pem()).unwrap();
        fs::write(self.path("cert.pem"), server.pem()).unwrap();
        fs::write(self.path("key.pem"), server_key.serialize_pem()).unwrap();
    }

    fn options(&self) -> TlsOptions {
        TlsOptions {
            cacertfile: Some(self.path("ca.pem")),
            certfile: Some(self.path("cert.pem")),
            keyfile: Some(self.path("key.pem")),
            ..TlsOptions::default()
        }
    }
}

fn refused(options: &TlsOptions, expected: &str) {
    let error = Tls::load(options, &[]).err().unwrap();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn files_that_are_no_certificate_with_its_key_are_named() {
    let files = Files::new();
    let other = Files::new();
    let options = files.options();
    fs::write(files.path("empty"), "").unwrap();
    fs::write(
        files.path("secret"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let with_cert = |file: PathBuf| TlsOptions {
        certfile: Some(file),
        ..options.clone()
    };
    let with_key = |file: PathBuf| TlsOptions {
        keyfile: Some(file),
        ..options.clone()
    };
    refused(
        &with_cert(files.path("missing")),
        "cannot read certificates",
    );
    refused(&with_cert(files.path("empty")), "holds no certificate");
    refused(&with_key(files.path("empty")), "cannot read a key");
    refused(&with_key(files.path("secret")), "is encrypted");
    refused(
        &with_key(other.path("key.pem")),
        "do not make a certificate with its key",
    );
    let no_authority = TlsOptions {
        verify_peer: true,
        cacertfile: None,
        ..options
    };
    refused(&no_authority, "cacertfile");
}

#[test]
fn intermediates_that_stand_with_the_authorities_are_sent_along() {
    let files = Files::new();
    let authorities = certificates(&files.path("ca.pem")).unwrap();
    let mut chain = certificates(&files.path("cert.pem")).unwrap();
    complete(&mut chain, &authorities);
    let subjects = chain
        .iter()
        .map(|der| Certificate::read(der).unwrap().subject);
    let subjects: Vec<String> = subjects.collect();
    assert_eq!(
        subjects,
        ["CN=server,O=Tests\\, Inc.", "CN=middle,O=Tests\\, Inc."]
    );
}

#[test]
fn changed_files_are_read_again_and_broken_ones_are_not_used() {
    let files = Files::new();
    let tls = Tls::load(&files.options(), &[]).unwrap();
    let first = tls.config();
    assert_eq!(tls.reload(), Ok(false));
    files.issue("a longer name");
    assert_eq!(tls.reload(), Ok(true));
    let second = tls.config();
    assert!(!Arc::ptr_eq(&first, &second));
    fs::write(files.path("key.pem"), "half a k").unwrap();
    assert!(tls.reload().is_err());
    assert!(Arc::ptr_eq(&second, &tls.config()));
    // Said once, not every few seconds.
    assert_eq!(tls.reload(), Ok(false));
    files.issue("server");
    assert_eq!(tls.reload(), Ok(true));
}

#[test]
fn the_user_is_one_of_the_names_in_the_certificate() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = named("alice");
    let ip: IpAddr = [10, 0, 0, 1].into();
    params.subject_alt_names = vec![
        SanType::DnsName("one.example".try_into().unwrap()),
        SanType::Rfc822Name("alice@example.org".try_into().unwrap()),
        SanType::DnsName("two.example".try_into().unwrap()),
        SanType::URI("urn:alice".try_into().unwrap()),
        SanType::IpAddress(ip),
    ];
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let certificate = Certificate::read(der.der()).unwrap();
    let alternative =
        |kind, index| certificate.user(LoginFrom::Alternative(AlternativeName { kind, index }));
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(
        certificate.user(LoginFrom::Distinguished),
        some("CN=alice,O=Tests\\, Inc.")
    );
    assert_eq!(certificate.user(LoginFrom::Common), some("alice"));
    assert_eq!(alternative(AlternativeKind::Dns, 0), some("one.example"));
    assert_eq!(alternative(AlternativeKind::Dns, 1), some("two.example"));
    assert_eq!(alternative(AlternativeKind::Dns, 2), None);
    assert_eq!(
        alternative(AlternativeKind::Email, 0),
        some("alice@example.org")
    );
    assert_eq!(alternative(AlternativeKind::Uri, 0), some("urn:alice"));
    assert_eq!(alternative(AlternativeKind::Ip, 0), some("10.0.0.1"));
}

#[test]
fn a_certificate_without_a_name_stands_for_nobody() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let certificate = Certificate::read(der.der()).unwrap();
    assert_eq!(certificate.user(LoginFrom::Distinguished), None);
    assert_eq!(certificate.user(LoginFrom::Common), None);
    assert_eq!(Certificate::read(b"nonsense"), None);
}

#[test]
fn versions_are_offered_as_asked_for() {
    let offered = |versions: &[TlsVersion]| {
        let options = TlsOptions {
            versions: versions.to_vec(),
            ..TlsOptions::default()
        };
        super::versions(&options).len()
    };
    assert_eq!(offered(&[]), 2);
    assert_eq!(offered(&[TlsVersion::V12]), 1);
    assert_eq!(offered(&[TlsVersion::V13]), 1);
}
