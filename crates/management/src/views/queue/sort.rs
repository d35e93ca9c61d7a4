//! What lists of queues are sorted by, without making the JSON of each: of fifty thousand queues a
//! page shows a hundred.

use broker::{Queue, QueueCounts};
use serde_json::Value;

use super::super::policy::user_policy;
use super::{Detail, NOT_OF_QUEUES, type_of};
use crate::rates::{
    Column, History, LENGTHS, MESSAGES, QUEUE_ROW, Sampled, length_values, message_values, rate,
};

/// A field of a queue's JSON that can be had by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SortField {
    VHost,
    Type,
    Durable,
    AutoDelete,
    Exclusive,
    Policy,
    /// Not shown, of no queue.
    Absent,
    /// Something of what it holds.
    Count(fn(QueueCounts) -> u64),
    /// One of [`LENGTHS`], by its place there.
    Length(usize, Aspect),
    /// One of [`MESSAGES`], by its place there.
    Message(usize, Aspect),
}

/// What of a sampled number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aspect {
    Value,
    Rate,
}

impl SortField {
    /// The field at a path of what is shown of a queue, if it is one that can be had by itself.
    pub(crate) fn find(path: &str, detail: Detail) -> Option<Self> {
        Some(match path {
            "vhost" => Self::VHost,
            "type" => Self::Type,
            "durable" => Self::Durable,
            "auto_delete" => Self::AutoDelete,
            "exclusive" => Self::Exclusive,
            "policy" => Self::Policy,
            _ => match (detail, Self::measured(path)?) {
                (Detail::Basic | Detail::Full | Detail::Single(_), field) => field,
                (Detail::Totals, field @ Self::Length(_, Aspect::Value)) => field,
                (Detail::Totals | Detail::Metadata, _) => Self::Absent,
            },
        })
    }

    fn measured(path: &str) -> Option<Self> {
        Some(match path {
            "consumers" => Self::Count(|counts| counts.consumers),
            "memory" | "message_bytes" => {
                Self::Count(|counts| counts.ready_bytes + counts.unacked_bytes)
            }
            "message_bytes_ready" => Self::Count(|counts| counts.ready_bytes),
            "message_bytes_unacknowledged" => Self::Count(|counts| counts.unacked_bytes),
            _ => {
                let (name, aspect) = match path.strip_suffix("_details.rate") {
                    Some(name) => (name, Aspect::Rate),
                    None => (path, Aspect::Value),
                };
                match name.strip_prefix("message_stats.") {
                    Some(name) if NOT_OF_QUEUES.contains(&name) => return None,
                    Some(name) => Self::Message(place(&MESSAGES, name)?, aspect),
                    None => Self::Length(place(&LENGTHS, name)?, aspect),
                }
            }
        })
    }

    /// What the queue's JSON has there.
    pub(crate) fn of(self, queue: &Queue, sampled: &Sampled) -> Value {
        match self {
            Self::VHost => Value::from(&**queue.vhost()),
            Self::Type => Value::from(type_of(queue)),
            Self::Durable => Value::from(queue.durable()),
            Self::AutoDelete => Value::from(queue.auto_delete()),
            Self::Exclusive => Value::from(queue.exclusive()),
            Self::Policy => Value::from(user_policy(&queue.policies())),
            Self::Absent => Value::Null,
            Self::Count(of) => Value::from(of(queue.counts())),
            Self::Length(place, Aspect::Value) => length_values(queue.counts())[place].into(),
            Self::Length(place, Aspect::Rate) => {
                let past = sampled.queues.get(&queue.id());
                rate_of(LENGTHS[place], past, MESSAGES.len() + place)
            }
            Self::Message(place, aspect) => {
                let row = message_values(&queue.tally().1);
                // A queue to which nothing happened has no `message_stats`.
                if is_zero(&row) {
                    return Value::Null;
                }
                match aspect {
                    Aspect::Value => row[place].into(),
                    Aspect::Rate => {
                        let past = sampled.queues.get(&queue.id());
                        rate_of(MESSAGES[place], past, place)
                    }
                }
            }
        }
    }
}

fn place(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name == name)
}

fn is_zero(row: &[u64]) -> bool {
    let columns = MESSAGES.iter().zip(row);
    let mut shown = columns.filter(|(column, _)| !NOT_OF_QUEUES.contains(&column.name));
    shown.all(|(_, value)| *value == 0)
}

fn rate_of(column: Column, past: Option<&History<QUEUE_ROW>>, place: usize) -> Value {
    past.map_or(0.0, |past| rate(column, past, place)).into()
}
