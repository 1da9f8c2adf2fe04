//! How integrations are, as time goes by: runs are counted once, targets are missed and met again, statuses follow what
//! they are derived from; what is kept, and until when. Through `domain`'s public functions on SQLite, with a clock that is moved.

use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::{SystemError, SystemErrorKind};
use domain::background::{Claim, CompletedRun, RunEnd, RunLease, Swept};
use domain::change::{self, ChangeKind, Missed};
use domain::contact::{self, ContactKind, NewContact};
use domain::failure_group::{self, FailureGroupFilter, FailureGroupOrder};
use domain::health::{
    self, AlertKind, Health, HealthAlertFilter, HealthStatus, HealthTargetChanges, Metrics, Period,
    ReasonCode, Series,
};
use domain::integration::{
    self, Integration, IntegrationChanges, IntegrationFilter, IntegrationList, IntegrationOrder,
    NewIntegration, NewSchedule, Stream, SyncMode,
};
use domain::page::{Direction, PageArguments};
use domain::system::{self, NewSystem, SystemChanges};
use domain::{Error, Permission, run, tenant};
use entity::failure::ResponsibleParty;
use pipeline::{
    AccountedPage, Counts, Ledger, RECORD_MAPPING_FAILED, RECORD_SCHEMA_VIOLATION, RecordFailure, Stage,
    StreamStop,
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::harness;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// A tenant whose integrations do well or badly.
struct Fixture(harness::Fixture);

impl Deref for Fixture {
    type Target = harness::Fixture;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Fixture {
    async fn new() -> Self {
        Self(harness::Fixture::new().await)
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

    async fn integration(&self, cron: Option<&str>) -> Integration {
        self.integration_from(self.system().await, cron).await
    }

    /// One that reads from this system.
    async fn integration_from(&self, source_id: Uuid, cron: Option<&str>) -> Integration {
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
            destination_id: self.system().await,
            streams: vec![stream],
            schedule: cron.map(|cron| NewSchedule { cron: cron.to_owned(), time_zone: "UTC".to_owned() }),
            retry_policy: None,
            hold_after: Some(0),
            reconcile: None,
        };
        integration::create(&self.operator, new).await.unwrap()
    }

    /// Starts a run and claims it.
    async fn begun(&self, integration: &Integration) -> Arc<RunLease> {
        let run = run::start(&self.operator, integration.id, None).await.unwrap();
        self.claimed(run.id).await
    }

    async fn claimed(&self, run: Uuid) -> Arc<RunLease> {
        for hint in self.background.all_due(None).await.unwrap().0 {
            if let Claim::Claimed(claimed) = self.background.claim(hint, "worker").await.unwrap() {
                assert_eq!(claimed.lease.run_id(), run, "nothing else is due");
                return Arc::new(claimed.lease);
            }
        }
        panic!("the run is not due");
    }

    /// Stores that a group of failures changed, as a transaction does that began at this time.
    async fn keeps(&self, integration: &Integration, group: Uuid, at: DateTime<Utc>) {
        let millis = at.timestamp_millis().try_into().unwrap();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &[9; 10]).into_uuid();
        let sql = "INSERT INTO change (kind, id, tenant_id, integration_id, object_count, objects) \
                   VALUES ('FAILURE_GROUP', $1, $2, $3, 1, $4)";
        let insert = sqlx::query(sql).bind(id).bind(self.tenant_id).bind(integration.id);
        let insert = insert.bind(group.as_bytes().to_vec());
        insert.execute(&mut self.database("trestle.db").await).await.unwrap();
    }

    /// The groups of failures that have changed since.
    async fn changed_since(&self, since: DateTime<Utc>) -> Missed {
        let (kind, permission) = (ChangeKind::FailureGroup, Permission::FailureRead);
        change::since(&self.operator, kind, permission, None, since).await.unwrap()
    }

    async fn succeeds(&self, integration: &Integration, millis: i64) {
        let lease = self.begun(integration).await;
        self.passes(millis);
        assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    }

    /// A run that reads so many records, all of which its mapping leaves out.
    async fn reads(&self, integration: &Integration, records: u64) {
        let lease = self.begun(integration).await;
        let counts = Counts { read: records, skipped: records, ..Counts::default() };
        lease.account(page(counts, Vec::new())).await.unwrap();
        assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    }

    async fn fails(&self, integration: &Integration, kind: SystemErrorKind) {
        let lease = self.begun(integration).await;
        let stop = StreamStop::Source { error: SystemError::new(kind, "no"), attempts: 6 };
        assert!(lease.finish(RunEnd::Stopped { stream: "orders".to_owned(), stop }).await.unwrap());
    }

    async fn health(&self, integration: &Integration) -> Health {
        let ids = [integration.id];
        health::by_integrations(&self.operator, &ids).await.unwrap().remove(&integration.id).unwrap()
    }

    /// Of a day.
    async fn metrics(&self, integration: &Integration) -> Metrics {
        let found = health::metrics_by_integrations(&self.operator, &[integration.id], 24).await;
        found.unwrap().remove(&integration.id).unwrap()
    }

    async fn status(&self, integration: &Integration) -> HealthStatus {
        self.health(integration).await.status
    }

    /// Sweeps until nothing is due.
    async fn looks(&self) {
        while self.background.tick_health().await.unwrap().0 > 0 {}
    }

    /// A text of the details of the occasions of these kinds that have one, oldest first.
    async fn told(&self, kinds: &str, name: &str) -> Vec<String> {
        let text = format!("json_extract(detail, '$.{name}')");
        let sql =
            format!("SELECT {text} FROM occasion WHERE kind IN ({kinds}) AND {text} IS NOT NULL ORDER BY id");
        let mut database = self.database("trestle.db").await;
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut database).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    /// Why alerts that somebody was told of were over, oldest first.
    async fn endings(&self) -> Vec<String> {
        self.told("'RECOVERED', 'HEALTH_RESTORED'", "ended").await
    }

    /// When it is looked at next.
    async fn check_at(&self, integration: &Integration) -> DateTime<Utc> {
        let sql = "SELECT CAST(check_at AS TEXT) FROM integration_health WHERE integration_id = $1";
        let mut database = self.database("trestle.db").await;
        let row = sqlx::query(sql).bind(integration.id).fetch_one(&mut database).await.unwrap();
        row.get::<String, _>(0).parse().unwrap()
    }

    /// The groups of its failures.
    async fn groups(&self, integration: &Integration) -> Vec<Uuid> {
        let filter = FailureGroupFilter { integration_id: Some(integration.id), ..Default::default() };
        let (order, page) = (FailureGroupOrder::default(), PageArguments::default());
        let groups = failure_group::list(&self.operator, &filter, order, Direction::Descending, &page).await;
        groups.unwrap().edges.into_iter().map(|edge| edge.node.id).collect()
    }

    async fn hands_over(&self, group: Uuid, to: ResponsibleParty) {
        failure_group::hand_over(&self.operator, group, to, Some("a test")).await.unwrap();
    }

    async fn expects(&self, integration: &Integration, changes: HealthTargetChanges) {
        health::set_targets(&self.operator, integration.id, changes).await.unwrap();
    }

    /// The alerts of an integration, oldest first, each with whether it is open.
    async fn alerts(&self, integration: &Integration) -> Vec<(AlertKind, bool)> {
        let ids = [integration.id];
        let (filter, page) = (HealthAlertFilter::default(), PageArguments::default());
        let pages = health::alert_pages(&self.operator, &ids, &filter, Direction::Ascending, &page).await;
        let edges = pages.unwrap().remove(&integration.id).map(|page| page.edges).unwrap_or_default();
        edges.into_iter().map(|edge| (edge.node.kind, edge.node.closed_at.is_none())).collect()
    }
}

/// A page of a run of `orders`.
fn page(counts: Counts, failures: Vec<RecordFailure>) -> AccountedPage {
    AccountedPage {
        stream: "orders".to_owned(),
        page_number: 1,
        checkpoint: None,
        counts,
        receipts: Vec::new(),
        failures,
        refuses_duplicates: false,
        is_sent: true,
        skipped: Vec::new(),
        values: Vec::new(),
        measured: None,
        gate: None,
        breach: None,
        written_bytes: 0,
        size_bytes: 0,
        read_ms: 0,
        map_ms: 0,
        write_ms: 0,
    }
}

/// A page of one record, which failed.
fn failed(stage: Stage, code: &str) -> AccountedPage {
    let failure = RecordFailure {
        stage,
        code: code.to_owned(),
        key: None,
        position: None,
        field_errors: Vec::new(),
        http_status: None,
        detail: "a test".to_owned(),
        record: None,
        mapped: None,
        raw: None,
        attempts: 1,
        retried: None,
        exchange: None,
    };
    page(Counts { read: 1, failed: 1, ..Counts::default() }, vec![failure])
}

fn reasons(health: &Health) -> Vec<ReasonCode> {
    health.reasons.iter().map(|reason| reason.code).collect()
}

#[tokio::test]
async fn each_run_that_ends_is_counted_once_whoever_ended_it() {
    let it = Fixture::new().await;
    let (one, other) = (it.integration(None).await, it.integration(None).await);
    assert_eq!(it.status(&one).await, HealthStatus::Unknown);
    it.succeeds(&one, 2 * SECOND).await;
    it.fails(&one, SystemErrorKind::Unavailable).await;
    // Waiting, and canceled.
    let waiting = run::start(&it.operator, one.id, None).await.unwrap();
    run::cancel(&it.operator, waiting.id).await.unwrap();
    // Lost, taken over, and ended by another worker; the first one comes too late.
    let lost = it.begun(&one).await;
    assert_eq!(it.status(&one).await, HealthStatus::Failing, "a run that goes on changes nothing yet");
    it.passes(60 * SECOND);
    it.background.sweep(Swept::default()).await.unwrap();
    let taken_over = it.claimed(lost.run_id()).await;
    it.passes(4 * SECOND);
    assert!(taken_over.finish(RunEnd::Completed { last: None }).await.unwrap());
    assert!(!lost.finish(RunEnd::Completed { last: None }).await.unwrap());
    assert!(!taken_over.finish(RunEnd::Completed { last: None }).await.unwrap());
    // Several ends in one transaction.
    let leases = [it.begun(&one).await, it.begun(&other).await];
    it.passes(2 * SECOND);
    let ends = leases.iter().map(|lease| CompletedRun { lease: lease.clone(), last: None }).collect();
    let ended = it.background.complete_all(ends).await;
    assert!(ended.into_iter().all(Result::unwrap));

    let metrics = it.metrics(&one).await;
    let counts = [metrics.succeeded(), metrics.partial(), metrics.failed(), metrics.canceled()];
    assert_eq!(counts, [3, 0, 1, 1]);
    assert_eq!(metrics.run_success_percent(), Some(75.0));
    assert_eq!(metrics.latency_mean_ms(), Some((2_000.0 + 64_000.0 + 2_000.0) / 3.0));
    let half = metrics.latency_ms(0.5).unwrap();
    assert!((half / 2_000.0 - 1.0).abs() < 0.05, "{half}");
    assert_eq!(it.metrics(&other).await.succeeded(), 1);

    let tenants = health::by_tenants(&it.operator, &[it.tenant_id]).await.unwrap();
    assert_eq!(tenants[&it.tenant_id].counts, [(HealthStatus::Healthy, 2)]);
    let tenants = health::metrics_by_tenants(&it.operator, &[it.tenant_id], 2_160).await.unwrap();
    let metrics = &tenants[&it.tenant_id];
    assert_eq!((metrics.succeeded(), metrics.canceled()), (4, 1), "by days");
    assert_eq!(health::platform(&it.operator).await.unwrap().counts, [(HealthStatus::Healthy, 2)]);
    let platform = health::metrics_of_platform(&it.operator, 1).await.unwrap();
    let metrics = &platform[&Uuid::nil()];
    assert_eq!((metrics.succeeded(), metrics.failed()), (4, 1));
}

#[tokio::test]
async fn retries_and_backfills_are_not_counted_and_a_retry_that_reads_all_ends_the_failing() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.fails(&integration, SystemErrorKind::Malformed).await;
    let health = it.health(&integration).await;
    assert_eq!(health.status, HealthStatus::ActionRequired, "its people can mend the source");
    assert_eq!(reasons(&health), [ReasonCode::OpenFailures, ReasonCode::LastRunFailed]);
    let failed = health.last_run_id.unwrap();
    let retry = run::retry(&it.operator, failed, run::RetryScope::AllRecords, None).await.unwrap();
    assert_eq!(it.status(&integration).await, HealthStatus::Failing, "the failure is being retried");
    let lease = it.claimed(retry.id).await;
    assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Healthy, vec![]));
    assert_eq!(health.last_run_id, Some(retry.id));
    assert!(health.freshness.newest_success_at.is_some());
    let metrics = it.metrics(&integration).await;
    assert_eq!((metrics.succeeded(), metrics.failed()), (0, 1));
}

