//! TLS: AMQP and the management API over it, client certificates, certificates that change.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
use tests::{
    Broker, Http, Launch, Wire, binary, eventually, scratch_dir,
    wire::{Properties, Reader, basic, capable, connection, queue},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Builder,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

/// An authority and what it has signed.
struct Authority {
    dir: PathBuf,
    certificate: Certificate,
    key: KeyPair,
}

/// A certificate and its key, as PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let dir = scratch_dir();
        fs::write(dir.join("ca.pem"), certificate.pem()).unwrap();
        let authority = Self {
            dir,
            certificate,
            key,
        };
        authority.serve("server", (2100, 1, 1));
        authority
    }

    fn issue(&self, common: &str, until: (i32, u8, u8)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let signed = params
            .signed_by(&key, &self.certificate, &self.key)
            .unwrap();
        Issued {
            certificate: signed.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts a new certificate where the broker looks for it.
    fn serve(&self, common: &str, until: (i32, u8, u8)) {
        let issued = self.issue(common, until);
        fs::write(self.dir.join("key.pem"), issued.key).unwrap();
        fs::write(self.dir.join("cert.pem"), issued.certificate).unwrap();
    }

    /// `ssl_options` or `management.ssl` of a file.
    fn options(&self, prefix: &str) -> String {
        let dir = self.dir.display();
        format!(
            "{prefix}.cacertfile = {dir}/ca.pem\n{prefix}.certfile = {dir}/cert.pem\n\
             {prefix}.keyfile = {dir}/key.pem\n"
        )
    }

    fn client(&self, identity: Option<&Issued>) -> ClientConfig {
        self.client_of(identity, &[&TLS12, &TLS13])
    }

    fn client_of(
        &self,
        identity: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain =
                    vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A local address whose connections go through TLS to `to`, so that a client without TLS can be
/// used; one that TLS refuses is closed.
fn tunnel(to: SocketAddr, config: ClientConfig) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let connector = TlsConnector::from(Arc::new(config));
            while let Ok((mut plain, _)) = listener.accept().await {
                let connector = connector.clone();
                tokio::spawn(async move {
                    let stream = TcpStream::connect(to).await.unwrap();
                    let name = ServerName::try_from("localhost").unwrap();
                    if let Ok(mut secure) = connector.connect(name, stream).await {
                        let _ = copy_bidirectional(&mut plain, &mut secure).await;
                    }
                });
            }
        });
    });
    receiver.recv().unwrap()
}

/// A broker with a TLS listener, and where that is.
fn start(authority: &Authority, lines: &str) -> (Broker, SocketAddr) {
    let listener = "listeners.ssl.default = 127.0.0.1:0\n";
    let options = authority.options("ssl_options");
    let mut broker = Launch::default()
        .config(&[listener, &options, lines].concat())
        .start();
    let address = broker.address_behind("AMQP with TLS listening on ");
    (broker, address)
}

const VERIFY: &str = "ssl_options.verify = verify_peer\nssl_cert_login_from = common_name\n";
const ALICE: &str = "default_user = alice\ndefault_pass = secret\nloopback_users = none\n";

/// The mechanisms offered.
fn mechanisms(address: SocketAddr) -> Vec<String> {
    let (_, start) = Wire::greet(address);
    let mut reader: Reader<'_> = start.read();
    reader.take(2);
    reader.table();
    let names = String::from_utf8(reader.longstr().to_vec()).unwrap();
    names.split(' ').map(str::to_owned).collect()
}

fn external(address: SocketAddr) -> Wire {
    let (mut wire, _) = Wire::greet(address);
    wire.send(0, &connection::start_ok(&capable(), "EXTERNAL", b""));
    wire
}

/// Whether the broker says hello.
fn is_let_in(address: SocketAddr) -> bool {
    let mut wire = Wire::connect(address);
    wire.try_send_bytes(tests::wire::HEADER) && wire.receive().is_some()
}

