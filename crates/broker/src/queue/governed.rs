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

    /// Puts it under these policies, if it is not already.
    pub(crate) fn govern(&self, policies: Policies, wakes: &mut Wakes) {
        // Held throughout, so that rules never belong to other policies than those shown.
        let mut current = self.policies.lock();
        if current.same(&policies) {
            return;
        }
        let definition = policies.definition();
        let rules = Rules::under(&self.arguments, definition.as_deref());
        drop(definition);
        *current = policies;
        self.follow(rules, wakes);
    }

    /// Other rules hold from now on.
    #[allow(clippy::unused_self, reason = "queues are about to obey their rules")]
    fn follow(&self, _rules: Rules, _wakes: &mut Wakes) {}
}