#[tokio::test]
async fn a_target_of_freshness_is_missed_by_the_second_and_met_by_the_next_success() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.passes(30 * DAY);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Unknown, "nothing is expected of it");
    let target = HealthTargetChanges { freshness_seconds: Some(Some(600)), ..Default::default() };
    it.expects(&integration, target).await;
    it.succeeds(&integration, SECOND).await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
    it.passes(599 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
    it.passes(SECOND);
    it.looks().await;
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Stale, vec![ReasonCode::Late]));
    assert_eq!((health.freshness.age_seconds, health.freshness.is_late), (Some(600), true));
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Freshness, true)]);
    it.looks().await;
    it.passes(HOUR);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Freshness, true)], "it is told of once");

    it.succeeds(&integration, SECOND).await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy, "at once");
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Freshness, false)]);

    integration::pause(&it.operator, integration.id, None).await.unwrap();
    it.passes(DAY);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Paused);
    integration::resume(&it.operator, integration.id).await.unwrap();
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy, "it is watched from now on");
    it.passes(600 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Stale);
    integration::archive(&it.operator, integration.id).await.unwrap();
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Archived);
    let alerts = it.alerts(&integration).await;
    assert_eq!(alerts, [(AlertKind::Freshness, false), (AlertKind::Freshness, false)]);
    assert_eq!(it.endings().await, ["MET", "ARCHIVED"]);
}

