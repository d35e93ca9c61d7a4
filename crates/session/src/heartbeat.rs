//! Signs of life in both directions (spec 4.2.7), as deadlines computed from `now`.

use std::time::{Duration, Instant};

/// Checks without anything received after which the client is taken for dead.
const SILENT_CHECKS_MAX: u8 = 2;

/// What a tick asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beat {
    /// Nothing.
    Rest,
    /// Send a heartbeat.
    Send,
    /// Nothing came from the client for too long.
    Dead,
}

/// The heartbeat of one connection. As in RabbitMQ: sent when half an interval passed without
/// any output; dead after two checks, an interval apart, without any input.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    send_at: Instant,
    check_at: Instant,
    sent: bool,
    received: bool,
    silent_checks: u8,
}

impl Heartbeat {
    /// `None` for 0 seconds, which turns it off both ways.
    pub(crate) fn new(seconds: u16, now: Instant) -> Option<Self> {
        let interval = Duration::from_secs(seconds.into());
        (seconds > 0).then(|| Self {
            interval,
            send_at: now + interval / 2,
            check_at: now + interval,
            sent: false,
            received: false,
            silent_checks: 0,
        })
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// Any octets count as life; so does our not reading them.
    pub(crate) fn received(&mut self) {
        self.received = true;
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.send_at.min(self.check_at)
    }

    pub(crate) fn tick(&mut self, now: Instant) -> Beat {
        if now >= self.check_at {
            self.check_at = now + self.interval;
            self.silent_checks = if std::mem::take(&mut self.received) {
                0
            } else {
                self.silent_checks + 1
            };
            if self.silent_checks >= SILENT_CHECKS_MAX {
                return Beat::Dead;
            }
        }
        if now < self.send_at {
            return Beat::Rest;
        }
        self.send_at = now + self.interval / 2;
        if std::mem::take(&mut self.sent) {
            Beat::Rest
        } else {
            Beat::Send
        }
    }
}
