//! A line a second, and what it came to.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::meter::{Counts, Meter, histogram};
use crate::options::Options;

/// What has been reported, and what it is made from.
pub(crate) struct Report {
    meter: Arc<Meter>,
    json: bool,
    confirms: bool,
    start: Instant,
    last: Instant,
    before: Counts,
    latency: Histogram<u64>,
    confirm_latency: Histogram<u64>,
}

impl Report {
    pub(crate) fn new(now: Instant, meter: Arc<Meter>, options: &Options) -> Self {
        Self {
            meter,
            json: options.json,
            confirms: options.confirm.is_some(),
            start: now,
            last: now,
            before: Counts::default(),
            latency: histogram(),
            confirm_latency: histogram(),
        }
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Prints what happened since the last line.
    pub(crate) fn line(&mut self, now: Instant) {
        let counts = self.meter.counts();
        let [latency, confirm_latency] = self.meter.take_times();
        let seconds = (now - self.last).as_secs_f64();
        let before = std::mem::replace(&mut self.before, counts);
        self.last = now;
        let _ = self.latency.add(&latency);
        let _ = self.confirm_latency.add(&confirm_latency);
        if self.json {
            return;
        }
        let rate = |now: u64, before: u64| per_second(now - before, seconds);
        let mut line = format!(
            "{:>6.1} s  sent {} msg/s  received {} msg/s",
            (now - self.start).as_secs_f64(),
            rate(counts.sent, before.sent),
            rate(counts.received, before.received),
        );
        if self.confirms {
            let confirmed = rate(counts.confirmed, before.confirmed);
            let _ = write!(line, "  confirmed {confirmed} msg/s");
        }
        for (name, n) in [
            ("nacked", counts.nacked - before.nacked),
            ("returned", counts.returned - before.returned),
        ] {
            if n > 0 {
                let _ = write!(line, "  {name} {n}");
            }
        }
        for (name, times) in [("latency", &latency), ("confirms", &confirm_latency)] {
            if !times.is_empty() {
                let _ = write!(line, "  {name} {}", quantiles(times));
            }
        }
        println!("{line}");
    }

    /// Prints what it all came to.
    pub(crate) fn summarise(&mut self, now: Instant) {
        let counts = self.meter.counts();
        let [latency, confirm_latency] = self.meter.take_times();
        let _ = self.latency.add(&latency);
        let _ = self.confirm_latency.add(&confirm_latency);
        let seconds = (now - self.start).as_secs_f64();
        if self.json {
            println!("{}", self.as_json(counts, seconds));
            return;
        }
        println!(
            "\nin {seconds:.1} s: sent {} ({} msg/s), received {} ({} msg/s)",
            grouped(counts.sent),
            per_second(counts.sent, seconds),
            grouped(counts.received),
            per_second(counts.received, seconds),
        );
        if self.confirms {
            println!(
                "confirmed {}, nacked {}",
                grouped(counts.confirmed),
                grouped(counts.nacked)
            );
        }
        if counts.returned > 0 {
            println!("returned {}", grouped(counts.returned));
        }
        for (name, times) in [
            ("latency", &self.latency),
            ("confirms", &self.confirm_latency),
        ] {
            if !times.is_empty() {
                println!("{name} {}", quantiles(times));
            }
        }
    }

    fn as_json(&self, counts: Counts, seconds: f64) -> Value {
        let rate = |n: u64| (n as f64 / seconds).round();
        json!({
            "seconds": seconds,
            "sent": counts.sent,
            "received": counts.received,
            "confirmed": counts.confirmed,
            "nacked": counts.nacked,
            "returned": counts.returned,
            "sent_per_s": rate(counts.sent),
            "received_per_s": rate(counts.received),
            "confirmed_per_s": rate(counts.confirmed),
            "latency_us": times_json(&self.latency),
            "confirm_latency_us": times_json(&self.confirm_latency),
        })
    }
}

const QUANTILES: [(&str, f64); 6] = [
    ("min", 0.0),
    ("p50", 0.5),
    ("p75", 0.75),
    ("p95", 0.95),
    ("p99", 0.99),
    ("max", 1.0),
];

/// `min 12 p50 …`, in microseconds.
fn quantiles(times: &Histogram<u64>) -> String {
    let mut text = String::new();
    for (name, quantile) in QUANTILES {
        let _ = write!(
            text,
            "{name} {} ",
            grouped(times.value_at_quantile(quantile))
        );
    }
    text + "µs"
}

fn times_json(times: &Histogram<u64>) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    let value = |(name, quantile)| (String::from(name), times.value_at_quantile(quantile).into());
    Value::Object(QUANTILES.map(value).into_iter().collect())
}

fn per_second(n: u64, seconds: f64) -> String {
    grouped((n as f64 / seconds.max(f64::MIN_POSITIVE)).round() as u64)
}

/// `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