#[tokio::test]
async fn by_its_schedule_it_is_late_when_that_has_ticked_twice_and_no_sooner_than_in_an_hour() {
    let it = Fixture::new().await;
    let hourly = it.integration(Some("0 * * * *")).await;
    let often = it.integration(Some("*/5 * * * *")).await;
    let weekdays = it.integration(Some("0 9 * * MON-FRI")).await;
    // It is Monday 14:13:20.
    let late_at = async |integration| it.health(integration).await.freshness.late_at.unwrap().to_rfc3339();
    assert_eq!(late_at(&hourly).await, "2026-09-21T16:00:00+00:00");
    assert_eq!(late_at(&often).await, "2026-09-21T15:13:20+00:00");
    assert_eq!(late_at(&weekdays).await, "2026-09-23T09:00:00+00:00");
    it.passes(4 * DAY);
    it.looks().await;
    assert_eq!(it.status(&weekdays).await, HealthStatus::Stale);
    // Friday 14:13:21: the weekend does not count.
    it.succeeds(&weekdays, SECOND).await;
    assert_eq!(late_at(&weekdays).await, "2026-09-29T09:00:00+00:00");
}

#[tokio::test]
async fn one_bad_run_is_no_alert_and_two_of_ten_are_one_that_ends_when_they_are_long_ago() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.succeeds(&integration, SECOND).await;
    it.fails(&integration, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [], "one of two is no rate");
    for _ in 0..8 {
        it.succeeds(&integration, SECOND).await;
    }
    it.passes(60 * SECOND);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [], "one is an accident");
    it.fails(&integration, SystemErrorKind::Unavailable).await;
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::SuccessRate, true)]);
    assert_eq!(it.status(&integration).await, HealthStatus::Failing);
    it.succeeds(&integration, SECOND).await;
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Degraded, vec![ReasonCode::SuccessRate]));
    it.passes(25 * HOUR);
    for _ in 0..10 {
        it.succeeds(&integration, SECOND).await;
    }
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::SuccessRate, false)]);
    assert_eq!(it.endings().await, ["MET"]);
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
}

