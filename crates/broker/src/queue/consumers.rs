//! Who gets the next message: strict round robin among the consumers of the highest
//! priority that can take one.

use std::sync::Arc;

use codec::FieldTable;

use crate::credit::ChannelCredit;
use crate::ids::{ConnectionId, ConsumerId};
use crate::message::{AckMode, Entry};
use crate::outbox::{Delivery, Outbox};
use crate::wakes::Wakes;

/// Bytes staged for one consumer before they are pushed to its outbox. Keeps the room left
/// in an outbox that several consumers share nearly exact.
const STAGED_BYTES_MAX: usize = 64 * 1024;

/// A new consumer: the arguments of `basic.consume` and where its messages go.
pub struct ConsumerSpec {
    /// Its number.
    pub id: ConsumerId,
    /// Its tag on the channel.
    pub tag: Arc<str>,
    /// The connection it is on.
    pub connection: ConnectionId,
    /// The name of that connection.
    pub connection_name: Arc<str>,
    /// The channel it is on.
    pub channel: u16,
    /// Where its messages go.
    pub outbox: Arc<Outbox>,
    /// Whether it acknowledges.
    pub ack: AckMode,
    /// Unacknowledged messages it may hold, 0 for any number.
    pub prefetch: u32,
    /// `x-priority`; higher is served first.
    pub priority: i32,
    /// No other consumer beside it.
    pub exclusive: bool,
    /// As given, for listing.
    pub arguments: FieldTable,
    /// The channel's shared limit.
    pub credit: Arc<ChannelCredit>,
}

pub(crate) struct Consumer {
    pub(crate) spec: ConsumerSpec,
    in_flight: u32,
    /// Paused until its outbox has been taken.
    busy: bool,
    staged: Vec<Delivery>,
    staged_bytes: usize,
}

impl Consumer {
    fn accepts(&self) -> bool {
        let automatic = self.spec.ack == AckMode::Automatic;
        !self.busy && (automatic || (self.has_credit() && self.spec.credit.is_free()))
    }

    const fn has_credit(&self) -> bool {
        self.spec.prefetch == 0 || self.in_flight < self.spec.prefetch
    }

    /// Stages one message. False: it can't take another one after it.
    pub(crate) fn stage(&mut self, entry: Entry, wakes: &mut Wakes) -> bool {
        if self.spec.ack == AckMode::Manual {
            self.in_flight += 1;
            self.spec.credit.try_take();
        }
        self.staged_bytes += entry.message.wire_len();
        self.staged.push(Delivery {
            consumer: self.spec.id,
            entry,
        });
        if self.staged_bytes >= STAGED_BYTES_MAX {
            self.flush(wakes);
        }
        self.accepts()
    }

    fn flush(&mut self, wakes: &mut Wakes) {
        if self.staged.is_empty() {
            return;
        }
        self.spec
            .outbox
            .push(&mut self.staged, self.staged_bytes, wakes);
        self.staged_bytes = 0;
        if self.spec.outbox.room() == 0 {
            self.busy = true;
            self.spec.outbox.report_paused(self.spec.id, wakes);
        }
    }
}

/// Consumers of equal priority, in a ring.
struct Class {
    priority: i32,
    members: Vec<Consumer>,
    cursor: usize,
}

/// All consumers of a queue.
#[derive(Default)]
pub(crate) struct Consumers {
    /// Highest priority first.
    classes: Vec<Class>,
    /// Nobody can take a message: set by a vain search, so that each publish to a queue
    /// whose thousand consumers are all at their limit need not search again.
    spent: bool,
}

impl Consumers {
    pub(crate) fn len(&self) -> usize {
        self.classes.iter().map(|c| c.members.len()).sum()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.spent || self.classes.is_empty()
    }

    /// Only one, so it may be given a whole burst at once.
    pub(crate) fn is_sole(&self) -> bool {
        matches!(&self.classes[..], [class] if class.members.len() == 1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Consumer> {
        self.classes.iter().flat_map(|c| &c.members)
    }

    pub(crate) fn add(&mut self, spec: ConsumerSpec) {
        let priority = spec.priority;
        let consumer = Consumer {
            spec,
            in_flight: 0,
            busy: false,
            staged: Vec::new(),
            staged_bytes: 0,
        };
        let at = self.classes.partition_point(|c| c.priority > priority);
        match self.classes.get_mut(at) {
            Some(class) if class.priority == priority => class.members.push(consumer),
            _ => self.classes.insert(
                at,
                Class {
                    priority,
                    members: vec![consumer],
                    cursor: 0,
                },
            ),
        }
        self.spent = false;
    }

    pub(crate) fn remove(&mut self, id: ConsumerId) -> Option<ConsumerSpec> {
        let (at, member) = self.find(id)?;
        let class = &mut self.classes[at];
        let consumer = class.members.remove(member);
        if member < class.cursor {
            class.cursor -= 1;
        }
        if class.members.is_empty() {
            self.classes.remove(at);
        }
        self.spent = false;
        Some(consumer.spec)
    }

    pub(crate) fn take_all(&mut self) -> Vec<ConsumerSpec> {
        let classes = std::mem::take(&mut self.classes);
        classes
            .into_iter()
            .flat_map(|c| c.members)
            .map(|c| c.spec)
            .collect()
    }

    /// Gives `n` messages of credit back to a consumer, if it is still there.
    pub(crate) fn release(&mut self, id: ConsumerId, n: u32) {
        if let Some((at, member)) = self.find(id) {
            let consumer = &mut self.classes[at].members[member];
            consumer.in_flight = consumer.in_flight.saturating_sub(n);
        }
        // Also when it is gone: its channel's shared credit may let another one go on.
        self.spent = false;
    }

    /// Its outbox has been taken, or its channel has credit again.
    pub(crate) fn resume(&mut self, id: ConsumerId) {
        if let Some((at, member)) = self.find(id) {
            self.classes[at].members[member].busy = false;
            self.spent = false;
        }
    }

    /// The next in turn that can take a message.
    pub(crate) fn next(&mut self) -> Option<&mut Consumer> {
        let found = self.classes.iter().enumerate().find_map(|(at, class)| {
            let n = class.members.len();
            (0..n)
                .map(|i| (class.cursor + i) % n)
                .find(|&m| class.members[m].accepts())
                .map(|m| (at, m))
        });
        let Some((at, member)) = found else {
            self.spent = true;
            return None;
        };
        let class = &mut self.classes[at];
        class.cursor = (member + 1) % class.members.len();
        class.members.get_mut(member)
    }

    /// Pushes what is staged to the outboxes.
    pub(crate) fn flush(&mut self, wakes: &mut Wakes) {
        for consumer in self.classes.iter_mut().flat_map(|c| &mut c.members) {
            consumer.flush(wakes);
        }
    }

    fn find(&self, id: ConsumerId) -> Option<(usize, usize)> {
        self.classes.iter().enumerate().find_map(|(at, class)| {
            class
                .members
                .iter()
                .position(|c| c.spec.id == id)
                .map(|member| (at, member))
        })
    }
}
