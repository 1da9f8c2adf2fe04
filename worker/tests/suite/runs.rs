//! Whole runs: a worker over the job table or Redis, the sandbox connector, a SQLite database. What must hold when a run is
//! canceled, its worker stops, or its worker dies. Runs are not polled: tests follow the changes that are published.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connector::{Connector, Egress, Registry};
use domain::background::{Background, Claim, CompletedRun, RunEnd, WorkerReport};
use domain::change::{Change, ChangeKind, Changes};
use domain::clock::Clock;
use domain::dispatch::{JobHint, Priority};
use domain::failure;
use domain::integration::{
    self, Integration, IntegrationChanges, NewIntegration, RetryPolicy, Stream, SyncMode,
};
use domain::run::{self, RetryScope, Run, RunCounts};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions};
use entity::run::RunStatus;
use redis::AsyncCommands;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use worker::queue::{Queue, QueueOptions};
use worker::{Worker, WorkerOptions};

use crate::deaf::Deaf;
use crate::harness::{PATIENCE, Redis};

const LEASE: Duration = Duration::from_secs(2);
const QUEUE: QueueOptions = QueueOptions { tenant_concurrency: 4, lease: LEASE };

struct Fixture {
    app: Arc<App>,
    operator: Actor,
    queue: Queue,
    tenant_id: Uuid,
    source_id: Uuid,
    destination_id: Uuid,
    _directory: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Queue::table(QUEUE)).await
    }

    async fn with(queue: Queue) -> Self {
        Self::of(queue, Registry::standard(Egress::default())).await
    }

    async fn of(queue: Queue, connectors: Registry) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let options = AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).expect("a key")),
            connectors,
            references: domain::system::References::default(),
            dispatch: Arc::new(queue.clone()),
            changes: Changes::in_process(),
            clock: Clock::system(),
            tenant_concurrency: 4,
            lease: LEASE,
            people: Default::default(),
            outside: Default::default(),
        };
        let app = App::open(options).await.expect("the database opens");
        app.migrate().await.expect("the schema is made");
        domain::data_key::load(&app).await.expect("a key to seal with");
        let operator = Actor::operator(app.clone());
        let new = CreateTenant {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            external_id: None,
            run_concurrency: None,
        };
        let tenant_id = tenant::create(&operator, new).await.expect("the tenant is made").id;
        let system = async |name: &str| {
            let new = NewSystem {
                tenant_id: Some(tenant_id),
                name: name.to_owned(),
                connector: "sandbox".to_owned(),
                config: json!({}),
                credentials: None,
                rate_limit: None,
            };
            system::create(&operator, new).await.expect("the system is made").id
        };
        let (source_id, destination_id) = (system("From").await, system("To").await);
        Self { app, operator, queue, tenant_id, source_id, destination_id, _directory: directory }
    }

    fn worker(&self, shutdown: Duration) -> Worker {
        let options = WorkerOptions {
            queue: self.queue.clone(),
            name: "test".to_owned(),
            concurrency: 4,
            shutdown,
            mailer: None,
        };
        Worker::start(self.app.clone(), options)
    }

    async fn integration(&self, name: &str, source: Value, destination: Value) -> Integration {
        let new = NewIntegration {
            tenant_id: Some(self.tenant_id),
            name: name.to_owned(),
            description: None,
            source_id: self.source_id,
            destination_id: self.destination_id,
            streams: vec![stream(source, destination)],
            schedule: None,
            retry_policy: None,
            hold_after: None,
            reconcile: None,
        };
        integration::create(&self.operator, new).await.expect("the integration is made")
    }

    async fn start(&self, integration: &Integration) -> Follower<'_> {
        let changes = self.app.changes().subscribe();
        let run = run::start(&self.operator, integration.id, None).await.expect("the run is queued");
        Follower { fixture: self, changes, id: run.id }
    }
}

fn stream(source: Value, destination: Value) -> Stream {
    Stream {
        name: "customers".to_owned(),
        mode: SyncMode::Full,
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        source,
        destination,
        mapping: Some(".email = downcase(string!(.email))".to_owned()),
        record_schema: None,
        overlap: None,
        on_schema_change: Default::default(),
        deletions: None,
        quality: Default::default(),
        impact: Default::default(),
    }
}

