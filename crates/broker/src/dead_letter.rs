//! Messages that died in one queue on their way to the next (dead-lettering).
//!
//! A queue hands them over under its lock; they are routed and published after it is gone, in
//! a loop and never by recursion. A letter is published to its targets first and settled at
//! its source second, so that a crash between the two can double but not lose it.

use std::sync::Arc;

use crate::deaths::{self, Death};
use crate::limits::DEAD_LETTERS_AT_ONCE_MAX;
use crate::message::{Entry, Message};
use crate::queue::{DeadLetterStrategy, Queue, Rules};
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Why a message died.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A client rejected it.
    Rejected,
    /// It lived too long.
    Expired,
    /// Its queue was full.
    Maxlen,
    /// It came back too often.
    DeliveryLimit,
}

impl Reason {
    /// RabbitMQ's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Maxlen => "maxlen",
            Self::DeliveryLimit => "delivery_limit",
        }
    }
}

/// A message that is out of its queue, and still in the store as one of it.
pub(crate) struct DeadLetter {
    pub(crate) queue: Arc<Queue>,
    /// What the queue wanted when it died.
    pub(crate) rules: Arc<Rules>,
    pub(crate) entry: Entry,
    pub(crate) reason: Reason,
}

/// Letters that follow each other to the same queues.
#[derive(Default)]
struct Group {
    targets: Vec<Arc<Queue>>,
    messages: Vec<Message>,
    letters: Vec<DeadLetter>,
}

/// Routes and publishes `letters`, in their order.
pub(crate) fn pass_on(letters: Vec<DeadLetter>, wakes: &mut Wakes) {
    let mut group = Group::default();
    for letter in letters {
        let addressed = letter
            .queue
            .home()
            .and_then(|vhost| address(&vhost, &letter, wakes));
        let Some((message, targets)) = addressed else {
            group.publish(wakes);
            letter
                .queue
                .undeliverable(letter.entry, letter.reason, &letter.rules);
            continue;
        };
        if !same(&group.targets, &targets) || group.letters.len() >= DEAD_LETTERS_AT_ONCE_MAX {
            group.publish(wakes);
            group.targets = targets;
        }
        group.messages.push(message);
        group.letters.push(letter);
    }
    group.publish(wakes);
}

impl Group {
    fn publish(&mut self, wakes: &mut Wakes) {
        if self.letters.is_empty() {
            return;
        }
        let mut refused: Vec<u32> = Vec::new();
        for target in &self.targets {
            refused.extend(target.publish_clones(&self.messages, wakes).rejected);
        }
        self.messages.clear();
        let mut taken: Vec<DeadLetter> = Vec::with_capacity(self.letters.len());
        for (at, letter) in self.letters.drain(..).enumerate() {
            let refused = u32::try_from(at).is_ok_and(|at| refused.contains(&at));
            if refused && letter.rules.keeps_dead_letters() {
                letter
                    .queue
                    .undeliverable(letter.entry, letter.reason, &letter.rules);
            } else {
                taken.push(letter);
            }
        }
        for of_queue in taken.chunk_by(|a, b| Arc::ptr_eq(&a.queue, &b.queue)) {
            let entries: Vec<&Entry> = of_queue.iter().map(|letter| &letter.entry).collect();
            if let Some(first) = of_queue.first() {
                first.queue.buried(&entries, &first.rules);
            }
        }
    }
}

fn same(one: &[Arc<Queue>], other: &[Arc<Queue>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// The message as it is to be published, and to which queues. None: nowhere.
fn address(
    vhost: &VHost,
    letter: &DeadLetter,
    wakes: &mut Wakes,
) -> Option<(Message, Vec<Arc<Queue>>)> {
    let DeadLetter {
        queue,
        rules,
        entry,
        reason,
    } = letter;
    let exchange = vhost.exchange(rules.dead_letter_exchange.as_deref()?)?;
    let death = Death {
        queue: queue.name(),
        reason: *reason,
        now_s: queue.now_ms() / 1000,
    };
    let key = rules.dead_letter_routing_key.as_deref();
    let died = match deaths::record(&entry.message, &death, &exchange.name, key) {
        Ok(died) => died,
        Err(error) => {
            tracing::error!(queue = %queue.name(), %error, "a message can't be dead-lettered");
            return None;
        }
    };
    let keys: Vec<&str> = died.keys.iter().map(String::as_str).collect();
    let route = vhost.route_from(exchange, &keys, &died.headers);
    if route.is_intercepted() {
        // A delay, or a look for duplicates: the exchange has it, and the queues have no say.
        let published = vhost.publish_intercepted(&route, &died.message, wakes);
        return published.routed.then(|| (died.message, Vec::new()));
    }
    let copies = route.queues.len() as u64;
    let targets: Vec<Arc<Queue>> = route
        .queues
        .iter()
        .filter(|target| !is_cycle(target, *reason, &died))
        .map(Arc::clone)
        .collect();
    vhost
        .dead_letters()
        .count_cycles(copies - targets.len() as u64);
    route.exchange.count_publish(1, targets.len() as u64);
    if vhost.is_traced() {
        let death = (&**queue, entry, reason.as_str());
        vhost.show_death(death, &died.message, &targets);
    }
    (!targets.is_empty()).then_some((died.message, targets))
}

/// The message has been in `target` since a client last rejected it, so that nothing would
/// ever end its way in circles.
fn is_cycle(target: &Queue, reason: Reason, died: &deaths::Died) -> bool {
    if reason == Reason::Rejected {
        return false;
    }
    for (queue, reason) in &died.deaths {
        if reason == Reason::Rejected.as_str() {
            return false;
        }
        if **queue == **target.name() {
            tracing::debug!(queue = %target.name(), "a dead letter that goes in circles is dropped");
            return true;
        }
    }
    false
}

impl Rules {
    /// A dead letter stays here until a queue has taken it. RabbitMQ does so only where
    /// publishers can be refused: else the letters that wait could grow without a bound.
    #[must_use]
    pub fn keeps_dead_letters(&self) -> bool {
        use crate::queue::{Overflow, QueueKind};
        self.dead_letter_strategy == DeadLetterStrategy::AtLeastOnce
            && self.kind == QueueKind::Quorum
            && self.overflow == Overflow::RejectPublish
            && self.dead_letter_exchange.is_some()
    }
}
