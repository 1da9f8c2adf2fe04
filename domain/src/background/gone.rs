//! Records that are gone from a source: those with a receipt that a whole read of it did not renew. A person is asked first
//! where they are many, for a source that is half empty by mistake looks the same. Deliberately absent: what is done with
//! them at the destination (`pipeline`).

use std::collections::HashSet;

use connector::{Gone, RecordKey};
use entity::failure;
use entity::integration::{DeletionAction, Deletions};
use entity::run::RunScope;
use entity::run_event::Audience;
use entity::{run, run_stream};
use futures::stream::{BoxStream, StreamExt};
use pipeline::{LedgerError, RecordFailure, RemovedPage};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect, Select};
use serde_json::json;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::failure_group::{self, Tally};
use super::lease::{RunLease, storage};
use super::receipt::{self, Entry, Walk};
use super::recovery;
use crate::actor::Tenants;
use crate::error::{Doing, Error, Result};
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// So many may be gone whatever share that is: of a few records one is a large part.
const UNASKED_MAX: u64 = 10;
/// Records that are handed out at once.
const PAGE_RECORDS: usize = 1_000;

/// What a look at all receipts of a stream shows.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) known: u64,
    pub(super) gone: u64,
    /// Some records have another key at the destination than at the source.
    pub(super) has_names: bool,
}

/// Where the search is.
struct Search<'a> {
    lease: &'a RunLease,
    stream: &'a str,
    /// Hashes of what names gone records at the destination, where other records have these names too: they have become
    /// one there, and it stays for the others.
    shared: HashSet<u64>,
    /// Where the next receipts are; the outer is `None` at the end.
    next: Option<Option<String>>,
    found: Vec<Gone>,
}

