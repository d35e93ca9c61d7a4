//! Why a message goes where it goes: every exchange on its way, and every binding that it meets.
//!
//! The answer comes from the same indexes that route messages, so that it cannot differ from
//! what would happen; nothing is published. Exchanges that route by chance may decide otherwise
//! the next time.

use std::sync::Arc;

use codec::FieldTable;
use routing::{Bindings, Routes};

use crate::binding::{BindingSpec, Destination};
use crate::error::Error;
use crate::exchange::{Bound, Exchange};
use crate::vhost::VHost;

/// Exchanges that one explanation goes through. Further ones would not be read by anybody.
pub const EXPLAINED_EXCHANGES_MAX: usize = 100;

/// Bindings shown of one exchange, matching ones first.
pub const EXPLAINED_BINDINGS_MAX: usize = 500;

/// How a message came to an exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// It was published there.
    Published,
    /// Through a binding of this exchange.
    Bound(Arc<str>),
    /// As this exchange's alternate, since nothing matched there.
    Alternate(Arc<str>),
}

/// What one exchange does with the message.
pub struct Step {
    /// The exchange.
    pub exchange: Arc<Exchange>,
    /// How the message came here.
    pub came: Came,
    /// Its bindings and whether each matches, at most [`EXPLAINED_BINDINGS_MAX`].
    pub bindings: Vec<(BindingSpec, bool)>,
    /// Bindings that are not in the list.
    pub left_out: usize,
    /// The alternate exchange by name, and whether it is there, if nothing matched.
    pub alternate: Option<(String, bool)>,
}

impl VHost {
    /// The way of a message with this key and these headers, exchange by exchange.
    ///
    /// # Errors
    /// [`Error::NotFound`] without the exchange.
    pub fn explain(
        &self,
        exchange: &str,
        key: &str,
        headers: &FieldTable,
    ) -> Result<Vec<Step>, Error> {
        let mut waiting = vec![(self.find_exchange(exchange)?, Came::Published)];
        let mut steps: Vec<Step> = Vec::new();
        let mut next = 0;
        while let Some((exchange, came)) = waiting.get(next).cloned() {
            next += 1;
            let (step, onward) = self.step(exchange, came, key, headers);
            for (exchange, came) in onward {
                let known = waiting.iter().any(|(seen, _)| seen.id == exchange.id);
                if !known && waiting.len() < EXPLAINED_EXCHANGES_MAX {
                    waiting.push((exchange, came));
                }
            }
            steps.push(step);
        }
        Ok(steps)
    }

    fn step(
        &self,
        exchange: Arc<Exchange>,
        came: Came,
        key: &str,
        headers: &FieldTable,
    ) -> (Step, Vec<(Arc<Exchange>, Came)>) {
        let (mut bindings, targets) = if exchange.is_default() {
            (self.implied(key), Routes::new())
        } else {
            self.judged(&exchange, key, headers)
        };
        let mut onward: Vec<(Arc<Exchange>, Came)> = targets
            .iter()
            .filter_map(|target| match target {
                Bound::Queue(_) => None,
                Bound::Exchange(id) => self.exchange_by_id(id),
            })
            .map(|to| (to, Came::Bound(Arc::clone(&exchange.name))))
            .collect();
        let matched = bindings.iter().any(|(_, matches)| *matches);
        let named = (!matched).then(|| exchange.alternate()).flatten();
        let alternate = named.map(|name| {
            let there = self.exchange(&name);
            let came = Came::Alternate(Arc::clone(&exchange.name));
            let exists = there.is_some();
            onward.extend(there.map(|to| (to, came)));
            (name, exists)
        });
        bindings.sort_by_key(|(_, matches)| !matches);
        let left_out = bindings.len().saturating_sub(EXPLAINED_BINDINGS_MAX);
        bindings.truncate(EXPLAINED_BINDINGS_MAX);
        let step = Step {
            exchange,
            came,
            bindings,
            left_out,
            alternate,
        };
        (step, onward)
    }

    /// The default exchange has one binding that counts: that of the queue named by the key.
    fn implied(&self, key: &str) -> Vec<(BindingSpec, bool)> {
        let binding = BindingSpec {
            source: String::new(),
            destination: Destination::Queue(key.to_owned()),
            routing_key: key.to_owned(),
            arguments: FieldTable::default(),
        };
        self.queue(key)
            .map(|_| (binding, true))
            .into_iter()
            .collect()
    }

    /// All bindings of an exchange, and where it sends the message. A binding matches if the
    /// exchange chose its destination and the binding alone would, too.
    fn judged(
        &self,
        exchange: &Exchange,
        key: &str,
        headers: &FieldTable,
    ) -> (Vec<(BindingSpec, bool)>, Routes<Bound>) {
        let bindings = exchange.bindings.read();
        let mut targets = Routes::new();
        bindings.route_into(key, headers, &mut targets);
        let judged = bindings
            .iter()
            .map(|binding| {
                let mut alone = Bindings::new(bindings.kind());
                let mut reached = Routes::new();
                let bound = alone.bind(binding.destination, &binding.key, &binding.arguments);
                if bound.is_ok() {
                    alone.route_into(key, headers, &mut reached);
                }
                let matches = !reached.is_empty()
                    && targets.iter().any(|target| target == binding.destination);
                let spec = BindingSpec {
                    source: exchange.name.to_string(),
                    destination: self.name_of(binding.destination),
                    routing_key: binding.key.to_string(),
                    arguments: (*binding.arguments).clone(),
                };
                (spec, matches)
            })
            .collect();
        (judged, targets)
    }
}
