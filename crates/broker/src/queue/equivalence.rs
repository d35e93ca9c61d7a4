//! When a second `queue.declare` means the same queue, and which arguments can be.

use codec::{AMQPValue, FieldTable};

use crate::error::{Error, Resource};
use crate::queue::{Queue, QueueDeclare};

/// Arguments that take part in equivalence; all others are kept and ignored, as in RabbitMQ.
const COMPARED: [&str; 18] = [
    "x-queue-type",
    "x-message-ttl",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-overflow",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-priority",
    "x-single-active-consumer",
    "x-delivery-limit",
    "x-queue-mode",
    "x-queue-version",
    "x-queue-leader-locator",
    "x-queue-master-locator",
    "x-consumer-timeout",
    "x-max-age",
];

/// Checks a redeclaration against the queue that is there, in RabbitMQ's order.
pub(crate) fn check_equivalent(queue: &Queue, declare: &QueueDeclare) -> Result<(), Error> {
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
    for arg in COMPARED {
        let (received, current) = (find(&declare.arguments, arg), find(queue.arguments(), arg));
        let difference = match (received, current) {
            (None, None) => continue,
            (Some(r), Some(c)) if same(r, c) => continue,
            _ if arg == "x-queue-type"
                && queue_type(&declare.arguments) == queue_type(queue.arguments()) =>
            {
                continue;
            }
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

/// Checks the arguments of a queue that does not exist yet.
pub(crate) fn check_arguments(declare: &QueueDeclare, vhost: &str) -> Result<(), Error> {
    let resource = Resource::queue(&declare.name, vhost);
    let dlx = find(&declare.arguments, "x-dead-letter-exchange");
    if let Some(value) = dlx.filter(|v| !is_string(v)) {
        return Err(Error::InvalidArgumentType {
            arg: "x-dead-letter-exchange".to_owned(),
            resource,
            given: type_name(value),
        });
    }
    let invalid = |arg: &str, reason: String| {
        Err(Error::InvalidArgument {
            arg: arg.to_owned(),
            resource: resource.clone(),
            reason,
        })
    };
    match queue_type(&declare.arguments) {
        "classic" => {}
        "quorum" => check_quorum(declare, &resource)?,
        "stream" => {
            return Err(Error::NotImplemented(
                "stream queues are not supported yet".to_owned(),
            ));
        }
        other => {
            return invalid(
                "x-queue-type",
                format!("\"unsupported queue type '{other}'\""),
            );
        }
    }
    if dlx.is_none() && find(&declare.arguments, "x-dead-letter-routing-key").is_some() {
        return invalid(
            "x-dead-letter-routing-key",
            "routing_key_but_no_dlx_defined".to_owned(),
        );
    }
    for arg in [
        "x-message-ttl",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-max-priority",
    ] {
        let Some(value) = find(&declare.arguments, arg) else {
            continue;
        };
        let Some(number) = codec::get_int(&declare.arguments, arg) else {
            return invalid(
                arg,
                format!("\"expected integer, got {}\"", type_name(value)),
            );
        };
        if let Some(reason) = out_of_range(arg, number) {
            return invalid(arg, reason);
        }
    }
    Ok(())
}

fn check_quorum(declare: &QueueDeclare, resource: &Resource) -> Result<(), Error> {
    let property = match declare {
        d if d.exclusive => "exclusive-owner",
        d if d.auto_delete => "auto-delete",
        d if !d.durable => "non-durable",
        _ => return Ok(()),
    };
    Err(Error::InvalidProperty {
        property,
        resource: resource.clone(),
    })
}

/// Ten years, RabbitMQ's longest time, in milliseconds.
const TIME_MS_MAX: i64 = 315_360_000_000;

fn out_of_range(arg: &str, number: i64) -> Option<String> {
    let time = matches!(arg, "x-message-ttl" | "x-expires");
    match number {
        ..0 => Some(format!("{{value_negative,{number}}}")),
        0 if arg == "x-expires" => Some("{value_zero,0}".to_owned()),
        n if time && n > TIME_MS_MAX => Some(format!("{{value_too_large,{n}}}")),
        n if arg == "x-max-priority" && n > 255 => Some(format!("{{max_value_exceeded,{n}}}")),
        _ => None,
    }
}

fn find<'a>(table: &'a FieldTable, key: &str) -> Option<&'a AMQPValue> {
    table.inner().get(key)
}

const fn is_string(value: &AMQPValue) -> bool {
    matches!(value, AMQPValue::LongString(_))
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
pub(crate) const fn type_name(value: &AMQPValue) -> &'static str {
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
