//! Routing through several exchanges: exchange-to-exchange bindings, alternate exchanges, and the
//! extra keys of CC and BCC.

use crate::routes::{Destination, Routes};
use crate::subject::Subject;

/// What a binding of a [`Graph`] leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target<Q, X> {
    /// A queue: the message ends here.
    Queue(Q),
    /// Another exchange, which routes the same message again.
    Exchange(X),
}

/// The exchanges of one virtual host, as [`resolve`] sees them.
pub trait Graph {
    /// Id of an exchange.
    type Exchange: Destination;
    /// Id of a queue.
    type Queue: Destination;

    /// Adds what the exchange's own bindings match for any of the keys. Adds nothing for an exchange that
    /// does not exist.
    fn route(
        &self,
        exchange: Self::Exchange,
        keys: &[&str],
        subject: &Subject<'_>,
        targets: &mut Routes<Target<Self::Queue, Self::Exchange>>,
    );

    /// The exchange's alternate exchange; `None` if it has none or the named one does not exist.
    fn alternate(&self, exchange: Self::Exchange) -> Option<Self::Exchange>;
}

/// Adds every queue that a message published to `start` reaches.
///
/// `keys` are the routing key and then those of CC and BCC: the result is the union over all of
/// them. Breadth-first, each exchange is visited once and each queue added once, so cycles end and
/// the cost is bounded by the exchanges and bindings that exist. Each exchange decides for itself
/// on its alternate: it is consulted when the exchange's own bindings match nothing at all, and a
/// bound exchange counts as a match even if that one leads nowhere.
pub fn resolve<'a, G: Graph>(
    graph: &G,
    start: G::Exchange,
    keys: &[&str],
    subject: impl Into<Subject<'a>>,
    routes: &mut Routes<G::Queue>,
) {
    let subject = subject.into();
    // Both the work list and the visited set: exchanges are appended once and never removed.
    let mut exchanges = Routes::new();
    exchanges.push(start);
    let mut targets = Routes::new();
    let mut visited = 0;
    while let Some(&exchange) = exchanges.as_slice().get(visited) {
        visited += 1;
        targets.clear();
        graph.route(exchange, keys, &subject, &mut targets);
        if targets.is_empty()
            && let Some(alternate) = graph.alternate(exchange)
        {
            exchanges.push(alternate);
        }
        for target in targets.iter() {
            match target {
                Target::Queue(queue) => routes.push(queue),
                Target::Exchange(next) => exchanges.push(next),
            };
        }
    }
}

#[cfg(test)]
mod tests;
