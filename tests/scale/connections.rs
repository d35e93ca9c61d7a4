//! Idle connections with a channel each.

use std::{thread, time::Duration};

use tests::{Broker, Wire};

use crate::sample::{Sample, head, line};

const COUNTS: [usize; 3] = [1_000, 3_000, 10_000];

pub(crate) fn measure(broker: &mut Broker) {
    head(
        "connections with a channel",
        &[
            "count",
            "open us",
            "cpu us",
            "memory B",
            "idle cpu %",
            "close cpu us",
        ],
    );
    // Code and buffers that the first one brings along.
    drop(Wire::open(broker.amqp()));
    let mut open = Vec::new();
    for count in COUNTS {
        let before = Sample::settled(broker);
        let more = count - open.len();
        open.extend((0..more).map(|_| Wire::open(broker.amqp())));
        let after = Sample::of(broker);
        let settled = Sample::settled(broker);
        thread::sleep(Duration::from_secs(2));
        let idle = settled.until(&Sample::of(broker));
        let (used, held) = (before.until(&after), before.until(&settled));
        let n = more as f64;
        let mut figures = vec![
            used.seconds / n * 1e6,
            used.cpu_s / n * 1e6,
            held.memory / n,
            idle.cpu_s / idle.seconds * 100.0,
        ];
        if count == COUNTS[COUNTS.len() - 1] {
            let before = Sample::of(broker);
            open.clear();
            thread::sleep(Duration::from_secs(1));
            figures.push(before.until(&Sample::of(broker)).cpu_s / count as f64 * 1e6);
        }
        line(count, &figures);
    }
}
