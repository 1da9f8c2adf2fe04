//! The hints that this process has, and apalis' `Persistence` over any [`HintStore`]. A store that is away is logged
//! and asked again, never reported to apalis: an error there would end the worker and cancel what it runs.
//!
//! Leases are extended and ended here and not in apalis' heartbeats and events, because it stops polling its backend
//! while a worker drains, which is when runs need their leases most.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use apalis_core::backend::persistence::{Persistence, TaskEvent};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use domain::dispatch::JobHint;
use tokio::sync::{Mutex as AsyncMutex, Notify, RwLock};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::QueueError;
use super::store::{HintStore, Settlement};
use super::wake::Wake;
use crate::outage::Outage;

/// Pause before a worker that ended with a panic is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How often leases that could not be ended are tried again.
const SETTLE_RETRY: Duration = Duration::from_secs(1);
/// Longest wait, at the very end, for leases to be ended; after that they run out by themselves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The hints of one consumer; clones share them.
pub(super) struct Claims<S> {
    shared: Arc<Shared<S>>,
}

impl<S> Clone for Claims<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

struct Shared<S> {
    store: S,
    wake: Arc<Wake>,
    concurrency: usize,
    tracker: TaskTracker,
    held: Mutex<Held>,
    /// Ending leases reads, extending writes: an extension that overtook the end would bring the lease back.
    settling: RwLock<()>,
    settling_rest: AsyncMutex<()>,
    /// A lease is over.
    released: Notify,
    outage: Outage,
}

#[derive(Default)]
struct Held {
    jobs: HashMap<Uuid, (JobHint, Stage)>,
    /// Leases that are over here and about to be ended at the store. No larger than the work in flight: while the
    /// store is away nothing new is claimed.
    unsettled: HashMap<Uuid, (JobHint, Settlement)>,
    /// Nothing new is started.
    stopping: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Claimed,
    Running,
}

/// A hint that is being handled, until this is dropped.
pub(super) struct Running<S: HintStore> {
    claims: Claims<S>,
    hint: JobHint,
}

impl<S: HintStore> Drop for Running<S> {
    /// Frees the slot; the lease ends at once after, with those of others that are handled at the same time.
    fn drop(&mut self) {
        self.claims.release(self.hint);
    }
}

impl<S: HintStore> Claims<S> {
    /// No hints yet; at most `concurrency` at once.
    pub(super) fn new(store: S, concurrency: usize) -> Self {
        let wake = store.wake().clone();
        Self {
            shared: Arc::new(Shared {
                store,
                wake,
                concurrency: concurrency.max(1),
                tracker: TaskTracker::new(),
                held: Mutex::default(),
                settling: RwLock::default(),
                settling_rest: AsyncMutex::default(),
                released: Notify::new(),
                outage: Outage::new("the queue"),
            }),
        }
    }

    /// Where tasks of this consumer are spawned.
    pub(super) fn tracker(&self) -> &TaskTracker {
        &self.shared.tracker
    }

    /// The bell that says that claiming may bring something.
    pub(super) fn wake(&self) -> &Arc<Wake> {
        &self.shared.wake
    }

    /// How many hints more may be claimed now.
    pub(super) fn free_slots(&self) -> usize {
        let held = self.lock();
        if held.stopping { 0 } else { self.shared.concurrency.saturating_sub(held.jobs.len()) }
    }

    /// Marks a claimed hint as being handled; `None` when it was given back meanwhile.
    pub(super) fn start(&self, hint: JobHint) -> Option<Running<S>> {
        match self.lock().jobs.get_mut(&hint.job_id) {
            Some((_, stage)) if *stage == Stage::Claimed => {
                *stage = Stage::Running;
                Some(Running { claims: self.clone(), hint })
            }
            _ => None,
        }
    }

    /// Extends leases every third of `lease` and ends those that are over; never returns.
    pub(super) async fn keep(self, lease: Duration) {
        let mut extend = interval((lease / 3).max(Duration::from_millis(10)));
        let mut retry = interval(SETTLE_RETRY);
        extend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let extending = async {
            loop {
                extend.tick().await;
                self.extend().await;
            }
        };
        let settling = async {
            loop {
                tokio::select! {
                    () = self.shared.released.notified() => {}
                    _ = retry.tick() => {}
                }
                self.settle_rest().await;
            }
        };
        tokio::join!(extending, settling);
    }