#[tokio::test]
async fn runs_that_take_a_fifth_longer_than_in_the_week_before_are_an_alert() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    for _ in 0..7 {
        for _ in 0..3 {
            it.succeeds(&integration, 10 * SECOND).await;
        }
        it.passes(DAY - 30 * SECOND);
    }
    for _ in 0..10 {
        it.succeeds(&integration, 10_500).await;
    }
    it.passes(60 * SECOND);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [], "a twentieth is nothing");
    it.succeeds(&integration, 14 * SECOND).await;
    it.passes(60 * SECOND);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Latency, true)]);
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Degraded, vec![ReasonCode::Latency]));
    // What somebody expects takes the place of what was usual.
    let target = HealthTargetChanges { latency_p95_ms: Some(Some(20_000)), ..Default::default() };
    it.expects(&integration, target).await;
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Latency, false)]);
    assert_eq!(it.told("'HEALTH_ALERT'", "measure").await, ["LATENCY"]);
    assert_eq!(it.told("'HEALTH_ALERT'", "responsibleParty").await, ["SUPPORT"]);
    assert_eq!(it.endings().await, ["CHANGED"]);
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
}

#[tokio::test]
async fn a_day_of_less_than_half_of_the_smallest_is_an_alert_until_a_day_is_as_usual() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    for records in [200, 220, 180, 200, 240, 200, 200] {
        it.reads(&integration, records).await;
        it.passes(DAY);
    }
    it.reads(&integration, 80).await;
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [], "the day is not over");
    it.passes(DAY);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Volume, true)]);
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Degraded, vec![ReasonCode::Volume]));
    assert_eq!(it.told("'VOLUME_ANOMALY'", "measure").await, ["VOLUME"]);
    assert_eq!(it.told("'VOLUME_ANOMALY'", "responsibleParty").await, ["CUSTOMER"]);
    it.reads(&integration, 190).await;
    it.passes(DAY);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Volume, false)]);
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
}

