//! The two numbers everything here is addressed by.

/// "Committed up to": one monotone number for the whole store. An operation that returned
/// `Ticket(n)` is durable once [`Store::committed`](crate::Store::committed) is at least `n`.
///
/// Operations collected into one group share a ticket, so a ticket is not unique to a call.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug, Default, Hash)]
pub struct Ticket(pub u64);

/// The store's name for a queue. The broker hands ids out and never uses one twice, not even
/// after the queue is gone; [`Recovered::max_queue_id`](crate::Recovered::max_queue_id) says
/// where to go on after a restart.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct QueueId(pub u32);
