//! A broker in a directory of its own, and requests to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use broker::{Broker, Settings};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::context::{Context, Info};
use crate::listener::Peer;
use crate::router::router;

/// `guest:guest`
pub(crate) const GUEST: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

/// The broker's present moves only when a test says so.
static NOW_MS: AtomicU64 = AtomicU64::new(0);

#[allow(clippy::disallowed_methods, reason = "tests start from some instant")]
fn started() -> Instant {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *STARTED.get_or_init(Instant::now)
}

fn now() -> Instant {
    started() + Duration::from_millis(NOW_MS.load(Ordering::Relaxed))
}

pub(crate) struct Setting {
    pub(crate) context: Arc<Context>,
    app: Router,
    _directory: TempDir,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// One that is configured otherwise.
    pub(crate) fn with(configure: impl FnOnce(&mut Info)) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = Settings::new(started(), 1_700_000_000_000);
        let broker = Broker::open(settings, directory.path()).unwrap();
        let mut info = Info {
            amqp_listeners: vec!["127.0.0.1:5672".parse().unwrap()],
            management_listeners: vec!["127.0.0.1:15672".parse().unwrap()],
            ..Info::new(directory.path().to_owned(), now)
        };
        configure(&mut info);
        let context = Context::new(broker, info);
        let app = router(Arc::clone(&context));
        Self {
            context,
            app,
            _directory: directory,
        }
    }

    /// Any request, from this machine.
    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        self.send_from("127.0.0.1:40000", request).await
    }

    pub(crate) async fn send_from(&self, peer: &str, mut request: Request<Body>) -> Reply {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", GUEST)
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, "").await
    }

    /// The body of something that has to be there.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let reply = self.get(path).await;
            assert_eq!(reply.status, StatusCode::OK, "GET {path} at {caller}");
            reply.json()
        }
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> StatusCode {
        self.ask(Method::PUT, path, body).await.status
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> StatusCode {
        self.ask(Method::DELETE, path, "").await.status
    }

    /// Looks at all counters as if `seconds` had passed since the start.
    pub(crate) fn sample_at(&self, seconds: u64) {
        let base = 1_700_000_000_000;
        self.context
            .rates
            .sample(&self.context.broker, base + seconds * 1000);
    }
}

/// The type of a JSON value in the words of the recorded shapes.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Checks that an object has all of these fields: `name:type`, several in a row.
#[track_caller]
pub(crate) fn assert_shape(value: &Value, shape: &str) {
    for field in shape.split_whitespace() {
        let (path, expected) = field.split_once(':').unwrap();
        let found = path.split('/').try_fold(value, |value, key| value.get(key));
        let found = found.unwrap_or_else(|| panic!("{path} is missing from {value:#}"));
        assert_eq!(kind(found), expected, "{path}");
    }
}
