//! Groups that people know to be of one cause become one. Each keeps its failures, and what comes is counted in both, so
//! nothing moves, however many failures there are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::failure_group::{self, FailureGroupStatus};
use entity::failure_group_hour;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::FailureGroup;
use super::activity::{Change, NewActivity, record};
use super::decision::{checked_note, commit, found};
use crate::actor::Actor;
use crate::error::{Doing, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind};
use crate::permission::Permission;
use crate::scope::{TxScope, all_set};
use crate::validation::Problems;

/// Groups that one call merges.
const MERGED_MAX: usize = 50;

/// Merges groups into another of the same integration.
///
/// # Errors
/// Denied without `failure_groups:manage`. Rejected: `NOT_FOUND` groupId or mergeIds; mergeIds that are none, too many,
/// of another integration, merged already, or the group itself.
pub async fn merge(actor: &Actor, id: Uuid, merged: &[Uuid], note: Option<&str>) -> Result<FailureGroup> {
    use failure_group::Column;
    let scope = actor.authorize(Permission::FailureGroupManage)?;
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
    let rows = scope
        .find::<failure_group::Entity>()
        .filter(Column::Id.is_in(merged.iter().copied()))
        .filter(Column::FailureCount.gt(0))
        .all()
        .await?;
    let rows: BTreeMap<Uuid, failure_group::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut problems = Problems::default();
    for (index, merged) in merged.iter().enumerate() {
        let path = ["mergeIds".to_owned(), index.to_string()];
        let problem = match rows.get(merged) {
            None => Some(Problem::new(ProblemCode::NotFound, path, "no group of failures has this id")),
            Some(row) if row.id == into.id => Some(Problem::invalid(path, "is the group itself")),
            Some(row) if row.integration_id != into.integration_id => {
                Some(Problem::invalid(path, "is of another integration"))
            }
            Some(row) if row.merged_into_id.is_some() => {
                Some(Problem::new(ProblemCode::Conflict, path, "was merged already"))
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            problems.push(problem);
        }
    }
    problems.check()?;

    let mut tx = TxScope::begin(scope.app(), into.tenant_id).await?;
    let now = tx.app().clock().now();
    let ids: Vec<Uuid> = rows.keys().copied().collect();
    // Those that have some themselves bring them along.
    let taken = tx
        .update::<failure_group::Entity>()
        .col_expr(Column::MergedIntoId, Expr::value(Some(into.id)))
        .col_expr(Column::ResponsibleParty, Expr::value(into.responsible_party))
        .col_expr(Column::Status, Expr::value(FailureGroupStatus::Resolved))
        .col_expr(Column::StatusAt, Expr::value(now))
        .filter(
            Column::MergedIntoId
                .is_in(ids.iter().copied())
                .or(Column::Id.is_in(ids.iter().copied()).and(Column::MergedIntoId.is_null())),
        )
        .exec_with_returning(tx.connection())
        .await
        .doing("merging groups")?;
    let direct: Vec<&failure_group::Model> = taken.iter().filter(|row| rows.contains_key(&row.id)).collect();
    add(&tx, &into, &direct).await?;
    add_hours(&tx, into.id, &ids).await?;
    for row in &direct {
        let note = note.clone();
        record(&mut tx, row, NewActivity::by(actor, Change::Merge, note)).await?;
    }
    let names: Vec<String> =
        direct.iter().map(|row| GlobalId::new(Kind::FailureGroup, row.id).to_string()).collect();
    let names = names.join(", ");
    let said = note.map_or_else(|| names.clone(), |note| format!("{names}: {note}"));
    record(&mut tx, &into, NewActivity::by(actor, Change::Merge, Some(said.clone()))).await?;
    commit(tx, actor, &scope, into.id, Some(said)).await
}

/// Adds what the merged ones have counted.
async fn add(tx: &TxScope, into: &failure_group::Model, merged: &[&failure_group::Model]) -> Result<()> {
    use failure_group::Column;
    let sum = |of: fn(&failure_group::Model) -> i64| merged.iter().map(|row| of(row)).sum::<i64>();
    let times = merged.iter().map(|row| (row.first_seen_at, row.last_seen_at));
    let (first, last) = times.fold(
        (into.first_seen_at, into.last_seen_at),
        |(first, last): (DateTime<Utc>, DateTime<Utc>), (other_first, other_last)| {
            (std::cmp::min(first, other_first), std::cmp::max(last, other_last))
        },
    );
    tx.update::<failure_group::Entity>()
        .col_expr(Column::FailureCount, Expr::col(Column::FailureCount).add(sum(|row| row.failure_count)))
        // In how many runs together is not known; at least in so many.
        .col_expr(
            Column::RunCount,
            Expr::value(merged.iter().map(|row| row.run_count).fold(into.run_count, std::cmp::max)),
        )
        .col_expr(Column::FirstSeenAt, Expr::value(first))
        .col_expr(Column::LastSeenAt, Expr::value(last))
        .filter(Column::Id.eq(into.id))
        .exec(tx.connection())
        .await
        .doing("adding what merged groups counted")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an upsert of rows of the tenant, in one statement")]
async fn add_hours(tx: &TxScope, into: Uuid, merged: &[Uuid]) -> Result<()> {
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
    let count = (failure_group_hour::Entity, Column::FailureCount);
    let sum = Expr::col(count).add(Expr::col((Alias::new("excluded"), Column::FailureCount)));
    let mut rows = hours.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(1_000).map(|(hour_at, failure_count)| {
            let tenant_id = tx.tenant_id();
            all_set::<failure_group_hour::Entity>(failure_group_hour::Model {
                tenant_id,
                group_id: into,
                hour_at,
                failure_count,
            })
        });
        failure_group_hour::Entity::insert_many(some)
            .on_conflict(
                OnConflict::columns([Column::TenantId, Column::GroupId, Column::HourAt])
                    .value(Column::FailureCount, sum.clone())
                    .to_owned(),
            )
            .exec_without_returning(tx.connection())
            .await
            .doing("adding the hours of merged groups")?;
    }
    Ok(())
}
