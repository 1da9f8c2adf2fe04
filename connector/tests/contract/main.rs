//! What every connector must do, checked for each one that is registered, against real systems. A connector without an
//! adapter fails; what does not apply to one is said by its adapter, with the reason.
//! Deliberately absent: what is special to one connector, which has tests of its own.

#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod adapter;
mod file;
mod graphql;
mod http;
mod mysql;
#[path = "../servers/mysql.rs"]
mod mysql_server;
mod outside;
mod postgres;
#[path = "../servers/postgres.rs"]
mod postgres_server;
mod recording;
mod sandbox;
mod singer;
mod sqlite;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connector::{
    Action, Connector, Cursor, Egress, Gone, Item, Registry, Removal, SystemError, SystemErrorKind,
    WriteOutcome,
};
use futures::future::{BoxFuture, join_all};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use self::adapter::{Adapter, End, Fault, Open, id_of, order, page_size, write_of};
use self::recording::unseen;

/// How long something that was let go of may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(20);

fn registry(taps: &singer::Taps) -> Registry {
    recording::begin();
    Registry::with_taps(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]), taps.options())
}

/// An adapter for each registered connector.
fn adapters(registry: &Registry, taps: &singer::Taps) -> Vec<(Arc<dyn Connector>, Arc<dyn Adapter>)> {
    let all = registry.all().map(|connector| {
        let adapter: Arc<dyn Adapter> = match connector.description().name {
            "file" => Arc::new(file::Files::new()),
            "graphql" => Arc::new(graphql::Api::new()),
            "http" => Arc::new(http::Api::new()),
            "mysql" => Arc::new(mysql::Database::new()),
            "postgres" => Arc::new(postgres::Database::new()),
            "sandbox" => Arc::new(sandbox::Sandbox),
            "singer" => Arc::new(taps.clone()),
            "sqlite" => Arc::new(sqlite::Database::new()),
            "webhook" => Arc::new(webhook::Receiver::new()),
            name => panic!("the connector {name} has no adapter in connector/tests/contract"),
        };
        (Arc::clone(connector), adapter)
    });
    all.collect()
}

/// A connector in a check.
struct Case {
    connector: Arc<dyn Connector>,
    adapter: Arc<dyn Adapter>,
}

/// Runs a check for each connector at once. A check that does not apply says why, and it applies to one at least.
async fn each(check: impl for<'a> Fn(&'a Case) -> BoxFuture<'a, Result<(), &'static str>>) {
    let taps = singer::Taps::new();
    let registry = registry(&taps);
    let cases: Vec<Case> = adapters(&registry, &taps)
        .into_iter()
        .map(|(connector, adapter)| Case { connector, adapter })
        .collect();
    let outcomes = join_all(cases.iter().map(check)).await;
    for (case, outcome) in cases.iter().zip(&outcomes) {
        if let Err(reason) = outcome {
            assert!(reason.len() > 10, "{}: {reason:?} is no reason", case.name());
        }
    }
    assert!(outcomes.iter().any(Result::is_ok), "it applies to no connector");
    recording::assert_clean();
}

/// What was read: each page's items, the checkpoint behind each, and the watermark.
struct Read {
    pages: Vec<Vec<Item>>,
    checkpoints: Vec<Cursor>,
    watermark: Option<Cursor>,
}

impl Read {
    fn ids(&self) -> Vec<u64> {
        self.pages
            .iter()
            .flatten()
            .filter_map(|item| if let Item::Record(r) = item { Some(id_of(r)) } else { None })
            .collect()
    }

    fn text(&self) -> String {
        format!("{:?}", self.pages.iter().flatten().collect::<Vec<_>>())
    }
}

