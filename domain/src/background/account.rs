//! Accounting of a page: checkpoint, counts, receipts, failures and events, in one transaction under the lease.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{Action, Gone};
use entity::failure::{self, FailureStage, FailureStatus, FieldError, FieldErrorList, ResponsibleParty};
use entity::run::RunScope;
use entity::{run, run_slice, run_stream};
use futures::stream::BoxStream;
use pipeline::{
    AccountedPage, Counts, InDoubt, Ledger, LedgerError, NewReceipt, RECORD_QUARANTINED, Receipt,
    RecordFailure, RemovedPage, RetryNotice, Shape, Stage,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, OnConflict, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::failed::clean;
use super::failure_group::{self, Tally};
use super::lease::{RunLease, storage, transient};
use super::page_event::{page_events, rejected_events};
use super::quarantine::{COUNTED, ClosedPage};
use super::{circuit, receipt, recovery};
use crate::actor::Tenants;
use crate::catalogue;
use crate::error::{Doing, Result};
use crate::health::status::refresh_in;
use crate::id::new_id;
use crate::reconciliation::RECONCILIATION_EXTRA;
use crate::run_event::{self, NewEvent};
use crate::scope::{TxScope, all_set};

/// Rows of a statement that stores failures again: SQLite takes 32,766 parameters, and a row is some 35 at most.
const STORED_ROWS: usize = 900;
/// Failures of a page that listeners are told of one by one.
const TOLD_FAILURES_MAX: usize = 200;

/// A failure of another run that is not over, of a key that this run wrote.
#[derive(FromQueryResult)]
struct Standing {
    id: Uuid,
    record_key: String,
    status: FailureStatus,
    retry_id: Option<Uuid>,
    retry_run_id: Option<Uuid>,
}

impl RunLease {
    async fn account_in(&self, tx: &mut TxScope, page: AccountedPage, groups: Vec<Uuid>) -> Result<()> {
        let mut counts = page.counts;
        match &self.slice {
            Some(slice) => self.store_slice_progress(tx, slice.id, &page).await?,
            None => self.store_progress(tx, &page).await?,
        }
        run_event::record(tx, self.run.id, page_events(&page, self.slice.as_ref())).await?;
        let mut runs = BTreeSet::new();
        if self.supersedes && self.run.scope == RunScope::AllRecords {
            // It failed, so it has come: it is not gone from the source.
            let came: Vec<&str> =
                page.failures.iter().filter_map(|failed| Some(failed.key.as_ref()?.canonical())).collect();
            runs.extend(self.supersede_extras(tx, &page.stream, &came).await?);
        }
        let mut tally = Tally::default();
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
        let asks = new.iter().chain(&again).any(|(failed, _group)| is_for_customers(&failed.code));
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
            runs.extend(self.supersede_written(tx, stream, receipts).await?);
        }
        let home: Vec<Uuid> = page.receipts.iter().filter_map(|receipt| receipt.retried).collect();
        let left_out = page.skipped;
        if !(home.is_empty() && again.is_empty() && left_out.is_empty()) {
            runs.extend(self.account_retried(tx, home, again, left_out, &mut tally).await?);
        }
        recovery::recover(tx, &runs).await?;
        self.count_records(tx, counts).await?;
        if let Some(closed) = closed {
            self.put_in_quarantine(tx, closed).await?;
        }
        failure_group::count(tx, self.run.id, tally).await?;
        // Once: what the first of them has changed, the others do not. Last of all, because whoever ends a run has locked
        // everything else before this.
        if asks && !self.asked_for_action.swap(true, Ordering::Relaxed) {
            refresh_in(tx, [self.run.integration_id]).await?;
        }
        tx.tell_after_commit(crate::run::changed(&self.run));
        Ok(())
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

    async fn supersede_written(
        &self,
        tx: &mut TxScope,
        stream: &str,
        receipts: &[NewReceipt],
    ) -> Result<Vec<Uuid>> {
        let keys: Vec<&str> = receipts.iter().map(|receipt| receipt.key.canonical()).collect();
        if self.run.scope == RunScope::AllRecords {
            return self.supersede(tx, stream, &keys, None).await;
        }
        // Ids are in the order of failing.
        let mut retried: HashMap<&str, Uuid> = HashMap::new();
        for receipt in receipts {
            if let Some(id) = receipt.retried {
                let latest = retried.entry(receipt.key.canonical()).or_insert(id);
                *latest = std::cmp::max(id, *latest);
            }
        }
        self.supersede(tx, stream, &keys, Some(&retried)).await
    }

    /// Ends failures that say of these keys that only the destination has them.
    async fn supersede_extras(&self, tx: &mut TxScope, stream: &str, keys: &[&str]) -> Result<Vec<Uuid>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let which = failure::Column::Code.eq(RECONCILIATION_EXTRA);
        self.supersede_where(tx, stream, keys, None, which).await
    }

    /// Ends failures of other runs whose keys this page wrote: all of them, where the source was read, and those that wait
    /// to be retried too, for that would put the older over what is there now. What a retry writes is as old as its
    /// failure, and ends older ones alone. Answers with their runs.
    ///
    /// `retried` has the failures that this run retries, by their keys, and is `None` where it reads the source.
    pub(super) async fn supersede(
        &self,
        tx: &mut TxScope,
        stream: &str,
        keys: &[&str],
        retried: Option<&HashMap<&str, Uuid>>,
    ) -> Result<Vec<Uuid>> {
        self.supersede_where(tx, stream, keys, retried, Expr::value(true)).await
    }

    async fn supersede_where(
        &self,
        tx: &mut TxScope,
        stream: &str,
        keys: &[&str],
        retried: Option<&HashMap<&str, Uuid>>,
        which: SimpleExpr,
    ) -> Result<Vec<Uuid>> {
        let rows: Vec<Standing> = tx
            .find::<failure::Entity>()
            .select_only()
            .column(failure::Column::Id)
            .column(failure::Column::RecordKey)
            .column(failure::Column::Status)
            .column(failure::Column::RetryId)
            .column(failure::Column::RetryRunId)
            .filter(failure::Column::IntegrationId.eq(self.run.integration_id))
            .filter(failure::Column::Stream.eq(stream))
            .filter(failure::Column::RunId.ne(self.run.id))
            .filter(failure::Column::RecordKey.is_in(keys.iter().copied()))
            .filter(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]))
            .filter(which)
            .into_model()
            .all(tx.connection())
            .await
            .doing("reading failures of what was written")?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut over = Vec::new();
        let mut counts: BTreeMap<Uuid, u64> = BTreeMap::new();
        for Standing { id, record_key, status, retry_id, retry_run_id } in rows {
            let is_over = match status {
                FailureStatus::Open => retried.is_none_or(|retried| {
                    retried.get(record_key.as_str()).is_some_and(|latest| id < *latest)
                }),
                _ => retried.is_none() && retry_run_id != Some(self.run.id),
            };
            if is_over {
                over.push(id);
                if let (FailureStatus::Retrying, Some(retry_id)) = (status, retry_id) {
                    *counts.entry(retry_id).or_default() += 1;
                }
            }
        }
        if over.is_empty() {
            return Ok(Vec::new());
        }
        let which = Condition::all().add(failure::Column::Id.is_in(over));
        let runs = self.settle(tx, which, FailureStatus::Superseded).await?;
        for (retry_id, count) in counts {
            crate::retry::progress(tx, retry_id, count, 0).await?;
        }
        Ok(runs)
    }

    /// A page went through: who waits for the systems that it used need not wait for the end of the run.
    async fn probe_passed(&self, tx: &TxScope) -> Result<()> {
        if !circuit::answered(tx, self.used_systems()).await? {
            return Ok(());
        }
        let event = NewEvent::new("system.circuit_closed", "worker", "The systems answer again.");
        run_event::record(tx, self.run.id, vec![event]).await
    }

    /// What became of the failures that this run retries. Answers with the runs of those that are over.
    #[expect(clippy::disallowed_methods, reason = "an upsert of rows of the tenant, in one statement")]
    pub(super) async fn account_retried(
        &self,
        tx: &mut TxScope,
        home: Vec<Uuid>,
        again: Vec<(RecordFailure, Uuid)>,
        left_out: Vec<Uuid>,
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        let now = self.app.clock().now();
        let (resolved, failed) = ((home.len() + left_out.len()) as u64, again.len() as u64);
        let over: Vec<Uuid> = home.iter().chain(&left_out).copied().collect();
        tx.update::<failure::Entity>()
            .col_expr(failure::Column::Attempts, Expr::col(failure::Column::Attempts).add(1))
            .col_expr(failure::Column::LastAttemptAt, Expr::value(now))
            .filter(failure::Column::Id.is_in(over))
            .exec(tx.connection())
            .await
            .doing("counting an attempt")?;
        let mine = |ids: Vec<Uuid>| {
            Condition::all()
                .add(failure::Column::Id.is_in(ids))
                .add(failure::Column::RetryRunId.eq(self.run.id))
                .add(failure::Column::Status.eq(FailureStatus::Retrying))
        };
        let mut runs = self.settle(tx, mine(home), FailureStatus::Resolved).await?;
        runs.extend(self.settle(tx, mine(left_out), FailureStatus::Skipped).await?);
        let ids: Vec<Uuid> = again.iter().filter_map(|(failed, _group)| failed.retried).collect();
        let rows: HashMap<Uuid, failure::Model> = tx
            .find::<failure::Entity>()
            .filter(mine(ids))
            .all(tx.connection())
            .await
            .doing("reading failures that failed again")?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let kept = self.keep_exchanges(tx, again.iter().map(|(failed, _group)| failed)).await?;
        let mut updated = Vec::with_capacity(rows.len());
        for (failed, group_id) in again {
            let Some(row) = failed.retried.and_then(|id| rows.get(&id)) else { continue };
            let mut row = row.clone();
            let entry = catalogue::entry(&failed.code);
            row.exchange_id = failed.exchange.as_ref().and_then(|one| kept.get(&one.identity()).copied());
            row.status = FailureStatus::Open;
            row.category = entry.category;
            row.stage = stage(failed.stage);
            row.code = failed.code;
            row.responsible_party = entry.responsible_party;
            row.retryable = entry.retryable;
            row.field_errors = field_errors(failed.field_errors);
            row.attempts += attempts(failed.attempts);
            row.last_attempt_at = now;
            row.http_status = failed.http_status.map(i32::from);
            row.technical_detail = Some(clean(&failed.detail, 4_000));
            row.hint = None;
            row.retry_run_id = None;
            if row.group_id == Some(group_id) {
                tally.see(group_id);
            } else {
                // It fails for another reason now.
                row.group_id = Some(group_id);
                tally.add(group_id, &row);
            }
            updated.push(row);
        }
        for row in &updated {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        let mut updated = updated.into_iter().map(all_set::<failure::Entity>).peekable();
        while updated.peek().is_some() {
            use failure::Column;
            failure::Entity::insert_many(updated.by_ref().take(STORED_ROWS))
                .on_conflict(
                    OnConflict::column(Column::Id)
                        .update_columns([
                            Column::Status,
                            Column::Category,
                            Column::Stage,
                            Column::Code,
                            Column::ResponsibleParty,
                            Column::Retryable,
                            Column::FieldErrors,
                            Column::Attempts,
                            Column::LastAttemptAt,
                            Column::HttpStatus,
                            Column::TechnicalDetail,
                            Column::ExchangeId,
                            Column::Hint,
                            Column::RetryRunId,
                            Column::GroupId,
                        ])
                        .to_owned(),
                )
                .exec_without_returning(tx.connection())
                .await
                .doing("storing failures that failed again")?;
        }
        if let Some(retry_id) = self.run.retry_id {
            crate::retry::progress(tx, retry_id, resolved, failed).await?;
        }
        Ok(runs)
    }

    /// Stores failures that are new.
    pub(super) async fn store_failures(
        &self,
        tx: &mut TxScope,
        stream: &str,
        failures: Vec<(RecordFailure, Uuid)>,
        quarantine_id: Option<Uuid>,
        tally: &mut Tally,
    ) -> Result<()> {
        let now = self.app.clock().now();
        let kept = self.keep_exchanges(tx, failures.iter().map(|(failed, _group)| failed)).await?;
        let mut rows = Vec::with_capacity(failures.len());
        for (failed, group_id) in failures {
            let exchange_id = failed.exchange.as_ref().and_then(|one| kept.get(&one.identity()).copied());
            let row = self.failure_row(stream, failed, group_id, now)?;
            tally.add(group_id, &row);
            rows.push(failure::Model { quarantine_id, exchange_id, ..row });
        }
        for row in rows.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        tx.insert_many::<failure::Entity>(rows, "storing failures").await
    }

    pub(super) fn failure_row(
        &self,
        stream: &str,
        failed: RecordFailure,
        group_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<failure::Model> {
        let id = new_id();
        let entry = catalogue::entry(&failed.code);
        let record = failed.record.map(Value::from).or_else(|| failed.raw.map(Value::String));
        let sealed = match record {
            Some(record) => Some(self.app.seal(self.run.tenant_id, id, record.to_string().as_bytes())?),
            None => None,
        };
        Ok(failure::Model {
            id,
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            run_id: self.run.id,
            stream: Some(stream.to_owned()),
            business_reference: failed.key.as_ref().map(|key| clean(key.reference(), 500)),
            record_key: failed.key.as_ref().map(|key| key.canonical().to_owned()),
            hint: failed.position.is_some().then(|| clean(&failed.detail, 500)),
            position: failed.position.map(|position| clean(&position, 200)),
            status: FailureStatus::Open,
            category: entry.category,
            stage: stage(failed.stage),
            code: failed.code,
            responsible_party: entry.responsible_party,
            retryable: entry.retryable,
            field_errors: field_errors(failed.field_errors),
            attempts: attempts(failed.attempts),
            failed_at: now,
            last_attempt_at: now,
            next_attempt_at: None,
            resolved_at: None,
            resolved_by_run_id: None,
            http_status: failed.http_status.map(i32::from),
            technical_detail: Some(clean(&failed.detail, 4_000)),
            record: sealed,
            edited_record: None,
            retry_id: None,
            retry_run_id: None,
            skip_reason: None,
            skipped_by: None,
            quarantine_id: None,
            group_id: Some(group_id),
            exchange_id: None,
        })
    }

    pub(super) fn receipts_of<'a>(&self, stream: &'a str) -> receipt::Stream<'a> {
        receipt::Stream {
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            name: stream,
        }
    }
}

