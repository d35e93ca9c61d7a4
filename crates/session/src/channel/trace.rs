//! Copies for the firehose, and word for who follows messages, while the virtual host is traced.

use std::sync::Arc;

use broker::{AckMode, Broker, ConnectionInfo, Entry, Message, Queue, Route, Tap, VHost, Wakes};

use crate::channel::settle::Outcome;
use crate::channel::unacked::Held;
use crate::client::Client;

/// A traced client.
#[derive(Clone, Copy)]
pub(crate) struct Trace<'a> {
    vhost: &'a VHost,
    tap: Tap<'a>,
}

impl<'a> Trace<'a> {
    /// `None` while the virtual host is not traced.
    #[inline]
    pub(crate) fn of(vhost: &'a VHost, tap: impl FnOnce() -> Tap<'a>) -> Option<Self> {
        vhost.is_traced().then(|| Self { vhost, tap: tap() })
    }

    /// Messages of `channel` take `route`.
    #[cold]
    pub(crate) fn published(
        &self,
        channel: u16,
        messages: &[Message],
        route: &Route,
        wakes: &mut Wakes,
    ) {
        let tap = Tap {
            channel,
            ..self.tap
        };
        for message in messages {
            self.vhost
                .trace_publish(message, &route.queues, &tap, wakes);
        }
    }

    /// `channel` delivers a message from a queue to the consumer of this tag, empty for
    /// `basic.get`.
    #[cold]
    pub(crate) fn delivered(
        &self,
        channel: u16,
        entry: &Entry,
        (queue, consumer_tag, ack): (&Arc<Queue>, &str, AckMode),
        wakes: &mut Wakes,
    ) {
        let tap = Tap {
            channel,
            ..self.tap
        };
        self.vhost
            .trace_deliver(entry, (queue, consumer_tag), &tap, wakes);
        if ack == AckMode::Automatic {
            self.vhost.trace_settle(queue, entry.seq, "acked", &tap);
        }
    }

    /// The client is done with a delivery.
    #[cold]
    pub(crate) fn settled(&self, held: &Held, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Acked => "acked",
            Outcome::Rejected => "rejected",
            Outcome::Requeued => "requeued",
        };
        let seq = held.settled().seq;
        self.vhost
            .trace_settle(&held.origin.queue, seq, outcome, &self.tap);
    }
}

impl Client {
    /// Whom to tell of what is published and delivered, if anybody.
    #[inline]
    pub(crate) fn trace(&self) -> Option<Trace<'_>> {
        Trace::of(&self.vhost, || tap(&self.broker, &self.info))
    }
}

/// How traces name a client; its channel is to be filled in.
pub(crate) fn tap<'a>(broker: &'a Broker, info: &'a ConnectionInfo) -> Tap<'a> {
    Tap {
        node: &broker.settings().node,
        connection: &info.name,
        channel: 0,
        user: &info.user,
    }
}
