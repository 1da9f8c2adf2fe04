//! Accounting of a page: checkpoint, counts, receipts, failures and events, in one transaction under the lease.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use connector::{Action, Gone};
use entity::run::RunScope;
use entity::{run, run_slice, run_stream};
use futures::stream::BoxStream;
use pipeline::{
    AccountedPage, Counts, InDoubt, Ledger, LedgerError, NewReceipt, RECORD_QUARANTINED, Receipt,
    RecordFailure, RemovedPage, RetryNotice, Shape, Side,
};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::failure_group::{self, Tally};
use super::lease::{RunLease, storage, transient};
use super::page_event::{page_events, rejected_events};
use super::quarantine::{COUNTED, ClosedPage};
use super::{circuit, receipt, recovery};
use crate::actor::Tenants;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::incident::fault;
use crate::kpi;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

impl RunLease {
    /// All of it but systems and health; answers with what comes last.
    async fn account_in(
        &self,
        tx: &mut TxScope,
        page: AccountedPage,
        groups: Vec<Uuid>,
    ) -> Result<Aftermath> {
        let mut aftermath = Aftermath::default();
        let mut counts = page.counts;
        match &self.slice {
            Some(slice) => self.store_slice_progress(tx, slice.id, &page).await?,
            None => self.store_progress(tx, &page).await?,
        }
        run_event::record(tx, self.run.id, page_events(&page, self.slice.as_ref())).await?;
        let (mut runs, mut tally) = (BTreeSet::new(), Tally::default());
        if self.supersedes && self.run.scope == RunScope::AllRecords {
            // It failed, so it has come: it is not gone from the source.
            let came: Vec<&str> =
                page.failures.iter().filter_map(|failed| Some(failed.key.as_ref()?.canonical())).collect();
            runs.extend(self.supersede_extras(tx, &page.stream, &came, &mut tally).await?);
        }
        let (new, again): (Vec<_>, Vec<_>) =
            page.failures.into_iter().zip(groups).partition(|(failure, _group)| failure.retried.is_none());
        let closed = page.breach.map(|breach| ClosedPage {
            id: new_id(),
            stream: &page.stream,
            breach,
            counts: page.gate.unwrap_or_default(),
            record_count: new.iter().filter(|(failed, _)| failed.code == RECORD_QUARANTINED).count(),
        });
        let quarantine_id = closed.as_ref().map(|closed| closed.id);
        self.store_failures(tx, &page.stream, new, quarantine_id, &mut tally).await?;
        // From here on slices of one run wait for each other.
        if !(page.receipts.is_empty() && page.values.is_empty()) {
            self.lock_receipts(tx, &page.stream).await?;
        }
        let stream = self.receipts_of(&page.stream);
        let segments = &self.segments;
        let (connection, run, beside) = (tx.connection(), self.run.id, self.is_slice());
        let (receipts, stride) = (&page.receipts, &self.stride);
        let twice = receipt::store(connection, stream, run, receipts, segments, stride, beside).await?;
        for (values, receipts) in &page.values {
            let (values, stride) = (self.receipts_of(values), &self.stride_of_values);
            receipt::store(connection, values, run, receipts, segments, stride, false).await?;
        }
        if page.refuses_duplicates && !twice.is_empty() {
            counts =
                self.account_across_slices(tx, &page.stream, &twice, receipts, counts, &mut tally).await?;
        }
        if self.supersedes && !page.receipts.is_empty() {
            let (stream, receipts) = (&page.stream, &page.receipts);
            runs.extend(self.supersede_written(tx, stream, receipts, &mut tally).await?);
        }
        let home: Vec<Uuid> = page.receipts.iter().filter_map(|receipt| receipt.retried).collect();
        let left_out = page.skipped;
        if !(home.is_empty() && again.is_empty() && left_out.is_empty()) {
            runs.extend(self.account_retried(tx, home, again, left_out, &mut tally).await?);
        }
        recovery::recover(tx, &runs).await?;
        if let Some(measured) = &page.measured {
            let twice: BTreeSet<&str> = match page.refuses_duplicates {
                true => twice.iter().map(String::as_str).collect(),
                false => BTreeSet::new(),
            };
            let counts = |at: usize| twice.is_empty() || !twice.contains(receipts[at].key.canonical());
            let now = self.app.clock().now();
            kpi::rollup::count(tx.connection(), &self.run, &measured.totals(now, counts), now).await?;
        }
        self.count_records(tx, counts).await?;
        if let Some(closed) = closed {
            self.put_in_quarantine(tx, closed, &mut aftermath).await?;
        }
        failure_group::count(tx, self.run.id, tally).await?;
        tx.tell_under_way(crate::run::changed(&self.run));
        Ok(aftermath)
    }

