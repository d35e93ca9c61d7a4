//! Durable queues with nothing in them.

use tests::{
    Broker,
    wire::{Table, queue},
};

use crate::{
    link::Link,
    sample::{Sample, head, line},
};

const COUNTS: [usize; 3] = [5_000, 20_000, 50_000];

pub(crate) fn measure(broker: &mut Broker) {
    head(
        "durable queues",
        &[
            "count",
            "declare us",
            "cpu us",
            "memory B",
            "disk B",
            "restart ms",
            "restart cpu",
            "again B",
            "delete us",
        ],
    );
    let empty = Sample::settled(broker);
    let mut declared = 0;
    for count in COUNTS {
        let before = Sample::settled(broker);
        let mut link = Link::open(broker);
        let none = Table::new();
        let declare = |i| queue::declare(&name(i), queue::DURABLE, &none);
        link.call((declared..count).map(declare), queue::DECLARE_OK);
        let after = Sample::of(broker);
        let settled = Sample::settled(broker);
        drop(link);
        let started = restart(broker);
        let again = Sample::settled(broker);
        let n = (count - declared) as f64;
        declared = count;
        let used = before.until(&after);
        let mut figures = vec![
            used.seconds / n * 1e6,
            used.cpu_s / n * 1e6,
            before.until(&settled).memory / n,
            empty.until(&again).disk / count as f64,
            started.0 * 1e3,
            started.1 / count as f64 * 1e6,
            empty.until(&again).memory / count as f64,
        ];
        if count == COUNTS[COUNTS.len() - 1] {
            let before = Sample::of(broker);
            let mut link = Link::open(broker);
            link.call(
                (0..count).map(|i| queue::delete(&name(i), 0)),
                queue::DELETE_OK,
            );
            figures.push(before.until(&Sample::of(broker)).seconds / count as f64 * 1e6);
        }
        line(count, &figures);
    }
}

/// Stops the broker and starts it again: seconds of the start, and of its CPU.
pub(crate) fn restart(broker: &mut Broker) -> (f64, f64) {
    broker.terminate();
    let begun = std::time::Instant::now();
    broker.restart();
    (begun.elapsed().as_secs_f64(), Sample::of(broker).cpu_s())
}

fn name(i: usize) -> String {
    format!("scale.queue.{i}")
}
