//! What becomes of escalation when a group changes, in the transaction that changes it: the group is locked, then its course,
//! then its clocks. A group that begins gets its course here, and its policy at the next look.

use std::collections::BTreeMap;

use entity::failure_group::{self, FailureGroupStatus};
use entity::run_event::Audience;
use entity::sla_clock::SlaEnd;
use entity::{escalation, failure, sla_clock};
use sea_orm::sea_query::{Expr, Func, LockType, Query};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::course::Course;
use super::{GroupState, is_over, is_unattended, telling};
use crate::actor::Actor;
use crate::error::{Doing, Result};
use crate::failure_group::activity::Change;
use crate::insert::upsert_rows;
use crate::scope::TxScope;

/// Groups whose clocks one retry answers; those beyond are answered when somebody does something about them.
const ANSWERED_MAX: u64 = 500;

/// A course as it is now, whatever it was.
const COURSES: &str = "ON CONFLICT (group_id) DO UPDATE SET \
  episode = excluded.episode, started_at = excluded.started_at, chosen_at = excluded.chosen_at, \
  policy_id = excluded.policy_id, policy_name = excluded.policy_name, steps = excluded.steps, \
  step_index = excluded.step_index, repeat_index = excluded.repeat_index, told_count = excluded.told_count, \
  step_at = excluded.step_at, next_at = excluded.next_at, waits_since = excluded.waits_since, \
  answered_at = excluded.answered_at, answered_by = excluded.answered_by, \
  acknowledged_at = excluded.acknowledged_at, stopped_at = excluded.stopped_at";
/// A clock as it is now; what it is of never changes.
const CLOCKS: &str = "ON CONFLICT (id) DO UPDATE SET \
  spent_ms = excluded.spent_ms, running_since = excluded.running_since, due_at = excluded.due_at, \
  warned_at = excluded.warned_at, outcome = excluded.outcome, ended_at = excluded.ended_at, \
  ended_by = excluded.ended_by";

/// Follows what was done with a group, for this audience; `is_by_staff` is `None` for the program.
pub(crate) async fn follow(
    tx: &TxScope,
    group: &failure_group::Model,
    change: &Change,
    audience: Audience,
    is_by_staff: Option<bool>,
) -> Result<()> {
    let deed = match change {
        Change::Status { from, to } => match (from, to) {
            (None, to) => return if is_over(*to) { Ok(()) } else { begin(tx, group.id).await },
            (Some(from), to) if is_over(*from) => {
                return if is_over(*to) { Ok(()) } else { begin(tx, group.id).await };
            }
            // That it grows old, or grows, is nothing that anybody did.
            (Some(from), to) if is_unattended(*from) && is_unattended(*to) => return Ok(()),
            (Some(_), FailureGroupStatus::Acknowledged) => Some(SlaEnd::Acknowledged),
            (Some(_), FailureGroupStatus::Snoozed) => Some(SlaEnd::Snoozed),
            (Some(_), FailureGroupStatus::Resolved) => Some(SlaEnd::Resolved),
            (Some(_), FailureGroupStatus::Ignored) => Some(SlaEnd::Ignored),
            (Some(_), _) => None,
        },
        // The program hands over by escalation alone, which goes on by itself.
        Change::HandOver { .. } | Change::Comment if is_by_staff.is_none() => return Ok(()),
        // What staff say among themselves answers nobody.
        Change::Comment if audience != Audience::Customer => return Ok(()),
        Change::HandOver { .. } => Some(SlaEnd::HandedOver),
        Change::Comment => Some(SlaEnd::Commented),
        _ => return Ok(()),
    };
    let now = tx.app().clock().now();
    let mut courses = locked(tx, [group.id]).await?;
    let Some(course) = courses.get_mut(&group.id) else { return Ok(()) };
    // As it is after the change, and after what others have committed meanwhile.
    let group = tx
        .find::<failure_group::Entity>()
        .filter(failure_group::Column::Id.eq(group.id))
        .one(tx.connection())
        .await
        .doing("reading a group of failures")?;
    let Some(group) = group else { return Ok(()) };
    let after = GroupState::of(&group);
    let alarms = course.judge(now);
    if is_over(after.status) {
        course.stop(deed.unwrap_or(SlaEnd::Resolved), now);
    } else {
        // What a tenant's people do is no answer of the operator.
        if let (Some(deed), Some(true)) = (deed, is_by_staff) {
            course.respond(deed, now);
        }
        if matches!(change, Change::HandOver { .. }) {
            course.hand_over(after, now);
        } else {
            course.stand(after, now);
        }
    }
    store(tx, courses.into_values()).await?;
    for (clock, alarm) in alarms {
        telling::alarm(tx, &group, &clock, alarm).await?;
    }
    Ok(())
}

