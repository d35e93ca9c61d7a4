//! A queue under policies: they come and go while it lives.

use crate::policy::Policies;
use crate::queue::{Queue, QueueKind, Rules, queue_type};
use crate::wakes::Wakes;

impl Queue {
    /// What kind of queue it is.
    #[must_use]
    pub fn kind(&self) -> QueueKind {
        match queue_type(&self.arguments) {
            "quorum" => QueueKind::Quorum,
            _ => QueueKind::Classic,
        }
    }

    /// The policies that apply to it.
    #[must_use]
    pub fn policies(&self) -> Policies {
        self.policies.lock().clone()
    }

    /// Puts it under these policies, if it is not already. For one caller at a time.
    pub(crate) fn govern(&self, policies: Policies, wakes: &mut Wakes) {
        if self.policies.lock().same(&policies) {
            return;
        }
        let definition = policies.definition();
        let rules = Rules::under(&self.arguments, definition.as_deref());
        drop(definition);
        *self.policies.lock() = policies;
        self.set_rules(rules, wakes);
    }
}
