//! Lets the broker's deadlines come due.

use std::io;
use std::sync::Arc;
use std::thread;

use broker::{Broker, Timers};

/// Runs the timers for as long as it lives, in a thread of its own: what comes due may have to
/// be read back from the disk.
pub(crate) struct Ticking(Arc<Timers>);

impl Ticking {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start(broker: &Broker) -> io::Result<Self> {
        let timers = Arc::clone(broker.timers());
        let (running, clock) = (Arc::clone(&timers), broker.settings().clock.clone());
        thread::Builder::new()
            .name("timers".to_owned())
            .spawn(move || running.run(&clock))?;
        Ok(Self(timers))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.stop();
    }
}
