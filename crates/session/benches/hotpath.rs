//! The way of a message without sockets, disk and clock: from the bytes that a publisher sends to
//! the bytes that a consumer gets, and its acknowledgement.
//!
//! `cargo bench -p session --bench hotpath -- SCENARIO MESSAGES` sends so many messages through and
//! says nothing: it is run by something that counts. `tests/instructions` runs it below callgrind
//! with two numbers of messages and divides what the second run took more.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark that can't begin has nothing to say"
)]

use std::sync::Arc;
use std::time::Instant;

use broker::{Batch, Broker, Settings};
use codec::{
    AMQPClass, Ack, FieldTable, OutBuf, basic, channel, connection, encode_ack, encode_method,
    exchange, queue,
};
use session::{Connection, Peer, Turn};

/// Messages in one read of a publisher's socket.
const READ_MESSAGES: u64 = 100;

/// Bytes of a body.
const BODY: &[u8] = b"sixteen bytes...";

/// Keys that the topic exchange is published to in turn.
const KEYS: u64 = 64;

/// Bindings of the topic exchange.
const BINDINGS: usize = 1000;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let scenario = words.next().unwrap_or_else(|| String::from("plain"));
    let messages = words
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(READ_MESSAGES);
    let bench = Bench::open();
    match &*scenario {
        "plain" => bench.run(Load::to_queue(), messages),
        "acked" => bench.run(
            Load {
                acked: true,
                ..Load::to_queue()
            },
            messages,
        ),
        "fanout" => bench.run(
            Load {
                exchange: "fan",
                queues: 10,
                ..Load::to_queue()
            },
            messages,
        ),
        "topic" => bench.run(
            Load {
                exchange: "top",
                ..Load::to_queue()
            },
            messages,
        ),
        "priority" => bench.run(
            Load {
                priorities: true,
                ..Load::to_queue()
            },
            messages,
        ),
        "expiring" => bench.run(
            Load {
                ttl: true,
                ..Load::to_queue()
            },
            messages,
        ),
        other => eprintln!("no scenario {other}"),
    }
    bench.close();
}

/// What is sent where.
struct Load {
    exchange: &'static str,
    queues: usize,
    acked: bool,
    priorities: bool,
    ttl: bool,
}

impl Load {
    const fn to_queue() -> Self {
        Self {
            exchange: "",
            queues: 1,
            acked: false,
            priorities: false,
            ttl: false,
        }
    }

    fn queue_arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        if self.priorities {
            arguments.insert("x-max-priority".into(), codec::AMQPValue::LongInt(10));
        }
        if self.ttl {
            arguments.insert("x-message-ttl".into(), codec::AMQPValue::LongInt(60_000));
        }
        arguments
    }
}

struct Bench {
    broker: Arc<Broker>,
    now: Instant,
    _dir: tempfile::TempDir,
}

/// One end of a connection, and what it has been told.
struct Client {
    connection: Connection,
    out: OutBuf,
    now: Instant,
}

impl Bench {
    fn open() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let now = Instant::now();
        let broker = Broker::open(Settings::new(now, 1_700_000_000_000), dir.path());
        Self {
            broker: broker.expect("a broker"),
            now,
            _dir: dir,
        }
    }

    fn close(self) {
        let _ = self.broker.close();
    }

    fn join(&self) -> Client {
        let peer = Peer {
            host: "127.0.0.1".to_owned(),
            port: 40_000,
            local_host: "127.0.0.1".to_owned(),
            local_port: 5672,
            loopback: true,
            tls: None,
        };
        let mut client = Client {
            connection: Connection::new(Arc::clone(&self.broker), peer, self.now),
            out: OutBuf::new(),
            now: self.now,
        };
        client.log_in();
        client
    }

    /// What is counted. What happens here once makes no difference between two runs.
    #[inline(never)]
    fn run(&self, load: Load, messages: u64) {
        let mut publisher = self.join();
        let mut consumer = self.join();
        publisher.declare(&load);
        for n in 0..load.queues {
            consumer.consume(n, load.acked);
        }
        let read: Vec<u8> = (0..READ_MESSAGES)
            .flat_map(|n| match load.exchange {
                // Each with another key than the one before.
                "top" => publish(&load, &format!("a.{}.c", n % KEYS), n),
                _ => publish(&load, "q0", n),
            })
            .collect();
        let mut tag = 0;
        for _ in 0..messages.div_ceil(READ_MESSAGES) {
            publisher.hear(&read);
            consumer.take();
            if load.acked {
                tag += READ_MESSAGES;
                let mut ack = OutBuf::new();
                encode_ack(
                    &mut ack,
                    1,
                    Ack {
                        delivery_tag: tag,
                        multiple: true,
                    },
                );
                consumer.hear(&bytes_of(&mut ack));
            }
        }
    }
}

