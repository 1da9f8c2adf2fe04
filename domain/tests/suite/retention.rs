//! What is deleted once it has been kept long enough, and what is kept all the same. Through `domain`'s public functions on SQLite,
//! with a clock that is moved.

use std::ops::Deref;
use std::sync::Arc;

use connector::{Record, RecordKey, SystemError, SystemErrorKind};
use domain::background::{Claim, Removed, RunEnd, RunLease};
use domain::failure::{self, FailureFilter, FailureList, Selection};
use domain::failure_group::{self, FailureGroupFilter, FailureGroupOrder};
use domain::integration::{self, Integration, NewIntegration, Stream, SyncMode};
use domain::log_line::{Level, NewLogLine};
use domain::page::{Direction, PageArguments};
use domain::retention::{self, DAYS_MAX, Retention, RetentionKind, record_expires_at};
use domain::run::{self, RetryScope, Run};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::{Error, ProblemCode, health};
use entity::failure::FailureStatus;
use pipeline::{AccountedPage, Counts, Ledger, RECORD_MAPPING_FAILED, RecordFailure, Stage, StreamStop};
use serde_json::{Map, json};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::harness;

const DAY: i64 = 24 * 3_600 * 1_000;

/// A tenant with records that are kept for a time.
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

    async fn system(&self, tenant_id: Uuid) -> Uuid {
        let new = NewSystem {
            tenant_id: Some(tenant_id),
            name: format!("sandbox {}", Uuid::now_v7()),
            connector: "sandbox".to_owned(),
            config: json!({}),
            credentials: None,
            rate_limit: None,
        };
        system::create(&self.operator, new).await.unwrap().id
    }

    async fn integration(&self, tenant_id: Uuid) -> Integration {
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
            tenant_id: Some(tenant_id),
            name: format!("integration {}", Uuid::now_v7()),
            description: None,
            source_id: self.system(tenant_id).await,
            destination_id: self.system(tenant_id).await,
            streams: vec![stream],
            schedule: None,
            retry_policy: None,
            hold_after: Some(0),
            reconcile: None,
        };
        integration::create(&self.operator, new).await.unwrap()
    }

    async fn another_tenant(&self) -> Uuid {
        let (slug, name) = ("other".to_owned(), "Other".to_owned());
        let tenant = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        tenant::create(&self.operator, tenant).await.unwrap().id
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

    /// A run that reads records with these ids, none of which arrives.
    async fn run(&self, integration: &Integration, failing: &[&str]) -> Uuid {
        let run = run::start(&self.operator, integration.id, None).await.unwrap();
        let lease = self.claimed(run.id).await;
        if !failing.is_empty() {
            lease.account(page(failing)).await.unwrap();
        }
        assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
        run.id
    }

    /// A run that can't go on.
    async fn fails(&self, integration: &Integration) -> Uuid {
        let run = run::start(&self.operator, integration.id, None).await.unwrap();
        let lease = self.claimed(run.id).await;
        let stop =
            StreamStop::Source { error: SystemError::new(SystemErrorKind::Malformed, "no"), attempts: 1 };
        assert!(lease.finish(RunEnd::Stopped { stream: "orders".to_owned(), stop }).await.unwrap());
        run.id
    }

    async fn keeps(&self, tenant_id: Uuid, kind: RetentionKind, days: i32) {
        retention::set(&self.operator, tenant_id, kind, Some(days)).await.unwrap();
    }

    /// Says of all that somebody was told of that it was.
    async fn tells(&self) {
        self.execute("UPDATE occasion SET noticed_at = at").await;
    }

    /// What goes, however long that takes.
    async fn retains(&self) -> Removed {
        let mut all = Removed::default();
        loop {
            let gone = self.background.retain().await.unwrap();
            all.runs += gone.runs;
            all.failures += gone.failures;
            all.records += gone.records;
            all.log_lines += gone.log_lines;
            if !gone.is_more {
                return all;
            }
        }
    }

    async fn found(&self, run: Uuid) -> Option<Run> {
        run::get(&self.operator, run).await.unwrap()
    }

    async fn failures(&self, run: Uuid) -> Vec<failure::Failure> {
        let filter = FailureFilter { run_id: Some(run), ..Default::default() };
        let list = FailureList { filter, direction: Direction::Ascending, ..Default::default() };
        let list = failure::list(&self.operator, &list, &PageArguments::default()).await;
        list.unwrap().edges.into_iter().map(|edge| edge.node).collect()
    }

    async fn skips(&self, failures: &[Uuid]) {
        let selection = Selection::Ids(failures.to_vec());
        let skipped = failure::skip(&self.operator, &selection, Some("a test")).await.unwrap();
        assert_eq!(skipped, failures.len() as u64);
    }

    async fn kept(&self, tenant_id: Uuid) -> Vec<Retention> {
        retention::by_tenants(&self.operator, &[tenant_id]).await.unwrap().remove(&tenant_id).unwrap()
    }

    /// How many records of failures were said to go, and from which day on, oldest first.
    async fn told(&self) -> Vec<(i64, String)> {
        let sql = "SELECT json_extract(detail, '$.count'), json_extract(detail, '$.from') FROM occasion \
                   WHERE kind = 'RECORDS_EXPIRING' ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&mut self.database("trestle.db").await).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn execute(&self, sql: &str) {
        let mut database = self.database("trestle.db").await;
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut database).await.unwrap();
    }

    /// Rows of a table that name this run.
    async fn rows_of(&self, table: &str, column: &str, run: Uuid) -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
        let mut database = self.database("trestle.db").await;
        let row = sqlx::query(AssertSqlSafe(sql)).bind(run).fetch_one(&mut database).await.unwrap();
        row.get(0)
    }
}

