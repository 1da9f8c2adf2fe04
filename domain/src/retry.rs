//! Retries: durable bulk operations over failures, with a plan, progress and cancel. Each takes the failures
//! it is for, and starts one run an integration that feeds their stored records through the pipeline again.

mod edit;
mod forecast;
mod plan;
mod prediction;
pub(crate) mod rehearsal;

use std::collections::HashMap;

use entity::failure::{self, FailureStatus};
use entity::integration::{self, IntegrationStatus};
use entity::retry::{self, RetryStatus};
use entity::run::{self, RunScope, RunStatus, RunTrigger};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::actor::Actor;
use crate::change::{Change, ChangeKind};
use crate::dispatch::Priority;
use crate::error::{Doing, Error, Result};
use crate::escalation::follow::retried;
use crate::failure::{Selection, select};
use crate::health::status::{refresh_in, runs_ended_by_ids};
use crate::id::{Kind, new_id};
use crate::permission::Permission;
use crate::reconciliation::RECONCILIATION_EXTRA;
use crate::run::{NewRun, Reach};
use crate::scope::{Scope, TxScope};
use crate::{idempotency, job};

pub use self::edit::edit_and_start;
pub use self::forecast::PREDICTED_MAX;
pub use self::plan::{NAMED_MAX, RetryPlan, plan};
pub use self::prediction::{PredictedFailure, Prediction};
pub use entity::retry::Model as Retry;

/// Integrations whose failures one retry takes, at most: each becomes a run.
const INTEGRATIONS_MAX: u64 = 500;
/// Backfills and reconciliations of an integration that one retry takes up again, at most.
const REACHES_MAX: u64 = 100;
/// The code of failures whose stored record is raw text.
pub(crate) const MALFORMED: &str = "source.malformed";
/// Failures of a bulk change that listeners are told of one by one.
const TOLD_MAX: u64 = 200;

/// Has a record that is one or is to be removed, or is of a run as a whole.
fn can_be_tried() -> Condition {
    Condition::any().add(with_record()).add(of_the_whole())
}

/// What is stored of something malformed is its raw text; only an edit makes a record of it.
fn with_record() -> Condition {
    let record =
        Condition::all().add(failure::Column::Record.is_not_null()).add(failure::Column::Code.ne(MALFORMED));
    // Of what is to be removed the key is enough.
    let removal = failure::Column::Code.eq(RECONCILIATION_EXTRA);
    Condition::any().add(record).add(failure::Column::EditedRecord.is_not_null()).add(removal)
}

fn of_the_whole() -> Condition {
    Condition::all()
        .add(failure::Column::RecordKey.is_null())
        .add(failure::Column::Position.is_null())
        .add(failure::Column::Record.is_null())
}

/// One retry.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Retry>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    scope.find::<retry::Entity>().of_id(retry::Column::Id, id).one().await
}

/// Retries by id, those that the caller may see.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Retry>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows = scope.find::<retry::Entity>().of_ids(retry::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Retries failures, by id or by filter; with `only`, those of which a retry would do one of these by what is stored now.
///
/// # Errors
/// Denied without `failures:retry`. Rejected: ids that are not there, not open or can't be tried; a filter that
/// matches nothing that can be tried; `only` that is empty, or `LIMIT_REACHED` when there are more failures than can be
/// predicted.
pub async fn start(
    actor: &Actor,
    selection: &Selection,
    only: Option<&[Prediction]>,
    idempotency_key: Option<&str>,
) -> Result<Retry> {
    let scope = actor.authorize(Permission::FailureRetry)?;
    let mut input = serde_json::to_value(selection).doing("reading the input of a retry")?;
    if let Some(only) = only {
        // Without it the input is what it always was, so that keys of calls from before still answer.
        let only: Vec<&str> = only.iter().map(|prediction| prediction.name()).collect();
        input = json!({ "selection": input, "only": only });
    }
    let request = idempotency::Request::new(actor, idempotency_key, "retryFailures", &input)?;
    let started = start_once(actor, &scope, selection, only, request.as_ref()).await;
    or_first(&scope, request.as_ref(), started).await
}