impl Case {
    fn name(&self) -> &'static str {
        self.connector.description().name
    }

    /// An error shows no secret, and is one that the connector's page lists.
    fn seen(&self, end: End, error: SystemError) -> SystemError {
        unseen(&error);
        unseen(&error.to_string());
        let (code, whole) = (error.kind.code(), format!("{}.{}", end.name(), error.kind.code()));
        let failures = self.connector.description().guide.failures;
        assert!(
            failures.iter().any(|failure| failure.code == code || failure.code == whole),
            "{}: {whole} is not among its failures: {error:?}",
            self.name()
        );
        error
    }

    async fn read(&self, open: connector::OpenSource) -> Result<Read, SystemError> {
        unseen(&open);
        let seen = |error| self.seen(End::Source, error);
        let mut read = Read { pages: Vec::new(), checkpoints: Vec::new(), watermark: None };
        let mut source = self.connector.open_source(open).await.map_err(seen)?;
        while let Some(page) = source.next_page().await.map_err(seen)? {
            unseen(&page);
            // Through text, as it is stored.
            read.checkpoints.push(serde_json::from_str(&page.checkpoint.to_string()).unwrap());
            read.pages.push(page.items);
            assert!(read.pages.len() < 1000, "{}: paging does not end", self.name());
        }
        assert!(
            source.next_page().await.map_err(seen)?.is_none(),
            "{}: there is nothing after the end",
            self.name()
        );
        read.watermark = source.watermark();
        Ok(read)
    }

    async fn write(
        &self,
        open: connector::OpenDestination,
        records: &[Value],
    ) -> Result<Vec<WriteOutcome>, SystemError> {
        unseen(&open);
        let seen = |error| self.seen(End::Destination, error);
        let batch: Vec<_> =
            records.iter().enumerate().map(|(place, record)| write_of(place, record)).collect();
        let mut destination = self.connector.open_destination(open).await.map_err(seen)?;
        let outcomes = destination.write(&batch).await.map_err(seen)?;
        destination.finish().await.map_err(seen)?;
        unseen(&outcomes);
        assert_eq!(outcomes.len(), records.len(), "{}: an outcome for each record", self.name());
        Ok(outcomes)
    }

    /// The first error of an end that fails.
    async fn error(&self, open: Open) -> SystemError {
        match open {
            Open::Source(open) => self.read(open).await.err(),
            Open::Destination(open) => self.write(open, &[order(1)]).await.err(),
        }
        .unwrap_or_else(|| panic!("{}: it did not fail", self.name()))
    }

    /// Nothing is open any more: no connection, no file.
    async fn nothing_is_open(&self) {
        let Ok(mut open) = self.adapter.open_count().await else { return };
        let start = Instant::now();
        while open > 0 {
            assert!(start.elapsed() < GONE_LIMIT, "{}: {open} are still open", self.name());
            tokio::time::sleep(Duration::from_millis(20)).await;
            open = self.adapter.open_count().await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_connector_tests_itself_and_says_what_it_found() {
    each(|case| {
        Box::pin(async {
            let access = case.adapter.access().await;
            let found = case
                .connector
                .test(&access)
                .await
                .unwrap_or_else(|error| panic!("{}: {error:?}", case.name()));
            unseen(&found);
            assert!(found.ends_with('.'), "{}: {found}", case.name());
            case.nothing_is_open().await;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn paging_ends_and_gives_each_record_once() {
    each(|case| {
        Box::pin(async {
            for count in [0, 1, page_size(), 23] {
                let read = case.read(case.adapter.source(count).await?).await.unwrap();
                assert_eq!(read.ids(), (1..=count as u64).collect::<Vec<_>>(), "{}", case.name());
                assert!(read.pages.iter().all(|page| page.len() <= page_size()), "{}", case.name());
            }
            case.nothing_is_open().await;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn reading_from_each_checkpoint_gives_exactly_the_rest() {
    each(|case| {
        Box::pin(async {
            let open = case.adapter.source(23).await?;
            let whole = case.read(open.clone()).await.unwrap();
            assert!(whole.pages.len() > 3, "{}: several pages", case.name());
            for (index, checkpoint) in whole.checkpoints.iter().enumerate() {
                let mut resumed = open.clone();
                resumed.resume = Some(checkpoint.clone());
                let rest = case.read(resumed).await.unwrap();
                let expected = &whole.pages[index + 1..];
                let text = format!("{:?}", expected.iter().flatten().collect::<Vec<_>>());
                assert_eq!(rest.text(), text, "{}: after page {index}", case.name());
                assert_eq!(rest.watermark, whole.watermark, "{}: after page {index}", case.name());
            }
            Ok(())
        })
    })
    .await;
}

/// That an end fails as it should, for both ends of each connector.
async fn fails(fault: Fault, kind: SystemErrorKind, end: End, check: fn(&Case, &SystemError)) {
    each(|case| {
        Box::pin(async move {
            let failing = case.adapter.failing(fault, end).await?;
            let error = case.error(failing.open).await;
            assert_eq!(error.kind, kind, "{} {}: {error:?}", case.name(), end.name());
            check(case, &error);
            drop(failing.guard);
            case.nothing_is_open().await;
            Ok(())
        })
    })
    .await;
}

async fn fails_at_both_ends(fault: Fault, kind: SystemErrorKind) {
    for end in [End::Source, End::Destination] {
        fails(fault, kind, end, |_, _| {}).await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_unauthorized() {
    fails_at_both_ends(Fault::Credentials, SystemErrorKind::Unauthorized).await;
}

#[tokio::test]
async fn being_asked_to_slow_down_is_rate_limited_and_says_for_how_long() {
    for end in [End::Source, End::Destination] {
        fails(Fault::TooMany, SystemErrorKind::RateLimited, end, |case, error| {
            match case.adapter.retry_after() {
                Ok(wait) => assert_eq!(error.retry_after, Some(wait), "{}", case.name()),
                Err(reason) => assert!(reason.len() > 10, "{}", case.name()),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_system_that_breaks_is_unavailable() {
    fails_at_both_ends(Fault::Broken, SystemErrorKind::Unavailable).await;
}

#[tokio::test]
async fn a_system_that_is_not_there_is_unavailable() {
    fails_at_both_ends(Fault::Refused, SystemErrorKind::Unavailable).await;
}

#[tokio::test]
async fn a_system_that_says_nothing_times_out() {
    fails_at_both_ends(Fault::Silent, SystemErrorKind::Timeout).await;
}

#[tokio::test]
async fn a_malformed_piece_is_one_failure_and_the_rest_arrives() {
    each(|case| {
        Box::pin(async {
            let (open, good) = case.adapter.malformed_among().await?;
            let read = case.read(open).await.unwrap();
            assert_eq!(read.ids(), good, "{}", case.name());
            let malformed: Vec<_> =
                read.pages.iter().flatten().filter(|item| !matches!(item, Item::Record(_))).collect();
            assert_eq!(malformed.len(), 1, "{}: {malformed:?}", case.name());
            for item in malformed {
                let Item::Malformed(malformed) = item else { continue };
                assert!(!malformed.position.is_empty() && !malformed.reason.is_empty(), "{}", case.name());
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn what_is_wholly_something_else_is_malformed_or_misconfigured_and_says_why() {
    each(|case| {
        Box::pin(async {
            let error = case.error(Open::Source(case.adapter.malformed().await?)).await;
            let kinds = [SystemErrorKind::Malformed, SystemErrorKind::Misconfigured];
            assert!(kinds.contains(&error.kind), "{}: {error:?}", case.name());
            assert!(error.hint.is_some(), "{}: {error:?}", case.name());
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_read_that_is_dropped_in_the_middle_goes_on_at_the_checkpoint() {
    each(|case| {
        Box::pin(async {
            let mut hanging = case.adapter.hanging(End::Source).await?;
            let Open::Source(open) = hanging.open else { panic!("a source was asked for") };
            let mut ids = BTreeSet::new();
            let mut count = 0;
            let mut checkpoint = None;
            let mut take = |page: connector::Page| {
                for item in &page.items {
                    let Item::Record(record) = item else { panic!("{item:?}") };
                    ids.insert(id_of(record));
                    count += 1;
                }
                Some(page.checkpoint)
            };
            if hanging.hangs_while_opening {
                hanging.hold.engage().await;
            }
            let reading = async {
                let mut source = case.connector.open_source(open.clone()).await.unwrap();
                checkpoint = source.next_page().await.unwrap().and_then(&mut take);
                source
            };
            if hanging.hangs_while_opening {
                tokio::select! {
                    _ = reading => panic!("{}: it does not hang", case.name()),
                    () = hanging.hold.stuck() => {}
                }
            } else {
                let mut source = reading.await;
                hanging.hold.engage().await;
                let rest = async {
                    while let Some(page) = source.next_page().await.unwrap() {
                        checkpoint = take(page);
                    }
                };
                tokio::select! {
                    biased;
                    () = rest => {}
                    () = hanging.hold.stuck() => {}
                }
            }
            hanging.hold.release().await;
            case.nothing_is_open().await;
            let mut resumed = open;
            resumed.resume = checkpoint;
            let read = case.read(resumed).await.unwrap();
            count += read.ids().len();
            ids.extend(read.ids());
            assert_eq!(ids, (1..=23).collect(), "{}", case.name());
            assert_eq!(count, 23, "{}: none twice", case.name());
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_write_that_is_dropped_in_the_middle_can_be_done_again() {
    each(|case| {
        Box::pin(async {
            let mut hanging = case.adapter.hanging(End::Destination).await?;
            let Open::Destination(open) = hanging.open else { panic!("a destination was asked for") };
            let records: Vec<Value> = (1..=10).map(order).collect();
            let batch: Vec<_> =
                records.iter().enumerate().map(|(place, record)| write_of(place, record)).collect();
            let mut destination = case.connector.open_destination(open.clone()).await.unwrap();
            hanging.hold.engage().await;
            tokio::select! {
                biased;
                written = destination.write(&batch) => assert!(written.is_ok(), "{}", case.name()),
                () = hanging.hold.stuck() => {}
            }
            drop(destination);
            hanging.hold.release().await;
            case.nothing_is_open().await;
            let outcomes = case.write(open.clone(), &records).await.unwrap();
            assert!(
                outcomes.iter().all(|outcome| matches!(outcome, WriteOutcome::Written { .. })),
                "{}",
                case.name()
            );
            if let Ok(stored) = case.adapter.stored(&open).await {
                assert_eq!(stored, (1..=10).collect::<Vec<_>>(), "{}", case.name());
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn the_same_batch_twice_has_the_effect_of_once() {
    each(|case| {
        Box::pin(async {
            let open = case.adapter.destination().await?;
            case.adapter.stored(&open).await?;
            let records: Vec<Value> = (1..=12).map(order).collect();
            let first = case.write(open.clone(), &records).await.unwrap();
            let created = |outcome: &WriteOutcome| {
                matches!(outcome, WriteOutcome::Written { action: Action::Created, .. })
            };
            assert!(first.iter().all(created), "{}: {first:?}", case.name());
            let detects = case.connector.open_destination(open.clone()).await.unwrap().detects_unchanged();
            let second = case.write(open.clone(), &records).await.unwrap();
            for outcome in &second {
                let WriteOutcome::Written { action, .. } = outcome else {
                    panic!("{}: {outcome:?}", case.name())
                };
                assert!(!detects || *action == Action::Unchanged, "{}: {second:?}", case.name());
            }
            let stored = case.adapter.stored(&open).await?;
            assert_eq!(stored, (1..=12).collect::<Vec<_>>(), "{}", case.name());
            case.nothing_is_open().await;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_is_removed_and_the_rest_stays() {
    each(|case| {
        Box::pin(async {
            let open = case.adapter.removable().await?;
            case.adapter.stored(&open).await?;
            assert!(case.connector.can_remove(&open.options, &Removal::Delete), "{}", case.name());
            let records: Vec<Value> = (1..=6).map(order).collect();
            case.write(open.clone(), &records).await.unwrap();
            let gone: Vec<Gone> = [2, 5, 99]
                .map(|id| Gone { key: write_of(id, &order(id as u64)).key, destination_key: None })
                .into();
            // The second time all of them are gone already.
            for _ in 0..2 {
                let mut destination = case.connector.open_destination(open.clone()).await.unwrap();
                let outcomes = destination.remove(&gone, &Removal::Delete).await.unwrap();
                assert_eq!(outcomes.len(), 3, "{}", case.name());
                assert!(outcomes.iter().all(Result::is_ok), "{}: {outcomes:?}", case.name());
                destination.finish().await.unwrap();
            }
            assert_eq!(case.adapter.stored(&open).await?, [1, 3, 4, 6], "{}", case.name());
            case.nothing_is_open().await;
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn each_record_has_its_outcome_in_its_place() {
    each(|case| {
        Box::pin(async {
            let open = case.adapter.destination().await?;
            let bad = case.adapter.bad_record()?;
            let records = [order(1), bad.clone(), order(2), order(3), bad, order(4)];
            let outcomes = case.write(open.clone(), &records).await.unwrap();
            let failed: Vec<bool> =
                outcomes.iter().map(|outcome| matches!(outcome, WriteOutcome::Failed(_))).collect();
            assert_eq!(failed, [false, true, false, false, true, false], "{}: {outcomes:?}", case.name());
            for outcome in &outcomes {
                if let WriteOutcome::Failed(error) = outcome {
                    let code = format!("destination.{}", error.kind.code());
                    let failures = case.connector.description().guide.failures;
                    assert!(failures.iter().any(|failure| failure.code == code), "{}: {code}", case.name());
                }
            }
            if let Ok(stored) = case.adapter.stored(&open).await {
                assert_eq!(stored, [1, 2, 3, 4], "{}", case.name());
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn credentials_that_are_not_understood_are_not_shown() {
    each(|case| {
        Box::pin(async {
            let mut access = case.adapter.access().await;
            if access.credentials.expose_secret() == "{}" {
                return Err("this system takes no credentials");
            }
            for broken in
                [json!({"unknown": recording::SECRET}).to_string(), format!("\"{}", recording::SECRET)]
            {
                access.credentials = broken.into();
                let error = case.connector.test(&access).await.unwrap_err();
                unseen(&error);
                assert!(!error.kind.is_transient(), "{}: {error:?}", case.name());
            }
            Ok(())
        })
    })
    .await;
}
