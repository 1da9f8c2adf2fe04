//! The Redis queue against a real `redis-server` on a port of its own: fairness, caps, leases, and what must hold when
//! a worker or Redis itself goes away. Not here: what a job does; handlers only report and wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::dispatch::{Dispatch, JobHint, Priority, TenantCap};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use worker::queue::{
    DueRequest, JobSource, MonitorError, MonitorOptions, Queue, QueueError, QueueOptions, consume,
};

use crate::harness::{PATIENCE, Redis};

const PREFIX: &str = "{trestle:sync:0}";

fn queue_of(redis: &Redis, tenant_concurrency: usize, lease: Duration) -> Queue {
    Queue::redis(&redis.url(), QueueOptions { tenant_concurrency, lease }).expect("the URL is valid")
}

/// For looking into Redis.
async fn connect(redis: &Redis) -> MultiplexedConnection {
    redis::Client::open(redis.url())
        .expect("the URL is valid")
        .get_multiplexed_async_connection()
        .await
        .expect("redis-server accepts connections")
}

/// Nothing of any job is left.
async fn assert_empty(redis: &Redis) {
    let mut keys: Vec<String> = connect(redis).await.keys("*").await.expect("keys are listed");
    let kept = ["turn", "refused", "caps"].map(|key| format!("{PREFIX}:{key}"));
    keys.retain(|key| !kept.contains(key));
    assert!(keys.is_empty(), "left in Redis: {keys:?}");
}

/// The job table, which a queue in Redis asks for tenants' own caps only.
#[derive(Default)]
struct NoTable {
    caps: Mutex<Vec<TenantCap>>,
}

#[async_trait]
impl JobSource for NoTable {
    async fn due(&self, _request: &DueRequest) -> Result<Vec<JobHint>, QueueError> {
        unreachable!("hints are in Redis")
    }

    async fn tenant_caps(&self) -> Result<Vec<TenantCap>, QueueError> {
        Ok(self.caps.lock().expect("no test panics with the lock").clone())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Started(JobHint, Instant),
    Ended(JobHint),
}

/// A consumer whose handlers report their start, wait for the gate, and report their end.
struct Worker {
    seen: UnboundedReceiver<Seen>,
    gate: Arc<Semaphore>,
    shutdown: CancellationToken,
    run: JoinHandle<Result<(), MonitorError>>,
}

impl Worker {
    fn start(queue: Queue, concurrency: usize) -> Self {
        Self::start_with(queue, concurrency, Duration::from_secs(10))
    }

    fn start_with(queue: Queue, concurrency: usize, patience: Duration) -> Self {
        Self::start_from(Arc::new(NoTable::default()), queue, concurrency, patience)
    }

    fn start_from(source: Arc<NoTable>, queue: Queue, concurrency: usize, patience: Duration) -> Self {
        let (sender, seen) = unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let shutdown = CancellationToken::new();
        let options = MonitorOptions { concurrency, shutdown: patience };
        let run = TaskTracker::new().spawn({
            let (gate, shutdown) = (gate.clone(), shutdown.clone());
            async move {
                consume(&queue, source, options, shutdown, move |hint| {
                    handle(hint, sender.clone(), gate.clone())
                })
                .await
            }
        });
        Self { seen, gate, shutdown, run }
    }

    async fn next(&mut self) -> Seen {
        timeout(PATIENCE, self.seen.recv())
            .await
            .expect("the worker does something in time")
            .expect("the worker is alive")
    }

    async fn next_start(&mut self) -> JobHint {
        loop {
            if let Seen::Started(hint, _) = self.next().await {
                return hint;
            }
        }
    }

    async fn next_end(&mut self) -> JobHint {
        loop {
            if let Seen::Ended(hint) = self.next().await {
                return hint;
            }
        }
    }

    fn let_end(&self, count: usize) {
        self.gate.add_permits(count);
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.run)
            .await
            .expect("the worker stops in time")
            .expect("the worker does not panic")
            .expect("the worker stops because it was told to");
    }
}

async fn handle(hint: JobHint, seen: UnboundedSender<Seen>, gate: Arc<Semaphore>) {
    if seen.send(Seen::Started(hint, Instant::now())).is_err() {
        return;
    }
    gate.acquire().await.expect("the gate stays").forget();
    // Nobody listens any more when the test is over.
    seen.send(Seen::Ended(hint)).ok();
}

fn hint(tenant_id: Uuid) -> JobHint {
    JobHint { job_id: Uuid::now_v7(), tenant_id, priority: Priority::Normal }
}

