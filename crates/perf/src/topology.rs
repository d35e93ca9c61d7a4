//! What is declared before and deleted after.

use codec::{AMQPClass, AMQPValue, FieldTable, LongString, ShortString, exchange, queue};

use crate::failure::Failure;
use crate::link::Link;
use crate::options::{Flag, Options};

/// Declares what producers and consumers need.
pub(crate) async fn declare(link: &mut Link, options: &Options) -> Result<(), Failure> {
    let durable = options.has(Flag::Persistent) || options.quorum_queue;
    if let Some(name) = own_exchange(options) {
        let declare = exchange::Declare {
            exchange: ShortString::from(name),
            kind: ShortString::from(options.exchange_type.as_str()),
            passive: false,
            durable,
            auto_delete: false,
            internal: false,
            nowait: false,
            arguments: FieldTable::default(),
        };
        link.ask(&AMQPClass::Exchange(exchange::AMQPMethod::Declare(declare)))
            .await?;
    }
    for name in queues(options) {
        let declare = queue::Declare {
            queue: ShortString::from(name.as_str()),
            passive: false,
            durable,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments: arguments(options),
        };
        link.ask(&AMQPClass::Queue(queue::AMQPMethod::Declare(declare)))
            .await?;
        if let Some(exchange) = &options.exchange {
            let bind = queue::Bind {
                queue: ShortString::from(name.as_str()),
                exchange: ShortString::from(exchange.as_str()),
                routing_key: ShortString::from(options.key_of(&name)),
                nowait: false,
                arguments: FieldTable::default(),
            };
            link.ask(&AMQPClass::Queue(queue::AMQPMethod::Bind(bind)))
                .await?;
        }
    }
    Ok(())
}

/// Deletes it again.
pub(crate) async fn delete(link: &mut Link, options: &Options) -> Result<(), Failure> {
    for name in queues(options) {
        let delete = queue::Delete {
            queue: ShortString::from(name.as_str()),
            if_unused: false,
            if_empty: false,
            nowait: false,
        };
        link.ask(&AMQPClass::Queue(queue::AMQPMethod::Delete(delete)))
            .await?;
    }
    if let Some(name) = own_exchange(options) {
        let delete = exchange::Delete {
            exchange: ShortString::from(name),
            if_unused: false,
            nowait: false,
        };
        link.ask(&AMQPClass::Exchange(exchange::AMQPMethod::Delete(delete)))
            .await?;
    }
    Ok(())
}

/// The exchange, unless it is one that every broker has.
fn own_exchange(options: &Options) -> Option<&str> {
    let name = options.exchange.as_deref();
    name.filter(|name| !name.starts_with("amq."))
}

fn queues(options: &Options) -> impl Iterator<Item = String> + '_ {
    (0..options.queues.max(1)).map(|number| options.queue_of(number))
}

fn arguments(options: &Options) -> FieldTable {
    let mut table = FieldTable::default();
    if options.quorum_queue {
        table.insert("x-queue-type".into(), text("quorum"));
    }
    for (key, value) in &options.queue_args {
        table.insert(ShortString::from(key.as_str()), value_of(value));
    }
    table
}

fn value_of(word: &str) -> AMQPValue {
    match word {
        "true" => AMQPValue::Boolean(true),
        "false" => AMQPValue::Boolean(false),
        _ => word
            .parse()
            .map_or_else(|_| text(word), AMQPValue::LongLongInt),
    }
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text))
}
