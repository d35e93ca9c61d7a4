//! Logging in with a form, pages of other origins, and the headers that narrow lists.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::setting::{GUEST, Reply, Setting};
use crate::Cors;

async fn send(setting: &Setting, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    setting.send(request.body(Body::empty()).unwrap()).await
}

async fn post(setting: &Setting, form: &str) -> Reply {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/login")
        .header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Body::from(form.to_owned())).unwrap();
    setting.send(request).await
}

#[tokio::test]
async fn a_form_gives_a_cookie_that_logs_in() {
    let setting = Setting::new();
    let reply = post(&setting, "username=guest&password=guest").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json(), json!("ok"));
    let cookie = reply.header("set-cookie");
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(pair, "auth=Z3Vlc3Q6Z3Vlc3Q=");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/api"] {
        assert!(attributes.contains(attribute), "{cookie}");
    }
    let both = format!("m=1; {pair}");
    let reply = send(&setting, "GET", "/api/whoami", &[("cookie", &both)]).await;
    assert_eq!(reply.json()["name"], "guest");
}

#[tokio::test]
async fn a_wrong_form_gives_none() {
    let setting = Setting::new();
    for form in ["username=guest&password=x", "username=guest", "", "{}"] {
        let reply = post(&setting, form).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{form}");
        assert_eq!(reply.header("set-cookie"), "", "{form}");
    }
    for cookie in [
        "auth=",
        "auth=!",
        "auth=Z3Vlc3Q6eA==",
        "other=Z3Vlc3Q6Z3Vlc3Q=",
    ] {
        let reply = send(&setting, "GET", "/api/whoami", &[("cookie", cookie)]).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{cookie}");
    }
}

#[tokio::test]
async fn logging_out_clears_the_cookie_and_get_leads_home() {
    let setting = Setting::new();
    let reply = send(&setting, "DELETE", "/api/login", &[]).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert!(reply.header("set-cookie").contains("Max-Age=0"));
    let reply = send(&setting, "GET", "/api/login", &[]).await;
    assert_eq!(reply.status, StatusCode::FOUND);
    assert_eq!(reply.header("location"), "/");
}

fn allowing(origin: &str) -> Setting {
    let origins = vec![origin.to_owned()];
    Setting::with(|info| {
        info.cors = Cors {
            origins,
            max_age_s: 60,
        };
    })
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_the_api() {
    let setting = allowing("https://a.example");
    let headers = [("authorization", GUEST), ("origin", "https://a.example")];
    let reply = send(&setting, "GET", "/api/overview", &headers).await;
    let allowed = "access-control-allow-origin";
    assert_eq!(reply.header(allowed), "https://a.example");
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-headers", "authorization, x-vhost"),
    ];
    let reply = send(&setting, "OPTIONS", "/api/queues/%2F/q", &preflight).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("access-control-max-age"), "60");
    let headers = reply.header("access-control-allow-headers");
    assert_eq!(headers, "authorization, x-vhost");
    let methods = reply.header("access-control-allow-methods");
    assert!(methods.contains("PUT"), "{methods}");
}

#[tokio::test]
async fn pages_of_other_origins_may_not() {
    for (setting, origin, expected) in [
        (allowing("https://a.example"), "https://b.example", ""),
        (allowing("https://a.example"), "null", ""),
        (Setting::new(), "https://a.example", ""),
        (allowing("*"), "https://b.example", "https://b.example"),
    ] {
        let headers = [("authorization", GUEST), ("origin", origin)];
        let reply = send(&setting, "GET", "/api/overview", &headers).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("access-control-allow-origin"), expected);
    }
}

#[tokio::test]
async fn headers_are_those_that_are_configured() {
    let setting = Setting::with(|info| {
        info.headers = vec![("x-frame-options", "SAMEORIGIN".to_owned())];
    });
    let reply = setting.get("/api/overview").await;
    assert_eq!(reply.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_header_narrows_lists_to_a_virtual_host() {
    let setting = Setting::new();
    setting.put("/api/vhosts/other", "{}").await;
    setting.put("/api/queues/%2F/a", "{}").await;
    setting.put("/api/queues/other/b", "{}").await;
    for (vhost, count) in [("other", 1), ("/", 1), ("", 2)] {
        let headers = [("authorization", GUEST), ("x-vhost", vhost)];
        let reply = send(&setting, "GET", "/api/queues", &headers).await;
        assert_eq!(reply.json().as_array().unwrap().len(), count, "{vhost}");
    }
    let headers = [("authorization", GUEST), ("x-vhost", "nowhere")];
    let reply = send(&setting, "GET", "/api/queues", &headers).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    // Lists of no virtual host, and one object, do not care.
    let reply = send(&setting, "GET", "/api/nodes", &headers).await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn operator_policies_may_be_fixed() {
    let policy = r#"{"pattern":".*","definition":{"max-length":1}}"#;
    let path = "/api/operator-policies/%2F/p";
    let setting = Setting::with(|info| info.operator_policies_fixed = true);
    assert_eq!(
        setting.put(path, policy).await,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(setting.delete(path).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        setting.get("/api/operator-policies").await.status,
        StatusCode::OK
    );
    let overview = setting.read("/api/overview").await;
    assert_eq!(overview["is_op_policy_updating_enabled"], false);
    let setting = Setting::new();
    assert_eq!(setting.put(path, policy).await, StatusCode::CREATED);
    let overview = setting.read("/api/overview").await;
    assert_eq!(overview["is_op_policy_updating_enabled"], true);
}

#[tokio::test]
async fn there_are_no_tables_of_erlang() {
    let setting = Setting::new();
    let node = setting.context.broker.settings().node.clone();
    for rest in ["", "/relative", "/management", "/management/relative"] {
        let path = format!("/api/nodes/{node}/memory/ets{rest}");
        let tables = setting.read(&path).await;
        assert_eq!(tables["ets_tables_memory"], "no_tables", "{path}");
    }
    let reply = setting.get("/api/nodes/nobody/memory/ets").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
