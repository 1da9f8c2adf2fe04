//! Which log lines are beside a run. Through `domain`'s public functions on SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Egress, Registry};
use domain::background::Background;
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::integration::{self, NewIntegration, Stream, SyncMode};
use domain::log_line::{self, Level, NewLogLine};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions, run};
use serde_json::{Map, json};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z.
const NOW_MILLIS: i64 = 1_790_000_000_000;

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

fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from_timestamp_millis(NOW_MILLIS).unwrap()
}

struct Fixture {
    background: Background,
    operator: Actor,
    tenant_id: Uuid,
    _directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(now),
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
        let (slug, name) = ("acme".to_owned(), "ACME".to_owned());
        let tenant = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        let tenant_id = tenant::create(&operator, tenant).await.unwrap().id;
        Self { background: Background::new(app), operator, tenant_id, _directory: directory }
    }

    async fn system(&self) -> Uuid {
        let new = NewSystem {
            tenant_id: Some(self.tenant_id),
            name: format!("sandbox {}", Uuid::now_v7()),
            connector: "sandbox".to_owned(),
            config: json!({}),
            credentials: None,
            rate_limit: None,
        };
        system::create(&self.operator, new).await.unwrap().id
    }

    async fn integration(&self, source_id: Uuid, destination_id: Uuid) -> Uuid {
        let stream = Stream {
            name: "orders".to_owned(),
            mode: SyncMode::Full,
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            source: json!({"records": 10}),
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
            tenant_id: Some(self.tenant_id),
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
        integration::create(&self.operator, new).await.unwrap().id
    }

    /// So many lines, a millisecond apart, the first of which is so many after now.
    fn lines(&self, message: &str, count: i64, first: i64) -> impl Iterator<Item = NewLogLine> {
        (0..count).map(move |place| NewLogLine {
            tenant_id: self.tenant_id,
            run_id: None,
            integration_id: None,
            system_id: None,
            at: now() + TimeDelta::milliseconds(first + place),
            level: Level::Info,
            component: "worker".to_owned(),
            message: format!("{message} {}", first + place),
            attributes: Map::new(),
        })
    }
}

#[tokio::test]
async fn lines_nearest_to_the_middle_are_told_and_none_of_the_run_or_of_what_is_apart_hides_them() {
    let fixture = Fixture::new().await;
    let (source, shared, elsewhere) =
        (fixture.system().await, fixture.system().await, fixture.system().await);
    let own = fixture.integration(source, shared).await;
    let beside = fixture.integration(shared, elsewhere).await;
    let apart = fixture.integration(elsewhere, fixture.system().await).await;
    let run_id = run::start(&fixture.operator, own, None).await.unwrap().id;
    let other_run = Uuid::now_v7();
    let of_run = |run_id: Uuid, integration_id: Uuid| {
        move |line: NewLogLine| NewLogLine {
            run_id: Some(run_id),
            integration_id: Some(integration_id),
            ..line
        }
    };
    let about = |system_id: Uuid| move |line: NewLogLine| NewLogLine { system_id: Some(system_id), ..line };
    for lines in [
        fixture.lines("own", 1_200, -600).map(of_run(run_id, own)).collect::<Vec<_>>(),
        fixture.lines("apart", 1_200, -600).map(of_run(Uuid::now_v7(), apart)).collect(),
        fixture.lines("elsewhere", 1_200, -600).map(about(elsewhere)).collect(),
        fixture.lines("dispatch", 60, -1_000).collect(),
        fixture.lines("beside", 30, -900).map(of_run(other_run, beside)).collect(),
        fixture.lines("shared", 5, 700).map(about(shared)).collect(),
        fixture.lines("beside", 60, 710).map(of_run(other_run, beside)).collect(),
        fixture.lines("too late", 1, 2_000).collect(),
    ] {
        for part in lines.chunks(500) {
            fixture.background.store_log_lines(part.to_vec()).await.unwrap();
        }
    }
    let span = TimeDelta::milliseconds(2_000);
    let found = log_line::nearby(&fixture.operator, &[run_id], now() - span, now() + span).await.unwrap();
    let found: Vec<&str> = found[&run_id].iter().map(|line| line.message.as_str()).collect();
    let wanted: Vec<String> = (-960..-940)
        .map(|place| format!("dispatch {place}"))
        .chain((-900..-870).map(|place| format!("beside {place}")))
        .chain((700..705).map(|place| format!("shared {place}")))
        .chain((710..755).map(|place| format!("beside {place}")))
        .collect();
    assert_eq!(found, wanted);
}
