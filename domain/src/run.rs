//! Runs: read, start, cancel, retry. What a worker does with them stands in `background`.

mod parts;
mod reach;
mod start;
mod wait;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::{self, FailureStatus};
use entity::{backfill, integration, reconciliation, retry, run};
use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, Iterable, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::actor::Actor;
use crate::change::{Change, ChangeKind};
use crate::dispatch::Priority;
use crate::error::{Doing, Error, Result};
use crate::health::status::{refresh_in, runs_ended_by_ids};
use crate::id::{Kind, new_id};
use crate::idempotency;
use crate::job;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::run_event::{self, NewEvent};
use crate::scope::{Keyset, Parent, Scope, ScopedSelect, TxScope};

pub use self::parts::RunParts;
pub use self::wait::{RunWait, WaitReason, waits};
pub use entity::run::{Model as Run, RunScope, RunStatus, RunTrigger};

pub use self::start::{RUNS_AT_ONCE_MAX, start, start_all};

pub(crate) use self::reach::{Reach, failures_of_comparisons};
pub(crate) use self::start::{NewRun, create, create_later};
use self::start::{first_outcome, startable};

/// Which runs a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunFilter {
    /// One of these.
    pub status: Option<Vec<RunStatus>>,
    /// Started by one of these.
    pub trigger: Option<Vec<RunTrigger>>,
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of this retry.
    pub retry_id: Option<Uuid>,
    /// Of this backfill.
    pub backfill_id: Option<Uuid>,
    /// Of this reconciliation.
    pub reconciliation_id: Option<Uuid>,
    /// That this kill switch keeps from going on.
    pub kill_switch_id: Option<Uuid>,
    /// Asked for at or after.
    pub queued_from: Option<DateTime<Utc>>,
    /// Asked for before.
    pub queued_before: Option<DateTime<Utc>>,
}

/// A list of runs, whatever it stands under: by default of all, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunList {
    /// Which.
    pub filter: RunFilter,
    /// Up or down.
    pub direction: Direction,
    /// What of each is asked for.
    pub parts: RunParts,
}

/// By what the runs of a list nest under a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunParent {
    /// Runs of each tenant.
    Tenant,
    /// Runs of each integration.
    Integration,
    /// Runs of each retry.
    Retry,
    /// Runs of each backfill.
    Backfill,
    /// Runs of each reconciliation.
    Reconciliation,
}

/// Which records a retry of a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryScope {
    /// Those that failed, and what a run that could not go on left.
    FailedRecords,
    /// Everything again, from the source.
    AllRecords,
}

/// Counts of a run; they always balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Records read.
    pub read: i64,
    /// Records the destination did not have.
    pub created: i64,
    /// Records the destination had with other values.
    pub updated: i64,
    /// Records the destination had already.
    pub unchanged: i64,
    /// Records the mapping left out.
    pub skipped: i64,
    /// Records that became failures.
    pub failed: i64,
    /// Records that are gone from the source, and were deleted or marked at the destination; none of the others.
    pub deleted: i64,
}

impl RunCounts {
    /// The counts of a row.
    pub fn of(run: &Run) -> Self {
        Self {
            read: run.read_count,
            created: run.created_count,
            updated: run.updated_count,
            unchanged: run.unchanged_count,
            skipped: run.skipped_count,
            failed: run.failed_count,
            deleted: run.deleted_count,
        }
    }

    /// Records read of which neither a write nor a failure is known.
    pub fn unaccounted(&self) -> i64 {
        self.read - self.created - self.updated - self.unchanged - self.skipped - self.failed
    }

    /// What a run is that went through with these.
    pub(crate) fn status(&self) -> RunStatus {
        if self.failed > 0 || self.unaccounted() > 0 { RunStatus::Partial } else { RunStatus::Succeeded }
    }
}

fn newest_first(direction: Direction) -> Keyset<run::Entity> {
    Keyset { name: "run", column: None, id: run::Column::Id, direction }
}

