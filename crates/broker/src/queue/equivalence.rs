//! When a second `queue.declare` means the same queue.

use codec::{AMQPValue, FieldTable};

use crate::error::Error;
use crate::queue::arguments::taken_by;
use crate::queue::{Queue, QueueDeclare};

/// What a quorum queue is compared by that is declared again as a classic one, where that is
/// allowed.
const RELAXED: [&str; 7] = [
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-single-active-consumer",
    "x-message-ttl",
];

/// How much has to be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strictness {
    /// All that queues of the type know.
    Full,
    /// Less, for a quorum queue that is declared as a classic one by clients which do not know
    /// of its move.
    Relaxed,
}

/// Checks a redeclaration against the queue that is there, in RabbitMQ's order.
pub(crate) fn check_equivalent(
    queue: &Queue,
    declare: &QueueDeclare,
    strictness: Strictness,
) -> Result<(), Error> {
    let types = (
        queue_type(queue.arguments()),
        queue_type(&declare.arguments),
    );
    let is_relaxed = strictness == Strictness::Relaxed && types == ("quorum", "classic");
    let differs = |arg: &str, received: bool, current: bool| {
        let difference = format!("received '{received}' but current is '{current}'");
        Err(Error::Inequivalent {
            arg: arg.to_owned(),
            resource: queue.resource(),
            difference,
        })
    };
    if queue.exclusive() != declare.exclusive {
        return Err(Error::Locked(queue.resource()));
    }
    // An exclusive queue is never durable, whichever way it was asked for.
    let durable = declare.durable && !declare.exclusive;
    if queue.durable() != durable {
        return differs("durable", durable, queue.durable());
    }
    if queue.auto_delete() != declare.auto_delete {
        return differs("auto_delete", declare.auto_delete, queue.auto_delete());
    }
    for arg in taken_by(types.0) {
        if is_relaxed && !RELAXED.contains(&arg) {
            continue;
        }
        let (received, current) = (find(&declare.arguments, arg), find(queue.arguments(), arg));
        let difference = match (received, current) {
            (None, None) => continue,
            (Some(r), Some(c)) if same(r, c) => continue,
            _ if arg == "x-queue-type" && types.0 == types.1 => continue,
            (Some(r), Some(c)) => format!("received '{}' but current is '{}'", show(r), show(c)),
            (None, Some(c)) => {
                format!(
                    "received none but current is the value '{}' of type '{}'",
                    show(c),
                    type_name(c)
                )
            }
            (Some(r), None) => {
                format!(
                    "received the value '{}' of type '{}' but current is none",
                    show(r),
                    type_name(r)
                )
            }
        };
        return Err(Error::Inequivalent {
            arg: arg.to_owned(),
            resource: queue.resource(),
            difference,
        });
    }
    Ok(())
}

/// The kind of queue that the arguments ask for; `""` and `undefined` count as absent.
pub(crate) fn queue_type(arguments: &FieldTable) -> &str {
    match codec::get_str(arguments, "x-queue-type") {
        None | Some("" | "undefined") => "classic",
        Some(kind) => kind,
    }
}

fn find<'a>(table: &'a FieldTable, key: &str) -> Option<&'a AMQPValue> {
    table.inner().get(key)
}

/// Integers are the same by value, whatever their width on the wire.
fn same(a: &AMQPValue, b: &AMQPValue) -> bool {
    match (codec::as_int(a), codec::as_int(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn show(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(s) => String::from_utf8_lossy(s.as_bytes()).into_owned(),
        AMQPValue::Boolean(b) => b.to_string(),
        other => codec::as_int(other).map_or_else(|| format!("{other:?}"), |n| n.to_string()),
    }
}

/// RabbitMQ's name of a value's type in reply texts.
#[must_use]
pub const fn type_name(value: &AMQPValue) -> &'static str {
    match value {
        AMQPValue::Boolean(_) => "bool",
        AMQPValue::ShortShortInt(_) => "byte",
        AMQPValue::ShortShortUInt(_) => "unsignedbyte",
        AMQPValue::ShortInt(_) => "short",
        AMQPValue::ShortUInt(_) => "unsignedshort",
        AMQPValue::LongInt(_) => "signedint",
        AMQPValue::LongUInt(_) => "unsignedint",
        AMQPValue::LongLongInt(_) => "long",
        AMQPValue::Float(_) => "float",
        AMQPValue::Double(_) => "double",
        AMQPValue::DecimalValue(_) => "decimal",
        AMQPValue::ShortString(_) | AMQPValue::LongString(_) => "longstr",
        AMQPValue::FieldArray(_) => "array",
        AMQPValue::Timestamp(_) => "timestamp",
        AMQPValue::FieldTable(_) => "table",
        AMQPValue::ByteArray(_) => "binary",
        AMQPValue::Void => "void",
    }
}
