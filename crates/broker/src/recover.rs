//! Bringing topology and queues back from the store.

use std::collections::{HashMap, HashSet};

use routing::Kind;
use store::{QueueId, Recovered, RecoveredQueue};

use crate::broker::Broker;
use crate::definitions::{Definition, Origin};
use crate::record::Stored;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Queue numbers are never given twice, also not those of queues that are empty or gone.
pub(crate) fn highest_queue_id(recovered: &Recovered) -> u32 {
    let declared = recovered
        .entries
        .iter()
        .filter_map(|(key, value)| Stored::decode(key, value)?.queue_id())
        .map(|id| id.0);
    declared.max().unwrap_or(0).max(recovered.max_queue_id)
}

/// Applies what the store holds: virtual hosts, exchanges, queues, bindings, in that order.
pub(crate) fn restore(broker: &Broker, recovered: &Recovered) {
    let mut queues: HashMap<QueueId, RecoveredQueue> =
        recovered.queues.iter().map(|q| (q.id, *q)).collect();
    let mut marks = HashMap::new();
    let mut parameters = Vec::new();
    let mut stages: [Vec<Stored>; 4] = Default::default();
    for (key, value) in &recovered.entries {
        let Some(stored) = Stored::decode(key, value) else {
            tracing::error!(key = %String::from_utf8_lossy(key), "an entry of the store makes no sense and is skipped");
            continue;
        };
        let stage = match stored {
            Stored::Mark(id, delivered_to) => {
                marks.insert(id, delivered_to);
                continue;
            }
            Stored::Parameter(parameter) => {
                parameters.push(parameter);
                continue;
            }
            Stored::VHost(_) => 0,
            Stored::Exchange(..) => 1,
            Stored::Queue(..) => 2,
            Stored::Binding(..) => 3,
        };
        stages[stage].push(stored);
    }
    let known: HashSet<QueueId> = stages[2].iter().filter_map(Stored::queue_id).collect();
    for stored in stages.into_iter().flatten() {
        restore_one(
            broker,
            stored,
            &mut queues,
            recovered.clean.then_some(&marks),
        );
    }
    broker.restore_parameters(parameters);
    for id in marks.keys().filter(|id| !known.contains(id)) {
        broker.forget_mark(*id);
    }
    for orphan in queues.keys() {
        // Its declaration was deleted, but a crash fell between the two records.
        broker.forget_queue(*orphan);
    }
}

fn restore_one(
    broker: &Broker,
    stored: Stored,
    queues: &mut HashMap<QueueId, RecoveredQueue>,
    marks: Option<&HashMap<QueueId, u64>>,
) {
    match stored {
        Stored::VHost(name) => drop(broker.add_vhost(&name)),
        Stored::Exchange(vhost, declare) => {
            if let (Some(vhost), Some(kind)) = (broker.vhost(&vhost), Kind::parse(&declare.kind)) {
                apply(&vhost, Definition::DeclareExchange(&declare, kind));
            }
        }
        Stored::Queue(vhost, declare, id) => {
            let empty = RecoveredQueue {
                id,
                first_seq: 1,
                next_seq: 1,
                live: 0,
                live_bytes: 0,
            };
            let messages = queues.remove(&id).unwrap_or(empty);
            // After a crash nobody knows what was delivered: all of it may have been.
            let delivered_to = match marks {
                Some(marks) => marks.get(&id).copied().unwrap_or(0),
                None => messages.next_seq.saturating_sub(1),
            };
            if let Some(vhost) = broker.vhost(&vhost) {
                apply(
                    &vhost,
                    Definition::DeclareQueue(&declare, id, None, Some((messages, delivered_to))),
                );
            }
        }
        Stored::Binding(vhost, spec) => {
            if let Some(vhost) = broker.vhost(&vhost) {
                apply(&vhost, Definition::Bind(&spec));
            }
        }
        Stored::Mark(..) | Stored::Parameter(_) => {}
    }
}

fn apply(vhost: &VHost, definition: Definition<'_>) {
    let applied = vhost.apply(
        &mut vhost.topology.lock(),
        definition,
        Origin::Store,
        &mut Wakes::new(),
    );
    if let Err(error) = applied {
        tracing::error!(%error, vhost = %vhost.name(), "a stored definition can't be restored and is skipped");
    }
}