/// A page of records that failed.
fn page(ids: &[&str]) -> AccountedPage {
    let failures = ids.iter().map(|id| {
        let record: Record = [("id".to_owned(), json!(id))].into_iter().collect();
        RecordFailure {
            stage: Stage::Map,
            code: RECORD_MAPPING_FAILED.to_owned(),
            key: RecordKey::of(&record, &["id".to_owned()]),
            position: None,
            field_errors: Vec::new(),
            http_status: None,
            detail: "a test".to_owned(),
            record: Some(record),
            mapped: None,
            raw: None,
            attempts: 0,
            retried: None,
            exchange: None,
        }
    });
    let failures: Vec<RecordFailure> = failures.collect();
    let count = failures.len() as u64;
    AccountedPage {
        stream: "orders".to_owned(),
        page_number: 1,
        checkpoint: None,
        counts: Counts { read: count, failed: count, ..Counts::default() },
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

fn removed(runs: u64, failures: u64, records: u64, log_lines: u64) -> Removed {
    Removed { runs, failures, records, log_lines, is_more: false }
}

#[tokio::test]
async fn nothing_goes_but_lines_of_the_log_when_nobody_says_so() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let run = it.run(&integration, &["a"]).await;
    it.skips(&[it.failures(run).await[0].id]).await;
    it.run(&integration, &[]).await;
    it.tells().await;
    let line = |at| NewLogLine {
        tenant_id: it.tenant_id,
        run_id: None,
        integration_id: None,
        system_id: None,
        at,
        level: Level::Info,
        component: "worker".to_owned(),
        message: "a line".to_owned(),
        attributes: Map::new(),
    };
    let now = it.background.app().clock().now();
    let lines = vec![line(now), line(now + chrono::TimeDelta::days(1))];
    it.background.store_log_lines(lines).await.unwrap();
    it.passes(14 * DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 0), "to the day");
    it.passes(DAY / 2);
    assert_eq!(it.retains().await, removed(0, 0, 0, 1));
    it.passes(4_000 * DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 1));
    assert!(it.found(run).await.is_some() && it.failures(run).await[0].has_record);
    let longest = |kind| it.background.kept_longest(kind);
    assert_eq!(longest(RetentionKind::LogLines).await.unwrap(), Some(14));
    assert_eq!(longest(RetentionKind::Runs).await.unwrap(), None);
}

#[tokio::test]
async fn runs_go_with_all_that_is_of_them_and_what_was_counted_stays_counted() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let (first, second) = (it.run(&integration, &[]).await, it.run(&integration, &[]).await);
    // More than one step deletes.
    it.execute(
        "INSERT INTO run_event (id, tenant_id, run_id, at, type, audience, component, message, attributes) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500) \
         SELECT randomblob(16), tenant_id, run_id, at, type, audience, component, message, attributes \
         FROM n, (SELECT * FROM run_event LIMIT 1)",
    )
    .await;
    it.tells().await;
    it.keeps(it.tenant_id, RetentionKind::Runs, 30).await;
    it.passes(31 * DAY);
    let last = it.run(&integration, &[]).await;
    it.tells().await;
    let ids = [integration.id];
    let counted = || health::metrics_by_integrations(&it.operator, &ids, 90 * 24);
    let before = counted().await.unwrap();
    assert_eq!(it.retains().await, removed(2, 0, 0, 0));
    for run in [first, second] {
        assert!(it.found(run).await.is_none());
        for (table, column) in [
            ("run_event", "run_id"),
            ("run_stream", "run_id"),
            ("run_metric", "run_id"),
            ("job", "subject_id"),
            ("occasion", "run_id"),
        ] {
            assert_eq!(it.rows_of(table, column, run).await, 0, "{table}");
        }
    }
    assert!(it.found(last).await.is_some());
    assert_eq!(counted().await.unwrap(), before);
}

