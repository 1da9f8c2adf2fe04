//! How outages are found and end, as time goes by: what is near in time and place is one incident, what waited goes on in
//! steps over all tenants, and what fails meanwhile takes it back. Through `domain`'s public functions on SQLite, with a clock
//! that is moved; nothing outside is asked.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry, SystemError, SystemErrorKind};
use domain::background::{Background, Claim, RunEnd, RunLease};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::incident::{self, Incident, IncidentFilter, NewIncident};
use domain::integration::{self, Integration, NewIntegration, Stream, SyncMode};
use domain::page::{Direction, PageArguments};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions, run};
use entity::incident::{IncidentFault, IncidentSeverity, IncidentStatus};
use pipeline::{Ledger, RetryNotice, Side, StreamStop};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, Row};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z.
const NOW_SECONDS: i64 = 1_790_000_000;
const MINUTE: i64 = 60;

struct NoQueue;

#[async_trait]
impl Dispatch for NoQueue {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A clock that stands still until it is moved.
struct Fixture {
    background: Background,
    operator: Actor,
    seconds: Arc<AtomicI64>,
    directory: tempfile::TempDir,
    /// Failed runs in a row after which an integration that is made is held.
    hold_after: i32,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(NOW_SECONDS));
        let now = seconds.clone();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::<Utc>::from_timestamp_secs(now.load(Ordering::SeqCst)).unwrap()
            }),
            tenant_concurrency: 4,
            lease: Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        domain::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        Self { background: Background::new(app), operator, seconds, directory, hold_after: 0 }
    }

    fn passes(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A tenant with a system, and so many integrations that read it.
    async fn customer(&self, connector: &str, config: Value, integrations: usize) -> Vec<Integration> {
        let slug = format!("t-{}", Uuid::now_v7().simple());
        let tenant =
            CreateTenant { slug: slug.clone(), name: slug, external_id: None, run_concurrency: None };
        let tenant_id = Some(tenant::create(&self.operator, tenant).await.unwrap().id);
        let system = async |connector: &str, config: Value| {
            let new = NewSystem {
                tenant_id,
                name: format!("system {}", Uuid::now_v7()),
                connector: connector.to_owned(),
                config,
                credentials: None,
                rate_limit: None,
            };
            system::create(&self.operator, new).await.unwrap().id
        };
        let (source_id, destination_id) =
            (system(connector, config).await, system("sandbox", json!({})).await);
        let mut made = Vec::new();
        for _ in 0..integrations {
            let source =
                if connector == "sandbox" { json!({"records": 10}) } else { json!({"path": "orders"}) };
            let stream = Stream {
                name: "orders".to_owned(),
                mode: SyncMode::Full,
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                source,
                destination: json!({}),
                mapping: None,
                record_schema: None,
                overlap: None,
                on_schema_change: Default::default(),
                deletions: None,
                quality: Default::default(),
                impact: Default::default(),
            };
            let new = NewIntegration {
                tenant_id,
                name: format!("integration {}", Uuid::now_v7()),
                description: None,
                source_id,
                destination_id,
                streams: vec![stream],
                schedule: None,
                retry_policy: None,
                hold_after: Some(self.hold_after),
                reconcile: None,
            };
            made.push(integration::create(&self.operator, new).await.unwrap());
        }
        made
    }

    async fn at(&self, url: &str) -> Integration {
        self.customer("http", json!({"baseUrl": url}), 1).await.remove(0)
    }

    /// Starts a run and claims it.
    async fn begun(&self, integration: &Integration) -> RunLease {
        let run = run::start(&self.operator, integration.id, None).await.unwrap();
        self.claimed(|lease| lease.run_id() == run.id).await
    }

    /// Claims what is due, until it is one that is wanted.
    async fn claimed(&self, wanted: impl Fn(&RunLease) -> bool) -> RunLease {
        for hint in self.background.all_due(None).await.unwrap().0 {
            if let Claim::Claimed(claimed) = self.background.claim(hint, "worker").await.unwrap() {
                if wanted(&claimed.lease) {
                    return claimed.lease;
                }
                assert!(claimed.lease.hand_back().await.unwrap());
            }
        }
        panic!("the run is not due");
    }

    async fn fails(&self, integration: &Integration, kind: SystemErrorKind) {
        let lease = self.begun(integration).await;
        assert!(
            lease.finish(RunEnd::Stopped { stream: "orders".to_owned(), stop: stop(kind) }).await.unwrap()
        );
    }

    async fn succeeds(&self, integration: &Integration) {
        let lease = self.begun(integration).await;
        assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    }

    /// Three tenants of one host, each of which a run has failed: an incident.
    async fn three_down(&self, url: &str) -> Vec<Integration> {
        let mut integrations = Vec::new();
        for _ in 0..3 {
            integrations.push(self.at(url).await);
        }
        for integration in &integrations {
            self.fails(integration, SystemErrorKind::Unavailable).await;
        }
        self.looks().await;
        assert_eq!(self.status().await, IncidentStatus::Investigating);
        integrations
    }

    /// Of the only incident.
    async fn status(&self) -> IncidentStatus {
        self.incidents().await[0].status
    }

    async fn number(&self, sql: &'static str) -> i64 {
        self.numbers(sql).await[0]
    }

    async fn looks(&self) {
        self.background.tick_incidents().await.unwrap();
    }

    async fn incidents(&self) -> Vec<Incident> {
        let (filter, page) = (IncidentFilter::default(), PageArguments::default());
        let page = incident::list(&self.operator, &filter, Direction::Ascending, &page).await.unwrap();
        page.edges.into_iter().map(|edge| edge.node).collect()
    }

    /// Host, fault and tenants of each.
    async fn found(&self) -> Vec<(String, IncidentFault, i32)> {
        let inside = self.incidents().await.into_iter().map(|incident| incident.inside.unwrap());
        inside.map(|inside| (inside.host.unwrap(), inside.fault, inside.tenant_count)).collect()
    }

    async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        let options = SqliteConnectOptions::new().filename(self.directory.path().join("trestle.db"));
        let rows = options.connect().await.unwrap().fetch_all(sql).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn stop(kind: SystemErrorKind) -> StreamStop {
    StreamStop::Source { error: SystemError::new(kind, "no"), attempts: 6 }
}

/// A call of an attempt fails, which then tries again.
async fn call_fails(lease: &RunLease, kind: SystemErrorKind, attempt: u32) {
    let (error, wait) = (SystemError::new(kind, "no"), Duration::from_secs(1));
    let notice = RetryNotice { side: Side::Source, error, attempt, wait };
    lease.retrying("orders", &notice).await.unwrap();
}

const HELD: &str = "SELECT count(*) FROM integration WHERE status = 'HELD'";
const QUEUED: &str = "SELECT count(*) FROM job WHERE status = 'QUEUED'";
const RECOVERED: &str = "SELECT count(*) FROM incident_system WHERE recovered_at IS NOT NULL";

#[tokio::test]
async fn what_is_near_in_time_and_place_is_one_incident_and_later_tenants_join_it() {
    use IncidentFault::Unavailable;
    let it = Fixture::new().await;
    let first = it.at("https://api.example.com/v1").await;
    let second = it.at("https://API.example.com/v2").await;
    let third = it.at("https://api.example.com:443").await;
    it.fails(&first, SystemErrorKind::Unavailable).await;
    it.fails(&second, SystemErrorKind::Timeout).await;
    it.looks().await;
    it.passes(11 * MINUTE);
    it.fails(&third, SystemErrorKind::Unavailable).await;
    it.looks().await;
    it.fails(&first, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert!(it.found().await.is_empty(), "never three of them within ten minutes");
    it.passes(9 * MINUTE);
    it.fails(&second, SystemErrorKind::Unavailable).await;
    it.looks().await;
    it.looks().await;
    let host = || "api.example.com".to_owned();
    assert_eq!(it.found().await, [(host(), Unavailable, 3)]);

    // What is refused, has no host, is elsewhere, or is of two is none; nor is that each has reached a limit of its own.
    for _ in 0..3 {
        it.fails(&it.at("https://login.example.com").await, SystemErrorKind::Unauthorized).await;
        let sandbox = it.customer("sandbox", json!({}), 1).await.remove(0);
        it.fails(&sandbox, SystemErrorKind::Unavailable).await;
    }
    for _ in 0..2 {
        it.fails(&it.at("https://other.example.com").await, SystemErrorKind::Unavailable).await;
    }
    for integration in [&first, &second, &third] {
        it.fails(integration, SystemErrorKind::RateLimited).await;
    }
    it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert_eq!(it.found().await, [(host(), Unavailable, 4)]);
    assert_eq!(it.number("SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_OPENED'").await, 4 + 1);
}

#[tokio::test]
async fn what_waited_goes_on_in_steps_over_all_tenants_and_what_fails_meanwhile_takes_it_back() {
    let it = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..4 {
        integrations.push(it.customer("http", json!({"baseUrl": "https://api.example.com"}), 10).await);
    }
    // Forty runs were under way, and all of them wait: the circuits of their systems are open.
    let mut leases = Vec::new();
    for integration in integrations.iter().flatten() {
        leases.push(it.begun(integration).await);
    }
    for lease in &leases {
        let wait = Duration::from_secs(600);
        assert!(lease.give_back("orders", &stop(SystemErrorKind::Unavailable), wait).await.unwrap());
    }
    it.looks().await;
    let status = async || it.status().await;
    assert_eq!(status().await, IncidentStatus::Investigating);
    let waiting = "SELECT CAST(strftime('%s', available_at) AS integer) FROM job WHERE status = 'QUEUED'";
    assert_eq!(it.numbers(waiting).await.len(), 40);
    assert!(it.numbers(waiting).await.iter().all(|at| *at > NOW_SECONDS), "nothing is due");

    // One of them gets through.
    it.passes(10 * MINUTE);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Investigating, "nobody has seen it answer");
    let probe = it.claimed(|_any| true).await;
    it.passes(1);
    assert!(probe.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring);
    let now = it.seconds.load(Ordering::SeqCst);
    let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
    for at in it.numbers(waiting).await {
        *steps.entry(at - now).or_default() += 1;
    }
    assert_eq!(steps.into_iter().collect::<Vec<_>>(), [(0, 1), (2, 2), (4, 4), (6, 8), (8, 16), (10, 8)]);
    it.looks().await;
    assert_eq!(it.numbers(waiting).await.len(), 39, "nothing is lost, and nothing is there twice");

    // Another tenant gets through, and the first fails again: that is its own, until a second one does.
    it.passes(7);
    let of = |index: usize| {
        let ids: Vec<Uuid> = integrations[index].iter().map(|integration| integration.id).collect();
        move |lease: &RunLease| ids.contains(&lease.integration_id())
    };
    let wait = Duration::from_secs(600);
    let completes = async |index: usize| {
        assert!(it.claimed(of(index)).await.finish(RunEnd::Completed { last: None }).await.unwrap());
    };
    let gives_back = async |index: usize| {
        let lease = it.claimed(of(index)).await;
        assert!(lease.give_back("orders", &stop(SystemErrorKind::Unavailable), wait).await.unwrap());
    };
    completes(1).await;
    gives_back(0).await;
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring, "one tenant alone takes nothing back");
    it.passes(3);
    completes(3).await;
    gives_back(2).await;
    it.looks().await;
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Investigating);
    it.passes(MINUTE);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring, "most answer, and none has failed for a while");

    // What went on in vain waits before it goes on again.
    let last = async || it.numbers(waiting).await.into_iter().max().unwrap();
    let now = it.seconds.load(Ordering::SeqCst);
    assert!(last().await > now + 400, "it has the times that it had");
    it.passes(9);
    it.looks().await;
    assert!(last().await > now + 400);
    it.passes(1);
    it.looks().await;
    assert!(last().await <= now + 10 + 10, "it goes on in steps");

    // They are seen no more: a long time without a failure ends it, too.
    it.passes(14 * MINUTE - 20);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring);
    it.passes(MINUTE);
    it.looks().await;
    let over = it.incidents().await.remove(0);
    assert_eq!((over.status, over.resolved_at.is_some()), (IncidentStatus::Resolved, true));
    it.looks().await;
    assert_eq!(it.number("SELECT count(*) FROM incident WHERE over_at IS NULL").await, 0);
    assert_eq!(it.numbers(waiting).await.len(), 37);
    assert_eq!(it.number("SELECT count(*) FROM system_fault").await, 0, "it makes no other one");
}