    /// Records of which another slice has written one with the same key at the same time: each is a failure, whatever it
    /// counted as before. Answers with the page's counts.
    async fn account_across_slices(
        &self,
        tx: &mut TxScope,
        stream: &str,
        twice: &[String],
        receipts: &[NewReceipt],
        counts: Counts,
        tally: &mut Tally,
    ) -> Result<Counts> {
        let twice: BTreeSet<&str> = twice.iter().map(String::as_str).collect();
        let mut corrected = counts;
        let mut failures = Vec::with_capacity(twice.len());
        for receipt in receipts.iter().filter(|receipt| twice.contains(receipt.key.canonical())) {
            match receipt.action {
                Action::Created => corrected.created -= 1,
                Action::Updated => corrected.updated -= 1,
                Action::Unchanged => corrected.unchanged -= 1,
            }
            corrected.failed += 1;
            failures.push(RecordFailure::duplicate_across_slices(receipt.key.clone()));
        }
        let mut events = rejected_events(stream, &failures);
        if let Some(slice) = &self.slice {
            events = events.into_iter().map(|event| event.attribute("slice", json!(slice.ordinal))).collect();
            let mut update = tx.update::<run_slice::Entity>().filter(run_slice::Column::Id.eq(slice.id));
            for (column, before, now) in [
                (run_slice::Column::CreatedCount, counts.created, corrected.created),
                (run_slice::Column::UpdatedCount, counts.updated, corrected.updated),
                (run_slice::Column::UnchangedCount, counts.unchanged, corrected.unchanged),
                (run_slice::Column::FailedCount, counts.failed, corrected.failed),
            ] {
                update = update.col_expr(column, Expr::col(column).add(signed(now) - signed(before)));
            }
            update.exec(tx.connection()).await.doing("correcting the counts of a slice")?;
        }
        run_event::record(tx, self.run.id, events).await?;
        let groups = self.groups_in(tx, stream, &failures).await?;
        let failures = failures.into_iter().zip(groups).collect();
        self.store_failures(tx, stream, failures, None, tally).await?;
        Ok(corrected)
    }

