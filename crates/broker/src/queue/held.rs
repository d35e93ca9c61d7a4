//! What a queue that drops duplicates (`x-message-deduplication`) knows of its messages: the
//! header by which they are told apart, for as long as they are in it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use crate::dedup::{DEDUP_ENTRIES_MAX, Digest, HEADER, digest};
use crate::limits::REFILL_MESSAGES_MAX;
use crate::message::{Entry, Message};
use crate::queue::Queue;
use crate::queue::browse::Piece;
use crate::queue::cold::Run;
use crate::queue::state::QueueState;

/// Values of the messages in a queue, ready or unacknowledged. At most [`DEDUP_ENTRIES_MAX`]:
/// duplicates of what comes after that pass.
#[derive(Default, Debug)]
pub(crate) struct Held {
    by_value: HashMap<Digest, u64>,
    by_seq: BTreeMap<u64, Digest>,
}

impl Held {
    fn insert(&mut self, value: Digest, seq: u64) {
        if self.by_seq.len() < DEDUP_ENTRIES_MAX {
            self.by_value.insert(value, seq);
            self.by_seq.insert(seq, value);
        }
    }

    fn remove(&mut self, seq: u64) {
        if let Some(value) = self.by_seq.remove(&seq) {
            self.by_value.remove(&value);
        }
    }

    fn remove_range(&mut self, seqs: RangeInclusive<u64>) {
        let known: Vec<u64> = self.by_seq.range(seqs).map(|(seq, _)| *seq).collect();
        known.into_iter().for_each(|seq| self.remove(seq));
    }
}

impl Queue {
    /// Looks the values up of messages that are there already: the store has brought them back,
    /// or a policy says that they matter from now on. What can't be read is left out.
    pub(super) fn recall(&self) {
        let mut state = self.lock();
        if !state.rules.deduplicates || state.ready.is_empty() {
            return;
        }
        let mut runs = Vec::new();
        for piece in state.ready.pieces(None, usize::MAX) {
            match piece {
                Piece::Entry(entry) => state.recall_one(&entry),
                Piece::Cold(run) => runs.push(run),
            }
        }
        drop(state);
        for run in runs {
            self.recall_run(run);
        }
    }

    fn recall_run(&self, mut run: Run) {
        while run.first <= run.last {
            let read = self.read_run(&run, REFILL_MESSAGES_MAX);
            let Some(newest) = read.last() else {
                return;
            };
            run.first = newest.seq + 1;
            let mut state = self.lock();
            read.iter().for_each(|entry| state.recall_one(entry));
        }
    }
}

impl QueueState {
    /// The value by which a new message is told from others, if it has one.
    #[inline(never)]
    pub(super) fn value_of(&self, message: &Message) -> Option<Digest> {
        if !self.rules.deduplicates {
            return None;
        }
        let header = message.header();
        let headers = codec::decode_table(header.properties().ok()?.headers?).ok()?;
        digest(&headers, HEADER)
    }

    fn recall_one(&mut self, entry: &Entry) {
        let value = self.value_of(&entry.message);
        if let Some(value) = value.filter(|value| !self.holds(value)) {
            self.hold(value, entry.seq);
        }
    }

    /// A message with this value is in the queue.
    pub(super) fn holds(&self, value: &Digest) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.by_value.contains_key(value))
    }

    /// A message with this value has come.
    pub(super) fn hold(&mut self, value: Digest, seq: u64) {
        self.held.get_or_insert_default().insert(value, seq);
    }

    /// Messages have left the queue: the next ones with their values are no duplicates.
    pub(super) fn let_go(&mut self, seqs: impl Iterator<Item = u64>) {
        if let Some(held) = &mut self.held {
            seqs.for_each(|seq| held.remove(seq));
        }
    }

    /// All ready messages are about to leave.
    pub(super) fn let_go_of_ready(&mut self) {
        let Some(held) = &mut self.held else {
            return;
        };
        for piece in self.ready.pieces(None, usize::MAX) {
            match piece {
                Piece::Entry(entry) => held.remove(entry.seq),
                Piece::Cold(run) if run.first <= run.last => {
                    held.remove_range(run.first..=run.last)
                }
                Piece::Cold(_) => {}
            }
        }
    }
}
