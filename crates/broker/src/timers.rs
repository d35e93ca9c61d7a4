//! Deadlines of everything that has one, without a task for each.
//!
//! A queue or an exchange has at most one deadline here: the next moment at which it has
//! something to do. One thread of the server waits for the earliest and calls whoever is due.
//! Setting a deadline wakes that thread only if it is the new earliest one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Weak;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;
use crate::wakes::Wakes;

/// Longest sleep without looking at the clock again: the wall clock may be set.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Something that does things at certain times.
pub trait Timed: Send + Sync {
    /// It is `now_ms`, and the deadline has come. Does a bounded amount of work and says when
    /// to come back, which may be at once.
    fn due(&self, now_ms: u64, wakes: &mut Wakes) -> Option<u64>;
}

/// Names one holder of a deadline. Numbers of queues and of other things never meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerKey {
    /// A queue, by its number.
    Queue(u32),
    /// Anything else, by a number from [`Timers::next_key`].
    Other(u64),
}

/// All deadlines.
#[derive(Default)]
pub struct Timers {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    by_time: BTreeMap<(u64, TimerKey), Weak<dyn Timed>>,
    by_key: HashMap<TimerKey, u64>,
    next_key: u64,
    stopped: bool,
}

impl Inner {
    fn remove(&mut self, key: TimerKey) {
        if let Some(at) = self.by_key.remove(&key) {
            self.by_time.remove(&(at, key));
        }
    }

    fn set(&mut self, key: TimerKey, at_ms: u64, timed: Weak<dyn Timed>) {
        self.remove(key);
        self.by_key.insert(key, at_ms);
        self.by_time.insert((at_ms, key), timed);
    }

    fn earliest(&self) -> Option<u64> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Timers {
    /// A number for something that is not a queue.
    #[must_use]
    pub fn next_key(&self) -> TimerKey {
        let mut inner = self.inner.lock();
        inner.next_key += 1;
        TimerKey::Other(inner.next_key)
    }

    /// Sets the one deadline of `key`, in milliseconds since 1970. An earlier one of the same
    /// key is forgotten. May be called under a queue's lock.
    pub fn set(&self, key: TimerKey, at_ms: u64, timed: Weak<dyn Timed>) {
        let mut inner = self.inner.lock();
        let before = inner.earliest();
        inner.set(key, at_ms, timed);
        if before.is_none_or(|before| at_ms < before) {
            self.changed.notify_one();
        }
    }

    /// Forgets the deadline of `key`.
    pub fn cancel(&self, key: TimerKey) {
        self.inner.lock().remove(key);
    }

    /// The earliest deadline.
    #[must_use]
    pub fn earliest(&self) -> Option<u64> {
        self.inner.lock().earliest()
    }

    /// Calls everything that is due at `now_ms`, each once. Who asks to come back at once is
    /// called again by the next round, so that nobody keeps the others waiting.
    pub fn run_due(&self, now_ms: u64) {
        let mut due = Vec::new();
        {
            let mut inner = self.inner.lock();
            while let Some(entry) = inner.by_time.first_entry().filter(|e| e.key().0 <= now_ms) {
                let ((_, key), timed) = entry.remove_entry();
                inner.by_key.remove(&key);
                due.push((key, timed));
            }
        }
        for (key, timed) in due {
            let Some(holder) = timed.upgrade() else {
                continue;
            };
            // Dropped, and so flushed, before the next one: nobody waits for all of them.
            let again = holder.due(now_ms, &mut Wakes::new());
            if let Some(at_ms) = again {
                let mut inner = self.inner.lock();
                // It may have set an earlier one meanwhile.
                if inner.by_key.get(&key).is_none_or(|set| at_ms < *set) {
                    inner.set(key, at_ms, timed);
                }
            }
        }
    }

    /// Runs whatever comes due until [`Self::stop`]. For one thread.
    pub fn run(&self, clock: &Clock) {
        loop {
            let now = clock.now_ms();
            self.run_due(now);
            let mut inner = self.inner.lock();
            if inner.stopped {
                return;
            }
            let wait = match inner.earliest() {
                None => SLEEP_MAX,
                Some(at) => Duration::from_millis(at.saturating_sub(clock.now_ms())).min(SLEEP_MAX),
            };
            if !wait.is_zero() {
                self.changed.wait_for(&mut inner, wait);
            }
        }
    }

    /// Ends [`Self::run`].
    pub fn stop(&self) {
        self.inner.lock().stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Default)]
    struct Seen {
        times: Mutex<Vec<u64>>,
        again: Option<u64>,
    }

    impl Timed for Seen {
        fn due(&self, now_ms: u64, _: &mut Wakes) -> Option<u64> {
            self.times.lock().push(now_ms);
            self.again
        }
    }

    fn weak(seen: &Arc<Seen>) -> Weak<dyn Timed> {
        Arc::<Seen>::downgrade(seen)
    }

    #[test]
    fn each_is_called_once_when_its_last_deadline_has_come() {
        let (timers, one, other) = (
            Timers::default(),
            Arc::new(Seen::default()),
            Arc::new(Seen::default()),
        );
        timers.set(TimerKey::Queue(1), 50, weak(&one));
        timers.set(TimerKey::Queue(2), 10, weak(&other));
        timers.set(TimerKey::Queue(1), 20, weak(&one));
        assert_eq!(timers.earliest(), Some(10));
        timers.run_due(9);
        assert!(other.times.lock().is_empty());
        timers.run_due(60);
        timers.run_due(70);
        assert_eq!(
            (&*one.times.lock(), &*other.times.lock()),
            (&vec![60], &vec![60])
        );
        assert_eq!(timers.earliest(), None);
    }

    #[test]
    fn who_asks_to_come_back_is_called_again_and_who_is_gone_is_not() {
        let timers = Timers::default();
        let one = Arc::new(Seen {
            again: Some(30),
            ..Seen::default()
        });
        let gone = Arc::new(Seen::default());
        timers.set(TimerKey::Queue(1), 10, weak(&one));
        let key = timers.next_key();
        timers.set(key, 10, weak(&gone));
        drop(gone);
        timers.run_due(10);
        assert_eq!(timers.earliest(), Some(30));
        timers.cancel(TimerKey::Queue(1));
        timers.run_due(30);
        assert_eq!(*one.times.lock(), [10]);
    }

    #[test]
    fn the_thread_wakes_for_a_new_deadline_and_stops() {
        let timers = Arc::new(Timers::default());
        let (clock, hand) = Clock::manual(0);
        let one = Arc::new(Seen::default());
        let running = Arc::clone(&timers);
        let thread = std::thread::spawn(move || running.run(&clock));
        hand.advance(100);
        timers.set(TimerKey::Queue(1), 100, weak(&one));
        while one.times.lock().is_empty() {
            std::thread::yield_now();
        }
        timers.stop();
        thread.join().unwrap();
    }
}
