//! The time of day, injected so that tests can set it. The only place that reads the system's clock, which is corrected
//! by PostgreSQL's: processes whose machines disagree about the time take each other's leases for ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use crate::id;

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

    /// When a new row with this id is made. By the clock that ids are made by it is what the id says, so that a list in the
    /// order of ids is one in the order of time, and a span of time is a span of ids, whatever became of the clock in
    /// between; by another clock it is now.
    pub(crate) fn made_at(&self, id: Uuid) -> DateTime<Utc> {
        let of_id = self.is_common.then(|| id::time_of(id)).flatten();
        of_id.unwrap_or_else(|| self.now())
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SubsecRound, TimeDelta};

    use super::{Clock, common_time};
    use crate::id::{first_id_at, new_id, time_of};

    #[test]
    fn a_row_is_made_when_its_id_is() {
        let before = common_time().trunc_subsecs(3);
        let id = new_id();
        let at = Clock::system().made_at(id);
        assert!(before <= at && at <= common_time() + TimeDelta::seconds(1), "{before} {at}");
        assert_eq!(time_of(id), Some(at));
        let first = first_id_at(at).expect("a time of our days");
        let next = first_id_at(at + TimeDelta::milliseconds(1)).expect("a time of our days");
        assert!(first <= id && id < next, "the ids of a millisecond are those of that time");
    }

    #[test]
    fn by_a_clock_of_its_own_a_row_is_made_now() {
        let now = DateTime::from_timestamp_millis(1_000_000_000_000).expect("a time");
        assert_eq!(Clock::from_fn(move || now).made_at(new_id()), now);
    }
}