#[tokio::test]
async fn a_system_that_wants_a_sign_in_asks_the_people_of_everything_that_uses_it() {
    let it = Fixture::new().await;
    let shared = it.system().await;
    let (one, other) = (it.integration_from(shared, None).await, it.integration_from(shared, None).await);
    it.succeeds(&other, SECOND).await;
    it.passes(60 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&other).await, HealthStatus::Healthy);
    it.fails(&one, SystemErrorKind::Unauthorized).await;
    assert_eq!(it.status(&one).await, HealthStatus::ActionRequired);
    it.looks().await;
    let health = it.health(&other).await;
    let asked = (HealthStatus::ActionRequired, vec![ReasonCode::ReauthorizationRequired]);
    assert_eq!((health.status, reasons(&health)), asked);
    let soon = it.background.app().clock().now() + chrono::Duration::minutes(15);
    assert_eq!(it.check_at(&other).await, soon, "being so it is looked at again soon");

    let moves = async |source_id| {
        let changes = IntegrationChanges { source_id: Some(source_id), ..Default::default() };
        integration::update(&it.operator, other.id, changes).await.unwrap();
        it.status(&other).await
    };
    assert_eq!(moves(it.system().await).await, HealthStatus::Healthy, "at once");
    assert_eq!(moves(shared).await, HealthStatus::ActionRequired);
    let changes = SystemChanges { config: Some(json!({"seed": 8})), ..Default::default() };
    system::update(&it.operator, shared, changes).await.unwrap();
    it.looks().await;
    assert_eq!(it.status(&other).await, HealthStatus::Healthy, "nobody knows that it wants one any more");
}

#[tokio::test]
async fn what_is_with_somebody_else_asks_nothing_of_its_people() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.fails(&integration, SystemErrorKind::Malformed).await;
    let group = it.groups(&integration).await[0];
    it.hands_over(group, ResponsibleParty::Support).await;
    let health = it.health(&integration).await;
    assert_eq!((health.status, reasons(&health)), (HealthStatus::Failing, vec![ReasonCode::LastRunFailed]));
    it.hands_over(group, ResponsibleParty::Customer).await;
    let health = it.health(&integration).await;
    assert_eq!(health.status, HealthStatus::ActionRequired);
    assert_eq!(reasons(&health), [ReasonCode::OpenFailures, ReasonCode::LastRunFailed]);
}

#[tokio::test]
async fn a_run_under_way_asks_its_people_with_the_first_failure_that_is_theirs() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let lease = it.begun(&integration).await;
    lease.account(failed(Stage::Map, RECORD_MAPPING_FAILED)).await.unwrap();
    assert_eq!(it.status(&integration).await, HealthStatus::Running, "that is ours");
    let group = it.groups(&integration).await[0];
    lease.account(failed(Stage::Validate, RECORD_SCHEMA_VIOLATION)).await.unwrap();
    assert_eq!(it.status(&integration).await, HealthStatus::ActionRequired);
    assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());

    // What the code says does not count, but who has it.
    let integration = it.integration(None).await;
    let lease = it.begun(&integration).await;
    lease.account(failed(Stage::Map, RECORD_MAPPING_FAILED)).await.unwrap();
    let other = it.groups(&integration).await[0];
    assert_ne!(other, group);
    it.hands_over(other, ResponsibleParty::Customer).await;
    assert_eq!(it.status(&integration).await, HealthStatus::ActionRequired);
    assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
}

#[tokio::test]
async fn nothing_of_a_suspended_tenant_is_late() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let target = HealthTargetChanges { freshness_seconds: Some(Some(600)), ..Default::default() };
    it.expects(&integration, target).await;
    it.succeeds(&integration, SECOND).await;
    it.passes(600 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Stale);
    tenant::suspend(&it.operator, it.tenant_id, "a test").await.unwrap();
    it.looks().await;
    let health = it.health(&integration).await;
    assert_eq!((health.status, health.freshness.late_at), (HealthStatus::Healthy, None));
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Freshness, false)]);
    assert_eq!(it.endings().await, ["SUSPENDED"]);
    it.passes(DAY);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
    tenant::resume(&it.operator, it.tenant_id).await.unwrap();
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy, "it is watched from now on");
    it.passes(600 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Stale);
}

