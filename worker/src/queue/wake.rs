//! A bell that a sleeping consumer hears: kept while nobody listens, so a ring is never lost. One listener.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;

/// The bell of one consumer.
#[derive(Debug, Default)]
pub(super) struct Wake {
    rung: AtomicBool,
    listener: AtomicWaker,
}

impl Wake {
    /// Wakes the consumer, now or when it next listens. Many rings before that count as one.
    pub(super) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.listener.wake();
    }

    /// Whether it rang since the last look. On `false` the task of `cx` is woken by the next ring.
    pub(super) fn poll_rung(&self, cx: &Context<'_>) -> bool {
        if self.rung.swap(false, Ordering::AcqRel) {
            return true;
        }
        self.listener.register(cx.waker());
        self.rung.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake as TaskWake, Waker};

    use super::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl TaskWake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_ring_is_kept_until_somebody_listens_and_wakes_who_does() {
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(counter.clone());
        let cx = Context::from_waker(&waker);
        let wake = Wake::default();

        wake.ring();
        wake.ring();
        assert!(wake.poll_rung(&cx));
        assert!(!wake.poll_rung(&cx));
        assert_eq!(counter.0.load(Ordering::SeqCst), 0);

        wake.ring();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        assert!(wake.poll_rung(&cx));
    }
}
