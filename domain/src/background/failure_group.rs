//! How many failures groups have, and what follows from it. Groups are counted behind the row of the run, so that the pages of
//! other slices wait for them as for that; only systems and health come later.

mod making;
mod sweep;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use entity::failure::Impact;
use entity::failure_group::{self, FailureGroupStatus};
use entity::health_rollup::HealthPeriod;
use entity::occasion::OccasionKind;
use entity::{failure_group_hour, integration};
use sea_orm::sea_query::{CaseStatement, Condition, Expr, ExprTrait, LockType, Query, UnionType};
use sea_orm::{ActiveEnum, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use self::tally::Seen;
use crate::error::{Doing, Result};
use crate::failure_group::activity::{Change, NewActivity, record};
use crate::failure_group::state::{BUSIEST_OF_DAYS, after_failures, after_rise, hour_limit};
use crate::failure_group::{add_hours, changed};
use crate::health::rollup::begin;
use crate::impact::Stakes;
use crate::occasion::{self, NewOccasion};
use crate::scope::TxScope;

pub(super) use self::making::{KnownGroups, find_or_make};
pub(crate) use self::tally::Tally;

/// Groups that one sweep looks at.
const SWEPT_MAX: u64 = 500;
/// Groups that an occasion names beside its own.
const TOLD_MERGED_MAX: u64 = 500;

/// The beginning of the hour.
fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    begin(HealthPeriod::Hour, time)
}

/// Groups of the tenant, locked until the transaction ends, and in the order of their ids: of those who change several at
/// once one waits for the other, and never in a circle.
pub(crate) async fn lock(tx: &TxScope, which: Condition) -> Result<BTreeMap<Uuid, failure_group::Model>> {
    let rows = tx
        .find::<failure_group::Entity>()
        .filter(which)
        .order_by_asc(failure_group::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx.connection())
        .await
        .doing("locking groups of failures")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// These groups, and what they were merged into.
fn with_targets(tx: &TxScope, ids: impl Iterator<Item = Uuid> + Clone) -> Condition {
    use failure_group::Column;
    let of_these = |column: Column| {
        Query::select()
            .column(column)
            .from(failure_group::Entity)
            .and_where(Column::TenantId.eq(tx.tenant_id()))
            .and_where(Column::Id.is_in(ids.clone()))
            .and_where(Expr::col(column).is_not_null())
            .to_owned()
    };
    let both = of_these(Column::Id).union(UnionType::Distinct, of_these(Column::MergedIntoId)).to_owned();
    Condition::all().add(Column::Id.in_subquery(both))
}

/// Counts failures in their groups, and says what follows. Comes after all that a transaction does but systems and health.
pub(super) async fn count(tx: &mut TxScope, run_id: Uuid, tally: Tally) -> Result<()> {
    if tally.0.is_empty() {
        return Ok(());
    }
    let now = tx.app().clock().now();
    let which = with_targets(tx, tally.0.keys().copied());
    let locked = lock(tx, which).await?;
    // A group that was merged into another counts in both. That one was not merged any further: while this one is locked,
    // nobody can do that.
    let mut counted = tally.0.clone();
    for (id, seen) in &tally.0 {
        if let Some(into) = locked.get(id).and_then(|group| group.merged_into_id) {
            counted.entry(into).or_default().join(seen);
        }
    }
    let mut hours = Vec::with_capacity(counted.len());
    for (id, seen) in counted {
        let Some(before) = locked.get(&id) else { continue };
        let (stakes, rises) = (seen.stakes(before, now), seen.rises(before));
        if seen.is_over() {
            lessen(tx, before, stakes).await?;
            continue;
        }
        let Some(group) = add(tx, id, run_id, seen.count, stakes, now).await? else { continue };
        if seen.count > 0 {
            hours.push(failure_group_hour::Model {
                tenant_id: tx.tenant_id(),
                group_id: id,
                hour_at: hour_of(now),
                failure_count: seen.count,
            });
        }
        if group.merged_into_id.is_none() {
            tx.tell_after_commit(changed(&group));
            settle(tx, group, run_id, seen, rises, now).await?;
        }
    }
    add_hours(tx, hours).await
}

/// Takes failures that are over from what is at stake in their groups. Comes where [`count`] does, after runs.
pub(crate) async fn leave(tx: &mut TxScope, tally: Tally) -> Result<()> {
    // No run has failed anything of it.
    count(tx, Uuid::nil(), tally).await
}

/// Stores what is still at stake in a group.
async fn lessen(tx: &mut TxScope, group: &failure_group::Model, stakes: Stakes) -> Result<()> {
    use failure_group::Column;
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Urgency, Expr::value(stakes.urgency()))
        .col_expr(Column::ValueAtStake, Expr::value(stakes.value))
        .filter(Column::Id.eq(group.id))
        .exec(tx.connection())
        .await
        .doing("storing what is still at stake")?;
    tx.tell_after_commit(changed(group));
    Ok(())
}

