//! One subscription: what it was told, what it reads of that, and what it missed while it was away.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::change::{self, CATCH_UP_MAX, KEPT_MINUTES, Listening};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::asked::Asked;
use super::super::caller::{Caller, LivePlace};
use super::super::error::{ResolverError, Result};
use super::{Live, Watch};
use crate::http::ErrorCode;

/// Least time between two reads of one subscription: what changes meanwhile is read together.
const READ_INTERVAL: Duration = Duration::from_millis(100);
/// Objects of one read, which are in memory until they are sent.
const READ_MAX: usize = 100;
/// How long a subscription waits that can't read or ask who its caller is.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Listeners that all have lost something, or can't read, read within so many milliseconds, not at once.
const SPREAD_MS: u64 = 3_000;
/// How long a quiet subscription trusts its token before it looks again whether its caller is still signed in.
const RENEW_INTERVAL: Duration = Duration::from_secs(30);
/// The same right before something is sent: whoever signed out hears nothing more after so long.
const RENEW_BEFORE_SENDING: Duration = Duration::from_secs(5);

/// One subscription.
pub(super) struct Listener<T> {
    caller: Arc<Caller>,
    told: Listening,
    watch: Watch,
    /// What is sent of each.
    asked: Asked,
    /// That more was missed than is told; goes first.
    incomplete: Option<ResolverError>,
    /// Read, and to be sent.
    ready: VecDeque<T>,
    /// What changed before this the caller knows without being told.
    began: DateTime<Utc>,
    /// Everything that changed before this was read.
    read_until: DateTime<Utc>,
    /// Everything that changed before this is told when `ready` is empty; `None` while more waits.
    told_until: Option<DateTime<Utc>>,
    /// Where the caller reads until when they were told of everything.
    place: LivePlace,
    /// When the next read may be.
    read_at: Instant,
    renewed_at: Instant,
    has_ended: bool,
}

impl<T: Live> Listener<T> {
    /// Listens from now on. What has changed since the time of the watch comes first.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(super) async fn start(caller: Arc<Caller>, watch: Watch, asked: Asked) -> Result<Self> {
        let now = change::now();
        let since = watch.since.map_or(now, |since| since.min(now));
        // Before anything is read, so that no change falls in between.
        let told = caller.app().changes().listen(watch.interest(T::KIND), caller.actor().tenants());
        let instant = Instant::now();
        let mut listener = Self {
            place: caller.live_place(since),
            caller,
            told,
            watch,
            asked,
            incomplete: None,
            ready: VecDeque::new(),
            began: since,
            read_until: since,
            told_until: None,
            read_at: instant,
            renewed_at: instant,
            has_ended: false,
        };
        if watch.since.is_some() && watch.id.is_none() {
            listener.catch_up().await?;
            listener.told_until = Some(now);
        }
        Ok(listener)
    }

    /// Sends this first.
    pub(super) fn begin_with(&mut self, row: T) {
        self.ready.push_front(row);
    }

    /// What to send next; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(incomplete) = self.incomplete.take() {
                return Some(Err(incomplete));
            }
            let row = self.ready.pop_front();
            if self.ready.is_empty()
                && let Some(until) = self.told_until.take()
            {
                // What may not have arrived is not told: who comes back is to be told of it.
                let sure_until = self.told.sure_until().map_or(until, |sure| sure.min(until));
                self.read_until = sure_until.max(self.read_until);
                self.place.told_until(self.read_until);
            }
            if let Some(row) = row {
                return Some(Ok(row));
            }
            if self.has_ended {
                return None;
            }
            match self.step().await {
                Ok(()) => {}
                // Whoever listens is told nothing: what changes meanwhile is read when the database is back.
                Err(error) if error.is(ErrorCode::Unavailable) => self.put_off(),
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Reads what has changed, or looks whether the caller is still who they were.
    async fn step(&mut self) -> Result<()> {
        let read = async {
            self.told.arrived().await;
            if self.told.has_lost() {
                sleep(spread()).await;
            }
            sleep_until(self.read_at).await;
        };
        tokio::select! {
            () = read => Box::pin(self.read()).await,
            () = sleep_until(self.read_at.max(self.renewed_at + RENEW_INTERVAL)) => Box::pin(self.renew()).await,
        }
    }

    /// Tries again in a moment, and then reads what has changed since the last read.
    fn put_off(&mut self) {
        tracing::debug!("a subscription cannot read for now; it tries again");
        self.told.miss();
        self.read_at = Instant::now() + RETRY_INTERVAL + spread();
    }

    async fn read(&mut self) -> Result<()> {
        let now = change::now();
        if self.renewed_at.elapsed() >= RENEW_BEFORE_SENDING {
            self.renew().await?;
        }
        let told = self.told.take(READ_MAX);
        let mut ids = told.ids;
        if let Some(since) = told.missed_since {
            self.read_until = self.read_until.min(since.max(self.began));
            self.place.told_until(self.read_until);
        }
        if told.has_missed {
            tracing::debug!("a subscription missed changes; it reads what there is now");
            match self.watch.id {
                Some(id) => ids = vec![id],
                None => self.catch_up().await?,
            }
        }
        ids.retain(|id| self.ready.iter().all(|row| row.id() != *id));
        if !ids.is_empty() {
            let mut rows = T::by_ids(&self.caller.actor(), &ids, self.asked).await?;
            // In the order in which they changed.
            self.ready.extend(ids.iter().filter_map(|id| rows.remove(id)));
        }
        self.told_until = (!told.has_more).then_some(now);
        // What waits already is read as soon as this is sent.
        self.read_at = Instant::now() + if told.has_more { Duration::ZERO } else { READ_INTERVAL };
        Ok(())
    }

    /// Reads what has changed since the last read.
    async fn catch_up(&mut self) -> Result<()> {
        let actor = self.caller.actor();
        let of = self.watch.integration_id;
        let missed = change::since(&actor, T::KIND, T::PERMISSION, of, self.read_until).await?;
        if !missed.is_whole {
            let message = format!(
                "More has changed than you are told of: the newest {CATCH_UP_MAX} at most, of the last {KEPT_MINUTES} \
                 minutes. Read anew what you show; from here on you are told of everything."
            );
            self.incomplete = Some(ResolverError::new(ErrorCode::CatchUpIncomplete, message));
        }
        if !missed.ids.is_empty() {
            let mut rows = T::by_ids(&actor, &missed.ids, self.asked).await?;
            self.ready.extend(missed.ids.iter().filter_map(|id| rows.remove(id)));
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<()> {
        self.caller.renew().await?;
        let actor = self.caller.actor();
        actor.require(T::PERMISSION)?;
        self.told.follow(actor.tenants());
        self.renewed_at = Instant::now();
        Ok(())
    }
}

fn spread() -> Duration {
    Duration::from_millis(rand::random::<u64>() % SPREAD_MS)
}

#[cfg(test)]
mod tests;
