//! Guessing passwords takes time.
//!
//! Failed logins are counted per address and user name. After a few, further attempts of that
//! pair are refused unseen for a while, which doubles with each further failure. Others are not
//! concerned: neither the same user from elsewhere nor other users from there. A right password
//! ends the count.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use crate::limits::{
    LOGIN_FAILURES_FREE_MAX, LOGIN_FAILURES_KEPT_MAX, LOGIN_WAIT_FIRST, LOGIN_WAIT_MAX,
};

/// Failures are forgotten when there was none for this long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// Who fails to log in, and how often.
#[derive(Default)]
pub(crate) struct Throttle {
    failures: HashMap<u64, Failures>,
    /// Keyed anew in each process, so that nobody can make two pairs meet.
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Failures {
    number: u32,
    last: Instant,
}

impl Failures {
    /// How long attempts are refused after the last failure.
    fn wait(&self) -> Duration {
        match self.number.checked_sub(LOGIN_FAILURES_FREE_MAX) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => {
                let doubled = 1_u32.checked_shl(beyond - 1).unwrap_or(u32::MAX);
                LOGIN_WAIT_FIRST.saturating_mul(doubled).min(LOGIN_WAIT_MAX)
            }
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN_AFTER
    }
}

impl Throttle {
    fn key(&self, host: &str, user: &str) -> u64 {
        self.hasher.hash_one((host, user))
    }

    /// Whether attempts of this pair are refused for now.
    pub(crate) fn is_blocked(&self, host: &str, user: &str, now: Instant) -> bool {
        if self.failures.is_empty() {
            return false;
        }
        let failures = self.failures.get(&self.key(host, user));
        failures.is_some_and(|f| now.saturating_duration_since(f.last) < f.wait())
    }

    /// Notes a failed attempt.
    pub(crate) fn failed(&mut self, host: &str, user: &str, now: Instant) {
        let key = self.key(host, user);
        if !self.failures.contains_key(&key) && self.failures.len() >= LOGIN_FAILURES_KEPT_MAX {
            self.make_room(now);
        }
        let failures = self.failures.entry(key).or_insert(Failures {
            number: 0,
            last: now,
        });
        if failures.is_over(now) {
            failures.number = 0;
        }
        failures.number = failures.number.saturating_add(1);
        failures.last = now;
    }

    /// Notes a right password.
    pub(crate) fn succeeded(&mut self, host: &str, user: &str) {
        if !self.failures.is_empty() {
            let key = self.key(host, user);
            self.failures.remove(&key);
        }
    }

    /// Forgets what is over, or else the pair whose last failure is the longest ago.
    fn make_room(&mut self, now: Instant) {
        self.failures.retain(|_, failures| !failures.is_over(now));
        if self.failures.len() >= LOGIN_FAILURES_KEPT_MAX
            && let Some(oldest) = self.failures.iter().min_by_key(|(_, f)| f.last)
        {
            let oldest = *oldest.0;
            self.failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "a test may ask for the time")]
    fn now() -> Instant {
        Instant::now()
    }

    fn fail(throttle: &mut Throttle, times: u32, at: Instant) {
        for _ in 0..times {
            throttle.failed("10.0.0.1", "u", at);
        }
    }

    #[test]
    fn each_failure_beyond_the_free_ones_doubles_the_wait() {
        let (mut throttle, start) = (Throttle::default(), now());
        fail(&mut throttle, LOGIN_FAILURES_FREE_MAX, start);
        assert!(!throttle.is_blocked("10.0.0.1", "u", start));
        let mut expected = LOGIN_WAIT_FIRST;
        for _ in 0..40 {
            fail(&mut throttle, 1, start);
            let just_before = start + expected - Duration::from_millis(1);
            assert!(throttle.is_blocked("10.0.0.1", "u", just_before));
            assert!(!throttle.is_blocked("10.0.0.1", "u", start + expected));
            expected = (expected * 2).min(LOGIN_WAIT_MAX);
        }
    }

    #[test]
    fn nobody_else_is_locked_out() {
        let (mut throttle, start) = (Throttle::default(), now());
        fail(&mut throttle, 100, start);
        assert!(throttle.is_blocked("10.0.0.1", "u", start));
        assert!(!throttle.is_blocked("10.0.0.2", "u", start));
        assert!(!throttle.is_blocked("10.0.0.1", "v", start));
    }

    #[test]
    fn a_right_password_or_time_ends_the_count() {
        let (mut throttle, start) = (Throttle::default(), now());
        fail(&mut throttle, LOGIN_FAILURES_FREE_MAX + 1, start);
        throttle.succeeded("10.0.0.1", "u");
        assert!(!throttle.is_blocked("10.0.0.1", "u", start));
        fail(&mut throttle, 100, start);
        let later = start + FORGOTTEN_AFTER;
        fail(&mut throttle, 1, later);
        assert!(!throttle.is_blocked("10.0.0.1", "u", later));
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let (mut throttle, start) = (Throttle::default(), now());
        fail(&mut throttle, 100, start);
        let later = start + Duration::from_secs(1);
        for n in 0..2 * LOGIN_FAILURES_KEPT_MAX {
            throttle.failed("10.0.0.9", &n.to_string(), later);
        }
        assert_eq!(throttle.failures.len(), LOGIN_FAILURES_KEPT_MAX);
    }
}
