//! Rates and recent history. One sampler looks at every counter once a second; the data path only
//! counts. A rate is the change over the last five seconds.

mod columns;
mod history;
mod looks;
mod objects;
mod sample;
mod stats;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{Broker, ConnectionId, QueueId, RatesMode};

pub(crate) use columns::{
    CHURN, Column, DISK, EXCHANGE, LENGTHS, MESSAGES, NODE, OCTETS, churn_values, message_values,
};
pub(crate) use history::{History, Ring};
use looks::Looks;
pub(crate) use looks::Side;
pub(crate) use objects::Objects;
use objects::Tick;
pub(crate) use sample::{disk_values, length_values, node_values, queue_values};
pub(crate) use stats::{Stats, Window, rate};

/// Time between two looks at the counters.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Objects that one round looks at, on average: with more of them, rounds are further apart, so
/// that sampling never takes more than about a hundredth of a core.
pub(crate) const OBJECTS_PER_ROUND_MAX: usize = 20_000;

/// The past of the whole broker: two minutes by the second, ten by five seconds, eight hours by
/// the minute, a day by the half hour. About 150 KiB.
pub(crate) const GLOBAL: &[Ring] = &[
    Ring {
        step_ms: 0,
        keep: 128,
    },
    Ring {
        step_ms: 5000,
        keep: 128,
    },
    Ring {
        step_ms: 60_000,
        keep: 512,
    },
    Ring {
        step_ms: 30 * 60_000,
        keep: 64,
    },
];

/// Messages and lengths.
pub(crate) const QUEUE_ROW: usize = MESSAGES.len() + LENGTHS.len();
/// The same, and bytes of the clients.
pub(crate) const VHOST_ROW: usize = QUEUE_ROW + OCTETS.len();
/// Messages and lengths, churn, disk.
pub(crate) const GLOBAL_ROW: usize = QUEUE_ROW + CHURN.len() + DISK.len();

/// All that the sampler has seen.
pub(crate) struct Sampled {
    pub(crate) global: Option<History<GLOBAL_ROW>>,
    pub(crate) node: Option<History<{ NODE.len() }>>,
    pub(crate) vhosts: Objects<Arc<str>, VHOST_ROW>,
    pub(crate) queues: Objects<QueueId, QUEUE_ROW>,
    pub(crate) exchanges: Objects<(Arc<str>, Arc<str>), { EXCHANGE.len() }>,
    pub(crate) connections: Objects<ConnectionId, { OCTETS.len() }>,
    pub(crate) channels: Objects<(ConnectionId, u16), { MESSAGES.len() }>,
    /// Bytes from and to the clients of each virtual host; they outlive the connections.
    octets: HashMap<Arc<str>, [u64; 2]>,
    last_ms: Option<u64>,
    rounds_to_skip: usize,
}

/// The sampler's memory, shared by the handlers.
pub(crate) struct Rates {
    sampled: Mutex<Sampled>,
    looks: Mutex<Looks>,
}

impl Rates {
    pub(crate) fn new() -> Self {
        Self {
            sampled: Mutex::new(Sampled::new()),
            looks: Mutex::default(),
        }
    }

    /// Starts over, as if nothing had been sampled before.
    pub(crate) fn forget(&self) {
        *self.read() = Sampled::new();
    }

    /// What has been sampled. Held while an answer is put together, never across an await.
    pub(crate) fn read(&self) -> MutexGuard<'_, Sampled> {
        // A handler that failed while reading leaves the data as it was.
        self.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has looked at what that is not sampled. Taken after [`Self::read`], if both are.
    pub(crate) fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at everything that counts.
    pub(crate) fn sample(&self, broker: &Broker, now_ms: u64) {
        self.looks().forget_unseen(now_ms);
        if broker.settings().rates_mode == RatesMode::None {
            return;
        }
        let mut sampled = self.read();
        if sampled.rounds_to_skip > 0 {
            sampled.rounds_to_skip -= 1;
            return;
        }
        let tick = Tick {
            now_ms,
            before_ms: sampled.last_ms,
        };
        let objects = sampled.look(broker, tick);
        sampled.last_ms = Some(now_ms);
        sampled.rounds_to_skip = objects / OBJECTS_PER_ROUND_MAX;
    }
}

impl Sampled {
    fn new() -> Self {
        Self {
            global: None,
            node: None,
            vhosts: Objects::new(),
            queues: Objects::new(),
            exchanges: Objects::new(),
            connections: Objects::new(),
            channels: Objects::new(),
            octets: HashMap::new(),
            last_ms: None,
            rounds_to_skip: 0,
        }
    }

    /// Bytes from and to the clients of a virtual host since the start.
    pub(crate) fn octets(&self, vhost: &str) -> [u64; 2] {
        self.octets.get(vhost).copied().unwrap_or_default()
    }
}
