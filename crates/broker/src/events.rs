//! The event exchange: what happens to the broker's objects, told as messages (RabbitMQ's event
//! exchange plugin).
//!
//! Whoever changes something says so with [`Events::emit`], which takes a note at most. The
//! timers' thread turns notes into messages to `amq.rabbitmq.event` in the default virtual
//! host. While nothing is bound to that exchange, an event costs one load.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use codec::{AMQPValue, BasicProperties, FieldTable};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::limits::{EVENTS_AT_ONCE_MAX, EVENTS_WAITING_MAX};
use crate::message::Message;
use crate::timers::{Timed, TimerKey, Timers};
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// The exchange that events go to.
pub const EVENT_EXCHANGE: &str = "amq.rabbitmq.event";

/// What is told about an event, in headers of its message.
#[derive(Default, Debug)]
pub struct Facts(FieldTable);

impl Facts {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.value(name, AMQPValue::LongString(value.into()))
    }

    /// Adds several texts.
    #[must_use]
    pub fn texts(self, name: &str, values: &[String]) -> Self {
        let values = values
            .iter()
            .map(|value| AMQPValue::LongString(value.as_str().into()));
        let values: Vec<_> = values.collect();
        self.value(name, AMQPValue::FieldArray(values.into()))
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, name: &str, value: u64) -> Self {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.value(name, AMQPValue::LongLongInt(value))
    }

    /// Adds yes or no.
    #[must_use]
    pub fn flag(self, name: &str, value: bool) -> Self {
        self.value(name, AMQPValue::Boolean(value))
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, name: &str, value: &FieldTable) -> Self {
        self.value(name, AMQPValue::FieldTable(value.clone()))
    }

    /// Adds anything.
    #[must_use]
    pub fn value(mut self, name: &str, value: AMQPValue) -> Self {
        self.0.insert(name.into(), value);
        self
    }
}

/// An event that has not been told yet.
struct Happened {
    name: &'static str,
    at_ms: u64,
    facts: Facts,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Happened>,
    /// Events that found no room since somebody was told so.
    lost: u64,
}

/// Tells events to whoever has bound a queue to the event exchange.
pub struct Events {
    clock: Clock,
    timers: Arc<Timers>,
    key: TimerKey,
    /// Something is bound.
    heard: AtomicBool,
    waiting: Mutex<Waiting>,
    /// The virtual host with the event exchange.
    home: Mutex<Weak<VHost>>,
    me: Weak<Self>,
}

impl Events {
    pub(crate) fn new(clock: Clock, timers: Arc<Timers>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            clock,
            key: timers.next_key(),
            timers,
            heard: AtomicBool::new(false),
            waiting: Mutex::default(),
            home: Mutex::default(),
            me: Weak::clone(me),
        })
    }

    /// The virtual host whose exchange events go to.
    pub(crate) fn settle_in(&self, vhost: &Arc<VHost>) {
        *self.home.lock() = Arc::downgrade(vhost);
    }

    /// Looks whether anything is bound to the event exchange, after bindings of its virtual
    /// host have changed.
    pub(crate) fn look_for_listeners(&self, vhost: &VHost) {
        if !std::ptr::eq(self.home.lock().as_ptr(), vhost) {
            return;
        }
        let bound = vhost
            .exchange(EVENT_EXCHANGE)
            .is_some_and(|exchange| !exchange.bindings.read().is_empty());
        self.heard.store(bound, Ordering::Relaxed);
    }

    /// Somebody listens.
    #[must_use]
    pub fn are_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Tells that something happened. `name` is one of RabbitMQ's (`queue.created`), which
    /// becomes the routing key. `facts` are asked for only if somebody listens.
    #[inline]
    pub fn emit(&self, name: &'static str, facts: impl FnOnce() -> Facts) {
        if self.are_heard() {
            self.note(name, facts());
        }
    }

    #[cold]
    fn note(&self, name: &'static str, facts: Facts) {
        let at_ms = self.clock.now_ms();
        let mut waiting = self.waiting.lock();
        if waiting.events.len() >= EVENTS_WAITING_MAX {
            waiting.lost += 1;
            return;
        }
        waiting.events.push_back(Happened { name, at_ms, facts });
        if waiting.events.len() == 1 {
            let me: Weak<dyn Timed> = Weak::clone(&self.me) as Weak<dyn Timed>;
            self.timers.set(self.key, at_ms, me);
        }
    }

    fn take(&self) -> (Vec<Happened>, bool) {
        let mut waiting = self.waiting.lock();
        if waiting.lost > 0 {
            let lost = std::mem::take(&mut waiting.lost);
            tracing::warn!(
                lost,
                "events come faster than the event exchange can be told"
            );
        }
        let n = waiting.events.len().min(EVENTS_AT_ONCE_MAX);
        let taken = waiting.events.drain(..n).collect();
        let more = !waiting.events.is_empty();
        if !more {
            waiting.events = VecDeque::new();
        }
        (taken, more)
    }
}

impl Timed for Events {
    fn due(&self, now_ms: u64, wakes: &mut Wakes) -> Option<u64> {
        let (events, more) = self.take();
        let vhost = self.home.lock().upgrade();
        if let Some(vhost) = vhost {
            for event in events {
                tell(&vhost, event, wakes);
            }
        }
        more.then_some(now_ms)
    }
}

fn tell(vhost: &VHost, event: Happened, wakes: &mut Wakes) {
    let Some(exchange) = vhost.exchange(EVENT_EXCHANGE) else {
        return;
    };
    let route = vhost.route_from(exchange, &[event.name], &FieldTable::default());
    let at_ms = event.at_ms;
    let Facts(headers) = event.facts.number("timestamp_in_ms", at_ms);
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_timestamp(at_ms / 1000);
    let Ok(message) = Message::build(EVENT_EXCHANGE, event.name, &properties, &[]) else {
        return;
    };
    route.exchange.count_publish(1, route.queues.len() as u64);
    for queue in &route.queues {
        queue.publish_clones(std::slice::from_ref(&message), wakes);
    }
}
