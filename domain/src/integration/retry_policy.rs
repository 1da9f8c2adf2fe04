//! How patient the runs of an integration are with a system that stays down through one patient attempt of the engine,
//! or that does not answer at all.

use std::time::Duration;

use entity::integration;

use crate::app::App;
use crate::error::{Problem, ProblemCode};
use crate::validation::Problems;

/// Attempts in a row without progress after which a run fails when nobody says: each is a crashed worker, or a system
/// that stayed down through one patient attempt.
pub const ATTEMPTS_DEFAULT: i32 = 4;
/// For how many at most.
pub const ATTEMPTS_MAX: i32 = 100;
/// Longest first wait, in seconds.
pub const FIRST_WAIT_SECONDS_MAX: i32 = 3_600;
/// The longest wait of our own choice when nobody says, in seconds.
pub const LONGEST_WAIT_SECONDS_DEFAULT: i32 = 600;
/// For how long at most: a day.
pub const LONGEST_WAIT_SECONDS_MAX: i32 = 86_400;
/// The longest silence of a call when nobody says, in seconds: three times the longest time-out of a connector (600 s, of a
/// PostgreSQL that sends nothing), so that one that notices says so in its own words, and short enough that who is on
/// duty hears of it within the hour.
pub const PROGRESS_TIMEOUT_SECONDS_DEFAULT: i32 = 1_800;
/// For how short at least: some heartbeats, and more than a slow answer takes.
pub const PROGRESS_TIMEOUT_SECONDS_MIN: i32 = 10;
/// For how long at most: a day.
pub const PROGRESS_TIMEOUT_SECONDS_MAX: i32 = 86_400;
/// The longest wait that a system may ask for, by `Retry-After`.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// How a run is tried again that a system stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in a row without progress after which it fails.
    pub attempts: i32,
    /// The first wait is at most so long, in seconds; it doubles with each attempt.
    pub first_wait_seconds: i32,
    /// No wait of our own choice is longer, in seconds.
    pub longest_wait_seconds: i32,
    /// An attempt ends when it waits for something that is silent for so long, in seconds.
    pub progress_timeout_seconds: i32,
}

impl RetryPolicy {
    /// Of an integration; what it does not say is the default of this process.
    pub fn of(integration: &integration::Model, app: &App) -> Self {
        let first_wait = i32::try_from(app.retry_wait().as_secs()).unwrap_or(FIRST_WAIT_SECONDS_MAX);
        Self {
            attempts: integration.retry_attempts.unwrap_or(ATTEMPTS_DEFAULT),
            first_wait_seconds: integration.retry_wait_seconds.unwrap_or(first_wait),
            longest_wait_seconds: integration.retry_wait_seconds_max.unwrap_or(LONGEST_WAIT_SECONDS_DEFAULT),
            progress_timeout_seconds: integration
                .progress_timeout_seconds
                .unwrap_or(PROGRESS_TIMEOUT_SECONDS_DEFAULT),
        }
    }

    /// The longest silence of what an attempt waits for.
    pub fn progress_timeout(&self) -> Duration {
        seconds(self.progress_timeout_seconds)
    }

    /// How long to wait after so many attempts in a row: exponential backoff with full jitter, which `random` is drawn
    /// for, so that the runs of a system that comes back do not all hit it at once. What the system asks for is
    /// honoured, up to an hour.
    pub fn wait(&self, attempt: i32, asked: Option<Duration>, random: u64) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0);
        let most = seconds(self.first_wait_seconds)
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(seconds(self.longest_wait_seconds));
        let own = most.mul_f64(random as f64 / u64::MAX as f64);
        asked.map_or(own, |asked| own.max(asked.min(ASKED_WAIT_MAX)))
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

pub(super) fn check(policy: RetryPolicy, problems: &mut Problems) -> RetryPolicy {
    let RetryPolicy { attempts, first_wait_seconds, longest_wait_seconds, progress_timeout_seconds } = policy;
    for (field, value, least, most) in [
        ("attempts", attempts, 1, ATTEMPTS_MAX),
        ("firstWaitSeconds", first_wait_seconds, 1, FIRST_WAIT_SECONDS_MAX),
        ("longestWaitSeconds", longest_wait_seconds, first_wait_seconds, LONGEST_WAIT_SECONDS_MAX),
        (
            "progressTimeoutSeconds",
            progress_timeout_seconds,
            PROGRESS_TIMEOUT_SECONDS_MIN,
            PROGRESS_TIMEOUT_SECONDS_MAX,
        ),
    ] {
        if !(least..=most).contains(&value) {
            let message = format!("is {value}; it must be from {least} to {most}");
            problems.push(Problem::new(ProblemCode::Invalid, ["retryPolicy", field], message));
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::RetryPolicy;

    #[test]
    fn waits_double_within_bounds_with_full_jitter_and_honour_what_the_system_asks() {
        let policy = RetryPolicy {
            attempts: 4,
            first_wait_seconds: 15,
            longest_wait_seconds: 600,
            progress_timeout_seconds: 1_800,
        };
        let longest = |attempt| policy.wait(attempt, None, u64::MAX).as_secs();
        assert_eq!([0, 1, 2, 3, 7, i32::MAX].map(longest), [15, 15, 30, 60, 600, 600]);
        assert_eq!(policy.wait(3, None, 0), Duration::ZERO);
        assert_eq!(policy.wait(1, None, u64::MAX / 2).as_secs_f64().round(), 8.0);
        let asked = |seconds| policy.wait(1, Some(Duration::from_secs(seconds)), 0).as_secs();
        assert_eq!([90, 90_000].map(asked), [90, 3_600]);
    }
}
