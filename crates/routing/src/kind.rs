//! The exchange types: those of AMQP 0-9-1 §3.1.3, and those of RabbitMQ and its plugins.

use std::fmt;

/// The type of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The binding key equals the routing key.
    Direct,
    /// Every binding matches.
    Fanout,
    /// The binding key is a pattern of words: `*` is one word, `#` is zero or more.
    Topic,
    /// The binding arguments are compared with the message headers.
    Headers,
    /// One destination, by a hash and by the weights that the binding keys are.
    ConsistentHash,
    /// Another type, after a delay that the message asks for.
    Delayed,
    /// One destination on the publisher's node. There is one node, so as [`Self::Random`], but
    /// for its bindings: a classic queue and no key.
    LocalRandom,
    /// Every binding matches, once for each value of a header.
    Deduplication,
    /// One destination, by a hash modulo their number.
    ModulusHash,
    /// One binding by chance.
    Random,
    /// Every binding matches, and a new one gets the last messages.
    RecentHistory,
}

impl Kind {
    /// Every kind, in the order in which listings show them.
    pub const ALL: [Self; 11] = [
        Self::Direct,
        Self::Fanout,
        Self::Topic,
        Self::Headers,
        Self::ConsistentHash,
        Self::Delayed,
        Self::LocalRandom,
        Self::Deduplication,
        Self::ModulusHash,
        Self::Random,
        Self::RecentHistory,
    ];

    /// The kinds that take any binding key and depend on nothing but bindings and message.
    #[cfg(test)]
    pub(crate) const CORE: [Self; 4] = [Self::Direct, Self::Fanout, Self::Topic, Self::Headers];

    /// The kind with this name as declared by a client, or `None` for an unknown type.
    /// Case sensitive.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name used in `exchange.declare`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
            Self::ConsistentHash => "x-consistent-hash",
            Self::Delayed => "x-delayed-message",
            Self::LocalRandom => "x-local-random",
            Self::Deduplication => "x-message-deduplication",
            Self::ModulusHash => "x-modulus-hash",
            Self::Random => "x-random",
            Self::RecentHistory => "x-recent-history",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_parses_from_its_own_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
            assert_eq!(kind.to_string(), kind.as_str());
        }
    }

    #[test]
    fn unknown_and_differently_cased_names_are_refused() {
        for name in ["", "Direct", "x-jms-topic", "headers "] {
            assert_eq!(Kind::parse(name), None, "{name:?}");
        }
    }
}
