//! What becomes of a comparison: it is stored stream by stream, and what was delivered and is not at the destination becomes
//! failures, which a retry brings home. Deliberately absent: the comparison (`pipeline`).

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use connector::Gone;
use entity::failure::{self, FailureStatus};
use entity::integration::ReconcilePolicy;
use entity::reconciliation::ReconciliationOutcome;
use entity::reconciliation_difference::{self, DifferenceKind};
use entity::run::{self, RunScope, RunStatus};
use entity::{reconciliation, reconciliation_stream};
use futures::stream::BoxStream;
use pipeline::{
    Compared, Comparison, ComparisonCounts, ComparisonLedger, Difference, InDoubt, LedgerError,
    RecordFailure, Stage, WrittenKey,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use super::ending::{FinishedStream, finished_as};
use super::extra::{self, Extras};
use super::failed::clean;
use super::failure_group::{self, Tally};
use super::lease::{RunLease, storage};
use super::{receipt, recovery};
use crate::actor::Tenants;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::reconciliation::{CODES, New, RECONCILIATION_DIFFERENT, RECONCILIATION_MISSING};
use crate::run::{Reach, RunCounts, failures_of_comparisons};
use crate::run_event::{self, NewEvent};
use crate::scope::{Scope, TxScope};

/// Failures that listeners are told of one by one.
const TOLD_FAILURES_MAX: usize = 200;
/// Why nothing is known, for people.
const CANNOT_BE_ASKED: &str = "One of its ends can't be asked what it holds.";

impl RunLease {
    /// Stores what came of comparing a stream, and that it went through: all of it or nothing.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn store_comparison(
        &self,
        stream: &str,
        comparison: Comparison,
    ) -> std::result::Result<(), LedgerError> {
        let mut tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        self.store_comparison_in(&mut tx, stream, comparison).await.map_err(storage)?;
        tx.commit().await.map_err(storage)?;
        self.pages.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn store_comparison_in(
        &self,
        tx: &mut TxScope,
        stream: &str,
        comparison: Comparison,
    ) -> Result<()> {
        let id = self
            .run
            .reconciliation_id
            .ok_or_else(|| Error::internal("storing a comparison", "the run is of no reconciliation"))?;
        self.forget_comparison(tx, id, stream).await?;
        let (mut compared, outcome) = match comparison {
            Comparison::Impossible => (Compared::default(), ReconciliationOutcome::Unknown),
            Comparison::Done(compared) => {
                // It has answered, which ends what others wait for.
                self.wrote.store(true, Ordering::Relaxed);
                (*compared, ReconciliationOutcome::Matched)
            }
        };
        let of_integration = self.integration.streams.0.iter().find(|known| known.name == stream);
        let mut extras = Extras::of(std::mem::take(&mut compared.only_there), of_integration);
        let outcome = match outcome {
            ReconciliationOutcome::Unknown => {
                extras.reason = Some(CANNOT_BE_ASKED.to_owned());
                outcome
            }
            _ if compared.counts.missing + compared.counts.different > 0 || extras.extra > Some(0) => {
                ReconciliationOutcome::Drifted
            }
            _ => outcome,
        };
        self.add_counts(tx, compared.counts, &extras).await?;
        let row = self.stream_row(id, stream, outcome, &extras, &compared);
        tx.insert::<reconciliation_stream::Entity>(row, "storing what came of a comparison").await?;
        let mut tally = Tally::default();
        if outcome != ReconciliationOutcome::Unknown {
            // It was looked for again: what is still so is told by the failures that follow.
            let earlier = Condition::all()
                .add(failure::Column::IntegrationId.eq(self.run.integration_id))
                .add(failure::Column::Stream.eq(stream))
                .add(failure::Column::RunId.ne(self.run.id))
                .add(failure::Column::Code.is_in(CODES))
                .add(failure::Column::Status.eq(FailureStatus::Open));
            let runs = self.settle(tx, earlier, FailureStatus::Superseded, &mut tally).await?;
            recovery::recover(tx, &runs.into_iter().collect()).await?;
        }
        self.store_differences(tx, id, stream, compared.differences, &mut tally).await?;
        self.store_extras(tx, id, stream, extras, &mut tally).await?;
        failure_group::count(tx, self.run.id, tally).await?;
        let finished = FinishedStream { stream: stream.to_owned(), watermark: None, breach: None };
        self.finish_stream_in(tx, &finished).await?;
        tx.tell_under_way(crate::run::changed(&self.run));
        Ok(())
    }

    /// What an earlier run of the same reconciliation found, which is retried.
    async fn forget_comparison(&self, tx: &TxScope, id: Uuid, stream: &str) -> Result<()> {
        use reconciliation_difference::Column as Difference;
        use reconciliation_stream::Column as Stream;
        tx.delete::<reconciliation_difference::Entity>()
            .filter(Difference::ReconciliationId.eq(id))
            .filter(Difference::Stream.eq(stream))
            .exec(tx.connection())
            .await
            .doing("forgetting earlier differences")?;
        tx.delete::<reconciliation_stream::Entity>()
            .filter(Stream::ReconciliationId.eq(id))
            .filter(Stream::Stream.eq(stream))
            .exec(tx.connection())
            .await
            .doing("forgetting an earlier comparison")?;
        Ok(())
    }

    /// Of the run: what was found to be there is unchanged, what was to be there and is not has failed. That something is to
    /// be removed and is there was read as well, as in a run that can't do it; so the counts balance.
    async fn add_counts(&self, tx: &TxScope, counts: ComparisonCounts, extras: &Extras) -> Result<()> {
        let to_remove = extras.extra.filter(|_| extras.can_be_removed).unwrap_or_default();
        let to_remove = u64::try_from(to_remove).unwrap_or_default();
        let drifted = counts.missing + counts.different;
        let skipped = counts.read.saturating_sub(counts.matched + drifted);
        let add = |column: run::Column, number: u64| {
            (column, Expr::col(column).add(i64::try_from(number).unwrap_or(i64::MAX)))
        };
        let mut update = tx.update::<run::Entity>().filter(run::Column::Id.eq(self.run.id));
        for (column, sum) in [
            add(run::Column::ReadCount, counts.read + to_remove),
            add(run::Column::UnchangedCount, counts.matched),
            add(run::Column::SkippedCount, skipped),
            add(run::Column::FailedCount, drifted + to_remove),
        ] {
            update = update.col_expr(column, sum);
        }
        update.exec(tx.connection()).await.doing("adding to the counts of a run")?;
        Ok(())
    }

    fn stream_row(
        &self,
        reconciliation_id: Uuid,
        stream: &str,
        outcome: ReconciliationOutcome,
        extras: &Extras,
        compared: &Compared,
    ) -> reconciliation_stream::Model {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let counts = compared.counts;
        reconciliation_stream::Model {
            tenant_id: self.run.tenant_id,
            reconciliation_id,
            stream: stream.to_owned(),
            outcome,
            reason: extras.reason.clone(),
            read_count: count(counts.read),
            left_out_count: count(counts.left_out),
            refused_count: count(counts.refused),
            source_count: count(counts.source),
            destination_count: count(counts.destination),
            matched_count: count(counts.matched),
            missing_count: count(counts.missing),
            different_count: count(counts.different),
            failing_count: count(counts.failing),
            not_moved_count: count(counts.not_moved),
            extra_count: extras.extra,
            other_count: extras.others,
            source_keys: compared.source_keys.to_string(),
            destination_keys: compared.destination_keys.to_string(),
            source_records: compared.source_records.to_string(),
            destination_records: compared.destination_records.to_string(),
            finished_at: self.app.clock().now(),
        }
    }

    async fn store_differences(
        &self,
        tx: &mut TxScope,
        reconciliation_id: Uuid,
        stream: &str,
        found: Vec<Difference>,
        tally: &mut Tally,
    ) -> Result<()> {
        // Their receipts say that they are there, which is known to be wrong.
        let doubts: Vec<(&str, InDoubt)> = found
            .iter()
            .filter_map(|difference| Some((difference.key.canonical(), difference.in_doubt?)))
            .collect();
        if !doubts.is_empty() {
            let receipts = self.receipts_of(stream);
            receipt::put_in_doubt(tx.connection(), receipts, &doubts, &self.stride).await?;
        }
        let (mut failures, mut differences) = (Vec::new(), Vec::new());
        for difference in found {
            let kind = match difference.kind {
                pipeline::DifferenceKind::Missing => DifferenceKind::Missing,
                pipeline::DifferenceKind::Different => DifferenceKind::Different,
            };
            let (record_key, business_reference) =
                (difference.key.canonical().to_owned(), clean(difference.key.reference(), 500));
            let failed = [as_failure(difference)];
            let group_id = self.groups_in(tx, stream, &failed).await?[0];
            let [failed] = failed;
            let failure = self.failure_row(stream, failed, group_id)?;
            tally.add(group_id, &failure);
            differences.push(reconciliation_difference::Model {
                id: new_id(),
                tenant_id: self.run.tenant_id,
                reconciliation_id,
                stream: stream.to_owned(),
                record_key,
                business_reference,
                kind,
                failure_id: Some(failure.id),
            });
            failures.push(failure);
        }
        for row in failures.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        tx.insert_many::<failure::Entity>(failures, "storing failures").await?;
        tx.insert_many::<reconciliation_difference::Entity>(differences, "storing differences").await
    }

    /// What only the destination has; a failure each where a repair may remove it.
    async fn store_extras(
        &self,
        tx: &mut TxScope,
        reconciliation_id: Uuid,
        stream: &str,
        extras: Extras,
        tally: &mut Tally,
    ) -> Result<()> {
        let (mut failures, mut differences) = (Vec::new(), Vec::new());
        for Gone { key, .. } in extras.kept {
            let (record_key, business_reference) = (key.canonical().to_owned(), clean(key.reference(), 500));
            if extras.can_be_removed {
                let failed = [extra::as_failure(key)];
                let group_id = self.groups_in(tx, stream, &failed).await?[0];
                let [failed] = failed;
                let failure = self.failure_row(stream, failed, group_id)?;
                tally.add(group_id, &failure);
                failures.push(failure);
            }
            differences.push(reconciliation_difference::Model {
                id: new_id(),
                tenant_id: self.run.tenant_id,
                reconciliation_id,
                stream: stream.to_owned(),
                record_key,
                business_reference,
                kind: DifferenceKind::Extra,
                failure_id: failures.last().filter(|_| extras.can_be_removed).map(|failure| failure.id),
            });
        }
        for row in failures.iter().take(TOLD_FAILURES_MAX) {
            tx.tell_after_commit(crate::failure::changed(row.tenant_id, row.id, row.integration_id));
        }
        tx.insert_many::<failure::Entity>(failures, "storing failures").await?;
        tx.insert_many::<reconciliation_difference::Entity>(differences, "storing differences").await
    }

    /// Ends a reconciliation whose every stream was compared.
    pub(super) async fn finish_reconciliation(
        &self,
        tx: &mut TxScope,
        id: Uuid,
        counts: &RunCounts,
    ) -> Result<()> {
        let streams = tx
            .find::<reconciliation_stream::Entity>()
            .filter(reconciliation_stream::Column::ReconciliationId.eq(id))
            .all(tx.connection())
            .await
            .doing("reading what came of a reconciliation")?;
        let any = |outcome| streams.iter().any(|stream| stream.outcome == outcome);
        let outcome = if any(ReconciliationOutcome::Drifted) {
            ReconciliationOutcome::Drifted
        } else if any(ReconciliationOutcome::Unknown) || streams.is_empty() {
            ReconciliationOutcome::Unknown
        } else {
            ReconciliationOutcome::Matched
        };
        tx.update::<reconciliation::Entity>()
            .col_expr(reconciliation::Column::Outcome, Expr::value(Some(outcome)))
            .filter(reconciliation::Column::Id.eq(id))
            .exec(tx.connection())
            .await
            .doing("ending a reconciliation")?;
        let sum = |of: fn(&reconciliation_stream::Model) -> i64| streams.iter().map(of).sum::<i64>();
        let (missing, different) = (sum(|row| row.missing_count), sum(|row| row.different_count));
        let extra = sum(|row| row.extra_count.unwrap_or_default());
        let message = match outcome {
            ReconciliationOutcome::Matched => "Both ends agree on everything that was moved.".to_owned(),
            ReconciliationOutcome::Unknown => CANNOT_BE_ASKED.to_owned(),
            ReconciliationOutcome::Drifted => format!(
                "{missing} records are missing at the destination, {different} are something else there, and {extra} are \
                 only there."
            ),
        };
        let done = NewEvent::new("reconciliation.done", "worker", message).attributes(json!({
            "outcome": outcome,
            "source": sum(|row| row.source_count),
            "destination": sum(|row| row.destination_count),
            "matched": sum(|row| row.matched_count),
            "missing": missing,
            "different": different,
            "extra": extra,
            "failing": sum(|row| row.failing_count),
            "notMoved": sum(|row| row.not_moved_count),
        }));
        let finished = finished_as(counts, "Both ends were compared.");
        run_event::record(tx, self.run.id, vec![done, finished]).await
    }

    /// Starts a reconciliation after a run that went through, where the integration wants that; but not beside one that
    /// has not begun yet.
    pub(super) async fn reconcile_after(&self, tx: &mut TxScope, run: &run::Model) -> Result<()> {
        let is_ordinary = run.scope == RunScope::AllRecords && Reach::of(run) == Reach::default();
        if self.integration.reconcile != ReconcilePolicy::AfterRun || !is_ordinary {
            return Ok(());
        }
        let waiting = tx
            .find::<run::Entity>()
            .filter(run::Column::IntegrationId.eq(run.integration_id))
            .filter(run::Column::Status.eq(RunStatus::Queued))
            .filter(run::Column::ReconciliationId.is_not_null())
            .limit(1)
            .one(tx.connection())
            .await
            .doing("looking for a reconciliation that waits")?;
        if waiting.is_some() {
            return Ok(());
        }
        let new = New {
            id: new_id(),
            integration: &self.integration,
            streams: None,
            after_run_id: Some(run.id),
            by: "the run before it",
        };
        crate::reconciliation::create(tx, new).await?;
        Ok(())
    }

    /// Failures of runs whose going through would have said what this one's does.
    pub(super) async fn same_reach(&self, tx: &TxScope) -> Result<Condition> {
        let Some(id) = self.run.reconciliation_id else { return Ok(Reach::of(&self.run).failures(tx)) };
        let row = tx
            .find::<reconciliation::Entity>()
            .filter(reconciliation::Column::Id.eq(id))
            .one(tx.connection())
            .await
            .doing("reading a reconciliation")?;
        let is_of_all = row.is_some_and(|row| row.streams.is_none());
        Ok(if is_of_all { failures_of_comparisons(tx) } else { Reach::of(&self.run).failures(tx) })
    }
}

fn as_failure(difference: Difference) -> RecordFailure {
    let (code, detail) = match difference.kind {
        pipeline::DifferenceKind::Missing => (RECONCILIATION_MISSING, "its key is not at the destination"),
        pipeline::DifferenceKind::Different => {
            (RECONCILIATION_DIFFERENT, "the destination's row differs in a field that the record has")
        }
    };
    RecordFailure {
        stage: Stage::Load,
        code: code.to_owned(),
        key: Some(difference.key),
        position: None,
        field_errors: Vec::new(),
        http_status: None,
        detail: detail.to_owned(),
        record: Some(difference.record),
        mapped: difference.mapped,
        raw: None,
        attempts: 0,
        retried: None,
        exchange: None,
    }
}

#[async_trait]
impl ComparisonLedger for RunLease {
    async fn failing(
        &self,
        stream: &str,
        keys: &[&str],
    ) -> std::result::Result<HashSet<String>, LedgerError> {
        if !self.supersedes {
            return Ok(HashSet::new());
        }
        let tenant = Tenants::Some(vec![self.run.tenant_id]);
        let is_known = Condition::any()
            .add(failure::Column::Status.eq(FailureStatus::Retrying))
            .add(failure::Column::Code.is_not_in(CODES));
        let rows = Scope::new(self.app.clone(), tenant)
            .find::<failure::Entity>()
            .filter(failure::Column::IntegrationId.eq(self.run.integration_id))
            .filter(failure::Column::Stream.eq(stream))
            .filter(failure::Column::RecordKey.is_in(keys.iter().copied()))
            .filter(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]))
            .filter(is_known)
            .all()
            .await
            .map_err(storage)?;
        Ok(rows.into_iter().filter_map(|row| row.record_key).collect())
    }

    fn written<'a>(
        &'a self,
        stream: &'a str,
    ) -> BoxStream<'a, std::result::Result<Vec<WrittenKey>, LedgerError>> {
        self.written_keys(stream)
    }
}
