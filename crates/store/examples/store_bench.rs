//! What the store costs: appends (and settles) messages in groups and prints messages per second
//! and CPU seconds per million.
//!
//! `cargo run --release -p store --example store_bench -- DIR [messages] [bytes] [group] [mode]`,
//! where mode is `fill` (publish only), `steady` (settle 1,000 behind), or `storm` (publish
//! without waiting for commits).

// A measurement needs a clock, and somewhere to print to.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use store::{Body, Options, QueueId, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(
        args.next()
            .ok_or("usage: store_bench DIR [messages] [bytes] [group] [mode]")?,
    );
    let mut number = |default| args.next().map_or(Ok(default), |arg| arg.parse::<u64>());
    let (messages, bytes, group) = (number(1_000_000)?, number(1024)?, number(1000)?);
    let mode = args.next().unwrap_or_else(|| "fill".to_owned());

    let start = Instant::now();
    let (store, recovered) = Store::open(&dir, Options::default())?;
    let queue = QueueId(recovered.max_queue_id + 1);
    println!(
        "opened in {:?}, {} queues",
        start.elapsed(),
        recovered.queues.len()
    );

    let payload = Bytes::from((0..bytes).map(|n| (n * 31) as u8).collect::<Vec<_>>());
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut seq = 1;
    let mut settled = Vec::new();
    while seq <= messages {
        let bodies: Vec<_> = (0..group)
            .map(|_| Body {
                head: payload.slice(..),
                tail: None,
            })
            .collect();
        let ticket = store.append(queue, seq, bodies);
        seq += group;
        match mode.as_str() {
            "storm" => {
                while store.is_congested() {
                    std::thread::yield_now();
                }
            }
            _ => store.wait(ticket)?,
        }
        if mode == "steady" && seq > 1000 {
            settled.clear();
            settled.extend((seq - 1000).saturating_sub(group).max(1)..seq - 1000);
            store.settle(queue, &settled);
        }
    }
    let appended = start.elapsed();
    store.checkpoint()?;
    let cpu = cpu_seconds() - cpu;
    let million = messages as f64 / 1e6;
    println!(
        "{:.0} msg/s, {:.2} CPU s per million",
        messages as f64 / appended.as_secs_f64(),
        cpu / million
    );
    println!("{:#?}", store.stats());
    let start = Instant::now();
    store.close()?;
    println!("closed in {:?}", start.elapsed());
    Ok(())
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks: f64 = [12, 13]
        .iter()
        .filter_map(|at| fields.get(*at)?.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
