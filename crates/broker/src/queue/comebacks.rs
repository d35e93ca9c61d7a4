//! What came back to a quorum queue, in the order of its return: served before anything else.

use std::collections::VecDeque;

use store::Body;

use crate::message::Entry;
use crate::queue::browse::Piece;
use crate::queue::cold::{Before, Run};
use crate::queue::ready::{Head, Popped, Stretch, entry_of};

enum Comeback {
    Entry(Entry),
    /// Messages that are in the store only.
    Cold(Run),
}

/// Messages that came back.
#[derive(Default)]
pub(crate) struct Comebacks {
    list: VecDeque<Comeback>,
    len: u64,
    bytes: u64,
    wire_bytes: u64,
}

impl Comebacks {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of bodies.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of messages in memory.
    pub(crate) fn cost(&self) -> u64 {
        self.wire_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds one behind the others.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.count_in(&entry);
        self.list.push_back(Comeback::Entry(entry));
    }

    /// Adds some that are in the store behind the others.
    pub(crate) fn push_cold(&mut self, run: Run) {
        self.len += run.count;
        self.bytes += run.bytes;
        self.list.push_back(Comeback::Cold(run));
    }

    /// Puts one before the others.
    pub(crate) fn push_front(&mut self, entry: Entry) {
        self.count_in(&entry);
        self.list.push_front(Comeback::Entry(entry));
    }

    pub(crate) fn pop(&mut self) -> Popped {
        match self.list.pop_front() {
            None => Popped::Nothing,
            Some(Comeback::Entry(entry)) => {
                self.count_out(&entry);
                Popped::Entry(entry)
            }
            Some(cold) => {
                self.list.push_front(cold);
                Popped::Cold
            }
        }
    }

    pub(crate) fn head(&self) -> Head<'_> {
        match self.list.front() {
            None => Head::Nothing,
            Some(Comeback::Entry(entry)) => Head::Entry(entry),
            Some(Comeback::Cold(_)) => Head::Cold,
        }
    }

    /// The next one is in the store only: what is to be read.
    pub(crate) fn wanted(&self) -> Option<Stretch> {
        let Some(Comeback::Cold(run)) = self.list.front() else {
            return None;
        };
        Some(Stretch {
            first: run.first,
            messages: usize::try_from(run.count).unwrap_or(usize::MAX),
        })
    }

    /// Takes in what was read, and says how many messages were not there. None: it does not
    /// stand first here.
    pub(crate) fn thaw(&mut self, stretch: Stretch, read: &mut Vec<(u64, Body)>) -> Option<u64> {
        let run = self.first_run(stretch.first)?;
        let (last, mut entries) = (run.last, Vec::new());
        let (mut next, mut count, mut bytes) = (last.saturating_add(1), 0, 0);
        for (seq, body) in read.drain(..).take_while(|(seq, _)| *seq <= last) {
            (count, next) = (count + 1, seq.saturating_add(1));
            if let Some(entry) = entry_of(seq, body, true) {
                bytes += entry.message.body_len() as u64;
                entries.push(entry);
            }
        }
        let lost = self.advance(next, count, bytes);
        for entry in entries.into_iter().rev() {
            self.push_front(entry);
        }
        Some(lost)
    }

    /// Gives up the messages from `first`, where the run that stands first begins, to
    /// `damaged`. False: it does not stand first here.
    pub(crate) fn skip(&mut self, first: u64, damaged: u64) -> bool {
        let found = self.first_run(first).is_some();
        if found {
            self.advance(damaged.saturating_add(1), 1, 0);
        }
        found
    }

    fn first_run(&self, first: u64) -> Option<&Run> {
        match self.list.front() {
            Some(Comeback::Cold(run)) if run.first == first => Some(run),
            _ => None,
        }
    }

    /// Takes `count` messages off the run that stands first, which goes on with `next`.
    /// Returns the messages that were counted and are not there.
    fn advance(&mut self, next: u64, count: u64, bytes: u64) -> u64 {
        let Some(Comeback::Cold(run)) = self.list.front_mut() else {
            return 0;
        };
        let (count, bytes) = (count.min(run.count), bytes.min(run.bytes));
        (run.first, run.count, run.bytes) = (next, run.count - count, run.bytes - bytes);
        self.len -= count;
        self.bytes -= bytes;
        if run.count > 0 && run.first <= run.last {
            return 0;
        }
        let (lost, bytes) = (run.count, run.bytes);
        self.len -= lost;
        self.bytes -= bytes;
        self.list.pop_front();
        lost
    }

    /// Copies of the first ones, as many as `max` messages need.
    pub(crate) fn pieces(&self, max: usize) -> Vec<Piece> {
        let pieces = self.list.iter().take(max).map(|comeback| match comeback {
            Comeback::Entry(entry) => Piece::Entry(entry.clone()),
            Comeback::Cold(run) => Piece::Cold(run.clone()),
        });
        pieces.collect()
    }

    /// Takes those in memory for which `which` holds.
    pub(crate) fn take_if(&mut self, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut taken = Vec::new();
        for comeback in std::mem::take(&mut self.list) {
            match comeback {
                Comeback::Entry(entry) if which(&entry) => {
                    self.count_out(&entry);
                    taken.push(entry);
                }
                other => self.list.push_back(other),
            }
        }
        taken
    }

    /// Those that are in memory.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.list.iter().filter_map(|comeback| match comeback {
            Comeback::Entry(entry) => Some(entry),
            Comeback::Cold(_) => None,
        })
    }

    /// The runs of those that are in the store only.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.list.iter().filter_map(|comeback| match comeback {
            Comeback::Entry(_) => None,
            Comeback::Cold(run) => Some(run),
        })
    }

    /// Takes one message of `size` bytes out of the run that begins where `before` does. False:
    /// it lies in no such run.
    pub(crate) fn take_out(&mut self, seq: u64, size: u64, before: Before) -> bool {
        let holds = |comeback: &Comeback| match comeback {
            Comeback::Cold(run) => {
                run.first == before.first && (run.first..=run.last).contains(&seq)
            }
            Comeback::Entry(_) => false,
        };
        let Some(at) = self.list.iter().position(holds) else {
            return false;
        };
        if let Some(Comeback::Cold(whole)) = self.list.remove(at) {
            let (left, right) = whole.split(seq, size, before.count);
            self.len -= whole.count;
            self.bytes -= whole.bytes;
            for part in [right, left] {
                if part.count > 0 && part.first <= part.last {
                    self.len += part.count;
                    self.bytes += part.bytes;
                    self.list.insert(at, Comeback::Cold(part));
                }
            }
        }
        true
    }

    /// Empties the list and tells the numbers, as runs.
    pub(crate) fn clear(&mut self) -> Vec<(u64, u64)> {
        let all = std::mem::take(self).list;
        let runs = all.into_iter().map(|comeback| match comeback {
            Comeback::Entry(entry) => (entry.seq, entry.seq),
            Comeback::Cold(run) => (run.first, run.last),
        });
        runs.collect()
    }

    fn count_in(&mut self, entry: &Entry) {
        self.len += 1;
        self.bytes += entry.message.body_len() as u64;
        self.wire_bytes += entry.message.wire_len() as u64;
    }

    fn count_out(&mut self, entry: &Entry) {
        self.len -= 1;
        self.bytes -= entry.message.body_len() as u64;
        self.wire_bytes -= entry.message.wire_len() as u64;
    }
}
