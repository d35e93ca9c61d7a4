//! Who gets the next message: strict round robin among the consumers of the highest
//! priority that can take one.

use std::sync::Arc;

use codec::{FieldTable, Pack};

use crate::credit::ChannelCredit;
use crate::ids::{ConnectionId, ConsumerId};
use crate::message::{AckMode, Entry};
use crate::outbox::{Burst, Delivery, Outbox};
use crate::queue::Rules;
use crate::queue::active::SingleActive;
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
    /// Where its messages go, among [`Consumers::lanes`].
    lane: usize,
}

impl Consumer {
    /// All that it was given is settled.
    pub(super) const fn holds_nothing(&self) -> bool {
        self.in_flight == 0
    }

    fn has_credit(&self) -> bool {
        let spec = &self.spec;
        let own = spec.prefetch == 0 || self.in_flight < spec.prefetch;
        spec.ack == AckMode::Automatic || (own && spec.credit.is_free())
    }
}

/// One connection's outbox, with what is staged for it. Consumers of one connection share a
/// lane, so that their messages leave in the order of their turns.
struct Lane {
    outbox: Arc<Outbox>,
    staged: Vec<Delivery>,
    staged_bytes: usize,
    /// Paused until the outbox has been taken.
    busy: bool,
    members: usize,
}

/// Consumers of equal priority, in a ring.
struct Class {
    priority: i32,
    members: Vec<Consumer>,
    cursor: usize,
}

/// A consumer whose turn it is. Holds until consumers are added or removed.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    class: usize,
    member: usize,
    pub(crate) ack: AckMode,
}

/// All consumers of a queue.
#[derive(Default)]
pub(crate) struct Consumers {
    /// Highest priority first.
    classes: Vec<Class>,
    lanes: Vec<Lane>,
    /// Lanes with something staged.
    touched: Vec<usize>,
    /// Nobody can take a message: set by a vain search, so that each publish to a queue
    /// whose thousand consumers are all at their limit need not search again.
    spent: bool,
    /// If only one of them gets messages at a time.
    single: Option<Box<SingleActive>>,
}

