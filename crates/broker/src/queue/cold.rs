//! Ready messages that are in the store only, as runs of numbers.

use std::collections::{BTreeMap, VecDeque};

use crate::queue::levels::level_of;

/// How the bytes of a run are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measure {
    /// Bytes of bodies.
    Body,
    /// Bytes as stored, because nothing else is known after a start.
    Stored,
}

/// Messages `first ..= last`. All of them are ready, or have been settled before the broker
/// started: nothing between them is anywhere else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Messages in it, 1 or more.
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) measure: Measure,
    /// Messages up to this number may have been delivered before.
    pub(crate) redelivered_to: u64,
}

impl Run {
    /// One message.
    pub(crate) const fn one(seq: u64, body_len: u64, redelivered: bool) -> Self {
        Self {
            first: seq,
            last: seq,
            count: 1,
            bytes: body_len,
            measure: Measure::Body,
            redelivered_to: if redelivered { seq } else { 0 },
        }
    }

    /// What lies before the message `seq` of `size` bytes, which are `before` messages, and what
    /// lies behind it. The bytes are divided evenly: only the sum is known.
    pub(crate) fn split(&self, seq: u64, size: u64, before: u64) -> (Self, Self) {
        let others = self.count - 1;
        let before = before.min(others);
        let bytes = self.bytes.saturating_sub(size);
        let share = u128::from(bytes) * u128::from(before) / u128::from(others.max(1));
        let share = u64::try_from(share).unwrap_or(bytes);
        let left = Self {
            last: seq.saturating_sub(1),
            count: before,
            bytes: share,
            redelivered_to: self.redelivered_to.min(seq.saturating_sub(1)),
            ..self.clone()
        };
        let right = Self {
            first: seq.saturating_add(1),
            count: others - before,
            bytes: bytes - share,
            ..self.clone()
        };
        (left, right)
    }

    /// Takes over `next` if it follows without a gap and nothing is lost by it.
    fn join(&mut self, next: &Self) -> bool {
        let follows = self.last.checked_add(1) == Some(next.first) && self.measure == next.measure;
        // One number has to say it for both.
        let all_before = self.redelivered_to >= self.last;
        let none_after = next.redelivered_to < next.first;
        if !(follows && (all_before || none_after)) {
            return false;
        }
        self.last = next.last;
        self.count += next.count;
        self.bytes += next.bytes;
        self.redelivered_to = self.redelivered_to.max(next.redelivered_to);
        true
    }
}

/// What lies before a message in its run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Before {
    /// Where the run begins.
    pub(crate) first: u64,
    /// Messages from there on.
    pub(crate) count: u64,
}

/// Collects ascending runs, joining what can be joined.
#[derive(Default, Debug)]
pub(crate) struct Runs(Vec<Run>);

impl Runs {
    pub(crate) fn push(&mut self, run: Run) {
        if !self.0.last_mut().is_some_and(|last| last.join(&run)) {
            self.0.push(run);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The runs of each level, by its number.
    pub(crate) fn by_level(self) -> BTreeMap<usize, Self> {
        let mut levels: BTreeMap<usize, Self> = BTreeMap::new();
        for run in self.0 {
            levels.entry(level_of(run.first)).or_default().push(run);
        }
        levels
    }

    /// All numbers, one by one, in the order in which they came, with the bytes of each on
    /// average.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0
            .iter()
            .flat_map(|run| (run.first..=run.last).map(|seq| (seq, run.bytes / run.count.max(1))))
    }

    /// In order, whichever way they came. Channels give messages back in the order of their
    /// deliveries, which is that of their numbers unless some were redelivered.
    fn sorted(mut self) -> Vec<Run> {
        if self.0.is_sorted_by_key(|run| run.first) {
            return self.0;
        }
        self.0.sort_unstable_by_key(|run| run.first);
        let mut sorted = Self(Vec::with_capacity(self.0.len()));
        for run in self.0 {
            sorted.push(run);
        }
        sorted.0
    }
}

impl IntoIterator for Runs {
    type Item = Run;
    type IntoIter = std::vec::IntoIter<Run>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The runs of a queue, ascending, disjoint.
#[derive(Default, Debug)]
pub(crate) struct Cold {
    runs: VecDeque<Run>,
    count: u64,
    bytes: u64,
}

impl Cold {
    /// Messages in all runs.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Their bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The lowest run.
    #[inline]
    pub(crate) fn first(&self) -> Option<&Run> {
        self.runs.front()
    }

