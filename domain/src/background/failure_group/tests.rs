//! Groups as time goes by, on SQLite with a clock that is moved; that runs count in them stands in the tests of whole runs.

#![expect(clippy::unwrap_used, reason = "tests")]

mod escalation;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry};
use entity::failure::{
    self, FailureCategory, FailureStage, FailureStatus, Impact, ResponsibleParty, Retryable,
};
use entity::failure_group::{self, FailureGroupStatus as Status};
use entity::occasion::{self, OccasionKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use super::making::{GROUPS_MAX, insert};
use super::{Tally, count, find_or_make};
use crate::background::Background;
use crate::change::Changes;
use crate::clock::Clock;
use crate::dispatch::{Dispatch, DispatchError, JobHint};
use crate::failure_group::cause::Cause;
use crate::failure_group::{SERIES_HOURS_MAX, Snooze, merge, reopen, resolve, series, snooze};
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
                impact: Default::default(),
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
        self.fail_because("the account is closed", failures).await
    }

    async fn fail_because(&self, reason: &str, failures: usize) -> failure_group::Model {
        let mut tx = self.tx().await;
        let id = self.group(&tx, reason).await;
        let mut tally = Tally::default();
        (0..failures).for_each(|_| tally.add_whole(id, Impact::Medium));
        count(&mut tx, Uuid::now_v7(), tally).await.unwrap();
        tx.commit().await.unwrap();
        self.row(id).await
    }

    async fn row(&self, id: Uuid) -> failure_group::Model {
        let tx = self.tx().await;
        let of_it = tx.find::<failure_group::Entity>().filter(failure_group::Column::Id.eq(id));
        of_it.one(tx.connection()).await.unwrap().unwrap()
    }

    fn operator(&self) -> Actor {
        Actor::operator(self.app.clone())
    }

    /// A record that was rejected.
    fn failure(&self, run_id: Uuid, group_id: Uuid) -> failure::Model {
        let now = self.app.clock().now();
        failure::Model {
            id: Uuid::now_v7(),
            tenant_id: self.tenant_id,
            integration_id: self.integration_id,
            run_id,
            stream: Some("orders".to_owned()),
            business_reference: Some("Order 4711".to_owned()),
            record_key: Some("4711".to_owned()),
            position: None,
            status: FailureStatus::Open,
            category: FailureCategory::UnsupportedData,
            stage: FailureStage::Load,
            code: "destination.rejected".to_owned(),
            responsible_party: ResponsibleParty::Customer,
            retryable: Retryable::Unknown,
            hint: None,
            field_errors: Default::default(),
            attempts: 1,
            failed_at: now,
            last_attempt_at: now,
            next_attempt_at: None,
            resolved_at: None,
            resolved_by_run_id: None,
            http_status: None,
            technical_detail: None,
            record: None,
            edited_record: None,
            retry_id: None,
            retry_run_id: None,
            skip_reason: None,
            skipped_by: None,
            quarantine_id: None,
            group_id: Some(group_id),
            exchange_id: None,
            impact: Impact::Medium,
            impact_reason: None,
            value_at_stake: None,
            record_removed_at: None,
        }
    }

    async fn sweep(&self) -> u64 {
        Background::new(self.app.clone()).sweep_groups(Uuid::nil()).await.unwrap().0
    }

    fn hours_go_by(&self, hours: i64) {
        self.millis.fetch_add(hours * HOUR_MILLIS, Ordering::SeqCst);
    }
}

