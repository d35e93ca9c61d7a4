//! Persistent messages that wait in one queue.

use tests::{
    Broker,
    wire::{FRAME_MAX, Properties, Table, basic, channel, confirm, message, method_frame, queue},
};

use crate::{
    link::Link,
    queues::restart,
    sample::{Sample, head, line},
};

const COUNTS: [usize; 3] = [100_000, 1_000_000, 10_000_000];
const BODY: [u8; 100] = [b'x'; 100];
const QUEUE: &str = "scale.backlog";

/// Messages of one write.
const BATCH: usize = 500;

/// Batches that may be unconfirmed.
const AHEAD: u64 = 20;

const PREFETCH: u16 = 4_000;

/// Deliveries for one acknowledgement.
const ACKED: u64 = 500;

pub(crate) fn measure(broker: &mut Broker) {
    head(
        "messages of 100 bytes in one queue",
        &[
            "count",
            "in us",
            "in cpu us",
            "memory B",
            "disk B",
            "restart ms",
            "again B",
            "out us",
            "out cpu us",
        ],
    );
    let empty = Sample::settled(broker);
    for count in COUNTS {
        let before = Sample::settled(broker);
        fill(&mut Link::open(broker), count);
        let filled = Sample::of(broker);
        let settled = Sample::settled(broker);
        let (start, _) = restart(broker);
        let again = Sample::settled(broker);
        drain(&mut Link::open(broker), count as u64);
        let (used, drained) = (before.until(&filled), again.until(&Sample::of(broker)));
        let n = count as f64;
        line(
            count,
            &[
                used.seconds / n * 1e6,
                used.cpu_s / n * 1e6,
                before.until(&settled).memory / n,
                before.until(&settled).disk / n,
                start * 1e3,
                empty.until(&again).memory / n,
                drained.seconds / n * 1e6,
                drained.cpu_s / n * 1e6,
            ],
        );
    }
}

fn fill(link: &mut Link, count: usize) {
    let declare = queue::declare(QUEUE, queue::DURABLE, &Table::new());
    link.call([declare].into_iter(), queue::DECLARE_OK);
    link.call([confirm::select()].into_iter(), confirm::SELECT_OK);
    let publish = basic::publish("", QUEUE, 0);
    let one = message(1, &publish, &Properties::persistent(), &BODY, FRAME_MAX);
    let batch = one.repeat(BATCH);
    let (mut sent, mut confirmed) = (0, 0);
    for _ in 0..count / BATCH {
        link.send(&batch);
        sent += BATCH as u64;
        let least = sent.saturating_sub(AHEAD * BATCH as u64);
        if confirmed < least {
            confirmed = link.confirmed(least);
        }
    }
    if confirmed < sent {
        link.confirmed(sent);
    }
}

fn drain(link: &mut Link, count: u64) {
    link.call([basic::qos(PREFETCH, false)].into_iter(), basic::QOS_OK);
    let consume = basic::consume(QUEUE, "c", 0, &Table::new());
    link.call([consume].into_iter(), basic::CONSUME_OK);
    let mut tag = 0;
    while tag < count {
        tag = link.delivery();
        if tag % ACKED == 0 {
            let ack = basic::ack(tag, basic::MULTIPLE);
            link.send(&method_frame(1, &ack));
        }
    }
    link.call_past(&channel::flow(true), channel::FLOW_OK);
}
