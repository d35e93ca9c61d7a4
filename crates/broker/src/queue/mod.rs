//! A queue: lock, call, unlock.
//!
//! The public methods of [`Queue`] are the whole contract between queues and sessions, as
//! `rabbit_queue_type` is RabbitMQ's. A stream would be a second type with the same list.
//!
//! **Rules.**
//! - Lock order is topology, then queue, then store or outbox. Never two queues at once.
//! - The lock is held for a run of messages, never across an await, and never while messages
//!   of a deep queue are read back (see `refill`).
//! - A panic under the lock ends the process: a half-changed queue is worse than a restart
//!   from the log.

mod active;
mod admission;
mod arguments;
mod browse;
mod cold;
mod comebacks;
mod consumers;
mod due;
mod dying;
mod equivalence;
mod governed;
mod held;
mod intake;
mod letters;
mod levels;
mod pick;
mod poison;
mod posting;
mod ready;
mod recorded;
mod recording;
mod refill;
mod returns;
mod revived;
mod rules;
mod settling;
mod state;
mod tending;
#[cfg(test)]
mod tests;
mod view;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};

use codec::{FieldTable, Pack};
use parking_lot::{Mutex, MutexGuard};
use store::{QueueId, Ticket};

pub(crate) use arguments::{LOCATORS, check_arguments, check_server_named, is_age};
pub use browse::{BROWSE_BYTES_MAX, BROWSE_MESSAGES_MAX};
pub use consumers::ConsumerSpec;
pub use dying::Rejected;
pub use equivalence::type_name;
pub(crate) use equivalence::{Strictness, check_equivalent, queue_type};
pub use pick::{PICKED_MESSAGES_MAX, Picked};
pub use returns::{Returned, Returns};
pub(crate) use revived::{Revived, Span};
pub use rules::{DELIVERY_LIMIT_DEFAULT, DeadLetterStrategy, Overflow, QueueKind, Rules};
pub use state::Settled;
pub use view::{Activity, ConsumerView, QueueCounts, QueueSnapshot};

use crate::budget::Share;
use crate::error::{Error, Resource};
use crate::exchange::Exchange;
use crate::ids::{ConnectionId, ConsumerId};
use crate::message::{Entry, Message};
use crate::pairs::Pairs;
use crate::policy::Policies;
use crate::queue::levels::{Level, Levels, Turns};
use crate::queue::ready::Ready;
use crate::queue::recorded::Recorded;
use crate::queue::recording::{Purpose, Recording};
use crate::queue::settling::settle_in;
use crate::queue::state::{Place, QueueState};
use crate::services::Services;
use crate::wakes::Wakes;

/// What `queue.declare` asks for.
#[derive(Clone, Debug)]
pub struct QueueDeclare {
    /// Its name, not empty.
    pub name: String,
    /// It survives a restart. An exclusive queue never does, whatever this says.
    pub durable: bool,
    /// For the declaring connection only, and gone with it.
    pub exclusive: bool,
    /// Gone with its last consumer.
    pub auto_delete: bool,
    /// The `x-` arguments, kept as given.
    pub arguments: FieldTable,
    /// The broker chose the name, so that it may begin with `amq.`.
    pub server_named: bool,
}

/// The result of a publish.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Published {
    /// When this is committed the persistent messages are safe. None: nothing to wait for.
    pub ticket: Option<Ticket>,
    /// Messages of the run that a full queue has refused, by their place in it, ascending.
    pub rejected: Vec<u32>,
}

/// The result of a `basic.get`.
pub struct Got {
    /// The message.
    pub entry: Entry,
    /// Ready messages left.
    pub remaining: u64,
}

/// What became of a consumer that was to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// It was not there (its queue may have been deleted).
    No,
    /// It is gone.
    Yes,
    /// It is gone, and its queue goes with its last consumer: call
    /// [`VHost::remove_queue_if_unused`](crate::VHost::remove_queue_if_unused).
    LastOfAutoDelete,
}

/// The result of a purge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purged {
    /// Ready messages dropped.
    pub messages: u64,
    /// When this is committed they stay dropped.
    pub ticket: Option<Ticket>,
}

/// What a deleted queue leaves behind.
pub(crate) struct Closed {
    pub(crate) messages: u64,
    pub(crate) consumers: Vec<ConsumerSpec>,
    /// Its numbers in the store.
    pub(crate) span: Span,
    /// Messages whose returns are in the store.
    pub(crate) returned: Vec<u64>,
}

/// A queue, classic or quorum: the second is the first with other rules.
pub struct Queue {
    id: QueueId,
    name: Arc<str>,
    durable: bool,
    auto_delete: bool,
    owner: Option<ConnectionId>,
    arguments: Arc<FieldTable>,
    /// The way to it from what it starts.
    own: Weak<Self>,
    services: Arc<Services>,
    recorded: Recorded,
    incoming: Pairs<Exchange>,
    policies: Mutex<Policies>,
    state: Mutex<QueueState>,
}

