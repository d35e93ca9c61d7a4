//! The arguments of queues: which type takes which, and what they may be.

use codec::{AMQPValue, FieldTable};

use crate::error::{Error, Resource};
use crate::queue::QueueDeclare;
use crate::queue::equivalence::{queue_type, type_name};

/// Ten years, RabbitMQ's longest time, in milliseconds.
pub(crate) const TIME_MS_MAX: i64 = 315_360_000_000;

/// RabbitMQ's most priorities: a priority is one byte.
pub(crate) const PRIORITY_MAX: i64 = 255;

/// What an argument may be.
enum Check {
    /// Any whole number.
    Integer,
    /// A whole number, 0 or more.
    Count,
    /// A whole number, 1 or more.
    Size,
    /// Milliseconds, 0 or more.
    Ttl,
    /// Milliseconds, 1 or more.
    Expiry,
    /// 0 to 255.
    Priority,
    /// 1 or 2.
    Version,
    /// True or false.
    Switch,
    /// Any text.
    Text,
    /// A text that needs `x-dead-letter-exchange` beside it.
    DeadLetterKey,
    /// A number and a unit of time.
    Age,
    /// `default` or `lazy`.
    Mode,
    /// One of these texts; if not, this is the reason.
    OneOf(&'static [&'static str], &'static str),
    /// Whatever it is, nobody looks at it.
    Anything,
}

/// The types that take an argument.
#[derive(Clone, Copy)]
struct Types {
    classic: bool,
    quorum: bool,
    stream: bool,
}

const ALL: Types = Types {
    classic: true,
    quorum: true,
    stream: true,
};
const NOT_STREAM: Types = Types {
    stream: false,
    ..ALL
};
const CLASSIC: Types = Types {
    quorum: false,
    stream: false,
    ..ALL
};
const QUORUM: Types = Types {
    classic: false,
    stream: false,
    ..ALL
};
const STREAM: Types = Types {
    classic: false,
    quorum: false,
    ..ALL
};

impl Types {
    fn take(self, kind: &str) -> bool {
        match kind {
            "quorum" => self.quorum,
            "stream" => self.stream,
            _ => self.classic,
        }
    }
}

const OVERFLOWS: &[&str] = &["drop-head", "reject-publish", "reject-publish-dlx"];
const STRATEGIES: &[&str] = &["at-most-once", "at-least-once"];
pub(crate) const LOCATORS: &[&str] = &["client-local", "balanced", "random", "least-leaders"];

/// Every argument that RabbitMQ knows, in the order in which it looks at them. Any other is kept
/// and ignored, `x-consumer-timeout` among them: it is obeyed, but neither checked nor compared.
const KNOWN: [(&str, Types, Check); 22] = [
    ("x-expires", NOT_STREAM, Check::Expiry),
    ("x-message-ttl", NOT_STREAM, Check::Ttl),
    ("x-dead-letter-exchange", NOT_STREAM, Check::Text),
    (
        "x-dead-letter-routing-key",
        NOT_STREAM,
        Check::DeadLetterKey,
    ),
    (
        "x-dead-letter-strategy",
        QUORUM,
        Check::OneOf(STRATEGIES, "invalid_dlx_strategy"),
    ),
    ("x-max-length", NOT_STREAM, Check::Count),
    ("x-max-length-bytes", ALL, Check::Count),
    ("x-max-in-memory-length", QUORUM, Check::Count),
    ("x-max-in-memory-bytes", QUORUM, Check::Count),
    ("x-max-priority", CLASSIC, Check::Priority),
    (
        "x-overflow",
        NOT_STREAM,
        Check::OneOf(OVERFLOWS, "invalid_overflow"),
    ),
    ("x-queue-mode", CLASSIC, Check::Mode),
    ("x-queue-version", CLASSIC, Check::Version),
    ("x-single-active-consumer", NOT_STREAM, Check::Switch),
    ("x-delivery-limit", QUORUM, Check::Integer),
    ("x-quorum-initial-group-size", QUORUM, Check::Size),
    ("x-max-age", STREAM, Check::Age),
    ("x-stream-max-segment-size-bytes", STREAM, Check::Count),
    ("x-stream-filter-size-bytes", STREAM, Check::Count),
    ("x-initial-cluster-size", STREAM, Check::Size),
    (
        "x-queue-leader-locator",
        ALL,
        Check::OneOf(LOCATORS, "invalid_queue_locator_arg"),
    ),
    ("x-queue-master-locator", CLASSIC, Check::Anything),
];

/// The arguments that take part in equivalence for this type of queue.
pub(crate) fn taken_by(kind: &str) -> impl Iterator<Item = &'static str> {
    let of_type = KNOWN.iter().filter(move |(_, types, _)| types.take(kind));
    std::iter::once("x-queue-type").chain(of_type.map(|(name, _, _)| *name))
}

/// Checks the arguments of a queue that does not exist yet.
pub(crate) fn check_arguments(declare: &QueueDeclare, vhost: &str) -> Result<(), Error> {
    let arguments = &declare.arguments;
    let resource = Resource::queue(&declare.name, vhost);
    let dlx = find(arguments, "x-dead-letter-exchange");
    if let Some(value) = dlx.filter(|v| !matches!(v, AMQPValue::LongString(_))) {
        return Err(Error::InvalidArgumentType {
            arg: "x-dead-letter-exchange".to_owned(),
            resource,
            given: type_name(value),
        });
    }
    let invalid = |arg: &str, reason: String| Error::InvalidArgument {
        arg: arg.to_owned(),
        resource: resource.clone(),
        reason,
    };
    check_type(arguments).map_err(|reason| invalid("x-queue-type", reason))?;
    for (arg, _, check) in &KNOWN {
        if let Some(value) = find(arguments, arg) {
            check_value(check, value, arguments).map_err(|reason| invalid(arg, reason))?;
        }
    }
    let kind = queue_type(arguments);
    let unwanted = KNOWN
        .iter()
        .find(|(arg, types, _)| find(arguments, arg).is_some() && !types.take(kind));
    if let Some((arg, _, _)) = unwanted {
        return Err(Error::ArgumentNotTaken {
            arg,
            resource,
            queue_type: module(kind),
        });
    }
    match kind {
        "classic" => Ok(()),
        _ => check_replicated(declare, resource),
    }
}

