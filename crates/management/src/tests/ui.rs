//! The dashboard's files.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use super::setting::Setting;

#[tokio::test]
async fn the_page_and_its_parts_are_served() {
    let setting = Setting::new();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/css/base.css", "text/css; charset=utf-8"),
        ("/js/router.js", "text/javascript; charset=utf-8"),
        ("/js/pages/overview.js", "text/javascript; charset=utf-8"),
    ] {
        let reply = setting
            .send(Request::builder().uri(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert_eq!(reply.header("content-type"), kind, "{path}");
        assert!(!reply.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() {
    let setting = Setting::new();
    let first = setting.get("/css/base.css").await;
    let again = Request::builder()
        .uri("/css/base.css")
        .header("if-none-match", first.header("etag"))
        .body(Body::empty())
        .unwrap();
    let again = setting.send(again).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert!(again.body.is_empty());
}

#[tokio::test]
async fn only_the_files_of_the_page_are_served() {
    let setting = Setting::new();
    for path in [
        "/../Cargo.toml",
        "/..%2FCargo.toml",
        "/js",
        "/js/../../Cargo.toml",
        "//etc/passwd",
        "/types.d.ts",
    ] {
        assert_eq!(
            setting.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let reply = setting.ask(Method::POST, "/", "").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn below_a_prefix_the_page_is_at_a_folder() {
    let setting = Setting::with(|info| info.path_prefix = "/broker".to_owned());
    let reply = setting.get("/broker").await;
    assert_eq!(reply.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(reply.header("location"), "/broker/");
    let page = setting.get("/broker/").await;
    assert_eq!(page.status, StatusCode::OK);
    let page = String::from_utf8(page.body).unwrap();
    let files: Vec<&str> = page
        .split('"')
        .filter(|text| text.ends_with(".css") || text.ends_with(".js"))
        .collect();
    assert_eq!(files.len(), 3, "{page}");
    for file in files {
        let path = format!("/broker/{file}");
        assert_eq!(setting.get(&path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(setting.get("/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn files_of_this_version_are_kept_for_good_and_others_are_not() {
    let setting = Setting::new();
    let page = setting.get("/").await;
    assert_eq!(page.header("cache-control"), "no-cache");
    let version = page.header("etag").trim_matches('"').to_owned();
    for (path, caching) in [
        (format!("/v/{version}/js/main.js"), "immutable"),
        ("/v/0123456789abcdef/js/main.js".to_owned(), "no-cache"),
        ("/js/main.js".to_owned(), "no-cache"),
    ] {
        let file = setting.get(&path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(file.header("cache-control").ends_with(caching), "{path}");
        assert_eq!(
            file.header("content-type"),
            "text/javascript; charset=utf-8"
        );
    }
    let path = format!("/v/{version}/js/never-was.js");
    assert_eq!(setting.get(&path).await.status, StatusCode::NOT_FOUND);
}

/// Bytes of all files. The dashboard is to be there at once, also over a slow line.
const UI_BYTES_MAX: usize = 250 * 1024;

#[test]
fn the_dashboard_is_small() {
    let sizes = crate::ui::sizes();
    let sum: usize = sizes.iter().map(|(_, size)| size).sum();
    assert!(sum <= UI_BYTES_MAX, "{sum} bytes: {sizes:?}");
}