impl Client {
    /// A read of the socket, all of which has to be used.
    fn hear(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut turn = Turn::new(self.now, &mut self.out);
            let used = self.connection.receive(rest, &mut turn);
            self.connection.finish(turn);
            rest = &rest[used..];
        }
        self.forget();
    }

    /// Deliveries, as the socket would get them.
    fn take(&mut self) {
        let mut batch = Batch::default();
        while self.connection.outbox().take(&mut batch) {
            let mut turn = Turn::new(self.now, &mut self.out);
            self.connection.deliver(&mut batch, &mut turn);
            self.connection.finish(turn);
        }
        self.forget();
    }

    fn forget(&mut self) {
        use bytes::Buf;
        self.out.advance(self.out.len());
    }

    fn say(&mut self, channel: u16, method: AMQPClass) {
        let mut out = OutBuf::new();
        encode_method(channel, &method, &mut out);
        self.hear(&bytes_of(&mut out));
    }

    fn log_in(&mut self) {
        use connection::AMQPMethod as Method;
        self.hear(&codec::PROTOCOL_HEADER);
        let start_ok = connection::StartOk {
            client_properties: FieldTable::default(),
            mechanism: "PLAIN".into(),
            response: b"\0guest\0guest".to_vec().into(),
            locale: "en_US".into(),
        };
        self.say(0, AMQPClass::Connection(Method::StartOk(start_ok)));
        let tune_ok = connection::TuneOk {
            channel_max: 1,
            frame_max: 131_072,
            heartbeat: 0,
        };
        self.say(0, AMQPClass::Connection(Method::TuneOk(tune_ok)));
        let open = connection::Open {
            virtual_host: "/".into(),
        };
        self.say(0, AMQPClass::Connection(Method::Open(open)));
        self.say(
            1,
            AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})),
        );
    }

    fn declare(&mut self, load: &Load) {
        for (name, kind) in [("fan", "fanout"), ("top", "topic")] {
            let declare = exchange::Declare {
                exchange: name.into(),
                kind: kind.into(),
                passive: false,
                durable: false,
                auto_delete: false,
                internal: false,
                nowait: true,
                arguments: FieldTable::default(),
            };
            self.say(
                1,
                AMQPClass::Exchange(exchange::AMQPMethod::Declare(declare)),
            );
        }
        for n in 0..load.queues {
            let declare = queue::Declare {
                queue: format!("q{n}").into(),
                passive: false,
                durable: false,
                exclusive: false,
                auto_delete: false,
                nowait: true,
                arguments: load.queue_arguments(),
            };
            self.say(1, AMQPClass::Queue(queue::AMQPMethod::Declare(declare)));
            self.bind(n, "fan", String::new());
        }
        if load.exchange == "top" {
            self.bind(0, "top", String::from("a.*.c"));
            for n in 0..BINDINGS {
                self.bind(0, "top", format!("other.{n}.#"));
            }
        }
    }

    fn bind(&mut self, n: usize, exchange: &str, key: String) {
        let bind = queue::Bind {
            queue: format!("q{n}").into(),
            exchange: exchange.into(),
            routing_key: key.into(),
            nowait: true,
            arguments: FieldTable::default(),
        };
        self.say(1, AMQPClass::Queue(queue::AMQPMethod::Bind(bind)));
    }

    fn consume(&mut self, n: usize, acked: bool) {
        let consume = basic::Consume {
            queue: format!("q{n}").into(),
            consumer_tag: format!("c{n}").into(),
            no_local: false,
            no_ack: !acked,
            exclusive: false,
            nowait: true,
            arguments: FieldTable::default(),
        };
        self.say(1, AMQPClass::Basic(basic::AMQPMethod::Consume(consume)));
    }
}

/// The frames of one message.
fn publish(load: &Load, key: &str, n: u64) -> Vec<u8> {
    let publish = basic::Publish {
        exchange: load.exchange.into(),
        routing_key: key.into(),
        mandatory: false,
        immediate: false,
    };
    let mut out = OutBuf::new();
    encode_method(
        1,
        &AMQPClass::Basic(basic::AMQPMethod::Publish(publish)),
        &mut out,
    );
    let mut bytes = bytes_of(&mut out);
    let mut header = vec![0, 60, 0, 0];
    header.extend((BODY.len() as u64).to_be_bytes());
    if load.priorities {
        header.extend(codec::property::PRIORITY.to_be_bytes());
        header.push((n % 10) as u8);
    } else {
        header.extend([0, 0]);
    }
    for (kind, payload) in [(2, &header[..]), (3, BODY)] {
        bytes.extend([kind, 0, 1]);
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes.push(codec::FRAME_END);
    }
    bytes
}

fn bytes_of(out: &mut OutBuf) -> Vec<u8> {
    use bytes::Buf;
    out.copy_to_bytes(out.len()).to_vec()
}
