//! The outbox's contents to their channels.

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;
use std::task::Waker;

use broker::{Batch, Burst, ConsumerId, Delivery, Event, Inquiry};
use tracing::debug;

use crate::channel::Channel;
use crate::client::{Consumer, Source};
use crate::connection::running::Running;
use crate::connection::slots::{Slot, Slots};
use crate::turn::Turn;

/// Bytes that a delivery takes besides its message, mostly: its frame with a tag of usual length.
const DELIVER_HEAD_BYTES: usize = 48;

impl Running {
    /// Sends what is in `batch`, in order, and empties it.
    pub(crate) fn deliver(&mut self, batch: &mut Batch, turn: &mut Turn<'_>) {
        batch.waiting.drain(..).for_each(Waker::wake);
        self.client.traced = self.client.vhost.is_traced();
        let heads = DELIVER_HEAD_BYTES * batch.messages();
        turn.out.expect(batch.bytes + heads);
        let mut deliveries = batch.deliveries.drain(..);
        let mut delivered = 0;
        for (before, burst) in batch.bursts.drain(..) {
            self.deliver_each(deliveries.by_ref().take(before - delivered), turn);
            delivered = before;
            self.deliver_burst(&burst, turn);
        }
        self.deliver_each(deliveries, turn);
        for id in batch.paused.drain(..) {
            if let Some(consumer) = self.client.consumers.get(&id)
                && let Source::Queue(origin) = &consumer.source
            {
                origin.queue.resume(id, &mut turn.wakes);
            }
        }
        for event in batch.events.drain(..) {
            match event {
                Event::ConsumerCancelled(id) => self.consumer_cancelled(id, turn),
                Event::Close(reason) => self.forced = Some(reason),
                Event::Inquiry(inquiry) => self.tell(&inquiry, turn),
                // Every turn ends with a look at them.
                Event::AlarmsChanged => {}
            }
        }
    }

    fn deliver_each(&mut self, all: impl Iterator<Item = Delivery>, turn: &mut Turn<'_>) {
        let mut deliveries = all.peekable();
        while let Some(first) = deliveries.next() {
            let id = first.consumer;
            // Deliveries for one consumer mostly follow each other: look it up once.
            let found = find(&self.client.consumers, &mut self.channels, id);
            let Some((consumer, channel)) = found else {
                continue;
            };
            channel.touch(&mut self.touched);
            let more = || deliveries.next_if(|next| next.consumer == id);
            let run = iter::once(first).chain(iter::from_fn(more));
            let run = run.map(|delivery| delivery.entry);
            channel.deliver(&consumer, run, &mut self.client, turn);
        }
    }

    fn deliver_burst(&mut self, burst: &Burst, turn: &mut Turn<'_>) {
        let found = find(&self.client.consumers, &mut self.channels, burst.consumer);
        let Some((consumer, channel)) = found else {
            return;
        };
        channel.touch(&mut self.touched);
        if channel.closing || self.client.traced {
            // What comes too late goes back to the queue, message by message.
            channel.deliver(&consumer, burst.entries(), &mut self.client, turn);
        } else {
            channel.deliver_pack(&consumer, &burst.pack, &self.client, turn);
        }
    }

    /// Sends what is in the outbox now. Once: who is resumed by it may fill it again.
    pub(super) fn take_outbox(&mut self, turn: &mut Turn<'_>) {
        let mut batch = Batch::default();
        if self.client.outbox.take(&mut batch) {
            self.deliver(&mut batch, turn);
        }
    }

    /// Says what the client holds of a queue.
    fn tell(&self, inquiry: &Inquiry, turn: &Turn<'_>) {
        let mut told = Vec::new();
        for (_, slot) in self.channels.iter() {
            if let Slot::Open(channel) = slot {
                channel.tell(&inquiry.queue, (&self.client, turn.now), &mut told);
            }
        }
        if !told.is_empty() {
            inquiry.answer(told);
        }
    }

    /// A consumer's queue is gone, or somebody has stopped it.
    fn consumer_cancelled(&mut self, id: ConsumerId, turn: &mut Turn<'_>) {
        let Some(consumer) = self.client.consumers.get(&id).map(Arc::clone) else {
            return;
        };
        let Some(Slot::Open(channel)) = self.channels.get_mut(consumer.channel) else {
            return;
        };
        channel.touch(&mut self.touched);
        channel.forget_consumer(&consumer, &mut self.client);
        if self.client.cancel_notify && !channel.closing {
            channel.notify_cancel(&consumer.tag, &mut self.client, turn);
        }
    }
}

/// A consumer and the channel it is on.
fn find<'a>(
    consumers: &HashMap<ConsumerId, Arc<Consumer>>,
    channels: &'a mut Slots,
    id: ConsumerId,
) -> Option<(Arc<Consumer>, &'a mut Channel)> {
    let consumer = consumers.get(&id).map(Arc::clone);
    let slot = consumer
        .as_ref()
        .and_then(|consumer| channels.get_mut(consumer.channel));
    let (Some(consumer), Some(Slot::Open(channel))) = (consumer, slot) else {
        // Consumers are removed from their queue before they are forgotten here, so this can only
        // be a reply whose requester has just gone.
        debug!(?id, "a delivery for nobody");
        return None;
    };
    Some((consumer, channel))
}
