//! What a queue does beyond the protocol: its arguments and the policies that apply to it.

use std::sync::{Arc, LazyLock};

use codec::FieldTable;
use serde_json::{Map, Value};

use crate::policy::stricter_limit;
use crate::queue::arguments::TIME_MS_MAX;
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
    /// A message is dropped if one with the same `x-deduplication-header` is in the queue. Fixed
    /// at declaration.
    pub deduplicates: bool,
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
        Self::under(arguments, None)
    }

    /// What arguments and the policies that apply say together. Of two numbers the lower one
    /// holds; of two texts that of the argument, but for the overflow of a quorum queue.
    pub(crate) fn under(arguments: &FieldTable, policy: Option<&Map<String, Value>>) -> Self {
        let sources = Sources { arguments, policy };
        let kind = match queue_type(arguments) {
            "quorum" => QueueKind::Quorum,
            _ => QueueKind::Classic,
        };
        let overflow = match kind {
            QueueKind::Classic => sources.text("overflow"),
            QueueKind::Quorum => {
                let of_policy = sources.of_policy("overflow").and_then(Value::as_str);
                of_policy.or_else(|| codec::get_str(arguments, "x-overflow"))
            }
        };
        let limit = sources
            .delivery_limit()
            .unwrap_or_else(|| DELIVERY_LIMIT_DEFAULT.into());
        Self {
            kind,
            max_priority: codec::get_int(arguments, "x-max-priority")
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or(0),
            single_active_consumer: codec::get_bool(arguments, "x-single-active-consumer")
                .unwrap_or(false),
            deduplicates: sources.deduplicates(),
            message_ttl_ms: sources.number("message-ttl").map(at_most_years),
            expires_ms: sources.number("expires").map(at_most_years),
            max_length: sources.number("max-length"),
            max_length_bytes: sources.number("max-length-bytes"),
            overflow: match overflow {
                Some("reject-publish") => Overflow::RejectPublish,
                Some("reject-publish-dlx") if kind == QueueKind::Classic => {
                    Overflow::RejectPublishDlx
                }
                _ => Overflow::DropHead,
            },
            dead_letter_exchange: sources.text("dead-letter-exchange").map(Arc::from),
            dead_letter_routing_key: sources.text("dead-letter-routing-key").map(Arc::from),
            dead_letter_strategy: match sources.text("dead-letter-strategy") {
                Some("at-least-once") if kind == QueueKind::Quorum => {
                    DeadLetterStrategy::AtLeastOnce
                }
                _ => DeadLetterStrategy::AtMostOnce,
            },
            delivery_limit: u32::try_from(limit)
                .ok()
                .filter(|_| kind == QueueKind::Quorum),
            consumer_timeout_ms: sources.number("consumer-timeout"),
        }
    }
}

/// Policies may say any number of milliseconds; deadlines are sums.
fn at_most_years(ms: u64) -> u64 {
    ms.min(TIME_MS_MAX.unsigned_abs())
}

/// Where settings come from. An argument is called as in a policy, with `x-` before it.
struct Sources<'a> {
    arguments: &'a FieldTable,
    policy: Option<&'a Map<String, Value>>,
}

impl<'a> Sources<'a> {
    fn of_policy(&self, key: &str) -> Option<&'a Value> {
        self.policy.and_then(|policy| policy.get(key))
    }

    fn number(&self, key: &str) -> Option<u64> {
        let argument = codec::get_int(self.arguments, &format!("x-{key}"));
        let argument = argument.and_then(|n| u64::try_from(n).ok());
        let policy = self.of_policy(key).and_then(Value::as_u64);
        match (argument, policy) {
            (Some(a), Some(p)) => Some(a.min(p)),
            (a, p) => a.or(p),
        }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        let argument = codec::get_str(self.arguments, &format!("x-{key}"));
        argument.or_else(|| self.of_policy(key).and_then(Value::as_str))
    }

    /// Called the same as an argument and in a policy.
    fn deduplicates(&self) -> bool {
        const KEY: &str = "x-message-deduplication";
        let policy = || self.of_policy(KEY)?.as_bool();
        codec::get_bool(self.arguments, KEY)
            .or_else(policy)
            .unwrap_or(false)
    }

    fn delivery_limit(&self) -> Option<i64> {
        let argument = codec::get_int(self.arguments, "x-delivery-limit");
        let policy = self.of_policy("delivery-limit").and_then(Value::as_i64);
        match (argument, policy) {
            (Some(a), Some(p)) => Some(stricter_limit(a, p)),
            (a, p) => a.or(p),
        }
    }
}

#[cfg(test)]
mod tests;