/// Adds to a group; `None` when it is not there.
async fn add(
    tx: &TxScope,
    id: Uuid,
    run_id: Uuid,
    count: i64,
    stakes: Stakes,
    now: DateTime<Utc>,
) -> Result<Option<failure_group::Model>> {
    use failure_group::Column;
    let hour = hour_of(now);
    let in_hour = CaseStatement::new()
        .case(Expr::col(Column::HourAt).eq(hour), Expr::col(Column::HourCount).add(count))
        .finally(Expr::value(count));
    let in_runs = CaseStatement::new()
        .case(Expr::col(Column::LastRunId).eq(run_id), Expr::col(Column::RunCount))
        .finally(Expr::col(Column::RunCount).add(1));
    let mut update = tx
        .update::<failure_group::Entity>()
        .col_expr(Column::LastSeenAt, Expr::value(now))
        .col_expr(Column::Impact, Expr::value(stakes.impact))
        .col_expr(Column::Urgency, Expr::value(stakes.urgency()))
        .col_expr(Column::ValueAtStake, Expr::value(stakes.value))
        .filter(Column::Id.eq(id));
    if count > 0 {
        update = update
            .col_expr(Column::FailureCount, Expr::col(Column::FailureCount).add(count))
            .col_expr(Column::RunCount, in_runs.into())
            .col_expr(Column::LastRunId, Expr::value(Some(run_id)))
            .col_expr(Column::HourCount, in_hour.into())
            .col_expr(Column::HourAt, Expr::value(hour));
    }
    let rows = update.exec_with_returning(tx.connection()).await.doing("counting failures in a group")?;
    Ok(rows.into_iter().next())
}

