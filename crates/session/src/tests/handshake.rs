use std::sync::atomic::Ordering;
use std::time::Duration;

use codec::{AMQPClass, PROTOCOL_HEADER, connection, get_bool, get_str, get_table};

use crate::Peer;
use crate::tests::talk::{Home, Talk};
use crate::tests::{long, of_connection, open_channel, table};

fn close_ok() -> AMQPClass {
    of_connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))
}

fn started() -> Talk {
    let mut talk = Talk::connect(&Home::new());
    talk.bytes(&PROTOCOL_HEADER);
    talk.next();
    talk
}

fn logged_in() -> Talk {
    let mut talk = started();
    talk.send(0, Talk::start_ok("PLAIN", b"\0guest\0guest"));
    talk.next();
    talk
}

#[test]
fn start_offers_what_clients_look_for() {
    let mut talk = Talk::connect(&Home::new());
    talk.bytes(b"AMQP\0\0\x09\x01");
    let heard = talk.next();
    let AMQPClass::Connection(connection::AMQPMethod::Start(start)) = heard.method else {
        panic!("{heard:?}")
    };
    assert_eq!((start.version_major, start.version_minor), (0, 9));
    assert_eq!(start.locales.to_string(), "en_US");
    let properties = &start.server_properties;
    assert_eq!(get_str(properties, "product"), Some("RabbitMQ"));
    assert!(get_str(properties, "version").unwrap().starts_with("4.2."));
    assert!(
        get_str(properties, "platform")
            .unwrap()
            .starts_with("Leveret ")
    );
    let capabilities = get_table(properties, "capabilities").unwrap();
    assert_eq!(capabilities.inner().len(), 9);
    for name in ["basic.nack", "publisher_confirms", "direct_reply_to"] {
        assert_eq!(get_bool(capabilities, name), Some(true), "{name}");
    }
    let mechanisms = start.mechanisms.to_string();
    let mut names: Vec<&str> = mechanisms.split(' ').collect();
    names.sort_unstable();
    assert_eq!(names, ["AMQPLAIN", "ANONYMOUS", "PLAIN"]);
}

#[test]
fn the_header_may_come_in_pieces() {
    let mut talk = Talk::connect(&Home::new());
    for byte in PROTOCOL_HEADER {
        assert!(talk.try_next().is_none());
        talk.bytes(&[byte]);
    }
    assert!(matches!(
        talk.next().method,
        AMQPClass::Connection(connection::AMQPMethod::Start(_))
    ));
}

#[test]
fn anything_but_the_header_is_answered_with_it_and_hung_up_on() {
    for greeting in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"AMQP\x03\x01\0\0",
        b"AMQP\x01\x01\x08\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        let mut talk = Talk::connect(&Home::new());
        talk.bytes(greeting);
        assert_eq!(talk.raw(), PROTOCOL_HEADER, "{greeting:?}");
        assert!(talk.connection.is_finished());
    }
}

#[test]
fn each_mechanism_logs_in() {
    let amqplain = b"\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest";
    for (mechanism, response) in [
        ("PLAIN", &b"\0guest\0guest"[..]),
        ("AMQPLAIN", amqplain),
        ("ANONYMOUS", b""),
    ] {
        let mut talk = started();
        talk.send(0, Talk::start_ok(mechanism, response));
        let heard = talk.next();
        let tune = connection::AMQPMethod::Tune(connection::Tune {
            channel_max: 2047,
            frame_max: 131_072,
            heartbeat: 60,
        });
        assert_eq!(heard.method, of_connection(tune), "{mechanism}");
    }
}

#[test]
fn a_refused_login_is_reported_to_a_client_that_can_hear_it() {
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. \
                For details see the broker logfile.";
    for response in [&b"\0guest\0wrong"[..], b"\0nobody\0guest", b"\0guest\0"] {
        let mut talk = started();
        talk.send(0, Talk::start_ok("PLAIN", response));
        talk.expect_connection_close(403, text);
    }
}

#[test]
fn a_refused_login_keeps_other_clients_waiting_and_says_nothing() {
    let mut talk = started();
    let start_ok = connection::StartOk {
        client_properties: table(&[("product", long("old"))]),
        mechanism: "PLAIN".into(),
        response: "\0guest\0wrong".into(),
        locale: "en_US".into(),
    };
    talk.send(0, of_connection(connection::AMQPMethod::StartOk(start_ok)));
    talk.expect_silence();
    talk.wait(Duration::from_millis(2900));
    assert!(!talk.connection.is_finished());
    talk.wait(Duration::from_millis(200));
    assert!(talk.connection.is_finished());
}

