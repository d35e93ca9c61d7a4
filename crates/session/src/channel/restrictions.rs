//! What kinds of queues refuse of consumers.

use broker::{Error, Queue, QueueKind, Resource, Rules, type_name};
use codec::{FieldTable, as_int, get_int};

use crate::close::{Fault, Violation};

/// Consumer arguments that only streams take.
const OF_STREAMS: [&str; 3] = [
    "x-stream-offset",
    "x-stream-filter",
    "x-stream-match-unfiltered",
];

/// What a consumer of a queue asked for, as far as it is granted.
pub(super) struct Granted {
    /// `x-priority`; higher is served first.
    pub(super) priority: i32,
    /// It is alone, and stays so.
    pub(super) exclusive: bool,
    /// `x-consumer-timeout` in milliseconds.
    pub(super) timeout_ms: Option<u64>,
}

/// What `basic.consume` asks for.
pub(super) struct Asked<'a> {
    pub(super) arguments: &'a FieldTable,
    pub(super) exclusive: bool,
    /// The channel has a limit for all its consumers together.
    pub(super) global_qos: bool,
}

/// Checks the request of a consumer against the kind of its queue.
///
/// # Errors
/// 406 for arguments that it can't take, 403 for an exclusive consumer of a queue that picks a
/// single active one, 540 for a shared limit on a quorum queue.
pub(super) fn grant(queue: &Queue, asked: &Asked<'_>) -> Result<Granted, Fault> {
    let rules = Rules::of(queue.arguments());
    let is_quorum = rules.kind == QueueKind::Quorum;
    check_foreign(asked.arguments, queue, rules.kind)?;
    let priority = priority(asked.arguments, &queue.resource())?;
    if is_quorum && asked.global_qos {
        return Err(Error::NotImplemented(format!(
            "{} does not support global qos",
            queue.resource()
        ))
        .into());
    }
    if !is_quorum && rules.single_active_consumer && asked.exclusive {
        return Err(Error::ExclusiveUse(queue.resource()).into());
    }
    let timeout_ms = get_int(asked.arguments, "x-consumer-timeout");
    Ok(Granted {
        priority,
        // Quorum queues take the flag and don't enforce it (RabbitMQ).
        exclusive: asked.exclusive && !is_quorum,
        timeout_ms: timeout_ms.and_then(|ms| u64::try_from(ms).ok()),
    })
}

/// Checks that a message may be fetched.
///
/// # Errors
/// 405 for a quorum queue that picks a single active consumer.
pub(super) fn check_get(queue: &Queue) -> Result<(), Fault> {
    let rules = Rules::of(queue.arguments());
    if rules.kind == QueueKind::Quorum && rules.single_active_consumer {
        return Err(Violation::GetWithSingleActive(queue.resource().to_string()).into());
    }
    Ok(())
}

fn check_foreign(arguments: &FieldTable, queue: &Queue, kind: QueueKind) -> Result<(), Fault> {
    let Some(arg) = OF_STREAMS
        .into_iter()
        .find(|arg| arguments.contains_key(arg))
    else {
        return Ok(());
    };
    let kind = match kind {
        QueueKind::Classic => "rabbit_classic_queue",
        QueueKind::Quorum => "rabbit_quorum_queue",
    };
    let queue = queue.resource().to_string();
    Err(Violation::ForeignArgument { arg, queue, kind }.into())
}

fn priority(arguments: &FieldTable, queue: &Resource) -> Result<i32, Fault> {
    let Some(value) = arguments.inner().get("x-priority") else {
        return Ok(0);
    };
    let Some(priority) = as_int(value) else {
        let reason = format!("\"expected integer, got {}\"", type_name(value));
        let (arg, resource) = ("x-priority".to_owned(), queue.clone());
        return Err(Error::InvalidArgument {
            arg,
            resource,
            reason,
        }
        .into());
    };
    let limits = (i64::from(i32::MIN), i64::from(i32::MAX));
    Ok(i32::try_from(priority.clamp(limits.0, limits.1)).unwrap_or(0))
}
