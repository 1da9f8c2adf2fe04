//! The dead man's switch of dispatch: notices when runs are due, could go, and no worker claims any. It looks by itself
//! every few seconds, so that whoever asks for readiness or metrics costs no query, however often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::App;
use domain::background::{Background, DispatchState};
use entity::integration_health::HealthStatus;
use telemetry::Instruments;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::http::Stall;

/// Longest time between two looks; each is a few indexed queries.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// How often integrations are counted by their health, which reads a row of each; and partitions are looked at.
const COUNT_INTERVAL: Duration = Duration::from_secs(30);
/// What they are counted by. RUNNING is nobody's: their jobs tell.
const HEALTH: [(HealthStatus, &str); 9] = [
    (HealthStatus::Held, "held"),
    (HealthStatus::ActionRequired, "action_required"),
    (HealthStatus::Failing, "failing"),
    (HealthStatus::Stale, "stale"),
    (HealthStatus::Degraded, "degraded"),
    (HealthStatus::Healthy, "healthy"),
    (HealthStatus::Unknown, "unknown"),
    (HealthStatus::Paused, "paused"),
    (HealthStatus::Archived, "archived"),
];

/// Looks after the dispatch of runs, for one process.
pub struct DispatchWatch {
    background: Background,
    timeout: Duration,
    has_worker: bool,
    seen: Mutex<Seen>,
}

/// What the last look saw.
#[derive(Clone, Debug, Default)]
struct Seen {
    state: DispatchState,
    /// Since which look something waits that may go, with room at some worker, or with no worker there.
    waiting_since: Option<DateTime<Utc>>,
    /// Since when it is stalled.
    stalled_since: Option<DateTime<Utc>>,
    /// Integrations by their health, as the instruments have it.
    health: Vec<(&'static str, u64)>,
    /// Until when there are partitions; `None` on SQLite.
    partitioned_until: Option<DateTime<Utc>>,
}

/// What became of the switch by a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Began,
    Ended,
    None,
}

impl Seen {
    fn look(&mut self, state: DispatchState, now: DateTime<Utc>, timeout: chrono::Duration) -> Turn {
        let has_room = state.workers == 0 || state.free_slots > 0;
        self.state = state;
        self.waiting_since = match state.oldest_due_at {
            Some(_) if has_room => self.waiting_since.or(Some(now)),
            _ => None,
        };
        // A job that became free a moment ago, because one of its tenant's ended, is due for long and waits for a moment.
        let quiet_since =
            [self.waiting_since, state.oldest_due_at].into_iter().max().flatten().max(state.last_claim_at);
        let is_stalled =
            self.waiting_since.is_some() && quiet_since.is_some_and(|since| now - since >= timeout);
        match (is_stalled, self.stalled_since) {
            (true, None) => {
                self.stalled_since = Some(now);
                Turn::Began
            }
            (false, Some(_)) => {
                self.stalled_since = None;
                Turn::Ended
            }
            _ => Turn::None,
        }
    }

    /// What is wrong and what to do about it, while it is stalled.
    fn message(&self, now: DateTime<Utc>) -> Option<String> {
        self.stalled_since?;
        let DispatchState { oldest_due_at, last_claim_at, workers, free_slots, .. } = self.state;
        let seconds = |since: DateTime<Utc>| (now - since).num_seconds().max(0);
        let mut message = match last_claim_at {
            Some(at) => format!("no worker has claimed a run for {} s", seconds(at)),
            None => "no worker has claimed a run".to_owned(),
        };
        if let Some(at) = oldest_due_at {
            message.push_str(&format!(", although one has been due for {} s", seconds(at)));
        }
        message.push_str(&match workers {
            0 => "; no worker is running: start `trestle worker`, or find out what ended them".to_owned(),
            _ => format!(
                "; workers that are running: {workers}, with room for {free_slots} more: look in their logs whether they \
                 reach Redis, and restart them"
            ),
        });
        Some(message)
    }
}

impl DispatchWatch {
    /// It stalls when nothing is claimed for `timeout` while something is due (`TRESTLE_DISPATCH_TIMEOUT_SECONDS`).
    /// `has_worker`: this process is one of those that should claim.
    pub fn new(app: Arc<App>, timeout: Duration, has_worker: bool) -> Self {
        Self { background: Background::new(app), timeout, has_worker, seen: Mutex::default() }
    }

