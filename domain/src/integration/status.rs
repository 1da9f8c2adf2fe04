//! Pause, resume and archive.

use entity::integration::{self, IntegrationStatus};
use entity::occasion::OccasionKind;
use entity::run::{self as run_row, RunStatus};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::hold::forget_failed_runs;
use super::{Integration, REASON_CHARS_MAX, archived, begin, found, next_run, reread, store_next_run};
use crate::actor::Actor;
use crate::error::{Doing, Error, Result};
use crate::health::status::{runs_ended_by_ids, watch_from_now};
use crate::id::{GlobalId, Kind};
use crate::occasion::{self, NewOccasion};
use crate::permission::Permission;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::validation::Problems;
use crate::{job, quarantine, run, synthetic_check};

/// Runs that one transaction cancels when an integration is archived.
const CANCELED_PER_TRANSACTION: u64 = 100;

/// Pauses an integration: its runs wait, also those that are asked for meanwhile, and its schedule rests. A run that a
/// worker has goes on to its end. Pausing twice is pausing once.
///
/// # Errors
/// Denied without `integrations:operate`. Rejected: `NOT_FOUND` integrationId; a bad reason; `CONFLICT` when it is
/// archived.
pub async fn pause(actor: &Actor, id: Uuid, reason: Option<&str>) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationOperate)?;
    let row = found(&scope, id).await?;
    let mut problems = Problems::default();
    let reason = match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => problems.text("reason", reason, REASON_CHARS_MAX),
        None => format!("Paused by {}.", actor.name()),
    };
    problems.check()?;
    let tx = begin(&scope, row.tenant_id).await?;
    let held = [IntegrationStatus::Held];
    let was_held = set_status(&tx, id, &held, IntegrationStatus::Paused, Some(reason.clone())).await?;
    if was_held {
        tell_over(&tx, id, "PAUSED").await?;
    }
    let active = [IntegrationStatus::Active];
    if was_held || set_status(&tx, id, &active, IntegrationStatus::Paused, Some(reason)).await? {
        store_hold(&tx, id, None).await?;
        store_next_run(&tx, id, None).await?;
        job::hold_integration(&tx, id).await?;
        watch_from_now(&tx, id).await?;
    }
    let row = reread(&tx, id).await?;
    if row.status == IntegrationStatus::Archived {
        return Err(archived());
    }
    tx.about(Kind::Integration, id).commit().await?;
    Ok(row)
}

/// Lets a paused or held integration go on: the runs that waited start, its schedule ticks from now on, and failed runs
/// are counted anew.
///
/// # Errors
/// Denied without `integrations:operate`. Rejected: `NOT_FOUND` integrationId; `CONFLICT` when it is archived, or a
/// quarantine of it is undecided.
pub async fn resume(actor: &Actor, id: Uuid) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationOperate)?;
    let row = found(&scope, id).await?;
    let mut tx = begin(&scope, row.tenant_id).await?;
    let goes_on = let_go(&mut tx, id, &[IntegrationStatus::Paused, IntegrationStatus::Held]).await?;
    // The row is locked by now: nothing of it comes into quarantine after this look.
    if let Some(undecided) = quarantine::undecided(&tx, id).await? {
        let undecided = GlobalId::new(Kind::Quarantine, undecided.id);
        let message = format!("{undecided} waits for a decision: release or discard it, then it goes on");
        return Err(Error::conflict("integrationId", message));
    }
    let row = reread(&tx, id).await?;
    if row.status == IntegrationStatus::Archived {
        return Err(archived());
    }
    if goes_on {
        watch_from_now(&tx, id).await?;
    }
    tx.about(Kind::Integration, id).commit().await?;
    Ok(row)
}

/// Lets an integration in one of these states go on, with the jobs that it held. Whether it was in one: then
/// [`watch_from_now`] follows, last of all.
async fn let_go(tx: &mut TxScope, id: Uuid, from: &[IntegrationStatus]) -> Result<bool> {
    let held = from.contains(&IntegrationStatus::Held).then_some(IntegrationStatus::Held);
    if let Some(held) = held
        && set_status(tx, id, &[held], IntegrationStatus::Active, None).await?
    {
        tell_over(tx, id, "RESUMED").await?;
    } else if !set_status(tx, id, from, IntegrationStatus::Active, None).await? {
        return Ok(false);
    }
    store_hold(tx, id, None).await?;
    forget_failed_runs(tx, id).await?;
    let next = next_run(&reread(tx, id).await?, tx.app().clock().now())?;
    store_next_run(tx, id, next).await?;
    job::release_integration(tx, id).await?;
    Ok(true)
}

/// Lets an integration go on that is held, once no quarantine of it waits for a decision; one that somebody has paused
/// meanwhile stays so. Answers with what it is then, and whether it was let go: then [`watch_from_now`] follows, last of all.
pub(crate) async fn let_go_held(tx: &mut TxScope, id: Uuid) -> Result<(IntegrationStatus, bool)> {
    // Of two decisions at once the second one waits here, and sees the first; rows that refer to it need not wait.
    tx.find::<integration::Entity>()
        .filter(integration::Column::Id.eq(id))
        .lock(LockType::NoKeyUpdate)
        .one(tx.connection())
        .await
        .doing("reading an integration")?;
    let is_let_go = match quarantine::undecided(tx, id).await? {
        None => let_go(tx, id, &[IntegrationStatus::Held]).await?,
        Some(_) => false,
    };
    Ok((reread(tx, id).await?.status, is_let_go))
}

