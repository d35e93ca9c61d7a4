//! Looking at ready messages without taking them: nobody's order changes, and nothing counts as
//! redelivered.
//!
//! What is looked at may be delivered meanwhile. As in `refill`, messages are read back
//! without the queue's lock.

use crate::message::Entry;
use crate::queue::Queue;
use crate::queue::cold::Run;
use crate::queue::levels::{level_of, number_of, seq_of, store_id};
use crate::queue::ready::entry_of;

/// Messages looked at in one go.
pub const BROWSE_MESSAGES_MAX: usize = 1000;

/// Body bytes after which no further message is read.
pub const BROWSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A part of what is ready, in order.
pub(crate) enum Piece {
    /// A message in memory.
    Entry(Entry),
    /// A run of messages in the store.
    Cold(Run),
}

impl Piece {
    /// What is left of `left` messages after these.
    pub(crate) fn less(&self, left: usize) -> usize {
        left.saturating_sub(match self {
            Self::Entry(_) => 1,
            Self::Cold(run) => usize::try_from(run.count).unwrap_or(usize::MAX),
        })
    }
}

impl Queue {
    /// Copies of at most `max` ready messages in the order of their delivery, from the number
    /// `from` on, or from the first. The next ones begin at one more than the last one's number.
    /// Of a quorum queue, what came back stands first, and only where nothing is said of `from`.
    /// What can't be read is left out.
    #[must_use]
    pub fn browse(&self, from: Option<u64>, max: usize) -> Vec<Entry> {
        let max = max.min(BROWSE_MESSAGES_MAX);
        let pieces = self.lock().ready.pieces(from, max);
        let (mut seen, mut bytes) = (Vec::new(), 0);
        for piece in pieces {
            if seen.len() >= max || bytes >= BROWSE_BYTES_MAX {
                break;
            }
            match piece {
                Piece::Entry(entry) => {
                    bytes += entry.message.body_len();
                    seen.push(entry);
                }
                Piece::Cold(run) => {
                    for entry in self.read_run(&run, max - seen.len()) {
                        bytes += entry.message.body_len();
                        seen.push(entry);
                    }
                }
            }
        }
        seen
    }

    pub(super) fn read_run(&self, run: &Run, max: usize) -> Vec<Entry> {
        let level = level_of(run.first);
        let read = self.services.store.read(
            store_id(self.id, run.first),
            number_of(run.first),
            max,
            BROWSE_BYTES_MAX,
        );
        match read {
            Ok(read) => read
                .into_iter()
                .map(|(number, body)| (seq_of(level, number), body))
                .take_while(|(seq, _)| *seq <= run.last)
                .filter_map(|(seq, body)| entry_of(seq, body, seq <= run.redelivered_to))
                .collect(),
            Err(error) => {
                tracing::error!(queue = %self.name, %error, "can't look into a queue");
                Vec::new()
            }
        }
    }
}
