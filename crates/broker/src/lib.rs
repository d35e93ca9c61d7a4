//! What is true: virtual hosts, exchanges, queues, consumers, users.
//!
//! Synchronous, and free of I/O but for deep queues, which are read back without their lock.
//! Calls come from sessions and the HTTP API, take short locks and return values. Nothing here
//! knows sockets or frames; the store below takes notes and says how far the disk is.
//!
//! - [`Broker`] holds everything; [`VHost`] the topology of one virtual host.
//! - `definitions` is the only writer of topology.
//! - [`Queue`] is the contract between queues and sessions.
//! - [`Outbox`] is a connection's mailbox, [`Wakes`] the wake-ups of a turn.
//! - [`Budget`] says how much of the messages may be in memory.
//! - [`Clock`] tells the time, [`Timers`] calls whoever has a deadline.
//! - [`Events`] tells what happens to all of it, for the event exchange.
//! - [`Commits`] says which tickets are on the disk, [`Alarms`] whether publishers have to wait.
//!
//! **Lock order**: topology, then queue, then store or outbox; never two queues at once.

mod alarms;
mod alike;
mod auth;
mod binding;
mod broker;
mod budget;
mod census;
mod client_properties;
mod clock;
mod commits;
mod credit;
mod damage;
mod dead_letter;
mod deaths;
mod declare;
mod dedup;
mod definitions;
mod delay;
mod error;
mod events;
mod exchange;
mod explain;
mod export;
mod extension;
mod facts;
mod failure;
mod follow;
mod ids;
mod import;
mod inquiry;
mod intercept;
mod json;
pub mod limits;
mod message;
mod outbox;
mod pairs;
mod parameters;
mod policy;
mod queue;
mod queue_names;
mod queues;
mod recent;
mod record;
mod recover;
mod registry;
mod replies;
mod services;
mod settings;
mod sizes;
mod stats;
#[cfg(test)]
mod tests;
mod timers;
mod tracer;
mod vhost;
mod vhost_meta;
mod vhosts;
mod wakes;

pub use alarms::{Alarms, Raised, Resources};
pub use auth::{
    Access, Admission, Hashing, LoginAttempts, LoginFrom, LoginProtocol, LoginRefused,
    PATTERN_BYTES_MAX, PasswordHash, Pattern, Permission, PermissionRow, Right, TopicPermission,
    TopicPermissionRow, User, UserChange, UserLimits, Users,
};
pub use binding::{BindingSpec, Destination};
pub use broker::{Broker, OpenError, RABBITMQ_VERSION, VERSION};
pub use budget::{Budget, Share};
pub use client_properties::ClientProperties;
pub use clock::{Clock, Hand};
pub use commits::Commits;
pub use credit::ChannelCredit;
pub use dead_letter::Reason;
pub use declare::{Actor, DeleteIf, Deleted, QueueDeclared, REPLY_QUEUE_PREFIX};
pub use dedup::{DEDUP_ENTRIES_DEFAULT, DEDUP_ENTRIES_MAX, Dedup, Digest, Seen};
pub use definitions::Applied;
pub use delay::{DELAY_MS_MAX, DELAYED_PAGE_MAX, DelayedId, DelayedMessage, DelayedPage};
pub use error::{Error, Resource};
pub use events::{EVENT_EXCHANGE, Events, Facts};
pub use exchange::{Exchange, ExchangeDeclare};
pub use explain::{Came, EXPLAINED_BINDINGS_MAX, EXPLAINED_EXCHANGES_MAX, Step};
pub use follow::{
    FOLLOWED_MAX, FOLLOWERS_MAX, Follower, Following, Happening, SIGHTINGS_MAX, Sighting,
};
pub use ids::{ConnectionId, ConsumerId};
pub use import::{DEFINITIONS_BYTES_MAX, Imported, definitions_hash};
pub use inquiry::{INQUIRIES_WAITING_MAX, INQUIRY_DELIVERIES_MAX, Inquiry, Unacked};
pub use json::{ARGUMENTS_DEPTH_MAX, table_from_json, table_to_json};
pub use message::{AckMode, Entry, Expiry, Message};
pub use outbox::{Batch, Burst, Delivery, Event, Outbox};
pub use pairs::{PAIRS_MAX, Pair, Pairs};
pub use parameters::Parameter;
pub use policy::{ApplyTo, Policies, Policy, PolicyClass};
pub use queue::{
    Activity, BROWSE_BYTES_MAX, BROWSE_MESSAGES_MAX, ConsumerSpec, ConsumerView,
    DELIVERY_LIMIT_DEFAULT, DeadLetterStrategy, Got, Overflow, PICKED_MESSAGES_MAX, Picked,
    Published, Purged, Queue, QueueCounts, QueueDeclare, QueueKind, QueueSnapshot, Rejected,
    Removed, Returned, Returns, Rules, Settled, type_name,
};
pub use queue_names::{QueueName, printable, queue_names};
pub use recent::{HISTORY_BYTES_MAX, HISTORY_LENGTH_MAX};
pub use registry::{
    ChannelInfo, ConnectionInfo, ConnectionState, Live, PeerCertificate, Registry, TlsInfo, Traffic,
};
pub use replies::Replies;
pub use routing::Subject;
pub use settings::{DefaultPermissions, DefaultVhostLimits, RatesMode, Settings};
pub use sizes::{MessageSizes, SIZE_BOUNDS, SizeCounts};
pub use stats::{Churn, DeadLetterCounts, DeadLetterStats, MessageCounts, MessageStats};
pub use store::{Durability, QueueId, Recover, Ticket};
pub use timers::{Timed, TimerKey, Timers};
pub use tracer::Tap;
pub use vhost::{PublishedOne, Route, VHost};
pub use vhost_meta::{VHostChange, VHostLimits, VHostMeta};
pub use wakes::Wakes;