#[tokio::test]
async fn a_run_stays_while_something_needs_it() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let open = it.run(&integration, &["a"]).await;
    let failed = it.fails(&integration).await;
    let retried = run::retry(&it.operator, failed, RetryScope::AllRecords, None).await.unwrap().id;
    let lease = it.claimed(retried).await;
    assert!(lease.finish(RunEnd::Completed { last: None }).await.unwrap());
    it.keeps(it.tenant_id, RetentionKind::Runs, 1).await;
    it.passes(2 * DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 0), "somebody is to be told of some, and of the last");
    it.tells().await;
    let last = it.run(&integration, &[]).await;
    it.passes(2 * DAY);
    it.retains().await;
    // The failure of the run as a whole was brought home by its retry.
    for run in [open, failed, retried, last] {
        assert!(it.found(run).await.is_some());
    }
    it.keeps(it.tenant_id, RetentionKind::Failures, 1).await;
    it.tells().await;
    it.passes(2 * DAY);
    let gone = it.retains().await;
    assert_eq!((gone.failures, it.failures(failed).await.len()), (1, 0));
    it.passes(2 * DAY);
    // A round later: the retry first, and what it retried with it.
    while it.retains().await.runs > 0 {
        it.passes(2 * DAY);
    }
    assert!(it.found(failed).await.is_none() && it.found(retried).await.is_none());
    assert!(it.found(open).await.is_some() && it.found(last).await.is_some());
    assert_eq!(it.failures(open).await[0].status, FailureStatus::Open);
}

#[tokio::test]
async fn records_go_before_their_failures_and_say_so_and_open_ones_never() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let run = it.run(&integration, &["a", "b"]).await;
    it.keeps(it.tenant_id, RetentionKind::Records, 10).await;
    it.keeps(it.tenant_id, RetentionKind::Failures, 20).await;
    let failures = it.failures(run).await;
    let (dealt_with, open) = (failures[0].id, failures[1].id);
    let kept = it.kept(it.tenant_id).await;
    assert!(failures.iter().all(|failure| record_expires_at(failure, &kept).is_none()), "they are open");
    it.passes(5 * DAY);
    it.skips(&[dealt_with]).await;
    it.tells().await;
    let told = it.failures(run).await;
    let expires = record_expires_at(&told[0], &kept).unwrap();
    assert_eq!(expires, told[0].resolved_at.unwrap() + chrono::TimeDelta::days(10));
    it.passes(10 * DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 0), "to the day");
    it.passes(DAY);
    let now = it.background.app().clock().now();
    assert_eq!(it.retains().await, removed(0, 0, 1, 0));
    let told = it.failures(run).await;
    assert_eq!((told[0].has_record, told[0].record_removed_at), (false, Some(now)));
    assert_eq!((told[1].has_record, told[1].record_removed_at), (true, None));
    assert!(record_expires_at(&told[0], &kept).is_none());
    it.passes(DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 0), "once");
    it.passes(9 * DAY);
    assert_eq!(it.retains().await, removed(0, 1, 0, 0));
    it.passes(5_000 * DAY);
    assert_eq!(it.retains().await, removed(0, 0, 0, 0));
    let left = it.failures(run).await;
    assert_eq!((left.len(), left[0].id, left[0].has_record), (1, open, true));
    let (order, page) = (FailureGroupOrder::default(), PageArguments::default());
    let filter = FailureGroupFilter { integration_id: Some(integration.id), ..Default::default() };
    let groups = failure_group::list(&it.operator, &filter, order, Direction::Ascending, &page).await;
    let counts: Vec<i64> = groups.unwrap().edges.iter().map(|edge| edge.node.failure_count).collect();
    assert_eq!(counts, [2], "the group has had as many as before");
    assert_eq!(it.found(run).await.unwrap().failed_count, 2);
}

