//! The messages of a queue that wait for a consumer, in order.

mod pick;

use std::collections::VecDeque;

use codec::Content;
use store::{Body, Ticket};

use crate::limits::QUEUE_IDLE_ENTRIES_MAX;
use crate::message::{Entry, Expiry};
use crate::queue::browse::Piece;
use crate::queue::cold::{Cold, Measure, Run, Runs};

/// Bytes that a message takes in a queue besides its own.
pub(crate) const ENTRY_BYTES: u64 = size_of::<Entry>() as u64;

/// A message that was read back. None, and a line in the log, if it can't be understood.
pub(crate) fn entry_of(seq: u64, body: Body, redelivered: bool) -> Option<Entry> {
    let (message, notes) = match Content::from_stored(body.head, body.tail) {
        Ok(stored) => stored,
        Err(error) => {
            tracing::error!(seq, %error, "a stored message can't be read and is skipped");
            return None;
        }
    };
    Some(Entry {
        seq,
        message,
        expiry: match notes.expires_at_ms {
            0 => Expiry::NEVER,
            at => Expiry::at_ms(at),
        },
        redelivered,
        durable: true,
        settled: false,
    })
}

/// Ready messages: `front` in memory, `cold` in the store only, `tail` in memory.
///
/// A queue that is not deep has everything in `front`. Above its allowance new messages go
/// to `tail`, all of them with a record in the store, and as records are committed the
/// oldest of the tail become cold. Requeued messages go to `front`, or become cold again
/// if they come back without their body.
///
/// `front` and `cold` are each in order and disjoint; the next message is the lower of the
/// two heads. The numbers in `tail` are higher than any that were ever delivered.
#[derive(Default)]
pub(crate) struct Ready {
    front: VecDeque<Entry>,
    /// The rest of a queue that is deep, which most never are: there if anything lies in it.
    deep: Option<Box<Deep>>,
    /// Body bytes of `front` and `tail`.
    warm_bytes: u64,
    /// What they take in memory besides [`ENTRY_BYTES`] each.
    wire_bytes: u64,
}

/// What lies behind the front of a deep queue.
#[derive(Default)]
struct Deep {
    cold: Cold,
    tail: VecDeque<Entry>,
    /// When the tickets are committed, the tail up to these numbers can be read back.
    marks: VecDeque<(Ticket, u64)>,
}

impl Deep {
    #[inline]
    fn is_empty(&self) -> bool {
        self.tail.is_empty() && self.cold.is_empty()
    }
}

/// What became of a search for the next message.
pub(crate) enum Popped {
    /// Here it is.
    Entry(Entry),
    /// There is one, but only in the store.
    Cold,
    /// There is none.
    Nothing,
}

/// What stands first.
pub(crate) enum Head<'a> {
    /// This.
    Entry(&'a Entry),
    /// Something that is in the store only.
    Cold,
    /// Nothing.
    Nothing,
}

/// Messages to be read from the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// The first one's number, where a run begins.
    pub(crate) first: u64,
    /// No more than these.
    pub(crate) messages: usize,
}

impl Ready {
    pub(crate) fn recovered(run: Run) -> Self {
        let mut ready = Self::default();
        if run.count > 0 {
            ready.behind().cold.push(run);
        }
        ready
    }

    pub(crate) fn len(&self) -> u64 {
        self.warm() + self.deep.as_ref().map_or(0, |deep| deep.cold.count())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_empty() && !self.is_deep()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.warm_bytes + self.deep.as_ref().map_or(0, |deep| deep.cold.bytes())
    }

    /// What it takes in memory, in bytes.
    #[inline]
    pub(crate) fn cost(&self) -> u64 {
        self.wire_bytes + self.warm() * ENTRY_BYTES
    }

    /// New messages go behind others that are or will be in the store only.
    #[inline]
    pub(crate) const fn is_deep(&self) -> bool {
        self.deep.is_some()
    }

    /// If a consumer has caught up, so that little is left and all of it in memory, new
    /// messages need not go behind it any more.
    pub(crate) fn rejoin(&mut self, little: u64) {
        if self.front.is_empty()
            && self.cost() < little
            && let Some(deep) = self.deep.take_if(|deep| deep.cold.is_empty())
        {
            self.front = deep.tail;
        }
    }

    fn warm(&self) -> u64 {
        let tail = self.deep.as_ref().map_or(0, |deep| deep.tail.len());
        (self.front.len() + tail) as u64
    }

    /// What lies behind the front, or will.
    fn behind(&mut self) -> &mut Deep {
        self.deep.get_or_insert_default()
    }

    /// Gives back what is not needed when nothing lies behind the front any more.
    fn rise(&mut self) {
        self.deep.take_if(|deep| deep.is_empty());
    }

    fn first_cold(&self) -> Option<&Run> {
        self.deep.as_ref()?.cold.first()
    }

