//! How often a system may be asked: a bucket of tokens for each, from which every request takes one. In this process, or
//! shared by all workers (`worker`).
//!
//! Turns are given out ahead of time, in the order in which they are asked for: who comes first goes first, wherever it
//! runs. A turn whose run is canceled meanwhile stays unused, so the limit is never passed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connector::Pace;
use entity::system;
use futures::FutureExt;
use uuid::Uuid;

use crate::app::App;
use crate::error::{Problem, ProblemCode};
use crate::validation::Problems;

/// Most requests a minute that can be allowed: no outside system that asks for a limit takes more.
pub const REQUESTS_PER_MINUTE_MAX: i32 = 600_000;
/// Most requests at once.
pub const BURST_MAX: i32 = 1_000;
/// Systems that are remembered; of more those go whose bucket is full again.
const SYSTEMS_MAX: usize = 10_000;

/// How often a system may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a minute, in the long run.
    pub requests_per_minute: i32,
    /// Requests at once after a pause; at least 1. In no time are there more than the burst and what the rate gives.
    pub burst: i32,
}

impl RateLimit {
    /// Of a system, if it has one.
    pub(crate) fn of(row: &system::Model) -> Option<Self> {
        Some(Self {
            requests_per_minute: row.rate_limit_per_minute?,
            burst: row.rate_limit_burst.unwrap_or(1),
        })
    }

    /// The time of one request.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(60) / u32::try_from(self.requests_per_minute).unwrap_or(1).max(1)
    }

    /// What the burst is ahead of the rate, as time.
    pub fn slack(&self) -> Duration {
        self.interval() * u32::try_from(self.burst).unwrap_or(1).max(1).saturating_sub(1)
    }
}

/// Gives out turns at systems.
#[async_trait]
pub trait RateLimits: Send + Sync + fmt::Debug {
    /// Takes the next turn at a system; how long to wait for it.
    async fn take(&self, system_id: Uuid, limit: RateLimit) -> Duration;
}

/// Turns of this process alone.
#[derive(Debug, Default)]
pub struct InProcess {
    /// When the bucket of each system is full again.
    full_at: Mutex<HashMap<Uuid, Instant>>,
}

impl InProcess {
    /// As [`RateLimits::take`], at a time.
    fn take_at(&self, system_id: Uuid, limit: RateLimit, now: Instant) -> Duration {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= SYSTEMS_MAX {
            full_at.retain(|_id, at| *at > now);
        }
        let at = full_at.entry(system_id).or_insert(now);
        *at = (*at).max(now);
        let wait = (*at - now).saturating_sub(limit.slack());
        *at += limit.interval();
        wait
    }
}

#[async_trait]
impl RateLimits for InProcess {
    async fn take(&self, system_id: Uuid, limit: RateLimit) -> Duration {
        self.take_at(system_id, limit, Instant::now())
    }
}

/// The turns of a system for its connector.
pub(crate) fn pace(app: &App, row: &system::Model) -> Pace {
    let Some(limit) = RateLimit::of(row) else { return Pace::default() };
    let (limits, system_id) = (app.rate_limits().clone(), row.id);
    Pace::by(move || {
        let limits: Arc<dyn RateLimits> = limits.clone();
        async move { limits.take(system_id, limit).await }.boxed()
    })
}

pub(crate) fn check(limit: RateLimit, can_be_paced: bool, problems: &mut Problems) -> RateLimit {
    if !can_be_paced {
        let message = "is for systems that are asked by single requests; this kind is not";
        problems.add(ProblemCode::Invalid, "rateLimit", message);
    }
    for (field, value, most) in [
        ("requestsPerMinute", limit.requests_per_minute, REQUESTS_PER_MINUTE_MAX),
        ("burst", limit.burst, BURST_MAX),
    ] {
        if !(1..=most).contains(&value) {
            let message = format!("is {value}; it must be from 1 to {most}");
            problems.push(Problem::new(ProblemCode::Invalid, ["rateLimit", field], message));
        }
    }
    limit
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use uuid::Uuid;

    use super::{InProcess, RateLimit};

    #[test]
    fn a_burst_goes_at_once_and_the_rest_in_order_at_the_rate() {
        let limits = InProcess::default();
        let limit = RateLimit { requests_per_minute: 600, burst: 3 };
        let now = Instant::now();
        let take =
            |after_ms| limits.take_at(Uuid::nil(), limit, now + Duration::from_millis(after_ms)).as_millis();
        assert_eq!([take(0), take(0), take(0), take(0), take(0)], [0, 0, 0, 100, 200]);
        assert_eq!(take(50), 250);
        // Full again after a pause, and never fuller.
        assert_eq!([take(10_000), take(10_000), take(10_000), take(10_000)], [0, 0, 0, 100]);
        assert_eq!(limits.take_at(Uuid::max(), limit, now), Duration::ZERO);
    }
}
