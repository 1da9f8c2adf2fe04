//! Runs that ended long enough ago, with their events, streams, slices, measures, jobs, exchanges, decided quarantines and lines of
//! the log; and the reconciliation or backfill that none is left of. Kept all the same, until the next round looks at them again:
//!
//! - that a failure is of, was brought home by, or is retried by: failures go first, and open ones never do,
//! - that a stream's progress or fields come from, and the last run of an integration,
//! - that a run is a retry of which is kept; that a reconciliation came after; and one of a retry that goes on,
//! - with a page that somebody must decide about, a job that is not done, an exchange that an open failure came of,
//! - that somebody is still to be told of.
//!
//! Health, KPIs and the counts of groups are histories of their own, and are not counted from rows.

mod keeping;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::run::{self, Column};
use entity::{
    backfill, exchange, job, log_line, occasion, quarantine, reconciliation, reconciliation_difference,
    reconciliation_stream, run_event, run_metric, run_slice, run_stream,
};
use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Position, Step, delete_some};
use crate::error::{Doing, Result};
use crate::scope::{TenantOwned, TxScope};

/// Runs that one step looks at.
const ROWS_MAX: u64 = 200;
/// Rows of each table that one step deletes, where a run may have thousands.
const CHILDREN_MAX: u64 = 2_000;
/// Exchanges of 20 KiB that one step deletes.
const EXCHANGES_MAX: u64 = 500;

/// A run that ended long enough ago.
#[derive(Clone, FromQueryResult)]
struct Ended {
    id: Uuid,
    finished_at: Option<DateTime<Utc>>,
    backfill_id: Option<Uuid>,
    reconciliation_id: Option<Uuid>,
}

pub(super) async fn step(tx: &TxScope, before: DateTime<Utc>, after: Option<Position>) -> Result<Step> {
    let page = ended(tx, before, after).await?;
    let is_over = (page.len() as u64) < ROWS_MAX;
    let until = page.last().and_then(|run| Some(Position { at: run.finished_at?, id: run.id })).or(after);
    let all: Vec<Uuid> = page.iter().map(|run| run.id).collect();
    let runs: Vec<Uuid> = if all.is_empty() { all } else { keeping::take(tx, &all).await? };
    if runs.is_empty() {
        return Ok(Step { removed: 0, until, is_over });
    }
    let going: HashSet<Uuid> = runs.iter().copied().collect();
    let gone = || page.iter().filter(|run| going.contains(&run.id));
    let backfills = gone().filter_map(|run| run.backfill_id);
    let backfills = without_runs(tx, Column::BackfillId, backfills, &runs).await?;
    let compared = gone().filter_map(|run| run.reconciliation_id);
    let compared = without_runs(tx, Column::ReconciliationId, compared, &runs).await?;
    if !delete_many(tx, &runs, &compared).await? {
        return Ok(Step { removed: 0, until: after, is_over: false });
    }
    delete_few(tx, &runs).await?;
    let deleted = tx
        .delete::<run::Entity>()
        .filter(Column::Id.is_in(runs))
        .exec(tx.connection())
        .await
        .doing("deleting runs")?;
    delete_of(tx, backfill::Column::Id, &backfills).await?;
    delete_of(tx, reconciliation_stream::Column::ReconciliationId, &compared).await?;
    delete_of(tx, reconciliation::Column::Id, &compared).await?;
    Ok(Step { removed: deleted.rows_affected, until, is_over })
}

async fn ended(tx: &TxScope, before: DateTime<Utc>, after: Option<Position>) -> Result<Vec<Ended>> {
    let mut select = tx.find::<run::Entity>().filter(Column::FinishedAt.lt(before));
    if let Some(after) = after {
        select = select.filter(after.before(Column::FinishedAt, Column::Id));
    }
    select
        .select_only()
        .columns([Column::Id, Column::FinishedAt, Column::BackfillId, Column::ReconciliationId])
        .order_by(Column::FinishedAt, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(ROWS_MAX)
        .into_model()
        .all(tx.connection())
        .await
        .doing("looking for runs that ended long ago")
}

/// Those of these backfills or reconciliations whose runs are all going.
async fn without_runs(
    tx: &TxScope,
    column: Column,
    of: impl Iterator<Item = Uuid>,
    going: &[Uuid],
) -> Result<Vec<Uuid>> {
    let of: HashSet<Uuid> = of.collect();
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let others: Vec<Option<Uuid>> = tx
        .find::<run::Entity>()
        .select_only()
        .column(column)
        .filter(column.is_in(of.iter().copied()))
        .filter(Column::Id.is_not_in(going.iter().copied()))
        .distinct()
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for further runs")?;
    Ok(of.into_iter().filter(|id| !others.contains(&Some(*id))).collect())
}

/// Deletes some of what there may be a lot of. Whether none is left.
async fn delete_many(tx: &TxScope, runs: &[Uuid], compared: &[Uuid]) -> Result<bool> {
    let events = (run_event::Column::RunId, runs);
    let lines = (log_line::Column::RunId, runs);
    let exchanges = (exchange::Column::RunId, runs);
    let jobs = (job::Column::SubjectId, runs);
    let slices = (run_slice::Column::RunId, runs);
    let differences = (reconciliation_difference::Column::ReconciliationId, compared);
    Ok(delete_some::<run_event::Entity>(tx, events, run_event::Column::Id, CHILDREN_MAX).await?
        && delete_some::<log_line::Entity>(tx, lines, log_line::Column::Id, CHILDREN_MAX).await?
        && delete_some::<exchange::Entity>(tx, exchanges, exchange::Column::Id, EXCHANGES_MAX).await?
        // Jobs of slices refer to these.
        && delete_some::<job::Entity>(tx, jobs, job::Column::Id, CHILDREN_MAX).await?
        && delete_some::<run_slice::Entity>(tx, slices, run_slice::Column::Id, CHILDREN_MAX).await?
        && delete_some::<reconciliation_difference::Entity>(
            tx,
            differences,
            reconciliation_difference::Column::Id,
            CHILDREN_MAX,
        )
        .await?)
}

/// Deletes the rest, and lets go what stays.
async fn delete_few(tx: &TxScope, runs: &[Uuid]) -> Result<()> {
    delete_of(tx, run_stream::Column::RunId, runs).await?;
    delete_of(tx, run_metric::Column::RunId, runs).await?;
    delete_of(tx, quarantine::Column::RunId, runs).await?;
    tx.update::<occasion::Entity>()
        .col_expr(occasion::Column::RunId, Expr::value(None::<Uuid>))
        .filter(occasion::Column::RunId.is_in(runs.iter().copied()))
        .exec(tx.connection())
        .await
        .doing("letting go of runs that somebody was told of")?;
    Ok(())
}

async fn delete_of<C>(tx: &TxScope, column: C, ids: &[Uuid]) -> Result<()>
where
    C: ColumnTrait,
    C::EntityName: TenantOwned,
{
    if !ids.is_empty() {
        tx.delete::<C::EntityName>()
            .filter(column.is_in(ids.iter().copied()))
            .exec(tx.connection())
            .await
            .doing("deleting what belongs to runs")?;
    }
    Ok(())
}
