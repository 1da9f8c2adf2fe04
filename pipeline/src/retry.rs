//! How patient the engine is with systems that are down or busy. Deliberately absent: which errors are
//! transient; their kind says so.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use connector::SystemError;

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first wait is at most so long; each further one at most twice the one before.
    pub base: Duration,
    /// No wait of our own choice is longer.
    pub ceiling: Duration,
    /// A system may ask for waits up to this long; when it asks for more we wait this long.
    pub retry_after_max: Duration,
    /// Attempts in a row, the first included. A page of progress begins the count anew.
    pub attempts_max: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(200),
            ceiling: Duration::from_secs(5),
            retry_after_max: Duration::from_secs(60),
            attempts_max: 6,
        }
    }
}

impl RetryPolicy {
    /// How long to wait after `attempt` failed attempts; `random` is what the jitter is drawn with.
    fn wait(&self, attempt: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let most =
            self.base.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(self.ceiling);
        let jitter = most.mul_f64(random as f64 / u64::MAX as f64);
        match retry_after {
            // Jitter on top, so that streams that were told the same don't come back together.
            Some(asked) => asked.min(self.retry_after_max) + jitter.min(self.base),
            None => jitter,
        }
    }
}

/// Counts attempts that failed in a row.
#[derive(Debug)]
pub(crate) struct Patience {
    policy: RetryPolicy,
    attempts: u32,
}

impl Patience {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self { policy, attempts: 0 }
    }

    /// Attempts that failed in a row.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// There was progress.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How long to wait after this error; `None` when trying again is of no use.
    pub(crate) fn wait_after(&mut self, error: &SystemError) -> Option<Duration> {
        self.attempts += 1;
        if !error.kind.is_transient() || self.attempts >= self.policy.attempts_max {
            return None;
        }
        // The standard library seeds each hasher anew; jitter needs no better randomness.
        let random = RandomState::new().build_hasher().finish();
        Some(self.policy.wait(self.attempts, error.retry_after, random))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use connector::{SystemError, SystemErrorKind};

    use super::{Patience, RetryPolicy};

    #[test]
    fn waits_double_up_to_the_ceiling_with_full_jitter() {
        let policy = RetryPolicy::default();
        let longest: Vec<u64> =
            (1..=7).map(|attempt| policy.wait(attempt, None, u64::MAX).as_millis() as u64).collect();
        assert_eq!(longest, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(policy.wait(3, None, 0), Duration::ZERO);
        assert_eq!(policy.wait(u32::MAX, None, u64::MAX), policy.ceiling);
    }

    #[test]
    fn what_the_system_asks_for_is_honoured_up_to_a_minute() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, Some(Duration::from_secs(7)), 0), Duration::from_secs(7));
        assert_eq!(policy.wait(1, Some(Duration::from_secs(3600)), 0), Duration::from_secs(60));
        let longest = policy.wait(6, Some(Duration::from_secs(7)), u64::MAX);
        assert_eq!(longest, Duration::from_millis(7200));
    }

    #[test]
    fn patience_ends_and_progress_renews_it() {
        let down = SystemError::new(SystemErrorKind::Unavailable, "down");
        let mut patience = Patience::new(RetryPolicy::default());
        assert_eq!((1..=6).filter(|_| patience.wait_after(&down).is_some()).count(), 5);
        assert_eq!(patience.attempts(), 6);
        patience.reset();
        assert!(patience.wait_after(&down).is_some());
        let wrong = SystemError::new(SystemErrorKind::Unauthorized, "no");
        assert!(Patience::new(RetryPolicy::default()).wait_after(&wrong).is_none());
    }
}
