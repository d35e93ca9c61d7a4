//! tx.select, commit, rollback: publishes and settlements that wait for a commit.

use std::sync::Arc;

use broker::{Message, Published, Route};
use codec::Slab;

use crate::channel::Channel;
use crate::channel::run::join;
use crate::channel::settle::{Outcome, hand_back};
use crate::channel::unacked::Held;
use crate::client::Client;
use crate::close::{Fault, Violation};
use crate::limits::{TX_BYTES_MAX, TX_ENTRIES_MAX};
use crate::turn::Turn;

/// An open transaction. Its publishes were checked and routed when they arrived.
#[derive(Default)]
pub(crate) struct Tx {
    slab: Slab,
    bytes: usize,
    /// One for each message in `slab`.
    publishes: Vec<Publish>,
    settled: Vec<(Held, Outcome)>,
}

struct Publish {
    route: Arc<Route>,
    mandatory: bool,
}

impl Tx {
    /// The slab for one more message of `bytes`, which goes along `route` at commit.
    pub(crate) fn publish(
        &mut self,
        route: Arc<Route>,
        mandatory: bool,
        bytes: usize,
    ) -> Result<&mut Slab, Violation> {
        self.bytes += bytes;
        if self.bytes > TX_BYTES_MAX || self.publishes.len() >= TX_ENTRIES_MAX {
            return Err(Violation::TxTooLarge);
        }
        self.publishes.push(Publish { route, mandatory });
        Ok(&mut self.slab)
    }

    /// Keeps settlements until commit.
    pub(crate) fn settle(&mut self, held: Vec<Held>, outcome: Outcome) -> Result<(), Violation> {
        if self.settled.len() + held.len() > TX_ENTRIES_MAX {
            return Err(Violation::TxTooLarge);
        }
        self.settled
            .extend(held.into_iter().map(|held| (held, outcome)));
        Ok(())
    }

    /// Messages published and not committed.
    pub(crate) fn uncommitted(&self) -> usize {
        self.publishes.len()
    }

    /// Deliveries settled and not committed.
    pub(crate) fn acks_uncommitted(&self) -> usize {
        self.settled.len()
    }

    /// The deliveries that were settled, as if they had not been.
    pub(crate) fn into_held(self) -> impl Iterator<Item = Held> {
        self.settled.into_iter().map(|(held, _)| held)
    }
}

impl Channel {
    /// Publishes everything, then settles everything. The reply waits for the disk. A publish
    /// that a queue refuses takes nothing of that back, but the channel ends (RabbitMQ).
    pub(crate) fn commit(
        &mut self,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<Option<broker::Ticket>, Fault> {
        let tx = self
            .tx
            .replace(Box::default())
            .ok_or_else(|| self.not_transactional())?;
        let Tx {
            mut slab,
            publishes,
            settled,
            ..
        } = *tx;
        let mut messages = Vec::new();
        slab.drain_into(&mut messages);
        let mut messages = messages.into_iter().zip(publishes).peekable();
        let mut all = Published::default();
        let mut run = Vec::new();
        while let Some((message, Publish { route, mandatory })) = messages.next() {
            if route.is_intercepted() {
                let one = self.intercept(&message, &route, mandatory, client, turn);
                all.ticket = all.ticket.max(one.ticket);
                if one.rejected {
                    all.rejected.push(0);
                }
                continue;
            }
            if route.queues.is_empty() {
                self.count_publishes(&route, 1, 1, mandatory);
                if let Some(trace) = client.trace() {
                    let messages = std::slice::from_ref(&message);
                    trace.published(self.number, messages, &route, &mut turn.wakes);
                }
                self.unroutable(mandatory.then_some(&message), client, turn);
                continue;
            }
            run.push(message);
            let joins = |(_, next): &(Message, Publish)| Arc::ptr_eq(&next.route, &route);
            while let Some((message, _)) = messages.next_if(joins) {
                run.push(message);
            }
            let unroutable = 0;
            self.count_publishes(&route, run.len() as u64, unroutable, mandatory);
            let published = client.publish_now(&route, &mut run, self.number, &mut turn.wakes);
            join(&mut all, published);
        }
        for (held, outcome) in settled {
            self.count_settled(1, outcome);
            hand_back(std::iter::once(held), outcome, client, turn);
        }
        client.hand_over(&mut turn.wakes);
        if !all.rejected.is_empty() {
            return Err(Violation::PartialTx.into());
        }
        Ok(all.ticket)
    }

    /// Forgets the publishes; the deliveries are the client's to settle again.
    pub(crate) fn rollback(&mut self) -> Result<(), Fault> {
        let tx = self
            .tx
            .replace(Box::default())
            .ok_or_else(|| self.not_transactional())?;
        self.unacked.restore(tx.into_held());
        Ok(())
    }

    fn not_transactional(&mut self) -> Fault {
        self.tx = None;
        Violation::NotTransactional.into()
    }
}
