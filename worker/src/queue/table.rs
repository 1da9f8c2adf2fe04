//! Hints straight from the job table, for one process without Redis. What is due is asked of a [`JobSource`]; the only
//! state here is what this process has just handled. No SQL: that is `domain`'s.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::background::Background;
use domain::dispatch::{JobHint, TenantCap};
use uuid::Uuid;

use super::store::{Claimed, HintStore, Settlement};
use super::wake::Wake;
use super::{QueueError, QueueOptions};

/// A job that is still due right after it was handled waits this long, unless it is pushed: a handler that cannot
/// reach the database must not spin.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// What to look for in the job table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRequest {
    /// Most jobs to answer, at least 1.
    pub limit: usize,
    /// Most jobs of one tenant in the answer, at least 1; of some it may be more than they may have.
    pub limit_per_tenant: usize,
    /// Jobs to leave out: this process has them. At most a few more than its workers.
    pub excluded_jobs: Vec<Uuid>,
    /// Tenants to leave out: they are at their cap.
    pub excluded_tenants: Vec<Uuid>,
}

/// Answers which jobs are due.
#[async_trait]
pub trait JobSource: Send + Sync + 'static {
    /// Queued jobs whose time has come, tenants in turn (the first of each tenant before the second of any), those of
    /// one tenant by priority, then age.
    ///
    /// # Errors
    /// The table could not be read; it is asked again within a second.
    async fn due(&self, request: &DueRequest) -> Result<Vec<JobHint>, QueueError>;

    /// How many runs tenants may have at once, where that is not what [`QueueOptions`] say; each tenant once.
    ///
    /// # Errors
    /// The tenants could not be read; they are asked again within a second.
    async fn tenant_caps(&self) -> Result<Vec<TenantCap>, QueueError>;
}

#[async_trait]
impl JobSource for Background {
    async fn due(&self, request: &DueRequest) -> Result<Vec<JobHint>, QueueError> {
        let DueRequest { limit, limit_per_tenant, excluded_jobs, excluded_tenants } = request;
        self.due_jobs(*limit, *limit_per_tenant, excluded_jobs, excluded_tenants)
            .await
            .map_err(|error| QueueError::Source(Box::new(error)))
    }

    async fn tenant_caps(&self) -> Result<Vec<TenantCap>, QueueError> {
        Background::tenant_caps(self).await.map_err(|error| QueueError::Source(Box::new(error)))
    }
}

/// The queue of a process that needs no Redis: a bell for whoever consumes it. Clones are one queue.
#[derive(Clone)]
pub struct TableQueue {
    options: QueueOptions,
    recent: Arc<Mutex<HashMap<Uuid, Handled>>>,
    wake: Arc<Wake>,
}

struct Handled {
    at: Instant,
    /// It was answered as due again.
    still_due: bool,
}

impl fmt::Debug for TableQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TableQueue").field("options", &self.options).finish_non_exhaustive()
    }
}

impl TableQueue {
    /// A queue with these limits.
    pub fn new(options: QueueOptions) -> Self {
        Self { options, recent: Arc::default(), wake: Arc::default() }
    }

    /// Says that these jobs are due: the table is asked at once.
    pub fn push(&self, hints: &[JobHint]) {
        if hints.is_empty() {
            return;
        }
        let mut recent = self.lock_recent();
        for hint in hints {
            recent.remove(&hint.job_id);
        }
        drop(recent);
        self.wake.ring();
    }

    /// Says that a tenant may have another number of runs at once: the table is asked at once.
    pub fn set_tenant_cap(&self) {
        self.wake.ring();
    }

    /// The limits it was made with.
    pub(super) fn options(&self) -> QueueOptions {
        self.options
    }

    fn lock_recent(&self) -> MutexGuard<'_, HashMap<Uuid, Handled>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to ask for, given what is in flight here by tenant.
    fn request(
        &self,
        limit: usize,
        held: &[JobHint],
        in_flight: &HashMap<Uuid, usize>,
        caps: &Caps,
    ) -> DueRequest {
        let mut recent = self.lock_recent();
        recent.retain(|_, handled| handled.at.elapsed() < COOL_DOWN);
        let cooling = recent.iter().filter(|(_, handled)| handled.still_due).map(|(job_id, _)| *job_id);
        let full = in_flight
            .iter()
            .filter(|(tenant_id, count)| **count >= caps.of(**tenant_id))
            .map(|(tenant_id, _)| *tenant_id);
        DueRequest {
            limit,
            limit_per_tenant: caps.largest(),
            excluded_jobs: held.iter().map(|hint| hint.job_id).chain(cooling).collect(),
            excluded_tenants: full.collect(),
        }
    }
}

/// How many runs each tenant may have at once.
struct Caps {
    default: usize,
    own: HashMap<Uuid, usize>,
}

impl Caps {
    fn new(default: usize, own: Vec<TenantCap>) -> Self {
        let size = |cap: u32| usize::try_from(cap).unwrap_or(usize::MAX).max(1);
        Self {
            default: default.max(1),
            own: own.into_iter().map(|own| (own.tenant_id, size(own.cap))).collect(),
        }
    }

