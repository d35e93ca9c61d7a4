//! What time it is, which is what this tool measures.
#![allow(
    clippy::disallowed_methods,
    reason = "a measurement begins and ends with a look at the clock"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, on the clock that never goes back.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, in nanoseconds since 1970: what producer and consumer, perhaps two processes, agree on.
pub(crate) fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
