//! Bringing topology and queues back from the store.

use std::collections::{HashMap, HashSet};

use routing::Kind;
use store::{QueueId, Recovered, RecoveredQueue};

use crate::broker::Broker;
use crate::definitions::{Definition, Origin};
use crate::queue::{Revived, Span};
use crate::record::Stored;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Queue numbers are never given twice, also not those of queues that are empty or gone.
pub(crate) fn highest_queue_id(recovered: &Recovered) -> u32 {
    let declared = recovered
        .entries
        .iter()
        .filter_map(|(key, value)| Stored::decode(key, value)?.span())
        .map(|span| span.first.0 + u32::from(span.levels) - 1);
    declared.max().unwrap_or(0).max(recovered.max_queue_id)
}

/// Applies what the store holds: virtual hosts, exchanges, queues, bindings, in that order.
pub(crate) fn restore(broker: &Broker, recovered: &Recovered) {
    let mut queues: HashMap<QueueId, RecoveredQueue> =
        recovered.queues.iter().map(|q| (q.id, *q)).collect();
    let mut accesses = Vec::new();
    let mut notes = QueueNotes {
        marks: recovered.clean.then(HashMap::new),
        ..QueueNotes::default()
    };
    let mut marked = Vec::new();
    let mut parameters = Vec::new();
    let mut import = None;
    let mut stages: [Vec<Stored>; 4] = Default::default();
    for (key, value) in &recovered.entries {
        let Some(stored) = Stored::decode(key, value) else {
            tracing::error!(key = %String::from_utf8_lossy(key), "an entry of the store makes no sense and is skipped");
            continue;
        };
        let stage = match stored {
            Stored::Mark(id, delivered_to) => {
                marked.push(id);
                if let Some(marks) = &mut notes.marks {
                    marks.insert(id, delivered_to);
                }
                continue;
            }
            Stored::Timed(id) => {
                notes.timed.insert(id);
                continue;
            }
            Stored::Returns(id, seq, count) => {
                notes.returns.entry(id).or_default().insert(seq, count);
                continue;
            }
            Stored::Parameter(parameter) => {
                parameters.push(parameter);
                continue;
            }
            Stored::Import(file) => {
                import = Some(file);
                continue;
            }
            Stored::Access(access) => {
                accesses.push(access);
                continue;
            }
            Stored::VHost(..) => 0,
            Stored::Exchange(..) => 1,
            Stored::Queue(..) => 2,
            Stored::Binding(..) => 3,
        };
        stages[stage].push(stored);
    }
    broker.restore_access(accesses);
    let known: HashSet<QueueId> = stages[2]
        .iter()
        .filter_map(Stored::span)
        .flat_map(Span::ids)
        .collect();
    for stored in stages.into_iter().flatten() {
        restore_one(broker, stored, &mut queues, &mut notes);
    }
    broker.restore_parameters(parameters);
    for id in marked.iter().filter(|id| !known.contains(id)) {
        broker.forget_mark(*id);
    }
    for orphan in queues.keys() {
        // Its declaration was deleted, but a crash fell between the two records.
        broker.forget_queue(*orphan);
    }
    if let Some(file) = import {
        broker.resume_import(&file);
    }
}

/// What the store tells of queues besides their messages.
#[derive(Default)]
struct QueueNotes {
    /// How far they were delivered; none after a crash.
    marks: Option<HashMap<QueueId, u64>>,
    timed: HashSet<QueueId>,
    returns: HashMap<QueueId, HashMap<u64, u32>>,
}

impl QueueNotes {
    /// What a queue brings along, with the messages that are found in `queues`.
    fn revive(&mut self, span: Span, queues: &mut HashMap<QueueId, RecoveredQueue>) -> Revived {
        let level = |id: QueueId| {
            let messages = queues.remove(&id).unwrap_or(RecoveredQueue {
                id,
                first_seq: 1,
                next_seq: 1,
                live: 0,
                live_bytes: 0,
            });
            // After a crash nobody knows what was delivered: all of it may have been.
            let delivered_to = match &self.marks {
                Some(marks) => marks.get(&id).copied().unwrap_or(0),
                None => messages.next_seq.saturating_sub(1),
            };
            (messages, delivered_to)
        };
        Revived {
            levels: span.ids().map(level).collect(),
            timed: self.timed.contains(&span.first),
            returns: self.returns.remove(&span.first).unwrap_or_default(),
        }
    }
}

fn restore_one(
    broker: &Broker,
    stored: Stored,
    queues: &mut HashMap<QueueId, RecoveredQueue>,
    notes: &mut QueueNotes,
) {
    match stored {
        Stored::VHost(name, meta) => drop(broker.add_vhost(&name, meta)),
        Stored::Exchange(vhost, declare) => {
            if let (Some(vhost), Some(kind)) = (broker.vhost(&vhost), Kind::parse(&declare.kind)) {
                apply(&vhost, Definition::DeclareExchange(&declare, kind));
            }
        }
        Stored::Queue(vhost, declare, span) => {
            let revived = notes.revive(span, queues);
            if let Some(vhost) = broker.vhost(&vhost) {
                apply(
                    &vhost,
                    Definition::DeclareQueue(&declare, span, None, Some(revived)),
                );
            }
        }
        Stored::Binding(vhost, spec) => {
            if let Some(vhost) = broker.vhost(&vhost) {
                apply(&vhost, Definition::Bind(&spec));
            }
        }
        Stored::Mark(..)
        | Stored::Timed(_)
        | Stored::Returns(..)
        | Stored::Access(_)
        | Stored::Parameter(_)
        | Stored::Import(_) => {}
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