/// Reads a run whenever it is said to have changed.
struct Follower<'a> {
    fixture: &'a Fixture,
    changes: Receiver<Change>,
    id: Uuid,
}

impl Follower<'_> {
    async fn run(&self) -> Run {
        run::get(&self.fixture.operator, self.id).await.expect("the run is read").expect("it is there")
    }

    async fn until(&mut self, holds: impl Fn(&Run) -> bool) -> Run {
        let following = async {
            loop {
                let run = self.run().await;
                if holds(&run) {
                    return run;
                }
                loop {
                    match self.changes.recv().await {
                        Ok(change) if change.kind == ChangeKind::Run && change.id == self.id => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => unreachable!("the app is open"),
                    }
                }
            }
        };
        match timeout(PATIENCE, following).await {
            Ok(run) => run,
            Err(_elapsed) => {
                let run = self.run().await;
                unreachable!(
                    "it should have come further than {:?} with {:?}",
                    run.status,
                    RunCounts::of(&run)
                )
            }
        }
    }

    async fn ended(&mut self) -> Run {
        self.until(|run| !matches!(run.status, RunStatus::Queued | RunStatus::Running)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_moves_every_record_and_says_so() {
    let fixture = Fixture::new().await;
    let worker = fixture.worker(PATIENCE);
    let integration = fixture.integration("Customers", json!({ "records": 2500 }), json!({})).await;
    let run = fixture.start(&integration).await.ended().await;
    assert_eq!(run.status, RunStatus::Succeeded);
    let counts = RunCounts { read: 2500, created: 2500, ..RunCounts::default() };
    assert_eq!(RunCounts::of(&run), counts);

    let again = fixture.start(&integration).await.ended().await;
    assert_eq!(RunCounts::of(&again), RunCounts { read: 2500, unchanged: 2500, ..RunCounts::default() });
    worker.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_failed_are_retried_from_what_is_stored() {
    let fixture = Fixture::new().await;
    let worker = fixture.worker(PATIENCE);
    let (source, rejecting) = (json!({ "records": 100 }), json!({ "rejectEvery": 10 }));
    let integration = fixture.integration("Customers", source.clone(), rejecting).await;
    let mut original = fixture.start(&integration).await;
    let run = original.ended().await;
    assert_eq!(run.status, RunStatus::Partial);
    assert_eq!(RunCounts::of(&run).failed, 10);

    let streams = Some(vec![stream(source, json!({}))]);
    let changes = IntegrationChanges { streams, ..IntegrationChanges::default() };
    integration::update(&fixture.operator, integration.id, changes).await.expect("it is changed");
    let retry = run::retry(&fixture.operator, run.id, RetryScope::FailedRecords, None).await.expect("queued");
    let mut retried =
        Follower { fixture: &fixture, changes: fixture.app.changes().subscribe(), id: retry.id };
    let retried = retried.ended().await;
    assert_eq!(retried.status, RunStatus::Succeeded);
    assert_eq!(RunCounts::of(&retried), RunCounts { read: 10, created: 10, ..RunCounts::default() });
    original.until(|run| run.status == RunStatus::Recovered).await;
    worker.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_run_stops_where_it_is() {
    let fixture = Fixture::new().await;
    let worker = fixture.worker(PATIENCE);
    let slow = json!({ "records": 100_000, "delayMs": 200 });
    let integration = fixture.integration("Customers", slow, json!({})).await;
    let mut running = fixture.start(&integration).await;
    running.until(|run| run.status == RunStatus::Running && run.read_count > 0).await;
    run::cancel(&fixture.operator, running.id).await.expect("it can be canceled");
    let run = running.ended().await;
    assert_eq!(run.status, RunStatus::Canceled);
    assert!(RunCounts::of(&run).read < 100_000);
    worker.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_one_integration_follow_each_other() {
    let fixture = Fixture::new().await;
    let worker = fixture.worker(PATIENCE);
    let slow = json!({ "records": 3000, "delayMs": 100 });
    let integration = fixture.integration("Customers", slow, json!({})).await;
    let mut first = fixture.start(&integration).await;
    first.until(|run| run.status == RunStatus::Running).await;
    let mut second = fixture.start(&integration).await;
    let (first, second) = (first.ended().await, second.ended().await);
    assert_eq!((first.status, second.status), (RunStatus::Succeeded, RunStatus::Succeeded));
    assert!(second.started_at >= first.finished_at, "{second:?} began before {first:?} ended");
    worker.stop().await.expect("it stops as told");
}

/// The one would find the other's receipts for the keys that it wrote itself, and take a second record of a key for new.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_handed_back_goes_on_before_another_of_its_integration_begins() {
    let fixture = Fixture::new().await;
    let background = Background::new(fixture.app.clone());
    let integration = fixture.integration("Customers", json!({ "records": 10 }), json!({})).await;
    let first = fixture.start(&integration).await;
    let due = async || background.due_jobs(10, 10, &[], &[]).await.expect("the database answers");
    let of_first = due().await[0];
    let Claim::Claimed(claimed) = background.claim(of_first, "one").await.expect("a claim") else {
        unreachable!("it was due");
    };
    assert!(claimed.lease.hand_back().await.expect("the database answers"));
    assert_eq!(first.run().await.status, RunStatus::Running);

    fixture.start(&integration).await;
    let of_second =
        due().await.into_iter().find(|hint| hint.job_id != of_first.job_id).expect("it is queued");
    assert!(matches!(background.claim(of_second, "two").await, Ok(Claim::Waiting)));
    let Claim::Claimed(claimed) = background.claim(of_first, "two").await.expect("a claim") else {
        unreachable!("it was due");
    };
    assert!(claimed.lease.finish(RunEnd::Completed { last: None }).await.expect("the database answers"));
    assert!(matches!(background.claim(of_second, "two").await, Ok(Claim::Claimed(_))));
}

/// However long the backlog is, and whoever came first.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_begun_goes_first() {
    let fixture = Fixture::new().await;
    let background = Background::new(fixture.app.clone());
    let due = async |limit| background.due_jobs(limit, limit, &[], &[]).await.expect("the database answers");
    let integration = fixture.integration("Customers", json!({ "records": 10 }), json!({})).await;
    let begun = fixture.start(&integration).await;
    let hint = due(1).await[0];
    assert_eq!(hint.priority, Priority::High);
    let Claim::Claimed(claimed) = background.claim(hint, "one").await.expect("a claim") else {
        unreachable!("it was due");
    };
    for number in 0..20 {
        let name = format!("Other {number}");
        let other = fixture.integration(&name, json!({ "records": 1 }), json!({})).await;
        fixture.start(&other).await;
    }
    assert!(claimed.lease.hand_back().await.expect("the database answers"));
    let first = due(1).await[0];
    assert_eq!((first.job_id, first.priority), (hint.job_id, Priority::Resumed), "{:?}", begun.run().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_could_go_is_told_and_what_waits_rightly_is_not() {
    let fixture = Fixture::new().await;
    let background = Background::new(fixture.app.clone());
    let state = async || background.dispatch_state().await.expect("the database answers");
    let claim = async || {
        let due = background.due_jobs(10, 10, &[], &[]).await.expect("the database answers");
        match background.claim(due[0], "one").await.expect("a claim") {
            Claim::Claimed(claimed) => claimed,
            _ => unreachable!("it was due"),
        }
    };
    assert_eq!(state().await, Default::default());
    let integration = fixture.integration("Customers", json!({ "records": 10 }), json!({})).await;
    let first = fixture.start(&integration).await;
    let queued_at = first.run().await.queued_at;
    let due_at = state().await.oldest_due_at.expect("it is due");
    assert!(due_at >= queued_at);
    let claimed = claim().await;
    let second = fixture.start(&integration).await;
    assert_eq!(state().await.oldest_due_at, None, "one runs, and the other is behind it");
    assert!(claimed.lease.hand_back().await.expect("the database answers"));
    assert!(state().await.oldest_due_at.is_some_and(|at| at > due_at), "what was handed back");
    // A worker that dies with it: nobody takes it over.
    drop(claim().await);
    let ended = async {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            if let Some(at) = state().await.oldest_due_at {
                return at;
            }
        }
    };
    let ended = timeout(PATIENCE, ended).await.expect("its lease ends");
    assert!(ended > second.run().await.queued_at, "since when it ended");

    let now = fixture.app.clock().now();
    let report = WorkerReport {
        id: first.id,
        name: "one".to_owned(),
        slots: 4,
        busy: 1,
        started_at: now,
        claimed_at: None,
    };
    for (id, claimed_at) in [(first.id, None), (second.id, Some(now)), (first.id, Some(queued_at))] {
        let report = WorkerReport { id, claimed_at, ..report.clone() };
        background.report_worker(&report).await.expect("the database answers");
    }
    let state = state().await;
    assert_eq!((state.workers, state.busy_slots, state.free_slots), (2, 2, 6));
    assert_eq!(state.last_claim_at, Some(now));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_claimed_and_ended_together_is_stored_at_one_time() {
    let fixture = Fixture::new().await;
    let background = Background::new(fixture.app.clone());
    let mut runs = Vec::new();
    for number in 0..5 {
        let name = format!("Customers {number}");
        let integration = fixture.integration(&name, json!({ "records": 1 }), json!({})).await;
        runs.push(fixture.start(&integration).await);
        if number == 0 {
            fixture.start(&integration).await;
        }
    }
    let hints = background.due_jobs(10, 10, &[], &[]).await.expect("the database answers");
    let gone = JobHint { job_id: fixture.tenant_id, ..hints[0] };
    let hints: Vec<JobHint> = hints.into_iter().chain([gone]).collect();
    let (mut claimed, mut others) = (Vec::new(), Vec::new());
    for claim in background.claim_all(&hints, "one").await {
        match claim.expect("the database answers") {
            Claim::Claimed(run) => claimed.push(CompletedRun { lease: Arc::new(run.lease), last: None }),
            Claim::Waiting => others.push("waiting"),
            Claim::Stale => others.push("stale"),
        }
    }
    assert_eq!((claimed.len(), others), (5, vec!["waiting", "stale"]));
    for ended in background.complete_all(claimed.clone()).await {
        assert!(ended.expect("the database answers"));
    }
    let (mut started, mut finished) = (BTreeSet::new(), BTreeSet::new());
    for run in &runs {
        let run = run.run().await;
        assert_eq!(run.status, RunStatus::Succeeded);
        started.insert(run.started_at);
        finished.insert(run.finished_at);
    }
    assert_eq!((started.len(), finished.len()), (1, 1), "{started:?} {finished:?}");
    for again in background.complete_all(claimed).await {
        assert!(!again.expect("the database answers"), "the lease is gone");
    }
    let due = background.due_jobs(10, 10, &[], &[]).await.expect("the database answers");
    assert_eq!(due.len(), 1, "the one that waited has its turn");
}

/// A connector that blocks its thread hears of no cancel. Its run ends all the same, and what it brings home later is too
/// late.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_connector_does_not_even_stop_is_let_go_of_and_writes_nothing_more() {
    let sandbox = Registry::standard(Egress::default()).get("sandbox").expect("it is a connector");
    let deaf = Arc::new(Deaf::new(sandbox));
    let connectors = Registry::of(vec![deaf.clone() as Arc<dyn Connector>]);
    let fixture = Fixture::of(Queue::table(QUEUE), connectors).await;
    let worker = fixture.worker(PATIENCE);
    let integration = fixture.integration("Customers", json!({ "records": 10 }), json!({})).await;
    let retry_policy = Some(Some(RetryPolicy {
        attempts: 1,
        first_wait_seconds: 1,
        longest_wait_seconds: 1,
        progress_timeout_seconds: 10,
    }));
    let changes = IntegrationChanges { retry_policy, ..IntegrationChanges::default() };
    integration::update(&fixture.operator, integration.id, changes).await.expect("it is changed");
    let mut stuck = fixture.start(&integration).await;
    let run = stuck.ended().await;
    assert_eq!(run.status, RunStatus::Failed);
    let failure_id = run.failure_id.expect("it says why");
    let failure =
        failure::get(&fixture.operator, failure_id).await.expect("it is read").expect("it is there");
    assert_eq!(failure.code, "destination.stalled");

    deaf.release();
    deaf.wrote().await;
    assert_eq!(RunCounts::of(&stuck.run().await), RunCounts::default());
    // The next one of the integration begins at the beginning, and everything is new to it.
    let next = fixture.start(&integration).await.ended().await;
    assert_eq!(next.status, RunStatus::Succeeded);
    assert_eq!(RunCounts::of(&next), RunCounts { read: 10, created: 10, ..RunCounts::default() });
    let settled = stuck.run().await;
    assert_eq!((settled.status, RunCounts::of(&settled)), (RunStatus::Recovered, RunCounts::default()));
    worker.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_hands_its_run_back_and_another_goes_on_with_it() {
    hand_back(Fixture::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_hands_its_run_back_over_redis_too() {
    let redis = Redis::start();
    hand_back(Fixture::with(Queue::redis(&redis.url(), QUEUE).expect("the URL is valid")).await).await;
}

/// Neither queue nor sweeper may keep the run waiting.
async fn hand_back(fixture: Fixture) {
    let worker = fixture.worker(Duration::from_secs(2));
    // Four pages of a second each: longer than a stopping worker waits.
    let slow = json!({ "records": 20_000, "delayMs": 1000 });
    let integration = fixture.integration("Customers", slow, json!({})).await;
    let mut running = fixture.start(&integration).await;
    running.until(|run| run.read_count > 0).await;
    timeout(PATIENCE, worker.stop()).await.expect("in time").expect("it stops as told");
    let handed_back = running.run().await;
    assert_eq!(handed_back.status, RunStatus::Running);
    assert!(handed_back.read_count < 20_000);

    let other = fixture.worker(PATIENCE);
    let run = running.ended().await;
    assert_eq!(run.status, RunStatus::Succeeded);
    let counts = RunCounts::of(&run);
    // The page that was written and not accounted when it stopped is written again.
    assert_eq!((counts.read, counts.created + counts.unchanged + counts.updated), (20_000, 20_000));
    other.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_dead_worker_goes_on_elsewhere_after_its_lease() {
    take_over(Fixture::new().await, || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_dead_worker_goes_on_elsewhere_though_redis_was_wiped_too() {
    let mut redis = Redis::start();
    let fixture = Fixture::with(Queue::redis(&redis.url(), QUEUE).expect("the URL is valid")).await;
    take_over(fixture, || {
        redis.kill();
        redis.revive();
    })
    .await;
}

/// The worker dies in the middle of the run, and `mishap` befalls what it leaves.
async fn take_over(fixture: Fixture, mishap: impl FnOnce()) {
    let dying = fixture.worker(PATIENCE);
    let slow = json!({ "records": 10_000, "delayMs": 200 });
    let integration = fixture.integration("Customers", slow, json!({})).await;
    let mut running = fixture.start(&integration).await;
    running.until(|run| run.read_count > 0).await;
    drop(dying);
    mishap();

    let other = fixture.worker(PATIENCE);
    let run = running.ended().await;
    assert_eq!(run.status, RunStatus::Succeeded);
    assert_eq!(RunCounts::of(&run).read, 10_000);
    other.stop().await.expect("it stops as told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_redis_is_told_at_once_of_all_that_is_due() {
    let mut redis = Redis::start();
    let fixture = Fixture::with(Queue::redis(&redis.url(), QUEUE).expect("the URL is valid")).await;
    let mut integrations = Vec::new();
    for number in 0..20 {
        let slow = json!({ "records": 10, "delayMs": 60_000 });
        integrations.push(fixture.integration(&format!("Slow {number}"), slow, json!({})).await.id);
    }
    for _ in 0..30 {
        run::start_all(&fixture.operator, &integrations, None).await.expect("the runs are queued");
    }
    // More than a page, and the sweep takes none of them for lost so soon. A few run, or wait for one that does.
    let told = async |redis: &Redis| {
        let known = async {
            let client = redis::Client::open(redis.url()).expect("the URL is valid");
            let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
            loop {
                let jobs: usize = connection.hlen("{trestle:sync:0}:jobs").await.expect("an answer");
                if jobs > 560 {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(8), known).await.expect("Redis is told");
    };
    redis.kill();
    redis.revive();
    let worker = fixture.worker(Duration::ZERO);
    told(&redis).await;
    redis.kill();
    redis.revive();
    told(&redis).await;
    worker.stop().await.expect("it stops as told");
}
