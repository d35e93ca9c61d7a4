//! The end of the store, and who waits for it.

use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Why the store stopped, if it did.
#[derive(Default)]
pub(crate) struct Failure {
    reason: OnceLock<String>,
    /// The server: one waiter.
    waiter: Mutex<Option<Waker>>,
}

impl Failure {
    /// Notes the first failure and wakes who waits. Called by a thread of the store.
    pub(crate) fn report(&self, reason: String) {
        if self.reason.set(reason).is_ok()
            && let Some(waiter) = self.waiter.lock().take()
        {
            waiter.wake();
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<&str> {
        let mut waiter = self.waiter.lock();
        if let Some(reason) = self.reason() {
            return Poll::Ready(reason);
        }
        *waiter = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_first_failure_counts_and_wakes_once() {
        let (failure, count) = (Failure::default(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        assert!(failure.poll(&Context::from_waker(&waker)).is_pending());
        failure.report("first".to_owned());
        failure.report("second".to_owned());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(
            failure.poll(&Context::from_waker(&waker)),
            Poll::Ready("first")
        );
    }
}
