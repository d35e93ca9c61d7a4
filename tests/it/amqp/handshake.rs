//! From the first byte to connection.open-ok, and what ends it before.

use tests::{
    Launch, Wire, shared,
    wire::{
        HEADER, Method, Table, Value, basic, capable, connection, lookup, method_frame, plain,
        queue,
    },
};

fn address() -> std::net::SocketAddr {
    shared().amqp()
}

#[test]
fn other_protocol_headers_are_answered_with_ours_and_a_close() {
    let headers: [&[u8]; 7] = [
        b"AMQP\x01\x01\x08\x00",
        b"AMQP\x01\x01\x00\x0a",
        b"AMQP\x00\x00\x0a\x00",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"rubbish rubbish rubbish",
        b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\xce",
    ];
    for header in headers {
        let mut w = Wire::connect(address());
        w.send_bytes(header);
        assert_eq!(w.receive_bytes(9), HEADER, "after {header:?}");
    }
}

#[test]
fn the_header_of_amqp_0_9_is_taken_too() {
    let mut w = Wire::connect(address());
    w.send_bytes(b"AMQP\x01\x01\x00\x09");
    w.expect(0, connection::START);
}

#[test]
fn start_names_version_mechanisms_locale_and_capabilities() {
    let (_w, start) = Wire::greet(address());
    let mut read = start.read();
    assert_eq!((read.octet(), read.octet()), (0, 9));
    let properties = read.table();
    assert_eq!(lookup(&properties, "product"), Some(&"RabbitMQ".into()));
    let Some(Value::Str(version)) = lookup(&properties, "version") else {
        panic!("no version")
    };
    assert!(version.starts_with("4.2."), "{version}");
    for key in ["cluster_name", "copyright", "information", "platform"] {
        assert!(
            matches!(lookup(&properties, key), Some(Value::Str(_))),
            "{key}"
        );
    }
    let Some(Value::Table(capabilities)) = lookup(&properties, "capabilities") else {
        panic!("no capabilities")
    };
    for capability in [
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "consumer_priorities",
        "authentication_failure_close",
        "per_consumer_qos",
        "direct_reply_to",
    ] {
        assert_eq!(
            lookup(capabilities, capability),
            Some(&Value::Bool(true)),
            "{capability}"
        );
    }
    let mechanisms = String::from_utf8(read.longstr().to_vec()).unwrap();
    for mechanism in ["PLAIN", "AMQPLAIN"] {
        assert!(
            mechanisms.split(' ').any(|m| m == mechanism),
            "{mechanisms}"
        );
    }
    assert_eq!(read.longstr(), b"en_US");
}

#[test]
fn tune_offers_2047_channels_128_kib_frames_and_a_minute() {
    let (_w, tune) = Wire::login(address(), "guest", "guest");
    let mut read = tune.read();
    assert_eq!(
        (read.short(), read.long(), read.short()),
        (2047, 131_072, 60)
    );
}

fn start_with(mechanism: &str, response: &[u8]) -> Wire {
    let (mut w, _) = Wire::greet(address());
    w.send(0, &connection::start_ok(&capable(), mechanism, response));
    w
}

#[test]
fn amqplain_logs_in() {
    let response = Table::new().str("LOGIN", "guest").str("PASSWORD", "guest");
    start_with("AMQPLAIN", &response.0).expect(0, connection::TUNE);
}

#[test]
fn anonymous_logs_in() {
    start_with("ANONYMOUS", b"").expect(0, connection::TUNE);
}

#[test]
fn a_wrong_password_is_403_for_a_client_that_can_take_it() {
    for (user, password) in [("guest", "wrong"), ("nobody", "guest"), ("guest", "")] {
        let mut w = start_with("PLAIN", &plain(user, password));
        let close = w.expect_connection_close(
            403,
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.",
        );
        assert_eq!(close.failed, (0, 0));
    }
}

#[test]
fn a_wrong_password_just_ends_a_client_without_the_capability() {
    let (mut w, _) = Wire::greet(address());
    w.send(
        0,
        &connection::start_ok(&Table::new(), "PLAIN", &plain("guest", "wrong")),
    );
    assert_eq!(w.receive(), None);
}

#[test]
fn unknown_mechanisms_and_malformed_responses_are_refused() {
    start_with("SECRET-HANDSHAKE", b"x").expect_refusal();
    start_with("PLAIN", b"guest guest").expect_refusal();
    start_with("PLAIN", b"\0guest\0guest\0more").expect_refusal();
    start_with("AMQPLAIN", &Table::new().str("LOGIN", "guest").0).expect_refusal();
    start_with("AMQPLAIN", b"\x05LOGI").expect_refusal();
}