impl RunLease {
    /// As [`pipeline::Ledger::gone`].
    pub(super) fn gone_records<'a>(
        &'a self,
        stream: &'a str,
    ) -> BoxStream<'a, std::result::Result<Vec<Gone>, LedgerError>> {
        if self.run.scope == RunScope::FailedRecords {
            let Some(deletions) = self.deletions(stream) else { return futures::stream::empty().boxed() };
            let asked = futures::stream::once(self.asked_to_remove(stream, deletions));
            let pages = asked.map(|asked| match asked {
                Ok(gone) => gone.chunks(PAGE_RECORDS).map(|page| Ok(page.to_vec())).collect(),
                Err(error) => vec![Err(error)],
            });
            return pages.flat_map(futures::stream::iter).boxed();
        }
        let search = futures::stream::once(self.begin_search(stream));
        let pages = search.map(|search| match search {
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            Ok(None) => futures::stream::empty().boxed(),
            Ok(Some(search)) => futures::stream::try_unfold(search, async |mut search: Search<'a>| {
                let page = search.page().await.map_err(storage)?;
                Ok((!page.is_empty()).then_some((page, search)))
            })
            .boxed(),
        });
        pages.flatten().boxed()
    }

    async fn begin_search<'a>(
        &'a self,
        stream: &'a str,
    ) -> std::result::Result<Option<Search<'a>>, LedgerError> {
        let Some(deletions) = self.deletions(stream) else { return Ok(None) };
        self.close_receipts(stream).await?;
        let survey = self.survey(stream).await.map_err(storage)?;
        if survey.gone == 0 {
            return Ok(None);
        }
        if self.is_unsure(stream).await.map_err(storage)? {
            self.tell_unsure(stream).await?;
            return Ok(None);
        }
        if is_many(&survey, deletions) {
            self.hold_once(stream, deletions, &survey).await?;
        }
        let shared =
            if survey.has_names { self.shared(stream).await.map_err(storage)? } else { HashSet::new() };
        let search = Search { lease: self, stream, shared, next: Some(None), found: Vec::new() };
        Ok(Some(search))
    }

    fn deletions(&self, stream: &str) -> Option<&Deletions> {
        let stream = self.integration.streams.0.iter().find(|known| known.name == stream)?;
        stream.deletions.as_ref()
    }

    async fn survey(&self, stream: &str) -> Result<Survey> {
        let mut survey = Survey::default();
        let mut next = Some(None);
        while let Some(after) = next.take() {
            let Walk { entries, next: behind } = self.walk(stream, after.as_deref()).await?;
            survey.known += entries.len() as u64;
            survey.has_names |= entries.iter().any(|entry| entry.destination_key.is_some());
            survey.gone += self.not_renewed(stream, entries).await?.len() as u64;
            next = behind.map(Some);
        }
        Ok(survey)
    }

    /// Names at the destination that gone records have, and others too; eight bytes for each that is gone.
    async fn shared(&self, stream: &str) -> Result<HashSet<u64>> {
        let mut names = HashSet::new();
        let mut next = Some(None);
        while let Some(after) = next.take() {
            let Walk { entries, next: behind } = self.walk(stream, after.as_deref()).await?;
            names.extend(self.not_renewed(stream, entries).await?.iter().map(name));
            next = behind.map(Some);
        }
        let mut shared = HashSet::new();
        let mut next = Some(None);
        while let Some(after) = next.take() {
            let Walk { entries, next: behind } = self.walk(stream, after.as_deref()).await?;
            let here = entries.iter().filter(|entry| entry.run == self.run.id).map(name);
            shared.extend(here.filter(|name| names.contains(name)));
            next = behind.map(Some);
        }
        Ok(shared)
    }

    /// Those of these receipts that this run has not renewed, and whose record did not fail in it either.
    async fn not_renewed(&self, stream: &str, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
        entries.retain(|entry| entry.run != self.run.id);
        let failed = self.failed(stream, &entries).await?;
        entries.retain(|entry| !failed.contains(&entry.key));
        Ok(entries)
    }

    pub(super) async fn walk(&self, stream: &str, after: Option<&str>) -> Result<Walk> {
        let reader = self.app.database().reader_of(&Tenants::Some(vec![self.run.tenant_id]));
        receipt::walk(&reader, self.receipts_of(stream), after).await
    }

    /// The keys of these that came again in this run, and failed.
    async fn failed(&self, stream: &str, entries: &[Entry]) -> Result<HashSet<String>> {
        if entries.is_empty() {
            return Ok(HashSet::new());
        }
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
        let mut failed = HashSet::new();
        for entries in entries.chunks(PAGE_RECORDS) {
            let keys = entries.iter().map(|entry| entry.key.as_str());
            let rows: Vec<String> = self
                .failures(&tx, stream)
                .select_only()
                .column(failure::Column::RecordKey)
                .filter(failure::Column::RecordKey.is_in(keys))
                .into_tuple()
                .all(tx.connection())
                .await
                .doing("reading what failed in this run")?;
            failed.extend(rows);
        }
        Ok(failed)
    }

    /// Whether something failed in this run of which the key is not known: it may be any of those that seem to be gone.
    async fn is_unsure(&self, stream: &str) -> Result<bool> {
        let tx = TxScope::begin(&self.app, self.run.tenant_id).await?;
        let one: Option<Uuid> = self
            .failures(&tx, stream)
            .select_only()
            .column(failure::Column::Id)
            .filter(failure::Column::RecordKey.is_null())
            .limit(1)
            .into_tuple()
            .one(tx.connection())
            .await
            .doing("reading what failed in this run")?;
        Ok(one.is_some())
    }

    fn failures(&self, tx: &TxScope, stream: &str) -> Select<failure::Entity> {
        tx.find::<failure::Entity>()
            .filter(failure::Column::RunId.eq(self.run.id))
            .filter(failure::Column::Stream.eq(stream))
    }

    async fn tell_unsure(&self, stream: &str) -> std::result::Result<(), LedgerError> {
        let message = "Nothing was removed at the destination: of some records that can't be read it is not known \
                       which they are.";
        let event =
            NewEvent::new("deletions.postponed", "worker", message).attributes(json!({ "stream": stream }));
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        run_event::record(&tx, self.run.id, vec![event]).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }

    /// Asks a person, unless one has let this run go on already.
    pub(super) async fn hold_once(
        &self,
        stream: &str,
        deletions: &Deletions,
        survey: &Survey,
    ) -> std::result::Result<(), LedgerError> {
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let is_held = self.hold_in(&tx, stream, deletions, survey).await.map_err(storage)?;
        tx.commit().await.map_err(storage)?;
        if is_held { Err(LedgerError::Held) } else { Ok(()) }
    }

    async fn hold_in(
        &self,
        tx: &TxScope,
        stream: &str,
        deletions: &Deletions,
        survey: &Survey,
    ) -> Result<bool> {
        let now = self.app.clock().now();
        let asked = tx
            .update::<run_stream::Entity>()
            .col_expr(run_stream::Column::DeletionsHeldAt, Expr::value(Some(now)))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(stream))
            .filter(run_stream::Column::DeletionsHeldAt.is_null())
            .exec(tx.connection())
            .await
            .doing("storing that a person is asked")?;
        if asked.rows_affected == 0 {
            return Ok(false);
        }
        let done = match deletions.action {
            DeletionAction::Delete => "deletes",
            DeletionAction::Mark => "marks",
        };
        let reason = format!(
            "{} of the {} records of {stream} are gone from the source, more than {} %. Look whether that is right: who \
             resumes the integration {done} them at the destination. If it is not, cancel the run first.",
            survey.gone, survey.known, deletions.max_percent
        );
        crate::integration::hold_for_deletions(tx, &self.run, reason).await?;
        Ok(true)
    }

    /// As [`pipeline::Ledger::account_removed`].
    pub(super) async fn store_removed(&self, page: RemovedPage) -> std::result::Result<(), LedgerError> {
        // What takes long, before a transaction that others wait for.
        let groups = self.groups_of(&page.stream, &page.failures).await?;
        self.prepare_exchanges(&page.failures, &groups).await.map_err(storage)?;
        let mut tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.store_removed_in(&mut tx, page).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }

    async fn store_removed_in(&self, tx: &mut TxScope, page: RemovedPage) -> Result<()> {
        let (removed, failed) = (page.removed.len(), page.failures.len());
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        // That a record is gone was read, where it could not be done; so the counts balance.
        tx.update::<run::Entity>()
            .col_expr(run::Column::DeletedCount, Expr::col(run::Column::DeletedCount).add(count(removed)))
            .col_expr(run::Column::ReadCount, Expr::col(run::Column::ReadCount).add(count(failed)))
            .col_expr(run::Column::FailedCount, Expr::col(run::Column::FailedCount).add(count(failed)))
            .filter(run::Column::Id.eq(self.run.id))
            .exec(tx.connection())
            .await
            .doing("counting records that are gone")?;
        let keys: Vec<&str> = page.removed.iter().map(RecordKey::canonical).collect();
        receipt::remove(tx.connection(), self.receipts_of(&page.stream), &keys, &self.stride).await?;
        let mut tally = Tally::default();
        let mut runs = self.supersede(tx, &page.stream, &keys, None, &mut tally).await?;
        let mut failures = page.failures;
        if self.run.scope == RunScope::FailedRecords {
            runs.extend(self.account_asked(tx, &page.stream, &keys, &mut failures, &mut tally).await?);
        }
        let event = NewEvent::new(
            "batch.removed",
            "destination",
            format!("{removed} records that are gone from the source were removed at the destination."),
        )
        .audience(Audience::Support)
        .attributes(json!({ "stream": page.stream, "records": removed, "refused": failed }));
        run_event::record(tx, self.run.id, vec![event]).await?;
        let groups = self.groups_in(tx, &page.stream, &failures).await?;
        let failures = failures.into_iter().zip(groups).collect();
        self.store_failures(tx, &page.stream, failures, None, &mut tally).await?;
        recovery::recover(tx, &runs.into_iter().collect()).await?;
        failure_group::count(tx, self.run.id, tally).await?;
        tx.tell_under_way(crate::run::changed(&self.run));
        Ok(())
    }
}

