//! Groups that people know to be of one cause become one. Each keeps its failures, and what comes is counted in both, so
//! nothing moves, however many failures there are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::failure_group::{self, FailureGroupStatus as Status};
use entity::failure_group_hour;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::activity::{Change, NewActivity, record};
use super::decision::{checked_note, commit, found};
use super::{FailureGroup, add_hours};
use crate::actor::Actor;
use crate::background::failure_group::lock;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::escalation::follow::merged as escalation_merged;
use crate::health::status::refresh_in;
use crate::id::{GlobalId, Kind};
use crate::impact::Stakes;
use crate::permission::Permission;
use crate::scope::TxScope;
use crate::validation::Problems;

/// Groups that one call merges.
const MERGED_MAX: usize = 50;

/// Merges groups into another of the same integration. It goes on if it was over and one of them was not; who acts next on
/// it does so on all.
///
/// # Errors
/// Denied without `failure_groups:dismiss`. Rejected: `NOT_FOUND` groupId or mergeIds; mergeIds that are none, too many,
/// of another integration, merged already, or the group itself; `FORBIDDEN` mergeIds for a tenant's people where another
/// party acts next on them than on the group: that is handed over, with a reason.
pub async fn merge(actor: &Actor, id: Uuid, merged: &[Uuid], note: Option<&str>) -> Result<FailureGroup> {
    use failure_group::Column;
    let scope = actor.authorize(Permission::FailureGroupDismiss)?;
    let into = found(&scope, id).await?;
    let mut problems = Problems::default();
    let note = checked_note(&mut problems, "note", note, false);
    match merged.len() {
        0 => problems.add(ProblemCode::Required, "mergeIds", "name at least one group"),
        1..=MERGED_MAX => {}
        many => {
            let message = format!("names {many} groups; at most {MERGED_MAX}");
            problems.add(ProblemCode::LimitReached, "mergeIds", message);
        }
    }
    problems.check()?;
    let rows =
        scope.find::<failure_group::Entity>().filter(Column::Id.is_in(merged.iter().copied())).all().await?;
    check(actor, &into, merged, &rows.into_iter().map(|row| (row.id, row)).collect())?;

    let ids: BTreeSet<Uuid> = merged.iter().copied().collect();
    let mut tx = TxScope::begin(scope.app(), into.tenant_id).await?;
    let now = tx.app().clock().now();
    // Of two calls at once the second one waits here, and is judged by what the first one has made of the groups: no two
    // are ever merged into each other.
    let which = Condition::any()
        .add(Column::Id.is_in(ids.iter().copied().chain([id])))
        .add(Column::MergedIntoId.is_in(ids.iter().copied()));
    let rows = lock(&tx, which).await?;
    let into = rows.get(&id).filter(|row| row.merged_into_id.is_none());
    let into =
        into.ok_or_else(|| Error::conflict("groupId", "it has changed meanwhile; look at it again"))?;
    check(actor, into, merged, &rows)?;
    let direct: Vec<&failure_group::Model> = rows.values().filter(|row| ids.contains(&row.id)).collect();
    tx.update::<failure_group::Entity>()
        .col_expr(Column::MergedIntoId, Expr::value(Some(id)))
        .col_expr(Column::ResponsibleParty, Expr::value(into.responsible_party))
        // Those that have some themselves bring them along.
        .filter(Column::Id.is_in(ids.iter().copied()).or(Column::MergedIntoId.is_in(ids.iter().copied())))
        .exec(tx.connection())
        .await
        .doing("merging groups")?;
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Status, Expr::value(Status::Resolved))
        .col_expr(Column::StatusAt, Expr::value(now))
        .col_expr(Column::ResolvedAt, Expr::value(Some(now)))
        .col_expr(Column::SnoozedUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::SnoozedUntilCount, Expr::value(None::<i64>))
        .col_expr(Column::SnoozedUntilHourCount, Expr::value(None::<i64>))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .exec(tx.connection())
        .await
        .doing("ending groups that were merged")?;
    escalation_merged(&tx, ids.iter().copied()).await?;
    add(&tx, into, &direct).await?;
    take_hours(&tx, id, &ids).await?;
    for row in &direct {
        let note = note.clone();
        record(&mut tx, row, NewActivity::by(actor, Change::Merge, note)).await?;
    }
    let names: Vec<String> =
        direct.iter().map(|row| GlobalId::new(Kind::FailureGroup, row.id).to_string()).collect();
    let names = names.join(", ");
    let said = note.map_or_else(|| names.clone(), |note| format!("{names}: {note}"));
    record(&mut tx, into, NewActivity::by(actor, Change::Merge, Some(said.clone()))).await?;
    let goes_on = direct.iter().any(|row| !matches!(row.status, Status::Resolved | Status::Ignored));
    if into.status == Status::Resolved && goes_on {
        go_on(&mut tx, actor, into, now).await?;
    }
    // Whether it waits for the customer.
    refresh_in(&tx, [into.integration_id]).await?;
    commit(tx, actor, &scope, id, Some(said)).await
}