/// Codes and paths of what was refused.
fn refused<T: std::fmt::Debug>(answer: crate::Result<T>) -> Vec<(&'static str, String)> {
    match answer.unwrap_err() {
        crate::Error::Rejected(problems) => {
            problems.iter().map(|problem| (problem.code.name(), problem.path.join("."))).collect()
        }
        other => vec![("NOT_REJECTED", other.to_string())],
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
async fn what_is_not_told_apart_goes_to_the_group_of_what_never_was() {
    let fixture = Fixture::new().await;
    let tx = fixture.tx().await;
    let of = |code| Cause::of(code, FailureStage::Load, &[], Some(503), "timed out", [None, None]);
    let (plain, told_apart) = (of("destination.unavailable"), of("destination.rejected"));
    for cause in [&plain, &told_apart] {
        insert(&tx, fixture.integration_id, "orders", cause.coarse(), String::new()).await.unwrap();
    }
    for (cause, groups) in [(&plain, 1), (&told_apart, 2)] {
        let (id, known) = find_or_make(&tx, fixture.integration_id, "orders", cause).await.unwrap();
        assert_eq!((known.len(), known[""] == id), (groups, groups == 1), "{cause:?}");
    }
}

#[tokio::test]
async fn what_was_merged_counts_in_both_and_a_circle_is_counted_to_its_end() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    let one = fixture.fail(3).await;
    let other = fixture.fail_because("the account is full", 2).await;
    let two_more = Snooze { failures: Some(2), ..Snooze::default() };
    snooze(&operator, one.id, two_more, None).await.unwrap();
    let merged = merge(&operator, one.id, &[other.id], None).await.unwrap();
    assert_eq!(
        (merged.status, merged.failure_count, merged.snoozed_until_count),
        (Status::Snoozed, 5, Some(7)),
        "two more as before"
    );
    let conflict = |field: &str| vec![("CONFLICT", field.to_owned())];
    assert_eq!(refused(merge(&operator, other.id, &[one.id], None).await), conflict("groupId"));
    assert_eq!(refused(merge(&operator, one.id, &[other.id], None).await), conflict("mergeIds.0"));
    let counts = async || {
        let (one, other) = (fixture.row(one.id).await, fixture.row(other.id).await);
        (one.failure_count, other.failure_count)
    };
    fixture.fail_because("the account is full", 1).await;
    assert_eq!(counts().await, (6, 3));

    // Nothing makes one; should there be one all the same, each counts once.
    let tx = fixture.tx().await;
    tx.update::<failure_group::Entity>()
        .col_expr(failure_group::Column::MergedIntoId, Expr::value(Some(other.id)))
        .filter(failure_group::Column::Id.eq(one.id))
        .exec(tx.connection())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    fixture.fail_because("the account is full", 1).await;
    assert_eq!(counts().await, (7, 4));
}

#[tokio::test]
async fn a_group_that_was_over_goes_on_with_what_is_merged_into_it_and_ends_with_that() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    let over = fixture.fail(1).await;
    fixture.hours_go_by(1);
    assert_eq!(fixture.sweep().await, 1);
    let other = fixture.fail_because("the account is full", 1).await;
    let merged = merge(&operator, over.id, &[other.id], None).await.unwrap();
    assert_eq!((merged.status, merged.resolved_at), (Status::Ongoing, None));
    let other = fixture.row(other.id).await;
    assert_eq!((other.status, other.resolved_at), (Status::Resolved, Some(other.status_at)));
    fixture.hours_go_by(1);
    assert_eq!(fixture.sweep().await, 1);
    let tx = fixture.tx().await;
    let told: Vec<serde_json::Value> = tx
        .find::<occasion::Entity>()
        .filter(occasion::Column::Kind.eq(OccasionKind::GroupResolved))
        .order_by_asc(occasion::Column::Id)
        .all(tx.connection())
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.detail["groups"].clone())
        .collect();
    assert_eq!(told, [json!(null), json!([other.id])]);
}

#[tokio::test]
async fn what_fails_again_is_told_where_its_group_was_over() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    let run_id = crate::run::start(&operator, fixture.integration_id, None).await.unwrap().id;
    let mut tx = fixture.tx().await;
    let group_id = fixture.group(&tx, "the account is closed").await;
    let row = fixture.failure(run_id, group_id);
    let row = tx.insert::<failure::Entity>(row, "storing a failure").await.unwrap();
    let mut tally = Tally::default();
    tally.add(group_id, &row);
    count(&mut tx, run_id, tally).await.unwrap();
    tx.commit().await.unwrap();
    resolve(&operator, group_id, None).await.unwrap();

    let mut tx = fixture.tx().await;
    let mut tally = Tally::default();
    tally.see(group_id, &row);
    count(&mut tx, run_id, tally).await.unwrap();
    tx.commit().await.unwrap();
    let group = fixture.row(group_id).await;
    assert_eq!((group.status, group.failure_count), (Status::Regressed, 1));
    let tx = fixture.tx().await;
    let told = tx
        .find::<occasion::Entity>()
        .filter(occasion::Column::Kind.eq(OccasionKind::GroupRegressed))
        .one(tx.connection())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((told.failure_id, told.run_id), (Some(row.id), Some(run_id)));
    assert_eq!((&told.detail["count"], &told.detail["references"]), (&json!(1), &json!(["Order 4711"])));
}

