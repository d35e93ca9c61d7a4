//! Why a connection isn't read: alarms, clients that don't read themselves, and consumers that
//! have yet to take what has been published.
//!
//! ```text
//!            an alarm              publishes
//!   Running ---------> Blocking ---------------> Blocked     connection.blocked
//!      ^ \________________/                          |
//!      |      all clear                              | all clear
//!      \_____________________________________________/        connection.unblocked
//! ```

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use broker::{ConnectionState, Outbox, Raised};
use codec::connection::{AMQPMethod, Blocked, Unblocked};

use crate::connection::running::Running;
use crate::handshake::send;
use crate::limits::{REST_TIME_MAX, WRITE_STALL_MAX};
use crate::turn::Turn;

/// Where a connection stands with the alarms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Throttle {
    /// There is none.
    #[default]
    Running,
    /// There is one. Who only consumes may stay here and notices nothing.
    Blocking,
    /// It has published since. What it sends is left in the socket, as RabbitMQ does: also
    /// acks, and a close.
    Blocked,
}

/// Since when a client that has too much to read has read nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    since: Instant,
    /// Bytes that waited for it at the end of the last turn.
    waiting: usize,
}

impl Stall {
    /// When it is taken for dead.
    pub(crate) fn deadline(&self) -> Instant {
        self.since + WRITE_STALL_MAX
    }
}

/// A client publishes faster than a consumer's connection takes it. For a moment it waits: then its
/// messages go on in whole runs, and not one by one through the queue. A consumer that is slow for
/// longer is what queues are for.
pub(crate) struct Rest {
    outbox: Arc<Outbox>,
    until: Instant,
}

impl Rest {
    pub(crate) fn new(outbox: Arc<Outbox>, now: Instant) -> Self {
        let until = now + REST_TIME_MAX;
        Self { outbox, until }
    }

    /// When it is over in any case.
    pub(crate) fn deadline(&self) -> Instant {
        self.until
    }
}

impl Running {
    /// Ready when the client need not wait for what it has published to be taken.
    pub(crate) fn poll_rested(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(rest) = &self.rest {
            ready!(rest.outbox.poll_uncrowded(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }

    /// Ends a rest that has lasted long enough.
    pub(super) fn end_rest(&mut self, now: Instant) {
        if let Some(rest) = self.rest.take_if(|rest| rest.until <= now) {
            rest.outbox.give_up_waiting();
        }
    }

    /// Content of a message has come in.
    #[inline]
    pub(super) fn content_arrived(&mut self, turn: &mut Turn<'_>) {
        if self.throttle == Throttle::Blocking {
            self.block(turn);
        }
    }

    /// Stops reading until all alarms are clear. Told once: a second alarm that joins is no news.
    fn block(&mut self, turn: &mut Turn<'_>) {
        let raised = self.client.broker.alarms().raised();
        if !raised.any() {
            return;
        }
        self.throttle = Throttle::Blocked;
        if self.client.blocked_notify {
            let reason = raised.reason().into();
            send(AMQPMethod::Blocked(Blocked { reason }), turn.out);
        }
    }

    /// Looks at the alarms: before input is taken, so that what is published after an alarm blocks,
    /// and at the end of a turn.
    pub(super) fn heed_alarms(&mut self, turn: &mut Turn<'_>) {
        let raised = self.client.broker.alarms().raised();
        match (self.throttle, raised == Raised::default()) {
            (Throttle::Running, false) => self.throttle = Throttle::Blocking,
            (Throttle::Blocking, true) => self.throttle = Throttle::Running,
            (Throttle::Blocked, true) => {
                self.throttle = Throttle::Running;
                if self.client.blocked_notify {
                    send(AMQPMethod::Unblocked(Unblocked {}), turn.out);
                }
            }
            (Throttle::Running, true) | (Throttle::Blocking | Throttle::Blocked, false) => {}
        }
    }

    /// An alarm keeps it from publishing.
    pub(crate) fn is_blocked(&self) -> bool {
        self.throttle == Throttle::Blocked
    }

    /// Notes since when the client takes nothing of what it is sent.
    pub(super) fn watch_output(&mut self, turn: &Turn<'_>) {
        if !turn.out.over_hard_limit() {
            self.stall = None;
            return;
        }
        let waiting = turn.out.len();
        let takes_nothing = |stall: &Stall| waiting - turn.emitted() >= stall.waiting;
        let since = match self.stall.filter(takes_nothing) {
            Some(stall) => stall.since,
            None => turn.now,
        };
        self.stall = Some(Stall { since, waiting });
    }

    /// The client has had its time to read.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        self.stall.is_some_and(|stall| now >= stall.deadline())
    }

    /// Shows others what the connection is doing.
    pub(super) fn show_state(&mut self) {
        let state = match self.throttle {
            Throttle::Blocked => ConnectionState::Blocked,
            Throttle::Blocking => ConnectionState::Blocking,
            Throttle::Running if self.congested.is_some() => ConnectionState::Flow,
            Throttle::Running => ConnectionState::Running,
        };
        if state != self.shown {
            self.shown = state;
            self.client.info.set_state(state);
        }
    }
}