#[tokio::test]
async fn what_an_outage_held_is_let_go_to_try_the_system_and_is_not_held_for_it_again() {
    let mut it = Fixture::new().await;
    it.hold_after = 1;
    it.three_down("https://api.example.com").await;
    let held_by_health = "SELECT count(*) FROM integration_health WHERE status = 'HELD'";
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (3, 3));

    it.passes(15 * MINUTE);
    it.looks().await;
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (2, 2), "one tries the system");
    let first = it.claimed(|_any| true).await;
    let stopped = RunEnd::Stopped { stream: "orders".to_owned(), stop: stop(SystemErrorKind::Unavailable) };
    assert!(first.finish(stopped).await.unwrap());
    assert_eq!(it.number(HELD).await, 2, "what an outage ends is not counted");

    it.passes(15 * MINUTE);
    it.looks().await;
    assert_eq!(it.number(HELD).await, 1, "the next time another one tries it");
    let second = it.claimed(|_any| true).await;
    assert_ne!(second.integration_id(), first.integration_id());
    it.passes(1);
    assert!(second.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    assert_eq!((it.number(HELD).await, it.number(held_by_health).await), (0, 0));
    assert_eq!(it.number(QUEUED).await, 2, "the runs that it ended are retried");
    assert_eq!(it.number("SELECT count(*) FROM integration WHERE failed_run_count > 0").await, 0);
}

