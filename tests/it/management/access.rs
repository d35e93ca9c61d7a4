//! Who may ask, and how errors look.

use serde_json::json;
use tests::shared;

use super::has;

#[test]
fn without_credentials_it_is_401_and_asks_for_them() {
    let answer = shared().http().authorized(None).get("/overview").ok(401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Basic realm="), "{challenge}");
    let body = answer.json();
    assert_eq!(body["error"], "not_authorized");
    has(&body, "reason:string");
}

#[test]
fn with_wrong_credentials_it_is_401() {
    // guest:wrong, nobody:guest, and guest with no password.
    for credentials in [
        "Basic Z3Vlc3Q6d3Jvbmc=",
        "Basic bm9ib2R5Omd1ZXN0",
        "Basic Z3Vlc3Q6",
    ] {
        let http = shared().http().authorized(Some(credentials));
        let body = http.get("/overview").ok(401).json();
        assert_eq!(body["error"], "not_authorized", "{credentials}");
    }
}

#[test]
fn an_unknown_path_is_404() {
    let answer = shared().http().get("/nonsense").ok(404);
    has(&answer.json(), "error:string reason:string");
}

#[test]
fn missing_objects_are_404() {
    let http = shared().http();
    for path in [
        "/queues/%2F/missing",
        "/exchanges/%2F/missing",
        "/queues/nowhere",
        "/queues/nowhere/q",
        "/exchanges/nowhere",
        "/bindings/nowhere",
        "/vhosts/nowhere",
        "/connections/missing",
        "/channels/missing",
        "/nodes/missing",
    ] {
        let answer = http.get(path);
        assert_eq!(answer.status, 404, "{path}");
        has(&answer.json(), "error:string reason:string");
    }
    for path in [
        "/queues/%2F/missing",
        "/exchanges/%2F/missing",
        "/connections/missing",
    ] {
        assert_eq!(http.delete(path).status, 404, "{path}");
    }
    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    http.post("/queues/%2F/missing/get", &get).ok(404);
    http.delete("/queues/%2F/missing/contents").ok(404);
}

#[test]
fn a_method_that_is_not_there_is_405() {
    let http = shared().http();
    assert_eq!(http.post("/overview", &json!({})).status, 405);
    assert_eq!(http.delete("/overview").status, 405);
}

#[test]
fn a_body_that_is_no_json_is_400() {
    let http = shared().http();
    for (method, path) in [
        ("PUT", "/api/queues/%2F/mg-json"),
        ("PUT", "/api/exchanges/%2F/mg-json"),
        ("POST", "/api/exchanges/%2F/amq.direct/publish"),
    ] {
        let answer = http.request(method, path, Some("{not json")).ok(400);
        has(&answer.json(), "error:string reason:any");
    }
}

#[test]
fn whoami_tells_name_and_tags() {
    let me = shared().http().json("/whoami");
    assert_eq!(me["name"], "guest");
    assert_eq!(me["tags"], json!(["administrator"]));
}

#[test]
fn answers_are_json_and_not_to_be_cached() {
    let answer = shared().http().get("/whoami").ok(200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
}

#[test]
fn the_page_is_served_without_credentials() {
    let answer = shared()
        .http()
        .authorized(None)
        .request("GET", "/", None)
        .ok(200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let page = String::from_utf8(answer.body).unwrap();
    assert!(page.contains("<html") && page.contains("Leveret"), "{page}");
}

#[test]
fn nonsense_on_the_port_harms_nobody() {
    use std::io::{Read, Write};
    let address = shared().http_address();
    let deep = "[".repeat(200_000);
    let head = format!(
        "PUT /api/queues/%2F/deep HTTP/1.1\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nContent-Length: {}\r\n\r\n{deep}",
        deep.len()
    );
    for nonsense in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"AMQP\x00\x00\x09\x01",
        head.as_bytes(),
    ] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(5)))
            .unwrap();
        let _ = stream.write_all(nonsense);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            !answer.starts_with(b"HTTP/1.1 2"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(shared().http().json("/whoami")["name"], "guest");
}

#[test]
fn a_body_without_end_is_refused() {
    let text = format!(
        "{{\"durable\": true, \"x\": \"{}\"}}",
        "y".repeat(21_000_000)
    );
    let status = shared()
        .http()
        .try_request("PUT", "/api/queues/%2F/endless", &text);
    assert!(
        status.is_none_or(|status| status == 400 || status == 413),
        "{status:?}"
    );
    shared().http().get("/queues/%2F/endless").ok(404);
}
