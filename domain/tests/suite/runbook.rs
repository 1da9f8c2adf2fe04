//! What needs a moved clock: reviews of runbooks that are due, versions that are forgotten. Through `domain`'s public
//! functions on SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Egress, Registry};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::page::{Direction, PageArguments};
use domain::runbook::{self, NewRunbook, RunbookChanges, RunbookFilter, VERSIONS_MAX};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions};

/// 2026-09-21T14:13:20Z.
const NOW_MILLIS: i64 = 1_790_000_000_000;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

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

/// A process on the database of a directory.
async fn process(directory: &Path, millis: &Arc<AtomicI64>) -> Arc<App> {
    let now = millis.clone();
    let app = App::open(AppOptions {
        database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.display()),
        files_dir: directory.join("files"),
        secret_keys: vec![[7; 32]],
        token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
        connectors: Registry::standard(Egress::new(Vec::new())),
        references: domain::system::References::default(),
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
    app
}

async fn overdue(operator: &Actor, is_review_overdue: bool) -> Vec<String> {
    let filter = RunbookFilter {
        is_review_overdue: Some(is_review_overdue),
        is_built_in: Some(false),
        ..Default::default()
    };
    let page = runbook::list(operator, &filter, Direction::Descending, &PageArguments::default()).await;
    page.unwrap().edges.into_iter().map(|edge| edge.node.title).collect()
}

#[tokio::test]
async fn a_review_is_due_after_its_time_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let millis = Arc::new(AtomicI64::new(NOW_MILLIS));
    let operator = Actor::operator(process(directory.path(), &millis).await);
    let new = |title: &str, review_interval_days| NewRunbook {
        code: Some("source.timeout".to_owned()),
        connector: None,
        integration_id: None,
        title: title.to_owned(),
        body: "Wait.".to_owned(),
        review_interval_days,
    };
    let made = runbook::create(&operator, new("reviewed", Some(10))).await.unwrap();
    runbook::create(&operator, new("never", None)).await.unwrap();
    millis.fetch_add(10 * DAY_MILLIS - 1, Ordering::SeqCst);
    assert_eq!(overdue(&operator, true).await, [""; 0]);
    millis.fetch_add(1, Ordering::SeqCst);
    assert_eq!(overdue(&operator, true).await, ["reviewed"]);
    assert_eq!(overdue(&operator, false).await, ["never"]);
    assert!(runbook::get(&operator, made.id).await.unwrap().unwrap().is_review_overdue);

    // A change is no review; a review counts from now on.
    let change = RunbookChanges { version: 1, body: Some("Wait longer.".to_owned()), ..Default::default() };
    assert!(runbook::update(&operator, made.id, change).await.unwrap().is_review_overdue);
    let reviewed = runbook::review(&operator, made.id, 2).await.unwrap();
    assert!(!reviewed.is_review_overdue);
    assert_eq!(reviewed.last_reviewed_at.unwrap().timestamp_millis(), NOW_MILLIS + 10 * DAY_MILLIS);
    millis.fetch_add(10 * DAY_MILLIS, Ordering::SeqCst);
    assert_eq!(overdue(&operator, true).await, ["reviewed"]);
    let never = RunbookChanges { version: 2, review_interval_days: Some(None), ..Default::default() };
    assert!(!runbook::update(&operator, made.id, never).await.unwrap().is_review_overdue);
}

#[tokio::test]
async fn a_change_at_the_time_of_a_review_does_not_undo_it() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Actor::operator(process(directory.path(), &Arc::new(AtomicI64::new(NOW_MILLIS))).await);
    let new = NewRunbook {
        code: Some("source.timeout".to_owned()),
        connector: None,
        integration_id: None,
        title: "It is slow".to_owned(),
        body: "Wait.".to_owned(),
        review_interval_days: None,
    };
    let id = runbook::create(&operator, new).await.unwrap().id;
    let change = RunbookChanges { version: 1, body: Some("Wait longer.".to_owned()), ..Default::default() };
    let (reviewed, changed) =
        tokio::join!(runbook::review(&operator, id, 1), runbook::update(&operator, id, change));
    changed.unwrap();
    let now = runbook::get(&operator, id).await.unwrap().unwrap();
    assert_eq!((now.version, &*now.body), (2, "Wait longer."));
    // What was reviewed is what is said no more: it came first, or is refused.
    assert_eq!(now.last_reviewed_at.is_some(), reviewed.is_ok());
}

#[tokio::test]
async fn the_latest_versions_are_kept_and_older_ones_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let operator = Actor::operator(process(directory.path(), &Arc::new(AtomicI64::new(NOW_MILLIS))).await);
    let new = NewRunbook {
        code: Some("source.timeout".to_owned()),
        connector: None,
        integration_id: None,
        title: "1".to_owned(),
        body: "Wait.".to_owned(),
        review_interval_days: None,
    };
    let id = runbook::create(&operator, new).await.unwrap().id;
    let last = VERSIONS_MAX as i32 + 3;
    for version in 1..last {
        let title = Some((version + 1).to_string());
        let changes = RunbookChanges { version, title, ..Default::default() };
        runbook::update(&operator, id, changes).await.unwrap();
    }
    let versions = runbook::versions(&operator, id).await.unwrap();
    let numbers: Vec<i32> = versions.iter().map(|version| version.version).collect();
    let expected: Vec<i32> = (last - VERSIONS_MAX as i32..last).rev().collect();
    assert_eq!(numbers, expected);
    assert!(versions.iter().all(|version| version.title == version.version.to_string()));
    runbook::delete(&operator, id).await.unwrap();
    assert!(runbook::versions(&operator, id).await.unwrap().is_empty());
}