#[tokio::test]
async fn hosts_that_hang_are_found_at_once_and_who_is_stopped_or_silent_is_no_proof_that_they_answer() {
    let it = Fixture::new().await;
    let mut leases = Vec::new();
    for _ in 0..3 {
        let lease = it.begun(&it.at("https://api.example.com").await).await;
        call_fails(&lease, SystemErrorKind::Timeout, 1).await;
        leases.push(lease);
    }
    it.looks().await;
    assert_eq!(it.found().await, [("api.example.com".to_owned(), IncidentFault::Unavailable, 3)]);

    // One is canceled, one handed back, and one says nothing for minutes.
    run::cancel(&it.operator, leases[0].run_id()).await.unwrap();
    let canceled = RunEnd::Stopped { stream: "orders".to_owned(), stop: StreamStop::Canceled };
    assert!(leases[0].finish(canceled).await.unwrap());
    assert!(leases[1].hand_back().await.unwrap());
    it.passes(5 * MINUTE);
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Investigating, 0));

    // That one's call answers; and the one that was handed back goes on to its end.
    leases[2].answers_again(Side::Source).await.unwrap();
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Monitoring, 1));
    let again = it.claimed(|lease| lease.run_id() == leases[1].run_id()).await;
    assert!(again.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.looks().await;
    assert_eq!(it.number(RECOVERED).await, 2);
}

