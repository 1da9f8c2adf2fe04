//! What API processes share through Redis: budgets of callers, documents that clients registered, and until where in the
//! write-ahead log of the database callers wrote. All can be lost. When Redis is slow or away its callers go on without it,
//! told by `None`; it is asked again a second later.
//! This is the only file of the crate that talks to Redis.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Script, ScriptInvocation};
use redis_client::{AddressError, Commands, Patience, RedisServer};

/// Longest wait for an answer, which a request spends before it runs. Redis answers in less than a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);
/// How long Redis is left alone after it did not answer, so that requests wait for it rarely.
const PAUSE: Duration = Duration::from_secs(1);
/// Documents that are kept, the least recently used go first. With [`super::documents::REGISTERED_BYTES_MAX`] each that
/// is 32 MiB at most.
const DOCUMENTS_MAX: usize = 2_000;
/// How long documents are kept after the last one came.
const DOCUMENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it is kept until where a caller wrote: a replica that lacks what is so old is not read.
const WRITE_KEPT: Duration = Duration::from_secs(60);
/// The keys of documents; the braces make them live in one slot of a Redis Cluster.
const DOCUMENT_KEYS: [&str; 2] = ["{trestle:documents}:text", "{trestle:documents}:used"];

/// Redis, as API processes share it.
pub struct SharedStore {
    connection: Commands,
    draw: Script,
    document: Script,
    register: Script,
    wrote: Script,
    start: Instant,
    /// In µs after `start`.
    paused_until: AtomicU64,
    is_away: AtomicBool,
}

/// What other processes know of where in the write-ahead log a caller last wrote. In the data of each query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastWrite {
    /// That they did not lately, or that there are no other processes.
    #[default]
    None,
    /// Before this place.
    Before(u128),
    /// Nobody can tell now.
    Unknown,
}

impl LastWrite {
    /// As Redis has it: in decimals, which hold more than its client reads as a number.
    fn of(position: Option<String>) -> Self {
        position.map_or(Self::None, |position| position.parse::<u128>().map_or(Self::Unknown, Self::Before))
    }
}

/// The keys of a caller, which live in one slot of a Redis Cluster: the budget, and the last write.
fn keys_of(caller: &str) -> [String; 2] {
    let budget = format!("{{trestle:budget:{caller}}}");
    let written = format!("{budget}:written");
    [budget, written]
}

/// A URL that is not one of Redis.
#[derive(Debug, thiserror::Error)]
#[error("the URL of Redis can't be used")]
pub struct SharedStoreError(#[from] AddressError);

impl fmt::Debug for SharedStore {
    /// Without the URL: it may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedStore").finish_non_exhaustive()
    }
}

impl SharedStore {
    /// Redis at `url` ([`RedisServer::new`]). Connects when it is needed, so a process starts while Redis is away.
    ///
    /// # Errors
    /// The URL is not one of Redis.
    pub fn redis(url: &str) -> Result<Self, SharedStoreError> {
        let patience = Patience { response: ANSWER_TIMEOUT, attempts: 1 };
        Ok(Self {
            connection: RedisServer::new(url, patience)?.commands(),
            draw: Script::new(include_str!("lua/draw.lua")),
            document: Script::new(include_str!("lua/document.lua")),
            register: Script::new(include_str!("lua/register.lua")),
            wrote: Script::new(include_str!("lua/wrote.lua")),
            start: Instant::now(),
            paused_until: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
        })
    }

    /// Draws from the caller's budget: whether it was granted, and how much is missing from it now, as the time to get
    /// it back. In the same breath, where they last wrote.
    pub(super) async fn draw(
        &self,
        caller: &str,
        price: Duration,
        refusal: Duration,
        whole: Duration,
    ) -> Option<(bool, Duration, LastWrite)> {
        let mut call = self.draw.prepare_invoke();
        call.key(&keys_of(caller));
        for duration in [price, refusal, whole] {
            call.arg(duration.as_secs_f64() * 1e6);
        }
        let (is_granted, missing, written): (bool, u64, Option<String>) = self.answer(&call).await?;
        Some((is_granted, Duration::from_micros(missing), LastWrite::of(written)))
    }

    /// Where a caller last wrote, for whoever draws from no budget.
    pub(super) async fn last_write(&self, caller: &str) -> LastWrite {
        let mut call = self.wrote.prepare_invoke();
        call.key(&keys_of(caller)[1]);
        self.answer::<Option<String>>(&call).await.map_or(LastWrite::Unknown, LastWrite::of)
    }

    /// Keeps that a caller's last write ends before this place; whether it is kept.
    pub(crate) async fn wrote(&self, caller: &str, position: u128) -> bool {
        let mut call = self.wrote.prepare_invoke();
        call.key(&keys_of(caller)[1]).arg(position.to_string()).arg(WRITE_KEPT.as_millis() as u64);
        self.answer::<Option<String>>(&call).await.is_some()
    }

    /// The document that a client registered under this hash.
    pub(super) async fn document(&self, hash: &str) -> Option<String> {
        let mut call = self.document.prepare_invoke();
        call.key(&DOCUMENT_KEYS).arg(hash);
        self.answer::<Option<String>>(&call).await?
    }

    /// Keeps a document under its hash.
    pub(super) async fn register(&self, hash: &str, text: &str) {
        let mut call = self.register.prepare_invoke();
        call.key(&DOCUMENT_KEYS).arg(hash).arg(text).arg(DOCUMENTS_MAX).arg(DOCUMENTS_KEPT.as_secs());
        self.answer::<()>(&call).await;
    }

    /// What Redis answers in time; the first failure and the first success after it are told in the log.
    async fn answer<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Option<T> {
        let now = || u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let paused_until = self.paused_until.load(Ordering::Relaxed);
        if paused_until > 0 {
            if now() < paused_until {
                return None;
            }
            // After a pause one asks, and the others go on without until there is an answer.
            let next = now().saturating_add(PAUSE.as_micros() as u64);
            self.paused_until
                .compare_exchange(paused_until, next, Ordering::Relaxed, Ordering::Relaxed)
                .ok()?;
        }
        let mut connection = self.connection.clone();
        let problem = match tokio::time::timeout(ANSWER_TIMEOUT, call.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => {
                self.paused_until.store(0, Ordering::Relaxed);
                if self.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis answers again: budgets of callers are common to all processes");
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} ms", ANSWER_TIMEOUT.as_millis()),
        };
        self.paused_until.store(now().saturating_add(PAUSE.as_micros() as u64), Ordering::Relaxed);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                error = problem,
                "Redis does not answer: until it does each process keeps budgets of callers by itself"
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::LastWrite;

    #[test]
    fn a_place_is_read_whole_and_what_is_none_is_unknown() {
        let of = |text: &str| LastWrite::of(Some(text.to_owned()));
        assert_eq!(LastWrite::of(None), LastWrite::None);
        assert_eq!(of("18446744073709551617"), LastWrite::Before((1_u128 << 64) + 1));
        assert_eq!(of(&u128::MAX.to_string()), LastWrite::Before(u128::MAX));
        assert_eq!([of(""), of("-1"), of("1e3")], [LastWrite::Unknown; 3]);
    }
}
