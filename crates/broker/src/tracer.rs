//! The firehose: copies of what is published and delivered in a virtual host, for whoever
//! looks for a mistake (RabbitMQ's `rabbit_trace`).
//!
//! Copies go to the exchange `amq.rabbitmq.trace`, whose queues get them like any message. Off,
//! which it is until somebody switches it on, it costs one load for a run of messages. Whoever
//! follows single messages (see `follow`) is told at the same places.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use codec::{
    AMQPValue, BasicProperties, FieldArray, FieldTable, LongString, Properties, get_array,
};
use parking_lot::RwLock;

use crate::follow::{FOLLOWERS_MAX, Follower};
use crate::limits::NAME_BYTES_MAX;
use crate::message::{Entry, Message};
use crate::queue::Queue;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// The exchange that copies go to.
pub(crate) const TRACE_EXCHANGE: &str = "amq.rabbitmq.trace";

/// Copies are wanted.
const FIREHOSE: u8 = 1;

/// Somebody follows messages.
const FOLLOWED: u8 = 2;

/// Whether a virtual host is traced.
pub(crate) struct Tracer {
    /// [`FIREHOSE`] and [`FOLLOWED`]: one load tells that nothing is to be done.
    on: AtomicU8,
    followers: RwLock<Vec<Arc<Follower>>>,
}

/// Who publishes or consumes what is traced.
#[derive(Clone, Copy, Debug)]
pub struct Tap<'a> {
    /// The node.
    pub node: &'a str,
    /// The connection's name.
    pub connection: &'a str,
    /// The channel's number on it.
    pub channel: u16,
    /// Who has logged in.
    pub user: &'a str,
}

impl Tracer {
    /// Switched on or off.
    pub(crate) const fn new(on: bool) -> Self {
        Self {
            on: AtomicU8::new(if on { FIREHOSE } else { 0 }),
            followers: RwLock::new(Vec::new()),
        }
    }

    /// One more follows messages; false if there are enough.
    pub(crate) fn join(&self, follower: &Arc<Follower>) -> bool {
        let mut followers = self.followers.write();
        if followers.len() >= FOLLOWERS_MAX {
            return false;
        }
        followers.push(Arc::clone(follower));
        self.on.fetch_or(FOLLOWED, Ordering::Relaxed);
        true
    }

    /// It follows no longer.
    pub(crate) fn leave(&self, follower: &Arc<Follower>) {
        let mut followers = self.followers.write();
        followers.retain(|other| !Arc::ptr_eq(other, follower));
        if followers.is_empty() {
            self.on.fetch_and(!FOLLOWED, Ordering::Relaxed);
        }
    }

    fn is(&self, what: u8) -> bool {
        self.on.load(Ordering::Relaxed) & what != 0
    }

    fn tell(&self, tell: impl FnMut(&Arc<Follower>)) {
        if self.is(FOLLOWED) {
            self.followers.read().iter().for_each(tell);
        }
    }
}

impl Tap<'_> {
    /// The headers that say where it happened.
    fn add_to(&self, headers: &mut FieldTable, vhost: &str) {
        headers.insert("vhost".into(), text(vhost));
        headers.insert("connection".into(), text(self.connection));
        let channel = AMQPValue::LongInt(self.channel.into());
        headers.insert("channel".into(), channel);
        headers.insert("user".into(), text(self.user));
    }
}

