//! Bad input and bad manners: the broker survives, others are served, memory stays bounded.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use tests::{
    Broker, PATIENCE, Wire, eventually, shared,
    wire::{
        HEADER, Properties, Table, basic, capable, channel, connection, frame, header_frame,
        message, method_frame, plain, queue,
    },
};

/// Bytes that look random but are the same in every run.
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()[3]
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.byte()).collect()
    }
}

fn alive(broker: &Broker) {
    let mut w = broker.open();
    let name = w.declare("", queue::EXCLUSIVE).0;
    w.enqueue(&name, "alive");
    assert_eq!(w.drain(&name), ["alive"]);
}

#[test]
fn garbage_instead_of_a_handshake() {
    let mut noise = Noise(1);
    for n in 0..100 {
        let mut w = Wire::connect(shared().amqp());
        let _ = w.try_send_bytes(&noise.bytes(8 + n * 7));
        w.end_of_input();
        w.receive_bytes(usize::MAX);
    }
    alive(shared());
}

#[test]
fn garbage_after_the_header_and_in_the_middle_of_a_session() {
    let mut noise = Noise(2);
    for n in 0..50 {
        let mut w = Wire::connect(shared().amqp());
        w.send_bytes(HEADER);
        let _ = w.try_send_bytes(&noise.bytes(1 + n * 11));
        drop(w);
        let mut w = shared().open();
        let _ = w.try_send_bytes(&noise.bytes(1 + n * 11));
        drop(w);
    }
    alive(shared());
}

/// A valid conversation with single bytes flipped, at every position once.
#[test]
fn one_wrong_byte_anywhere() {
    let mut conversation = method_frame(1, &queue::declare("", queue::EXCLUSIVE, &Table::new()));
    let properties = Properties {
        headers: Some(Table::new().str("k", "v").int("n", 1)),
        ..Properties::persistent()
    };
    let publish = basic::publish("amq.topic", "a.b", basic::MANDATORY);
    conversation.extend(message(1, &publish, &properties, b"body", 131_072));
    conversation.extend(method_frame(1, &basic::consume("", "t", 0, &Table::new())));
    let mut noise = Noise(3);
    for at in 0..conversation.len() {
        let mut bad = conversation.clone();
        bad[at] ^= noise.byte() | 1;
        let mut w = shared().open();
        let _ = w.try_send_bytes(&bad);
    }
    alive(shared());
}

#[test]
fn connections_that_vanish_at_every_stage() {
    let broker = Broker::start();
    for _ in 0..50 {
        drop(TcpStream::connect(broker.amqp()).unwrap());
        drop(Wire::greet(broker.amqp()));
        drop(Wire::login(broker.amqp(), "guest", "guest"));
        let mut w = broker.open();
        w.declare("", queue::EXCLUSIVE);
        w.send_bytes(&method_frame(1, &basic::publish("", "x", 0))[..7]);
    }
    let http = broker.http();
    eventually("all connections and queues to be gone", || {
        let connections = http.json("/connections").as_array().unwrap().len();
        let queues = http.json("/queues").as_array().unwrap().len();
        (connections == 0 && queues == 0).then_some(())
    });
    alive(&broker);
}

#[test]
fn a_stalled_handshake_ends_after_ten_seconds() {
    let start = Instant::now();
    let mut silent = Wire::connect(shared().amqp());
    let (mut greeted, _) = Wire::greet(shared().amqp());
    let (mut logged_in, _) = Wire::login(shared().amqp(), "guest", "guest");
    // A byte now and then does not prolong it.
    let mut slow = Wire::connect(shared().amqp());
    slow.send_bytes(&HEADER[..4]);
    for w in [&mut silent, &mut greeted, &mut logged_in, &mut slow] {
        w.expect_end();
    }
    let held = start.elapsed();
    assert!(
        held > Duration::from_secs(8) && held < Duration::from_secs(15),
        "{held:?}"
    );
}