#[test]
fn messages_go_through_tls_in_both_versions_whole_and_in_order() {
    let authority = Authority::new();
    let (broker, address) = start(&authority, "");
    for (version, name) in [(&TLS12, "tlsv1.2"), (&TLS13, "tlsv1.3")] {
        let mut wire = Wire::open(tunnel(address, authority.client_of(None, &[version])));
        let queue = tests::unique("tls-flow");
        wire.declare(&queue, queue::DURABLE);
        wire.confirm_select();
        for n in 0..40_u32 {
            let body = vec![n as u8; 300_000];
            wire.publish(1, &basic::publish("", &queue, 0), &Properties::new(), body);
        }
        wire.await_confirms(40);
        wire.consume(&queue, "c", 0);
        for n in 0..40_u32 {
            let delivery = wire.delivery(1);
            assert!(delivery.body == vec![n as u8; 300_000], "message {n}");
        }
        let shown = eventually("the connection", || {
            let list = broker.http().json("/connections");
            let found = list
                .as_array()
                .unwrap()
                .iter()
                .find(|c| c["ssl_protocol"] == name);
            found.cloned()
        });
        assert_eq!(shown["ssl"], true);
        assert_eq!(shown["ssl_hash"], "aead");
        assert!(
            shown["ssl_cipher"].as_str().unwrap().contains("aes")
                || shown["ssl_cipher"].is_string()
        );
        assert!(shown["peer_cert_subject"].is_null());
    }
}

#[test]
fn listeners_with_and_without_tls_are_told_apart() {
    let authority = Authority::new();
    let (mut broker, address) = start(&authority, "");
    let overview = broker.http().json("/overview");
    let listeners = overview["listeners"].as_array().unwrap();
    let secure = listeners
        .iter()
        .find(|l| l["protocol"] == "amqp/ssl")
        .unwrap();
    assert_eq!(secure["port"], address.port());
    assert_eq!(secure["tls"], true);
    // A client that does not speak TLS is sent away, with a line that says why.
    let mut plain = Wire::connect(address);
    plain.send_bytes(tests::wire::HEADER);
    assert!(
        broker
            .wait_log("TLS handshake failed")
            .contains("connection refused")
    );
}

#[test]
fn a_version_that_is_not_offered_is_refused() {
    let authority = Authority::new();
    let (_broker, address) = start(&authority, "ssl_options.versions.1 = tlsv1.3\n");
    assert!(!is_let_in(tunnel(
        address,
        authority.client_of(None, &[&TLS12])
    )));
    assert!(is_let_in(tunnel(
        address,
        authority.client_of(None, &[&TLS13])
    )));
}

#[test]
fn a_certificate_logs_in_with_external() {
    let authority = Authority::new();
    let (broker, address) = start(&authority, &[VERIFY, ALICE].concat());
    let alice = authority.issue("alice", (2100, 1, 1));
    let tunnel = tunnel(address, authority.client(Some(&alice)));
    assert_eq!(
        mechanisms(tunnel),
        ["ANONYMOUS", "PLAIN", "AMQPLAIN", "EXTERNAL"]
    );
    let mut wire = external(tunnel);
    wire.expect(0, connection::TUNE);
    wire.send(0, &connection::tune_ok(2047, 131_072, 0));
    wire.send(0, &connection::open("/"));
    wire.expect(0, connection::OPEN_OK);
    // "alice:secret"
    let http = broker.http().authorized(Some("Basic YWxpY2U6c2VjcmV0"));
    let shown = &http.json("/connections")[0];
    assert_eq!(shown["user"], "alice");
    assert_eq!(shown["auth_mechanism"], "EXTERNAL");
    assert_eq!(shown["peer_cert_subject"], "CN=alice");
    assert_eq!(shown["peer_cert_issuer"], "CN=authority");
    let validity = shown["peer_cert_validity"].as_str().unwrap();
    assert!(validity.ends_with(" - 2100-01-01T00:00:00Z"), "{validity}");
}

#[test]
fn a_certificate_of_nobody_is_refused() {
    let authority = Authority::new();
    let (mut broker, address) = start(&authority, VERIFY);
    let mallory = authority.issue("mallory", (2100, 1, 1));
    let mut wire = external(tunnel(address, authority.client(Some(&mallory))));
    wire.expect_connection_close(
        403,
        "ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL",
    );
    assert!(broker.wait_log("mallory").contains("login refused"));
}

#[test]
fn external_is_offered_with_a_certificate_only() {
    let authority = Authority::new();
    let (broker, address) = start(&authority, VERIFY);
    let without = ["ANONYMOUS", "PLAIN", "AMQPLAIN"];
    assert_eq!(mechanisms(broker.amqp()), without);
    let tunnel = tunnel(address, authority.client(None));
    assert_eq!(mechanisms(tunnel), without);
    external(tunnel).expect_connection_close(
        503,
        "COMMAND_INVALID - invalid authentication mechanism 'EXTERNAL'",
    );
}

