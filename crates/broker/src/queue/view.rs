//! What others may see of a queue.

use std::sync::Arc;

use codec::FieldTable;

use crate::message::AckMode;
use crate::queue::consumers::Consumer;
use crate::queue::state::QueueState;
use crate::queue::{Locked, Queue};
use crate::stats::MessageCounts;

/// How much a queue holds, at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueCounts {
    /// Messages that wait.
    pub ready: u64,
    /// Messages delivered and not acknowledged.
    pub unacked: u64,
    /// Consumers.
    pub consumers: u64,
    /// Body bytes of the ready ones.
    pub ready_bytes: u64,
    /// Body bytes of the unacknowledged ones.
    pub unacked_bytes: u64,
    /// Dead letters that stay until a queue takes them.
    pub dead_letters: u64,
    /// Body bytes of those.
    pub dead_letter_bytes: u64,
}

/// A queue at one moment. Takes no longer for a deep queue than for an empty one.
#[derive(Clone, Debug)]
pub struct QueueSnapshot {
    /// How much it holds.
    pub counts: QueueCounts,
    /// What happened to its messages so far.
    pub messages: MessageCounts,
    /// Its consumers, in the order of their turns.
    pub consumers: Vec<ConsumerView>,
    /// Of the consumers only one gets messages: its tag and channel, if there is one.
    pub single_active: Option<ConsumerView>,
}

/// A consumer, for listing.
#[derive(Clone, Debug)]
pub struct ConsumerView {
    /// Its number.
    pub id: crate::ConsumerId,
    /// Its tag.
    pub tag: Arc<str>,
    /// Its connection's name.
    pub connection_name: Arc<str>,
    /// Its connection's number.
    pub connection: crate::ConnectionId,
    /// Its channel.
    pub channel: u16,
    /// Whether it acknowledges.
    pub ack: AckMode,
    /// Its limit of unacknowledged messages, 0 for none.
    pub prefetch: u32,
    /// Alone on its queue.
    pub exclusive: bool,
    /// As given.
    pub arguments: FieldTable,
    /// Whether it gets messages.
    pub activity: Activity,
}

/// Whether a consumer gets messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    /// As all of its queue do.
    Up,
    /// As the only one of its queue.
    SingleActive,
    /// Not before the active one is gone.
    Waiting,
}

impl Activity {
    /// RabbitMQ's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::SingleActive => "single_active",
            Self::Waiting => "waiting",
        }
    }

    /// It gets messages.
    #[must_use]
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Waiting)
    }
}

impl ConsumerView {
    fn of(consumer: &Consumer, activity: Activity) -> Self {
        let spec = &consumer.spec;
        Self {
            id: spec.id,
            tag: Arc::clone(&spec.tag),
            connection_name: Arc::clone(&spec.connection_name),
            connection: spec.connection,
            channel: spec.channel,
            ack: spec.ack,
            prefetch: spec.prefetch,
            exclusive: spec.exclusive,
            arguments: spec.arguments.clone(),
            activity,
        }
    }
}

impl QueueState {
    pub(crate) fn tally(&self) -> QueueCounts {
        let (dead_letters, dead_letter_bytes) = self.letters.as_ref().map_or((0, 0), |l| l.held());
        QueueCounts {
            ready: self.ready.len(),
            unacked: self.unacked,
            consumers: self.consumers.len() as u64,
            ready_bytes: self.ready.bytes(),
            unacked_bytes: self.unacked_bytes,
            dead_letters,
            dead_letter_bytes,
        }
    }

    fn view(&self, consumer: &Consumer) -> ConsumerView {
        let active = self.consumers.single_active().map(|active| active.spec.id);
        let activity = match active {
            _ if !self.consumers.has_single_active() => Activity::Up,
            Some(id) if id == consumer.spec.id => Activity::SingleActive,
            _ => Activity::Waiting,
        };
        ConsumerView::of(consumer, activity)
    }
}

impl Queue {
    /// How much it holds.
    #[must_use]
    pub fn counts(&self) -> QueueCounts {
        self.look().tally()
    }

    /// A queue that nobody uses any more should not keep what was not committed when it was
    /// last used; who looks at it now and then sees to that.
    fn look(&self) -> Locked<'_> {
        let mut state = self.lock();
        state.chill(self.place());
        state
    }

    /// How much it holds and what happened so far, without its consumers: what a sampler asks of
    /// every queue each second.
    #[must_use]
    pub fn tally(&self) -> (QueueCounts, MessageCounts) {
        let state = self.look();
        (state.tally(), state.counts)
    }

    /// Everything worth listing.
    #[must_use]
    pub fn snapshot(&self) -> QueueSnapshot {
        let state = self.look();
        QueueSnapshot {
            counts: state.tally(),
            messages: state.counts,
            consumers: state.consumers.iter().map(|c| state.view(c)).collect(),
            single_active: state.consumers.single_active().map(|c| state.view(c)),
        }
    }
}
