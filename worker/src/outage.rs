//! Logs an outage like a person would tell of it: that it began, now and then that it goes on, and that it is over.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that is asked again and again and may not answer.
#[derive(Debug)]
pub(crate) struct Outage {
    what: &'static str,
    failures: AtomicU64,
}

impl Outage {
    /// `what` begins the log line: `the queue's store`.
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, failures: AtomicU64::new(0) }
    }

    /// It did not answer. Logs the first, second, fourth, eighth … failure in a row.
    pub(crate) fn failed(&self, error: &(dyn Error + 'static)) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures.is_power_of_two() {
            tracing::warn!(error, failures, "{} cannot be used; it is tried again", self.what);
        }
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        let failures = self.failures.swap(0, Ordering::Relaxed);
        if failures > 0 {
            tracing::info!(failures, "{} can be used again", self.what);
        }
    }
}