#[tokio::test]
async fn records_that_go_soon_are_told_once_and_once_a_day_at_most() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let run = it.run(&integration, &["a", "b", "c", "d"]).await;
    let failures: Vec<Uuid> = it.failures(run).await.iter().map(|failure| failure.id).collect();
    it.keeps(it.tenant_id, RetentionKind::Records, 10).await;
    it.skips(&failures[..1]).await;
    assert_eq!((it.retains().await.records, it.told().await), (0, Vec::new()));
    it.passes(DAY / 4);
    it.skips(&failures[1..3]).await;
    it.passes(4 * DAY + DAY / 2);
    assert_eq!(
        (it.retains().await.records, it.told().await),
        (0, Vec::new()),
        "half of ten days are not over"
    );
    it.passes(DAY);
    it.retains().await;
    let first_goes = it.background.app().clock().now() + chrono::TimeDelta::hours(4 * 24 + 6);
    assert_eq!(it.told().await, [(3, first_goes.date_naive().to_string())], "all of a day together");
    it.passes(DAY / 2);
    it.retains().await;
    assert_eq!(it.told().await.len(), 1, "once");
    it.passes(4 * DAY);
    assert_eq!(it.retains().await.records, 1);
    it.passes(DAY);
    assert_eq!(it.retains().await.records, 2);
    assert_eq!(it.told().await.len(), 1);
    // Who keeps failures for no longer than their records is told of both by one.
    it.keeps(it.tenant_id, RetentionKind::Failures, 2).await;
    it.skips(&failures[3..]).await;
    it.retains().await;
    it.passes(DAY + DAY / 2);
    it.retains().await;
    assert_eq!(it.told().await.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn more_than_a_step_takes_goes_in_several_and_what_is_kept_is_passed() {
    let it = Fixture::new().await;
    let integration = it.integration(it.tenant_id).await;
    let ids: Vec<String> = (0..1_200).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let run = it.run(&integration, &ids).await;
    it.tells().await;
    it.execute(
        "UPDATE failure SET status = 'RESOLVED', resolved_at = failed_at WHERE record_key NOT LIKE '%77%'",
    )
    .await;
    it.keeps(it.tenant_id, RetentionKind::Records, 1).await;
    it.passes(2 * DAY);
    let open = ids.iter().filter(|id| id.contains("77")).count() as u64;
    assert_eq!(it.retains().await, removed(0, 0, 1_200 - open, 0));
    it.keeps(it.tenant_id, RetentionKind::Failures, 1).await;
    assert_eq!(it.retains().await, removed(0, 1_200 - open, 0, 0));
    assert_eq!(it.rows_of("failure", "run_id", run).await, open.cast_signed());
}

#[tokio::test]
async fn what_one_tenant_keeps_is_nothing_to_another() {
    let it = Fixture::new().await;
    let other = it.another_tenant().await;
    let mut runs = Vec::new();
    for tenant_id in [it.tenant_id, other] {
        let integration = it.integration(tenant_id).await;
        let run = it.run(&integration, &["a"]).await;
        it.skips(&[it.failures(run).await[0].id]).await;
        it.run(&integration, &[]).await;
        runs.push(run);
    }
    it.tells().await;
    for kind in [RetentionKind::Runs, RetentionKind::Failures, RetentionKind::Records] {
        it.keeps(it.tenant_id, kind, 1).await;
    }
    let longest = |kind| it.background.kept_longest(kind);
    assert_eq!(longest(RetentionKind::Failures).await.unwrap(), None, "the other keeps them for ever");
    it.keeps(other, RetentionKind::Failures, 100).await;
    assert_eq!(longest(RetentionKind::Failures).await.unwrap(), Some(100));
    it.passes(10 * DAY);
    let first = it.retains().await;
    assert_eq!(first.failures, 1);
    it.passes(2 * DAY);
    it.retains().await;
    assert!(it.found(runs[0]).await.is_none());
    assert!(it.found(runs[1]).await.is_some());
    assert_eq!(it.failures(runs[1]).await.len(), 1);
    assert!(it.failures(runs[1]).await[0].has_record);
}

#[tokio::test]
async fn days_are_bounded_and_null_is_what_holds_for_all() {
    let it = Fixture::new().await;
    for days in [0, -1, DAYS_MAX.cast_signed() + 1] {
        let refused = retention::set(&it.operator, it.tenant_id, RetentionKind::Runs, Some(days)).await;
        let Err(Error::Rejected(problems)) = refused else { panic!("{days} days") };
        assert_eq!((problems.len(), problems[0].code), (1, ProblemCode::Invalid));
    }
    let unknown = retention::set(&it.operator, Uuid::now_v7(), RetentionKind::Runs, Some(1)).await;
    assert!(matches!(unknown, Err(Error::Rejected(problems)) if problems[0].code == ProblemCode::NotFound));
    it.keeps(it.tenant_id, RetentionKind::LogLines, DAYS_MAX.cast_signed()).await;
    let of = |kind, days, is_default| Retention { kind, days, is_default };
    let rest = [
        of(RetentionKind::Runs, None, true),
        of(RetentionKind::Failures, None, true),
        of(RetentionKind::Records, None, true),
    ];
    let kept = it.kept(it.tenant_id).await;
    assert_eq!(kept[..3], rest);
    assert_eq!(kept[3], of(RetentionKind::LogLines, Some(DAYS_MAX), false));
    retention::set(&it.operator, it.tenant_id, RetentionKind::LogLines, None).await.unwrap();
    assert_eq!(it.kept(it.tenant_id).await[3], of(RetentionKind::LogLines, Some(14), true));
}
