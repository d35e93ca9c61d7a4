//! A delivery on its way out: frames to the client, and a place among the unacknowledged.

use std::sync::Arc;

use broker::{AckMode, Entry, MessageCounts};
use codec::{DeliverHead, deliver};

use crate::channel::Channel;
use crate::client::{Client, Consumer, Source};
use crate::turn::Turn;

impl Channel {
    /// Sends `entry` to a consumer of this channel.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        consumer: &Consumer,
        entry: Entry,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        self.delivery_tag += 1;
        let tag = self.delivery_tag;
        if !self.closing {
            let head = DeliverHead {
                channel: self.number,
                consumer_tag: consumer.tag.as_bytes(),
                delivery_tag: tag,
                redelivered: entry.redelivered,
            };
            deliver(turn.out, head, &entry.message, client.frame_max);
            let counts = delivery(consumer.ack(), entry.redelivered);
            self.counts.add(&counts);
            if let Source::Queue(origin) = &consumer.source {
                origin.pair.count(&counts);
            }
            if client.traced
                && let (Some(trace), Source::Queue(origin)) = (client.trace(), &consumer.source)
            {
                let from = (&origin.queue, &*consumer.tag, origin.ack);
                trace.delivered(self.number, &entry, from, &mut turn.wakes);
            }
        }
        if let Source::Queue(origin) = &consumer.source
            && (self.closing || origin.ack == AckMode::Manual)
        {
            self.unacked.push(tag, Arc::clone(origin), entry);
            if self.unacked.is_heavy() && !self.closing {
                self.unacked.relieve(client.broker.commits().committed());
            }
        }
    }
}

#[inline]
fn delivery(ack: AckMode, redelivered: bool) -> MessageCounts {
    let automatic = ack == AckMode::Automatic;
    MessageCounts {
        deliver: u64::from(!automatic),
        deliver_no_ack: u64::from(automatic),
        redeliver: u64::from(redelivered),
        ..MessageCounts::ZERO
    }
}