    fn first_of_tail(&self) -> Option<&Entry> {
        self.deep.as_ref()?.tail.front()
    }

    /// Appends a new message that stays in memory until it is delivered.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        self.count_in(&entry);
        self.front.push_back(entry);
    }

    /// Appends a new message that has a record in the store. [`Self::mark`] follows.
    pub(crate) fn push_tail(&mut self, entry: Entry) {
        self.count_in(&entry);
        self.behind().tail.push_back(entry);
    }

    /// All that was appended to the tail so far can be read once `ticket` is committed.
    pub(crate) fn mark(&mut self, ticket: Ticket) {
        let Some(deep) = &mut self.deep else {
            return;
        };
        let Some(last) = deep.tail.back().map(|entry| entry.seq) else {
            return;
        };
        match deep.marks.back_mut() {
            Some(mark) if mark.0 >= ticket => mark.1 = last,
            _ => deep.marks.push_back((ticket, last)),
        }
    }

    /// Drops the bodies of what lies too deep: the oldest of the tail as far as committed,
    /// then, if all of it is, the youngest of the front.
    pub(crate) fn chill(&mut self, allowance: u64, committed: Ticket, recorded: Ticket) {
        let first_mark = |deep: &Deep| deep.marks.front().copied();
        while let Some((ticket, last)) = self.deep.as_deref().and_then(first_mark) {
            if ticket > committed {
                return;
            }
            while let Some(entry) = self.first_of_tail().filter(|entry| entry.seq <= last) {
                if self.cost() <= allowance {
                    return;
                }
                let run = Self::run_of(entry);
                self.pop_tail();
                self.behind().cold.push(run);
            }
            self.behind().marks.pop_front();
        }
        if recorded <= committed && self.cost() > allowance {
            self.chill_front(allowance);
        }
    }

    /// What is in the store is committed.
    fn chill_front(&mut self, allowance: u64) {
        let mut chilled = Vec::new();
        while self.cost() > allowance
            && let Some(entry) = self.front.pop_back_if(|entry| entry.durable)
        {
            self.count_out(&entry);
            chilled.push(Self::run_of(&entry));
        }
        let mut runs = Runs::default();
        chilled.into_iter().rev().for_each(|run| runs.push(run));
        self.put_back_cold(runs);
    }

    fn run_of(entry: &Entry) -> Run {
        Run::one(
            entry.seq,
            entry.message.body_len() as u64,
            entry.redelivered,
        )
    }

    /// Takes the oldest message.
    #[inline]
    pub(crate) fn pop(&mut self) -> Popped {
        if self.is_deep() {
            return self.pop_deep();
        }
        let Some(entry) = self.front.pop_front() else {
            return Popped::Nothing;
        };
        self.count_out(&entry);
        if self.front.is_empty() {
            shrink(&mut self.front);
        }
        Popped::Entry(entry)
    }

    fn pop_deep(&mut self) -> Popped {
        let cold = self.first_cold().map(|run| run.first);
        let front = self.front.front().map(|entry| entry.seq);
        let entry = match (front, cold) {
            (Some(front), cold) if cold.is_none_or(|cold| front < cold) => self.front.pop_front(),
            (_, Some(_)) => return Popped::Cold,
            (_, None) => {
                let entry = self.pop_tail();
                self.rise();
                return entry.map_or(Popped::Nothing, Popped::Entry);
            }
        };
        if let Some(entry) = &entry {
            self.count_out(entry);
        }
        entry.map_or(Popped::Nothing, Popped::Entry)
    }

    fn pop_tail(&mut self) -> Option<Entry> {
        let entry = self.deep.as_mut()?.tail.pop_front()?;
        self.count_out(&entry);
        Some(entry)
    }

    /// The next message, where it is.
    #[inline]
    pub(crate) fn head(&self) -> Head<'_> {
        let cold = self.first_cold().map(|run| run.first);
        match (self.front.front(), cold) {
            (Some(front), cold) if cold.is_none_or(|cold| front.seq < cold) => Head::Entry(front),
            (_, Some(_)) => Head::Cold,
            (_, None) => self.first_of_tail().map_or(Head::Nothing, Head::Entry),
        }
    }

    /// The next message is in the store only: what is to be read.
    pub(crate) fn wanted(&self) -> Option<Stretch> {
        let run = self.first_cold()?;
        if self
            .front
            .front()
            .is_some_and(|entry| entry.seq < run.first)
        {
            return None;
        }
        Some(Stretch {
            first: run.first,
            messages: usize::try_from(run.count).unwrap_or(usize::MAX),
        })
    }

    /// Takes in what was read, unless others were faster: then there is nothing to do.
    /// Returns how many messages should have been there and were not.
    pub(crate) fn thaw(&mut self, stretch: Stretch, read: Vec<(u64, Body)>) -> u64 {
        let Some(deep) = &self.deep else {
            return 0;
        };
        let Some(run) = deep.cold.starting_at(stretch.first) else {
            return 0;
        };
        let (last, measure, redelivered_to) = (run.last, run.measure, run.redelivered_to);
        let (mut count, mut bytes, mut next) = (0, 0, last.saturating_add(1));
        let mut thawed = Vec::with_capacity(read.len());
        for (seq, body) in read.into_iter().take_while(|(seq, _)| *seq <= last) {
            (count, next) = (count + 1, seq.saturating_add(1));
            let stored = body.len() as u64;
            let Some(entry) = entry_of(seq, body, seq <= redelivered_to) else {
                continue;
            };
            bytes += match measure {
                Measure::Body => entry.message.body_len() as u64,
                Measure::Stored => stored,
            };
            thawed.push(entry);
        }
        let cold = &mut self.behind().cold;
        let lost = cold.advance(stretch.first, next, count, bytes);
        self.rise();
        self.put_back(thawed);
        lost
    }

    /// What is ready from the number `from` on, in order: as many pieces as `max` messages need.
    pub(crate) fn pieces(&self, from: u64, max: usize) -> Vec<Piece> {
        let start = self.front.partition_point(|entry| entry.seq < from);
        let mut front = self.front.range(start..).peekable();
        let mut pieces = Vec::new();
        let mut left = max as u64;
        for run in self.deep.iter().flat_map(|deep| deep.cold.from(from)) {
            while left > 0
                && let Some(entry) = front.next_if(|entry| entry.seq < run.first)
            {
                pieces.push(Piece::Entry(entry.clone()));
                left -= 1;
            }
            if left == 0 {
                return pieces;
            }
            left = left.saturating_sub(run.count.min(run.last - run.first + 1));
            pieces.push(Piece::Cold(run));
        }
        let tail = self.deep.iter().flat_map(|deep| {
            let start = deep.tail.partition_point(|entry| entry.seq < from);
            deep.tail.range(start..)
        });
        let rest = front.chain(tail).take(usize::try_from(left).unwrap_or(0));
        pieces.extend(rest.map(|entry| Piece::Entry(entry.clone())));
        pieces
    }

    /// Gives up the messages from `first`, where a run begins, to `damaged`.
    pub(crate) fn skip(&mut self, first: u64, damaged: u64) {
        if let Some(deep) = &mut self.deep {
            deep.cold.advance(first, damaged.saturating_add(1), 1, 0);
            self.rise();
        }
    }

    /// Puts messages back where they were. `returned` is sorted by number.
    pub(crate) fn put_back(&mut self, returned: Vec<Entry>) {
        let (Some(first), Some(last)) = (returned.first(), returned.last()) else {
            return;
        };
        let (first, last) = (first.seq, last.seq);
        returned.iter().for_each(|entry| self.count_in(entry));
        if self.front.back().is_none_or(|back| back.seq < first) {
            self.front.extend(returned);
        } else if self.front.front().is_none_or(|front| last < front.seq) {
            for entry in returned.into_iter().rev() {
                self.front.push_front(entry);
            }
        } else {
            self.front.extend(returned);
            self.front.make_contiguous().sort_by_key(|e| e.seq);
        }
    }

    /// Takes back messages whose bodies are in the store.
    pub(crate) fn put_back_cold(&mut self, runs: Runs) {
        if !runs.is_empty() {
            self.behind().cold.insert(runs);
        }
    }

    /// Empties the ready part and tells which numbers were in the store, as runs.
    pub(crate) fn clear(&mut self) -> Vec<(u64, u64)> {
        let mut deep = self.deep.take().unwrap_or_default();
        let mut runs = deep.cold.take();
        let warm = self.front.drain(..).chain(deep.tail.drain(..));
        for entry in warm.filter(|entry| entry.durable) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == entry.seq => *last = entry.seq,
                _ => runs.push((entry.seq, entry.seq)),
            }
        }
        self.front.shrink_to(QUEUE_IDLE_ENTRIES_MAX);
        (self.warm_bytes, self.wire_bytes) = (0, 0);
        runs
    }

    #[inline]
    fn count_in(&mut self, entry: &Entry) {
        self.warm_bytes += entry.message.body_len() as u64;
        self.wire_bytes += entry.message.wire_len() as u64;
    }

    #[inline]
    fn count_out(&mut self, entry: &Entry) {
        self.warm_bytes -= entry.message.body_len() as u64;
        self.wire_bytes -= entry.message.wire_len() as u64;
    }
}

/// Gives back what a burst has left behind in an empty list.
fn shrink(entries: &mut VecDeque<Entry>) {
    if entries.capacity() > QUEUE_IDLE_ENTRIES_MAX * 64 {
        entries.shrink_to(QUEUE_IDLE_ENTRIES_MAX);
    }
}