    async fn store_progress(&self, tx: &TxScope, page: &AccountedPage) -> Result<()> {
        let now = self.app.clock().now();
        let mut progress = tx
            .update::<run_stream::Entity>()
            .col_expr(run_stream::Column::PageCount, Expr::col(run_stream::Column::PageCount).add(1))
            .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(page.stream.as_str()));
        if let Some(checkpoint) = &page.checkpoint {
            progress =
                progress.col_expr(run_stream::Column::Checkpoint, Expr::value(Some(checkpoint.clone())));
        }
        if let Some(gate) = &page.gate {
            let counts = serde_json::to_value(gate).doing(COUNTED)?;
            progress = progress.col_expr(run_stream::Column::Gate, Expr::value(Some(counts)));
        }
        progress.exec(tx.connection()).await.doing("storing a checkpoint")?;
        Ok(())
    }

    async fn store_slice_progress(&self, tx: &TxScope, slice_id: Uuid, page: &AccountedPage) -> Result<()> {
        let counts = page.counts;
        let mut progress = tx
            .update::<run_slice::Entity>()
            .col_expr(run_slice::Column::PageCount, Expr::col(run_slice::Column::PageCount).add(1))
            .filter(run_slice::Column::Id.eq(slice_id));
        for (column, number) in [
            (run_slice::Column::ReadCount, counts.read),
            (run_slice::Column::CreatedCount, counts.created),
            (run_slice::Column::UpdatedCount, counts.updated),
            (run_slice::Column::UnchangedCount, counts.unchanged),
            (run_slice::Column::SkippedCount, counts.skipped),
            (run_slice::Column::FailedCount, counts.failed),
        ] {
            progress = progress.col_expr(column, Expr::col(column).add(signed(number)));
        }
        if let Some(checkpoint) = &page.checkpoint {
            progress =
                progress.col_expr(run_slice::Column::Checkpoint, Expr::value(Some(checkpoint.clone())));
        }
        if let Some(gate) = &page.gate {
            let counts = serde_json::to_value(gate).doing(COUNTED)?;
            progress = progress.col_expr(run_slice::Column::Gate, Expr::value(Some(counts)));
        }
        progress.exec(tx.connection()).await.doing("storing the checkpoint of a slice")?;
        Ok(())
    }

    /// The run's row comes last: the pages of other slices wait for it.
    async fn count_records(&self, tx: &TxScope, counts: Counts) -> Result<()> {
        let mut update = tx.update::<run::Entity>().filter(run::Column::Id.eq(self.run.id));
        for (column, number) in [
            (run::Column::ReadCount, counts.read),
            (run::Column::CreatedCount, counts.created),
            (run::Column::UpdatedCount, counts.updated),
            (run::Column::UnchangedCount, counts.unchanged),
            (run::Column::SkippedCount, counts.skipped),
            (run::Column::FailedCount, counts.failed),
        ] {
            update = update.col_expr(column, Expr::col(column).add(signed(number)));
        }
        update.exec(tx.connection()).await.doing("adding to the counts of a run")?;
        Ok(())
    }

    /// Keeps other slices from the receipts of a stream until the transaction ends: those of neighbouring keys share a row,
    /// which is read, changed and written back. One that is read by one worker needs none.
    async fn lock_receipts(&self, tx: &TxScope, stream: &str) -> Result<()> {
        match self.slice {
            Some(_) => receipt::lock(tx.connection(), self.receipts_of(stream)).await,
            None => Ok(()),
        }
    }

    /// A page went through: who waits for the systems that it used need not wait for the end of the run.
    async fn probe_passed(&self, tx: &TxScope, aftermath: &mut Aftermath) -> Result<()> {
        let answered = circuit::answered(tx, self.used_systems()).await?;
        if answered.is_empty() {
            return Ok(());
        }
        aftermath.systems_changed(answered);
        let event = NewEvent::new("system.circuit_closed", "worker", "The systems answer again.");
        run_event::record(tx, self.run.id, vec![event]).await
    }

    /// Whether one of these groups has had no failure of this run yet.
    fn are_new(&self, groups: &[Uuid]) -> bool {
        let stored = self.stored_groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.iter().any(|group| !stored.contains(group))
    }

    pub(super) fn receipts_of<'a>(&self, stream: &'a str) -> receipt::Stream<'a> {
        receipt::Stream {
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            name: stream,
        }
    }
}

#[async_trait]
impl Ledger for RunLease {
    async fn receipts(
        &self,
        stream: &str,
        keys: &[&str],
    ) -> std::result::Result<HashMap<String, Receipt>, LedgerError> {
        let reader = self.app.database().reader_of(&Tenants::Some(vec![self.run.tenant_id]));
        let (strewn, stream) = (self.segments.asked(stream, keys), self.receipts_of(stream));
        receipt::lookup(&reader, stream, self.run.id, keys, &strewn, &self.stride).await.map_err(storage)
    }

    async fn sending(
        &self,
        stream: &str,
        writes: &[(&str, InDoubt)],
    ) -> std::result::Result<(), LedgerError> {
        self.close_receipts(stream).await?;
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.lock_receipts(&tx, stream).await.map_err(storage)?;
        let stream = self.receipts_of(stream);
        receipt::put_in_doubt(tx.connection(), stream, writes, &self.stride).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }

