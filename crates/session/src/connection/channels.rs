//! Channels come and go, and what a channel's method asks of the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use broker::{Facts, Removed};
use codec::{AMQPClass, Frame, FrameKind, Scope, channel, decode_method, encode_method};
use tracing::info;

use crate::channel::{Channel, Step};
use crate::client::Source;
use crate::close::{Close, Fault, Violation};
use crate::connection::running::{Ended, Running};
use crate::connection::slots::Slot;
use crate::handshake::ids;
use crate::turn::Turn;

const CLOSE: (u16, u16) = (20, 40);
const CLOSE_OK: (u16, u16) = (20, 41);

impl Running {
    /// A frame on a number that stands for no channel: it must open one.
    pub(super) fn open_channel(
        &mut self,
        frame: &Frame<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Ended> {
        let number = frame.channel;
        let opens = frame.kind == FrameKind::Method
            && matches!(
                decode_method(frame.payload),
                Ok(AMQPClass::Channel(channel::AMQPMethod::Open(_)))
            );
        if !opens {
            return self.fault(
                0,
                Violation::ChannelNotOpen.into(),
                ids(frame.payload),
                turn,
            );
        }
        let (open, max) = (self.channels.len(), self.client.channel_max);
        if max != 0 && (number > max || open >= usize::from(max)) {
            return self.fault(
                0,
                Violation::TooManyChannels { open, max }.into(),
                ids(frame.payload),
                turn,
            );
        }
        let info = match self.client.broker.open_channel(&self.client.info, number) {
            Ok(info) => info,
            Err(error) => return self.fault(0, error.into(), ids(frame.payload), turn),
        };
        self.client
            .broker
            .churn()
            .channel_created
            .fetch_add(1, Ordering::Relaxed);
        let channel = Channel::new(number, info, &self.client.broker);
        self.channels.insert(number, Slot::Open(Box::new(channel)));
        self.tell_channel("channel.created", number);
        let ok = channel::AMQPMethod::OpenOk(channel::OpenOk {});
        encode_method(number, &AMQPClass::Channel(ok), turn.out);
        Ok(())
    }

    pub(super) fn tell_channel(&self, event: &'static str, number: u16) {
        let info = &self.client.info;
        let events = self.client.broker.events();
        events.emit(event, || Facts::of_channel(info, number));
    }

    /// A frame on a channel that we have closed: everything but close and close-ok is late.
    pub(super) fn closing_channel(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) {
        if frame.kind != FrameKind::Method {
            return;
        }
        match ids(frame.payload) {
            // Both sides closed at once. Its close-ok to ours is still to come.
            CLOSE => close_ok(frame.channel, turn),
            CLOSE_OK => {
                if let Some(Slot::Closing(parked)) = self.channels.remove(frame.channel) {
                    self.client.parked -= parked.len();
                }
            }
            _ => {}
        }
    }

    pub(super) fn step(
        &mut self,
        number: u16,
        step: Step,
        turn: &mut Turn<'_>,
    ) -> Result<(), Ended> {
        match step {
            Step::Done => {}
            Step::Cancel { tag, nowait } => self.cancel(number, &tag, nowait, turn),
            Step::LimitChannel(messages) => {
                // The limit counts what is on its way too, so let that arrive first.
                self.take_outbox(turn);
                if let Some(Slot::Open(channel)) = self.channels.get_mut(number) {
                    channel.limit(messages, &mut self.client, turn);
                }
            }
            Step::Close => {
                self.note_published();
                self.confirm(number, turn);
                self.release_channel(number, turn);
                close_ok(number, turn);
            }
            Step::CloseOk => {
                return self.fault(0, Violation::ChannelNotOpen.into(), CLOSE_OK, turn);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, number: u16, tag: &str, nowait: bool, turn: &mut Turn<'_>) {
        let Some(Slot::Open(channel)) = self.channels.get(number) else {
            return;
        };
        let consumer = channel.consumers.get(tag).map(Arc::clone);
        let mut abandoned = None;
        if let Some(consumer) = &consumer {
            if let Source::Queue(origin) = &consumer.source
                && origin.queue.remove_consumer(consumer.id, &mut turn.wakes)
                    == Removed::LastOfAutoDelete
            {
                abandoned = Some(Arc::clone(&origin.queue));
            }
            // What the queue gave it before goes out before cancel-ok, and nothing after.
            self.take_outbox(turn);
        }
        let Some(Slot::Open(channel)) = self.channels.get_mut(number) else {
            return;
        };
        if let Some(consumer) = &consumer {
            channel.forget_consumer(consumer, &mut self.client);
        }
        if !nowait {
            channel.cancel_ok(tag, &mut self.client, turn);
        }
        if let Some(queue) = abandoned {
            self.client
                .vhost
                .remove_queue_if_unused(&queue, &mut turn.wakes);
        }
    }

    /// Closes channels whose client has held a delivery for too long, when it is time to look.
    pub(crate) fn check_ages(&mut self, turn: &mut Turn<'_>) -> Result<(), Ended> {
        if self.ages_due.is_none_or(|due| turn.now < due) {
            return Ok(());
        }
        let mut within: Option<Duration> = None;
        let mut overdue = Vec::new();
        for (number, slot) in self.channels.iter_mut() {
            let Slot::Open(channel) = slot else {
                continue;
            };
            if let Err(fault) = channel.check_ages(&self.client, turn.now) {
                overdue.push((number, fault));
            } else if let Some(soon) = channel.look_within() {
                within = Some(within.map_or(soon, |within| within.min(soon)));
            }
        }
        self.ages_due = within.map(|within| turn.now + within);
        for (number, fault) in overdue {
            self.fault(number, fault, (0, 0), turn)?;
        }
        Ok(())
    }

    /// Something was wrong on a channel, or on the connection (0). A channel's error closes
    /// the channel; the others end the connection.
    pub(super) fn fault(
        &mut self,
        number: u16,
        fault: Fault,
        method: (u16, u16),
        turn: &mut Turn<'_>,
    ) -> Result<(), Ended> {
        let close = Close::new(&fault, method);
        if number == 0 || close.scope() == Scope::Connection {
            return Err(Ended::ByFault(fault, method));
        }
        info!(peer = %self.client.info.name, channel = number, reason = close.text, "channel closed");
        self.client.hand_over(&mut turn.wakes);
        self.note_published();
        self.confirm(number, turn);
        let Some(mut parked) = self.release_channel(number, turn) else {
            return Ok(());
        };
        if parked.is_empty() {
            encode_method(number, &close.of_channel(), turn.out);
        } else {
            parked.push(None, close.of_channel());
            self.client.parked += parked.len();
            if !self.waiting.contains(&number) {
                self.waiting.push(number);
            }
        }
        self.channels
            .insert(number, Slot::Closing(Box::new(parked)));
        Ok(())
    }
}

fn close_ok(number: u16, turn: &mut Turn<'_>) {
    let ok = channel::AMQPMethod::CloseOk(channel::CloseOk {});
    encode_method(number, &AMQPClass::Channel(ok), turn.out);
}