fn is_for_customers(code: &str) -> bool {
    catalogue::entry(code).responsible_party == ResponsibleParty::Customer
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
        self.meter.saw_page(&page);
        let fenced = match &page.breach {
            // The jobs of other slices are held with it.
            Some(_) => self.fenced_with_run().await,
            None => self.fenced().await,
        };
        let mut tx = fenced.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let is_put_aside = page.breach.is_some();
        let is_first_sent = page.is_sent && !self.wrote.swap(true, Ordering::Relaxed);
        self.account_in(&mut tx, page, groups).await.map_err(storage)?;
        if !self.made_progress() && self.attempt > 1 {
            self.forget_attempts(&tx).await.map_err(storage)?;
        }
        if self.is_probe && (is_first_sent || !self.made_progress()) {
            self.probe_passed(&tx).await.map_err(storage)?;
        }
        if is_put_aside {
            self.commit_measured(tx).await.map_err(storage)?;
        } else {
            tx.commit().await.map_err(storage)?;
        }
        self.pages.fetch_add(1, Ordering::Relaxed);
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
        tx.commit().await.map_err(storage)
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A record that never got to its destination was tried once all the same.
fn attempts(calls: u32) -> i32 {
    i32::try_from(calls).unwrap_or(i32::MAX).clamp(1, i32::MAX)
}

pub(super) fn stage(stage: Stage) -> FailureStage {
    match stage {
        Stage::Extract => FailureStage::Extract,
        Stage::Map => FailureStage::Map,
        Stage::Validate => FailureStage::Validate,
        Stage::Load => FailureStage::Load,
        Stage::Platform => FailureStage::Platform,
    }
}

fn field_errors(errors: Vec<connector::FieldError>) -> FieldErrorList {
    FieldErrorList(
        errors
            .into_iter()
            .map(|error| FieldError {
                path: clean(&error.path, 500),
                rule: clean(&error.rule, 100),
                message: clean(&error.message, 500),
            })
            .collect(),
    )
}
