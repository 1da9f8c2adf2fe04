//! What each caller may ask for: the cost of an operation, known before it runs, is drawn from the caller's budget,
//! which fills again all the time. Kept in Redis where there is one, so that all processes draw from the same, and
//! otherwise, or while Redis does not answer, in this process. What an operation costs is counted in `limits.rs`.
//!
//! A budget is stored as the time at which it will be full again (the generic cell rate algorithm,
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>): one number, which says how much is missing.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value};
use chrono::{DateTime, SecondsFormat, Utc};
use lru::LruCache;

use super::shared::{LastWrite, SharedStore};

/// An empty budget is full after so long, and so no more than this much is ever saved up.
const FILLED_AFTER: Duration = Duration::from_secs(60);

/// Points that a request costs which is refused: for a limit, a wrong document, or a budget that does not suffice.
/// Reading one takes up to a millisecond, a point stands for some ten microseconds ([`super::BudgetOptions`]).
pub(super) const REFUSED_COST: u64 = 100;

/// Callers whose budgets are remembered in this process, some 200 bytes each. Of more than these, who asked longest ago
/// starts anew.
const CALLERS_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("not zero");

/// How much each caller may ask for.
#[derive(Clone, Copy, Debug)]
pub struct BudgetOptions {
    /// Points that a budget holds, and gets back in a minute. A point is a field that is resolved, some 10 µs of a core
    /// ([`super::limits::COST_MAX`] points are some 200 ms), and work that is more says so
    /// ([`super::HttpOptions::field_costs`]).
    pub points_per_minute: u64,
}

/// The budgets of all callers.
pub(super) struct Budget {
    points: u64,
    shared: Option<Arc<SharedStore>>,
    start: Instant,
    accounts: Mutex<LruCache<String, Account>>,
}

/// What this process remembers of a caller, in µs since its start.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// When the budget is full, where it is kept here.
    full_at: u64,
    /// Until then not even a refusal is paid for, so requests are refused unread.
    blocked_until: u64,
}

/// What became of a draw.
#[derive(Clone, Copy, Debug)]
struct Draw {
    /// Whether the operation may run.
    is_granted: bool,
    /// After the draw.
    remaining: u64,
    /// How long until the budget is full, without further draws.
    full_in: Duration,
    /// How long until it would have been granted; zero when it was.
    retry_in: Duration,
}

/// What an operation costs, and what is left: `extensions.cost` of its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    requested: u64,
    /// Points of a full budget.
    limit: u64,
    draw: Draw,
    /// What was heard beside it of the caller's last write; told to nobody.
    pub(super) last_write: LastWrite,
}

impl Budget {
    pub(super) fn new(options: BudgetOptions, shared: Option<Arc<SharedStore>>) -> Self {
        Self {
            points: options.points_per_minute.max(1),
            shared,
            start: Instant::now(),
            accounts: Mutex::new(LruCache::new(CALLERS_MAX)),
        }
    }

    /// Whether the caller's budget is so empty that a request is refused before it is read; costs nothing.
    pub(super) fn is_exhausted(&self, caller: &str) -> Option<Cost> {
        let now = self.now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let blocked_until = accounts.get(caller)?.blocked_until;
        let wait = blocked_until.checked_sub(now).filter(|wait| *wait > 0)?;
        let retry_in = Duration::from_micros(wait);
        let full_in = FILLED_AFTER.saturating_sub(self.time_of(REFUSED_COST)) + retry_in;
        let draw = Draw { is_granted: false, remaining: self.remaining(full_in), full_in, retry_in };
        Some(Cost { requested: REFUSED_COST, limit: self.points, draw, last_write: LastWrite::Unknown })
    }

    /// Draws `cost` points, or where they are not there what a refusal costs. An operation that costs more than the
    /// whole budget needs a full one.
    pub(super) async fn draw(&self, caller: &str, cost: u64) -> Cost {
        let price = self.time_of(cost);
        let refusal = self.time_of(REFUSED_COST);
        let shared = match &self.shared {
            Some(shared) => shared.draw(caller, price, refusal, FILLED_AFTER).await,
            None => None,
        };
        let (is_granted, full_in, last_write) = shared.unwrap_or_else(|| {
            let (is_granted, full_in) = self.draw_here(caller, price, refusal);
            let last_write = if self.shared.is_some() { LastWrite::Unknown } else { LastWrite::None };
            (is_granted, full_in, last_write)
        });
        let retry_in =
            if is_granted { Duration::ZERO } else { (full_in + price).saturating_sub(FILLED_AFTER) };
        let draw = Draw { is_granted, remaining: self.remaining(full_in), full_in, retry_in };
        if !is_granted {
            self.block(caller, (full_in + refusal).saturating_sub(FILLED_AFTER));
        }
        Cost { requested: cost, limit: self.points, draw, last_write }
    }

