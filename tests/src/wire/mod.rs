//! A raw AMQP 0-9-1 client: blocking, scripted, and free to break every rule.
//!
//! Most calls fail the test when the broker does not answer as expected, so that a test reads
//! as the conversation it expects.

mod expect;
pub mod method;
pub mod properties;
pub mod reader;
pub mod value;

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

pub use expect::{Close, Delivery, Got, Returned};
pub use method::{Id, Method, access, basic, channel, confirm, connection, exchange, queue, tx};
pub use properties::Properties;
pub use reader::Reader;
pub use value::{Table, Value, lookup};

use crate::PATIENCE;

/// The protocol header of AMQP 0-9-1.
pub const HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// The last octet of every frame.
pub const FRAME_END: u8 = 0xCE;
/// The frame size the broker offers, which [`Wire::open`] accepts.
pub const FRAME_MAX: u32 = 131_072;

/// What arrived in one frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    Method(Method),
    Header {
        class: u16,
        body_size: u64,
        properties: Box<Properties>,
    },
    Body(Vec<u8>),
    Heartbeat,
}

/// One connection.
pub struct Wire {
    stream: TcpStream,
    inbound: Vec<u8>,
    /// The largest frame this side sends (size of the whole frame in bytes).
    pub frame_max: u32,
}

impl Wire {
    /// Only the TCP connection.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            inbound: Vec::new(),
            frame_max: FRAME_MAX,
        }
    }

    /// Up to and including connection.start.
    #[must_use]
    pub fn greet(address: SocketAddr) -> (Self, Method) {
        let mut wire = Self::connect(address);
        wire.send_bytes(HEADER);
        let start = wire.expect(0, connection::START);
        (wire, start)
    }

    /// As far as connection.tune: logged in, nothing tuned. Returns the tune method.
    #[must_use]
    pub fn login(address: SocketAddr, user: &str, password: &str) -> (Self, Method) {
        let (mut wire, _) = Self::greet(address);
        wire.send(
            0,
            &connection::start_ok(&capable(), "PLAIN", &plain(user, password)),
        );
        let tune = wire.expect(0, connection::TUNE);
        (wire, tune)
    }

    /// An open connection as guest on `/`, without heartbeats, and with channel 1 open.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        Self::open_tuned(address, FRAME_MAX, 0)
    }

    /// The same as somebody else (name and password) on another virtual host.
    #[track_caller]
    #[must_use]
    pub fn open_as(address: SocketAddr, (user, password): (&str, &str), vhost: &str) -> Self {
        let mut wire = Self::ask_to_open(address, (user, password), vhost);
        wire.expect(0, connection::OPEN_OK);
        wire.open_channel(1);
        wire
    }

    /// As far as connection.open, which may be refused.
    #[must_use]
    pub fn ask_to_open(address: SocketAddr, (user, password): (&str, &str), vhost: &str) -> Self {
        let (mut wire, _) = Self::login(address, user, password);
        wire.send(0, &connection::tune_ok(2047, FRAME_MAX, 0));
        wire.send(0, &connection::open(vhost));
        wire
    }

    /// The same with a frame size and heartbeat (seconds) of one's own.
    #[must_use]
    pub fn open_tuned(address: SocketAddr, frame_max: u32, heartbeat: u16) -> Self {
        let (mut wire, _) = Self::login(address, "guest", "guest");
        wire.send(0, &connection::tune_ok(2047, frame_max, heartbeat));
        wire.frame_max = frame_max;
        wire.send(0, &connection::open("/"));
        wire.expect(0, connection::OPEN_OK);
        wire.open_channel(1);
        wire
    }

    /// Opens a channel.
    #[track_caller]
    pub fn open_channel(&mut self, channel: u16) {
        self.call(channel, &channel::open(), channel::OPEN_OK);
    }

    /// The local address, as the broker's name for this connection begins.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// The socket, for whoever wants to go on by hand. Nothing may be waiting to be received.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        assert!(self.inbound.is_empty(), "what was received would be lost");
        self.stream
    }

    /// Sets how long to wait for the broker from now on.
    pub fn patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        self.stream.set_write_timeout(Some(patience)).unwrap();
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends bytes as they are; false when the broker takes no more.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends one method frame.
    #[track_caller]
    pub fn send(&mut self, channel: u16, method: &Method) {
        self.send_bytes(&frame(1, channel, &method.payload()));
    }

    /// Publishes a message: method, header and as many body frames as it takes.
    #[track_caller]
    pub fn publish(
        &mut self,
        channel: u16,
        publish: &Method,
        properties: &Properties,
        body: impl AsRef<[u8]>,
    ) {
        let bytes = message(channel, publish, properties, body.as_ref(), self.frame_max);
        self.send_bytes(&bytes);
    }

    /// Publishes to the default exchange, i.e. straight into a queue, transient.
    #[track_caller]
    pub fn enqueue(&mut self, queue: &str, body: impl AsRef<[u8]>) {
        self.publish(1, &basic::publish("", queue, 0), &Properties::new(), body);
    }

    /// Half-closes the connection: no more bytes from this side.
    pub fn end_of_input(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next frame, or none when the broker has closed the connection.
    #[track_caller]
    pub fn receive(&mut self) -> Option<(u16, Frame)> {
        loop {
            if let Some(whole) = self.take_frame() {
                return Some(whole);
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.inbound.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => panic!("waiting for a frame: {e}"),
            }
        }
    }

    /// Whether there is something to receive within that time: a frame, or the end.
    pub fn has_news(&mut self, within: Duration) -> bool {
        if self.whole_frame().is_some() {
            return true;
        }
        let patience = self.stream.read_timeout().unwrap();
        self.stream.set_read_timeout(Some(within)).unwrap();
        let mut byte = [0];
        let news = self.stream.peek(&mut byte).is_ok();
        self.stream.set_read_timeout(patience).unwrap();
        news
    }

    /// The next `n` bytes, or fewer when the broker closes before.
    #[track_caller]
    pub fn receive_bytes(&mut self, n: usize) -> Vec<u8> {
        while self.inbound.len() < n {
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => self.inbound.extend_from_slice(&chunk[..read]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
                Err(e) => panic!("waiting for bytes: {e}"),
            }
        }
        let n = n.min(self.inbound.len());
        self.inbound.drain(..n).collect()
    }

    /// The size of the first frame's payload, once the frame is whole.
    fn whole_frame(&self) -> Option<usize> {
        let size: [u8; 4] = self.inbound.get(3..7)?.try_into().unwrap();
        let size = usize::try_from(u32::from_be_bytes(size)).unwrap();
        (self.inbound.len() >= size + 8).then_some(size)
    }

    fn take_frame(&mut self) -> Option<(u16, Frame)> {
        let head = self.inbound.get(..7)?;
        let mut reader = Reader::new(head);
        let (kind, channel) = (reader.octet(), reader.short());
        let size = usize::try_from(reader.long()).unwrap();
        let limit = usize::try_from(self.frame_max.max(8192)).unwrap();
        assert!(size + 8 <= limit, "a frame of {size} bytes from the broker");
        let whole = self.inbound.get(..size + 8)?;
        assert_eq!(whole[size + 7], FRAME_END, "frame end from the broker");
        let frame = decode(kind, &whole[7..size + 7]);
        self.inbound.drain(..size + 8);
        Some((channel, frame))
    }
}

