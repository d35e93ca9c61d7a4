//! What the channels of a connection share.

use std::collections::HashMap;
use std::sync::Arc;

use broker::{
    Access, AckMode, Actor, Broker, ConnectionId, ConnectionInfo, ConsumerId, Error, Exchange,
    Message, Outbox, Pair, Published, PublishedOne, Right, Route, SizeCounts, Ticket, VHost, Wakes,
};

use crate::channel::routes::RouteCache;
use crate::channel::run::Run;
use crate::channel::settle::{Outcome, Settling};
use crate::channel::trace::{Trace, tap};
use crate::channel::unacked::{Held, Origin};
use crate::limits::SETTLED_PER_TURN_MAX;

/// The one client of a connection: who it is, what was negotiated with it, and what its
/// channels have begun and not yet handed to the broker.
pub(crate) struct Client {
    pub(crate) broker: Arc<Broker>,
    pub(crate) vhost: Arc<VHost>,
    pub(crate) actor: Actor,
    /// The generation of users and permissions that `actor` is of.
    access_generation: u64,
    pub(crate) id: ConnectionId,
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) outbox: Arc<Outbox>,
    /// Largest frame in bytes that may be sent, 0 for any.
    pub(crate) frame_max: u32,
    /// Channels that may be open, 0 for any number.
    pub(crate) channel_max: u16,
    /// Largest message in bytes that may be published.
    pub(crate) message_bytes_max: u64,
    /// It understands `basic.cancel` from the server.
    pub(crate) cancel_notify: bool,
    /// It understands `connection.blocked`.
    pub(crate) blocked_notify: bool,
    /// Deliveries and what the client does with them are traced; looked up once for those that
    /// come together.
    pub(crate) traced: bool,
    /// It has published, so it is held back when the store can't keep up.
    pub(crate) publishes: bool,
    /// Bytes of bodies begun and not ended.
    pub(crate) assembling: u64,
    pub(crate) consumers: HashMap<ConsumerId, Arc<Consumer>>,
    pub(crate) routes: RouteCache,
    pub(crate) run: Run,
    settling: Settling,
    /// How large the messages of this turn were.
    pub(crate) sizes: SizeCounts,
    /// What may still be settled in this turn, in acknowledgements.
    pub(crate) settles_left: usize,
    /// The method just carried out has more to settle than that: it comes again.
    pub(crate) unfinished: bool,
    /// Publishes handed over in this turn and not yet noted by their channel's confirms.
    pub(crate) published: Vec<PublishedBy>,
    /// Replies that wait for their commit, of all channels.
    pub(crate) parked: usize,
    /// Bytes of frames that wait behind them.
    pub(crate) stalled_bytes: usize,
}

/// Publishes of one channel that have been handed to the broker.
pub(crate) struct PublishedBy {
    pub(crate) channel: u16,
    pub(crate) n: u64,
    pub(crate) ticket: Option<Ticket>,
    /// Places among them, from 0 and rising, of those that a queue refused.
    pub(crate) refused: Vec<u32>,
}

/// A consumer of this connection.
pub(crate) struct Consumer {
    pub(crate) id: ConsumerId,
    pub(crate) channel: u16,
    pub(crate) tag: Arc<str>,
    pub(crate) source: Source,
}

/// What a consumer consumes.
pub(crate) enum Source {
    /// A queue.
    Queue(Arc<Origin>),
    /// Replies sent to a pseudo queue of this name (direct reply-to).
    Replies(String),
}

impl Consumer {
    pub(crate) fn ack(&self) -> AckMode {
        match &self.source {
            Source::Queue(origin) => origin.ack,
            Source::Replies(_) => AckMode::Automatic,
        }
    }
}

/// Who the client is and what was negotiated, from the handshake.
pub(crate) struct Admitted {
    pub(crate) broker: Arc<Broker>,
    pub(crate) vhost: Arc<VHost>,
    pub(crate) access: Arc<Access>,
    pub(crate) access_generation: u64,
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) cancel_notify: bool,
    pub(crate) blocked_notify: bool,
}

impl Client {
    pub(crate) fn new(admitted: Admitted) -> Self {
        let Admitted {
            broker,
            vhost,
            access,
            access_generation,
            info,
            cancel_notify,
            blocked_notify,
        } = admitted;
        let actor = Actor {
            user: Arc::clone(&info.user),
            connection: Some(info.id),
            access,
        };
        Self {
            vhost,
            actor,
            access_generation,
            id: info.id,
            outbox: Arc::clone(&info.outbox),
            frame_max: info.frame_max,
            channel_max: info.channel_max,
            message_bytes_max: broker.settings().max_message_size,
            cancel_notify,
            blocked_notify,
            traced: false,
            publishes: false,
            assembling: 0,
            consumers: HashMap::new(),
            routes: RouteCache::default(),
            run: Run::default(),
            settling: Settling::default(),
            sizes: SizeCounts::default(),
            settles_left: SETTLED_PER_TURN_MAX,
            unfinished: false,
            published: Vec::new(),
            parked: 0,
            stalled_bytes: 0,
            broker,
            info,
        }
    }

    /// Looks whether users or permissions have changed. Before anything that asks `actor`.
    pub(crate) fn refresh_access(&mut self) {
        let generation = self.broker.users().generation();
        if generation == self.access_generation {
            return;
        }
        self.access_generation = generation;
        // Without the user the connection is about to be closed.
        if let Some(access) = self
            .broker
            .users()
            .access(&self.actor.user, self.vhost.name())
        {
            self.actor.access = access;
        }
    }

