//! The recent past of a few counters, kept small: a value is stored when it changes, in rings of
//! growing step. Between neighbouring samples a value moves in a straight line; after a pause it
//! stood still until just before the next.

use std::collections::VecDeque;

/// One ring of a history: samples `step_ms` apart at least (0: every one), at most `keep` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub(crate) step_ms: u64,
    pub(crate) keep: usize,
}

/// Span over which a rate is taken, in milliseconds: short enough to follow, long enough to be calm.
pub(crate) const RATE_SPAN_MS: u64 = 5000;

/// How far, in milliseconds, a sample may lie from where a rate's span begins and still be its
/// beginning: timer jitter, less than half a tick.
const JITTER_MS: u64 = 450;

/// Milliseconds between two samples in a row, at most: two ticks and their jitter.
const TICKS_MS_MAX: u64 = 2500;

#[derive(Clone, Copy, Debug)]
struct Sample<const N: usize> {
    at_ms: u64,
    values: [u64; N],
}

/// The past of `N` values that are counted together.
#[derive(Debug)]
pub(crate) struct History<const N: usize> {
    layout: &'static [Ring],
    /// A coarser one begins when the one before it is full: until then that knows all there is, and
    /// of what is idle it does for ever.
    rings: Vec<VecDeque<Sample<N>>>,
    /// When `values` last differed from the sample before.
    changed_ms: u64,
    /// The last tick that looked, changed or not.
    seen_ms: u64,
}

impl<const N: usize> History<N> {
    /// A history whose first sample is `values`. `layout` goes from the finest ring to the coarsest.
    pub(crate) fn new(layout: &'static [Ring], at_ms: u64, values: [u64; N]) -> Self {
        let first = Sample { at_ms, values };
        Self {
            layout,
            rings: vec![VecDeque::from([first])],
            changed_ms: at_ms,
            seen_ms: at_ms,
        }
    }

    /// What the values are at `at_ms`, which must not go backwards.
    pub(crate) fn record(&mut self, at_ms: u64, values: [u64; N]) {
        self.seen_ms = at_ms;
        if self.latest() == values {
            return;
        }
        self.changed_ms = at_ms;
        self.begin_coarser();
        for (ring, layout) in self.rings.iter_mut().zip(self.layout) {
            push(ring, *layout, Sample { at_ms, values });
        }
    }

    /// Begins the next coarser ring if the last one is about to forget.
    fn begin_coarser(&mut self) {
        let rings = self.rings.len();
        let (Some(finer), Some(coarser)) = (self.rings.last(), self.layout.get(rings)) else {
            return;
        };
        if self
            .layout
            .get(rings - 1)
            .is_some_and(|layout| finer.len() < layout.keep)
        {
            return;
        }
        let mut ring = VecDeque::new();
        for sample in finer {
            push(&mut ring, *coarser, *sample);
        }
        self.rings.push(ring);
    }

    /// The newest values.
    pub(crate) fn latest(&self) -> [u64; N] {
        let newest = self.rings.first().and_then(VecDeque::back);
        newest.map_or([0; N], |sample| sample.values)
    }

    /// When a value last changed, in milliseconds of the wall clock.
    pub(crate) fn changed_ms(&self) -> u64 {
        self.changed_ms
    }

    /// When the values were last looked at, in milliseconds of the wall clock.
    pub(crate) fn seen_ms(&self) -> u64 {
        self.seen_ms
    }

    /// Change of one value per second over the last [`RATE_SPAN_MS`]; negative when it shrank.
    pub(crate) fn rate(&self, column: usize) -> f64 {
        let from_ms = self.seen_ms.saturating_sub(RATE_SPAN_MS);
        if self.changed_ms + JITTER_MS < from_ms {
            return 0.0;
        }
        let Some(ring) = self.rings.first() else {
            return 0.0;
        };
        let mut start = None;
        for sample in ring {
            if sample.at_ms > from_ms + JITTER_MS {
                break;
            }
            start = Some(sample);
        }
        // A value that was quiet before the span kept its value until the span began.
        let (from_ms, before) = match start.or_else(|| ring.front()) {
            Some(sample) if sample.at_ms + JITTER_MS < from_ms => (from_ms, sample.values[column]),
            Some(sample) => (sample.at_ms, sample.values[column]),
            None => return 0.0,
        };
        slope(
            before,
            self.latest()[column],
            self.seen_ms.saturating_sub(from_ms),
        )
    }

    /// The value at a time, or `None` when that is before the oldest sample kept.
    pub(crate) fn at(&self, column: usize, at_ms: u64) -> Option<u64> {
        let ring = self
            .rings
            .iter()
            .position(|ring| ring.front().is_some_and(|oldest| oldest.at_ms <= at_ms))?;
        let (ring, layout) = (&self.rings[ring], self.layout[ring]);
        let after = ring.partition_point(|sample| sample.at_ms <= at_ms);
        let before = ring.get(after.checked_sub(1)?)?;
        Some(match ring.get(after) {
            Some(after) if after.at_ms - before.at_ms <= layout.gap_max() => {
                between(before, after, column, at_ms)
            }
            _ => before.values[column],
        })
    }
}

impl Ring {
    /// Samples further apart than this, in milliseconds, are not neighbours: the value stood still
    /// after the first of them.
    fn gap_max(self) -> u64 {
        (self.step_ms * 2).max(TICKS_MS_MAX)
    }
}

/// On the straight line between two neighbouring samples, so that a counter read off its ticks
/// still has a smooth rate.
fn between<const N: usize>(
    before: &Sample<N>,
    after: &Sample<N>,
    column: usize,
    at_ms: u64,
) -> u64 {
    let (from, to) = (before.values[column] as f64, after.values[column] as f64);
    let part = (at_ms - before.at_ms) as f64 / (after.at_ms - before.at_ms) as f64;
    (from + (to - from) * part).round() as u64
}

fn push<const N: usize>(ring: &mut VecDeque<Sample<N>>, layout: Ring, sample: Sample<N>) {
    // Within one step the newest sample replaces the older, so that at the step's end, where
    // clients ask, it is exact.
    let step = |at_ms: u64| at_ms.saturating_sub(1).checked_div(layout.step_ms);
    let same_step = layout.step_ms > 0
        && ring.len() > 1
        && ring
            .back()
            .is_some_and(|newest| step(newest.at_ms) == step(sample.at_ms));
    if same_step {
        ring.pop_back();
    } else if ring.len() >= layout.keep {
        ring.pop_front();
    }
    ring.push_back(sample);
}

/// Change per second between two values `span_ms` apart.
pub(crate) fn slope(before: u64, after: u64, span_ms: u64) -> f64 {
    if span_ms == 0 {
        return 0.0;
    }
    (after as f64 - before as f64) * 1000.0 / span_ms as f64
}

#[cfg(test)]
mod tests;
