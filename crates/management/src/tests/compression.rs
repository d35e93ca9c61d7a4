//! Answers in gzip.

use std::io::Read;

use axum::body::Body;
use axum::http::Request;

use super::setting::{GUEST, Setting};

#[tokio::test]
async fn large_answers_are_compressed_for_who_accepts_it() {
    let setting = Setting::new();
    let ask = |path: &'static str, encoding: &'static str| {
        let request = Request::builder()
            .uri(path)
            .header("authorization", GUEST)
            .header("accept-encoding", encoding);
        setting.send(request.body(Body::empty()).unwrap())
    };
    let plain = ask("/api/feature-flags", "identity").await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = ask("/api/feature-flags", "deflate, gzip").await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < plain.body.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*packed.body)
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, plain.body);
    let small = ask("/api/whoami", "gzip").await;
    assert_eq!(small.header("content-encoding"), "");
}