    fn of(&self, tenant_id: Uuid) -> usize {
        self.own.get(&tenant_id).copied().unwrap_or(self.default)
    }

    fn largest(&self) -> usize {
        self.own.values().copied().fold(self.default, usize::max)
    }
}

/// The job table as a store of hints.
#[derive(Clone)]
pub(super) struct TableStore {
    queue: TableQueue,
    source: Arc<dyn JobSource>,
}

impl TableStore {
    /// The table that `source` reads, rung by `queue`.
    pub(super) fn new(queue: TableQueue, source: Arc<dyn JobSource>) -> Self {
        Self { queue, source }
    }
}

impl HintStore for TableStore {
    async fn claim(&self, limit: usize, held: &[JobHint]) -> Result<Claimed, QueueError> {
        let caps = Caps::new(self.queue.options.tenant_concurrency, self.source.tenant_caps().await?);
        let mut in_flight: HashMap<Uuid, usize> = HashMap::new();
        for hint in held {
            *in_flight.entry(hint.tenant_id).or_default() += 1;
        }
        let request = self.queue.request(limit, held, &in_flight, &caps);
        let due = self.source.due(&request).await?;
        let mut claimed = Claimed { more: due.len() >= limit, ..Claimed::default() };
        let mut recent = self.queue.lock_recent();
        for hint in due.into_iter().take(limit) {
            if let Some(handled) = recent.get_mut(&hint.job_id) {
                handled.still_due = true;
                continue;
            }
            let count = in_flight.entry(hint.tenant_id).or_default();
            if *count < caps.of(hint.tenant_id) {
                *count += 1;
                claimed.hints.push(hint);
            }
        }
        Ok(claimed)
    }

    async fn extend(&self, _held: &[JobHint]) -> Result<usize, QueueError> {
        // What this process has is known to it alone; the row's lease is renewed by the run.
        Ok(0)
    }

    async fn settle(&self, hints: &[JobHint], how: Settlement) -> Result<(), QueueError> {
        if how == Settlement::Done {
            let at = Instant::now();
            let mut recent = self.queue.lock_recent();
            recent.extend(hints.iter().map(|hint| (hint.job_id, Handled { at, still_due: false })));
        }
        Ok(())
    }

    async fn listen(&self) {
        pending().await
    }