fn hints(tenant_id: Uuid, count: usize) -> Vec<JobHint> {
    (0..count).map(|_| hint(tenant_id)).collect()
}

async fn push(queue: &Queue, hints: &[JobHint]) {
    queue.push(hints).await.expect("Redis takes the hints");
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_hint_is_handled_once_however_often_it_is_pushed() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let tenant = Uuid::now_v7();
    let (first, second) = (hint(tenant), hint(tenant));
    push(&queue, &[first, first]).await;
    push(&queue, &[first, second]).await;

    let mut worker = Worker::start(queue, 1);
    worker.let_end(10);
    assert_eq!(worker.next_end().await, first);
    assert_eq!(worker.next_end().await, second);
    worker.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_pushed_while_it_is_handled_is_handled_once_more() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let mut worker = Worker::start(queue.clone(), 4);
    let hint = hint(Uuid::now_v7());
    push(&queue, &[hint]).await;
    assert_eq!(worker.next_start().await, hint);

    push(&queue, &[hint]).await;
    push(&queue, &[hint]).await;
    worker.let_end(1);
    assert_eq!(worker.next().await, Seen::Ended(hint));
    assert_eq!(worker.next_start().await, hint);
    worker.let_end(1);
    assert_eq!(worker.next_end().await, hint);
    worker.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_hints_of_one_tenant_do_not_delay_anothers() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 100, LONG);
    let (crowd, early, late) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    push(&queue, &hints(crowd, 100_000)).await;
    push(&queue, &[hint(early)]).await;

    let mut worker = Worker::start(queue.clone(), 1);
    assert_eq!(worker.next_start().await.tenant_id, crowd);
    worker.let_end(1);
    assert_eq!(worker.next_start().await.tenant_id, early);

    push(&queue, &[hint(late)]).await;
    worker.let_end(2);
    assert_eq!(worker.next_start().await.tenant_id, crowd);
    assert_eq!(worker.next_start().await.tenant_id, late);
    worker.let_end(1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_tenant_go_by_priority_then_age() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let tenant = Uuid::now_v7();
    let ranked = [Priority::Low, Priority::Normal, Priority::High, Priority::High]
        .map(|priority| JobHint { priority, ..hint(tenant) });
    push(&queue, &ranked).await;

    let mut worker = Worker::start(queue, 1);
    worker.let_end(4);
    for index in [2, 3, 1, 0] {
        assert_eq!(worker.next_start().await, ranked[index]);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_no_more_in_flight_than_its_cap() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 2, LONG);
    let (capped, other) = (Uuid::now_v7(), Uuid::now_v7());
    let mut worker = Worker::start(queue.clone(), 8);
    push(&queue, &hints(capped, 20)).await;
    for _ in 0..2 {
        assert_eq!(worker.next_start().await.tenant_id, capped);
    }
    // Claims went on and found another tenant's, and still no third of the first.
    push(&queue, &[hint(other)]).await;
    assert_eq!(worker.next_start().await.tenant_id, other);

    let mut in_flight: HashMap<Uuid, usize> = HashMap::from([(capped, 2), (other, 1)]);
    let mut ended = 0;
    worker.let_end(21);
    while ended < 21 {
        match worker.next().await {
            Seen::Started(hint, _) => {
                let count = in_flight.entry(hint.tenant_id).or_default();
                *count += 1;
                assert!(*count <= 2, "more in flight than the cap");
            }
            Seen::Ended(hint) => {
                *in_flight.entry(hint.tenant_id).or_default() -= 1;
                ended += 1;
            }
        }
    }
    worker.stop().await;
    assert_empty(&redis).await;
}

/// Starts as many as this of each tenant, and no more within a second.
async fn assert_started(worker: &mut Worker, wanted: &[(Uuid, usize)]) {
    let mut started: HashMap<Uuid, usize> = HashMap::new();
    let all: usize = wanted.iter().map(|(_, count)| count).sum();
    for _ in 0..all {
        *started.entry(worker.next_start().await.tenant_id).or_default() += 1;
    }
    assert_eq!(started, wanted.iter().copied().collect());
    let more = timeout(Duration::from_secs(1), worker.next_start()).await;
    assert!(more.is_err(), "more in flight than the cap: {more:?}");
}

