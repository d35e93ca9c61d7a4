//! Who may consume: exclusive consumers, and the one active consumer of a queue that has only
//! one at a time.

use crate::ids::ConsumerId;
use crate::queue::consumers::{Consumer, ConsumerSpec};
use crate::queue::state::QueueState;
use crate::queue::{QueueKind, Rules};

/// The one consumer that gets messages, and who is to follow it.
#[derive(Default, Debug)]
pub(super) struct SingleActive {
    pub(super) active: Option<ConsumerId>,
    /// A quorum queue's consumer of higher priority, which takes over once the active one has
    /// settled what it has. Until then nobody gets anything.
    pub(super) successor: Option<ConsumerId>,
    /// Higher priority takes over (quorum queues); else only its end ends an active one.
    takes_over: bool,
}

impl SingleActive {
    pub(super) fn of(rules: &Rules) -> Option<Box<Self>> {
        rules.single_active_consumer.then(|| {
            Box::new(Self {
                takes_over: rules.kind == QueueKind::Quorum,
                ..Self::default()
            })
        })
    }

    /// Who may get a message now.
    pub(super) const fn entitled(&self) -> Option<ConsumerId> {
        match self.successor {
            None => self.active,
            Some(_) => None,
        }
    }

    /// `new` is there; `active` is what is known of the one that is active.
    pub(super) fn joined(&mut self, new: &ConsumerSpec, active: Option<&Consumer>) {
        let Some(active) = active else {
            self.active = Some(new.id);
            return;
        };
        if !self.takes_over || new.priority <= active.spec.priority {
            return;
        }
        if active.holds_nothing() {
            self.active = Some(new.id);
        } else {
            self.successor = Some(new.id);
        }
    }

    /// `gone` is not there any more; `next` is the first of those of highest priority.
    pub(super) fn left(&mut self, gone: ConsumerId, next: Option<ConsumerId>) {
        if self.successor == Some(gone) {
            self.successor = None;
        }
        if self.active == Some(gone) {
            self.active = self.successor.take().or(next);
        }
    }

    /// The active one has settled all it had.
    pub(super) fn settled(&mut self, id: ConsumerId) {
        if self.active == Some(id)
            && let Some(successor) = self.successor.take()
        {
            self.active = Some(successor);
        }
    }
}

impl QueueState {
    /// Whether a consumer may join those that are there. A quorum queue takes the exclusive
    /// flag and does nothing about it.
    pub(super) fn admits(&self, spec: &ConsumerSpec) -> bool {
        if self.rules.kind == QueueKind::Quorum {
            return true;
        }
        let taken = self.consumers.iter().any(|c| c.spec.exclusive);
        let alone = self.consumers.is_empty() && !self.rules.single_active_consumer;
        !taken && (!spec.exclusive || alone)
    }
}
