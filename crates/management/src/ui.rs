//! The dashboard: the files of `web-ui/`. Embedded in a release build; a debug build reads them
//! from disk, so that reloading the page shows an edit.
//!
//! The page asks for its files below `v/` and a hash of all of them, where a browser may keep them
//! for good: some thirty questions whether one has changed take longer than all the rest.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

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
    let (version, path) = versioned(uri.path().trim_start_matches('/'));
    let path = match path {
        "" => PAGE,
        path => path,
    };
    let Some(mut file) = Files::get(path).filter(|_| is_served(path)) else {
        return ApiError::ObjectNotFound.into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (etag, caching) = match version {
        Some(asked) if asked == self::version() => (etag(&file), FOR_GOOD),
        // A new version of the broker brings new files at the same addresses: always ask.
        _ if path != PAGE => (etag(&file), "no-cache"),
        _ => {
            let version = self::version();
            file.data = with_version(&file.data, &version).into();
            (format!("\"{version}\""), "no-cache")
        }
    };
    let seen = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let caching = [(ETAG, etag.as_str()), (CACHE_CONTROL, caching)];
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

/// The file that names the others.
const PAGE: &str = "index.html";

/// How long a file of a version is kept: a year is as long as browsers do.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// A path as `v/{version}/{path}`, or by itself.
fn versioned(path: &str) -> (Option<&str>, &str) {
    let split = path
        .strip_prefix("v/")
        .and_then(|rest| rest.split_once('/'));
    split.map_or((None, path), |(version, path)| (Some(version), path))
}

/// A hash of all files and their names.
fn version() -> String {
    static VERSION: LazyLock<String> = LazyLock::new(hash_of_all);
    // An edit makes another version.
    if cfg!(debug_assertions) {
        hash_of_all()
    } else {
        VERSION.clone()
    }
}

fn hash_of_all() -> String {
    let mut hasher = DefaultHasher::new();
    for path in Files::iter() {
        path.hash(&mut hasher);
        let file = Files::get(&path);
        file.map(|file| file.metadata.sha256_hash())
            .hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The page with the addresses of a version's files.
fn with_version(page: &[u8], version: &str) -> Vec<u8> {
    let page = String::from_utf8_lossy(page);
    let page = page.replace("=\"css/", &format!("=\"v/{version}/css/"));
    page.replace("=\"js/", &format!("=\"v/{version}/js/"))
        .into_bytes()
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
