//! basic.consume, cancel, get, qos; direct reply-to.

use std::sync::Arc;

use broker::{AckMode, ConsumerSpec, Facts, MessageCounts};
use codec::{AMQPClass, GetOkHead, basic, get_ok};

use crate::channel::restrictions::{Asked, Granted, check_get, grant};
use crate::channel::unacked::Origin;
use crate::channel::{Channel, Step};
use crate::client::{Client, Consumer, Source};
use crate::close::{Fault, Violation, short};
use crate::limits::CONSUMERS_PER_CHANNEL_MAX;
use crate::turn::Turn;

/// The queue name that asks for direct reply-to.
pub(crate) const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// What the names that replies are sent to begin with; a secret follows.
pub(crate) const REPLY_PREFIX: &str = "amq.rabbitmq.reply-to.";

const GET_EMPTY: MessageCounts = MessageCounts {
    get_empty: 1,
    ..MessageCounts::ZERO
};

/// The consumer of replies to this channel's requests.
pub(crate) struct ReplyConsumer {
    /// The name that replies are sent to.
    pub(crate) name: String,
    pub(crate) tag: Arc<str>,
}

impl Channel {
    /// The named queue, or for an empty name the one declared last on this channel.
    pub(crate) fn queue_name(&self, given: &str) -> Result<String, Fault> {
        if given.is_empty() {
            return self
                .last_queue
                .clone()
                .ok_or_else(|| Violation::NoQueueDeclared.into());
        }
        Ok(given.to_owned())
    }

    pub(crate) fn consume(
        &mut self,
        m: basic::Consume,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if m.queue.as_str() == REPLY_TO {
            return self.consume_replies(&m, client, turn);
        }
        let name = self.queue_name(m.queue.as_str())?;
        let tag = self.new_tag(m.consumer_tag.as_str(), client)?;
        client.may_read(&name)?;
        let queue = client.vhost.find_queue(&name, &client.actor)?;
        let asked = Asked {
            arguments: &m.arguments,
            exclusive: m.exclusive,
            global_qos: self.credit.limit() != 0,
        };
        let Granted {
            priority,
            exclusive,
            timeout_ms,
        } = grant(&queue, &asked)?;
        let ack = ack_mode(m.no_ack);
        let id = client.broker.next_consumer_id();
        let spec = ConsumerSpec {
            id,
            tag: Arc::clone(&tag),
            connection: client.id,
            connection_name: Arc::clone(&client.info.name),
            channel: self.number,
            outbox: Arc::clone(&client.outbox),
            ack,
            prefetch: self.prefetch,
            priority,
            exclusive,
            arguments: m.arguments,
            credit: Arc::clone(&self.credit),
        };
        let events = client.broker.events();
        let facts =
            (events.are_heard()).then(|| Facts::of_new_consumer(&client.info, &spec, queue.name()));
        queue.add_consumer(spec, &mut turn.wakes)?;
        if let Some(facts) = facts {
            events.emit("consumer.created", || facts);
        }
        let origin = Arc::new(Origin {
            pair: self.info.deliveries.with(&queue),
            queue,
            consumer: Some(id),
            ack,
            timeout_ms,
        });
        if ack == AckMode::Manual {
            self.overdue.expect(origin.timeout_ms(client));
        }
        let source = Source::Queue(origin);
        self.add_consumer(
            Consumer {
                id,
                channel: self.number,
                tag,
                source,
            },
            m.nowait,
            client,
            turn,
        );
        Ok(())
    }

