//! Over real sockets: that it serves, and that it ends.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::setting::{GUEST, Setting};
use crate::{Socket, Sockets, serve};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(10);

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
    _setting: Setting,
}

fn served() -> Served {
    let setting = Setting::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let context = &setting.context;
    let (broker, info) = (context.broker.clone(), context.info.clone());
    let sockets = Sockets {
        management: vec![Socket {
            listener,
            tls: None,
        }],
        ..Sockets::default()
    };
    let ended = tokio::spawn(serve(broker, sockets, info, || {}, async {
        let _ = stopped.await;
    }));
    Served {
        address,
        stop,
        ended,
        _setting: setting,
    }
}

/// Sends bytes and reads until the answer's end, which is known by its last bytes.
async fn exchange(stream: &mut TcpStream, request: &str, end: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = timeout(LONG, stream.read_buf(&mut answer)).await.unwrap();
        assert_ne!(read.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

fn whoami() -> String {
    format!("GET /api/whoami HTTP/1.1\r\nhost: x\r\nauthorization: {GUEST}\r\n\r\n")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let served = served();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..3 {
        let answer = exchange(&mut stream, &whoami(), "}").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn idle_and_unfinished_connections_do_not_hold_up_the_end() {
    let served = served();
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    exchange(&mut idle, &whoami(), "}").await;
    let mut unfinished = TcpStream::connect(served.address).await.unwrap();
    unfinished
        .write_all(b"GET / HTTP/1.1\r\nhos")
        .await
        .unwrap();
    served.stop.send(()).unwrap();
    timeout(LONG, served.ended).await.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    let read = timeout(LONG, idle.read_to_end(&mut rest)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn what_is_not_http_gets_an_error_and_no_more() {
    let served = served();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"AMQP\0\0\x09\x01\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
}