/// Whether an index has all that a list asks for in its order: what portals ask for again and again.
fn is_served(filter: &RunFilter, parent: Option<RunParent>) -> bool {
    *filter == RunFilter::default()
        && matches!(parent, None | Some(RunParent::Tenant | RunParent::Integration))
}

/// The runs of a list, whatever it stands under.
fn listed(scope: &Scope, list: &RunList, parent: Option<RunParent>) -> ScopedSelect<run::Entity> {
    filtered(scope, &list.filter, parent)
        .reading(list.parts.columns(), Vec::new())
        .planned_once_if(is_served(&list.filter, parent))
}

fn filtered(scope: &Scope, filter: &RunFilter, parent: Option<RunParent>) -> ScopedSelect<run::Entity> {
    use run::Column;
    let runs = scope
        .find::<run::Entity>()
        .of_tenant(filter.tenant_id)
        .under::<integration::Entity>(Column::IntegrationId, filter.integration_id)
        .filter_some(filter.retry_id, |id| Column::RetryId.eq(id))
        .filter_some(filter.backfill_id, |id| Column::BackfillId.eq(id))
        .filter_some(filter.reconciliation_id, |id| Column::ReconciliationId.eq(id))
        .made_within(scope.app(), (Column::QueuedAt, Column::Id), filter.queued_from, filter.queued_before)
        .filter_some(filter.kill_switch_id, |id| Column::Id.in_subquery(job::kept_by(id)));
    let is_within = filter.retry_id.or(filter.backfill_id).or(filter.reconciliation_id).is_some()
        || matches!(parent, Some(RunParent::Retry | RunParent::Backfill | RunParent::Reconciliation));
    if is_within {
        // One range of an index, in which all else that is asked for is looked for.
        return runs
            .filter_some(filter.status.clone(), |status| Column::Status.is_in(status))
            .filter_some(filter.trigger.clone(), |trigger| Column::Trigger.is_in(trigger));
    }
    let runs = runs.one_of(Column::Status, filter.status.clone());
    if filter.integration_id.is_none() && parent != Some(RunParent::Integration) {
        return runs.one_of(Column::Trigger, filter.trigger.clone());
    }
    // Under an integration an index has them by status.
    let runs = runs.filter_some(filter.trigger.clone(), |trigger| Column::Trigger.is_in(trigger));
    match filter.status {
        None => runs.each_of(Column::Status, RunStatus::iter()),
        Some(_) => runs,
    }
}

/// One run.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Run>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope.find::<run::Entity>().of_id(run::Column::Id, id).one().await
}

