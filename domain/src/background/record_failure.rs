//! Failures of records, as a page has them: stored when they are new, brought up to date when a retry has failed again, and
//! ended when a write brought their record home. Deliberately absent: runs that could not go on (`failed`), and how failures
//! are counted (`failure_group`).

use std::collections::{BTreeMap, HashMap};

use entity::failure::{self, FailureStage, FailureStatus, FieldError, FieldErrorList};
use entity::run::RunScope;
use pipeline::{NewReceipt, RecordFailure, Stage};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockType, OnConflict, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use super::failed::clean;
use super::failure_group::Tally;
use super::lease::RunLease;
use crate::catalogue;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::reconciliation::RECONCILIATION_EXTRA;
use crate::scope::{TxScope, all_set};

/// Rows of a statement that stores failures: SQLite takes 32,766 parameters, and a row is some 40 at most.
const STORED_ROWS: usize = 700;
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
    /// The same of what a page wrote: what a retry writes is as old as its failure.
    pub(super) async fn supersede_written(
        &self,
        tx: &mut TxScope,
        stream: &str,
        receipts: &[NewReceipt],
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        let keys: Vec<&str> = receipts.iter().map(|receipt| receipt.key.canonical()).collect();
        if self.run.scope == RunScope::AllRecords {
            return self.supersede(tx, stream, &keys, None, tally).await;
        }
        // Ids are in the order of failing.
        let mut retried: HashMap<&str, Uuid> = HashMap::new();
        for receipt in receipts {
            if let Some(id) = receipt.retried {
                let latest = retried.entry(receipt.key.canonical()).or_insert(id);
                *latest = std::cmp::max(id, *latest);
            }
        }
        self.supersede(tx, stream, &keys, Some(&retried), tally).await
    }

    /// Ends failures that say of these keys that only the destination has them.
    pub(super) async fn supersede_extras(
        &self,
        tx: &mut TxScope,
        stream: &str,
        keys: &[&str],
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let which = failure::Column::Code.eq(RECONCILIATION_EXTRA);
        self.supersede_where(tx, stream, keys, None, which, tally).await
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
        tally: &mut Tally,
    ) -> Result<Vec<Uuid>> {
        self.supersede_where(tx, stream, keys, retried, Expr::value(true), tally).await
    }

    async fn supersede_where(
        &self,
        tx: &mut TxScope,
        stream: &str,
        keys: &[&str],
        retried: Option<&HashMap<&str, Uuid>>,
        which: SimpleExpr,
        tally: &mut Tally,
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
            .order_by_asc(failure::Column::Id)
            // So that it is still so when it is settled, and its retry counts it once.
            .lock(LockType::NoKeyUpdate)
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
        let which = Condition::all()
            .add(failure::Column::Id.is_in(over))
            .add(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]));
        let runs = self.settle(tx, which, FailureStatus::Superseded, tally).await?;
        for (retry_id, count) in counts {
            crate::retry::progress(tx, retry_id, count, 0).await?;
        }
        Ok(runs)
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
        let mut runs = self.settle(tx, mine(home), FailureStatus::Resolved, tally).await?;
        runs.extend(self.settle(tx, mine(left_out), FailureStatus::Skipped, tally).await?);
        let ids: Vec<Uuid> = again.iter().filter_map(|(failed, _group)| failed.retried).collect();
        let rows: HashMap<Uuid, failure::Model> = tx
            .find::<failure::Entity>()
            .filter(mine(ids))
            .order_by_asc(failure::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .all(tx.connection())
            .await
            .doing("reading failures that failed again")?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let kept = self.keep_exchanges(tx, &again).await?;
        let mut updated = Vec::with_capacity(rows.len());
        for (failed, group_id) in again {
            let Some(row) = failed.retried.and_then(|id| rows.get(&id)) else { continue };
            let mut row = row.clone();
            let entry = catalogue::entry(&failed.code);
            let value_before = row.value_at_stake;
            // It may have been edited. Of what is removed there is no record.
            if failed.record.is_some() {
                let judged = self.judge(row.stream.as_deref().unwrap_or_default(), &failed);
                row.impact = judged.impact;
                row.impact_reason = judged.reason;
                row.value_at_stake = judged.value;
            }
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
                tally.see(group_id, &row);
                tally.revalue(group_id, value_before, row.value_at_stake);
            } else {
                // It fails for another reason now.
                tally.leave(row.group_id, row.failed_at, value_before);
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
                            Column::Impact,
                            Column::ImpactReason,
                            Column::ValueAtStake,
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
        let kept = self.keep_exchanges(tx, &failures).await?;
        let mut told = 0;
        let mut failures = failures.into_iter();
        // Rows of a whole page would be several times as large as its records.
        while failures.len() > 0 {
            let mut rows = Vec::with_capacity(STORED_ROWS.min(failures.len()));
            for (failed, group_id) in failures.by_ref().take(STORED_ROWS) {
                let exchange_id = failed.exchange.as_ref().and_then(|one| kept.get(&one.identity()).copied());
                let row = self.failure_row(stream, failed, group_id)?;
                tally.add(group_id, &row);
                if told < TOLD_FAILURES_MAX {
                    told += 1;
                    tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
                }
                rows.push(failure::Model { quarantine_id, exchange_id, ..row });
            }
            tx.insert_many::<failure::Entity>(rows, "storing failures").await?;
        }
        Ok(())
    }

    pub(super) fn failure_row(
        &self,
        stream: &str,
        failed: RecordFailure,
        group_id: Uuid,
    ) -> Result<failure::Model> {
        let id = new_id();
        let made_at = self.app.clock().made_at(id);
        let entry = catalogue::entry(&failed.code);
        let judged = self.judge(stream, &failed);
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
            failed_at: made_at,
            last_attempt_at: made_at,
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
            impact: judged.impact,
            impact_reason: judged.reason,
            value_at_stake: judged.value,
            record_removed_at: None,
        })
    }
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