/// What follows from what was counted.
async fn settle(
    tx: &mut TxScope,
    mut group: failure_group::Model,
    run_id: Uuid,
    seen: Seen,
    rises: Option<Impact>,
    now: DateTime<Utc>,
) -> Result<()> {
    let count = seen.count;
    let is_first = count > 0 && group.failure_count == count;
    if is_first {
        // It may have been made some time before, by a page that was not stored.
        tx.update::<failure_group::Entity>()
            .col_expr(failure_group::Column::FirstSeenAt, Expr::value(now))
            .col_expr(failure_group::Column::StatusAt, Expr::value(now))
            .filter(failure_group::Column::Id.eq(group.id))
            .exec(tx.connection())
            .await
            .doing("storing when a group of failures began")?;
        record(tx, &group, NewActivity::by_itself(Change::Status { from: None, to: group.status })).await?;
        return tell(tx, OccasionKind::GroupNew, &group, run_id, seen, None).await;
    }
    if count > 0 && group.hour_count == count {
        group.hour_limit = limit_for(tx, &group).await?;
        tx.update::<failure_group::Entity>()
            .col_expr(failure_group::Column::HourLimit, Expr::value(group.hour_limit))
            .filter(failure_group::Column::Id.eq(group.id))
            .exec(tx.connection())
            .await
            .doing("storing how many failures are usual")?;
    }
    let risen = rises.and_then(|_| after_rise(&group));
    if let Some(to) = risen.or_else(|| after_failures(&group, now)) {
        if to != group.status {
            enter(tx, &group, to, now).await?;
        }
        match to {
            FailureGroupStatus::Regressed => {
                tell(tx, OccasionKind::GroupRegressed, &group, run_id, seen, None).await?;
            }
            FailureGroupStatus::Escalating => {
                tell(tx, OccasionKind::GroupEscalating, &group, run_id, seen, rises).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What somebody may have to be told of. Failures of runs as a whole are told of as such, and not once more.
async fn tell(
    tx: &TxScope,
    kind: OccasionKind,
    group: &failure_group::Model,
    run_id: Uuid,
    seen: Seen,
    rises: Option<Impact>,
) -> Result<()> {
    if seen.first_id.is_none() {
        return Ok(());
    }
    let told = NewOccasion::new(kind)
        .integration(group.integration_id)
        .run(run_id)
        .group(group.id)
        .failure(seen.first_id)
        .code(Some(group.code.clone()))
        .detail("responsibleParty", group.responsible_party.to_value())
        .detail("impact", group.impact.to_value())
        .detail("count", seen.count + seen.again)
        .detail("references", seen.references);
    let told = match rises {
        Some(before) => told.detail("impactBefore", before.to_value()),
        None => told,
    };
    occasion::record(tx, told).await
}

/// How many failures the hour that begins may have. A group that began in it has nothing to compare it with.
async fn limit_for(tx: &TxScope, group: &failure_group::Model) -> Result<i64> {
    use failure_group_hour::Column;
    if group.first_seen_at >= group.hour_at {
        return Ok(0);
    }
    let busiest: Option<i64> = tx
        .find::<failure_group_hour::Entity>()
        .select_only()
        .column_as(Column::FailureCount.max(), "busiest")
        .filter(Column::GroupId.eq(group.id))
        .filter(Column::HourAt.lt(group.hour_at))
        .filter(Column::HourAt.gte(group.hour_at - Duration::days(BUSIEST_OF_DAYS)))
        .into_tuple::<Option<i64>>()
        .one(tx.connection())
        .await
        .doing("reading the busiest hour of a group")?
        .flatten();
    Ok(hour_limit(busiest.unwrap_or_default()))
}

/// Gives a group another status, by itself.
async fn enter(
    tx: &mut TxScope,
    group: &failure_group::Model,
    to: FailureGroupStatus,
    now: DateTime<Utc>,
) -> Result<()> {
    use failure_group::Column;
    let resolved_at = (to == FailureGroupStatus::Resolved).then_some(now);
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::StatusAt, Expr::value(now))
        .col_expr(Column::ResolvedAt, Expr::value(resolved_at))
        .col_expr(Column::SnoozedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::SnoozedUntilCount, Expr::value(None::<i64>))
        .col_expr(Column::SnoozedUntilHourCount, Expr::value(None::<i64>))
        .filter(Column::Id.eq(group.id))
        .exec(tx.connection())
        .await
        .doing("storing the status of a group of failures")?;
    if to == FailureGroupStatus::Resolved {
        let told = resolved(tx, group).await?;
        occasion::record(tx, told).await?;
    }
    record(tx, group, NewActivity::by_itself(Change::Status { from: Some(group.status), to })).await
}

/// That a group is over, for whoever was told that it began, or one that was merged into it.
pub(crate) async fn resolved(tx: &TxScope, group: &failure_group::Model) -> Result<NewOccasion> {
    let merged: Vec<Uuid> = tx
        .find::<failure_group::Entity>()
        .select_only()
        .column(failure_group::Column::Id)
        .filter(failure_group::Column::MergedIntoId.eq(group.id))
        .order_by_asc(failure_group::Column::Id)
        .limit(TOLD_MERGED_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading what was merged into a group")?;
    let told = NewOccasion::new(OccasionKind::GroupResolved)
        .integration(group.integration_id)
        .group(group.id)
        .code(Some(group.code.clone()))
        .detail("count", group.failure_count);
    if merged.is_empty() {
        return Ok(told);
    }
    Ok(told.detail("groups", merged.iter().map(Uuid::to_string).collect::<Vec<_>>()))
}

/// Ends the groups of a system's refusals: it is connected again, and what waited is retried.
pub(super) async fn resolve_refusals(
    tx: &mut TxScope,
    refusals: [(&str, integration::Column, &str); 2],
    system_id: Uuid,
) -> Result<()> {
    use failure_group::Column;
    let now = tx.app().clock().now();
    let mut of_system = Condition::any();
    for (code, side, _component) in refusals {
        let of_side = Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(tx.tenant_id()))
            .and_where(Expr::col(side).eq(system_id))
            .to_owned();
        of_system = of_system.add(Column::Code.eq(code).and(Column::IntegrationId.in_subquery(of_side)));
    }
    let groups = tx
        .find::<failure_group::Entity>()
        .filter(of_system)
        .filter(Column::FailureCount.gt(0))
        .filter(Column::MergedIntoId.is_null())
        .filter(Column::Status.is_not_in([FailureGroupStatus::Resolved, FailureGroupStatus::Ignored]))
        .order_by_asc(Column::Id)
        .limit(SWEPT_MAX)
        .lock(LockType::NoKeyUpdate)
        .all(tx.connection())
        .await
        .doing("reading groups of a system's refusals")?;
    for group in groups {
        enter(tx, &group, FailureGroupStatus::Resolved, now).await?;
    }
    Ok(())
}