fn decode(kind: u8, payload: &[u8]) -> Frame {
    let mut reader = Reader::new(payload);
    match kind {
        1 => {
            let id = (reader.short(), reader.short());
            Frame::Method(Method {
                id,
                args: payload[4..].to_vec(),
            })
        }
        2 => {
            let class = reader.short();
            assert_eq!(reader.short(), 0, "weight");
            let body_size = reader.longlong();
            let properties = Box::new(Properties::decode(&mut reader));
            assert!(reader.is_empty(), "bytes behind the properties");
            Frame::Header {
                class,
                body_size,
                properties,
            }
        }
        3 => Frame::Body(payload.to_vec()),
        8 => Frame::Heartbeat,
        other => panic!("frame type {other} from the broker"),
    }
}

/// The bytes of one frame.
#[must_use]
pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(channel.to_be_bytes());
    out.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    out.extend_from_slice(payload);
    out.push(FRAME_END);
    out
}

/// The bytes of one method frame.
#[must_use]
pub fn method_frame(channel: u16, method: &Method) -> Vec<u8> {
    frame(1, channel, &method.payload())
}

/// The bytes of one content header frame of class basic.
#[must_use]
pub fn header_frame(channel: u16, body_size: u64, properties: &Properties) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend(body_size.to_be_bytes());
    payload.extend(properties.encode());
    frame(2, channel, &payload)
}

/// The bytes of a whole message.
#[must_use]
pub fn message(
    channel: u16,
    publish: &Method,
    properties: &Properties,
    body: &[u8],
    frame_max: u32,
) -> Vec<u8> {
    let mut out = method_frame(channel, publish);
    out.extend(header_frame(
        channel,
        u64::try_from(body.len()).unwrap(),
        properties,
    ));
    for piece in body.chunks(usize::try_from(frame_max).unwrap() - 8) {
        out.extend(frame(3, channel, piece));
    }
    out
}

/// A SASL PLAIN response.
#[must_use]
pub fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// Client properties with all capabilities that change the broker's behaviour.
#[must_use]
pub fn capable() -> Table {
    let capabilities = Table::new()
        .bool("authentication_failure_close", true)
        .bool("basic.nack", true)
        .bool("connection.blocked", true)
        .bool("consumer_cancel_notify", true)
        .bool("publisher_confirms", true);
    Table::new()
        .str("product", "raw")
        .table("capabilities", &capabilities)
}
