//! Copies for the firehose, while the virtual host is traced.

use broker::{Broker, ConnectionInfo, Entry, Message, Route, Tap, VHost, Wakes};

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

    /// `channel` delivers a message from `queue`.
    #[cold]
    pub(crate) fn delivered(&self, channel: u16, entry: &Entry, queue: &str, wakes: &mut Wakes) {
        let tap = Tap {
            channel,
            ..self.tap
        };
        let delivery = (&entry.message, entry.redelivered);
        self.vhost.trace_deliver(delivery, queue, &tap, wakes);
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
