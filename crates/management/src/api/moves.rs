//! `POST /api/leveret/queues/{vhost}/{queue}/move`: messages of a queue go elsewhere.
//!
//! Body: `count`, at most [`MOVE_MESSAGES_MAX`], for the first ones, or `ids` as browsing tells
//! them; and where to: `queue` (a name), `exchange` with perhaps a `routing_key` (else each keeps
//! its own), or `origin: true` for the queue that each was dead-lettered from. The answer is
//! `{moved, unroutable}`. What no queue takes, or the caller may not publish there, stays where
//! it was. A message is dropped once its copy is safe: a crash in between leaves both.
//!
//! With `copy: true` all of them stay. To copy more than the first ones, give `from`, the `next`
//! of the answer before, which is null at the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use broker::{Message, Picked, Queue, VHost, Wakes};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::deaths::last_death;
use super::selection::{self, IDS_MAX};
use super::{Answer, Shared, exchange_name, exchanges, queues};
use crate::auth::Caller;
use crate::body::Fields;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional};

/// Messages that one request moves. They are out of the queue meanwhile, and a client that wants
/// more asks again, which shows how far it is.
pub(crate) const MOVE_MESSAGES_MAX: usize = IDS_MAX;

const MOVE: &[Field] = &[
    optional(
        "count",
        Kind::Integer,
        "So many of the first messages at most; 1000 in one request.",
    ),
    optional("ids", Kind::Words, "Or these, as browsing tells them."),
    optional("copy", Kind::Boolean, "They stay where they are, too."),
    optional(
        "from",
        Kind::Text,
        "next of the answer before, to copy what comes then.",
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
    let about = "Messages of a queue go elsewhere. Leveret's own.";
    Paths::of("Moving messages", about)
        .path("/leveret/queues/{vhost}/{name}/move")
        .post(
            "Moves or copies messages: {moved, unroutable, next}; next only with copy",
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
    let death = last_death(message)?;
    codec::get_str(&death, "queue").map(str::to_owned)
}

async fn move_messages(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let (vhost, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let wanted = Wanted::of(&fields)?;
    let target = Target::of(&fields, &vhost)?;
    let copies = fields.flag("copy")?;
    if !copies && matches!(&target, Target::Queue(to) if *to == name) {
        return Err(ApiError::bad_request("a queue cannot be moved to itself"));
    }
    let alarms = context.broker.alarms().raised();
    if alarms.any() {
        // The copies would take more of what is short.
        let reason = format!("publishers are blocked: {}", alarms.reason());
        return Err(ApiError::bad_request(reason));
    }
    if copies {
        let (messages, next) = read(move || wanted.look_at(&queue)).await?;
        let (mut moved, mut ticket) = (0, None);
        for message in &messages {
            if let Some(one) = send(&caller, &vhost, &target, message) {
                moved += 1;
                ticket = one.max(ticket);
            }
        }
        context.committed(ticket).await?;
        let unroutable = messages.len() - moved;
        let next = next.map(|next| next.to_string());
        return Ok(Json(
            json!({ "moved": moved, "unroutable": unroutable, "next": next }),
        ));
    }
    let mut taken = read(move || wanted.take(queue)).await?;
    let ticket = taken.send(&caller, &vhost, &target);
    context.committed(ticket).await?;
    let (moved, unroutable) = (taken.done.len(), taken.left.len());
    taken.drop_sent();
    Ok(Json(json!({ "moved": moved, "unroutable": unroutable })))
}

/// What is not in memory is read from the disk.
async fn read<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    spawn_blocking(read)
        .await
        .map_err(|_| ApiError::bad_request("the queue could not be read"))
}

/// Which messages are to go.
enum Wanted {
    First { count: usize, from: Option<u64> },
    These(Vec<u64>),
}

impl Wanted {
    fn of(fields: &Fields) -> Result<Self, ApiError> {
        if let Some(ids) = selection::ids(fields)? {
            return Ok(Self::These(ids));
        }
        let count = fields
            .count("count")?
            .ok_or(ApiError::KeyMissing("count"))?
            .min(MOVE_MESSAGES_MAX);
        let from = fields.text("from")?.filter(|from| !from.is_empty());
        let from = from.map(selection::id).transpose()?;
        Ok(Self::First { count, from })
    }

    /// Copies of the messages, and where the next ones begin.
    fn look_at(&self, queue: &Queue) -> (Vec<Message>, Option<u64>) {
        let (seen, next) = match self {
            Self::These(ids) => (queue.look_at(ids), None),
            Self::First { count, from } => {
                let seen = queue.browse(*from, *count);
                let next = seen.last().map(|last| last.seq + 1);
                (seen, next)
            }
        };
        let messages = seen.into_iter().map(|entry| entry.message).collect();
        (messages, next)
    }

    fn take(&self, queue: Arc<Queue>) -> Taken {
        let left = match self {
            Self::These(ids) => queue.pick(ids),
            Self::First { count, .. } => {
                let first = queue.browse(None, *count);
                let first: Vec<u64> = first.iter().map(|entry| entry.seq).collect();
                queue.pick(&first)
            }
        };
        Taken {
            queue,
            left,
            done: Vec::new(),
        }
    }
}

/// Messages on their way. Those that did not arrive go back, also when the request is given up.
struct Taken {
    queue: Arc<Queue>,
    left: Vec<Picked>,
    done: Vec<Picked>,
}

impl Taken {
    /// Publishes copies; gives what to wait for.
    fn send(&mut self, caller: &Caller, vhost: &VHost, target: &Target) -> Option<broker::Ticket> {
        let mut ticket = None;
        for one in std::mem::take(&mut self.left) {
            match send(caller, vhost, target, &one.entry.message) {
                Some(sent) => {
                    ticket = sent.max(ticket);
                    self.done.push(one);
                }
                None => self.left.push(one),
            }
        }
        ticket
    }

    fn drop_sent(mut self) {
        let done = std::mem::take(&mut self.done);
        // Lost, it would leave both, as a crash a moment earlier.
        let _ticket = self.queue.drop_picked(&done, &mut Wakes::new());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let back = self.left.drain(..).chain(self.done.drain(..)).collect();
        self.queue.unpick(back, &mut Wakes::new());
    }
}

/// Publishes a copy: what to wait for, if anything. None if no queue takes it.
fn send(
    caller: &Caller,
    vhost: &VHost,
    target: &Target,
    message: &Message,
) -> Option<Option<broker::Ticket>> {
    let place = target
        .place(message)
        .filter(|(exchange, key)| may_publish(caller, vhost, exchange, key))?;
    let copy = readdressed(message, &place)?;
    let published = vhost.publish(copy, &mut Wakes::new()).ok()?;
    (published.routed && !published.rejected).then_some(published.ticket)
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
