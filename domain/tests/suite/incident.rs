//! How outages are found and end, as time goes by: what is near in time and place is one incident, what waited goes on in
//! steps over all tenants, and what fails meanwhile takes it back. Through `domain`'s public functions on SQLite, with a clock
//! that is moved; nothing outside is asked.

mod found;
mod over;

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
use pipeline::{Ledger, RetryNotice, Side, StreamStop};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor, Row};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z.
const NOW_SECONDS: i64 = 1_790_000_000;
const MINUTE: i64 = 60;
/// Seconds for which a system of an incident is left alone first.
const LEFT_ALONE: i64 = 30;
const OPEN: &str = "SELECT count(*) FROM system WHERE circuit_state = 'OPEN'";

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
        assert_eq!(self.number(OPEN).await, 3, "none has to fail five times to be left alone");
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
