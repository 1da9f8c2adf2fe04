//! Groups as time goes by, on SQLite with a clock that is moved; that runs count in them stands in the tests of whole runs.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry};
use entity::failure::FailureStage;
use entity::failure_group::{self, FailureGroupStatus as Status};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::{GROUPS_MAX, Tally, count, find_or_make};
use crate::background::Background;
use crate::change::Changes;
use crate::clock::Clock;
use crate::dispatch::{Dispatch, DispatchError, JobHint};
use crate::failure_group::cause::Cause;
use crate::integration::{self, NewIntegration, Stream, SyncMode};
use crate::scope::TxScope;
use crate::system::{self, NewSystem};
use crate::tenant::{self, CreateTenant};
use crate::token::TokenSigner;
use crate::{Actor, App, AppOptions};

/// 2026-09-21T14:13:20Z.
const NOW_MILLIS: i64 = 1_790_000_000_000;
const HOUR_MILLIS: i64 = 60 * 60 * 1000;

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

/// An integration, and a clock that stands still until it is moved.
struct Fixture {
    app: Arc<App>,
    tenant_id: Uuid,
    integration_id: Uuid,
    millis: Arc<AtomicI64>,
    _directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(NOW_MILLIS));
        let now = millis.clone();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::<Utc>::from_timestamp_millis(now.load(Ordering::SeqCst)).unwrap()
            }),
            tenant_concurrency: 4,
            lease: Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        crate::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        let (slug, name) = ("acme".to_owned(), "ACME".to_owned());
        let new = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        let tenant_id = tenant::create(&operator, new).await.unwrap().id;
        let new = NewSystem {
            tenant_id: Some(tenant_id),
            name: "Sandbox".to_owned(),
            connector: "sandbox".to_owned(),
            config: json!({}),
            credentials: None,
            rate_limit: None,
        };
        let sandbox = system::create(&operator, new).await.unwrap();
        let new = NewIntegration {
            tenant_id: Some(tenant_id),
            name: "Orders".to_owned(),
            description: None,
            source_id: sandbox.id,
            destination_id: sandbox.id,
            streams: vec![Stream {
                name: "orders".to_owned(),
                mode: SyncMode::Full,
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                source: json!({}),
                destination: json!({}),
                mapping: None,
                record_schema: None,
                overlap: None,
                on_schema_change: Default::default(),
                deletions: None,
                quality: Default::default(),
            }],
            schedule: None,
            retry_policy: None,
            hold_after: None,
            reconcile: None,
        };
        let integration_id = integration::create(&operator, new).await.unwrap().id;
        Self { app, tenant_id, integration_id, millis, _directory: directory }
    }

    async fn tx(&self) -> TxScope {
        TxScope::begin(&self.app, self.tenant_id).await.unwrap()
    }

    async fn group(&self, tx: &TxScope, reason: &str) -> Uuid {
        let none = [None, None];
        let cause = Cause::of("destination.rejected", FailureStage::Load, &[], None, reason, none);
        find_or_make(tx, self.integration_id, "orders", &cause).await.unwrap().0
    }

    /// So many failures of one reason in one run.
    async fn fail(&self, failures: usize) -> failure_group::Model {
        let mut tx = self.tx().await;
        let id = self.group(&tx, "the account is closed").await;
        let mut tally = Tally::default();
        (0..failures).for_each(|_| tally.add_whole(id));
        count(&mut tx, Uuid::now_v7(), tally).await.unwrap();
        let of_it = tx.find::<failure_group::Entity>().filter(failure_group::Column::Id.eq(id));
        let group = of_it.one(tx.connection()).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        group
    }

    async fn sweep(&self) -> u64 {
        Background::new(self.app.clone()).sweep_groups(Uuid::nil()).await.unwrap().0
    }

    fn hours_go_by(&self, hours: i64) {
        self.millis.fetch_add(hours * HOUR_MILLIS, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_hour_with_many_more_than_the_busiest_one_escalates_and_calms_down() {
    let fixture = Fixture::new().await;
    let first = fixture.fail(10).await;
    assert_eq!((first.status, first.failure_count, first.hour_limit), (Status::New, 10, 0));
    fixture.fail(5).await;
    // A group with nothing to compare with is only new, however many there are.
    fixture.hours_go_by(24);
    // No failure is stored here, so the sweep takes it for over.
    assert_eq!(fixture.sweep().await, 1);
    let back = fixture.fail(1).await;
    assert_eq!((back.status, back.run_count), (Status::Regressed, 3));
    assert_eq!(back.hour_limit, 45, "three times the 15 of the first hour");
    assert_eq!(fixture.fail(44).await.status, Status::Regressed);
    let many = fixture.fail(1).await;
    assert_eq!((many.status, many.hour_count), (Status::Escalating, 46));
    fixture.hours_go_by(1);
    let next = fixture.fail(1).await;
    assert_eq!((next.status, next.hour_count, next.hour_limit), (Status::Escalating, 1, 138));
    assert_eq!(fixture.sweep().await, 1, "it is calm");
    assert_eq!(fixture.fail(1).await.status, Status::Ongoing);
}

#[tokio::test]
async fn reasons_without_end_are_one_group_from_the_fiftieth_on() {
    let fixture = Fixture::new().await;
    let tx = fixture.tx().await;
    let word =
        |number: u8| format!("it is {}{}", char::from(b'a' + number / 26), char::from(b'a' + number % 26));
    let mut ids = Vec::new();
    for number in 0..70 {
        ids.push(fixture.group(&tx, &word(number)).await);
    }
    let (own, other) = ids.split_at(GROUPS_MAX);
    assert!(other.iter().all(|id| *id == other[0]) && !own.contains(&other[0]), "{ids:?}");
    assert_eq!(fixture.group(&tx, &word(3)).await, ids[3]);
    let groups = tx.find::<failure_group::Entity>().count(tx.connection()).await.unwrap();
    assert_eq!(groups as usize, GROUPS_MAX + 1);
}

#[tokio::test]
async fn hours_are_kept_for_ninety_days() {
    let fixture = Fixture::new().await;
    fixture.fail(1).await;
    let background = Background::new(fixture.app.clone());
    fixture.hours_go_by(24 * 89);
    assert_eq!(background.purge_group_hours().await.unwrap(), 0);
    fixture.fail(1).await;
    fixture.hours_go_by(48);
    assert_eq!(background.purge_group_hours().await.unwrap(), 1);
}
