//! `POST /api/leveret/queues/{vhost}/{queue}/move`: the first messages of a queue go elsewhere.
//!
//! Body: `count`, at most [`MOVE_MESSAGES_MAX`], and where to: `queue` (a name),
//! `exchange` with perhaps a `routing_key` (else each keeps its own), or `origin: true` for the
//! queue that each was dead-lettered from. The answer is `{moved, unroutable}`. What no queue
//! takes, or the caller may not publish there, stays where it was. A message is acknowledged once its copy is safe: a crash in
//! between leaves both.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use broker::{AckMode, Entry, Message, Queue, Returned, Settled, VHost, Wakes};
use codec::AMQPValue;
use serde_json::json;

use super::{Answer, Shared, exchange_name, exchanges, queues};
use crate::auth::Caller;
use crate::body::Fields;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional, required};

/// Messages that one request moves. They are out of the queue meanwhile, and a client that wants
/// more asks again, which shows how far it is.
pub(crate) const MOVE_MESSAGES_MAX: usize = 1000;

/// Body bytes after which a request takes no further message.
pub(crate) const MOVE_BYTES_MAX: usize = 16 * 1024 * 1024;

const MOVE: &[Field] = &[
    required(
        "count",
        Kind::Integer,
        "So many messages at most; 1000 in one request.",
    ),
    optional("queue", Kind::Text, "To this queue."),
    optional("exchange", Kind::Text, "Or to this exchange."),
    optional(
        "routing_key",
        Kind::Text,
        "With this key; else each keeps its own.",
    ),
    optional(
        "origin",
        Kind::Boolean,
        "Or to the queues that they were dead-lettered from.",
    ),
];

pub(super) fn routes() -> Paths {
    let about = "The first messages of a queue go elsewhere. Leveret's own.";
    Paths::of("Moving messages", about)
        .path("/leveret/queues/{vhost}/{name}/move")
        .post(
            "Moves messages: {moved, unroutable}",
            Success::Object,
            move_messages,
        )
        .body(MOVE)
}

/// Where messages go.
#[derive(Debug)]
enum Target {
    Queue(String),
    Exchange { name: String, key: Option<String> },
    Origin,
}

impl Target {
    fn of(fields: &Fields, vhost: &VHost) -> Result<Self, ApiError> {
        if fields.flag("origin")? {
            return Ok(Self::Origin);
        }
        if let Some(name) = fields.text("queue")? {
            queues::find(vhost, name)?;
            return Ok(Self::Queue(name.to_owned()));
        }
        let name = fields.required_text("exchange")?;
        exchanges::find(vhost, name)?;
        Ok(Self::Exchange {
            name: exchange_name(name).to_owned(),
            key: fields.text("routing_key")?.map(str::to_owned),
        })
    }

    /// Exchange and key for one message; none if it was never dead-lettered.
    fn place(&self, message: &Message) -> Option<(String, String)> {
        match self {
            Self::Queue(name) => Some((String::new(), name.clone())),
            Self::Exchange { name, key } => {
                let own = || message.routing_key().to_owned();
                Some((name.clone(), key.clone().unwrap_or_else(own)))
            }
            Self::Origin => Some((String::new(), origin(message)?)),
        }
    }
}

/// The queue that a message died in last.
fn origin(message: &Message) -> Option<String> {
    let properties = codec::to_basic_properties(&message.header()).ok()?;
    let headers = properties.headers().clone()?;
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else {
        return None;
    };
    let AMQPValue::FieldTable(last) = deaths.as_slice().first()? else {
        return None;
    };
    codec::get_str(last, "queue").map(str::to_owned)
}

async fn move_messages(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let vhost = caller.vhost(&context, &vhost)?;
    queues::find(&vhost, &name)?;
    caller.may_read(&vhost, &name)?;
    let queue = vhost.find_queue(&name, &caller.actor(&vhost)?)?;
    let count = fields
        .count("count")?
        .ok_or(ApiError::KeyMissing("count"))?
        .min(MOVE_MESSAGES_MAX);
    let target = Target::of(&fields, &vhost)?;
    if matches!(&target, Target::Queue(to) if *to == name) {
        return Err(ApiError::bad_request("a queue cannot be moved to itself"));
    }
    let alarms = context.broker.alarms().raised();
    if alarms.any() {
        // The copies would take more of what is short.
        let reason = format!("publishers are blocked: {}", alarms.reason());
        return Err(ApiError::bad_request(reason));
    }
    let mut taken = Taken::from(queue, count);
    let ticket = taken.publish(&caller, &vhost, &target);
    context.committed(ticket).await?;
    let (moved, unroutable) = (taken.done.len(), taken.left.len());
    taken.settle();
    Ok(Json(json!({ "moved": moved, "unroutable": unroutable })))
}

/// Messages on their way. Those that did not arrive go back, also when the request is given up.
struct Taken {
    queue: Arc<Queue>,
    left: Vec<Entry>,
    done: Vec<Entry>,
}

impl Taken {
    fn from(queue: Arc<Queue>, count: usize) -> Self {
        let mut left = Vec::new();
        let mut bytes = 0;
        while left.len() < count && bytes < MOVE_BYTES_MAX {
            let Some(got) = queue.get(AckMode::Manual) else {
                break;
            };
            bytes += got.entry.message.body_len();
            left.push(got.entry);
        }
        Self {
            queue,
            left,
            done: Vec::new(),
        }
    }

    /// Publishes copies; gives what to wait for.
    fn publish(
        &mut self,
        caller: &Caller,
        vhost: &VHost,
        target: &Target,
    ) -> Option<broker::Ticket> {
        let mut ticket = None;
        let mut wakes = Wakes::new();
        for entry in std::mem::take(&mut self.left) {
            let copy = target
                .place(&entry.message)
                .filter(|(exchange, key)| may_publish(caller, vhost, exchange, key))
                .and_then(|place| readdressed(&entry.message, &place));
            let published = copy.and_then(|copy| vhost.publish(copy, &mut wakes).ok());
            match published {
                Some(one) if one.routed && !one.rejected => {
                    ticket = one.ticket.max(ticket);
                    self.done.push(entry);
                }
                _ => self.left.push(entry),
            }
        }
        ticket
    }

    fn settle(mut self) {
        let settled: Vec<Settled> = self
            .done
            .drain(..)
            .map(|entry| Settled::of(&entry, None))
            .collect();
        self.queue.ack(&settled, &mut Wakes::new());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let back = self.left.drain(..).chain(self.done.drain(..));
        let returns = back
            .map(|entry| Returned {
                entry,
                consumer: None,
                ack: AckMode::Manual,
            })
            .collect();
        self.queue.requeue(returns, &mut Wakes::new());
    }
}

fn may_publish(caller: &Caller, vhost: &VHost, exchange: &str, key: &str) -> bool {
    let exchange = vhost.exchange(exchange);
    exchange.is_some_and(|exchange| caller.may_publish(vhost, &exchange, key).is_ok())
}

/// The same message with another exchange and key.
fn readdressed(message: &Message, (exchange, key): &(String, String)) -> Option<Message> {
    let properties = codec::to_basic_properties(&message.header()).ok()?;
    Message::build(exchange, key, &properties, message.body()).ok()
}
