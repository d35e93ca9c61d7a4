//! Messages named one by one.

use serde_json::{Value, json};
use tests::{
    Broker, Http,
    wire::{Properties, basic, queue},
};

const MESSAGES: &str = "/leveret/queues/%2F/se-deep/messages";

/// The numbers with which bodies begin, and ids.
fn browse(http: &Http) -> Vec<(u32, String)> {
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let page = http.json(&format!("{MESSAGES}?count=1000&truncate=4&from={from}"));
        let number = |one: &Value| one["payload"].as_str().unwrap().parse().unwrap();
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        let messages = page["messages"].as_array().unwrap();
        found.extend(messages.iter().map(|one| (number(one), id(one))));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut from),
            None => return found,
        }
    }
}

#[test]
fn deleted_messages_of_a_deep_queue_do_not_come_back_after_a_kill() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("se-deep", queue::DURABLE);
    w.confirm_select();
    let filler = "x".repeat(30_000);
    for n in 0..400 {
        let body = format!("{n:04}{filler}");
        let publish = basic::publish("", "se-deep", 0);
        w.publish(1, &publish, &Properties::persistent(), body);
    }
    w.await_confirms(400);
    let http = broker.http();
    let all = browse(&http);
    assert_eq!(all.len(), 400);
    let wanted = |n: u32| n % 3 == 1 || (200..260).contains(&n);
    let ids: Vec<&String> = all
        .iter()
        .filter(|(n, _)| wanted(*n))
        .map(|(_, id)| id)
        .collect();
    let answer = http.post(&format!("{MESSAGES}/delete"), &json!({ "ids": ids }));
    assert_eq!(answer.ok(200).json(), json!({"deleted": ids.len()}));
    broker.kill();
    broker.restart();

    let left: Vec<u32> = (0..400).filter(|n| !wanted(*n)).collect();
    let http = broker.http();
    let found: Vec<u32> = browse(&http).into_iter().map(|(n, _)| n).collect();
    assert_eq!(found, left);
    let ready = http.json("/queues/%2F/se-deep")["messages_ready"].clone();
    assert_eq!(ready, left.len());
    let drained = broker.open().drain("se-deep");
    let drained: Vec<u32> = drained
        .iter()
        .map(|body| body[..4].parse().unwrap())
        .collect();
    assert_eq!(drained, left);
}
