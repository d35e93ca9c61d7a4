//! Doing what a plan says.

use super::plan::Plan;
use crate::broker::Broker;
use crate::declare::Actor;
use crate::error::Error;

impl Plan {
    /// Applies everything, in RabbitMQ's order. Nothing fails here that the plan could foresee;
    /// what others did meanwhile may make something fail, which is then named and the rest is
    /// done all the same. Returns how many objects are new.
    pub(super) fn apply(self, broker: &Broker) -> Result<usize, Error> {
        let actor = Actor::internal();
        let mut outcome = Outcome::default();
        let (permissions, topics) = self.people.apply(broker, &mut outcome);
        for (user, vhost, permission) in permissions {
            outcome.note(
                broker
                    .set_permission(&user, &vhost, permission)
                    .map(|_| false),
            );
        }
        for (vhost, declare) in self.exchanges {
            let Some(vhost) = broker.vhost(&vhost) else {
                continue;
            };
            let declared = vhost.declare_exchange(&declare, &actor);
            outcome.note(declared.map(|applied| applied.created));
        }
        for (user, vhost, exchange, permission) in topics {
            let set = broker.set_topic_permission(&user, &vhost, &exchange, permission);
            outcome.note(set.map(|_| false));
        }
        for (name, value) in self.globals {
            outcome.note(
                broker
                    .set_global_parameter(&name, value, &actor.user)
                    .map(|_| false),
            );
        }
        for (vhost, policies) in self.policies {
            if let Some(vhost) = broker.vhost(&vhost) {
                outcome.note(vhost.put_policies(policies, &actor.user).map(|_| false));
            }
        }
        for (vhost, component, name, value) in self.parameters {
            let set = broker.set_parameter(&vhost, &component, &name, value, &actor.user);
            outcome.note(set.map(|_| false));
        }
        for (vhost, declare) in self.queues {
            let Some(vhost) = broker.vhost(&vhost) else {
                continue;
            };
            let declared = vhost.declare_queue(declare, &actor);
            outcome.note(declared.map(|declared| declared.created));
        }
        for (vhost, spec) in self.bindings {
            let Some(vhost) = broker.vhost(&vhost) else {
                continue;
            };
            let bound = vhost.bind(&spec, &actor);
            outcome.note(bound.map(|applied| applied.created));
        }
        outcome.end()
    }
}

/// How many things were made, and the first thing that could not be.
#[derive(Default)]
pub(super) struct Outcome {
    created: usize,
    failed: Option<Error>,
}

impl Outcome {
    pub(super) fn note(&mut self, made: Result<bool, Error>) {
        match made {
            Ok(new) => self.created += usize::from(new),
            Err(error) => {
                tracing::error!(%error, "a part of an import failed");
                self.failed.get_or_insert(error);
            }
        }
    }

    fn end(self) -> Result<usize, Error> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.created),
        }
    }
}
