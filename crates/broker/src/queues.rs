//! The queues of one virtual host, to be found by name or number.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use dashmap::DashSet;
use store::QueueId;

use crate::queue::Queue;

/// Both tables hold the queues themselves, which know their names and numbers: a name of its own
/// in each row took as much as a quarter of an idle queue.
#[derive(Default)]
pub(crate) struct Queues {
    by_name: DashSet<ByName>,
    by_id: DashSet<ById>,
}

struct ByName(Arc<Queue>);

struct ById(Arc<Queue>);

impl Queues {
    /// The queue of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Queue>> {
        self.by_name.get(name).map(|found| Arc::clone(&found.0))
    }

    /// The queue of this number.
    pub(crate) fn numbered(&self, id: QueueId) -> Option<Arc<Queue>> {
        self.by_id.get(&id).map(|found| Arc::clone(&found.0))
    }

    /// Adds a queue, whose name and number nobody has.
    pub(crate) fn insert(&self, queue: Arc<Queue>) {
        self.by_id.insert(ById(Arc::clone(&queue)));
        self.by_name.insert(ByName(queue));
    }

    /// It can't be found by its name any more. False: it could not before.
    pub(crate) fn forget_name(&self, name: &str) -> bool {
        self.by_name.remove(name).is_some()
    }

    /// It can't be found by its number any more.
    pub(crate) fn forget_number(&self, id: QueueId) {
        self.by_id.remove(&id);
    }

    /// Those that have a name, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Queue>> {
        self.by_name
            .iter()
            .map(|found| Arc::clone(&found.0))
            .collect()
    }

    /// How many have a name.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }
}

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self.0.name()).hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for ByName {}

impl Borrow<QueueId> for ById {
    fn borrow(&self) -> &QueueId {
        self.0.id_ref()
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}
