//! How patient the runs of an integration are.

use async_graphql::{InputObject, SimpleObject};
use domain::integration;

/// How patient runs are with a system that is down. Within an attempt each call is tried up to six times already.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct RetryPolicy {
    /// Attempts in a row without progress after which a run fails.
    attempts: i32,
    /// The wait after the first attempt is up to so long, in seconds, by chance; it doubles with each attempt.
    first_wait_seconds: i32,
    /// No wait is longer, in seconds; unless the system asks for it, for up to an hour.
    longest_wait_seconds: i32,
    /// An attempt ends when it waits for a page, for the answer to a batch or to a request of it, or for something on our
    /// side, that does not come for so long, in seconds.
    progress_timeout_seconds: i32,
}

impl From<integration::RetryPolicy> for RetryPolicy {
    fn from(policy: integration::RetryPolicy) -> Self {
        Self {
            attempts: policy.attempts,
            first_wait_seconds: policy.first_wait_seconds,
            longest_wait_seconds: policy.longest_wait_seconds,
            progress_timeout_seconds: policy.progress_timeout_seconds,
        }
    }
}

/// How patient runs are with a system that is down.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct RetryPolicyInput {
    /// Attempts in a row without progress after which a run fails: 1 to 100.
    attempts: i32,
    /// The wait after the first attempt is up to so long, by chance: 1 to 3,600 seconds; it doubles with each attempt.
    first_wait_seconds: i32,
    /// No wait is longer: from `firstWaitSeconds` to 86,400 seconds.
    longest_wait_seconds: i32,
    /// An attempt ends when it waits for a page, for the answer to a batch or to a request of it, or for something on our
    /// side, that does not come for so long: 10 to 86,400 seconds.
    #[graphql(default_with = "integration::PROGRESS_TIMEOUT_SECONDS_DEFAULT")]
    progress_timeout_seconds: i32,
}

impl RetryPolicyInput {
    pub(super) fn decode(self) -> integration::RetryPolicy {
        integration::RetryPolicy {
            attempts: self.attempts,
            first_wait_seconds: self.first_wait_seconds,
            longest_wait_seconds: self.longest_wait_seconds,
            progress_timeout_seconds: self.progress_timeout_seconds,
        }
    }
}
