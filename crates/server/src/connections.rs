//! Who is connected: the limit, and the word that it is time to go.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// File descriptors kept back from clients: the store's segments and sled, the management API's
/// connections, listeners, the runtime's own.
pub(crate) const DESCRIPTORS_RESERVED: u64 = 256;

/// Most connections at once, whatever the system would allow: at a good 4 KiB each, 4 GiB of
/// memory for idle ones.
pub(crate) const CONNECTIONS_MAX: usize = 1_000_000;

/// The table of live connections.
pub(crate) struct Connections {
    limit: usize,
    stage: AtomicU8,
    seats: Mutex<Seats>,
}

/// How far the broker is on its way down; only ever rises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stage {
    /// Not at all.
    Serving,
    /// Clients are told to go, and answer.
    Closing,
    /// Their time is up.
    Aborting,
}

#[derive(Default)]
struct Seats {
    next: u64,
    /// One entry a connection; the waker is there once its task has run.
    taken: HashMap<u64, Option<Waker>>,
    /// Who waits for the table to become empty.
    waiter: Option<Waker>,
}

/// One connection's place in the table; dropping it frees the place.
pub(crate) struct Seat {
    connections: Arc<Connections>,
    id: u64,
    registered: Option<Waker>,
}

impl Connections {
    /// An empty table with room for `limit` connections.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.min(CONNECTIONS_MAX),
            stage: AtomicU8::new(Stage::Serving as u8),
            seats: Mutex::default(),
        })
    }

    /// A place for one more connection; `None` when all are taken or the broker is going down.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Seat> {
        let mut seats = self.seats.lock();
        if seats.taken.len() >= self.limit || self.stage() > Stage::Serving {
            return None;
        }
        let id = seats.next;
        seats.next += 1;
        seats.taken.insert(id, None);
        Some(Seat {
            connections: Arc::clone(self),
            id,
            registered: None,
        })
    }

    /// Tells every connection how far things are. Nobody is admitted from `Closing` on.
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        let wakers: Vec<Waker> = self
            .seats
            .lock()
            .taken
            .values()
            .flatten()
            .cloned()
            .collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Closing,
            _ => Stage::Aborting,
        }
    }

    /// How many are connected.
    pub(crate) fn len(&self) -> usize {
        self.seats.lock().taken.len()
    }

    /// The most that may be connected.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Ready once nobody is connected.
    pub(crate) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        let mut seats = self.seats.lock();
        if seats.taken.is_empty() {
            return Poll::Ready(());
        }
        seats.waiter = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Seat {
    /// How far the broker is on its way down. The task of `cx` is woken when that changes.
    pub(crate) fn stage(&mut self, cx: &Context<'_>) -> Stage {
        let known = self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        if !known {
            let waker = cx.waker().clone();
            self.connections
                .seats
                .lock()
                .taken
                .insert(self.id, Some(waker.clone()));
            self.registered = Some(waker);
        }
        // After the registration: whoever changes it sets it before collecting the wakers.
        self.connections.stage()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.connections.seats.lock();
        seats.taken.remove(&self.id);
        let waiter = if seats.taken.is_empty() {
            seats.waiter.take()
        } else {
            None
        };
        drop(seats);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn no_more_than_the_limit_are_admitted() {
        let connections = Connections::new(2);
        let first = connections.admit().unwrap();
        let _second = connections.admit().unwrap();
        assert!(connections.admit().is_none());
        drop(first);
        assert_eq!(connections.len(), 1);
        assert!(connections.admit().is_some());
    }

    #[test]
    fn closing_wakes_every_connection_and_admits_nobody() {
        let connections = Connections::new(9);
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut seats = [connections.admit().unwrap(), connections.admit().unwrap()];
        for seat in &mut seats {
            assert_eq!(seat.stage(&Context::from_waker(&waker)), Stage::Serving);
        }
        connections.enter(Stage::Closing);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert_eq!(seats[0].stage(&Context::from_waker(&waker)), Stage::Closing);
        assert!(connections.admit().is_none());
    }

    #[tokio::test]
    async fn whoever_waits_for_all_to_leave_is_woken_by_the_last() {
        let connections = Connections::new(9);
        let seats = [connections.admit().unwrap(), connections.admit().unwrap()];
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { poll_fn(|cx| connections.poll_empty(cx)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(seats);
        waiting.await.unwrap();
    }
}
