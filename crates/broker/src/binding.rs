//! Bindings as clients name them.

use codec::FieldTable;

/// The end of a binding that messages go to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Destination {
    /// A queue, by name.
    Queue(String),
    /// Another exchange, by name.
    Exchange(String),
}

impl Destination {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Queue(name) | Self::Exchange(name) => name,
        }
    }

    /// `queue` or `exchange`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Queue(_) => "queue",
            Self::Exchange(_) => "exchange",
        }
    }
}

/// One binding. All of it together is its identity.
#[derive(Clone, PartialEq, Debug)]
pub struct BindingSpec {
    /// The exchange that messages come from; empty for the default exchange.
    pub source: String,
    /// Where they go.
    pub destination: Destination,
    /// The binding key.
    pub routing_key: String,
    /// `x-match` and the headers to match, for a headers exchange.
    pub arguments: FieldTable,
}
