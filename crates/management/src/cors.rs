//! Pages of other origins that may use the API (`management.cors.*`).

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW,
    ORIGIN,
};
use axum::http::{HeaderMap, HeaderValue, Method};

/// How long, in seconds, a browser may remember what it was allowed. RabbitMQ's figure.
pub const CORS_AGE_S_DEFAULT: u32 = 1800;

/// Which origins are allowed.
#[derive(Clone, Debug)]
pub struct Cors {
    /// `https://example.com`, or `*` for every one.
    pub origins: Vec<String>,
    /// Seconds that a browser may remember the answer to OPTIONS.
    pub max_age_s: u32,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age_s: CORS_AGE_S_DEFAULT,
        }
    }
}

/// What the answer to a request will have to say besides.
pub(crate) struct Asked {
    origin: HeaderValue,
    headers: Option<HeaderValue>,
    preflight: bool,
}

impl Cors {
    /// Whether a page that may use the API is asking.
    pub(crate) fn asked(&self, method: &Method, headers: &HeaderMap) -> Option<Asked> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed =
            |allowed: &String| allowed == "*" || allowed.as_bytes() == origin.as_bytes();
        if origin.as_bytes() == b"null" || !self.origins.iter().any(is_allowed) {
            return None;
        }
        Some(Asked {
            origin: origin.clone(),
            headers: headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
            preflight: method == Method::OPTIONS,
        })
    }

    /// Allows it. The methods are those that the path has.
    pub(crate) fn allow(&self, asked: Asked, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, asked.origin);
        let credentials = const { HeaderValue::from_static("true") };
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        if !asked.preflight {
            return;
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age_s.into());
        if let Some(wanted) = asked.headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
        if let Some(methods) = headers.get(ALLOW).cloned() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
    }
}
