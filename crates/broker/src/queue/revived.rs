//! A queue that the store brings back.

use std::collections::HashMap;
use std::sync::Arc;

use store::{QueueId, RecoveredQueue};

use crate::budget::Share;
use crate::queue::Rules;
use crate::queue::cold::{Measure, Run};
use crate::queue::levels::{Level, Levels, Turns, seq_of};
use crate::queue::poison::ReturnCounts;
use crate::queue::ready::Ready;
use crate::queue::state::QueueState;

/// The numbers that a queue has in the store: its own, and one more for each level of
/// priority above the lowest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) first: QueueId,
    /// 1 or more.
    pub(crate) levels: u16,
}

impl Span {
    /// A single number.
    pub(crate) const fn one(first: QueueId) -> Self {
        Self { first, levels: 1 }
    }

    /// All of them, that of the lowest level first.
    pub(crate) fn ids(self) -> impl Iterator<Item = QueueId> {
        (self.first.0..).map(QueueId).take(self.levels.into())
    }
}

/// What a queue brings along.
pub(crate) struct Revived {
    /// The messages of each level, and up to which number they may have been delivered.
    pub(crate) levels: Vec<(RecoveredQueue, u64)>,
    /// Some of them may expire.
    pub(crate) timed: bool,
    /// How often messages came back, by number.
    pub(crate) returns: HashMap<u64, u32>,
}

impl Revived {
    pub(super) fn into_state(self, turns: Turns, rules: Arc<Rules>, share: Share) -> QueueState {
        let level = |(at, (queue, delivered_to)): (usize, (RecoveredQueue, u64))| {
            let run = Run {
                first: seq_of(at, queue.first_seq),
                last: seq_of(at, queue.next_seq.saturating_sub(1)),
                count: queue.live,
                bytes: queue.live_bytes,
                measure: Measure::Stored,
                redelivered_to: seq_of(at, delivered_to),
            };
            Level::new(Ready::recovered(run), queue.next_seq.max(1), delivered_to)
        };
        let levels = self.levels.into_iter().enumerate().map(level).collect();
        let mut state = QueueState::new(Levels::new(levels, turns), rules, share);
        state.timed |= self.timed;
        state.returns = ReturnCounts::new(self.returns);
        state
    }
}
