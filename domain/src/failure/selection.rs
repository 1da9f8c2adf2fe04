//! Failures that one call takes together, and the decision to leave their records out. Retrying them stands in `retry`.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::failure::{self, FailureStatus};
use sea_orm::sea_query::{Condition, Expr, LockType};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{FailureFilter, changed};
use crate::actor::Actor;
use crate::background::failure_group::{self, Tally};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::health::status::refresh_in;
use crate::id::Kind;
use crate::permission::Permission;
use crate::scope::{Scope, TxScope};

/// Most failures that one call may name by id.
const IDS_MAX: usize = 1_000;
/// Failures of a bulk change that listeners are told of one by one.
const TOLD_MAX: usize = 200;
/// Failures that one statement skips: SQLite takes 32,766 parameters.
const SKIPPED_ROWS: usize = 10_000;
/// Longest reason of a skip, in characters.
const REASON_CHARACTERS_MAX: usize = 1_000;

/// A failure that is skipped: its id, run, integration and group, when it failed, and what is at stake with it.
type Skipped = (Uuid, Uuid, Uuid, Option<Uuid>, DateTime<Utc>, Option<i64>);

/// What a bulk operation is to take.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Selection {
    /// These.
    Ids(Vec<Uuid>),
    /// All that match.
    Filter(Box<FailureFilter>),
}

/// The tenant whose failures a selection names, and the condition for them.
pub(crate) async fn select(scope: &Scope, selection: &Selection) -> Result<Option<(Uuid, Condition)>> {
    match selection {
        Selection::Ids(ids) => {
            if ids.is_empty() {
                return Err(Error::rejected(Problem::required(["failureIds"], "name at least one failure")));
            }
            if ids.len() > IDS_MAX {
                let message = format!("names {} failures; at most {IDS_MAX}, or use a filter", ids.len());
                return Err(Error::rejected(Problem::new(
                    ProblemCode::LimitReached,
                    ["failureIds"],
                    message,
                )));
            }
            let rows: HashMap<Uuid, (Uuid, FailureStatus)> = scope
                .find::<failure::Entity>()
                .of_ids(failure::Column::Id, ids.iter().copied())
                .all()
                .await?
                .into_iter()
                .map(|row| (row.id, (row.tenant_id, row.status)))
                .collect();
            let mut problems = Vec::new();
            let mut tenant = None;
            for (index, id) in ids.iter().enumerate() {
                let path = ["failureIds".to_owned(), index.to_string()];
                match rows.get(id) {
                    None => {
                        problems.push(Problem::new(ProblemCode::NotFound, path, "no failure has this id"));
                    }
                    Some((_, status)) if *status != FailureStatus::Open => {
                        problems.push(Problem::new(ProblemCode::Conflict, path, not_open(*status)));
                    }
                    Some((tenant_id, _)) if *tenant.get_or_insert(*tenant_id) != *tenant_id => {
                        problems.push(Problem::invalid(
                            path,
                            "belongs to another tenant than the ones before it",
                        ));
                    }
                    Some(_) => {}
                }
            }
            if !problems.is_empty() {
                return Err(Error::Rejected(problems));
            }
            let condition = Condition::all()
                .add(failure::Column::Id.is_in(ids.iter().copied()))
                .add(failure::Column::Status.eq(FailureStatus::Open));
            Ok(tenant.map(|tenant| (tenant, condition)))
        }
        Selection::Filter(filter) => {
            let condition = filter.condition(scope).add(failure::Column::Status.eq(FailureStatus::Open));
            // The smallest and the largest tenant tell whether there is one, without reading the rows.
            let end = |order| {
                scope
                    .find::<failure::Entity>()
                    .filter(condition.clone())
                    .order_by(failure::Column::TenantId, order)
                    .limit(1)
                    .one()
            };
            let Some(first) = end(sea_orm::Order::Asc).await? else { return Ok(None) };
            let last = end(sea_orm::Order::Desc).await?;
            if last.is_some_and(|last| last.tenant_id != first.tenant_id) {
                return Err(Error::rejected(Problem::required(
                    ["filter", "tenantId"],
                    "these failures belong to several tenants; name one",
                )));
            }
            Ok(Some((first.tenant_id, condition)))
        }
    }
}

pub(crate) fn not_open(status: FailureStatus) -> &'static str {
    match status {
        FailureStatus::Retrying => "is being retried already",
        FailureStatus::Resolved => "is resolved already",
        FailureStatus::Skipped => "was skipped",
        FailureStatus::Superseded => "was superseded by a later run",
        FailureStatus::Open => "is open",
    }
}

/// Leaves records out: their failures become SKIPPED. Answers with how many.
///
/// # Errors
/// Denied without `failures:skip`. Rejected: staff must give a reason; ids that are not there or not open.
pub async fn skip(actor: &Actor, selection: &Selection, reason: Option<&str>) -> Result<u64> {
    let scope = actor.authorize(Permission::FailureSkip)?;
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if actor.is_staff() && reason.is_none() {
        return Err(Error::rejected(Problem::required(["reason"], "say why these records are left out")));
    }
    if reason.is_some_and(|reason| reason.chars().count() > REASON_CHARACTERS_MAX) {
        let message = format!("has more than {REASON_CHARACTERS_MAX} characters");
        return Err(Error::rejected(Problem::new(ProblemCode::TooLong, ["reason"], message)));
    }
    let Some((tenant_id, condition)) = select(&scope, selection).await? else { return Ok(0) };
    let mut tx = TxScope::begin(scope.app(), tenant_id).await?;
    let now = tx.app().clock().now();
    // Of two calls at once the second one waits here, and takes what the first one has left: what is at stake is taken from a
    // group once.
    let rows: Vec<Skipped> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::Id)
        .column(failure::Column::RunId)
        .column(failure::Column::IntegrationId)
        .column(failure::Column::GroupId)
        .column(failure::Column::FailedAt)
        .column(failure::Column::ValueAtStake)
        .filter(condition)
        .order_by_asc(failure::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading the failures to skip")?;
    for some in rows.chunks(SKIPPED_ROWS) {
        tx.update::<failure::Entity>()
            .col_expr(failure::Column::Status, Expr::value(FailureStatus::Skipped))
            .col_expr(failure::Column::ResolvedAt, Expr::value(Some(now)))
            .col_expr(failure::Column::SkipReason, Expr::value(reason.map(str::to_owned)))
            .col_expr(failure::Column::SkippedBy, Expr::value(Some(actor.name().to_owned())))
            .filter(failure::Column::Id.is_in(some.iter().map(|(id, ..)| *id)))
            .exec(tx.connection())
            .await
            .doing("skipping failures")?;
    }
    let skipped = rows.len() as u64;
    let runs: BTreeSet<Uuid> = rows.iter().map(|(_, run, ..)| *run).collect();
    crate::background::recovery::recover(&mut tx, &runs).await?;
    let mut tally = Tally::default();
    for (.., group_id, failed_at, value) in &rows {
        tally.leave(*group_id, *failed_at, *value);
    }
    failure_group::leave(&mut tx, tally).await?;
    refresh_in(&tx, rows.iter().map(|(_, _, integration_id, ..)| *integration_id)).await?;
    let only = if let [(id, ..)] = rows[..] { Some(id) } else { None };
    for (id, _, integration_id, ..) in rows.into_iter().take(TOLD_MAX) {
        tx.tell_after_commit(changed(tenant_id, id, integration_id));
    }
    let tx = match only {
        Some(id) => tx.about(Kind::Failure, id),
        None => tx,
    };
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    tx.detail(format!("{skipped} failures{reason}")).commit().await?;
    Ok(skipped)
}