#[tokio::test]
async fn its_age_is_judged_anew_only_where_another_one_is_expected() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let target = HealthTargetChanges { freshness_seconds: Some(Some(600)), ..Default::default() };
    it.expects(&integration, target).await;
    it.succeeds(&integration, SECOND).await;
    it.passes(600 * SECOND);
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Stale);
    let same = HealthTargetChanges { latency_p95_ms: Some(Some(5)), ..target };
    it.expects(&integration, same).await;
    it.looks().await;
    assert_eq!(it.status(&integration).await, HealthStatus::Stale);
    let other = HealthTargetChanges { freshness_seconds: Some(Some(900)), ..Default::default() };
    it.expects(&integration, other).await;
    assert_eq!(it.status(&integration).await, HealthStatus::Healthy);
    it.looks().await;
    assert_eq!(it.alerts(&integration).await, [(AlertKind::Freshness, false)]);
    assert_eq!(it.endings().await, ["CHANGED"]);
}

#[tokio::test]
async fn one_that_can_not_be_stored_keeps_no_other_from_being_looked_at() {
    let it = Fixture::new().await;
    let (one, other) = (it.integration(None).await, it.integration(None).await);
    let target = HealthTargetChanges { freshness_seconds: Some(Some(600)), ..Default::default() };
    for integration in [&one, &other] {
        it.expects(integration, target).await;
        it.succeeds(integration, SECOND).await;
    }
    it.passes(600 * SECOND);
    let refuse = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON health_alert WHEN NEW.integration_id = x'{}' \
         BEGIN SELECT RAISE(ABORT, 'a test'); END",
        one.id.simple()
    );
    sqlx::query(AssertSqlSafe(refuse)).execute(&mut it.database("trestle.db").await).await.unwrap();
    it.looks().await;
    assert_eq!(it.alerts(&one).await, []);
    assert_eq!(it.alerts(&other).await, [(AlertKind::Freshness, true)]);
    sqlx::query("DROP TRIGGER refuse").execute(&mut it.database("trestle.db").await).await.unwrap();
    it.passes(120 * SECOND);
    it.looks().await;
    assert_eq!(it.alerts(&one).await, [(AlertKind::Freshness, true)]);
    assert_eq!(it.status(&one).await, HealthStatus::Stale);
}

#[tokio::test]
async fn targets_are_checked_and_each_change_is_kept_with_who_made_it() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let bad = HealthTargetChanges {
        freshness_seconds: Some(Some(0)),
        run_success_percent: Some(Some(100.5)),
        latency_p95_ms: Some(Some(-1)),
    };
    let Err(Error::Rejected(problems)) = health::set_targets(&it.operator, integration.id, bad).await else {
        panic!("they are refused");
    };
    let paths: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
    assert_eq!(paths, ["freshnessSeconds", "latencyP95Ms", "runSuccessPercent"]);
    let first = HealthTargetChanges { run_success_percent: Some(Some(95.0)), ..Default::default() };
    it.expects(&integration, first).await;
    it.passes(SECOND);
    let second = HealthTargetChanges { latency_p95_ms: Some(Some(5)), ..Default::default() };
    it.expects(&integration, second).await;
    let ids = [integration.id];
    let now = health::targets_by_integrations(&it.operator, &ids).await.unwrap()[&integration.id];
    assert_eq!(
        (now.freshness_seconds, now.run_success_percent, now.latency_p95_ms),
        (None, Some(95.0), Some(5))
    );
    let page = PageArguments::default();
    let pages = health::target_change_pages(&it.operator, &ids, Direction::Ascending, &page).await.unwrap();
    let kept: Vec<_> = pages[&integration.id].edges.iter().map(|edge| &edge.node).collect();
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[0].targets.run_success_percent, kept[0].targets.latency_p95_ms), (Some(95.0), None));
    assert_eq!(kept[1].targets, now);
    assert!(kept[0].set_at < kept[1].set_at && !kept[0].set_by.is_empty());
    assert!(health::set_targets(&it.operator, Uuid::nil(), second).await.is_err());
}

