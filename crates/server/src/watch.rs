//! Watches memory and disk, so that publishers are held back before either runs out.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use broker::{Broker, Resources};

use crate::config::{Amount, Config};
use crate::os;

/// Free bytes of disk below which publishers are held back even if `disk_free_limit` asks for
/// less: the store may need a new log segment (64 MiB) at any time, has taken up to 64 MiB that
/// it has not written yet, and acks and checkpoints must go on during the alarm, or nobody could
/// make room.
const DISK_FREE_MIN: u64 = 192 * 1024 * 1024;

/// Bytes a second that memory or disk are taken to fill at most. Decides how soon to look again.
const FILLING_BYTES_PER_S: u64 = 1_000_000_000;

/// Longest time between two samples. Clients wait up to this long after an alarm is over.
const SAMPLE_EVERY_MAX: Duration = Duration::from_secs(1);

/// Shortest time between two samples, close to a limit.
const SAMPLE_EVERY_MIN: Duration = Duration::from_millis(50);

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
    pub(crate) fn start(broker: &Arc<Broker>, config: &Config) -> io::Result<Self> {
        let mut sampler = Sampler::new(config);
        let broker = Arc::clone(broker);
        let mut seen = sampler.sample();
        broker.observe(&seen);
        let (stop, stopped) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(until_next(&seen))
                    == Err(mpsc::RecvTimeoutError::Timeout)
                {
                    seen = sampler.sample();
                    broker.observe(&seen);
                }
            })?;
        Ok(Self { _stop: stop })
    }
}

struct Sampler {
    data_dir: PathBuf,
    memory_limit: u64,
    disk_free_limit: u64,
    /// The last answer of the file system.
    disk_free: u64,
    disk_fails: bool,
}

impl Sampler {
    fn new(config: &Config) -> Self {
        let total = os::memory_total();
        let (memory_limit, disk_free_limit) = limits(config.memory, config.disk, total);
        Self {
            data_dir: config.data_dir.clone(),
            memory_limit,
            disk_free_limit,
            disk_free: disk_free_limit,
            disk_fails: false,
        }
    }

    fn sample(&mut self) -> Resources {
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
        Resources {
            memory_used: os::memory_used(),
            memory_limit: self.memory_limit,
            disk_free: self.disk_free,
            disk_free_limit: self.disk_free_limit,
        }
    }
}

/// The limits of memory and free disk in bytes, on a machine with `total` bytes of memory. As in
/// RabbitMQ the disk's relative limit is one of the memory too.
fn limits(memory: Amount, disk: Amount, total: u64) -> (u64, u64) {
    (memory.of(total), disk.of(total).max(DISK_FREE_MIN))
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
    fn limits_are_absolute_or_parts_of_the_memory() {
        let default = (Amount::Relative(0.6), Amount::Absolute(50_000_000));
        assert_eq!(
            limits(default.0, default.1, 10 * GB),
            (6 * GB, DISK_FREE_MIN)
        );
        let (memory, disk) = (Amount::Absolute(GB), Amount::Relative(1.5));
        assert_eq!(limits(memory, disk, 10 * GB), (GB, 15 * GB));
        assert_eq!(limits(Amount::Relative(0.0), disk, GB).0, 0);
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
