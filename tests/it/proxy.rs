//! The PROXY protocol: the client's address is the one that the load balancer says.

use tests::{
    Broker, Launch, Wire, eventually,
    wire::{HEADER, capable, connection, plain},
};

fn start() -> Broker {
    Launch::default().config("proxy_protocol = true\n").start()
}

/// A version 2 header for TCP over IPv4 from 192.0.2.7:7000 to 192.0.2.8:5672.
const BINARY: [u8; 28] = [
    13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 12, 192, 0, 2, 7, 192, 0, 2, 8,
    0x1B, 0x58, 0x16, 0x28,
];

/// Sends `header` and opens a connection behind it as a user who may come from anywhere.
fn open(broker: &Broker, header: &[u8]) -> Wire {
    let mut wire = Wire::connect(broker.amqp());
    wire.send_bytes(&[header, HEADER].concat());
    wire.expect(0, connection::START);
    wire.send(
        0,
        &connection::start_ok(&capable(), "PLAIN", &plain("guest", "guest")),
    );
    wire.expect(0, connection::TUNE);
    wire.send(0, &connection::tune_ok(2047, 131_072, 0));
    wire.send(0, &connection::open("/"));
    wire.expect(0, connection::OPEN_OK);
    wire
}

#[test]
fn the_address_in_the_header_is_the_clients_in_names_api_and_log() {
    let lines = "proxy_protocol = true\nloopback_users = none\n";
    let mut broker = Launch::default().config(lines).start();
    for (header, name, host, port) in [
        (
            &b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 5672\r\n"[..],
            "192.0.2.1:56324 -> 192.0.2.2:5672",
            "192.0.2.1",
            56324,
        ),
        (
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1000 5672\r\n",
            "2001:db8::1:1000 -> 2001:db8::2:5672",
            "2001:db8::1",
            1000,
        ),
        (
            &BINARY,
            "192.0.2.7:7000 -> 192.0.2.8:5672",
            "192.0.2.7",
            7000,
        ),
    ] {
        let _wire = open(&broker, header);
        let shown = eventually("the connection", || {
            let list = broker.http().json("/connections");
            list.as_array()
                .unwrap()
                .iter()
                .find(|c| c["name"] == name)
                .cloned()
        });
        assert_eq!(
            (&shown["peer_host"], &shown["peer_port"]),
            (&host.into(), &port.into())
        );
        assert!(broker.wait_log(name).contains("connection"));
    }
}

#[test]
fn a_load_balancer_may_speak_for_itself() {
    let broker = start();
    let mut local = BINARY[..16].to_vec();
    (local[12], local[15]) = (0x20, 0);
    for header in [&b"PROXY UNKNOWN\r\n"[..], &local] {
        open(&broker, header).open_channel(1);
    }
}

#[test]
fn a_client_that_is_not_local_by_its_header_is_not_local() {
    let broker = start();
    let mut wire = Wire::connect(broker.amqp());
    wire.send_bytes(&[&BINARY[..], HEADER].concat());
    wire.expect(0, connection::START);
    wire.send(
        0,
        &connection::start_ok(&capable(), "PLAIN", &plain("guest", "guest")),
    );
    wire.expect_connection_close(403, "ACCESS_REFUSED - Login was refused");
}

#[test]
fn anything_but_a_header_is_closed_with_a_line_in_the_log() {
    let mut broker = start();
    for (bytes, reason) in [
        (
            &b"AMQP\x00\x00\x09\x01...."[..],
            "does not begin with a PROXY header",
        ),
        (b"PROXY TCP4 nonsense\r\n", "makes no sense"),
        (&[b'P'; 200], "does not begin with a PROXY header"),
    ] {
        let mut wire = Wire::connect(broker.amqp());
        assert!(wire.try_send_bytes(bytes));
        assert!(wire.receive().is_none());
        assert!(broker.wait_log(reason).contains("connection refused"));
    }
}