/// Refuses what can't be merged into a group.
fn check(
    actor: &Actor,
    into: &failure_group::Model,
    merged: &[Uuid],
    rows: &BTreeMap<Uuid, failure_group::Model>,
) -> Result<()> {
    let mut problems = Problems::default();
    for (index, merged) in merged.iter().enumerate() {
        let path = ["mergeIds".to_owned(), index.to_string()];
        let problem = match rows.get(merged).filter(|row| row.failure_count > 0) {
            None => Some(Problem::new(ProblemCode::NotFound, path, "no group of failures has this id")),
            Some(row) if row.id == into.id => Some(Problem::invalid(path, "is the group itself")),
            Some(row) if row.integration_id != into.integration_id => {
                Some(Problem::invalid(path, "is of another integration"))
            }
            Some(row) if row.merged_into_id.is_some() => {
                Some(Problem::new(ProblemCode::Conflict, path, "was merged already"))
            }
            // Merging it would hand it over.
            Some(row) if !actor.is_staff() && row.responsible_party != into.responsible_party => {
                let message = "another party acts next on it than on the group";
                Some(Problem::new(ProblemCode::Forbidden, path, message))
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            problems.push(problem);
        }
    }
    problems.check()
}

/// Adds what the merged ones have counted. A snooze until a number of failures waits for as many more as before.
async fn add(tx: &TxScope, into: &failure_group::Model, merged: &[&failure_group::Model]) -> Result<()> {
    use failure_group::Column;
    let count: i64 = merged.iter().map(|row| row.failure_count).sum();
    let first = merged.iter().map(|row| row.first_seen_at).fold(into.first_seen_at, std::cmp::min);
    let last = merged.iter().map(|row| row.last_seen_at).fold(into.last_seen_at, std::cmp::max);
    let stakes = merged.iter().map(|row| Stakes::of(row)).fold(Stakes::of(into), Stakes::join);
    tx.update::<failure_group::Entity>()
        .col_expr(Column::FailureCount, Expr::col(Column::FailureCount).add(count))
        .col_expr(Column::SnoozedUntilCount, Expr::col(Column::SnoozedUntilCount).add(count))
        // In how many runs together is not known; at least in so many.
        .col_expr(
            Column::RunCount,
            Expr::value(merged.iter().map(|row| row.run_count).fold(into.run_count, std::cmp::max)),
        )
        .col_expr(Column::FirstSeenAt, Expr::value(first))
        .col_expr(Column::LastSeenAt, Expr::value(last))
        .col_expr(Column::Impact, Expr::value(stakes.impact))
        .col_expr(Column::Urgency, Expr::value(stakes.urgency()))
        .col_expr(Column::ValueAtStake, Expr::value(stakes.value))
        .filter(Column::Id.eq(into.id))
        .exec(tx.connection())
        .await
        .doing("adding what merged groups counted")?;
    Ok(())
}

/// Adds what the merged ones have counted by the hour.
async fn take_hours(tx: &TxScope, into: Uuid, merged: &BTreeSet<Uuid>) -> Result<()> {
    use failure_group_hour::Column;
    let rows = tx
        .find::<failure_group_hour::Entity>()
        .filter(Column::GroupId.is_in(merged.iter().copied()))
        .all(tx.connection())
        .await
        .doing("reading the hours of merged groups")?;
    let mut hours: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
    for row in rows {
        *hours.entry(row.hour_at).or_default() += row.failure_count;
    }
    let hours = hours.into_iter().map(|(hour_at, failure_count)| failure_group_hour::Model {
        tenant_id: tx.tenant_id(),
        group_id: into,
        hour_at,
        failure_count,
    });
    add_hours(tx, hours.collect()).await
}

/// It was over, and something of what was merged into it is not.
async fn go_on(
    tx: &mut TxScope,
    actor: &Actor,
    into: &failure_group::Model,
    now: DateTime<Utc>,
) -> Result<()> {
    use failure_group::Column;
    tx.update::<failure_group::Entity>()
        .col_expr(Column::Status, Expr::value(Status::Ongoing))
        .col_expr(Column::StatusAt, Expr::value(now))
        .col_expr(Column::ResolvedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(into.id))
        .exec(tx.connection())
        .await
        .doing("letting a group go on")?;
    let change = Change::Status { from: Some(into.status), to: Status::Ongoing };
    record(tx, into, NewActivity::by(actor, change, None)).await
}