    /// Looks until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut tick = interval((self.timeout / 4).min(LOOK_INTERVAL_MAX));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_blind = false;
        let mut counted_at: Option<Instant> = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            let looked = tokio::select! {
                () = shutdown.cancelled() => return,
                looked = self.background.dispatch_state() => looked,
            };
            match looked {
                Ok(state) => {
                    is_blind = false;
                    self.note(state);
                    if counted_at.is_none_or(|at| at.elapsed() >= COUNT_INTERVAL) {
                        counted_at = Some(Instant::now());
                        self.count_health().await;
                        self.look_at_partitions().await;
                    }
                }
                Err(_) if is_blind => {}
                // Once: that the database is away is told by its own check.
                Err(error) => {
                    is_blind = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "whether workers claim could not be found out; what was seen last stands"
                    );
                }
            }
        }
    }

    /// A count that can't be had is had later; the next look tells why.
    async fn count_health(&self) {
        if let Ok(counts) = self.background.health_counts().await {
            let count =
                |wanted| counts.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| *count);
            let health = HEALTH.iter().map(|(status, name)| (*name, count(*status))).collect();
            self.lock().health = health;
        }
    }

    /// The same for partitions.
    async fn look_at_partitions(&self) {
        if let Ok(until) = self.background.partitioned_until().await {
            self.lock().partitioned_until = until;
        }
    }

    fn note(&self, state: DispatchState) {
        let now = self.now();
        let timeout = chrono::Duration::from_std(self.timeout).unwrap_or(chrono::Duration::MAX);
        let mut seen = self.lock();
        let turn = seen.look(state, now, timeout);
        let message = seen.message(now);
        drop(seen);
        match (turn, message) {
            (Turn::Began, Some(message)) => {
                tracing::error!(workers = state.workers, "runs are not dispatched: {message}");
            }
            (Turn::Ended, _) => {
                tracing::info!(workers = state.workers, "runs are dispatched again, or none is due");
            }
            (Turn::Began | Turn::None, _) => {}
        }
    }

    /// What is wrong, if something is.
    pub(crate) fn stall(&self) -> Option<Stall> {
        let reason = self.lock().message(self.now())?;
        Some(Stall { reason, is_of_this_process: self.has_worker })
    }

    /// Tells the instruments what the last look saw.
    pub(crate) fn tell(&self, instruments: &Instruments) {
        let (now, seen) = (self.now(), self.lock().clone());
        let age = |since: DateTime<Utc>| (now - since).as_seconds_f64().max(0.0);
        instruments.dispatch_stalled.set(&[], f64::from(u8::from(seen.stalled_since.is_some())));
        instruments.dispatch_due_jobs.set(&[], f64::from(seen.state.due_jobs));
        instruments.dispatch_oldest_due_run_age.set(&[], seen.state.oldest_due_at.map_or(0.0, age));
        match seen.state.last_claim_at {
            Some(at) => instruments.dispatch_last_claim_age.set(&[], age(at)),
            None => instruments.dispatch_last_claim_age.forget(&[]),
        }
        if let Some(until) = seen.partitioned_until {
            instruments.partitions_ahead.set(&[], (until - now).as_seconds_f64().max(0.0));
        }
        instruments.workers.set(&[], f64::from(seen.state.workers));
        instruments.worker_slots_busy.set(&[], f64::from(seen.state.busy_slots));
        instruments.worker_slots_free.set(&[], f64::from(seen.state.free_slots));
        for (status, count) in &seen.health {
            instruments.integrations.set(&[status], *count as f64);
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.background.app().clock().now()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use domain::background::DispatchState;

    use super::{Seen, Turn};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    /// Looks at each of these seconds; answers with those at which it began or ended.
    fn looks(looks: impl IntoIterator<Item = (i64, DispatchState)>) -> Vec<(i64, Turn)> {
        let mut seen = Seen::default();
        looks
            .into_iter()
            .map(|(second, state)| (second, seen.look(state, at(second), Duration::seconds(60))))
            .filter(|(_, turn)| *turn != Turn::None)
            .collect()
    }

    fn due(since: i64) -> DispatchState {
        DispatchState { oldest_due_at: Some(at(since)), ..DispatchState::default() }
    }

    #[test]
    fn it_begins_when_nothing_is_claimed_for_the_time_and_ends_with_a_claim_or_when_nothing_is_due() {
        let begins = looks((1_000..1_100).step_by(5).map(|second| (second, due(1_002))));
        assert_eq!(begins, [(1_065, Turn::Began)], "60 s after the job became due");
        let claimed =
            DispatchState { last_claim_at: Some(at(1_070)), workers: 1, free_slots: 3, ..due(1_002) };
        let ends = looks([
            (1_000, due(900)),
            (1_060, due(900)),
            (1_071, claimed),
            (1_129, claimed),
            (1_130, claimed),
        ]);
        assert_eq!(ends, [(1_060, Turn::Began), (1_071, Turn::Ended), (1_130, Turn::Began)]);
        let gone = looks([(1_000, due(900)), (1_060, due(900)), (1_065, DispatchState::default())]);
        assert_eq!(gone, [(1_060, Turn::Began), (1_065, Turn::Ended)]);
    }

    #[test]
    fn what_waits_for_a_slot_is_not_stalled_and_what_is_free_for_a_moment_neither() {
        let full = DispatchState { workers: 2, busy_slots: 8, ..due(0) };
        assert_eq!(looks((1_000..9_000).step_by(5).map(|second| (second, full))), []);
        // Long due at its tenant's cap, and free between the end of one run and the claim of the next.
        let none = DispatchState { workers: 1, free_slots: 4, ..DispatchState::default() };
        let free = DispatchState { workers: 1, free_slots: 5, ..due(0) };
        assert_eq!(
            looks(
                (1_000..9_000).step_by(5).map(|second| (second, if second % 50 == 0 { free } else { none }))
            ),
            []
        );
        let idle = DispatchState { workers: 1, free_slots: 5, ..due(0) };
        assert_eq!(looks([(1_000, idle), (1_060, idle)]), [(1_060, Turn::Began)]);
    }

    #[test]
    fn the_message_says_what_is_wrong_and_what_to_do() {
        let message = |state| {
            let mut seen = Seen::default();
            for second in [1_000, 1_060] {
                seen.look(state, at(second), Duration::seconds(60));
            }
            seen.message(at(1_061)).expect("it is stalled")
        };
        assert_eq!(
            message(due(990)),
            "no worker has claimed a run, although one has been due for 71 s; no worker is running: start `trestle worker`, \
             or find out what ended them"
        );
        let deaf = DispatchState { last_claim_at: Some(at(900)), workers: 2, free_slots: 7, ..due(990) };
        assert_eq!(
            message(deaf),
            "no worker has claimed a run for 161 s, although one has been due for 71 s; workers that are running: 2, with \
             room for 7 more: look in their logs whether they reach Redis, and restart them"
        );
    }
}