/// A group begins, or begins again.
async fn begin(tx: &TxScope, group_id: Uuid) -> Result<()> {
    // Its end went by an earlier program.
    let mut left = locked(tx, [group_id]).await?;
    for course in left.values_mut() {
        course.stop(SlaEnd::Resolved, tx.app().clock().now());
    }
    store(tx, left.into_values()).await?;
    let before = tx
        .find::<escalation::Entity>()
        .filter(escalation::Column::GroupId.eq(group_id))
        .one(tx.connection())
        .await
        .doing("reading the escalation of a group")?;
    let episode = before.map_or(0, |before| before.episode).saturating_add(1);
    let row = Course::begin(tx.tenant_id(), group_id, episode, tx.app().clock().now());
    store(tx, [Course { row, clocks: Vec::new() }].into_iter()).await
}

/// Groups became parts of another, whose clocks go on.
pub(crate) async fn merged(tx: &TxScope, groups: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let now = tx.app().clock().now();
    let mut courses = locked(tx, groups).await?;
    for course in courses.values_mut() {
        course.stop(SlaEnd::Merged, now);
    }
    store(tx, courses.into_values()).await
}

/// Somebody of the operator retries failures: that is an answer for the groups that these are of.
pub(crate) async fn retried(tx: &TxScope, actor: &Actor, retry_id: Uuid) -> Result<()> {
    use failure_group::Column;
    if !actor.is_staff() {
        return Ok(());
    }
    let of_failures = Query::select()
        .distinct()
        .column(failure::Column::GroupId)
        .from(failure::Entity)
        .and_where(failure::Column::TenantId.eq(tx.tenant_id()))
        .and_where(failure::Column::RetryId.eq(retry_id))
        .and_where(failure::Column::GroupId.is_not_null())
        .to_owned();
    // What was merged into another is decided about there.
    let decided = Query::select()
        .expr(Func::coalesce([Expr::col(Column::MergedIntoId), Expr::col(Column::Id)]))
        .from(failure_group::Entity)
        .and_where(Column::TenantId.eq(tx.tenant_id()))
        .and_where(Column::Id.in_subquery(of_failures))
        .to_owned();
    let groups = tx
        .find::<failure_group::Entity>()
        .filter(Column::Id.in_subquery(decided))
        .order_by_asc(Column::Id)
        .limit(ANSWERED_MAX)
        .all(tx.connection())
        .await
        .doing("reading the groups of a retry")?;
    let now = tx.app().clock().now();
    let mut courses = locked(tx, groups.iter().map(|group| group.id)).await?;
    let mut alarms = Vec::new();
    for group in &groups {
        let Some(course) = courses.get_mut(&group.id) else { continue };
        alarms.extend(course.judge(now).into_iter().map(|(clock, alarm)| (group, clock, alarm)));
        course.respond(SlaEnd::Retried, now);
    }
    store(tx, courses.into_values()).await?;
    for (group, clock, alarm) in alarms {
        telling::alarm(tx, group, &clock, alarm).await?;
    }
    Ok(())
}

/// The courses of these groups with their clocks that have not ended, locked until the transaction ends.
pub(crate) async fn locked(
    tx: &TxScope,
    groups: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Course>> {
    let groups: Vec<Uuid> = groups.into_iter().collect();
    if groups.is_empty() {
        return Ok(BTreeMap::new());
    }
    let doing = "reading the escalation of groups";
    let rows = tx
        .find::<escalation::Entity>()
        .filter(escalation::Column::GroupId.is_in(groups))
        .filter(escalation::Column::StoppedAt.is_null())
        .order_by_asc(escalation::Column::GroupId)
        .lock(LockType::NoKeyUpdate)
        .all(tx.connection())
        .await
        .doing(doing)?;
    let mut courses: BTreeMap<Uuid, Course> =
        rows.into_iter().map(|row| (row.group_id, Course { row, clocks: Vec::new() })).collect();
    if courses.is_empty() {
        return Ok(courses);
    }
    // Nobody changes a clock but with its course, which is locked.
    let clocks = tx
        .find::<sla_clock::Entity>()
        .filter(sla_clock::Column::GroupId.is_in(courses.keys().copied()))
        .filter(sla_clock::Column::EndedAt.is_null())
        .order_by_asc(sla_clock::Column::Id)
        .all(tx.connection())
        .await
        .doing(doing)?;
    for clock in clocks {
        if let Some(course) = courses.get_mut(&clock.group_id) {
            course.clocks.push(clock);
        }
    }
    Ok(courses)
}

/// Stores courses and their clocks as they are now.
pub(crate) async fn store(tx: &TxScope, courses: impl Iterator<Item = Course>) -> Result<()> {
    let (mut rows, mut clocks) = (Vec::new(), Vec::new());
    for course in courses {
        rows.push(course.row);
        clocks.extend(course.clocks);
    }
    let doing = "storing the escalation of groups";
    upsert_rows::<escalation::Entity>(tx.connection(), rows, COURSES, doing).await?;
    upsert_rows::<sla_clock::Entity>(tx.connection(), clocks, CLOCKS, doing).await
}
