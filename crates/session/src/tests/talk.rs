//! The scripted client.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use broker::{Batch, Broker, Settings};
use bytes::Buf;
use codec::{
    AMQPClass, AMQPValue, BasicProperties, Content, FieldTable, FrameKind, OutBuf, basic, channel,
    connection, decode_frame, decode_method, encode_method, to_basic_properties,
};

use crate::tests::{
    declare, declare_ok, declare_queue, of_basic, of_channel, of_connection, open_channel, table,
};
use crate::{Connection, Peer, Turn};

/// A broker in a directory of its own.
pub(crate) struct Home {
    pub(crate) broker: Arc<Broker>,
    pub(crate) started: Instant,
    dir: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(|_| {})
    }

    #[allow(clippy::disallowed_methods)] // Some moment has to be the first.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("session-test-{}-{n}", std::process::id()));
        let started = Instant::now();
        let mut settings = Settings::new(started, 1_700_000_000_000);
        change(&mut settings);
        let broker = Broker::open(settings, &dir).unwrap();
        Arc::new(Self {
            broker,
            started,
            dir,
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.broker.close();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Something the client heard.
#[derive(Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) channel: u16,
    pub(crate) method: AMQPClass,
    pub(crate) properties: Option<BasicProperties>,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn deliver(&self) -> &basic::Deliver {
        match &self.method {
            AMQPClass::Basic(basic::AMQPMethod::Deliver(deliver)) => deliver,
            other => panic!("expected a delivery, heard {other:?}"),
        }
    }

    pub(crate) fn get_ok(&self) -> &basic::GetOk {
        match &self.method {
            AMQPClass::Basic(basic::AMQPMethod::GetOk(get_ok)) => get_ok,
            other => panic!("expected get-ok, heard {other:?}"),
        }
    }
}

/// One client.
pub(crate) struct Talk {
    pub(crate) home: Arc<Home>,
    pub(crate) connection: Connection,
    pub(crate) now: Instant,
    out: OutBuf,
    /// Input that was not used up.
    unused: Vec<u8>,
    heard: VecDeque<Heard>,
}

impl Talk {
    /// A new broker, and a client on it with channel 1 open.
    pub(crate) fn open() -> Self {
        Self::join(&Home::new())
    }

    /// Another client with channel 1 open.
    pub(crate) fn join(home: &Arc<Home>) -> Self {
        let mut talk = Self::connect(home);
        talk.log_in();
        talk.send(1, open_channel());
        talk.expect(
            1,
            of_channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})),
        );
        talk
    }

    /// A client that has said nothing yet.
    pub(crate) fn connect(home: &Arc<Home>) -> Self {
        let peer = Peer {
            host: "127.0.0.1".to_owned(),
            port: 40_000,
            local_host: "127.0.0.1".to_owned(),
            local_port: 5672,
            loopback: true,
            tls: None,
        };
        Self::connect_from(home, peer)
    }

    pub(crate) fn connect_from(home: &Arc<Home>, peer: Peer) -> Self {
        let connection = Connection::new(Arc::clone(&home.broker), peer, home.started);
        Self {
            home: Arc::clone(home),
            connection,
            now: home.started,
            out: OutBuf::new(),
            unused: Vec::new(),
            heard: VecDeque::new(),
        }
    }

    /// Client properties with all capabilities.
    pub(crate) fn client_properties() -> FieldTable {
        let yes = AMQPValue::Boolean(true);
        let capabilities = table(&[
            ("authentication_failure_close", yes.clone()),
            ("consumer_cancel_notify", yes.clone()),
            ("connection.blocked", yes),
        ]);
        table(&[("capabilities", AMQPValue::FieldTable(capabilities))])
    }

    pub(crate) fn start_ok(mechanism: &str, response: &[u8]) -> AMQPClass {
        of_connection(connection::AMQPMethod::StartOk(connection::StartOk {
            client_properties: Self::client_properties(),
            mechanism: mechanism.into(),
            response: response.to_vec().into(),
            locale: "en_US".into(),
        }))
    }

    pub(crate) fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> AMQPClass {
        of_connection(connection::AMQPMethod::TuneOk(connection::TuneOk {
            channel_max,
            frame_max,
            heartbeat,
        }))
    }

    pub(crate) fn open_vhost(name: &str) -> AMQPClass {
        of_connection(connection::AMQPMethod::Open(connection::Open {
            virtual_host: name.into(),
        }))
    }

    /// Another client with channel 1 open that says no more of itself than it must.
    pub(crate) fn join_plain(home: &Arc<Home>) -> Self {
        let mut talk = Self::connect(home);
        talk.log_in_with(FieldTable::default());
        talk.send(1, open_channel());
        talk.next();
        talk
    }

    /// Another client with channel 1 open that wants no heartbeats, so that much time may pass.
    pub(crate) fn join_quiet(home: &Arc<Home>) -> Self {
        let mut talk = Self::connect(home);
        talk.log_in_beating(Self::client_properties(), 0);
        talk.send(1, open_channel());
        talk.next();
        talk
    }

    fn log_in(&mut self) {
        self.log_in_with(Self::client_properties());
    }

    fn log_in_with(&mut self, client_properties: FieldTable) {
        self.log_in_beating(client_properties, 60);
    }

    fn log_in_beating(&mut self, client_properties: FieldTable, heartbeat: u16) {
        self.bytes(&codec::PROTOCOL_HEADER);
        self.next();
        let start_ok = connection::StartOk {
            client_properties,
            mechanism: "PLAIN".into(),
            response: b"\0guest\0guest".to_vec().into(),
            locale: "en_US".into(),
        };
        self.send(0, of_connection(connection::AMQPMethod::StartOk(start_ok)));
        self.next();
        self.send(0, Self::tune_ok(2047, 131_072, heartbeat));
        self.send(0, Self::open_vhost("/"));
        self.expect(
            0,
            of_connection(connection::AMQPMethod::OpenOk(connection::OpenOk {})),
        );
    }

    /// Sends bytes as one read.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.unused.extend_from_slice(bytes);
        self.read();
    }

    fn read(&mut self) {
        let input = std::mem::take(&mut self.unused);
        let used = self.turn(|connection, turn| connection.receive(&input, turn));
        self.unused = input[used..].to_vec();
    }

    /// One turn of the driver's loop.
    pub(crate) fn turn<R>(&mut self, event: impl FnOnce(&mut Connection, &mut Turn<'_>) -> R) -> R {
        let mut turn = Turn::new(self.now, &mut self.out);
        let result = event(&mut self.connection, &mut turn);
        self.connection.finish(turn);
        result
    }

    pub(crate) fn send(&mut self, channel: u16, method: AMQPClass) {
        self.bytes(&frame(channel, &method));
    }

    /// Sends methods as one read.
    pub(crate) fn send_all(&mut self, channel: u16, methods: impl IntoIterator<Item = AMQPClass>) {
        let bytes: Vec<u8> = methods
            .into_iter()
            .flat_map(|m| frame(channel, &m))
            .collect();
        self.bytes(&bytes);
    }

    pub(crate) fn publish(&mut self, exchange: &str, key: &str, body: &[u8]) {
        self.bytes(&publish(
            1,
            exchange,
            key,
            false,
            &BasicProperties::default(),
            body,
        ));
    }

    pub(crate) fn publish_with(&mut self, key: &str, properties: &BasicProperties, body: &[u8]) {
        self.bytes(&publish(1, "", key, false, properties, body));
    }

    /// Declares a queue and hears that it is there.
    pub(crate) fn queue(&mut self, name: &str) {
        self.send(1, declare_queue(declare(name)));
        self.expect(1, declare_ok(name, 0, 0));
    }

    /// The next thing the broker says; waits for commits, but for nothing else.
    pub(crate) fn next(&mut self) -> Heard {
        self.try_next().expect("the broker says nothing")
    }

    /// As [`Self::next`]; `None` if there is nothing.
    pub(crate) fn try_next(&mut self) -> Option<Heard> {
        loop {
            self.hear();
            if let Some(heard) = self.heard.pop_front() {
                return Some(heard);
            }
            if !self.pump() {
                return None;
            }
        }
    }

    /// Does what the driver would do without more input. False when there is nothing to do.
    fn pump(&mut self) -> bool {
        if self.connection.has_input_left() {
            self.read();
            return true;
        }
        if self.take_outbox() {
            return true;
        }
        let Some(ticket) = self.connection.awaits_commit() else {
            return false;
        };
        let upto = wait_for(&self.home.broker, ticket);
        self.turn(|connection, turn| connection.committed(upto, turn));
        true
    }

    /// Hands over what is in the outbox; false if it is empty.
    pub(crate) fn take_outbox(&mut self) -> bool {
        let mut batch = Batch::default();
        if !self.connection.outbox().take(&mut batch) {
            return false;
        }
        self.turn(|connection, turn| connection.deliver(&mut batch, turn));
        true
    }

    pub(crate) fn expect(&mut self, channel: u16, method: AMQPClass) {
        let heard = self.next();
        assert_eq!((heard.channel, &heard.method), (channel, &method));
    }

    /// Nothing is to be heard.
    pub(crate) fn expect_silence(&mut self) {
        let heard = self.try_next();
        assert!(heard.is_none(), "heard {heard:?}");
    }

    /// The channel is closed with this code and text; answers it.
    pub(crate) fn expect_channel_close(&mut self, number: u16, code: u16, text: &str) {
        let heard = self.next();
        let AMQPClass::Channel(channel::AMQPMethod::Close(close)) = &heard.method else {
            panic!("expected channel.close {code} {text}, heard {heard:?}");
        };
        assert_eq!(
            (heard.channel, close.reply_code, close.reply_text.as_str()),
            (number, code, text)
        );
        self.send(
            number,
            of_channel(channel::AMQPMethod::CloseOk(channel::CloseOk {})),
        );
    }

    /// The connection is closed with this code and text; answers it and sees it finished.
    pub(crate) fn expect_connection_close(&mut self, code: u16, text: &str) {
        let heard = self.next();
        let AMQPClass::Connection(connection::AMQPMethod::Close(close)) = &heard.method else {
            panic!("expected connection.close {code} {text}, heard {heard:?}");
        };
        assert_eq!((close.reply_code, close.reply_text.as_str()), (code, text));
        self.unused.clear();
        self.send(
            0,
            of_connection(connection::AMQPMethod::CloseOk(connection::CloseOk {})),
        );
        assert!(self.connection.is_finished());
    }

    /// A new channel after the last one was closed.
    pub(crate) fn reopen(&mut self) {
        self.send(1, open_channel());
        self.expect(
            1,
            of_channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})),
        );
    }

    /// Time passes. The driver ticks at each deadline on the way.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.connection.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.turn(Connection::tick);
        }
        self.now = end;
    }

    /// What is in the output, as bytes.
    pub(crate) fn raw(&mut self) -> Vec<u8> {
        let n = self.out.remaining();
        self.out.copy_to_bytes(n).to_vec()
    }

    fn hear(&mut self) {
        let bytes = self.raw();
        let mut rest = &bytes[..];
        while let Some(frame) = decode_frame(rest, 0).unwrap() {
            rest = &rest[frame.wire.len()..];
            match frame.kind {
                FrameKind::Method => {
                    let method = decode_method(frame.payload).unwrap();
                    let (channel, body) = (frame.channel, Vec::new());
                    self.heard.push_back(Heard {
                        channel,
                        method,
                        properties: None,
                        body,
                    });
                }
                FrameKind::Header => {
                    let header = codec::decode_content_header(frame.payload).unwrap();
                    let heard = self.heard.back_mut().unwrap();
                    assert_eq!(frame.channel, heard.channel);
                    heard.properties = Some(to_basic_properties(&header).unwrap());
                }
                FrameKind::Body => {
                    let heard = self.heard.back_mut().unwrap();
                    assert_eq!(frame.channel, heard.channel);
                    heard.body.extend_from_slice(frame.payload);
                }
                FrameKind::Heartbeat => {}
            }
        }
        assert!(rest.is_empty(), "output ends within a frame");
    }
}