#[tokio::test]
async fn lists_have_the_worst_first_and_those_that_are_asked_for() {
    let it = Fixture::new().await;
    let (well, failing, paused) =
        (it.integration(None).await, it.integration(None).await, it.integration(None).await);
    let refused = it.integration(None).await;
    it.succeeds(&well, SECOND).await;
    it.fails(&failing, SystemErrorKind::Unavailable).await;
    it.fails(&refused, SystemErrorKind::Unauthorized).await;
    integration::pause(&it.operator, paused.id, None).await.unwrap();
    let list = async |health: Option<Vec<HealthStatus>>| {
        let filter = IntegrationFilter { health, ..Default::default() };
        let (order, direction) = (IntegrationOrder::Health, Direction::Descending);
        let list = IntegrationList { filter, order, direction, ..Default::default() };
        let mut found = Vec::new();
        let mut page = PageArguments { first: Some(3), ..Default::default() };
        loop {
            let rows = integration::list(&it.operator, &list, &page).await.unwrap();
            page.after = rows.edges.last().map(|edge| edge.cursor.clone());
            found.extend(rows.edges.into_iter().map(|edge| edge.node.id));
            if !rows.has_next {
                return found;
            }
        }
    };
    assert_eq!(list(None).await, [refused.id, failing.id, well.id, paused.id]);
    assert_eq!(list(Some(vec![HealthStatus::Failing, HealthStatus::Paused])).await, [failing.id, paused.id]);
    assert!(list(Some(vec![HealthStatus::Running])).await.is_empty());
    let lease = it.begun(&well).await;
    assert_eq!(it.status(&well).await, HealthStatus::Running);
    assert_eq!(list(Some(vec![HealthStatus::Running])).await, [well.id]);
    assert!(list(Some(vec![HealthStatus::Healthy])).await.is_empty());
    assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    assert_eq!(list(Some(vec![HealthStatus::Healthy, HealthStatus::Running])).await, [well.id]);
    let health = it.health(&refused).await;
    assert_eq!(health.status, HealthStatus::ActionRequired);
    let all = [ReasonCode::OpenFailures, ReasonCode::ReauthorizationRequired, ReasonCode::LastRunFailed];
    assert_eq!(reasons(&health), all);
}

#[tokio::test]
async fn hours_are_kept_for_ninety_days_and_days_for_two_years() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.succeeds(&integration, SECOND).await;
    let at = |by| Series {
        by,
        from: Some("2026-09-20T00:00:00Z".parse().unwrap()),
        to: Some("2026-09-22T00:00:00Z".parse().unwrap()),
    };
    let points = async |by| {
        let series = health::series_by_integrations(&it.operator, &[integration.id], at(by)).await.unwrap();
        series.get(&integration.id).map_or(0, Vec::len)
    };
    it.passes(89 * DAY);
    it.background.purge().await.unwrap();
    assert_eq!((points(Period::Hour).await, points(Period::Day).await), (1, 1));
    it.passes(2 * DAY);
    it.background.purge().await.unwrap();
    assert_eq!((points(Period::Hour).await, points(Period::Day).await), (0, 1));
    it.passes(641 * DAY);
    it.background.purge().await.unwrap();
    assert_eq!((points(Period::Hour).await, points(Period::Day).await), (0, 0));
    assert!(it.background.app().clock().now() > "2028-09-21T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
}

#[tokio::test]
async fn a_group_that_was_given_to_somebody_who_is_gone_is_with_nobody_in_the_end() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    it.fails(&integration, SystemErrorKind::Malformed).await;
    let group = it.groups(&integration).await[0];
    let ada = NewContact {
        tenant_id: Some(it.tenant_id),
        kind: ContactKind::Person,
        name: "Ada".to_owned(),
        email: Some("ada@example.com".to_owned()),
        phone: None,
        url: None,
        user_id: None,
        note: None,
    };
    let ada = contact::create(&it.operator, ada).await.unwrap().id;
    // As a process does whose rules are older than the deletion.
    let give = "UPDATE failure_group SET assignee_id = $1 WHERE id = $2";
    let is_with_somebody = "SELECT assignee_id IS NOT NULL FROM failure_group WHERE id = $1";
    for (contact, is_there) in [(ada, true), (Uuid::now_v7(), false)] {
        let mut database = it.database("trestle.db").await;
        sqlx::query(give).bind(contact).bind(group).execute(&mut database).await.unwrap();
        it.background.purge().await.unwrap();
        let row = sqlx::query(is_with_somebody).bind(group).fetch_one(&mut database).await.unwrap();
        assert_eq!(row.get::<bool, _>(0), is_there);
    }
}