// The allocator rounds up, from 512 bytes to 640, and an idle queue is little else. `Arc` adds 16.
const _: () = assert!(size_of::<Queue>() <= 512 - 16);

impl Queue {
    /// A queue as declared, with the arguments of the declaration. `owner` is the connection of an
    /// exclusive one.
    pub(crate) fn new(
        id: QueueId,
        (declare, arguments): (&QueueDeclare, Arc<FieldTable>),
        owner: Option<ConnectionId>,
        (own, services): (Weak<Self>, Arc<Services>),
        revived: Option<Revived>,
    ) -> Self {
        let share = Share::new(Arc::clone(&services.budget));
        let rules = Rules::shared(&arguments);
        let turns = match rules.kind {
            QueueKind::Classic => Turns::Strict,
            QueueKind::Quorum => Turns::Weighted,
        };
        let state = match revived {
            None => {
                let levels = (0..rules.levels()).map(|_| Level::new(Ready::default(), 1, 0));
                QueueState::new(Levels::new(levels.collect(), turns), rules, share)
            }
            Some(revived) => revived.into_state(turns, rules, share),
        };
        Self {
            id,
            name: declare.name.as_str().into(),
            durable: declare.durable && !declare.exclusive,
            auto_delete: declare.auto_delete,
            owner,
            arguments,
            own,
            services,
            recorded: Recorded::default(),
            incoming: Pairs::default(),
            policies: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// Its number, as routing and the store know it.
    #[must_use]
    pub const fn id(&self) -> QueueId {
        self.id
    }

    /// The same, where it is.
    pub(crate) const fn id_ref(&self) -> &QueueId {
        &self.id
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its virtual host's name.
    #[must_use]
    pub fn vhost(&self) -> &Arc<str> {
        &self.services.vhost_name
    }

    /// It survives a restart.
    #[must_use]
    pub const fn durable(&self) -> bool {
        self.durable
    }

    /// It goes with its last consumer.
    #[must_use]
    pub const fn auto_delete(&self) -> bool {
        self.auto_delete
    }

    /// It belongs to one connection.
    #[must_use]
    pub const fn exclusive(&self) -> bool {
        self.owner.is_some()
    }

    /// The connection it belongs to.
    #[must_use]
    pub const fn owner(&self) -> Option<ConnectionId> {
        self.owner
    }

    /// The `x-` arguments as declared, with the queue's type added.
    #[must_use]
    pub fn arguments(&self) -> &FieldTable {
        &self.arguments
    }

    /// The exchanges that clients' messages came from.
    #[must_use]
    pub const fn incoming(&self) -> &Pairs<Exchange> {
        &self.incoming
    }

    /// How reply texts call it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::queue(&self.name, self.vhost())
    }

    /// Publishes a run of messages in order, moving them out of `run`.
    pub fn publish(&self, run: &mut Vec<Message>, wakes: &mut Wakes) -> Published {
        self.publish_all(run.drain(..), wakes)
    }

    /// Publishes a run that other queues get too; the bytes are shared.
    pub fn publish_clones(&self, run: &[Message], wakes: &mut Wakes) -> Published {
        self.publish_all(run.iter().cloned(), wakes)
    }

    /// Publishes a run that has not been taken apart. It need not be if the only consumer can take
    /// all of it at once.
    pub fn publish_pack(&self, pack: &Arc<Pack>, wakes: &mut Wakes) -> Published {
        let mut state = self.lock();
        let place = self.place();
        if state.hand_on(place, pack, wakes) {
            return Published::default();
        }
        let published = state.publish(place, pack.contents(), wakes);
        self.refill(state, wakes);
        published
    }

    fn publish_all(
        &self,
        run: impl ExactSizeIterator<Item = Message>,
        wakes: &mut Wakes,
    ) -> Published {
        let mut state = self.lock();
        let published = state.publish(self.place(), run, wakes);
        self.refill(state, wakes);
        published
    }

    /// Deliveries were acknowledged.
    pub fn ack(&self, settled: &[Settled], wakes: &mut Wakes) {
        self.settle_in_store(settled);
        let mut state = self.lock();
        state.counts.ack += settled.len() as u64;
        state.settle(self.place(), settled, wakes);
        self.refill(state, wakes);
    }

    /// Puts deliveries back where they were, marked as redelivered.
    pub fn requeue(&self, returns: Returns, wakes: &mut Wakes) {
        let mut state = self.lock();
        state.requeue(self.place(), returns, wakes);
        self.refill(state, wakes);
    }

    /// Writes deliveries that have no record to the store, so that whoever holds them need
    /// not. Those of a deleted queue stay as they are: nobody will ask for them.
    pub fn spill<'a>(&self, entries: impl Iterator<Item = &'a mut Entry>) {
        let state = self.lock();
        if !state.live {
            return;
        }
        let mut record = Recording::default();
        for entry in entries.filter(|entry| !(entry.durable || entry.settled)) {
            record.add(self.place(), entry, Purpose::Memory);
            entry.durable = true;
        }
        record.finish(self.place());
    }

    /// Once this is committed, everything recorded so far can be read back: whoever holds a
    /// delivery with [`Entry::durable`] may drop its message.
    #[must_use]
    pub fn recorded(&self) -> Ticket {
        self.recorded.latest()
    }

    /// It has not been deleted.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.lock().live
    }