    fn draw_here(&self, caller: &str, price: Duration, refusal: Duration) -> (bool, Duration) {
        let now = self.now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.get_or_insert_mut_ref(caller, Account::default);
        let missing = Duration::from_micros(account.full_at.saturating_sub(now));
        let (is_granted, missing) = drawn(missing, price, refusal, FILLED_AFTER);
        account.full_at = now.saturating_add(micros(missing));
        (is_granted, missing)
    }

    fn block(&self, caller: &str, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        let until = self.now().saturating_add(micros(wait));
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get_or_insert_mut_ref(caller, Account::default).blocked_until = until;
    }

    fn now(&self) -> u64 {
        micros(self.start.elapsed())
    }

    /// How long it takes to get so many points back.
    fn time_of(&self, points: u64) -> Duration {
        let share = points.min(self.points) as f64 / self.points as f64;
        FILLED_AFTER.mul_f64(share)
    }

    fn remaining(&self, full_in: Duration) -> u64 {
        let missing = full_in.as_secs_f64() / FILLED_AFTER.as_secs_f64() * self.points as f64;
        self.points.saturating_sub(missing.ceil() as u64)
    }
}

/// Whether a draw is granted when this much is missing, and how much is missing afterwards; as `lua/draw.lua`.
fn drawn(missing: Duration, price: Duration, refusal: Duration, whole: Duration) -> (bool, Duration) {
    let missing = missing.min(whole);
    if missing + price <= whole { (true, missing + price) } else { (false, (missing + refusal).min(whole)) }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Cost {
    /// `None` when the operation may run, and otherwise how long it must wait.
    pub(super) fn retry_in(&self) -> Option<Duration> {
        (!self.draw.is_granted).then_some(self.draw.retry_in)
    }

    /// `extensions.cost`.
    pub(super) fn value(&self, now: SystemTime) -> Value {
        let full_at = DateTime::<Utc>::from(now + self.draw.full_in);
        Value::Object(IndexMap::from_iter([
            (Name::new("requested"), Value::from(self.requested)),
            (Name::new("limit"), Value::from(self.limit)),
            (Name::new("remaining"), Value::from(self.draw.remaining)),
            (Name::new("resetAt"), Value::from(full_at.to_rfc3339_opts(SecondsFormat::Millis, true))),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Budget, BudgetOptions, FILLED_AFTER, REFUSED_COST, drawn};

    fn budget(points_per_minute: u64) -> Budget {
        Budget::new(BudgetOptions { points_per_minute }, None)
    }

    #[test]
    fn what_is_missing_grows_by_the_price_and_never_beyond_the_whole() {
        let seconds = Duration::from_secs;
        let draw = |missing, price| drawn(seconds(missing), seconds(price), seconds(2), FILLED_AFTER);
        assert_eq!(draw(0, 60), (true, seconds(60)));
        assert_eq!(draw(10, 50), (true, seconds(60)));
        assert_eq!(draw(10, 51), (false, seconds(12)), "knocking costs");
        assert_eq!(draw(59, 30), (false, seconds(60)));
        assert_eq!(
            draw(u64::MAX / 2, 1),
            (false, seconds(60)),
            "a clock that went back keeps nobody out for long"
        );
    }

    #[tokio::test]
    async fn a_budget_is_drawn_from_until_it_is_empty_and_each_caller_has_their_own() {
        let budget = budget(60_000);
        for _ in 0..3 {
            assert!(budget.draw("ada", 20_000).await.retry_in().is_none());
        }
        let refused = budget.draw("ada", 20_000).await;
        let wait = refused.retry_in().expect("the budget is empty");
        assert!(
            wait > Duration::from_secs(19) && wait <= Duration::from_secs(20) + FILLED_AFTER / 600,
            "{wait:?}"
        );
        let told = refused.value(SystemTime::UNIX_EPOCH).into_json().expect("JSON");
        assert_eq!((&told["requested"], &told["limit"]), (&20_000.into(), &60_000.into()));
        assert!(told["remaining"].as_u64().is_some_and(|left| left < REFUSED_COST), "{told}");
        assert!(told["resetAt"].as_str().is_some_and(|at| at.starts_with("1970-01-01T00:0")), "{told}");
        assert!(budget.is_exhausted("ada").is_some(), "what comes now is refused unread");
        assert!(budget.is_exhausted("bob").is_none());
        assert!(budget.draw("bob", 20_000).await.retry_in().is_none());
    }

    #[tokio::test]
    async fn what_costs_more_than_the_whole_needs_a_full_budget() {
        let budget = budget(1_000);
        assert!(budget.draw("ada", 20_000).await.retry_in().is_none());
        let refused = budget.draw("bob", 1).await;
        assert!(refused.retry_in().is_none());
        assert!(budget.draw("bob", 20_000).await.retry_in().is_some());
    }

    #[tokio::test]
    async fn an_endless_number_of_callers_needs_bounded_memory() {
        let budget = budget(1_000);
        for caller in 0..super::CALLERS_MAX.get() + 10 {
            budget.draw(&caller.to_string(), 1).await;
        }
        let accounts = budget.accounts.lock().expect("nobody panicked");
        assert_eq!(accounts.len(), super::CALLERS_MAX.get());
    }
}
