//! Conversations: a scripted client, a virtual clock, a real broker, no socket.

mod alarms;
mod anything;
mod consume;
mod declare;
mod frames;
mod handshake;
mod life;
mod modes;
mod overdue;
mod publish;
mod reply_to;
mod rest;
mod settle;
mod talk;
mod tell;
mod unacked;

use std::sync::Arc;

use codec::{AMQPClass, AMQPValue, FieldTable, basic, channel, connection, exchange, queue};

use crate::channel::settle::Extent;
use crate::tests::talk::{Home, Talk};

pub(crate) fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert((*name).into(), value.clone());
    }
    table
}

pub(crate) fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

pub(crate) fn of_basic(method: basic::AMQPMethod) -> AMQPClass {
    AMQPClass::Basic(method)
}

pub(crate) fn of_queue(method: queue::AMQPMethod) -> AMQPClass {
    AMQPClass::Queue(method)
}

pub(crate) fn of_exchange(method: exchange::AMQPMethod) -> AMQPClass {
    AMQPClass::Exchange(method)
}

pub(crate) fn of_channel(method: channel::AMQPMethod) -> AMQPClass {
    AMQPClass::Channel(method)
}

pub(crate) fn of_connection(method: connection::AMQPMethod) -> AMQPClass {
    AMQPClass::Connection(method)
}

pub(crate) fn open_channel() -> AMQPClass {
    of_channel(channel::AMQPMethod::Open(channel::Open {}))
}

pub(crate) fn close_channel() -> AMQPClass {
    of_channel(channel::AMQPMethod::Close(channel::Close {
        reply_code: 200,
        reply_text: "bye".into(),
        class_id: 0,
        method_id: 0,
    }))
}

pub(crate) fn channel_close_ok() -> AMQPClass {
    of_channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}

pub(crate) fn declare(name: &str) -> queue::Declare {
    queue::Declare {
        queue: name.into(),
        passive: false,
        durable: false,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::default(),
    }
}

pub(crate) fn declare_queue(method: queue::Declare) -> AMQPClass {
    of_queue(queue::AMQPMethod::Declare(method))
}

pub(crate) fn declare_ok(name: &str, messages: u32, consumers: u32) -> AMQPClass {
    of_queue(queue::AMQPMethod::DeclareOk(queue::DeclareOk {
        queue: name.into(),
        message_count: messages,
        consumer_count: consumers,
    }))
}

pub(crate) fn declare_exchange(name: &str, kind: &str) -> exchange::Declare {
    exchange::Declare {
        exchange: name.into(),
        kind: kind.into(),
        passive: false,
        durable: false,
        auto_delete: false,
        internal: false,
        nowait: false,
        arguments: FieldTable::default(),
    }
}

pub(crate) fn bind(name: &str, exchange: &str, key: &str) -> AMQPClass {
    of_queue(queue::AMQPMethod::Bind(queue::Bind {
        queue: name.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        nowait: false,
        arguments: FieldTable::default(),
    }))
}

pub(crate) fn bind_ok() -> AMQPClass {
    of_queue(queue::AMQPMethod::BindOk(queue::BindOk {}))
}

pub(crate) fn delete_queue(name: &str) -> AMQPClass {
    of_queue(queue::AMQPMethod::Delete(queue::Delete {
        queue: name.into(),
        if_unused: false,
        if_empty: false,
        nowait: false,
    }))
}

pub(crate) fn consume(name: &str, tag: &str, no_ack: bool) -> basic::Consume {
    basic::Consume {
        queue: name.into(),
        consumer_tag: tag.into(),
        no_local: false,
        no_ack,
        exclusive: false,
        nowait: false,
        arguments: FieldTable::default(),
    }
}

pub(crate) fn start_consumer(method: basic::Consume) -> AMQPClass {
    of_basic(basic::AMQPMethod::Consume(method))
}

pub(crate) fn consume_ok(tag: &str) -> AMQPClass {
    of_basic(basic::AMQPMethod::ConsumeOk(basic::ConsumeOk {
        consumer_tag: tag.into(),
    }))
}

pub(crate) fn cancel(tag: &str) -> AMQPClass {
    of_basic(basic::AMQPMethod::Cancel(basic::Cancel {
        consumer_tag: tag.into(),
        nowait: false,
    }))
}

pub(crate) fn cancel_ok(tag: &str) -> AMQPClass {
    of_basic(basic::AMQPMethod::CancelOk(basic::CancelOk {
        consumer_tag: tag.into(),
    }))
}

pub(crate) fn qos(prefetch_count: u16, global: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Qos(basic::Qos {
        prefetch_count,
        global,
    }))
}

pub(crate) fn qos_ok() -> AMQPClass {
    of_basic(basic::AMQPMethod::QosOk(basic::QosOk {}))
}

pub(crate) fn get(name: &str, no_ack: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Get(basic::Get {
        queue: name.into(),
        no_ack,
    }))
}

pub(crate) fn ack(delivery_tag: u64, multiple: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Ack(basic::Ack {
        delivery_tag,
        multiple,
    }))
}

pub(crate) fn nack(delivery_tag: u64, extent: Extent, requeue: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Nack(basic::Nack {
        delivery_tag,
        multiple: extent == Extent::UpTo,
        requeue,
    }))
}

pub(crate) fn confirm_select() -> AMQPClass {
    AMQPClass::Confirm(codec::confirm::AMQPMethod::Select(codec::confirm::Select {
        nowait: false,
    }))
}

pub(crate) fn confirm_select_ok() -> AMQPClass {
    AMQPClass::Confirm(codec::confirm::AMQPMethod::SelectOk(
        codec::confirm::SelectOk {},
    ))
}

/// A basic.qos with a prefetch-size, which amq-protocol's struct leaves out.
pub(crate) fn frames_of_qos(prefetch_size: u32) -> Vec<u8> {
    let mut bytes = talk::frame(1, &qos(1, false));
    bytes[11..15].copy_from_slice(&prefetch_size.to_be_bytes());
    bytes
}

pub(crate) fn close_connection() -> AMQPClass {
    of_connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: 200,
        reply_text: "bye".into(),
        class_id: 0,
        method_id: 0,
    }))
}

/// A publisher to a queue, and its consumer, which does not acknowledge.
pub(crate) fn pair(home: &Arc<Home>) -> (Talk, Talk) {
    let mut talk = Talk::join(home);
    talk.queue("q");
    let mut other = Talk::join(home);
    other.send(1, start_consumer(consume("q", "c", true)));
    other.expect(1, consume_ok("c"));
    (talk, other)
}