    /// Starts a consumer. Its first messages go to its outbox at once.
    ///
    /// # Errors
    /// [`Error::ExclusiveUse`] when it or another one is exclusive, [`Error::NotFound`] when
    /// the queue has been deleted meanwhile.
    pub fn add_consumer(&self, spec: ConsumerSpec, wakes: &mut Wakes) -> Result<(), Error> {
        let mut state = self.lock();
        if !state.live {
            return Err(Error::NotFound(self.resource()));
        }
        if !state.admits(&spec) {
            return Err(Error::ExclusiveUse(self.resource()));
        }
        state.add_consumer(self.place(), spec, wakes);
        self.refill(state, wakes);
        Ok(())
    }

    /// Stops a consumer. What it has not settled stays with its channel.
    pub fn remove_consumer(&self, id: ConsumerId, wakes: &mut Wakes) -> Removed {
        let removed = self.detach_consumer(id);
        if removed != Removed::No {
            let mut state = self.lock();
            state.dispatch(self.place(), wakes);
            self.refill(state, wakes);
        }
        removed
    }

    /// Stops a consumer whose channel ends. What it has not settled comes back before anybody
    /// else gets something: call [`Self::requeue`], and then [`Self::resume`].
    pub fn detach_consumer(&self, id: ConsumerId) -> Removed {
        let mut state = self.lock();
        if state.consumers.remove(id).is_none() {
            return Removed::No;
        }
        let last = state.consumers.is_empty();
        if last {
            state.touch(self.place());
        }
        if self.auto_delete && last {
            Removed::LastOfAutoDelete
        } else {
            Removed::Yes
        }
    }

    /// A consumer can go on: its outbox has been taken, or its channel has credit again.
    pub fn resume(&self, id: ConsumerId, wakes: &mut Wakes) {
        let mut state = self.lock();
        state.consumers.resume(id);
        state.dispatch(self.place(), wakes);
        self.refill(state, wakes);
    }

    /// Drops all ready messages.
    pub fn purge(&self) -> Purged {
        let (messages, ticket) = self.lock().purge(self.place());
        Purged { messages, ticket }
    }

    /// Closes the queue if `condition` holds for it, at one moment: whoever comes later
    /// finds it deleted.
    ///
    /// # Errors
    /// What `condition` says.
    pub(crate) fn close_if(
        &self,
        condition: impl FnOnce(&QueueCounts) -> Result<(), Error>,
    ) -> Result<Option<Closed>, Error> {
        let mut state = self.lock();
        if !state.live {
            return Ok(None);
        }
        condition(&state.tally())?;
        let span = Span {
            first: self.id,
            levels: u16::try_from(state.ready.count()).unwrap_or(u16::MAX),
        };
        Ok(Some(Closed {
            span,
            returned: state.returns.numbers(),
            messages: state.close(),
            consumers: state.consumers.take_all(),
        }))
    }

    /// The highest number ever delivered, of each of its numbers in the store.
    pub(crate) fn delivered_to(&self) -> Vec<(QueueId, u64)> {
        let state = self.lock();
        (self.id.0..)
            .map(QueueId)
            .zip(state.ready.iter().map(|level| level.delivered_to))
            .collect()
    }

    /// It had a consumer once and has none now.
    pub(crate) fn is_abandoned(&self) -> bool {
        let state = self.lock();
        state.had_consumer && state.consumers.is_empty()
    }

    fn settle_in_store(&self, settled: &[Settled]) {
        // Before the lock: the record was appended before the message could be delivered.
        if settled.iter().any(|s| s.durable) {
            let durable: Vec<u64> = settled
                .iter()
                .filter(|s| s.durable)
                .map(|s| s.seq)
                .collect();
            settle_in(&self.services.store, self.id, &durable);
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            id: self.id,
            durable: self.durable,
            store: &self.services.store,
            recorded: &self.recorded,
            queue: self,
        }
    }

    fn lock(&self) -> Locked<'_> {
        Locked {
            state: self.state.lock(),
            unwinding: std::thread::panicking(),
        }
    }
}

/// The lock of a queue. Ends the process when a panic unwinds through it, but not when a
/// connection that failed elsewhere gives its messages back while unwinding.
struct Locked<'a> {
    state: MutexGuard<'a, QueueState>,
    unwinding: bool,
}

impl Deref for Locked<'_> {
    type Target = QueueState;

    fn deref(&self) -> &QueueState {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut QueueState {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            tracing::error!(
                "a queue was being changed when its thread failed; stopping to keep the log true"
            );
            std::process::abort();
        }
    }
}