impl Consumers {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            single: SingleActive::of(rules),
            ..Self::default()
        }
    }

    /// The one that gets all messages, if there is to be only one.
    pub(crate) fn single_active(&self) -> Option<&Consumer> {
        self.get(self.single.as_ref()?.active?)
    }

    /// Only one of them gets messages at a time.
    pub(crate) const fn has_single_active(&self) -> bool {
        self.single.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.classes.iter().map(|c| c.members.len()).sum()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    pub(crate) const fn is_spent(&self) -> bool {
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
        if let Some(mut single) = self.single.take() {
            single.joined(&spec, single.active.and_then(|id| self.get(id)));
            self.single = Some(single);
        }
        let priority = spec.priority;
        let lane = self.join_lane(&spec.outbox);
        let consumer = Consumer {
            spec,
            in_flight: 0,
            lane,
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
        self.leave_lane(consumer.lane);
        self.spent = false;
        if let Some(single) = &mut self.single {
            let next = self.classes.first().and_then(|class| class.members.first());
            single.left(id, next.map(|consumer| consumer.spec.id));
        }
        Some(consumer.spec)
    }

    pub(crate) fn take_all(&mut self) -> Vec<ConsumerSpec> {
        let Self { classes, .. } = std::mem::take(self);
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
            if let Some(single) = &mut self.single
                && consumer.in_flight == 0
            {
                single.settled(id);
            }
        }
        // Also when it is gone: its channel's shared credit may let another one go on.
        self.spent = false;
    }

    /// Its outbox has been taken, or its channel has credit again.
    pub(crate) fn resume(&mut self, id: ConsumerId) {
        if let Some((at, member)) = self.find(id) {
            let lane = self.classes[at].members[member].lane;
            self.lanes[lane].busy = false;
            self.spent = false;
        }
    }

    /// The next in turn that can take a message. It keeps its turn until it is given one.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        let accepts = |c: &Consumer| !self.lanes[c.lane].busy && c.has_credit();
        if let Some(single) = &self.single {
            let found = single.entitled().and_then(|id| self.find(id));
            let found = found.filter(|(at, member)| accepts(&self.classes[*at].members[*member]));
            return self.turn(found);
        }
        let found = self.classes.iter().enumerate().find_map(|(at, class)| {
            let mut ring = (class.cursor..class.members.len()).chain(0..class.cursor);
            ring.find(|&member| accepts(&class.members[member]))
                .map(|member| (at, member))
        });
        self.turn(found)
    }

    #[inline]
    fn turn(&mut self, found: Option<(usize, usize)>) -> Option<Turn> {
        let Some((at, member)) = found else {
            self.spent = true;
            return None;
        };
        let ack = self.classes[at].members[member].spec.ack;
        Some(Turn {
            class: at,
            member,
            ack,
        })
    }

    /// Stages one message, which uses up the consumer's turn. False: it can't take another one.
    pub(crate) fn stage(&mut self, turn: Turn, entry: Entry, wakes: &mut Wakes) -> bool {
        let class = &mut self.classes[turn.class];
        // Compared, not divided: a division costs more than all the rest here.
        let after = turn.member + 1;
        class.cursor = if after < class.members.len() {
            after
        } else {
            0
        };
        let consumer = &mut class.members[turn.member];
        if turn.ack == AckMode::Manual {
            consumer.in_flight += 1;
            consumer.spec.credit.try_take();
        }
        let (id, at) = (consumer.spec.id, consumer.lane);
        let more = consumer.has_credit();
        let lane = &mut self.lanes[at];
        if lane.staged.is_empty() {
            self.touched.push(at);
        }
        lane.staged_bytes += entry.message.wire_len();
        lane.staged.push(Delivery {
            consumer: id,
            entry,
        });
        if lane.staged_bytes >= STAGED_BYTES_MAX {
            lane.flush(wakes);
            self.touched.retain(|touched| *touched != at);
        }
        more && !self.lanes[at].busy
    }

    /// Gives a whole run, which is not to be acknowledged, to the consumer whose turn it is and
    /// who is alone.
    pub(crate) fn hand_on(&mut self, turn: Turn, first: u64, pack: Arc<Pack>, wakes: &mut Wakes) {
        let consumer = &self.classes[turn.class].members[turn.member];
        let burst = Burst {
            consumer: consumer.spec.id,
            first,
            pack,
        };
        let lane = &mut self.lanes[consumer.lane];
        lane.outbox.push_burst(burst, wakes);
        if lane.outbox.is_crowded() {
            wakes.note_crowded(&lane.outbox);
        }
        lane.rest_if_full(consumer.spec.id, wakes);
    }

    /// Makes room for so many messages at once.
    pub(crate) fn expect(&mut self, turn: Turn, messages: usize) {
        let lane = self.classes[turn.class].members[turn.member].lane;
        self.lanes[lane].staged.reserve(messages);
    }

    /// Staging a message of so many bytes would push what is staged.
    #[inline]
    pub(crate) fn flushes(&self, turn: Turn, bytes: usize) -> bool {
        let lane = self.classes[turn.class].members[turn.member].lane;
        self.lanes[lane].staged_bytes + bytes >= STAGED_BYTES_MAX
    }

    /// Pushes what is staged to the outboxes.
    pub(crate) fn flush(&mut self, wakes: &mut Wakes) {
        for at in self.touched.drain(..) {
            self.lanes[at].flush(wakes);
        }
    }

    fn join_lane(&mut self, outbox: &Arc<Outbox>) -> usize {
        let found = self
            .lanes
            .iter()
            .position(|lane| Arc::ptr_eq(&lane.outbox, outbox));
        let at = found.unwrap_or(self.lanes.len());
        if found.is_none() {
            let outbox = Arc::clone(outbox);
            self.lanes.push(Lane {
                outbox,
                staged: Vec::new(),
                staged_bytes: 0,
                busy: false,
                members: 0,
            });
        }
        self.lanes[at].members += 1;
        at
    }

    fn leave_lane(&mut self, at: usize) {
        let lane = &mut self.lanes[at];
        lane.members -= 1;
        // If it was paused, the one that left may have been the one to be resumed.
        lane.busy = false;
        if lane.members > 0 {
            return;
        }
        self.lanes.swap_remove(at);
        let moved = self.lanes.len();
        for consumer in self.classes.iter_mut().flat_map(|c| &mut c.members) {
            if consumer.lane == moved {
                consumer.lane = at;
            }
        }
    }

    fn get(&self, id: ConsumerId) -> Option<&Consumer> {
        let (at, member) = self.find(id)?;
        self.classes.get(at)?.members.get(member)
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

impl Lane {
    fn flush(&mut self, wakes: &mut Wakes) {
        let Some(last) = self.staged.last().map(|d| d.consumer) else {
            return;
        };
        self.outbox.push(&mut self.staged, self.staged_bytes, wakes);
        self.staged_bytes = 0;
        self.rest_if_full(last, wakes);
    }

    /// Takes no more until the outbox has been taken, if that is full with what `last` was given.
    fn rest_if_full(&mut self, last: ConsumerId, wakes: &mut Wakes) {
        if self.outbox.room() == 0 {
            self.busy = true;
            self.outbox.report_paused(last, wakes);
        }
    }
}
