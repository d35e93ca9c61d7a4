//! A delivery on its way out: frames to the client, and a place among the unacknowledged.

use std::sync::Arc;

use broker::{AckMode, Entry, MessageCounts};
use codec::{DeliverHead, Pack, deliver, deliver_pack};

use crate::channel::Channel;
use crate::client::{Client, Consumer, Source};
use crate::turn::Turn;

impl Channel {
    /// Sends a run of messages to a consumer of this channel.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        consumer: &Consumer,
        run: impl Iterator<Item = Entry>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        let (mut messages, mut redelivered) = (0, 0);
        run.for_each(|entry| {
            messages += 1;
            redelivered += u64::from(entry.redelivered);
            self.deliver_one(consumer, entry, client, turn);
        });
        if !self.closing {
            self.count_deliveries(consumer, messages, redelivered);
        }
    }

    /// Sends a run that is not to be acknowledged to a consumer of this channel.
    pub(crate) fn deliver_pack(
        &mut self,
        consumer: &Consumer,
        pack: &Pack,
        client: &Client,
        turn: &mut Turn<'_>,
    ) {
        let head = DeliverHead {
            channel: self.number,
            consumer_tag: consumer.tag.as_bytes(),
            delivery_tag: self.delivery_tag + 1,
            redelivered: false,
        };
        deliver_pack(turn.out, head, pack, client.frame_max);
        let messages = pack.len() as u64;
        self.delivery_tag += messages;
        self.count_deliveries(consumer, messages, 0);
    }

    fn count_deliveries(&mut self, consumer: &Consumer, messages: u64, redelivered: u64) {
        let counts = deliveries(consumer.ack(), messages, redelivered);
        self.counts.add(&counts);
        if let Source::Queue(origin) = &consumer.source {
            origin.pair.count(&counts);
        }
    }

    #[inline]
    fn deliver_one(
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

fn deliveries(ack: AckMode, messages: u64, redeliver: u64) -> MessageCounts {
    let (deliver, deliver_no_ack) = match ack {
        AckMode::Manual => (messages, 0),
        AckMode::Automatic => (0, messages),
    };
    MessageCounts {
        deliver,
        deliver_no_ack,
        redeliver,
        ..MessageCounts::ZERO
    }
}
