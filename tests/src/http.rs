//! A plain HTTP/1.1 client: one request per connection, JSON in and out.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::PATIENCE;

/// A client of the management API.
#[derive(Clone)]
pub struct Http {
    address: SocketAddr,
    authorization: Option<String>,
    content_type: String,
    further: Option<(&'static str, String)>,
}

/// An answer of the management API.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header lines as received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; the test fails if it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as JSON, once the status is `status`.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "an assertion"
    )]
    pub fn ok(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        self
    }

    /// The first header of that name (given in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Http {
    /// A client that logs in as guest.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        // base64 of "guest:guest"
        Self {
            address,
            authorization: Some("Basic Z3Vlc3Q6Z3Vlc3Q=".to_owned()),
            content_type: "application/json".to_owned(),
            further: None,
        }
    }

    /// The same client with another Authorization header, or none.
    #[must_use]
    pub fn authorized(mut self, authorization: Option<&str>) -> Self {
        self.authorization = authorization.map(str::to_owned);
        self
    }

    /// The same client with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.further = Some((name, value.to_owned()));
        self
    }

    /// The same client with bodies of another type.
    #[must_use]
    pub fn sending(mut self, content_type: &str) -> Self {
        content_type.clone_into(&mut self.content_type);
        self
    }

    /// The same client as somebody else.
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        let credentials = base64(format!("{user}:{password}").as_bytes());
        self.authorized(Some(&format!("Basic {credentials}")))
    }

    /// GET below `/api`.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", &format!("/api{path}"), None)
    }

    /// GET below `/api` that must succeed, as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self, path: &str) -> Value {
        self.get(path).ok(200).json()
    }

    /// PUT below `/api`.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.request("PUT", &format!("/api{path}"), Some(&body.to_string()))
    }

    /// POST below `/api`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", &format!("/api{path}"), Some(&body.to_string()))
    }

    /// DELETE below `/api`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", &format!("/api{path}"), None)
    }

    /// Any request, path from the root.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let answer = self.exchange(method, path, body);
        parse(&answer.unwrap_or_else(|e| panic!("{method} {path}: {e}")))
    }

    /// A request that the broker may cut off; the status, if there was an answer.
    #[must_use]
    pub fn try_request(&self, method: &str, path: &str, body: &str) -> Option<u16> {
        let answer = self.exchange(method, path, Some(body)).ok()?;
        (!answer.is_empty()).then(|| parse(&answer).status)
    }

    fn exchange(&self, method: &str, path: &str, body: Option<&str>) -> io::Result<Vec<u8>> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(value) = &self.authorization {
            write!(head, "Authorization: {value}\r\n").unwrap();
        }
        if let Some((name, value)) = &self.further {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(body) = body {
            write!(
                head,
                "Content-Type: {}\r\nContent-Length: {}\r\n",
                self.content_type,
                body.len()
            )
            .unwrap();
        }
        head.push_str("Connection: close\r\n\r\n");
        head.push_str(body.unwrap_or_default());
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a whole HTTP head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(k, v)| k == "transfer-encoding" && v == "chunked");
    let body = &bytes[end + 4..];
    let body = if chunked {
        unchunk(body)
    } else {
        body.to_vec()
    };
    Answer {
        status,
        headers,
        body,
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
        if size == 0 {
            break;
        }
    }
    body
}

/// RFC 4648, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_usize, |group, at| {
            group << 8 | usize::from(chunk.get(at).copied().unwrap_or_default())
        });
        for at in 0..4 {
            let digit = DIGITS[group >> (18 - 6 * at) & 63];
            out.push(if at <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

/// Percent-encodes one path segment.
#[must_use]
pub fn segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}