#[tokio::test]
async fn a_status_that_changes_is_kept_for_who_is_away_and_one_that_does_not_is_not() {
    let it = Fixture::new().await;
    let (one, other) = (it.integration(None).await, it.integration(None).await);
    let before = change::now();
    let missed =
        async |kind, of| change::since(&it.operator, kind, Permission::RunRead, of, before).await.unwrap();
    let nothing = Missed { ids: Vec::new(), is_whole: true };
    assert_eq!(missed(ChangeKind::Health, None).await, nothing);
    it.succeeds(&one, SECOND).await;
    it.fails(&other, SystemErrorKind::Unavailable).await;
    let both = Missed { ids: vec![one.id, other.id], is_whole: true };
    assert_eq!(missed(ChangeKind::Health, None).await, both, "UNKNOWN before");
    it.succeeds(&one, SECOND).await;
    assert_eq!(missed(ChangeKind::Health, None).await, both, "HEALTHY as before");
    integration::pause(&it.operator, one.id, None).await.unwrap();
    let ids = vec![other.id, one.id];
    assert_eq!(missed(ChangeKind::Health, None).await, Missed { ids, ..both.clone() });
    let ids = vec![other.id];
    assert_eq!(missed(ChangeKind::Health, Some(other.id)).await, Missed { ids, ..both });

    // Runs that have ended are kept, and those that wait or are under way are found.
    let ended = missed(ChangeKind::Run, Some(one.id)).await;
    assert_eq!((ended.ids.len(), ended.is_whole), (2, true));
    let waiting = run::start(&it.operator, other.id, None).await.unwrap();
    let changed = missed(ChangeKind::Run, Some(other.id)).await;
    assert_eq!((changed.ids.len(), changed.ids.last()), (2, Some(&waiting.id)));
    // A failure, and the group that it began.
    assert_eq!(missed(ChangeKind::Failure, None).await.ids.len(), 1);
    assert_eq!(missed(ChangeKind::FailureGroup, None).await.ids, it.groups(&other).await);
}

#[tokio::test]
async fn of_more_than_a_hundred_that_changed_the_newest_are_told_and_that_there_were_more() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let before = change::now();
    let lease = it.begun(&integration).await;
    let failures = failed(Stage::Map, RECORD_MAPPING_FAILED).failures;
    let failures: Vec<RecordFailure> = failures.iter().cycle().take(150).cloned().collect();
    let counts = Counts { read: 150, failed: 150, ..Counts::default() };
    lease.account(page(counts, failures)).await.unwrap();
    let missed = change::since(&it.operator, ChangeKind::Failure, Permission::FailureRead, None, before);
    let missed = missed.await.unwrap();
    assert_eq!((missed.ids.len(), missed.is_whole), (change::CATCH_UP_MAX, false));
    let long_ago = before - chrono::Duration::minutes(change::KEPT_MINUTES + 1);
    let missed = change::since(&it.operator, ChangeKind::Health, Permission::RunRead, None, long_ago).await;
    assert!(!missed.unwrap().is_whole, "nobody knows what there was then");
}

#[tokio::test]
async fn what_is_committed_long_after_its_time_is_told_to_who_has_caught_up_meanwhile() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let caught_up = change::now();
    assert_eq!(it.changed_since(caught_up).await, Missed { ids: Vec::new(), is_whole: true });
    // Its process was frozen for ten seconds before it was stored and for ten before the commit, which is as long as PostgreSQL
    // waits; of the other everybody knew before.
    let (late, known) = (Uuid::now_v7(), Uuid::now_v7());
    it.keeps(&integration, late, caught_up - chrono::Duration::seconds(20)).await;
    it.keeps(&integration, known, caught_up - chrono::Duration::seconds(26)).await;
    assert_eq!(it.changed_since(caught_up).await, Missed { ids: vec![late], is_whole: true });
}

#[tokio::test]
async fn what_changed_is_kept_for_as_long_as_anybody_is_told_of_it() {
    let it = Fixture::new().await;
    let integration = it.integration(None).await;
    let minutes_ago = |minutes| change::now() - chrono::Duration::minutes(minutes);
    let kept = Uuid::now_v7();
    it.keeps(&integration, kept, minutes_ago(59)).await;
    it.keeps(&integration, Uuid::now_v7(), minutes_ago(71)).await;
    it.background.purge().await.unwrap();
    let count = "SELECT count(*) FROM change WHERE kind = 'FAILURE_GROUP'";
    let row = sqlx::query(count).fetch_one(&mut it.database("trestle.db").await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
    assert_eq!(it.changed_since(minutes_ago(59)).await, Missed { ids: vec![kept], is_whole: true });
}
