//! Whether there is room for what a plan makes: limits that would stop it half-way stop it before
//! it begins.

use std::collections::BTreeMap;

use super::people::vhost_limits;
use super::plan::Plan;
use crate::broker::Broker;
use crate::error::Error;
use crate::parameters::VHOST_LIMITS;
use crate::vhost::PREDECLARED;

impl Plan {
    /// Checks all limits, in the words of the declaration that would be the first to fail.
    pub(super) fn check_room(&self, broker: &Broker) -> Result<(), Error> {
        let fresh = self.people.fresh_vhosts(broker);
        let max = broker.settings().vhost_max;
        if let (Some(max), Some(name)) = (max, fresh.last())
            && broker.vhosts().len() + fresh.len() > max as usize
        {
            return Err(Error::Refused(format!(
                "cannot create vhost '{name}': vhost limit of {max} is reached"
            )));
        }
        let census = broker.census();
        if let Some((vhost, exchange)) = self.exchanges.last() {
            let further = fresh.len() * PREDECLARED.len() + self.exchanges.len() - 1;
            census.check_exchanges(further as u64, &exchange.name, vhost)?;
        }
        let mut new: BTreeMap<&str, usize> = BTreeMap::new();
        for (vhost, queue) in &self.queues {
            let new = new.entry(vhost).or_default();
            self.check_queue(broker, vhost, *new, &queue.name)?;
            *new += 1;
        }
        match self.queues.last() {
            Some((_, queue)) => census.check_queues(self.queues.len() as u64 - 1, &queue.name),
            None => Ok(()),
        }
    }

    /// Whether a virtual host takes one queue more after `new` of the plan.
    fn check_queue(
        &self,
        broker: &Broker,
        name: &str,
        new: usize,
        queue: &str,
    ) -> Result<(), Error> {
        let there = broker.vhost(name).map_or(0, |vhost| vhost.queue_count());
        match self.max_queues(broker, name) {
            Some(limit) if usize::try_from(limit).is_ok_and(|limit| there + new >= limit) => {
                Err(Error::queue_limit(queue, name, limit))
            }
            _ => Ok(()),
        }
    }

    /// The limit that will be in force when the queues are declared: a parameter comes after
    /// what stands with the virtual host.
    fn max_queues(&self, broker: &Broker, name: &str) -> Option<i64> {
        let mut parameters = self.parameters.iter().rev();
        let parameter =
            parameters.find(|(vhost, component, ..)| vhost == name && component == VHOST_LIMITS);
        if let Some((.., limits)) = parameter {
            return limits
                .as_object()
                .and_then(|limits| vhost_limits(limits).max_queues);
        }
        if let Some(limits) = self.people.limits(name) {
            return limits.max_queues;
        }
        match broker.vhost(name) {
            Some(vhost) => vhost.meta().limits.max_queues,
            None => broker.default_limits(name).max_queues,
        }
    }
}
