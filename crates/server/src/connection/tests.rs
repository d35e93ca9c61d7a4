use std::time::Duration;

use broker::Settings;
use codec::{
    AMQPClass, FieldTable, Frame, FrameKind, PROTOCOL_HEADER, basic, channel, connection,
    decode_frame, decode_method, encode_method, queue,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::connections::Connections;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker in a directory of its own, and who is connected to it.
struct Home {
    broker: Arc<Broker>,
    connections: Arc<Connections>,
    _dir: TempDir,
}

impl Home {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::new(clock::now(), clock::unix_ms());
        Self {
            broker: Broker::open(settings, dir.path()).unwrap(),
            connections: Connections::new(10),
            _dir: dir,
        }
    }

    /// A client whose socket holds `socket_bytes` each way.
    fn client(&self, socket_bytes: usize) -> Client {
        let (ours, theirs) = duplex(socket_bytes);
        let seat = self.connections.admit().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 4000));
        let peer = Peer {
            host: "127.0.0.1".to_owned(),
            port: 4000,
            local_host: "127.0.0.1".to_owned(),
            local_port: 4000,
            loopback: true,
            tls: None,
        };
        let driver = Driver::new(theirs, address, peer, seat, Arc::clone(&self.broker));
        Client {
            stream: ours,
            received: Vec::new(),
            driver: tokio::spawn(driver),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.broker.close();
    }
}

struct Client {
    stream: DuplexStream,
    received: Vec<u8>,
    driver: JoinHandle<()>,
}

impl Client {
    async fn open(home: &Home, socket_bytes: usize) -> Self {
        let mut client = home.client(socket_bytes);
        client.stream.write_all(&PROTOCOL_HEADER).await.unwrap();
        client.expect_connection().await;
        client
            .send_connection(connection::AMQPMethod::StartOk(connection::StartOk {
                client_properties: FieldTable::default(),
                mechanism: "PLAIN".into(),
                response: "\0guest\0guest".into(),
                locale: "en_US".into(),
            }))
            .await;
        let tune = client.expect_connection().await;
        let connection::AMQPMethod::Tune(tune) = tune else {
            panic!("expected tune, got {tune:?}")
        };
        client
            .send_connection(connection::AMQPMethod::TuneOk(connection::TuneOk {
                channel_max: tune.channel_max,
                frame_max: tune.frame_max,
                heartbeat: 0,
            }))
            .await;
        client
            .send_connection(connection::AMQPMethod::Open(connection::Open {
                virtual_host: "/".into(),
            }))
            .await;
        client.expect_connection().await;
        client
            .send(&frame(
                1,
                AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})),
            ))
            .await;
        client.expect().await;
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes))
            .await
            .unwrap()
            .unwrap();
    }

    async fn send_connection(&mut self, method: connection::AMQPMethod) {
        self.send(&frame(0, AMQPClass::Connection(method))).await;
    }

    async fn expect_connection(&mut self) -> connection::AMQPMethod {
        match self.expect().await {
            AMQPClass::Connection(method) => method,
            other => panic!("expected a method of connection, got {other:?}"),
        }
    }

    /// The next method.
    async fn expect(&mut self) -> AMQPClass {
        loop {
            if let Some(Frame {
                kind,
                payload,
                wire,
                ..
            }) = decode_frame(&self.received, 0).unwrap()
            {
                assert_eq!(kind, FrameKind::Method);
                let method = decode_method(payload).unwrap();
                let used = wire.len();
                self.received.drain(..used);
                return method;
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
            assert!(read.unwrap().unwrap() > 0, "the broker closed the socket");
        }
    }

    /// Declares (or, passively, counts the messages of) queue `q`.
    async fn declare(&mut self, passive: bool) -> u32 {
        let declare = queue::Declare {
            queue: "q".into(),
            passive,
            durable: false,
            exclusive: false,
            auto_delete: true,
            nowait: false,
            arguments: FieldTable::default(),
        };
        self.send(&frame(
            1,
            AMQPClass::Queue(queue::AMQPMethod::Declare(declare)),
        ))
        .await;
        match self.expect().await {
            AMQPClass::Queue(queue::AMQPMethod::DeclareOk(ok)) => ok.message_count,
            other => panic!("expected declare-ok, got {other:?}"),
        }
    }

    /// Waits for the end of the driver.
    async fn ended(self) {
        timeout(PATIENCE, self.driver).await.unwrap().unwrap();
    }
}