/// A quorum queue or a stream has a name of its own.
pub(crate) fn check_server_named(declare: &QueueDeclare) -> Result<(), Error> {
    match queue_type(&declare.arguments) {
        kind @ ("quorum" | "stream") if declare.server_named => {
            Err(Error::ServerNamed(module(kind)))
        }
        _ => Ok(()),
    }
}

/// RabbitMQ's name of the module behind a type, as reply texts have it.
const fn module(kind: &str) -> &'static str {
    match kind.as_bytes() {
        b"quorum" => "rabbit_quorum_queue",
        b"stream" => "rabbit_stream_queue",
        _ => "rabbit_classic_queue",
    }
}

fn check_type(arguments: &FieldTable) -> Result<(), String> {
    let Some(value) = find(arguments, "x-queue-type") else {
        return Ok(());
    };
    if !matches!(value, AMQPValue::LongString(_)) {
        return Err(unacceptable(value));
    }
    match queue_type(arguments) {
        "classic" | "quorum" | "stream" => Ok(()),
        other => Err(format!("\"unsupported queue type '{other}'\"")),
    }
}

fn check_replicated(declare: &QueueDeclare, resource: Resource) -> Result<(), Error> {
    let property = match declare {
        d if d.auto_delete => "auto-delete",
        d if d.exclusive => "exclusive-owner",
        d if !d.durable => "non-durable",
        d if queue_type(&d.arguments) == "stream" => {
            let reason = "stream queues are not supported yet".to_owned();
            return Err(Error::NotImplemented(reason));
        }
        _ => return Ok(()),
    };
    Err(Error::InvalidProperty { property, resource })
}

fn check_value(check: &Check, value: &AMQPValue, all: &FieldTable) -> Result<(), String> {
    match check {
        Check::Integer => integer(value).map(drop),
        Check::Count => count(value).map(drop),
        Check::Size => match count(value)? {
            0 => Err("{value_zero,0}".to_owned()),
            _ => Ok(()),
        },
        Check::Ttl => time_ms(integer(value)?),
        Check::Expiry => match integer(value)? {
            0 => Err("{value_zero,0}".to_owned()),
            ms => time_ms(ms),
        },
        Check::Priority => match count(value)? {
            n if n > PRIORITY_MAX => Err(format!("{{max_value_exceeded,{n}}}")),
            _ => Ok(()),
        },
        Check::Version => match count(value)? {
            1 | 2 => Ok(()),
            n => Err(format!("\"unsupported queue version {n}\"")),
        },
        Check::Switch => match value {
            AMQPValue::Boolean(_) => Ok(()),
            other => Err(unacceptable(other)),
        },
        Check::Text => text(value).map(drop),
        Check::DeadLetterKey => {
            text(value)?;
            match find(all, "x-dead-letter-exchange") {
                None => Err("routing_key_but_no_dlx_defined".to_owned()),
                Some(_) => Ok(()),
            }
        }
        Check::Age => match text(value)? {
            age if is_age(&age) => Ok(()),
            _ => Err("invalid_max_age".to_owned()),
        },
        Check::Mode => match &*text(value)? {
            "default" | "lazy" => Ok(()),
            mode => Err(format!("\"unsupported queue mode '{mode}'\"")),
        },
        Check::OneOf(words, reason) => match text(value)? {
            word if words.contains(&&*word) => Ok(()),
            _ => Err((*reason).to_owned()),
        },
        Check::Anything => Ok(()),
    }
}

fn integer(value: &AMQPValue) -> Result<i64, String> {
    codec::as_int(value).ok_or_else(|| format!("\"expected integer, got {}\"", type_name(value)))
}

fn count(value: &AMQPValue) -> Result<i64, String> {
    match integer(value)? {
        n if n < 0 => Err(format!("{{value_negative,{n}}}")),
        n => Ok(n),
    }
}

fn time_ms(ms: i64) -> Result<(), String> {
    match ms {
        ..0 => Err(format!("{{value_negative,{ms}}}")),
        ms if ms > TIME_MS_MAX => Err(format!("{{value_too_large,{ms}}}")),
        _ => Ok(()),
    }
}

fn text(value: &AMQPValue) -> Result<String, String> {
    match value {
        AMQPValue::LongString(s) => Ok(String::from_utf8_lossy(s.as_bytes()).into_owned()),
        other => Err(unacceptable(other)),
    }
}

fn unacceptable(value: &AMQPValue) -> String {
    format!("{{unacceptable_type,{}}}", type_name(value))
}

/// Digits that are more than nothing, and a unit of time.
pub(crate) fn is_age(age: &str) -> bool {
    let units_at = age.find(|c: char| !c.is_ascii_digit()).unwrap_or(age.len());
    let (digits, unit) = age.split_at(units_at);
    digits.parse::<u64>().is_ok_and(|n| n > 0) && matches!(unit, "Y" | "M" | "D" | "h" | "m" | "s")
}

fn find<'a>(table: &'a FieldTable, key: &str) -> Option<&'a AMQPValue> {
    table.inner().get(key)
}

#[cfg(test)]
mod tests;
