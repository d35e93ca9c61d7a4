//! What is logged, where, and how it is followed.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::Value;
use tests::{
    Launch, PATIENCE, Wire, eventually,
    wire::{capable, connection, plain},
};

#[test]
fn connections_leave_a_line_when_they_open_and_when_they_end() {
    let mut broker = Launch::default().start();
    let mut wire = broker.open();
    let peer = wire.local().to_string();
    let opened = broker.wait_log("connection opened");
    for part in [" INFO ", &peer, "guest", "vhost=/"] {
        assert!(opened.contains(part), "{part} is missing in {opened}");
    }
    wire.call(0, &connection::close(), connection::CLOSE_OK);
    let closed = broker.wait_log("connection closed by the client");
    for part in [&*peer, "user=guest", "vhost=/"] {
        assert!(closed.contains(part), "{part} is missing in {closed}");
    }
}

#[test]
fn refusals_leave_a_line_without_the_password() {
    let mut broker = Launch::default().start();
    let (mut wire, _) = Wire::greet(broker.amqp());
    wire.send(
        0,
        &connection::start_ok(&capable(), "PLAIN", &plain("guest", "tell-nobody")),
    );
    wire.expect_connection_close(403, "ACCESS_REFUSED");
    let line = broker.wait_log("login refused");
    for part in [wire.local().to_string().as_str(), "guest", "wrong password"] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    assert!(!broker.log().contains("tell-nobody"));
}

#[test]
fn categories_have_levels_and_the_file_takes_json() {
    let mut broker = Launch::default()
        .config(
            "log.connection.level = none\nlog.file = x.log\nlog.file.formatter = json\n\
             log.file.level = info\n",
        )
        .start();
    drop(broker.open());
    broker.wait_log("started in");
    let file = broker.data_dir().join("logs/x.log");
    // The console has a line first.
    let text = eventually("the line in the file", || {
        let text = fs::read_to_string(&file).unwrap();
        text.contains("started in").then_some(text)
    });
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(
            event["time"].is_string() && event["msg"].is_string(),
            "{line}"
        );
        assert_ne!(event["category"], "connection", "{line}");
    }
    assert!(!broker.log().contains("connection opened"));

    // Somebody has put the file away, and wants to see more.
    fs::rename(&file, broker.data_dir().join("logs/old.log")).unwrap();
    broker.rewrite_config("log.file = x.log\nlog.file.formatter = json\n");
    broker.signal("HUP");
    broker.wait_log("log.connection.level is not set now");
    broker.wait_log("settings read again");
    drop(broker.open());
    eventually("the line in the new file", || {
        let text = fs::read_to_string(&file).unwrap();
        text.contains("connection opened").then_some(())
    });
}

#[test]
fn the_last_lines_are_told_over_http() {
    let mut broker = Launch::default().start();
    let wire = broker.open();
    let peer = wire.local().to_string();
    broker.wait_log("connection opened");
    let http = broker.http();
    let all = http.json("/leveret/log");
    let items = all["items"].as_array().unwrap();
    assert!(items.len() > 2);
    let ids: Vec<u64> = items
        .iter()
        .map(|item| item["id"].as_u64().unwrap())
        .collect();
    assert!(ids.is_sorted());
    let found = http.json("/leveret/log?category=connection&search=OPENED&count=1");
    let item = &found["items"][0];
    assert_eq!(
        (&item["level"], &item["category"]),
        (&"info".into(), &"connection".into())
    );
    assert!(item["message"].as_str().unwrap().contains(&peer));
    assert!(item["timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        http.json("/leveret/log?level=error")["items"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let last = ids.last().unwrap();
    assert_eq!(
        http.json(&format!("/leveret/log?after={}", last + 1000))["items"],
        Value::Array(vec![])
    );
    http.get("/leveret/log?level=loud").ok(400);
    http.clone().authorized(None).get("/leveret/log").ok(401);
}

#[test]
fn lines_that_come_are_streamed() {
    let mut broker = Launch::default().start();
    broker.wait_log("started in");
    let mut stream = TcpStream::connect(broker.http_address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET /api/leveret/log/stream?category=connection HTTP/1.1\r\nHost: x\r\n\
                   Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head[0].contains("200"), "{head:?}");
    assert!(
        head.iter().any(|line| line.contains("text/event-stream")),
        "{head:?}"
    );
    let wire = broker.open();
    let peer = wire.local().to_string();
    let data = lines
        .find(|line| line.starts_with("data: ") && line.contains("opened"))
        .unwrap();
    let event: Value = serde_json::from_str(data.trim_start_matches("data: ")).unwrap();
    assert!(event["message"].as_str().unwrap().contains(&peer));
}

#[test]
fn a_log_that_cannot_be_written_keeps_the_broker_from_starting() {
    let dir = tests::scratch_dir();
    let config = dir.join("rabbitmq.conf");
    fs::write(&config, "log.file = /dev/null/x.log\n").unwrap();
    let data = dir.join("data");
    let arguments = [
        "--config",
        config.to_str().unwrap(),
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let output = tests::run(&arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("leveret: cannot log to /dev/null/x.log"),
        "{errors}"
    );
    fs::remove_dir_all(dir).unwrap();
}
