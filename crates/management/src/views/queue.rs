//! Queues.

mod sort;

use std::sync::Arc;

use broker::{ConnectionInfo, Queue, QueueKind, QueueSnapshot};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) use sort::SortField;

use super::consumer::ConsumerDetails;
use super::pair::Pairs;
use super::policy;
use super::{GarbageCollection, PeerView, Reductions};
use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{History, LENGTHS, MESSAGES, QUEUE_ROW, Sampled, Stats, queue_values};
use crate::{table, timestamp};

/// How much of a queue to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Detail {
    /// What was declared.
    Metadata,
    /// That, and its three lengths.
    Totals,
    /// What lists show.
    Basic,
    /// All but what channels and exchanges know of it.
    Full,
    /// What the queue's own address shows, with the timestamp of its first message.
    Single(Option<u64>),
}

/// What was declared.
#[derive(Serialize, Debug)]
struct QueueView<'a> {
    name: &'a str,
    vhost: &'a str,
    r#type: &'a str,
    durable: bool,
    auto_delete: bool,
    exclusive: bool,
    internal: bool,
    internal_owner: bool,
    arguments: Value,
    node: &'a str,
    state: &'static str,
    policy: Option<String>,
    effective_policy_definition: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_pid_details: Option<PeerView<'a>>,
    #[serde(flatten)]
    totals: Option<Totals>,
    #[serde(flatten)]
    basic: Option<Basic>,
    #[serde(flatten)]
    replicas: Option<Replicas<'a>>,
    #[serde(flatten)]
    full: Option<Full<'a>>,
}

/// Where a quorum queue is: on the only node.
#[derive(Serialize, Debug)]
struct Replicas<'a> {
    leader: &'a str,
    members: [&'a str; 1],
    online: [&'a str; 1],
    open_files: Value,
    /// -1 for none.
    delivery_limit: i64,
}

#[derive(Serialize, Debug)]
struct Totals {
    messages: u64,
    messages_ready: u64,
    messages_unacknowledged: u64,
}

#[derive(Serialize, Debug)]
struct Basic {
    #[serde(flatten)]
    lengths: Stats,
    messages_ram: u64,
    messages_ready_ram: u64,
    messages_unacknowledged_ram: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_persistent: Option<u64>,
    message_bytes: u64,
    message_bytes_ready: u64,
    message_bytes_unacknowledged: u64,
    message_bytes_ram: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_bytes_persistent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_dlx: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_bytes_dlx: Option<u64>,
    memory: u64,
    consumers: u64,
    consumer_capacity: f64,
    consumer_utilisation: f64,
    storage_version: u8,
    #[serde(flatten)]
    reductions: Reductions,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_stats: Option<Stats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_since: Option<String>,
}

#[derive(Serialize, Debug)]
struct Full<'a> {
    consumer_details: Vec<ConsumerDetails<'a>>,
    incoming: Vec<Value>,
    deliveries: Vec<Value>,
    garbage_collection: GarbageCollection,
    head_message_timestamp: Option<u64>,
    exclusive_consumer_tag: Option<&'a str>,
    single_active_consumer_tag: Option<&'a str>,
    operator_policy: Option<String>,
}

/// What happens to messages in channels only.
const NOT_OF_QUEUES: [&str; 3] = ["confirm", "return_unroutable", "drop_unroutable"];

/// How long, in milliseconds, a queue does nothing before it counts as idle.
const IDLE_AFTER_MS: u64 = 10_000;

/// A queue as JSON.
pub(crate) fn show(
    context: &Context,
    sampled: &Sampled,
    queue: &Arc<Queue>,
    detail: Detail,
    windows: &Windows,
) -> Value {
    let snapshot = queue.snapshot();
    let policies = queue.policies();
    let owner = queue
        .owner()
        .and_then(|id| context.broker.registry().get(id));
    let peers: Vec<_> = match detail {
        Detail::Full | Detail::Single(_) => snapshot
            .consumers
            .iter()
            .map(|c| peer(context, c))
            .collect(),
        Detail::Metadata | Detail::Totals | Detail::Basic => Vec::new(),
    };
    let pairs = match detail {
        Detail::Single(_) => Pairs::of_queue(context, queue),
        _ => Pairs::default(),
    };
    let history = sampled.queues.get(&queue.id());
    let settings = context.broker.settings();
    to_value(&QueueView {
        name: queue.name(),
        vhost: queue.vhost(),
        r#type: type_of(queue),
        durable: queue.durable(),
        auto_delete: queue.auto_delete(),
        exclusive: queue.exclusive(),
        internal: false,
        internal_owner: false,
        arguments: table::to_json(queue.arguments()),
        node: &settings.node,
        state: "running",
        policy: policy::user_policy(&policies),
        effective_policy_definition: policy::effective(&policies),
        owner_pid_details: owner.as_deref().map(PeerView::of),
        totals: (detail == Detail::Totals).then(|| Totals::of(&snapshot)),
        basic: (!matches!(detail, Detail::Metadata | Detail::Totals))
            .then(|| Basic::of(queue, &snapshot, history, windows)),
        replicas: Replicas::of(queue, &settings.node),
        full: match detail {
            Detail::Metadata | Detail::Totals | Detail::Basic => None,
            Detail::Full => Some(Full::of(&settings.node, queue, &snapshot, (&peers, pairs))),
            Detail::Single(head_message_timestamp) => Some(Full {
                head_message_timestamp,
                ..Full::of(&settings.node, queue, &snapshot, (&peers, pairs))
            }),
        },
    })
}

