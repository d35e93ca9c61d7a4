//! One timer per connection, touched as seldom as possible.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Wakes a connection's task at its deadline, or a little before it: a deadline that moves back
/// with every frame (heartbeats do) leaves the timer alone, which then fires early once and is set
/// anew. Always polled by the same task.
#[derive(Default)]
pub(crate) struct Alarm {
    /// Made with the first deadline, so that it costs nothing before.
    sleep: Option<Pin<Box<Sleep>>>,
    /// For when `sleep` is set; it has our waker.
    set_for: Option<Instant>,
}

impl Alarm {
    /// True when `deadline` has come. Otherwise the task is woken no later than then.
    pub(crate) fn poll_due(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        now: Instant,
    ) -> bool {
        let Some(deadline) = deadline else {
            // Mostly that of the handshake, on a connection without heartbeats: none may follow.
            *self = Self::default();
            return false;
        };
        if deadline <= now {
            return true;
        }
        if self
            .set_for
            .is_some_and(|set_for| now < set_for && set_for <= deadline)
        {
            return false;
        }
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(deadline.into());
                sleep
            }
            none => none.insert(Box::pin(sleep_until(deadline.into()))),
        };
        match sleep.as_mut().poll(cx) {
            Poll::Pending => {
                self.set_for = Some(deadline);
                false
            }
            // It came while we were looking.
            Poll::Ready(()) => {
                self.set_for = None;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn a_deadline_that_moves_away_and_back_is_met() {
        let start = clock::now();
        let mut alarm = Alarm::default();
        let far = start + Duration::from_secs(3600);
        let near = start + Duration::from_millis(30);
        poll_fn(|cx| {
            assert!(!alarm.poll_due(cx, Some(far), start));
            assert!(!alarm.poll_due(cx, Some(near), start));
            assert!(!alarm.poll_due(cx, None, start));
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| match alarm.poll_due(cx, Some(near), clock::now()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        assert!(clock::now() >= near);
    }

    #[tokio::test]
    async fn a_later_deadline_is_met_by_a_timer_that_fires_early_first() {
        let start = clock::now();
        let mut alarm = Alarm::default();
        let soon = start + Duration::from_millis(20);
        let later = start + Duration::from_millis(60);
        poll_fn(|cx| {
            assert!(!alarm.poll_due(cx, Some(soon), start));
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| match alarm.poll_due(cx, Some(later), clock::now()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        assert!(clock::now() >= later);
    }

    #[tokio::test]
    async fn a_past_deadline_is_due_at_once() {
        let now = clock::now();
        let due = poll_fn(|cx| Poll::Ready(Alarm::default().poll_due(cx, Some(now), now))).await;
        assert!(due);
    }
}
