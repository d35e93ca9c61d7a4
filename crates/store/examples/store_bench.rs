//! What the store costs: prints messages per second, CPU seconds per million and memory.
//!
//! `cargo run --release -p store --example store_bench -- DIR [messages] [bytes] [group] [mode]`,
//! where mode is
//!
//! - `fill`: append only;
//! - `steady`: settle 1,000 behind;
//! - `hold10`: the same, but every tenth message is never settled;
//! - `storm`: append without waiting for commits;
//! - `drain`: fill, then read and settle everything in order;
//! - `purge`: fill, then purge everything while another queue goes on;
//! - `die`: fill, then end as if killed. Open again with 0 messages to time the recovery.

// A measurement needs a clock, and somewhere to print to.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use store::{Body, Options, QueueId, Store};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
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
    let live: u64 = recovered.queues.iter().map(|queue| queue.live).sum();
    println!("opened in {:?}, {live} messages", start.elapsed());
    let queue = QueueId(recovered.max_queue_id + 1);

    measure("fill", messages, || {
        fill(&store, queue, &dir, (messages, bytes, group), &mode)
    })?;
    println!(
        "{:#?}, disk {} MB",
        store.stats(),
        disk_bytes(&dir) / 1_000_000
    );
    match mode.as_str() {
        "drain" => measure("drain", messages, || drain(&store, queue))?,
        "purge" => purge(&store, queue, messages)?,
        "die" => std::process::exit(0),
        _ => {}
    }
    let start = Instant::now();
    store.close()?;
    println!("closed in {:?}, {}", start.elapsed(), memory());
    Ok(())
}

fn measure(what: &str, messages: u64, run: impl FnOnce() -> Outcome) -> Outcome {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    run()?;
    let took = start.elapsed().as_secs_f64();
    let cpu = (cpu_seconds() - cpu) / (messages as f64 / 1e6);
    println!(
        "{what}: {:.0} msg/s, {cpu:.2} CPU s per million, {}",
        messages as f64 / took,
        memory()
    );
    Ok(())
}

fn fill(
    store: &Store,
    queue: QueueId,
    dir: &Path,
    (messages, bytes, group): (u64, u64, u64),
    mode: &str,
) -> Outcome {
    let payload = Bytes::from((0..bytes).map(|n| (n * 31) as u8).collect::<Vec<_>>());
    let (mut seq, mut settled) = (1, Vec::new());
    let mut disk_max = 0;
    while seq <= messages {
        let body = || Body {
            head: payload.slice(..),
            tail: None,
        };
        let ticket = store.append(queue, seq, (0..group).map(|_| body()).collect());
        seq += group;
        if mode == "storm" {
            while store.is_congested() {
                std::thread::yield_now();
            }
        } else {
            store.wait(ticket)?;
        }
        if matches!(mode, "steady" | "hold10") && seq > 1000 {
            settled.clear();
            settled.extend((seq - 1000).saturating_sub(group).max(1)..seq - 1000);
            if mode == "hold10" {
                settled.retain(|seq| !seq.is_multiple_of(10));
            }
            store.settle(queue, &settled);
        }
        if seq % 100_000 < group {
            disk_max = disk_max.max(disk_bytes(dir));
        }
    }
    println!("largest on disk: {} MB", disk_max / 1_000_000);
    Ok(())
}

fn drain(store: &Store, queue: QueueId) -> Outcome {
    let (mut from, mut settled) = (0, Vec::new());
    loop {
        let read = store.read(queue, from, 256, 1 << 20)?;
        let Some((last, _)) = read.last() else {
            store.checkpoint()?;
            return Ok(());
        };
        from = last + 1;
        settled.clear();
        settled.extend(read.iter().map(|(seq, _)| *seq));
        store.settle(queue, &settled);
    }
}

fn purge(store: &Store, queue: QueueId, messages: u64) -> Outcome {
    store.checkpoint()?;
    let mut other = 1;
    let mut slowest = |what: &str, during: Duration| -> Outcome {
        let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
        while begun.elapsed() < during {
            let start = Instant::now();
            let body = Body {
                head: Bytes::from_static(b"other"),
                tail: None,
            };
            store.wait(store.append(QueueId(queue.0 + 1), other, vec![body]))?;
            other += 1;
            slowest = slowest.max(start.elapsed());
        }
        println!("{what}: slowest commit of another queue {slowest:?}");
        Ok(())
    };
    slowest("before the purge", Duration::from_secs(2))?;
    let start = Instant::now();
    store.wait(store.purge(queue, &[(1, messages)]))?;
    println!("purged in {:?}", start.elapsed());
    slowest("after the purge", Duration::from_secs(5))
}

/// Bytes of the files in a directory and below.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let size = |path: PathBuf| match std::fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => disk_bytes(&path),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(|entry| size(entry.path())).sum()
}

/// Memory of this process, now and at most.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    format!("{}, {}", line("VmRSS"), line("VmHWM"))
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
