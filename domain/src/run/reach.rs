//! What a run reads: runs of different reach say nothing of each other. Deliberately absent: what it does with it.

use entity::{failure, run};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Query};
use uuid::Uuid;

use crate::scope::TxScope;

/// The range or the comparison that a run is of; neither for ordinary runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reach {
    /// Whose range it reads.
    pub(crate) backfill_id: Option<Uuid>,
    /// What it compares.
    pub(crate) reconciliation_id: Option<Uuid>,
}

impl Reach {
    /// Of a run.
    pub(crate) fn of(run: &run::Model) -> Self {
        Self { backfill_id: run.backfill_id, reconciliation_id: run.reconciliation_id }
    }

    /// Failures of the runs of this reach.
    pub(crate) fn failures(self, tx: &TxScope) -> Condition {
        let is = |column: run::Column, id: Option<Uuid>| match id {
            Some(id) => column.eq(id),
            None => column.is_null(),
        };
        let which = Condition::all()
            .add(is(run::Column::BackfillId, self.backfill_id))
            .add(is(run::Column::ReconciliationId, self.reconciliation_id));
        of_runs(tx, which)
    }
}

/// Failures of runs that compare.
pub(crate) fn failures_of_comparisons(tx: &TxScope) -> Condition {
    of_runs(tx, Condition::all().add(run::Column::ReconciliationId.is_not_null()))
}

fn of_runs(tx: &TxScope, which: Condition) -> Condition {
    let runs = Query::select()
        .column(run::Column::Id)
        .from(run::Entity)
        .and_where(run::Column::TenantId.eq(tx.tenant_id()))
        .cond_where(which)
        .to_owned();
    Condition::all().add(failure::Column::RunId.in_subquery(runs))
}
