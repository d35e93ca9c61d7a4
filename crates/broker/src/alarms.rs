//! Too little memory or disk: publishers are held back until there is more.
//!
//! The server samples and says so with [`Alarms::observe`]; sessions read one byte at the end
//! of a turn. On a change every connection is woken through its mailbox, so that nobody waits
//! for its next turn to hear of it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::outbox::Event;
use crate::registry::Registry;
use crate::wakes::Wakes;

const MEMORY: u8 = 1;
const DISK: u8 = 2;

/// What the process and its disk have left. Amounts are bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Resources {
    /// Resident memory of the process.
    pub memory_used: u64,
    /// Above this publishers are held back.
    pub memory_limit: u64,
    /// Free on the file system of the data directory.
    pub disk_free: u64,
    /// Below this publishers are held back.
    pub disk_free_limit: u64,
}

impl Resources {
    /// The alarms that these numbers raise.
    #[must_use]
    pub const fn raised(&self) -> Raised {
        let memory = self.memory_used > self.memory_limit;
        let disk = self.disk_free < self.disk_free_limit;
        Raised((memory as u8 * MEMORY) | (disk as u8 * DISK))
    }
}

/// The alarms in effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Raised(u8);

impl Raised {
    /// Too much memory is used.
    #[must_use]
    pub const fn memory(self) -> bool {
        self.0 & MEMORY != 0
    }

    /// Too little disk is free.
    #[must_use]
    pub const fn disk(self) -> bool {
        self.0 & DISK != 0
    }

    /// There is an alarm.
    #[must_use]
    pub const fn any(self) -> bool {
        self.0 != 0
    }

    /// What `connection.blocked` says, in RabbitMQ's words; empty without an alarm.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match (self.memory(), self.disk()) {
            (true, true) => "low on memory & disk",
            (true, false) => "low on memory",
            (false, true) => "low on disk",
            (false, false) => "",
        }
    }

    /// RabbitMQ's names of the resources that run out.
    pub fn resources(self) -> impl Iterator<Item = &'static str> {
        let memory = self.memory().then_some("memory");
        memory.into_iter().chain(self.disk().then_some("disk"))
    }
}

/// The alarms of the node and the numbers behind them. Without an observation there is none.
#[derive(Default)]
pub struct Alarms {
    raised: AtomicU8,
    memory_used: AtomicU64,
    memory_limit: AtomicU64,
    disk_free: AtomicU64,
    disk_free_limit: AtomicU64,
}

impl Alarms {
    /// The alarms in effect.
    #[must_use]
    pub fn raised(&self) -> Raised {
        Raised(self.raised.load(Ordering::Acquire))
    }

    /// What was observed last; zeros before the first time.
    #[must_use]
    pub fn resources(&self) -> Resources {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Resources {
            memory_used: read(&self.memory_used),
            memory_limit: read(&self.memory_limit),
            disk_free: read(&self.disk_free),
            disk_free_limit: read(&self.disk_free_limit),
        }
    }

    /// Takes a sample: raises or clears alarms, logs that, and wakes the connections of
    /// `registry` if anything has changed. Called by one thread only.
    pub(crate) fn observe(&self, seen: &Resources, registry: &Registry) {
        let write = |number: &AtomicU64, value| number.store(value, Ordering::Relaxed);
        write(&self.memory_used, seen.memory_used);
        write(&self.memory_limit, seen.memory_limit);
        write(&self.disk_free, seen.disk_free);
        write(&self.disk_free_limit, seen.disk_free_limit);
        let now = seen.raised();
        let before = Raised(self.raised.swap(now.0, Ordering::AcqRel));
        if now == before {
            return;
        }
        log(before, now, seen);
        // Whoever registers from here on reads the new state at the end of that turn.
        let mut wakes = Wakes::new();
        for connection in registry.all() {
            connection.outbox.send(Event::AlarmsChanged, &mut wakes);
        }
    }
}

fn log(before: Raised, now: Raised, seen: &Resources) {
    let (used, limit) = (seen.memory_used, seen.memory_limit);
    match (before.memory(), now.memory()) {
        (false, true) => tracing::warn!(
            "memory alarm set: {used} bytes used, {limit} allowed; publishers are blocked"
        ),
        (true, false) => {
            tracing::info!("memory alarm cleared: {used} bytes used, {limit} allowed");
        }
        _ => {}
    }
    let (free, limit) = (seen.disk_free, seen.disk_free_limit);
    match (before.disk(), now.disk()) {
        (false, true) => tracing::warn!(
            "disk alarm set: {free} bytes free, {limit} required; publishers are blocked"
        ),
        (true, false) => tracing::info!("disk alarm cleared: {free} bytes free, {limit} required"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seen(memory_used: u64, disk_free: u64) -> Resources {
        Resources {
            memory_used,
            memory_limit: 100,
            disk_free,
            disk_free_limit: 50,
        }
    }

    #[test]
    fn an_alarm_is_raised_beyond_its_limit_and_not_at_it() {
        for (memory_used, disk_free, reason) in [
            (0, 1000, ""),
            (100, 50, ""),
            (101, 50, "low on memory"),
            (100, 49, "low on disk"),
            (101, 49, "low on memory & disk"),
        ] {
            let raised = seen(memory_used, disk_free).raised();
            assert_eq!(raised.reason(), reason, "{memory_used}, {disk_free}");
            assert_eq!(raised.any(), !reason.is_empty());
        }
    }

    #[test]
    fn nothing_is_raised_before_anything_was_observed() {
        assert_eq!(Alarms::default().raised(), Raised::default());
        assert_eq!(Alarms::default().resources().raised(), Raised::default());
    }

    #[test]
    fn the_last_observation_counts() {
        let (alarms, registry) = (Alarms::default(), Registry::default());
        for (memory_used, disk_free) in [(101, 1000), (101, 1), (5, 1), (5, 1000)] {
            let seen = seen(memory_used, disk_free);
            alarms.observe(&seen, &registry);
            assert_eq!(alarms.raised(), seen.raised());
            assert_eq!(alarms.resources(), seen);
        }
    }

    #[test]
    fn resources_are_named_as_rabbitmq_does() {
        let names = |raised: Raised| raised.resources().collect::<Vec<_>>();
        assert_eq!(names(seen(101, 1).raised()), ["memory", "disk"]);
        assert_eq!(names(seen(1, 1).raised()), ["disk"]);
        assert!(names(seen(1, 100).raised()).is_empty());
    }
}
