//! Memory and disk that run out, and a store that fails.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};
use tests::{
    Broker, Launch, Wire, eventually,
    wire::{Frame, Properties, basic, connection, queue},
};

/// Publishing is never allowed.
const NO_MEMORY: &str = "vm_memory_high_watermark.relative = 0\n";

/// The same for the disk: no machine has a million gigabytes.
const NO_DISK: &str = "disk_free_limit.absolute = 1000000GB\n";

/// Publishes a persistent message.
fn publish(w: &mut Wire, queue: &str, body: &[u8]) {
    let method = basic::publish("", queue, 0);
    w.publish(1, &method, &Properties::persistent(), body);
}

#[track_caller]
fn expect_blocked(w: &mut Wire, reason: &str) {
    let blocked = w.expect(0, connection::BLOCKED);
    assert_eq!(blocked.read().shortstr(), reason);
}

fn alarms(broker: &Broker) -> (u16, Value) {
    let answer = broker.http().get("/health/checks/alarms");
    (answer.status, answer.json())
}

fn node(broker: &Broker) -> Value {
    broker.http().get("/nodes").json()[0].clone()
}

/// The states of all connections, by name.
fn states(broker: &Broker) -> Vec<String> {
    let connections = broker.http().get("/connections").json();
    let all = connections.as_array().unwrap().iter();
    all.map(|c| c["state"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_memory_publishers_are_blocked_and_everybody_can_see_why() {
    for (config, field, resource) in [
        (NO_MEMORY, "mem_alarm", "memory"),
        (NO_DISK, "disk_free_alarm", "disk"),
    ] {
        let mut broker = Launch::default().config(config).start();
        broker.wait_log(&format!("{resource} alarm set"));
        let mut w = broker.open();
        w.declare("al-q", queue::DURABLE);
        assert_eq!(states(&broker), ["blocking"]);
        publish(&mut w, "al-q", b"one");
        expect_blocked(&mut w, &format!("low on {resource}"));
        assert_eq!(states(&broker), ["blocked"]);
        let node = node(&broker);
        assert_eq!(node[field], true, "{node}");
        let (status, body) = alarms(&broker);
        assert_eq!(status, 503);
        let expected = json!([{"node": node["name"], "resource": resource}]);
        assert_eq!(
            (&body["status"], &body["alarms"]),
            (&json!("failed"), &expected)
        );
        assert_eq!(broker.terminate().code(), Some(0));
    }
}

#[test]
fn without_disk_consumers_go_on() {
    let broker = Launch::default().config(NO_DISK).start();
    let mut publisher = broker.open();
    publisher.declare("al-c", queue::DURABLE);
    publish(&mut publisher, "al-c", b"one");
    expect_blocked(&mut publisher, "low on disk");
    let mut consumer = broker.open();
    consumer.consume("al-c", "c", 0);
    let delivery = consumer.delivery(1);
    assert_eq!(delivery.body, b"one");
    consumer.send(1, &basic::ack(delivery.tag, 0));
    eventually("the ack to count", || {
        (consumer.depth("al-c") == (0, 1)).then_some(())
    });
}

#[test]
fn a_blocked_client_that_hangs_up_is_gone_while_the_alarm_lasts() {
    let broker = Launch::default().config(NO_DISK).start();
    // Heartbeats are off: only the socket can tell.
    let mut publisher = broker.open();
    publisher.declare("al-gone", queue::DURABLE);
    publisher.declare("al-own", queue::EXCLUSIVE);
    publish(&mut publisher, "al-gone", b"one");
    expect_blocked(&mut publisher, "low on disk");
    // Left in the socket, in front of its end.
    publish(&mut publisher, "al-gone", b"two");
    let mut other = broker.open();
    drop(publisher);
    eventually("the client to be missed", || {
        (broker
            .http()
            .get("/connections")
            .json()
            .as_array()
            .unwrap()
            .len()
            == 1)
            .then_some(())
    });
    assert_eq!(other.depth("al-gone"), (1, 0));
    // Its exclusive queue went with it.
    other.declare("al-own", queue::DURABLE);
}

#[test]
fn a_blocked_client_that_stays_is_left_alone() {
    let broker = Launch::default().config(NO_DISK).start();
    let mut publisher = broker.open();
    publisher.declare("al-stays", queue::DURABLE);
    publish(&mut publisher, "al-stays", b"one");
    expect_blocked(&mut publisher, "low on disk");
    publish(&mut publisher, "al-stays", b"two");
    // Longer than two looks at its socket.
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(states(&broker), ["blocked"]);
}

/// Free bytes of the file system of a broker's data.
fn free(broker: &Broker) -> u64 {
    node(broker)["disk_free"].as_u64().unwrap()
}

#[test]
fn publishers_go_on_by_themselves_when_there_is_room_again() {
    const GIB: u64 = 1 << 30;
    let limit = free(&Broker::start()) - 2 * GIB;
    let config = format!("disk_free_limit.absolute = {limit}\n");
    let mut broker = Launch::default().config(&config).start();
    let mut w = broker.open();
    w.declare("al-room", queue::DURABLE);
    w.confirm_select();
    let filler = broker.data_dir().join("filler");
    let filled = Command::new("fallocate")
        .args(["-l", "4GiB"])
        .arg(&filler)
        .status()
        .unwrap();
    assert!(filled.success());
    broker.wait_log("disk alarm set");
    for body in [b"1", b"2", b"3"] {
        publish(&mut w, "al-room", body);
    }
    expect_blocked(&mut w, "low on disk");
    fs::remove_file(filler).unwrap();
    broker.wait_log("disk alarm cleared");
    let mut confirmed = 0;
    let mut unblocked = false;
    while confirmed < 3 || !unblocked {
        let (_, frame) = w.frame();
        let Frame::Method(method) = frame else {
            panic!("{frame:?}")
        };
        match method.id {
            basic::ACK => confirmed = method.read().longlong(),
            connection::UNBLOCKED => unblocked = true,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(w.depth("al-room"), (3, 0));
    assert_eq!(alarms(&broker), (200, json!({"status": "ok"})));
    assert_eq!(states(&broker), ["running"]);
}

#[test]
fn a_limit_with_an_unknown_unit_is_refused() {
    let dir = tests::scratch_dir();
    let config = dir.join("rabbitmq.conf");
    fs::write(&config, "\nvm_memory_high_watermark.absolute = 2 gigs\n").unwrap();
    let output = tests::run(&["--config", config.to_str().unwrap()]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("line 2: vm_memory_high_watermark.absolute: '2 gigs'"),
        "{errors}"
    );
    assert_ne!(output.status.code(), Some(0));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_store_that_fails_confirms_nothing_more_and_ends_the_process() {
    let mut broker = Launch::default().start();
    let mut w = broker.open();
    w.declare("al-fail", queue::DURABLE);
    w.confirm_select();
    publish(&mut w, "al-fail", b"safe");
    w.await_confirms(1);
    // The log goes on in its open segment, and cannot make the next one.
    fs::remove_dir_all(broker.data_dir().join("log")).unwrap();
    let body = vec![0; 8 << 20];
    let mut confirmed = 1;
    let mut published = 1;
    let close = loop {
        published += 1;
        publish(&mut w, "al-fail", &body);
        match w.frame() {
            (1, Frame::Method(method)) if method.id == basic::ACK => {
                confirmed = method.read().longlong();
            }
            (0, Frame::Method(method)) if method.id == connection::CLOSE => break method,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(close.read().short(), 320);
    assert!(confirmed < published, "{confirmed} of {published}");
    drop(w);
    let code = broker.wait_exit().code();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    let log = broker.log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(errors[0].contains("the store has failed"), "{log}");
    assert!(
        log.contains("leveret: stopped, because the store failed"),
        "{log}"
    );
}