/// Runs by id, those that the caller may see, with what is asked for of them.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid], parts: RunParts) -> Result<HashMap<Uuid, Run>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let rows = scope
        .find::<run::Entity>()
        .of_ids(run::Column::Id, ids.iter().copied())
        .reading(parts.columns(), Vec::new())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of runs, by the time they were asked for.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`] for a bad page.
pub async fn list(actor: &Actor, list: &RunList, page: &PageArguments) -> Result<Page<Run>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let order = newest_first(list.direction);
    listed(&scope, list, None).page(&order, &page.check(order.name)?).await
}

/// A page of runs for each parent, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_parent(
    actor: &Actor,
    parent: RunParent,
    parents: &[Uuid],
    list: &RunList,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Run>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let order = newest_first(list.direction);
    let runs = listed(&scope, list, Some(parent));
    let parent = match parent {
        RunParent::Tenant => Parent::by(run::Column::TenantId),
        RunParent::Integration => Parent::of::<integration::Entity>(run::Column::IntegrationId),
        RunParent::Retry => Parent::of::<retry::Entity>(run::Column::RetryId),
        RunParent::Backfill => Parent::of::<backfill::Entity>(run::Column::BackfillId),
        RunParent::Reconciliation => Parent::of::<reconciliation::Entity>(run::Column::ReconciliationId),
    };
    runs.pages_by_parent(parent, parents, &order, &page.check(order.name)?).await
}

/// Cancels a run: at once when it waits, within seconds when a worker has it. What is done stays.
///
/// # Errors
/// Denied without `runs:start`. Rejected: `NOT_FOUND` runId; `CONFLICT` when it has ended.
pub async fn cancel(actor: &Actor, id: Uuid) -> Result<Run> {
    let scope = actor.authorize(Permission::RunStart)?;
    let run = found(&scope, id).await?;
    let mut tx = TxScope::begin(scope.app(), run.tenant_id).await?;
    match run.status {
        RunStatus::Queued | RunStatus::Running => {}
        _ => return Err(Error::conflict("runId", "this run has ended; there is nothing to cancel")),
    }
    if stop(&mut tx, actor, &run).await? {
        runs_ended_by_ids(&tx, vec![id]).await?;
    }
    tx.about(Kind::Run, id).commit().await?;
    found(&scope, id).await
}

/// Ends a run that waits, and asks the worker of one that it has to stop it. Whether it has ended: then [`runs_ended_by_ids`]
/// follows for it, when nothing else is to be locked any more.
pub(crate) async fn stop(tx: &mut TxScope, actor: &Actor, run: &Run) -> Result<bool> {
    let message = format!("Canceling was asked for by {}.", actor.name());
    run_event::record(tx, run.id, vec![NewEvent::new("run.cancel_requested", "api", message)]).await?;
    let is_ended = job::end_unclaimed(tx, run.id).await?;
    if is_ended {
        end_canceled_uncounted(tx, run).await?;
    } else {
        job::request_cancel(tx, run.id).await?;
    }
    Ok(is_ended)
}

/// Writes that a run was canceled, and lets go of the failures that it was to retry.
pub(crate) async fn end_canceled(tx: &mut TxScope, run: &Run) -> Result<()> {
    end_canceled_uncounted(tx, run).await?;
    runs_ended_by_ids(tx, vec![run.id]).await
}

/// The same for one of several; [`runs_ended_by_ids`] follows for all of them.
pub(crate) async fn end_canceled_uncounted(tx: &mut TxScope, run: &Run) -> Result<()> {
    let now = tx.app().clock().now();
    tx.update::<run::Entity>()
        .col_expr(run::Column::Status, Expr::value(RunStatus::Canceled))
        .col_expr(run::Column::FinishedAt, Expr::value(Some(now)))
        .filter(run::Column::Id.eq(run.id))
        .exec(tx.connection())
        .await
        .doing("storing that a run was canceled")?;
    run_event::record(tx, run.id, vec![NewEvent::new("run.finished", "worker", "The run was canceled.")])
        .await?;
    crate::retry::let_go(tx, run).await?;
    job::release_next(tx, run.integration_id).await?;
    tx.tell_after_commit(changed(run));
    Ok(())
}

/// Retries a run that ended: its failures, or everything.
///
/// # Errors
/// Denied without `runs:start`. Rejected: `NOT_FOUND` runId; `CONFLICT` while it has not ended, when
/// nothing of it is left to retry, or when it read the range of a backfill that can't be read any more.
pub async fn retry(actor: &Actor, id: Uuid, which: RetryScope, idempotency_key: Option<&str>) -> Result<Run> {
    let scope = actor.authorize(Permission::RunStart)?;
    let input = json!({ "runId": id, "scope": format!("{which:?}") });
    let request = idempotency::Request::new(actor, idempotency_key, "retryRun", &input)?;
    let original = found(&scope, id).await?;
    let integration = startable(&scope, original.integration_id).await?;
    let mut tx = TxScope::begin(scope.app(), original.tenant_id).await?;
    let new = new_id();
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), new).await? {
        drop(tx);
        return first_outcome(&scope, first).await;
    }
    if matches!(original.status, RunStatus::Queued | RunStatus::Running) {
        return Err(Error::conflict("runId", "this run has not ended yet; wait for it, or cancel it"));
    }
    let open = tx
        .find::<failure::Entity>()
        .filter(failure::Column::RunId.eq(id))
        .filter(failure::Column::Status.eq(FailureStatus::Open));
    // A run that could not go on left records that nobody has read: those come from the source again.
    let of_the_whole = open
        .clone()
        .filter(failure::Column::RecordKey.is_null())
        .filter(failure::Column::Position.is_null())
        .filter(failure::Column::Record.is_null())
        .limit(1)
        .one(tx.connection())
        .await
        .doing("reading the failures of a run")?
        .is_some();
    let run_scope = match which {
        RetryScope::AllRecords => RunScope::AllRecords,
        RetryScope::FailedRecords if of_the_whole => RunScope::AllRecords,
        RetryScope::FailedRecords => RunScope::FailedRecords,
    };
    if let (Some(backfill), RunScope::AllRecords) = (original.backfill_id, run_scope)
        && let Some(why) = crate::backfill::outlived(&tx, backfill, &integration).await?
    {
        return Err(Error::conflict("runId", why));
    }
    let run = create(
        &mut tx,
        NewRun {
            id: new,
            integration: &integration,
            trigger: RunTrigger::Retry,
            triggered_by: actor.name(),
            scope: run_scope,
            retry_of_id: Some(id),
            retry_id: None,
            // A retry of a backfill reads its range, and one of a reconciliation compares, unless it brings home the records
            // that it found.
            backfill_id: original.backfill_id,
            reconciliation_id: original.reconciliation_id.filter(|_| run_scope == RunScope::AllRecords),
            priority: Priority::High,
        },
    )
    .await?;
    // After the run that they point to; without any the transaction is dropped, and the run with it.
    let taken = match run_scope {
        RunScope::AllRecords if !of_the_whole => 0,
        RunScope::AllRecords => crate::retry::take_whole(&mut tx, id, new).await?,
        RunScope::FailedRecords => crate::retry::take_records(&mut tx, id, new).await?,
    };
    if run_scope == RunScope::FailedRecords && taken == 0 {
        return Err(Error::conflict("runId", "this run has no open failure whose record can be tried again"));
    }
    refresh_in(&tx, [integration.id]).await?;
    tx.about(Kind::Run, new).commit().await?;
    Ok(run)
}

/// The change that listeners are told of.
pub(crate) fn changed(run: &Run) -> Change {
    Change {
        kind: ChangeKind::Run,
        tenant_id: run.tenant_id,
        id: run.id,
        integration_id: Some(run.integration_id),
    }
}

/// Runs that a worker has, and those that wait and were asked for since; the newest, at most so many of each. `from` is the
/// first id of that time.
pub(crate) async fn under_way_since(
    scope: &Scope,
    integration_id: Option<Uuid>,
    from: Uuid,
    limit: u64,
) -> Result<Vec<Uuid>> {
    let newest = |status: RunStatus| {
        scope
            .find::<run::Entity>()
            .filter(run::Column::Status.eq(status))
            .filter_some(integration_id, |id| run::Column::IntegrationId.eq(id))
            .order_by(run::Column::Id, Order::Desc)
            .limit(limit)
    };
    let running: Vec<(Uuid,)> = newest(RunStatus::Running).tuples([run::Column::Id]).await?;
    let queued = newest(RunStatus::Queued).filter(run::Column::Id.gte(from));
    let queued: Vec<(Uuid,)> = queued.tuples([run::Column::Id]).await?;
    Ok(running.into_iter().chain(queued).map(|(id,)| id).collect())
}

async fn found(scope: &Scope, id: Uuid) -> Result<Run> {
    scope
        .find::<run::Entity>()
        .of_id(run::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("runId", "run"))
}
