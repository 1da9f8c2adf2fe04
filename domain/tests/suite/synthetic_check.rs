//! When test records are sent, by whom, and what becomes of those that can't be removed. Through `domain`'s public functions on
//! SQLite, with a clock that is moved; the destination is the sandbox, or a file of SQLite. Deliberately absent: destinations
//! over the network, which `tests` has.

mod kept;
mod leftover;

use std::collections::HashMap;
use std::ops::Deref;
use std::time::Duration;

use domain::background::ClaimedCheck;
use domain::health::{self, HealthStatus};
use domain::integration::{self, NewIntegration, Stream, SyncMode};
use domain::kill_switch::{self, NewKillSwitch, Reach, Release, Target};
use domain::page::{Direction, PageArguments};
use domain::synthetic_check::{
    self, NewSyntheticCheck, Stage, SyntheticCheck, SyntheticResult, SyntheticResultFilter,
};
use domain::system::{self, NewSystem};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::harness;

const SECOND: i64 = 1_000;
const DAY: i64 = 24 * 3_600 * SECOND;
/// A database that is a destination.
const OUTSIDE: &str = "files/acme/out.db";

/// A tenant whose integrations are checked.
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

    async fn leasing(lease: Duration) -> Self {
        Self(harness::Fixture::leasing(lease).await)
    }

    /// One whose destination has these options, with a check of its every minute.
    async fn checked(&self, destination: Value) -> Uuid {
        self.checked_at("sandbox", json!({}), destination).await
    }

    /// The same with a table of a database as its destination.
    async fn checked_at_database(&self) -> Uuid {
        self.outside("CREATE TABLE orders (id TEXT PRIMARY KEY)").await;
        self.checked_at("sqlite", json!({"path": "out.db"}), json!({"table": "orders"})).await
    }

    async fn checked_at(&self, connector: &str, config: Value, destination: Value) -> Uuid {
        let source_id = self.system("sandbox", json!({})).await;
        let stream = Stream {
            name: "orders".to_owned(),
            mode: SyncMode::Full,
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            source: json!({"records": 10}),
            destination,
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
            destination_id: self.system(connector, config).await,
            streams: vec![stream],
            schedule: None,
            retry_policy: None,
            hold_after: Some(0),
            reconcile: None,
        };
        let id = integration::create(&self.operator, new).await.unwrap().id;
        self.set(id, Some(60)).await;
        id
    }

    async fn system(&self, connector: &str, config: Value) -> Uuid {
        let system = NewSystem {
            tenant_id: Some(self.tenant_id),
            name: format!("{connector} {}", Uuid::now_v7()),
            connector: connector.to_owned(),
            config,
            credentials: None,
            rate_limit: None,
        };
        system::create(&self.operator, system).await.unwrap().id
    }

    /// Sets a check, of so many seconds or on demand.
    async fn set(&self, integration: Uuid, every_seconds: Option<i64>) {
        let check = NewSyntheticCheck {
            stream: "orders".to_owned(),
            record: json!({"id": "{synthetic}"}),
            schedule: None,
            every_seconds,
            removes: true,
        };
        synthetic_check::set(&self.operator, integration, check).await.unwrap();
    }

    async fn due(&self) -> Vec<ClaimedCheck> {
        self.background.next_synthetic_checks(8, &HashMap::new()).await.unwrap()
    }

    /// Carries out all that is due. Answers with how many these were.
    async fn carry_out(&self) -> usize {
        let due = self.due().await;
        for check in &due {
            check.carry_out().await.unwrap();
        }
        due.len()
    }

    async fn check(&self, integration: Uuid) -> Option<SyntheticCheck> {
        synthetic_check::by_integrations(&self.operator, &[integration]).await.unwrap().remove(&integration)
    }

    /// The oldest first.
    async fn results(&self, integration: Uuid) -> Vec<SyntheticResult> {
        let page = PageArguments { first: Some(100), after: None, last: None, before: None };
        let (all, direction) = (SyntheticResultFilter::default(), Direction::Ascending);
        let of = [integration];
        let pages =
            synthetic_check::results_by_integrations(&self.operator, &of, &all, direction, &page).await;
        let edges = pages.unwrap().remove(&integration).map(|page| page.edges);
        edges.unwrap_or_default().into_iter().map(|edge| edge.node).collect()
    }

    /// Where and why each failed.
    async fn ends(&self, integration: Uuid) -> Vec<Option<(Stage, String)>> {
        self.results(integration).await.into_iter().map(|result| result.stage.zip(result.code)).collect()
    }

    /// Who asked for each.
    async fn askers(&self, integration: Uuid) -> Vec<String> {
        self.results(integration).await.into_iter().map(|result| result.triggered_by).collect()
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        self.texts_of("trestle.db", sql).await
    }

    async fn outside(&self, sql: &str) -> Vec<String> {
        self.texts_of(OUTSIDE, sql).await
    }

    async fn texts_of(&self, database: &str, sql: &str) -> Vec<String> {
        let mut connection = self.database(database).await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How many checks there are, removed or not.
    async fn rows(&self) -> usize {
        self.texts("SELECT hex(id) FROM synthetic_check").await.len()
    }

    async fn told(&self) -> Vec<String> {
        self.texts("SELECT kind FROM occasion WHERE kind LIKE 'SYNTHETIC%' ORDER BY id").await
    }
}