    async fn account(&self, page: AccountedPage) -> std::result::Result<(), LedgerError> {
        let groups = self.groups_of(&page.stream, &page.failures).await?;
        if page.refuses_duplicates
            && self.is_slice()
            && let Some(receipt) = page.receipts.first()
        {
            // Should there be one: other slices would wait while its group is looked for.
            let twice = RecordFailure::duplicate_across_slices(receipt.key.clone());
            self.groups_of(&page.stream, &[twice]).await?;
        }
        self.prepare_exchanges(&page.failures, &groups).await.map_err(storage)?;
        self.meter.saw_page(&page);
        let counts = page.counts;
        let fenced = match &page.breach {
            // The jobs of other slices are held with it.
            Some(_) => self.fenced_with_run().await,
            None => self.fenced().await,
        };
        let mut tx = fenced.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let is_put_aside = page.breach.is_some();
        let is_first_sent = page.is_sent && !self.wrote.swap(true, Ordering::Relaxed);
        let mut aftermath = self.account_in(&mut tx, page, groups.clone()).await.map_err(storage)?;
        if !self.made_progress() && self.attempt > 1 {
            self.forget_attempts(&tx).await.map_err(storage)?;
        }
        if self.is_probe && (is_first_sent || !self.made_progress()) {
            self.probe_passed(&tx, &mut aftermath).await.map_err(storage)?;
        }
        // Once for each cause: what its first failure has changed, the others do not.
        if self.are_new(&groups) {
            aftermath.changed(self.run.integration_id);
        }
        aftermath.settle(&tx).await.map_err(storage)?;
        if is_put_aside {
            self.commit_measured(tx).await.map_err(storage)?;
        } else {
            tx.commit().await.map_err(storage)?;
        }
        count_records(&counts);
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.stored_groups.lock().unwrap_or_else(PoisonError::into_inner).extend(groups);
        Ok(())
    }

    async fn reshaped(&self, stream: &str, seen: &Shape) -> std::result::Result<(), LedgerError> {
        self.reshape(stream, seen).await
    }

    fn gone<'a>(&'a self, stream: &'a str) -> BoxStream<'a, std::result::Result<Vec<Gone>, LedgerError>> {
        self.gone_records(stream)
    }

    async fn account_removed(&self, page: RemovedPage) -> std::result::Result<(), LedgerError> {
        self.store_removed(page).await
    }

    async fn retrying(&self, stream: &str, notice: &RetryNotice) -> std::result::Result<(), LedgerError> {
        self.meter.saw_retry();
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let code = format!("{}.{}", notice.side.code(), notice.error.kind.code());
        let next = self.app.clock().now()
            + chrono::Duration::from_std(notice.wait).unwrap_or(chrono::Duration::zero());
        let event = NewEvent::new(
            "retry.scheduled",
            notice.side.code(),
            format!("{} We try again by ourselves.", transient(&code)),
        )
        .attributes(
            json!({ "stream": stream, "code": code, "attempt": notice.attempt, "nextAttemptAt": next }),
        );
        let recorded = run_event::record(&tx, self.run.id, vec![event]).await;
        recorded.map_err(storage)?;
        let system_id = self.system_at(notice.side);
        let suspected = fault::suspect(&tx, system_id, &code, self.job_id, notice.attempt).await;
        if suspected.map_err(storage)? {
            self.suspects.store(true, Ordering::Relaxed);
        }
        tx.commit().await.map_err(storage)
    }

    async fn answers_again(&self, side: Side) -> std::result::Result<(), LedgerError> {
        if !self.suspects.load(Ordering::Relaxed) {
            return Ok(());
        }
        let tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        fault::acquit(&tx, self.system_at(side), self.job_id).await.map_err(storage)?;
        tx.commit().await.map_err(storage)
    }
}

/// For the instruments of the process.
fn count_records(counts: &Counts) {
    let records = &telemetry::instruments().records;
    records.add(&["created"], counts.created);
    records.add(&["updated"], counts.updated);
    records.add(&["unchanged"], counts.unchanged);
    records.add(&["skipped"], counts.skipped);
    records.add(&["failed"], counts.failed);
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
