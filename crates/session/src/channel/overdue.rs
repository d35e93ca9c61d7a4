//! Deliveries that a client has held for too long: the consumer timeout.

use std::time::{Duration, Instant};

use broker::Queue;
use tracing::warn;

use crate::channel::Channel;
use crate::channel::ages::{Ages, check_interval};
use crate::channel::unacked::Origin;
use crate::client::Client;
use crate::close::{Fault, Violation};

/// What a channel knows of the ages of its deliveries, and when to look at them.
#[derive(Default, Debug)]
pub(crate) struct Overdue {
    ages: Ages,
    /// The shortest timeout of any delivery so far, in milliseconds.
    shortest_ms: Option<u64>,
    /// How often to look; `None` without any timeout.
    interval: Option<Duration>,
}

impl Overdue {
    /// Deliveries with this timeout are to come.
    pub(super) fn expect(&mut self, timeout_ms: Option<u64>) {
        let Some(timeout_ms) = timeout_ms else {
            return;
        };
        if self
            .shortest_ms
            .is_none_or(|shortest| timeout_ms < shortest)
        {
            self.shortest_ms = Some(timeout_ms);
            self.interval = Some(check_interval(Duration::from_millis(timeout_ms)));
        }
    }
}

/// Milliseconds that deliveries of `queue` may be held, unless their consumer asks for another
/// time.
fn queue_timeout_ms(queue: &Queue, client: &Client) -> Option<u64> {
    queue
        .consumer_timeout_ms()
        .or_else(|| client.broker.settings().consumer_timeout_ms)
}

impl Channel {
    /// How soon to look at the ages of what the client holds. `None`: it holds nothing, or may
    /// do so for ever.
    #[inline]
    pub(crate) fn look_within(&self) -> Option<Duration> {
        match self.unacked.len() {
            0 => None,
            _ => self.overdue.interval,
        }
    }

    /// Notes when what was sent in this turn was sent.
    #[inline]
    pub(crate) fn note_ages(&mut self, now: Instant) {
        if self.unacked.len() > 0 {
            let oldest = self.unacked.oldest().unwrap_or(0);
            self.overdue.ages.note(oldest, self.delivery_tag, now);
        }
    }

    /// How long the delivery of this tag has been out, at least, if that is known.
    pub(super) fn age(&self, tag: u64, now: Instant) -> Option<Duration> {
        self.overdue.ages.known(tag, now)
    }

    /// Looks for a delivery that has been held for too long.
    ///
    /// # Errors
    /// There is one, and the channel has to be closed.
    pub(crate) fn check_ages(&mut self, client: &Client, now: Instant) -> Result<(), Fault> {
        let Some((oldest, _)) = self.unacked.iter().next() else {
            self.overdue.ages.clear();
            return Ok(());
        };
        self.overdue.ages.mark(oldest, self.delivery_tag, now);
        // A policy may have changed what holds for a queue.
        let timeouts: Vec<_> = self
            .consumers
            .values()
            .map(|consumer| consumer.timeout_ms(client))
            .collect();
        for timeout_ms in timeouts {
            self.overdue.expect(timeout_ms);
        }
        let Some(shortest_ms) = self.overdue.shortest_ms else {
            return Ok(());
        };
        let shortest = Duration::from_millis(shortest_ms);
        for (tag, origin) in self.unacked.iter() {
            let age = self.overdue.ages.of(tag, now);
            if age < shortest {
                break;
            }
            let Some(timeout_ms) = origin.timeout_ms(client) else {
                continue;
            };
            if age >= Duration::from_millis(timeout_ms) {
                self.report_overdue(tag, origin, timeout_ms, client);
                let channel = self.number;
                return Err(Violation::DeliveryOverdue {
                    channel,
                    timeout_ms,
                }
                .into());
            }
        }
        Ok(())
    }

    fn report_overdue(&self, tag: u64, origin: &Origin, timeout_ms: u64, client: &Client) {
        let consumer = origin.consumer.and_then(|id| client.consumers.get(&id));
        warn!(
            peer = %client.info.name,
            channel = self.number,
            queue = %origin.queue.name(),
            consumer = consumer.map_or("", |consumer| &*consumer.tag),
            delivery_tag = tag,
            timeout_ms,
            "a consumer has not acknowledged a delivery in time (consumer_timeout)"
        );
    }
}

impl Origin {
    pub(super) fn timeout_ms(&self, client: &Client) -> Option<u64> {
        self.timeout_ms
            .or_else(|| queue_timeout_ms(&self.queue, client))
    }
}

impl crate::client::Consumer {
    fn timeout_ms(&self, client: &Client) -> Option<u64> {
        match &self.source {
            crate::client::Source::Queue(origin) => origin.timeout_ms(client),
            crate::client::Source::Replies(_) => None,
        }
    }
}