    /// Whether messages may be taken out of a queue.
    pub(crate) fn may_read(&self, queue: &str) -> Result<(), Error> {
        let access = &self.actor.access;
        access.check_queue(Right::Read, queue, self.vhost.name())
    }

    /// Says how many bytes of input a turn brings, so that slabs are allocated in one piece.
    pub(crate) fn expect_input(&mut self, bytes: usize) {
        self.run.slab.expect(bytes);
    }

    /// The run that a message of `channel` for `route` may join; a run that it can't join is
    /// published first.
    #[inline]
    pub(crate) fn run_for(
        &mut self,
        channel: u16,
        route: &Arc<Route>,
        pair: impl FnOnce() -> Arc<Pair<Exchange>>,
        wakes: &mut Wakes,
    ) -> &mut Run {
        if !self.run.accepts(channel, route) {
            self.publish_run(wakes);
            self.run.begin(channel, Arc::clone(route), pair());
        }
        &mut self.run
    }

    /// Notes a publish that reached no queue.
    pub(crate) fn unroutable(&mut self, channel: u16) {
        // Publishes of a channel are counted in order; a run that is still open stands before
        // this one, so it is counted with that.
        if !self.run.count_unroutable(channel) {
            self.note_published(PublishedBy {
                channel,
                n: 1,
                ticket: None,
                refused: Vec::new(),
            });
        }
    }

    /// Notes a publish that went through an exchange which wanted the message itself. One that
    /// was not routed has been noted, but may have to wait.
    pub(crate) fn intercepted(&mut self, channel: u16, one: PublishedOne) {
        self.note_published(PublishedBy {
            channel,
            n: u64::from(one.routed),
            ticket: one.ticket,
            refused: if one.routed && one.rejected {
                vec![0]
            } else {
                Vec::new()
            },
        });
    }

    /// Publishes a run of a transaction, behind the one that is open.
    pub(crate) fn publish_now(
        &mut self,
        route: &Route,
        messages: &mut Vec<Message>,
        channel: u16,
        wakes: &mut Wakes,
    ) -> Published {
        self.publish_run(wakes);
        if let Some(trace) = self.trace() {
            trace.published(channel, messages, route, wakes);
        }
        crate::channel::run::publish(route, messages, wakes)
    }

    /// Hands the open run to its queues, behind the settlements collected so far: what was
    /// acknowledged before a publish is then on the disk when that is confirmed.
    pub(crate) fn publish_run(&mut self, wakes: &mut Wakes) {
        self.settling.flush(wakes);
        // What was rejected is where it belongs before anything that comes after it.
        wakes.pass_on();
        let Self {
            run,
            vhost,
            broker,
            info,
            ..
        } = self;
        let trace = Trace::of(vhost, || tap(broker, info));
        if let Some(published) = run.publish(trace, wakes) {
            self.note_published(published);
        }
        wakes.pass_on();
    }

    fn note_published(&mut self, published: PublishedBy) {
        match self.published.last_mut() {
            // One group per turn and channel: all of it is confirmed by the last commit.
            Some(last) if last.channel == published.channel => {
                let before = u32::try_from(last.n).unwrap_or(u32::MAX);
                let refused = published.refused.iter();
                last.refused.extend(refused.map(|place| before + place));
                last.n += published.n;
                last.ticket = last.ticket.max(published.ticket);
            }
            _ => self.published.push(published),
        }
    }

    /// Collects a settlement; those of one queue are handed over together.
    #[inline]
    pub(crate) fn settle(&mut self, held: Held, outcome: Outcome, wakes: &mut Wakes) {
        if self.traced
            && let Some(trace) = self.trace()
        {
            trace.settled(&held, outcome);
        }
        // What was published before it stands in the queue before its credit comes back: another
        // queue's publishes may wait, and be handed over with those that follow.
        if self.run.leads_to(&held.origin.queue) {
            self.publish_run(wakes);
        }
        if outcome == Outcome::Rejected {
            return self.settling.reject(held, wakes);
        }
        let settled = held.settled();
        self.settling.add(&held.origin, settled, outcome, wakes);
    }

    /// Hands over everything that was collected: settlements, then publishes.
    pub(crate) fn hand_over(&mut self, wakes: &mut Wakes) {
        self.publish_run(wakes);
    }

    /// Whether too much waits for commits to take more input.
    pub(crate) fn is_held_up(&self) -> bool {
        use crate::limits::{PARKED_MAX, STALLED_BYTES_MAX};
        self.parked > PARKED_MAX || self.stalled_bytes > STALLED_BYTES_MAX
    }

    /// Whether a ticket is still to be committed.
    pub(crate) fn pending(&self, ticket: Option<Ticket>) -> Option<Ticket> {
        ticket.filter(|ticket| *ticket > self.broker.commits().committed())
    }

    /// Writes the sizes of the turn's messages to where others can see them.
    pub(crate) fn flush_sizes(&mut self) {
        if self.sizes != SizeCounts::default() {
            self.broker.message_sizes().add(&self.sizes);
            self.sizes = SizeCounts::default();
        }
    }

    /// Gives back memory that a burst has left behind.
    pub(crate) fn release_memory(&mut self) {
        self.settling.release();
        if self.published.capacity() > crate::limits::IDLE_ENTRIES_MAX {
            self.published = Vec::new();
        }
    }
}
