//! One request to the HTTP API, by the broker's own socket or by TCP.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::failure::Failure;

/// What a segment of a path may contain as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Where the broker is, and who asks.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The socket in its data directory: no password needed.
    Socket(PathBuf),
    /// `host:port` of the management listener, with credentials.
    Address {
        address: String,
        user: String,
        password: String,
    },
}

/// What the broker said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// One segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl Target {
    /// Asks, and takes any answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let unreachable = |to: &dyn std::fmt::Display, error: &dyn std::fmt::Display| {
            Failure::unavailable(format!("unable to reach the broker at {to}: {error}"))
        };
        match self {
            Self::Socket(path_of) => {
                let stream = UnixStream::connect(path_of)
                    .await
                    .map_err(|error| unreachable(&path_of.display(), &error))?;
                exchange(stream, request(method, path, body, "localhost", None)?).await
            }
            Self::Address {
                address,
                user,
                password,
            } => {
                let stream = TcpStream::connect(address)
                    .await
                    .map_err(|error| unreachable(address, &error))?;
                let credentials = STANDARD.encode(format!("{user}:{password}"));
                let request = request(method, path, body, address, Some(&credentials))?;
                exchange(stream, request).await
            }
        }
    }
}

fn request(
    method: Method,
    path: &str,
    body: Option<&Value>,
    host: &str,
    credentials: Option<&str>,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json");
    if let Some(credentials) = credentials {
        builder = builder.header(AUTHORIZATION, format!("Basic {credentials}"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    builder
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Failure::usage(error.to_string()))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Failure> {
    let failed = |error: hyper::Error| Failure::unavailable(format!("the broker hung up: {error}"));
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let driving = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(failed)?
        .to_bytes();
    driving.abort();
    let body = match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
    };
    Ok(Answer { status, body })
}