impl VHost {
    /// Whether copies are wanted of what is published and delivered, or somebody follows
    /// messages.
    #[inline]
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.tracer.on.load(Ordering::Relaxed) != 0
    }

    /// Switches the copies on or off, for what is published and delivered from now on.
    pub(crate) fn set_traced(&self, on: bool) {
        if on {
            self.tracer.on.fetch_or(FIREHOSE, Ordering::Relaxed);
        } else {
            self.tracer.on.fetch_and(!FIREHOSE, Ordering::Relaxed);
        }
    }

    /// Traces a message that was published and goes to `queues`.
    pub fn trace_publish(
        &self,
        message: &Message,
        queues: &[Arc<Queue>],
        tap: &Tap<'_>,
        wakes: &mut Wakes,
    ) {
        self.show_publish(message, queues, Some(tap));
        if !self.tracer.is(FIREHOSE) {
            return;
        }
        let names = queues.iter().map(|queue| text(queue.name())).collect();
        let key = format!("publish.{}", message.exchange());
        self.trace(&key, message, tap, wakes, |headers| {
            headers.insert("routed_queues".into(), array(names));
        });
    }

    /// Traces a message that is delivered from `queue` to a consumer; its tag is empty for
    /// `basic.get`.
    pub fn trace_deliver(
        &self,
        entry: &Entry,
        (queue, consumer_tag): (&Arc<Queue>, &str),
        tap: &Tap<'_>,
        wakes: &mut Wakes,
    ) {
        let from = (queue, consumer_tag);
        self.tracer
            .tell(|follower| follower.delivered(entry, from, Some(tap)));
        if !self.tracer.is(FIREHOSE) {
            return;
        }
        let key = format!("deliver.{}", queue.name());
        self.trace(&key, &entry.message, tap, wakes, |headers| {
            let redelivered = AMQPValue::LongInt(entry.redelivered.into());
            headers.insert("redelivered".into(), redelivered);
        });
    }

    /// Traces that a client is done with a delivery: `acked`, `rejected` or `requeued`. Nothing
    /// of this goes to the firehose.
    pub fn trace_settle(&self, queue: &Queue, seq: u64, outcome: &'static str, tap: &Tap<'_>) {
        self.tracer
            .tell(|follower| follower.settled((queue, seq), outcome, Some(tap)));
    }

    /// Shows followers a message that goes to `queues`.
    pub(crate) fn show_publish(
        &self,
        message: &Message,
        queues: &[Arc<Queue>],
        tap: Option<&Tap<'_>>,
    ) {
        self.tracer
            .tell(|follower| follower.published(message, queues, tap));
    }

    /// Shows followers that a message died in `queue` for good.
    pub(crate) fn show_drop(&self, queue: &Queue, entry: &Entry, reason: &'static str) {
        self.tracer
            .tell(|follower| follower.dropped((queue, entry, reason)));
    }

    /// Shows followers that a message died in `queue`, and where its letter goes.
    pub(crate) fn show_death(
        &self,
        (queue, entry, reason): (&Queue, &Entry, &'static str),
        letter: &Message,
        queues: &[Arc<Queue>],
    ) {
        self.tracer
            .tell(|follower| follower.died((queue, entry, reason), letter, queues));
    }

    fn trace(
        &self,
        key: &str,
        message: &Message,
        tap: &Tap<'_>,
        wakes: &mut Wakes,
        add: impl FnOnce(&mut FieldTable),
    ) {
        // A trace that is delivered is not traced again.
        if message.exchange() == TRACE_EXCHANGE {
            return;
        }
        let Some(exchange) = self.exchange(TRACE_EXCHANGE) else {
            return;
        };
        let key = shorten(key);
        let route = self.route_from(exchange, &[key], &FieldTable::default());
        if route.queues.is_empty() {
            return;
        }
        let mut headers = describe(message, tap.node);
        tap.add_to(&mut headers, &self.name);
        add(&mut headers);
        let properties = BasicProperties::default().with_headers(headers);
        let Ok(copy) = Message::build(TRACE_EXCHANGE, key, &properties, message.body()) else {
            return;
        };
        route.exchange.count_publish(1, route.queues.len() as u64);
        for queue in &route.queues {
            queue.publish_clones(std::slice::from_ref(&copy), wakes);
        }
    }
}

/// What a trace says of the message itself.
fn describe(message: &Message, node: &str) -> FieldTable {
    let header = message.header();
    let properties = header.properties().unwrap_or_default();
    let theirs = properties
        .headers
        .and_then(|table| codec::decode_table(table).ok());
    let mut keys = vec![text(message.routing_key())];
    if let Some(further) = theirs.as_ref().and_then(|table| get_array(table, "CC")) {
        keys.extend(further.iter().cloned());
    }
    let mut headers = FieldTable::default();
    headers.insert("exchange_name".into(), text(message.exchange()));
    headers.insert("routing_keys".into(), array(keys));
    let properties = AMQPValue::FieldTable(tabulate(&properties, theirs));
    headers.insert("properties".into(), properties);
    headers.insert("node".into(), text(node));
    headers
}

/// The properties that are there, by RabbitMQ's names.
fn tabulate(properties: &Properties<'_>, headers: Option<FieldTable>) -> FieldTable {
    let mut table = FieldTable::default();
    let strings = [
        ("content_type", properties.content_type),
        ("content_encoding", properties.content_encoding),
        ("correlation_id", properties.correlation_id),
        ("reply_to", properties.reply_to),
        ("expiration", properties.expiration),
        ("message_id", properties.message_id),
        ("type", properties.kind),
        ("user_id", properties.user_id),
        ("app_id", properties.app_id),
        ("cluster_id", properties.cluster_id),
    ];
    for (name, value) in strings {
        if let Some(value) = value {
            let value = AMQPValue::LongString(LongString::from(value.to_vec()));
            table.insert(name.into(), value);
        }
    }
    for (name, value) in [
        ("delivery_mode", properties.delivery_mode),
        ("priority", properties.priority),
    ] {
        if let Some(value) = value {
            table.insert(name.into(), AMQPValue::LongInt(value.into()));
        }
    }
    if let Some(seconds) = properties.timestamp {
        table.insert("timestamp".into(), AMQPValue::Timestamp(seconds));
    }
    if let Some(headers) = headers {
        table.insert("headers".into(), AMQPValue::FieldTable(headers));
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn array(values: Vec<AMQPValue>) -> AMQPValue {
    AMQPValue::FieldArray(FieldArray::from(values))
}

/// A key that fits into a short string: the prefix may make a long name too long.
fn shorten(key: &str) -> &str {
    &key[..key.floor_char_boundary(NAME_BYTES_MAX)]
}
