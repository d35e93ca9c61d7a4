//! Bringing topology and queues back from the store.

use std::collections::{HashMap, HashSet};

use routing::Kind;
use store::{QueueId, Recovered, RecoveredQueue};

use crate::broker::Broker;
use crate::dedup::Digest;
use crate::definitions::{Definition, Origin};
use crate::parameters::StoredParameter;
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
    let mut late = Late::default();
    let mut stages: [Vec<Stored>; 4] = Default::default();
    let mut kept = Kept::default();
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
            Stored::Parameter(_) | Stored::Import(_) => {
                late.add(stored);
                continue;
            }
            Stored::Bucket(..) | Stored::History(..) | Stored::Seen(..) => {
                kept.add(key, stored);
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
    kept.restore(broker, &mut queues);
    late.restore(broker);
    for id in marked.iter().filter(|id| !known.contains(id)) {
        broker.forget_mark(*id);
    }
    for orphan in queues.keys() {
        // Its declaration was deleted, but a crash fell between the two records.
        broker.forget_queue(*orphan);
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

/// What is applied once all queues and exchanges are there.
#[derive(Default)]
struct Late {
    parameters: Vec<StoredParameter>,
    import: Option<Vec<u8>>,
}

impl Late {
    fn add(&mut self, stored: Stored) {
        match stored {
            Stored::Parameter(parameter) => self.parameters.push(parameter),
            Stored::Import(file) => self.import = Some(file),
            _ => {}
        }
    }

    fn restore(self, broker: &Broker) {
        broker.restore_parameters(self.parameters);
        if let Some(file) = self.import {
            broker.resume_import(&file);
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
        | Stored::Import(_)
        | Stored::Bucket(..)
        | Stored::History(..)
        | Stored::Seen(..) => {}
    }
}

/// Number, value and expiry.
type Met = (u64, Digest, u64);

/// What exchanges keep besides their declaration.
#[derive(Default)]
struct Kept {
    /// Store queues, with the keys of their entries.
    queues: Vec<(Vec<u8>, Stored)>,
    /// Values met by deduplication, by virtual host and exchange.
    seen: HashMap<(String, String), Vec<Met>>,
}

impl Kept {
    fn add(&mut self, key: &[u8], stored: Stored) {
        match stored {
            Stored::Seen(vhost, exchange, value, (number, expires_ms)) => {
                let values = self.seen.entry((vhost, exchange)).or_default();
                values.push((number, value, expires_ms));
            }
            other => self.queues.push((key.to_vec(), other)),
        }
    }

    fn restore(self, broker: &Broker, queues: &mut HashMap<QueueId, RecoveredQueue>) {
        let find = |vhost: &str, name: &str| broker.vhost(vhost)?.exchange(name);
        for ((vhost, name), values) in self.seen {
            if let Some(exchange) = find(&vhost, &name)
                && let Some(dedup) = &exchange.dedup
            {
                dedup.restore(values);
            }
        }
        for (key, stored) in self.queues {
            let restored = match &stored {
                Stored::Bucket(vhost, name, (level, index), id) => {
                    let exchange = find(vhost, name);
                    let delays = exchange.and_then(|exchange| exchange.delays.clone());
                    delays.map(|delays| delays.restore(*level, *index, take(queues, *id)))
                }
                Stored::History(vhost, name, id) => find(vhost, name).and_then(|exchange| {
                    let history = exchange.history.as_ref()?;
                    history.restore(take(queues, *id), broker.store());
                    Some(())
                }),
                _ => None,
            };
            if restored.is_none() {
                // Its exchange was deleted, but a crash fell between the two records.
                broker.forget_entry(&key);
            }
        }
    }
}

/// What was recovered of a queue, if it was ever written to.
fn take(queues: &mut HashMap<QueueId, RecoveredQueue>, id: QueueId) -> RecoveredQueue {
    queues.remove(&id).unwrap_or(RecoveredQueue {
        id,
        first_seq: 1,
        next_seq: 1,
        live: 0,
        live_bytes: 0,
    })
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