#[test]
fn clients_without_a_certificate_or_with_a_strange_one_are_refused() {
    let authority = Authority::new();
    let lines = "ssl_options.fail_if_no_peer_cert = true\n";
    let (_broker, address) = start(&authority, &[VERIFY, lines].concat());
    assert!(!is_let_in(tunnel(address, authority.client(None))));
    let stranger = Authority::new().issue("alice", (2100, 1, 1));
    assert!(!is_let_in(tunnel(
        address,
        authority.client(Some(&stranger))
    )));
    let expired = authority.issue("alice", (2020, 1, 1));
    assert!(!is_let_in(tunnel(
        address,
        authority.client(Some(&expired))
    )));
    let known = authority.issue("alice", (2100, 1, 1));
    assert!(is_let_in(tunnel(address, authority.client(Some(&known)))));
}

#[test]
fn changed_certificates_are_used_and_open_connections_stay() {
    let authority = Authority::new();
    let (mut broker, address) = start(&authority, "");
    let mut before = Wire::open(tunnel(address, authority.client(None)));
    let check = "/health/checks/certificate-expiration/2/weeks";
    broker.http().get(check).ok(200);

    // Without a word from anybody: the files are looked at.
    authority.serve("server", (2020, 1, 1));
    broker.wait_log("certificates read again");
    assert!(!is_let_in(tunnel(address, authority.client(None))));
    let failed = broker.http().get(check).ok(503).json();
    assert_eq!(failed["reason"], "Certificates expiring");
    assert_eq!(failed["expired"][0]["protocol"], "amqp/ssl");
    assert_eq!(failed["expired"][0]["port"], address.port());
    assert_eq!(
        failed["expired"][0]["certfile_expires_on"][0],
        "2020-01-01T00:00:00.000+00:00"
    );

    // Half of a new pair is not used.
    fs::write(authority.dir.join("key.pem"), "half").unwrap();
    broker.signal("HUP");
    broker.wait_log("the changed certificates are not used");

    authority.serve("server", (2100, 1, 1));
    broker.signal("HUP");
    eventually("the new certificate", || {
        is_let_in(tunnel(address, authority.client(None))).then_some(())
    });
    broker.http().get(check).ok(200);
    before.declare("tls-still-there", 0);
}

#[test]
fn the_management_api_speaks_tls() {
    let authority = Authority::new();
    let mut broker = Launch::default()
        .config(
            &[
                &authority.options("management.ssl"),
                "management.ssl.port = 0\n",
            ]
            .concat(),
        )
        .start();
    let address = broker.address_behind("management listening on https://");
    let http = Http::new(tunnel(address, authority.client(None)));
    assert_eq!(http.json("/whoami")["name"], "guest");
    let overview = http.json("/overview");
    let listeners = overview["listeners"].as_array().unwrap();
    assert!(listeners.iter().any(|l| l["protocol"] == "https"));
    http.get("/health/checks/protocol-listener/https").ok(200);
    broker.http().get("/overview").ok(200);
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    let authority = Authority::new();
    let (mut broker, address) = start(&authority, "ssl_handshake_timeout = 300\n");
    let mut silent = Wire::connect(address);
    assert!(silent.has_news(Duration::from_secs(20)));
    assert!(silent.receive().is_none());
    assert!(
        broker
            .wait_log("the handshake took too long")
            .contains("connection refused")
    );
}

#[test]
fn perf_trusts_the_authority_it_is_told_or_whoever_it_has_to() {
    let authority = Authority::new();
    let (_broker, address) = start(&authority, "");
    let ca = authority.dir.join("ca.pem");
    let run = |words: &[&str]| {
        let uri = format!("amqps://localhost:{}", address.port());
        let mut perf = Command::new(binary());
        perf.args(["perf", "-C", "100", "-D", "100", "--json", "--uri", &uri]);
        perf.args(words).output().unwrap()
    };
    for trusting in [&["--cacert", ca.to_str().unwrap()][..], &["--insecure"]] {
        let output = run(trusting);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{trusting:?}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("\"received\":100,"), "{text}");
    }
    assert!(!run(&[]).status.success());
}

#[test]
fn certificates_that_make_no_sense_keep_the_broker_from_starting() {
    let authority = Authority::new();
    fs::write(authority.dir.join("key.pem"), "nonsense").unwrap();
    let config = authority.dir.join("rabbitmq.conf");
    let listener = "listeners.tcp = none\nlisteners.ssl.default = 127.0.0.1:0\n";
    fs::write(
        &config,
        [listener, &authority.options("ssl_options")].concat(),
    )
    .unwrap();
    let data = authority.dir.join("data");
    let output = tests::run(&[
        "--data-dir",
        data.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--management-listen",
        "127.0.0.1:0",
    ]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("leveret: ssl_options: cannot read a key from"),
        "{errors}"
    );
}
