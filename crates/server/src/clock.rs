//! The only place that asks what time it is.
#![allow(
    clippy::disallowed_methods,
    reason = "everything else takes the time as an argument"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, on the clock that never goes back.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, in microseconds since 1970; 0 on a machine whose clock stands before that.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
        })
}

/// The same in milliseconds.
pub(crate) fn unix_ms() -> u64 {
    unix_us() / 1000
}
