//! What survives a crash.
//!
//! The store keeps messages and small metadata entries on disk. It knows nothing of AMQP: queues
//! are numbers, messages and entries are bytes. One thread writes: it takes whatever has arrived,
//! appends it to a segment log, syncs once, and announces one number, "committed up to ticket N".
//! A metadata database (sled) is brought up to date by checkpoints, off that path; after a crash
//! the database plus a bounded tail of the log is the whole truth.
//!
//! # Promises
//!
//! - An operation whose [`Ticket`] was announced is there after any crash
//!   ([`Durability`] can weaken this).
//! - An operation that was not announced is there completely or not at all.
//! - [`Store::settle`] promises nothing: losing the last settlements means redelivery, not loss.
//! - After a write or sync error nothing more is announced and nothing is retried
//!   ([`Store::failure`]): after a failed sync the kernel may have dropped the data.

mod background;
mod body;
mod checkpoint;
mod chunks;
mod commit;
mod compaction;
mod disk;
mod error;
mod ids;
mod index;
mod inspect;
mod keep;
mod keys;
mod layout;
mod log;
mod marker;
mod meta;
mod options;
mod pending;
mod read;
mod recover;
mod recovered;
mod replay;
mod salvage;
mod shared;
mod stats;
mod store;

pub use body::{BODY_BYTES_MAX, Body};
pub use error::Error;
pub use ids::{QueueId, Ticket};
pub use inspect::{Inspection, QueueCounts, SegmentUse, inspect};
pub use log::reader::Damaged;
pub use log::record::record_len;
pub use options::{Durability, OnCommit, OnFailure, Options, Recover};
pub use recovered::{Lost, Recovered, RecoveredQueue};
pub use stats::Stats;
pub use store::{PENDING_BYTES_MAX, Store};

#[cfg(test)]
mod tests;