fn type_of(queue: &Queue) -> &str {
    codec::get_str(queue.arguments(), "x-queue-type").unwrap_or("classic")
}

impl<'a> Replicas<'a> {
    fn of(queue: &Queue, node: &'a str) -> Option<Self> {
        let rules = queue.rules();
        (rules.kind == QueueKind::Quorum).then(|| Self {
            leader: node,
            members: [node],
            online: [node],
            open_files: json!({ node: 0 }),
            delivery_limit: rules.delivery_limit.map_or(-1, i64::from),
        })
    }
}

fn peer(context: &Context, consumer: &broker::ConsumerView) -> Option<Arc<ConnectionInfo>> {
    context.broker.registry().get(consumer.connection)
}

/// How much of what a queue holds is persistent. A quorum queue keeps all of it, whatever its
/// publisher said; in a durable classic queue it is not counted.
fn persistent(queue: &Queue, all: u64) -> Option<u64> {
    if queue.rules().kind == QueueKind::Quorum {
        return Some(all);
    }
    (!queue.durable()).then_some(0)
}

impl Totals {
    fn of(snapshot: &QueueSnapshot) -> Self {
        let counts = snapshot.counts;
        Self {
            messages: counts.ready + counts.unacked,
            messages_ready: counts.ready,
            messages_unacknowledged: counts.unacked,
        }
    }
}

impl Basic {
    fn of(
        queue: &Queue,
        snapshot: &QueueSnapshot,
        history: Option<&History<QUEUE_ROW>>,
        windows: &Windows,
    ) -> Self {
        let counts = snapshot.counts;
        let is_quorum = queue.rules().kind == QueueKind::Quorum;
        let row = queue_values(&snapshot.messages, counts);
        let (done, lengths_row) = row.split_at(MESSAGES.len());
        let mut lengths = Stats::default();
        lengths.add(
            &LENGTHS,
            lengths_row,
            history,
            MESSAGES.len(),
            windows.lengths,
        );
        let mut stats = Stats::default();
        stats.add(&MESSAGES, done, history, 0, windows.msg_rates);
        let messages = counts.ready + counts.unacked;
        let bytes = counts.ready_bytes + counts.unacked_bytes;
        // Consumers are kept waiting by an empty queue only; with messages waiting they are
        // what limits it.
        let capacity = if counts.consumers > 0 && counts.ready == 0 {
            1.0
        } else {
            0.0
        };
        Self {
            lengths,
            messages_ram: messages,
            messages_ready_ram: counts.ready,
            messages_unacknowledged_ram: counts.unacked,
            messages_persistent: persistent(queue, messages),
            message_bytes: bytes,
            message_bytes_ready: counts.ready_bytes,
            message_bytes_unacknowledged: counts.unacked_bytes,
            message_bytes_ram: bytes,
            message_bytes_persistent: persistent(queue, bytes),
            messages_dlx: is_quorum.then_some(counts.dead_letters),
            message_bytes_dlx: is_quorum.then_some(counts.dead_letter_bytes),
            memory: bytes,
            consumers: counts.consumers,
            consumer_capacity: capacity,
            consumer_utilisation: capacity,
            storage_version: 2,
            reductions: Reductions::default(),
            message_stats: stats.without(&NOT_OF_QUEUES).unless_zero(),
            idle_since: history
                .filter(|h| h.seen_ms().saturating_sub(h.changed_ms()) >= IDLE_AFTER_MS)
                .map(|h| timestamp::iso_8601(h.changed_ms())),
        }
    }
}

impl<'a> Full<'a> {
    fn of(
        node: &'a str,
        queue: &'a Queue,
        snapshot: &'a QueueSnapshot,
        (peers, pairs): (&'a [Option<Arc<ConnectionInfo>>], Pairs),
    ) -> Self {
        let exclusive = snapshot
            .consumers
            .iter()
            .find(|consumer| consumer.exclusive);
        let consumer_details = snapshot
            .consumers
            .iter()
            .zip(peers)
            .map(|(consumer, peer)| ConsumerDetails::of(node, queue, consumer, peer.as_deref()))
            .collect();
        Self {
            consumer_details,
            incoming: pairs.before,
            deliveries: pairs.after,
            garbage_collection: GarbageCollection::default(),
            head_message_timestamp: None,
            exclusive_consumer_tag: exclusive.map(|consumer| &*consumer.tag),
            single_active_consumer_tag: snapshot.single_active.as_ref().map(|one| &*one.tag),
            operator_policy: policy::operator_policy(&queue.policies()),
        }
    }
}
