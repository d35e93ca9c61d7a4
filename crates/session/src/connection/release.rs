//! The end of a channel or a connection: everything goes back where it came from.
//!
//! The same calls as in normal life, in an order that lets nothing slip: consumers leave
//! their queues, so that nothing more can arrive; what has arrived is taken out of the
//! outbox; then the unacknowledged messages go back; only then others get the next ones.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker::{Facts, Queue, Removed};

use crate::channel::parked::Parked;
use crate::channel::settle::{Outcome, requeue};
use crate::client::{Consumer, Source};
use crate::connection::running::Running;
use crate::connection::slots::Slot;
use crate::turn::Turn;

impl Running {
    /// Takes a channel apart. Its number is free afterwards. Replies that still wait are
    /// returned, without the frames held back behind them.
    pub(super) fn release_channel(&mut self, number: u16, turn: &mut Turn<'_>) -> Option<Parked> {
        let Some(Slot::Open(channel)) = self.channels.get_mut(number) else {
            return None;
        };
        channel.closing = true;
        let consumers: Vec<Arc<Consumer>> = channel.consumers.values().map(Arc::clone).collect();
        let mut abandoned: Vec<Arc<Queue>> = Vec::new();
        for consumer in &consumers {
            if let Source::Queue(origin) = &consumer.source
                && origin.queue.detach_consumer(consumer.id) == Removed::LastOfAutoDelete
            {
                abandoned.push(Arc::clone(&origin.queue));
            }
        }
        if !consumers.is_empty() {
            self.take_outbox(turn);
        }
        let Some(Slot::Open(mut channel)) = self.channels.remove(number) else {
            return None;
        };
        self.client.assembling -= channel.assembly.held_bytes();
        for consumer in &consumers {
            channel.forget_consumer(consumer, &mut self.client);
        }
        let settled = channel.tx.take().into_iter().flat_map(|tx| tx.into_held());
        let trace = self.client.trace();
        let held = channel.unacked.take_all().chain(settled).inspect(|held| {
            if let Some(trace) = &trace {
                trace.settled(held, Outcome::Requeued);
            }
        });
        requeue(held, &mut turn.wakes);
        // Now it is the others' turn.
        for consumer in &consumers {
            if let Source::Queue(origin) = &consumer.source {
                origin.queue.resume(consumer.id, &mut turn.wakes);
            }
        }
        for queue in abandoned {
            self.client
                .vhost
                .remove_queue_if_unused(&queue, &mut turn.wakes);
        }
        channel.flush_counts(&self.client);
        let registry = self.client.broker.registry();
        registry.close_channel(&self.client.info, number);
        self.tell_channel("channel.closed", number);
        self.client
            .broker
            .churn()
            .channel_closed
            .fetch_add(1, Ordering::Relaxed);
        self.client.stalled_bytes -= channel.parked.stalled_bytes();
        self.client.parked -= channel.parked.len();
        self.waiting.retain(|waiting| *waiting != number);
        let mut parked = std::mem::take(&mut channel.parked);
        parked.drop_stalled();
        Some(parked)
    }

    /// Takes everything apart.
    pub(crate) fn release(&mut self, turn: &mut Turn<'_>) {
        self.client.hand_over(&mut turn.wakes);
        self.note_published();
        for (_, slot) in self.channels.iter_mut() {
            if let Slot::Open(channel) = slot {
                channel.closing = true;
            }
        }
        // From the last one, so that none of the others has to move up.
        let numbers: Vec<u16> = self.channels.iter().map(|(number, _)| number).collect();
        for number in numbers.into_iter().rev() {
            self.release_channel(number, turn);
        }
        let broker = &self.client.broker;
        self.client
            .vhost
            .delete_exclusive_queues(self.client.id, &mut turn.wakes);
        broker.registry().remove(self.client.id);
        let (info, settings) = (&self.client.info, broker.settings());
        let facts = || Facts::of_connection(info, &settings.node);
        broker.events().emit("connection.closed", facts);
        broker
            .churn()
            .connection_closed
            .fetch_add(1, Ordering::Relaxed);
    }
}
