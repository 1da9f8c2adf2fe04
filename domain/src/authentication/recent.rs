//! Who stood behind a token a moment ago, so that what polls all day is not looked up for each of its requests. It is
//! forgotten after seconds, and at once, in every process, when anything changes that says who may do what: PostgreSQL tells
//! (`NOTIFY`, by triggers of the migrations), and what this process does itself it forgets before it answers. While nobody
//! listens nothing is remembered, as on SQLite, where looking is cheap. Only queries go by it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgListener;

use super::AuthenticationError;
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Result};

/// How long it is believed who somebody is, should PostgreSQL's word get lost on its way.
const BELIEVED: Duration = Duration::from_secs(5);
/// Tokens that are remembered, about 1 KiB each; the least recently used go first.
const TOKENS_MAX: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
/// The channel on which PostgreSQL tells that somebody may be somebody else; in migration `m20261127_000330`, too.
const CHANNEL: &str = "trestle_identity";

/// Tokens by their SHA-256, and who stands behind them.
pub(crate) struct RecentActors {
    /// Whether changes are heard of.
    is_listening: AtomicBool,
    /// Counts what was heard of: what was read before the last of it is not believed.
    changes: AtomicU64,
    actors: Mutex<LruCache<[u8; 32], Recent>>,
}

struct Recent {
    actor: Actor,
    changes: u64,
    read_at: Instant,
}

impl Default for RecentActors {
    fn default() -> Self {
        Self {
            is_listening: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            actors: Mutex::new(LruCache::new(TOKENS_MAX)),
        }
    }
}

impl RecentActors {
    /// Believes nothing any more that was read until now.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on nothing is remembered.
    pub(crate) fn stop(&self) {
        self.is_listening.store(false, Ordering::SeqCst);
        self.actors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn start(&self) {
        self.forget();
        self.is_listening.store(true, Ordering::SeqCst);
    }

    fn get(&self, token: &[u8; 32]) -> Option<Actor> {
        let changes = self.changes.load(Ordering::SeqCst);
        let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = actors.get(token)?;
        let is_good = recent.changes == changes && recent.read_at.elapsed() < BELIEVED;
        if !is_good {
            actors.pop(token);
            return None;
        }
        let now = recent.actor.app().clock().now();
        recent.actor.expires_at().is_none_or(|at| at > now).then(|| recent.actor.clone())
    }

    /// `changes` as they were before the actor was read.
    fn put(&self, token: [u8; 32], actor: &Actor, changes: u64) {
        if self.is_listening.load(Ordering::SeqCst) {
            let recent = Recent { actor: actor.clone(), changes, read_at: Instant::now() };
            self.actors.lock().unwrap_or_else(PoisonError::into_inner).put(token, recent);
        }
    }
}

impl App {
    /// As [`authenticate`](Self::authenticate), of what was so seconds ago and did not change since; and whether it is from
    /// then. For what only reads.
    ///
    /// # Errors
    /// When the bearer is refused, or can't be checked.
    pub async fn authenticate_recent(
        self: &Arc<Self>,
        bearer: Option<&str>,
    ) -> std::result::Result<(Actor, bool), AuthenticationError> {
        let recent = self.recent_actors();
        let Some(token) = bearer.filter(|_| recent.is_listening.load(Ordering::SeqCst)) else {
            return Ok((self.authenticate(bearer).await?, false));
        };
        let token: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(actor) = recent.get(&token) {
            return Ok((actor, true));
        }
        let changes = recent.changes.load(Ordering::SeqCst);
        let actor = self.authenticate(bearer).await?;
        recent.put(token, &actor, changes);
        Ok((actor, false))
    }

    /// Listens to changes of who may do what, until the connection ends; then nothing is remembered. On SQLite it returns at
    /// once. To be called again a moment after it has returned.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn listen_to_identities(&self) -> Result<()> {
        let Some(url) = self.database().url_of_postgres() else { return Ok(()) };
        let doing = "listening to changes of who may do what";
        let mut listener = PgListener::connect(url).await.doing(doing)?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await.doing(doing)?;
        let recent = self.recent_actors();
        recent.start();
        let _stops = Stops(recent);
        // `None`: the connection was lost, and with it what was told meanwhile.
        while listener.try_recv().await.doing(doing)?.is_some() {
            recent.forget();
        }
        Ok(())
    }
}

/// Stops remembering when nobody listens any more, however that comes about.
struct Stops<'a>(&'a RecentActors);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
