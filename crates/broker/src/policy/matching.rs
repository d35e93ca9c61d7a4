//! Which policies apply to what.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{ApplyTo, Policy, PolicyClass, keys, merge};
use crate::queue::QueueKind;

/// The policies of a virtual host, the one that counts first. Never changed: replaced.
#[derive(Clone, Default, Debug)]
pub(crate) struct PolicySet {
    user: Vec<Arc<Policy>>,
    operator: Vec<Arc<Policy>>,
}

/// The policies that apply to one object.
#[derive(Clone, Default, Debug)]
pub struct Policies {
    /// Of those that users set.
    pub user: Option<Arc<Policy>>,
    /// Of those that the operator set.
    pub operator: Option<Arc<Policy>>,
}

impl Policies {
    /// What they say together; `None` if there are none.
    #[must_use]
    pub fn definition(&self) -> Option<Cow<'_, Map<String, Value>>> {
        match (&self.user, &self.operator) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(Cow::Borrowed(one.definition())),
            (Some(user), Some(operator)) => Some(Cow::Owned(merge::merged(
                user.definition(),
                operator.definition(),
            ))),
        }
    }

    /// Whether these are the very same policies.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let same = |a: &Option<Arc<Policy>>, b: &Option<Arc<Policy>>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same(&self.user, &other.user) && same(&self.operator, &other.operator)
    }
}

impl PolicySet {
    /// The policies of a class, the one that counts first.
    pub(crate) fn of(&self, class: PolicyClass) -> &[Arc<Policy>] {
        match class {
            PolicyClass::User => &self.user,
            PolicyClass::Operator => &self.operator,
        }
    }

    /// The policy of this name.
    pub(crate) fn find(&self, class: PolicyClass, name: &str) -> Option<&Arc<Policy>> {
        self.of(class).iter().find(|policy| *policy.name == *name)
    }

    /// Adds a policy, or replaces the one of its name.
    pub(crate) fn put(&mut self, class: PolicyClass, policy: Arc<Policy>) {
        self.remove(class, &policy.name);
        let list = self.list(class);
        let at = list.partition_point(|other| order(other, &policy) == Ordering::Less);
        list.insert(at, policy);
    }

    /// Removes the policy of this name, if there is one.
    pub(crate) fn remove(&mut self, class: PolicyClass, name: &str) {
        self.list(class).retain(|policy| *policy.name != *name);
    }

    fn list(&mut self, class: PolicyClass) -> &mut Vec<Arc<Policy>> {
        match class {
            PolicyClass::User => &mut self.user,
            PolicyClass::Operator => &mut self.operator,
        }
    }

    /// What applies to a queue.
    pub(crate) fn for_queue(&self, name: &str, kind: QueueKind) -> Policies {
        self.first(|policy| {
            let suits = match policy.apply_to {
                ApplyTo::All | ApplyTo::Queues => true,
                ApplyTo::ClassicQueues => kind == QueueKind::Classic,
                ApplyTo::QuorumQueues => kind == QueueKind::Quorum,
                ApplyTo::Exchanges | ApplyTo::Streams => false,
            };
            suits && keys::has_use_for(kind, &policy.definition) && policy.pattern.matches(name)
        })
    }

    /// What applies to an exchange.
    pub(crate) fn for_exchange(&self, name: &str) -> Policies {
        self.first(|policy| {
            matches!(policy.apply_to, ApplyTo::All | ApplyTo::Exchanges)
                && policy.pattern.matches(name)
        })
    }

    fn first(&self, suits: impl Fn(&Policy) -> bool) -> Policies {
        let first = |list: &[Arc<Policy>]| list.iter().find(|policy| suits(policy)).cloned();
        Policies {
            user: first(&self.user),
            operator: first(&self.operator),
        }
    }
}

/// The higher priority first, then by name.
fn order(a: &Policy, b: &Policy) -> Ordering {
    let priority = |policy: &Policy| policy.priority.as_f64().unwrap_or_default();
    priority(b)
        .total_cmp(&priority(a))
        .then_with(|| a.name.cmp(&b.name))
}