impl RunLease {
    /// Settles the failures by which somebody asked for a removal, those that failed again among them. Answers with their
    /// runs.
    async fn account_asked(
        &self,
        tx: &mut TxScope,
        stream: &str,
        removed: &[&str],
        failures: &mut Vec<RecordFailure>,
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        let refused = failures.iter().filter_map(|failed| failed.key.as_ref()).map(RecordKey::canonical);
        let all: Vec<&str> = removed.iter().copied().chain(refused).collect();
        let mut asked = self.removals_of(tx, stream, all).await?;
        let home = removed.iter().filter_map(|key| asked.remove(*key)).flatten().collect();
        let mut again = Vec::with_capacity(failures.len());
        for failed in std::mem::take(failures) {
            let ids = failed.key.as_ref().and_then(|key| asked.remove(key.canonical())).unwrap_or_default();
            again.extend(ids.into_iter().map(|id| RecordFailure { retried: Some(id), ..failed.clone() }));
        }
        let groups = self.groups_in(tx, stream, &again).await?;
        let again = again.into_iter().zip(groups).collect();
        self.account_retried(tx, home, again, Vec::new(), tally).await
    }
}

/// So many that a person is asked first.
pub(super) fn is_many(survey: &Survey, deletions: &Deletions) -> bool {
    let percent = u64::try_from(deletions.max_percent).unwrap_or(0);
    survey.gone > UNASKED_MAX
        && u128::from(survey.gone) * 100 > u128::from(survey.known) * u128::from(percent)
}

impl Search<'_> {
    /// The next ones; empty at the end.
    async fn page(&mut self) -> Result<Vec<Gone>> {
        while self.found.len() < PAGE_RECORDS
            && let Some(after) = self.next.take()
        {
            let Walk { entries, next } = self.lease.walk(self.stream, after.as_deref()).await?;
            self.next = next.map(Some);
            let mut gone = self.lease.not_renewed(self.stream, entries).await?;
            gone.retain(|entry| !self.shared.contains(&name(entry)));
            for entry in gone {
                let key = self.key(&entry.key)?;
                self.found.push(Gone { key, destination_key: entry.destination_key });
            }
        }
        let rest = self.found.split_off(self.found.len().min(PAGE_RECORDS));
        Ok(std::mem::replace(&mut self.found, rest))
    }

    fn key(&self, canonical: &str) -> Result<RecordKey> {
        let streams = &self.lease.integration.streams.0;
        let fields =
            streams.iter().find(|known| known.name == self.stream).map_or(0, |known| known.key_fields.len());
        RecordKey::stored(canonical, fields).ok_or_else(|| {
            Error::internal("reading write receipts", "one is of other key fields than the stream's")
        })
    }
}

/// A hash of what names a record at the destination.
fn name(entry: &Entry) -> u64 {
    xxh3_64(entry.destination_key.as_deref().unwrap_or(&entry.key).as_bytes())
}
