//! What a queue does beyond the protocol: its arguments and the policies that apply to it.

use std::sync::{Arc, LazyLock};

use codec::FieldTable;

use crate::queue::equivalence::queue_type;

/// What becomes of a message when the queue is full (`x-overflow`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// The oldest ready messages go.
    #[default]
    DropHead,
    /// The new message is refused: its publisher gets a `basic.nack`.
    RejectPublish,
    /// As above, and the refused message is dead-lettered.
    RejectPublishDlx,
}

/// How dead letters are handed over (`x-dead-letter-strategy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeadLetterStrategy {
    /// A dead letter that no queue takes is gone.
    #[default]
    AtMostOnce,
    /// It stays until a queue has taken it. For quorum queues.
    AtLeastOnce,
}

/// What kind of queue it is (`x-queue-type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum QueueKind {
    /// `classic`.
    #[default]
    Classic,
    /// `quorum`, on its only node.
    Quorum,
}

/// The settings in effect.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// What kind of queue it is. Fixed at declaration.
    pub kind: QueueKind,
    /// Highest priority, 0 for none. Fixed at declaration.
    pub max_priority: u8,
    /// Only one consumer gets messages. Fixed at declaration.
    pub single_active_consumer: bool,
    /// Milliseconds that a message lives.
    pub message_ttl_ms: Option<u64>,
    /// Milliseconds of disuse after which the queue goes, 1 or more.
    pub expires_ms: Option<u64>,
    /// Ready messages.
    pub max_length: Option<u64>,
    /// Bytes of ready message bodies.
    pub max_length_bytes: Option<u64>,
    /// What happens above those limits.
    pub overflow: Overflow,
    /// Where dead letters go; empty for the default exchange.
    pub dead_letter_exchange: Option<Arc<str>>,
    /// The key they get instead of their own.
    pub dead_letter_routing_key: Option<Arc<str>>,
    /// How they are handed over.
    pub dead_letter_strategy: DeadLetterStrategy,
    /// Returns after which a message dies; none for any number.
    pub delivery_limit: Option<u32>,
    /// Milliseconds that a consumer may take over a delivery, if not the broker's default.
    pub consumer_timeout_ms: Option<u64>,
}

/// Returns after which a message of a quorum queue dies if nobody says otherwise.
pub const DELIVERY_LIMIT_DEFAULT: u32 = 20;

/// Those of nearly all queues.
static PLAIN: LazyLock<Arc<Rules>> = LazyLock::new(Arc::default);

impl Rules {
    /// As [`Self::of`]. Plain queues share theirs.
    pub(crate) fn shared(arguments: &FieldTable) -> Arc<Self> {
        let rules = Self::of(arguments);
        if rules == **PLAIN {
            Arc::clone(&PLAIN)
        } else {
            Arc::new(rules)
        }
    }

    /// Levels of priority that its messages are kept in.
    pub(crate) const fn levels(&self) -> u16 {
        match self.kind {
            QueueKind::Classic => self.max_priority as u16 + 1,
            // Normal and high.
            QueueKind::Quorum => 2,
        }
    }

    /// What the (valid) arguments of a declaration ask for.
    #[must_use]
    pub fn of(arguments: &FieldTable) -> Self {
        let number = |arg| codec::get_int(arguments, arg).and_then(|n| u64::try_from(n).ok());
        let text = |arg| codec::get_str(arguments, arg).map(Arc::from);
        let kind = match queue_type(arguments) {
            "quorum" => QueueKind::Quorum,
            _ => QueueKind::Classic,
        };
        let delivery_limit = match codec::get_int(arguments, "x-delivery-limit") {
            None => Some(DELIVERY_LIMIT_DEFAULT),
            Some(limit) => u32::try_from(limit).ok(),
        };
        Self {
            kind,
            max_priority: number("x-max-priority").map_or(0, |n| n.min(255) as u8),
            single_active_consumer: matches!(
                arguments.inner().get("x-single-active-consumer"),
                Some(codec::AMQPValue::Boolean(true))
            ),
            message_ttl_ms: number("x-message-ttl"),
            expires_ms: number("x-expires"),
            max_length: number("x-max-length"),
            max_length_bytes: number("x-max-length-bytes"),
            overflow: match codec::get_str(arguments, "x-overflow") {
                Some("reject-publish") => Overflow::RejectPublish,
                Some("reject-publish-dlx") if kind == QueueKind::Classic => {
                    Overflow::RejectPublishDlx
                }
                _ => Overflow::DropHead,
            },
            dead_letter_exchange: text("x-dead-letter-exchange"),
            dead_letter_routing_key: text("x-dead-letter-routing-key"),
            dead_letter_strategy: match codec::get_str(arguments, "x-dead-letter-strategy") {
                Some("at-least-once") => DeadLetterStrategy::AtLeastOnce,
                _ => DeadLetterStrategy::AtMostOnce,
            },
            delivery_limit: delivery_limit.filter(|_| kind == QueueKind::Quorum),
            consumer_timeout_ms: number("x-consumer-timeout"),
        }
    }
}