/// Archives an integration, for good: it leaves the lists, starts nothing, and its name is free again. Runs that
/// wait are canceled, one that a worker has is asked to stop; what they did stays. Its synthetic check is removed. Twice is
/// once.
///
/// # Errors
/// Denied without `integrations:write`. Rejected: `NOT_FOUND` integrationId.
pub async fn archive(actor: &Actor, id: Uuid) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let row = found(&scope, id).await?;
    let mut tx = begin(&scope, row.tenant_id).await?;
    let was_held = set_status(&tx, id, &[IntegrationStatus::Held], IntegrationStatus::Archived, None).await?;
    if was_held {
        tell_over(&tx, id, "ARCHIVED").await?;
    }
    let from = [IntegrationStatus::Active, IntegrationStatus::Paused];
    if was_held || set_status(&tx, id, &from, IntegrationStatus::Archived, None).await? {
        store_hold(&tx, id, None).await?;
        store_next_run(&tx, id, None).await?;
        job::hold_integration(&tx, id).await?;
    }
    // Most have few runs under way, and those end with the archiving itself. Of many the rest follows; should this
    // process die before, they are held and start nothing, and archiving again goes on.
    let mut after = cancel_runs(&mut tx, actor, id, Uuid::nil()).await?;
    synthetic_check::end_archived(&tx, id).await?;
    watch_from_now(&tx, id).await?;
    let row = reread(&tx, id).await?;
    tx.about(Kind::Integration, id).commit().await?;
    while let Some(last) = after {
        let mut tx = begin(&scope, row.tenant_id).await?;
        after = cancel_runs(&mut tx, actor, id, last).await?;
        tx.commit().await?;
    }
    Ok(row)
}

/// Cancels some of the runs under way, in the order of their ids. Answers with the last one if more may follow.
async fn cancel_runs(tx: &mut TxScope, actor: &Actor, id: Uuid, after: Uuid) -> Result<Option<Uuid>> {
    let runs = tx
        .find::<run_row::Entity>()
        .filter(run_row::Column::IntegrationId.eq(id))
        .filter(run_row::Column::Status.is_in([RunStatus::Queued, RunStatus::Running]))
        .filter(run_row::Column::Id.gt(after))
        .order_by_asc(run_row::Column::Id)
        .limit(CANCELED_PER_TRANSACTION)
        .all(tx.connection())
        .await
        .doing("reading the runs of an integration")?;
    let mut ended = Vec::new();
    for run in &runs {
        let message = format!("{} archived the integration.", actor.name());
        run_event::record(tx, run.id, vec![NewEvent::new("run.cancel_requested", "api", message)]).await?;
        if job::end_unclaimed(tx, run.id).await? {
            run::end_canceled_uncounted(tx, run).await?;
            ended.push(run.id);
        } else {
            job::request_cancel(tx, run.id).await?;
        }
    }
    runs_ended_by_ids(tx, ended).await?;
    let is_full = runs.len() as u64 == CANCELED_PER_TRANSACTION;
    Ok(runs.last().filter(|_| is_full).map(|run| run.id))
}

/// Holds an active integration, for a failure or for something else. False when it was not active.
pub(super) async fn hold(tx: &TxScope, id: Uuid, reason: String, failure_id: Option<Uuid>) -> Result<bool> {
    let from = [IntegrationStatus::Active];
    if !set_status(tx, id, &from, IntegrationStatus::Held, Some(reason.clone())).await? {
        return Ok(false);
    }
    store_hold(tx, id, Some(failure_id)).await?;
    let told =
        NewOccasion::new(OccasionKind::Held).integration(id).failure(failure_id).detail("reason", reason);
    occasion::record(tx, told).await?;
    Ok(true)
}

/// That an integration is held no more, and what it is instead.
async fn tell_over(tx: &TxScope, id: Uuid, what: &str) -> Result<()> {
    let told = NewOccasion::new(OccasionKind::Resumed).integration(id).detail("now", what);
    occasion::record(tx, told).await
}

/// `None` when it is not held any more.
async fn store_hold(tx: &TxScope, id: Uuid, hold: Option<Option<Uuid>>) -> Result<()> {
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::HeldAt, Expr::value(hold.map(|_failure| tx.app().clock().now())))
        .col_expr(integration::Column::HoldFailureId, Expr::value(hold.flatten()))
        .filter(integration::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing why an integration is held")?;
    Ok(())
}

/// False when the integration was in none of the states `from`.
async fn set_status(
    tx: &TxScope,
    id: Uuid,
    from: &[IntegrationStatus],
    status: IntegrationStatus,
    reason: Option<String>,
) -> Result<bool> {
    let changed = tx
        .update::<integration::Entity>()
        .col_expr(integration::Column::Status, Expr::value(status))
        .col_expr(integration::Column::StatusReason, Expr::value(reason))
        .col_expr(integration::Column::UpdatedAt, Expr::value(tx.app().clock().now()))
        .filter(integration::Column::Id.eq(id))
        .filter(integration::Column::Status.is_in(from.iter().copied()))
        .exec(tx.connection())
        .await
        .doing("storing the status of an integration")?;
    Ok(changed.rows_affected > 0)
}
