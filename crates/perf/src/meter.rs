//! What producers and consumers count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// The longest time that is told apart, in microseconds: a minute.
const LONGEST_US: u64 = 60_000_000;

/// Significant digits of a time.
const DIGITS: u8 = 2;

/// Times in microseconds, recorded by one task and read by the report.
pub(crate) struct Times(Mutex<Histogram<u64>>);

impl Default for Times {
    fn default() -> Self {
        Self(Mutex::new(histogram()))
    }
}

/// Without times yet. Small: two digits up to a minute are 5,000 counters.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).unwrap_or_else(|_| unreachable!("constants"))
}

impl Times {
    /// Records `n` that took `ns` each.
    pub(crate) fn record(&self, ns: u64, n: u64) {
        self.0.lock().saturating_record_n(ns / 1000, n);
    }

    /// Records several under one lock.
    pub(crate) fn record_all(&self, times_ns: &[u64]) {
        let mut histogram = self.0.lock();
        for ns in times_ns {
            histogram.saturating_record(ns / 1000);
        }
    }

    /// Adds what came since to `sum`.
    fn drain_into(&self, sum: &mut Histogram<u64>) {
        let mut histogram = self.0.lock();
        // Both have the same bounds, so it fits.
        let _ = sum.add(&*histogram);
        histogram.reset();
    }
}

/// All counts. They only grow.
#[derive(Default)]
pub(crate) struct Meter {
    pub(crate) sent: AtomicU64,
    pub(crate) confirmed: AtomicU64,
    pub(crate) nacked: AtomicU64,
    pub(crate) returned: AtomicU64,
    pub(crate) received: AtomicU64,
    latency: Mutex<Vec<Arc<Times>>>,
    confirm_latency: Mutex<Vec<Arc<Times>>>,
}

/// The counts at one moment.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) confirmed: u64,
    pub(crate) nacked: u64,
    pub(crate) returned: u64,
    pub(crate) received: u64,
}

impl Meter {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// For a consumer: from publishing to delivery.
    pub(crate) fn new_latency(&self) -> Arc<Times> {
        let times = Arc::<Times>::default();
        self.latency.lock().push(Arc::clone(&times));
        times
    }

    /// For a producer: from publishing to its confirm.
    pub(crate) fn new_confirm_latency(&self) -> Arc<Times> {
        let times = Arc::<Times>::default();
        self.confirm_latency.lock().push(Arc::clone(&times));
        times
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            sent: of(&self.sent),
            confirmed: of(&self.confirmed),
            nacked: of(&self.nacked),
            returned: of(&self.returned),
            received: of(&self.received),
        }
    }

    /// Times since the last call: latencies, and those of confirms.
    pub(crate) fn take_times(&self) -> [Histogram<u64>; 2] {
        [&self.latency, &self.confirm_latency].map(|all| {
            let mut sum = histogram();
            all.lock()
                .iter()
                .for_each(|times| times.drain_into(&mut sum));
            sum
        })
    }
}
