//! One channel: its state, and what each method does to it.

pub(crate) mod ages;
pub(crate) mod assembly;
pub(crate) mod confirm;
pub(crate) mod consume;
mod declare;
mod deliver;
mod exchange;
pub(crate) mod overdue;
pub(crate) mod parked;
mod properties;
pub(crate) mod publish;
mod restrictions;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod settle;
pub(crate) mod tagged;
mod tell;
pub(crate) mod trace;
mod tx;
pub(crate) mod unacked;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker::{Broker, ChannelCredit, ChannelInfo, Exchange, MessageCounts, Pair, Ticket};
use codec::{
    AMQPClass, access, basic, confirm as confirm_class, encode_method, exchange as exchange_class,
    queue,
};

use crate::channel::assembly::Assembly;
use crate::channel::confirm::ConfirmTracker;
use crate::channel::consume::ReplyConsumer;
use crate::channel::overdue::Overdue;
use crate::channel::parked::Parked;
use crate::channel::properties::PropertiesMemo;
use crate::channel::settle::{Extent, Outcome};
use crate::channel::tx::Tx;
use crate::channel::unacked::Unacked;
use crate::client::{Client, Consumer};
use crate::close::{Fault, Violation};
use crate::turn::Turn;

/// An open channel.
pub(crate) struct Channel {
    pub(crate) number: u16,
    info: Arc<ChannelInfo>,
    pub(crate) assembly: Assembly,
    pub(crate) parked: Parked,
    /// By tag.
    pub(crate) consumers: BTreeMap<Arc<str>, Arc<Consumer>>,
    pub(crate) replies: Option<Box<ReplyConsumer>>,
    pub(crate) unacked: Unacked,
    overdue: Overdue,
    credit: Arc<ChannelCredit>,
    delivery_tag: u64,
    /// For the next consumer.
    prefetch: u32,
    /// The queue that an empty name means.
    last_queue: Option<String>,
    pub(crate) confirms: Option<ConfirmTracker>,
    pub(crate) tx: Option<Box<Tx>>,
    properties: PropertiesMemo,
    /// What was done in this turn.
    pub(crate) counts: MessageCounts,
    /// The exchange that it published to last.
    publishes: Option<Arc<Pair<Exchange>>>,
    /// Consumers may go on: the channel has got credit again.
    pub(crate) resume: bool,
    /// It is being closed: deliveries are collected, not sent.
    pub(crate) closing: bool,
    /// Deliveries up to this tag are being settled, over several turns.
    pub(crate) unfinished: Option<u64>,
    /// It has something to do at the end of the turn.
    pub(crate) touched: bool,
    /// It is among those that wait for a commit.
    pub(crate) waiting: bool,
}

/// What a method leaves to the connection, because other channels are concerned.
pub(crate) enum Step {
    /// Nothing.
    Done,
    /// The consumer with this tag is to go; cancel-ok unless `nowait`.
    Cancel { tag: String, nowait: bool },
    /// `basic.qos(global=true)` with this limit.
    LimitChannel(u32),
    /// The client closes the channel.
    Close,
    /// The client answers our close. Without one, it is too late or too early.
    CloseOk,
}

impl Channel {
    pub(crate) fn new(number: u16, info: Arc<ChannelInfo>, broker: &Broker) -> Self {
        Self {
            number,
            info,
            assembly: Assembly::Idle,
            parked: Parked::default(),
            consumers: BTreeMap::new(),
            replies: None,
            unacked: Unacked::new(Arc::clone(broker.budget())),
            overdue: Overdue::default(),
            credit: Arc::new(ChannelCredit::new()),
            delivery_tag: 0,
            prefetch: broker.settings().default_consumer_prefetch.into(),
            last_queue: None,
            confirms: None,
            tx: None,
            properties: PropertiesMemo::default(),
            counts: MessageCounts::default(),
            publishes: None,
            resume: false,
            closing: false,
            unfinished: None,
            touched: false,
            waiting: false,
        }
    }

