//! Bindings of one topic exchange, one of which fits what is published.

use tests::{
    Broker,
    wire::{FRAME_MAX, Properties, Table, basic, channel, exchange, message, queue},
};

use crate::{
    link::Link,
    queues::restart,
    sample::{Sample, head, line},
};

const COUNTS: [usize; 3] = [1_000, 10_000, 100_000];
const QUEUES: usize = 10;
const PUBLISHED: usize = 200_000;
const EXCHANGE: &str = "scale.topic";

pub(crate) fn measure(broker: &mut Broker) {
    head(
        "bindings of a topic exchange",
        &[
            "count",
            "bind us",
            "cpu us",
            "memory B",
            "publish cpu ns",
            "restart ms",
            "unbind us",
        ],
    );
    let mut link = Link::open(broker);
    let none = Table::new();
    let topic = exchange::declare(EXCHANGE, "topic", exchange::DURABLE, &none);
    link.call([topic].into_iter(), exchange::DECLARE_OK);
    let short = Table::new().int("x-max-length", 100);
    let declare = |i| queue::declare(&name(i), queue::DURABLE, &short);
    link.call((0..QUEUES).map(declare), queue::DECLARE_OK);
    let bind = |i: usize| queue::bind(&name(i % QUEUES), EXCHANGE, &format!("item.{i}.*"), &none);
    publish(&mut link, 1);
    let mut bound = 0;
    for count in COUNTS {
        let before = Sample::settled(broker);
        let mut link = Link::open(broker);
        link.call((bound..count).map(bind), queue::BIND_OK);
        let after = Sample::of(broker);
        let settled = Sample::settled(broker);
        publish(&mut link, count);
        let published = Sample::of(broker);
        drop(link);
        let n = (count - bound) as f64;
        bound = count;
        let used = before.until(&after);
        let mut figures = vec![
            used.seconds / n * 1e6,
            used.cpu_s / n * 1e6,
            before.until(&settled).memory / n,
            settled.until(&published).cpu_s / PUBLISHED as f64 * 1e9,
            restart(broker).0 * 1e3,
        ];
        if count == COUNTS[COUNTS.len() - 1] {
            let before = Sample::of(broker);
            let unbind = |i: usize| {
                queue::unbind(&name(i % QUEUES), EXCHANGE, &format!("item.{i}.*"), &none)
            };
            Link::open(broker).call((0..count).map(unbind), queue::UNBIND_OK);
            figures.push(before.until(&Sample::of(broker)).seconds / count as f64 * 1e6);
        }
        line(count, &figures);
    }
}

/// Publishes with a new key each time, so that no route is remembered.
fn publish(link: &mut Link, bindings: usize) {
    let properties = Properties::new();
    let mut bytes = Vec::new();
    for i in 0..PUBLISHED {
        let key = format!("item.{}.{i}", i.wrapping_mul(7919) % bindings);
        let publish = basic::publish(EXCHANGE, &key, 0);
        bytes.extend(message(1, &publish, &properties, b"x", FRAME_MAX));
        if bytes.len() > 64 * 1024 {
            link.send(&bytes);
            bytes.clear();
        }
    }
    link.send(&bytes);
    link.call([channel::flow(true)].into_iter(), channel::FLOW_OK);
}

fn name(i: usize) -> String {
    format!("scale.bound.{i}")
}