#[tokio::test]
async fn calls_that_fail_are_a_hiccup_before_the_third_and_what_a_request_may_have_caused_counts_for_minutes() {
    let it = Fixture::new().await;
    for _ in 0..3 {
        let lease = it.begun(&it.at("https://two.example.com").await).await;
        call_fails(&lease, SystemErrorKind::Unavailable, 2).await;
    }
    it.looks().await;
    assert!(it.found().await.is_empty());

    let mut error = SystemError::new(SystemErrorKind::Unavailable, "no");
    error.http_status = Some(500);
    for _ in 0..3 {
        it.passes(2 * MINUTE);
        let lease = it.begun(&it.at("https://api.example.com").await).await;
        let stop = StreamStop::Source { error: error.clone(), attempts: 6 };
        assert!(lease.finish(RunEnd::Stopped { stream: "orders".to_owned(), stop }).await.unwrap());
    }
    it.looks().await;
    assert!(it.found().await.is_empty(), "never three within three minutes");
    for _ in 0..2 {
        it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    assert_eq!(it.found().await, [("api.example.com".to_owned(), IncidentFault::Unavailable, 4)]);
}

#[tokio::test]
async fn who_joins_while_it_is_watched_is_waited_for_and_told_that_it_is_over_then() {
    let it = Fixture::new().await;
    let integrations = it.three_down("https://api.example.com").await;
    it.passes(1);
    for integration in &integrations {
        it.succeeds(integration).await;
    }
    it.looks().await;
    assert_eq!((it.status().await, it.number(RECOVERED).await), (IncidentStatus::Monitoring, 3));

    it.passes(MINUTE);
    let late = it.at("https://api.example.com").await;
    it.fails(&late, SystemErrorKind::Unavailable).await;
    it.looks().await;
    let opened = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_OPENED'";
    let resolved = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_RESOLVED'";
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    assert_eq!((it.number(opened).await, it.number(resolved).await), (5, 0));
    it.succeeds(&late).await;
    it.looks().await;
    it.passes(MINUTE - 1);
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    it.passes(1);
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Resolved);
    assert_eq!((it.number(opened).await, it.number(resolved).await), (5, 5));
    let said = "SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_RESOLVED' AND tenant_id IS NULL \
                AND json_extract(detail, '$.staffTitle') = 'Over: api.example.com does not answer'";
    assert_eq!(it.number(said).await, 1, "what is over does not read as if it began");
}

