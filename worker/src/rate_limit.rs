//! Rate limits of systems that all workers share, in Redis. When Redis is slow or away each worker goes on with a share
//! of the limit by itself, and asks Redis again a second later.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::rate_limit::{InProcess, RateLimit, RateLimits};
use redis::{RedisError, Script};
use redis_client::RedisServer;
use tokio::time::timeout;
use uuid::Uuid;

use crate::PATIENCE;
use crate::outage::Outage;
use crate::queue::QueueError;

/// Longest wait for an answer; Redis answers in less than a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// How long Redis is left alone after it did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// The part of a limit that a worker takes for itself while Redis is away: nobody knows then how many there are, and
/// four workers together stay within the limit.
const SHARE: i32 = 4;

/// Turns in Redis.
pub struct SharedRateLimits {
    redis: RedisServer,
    turn: Script,
    alone: InProcess,
    away_until: Mutex<Option<Instant>>,
    outage: Outage,
}

impl fmt::Debug for SharedRateLimits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedRateLimits").finish_non_exhaustive()
    }
}

impl SharedRateLimits {
    /// In Redis at `url` (`redis://…`). Connects when it is needed, so a process starts while Redis is away.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn redis(url: &str) -> Result<Self, QueueError> {
        Ok(Self {
            redis: RedisServer::new(url, PATIENCE).map_err(QueueError::Url)?,
            turn: Script::new(include_str!("rate_limit/turn.lua")),
            alone: InProcess::default(),
            away_until: Mutex::new(None),
            outage: Outage::new("Redis, for rate limits,"),
        })
    }

    async fn ask(
        &self,
        system_id: Uuid,
        limit: RateLimit,
    ) -> Result<Duration, Box<dyn Error + Send + Sync + 'static>> {
        let mut connection = self.redis.commands();
        let mut call = self.turn.key(format!("{{trestle:rate:{}}}", system_id.simple()));
        for duration in [limit.interval(), limit.slack()] {
            call.arg(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
        let answer: Result<u64, RedisError> =
            timeout(ANSWER_TIMEOUT, call.invoke_async(&mut connection)).await?;
        Ok(Duration::from_micros(answer?))
    }

    fn is_away(&self) -> bool {
        let until = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }
}

#[async_trait]
impl RateLimits for SharedRateLimits {
    async fn take(&self, system_id: Uuid, limit: RateLimit) -> Duration {
        if !self.is_away() {
            match self.ask(system_id, limit).await {
                Ok(wait) => {
                    self.outage.answered();
                    return wait;
                }
                Err(error) => {
                    self.outage.failed(error.as_ref());
                    let until = Instant::now() + PAUSE;
                    *self.away_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                }
            }
        }
        self.alone.take(system_id, share(limit)).await
    }
}

/// What one worker takes of a limit for itself.
fn share(limit: RateLimit) -> RateLimit {
    RateLimit {
        requests_per_minute: (limit.requests_per_minute / SHARE).max(1),
        burst: (limit.burst / SHARE).max(1),
    }
}