/// What Redis knows of caps: tenants with their own, and which list of them it is.
async fn known_caps(redis: &Redis) -> HashMap<String, String> {
    connect(redis).await.hgetall(format!("{PREFIX}:caps")).await.expect("the caps are read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_cap_counts_at_once_outlives_a_wipe_and_goes_when_it_is_taken_away() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 2, LONG);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    let source = Arc::new(NoTable::default());
    let set = async |cap: Option<u32>| {
        *source.caps.lock().expect("no test panics with the lock") =
            cap.map(|cap| TenantCap { tenant_id: own, cap }).into_iter().collect();
        queue.set_tenant_cap(own, cap).await.expect("Redis takes it");
    };
    // Set while Redis knows nothing at all: it is not taken for the whole list.
    set(Some(1)).await;
    let mut worker = Worker::start_from(source.clone(), queue.clone(), 20, Duration::from_secs(10));
    push(&queue, &hints(own, 30)).await;
    push(&queue, &hints(other, 2)).await;
    assert_started(&mut worker, &[(own, 1), (other, 2)]).await;
    set(Some(5)).await;
    assert_started(&mut worker, &[(own, 4)]).await;
    // Of fewer, those in flight go on, and no other begins until there is room.
    set(Some(3)).await;
    worker.let_end(4);
    for _ in 0..4 {
        worker.next_end().await;
    }
    assert_started(&mut worker, &[]).await;
    worker.let_end(1);
    assert_started(&mut worker, &[(own, 1)]).await;
    worker.let_end(100);
    worker.stop().await;
    let wiped: () =
        redis::cmd("FLUSHALL").query_async(&mut connect(&redis).await).await.expect("it is wiped");
    assert_eq!(wiped, ());

    push(&queue, &hints(own, 30)).await;
    let mut worker = Worker::start_from(source.clone(), queue.clone(), 20, Duration::from_secs(10));
    assert_started(&mut worker, &[(own, 3)]).await;
    assert_eq!(known_caps(&redis).await.get(&own.to_string()).map(String::as_str), Some("3"));
    set(None).await;
    assert_eq!(known_caps(&redis).await.get(&own.to_string()), None);
    worker.let_end(3);
    assert_started(&mut worker, &[(own, 2)]).await;

    // What was not told is told by a sweep, and a tenant that is not in its list has no cap of its own any more.
    queue.set_tenant_cap(other, Some(9)).await.expect("Redis takes it");
    queue.know_tenant_caps(&[TenantCap { tenant_id: own, cap: 4 }]).await.expect("Redis takes it");
    let mut known = known_caps(&redis).await;
    assert!(known.remove("").is_some_and(|list| list.len() == 16), "it says which list it is");
    assert_eq!(known, HashMap::from([(own.to_string(), "4".to_owned())]));
    assert_started(&mut worker, &[(own, 2)]).await;
    queue.know_tenant_caps(&[]).await.expect("Redis takes it");
    assert_eq!(known_caps(&redis).await.len(), 1);
    worker.let_end(100);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tenants_at_their_cap_are_not_walked_over() {
    const TENANTS: usize = 10_000;
    let redis = Redis::start();
    let queue = queue_of(&redis, 1, LONG);
    let mut worker = Worker::start(queue.clone(), TENANTS + 1);
    let tenants: Vec<Uuid> = (0..TENANTS).map(|_| Uuid::now_v7()).collect();
    let mut crowd: Vec<JobHint> = tenants.iter().map(|tenant| hint(*tenant)).collect();
    crowd.extend(tenants.iter().map(|tenant| hint(*tenant)));
    push(&queue, &crowd).await;
    for _ in 0..TENANTS {
        worker.next_start().await;
    }
    let waiting: usize =
        connect(&redis).await.zcard(format!("{PREFIX}:ring")).await.expect("the ring is counted");
    assert_eq!(waiting, 0, "a tenant at its cap is in the ring");

    let newcomer = hint(Uuid::now_v7());
    push(&queue, &[newcomer]).await;
    assert_eq!(worker.next_start().await, newcomer);

    worker.let_end(2 * TENANTS + 1);
    for _ in 0..=2 * TENANTS {
        worker.next_end().await;
    }
    worker.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_is_handled_again_and_frees_its_tenants_slot() {
    let redis = Redis::start();
    let lease = Duration::from_millis(600);
    let queue = queue_of(&redis, 1, lease);
    let tenant = Uuid::now_v7();
    let (lost, waiting) = (hint(tenant), hint(tenant));
    let mut killed = Worker::start(queue_of(&redis, 1, lease), 1);
    push(&queue, &[lost, waiting]).await;
    assert_eq!(killed.next_start().await, lost);
    killed.run.abort();
    assert!(timeout(PATIENCE, killed.run).await.expect("it is aborted in time").is_err());

    let mut survivor = Worker::start(queue, 4);
    assert_eq!(survivor.next_start().await, lost);
    survivor.let_end(1);
    assert_eq!(survivor.next_end().await, lost);
    assert_eq!(survivor.next_start().await, waiting);
    survivor.let_end(1);
    survivor.next_end().await;
    survivor.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_extended_as_long_as_its_handler_runs_also_while_draining() {
    let redis = Redis::start();
    let lease = Duration::from_millis(300);
    let queue = queue_of(&redis, 1, lease);
    let mut worker = Worker::start(queue_of(&redis, 1, lease), 1);
    let hint = hint(Uuid::now_v7());
    push(&queue, &[hint]).await;
    worker.next_start().await;
    let mut connection = connect(&redis).await;
    let mut extended = async || {
        let end = |connection: &mut MultiplexedConnection| {
            let mut connection = connection.clone();
            async move {
                connection
                    .zscore::<_, _, Option<f64>>(format!("{PREFIX}:leases"), hint.job_id.to_string())
                    .await
                    .expect("the lease is read")
                    .expect("the lease is there")
            }
        };
        let first = end(&mut connection).await;
        let wait = async {
            while end(&mut connection).await < first + 700.0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the lease is extended past twice its length");
    };
    extended().await;
    worker.shutdown.cancel();
    extended().await;

    let mut other = Worker::start(queue, 1);
    other.let_end(1);
    worker.let_end(1);
    worker.next_end().await;
    worker.stop().await;
    other.shutdown.cancel();
    assert!(timeout(PATIENCE, other.seen.recv()).await.expect("it ends").is_none(), "it was given away");
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_redis_costs_one_push() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let all = hints(Uuid::now_v7(), 50);
    let mut worker = Worker::start(queue.clone(), 1);
    push(&queue, &all).await;
    let running = worker.next_start().await;
    let wiped: () =
        redis::cmd("FLUSHALL").query_async(&mut connect(&redis).await).await.expect("it is wiped");
    assert_eq!(wiped, ());

    push(&queue, &all).await;
    worker.let_end(60);
    let mut handled: HashMap<Uuid, usize> = HashMap::new();
    while handled.len() < all.len() {
        *handled.entry(worker.next_end().await.job_id).or_default() += 1;
    }
    for (job_id, count) in handled {
        // What ran during the wipe may come once more: its row says that it is done.
        assert!(count == 1 || (job_id == running.job_id && count == 2), "{job_id} was handled {count} times");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_and_worker_outlive_a_restart_of_redis() {
    let mut redis = Redis::start();
    let queue = queue_of(&redis, 4, Duration::from_secs(1));
    let tenant = Uuid::now_v7();
    let mut worker = Worker::start(queue.clone(), 4);
    let before = hints(tenant, 3);
    push(&queue, &before).await;
    for _ in 0..3 {
        worker.next_start().await;
    }

    redis.kill();
    assert!(queue.push(&[hint(tenant)]).await.is_err());
    assert!(queue.ping().await.is_err());
    // One ends while Redis is away, two after it came back.
    worker.let_end(1);
    worker.next_end().await;
    redis.revive();
    timeout(PATIENCE, async { while queue.ping().await.is_err() {} })
        .await
        .expect("the connection comes back");
    worker.let_end(2);
    worker.next_end().await;
    worker.next_end().await;

    let after = hint(Uuid::now_v7());
    push(&queue, &[after]).await;
    assert_eq!(worker.next_start().await, after);
    worker.let_end(1);
    worker.next_end().await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_started_without_redis_begins_when_it_comes() {
    let mut redis = Redis::start();
    redis.kill();
    let queue = queue_of(&redis, 4, LONG);
    let mut worker = Worker::start(queue.clone(), 4);
    assert!(queue.ping().await.is_err());
    redis.revive();
    timeout(PATIENCE, async { while queue.ping().await.is_err() {} })
        .await
        .expect("the connection comes back");

    let hint = hint(Uuid::now_v7());
    push(&queue, &[hint]).await;
    assert_eq!(worker.next_start().await, hint);
    worker.let_end(1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_cannot_be_read_is_set_aside() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let tenant = Uuid::now_v7();
    let mut connection = connect(&redis).await;
    let written: () = redis::pipe()
        .hset(format!("{PREFIX}:jobs"), b"\xff\xfe not a job", format!("q2{tenant}"))
        .ignore()
        .rpush(format!("{PREFIX}:queue:{tenant}:2"), b"\xff\xfe not a job")
        .ignore()
        .zadd(format!("{PREFIX}:ring"), tenant.to_string(), 0)
        .ignore()
        .query_async(&mut connection)
        .await
        .expect("the bad hint is written");
    assert_eq!(written, ());
    let good = hint(tenant);
    push(&queue, &[good]).await;

    let mut worker = Worker::start(queue, 1);
    assert_eq!(worker.next_start().await, good);
    let refused: Vec<Vec<u8>> =
        connection.lrange(format!("{PREFIX}:refused"), 0, -1).await.expect("refused ones are listed");
    assert_eq!(refused, [[tenant.to_string().as_bytes(), b"/\xff\xfe not a job"].concat()]);
    worker.let_end(1);
    worker.next_end().await;
    worker.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lost_one_by_one_are_healed_by_the_next_push() {
    for lost in ["jobs", "ring", "leases", "queue"] {
        let redis = Redis::start();
        let lease = Duration::from_millis(500);
        let queue = queue_of(&redis, 1, lease);
        let tenant = Uuid::now_v7();
        let both = hints(tenant, 2);
        let mut killed = Worker::start(queue_of(&redis, 1, lease), 1);
        push(&queue, &both).await;
        killed.next_start().await;
        killed.run.abort();
        assert!(timeout(PATIENCE, killed.run).await.expect("it is aborted in time").is_err());
        let key = if lost == "queue" {
            format!("{PREFIX}:queue:{tenant}:{}", both[0].priority as i16)
        } else {
            format!("{PREFIX}:{lost}")
        };
        let _removed: i64 = connect(&redis).await.del(key).await.expect("the key is removed");

        push(&queue, &both).await;
        let mut worker = Worker::start(queue.clone(), 4);
        worker.let_end(10);
        let mut handled = HashMap::new();
        while handled.len() < 2 {
            handled.insert(worker.next_end().await.job_id, ());
        }
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_claims_nothing_and_waits_for_what_runs() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let tenant = Uuid::now_v7();
    let mut stopping = Worker::start(queue_of(&redis, 4, LONG), 4);
    let running = hint(tenant);
    push(&queue, &[running]).await;
    assert_eq!(stopping.next_start().await, running);
    stopping.shutdown.cancel();

    let mut other = Worker::start(queue.clone(), 4);
    let later = hint(tenant);
    push(&queue, &[later]).await;
    assert_eq!(other.next_start().await, later);
    assert!(!stopping.run.is_finished());
    stopping.let_end(1);
    assert_eq!(stopping.next().await, Seen::Ended(running));
    stopping.stop().await;
    other.let_end(1);
    other.next_end().await;
    other.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_that_outlast_the_deadline_are_aborted_and_their_leases_end() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let mut worker = Worker::start_with(queue.clone(), 4, Duration::from_millis(100));
    push(&queue, &hints(Uuid::now_v7(), 2)).await;
    worker.next_start().await;
    worker.next_start().await;
    worker.stop().await;
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_handler_alone() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let (sender, mut seen) = unbounded_channel();
    let shutdown = CancellationToken::new();
    let bad = hint(Uuid::now_v7());
    let run = TaskTracker::new().spawn({
        let (queue, shutdown) = (queue.clone(), shutdown.clone());
        let options = MonitorOptions { concurrency: 1, shutdown: LONG };
        async move {
            consume(&queue, Arc::new(NoTable::default()), options, shutdown, move |hint| {
                let sender = sender.clone();
                async move {
                    assert_ne!(hint, bad, "this handler panics on purpose");
                    sender.send(hint).ok();
                }
            })
            .await
        }
    });
    let good = hint(Uuid::now_v7());
    push(&queue, &[bad, good]).await;
    assert_eq!(timeout(PATIENCE, seen.recv()).await.expect("in time"), Some(good));
    shutdown.cancel();
    timeout(PATIENCE, run).await.expect("in time").expect("no panic").expect("ends as told");
    assert_empty(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "the figure is what this test is for")]
async fn an_idle_worker_starts_at_once() {
    let redis = Redis::start();
    let queue = queue_of(&redis, 4, LONG);
    let mut worker = Worker::start(queue.clone(), 4);
    let mut latencies = Vec::new();
    for _ in 0..200 {
        let hint = hint(Uuid::now_v7());
        let pushed = Instant::now();
        push(&queue, &[hint]).await;
        match worker.next().await {
            Seen::Started(_, started) => latencies.push(started.duration_since(pushed)),
            Seen::Ended(_) => unreachable!("the gate is closed"),
        }
        worker.let_end(1);
        worker.next_end().await;
    }
    worker.stop().await;
    latencies.sort();
    eprintln!("push to start, idle worker: median {:?}, p99 {:?}", latencies[100], latencies[198]);
    // Far below the interval at which an unrung worker looks.
    assert!(latencies[100] < Duration::from_millis(200), "{:?}", latencies[100]);
}