async fn start_once(
    actor: &Actor,
    scope: &Scope,
    selection: &Selection,
    only: Option<&[Prediction]>,
    request: Option<&idempotency::Request>,
) -> Result<Retry> {
    let field = match selection {
        Selection::Ids(_) => "failureIds",
        Selection::Filter(_) => "filter",
    };
    let nothing = || {
        let message = "there is no open failure here that can be tried again; nor can one of a backfill whose stream is \
                       gone or has another cursor field";
        Error::conflict(field, message)
    };
    let (tenant_id, mut condition) = select(scope, selection).await?.ok_or_else(nothing)?;
    if let Some(only) = only {
        condition = plan::choose(scope, &condition, only).await?;
    }
    let mut tx = TxScope::begin(scope.app(), tenant_id).await?;
    let id = new_id();
    if let Some(first) = idempotency::claim(&tx, request, id).await? {
        drop(tx);
        return first_outcome(scope, first).await;
    }
    let taken = take(&mut tx, actor.name(), id, condition).await?.ok_or_else(nothing)?;
    let Taken { retry, integrations } = taken;
    retried(&tx, actor, id).await?;
    refresh_in(&tx, integrations).await?;
    let mut detail = format!("{} failures", retry.total);
    if let Some(only) = only {
        let only: Vec<&str> = only.iter().map(|prediction| prediction.name()).collect();
        detail.push_str(&format!(", only {}", only.join(", ")));
    }
    tx.about(Kind::Retry, id).detail(detail).commit().await?;
    Ok(retry)
}

/// Cancels a retry: what is done stays, what is not goes back to open.
///
/// # Errors
/// Denied without `failures:retry`. Rejected: `NOT_FOUND` retryId; `CONFLICT` when it has ended.
pub async fn cancel(actor: &Actor, id: Uuid) -> Result<Retry> {
    let scope = actor.authorize(Permission::FailureRetry)?;
    let row = scope
        .find::<retry::Entity>()
        .of_id(retry::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("retryId", "retry"))?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let runs = tx
        .find::<run::Entity>()
        .filter(run::Column::RetryId.eq(id))
        .filter(run::Column::Status.is_in([RunStatus::Queued, RunStatus::Running]))
        // In one order, so that two calls can't wait for each other.
        .order_by_asc(run::Column::Id)
        .limit(INTEGRATIONS_MAX * 2)
        .all(tx.connection())
        .await
        .doing("reading the runs of a retry")?;
    // Jobs before the retry, as by whoever ends a run of it.
    for run in &runs {
        job::lock_of_run(&tx, run.id).await?;
    }
    let now = tx.app().clock().now();
    let canceled = tx
        .update::<retry::Entity>()
        .col_expr(retry::Column::Status, Expr::value(RetryStatus::Canceled))
        .col_expr(retry::Column::FinishedAt, Expr::value(Some(now)))
        .filter(retry::Column::Id.eq(id))
        .filter(retry::Column::Status.is_in([RetryStatus::Queued, RetryStatus::Running]))
        .exec(tx.connection())
        .await
        .doing("canceling a retry")?;
    if canceled.rows_affected == 0 {
        return Err(Error::conflict("retryId", "this retry has ended; there is nothing to cancel"));
    }
    let mut ended = Vec::new();
    for run in runs {
        if job::end_unclaimed(&tx, run.id).await? {
            crate::run::end_canceled_uncounted(&mut tx, &run).await?;
            ended.push(run.id);
        } else {
            job::request_cancel(&tx, run.id).await?;
        }
    }
    runs_ended_by_ids(&tx, ended).await?;
    tx.tell_after_commit(changed(&row));
    tx.about(Kind::Retry, id).commit().await?;
    first_outcome(&scope, id).await
}

/// A retry that was begun.
pub(crate) struct Taken {
    /// Its row.
    pub(crate) retry: Retry,
    /// Whose failures it takes: the caller derives how they are, when nothing else is to be locked any more.
    pub(crate) integrations: Vec<Uuid>,
}

/// Retries these failures, as a part of something else that its caller does; `None` when there is nothing to try.
pub(crate) async fn take_some(
    tx: &mut TxScope,
    requested_by: &str,
    condition: Condition,
) -> Result<Option<Taken>> {
    let some: Option<Uuid> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::Id)
        .filter(condition.clone())
        .filter(can_be_tried())
        .limit(1)
        .into_tuple()
        .one(tx.connection())
        .await
        .doing("looking for failures to retry")?;
    if some.is_none() {
        return Ok(None);
    }
    take(tx, requested_by, new_id(), condition).await
}

