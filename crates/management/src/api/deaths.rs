//! `GET /api/leveret/queues/{vhost}/{queue}/dead-letters`: what is in a queue, by how it came to
//! be there.
//!
//! Parameters: `from`, the `next` of the answer before; `count`, messages to look at, at most
//! [`DEATHS_MESSAGES_MAX`]. The answer is `{groups: [{reason, queue, exchange, routing_keys,
//! count, oldest, newest, ids}], next, looked_at, others}`. A group is what has died last for the
//! same reason in the same queue, published to the same exchange; the times are those of the
//! deaths, in milliseconds of the epoch. `others` have never died. A client that asks for the
//! next messages puts groups of the same three names together.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{BROWSE_MESSAGES_MAX, Entry, Message, Queue};
use codec::{AMQPValue, FieldTable};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::browse::number;
use super::selection::IDS_MAX;
use super::{Answer, Shared, queues};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::page::to_value;

/// Messages that one request looks at. The client goes on where it ended.
pub(crate) const DEATHS_MESSAGES_MAX: usize = 5000;

/// Routing keys that are told of one group: enough to see what it is about.
pub(crate) const DEATHS_KEYS_MAX: usize = 10;

pub(super) fn routes() -> Paths {
    let about = "Dead letters of a queue, by reason and origin. Leveret's own.";
    Paths::of("Dead letters", about)
        .path("/leveret/queues/{vhost}/{name}/dead-letters")
        .get(
            "Dead letters by how they died: {groups: [{reason, queue, exchange, routing_keys, \
             count, oldest, newest, ids}], next, looked_at, others}; next is null at the end",
            list,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: Option<String>,
    count: Option<String>,
}

impl Parameters for Asked {
    const FIELDS: &'static [Field] = &[
        optional("from", Kind::Text, "next of the answer before."),
        optional(
            "count",
            Kind::Integer,
            "Messages to look at; 5000 unless told, and at most.",
        ),
    ];
}

/// Why, where, and on the way through which exchange.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
struct Cause {
    reason: String,
    queue: String,
    exchange: String,
}

#[derive(Serialize)]
struct Group {
    #[serde(flatten)]
    cause: Cause,
    routing_keys: BTreeSet<String>,
    count: usize,
    oldest: Option<u64>,
    newest: Option<u64>,
    ids: Vec<String>,
}

#[derive(Default, Serialize)]
struct Grouped {
    groups: Vec<Group>,
    next: Option<String>,
    looked_at: usize,
    others: usize,
    #[serde(skip)]
    places: HashMap<Cause, usize>,
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let (_, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let count = number("count", asked.count.as_deref())?.unwrap_or(DEATHS_MESSAGES_MAX);
    let count = count.clamp(1, DEATHS_MESSAGES_MAX);
    let from = number("from", asked.from.as_deref())?;
    // What is not in memory is read from the disk.
    let grouped = spawn_blocking(move || group(&queue, from, count))
        .await
        .map_err(|_| ApiError::bad_request("the queue could not be read"))?;
    Ok(Json(to_value(&grouped)))
}

fn group(queue: &Queue, mut from: Option<u64>, count: usize) -> Grouped {
    let mut grouped = Grouped::default();
    while grouped.looked_at < count {
        let most = BROWSE_MESSAGES_MAX.min(count - grouped.looked_at);
        let entries = queue.browse(from, most);
        let Some(last) = entries.last() else {
            return grouped;
        };
        from = last.seq.checked_add(1);
        entries.iter().for_each(|entry| grouped.add(entry));
    }
    grouped.next = from.map(|from| from.to_string());
    grouped
}

impl Grouped {
    fn add(&mut self, entry: &Entry) {
        self.looked_at += 1;
        let Some(death) = last_death(&entry.message) else {
            self.others += 1;
            return;
        };
        let text = |name| codec::get_str(&death, name).unwrap_or_default().to_owned();
        let cause = Cause {
            reason: text("reason"),
            queue: text("queue"),
            exchange: text("exchange"),
        };
        let at = *self.places.entry(cause.clone()).or_insert_with(|| {
            self.groups.push(Group {
                cause,
                routing_keys: BTreeSet::new(),
                count: 0,
                oldest: None,
                newest: None,
                ids: Vec::new(),
            });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.add(entry.seq, &death);
        }
    }
}

impl Group {
    fn add(&mut self, seq: u64, death: &FieldTable) {
        self.count += 1;
        if self.ids.len() < IDS_MAX {
            self.ids.push(seq.to_string());
        }
        let keys = codec::get_array(death, "routing-keys").unwrap_or_default();
        for key in keys.iter().filter_map(codec::as_str) {
            if self.routing_keys.len() < DEATHS_KEYS_MAX {
                self.routing_keys.insert(key.to_owned());
            }
        }
        if let Some(at_ms) = died_at_ms(death) {
            self.oldest = self
                .oldest
                .map_or(Some(at_ms), |oldest| Some(oldest.min(at_ms)));
            self.newest = self.newest.max(Some(at_ms));
        }
    }
}

fn died_at_ms(death: &FieldTable) -> Option<u64> {
    match death.inner().get("time")? {
        AMQPValue::Timestamp(seconds) => Some(seconds.saturating_mul(1000)),
        other => u64::try_from(codec::as_int(other)?).ok()?.checked_mul(1000),
    }
}

/// How a message died last, if it ever did.
pub(super) fn last_death(message: &Message) -> Option<FieldTable> {
    let properties = codec::to_basic_properties(&message.header()).ok()?;
    let headers = properties.headers().clone()?;
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else {
        return None;
    };
    let AMQPValue::FieldTable(last) = deaths.as_slice().first()? else {
        return None;
    };
    Some(last.clone())
}
