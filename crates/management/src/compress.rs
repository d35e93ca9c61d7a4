//! Answers in gzip for clients that ask for it. A list of queues shrinks to a twentieth.

use std::io::{self, Write};

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::task::spawn_blocking;

/// Bytes of a body from which compression pays: less fits in one packet anyway.
const COMPRESSED_BYTES_MIN: u64 = 1400;

/// Bytes of a body up to which compression takes no longer than a millisecond or so; what is
/// larger is compressed off the API's thread.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Compresses the answer if the client takes that, and the whole of it is at hand.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let accepted = accepts_gzip(request.headers());
    let response = next.run(request).await;
    if !accepted || !is_compressible(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A body whose size is known is in memory already.
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let packed = if plain.len() <= INLINE_BYTES_MAX {
        gzip(&plain).ok()
    } else {
        let plain = plain.clone();
        let packed = spawn_blocking(move || gzip(&plain)).await;
        packed.ok().and_then(Result::ok)
    };
    let Some(packed) = packed else {
        return Response::from_parts(parts, Body::from(plain));
    };
    let headers = &mut parts.headers;
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(packed))
}

fn gzip(plain: &Bytes) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Text of a known size. A stream of events must not wait for its end.
fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_text = kind.is_some_and(|kind| {
        ["application/json", "text/", "image/svg"]
            .iter()
            .any(|text| kind.starts_with(text))
    });
    let size = response.body().size_hint().exact();
    is_text
        && !headers.contains_key(CONTENT_ENCODING)
        && size.is_some_and(|size| size >= COMPRESSED_BYTES_MIN)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).into_iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings
        .map(|coding| coding.split_once(';').unwrap_or((coding, "")))
        .any(|(coding, weight)| coding.trim().eq_ignore_ascii_case("gzip") && !is_zero(weight))
}

/// `q=0`: anything but this.
fn is_zero(weight: &str) -> bool {
    let number = weight.trim().strip_prefix("q=");
    number.is_some_and(|number| number.trim().parse::<f32>() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_when_it_is_accepted() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5, br", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
