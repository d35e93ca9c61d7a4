//! The process itself: command line, start, refusal to start, end.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tests::{
    Broker, Launch, Wire, binary, run, scratch_dir,
    wire::{connection, method_frame, queue},
};

/// One line on standard error, exit code not 0; returns the line.
#[track_caller]
fn refuses(args: &[&str]) -> String {
    let output = run(args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_ne!(output.status.code(), Some(0), "{errors}");
    assert!(
        output.status.code().is_some(),
        "killed by a signal: {errors}"
    );
    let lines: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains("leveret: "))
        .collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    lines[0].to_owned()
}

const ANY: &str = "127.0.0.1:0";

#[test]
fn version_and_help() {
    let version = run(&["--version"]);
    assert!(version.status.success());
    let text = String::from_utf8(version.stdout).unwrap();
    assert!(
        text.to_lowercase().starts_with("leveret ") && text.contains('.'),
        "{text}"
    );
    let help = run(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for flag in [
        "--data-dir",
        "--listen",
        "--management-listen",
        "--config",
        "--log-level",
        "--recover",
        "leveret.power_loss_may_lose_ms",
        "leveret.message_memory_max",
    ] {
        assert!(text.contains(flag), "{flag} is missing in {text}");
    }
}

#[test]
fn an_unknown_flag_is_an_error() {
    assert_ne!(run(&["--frobnicate"]).status.code(), Some(0));
}

#[test]
fn a_second_instance_on_the_same_directory_is_refused() {
    let broker = Broker::start();
    let dir = broker.data_dir().to_str().unwrap();
    let line = refuses(&[
        "--data-dir",
        dir,
        "--listen",
        ANY,
        "--management-listen",
        ANY,
    ]);
    assert!(line.contains(dir), "{line}");
    broker.open().expect_silence();
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind(ANY).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = scratch_dir();
    let data = dir.join("data");
    let data = data.to_str().unwrap();
    let line = refuses(&[
        "--data-dir",
        data,
        "--listen",
        &address,
        "--management-listen",
        ANY,
    ]);
    assert!(line.contains(&address), "{line}");
    let line = refuses(&[
        "--data-dir",
        data,
        "--listen",
        ANY,
        "--management-listen",
        &address,
    ]);
    assert!(line.contains(&address), "{line}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_port_that_becomes_free_soon_after_the_start_is_taken() {
    let taken = TcpListener::bind(ANY).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = scratch_dir();
    let data = dir.join("data");
    let mut child = Command::new(binary())
        .args(["--data-dir", data.to_str().unwrap(), "--listen", &address])
        .args(["--management-listen", ANY])
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut warnings = BufReader::new(child.stderr.take().unwrap()).lines();
    let warning = warnings.next().unwrap().unwrap();
    assert!(
        warning.contains("WARN") && warning.contains(&format!("{address} is in use")),
        "{warning}"
    );
    drop(taken);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "ready"));
    drop(Wire::open(address.parse().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_second_instance_on_the_same_port_and_directory_is_told_of_the_directory_at_once() {
    let broker = Broker::start();
    let dir = broker.data_dir().to_str().unwrap();
    let (amqp, http) = (broker.amqp().to_string(), broker.http_address().to_string());
    let args = [
        "--data-dir",
        dir,
        "--listen",
        &amqp,
        "--management-listen",
        &http,
    ];
    let errors = String::from_utf8(run(&args).stderr).unwrap();
    let expected = format!("leveret: cannot open {dir}: ");
    assert!(errors.starts_with(&expected), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    broker.open().expect_silence();
}

#[test]
fn a_data_directory_that_cannot_be_is_refused() {
    let dir = scratch_dir();
    let file = dir.join("file");
    fs::write(&file, "not a directory").unwrap();
    let path = file.to_str().unwrap();
    let line = refuses(&[
        "--data-dir",
        path,
        "--listen",
        ANY,
        "--management-listen",
        ANY,
    ]);
    assert!(line.contains(path), "{line}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_unknown_setting_is_named_with_its_line() {
    let dir = scratch_dir();
    let config = dir.join("rabbitmq.conf");
    fs::write(&config, "# limits\nheartbeat = 30\nheartbeet = 30\n").unwrap();
    let path = config.to_str().unwrap();
    let data = dir.join("data");
    let data = data.to_str().unwrap();
    let args = ["--data-dir", data, "--config", path, "--listen", ANY];
    let line = refuses(&[&args[..], &["--management-listen", ANY]].concat());
    assert!(line.contains("heartbeet") && line.contains('3'), "{line}");
    fs::write(&config, "heartbeat = often\n").unwrap();
    let line = refuses(&[&args[..], &["--management-listen", ANY]].concat());
    assert!(
        line.contains("heartbeat") && line.contains("often"),
        "{line}"
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_missing_config_file_is_an_error() {
    let dir = scratch_dir();
    let data = dir.join("data");
    let args = [
        "--data-dir",
        data.to_str().unwrap(),
        "--config",
        "/nowhere/rabbitmq.conf",
    ];
    let line = refuses(&[&args[..], &["--listen", ANY, "--management-listen", ANY]].concat());
    assert!(line.contains("/nowhere/rabbitmq.conf"), "{line}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn it_starts_on_a_directory_that_does_not_exist_yet_and_names_it() {
    let broker = Broker::start();
    assert!(broker.data_dir().is_dir());
    assert!(
        broker
            .log()
            .contains(broker.data_dir().file_name().unwrap().to_str().unwrap())
    );
}

#[test]
fn sigint_ends_it_like_sigterm() {
    let mut broker = Broker::start();
    broker.signal("INT");
    assert_eq!(broker.wait_exit().code(), Some(0));
}

#[test]
fn a_thousand_clients_are_told_and_the_process_ends_within_five_seconds() {
    let mut broker = Broker::start();
    let mut all: Vec<Wire> = (0..1000).map(|_| broker.open()).collect();
    all[0].declare("sv-durable", queue::DURABLE);
    let start = Instant::now();
    broker.signal("TERM");
    for w in &mut all {
        let close = w.method(0);
        assert_eq!(close.id, connection::CLOSE);
        assert_eq!(close.read().short(), 320);
        let _ = w.try_send_bytes(&method_frame(0, &connection::close_ok()));
    }
    assert_eq!(broker.wait_exit().code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    broker.restart();
    assert_eq!(broker.open().depth("sv-durable"), (0, 0));
}

#[test]
fn clients_that_do_not_answer_cannot_hold_up_the_end() {
    let mut broker = Broker::start();
    let _silent: Vec<Wire> = (0..100).map(|_| broker.open()).collect();
    let start = Instant::now();
    assert_eq!(broker.terminate().code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_restart_may_follow_at_once() {
    let mut broker = Broker::start();
    for _ in 0..5 {
        broker.open().declare("sv-again", queue::DURABLE);
        assert_eq!(broker.terminate().code(), Some(0));
        broker.restart();
    }
    assert_eq!(broker.open().depth("sv-again"), (0, 0));
}

#[test]
fn bad_input_leaves_a_line_in_the_log() {
    let mut broker = Launch::default().start();
    let mut w = broker.open();
    let peer = w.local().to_string();
    w.send_bytes(&[5, 0, 0, 0, 0, 0, 0, 0xCE]);
    w.expect_connection_close(501, "FRAME_ERROR");
    let line = broker.wait_log(&peer);
    assert!(!line.is_empty());
}

#[test]
fn every_listen_address_is_served() {
    let broker = Launch::default()
        .argument("--listen")
        .argument("127.0.0.1:0")
        .start();
    let listeners = broker.listeners();
    assert_eq!(listeners.len(), 2, "{listeners:?}");
    for address in listeners {
        Wire::open(address).expect_silence();
    }
}

#[test]
fn guest_may_log_in_from_this_machine_only() {
    // The address that this machine has towards others; without any there is nothing to test.
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    if probe.connect("192.0.2.1:9").is_err() {
        return;
    }
    let outside = probe.local_addr().unwrap().ip();
    for (lines, allowed) in [("", false), ("loopback_users = none\n", true)] {
        let broker = Launch::default().config(lines).argument("--listen");
        let broker = broker.argument(&format!("{outside}:0")).start();
        let address = *broker
            .listeners()
            .iter()
            .find(|a| a.ip() == outside)
            .unwrap();
        let (mut w, _) = Wire::greet(address);
        let plain = tests::wire::plain("guest", "guest");
        w.send(
            0,
            &connection::start_ok(&tests::wire::capable(), "PLAIN", &plain),
        );
        if allowed {
            w.expect(0, connection::TUNE);
        } else {
            w.expect_connection_close(403, "ACCESS_REFUSED - Login was refused");
        }
    }
}

#[test]
fn health_says_whether_amqp_is_spoken() {
    let dir = scratch_dir();
    let config = dir.join("rabbitmq.conf");
    let health = |broker: &Broker| {
        let listener = format!("listeners.tcp.default = {}\n", broker.amqp());
        fs::write(&config, listener).unwrap();
        run(&["health", "--config", config.to_str().unwrap()])
    };
    let mut broker = Broker::start();
    assert_eq!(health(&broker).status.code(), Some(0));
    broker.kill();
    let output = health(&broker);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no AMQP at")
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_supervisor_is_told_of_readiness_and_of_the_end() {
    let dir = scratch_dir();
    let path = dir.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(tests::PATIENCE)).unwrap();
    let told = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let launch = Launch::default().environment("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut broker = launch.start();
    assert_eq!(told(), "READY=1");
    assert_eq!(broker.terminate().code(), Some(0));
    assert_eq!(told(), "STOPPING=1");
    fs::remove_dir_all(dir).unwrap();
}
