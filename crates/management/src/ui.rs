//! The dashboard: the files of `web-ui/`. Embedded in a release build; a debug build reads them
//! from disk, so that reloading the page shows an edit.

use std::fmt::Write;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web-ui/"]
struct Files;

/// Everything that no route of the API takes: a file, or 404.
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let Some(file) = Files::get(path).filter(|_| is_served(path)) else {
        return ApiError::ObjectNotFound.into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let etag = etag(&file);
    let seen = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    // A new version of the broker brings new files at the same addresses: always ask.
    let caching = [(ETAG, etag.as_str()), (CACHE_CONTROL, "no-cache")];
    if seen.is_some_and(|seen| seen.contains(&etag)) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (
        caching,
        [(CONTENT_TYPE, content_type(path))],
        Body::from(file.data),
    )
        .into_response()
}

/// Types are there for who checks the scripts.
fn is_served(path: &str) -> bool {
    !path.ends_with(".d.ts")
}

/// The first half of the content's hash is plenty.
fn etag(file: &EmbeddedFile) -> String {
    let mut etag = String::from('"');
    for byte in &file.metadata.sha256_hash()[..16] {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Every file that is served and its bytes.
#[cfg(test)]
pub(crate) fn sizes() -> Vec<(String, usize)> {
    let size = |path: &str| Files::get(path).map_or(0, |file| file.data.len());
    Files::iter()
        .filter(|path| is_served(path))
        .map(|path| (path.to_string(), size(&path)))
        .collect()
}