    /// Starts nothing more and gives back what was not started.
    pub(super) async fn stop(self) {
        self.lock().stopping = true;
        self.give_back(None).await;
    }

    /// Ends what is left after the worker ended, as well as the store lets it.
    pub(super) async fn close(&self) {
        let left: Vec<JobHint> = {
            let mut held = self.lock();
            held.stopping = true;
            held.jobs.drain().map(|(_, (hint, _))| hint).collect()
        };
        self.lock().keep_unsettled(&left, Settlement::Done);
        if timeout(CLOSE_TIMEOUT, self.settle_rest()).await.is_err() || !self.lock().unsettled.is_empty() {
            tracing::warn!(
                "some hints could not be given up at shutdown, they come back when their leases end"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn claim(&self) -> Vec<JobHint> {
        let (limit, held) = {
            let held = self.lock();
            let limit = self.shared.concurrency.saturating_sub(held.jobs.len());
            (if held.stopping { 0 } else { limit }, held.hints())
        };
        if limit == 0 {
            return Vec::new();
        }
        let claimed = match self.shared.store.claim(limit, &held).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.shared.outage.failed(&error);
                return Vec::new();
            }
        };
        self.shared.outage.answered();
        let fresh = self.lock().take_in(&claimed.hints);
        // Stopped while the store was asked.
        if self.lock().stopping {
            self.give_back(Some(&fresh)).await;
            return Vec::new();
        }
        if claimed.more || fresh.len() == limit {
            self.shared.wake.ring();
        }
        fresh
    }

    async fn extend(&self) {
        let _no_settling = self.shared.settling.write().await;
        let held = self.lock().hints();
        if held.is_empty() {
            return;
        }
        match self.shared.store.extend(&held).await {
            Ok(lost) => {
                self.shared.outage.answered();
                if lost > 0 {
                    tracing::info!(
                        lost,
                        "another worker has been given hints that are handled here; their rows decide"
                    );
                }
            }
            Err(error) => self.shared.outage.failed(&error),
        }
    }

    async fn settle(&self, hints: &[JobHint], how: Settlement) -> Result<(), QueueError> {
        let _no_extending = self.shared.settling.read().await;
        let settled = self.shared.store.settle(hints, how).await;
        match &settled {
            Ok(()) => self.shared.outage.answered(),
            Err(error) => self.shared.outage.failed(error),
        }
        settled
    }

    async fn settle_or_keep(&self, hints: &[JobHint], how: Settlement) {
        if !hints.is_empty() && self.settle(hints, how).await.is_err() {
            self.lock().keep_unsettled(hints, how);
        }
    }

    /// Ends the leases that are over here, in one round trip; those that are over meanwhile are the next.
    async fn settle_rest(&self) {
        // At shutdown nobody goes while an earlier round trip is under way.
        let _one_at_a_time = self.shared.settling_rest.lock().await;
        let mut is_settled = false;
        for how in [Settlement::Done, Settlement::Back] {
            let hints = self.lock().take_unsettled(how);
            if hints.is_empty() {
                continue;
            }
            match self.settle(&hints, how).await {
                Ok(()) => is_settled = true,
                Err(_logged) => self.lock().keep_unsettled(&hints, how),
            }
        }
        if is_settled {
            // A tenant at its cap may have room now.
            self.shared.wake.ring();
        }
    }

    /// Gives back those that were claimed and not started; with `only`, of these.
    async fn give_back(&self, only: Option<&[JobHint]>) -> u64 {
        let idle: Vec<JobHint> = {
            let mut held = self.lock();
            let idle: Vec<JobHint> = held
                .jobs
                .values()
                .filter(|(hint, stage)| {
                    *stage == Stage::Claimed && only.is_none_or(|only| only.contains(hint))
                })
                .map(|(hint, _)| *hint)
                .collect();
            for hint in &idle {
                held.jobs.remove(&hint.job_id);
            }
            idle
        };
        self.settle_or_keep(&idle, Settlement::Back).await;
        u64::try_from(idle.len()).unwrap_or(u64::MAX)
    }

    fn release(&self, hint: JobHint) {
        let mut held = self.lock();
        // At shutdown it may have been given up already.
        if held.jobs.remove(&hint.job_id).is_some() {
            held.keep_unsettled(&[hint], Settlement::Done);
        }
        drop(held);
        self.shared.released.notify_one();
        self.shared.wake.ring();
    }
}

impl Held {
    /// Keeps what was claimed and answers which of it is new here.
    fn take_in(&mut self, claimed: &[JobHint]) -> Vec<JobHint> {
        let mut fresh = Vec::with_capacity(claimed.len());
        for hint in claimed {
            self.unsettled.remove(&hint.job_id);
            // One that is still held had lost its lease, and now has it again.
            if let Entry::Vacant(slot) = self.jobs.entry(hint.job_id) {
                slot.insert((*hint, Stage::Claimed));
                fresh.push(*hint);
            }
        }
        fresh
    }