#[test]
fn a_consumer_that_never_reads_costs_bounded_memory_and_hinders_nobody() {
    let broker = Broker::start();
    let mut lazy = broker.open();
    lazy.declare("ab-lazy", queue::DURABLE);
    lazy.consume("ab-lazy", "c", basic::NO_ACK);
    let mut busy = broker.open();
    busy.declare("ab-busy", queue::EXCLUSIVE);
    let body = vec![7u8; 100_000];
    let before = broker.resident_kib();
    // 80 MB towards a socket that nobody reads; what does not fit stays in the queue.
    for round in 0..800 {
        busy.enqueue("ab-lazy", &body);
        if round % 100 == 0 {
            busy.enqueue("ab-busy", "on time");
            assert_eq!(busy.drain("ab-busy"), ["on time"]);
        }
    }
    busy.expect_silence();
    let grown = broker.resident_kib().saturating_sub(before);
    // The 80 MB themselves are ready messages in memory; the connection adds little to them.
    assert!(grown < 160 * 1024, "{grown} KiB");
    drop(lazy);
    alive(&broker);
}

#[test]
fn a_client_that_asks_and_never_reads_the_answers_is_held_back() {
    let broker = Broker::start();
    let mut w = broker.open();
    w.patience(Duration::from_secs(2));
    let before = broker.resident_kib();
    // Each question of 16 bytes has an answer of as many; the broker must stop reading (or
    // close) rather than keep all answers.
    let burst = method_frame(1, &channel::flow(true)).repeat(8192);
    let mut sent = 0usize;
    while sent < 64 * 1024 * 1024 && w.try_send_bytes(&burst) {
        sent += burst.len();
    }
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB after {sent} bytes");
    alive(&broker);
}

#[test]
fn bodies_announced_and_never_sent_cost_nothing() {
    let broker = Broker::start();
    let before = broker.resident_kib();
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut w = broker.open();
        w.send_bytes(&method_frame(1, &basic::publish("", "x", 0)));
        w.send_bytes(&header_frame(1, 16 * 1024 * 1024, &Properties::new()));
        w.send_bytes(&frame(3, 1, &[0; 10]));
        held.push(w);
    }
    alive(&broker);
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for 50 connections");
}

#[test]
fn a_message_far_beyond_the_limit_is_not_collected() {
    let broker = Broker::start();
    let before = broker.resident_kib();
    let mut w = broker.open();
    w.send_bytes(&method_frame(1, &basic::publish("", "x", 0)));
    w.send_bytes(&header_frame(1, 400 * 1024 * 1024, &Properties::new()));
    let piece = frame(3, 1, &vec![0; 131_064]);
    for _ in 0..600 {
        if !w.try_send_bytes(&piece) {
            break;
        }
    }
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB");
    alive(&broker);
}

#[test]
fn a_thousand_connections_at_once() {
    let broker = Broker::start();
    let mut all: Vec<Wire> = (0..1000).map(|_| Wire::connect(broker.amqp())).collect();
    for w in &mut all {
        w.send_bytes(HEADER);
        w.send_bytes(&method_frame(
            0,
            &connection::start_ok(&capable(), "PLAIN", &plain("guest", "guest")),
        ));
        w.send_bytes(&method_frame(0, &connection::tune_ok(2047, 131_072, 0)));
        w.send_bytes(&method_frame(0, &connection::open("/")));
    }
    for w in &mut all {
        w.expect(0, connection::START);
        w.expect(0, connection::TUNE);
        w.expect(0, connection::OPEN_OK);
    }
    drop(all);
    alive(&broker);
}

#[test]
fn publishing_to_a_channel_after_the_socket_was_reset_loses_only_that_connection() {
    let broker = Broker::start();
    let mut keeper = broker.open();
    keeper.declare("ab-reset", queue::EXCLUSIVE);
    for _ in 0..20 {
        let mut stream = TcpStream::connect(broker.amqp()).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(HEADER);
        let _ = stream.write_all(&[1, 0, 0, 0, 0]);
        drop(stream);
    }
    keeper.enqueue("ab-reset", "x");
    assert_eq!(keeper.drain("ab-reset"), ["x"]);
}