    /// Deliveries come by way of the outbox, so none of them can precede this consume-ok.
    fn add_consumer(
        &mut self,
        consumer: Consumer,
        nowait: bool,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        let consumer = Arc::new(consumer);
        client.consumers.insert(consumer.id, Arc::clone(&consumer));
        if !nowait {
            let ok = basic::ConsumeOk {
                consumer_tag: short(&consumer.tag),
            };
            self.reply(
                AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(ok)),
                None,
                client,
                turn,
            );
        }
        self.consumers.insert(Arc::clone(&consumer.tag), consumer);
    }

    fn new_tag(&self, given: &str, client: &Client) -> Result<Arc<str>, Fault> {
        let limit = client.broker.settings().consumer_max_per_channel;
        let limit = limit.map_or(CONSUMERS_PER_CHANNEL_MAX, |limit| {
            CONSUMERS_PER_CHANNEL_MAX.min(limit as usize)
        });
        if self.consumers.len() >= limit {
            return Err(Violation::TooManyConsumers(limit).into());
        }
        if given.is_empty() {
            return Ok(client.broker.random_name("amq.ctag-").into());
        }
        if self.consumers.contains_key(given) {
            return Err(Violation::ConsumerTagReused(given.to_owned()).into());
        }
        Ok(given.into())
    }

    fn consume_replies(
        &mut self,
        m: &basic::Consume,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if self.replies.is_some() {
            return Err(Violation::ReplyConsumerSet.into());
        }
        if !m.no_ack {
            return Err(Violation::ReplyConsumerAcknowledges.into());
        }
        let tag = self.new_tag(m.consumer_tag.as_str(), client)?;
        let name = client.broker.random_name(REPLY_PREFIX);
        let id = client.broker.next_consumer_id();
        if !client
            .vhost
            .replies()
            .register(name.clone(), Arc::clone(&client.outbox), id)
        {
            return Err(Violation::TooManyReplyConsumers.into());
        }
        self.replies = Some(Box::new(ReplyConsumer {
            name: name.clone(),
            tag: Arc::clone(&tag),
        }));
        let source = Source::Replies(name);
        self.add_consumer(
            Consumer {
                id,
                channel: self.number,
                tag,
                source,
            },
            m.nowait,
            client,
            turn,
        );
        Ok(())
    }

    /// Forgets a consumer that its queue no longer has.
    pub(crate) fn forget_consumer(&mut self, consumer: &Consumer, client: &mut Client) {
        client.consumers.remove(&consumer.id);
        self.consumers.remove(&consumer.tag);
        let events = client.broker.events();
        events.emit("consumer.deleted", || {
            let queue = match &consumer.source {
                Source::Queue(origin) => origin.queue.name(),
                Source::Replies(name) => &**name,
            };
            Facts::of_consumer(&client.info, self.number, &consumer.tag, queue)
        });
        if let Source::Replies(name) = &consumer.source {
            client.vhost.replies().remove(name);
        }
        if self
            .replies
            .as_ref()
            .is_some_and(|replies| replies.tag == consumer.tag)
        {
            self.replies = None;
        }
    }

    pub(crate) fn cancel_ok(&mut self, tag: &str, client: &mut Client, turn: &mut Turn<'_>) {
        let ok = basic::CancelOk {
            consumer_tag: short(tag),
        };
        self.reply(
            AMQPClass::Basic(basic::AMQPMethod::CancelOk(ok)),
            None,
            client,
            turn,
        );
    }

    /// Tells the client that a consumer's queue has gone.
    pub(crate) fn notify_cancel(&mut self, tag: &str, client: &mut Client, turn: &mut Turn<'_>) {
        let cancel = basic::Cancel {
            consumer_tag: short(tag),
            nowait: true,
        };
        self.reply(
            AMQPClass::Basic(basic::AMQPMethod::Cancel(cancel)),
            None,
            client,
            turn,
        );
    }

    pub(crate) fn get(
        &mut self,
        m: &basic::Get,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let name = self.queue_name(m.queue.as_str())?;
        client.may_read(&name)?;
        let queue = client.vhost.find_queue(&name, &client.actor)?;
        check_get(&queue)?;
        let ack = ack_mode(m.no_ack);
        let pair = self.info.deliveries.with(&queue);
        let Some(got) = queue.get(ack) else {
            self.counts.get_empty += 1;
            pair.count(&GET_EMPTY);
            let empty = basic::AMQPMethod::GetEmpty(basic::GetEmpty {});
            self.reply(AMQPClass::Basic(empty), None, client, turn);
            return Ok(());
        };
        self.delivery_tag += 1;
        let tag = self.delivery_tag;
        let head = GetOkHead {
            channel: self.number,
            delivery_tag: tag,
            redelivered: got.entry.redelivered,
            message_count: u32::try_from(got.remaining).unwrap_or(u32::MAX),
        };
        get_ok(turn.out, head, &got.entry.message, client.frame_max);
        let automatic = ack == AckMode::Automatic;
        let counts = MessageCounts {
            get: u64::from(!automatic),
            get_no_ack: u64::from(automatic),
            redeliver: u64::from(got.entry.redelivered),
            ..MessageCounts::ZERO
        };
        self.counts.add(&counts);
        pair.count(&counts);
        if let Some(trace) = client.trace() {
            let from = (&queue, "", ack);
            trace.delivered(self.number, &got.entry, from, &mut turn.wakes);
        }
        if automatic {
            return Ok(());
        }
        self.credit.take_unlimited(1);
        let origin = Arc::new(Origin {
            queue,
            consumer: None,
            ack,
            timeout_ms: None,
            pair,
        });
        self.overdue.expect(origin.timeout_ms(client));
        self.unacked.push(tag, origin, got.entry);
        if self.unacked.is_heavy() {
            self.unacked.relieve(client.broker.commits().committed());
        }
        Ok(())
    }

    pub(crate) fn qos(&mut self, m: &basic::Qos, client: &mut Client, turn: &mut Turn<'_>) -> Step {
        if m.global {
            return Step::LimitChannel(m.prefetch_count.into());
        }
        // RabbitMQ: for consumers started from now on, and any limit on the channel is lifted.
        self.prefetch = m.prefetch_count.into();
        if self.credit.limit() != 0 {
            self.credit.set_limit(0, 0);
            self.resume = true;
        }
        self.qos_ok(client, turn);
        Step::Done
    }

    /// `basic.qos(global=true)`, when no delivery is left between the queues and here.
    pub(crate) fn limit(&mut self, messages: u32, client: &mut Client, turn: &mut Turn<'_>) {
        let settled = self.tx.as_ref().map_or(0, |tx| tx.acks_uncommitted());
        let outstanding = u32::try_from(self.unacked.len() + settled).unwrap_or(u32::MAX);
        self.credit.set_limit(messages, outstanding);
        self.resume = true;
        self.qos_ok(client, turn);
    }

    fn qos_ok(&mut self, client: &mut Client, turn: &mut Turn<'_>) {
        self.reply(
            AMQPClass::Basic(basic::AMQPMethod::QosOk(basic::QosOk {})),
            None,
            client,
            turn,
        );
    }

    /// Lets the queues of this channel's consumers go on.
    pub(crate) fn resume_consumers(&mut self, turn: &mut Turn<'_>) {
        self.resume = false;
        for consumer in self.consumers.values() {
            if let Source::Queue(origin) = &consumer.source {
                origin.queue.resume(consumer.id, &mut turn.wakes);
            }
        }
    }
}

const fn ack_mode(no_ack: bool) -> AckMode {
    if no_ack {
        AckMode::Automatic
    } else {
        AckMode::Manual
    }
}