    fn take_unsettled(&mut self, how: Settlement) -> Vec<JobHint> {
        self.unsettled
            .extract_if(|_id, (_hint, wanted)| *wanted == how)
            .map(|(_id, (hint, _how))| hint)
            .collect()
    }

    /// Keeps leases to be ended, but for those that were given anew meanwhile.
    fn keep_unsettled(&mut self, hints: &[JobHint], how: Settlement) {
        for hint in hints.iter().filter(|hint| !self.jobs.contains_key(&hint.job_id)) {
            self.unsettled.insert(hint.job_id, (*hint, how));
        }
    }

    fn hints(&self) -> Vec<JobHint> {
        self.jobs.values().map(|(hint, _)| *hint).collect()
    }
}

impl<S: HintStore> Persistence for Claims<S> {
    type Compact = JobHint;
    type Response = ();
    type Error = Infallible;

    async fn register(&mut self, worker: &WorkerContext) -> Result<(), Infallible> {
        if worker.restarts() > 0 {
            sleep(RESTART_PAUSE).await;
            // Claimed by the worker that ended, and known to no other.
            self.give_back(None).await;
        }
        Ok(())
    }

    async fn heartbeat(&mut self, _worker: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    async fn fetch_next(&mut self, _worker: &WorkerContext) -> Result<Vec<Task<JobHint>>, Infallible> {
        // In a task of its own: apalis drops this future at shutdown, and hints on their way would be lost to
        // everybody until their leases end.
        let claims = self.clone();
        let claiming = self.shared.tracker.spawn(async move { claims.claim().await });
        let hints = match claiming.await {
            Ok(hints) => hints,
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "claiming hints ended early");
                Vec::new()
            }
        };
        Ok(hints.into_iter().map(task_of).collect())
    }

    async fn reenqueue_abandoned(
        &mut self,
        tasks: Vec<Task<JobHint>>,
        _worker: &WorkerContext,
    ) -> Result<u64, Infallible> {
        let hints: Vec<JobHint> = tasks.into_iter().map(|task| task.args).collect();
        Ok(self.give_back(Some(&hints)).await)
    }

    async fn handle_events(
        &mut self,
        _events: Vec<TaskEvent<()>>,
        _worker: &WorkerContext,
    ) -> Result<(), Infallible> {
        // The layer that sends them is not installed: a handler ends its own lease.
        Ok(())
    }

    async fn push_tasks(&mut self, tasks: Vec<Task<JobHint>>) -> Result<(), Infallible> {
        // Hints are pushed by `Dispatch`; those that apalis has in hand go back to where they came from.
        let hints: Vec<JobHint> = tasks.into_iter().map(|task| task.args).collect();
        self.give_back(Some(&hints)).await;
        Ok(())
    }
}

fn task_of(hint: JobHint) -> Task<JobHint> {
    TaskBuilder::new(hint).task_id(TaskId::from_string(hint.job_id.to_string())).build()
}