    /// A method other than basic.publish and basic.ack, which have their own way in.
    pub(crate) fn on_method(
        &mut self,
        method: AMQPClass,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Fault> {
        match method {
            AMQPClass::Basic(method) => return self.on_basic(method, client, turn),
            AMQPClass::Queue(method) => self.on_queue(method, client, turn)?,
            AMQPClass::Exchange(method) => self.on_exchange(method, client, turn)?,
            AMQPClass::Channel(method) => return self.on_channel(&method, client, turn),
            AMQPClass::Confirm(method) => self.on_confirm(&method, client, turn)?,
            AMQPClass::Tx(method) => self.on_tx(&method, client, turn)?,
            AMQPClass::Access(method) => self.on_access(&method, client, turn)?,
            AMQPClass::Connection(_) => return Err(Violation::ConnectionMethodOnChannel.into()),
        }
        Ok(Step::Done)
    }

    fn on_basic(
        &mut self,
        method: basic::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Fault> {
        use basic::AMQPMethod as M;
        match method {
            M::Qos(m) => return Ok(self.qos(&m, client, turn)),
            M::Consume(m) => self.consume(m, client, turn)?,
            M::Cancel(m) => {
                return Ok(Step::Cancel {
                    tag: m.consumer_tag.into(),
                    nowait: m.nowait,
                });
            }
            M::Publish(m) => self.begin_publish(&m),
            M::Get(m) => self.get(&m, client, turn)?,
            M::Ack(m) => {
                self.settle(
                    m.delivery_tag,
                    Extent::of(m.multiple),
                    Outcome::Acked,
                    client,
                    turn,
                )?;
            }
            M::Nack(m) => self.nack(&m, client, turn)?,
            M::Reject(m) => self.reject(&m, client, turn)?,
            M::RecoverAsync(m) => self.recover(m.requeue, client, turn)?,
            M::Recover(m) => {
                self.recover(m.requeue, client, turn)?;
                let ok = basic::AMQPMethod::RecoverOk(basic::RecoverOk {});
                self.reply(AMQPClass::Basic(ok), None, client, turn);
            }
            // The answer to our basic.cancel: nothing waits for it.
            M::CancelOk(_) => {}
            M::QosOk(_)
            | M::ConsumeOk(_)
            | M::Return(_)
            | M::Deliver(_)
            | M::GetOk(_)
            | M::GetEmpty(_)
            | M::RecoverOk(_) => return Err(Violation::ServerMethod.into()),
        }
        Ok(Step::Done)
    }

    fn on_queue(
        &mut self,
        method: queue::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        use queue::AMQPMethod as M;
        match method {
            M::Declare(m) => self.declare_queue(m, client, turn),
            M::Bind(m) => self.bind_queue(m, client, turn),
            M::Unbind(m) => self.unbind_queue(m, client, turn),
            M::Purge(m) => self.purge_queue(&m, client, turn),
            M::Delete(m) => self.delete_queue(&m, client, turn),
            M::DeclareOk(_) | M::BindOk(_) | M::UnbindOk(_) | M::PurgeOk(_) | M::DeleteOk(_) => {
                Err(Violation::ServerMethod.into())
            }
        }
    }

    fn on_exchange(
        &mut self,
        method: exchange_class::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        use exchange_class::AMQPMethod as M;
        match method {
            M::Declare(m) => self.declare_exchange(m, client, turn),
            M::Delete(m) => self.delete_exchange(&m, client, turn),
            M::Bind(m) => self.bind_exchange(m, client, turn),
            M::Unbind(m) => self.unbind_exchange(m, client, turn),
            M::DeclareOk(_) | M::DeleteOk(_) | M::BindOk(_) | M::UnbindOk(_) => {
                Err(Violation::ServerMethod.into())
            }
        }
    }

    fn on_channel(
        &mut self,
        method: &codec::channel::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<Step, Fault> {
        use codec::channel::{AMQPMethod as M, FlowOk};
        match method {
            M::Open(_) => Err(Violation::SecondChannelOpen.into()),
            M::Flow(m) if m.active => {
                let ok = M::FlowOk(FlowOk { active: true });
                self.reply(AMQPClass::Channel(ok), None, client, turn);
                Ok(Step::Done)
            }
            M::Flow(_) => Err(Violation::FlowInactive.into()),
            M::Close(_) => Ok(Step::Close),
            M::CloseOk(_) => Ok(Step::CloseOk),
            // Never asked for, and harmless.
            M::FlowOk(_) => Ok(Step::Done),
            M::OpenOk(_) => Err(Violation::ServerMethod.into()),
        }
    }

    fn on_confirm(
        &mut self,
        method: &confirm_class::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        use confirm_class::{AMQPMethod as M, SelectOk};
        match method {
            M::Select(_) if self.tx.is_some() => Err(Violation::TxToConfirm.into()),
            M::Select(m) => {
                if self.confirms.is_none() {
                    // What this turn has published before is not to be confirmed.
                    client
                        .published
                        .retain(|group| group.channel != self.number);
                    self.confirms = Some(ConfirmTracker::default());
                }
                if !m.nowait {
                    self.reply(
                        AMQPClass::Confirm(M::SelectOk(SelectOk {})),
                        None,
                        client,
                        turn,
                    );
                }
                Ok(())
            }
            M::SelectOk(_) => Err(Violation::ServerMethod.into()),
        }
    }

    fn on_tx(
        &mut self,
        method: &codec::tx::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        use codec::tx::{AMQPMethod as M, CommitOk, RollbackOk, SelectOk};
        let (ok, ticket) = match method {
            M::Select(_) if self.confirms.is_some() => return Err(Violation::ConfirmToTx.into()),
            M::Select(_) => {
                self.tx.get_or_insert_default();
                (M::SelectOk(SelectOk {}), None)
            }
            M::Commit(_) => (M::CommitOk(CommitOk {}), self.commit(client, turn)?),
            M::Rollback(_) => {
                self.rollback()?;
                (M::RollbackOk(RollbackOk {}), None)
            }
            M::SelectOk(_) | M::CommitOk(_) | M::RollbackOk(_) => {
                return Err(Violation::ServerMethod.into());
            }
        };
        self.reply(AMQPClass::Tx(ok), ticket, client, turn);
        Ok(())
    }

    fn on_access(
        &mut self,
        method: &access::AMQPMethod,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        use access::{AMQPMethod as M, RequestOk};
        match method {
            M::Request(_) => {
                self.reply(
                    AMQPClass::Access(M::RequestOk(RequestOk {})),
                    None,
                    client,
                    turn,
                );
                Ok(())
            }
            M::RequestOk(_) => Err(Violation::ServerMethod.into()),
        }
    }

    /// A basic.publish whose content is not there yet.
    fn begin_publish(&mut self, m: &basic::Publish) {
        let mut names = Vec::new();
        for name in [m.exchange.as_str(), m.routing_key.as_str()] {
            names.push(name.len() as u8);
            names.extend_from_slice(name.as_bytes());
        }
        let flags = u8::from(m.mandatory) | u8::from(m.immediate) << 1;
        self.assembly = Assembly::Header(assembly::Begun {
            names: names.into(),
            flags,
        });
    }

    /// Sends a reply once `ticket` is committed, and never before an earlier one.
    pub(crate) fn reply(
        &mut self,
        reply: AMQPClass,
        ticket: Option<Ticket>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        let ticket = client.pending(ticket);
        if ticket.is_none() && self.parked.is_empty() {
            encode_method(self.number, &reply, turn.out);
        } else {
            self.parked.push(ticket, reply);
            client.parked += 1;
        }
    }

    /// The ticket that something on this channel waits for first.
    pub(crate) fn awaits(&self) -> Option<Ticket> {
        let confirms = self.confirms.as_ref().and_then(ConfirmTracker::awaits);
        match (confirms, self.parked.awaits()) {
            (Some(confirm), Some(reply)) => Some(confirm.min(reply)),
            (confirm, reply) => confirm.or(reply),
        }
    }

    /// Writes what the turn did to where others can see it.
    pub(crate) fn flush_counts(&mut self, client: &Client) {
        let counts = std::mem::take(&mut self.counts);
        self.info.stats.add(&counts);
        client.vhost.stats().add(&counts);
        let set = |gauge: &std::sync::atomic::AtomicU32, value: usize| {
            gauge.store(u32::try_from(value).unwrap_or(u32::MAX), Ordering::Relaxed);
        };
        set(&self.info.consumer_count, self.consumers.len());
        set(&self.info.unacked, self.unacked.len());
        let unconfirmed = self
            .confirms
            .as_ref()
            .map_or(0, ConfirmTracker::unconfirmed);
        set(
            &self.info.unconfirmed,
            usize::try_from(unconfirmed).unwrap_or(usize::MAX),
        );
        set(
            &self.info.uncommitted,
            self.tx.as_ref().map_or(0, |tx| tx.uncommitted()),
        );
        set(
            &self.info.acks_uncommitted,
            self.tx.as_ref().map_or(0, |tx| tx.acks_uncommitted()),
        );
        self.info
            .prefetch_count
            .store(self.prefetch, Ordering::Relaxed);
        self.info
            .global_prefetch_count
            .store(self.credit.limit(), Ordering::Relaxed);
        self.info
            .confirm
            .store(self.confirms.is_some(), Ordering::Relaxed);
        self.info
            .transactional
            .store(self.tx.is_some(), Ordering::Relaxed);
        self.unacked.release();
    }
}