#[tokio::test]
async fn a_failure_that_moves_to_another_group_comes_and_leaves_as_of_when_it_failed() {
    let fixture = Fixture::new().await;
    let from = fixture.fail(2).await;
    let row = fixture.failure(Uuid::now_v7(), from.id);
    fixture.hours_go_by(24 * 10);
    let before = fixture.fail_because("the account is full", 3).await;
    let mut tx = fixture.tx().await;
    let mut tally = Tally::default();
    tally.leave(Some(from.id), row.failed_at, None);
    tally.add(before.id, &row);
    count(&mut tx, Uuid::now_v7(), tally).await.unwrap();
    tx.commit().await.unwrap();
    let moved = fixture.row(before.id).await;
    // One of ten days ago beside three of now: log2(1 + 2^-10 / 3), in millionths.
    assert_eq!((moved.failure_count, moved.urgency - before.urgency), (4, 470));
    let mut tx = fixture.tx().await;
    let mut tally = Tally::default();
    tally.leave(Some(before.id), row.failed_at, None);
    count(&mut tx, Uuid::now_v7(), tally).await.unwrap();
    tx.commit().await.unwrap();
    let without = fixture.row(before.id).await;
    assert!((without.urgency - before.urgency).abs() <= 2, "{without:?} {before:?}");
}

#[tokio::test]
async fn what_somebody_has_reopened_is_not_over_at_once() {
    let fixture = Fixture::new().await;
    let group = fixture.fail(1).await;
    fixture.hours_go_by(1);
    assert_eq!(fixture.sweep().await, 1);
    fixture.hours_go_by(1);
    reopen(&fixture.operator(), group.id, None).await.unwrap();
    assert_eq!((fixture.sweep().await, fixture.row(group.id).await.status), (0, Status::Ongoing));
    fixture.hours_go_by(1);
    assert_eq!((fixture.sweep().await, fixture.row(group.id).await.status), (1, Status::Resolved));
}

#[tokio::test]
async fn a_group_that_cannot_be_swept_keeps_no_other_from_it() {
    let fixture = Fixture::new().await;
    let stuck = fixture.fail(1).await;
    let other = fixture.fail_because("the account is full", 1).await;
    let refuse = format!(
        "CREATE TRIGGER stuck BEFORE UPDATE OF status ON failure_group WHEN hex(OLD.id) = '{:X}' \
         BEGIN SELECT RAISE(ABORT, 'stuck'); END",
        stuck.id.simple()
    );
    fixture.app.across_tenants().writer().execute_unprepared(&refuse).await.unwrap();
    fixture.hours_go_by(1);
    assert_eq!(fixture.sweep().await, 1);
    let (stuck, other) = (fixture.row(stuck.id).await, fixture.row(other.id).await);
    assert_eq!((stuck.status, other.status), (Status::New, Status::Resolved));
}

#[tokio::test]
async fn hours_are_kept_for_ninety_days_and_read_as_far_back() {
    let fixture = Fixture::new().await;
    let (operator, group) = (fixture.operator(), fixture.fail(1).await);
    let background = Background::new(fixture.app.clone());
    fixture.hours_go_by(24 * 89);
    assert_eq!(background.purge_group_hours().await.unwrap(), 0);
    fixture.fail(1).await;
    let hours = series(&operator, &[group.id], SERIES_HOURS_MAX).await.unwrap();
    assert_eq!(hours[&group.id].iter().map(|hour| hour.failure_count).collect::<Vec<_>>(), [1, 1]);
    for (groups, hours) in [(1, SERIES_HOURS_MAX + 1), (100, 14 * 24 + 1)] {
        let ids: Vec<Uuid> = (0..groups).map(|_| Uuid::now_v7()).collect();
        let answer = series(&operator, &ids, hours).await;
        assert!(matches!(answer, Err(crate::Error::Argument { argument: "hours", .. })), "{answer:?}");
    }
    fixture.hours_go_by(48);
    assert_eq!(background.purge_group_hours().await.unwrap(), 1);
}