#[tokio::test]
async fn what_waits_for_something_else_keeps_its_time_and_what_is_archived_is_not_retried() {
    let it = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..3 {
        integrations.push(it.customer("http", json!({"baseUrl": "https://api.example.com"}), 2).await);
    }
    let wait = Duration::from_secs(1_800);
    let limited = it.begun(&integrations[0][1]).await;
    assert!(limited.give_back("orders", &stop(SystemErrorKind::RateLimited), wait).await.unwrap());
    for of_tenant in &integrations {
        it.fails(&of_tenant[0], SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Investigating);
    integration::archive(&it.operator, integrations[2][0].id).await.unwrap();
    it.passes(1);
    it.succeeds(&integrations[1][1]).await;
    it.looks().await;
    assert_eq!(it.status().await, IncidentStatus::Monitoring);
    let of_limit = "SELECT CAST(strftime('%s', available_at) AS integer) FROM job \
                    WHERE wait_code = 'source.rate_limited'";
    assert_eq!(it.numbers(of_limit).await, [NOW_SECONDS + 1_800]);
    let retries = "SELECT total FROM retry ORDER BY id";
    assert_eq!(it.numbers(retries).await, [1, 1], "of the two that are not archived");
    assert_eq!(it.number(QUEUED).await, 3);
}

#[tokio::test]
async fn it_began_when_many_were_hit_and_not_when_the_most_troubled_of_them_was() {
    let it = Fixture::new().await;
    let chronic = it.at("https://api.example.com").await;
    it.fails(&chronic, SystemErrorKind::Unavailable).await;
    it.passes(50 * MINUTE);
    it.fails(&chronic, SystemErrorKind::Unavailable).await;
    for _ in 0..2 {
        it.fails(&it.at("https://api.example.com").await, SystemErrorKind::Unavailable).await;
    }
    it.looks().await;
    let now = NOW_SECONDS + 50 * MINUTE;
    let incident = it.incidents().await.remove(0);
    assert_eq!(incident.detected_at.timestamp(), now);
    assert_eq!(incident.started_at.timestamp(), now - 10 * MINUTE);
}

#[tokio::test]
async fn one_that_somebody_makes_knows_what_was_found_and_takes_in_what_is_never_found_by_itself() {
    let it = Fixture::new().await;
    let first = it.at("https://api.example.com").await;
    it.fails(&first, SystemErrorKind::RateLimited).await;
    it.passes(MINUTE);
    let new = NewIncident {
        title: "The vendor counts wrongly".to_owned(),
        host: Some("api.example.com".to_owned()),
        system_ids: Vec::new(),
        fault: IncidentFault::RateLimited,
        severity: IncidentSeverity::Minor,
        public_message: None,
        commander: None,
    };
    let made = incident::create(&it.operator, new).await.unwrap();
    let (started, detected) = (made.started_at.timestamp(), made.detected_at.timestamp());
    assert_eq!((started, detected), (NOW_SECONDS, NOW_SECONDS + MINUTE));
    let second = it.at("https://api.example.com").await;
    it.fails(&second, SystemErrorKind::RateLimited).await;
    it.looks().await;
    let failed = "SELECT count(*) FROM incident_system WHERE last_failed_at IS NOT NULL";
    assert_eq!((it.number(failed).await, it.found().await[0].2), (2, 2));
}