    fn wake(&self) -> &Arc<Wake> {
        &self.queue.wake
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use async_trait::async_trait;
    use tokio::sync::Semaphore;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;
    use uuid::Uuid;

    use super::{COOL_DOWN, DueRequest, JobSource};
    use crate::queue::{MonitorOptions, Queue, QueueError, QueueOptions, consume};
    use domain::dispatch::{Dispatch, JobHint, Priority, TenantCap};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A job table in memory; a job stays due until [`Jobs::finish`].
    #[derive(Default)]
    struct Jobs {
        due: Mutex<Vec<JobHint>>,
        caps: Mutex<Vec<TenantCap>>,
    }

    impl Jobs {
        fn add(&self, hints: &[JobHint]) {
            self.due.lock().expect("no test panics with the lock").extend(hints);
        }

        fn finish(&self, hint: JobHint) {
            self.due.lock().expect("no test panics with the lock").retain(|due| *due != hint);
        }
    }

    #[async_trait]
    impl JobSource for Jobs {
        async fn due(&self, request: &DueRequest) -> Result<Vec<JobHint>, QueueError> {
            let mut of_tenant: HashMap<Uuid, usize> = HashMap::new();
            let mut ranked = Vec::new();
            for hint in self.due.lock().expect("no test panics with the lock").iter() {
                if request.excluded_jobs.contains(&hint.job_id)
                    || request.excluded_tenants.contains(&hint.tenant_id)
                {
                    continue;
                }
                let rank = of_tenant.entry(hint.tenant_id).or_default();
                if *rank < request.limit_per_tenant {
                    ranked.push((*rank, *hint));
                }
                *rank += 1;
            }
            ranked.sort_by_key(|(rank, _)| *rank);
            Ok(ranked.into_iter().map(|(_, hint)| hint).take(request.limit).collect())
        }

        async fn tenant_caps(&self) -> Result<Vec<TenantCap>, QueueError> {
            Ok(self.caps.lock().expect("no test panics with the lock").clone())
        }
    }

    struct Harness {
        jobs: Arc<Jobs>,
        queue: Queue,
        gate: Arc<Semaphore>,
        started: UnboundedReceiver<JobHint>,
        shutdown: CancellationToken,
        tasks: TaskTracker,
    }

    /// A consumer whose handlers report their start, wait for the gate, and finish their job if `finishes`.
    fn harness(concurrency: usize, tenant_concurrency: usize, finishes: bool) -> Harness {
        let jobs = Arc::new(Jobs::default());
        let options = QueueOptions { tenant_concurrency, lease: Duration::from_secs(30) };
        let queue = Queue::table(options);
        let (sender, started) = unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn({
            let (queue, jobs, gate, shutdown) = (queue.clone(), jobs.clone(), gate.clone(), shutdown.clone());
            async move {
                let options = MonitorOptions { concurrency, shutdown: Duration::from_secs(10) };
                consume(&queue, jobs.clone(), options, shutdown, move |hint| {
                    let (sender, jobs, gate) = (sender.clone(), jobs.clone(), gate.clone());
                    async move {
                        sender.send(hint).ok();
                        gate.acquire().await.expect("the gate stays").forget();
                        if finishes {
                            jobs.finish(hint);
                        }
                    }
                })
                .await
                .expect("it ends because it was told to");
            }
        });
        tasks.close();
        Harness { jobs, queue, gate, started, shutdown, tasks }
    }

    impl Harness {
        async fn next(&mut self) -> JobHint {
            timeout(PATIENCE, self.started.recv()).await.expect("in time").expect("the consumer is alive")
        }

        async fn add(&self, hints: &[JobHint]) {
            self.jobs.add(hints);
            self.queue.push(hints).await.expect("pushing only rings");
        }

        async fn stop(self) {
            self.shutdown.cancel();
            timeout(PATIENCE, self.tasks.wait()).await.expect("it stops in time");
        }
    }

    fn hint(tenant_id: Uuid) -> JobHint {
        JobHint { job_id: Uuid::now_v7(), tenant_id, priority: Priority::High }
    }

    #[tokio::test]
    async fn a_pushed_job_starts_at_once_and_one_that_was_not_pushed_at_the_next_tick() {
        let mut harness = harness(2, 2, true);
        let (pushed, swept) = (hint(Uuid::now_v7()), hint(Uuid::now_v7()));
        harness.add(&[pushed]).await;
        assert_eq!(harness.next().await, pushed);
        harness.jobs.add(&[swept]);
        assert_eq!(harness.next().await, swept);
        harness.gate.add_permits(2);
        harness.stop().await;
    }

    #[tokio::test]
    async fn tenants_take_turns_and_none_is_above_its_cap() {
        let mut harness = harness(4, 2, true);
        let (crowd, late) = (Uuid::now_v7(), Uuid::now_v7());
        let many: Vec<JobHint> = (0..10_000).map(|_| hint(crowd)).collect();
        harness.add(&many).await;
        assert_eq!(harness.next().await, many[0]);
        assert_eq!(harness.next().await, many[1]);
        let one = hint(late);
        harness.add(&[one]).await;
        assert_eq!(harness.next().await, one);
        harness.gate.add_permits(1);
        assert_eq!(harness.next().await.tenant_id, crowd);
        harness.gate.add_permits(10);
        harness.stop().await;
    }

    #[tokio::test]
    async fn a_tenant_with_a_cap_of_its_own_has_so_many_and_a_change_counts_for_what_is_queued() {
        let mut harness = harness(20, 2, true);
        let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
        let set = async |harness: &Harness, caps: Vec<TenantCap>| {
            *harness.jobs.caps.lock().expect("no test panics with the lock") = caps;
            harness.queue.set_tenant_cap(own, None).await.expect("it only rings");
        };
        set(&harness, vec![TenantCap { tenant_id: own, cap: 1 }]).await;
        let many: Vec<JobHint> = (0..10).flat_map(|_| [hint(own), hint(other)]).collect();
        harness.add(&many).await;
        let mut started = HashMap::from([(own, 0), (other, 0)]);
        let mut until_started = async |harness: &mut Harness, wanted: [(Uuid, i32); 2]| {
            while started != HashMap::from(wanted) {
                *started.entry(harness.next().await.tenant_id).or_default() += 1;
                assert!(wanted.iter().all(|(tenant, most)| started[tenant] <= *most), "{started:?}");
            }
        };
        until_started(&mut harness, [(own, 1), (other, 2)]).await;
        set(&harness, vec![TenantCap { tenant_id: own, cap: 5 }]).await;
        until_started(&mut harness, [(own, 5), (other, 2)]).await;
        // Without one of its own it has more than it may have, until these end.
        set(&harness, Vec::new()).await;
        harness.gate.add_permits(3);
        let mut after = Vec::new();
        while let Ok(hint) = timeout(Duration::from_millis(1_500), harness.started.recv()).await {
            after.push(hint.expect("the consumer is alive").tenant_id);
        }
        assert!(after.len() <= 3, "{after:?}");
        harness.gate.add_permits(20);
        harness.stop().await;
    }

    #[tokio::test]
    async fn a_job_that_stays_due_is_not_handled_in_a_spin_unless_it_is_pushed() {
        let mut harness = harness(1, 1, false);
        harness.gate.add_permits(10);
        let stuck = hint(Uuid::now_v7());
        harness.add(&[stuck]).await;
        assert_eq!(harness.next().await, stuck);
        let handled = Instant::now();
        assert_eq!(harness.next().await, stuck);
        assert!(handled.elapsed() > COOL_DOWN / 2, "{:?}", handled.elapsed());
        harness.stop().await;
    }
}
