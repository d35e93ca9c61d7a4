//! `leveret perf` against a broker.

use std::process::{Command, Output};

use serde_json::Value;
use tests::{Broker, binary};

fn perf(broker: &Broker, words: &[&str]) -> Output {
    Command::new(binary())
        .args(["perf", "--uri", &format!("amqp://{}", broker.amqp())])
        .args(words)
        .output()
        .unwrap()
}

/// The summary of a run that has to succeed.
#[track_caller]
fn summary(broker: &Broker, words: &[&str]) -> Value {
    let output = perf(broker, &[words, &["--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_message_that_is_sent_is_received_and_timed() {
    let broker = Broker::start();
    let ran = summary(
        &broker,
        &["-C", "5000", "-D", "10000", "-x", "2", "-s", "100"],
    );
    assert_eq!(
        (&ran["sent"], &ran["received"]),
        (&10_000.into(), &10_000.into())
    );
    assert_eq!(ran["confirm_latency_us"], Value::Null);
    let latency = |name| ran["latency_us"][name].as_u64().unwrap();
    assert!(latency("min") <= latency("p50") && latency("p50") <= latency("p99"));
    assert!(latency("p99") <= latency("max") && latency("max") > 0);
    assert_eq!(
        broker.http().json("/queues"),
        Value::Array(Vec::new()),
        "nothing is left behind"
    );
}

#[test]
fn confirms_acknowledgements_and_queues_are_as_asked_for() {
    let broker = Broker::start();
    let words = "-C 3000 -x 2 -y 2 --queues 2 -c 100 -q 50 -A 10 -f persistent --quorum-queue";
    let ran = summary(&broker, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(
        (&ran["sent"], &ran["confirmed"]),
        (&6000.into(), &6000.into())
    );
    assert_eq!(ran["received"], 6000);
    assert!(ran["confirm_latency_us"]["p50"].as_u64() > Some(0));
}

#[test]
fn a_rate_is_kept_to() {
    let broker = Broker::start();
    let ran = summary(&broker, &["-r", "1000", "-z", "1"]);
    let sent = ran["sent"].as_u64().unwrap();
    assert!((500..=1100).contains(&sent), "{sent} in a second");
}

#[test]
fn an_exchange_spreads_messages_and_a_mandatory_one_comes_back() {
    let broker = Broker::start();
    let fanned = summary(
        &broker,
        &[
            "-C", "1000", "-y", "3", "--queues", "3", "-e", "perf", "-t", "fanout",
        ],
    );
    assert_eq!(
        (&fanned["sent"], &fanned["received"]),
        (&1000.into(), &3000.into())
    );
    let lost = [
        "-C",
        "10",
        "-c",
        "10",
        "-e",
        "amq.direct",
        "-k",
        "nobody",
        "-y",
        "0",
    ];
    let lost = summary(&broker, &[&lost[..], &["-f", "mandatory", "-p"]].concat());
    assert_eq!((&lost["sent"], &lost["returned"]), (&10.into(), &10.into()));
}

#[test]
fn lines_tell_how_it_goes_and_errors_what_the_broker_said() {
    let broker = Broker::start();
    let ran = perf(&broker, &["-r", "100", "-z", "2", "-c", "10"]);
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(text.lines().next().unwrap().contains("confirmed"), "{text}");
    assert!(
        text.contains("received 200 ") || text.contains("latency min"),
        "{text}"
    );
    let refused = perf(&broker, &["-u", "amq.mine"]);
    assert!(!refused.status.success());
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(
        text.contains("403 ACCESS_REFUSED - queue name 'amq.mine'"),
        "{text}"
    );
}