pub(crate) fn frame(channel: u16, method: &AMQPClass) -> Vec<u8> {
    let mut out = OutBuf::new();
    encode_method(channel, method, &mut out);
    let n = out.remaining();
    out.copy_to_bytes(n).to_vec()
}

/// The frames of a publish.
pub(crate) fn publish(
    channel: u16,
    exchange: &str,
    key: &str,
    mandatory: bool,
    properties: &BasicProperties,
    body: &[u8],
) -> Vec<u8> {
    let method = basic::Publish {
        exchange: exchange.into(),
        routing_key: key.into(),
        mandatory,
        immediate: false,
    };
    let mut bytes = frame(channel, &of_basic(basic::AMQPMethod::Publish(method)));
    let message = Content::build(exchange, key, properties, body).unwrap();
    let mut out = OutBuf::new();
    // A return is a method and then the content as a publisher sends it.
    codec::basic_return(&mut out, channel, 0, "", &message, 131_072);
    let n = out.remaining();
    let returned = out.copy_to_bytes(n);
    let method_len = decode_frame(&returned, 0).unwrap().unwrap().wire.len();
    bytes.extend_from_slice(&returned[method_len..]);
    bytes
}

pub(crate) fn persistent() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_for(broker: &Broker, ticket: broker::Ticket) -> broker::Ticket {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match broker.commits().poll_committed(&mut cx, u64::MAX, ticket) {
            Poll::Ready(upto) => return upto,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(30)),
        }
    }
}
