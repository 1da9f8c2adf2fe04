//! Failures that were dealt with long enough ago. Kept all the same, until the next round looks at them again:
//!
//! - that an integration is held for,
//! - of a run that has not ended, and of a retry that goes on,
//! - of a reconciliation that has open ones: whether it is recovered is told by counting all of them.
//!
//! What refers to the others and stays refers to nothing then: the run whose failure as a whole it was, differences of a
//! reconciliation, and occasions. Their group keeps its counts, which are not counted from rows.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::failure::{self, Column};
use entity::{integration, occasion, reconciliation_difference, retry, reveal, run};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::record::{OVER, Over, delete_exchanges, over};
use super::{Position, Step, delete_some};
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// Failures that one step looks at.
const ROWS_MAX: u64 = 500;
/// Times that their records were shown, and differences that name them, of which one step deletes no more.
const REVEALS_MAX: u64 = 2_000;

pub(super) async fn step(tx: &TxScope, before: DateTime<Utc>, after: Option<Position>) -> Result<Step> {
    let page = over(tx, before, after, ROWS_MAX).await?;
    let is_over = (page.len() as u64) < ROWS_MAX;
    let until = page.last().and_then(Over::position).or(after);
    let taken = take(tx, &page).await?;
    let (ids, exchanges): (Vec<Uuid>, Vec<Option<Uuid>>) = taken.into_iter().unzip();
    if ids.is_empty() {
        return Ok(Step { removed: 0, until, is_over });
    }
    let revealed = (reveal::Column::FailureId, ids.as_slice());
    if !delete_some::<reveal::Entity>(tx, revealed, reveal::Column::Id, REVEALS_MAX).await? {
        return Ok(Step { removed: 0, until: after, is_over: false });
    }
    let runs: HashSet<Uuid> = page.iter().map(|row| row.run_id).collect();
    forget(tx, &ids, runs).await?;
    delete_exchanges(tx, exchanges.into_iter().flatten().collect()).await?;
    let deleted = tx
        .delete::<failure::Entity>()
        .filter(Column::Id.is_in(ids))
        .exec(tx.connection())
        .await
        .doing("deleting failures")?;
    Ok(Step { removed: deleted.rows_affected, until, is_over })
}

/// Those of a page that may go, locked, each with its exchange.
async fn take(tx: &TxScope, page: &[Over]) -> Result<Vec<(Uuid, Option<Uuid>)>> {
    if page.is_empty() {
        return Ok(Vec::new());
    }
    let runs: HashSet<Uuid> = page.iter().map(|row| row.run_id).collect();
    let still_counted: Vec<Uuid> = tx
        .find::<run::Entity>()
        .select_only()
        .column(run::Column::Id)
        .filter(run::Column::Id.is_in(runs))
        .filter(run::Column::ReconciliationId.is_not_null())
        .filter(Expr::exists(open_of_run(tx)))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for reconciliations with open failures")?;
    let own = |column| Expr::col((failure::Entity, column));
    let held = Query::select()
        .expr(Expr::val(1))
        .from(integration::Entity)
        .and_where(integration::Column::TenantId.eq(tx.tenant_id()))
        .and_where(own(Column::IntegrationId).equals((integration::Entity, integration::Column::Id)))
        .and_where(own(Column::Id).equals((integration::Entity, integration::Column::HoldFailureId)))
        .to_owned();
    let of_run = Query::select()
        .expr(Expr::val(1))
        .from(run::Entity)
        .and_where(run::Column::TenantId.eq(tx.tenant_id()))
        .and_where(own(Column::RunId).equals((run::Entity, run::Column::Id)))
        .and_where(run::Column::FinishedAt.is_null())
        .to_owned();
    let of_retry = Query::select()
        .expr(Expr::val(1))
        .from(retry::Entity)
        .and_where(retry::Column::TenantId.eq(tx.tenant_id()))
        .and_where(own(Column::RetryId).equals((retry::Entity, retry::Column::Id)))
        .and_where(retry::Column::FinishedAt.is_null())
        .to_owned();
    tx.find::<failure::Entity>()
        .select_only()
        .columns([Column::Id, Column::ExchangeId])
        .filter(Column::Id.is_in(page.iter().map(|row| row.id)))
        .filter(Column::Status.is_in(OVER))
        .filter(Column::RunId.is_not_in(still_counted))
        .filter(Expr::exists(held).not())
        .filter(Expr::exists(of_run).not())
        .filter(Expr::exists(of_retry).not())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("taking failures that have been kept long enough")
}

/// Failures of a run that are not dealt with, inside a query of runs.
fn open_of_run(tx: &TxScope) -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(failure::Entity)
        .and_where(Column::TenantId.eq(tx.tenant_id()))
        .and_where(Expr::col((failure::Entity, Column::RunId)).equals((run::Entity, run::Column::Id)))
        .and_where(Column::Status.is_not_in(OVER))
        .to_owned()
}

/// Lets go of failures what stays without them.
async fn forget(tx: &TxScope, ids: &[Uuid], runs: HashSet<Uuid>) -> Result<()> {
    let ids = || ids.iter().copied();
    tx.update::<run::Entity>()
        .col_expr(run::Column::FailureId, Expr::value(None::<Uuid>))
        .filter(run::Column::Id.is_in(runs))
        .filter(run::Column::FailureId.is_in(ids()))
        .exec(tx.connection())
        .await
        .doing("letting go of why runs failed")?;
    tx.update::<reconciliation_difference::Entity>()
        .col_expr(reconciliation_difference::Column::FailureId, Expr::value(None::<Uuid>))
        .filter(reconciliation_difference::Column::FailureId.is_in(ids()))
        .exec(tx.connection())
        .await
        .doing("letting go of failures of a reconciliation")?;
    tx.update::<occasion::Entity>()
        .col_expr(occasion::Column::FailureId, Expr::value(None::<Uuid>))
        .filter(occasion::Column::FailureId.is_in(ids()))
        .exec(tx.connection())
        .await
        .doing("letting go of failures that somebody was told of")?;
    Ok(())
}