fn frame(channel: u16, method: AMQPClass) -> Vec<u8> {
    let mut out = OutBuf::new();
    encode_method(channel, &method, &mut out);
    out.chunk().to_vec()
}

/// A publish to queue `q` on channel 1: method, header and body frames.
fn publish(body: &[u8]) -> Vec<u8> {
    let publish = basic::Publish {
        exchange: "".into(),
        routing_key: "q".into(),
        mandatory: false,
        immediate: false,
    };
    let mut wire = frame(1, AMQPClass::Basic(basic::AMQPMethod::Publish(publish)));
    let mut header = vec![0, 60, 0, 0];
    header.extend((body.len() as u64).to_be_bytes());
    header.extend([0, 0]);
    for (kind, payload) in [(2, &header[..]), (3, body)] {
        wire.extend([kind, 0, 1]);
        wire.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        wire.extend(payload);
        wire.push(codec::FRAME_END);
    }
    wire
}

#[tokio::test]
async fn a_wrong_header_is_answered_before_the_socket_closes() {
    let home = Home::open();
    let mut client = home.client(64);
    client.send(b"GET / HTTP/1.1\r\n\r\n").await;
    let mut answer = Vec::new();
    timeout(PATIENCE, client.stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, PROTOCOL_HEADER);
    drop(client.stream);
    timeout(PATIENCE, client.driver).await.unwrap().unwrap();
    assert_eq!(home.connections.len(), 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_behind() {
    let home = Home::open();
    let mut client = Client::open(&home, 4096).await;
    client.declare(false).await;
    assert_eq!(home.broker.registry().len(), 1);
    drop(client.stream);
    timeout(PATIENCE, client.driver).await.unwrap().unwrap();
    assert_eq!(
        (home.connections.len(), home.broker.registry().len()),
        (0, 0)
    );
}

#[tokio::test]
async fn a_frame_may_arrive_one_byte_at_a_time() {
    let home = Home::open();
    let mut client = Client::open(&home, 1).await;
    client.declare(false).await;
    client.send(&publish(&[7; 300])).await;
    assert_eq!(client.declare(true).await, 1);
}

#[tokio::test]
async fn more_than_a_turns_budget_at_once_is_all_taken() {
    let home = Home::open();
    let mut client = Client::open(&home, 4 * 1024 * 1024).await;
    client.declare(false).await;
    let (small, large) = (publish(&[1; 20]), publish(&[2; 100_000]));
    let mut wire: Vec<u8> = small.repeat(20_000);
    wire.extend(large.repeat(10));
    wire.extend(small.repeat(1_000));
    client.send(&wire).await;
    assert_eq!(client.declare(true).await, 21_010);
}

#[tokio::test]
async fn closing_is_answered_and_the_socket_closed() {
    let home = Home::open();
    let mut client = Client::open(&home, 4096).await;
    client
        .send_connection(connection::AMQPMethod::Close(connection::Close {
            reply_code: 200,
            reply_text: "bye".into(),
            class_id: 0,
            method_id: 0,
        }))
        .await;
    let answer = client.expect_connection().await;
    assert!(
        matches!(answer, connection::AMQPMethod::CloseOk(_)),
        "{answer:?}"
    );
    assert_eq!(
        client.stream.read_buf(&mut client.received).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn a_shutdown_says_320_and_waits_for_the_answer() {
    let home = Home::open();
    let mut client = Client::open(&home, 4096).await;
    home.connections.enter(Stage::Closing);
    let close = client.expect_connection().await;
    let connection::AMQPMethod::Close(close) = close else {
        panic!("expected close, got {close:?}")
    };
    assert_eq!(close.reply_code, 320);
    tokio::task::yield_now().await;
    assert!(!client.driver.is_finished());
    client
        .send_connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))
        .await;
    client.ended().await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_is_dropped_when_its_time_is_up() {
    let home = Home::open();
    let client = Client::open(&home, 4096).await;
    home.connections.enter(Stage::Closing);
    home.connections.enter(Stage::Aborting);
    client.ended().await;
    assert_eq!(home.broker.registry().len(), 0);
}
