//! Which runs something still needs.

use std::collections::HashSet;

use entity::failure::{self, FailureStatus};
use entity::job::{self, JobStatus};
use entity::quarantine::{self, QuarantineStatus};
use entity::run::{self, Column};
use entity::{exchange, integration_health, occasion, reconciliation, retry, stream_cursor, stream_schema};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::error::{Doing, Result};
use crate::scope::{TenantOwned, TxScope};

/// Retries of the runs of one step that are looked at. Where there are more, their runs stay.
const RETRIES_MAX: u64 = 2_000;

/// Those of these runs that nothing needs, locked.
pub(super) async fn take(tx: &TxScope, runs: &[Uuid]) -> Result<Vec<Uuid>> {
    let free: Vec<Uuid> = tx
        .find::<run::Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(runs.iter().copied()))
        .filter(none_of(tx, failure::Column::RunId))
        .filter(none_of(tx, failure::Column::ResolvedByRunId))
        .filter(none_of(tx, failure::Column::RetryRunId))
        .filter(none_of(tx, stream_cursor::Column::RunId))
        .filter(none_of(tx, stream_schema::Column::LearnedByRunId))
        .filter(none_of(tx, stream_schema::Column::ChangedByRunId))
        .filter(none_of(tx, integration_health::Column::LastRunId))
        .filter(none_of(tx, reconciliation::Column::AfterRunId))
        .filter(unless(
            of(tx, quarantine::Column::RunId),
            quarantine::Column::Status.eq(QuarantineStatus::Held),
        ))
        .filter(unless(of(tx, job::Column::SubjectId), job::Column::Status.ne(JobStatus::Done)))
        .filter(unless(of(tx, occasion::Column::RunId), occasion::Column::NoticedAt.is_null()))
        .filter(Expr::exists(retries_that_go_on(tx)).not())
        .filter(Expr::exists(exchanges_of_open_failures(tx)).not())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("taking runs that have been kept long enough")?;
    without_kept_retries(tx, free).await
}

/// Rows that name a run, inside a query of runs.
fn of<C>(tx: &TxScope, column: C) -> SelectStatement
where
    C: ColumnTrait,
    C::EntityName: TenantOwned,
{
    Query::select()
        .expr(Expr::val(1))
        .from(<C::EntityName>::default())
        .and_where(<C::EntityName>::tenant_column().eq(tx.tenant_id()))
        .and_where(Expr::col((<C::EntityName>::default(), column)).equals((run::Entity, Column::Id)))
        .to_owned()
}

fn none_of<C>(tx: &TxScope, column: C) -> Condition
where
    C: ColumnTrait,
    C::EntityName: TenantOwned,
{
    Condition::all().add(Expr::exists(of(tx, column)).not())
}

/// None of these rows is such.
fn unless(mut rows: SelectStatement, such: Expr) -> Condition {
    Condition::all().add(Expr::exists(rows.and_where(such).to_owned()).not())
}

fn retries_that_go_on(tx: &TxScope) -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(retry::Entity)
        .and_where(retry::Column::TenantId.eq(tx.tenant_id()))
        .and_where(Expr::col((retry::Entity, retry::Column::Id)).equals((run::Entity, Column::RetryId)))
        .and_where(retry::Column::FinishedAt.is_null())
        .to_owned()
}

/// A retry of a failure may have sent what it came of, in another run than the failure is of.
fn exchanges_of_open_failures(tx: &TxScope) -> SelectStatement {
    of(tx, exchange::Column::RunId)
        .inner_join(
            failure::Entity,
            Expr::col((failure::Entity, failure::Column::ExchangeId))
                .equals((exchange::Entity, exchange::Column::Id)),
        )
        .and_where(failure::Column::TenantId.eq(tx.tenant_id()))
        .and_where(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]))
        .to_owned()
}

/// Without runs that were retried by one that stays.
async fn without_kept_retries(tx: &TxScope, free: Vec<Uuid>) -> Result<Vec<Uuid>> {
    if free.is_empty() {
        return Ok(free);
    }
    let retries: Vec<(Uuid, Option<Uuid>)> = tx
        .find::<run::Entity>()
        .select_only()
        .columns([Column::Id, Column::RetryOfId])
        .filter(Column::RetryOfId.is_in(free.iter().copied()))
        .limit(RETRIES_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for retries of runs")?;
    if retries.len() as u64 == RETRIES_MAX {
        return Ok(Vec::new());
    }
    let mut going: HashSet<Uuid> = free.into_iter().collect();
    loop {
        let staying: Vec<Uuid> = retries
            .iter()
            .filter(|(retry, _)| !going.contains(retry))
            .filter_map(|(_, original)| *original)
            .filter(|original| going.contains(original))
            .collect();
        if staying.is_empty() {
            return Ok(going.into_iter().collect());
        }
        for original in staying {
            going.remove(&original);
        }
    }
}