#[test]
fn tuning_outside_the_offer_is_refused() {
    for (channels, frame_max) in [(0, 131_072), (2048, 131_072), (2047, 0), (2047, 8191)] {
        let (mut w, _) = Wire::login(address(), "guest", "guest");
        w.send(0, &connection::tune_ok(channels, frame_max, 0));
        // A refusal must not depend on what follows; open-ok would be a failure.
        let _ = w.try_send_bytes(&method_frame(0, &connection::open("/")));
        w.expect_refusal();
    }
    let (mut w, _) = Wire::login(address(), "guest", "guest");
    w.send(0, &connection::tune_ok(2047, 131_073, 0));
    let _ = w.try_send_bytes(&method_frame(0, &connection::open("/")));
    w.expect_refusal();
}

#[test]
fn a_missing_vhost_is_530() {
    let (mut w, _) = Wire::login(address(), "guest", "guest");
    w.send(0, &connection::tune_ok(2047, 131_072, 0));
    w.send(0, &connection::open("nowhere"));
    w.expect_connection_close(530, "NOT_ALLOWED - vhost nowhere not found");
}

#[test]
fn methods_out_of_order_are_refused() {
    let (mut w, _) = Wire::greet(address());
    w.send(0, &connection::open("/"));
    w.expect_refusal();
    let (mut w, _) = Wire::login(address(), "guest", "guest");
    w.send(0, &connection::open("/"));
    w.expect_refusal();
    let (mut w, _) = Wire::login(address(), "guest", "guest");
    w.send(1, &tests::wire::channel::open());
    w.expect_refusal();
}

#[test]
fn a_handshake_in_single_bytes_works() {
    let mut w = Wire::connect(address());
    for byte in HEADER {
        w.send_bytes(&[*byte]);
    }
    w.expect(0, connection::START);
    let start_ok = connection::start_ok(&capable(), "PLAIN", &plain("guest", "guest"));
    for byte in method_frame(0, &start_ok) {
        w.send_bytes(&[byte]);
    }
    w.expect(0, connection::TUNE);
}

#[test]
fn a_handshake_in_one_write_works() {
    let mut w = Wire::connect(address());
    let mut all = HEADER.to_vec();
    let methods = [
        connection::start_ok(&capable(), "PLAIN", &plain("guest", "guest")),
        connection::tune_ok(100, 131_072, 0),
        connection::open("/"),
    ];
    for method in &methods {
        all.extend(method_frame(0, method));
    }
    all.extend(method_frame(1, &tests::wire::channel::open()));
    w.send_bytes(&all);
    for id in [connection::START, connection::TUNE, connection::OPEN_OK] {
        w.expect(0, id);
    }
    w.expect(1, tests::wire::channel::OPEN_OK);
}

#[test]
fn the_configured_user_and_limits_are_used() {
    let broker = Launch::default()
        .config("default_user = anna\ndefault_pass = secret\nheartbeat = 17\nchannel_max = 5\n")
        .start();
    let (mut w, tune) = Wire::login(broker.amqp(), "anna", "secret");
    let mut read = tune.read();
    assert_eq!((read.short(), read.long(), read.short()), (5, 131_072, 17));
    w.send(0, &connection::tune_ok(5, 131_072, 0));
    w.call(0, &connection::open("/"), connection::OPEN_OK);
    for number in 1..=5 {
        w.open_channel(number);
    }
    w.send(6, &tests::wire::channel::open());
    w.expect_connection_close(530, "NOT_ALLOWED - number of channels opened");
}

#[test]
fn a_secret_update_changes_nothing_for_passwords() {
    let mut w = shared().open();
    w.call(
        0,
        &connection::update_secret("new"),
        connection::UPDATE_SECRET_OK,
    );
    w.declare("h-secret", queue::EXCLUSIVE);
}

#[test]
fn close_is_answered_and_ends_the_connection() {
    let mut w = shared().open();
    w.call(0, &connection::close(), connection::CLOSE_OK);
    w.end_of_input();
    assert_eq!(w.receive(), None);
}

#[test]
fn an_exclusive_queue_is_gone_once_close_is_answered() {
    let mut w = shared().open();
    w.declare("h-exclusive", queue::EXCLUSIVE);
    w.call(0, &connection::close(), connection::CLOSE_OK);
    let mut other = shared().open();
    other.declare("h-exclusive", queue::EXCLUSIVE);
}

#[test]
fn connection_methods_at_the_wrong_time_or_place() {
    let mut w = shared().open();
    w.send(0, &connection::tune_ok(2047, 131_072, 0));
    w.expect_refusal();
    let mut w = shared().open();
    w.send(1, &connection::close());
    w.expect_connection_close(504, "CHANNEL_ERROR");
    let mut w = shared().open();
    w.send(1, &Method::new(basic::QOS_OK));
    w.expect_connection_close(503, "COMMAND_INVALID");
}
