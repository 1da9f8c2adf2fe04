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
use domain::incident::{self, Incident, IncidentFilter};
use domain::integration::{self, Integration, NewIntegration, Stream, SyncMode};
use domain::page::{Direction, PageArguments};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions, run};
use entity::incident::{IncidentFault, IncidentStatus};
use pipeline::StreamStop;
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
        Self { background: Background::new(app), operator, seconds, directory }
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
                hold_after: Some(0),
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

#[tokio::test]
async fn what_is_near_in_time_and_place_is_one_incident_and_later_tenants_join_it() {
    use IncidentFault::{RateLimited, Unavailable};
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

    // What is refused, has no host, is elsewhere, or is of two is none; another trouble at the same place is another one.
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
    assert_eq!(it.found().await, [(host(), Unavailable, 4), (host(), RateLimited, 3)]);
    assert_eq!(
        it.numbers("SELECT count(*) FROM occasion WHERE kind = 'INCIDENT_OPENED'").await,
        [4 + 1 + 3 + 1]
    );
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
    let status = async || it.incidents().await[0].status;
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

    // Another tenant gets through, and the first fails again: what waits then waits for the next time.
    it.passes(7);
    let of = |index: usize| {
        let ids: Vec<Uuid> = integrations[index].iter().map(|integration| integration.id).collect();
        move |lease: &RunLease| ids.contains(&lease.integration_id())
    };
    let other = it.claimed(of(1)).await;
    assert!(other.finish(RunEnd::Completed { last: None }).await.unwrap());
    let again = it.claimed(of(0)).await;
    let wait = Duration::from_secs(600);
    assert!(again.give_back("orders", &stop(SystemErrorKind::Unavailable), wait).await.unwrap());
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Investigating);
    it.passes(MINUTE);
    it.looks().await;
    assert_eq!(status().await, IncidentStatus::Monitoring, "one answers, and none has failed for a while");
    it.passes(MINUTE);
    it.looks().await;
    let over = it.incidents().await.remove(0);
    assert_eq!((over.status, over.resolved_at.is_some()), (IncidentStatus::Resolved, true));
    it.looks().await;
    assert_eq!(it.numbers("SELECT count(*) FROM incident WHERE over_at IS NULL").await, [0]);
    assert_eq!(it.numbers(waiting).await.len(), 38);
    assert_eq!(it.numbers("SELECT count(*) FROM system_fault").await, [0], "it makes no other one");
}