#[tokio::test]
async fn a_check_is_due_by_its_schedule_and_carried_out_by_one() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({})).await;
    let first = it.due().await;
    assert_eq!((first.len(), it.due().await.len()), (1, 0), "at once, by one worker");
    first[0].carry_out().await.unwrap();
    assert_eq!(it.ends(integration).await, [None]);
    it.passes(59 * SECOND);
    assert_eq!(it.carry_out().await, 0);
    it.passes(SECOND);
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.ends(integration).await, [None, None]);

    // A worker that is silent for longer than its lease has lost it.
    it.passes(60 * SECOND);
    let lost = it.due().await;
    assert!(lost[0].renew().await.unwrap());
    it.passes(31 * SECOND);
    let next = it.due().await;
    assert_eq!((lost.len(), next.len()), (1, 1));
    assert!(!lost[0].renew().await.unwrap());
    lost[0].carry_out().await.unwrap();
    assert_eq!(it.results(integration).await.len(), 2, "it says nothing any more");
    next[0].carry_out().await.unwrap();
    assert_eq!(it.results(integration).await.len(), 3);
    let now = it.check(integration).await.unwrap();
    assert_eq!((now.leftover, now.lease_token), (None, None));
    assert_eq!(it.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tenant_has_two_at_once_and_what_rests_sends_none() {
    let it = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..3 {
        integrations.push(it.checked(json!({})).await);
    }
    assert_eq!(it.due().await.len(), 2);
    let busy = HashMap::from([(it.tenant_id, 2)]);
    assert_eq!(it.background.next_synthetic_checks(8, &busy).await.unwrap().len(), 0);
    for integration in &integrations[1..] {
        synthetic_check::remove(&it.operator, *integration).await.unwrap();
    }
    it.passes(31 * SECOND);
    while it.carry_out().await > 0 {}
    assert_eq!(it.rows().await, 1, "nothing is left of the removed");

    let integration = integrations[0];
    let count = it.results(integration).await.len();
    integration::pause(&it.operator, integration, None).await.unwrap();
    it.passes(60 * SECOND);
    assert_eq!(it.carry_out().await, 0, "it is paused");
    integration::resume(&it.operator, integration).await.unwrap();
    let stop = NewKillSwitch {
        target: Target { scope: Reach::Platform, connector: None, tenant_id: None, integration_id: None },
        reason: "an exercise".to_owned(),
        message_for_customers: "an exercise".to_owned(),
        expires_at: None,
        on_release: Release::RunAll,
    };
    let stop = kill_switch::engage(&it.operator, stop).await.unwrap();
    assert_eq!(it.carry_out().await, 0, "everything is stopped");
    kill_switch::release(&it.operator, stop.id).await.unwrap();
    it.passes(60 * SECOND);
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.results(integration).await.len(), count + 1);
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_the_next_from_being_sent_until_it_is_given_up() {
    let it = Fixture::new().await;
    let integration = it.checked(json!({"rejectEvery": 1})).await;
    for _ in 0..3 {
        assert_eq!(it.carry_out().await, 1);
        it.passes(60 * SECOND);
    }
    let refused = |stage, code: &str| Some((stage, code.to_owned()));
    let left = refused(Stage::Remove, "destination.removal_refused");
    let sent = refused(Stage::Write, "destination.rejected");
    assert_eq!(it.ends(integration).await, [sent.clone(), left.clone(), left.clone()]);
    let results = it.results(integration).await;
    assert!(results.iter().all(|result| result.mark == results[0].mark && !result.is_removed));
    let now = it.check(integration).await.unwrap();
    assert_eq!(now.leftover.map(|leftover| leftover.key), Some(results[0].mark.clone()));
    assert_eq!(it.told().await, ["SYNTHETIC_FAILED"], "told once");
    let health = health::by_integrations(&it.operator, &[integration]).await.unwrap();
    assert_eq!(health[&integration].status, HealthStatus::Degraded);

    it.passes(7 * DAY);
    assert_eq!(it.carry_out().await, 1);
    it.passes(60 * SECOND);
    assert_eq!(it.carry_out().await, 1);
    let given_up = refused(Stage::Remove, "synthetic.left_behind");
    let expected = [sent.clone(), left.clone(), left, given_up, sent];
    assert_eq!(it.ends(integration).await, expected, "the next is sent when the last is given up");
    let results = it.results(integration).await;
    assert_eq!((&results[3].mark, results[3].is_removed), (&results[0].mark, false));
    assert_ne!(results[4].mark, results[0].mark);

    // A check that is removed is not shown any more, and still removes what it has left.
    synthetic_check::remove(&it.operator, integration).await.unwrap();
    assert_eq!(it.check(integration).await, None);
    assert_eq!(it.told().await, ["SYNTHETIC_FAILED", "SYNTHETIC_PASSED"]);
    let health = health::by_integrations(&it.operator, &[integration]).await.unwrap();
    assert_eq!(health[&integration].status, HealthStatus::Unknown);
    assert_eq!(it.carry_out().await, 1);
    assert_eq!(it.rows().await, 1, "it is tried again later");
    it.passes(8 * DAY);
    assert_eq!(it.carry_out().await, 1);
    assert_eq!((it.rows().await, it.texts("SELECT hex(id) FROM synthetic_result").await.len()), (0, 0));
    assert_eq!(it.told().await.len(), 2);
}
