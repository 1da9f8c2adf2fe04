//! A run that was PARTIAL or FAILED becomes RECOVERED once every failure of it is dealt with.

use std::collections::{BTreeMap, BTreeSet};

use entity::failure::{self, FailureStatus};
use entity::occasion::OccasionKind;
use entity::run::{self, RunScope, RunStatus};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::error::{Doing, Result};
use crate::occasion::{self, NewOccasion};
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// Runs that one occasion names: 20 KB.
const RUNS_TOLD_MAX: usize = 500;

/// Marks those of these runs, and of the retries of them, that have nothing left.
pub(crate) async fn recover(tx: &mut TxScope, runs: &BTreeSet<Uuid>) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let failures = || {
        Query::select()
            .expr(Expr::val(1))
            .from(failure::Entity)
            .and_where(failure::Column::TenantId.eq(tx.tenant_id()))
            .and_where(
                Expr::col((failure::Entity, failure::Column::RunId)).equals((run::Entity, run::Column::Id)),
            )
            .to_owned()
    };
    let open = failures()
        .and_where(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]))
        .to_owned();
    let ended_badly = run::Column::Status.is_in([RunStatus::Partial, RunStatus::Failed]);
    let recovered = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.is_in(runs.iter().copied()))
        .filter(ended_badly.clone())
        .filter(Expr::exists(failures()))
        .filter(Expr::exists(open.clone()).not())
        .all(tx.connection())
        .await
        .doing("reading runs that recovered")?;
    let recovered = without_uncounted(tx, recovered).await?;
    if recovered.is_empty() {
        return Ok(());
    }
    // A retry that failed again has no record failures of its own: it is over when its original is.
    let retries = tx
        .find::<run::Entity>()
        .filter(run::Column::RetryOfId.is_in(recovered.iter().map(|run| run.id)))
        .filter(run::Column::Scope.eq(RunScope::FailedRecords))
        .filter(ended_badly)
        .filter(Expr::exists(open).not())
        .limit(1_000)
        .all(tx.connection())
        .await
        .doing("reading retries that recovered")?;
    let all: Vec<run::Model> = recovered.into_iter().chain(retries).collect();
    tx.update::<run::Entity>()
        .col_expr(run::Column::Status, Expr::value(RunStatus::Recovered))
        .filter(run::Column::Id.is_in(all.iter().map(|run| run.id)))
        .exec(tx.connection())
        .await
        .doing("storing that runs recovered")?;
    tell(tx, &all).await?;
    for run in all {
        let event = NewEvent::new("run.recovered", "worker", "Every failure of this run is dealt with.");
        run_event::record(tx, run.id, vec![event]).await?;
        tx.tell_after_commit(crate::run::changed(&run));
    }
    Ok(())
}

/// One occasion for all that recovered of an integration at once, in parts that a row can hold.
async fn tell(tx: &TxScope, runs: &[run::Model]) -> Result<()> {
    let mut by_integration: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for run in runs {
        by_integration.entry(run.integration_id).or_default().push(run.id);
    }
    for (integration_id, runs) in by_integration {
        for part in runs.chunks(RUNS_TOLD_MAX) {
            let ids: Vec<String> = part.iter().map(Uuid::to_string).collect();
            let told = NewOccasion::new(OccasionKind::Recovered)
                .integration(integration_id)
                .run(part[0])
                .detail("runs", ids);
            occasion::record(tx, told).await?;
        }
    }
    Ok(())
}

/// Without reconciliations that found more than they made failures of: what is left is nobody's.
async fn without_uncounted(tx: &TxScope, runs: Vec<run::Model>) -> Result<Vec<run::Model>> {
    let mut recovered = Vec::with_capacity(runs.len());
    for run in runs {
        if run.reconciliation_id.is_some() {
            let made = tx
                .find::<failure::Entity>()
                .filter(failure::Column::RunId.eq(run.id))
                .count(tx.connection())
                .await
                .doing("counting the failures of a reconciliation")?;
            if i64::try_from(made).is_ok_and(|made| made < run.failed_count) {
                continue;
            }
        }
        recovered.push(run);
    }
    Ok(recovered)
}
