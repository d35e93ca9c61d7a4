//! Policies that come and go under queues and exchanges that live.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::Ticket;

use super::{Policy, PolicyClass, PolicySet};
use crate::definitions::Applied;
use crate::error::Error;
use crate::events::Facts;
use crate::limits::POLICIES_MAX;
use crate::record::Record;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Queues that are given their policies between two flushes of what that does to consumers.
const QUEUES_AT_ONCE: usize = 256;

impl VHost {
    /// The policies that are set.
    pub(crate) fn policy_set(&self) -> Arc<PolicySet> {
        Arc::clone(&self.parameters.policies.read())
    }

    /// The policies of a class, the one that counts first.
    #[must_use]
    pub fn policies(&self, class: PolicyClass) -> Vec<Arc<Policy>> {
        self.policy_set().of(class).to_vec()
    }

    /// The policy of this name.
    #[must_use]
    pub fn policy(&self, class: PolicyClass, name: &str) -> Option<Arc<Policy>> {
        self.policy_set().find(class, name).cloned()
    }

    /// Sets policies, all at once. They are in force when this returns. `created` is about the
    /// last one. `by` is who set them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when there would be too many.
    pub fn put_policies(
        &self,
        policies: Vec<(PolicyClass, Policy)>,
        by: &str,
    ) -> Result<Applied, Error> {
        if policies.is_empty() {
            return Ok(Applied::default());
        }
        let _changing = self.parameters.changes.lock();
        let mut set = PolicySet::clone(&self.policy_set());
        let mut records = Vec::with_capacity(policies.len());
        let mut changed = Vec::with_capacity(policies.len());
        let mut created = false;
        for (class, policy) in policies {
            created = set.find(class, policy.name()).is_none();
            records.push(Record::parameter(
                &self.name,
                class.component(),
                policy.name(),
                &policy.to_value(),
            ));
            let policy = Arc::new(policy);
            changed.push(Arc::clone(&policy));
            set.put(class, policy);
            if set.of(class).len() > POLICIES_MAX {
                return Err(Error::InvalidParameter(format!(
                    "there are {POLICIES_MAX} policies already"
                )));
            }
        }
        let put = |record: &Record| self.services.store.put(&record.key, &record.value);
        let ticket = records.iter().map(put).max();
        self.replace_policies(set);
        for policy in changed {
            let facts = || Facts::of_policy(&self.name, &policy).by(by);
            self.services.events.emit("policy.set", facts);
        }
        Ok(Applied { created, ticket })
    }

    /// Clears a policy on behalf of `by`. `None` if there is none of this name.
    pub fn delete_policy(&self, class: PolicyClass, name: &str, by: &str) -> Option<Ticket> {
        let _changing = self.parameters.changes.lock();
        let mut set = PolicySet::clone(&self.policy_set());
        set.find(class, name)?;
        set.remove(class, name);
        let key = Record::parameter_key(&self.name, class.component(), name);
        let ticket = self.services.store.remove(&key);
        self.replace_policies(set);
        let facts = || Facts::of_parameter(&self.name, name).by(by);
        self.services.events.emit("policy.cleared", facts);
        Some(ticket)
    }

    /// Puts other policies into force. The caller holds `changes`, so that two of these don't
    /// overtake each other on the way through the queues.
    pub(crate) fn replace_policies(&self, set: PolicySet) {
        let set = Arc::new(set);
        {
            // Whoever declares under this lock looks the policies up: a queue is either in the
            // list below or knows the new ones.
            let _topology = self.topology.lock();
            *self.parameters.policies.write() = Arc::clone(&set);
        }
        let mut rerouted = false;
        for exchange in self.exchanges() {
            rerouted |= exchange.govern(set.for_exchange(&exchange.name), &self.services);
        }
        if rerouted {
            self.generation.fetch_add(1, Ordering::Release);
        }
        for queues in self.queues().chunks(QUEUES_AT_ONCE) {
            let mut wakes = Wakes::new();
            for queue in queues {
                queue.govern(set.for_queue(queue.name(), queue.kind()), &mut wakes);
            }
        }
    }
}