#[test]
fn guest_may_log_in_from_this_machine_only() {
    let home = Home::new();
    let peer = Peer {
        host: "192.0.2.1".to_owned(),
        port: 40_000,
        local_host: "192.0.2.2".to_owned(),
        local_port: 5672,
        loopback: false,
        tls: None,
    };
    let mut talk = Talk::connect_from(&home, peer);
    talk.bytes(&PROTOCOL_HEADER);
    talk.next();
    talk.send(0, Talk::start_ok("PLAIN", b"\0guest\0guest"));
    assert!(matches!(
        talk.next().method,
        AMQPClass::Connection(connection::AMQPMethod::Close(close)) if close.reply_code == 403
    ));
}

#[test]
fn bad_mechanisms_and_responses_end_the_connection() {
    for (mechanism, response, code, text) in [
        (
            "NONSENSE",
            &b""[..],
            503,
            "COMMAND_INVALID - unknown authentication mechanism 'NONSENSE'",
        ),
        (
            "EXTERNAL",
            b"",
            503,
            "COMMAND_INVALID - invalid authentication mechanism 'EXTERNAL'",
        ),
        (
            "PLAIN",
            b"guest",
            502,
            "SYNTAX_ERROR - response of authentication mechanism PLAIN invalid",
        ),
    ] {
        let mut talk = started();
        talk.send(0, Talk::start_ok(mechanism, response));
        talk.expect_connection_close(code, text);
    }
}

#[test]
fn tune_ok_must_keep_to_what_was_offered() {
    for (channel_max, frame_max, text) in [
        (
            0,
            131_072,
            "NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)",
        ),
        (
            2048,
            131_072,
            "NOT_ALLOWED - negotiated channel_max = 2048 is higher than the maximum allowed value (2047)",
        ),
        (
            2047,
            131_073,
            "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value (131072)",
        ),
        (
            2047,
            8191,
            "NOT_ALLOWED - negotiated frame_max = 8191 is lower than the minimum allowed value (8192)",
        ),
    ] {
        let mut talk = logged_in();
        talk.send(0, Talk::tune_ok(channel_max, frame_max, 60));
        talk.expect_connection_close(530, text);
    }
}

#[test]
fn a_missing_vhost_is_refused() {
    let mut talk = logged_in();
    talk.send(0, Talk::tune_ok(10, 8192, 0));
    talk.send(0, Talk::open_vhost("nowhere"));
    talk.expect_connection_close(530, "NOT_ALLOWED - vhost nowhere not found");
}

#[test]
fn methods_out_of_order_end_the_connection() {
    let mut talk = started();
    talk.send(0, Talk::open_vhost("/"));
    talk.expect_connection_close(
        504,
        "CHANNEL_ERROR - unexpected method in connection state starting",
    );
    let mut talk = started();
    talk.send(1, open_channel());
    talk.expect_connection_close(
        505,
        "UNEXPECTED_FRAME - frame on a channel before connection.open",
    );
}

#[test]
fn a_stalled_handshake_ends_without_a_word() {
    let mut talk = started();
    talk.wait(Duration::from_secs(9));
    assert!(!talk.connection.is_finished());
    talk.wait(Duration::from_secs(2));
    talk.expect_silence();
    assert!(talk.connection.is_finished());
}

#[test]
fn an_open_connection_is_listed_until_it_closes() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    let listed = home.broker.registry().connections();
    assert_eq!(listed.len(), 1);
    assert_eq!(&*listed[0].name, "127.0.0.1:40000 -> 127.0.0.1:5672");
    assert_eq!(
        (&*listed[0].user, &*listed[0].vhost, listed[0].heartbeat_s),
        ("guest", "/", 60)
    );
    assert_eq!(listed[0].channels().len(), 1);
    assert!(listed[0].traffic.recv_oct.load(Ordering::Relaxed) > 0);
    talk.send(
        0,
        of_connection(connection::AMQPMethod::Close(connection::Close {
            reply_code: 200,
            reply_text: "bye".into(),
            class_id: 0,
            method_id: 0,
        })),
    );
    talk.expect(0, close_ok());
    assert!(talk.connection.is_finished());
    assert!(home.broker.registry().is_empty());
}

#[test]
fn a_garbled_frame_before_open_is_a_501() {
    let mut talk = started();
    talk.bytes(&[9, 0, 0, 0, 0, 0, 0, 0xCE]);
    talk.expect_connection_close(501, "FRAME_ERROR - unknown frame type 9");
}
