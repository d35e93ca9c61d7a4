//! What holds for every path: who gets in, what refusals look like, headers.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::setting::{GUEST, Setting};

fn request(path: &str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().uri(path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn nobody_gets_in_without_a_login() {
    let setting = Setting::new();
    let reply = setting.send(request("/api/overview", None)).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        reply.json(),
        json!({"error": "not_authorized", "reason": "Not_Authorized"})
    );
    assert_eq!(
        reply.header("www-authenticate"),
        "Basic realm=\"RabbitMQ Management\""
    );
}

#[tokio::test]
async fn a_wrong_login_is_not_asked_for_again() {
    let setting = Setting::new();
    for wrong in [
        "Basic Z3Vlc3Q6d3Jvbmc=",
        "Basic bm9ib2R5Omd1ZXN0",
        "Basic !!",
        "Bearer x",
    ] {
        let reply = setting.send(request("/api/overview", Some(wrong))).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(reply.header("www-authenticate"), "", "{wrong}");
    }
}

#[tokio::test]
async fn guest_comes_from_this_machine_only() {
    let setting = Setting::new();
    let here = setting.send_from("[::ffff:127.0.0.1]:1", request("/api/whoami", Some(GUEST)));
    assert_eq!(here.await.status, StatusCode::OK);
    let there = setting
        .send_from("192.0.2.1:1", request("/api/whoami", Some(GUEST)))
        .await;
    assert_eq!(there.status, StatusCode::UNAUTHORIZED);
    assert_eq!(there.json()["reason"], "User can only log in via localhost");
}

#[tokio::test]
async fn refusals_have_their_bodies() {
    let setting = Setting::new();
    let not_found = json!({"error": "Object Not Found", "reason": "Not Found"});
    for path in [
        "/api/nonsense",
        "/api/users/nobody",
        "/api/connections/none",
        "/nonsense",
    ] {
        let reply = setting.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.json(), not_found, "{path}");
    }
    for (path, reason) in [
        ("/api/queues/%2F/none", "queue_not_found"),
        ("/api/exchanges/%2F/none", "exchange_not_found"),
        ("/api/queues/none/none", "vhost_not_found"),
    ] {
        let reply = setting.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            reply.json(),
            json!({"error": "not_found", "reason": reason}),
            "{path}"
        );
    }
    let reply = setting.ask(Method::POST, "/api/overview", "").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    let reply = setting
        .ask(Method::PUT, "/api/queues/%2F/q", "{not json")
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        reply.json(),
        json!({"error": "bad_request", "reason": "not_json"})
    );
}

#[tokio::test]
async fn options_tell_the_methods() {
    let setting = Setting::new();
    let reply = setting.ask(Method::OPTIONS, "/api/queues/%2F/q", "").await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let allow = reply.header("allow");
    assert!(
        ["GET", "HEAD", "PUT", "DELETE"]
            .iter()
            .all(|m| allow.contains(m)),
        "{allow}"
    );
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let setting = Setting::new();
    let reply = setting.ask(Method::HEAD, "/api/overview", "").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let setting = Setting::new();
    for path in ["/", "/api/overview", "/api/none", "/none"] {
        let reply = setting.get(path).await;
        assert!(
            reply
                .header("content-security-policy")
                .starts_with("default-src 'self'")
        );
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-cache", "{path}");
    }
}

#[tokio::test]
async fn lists_are_paged_where_rabbitmq_pages_them() {
    let setting = Setting::new();
    let page = setting
        .read("/api/exchanges?page=1&page_size=3&sort=name")
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    assert_eq!(page["total_count"], 8);
    assert_eq!(page["page_count"], 3);
    assert!(setting.read("/api/consumers?page=1").await.is_array());
    let reply = setting.get("/api/exchanges?page=9").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.json()["error"], "page_out_of_range");
    let reply = setting
        .get("/api/queues?lengths_age=x&lengths_incr=5")
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_as_everything_else() {
    let setting = Setting::new();
    for path in [
        "/api/queues?page=1&page=2",
        "/api/leveret/log?count=many",
        "/api/queues/%FF/q",
    ] {
        let reply = setting.get(path).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(reply.json()["error"], "bad_request", "{path}");
        assert!(reply.json()["reason"].is_string(), "{path}");
    }
}
