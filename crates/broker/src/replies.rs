//! Direct reply-to: pseudo queues that exist only as a consumer on a channel.

use std::sync::Arc;

use dashmap::DashMap;

use crate::ids::ConsumerId;
use crate::limits::{REPLIES_MAX, REPLY_BYTES_MAX};
use crate::message::{Entry, Message};
use crate::outbox::{Delivery, Outbox};
use crate::wakes::Wakes;

/// Where replies of one virtual host go, by the full name of the pseudo queue
/// (`amq.rabbitmq.reply-to.` and a token that can't be guessed).
#[derive(Default)]
pub struct Replies {
    requesters: DashMap<String, Requester>,
}

#[derive(Clone)]
struct Requester {
    outbox: Arc<Outbox>,
    consumer: ConsumerId,
}

impl Replies {
    /// Makes `name` reach `consumer`. False when there are too many.
    pub fn register(&self, name: String, outbox: Arc<Outbox>, consumer: ConsumerId) -> bool {
        if self.requesters.len() >= REPLIES_MAX {
            return false;
        }
        self.requesters.insert(name, Requester { outbox, consumer });
        true
    }

    /// The requester has gone.
    pub fn remove(&self, name: &str) {
        self.requesters.remove(name);
    }

    /// Whether a requester still waits behind `name`.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.requesters.contains_key(name)
    }

    /// Sends a reply. False: the requester has gone, or doesn't read what it asked for.
    pub fn send(&self, name: &str, message: Message, wakes: &mut Wakes) -> bool {
        let Some(requester) = self.requesters.get(name).map(|r| r.value().clone()) else {
            return false;
        };
        if requester.outbox.bytes() > REPLY_BYTES_MAX {
            return false;
        }
        let bytes = message.wire_len();
        let entry = Entry {
            seq: 0,
            message,
            expiry: crate::message::Expiry::NEVER,
            redelivered: false,
            durable: false,
            settled: false,
        };
        let mut one = vec![Delivery {
            consumer: requester.consumer,
            entry,
        }];
        requester.outbox.push(&mut one, bytes, wakes);
        true
    }
}