/// Takes the failures for a retry and starts its runs; `None` when there is nothing to try.
pub(crate) async fn take(
    tx: &mut TxScope,
    requested_by: &str,
    id: Uuid,
    condition: Condition,
) -> Result<Option<Taken>> {
    let now = tx.app().clock().now();
    let integrations = {
        let with_failures = Query::select()
            .distinct()
            .column(failure::Column::IntegrationId)
            .from(failure::Entity)
            .and_where(failure::Column::TenantId.eq(tx.tenant_id()))
            .cond_where(condition.clone())
            .cond_where(can_be_tried())
            .to_owned();
        tx.find::<integration::Entity>()
            .filter(integration::Column::Id.in_subquery(with_failures))
            .filter(integration::Column::Status.ne(IntegrationStatus::Archived))
            .limit(INTEGRATIONS_MAX)
            .all(tx.connection())
            .await
            .doing("reading the integrations of a retry")?
    };
    let row = retry::Model {
        id,
        tenant_id: tx.tenant_id(),
        status: RetryStatus::Queued,
        requested_by: requested_by.to_owned(),
        total: 0,
        resolved: 0,
        failed: 0,
        created_at: now,
        finished_at: None,
    };
    let mut row = tx.insert::<retry::Entity>(row, "storing a retry").await?;
    for integration in &integrations {
        let open = Condition::all()
            .add(condition.clone())
            .add(failure::Column::IntegrationId.eq(integration.id))
            .add(failure::Column::Status.eq(FailureStatus::Open));
        let whole = open.clone().add(of_the_whole());
        let mut takes = Vec::new();
        for reach in reaches_of(tx, &whole).await? {
            if let Some(backfill) = reach.backfill_id
                && crate::backfill::outlived(tx, backfill, integration).await?.is_some()
            {
                continue;
            }
            let which = whole.clone().add(reach.failures(tx));
            takes.push((which, RunScope::AllRecords, reach));
        }
        takes.push((open.add(with_record()), RunScope::FailedRecords, Reach::default()));
        for (which, run_scope, reach) in takes {
            let runs = runs_of(tx, which.clone()).await?;
            if runs.is_empty() {
                continue;
            }
            let retry_of_id = if let [run] = runs[..] { Some(run) } else { None };
            let run_id = new_id();
            crate::run::create(
                tx,
                NewRun {
                    id: run_id,
                    integration,
                    trigger: RunTrigger::Retry,
                    triggered_by: requested_by,
                    scope: run_scope,
                    retry_of_id,
                    retry_id: Some(id),
                    backfill_id: reach.backfill_id,
                    reconciliation_id: reach.reconciliation_id,
                    priority: Priority::High,
                },
            )
            .await?;
            // After the run that they point to.
            let taken = point(tx, which, run_id, Some(id)).await?;
            row.total += i64::try_from(taken).unwrap_or(i64::MAX);
        }
    }
    if row.total == 0 {
        tx.delete::<retry::Entity>()
            .filter(retry::Column::Id.eq(id))
            .exec(tx.connection())
            .await
            .doing("taking back a retry of nothing")?;
        return Ok(None);
    }
    tx.update::<retry::Entity>()
        .col_expr(retry::Column::Total, Expr::value(row.total))
        .filter(retry::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing the size of a retry")?;
    tx.tell_after_commit(changed(&row));
    let integrations = integrations.iter().map(|integration| integration.id).collect();
    Ok(Some(Taken { retry: row, integrations }))
}

/// What the runs of these failures read: each reach is something else.
async fn reaches_of(tx: &TxScope, which: &Condition) -> Result<Vec<Reach>> {
    let runs = Query::select()
        .column(failure::Column::RunId)
        .from(failure::Entity)
        .and_where(failure::Column::TenantId.eq(tx.tenant_id()))
        .cond_where(which.clone())
        .to_owned();
    let reaches: Vec<(Option<Uuid>, Option<Uuid>)> = tx
        .find::<run::Entity>()
        .select_only()
        .column(run::Column::BackfillId)
        .column(run::Column::ReconciliationId)
        .distinct()
        .filter(run::Column::Id.in_subquery(runs))
        .limit(REACHES_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading what the runs of failures read")?;
    let reach = |(backfill_id, reconciliation_id)| Reach { backfill_id, reconciliation_id };
    Ok(reaches.into_iter().map(reach).collect())
}

/// The runs of these failures, two at most: enough to tell none, one and several.
async fn runs_of(tx: &TxScope, which: Condition) -> Result<Vec<Uuid>> {
    tx.find::<failure::Entity>()
        .select_only()
        .column(failure::Column::RunId)
        .distinct()
        .filter(which)
        .limit(2)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading the runs of failures")
}

/// Points open failures to the run that is to retry them.
async fn point(tx: &mut TxScope, which: Condition, run_id: Uuid, retry_id: Option<Uuid>) -> Result<u64> {
    let taken = tx
        .update::<failure::Entity>()
        .col_expr(failure::Column::Status, Expr::value(FailureStatus::Retrying))
        .col_expr(failure::Column::RetryRunId, Expr::value(Some(run_id)))
        .col_expr(failure::Column::RetryId, Expr::value(retry_id))
        .col_expr(failure::Column::NextAttemptAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .filter(which)
        .filter(failure::Column::Status.eq(FailureStatus::Open))
        .exec(tx.connection())
        .await
        .doing("taking failures for a retry")?;
    tell_of(tx, run_id).await?;
    Ok(taken.rows_affected)
}

/// Tells listeners of the failures that a run retries.
async fn tell_of(tx: &mut TxScope, run_id: Uuid) -> Result<()> {
    let rows: Vec<(Uuid, Uuid)> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::Id)
        .column(failure::Column::IntegrationId)
        .filter(failure::Column::RetryRunId.eq(run_id))
        .filter(failure::Column::Status.eq(FailureStatus::Retrying))
        .limit(TOLD_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading the failures of a retry")?;
    for (id, integration_id) in rows {
        tx.tell_after_commit(crate::failure::changed(tx.tenant_id(), id, integration_id));
    }
    Ok(())
}

/// Takes the failures of a run's records for a run that retries them.
pub(crate) async fn take_records(tx: &mut TxScope, original: Uuid, run_id: Uuid) -> Result<u64> {
    let which = Condition::all().add(failure::Column::RunId.eq(original)).add(with_record());
    point(tx, which, run_id, None).await
}

/// Takes the failure of a run as a whole for a run that reads everything again.
pub(crate) async fn take_whole(tx: &mut TxScope, original: Uuid, run_id: Uuid) -> Result<u64> {
    point(tx, of_the_whole().add(failure::Column::RunId.eq(original)), run_id, None).await
}

/// Lets go of the failures that a run was to retry and did not, and ends its retry if that was all.
pub(crate) async fn let_go(tx: &mut TxScope, run: &run::Model) -> Result<()> {
    tell_of(tx, run.id).await?;
    let let_go = tx
        .update::<failure::Entity>()
        .col_expr(failure::Column::Status, Expr::value(FailureStatus::Open))
        .col_expr(failure::Column::RetryRunId, Expr::value(None::<Uuid>))
        .filter(failure::Column::RetryRunId.eq(run.id))
        .filter(failure::Column::Status.eq(FailureStatus::Retrying))
        .exec(tx.connection())
        .await
        .doing("letting go of failures")?;
    let Some(retry_id) = run.retry_id else { return Ok(()) };
    progress(tx, retry_id, 0, let_go.rows_affected).await?;
    complete(tx, retry_id).await
}

/// Adds to a retry's progress.
pub(crate) async fn progress(tx: &mut TxScope, retry_id: Uuid, resolved: u64, failed: u64) -> Result<()> {
    let add =
        |column: retry::Column, number: u64| Expr::col(column).add(i64::try_from(number).unwrap_or(i64::MAX));
    tx.update::<retry::Entity>()
        .col_expr(retry::Column::Resolved, add(retry::Column::Resolved, resolved))
        .col_expr(retry::Column::Failed, add(retry::Column::Failed, failed))
        .filter(retry::Column::Id.eq(retry_id))
        .exec(tx.connection())
        .await
        .doing("storing the progress of a retry")?;
    tx.tell_after_commit(change(tx.tenant_id(), retry_id));
    Ok(())
}

/// Ends a retry whose every failure was tried.
pub(crate) async fn complete(tx: &mut TxScope, retry_id: Uuid) -> Result<()> {
    let left = tx
        .find::<failure::Entity>()
        .filter(failure::Column::RetryId.eq(retry_id))
        .filter(failure::Column::Status.eq(FailureStatus::Retrying))
        .limit(1)
        .count(tx.connection())
        .await
        .doing("counting what is left of a retry")?;
    if left > 0 {
        return Ok(());
    }
    let now = tx.app().clock().now();
    tx.update::<retry::Entity>()
        .col_expr(retry::Column::Status, Expr::value(RetryStatus::Completed))
        .col_expr(retry::Column::FinishedAt, Expr::value(Some(now)))
        .filter(retry::Column::Id.eq(retry_id))
        .filter(retry::Column::Status.is_in([RetryStatus::Queued, RetryStatus::Running]))
        .exec(tx.connection())
        .await
        .doing("ending a retry")?;
    tx.tell_after_commit(change(tx.tenant_id(), retry_id));
    Ok(())
}

fn changed(row: &Retry) -> Change {
    change(row.tenant_id, row.id)
}

pub(crate) fn change(tenant_id: Uuid, id: Uuid) -> Change {
    Change { kind: ChangeKind::Retry, tenant_id, id, integration_id: None }
}

/// A call with a key that was used before finds its failures no longer open: it is refused for what the first
/// call did, and the first call's outcome is the answer.
async fn or_first(
    scope: &Scope,
    request: Option<&idempotency::Request>,
    outcome: Result<Retry>,
) -> Result<Retry> {
    match outcome {
        Err(Error::Rejected(problems)) => match idempotency::find(scope.app(), request).await? {
            Some(first) => first_outcome(scope, first).await,
            None => Err(Error::Rejected(problems)),
        },
        other => other,
    }
}

pub(crate) async fn first_outcome(scope: &Scope, id: Uuid) -> Result<Retry> {
    let first = scope.find::<retry::Entity>().of_id(retry::Column::Id, id).one().await?;
    first.ok_or_else(|| Error::conflict("idempotencyKey", "what this key made is no longer yours to see"))
}
