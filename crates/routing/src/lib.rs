//! Which queues does a message reach?
//!
//! ```text
//!  Bindings (one exchange)                 resolve (the whole graph)
//!  ┌──────────────────────────┐            start ─ own bindings ─┬─> queue
//!  │ every binding, ordered   │                                  └─> exchange ─> ...
//!  │ + an index for its Kind: │            nothing found ─> alternate exchange
//!  │   direct   key -> set    │
//!  │   fanout   set           │            each exchange once, each queue once
//!  │   topic    word trie     │
//!  │   headers  list          │
//!  │   hashes, random: lists  │
//!  └──────────────────────────┘
//! ```
//!
//! Pure: no messages, no locks, no clock. A destination is any small [`Destination`] id of the
//! caller's. Rules: AMQP 0-9-1 §3.1.3, and RabbitMQ's exchange-to-exchange bindings, alternate
//! exchanges, CC/BCC keys and `x-match` modes.

mod arguments;
mod binding;
mod consistent;
mod destinations;
mod direct;
mod error;
mod exchange;
mod fanout;
mod graph;
mod hash;
mod hash_on;
mod headers;
mod kind;
mod modulus;
mod random;
mod routes;
mod subject;
mod topic;

pub use binding::Binding;
pub use consistent::WEIGHT_MAX;
pub use error::{BindError, DeclareError};
pub use exchange::Bindings;
pub use graph::{Graph, Target, resolve};
pub use hash_on::HashOn;
pub use kind::Kind;
pub use routes::{Destination, ROUTES_SCAN_MAX, Routes};
pub use subject::Subject;