    /// Adds a run behind all others.
    pub(crate) fn push(&mut self, run: Run) {
        self.count += run.count;
        self.bytes += run.bytes;
        if !self.runs.back_mut().is_some_and(|last| last.join(&run)) {
            self.runs.push_back(run);
        }
    }

    /// Adds runs wherever they belong.
    pub(crate) fn insert(&mut self, runs: Runs) {
        let mut new = runs.sorted();
        let Some(last) = new.last().map(|run| run.last) else {
            return;
        };
        self.count += new.iter().map(|run| run.count).sum::<u64>();
        self.bytes += new.iter().map(|run| run.bytes).sum::<u64>();
        // Mostly they were taken from the front, so that few stand before them.
        let later = self.runs.partition_point(|run| run.first < last);
        if later > 0 {
            new.extend(self.runs.drain(..later));
            new.sort_by_key(|run| run.first);
        }
        for mut run in new.into_iter().rev() {
            match self.runs.front_mut() {
                Some(first) if run.join(first) => *first = run,
                _ => self.runs.push_front(run),
            }
        }
    }

    /// The runs from the number `from` on, the first one perhaps cut.
    pub(crate) fn from(&self, from: u64) -> impl Iterator<Item = Run> + '_ {
        let at = self.runs.partition_point(|run| run.last < from);
        self.runs.range(at..).map(move |run| Run {
            first: run.first.max(from),
            ..run.clone()
        })
    }

    /// The run that begins with `first`.
    pub(crate) fn starting_at(&self, first: u64) -> Option<&Run> {
        let at = self.runs.partition_point(|run| run.first < first);
        self.runs.get(at).filter(|run| run.first == first)
    }

    /// The run that a number lies in.
    pub(crate) fn holding(&self, seq: u64) -> Option<&Run> {
        let at = self.runs.partition_point(|run| run.last < seq);
        self.runs.get(at).filter(|run| run.first <= seq)
    }

    /// Takes one message of `size` bytes out of the run that begins where `before` does, which
    /// falls into two. False: the message lies in no such run any more.
    pub(crate) fn take_out(&mut self, seq: u64, size: u64, before: Before) -> bool {
        let at = self.runs.partition_point(|run| run.last < seq);
        let holds = |run: &&Run| run.first == before.first && run.first <= seq;
        let Some(whole) = self.runs.get(at).filter(holds).cloned() else {
            return false;
        };
        let (left, right) = whole.split(seq, size, before.count);
        self.runs.remove(at);
        self.count -= whole.count;
        self.bytes -= whole.bytes;
        for part in [right, left] {
            if part.count > 0 && part.first <= part.last {
                self.count += part.count;
                self.bytes += part.bytes;
                self.runs.insert(at, part);
            }
        }
        true
    }

    /// Takes messages off the run that begins with `first`: the next one is `next` now, and
    /// `count` of `bytes` are gone. The run ends when nothing is left. Returns the messages
    /// that were counted and are not there.
    pub(crate) fn advance(&mut self, first: u64, next: u64, count: u64, bytes: u64) -> u64 {
        let at = self.runs.partition_point(|run| run.first < first);
        let Some(run) = self.runs.get_mut(at).filter(|run| run.first == first) else {
            return 0;
        };
        let count = count.min(run.count);
        let bytes = bytes.min(run.bytes);
        run.count -= count;
        run.bytes -= bytes;
        run.first = next;
        self.count -= count;
        self.bytes -= bytes;
        if run.count > 0 && run.first <= run.last {
            return 0;
        }
        let lost = run.count;
        self.count -= lost;
        self.bytes -= run.bytes;
        self.runs.remove(at);
        lost
    }

    /// All numbers, first and last, leaving nothing.
    pub(crate) fn take(&mut self) -> Vec<(u64, u64)> {
        let all = std::mem::take(self);
        all.runs
            .into_iter()
            .map(|run| (run.first, run.last))
            .collect()
    }
}
