//! Watches memory and disk, so that publishers are held back before either runs out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use broker::{Broker, Resources};
use parking_lot::Mutex;

use crate::config::{Amount, Config};
use crate::os;

/// Bytes that the log must be able to grow by, or publishers are held back even if
/// `disk_free_limit` asks for less: the store may need a new segment (64 MiB) at any time, has
/// taken up to 64 MiB that it has not written yet, and acks and checkpoints must go on during the
/// alarm, or nobody could make room.
const DISK_FREE_MIN: u64 = 192 * 1024 * 1024;

/// Bytes a second that memory or disk are taken to fill at most. Decides how soon to look again.
const FILLING_BYTES_PER_S: u64 = 1_000_000_000;

/// Longest time between two samples. Clients wait up to this long after an alarm is over.
const SAMPLE_EVERY_MAX: Duration = Duration::from_secs(1);

/// Shortest time between two samples, close to a limit.
const SAMPLE_EVERY_MIN: Duration = Duration::from_millis(50);

/// The limits of memory and disk in effect.
#[derive(Clone)]
pub(crate) struct Limits(Arc<Mutex<(Amount, Amount)>>);

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(Mutex::new((config.memory, config.disk))))
    }

    /// Others from now on.
    pub(crate) fn set(&self, config: &Config) {
        *self.0.lock() = (config.memory, config.disk);
    }

    /// Both in bytes; in RabbitMQ, too, a relative limit of the disk is a part of the memory.
    fn of(&self, memory_total: u64) -> (u64, u64) {
        let (memory, disk) = *self.0.lock();
        (memory.of(memory_total), disk.of(memory_total))
    }
}

/// Samples memory and disk for as long as it lives, in a thread of its own: a file system on a
/// network can take its time to say how full it is.
pub(crate) struct Watch {
    /// Dropped, it ends the thread.
    _stop: mpsc::Sender<()>,
}

impl Watch {
    /// Takes the first sample, so that no client comes before it, and starts the thread.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start(broker: &Arc<Broker>, data_dir: &Path, limits: Limits) -> io::Result<Self> {
        let mut sampler = Sampler::new(data_dir, limits);
        let broker = Arc::clone(broker);
        let mut seen = sampler.sample(broker.spare_log_bytes());
        broker.observe(&seen);
        let (stop, stopped) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(until_next(&seen))
                    == Err(mpsc::RecvTimeoutError::Timeout)
                {
                    seen = sampler.sample(broker.spare_log_bytes());
                    broker.observe(&seen);
                }
            })?;
        Ok(Self { _stop: stop })
    }
}

struct Sampler {
    data_dir: PathBuf,
    limits: Limits,
    memory_total: u64,
    /// The last answer of the file system.
    disk_free: u64,
    disk_fails: bool,
}

impl Sampler {
    fn new(data_dir: &Path, limits: Limits) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            limits,
            memory_total: os::memory_total(),
            disk_free: u64::MAX,
            disk_fails: false,
        }
    }

    /// A look at memory and disk, where the log can write `spare` bytes without more disk.
    fn sample(&mut self, spare: u64) -> Resources {
        match os::disk_free(&self.data_dir) {
            Ok(free) => {
                self.disk_free = free;
                self.disk_fails = false;
            }
            // Not a reason to stop anybody: if the disk is gone, the store says so.
            Err(error) => {
                if !std::mem::replace(&mut self.disk_fails, true) {
                    tracing::warn!(
                        "cannot see how full the disk of {} is: {error}",
                        self.data_dir.display()
                    );
                }
            }
        }
        let (memory_limit, disk_free_limit) = self.limits.of(self.memory_total);
        Resources {
            memory_used: os::memory_used(),
            memory_limit,
            disk_free: self.disk_free,
            disk_free_limit: disk_limit(disk_free_limit, spare),
        }
    }
}

/// The limit in effect. Spare segments of the log lower what the disk itself must have free, or
/// the segments of queues that are empty again would keep the alarm up.
fn disk_limit(configured: u64, spare: u64) -> u64 {
    configured.max(DISK_FREE_MIN.saturating_sub(spare))
}

/// Time to the next sample: as long as it takes at least to fill what is left.
fn until_next(seen: &Resources) -> Duration {
    let memory = seen.memory_limit.saturating_sub(seen.memory_used);
    let disk = seen.disk_free.saturating_sub(seen.disk_free_limit);
    // During an alarm of one there is nothing to be missed there, only of the other.
    let left = [memory, disk].into_iter().filter(|left| *left > 0).min();
    left.map_or(SAMPLE_EVERY_MAX, |left| {
        Duration::from_millis(left / (FILLING_BYTES_PER_S / 1000))
    })
    .clamp(SAMPLE_EVERY_MIN, SAMPLE_EVERY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn the_log_can_always_grow_by_a_few_segments() {
        for (configured, spare, limit) in [
            (50_000_000, 0, DISK_FREE_MIN),
            (50_000_000, DISK_FREE_MIN - 60_000_000, 60_000_000),
            (50_000_000, GB, 50_000_000),
            (0, GB, 0),
            (GB, 0, GB),
            (GB, GB, GB),
        ] {
            assert_eq!(
                disk_limit(configured, spare),
                limit,
                "{configured}, {spare}"
            );
        }
    }

    #[test]
    fn samples_are_taken_more_often_close_to_a_limit() {
        let seen = |memory_used, disk_free| Resources {
            memory_used,
            memory_limit: 10 * GB,
            disk_free,
            disk_free_limit: GB,
        };
        for (seen, ms) in [
            (seen(GB, 100 * GB), 1000),
            (seen(9 * GB + GB / 2, 100 * GB), 500),
            (seen(GB, GB + GB / 5), 200),
            (seen(10 * GB - 1, 100 * GB), 50),
            (seen(11 * GB, 100 * GB), 1000),
            (seen(11 * GB, GB / 2), 1000),
            (seen(11 * GB, GB + GB / 5), 200),
        ] {
            assert_eq!(until_next(&seen), Duration::from_millis(ms), "{seen:?}");
        }
    }
}
