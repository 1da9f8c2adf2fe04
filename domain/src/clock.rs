//! The time of day, injected so that tests can set it. The only place that reads the system's clock, which is corrected
//! by PostgreSQL's: processes whose machines disagree about the time take each other's leases for ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// A difference of so much, in milliseconds, is somebody's mistake and not the way to the database and back.
const WORTH_TELLING_MS: i64 = 1_000;

/// How far the database's clock is ahead of this machine's, in milliseconds; 0 until it was asked.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

/// Tells the time, to the millisecond: what the API shows, and what both databases keep exactly.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    is_common: bool,
}

impl Clock {
    /// The database's clock, as far as this process knows it; the system's where the database is a file.
    pub fn system() -> Self {
        Self { now: Arc::new(common_time), is_common: true }
    }

    /// A clock of the caller's own.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), is_common: false }
    }

    /// Now, UTC, cut to milliseconds.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)().trunc_subsecs(3)
    }

    /// Whether it is the one that ids are made by.
    pub(crate) fn is_common(&self) -> bool {
        self.is_common
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Clock")
    }
}

/// The time that all processes on one database have in common.
pub(crate) fn common_time() -> DateTime<Utc> {
    own_time() + TimeDelta::milliseconds(AHEAD_MS.load(Ordering::Relaxed))
}

/// From now on the common time is what the database says it is now.
pub(crate) fn follow(database: DateTime<Utc>) {
    let ahead_ms = (database - own_time()).num_milliseconds();
    let before = AHEAD_MS.swap(ahead_ms, Ordering::Relaxed);
    if (ahead_ms - before).abs() >= WORTH_TELLING_MS {
        tracing::warn!(
            ahead_ms,
            "the clock of the database is ahead of this machine's by so much, or behind it; the database's counts"
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn own_time() -> DateTime<Utc> {
    Utc::now()
}
