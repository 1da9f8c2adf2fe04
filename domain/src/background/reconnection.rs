//! What waited for a system that is connected again goes on: runs that its refusal ended are retried, and integrations
//! that were held for it are let go. Deliberately absent: failures of records, which no connection mends.

use std::collections::BTreeSet;

use entity::failure::{self, FailureStatus};
use entity::integration::{self, IntegrationStatus};
use entity::system;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::error::{Doing, Result};
use crate::health::status::{refresh_in, watch_from_now};
use crate::health::systems_changed;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// Codes of runs that a system's refusal ended, with the end that it refused.
const REFUSALS: [(&str, integration::Column, &str); 2] = [
    ("source.unauthorized", integration::Column::SourceId, "source"),
    ("destination.unauthorized", integration::Column::DestinationId, "destination"),
];
/// Integrations that are let go at once; a person resumes the rest.
const INTEGRATIONS_MAX: u64 = 500;
/// Runs that get an event.
const RUNS_TOLD_MAX: u64 = 500;

/// What goes on: how these integrations are is derived by [`TakenUp::settle`], last in the transaction.
#[derive(Debug, Default)]
#[must_use = "how the integrations are would be wrong"]
pub(crate) struct TakenUp {
    /// Integrations whose runs are retried.
    pub(crate) retried: usize,
    changed: BTreeSet<Uuid>,
    let_go: Vec<Uuid>,
}

impl TakenUp {
    /// Lets an integration go on that is held, and answers with what it is then.
    pub(crate) async fn let_go(&mut self, tx: &mut TxScope, id: Uuid) -> Result<IntegrationStatus> {
        let (status, is_let_go) = crate::integration::let_go_held(tx, id).await?;
        if is_let_go {
            self.changed.insert(id);
            self.let_go.push(id);
        }
        Ok(status)
    }

    /// Retries failures, and answers with the retry; `None` where there is nothing to try.
    pub(crate) async fn retry(
        &mut self,
        tx: &mut TxScope,
        by: &str,
        failures: Condition,
    ) -> Result<Option<Uuid>> {
        let Some(taken) = crate::retry::take_some(tx, by, failures).await? else { return Ok(None) };
        self.changed.extend(taken.integrations);
        Ok(Some(taken.retry.id))
    }

    /// Derives how they are, and those whose system it is. Comes last of all.
    pub(crate) async fn settle(self, tx: &TxScope, system_id: Uuid) -> Result<()> {
        // All of them in their order first, because each of the next locks its own.
        refresh_in(tx, self.changed).await?;
        for id in self.let_go {
            watch_from_now(tx, id).await?;
        }
        systems_changed(tx, &[system_id]).await
    }
}

/// Takes up what a system's refusal ended. The system's row is locked after this.
pub(crate) async fn take_up(tx: &mut TxScope, system: &system::Model) -> Result<TakenUp> {
    let mut taken_up = TakenUp::default();
    for id in held_for(tx, system.id).await? {
        taken_up.let_go(tx, id).await?;
    }
    let mut integrations = BTreeSet::new();
    for (run_id, integration_id, component) in refused_runs(tx, system.id).await? {
        integrations.insert(integration_id);
        let message = format!("`{}` is connected again. The run is retried.", system.name);
        let event = NewEvent::new("system.reauthorized", component, message);
        run_event::record(tx, run_id, vec![event]).await?;
    }
    if !integrations.is_empty() {
        let by = format!("Trestle, because {} is connected again", system.name);
        let failures = Condition::all()
            .add(failure::Column::Status.eq(FailureStatus::Open))
            .add(failure::Column::Id.in_subquery(refusals(tx.tenant_id(), system.id)));
        taken_up.retry(tx, &by, failures).await?;
        taken_up.retried = integrations.len();
    }
    // Groups behind jobs and runs, as everywhere.
    super::failure_group::resolve_refusals(tx, REFUSALS, system.id).await?;
    Ok(taken_up)
}

/// The failures of whole runs that a system's refusal ended, open or not.
fn refusals(tenant_id: Uuid, system_id: Uuid) -> SelectStatement {
    let mut each = Condition::any();
    for (code, side, _component) in REFUSALS {
        let of_side = Query::select()
            .column(integration::Column::Id)
            .from(integration::Entity)
            .and_where(integration::Column::TenantId.eq(tenant_id))
            .and_where(Expr::col(side).eq(system_id))
            .to_owned();
        each =
            each.add(failure::Column::Code.eq(code).and(failure::Column::IntegrationId.in_subquery(of_side)));
    }
    Query::select()
        .column(failure::Column::Id)
        .from(failure::Entity)
        .and_where(failure::Column::TenantId.eq(tenant_id))
        .cond_where(super::ending::of_the_whole())
        .cond_where(each)
        .to_owned()
}

/// Integrations that are held because of such a failure.
async fn held_for(tx: &TxScope, system_id: Uuid) -> Result<Vec<Uuid>> {
    tx.find::<integration::Entity>()
        .select_only()
        .column(integration::Column::Id)
        .filter(integration::Column::Status.eq(IntegrationStatus::Held))
        .filter(integration::Column::HoldFailureId.in_subquery(refusals(tx.tenant_id(), system_id)))
        .order_by_asc(integration::Column::Id)
        .limit(INTEGRATIONS_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading integrations that are held for a system")
}

/// Runs that such failures ended and nobody has taken up, each with its integration and its end.
async fn refused_runs(tx: &TxScope, system_id: Uuid) -> Result<Vec<(Uuid, Uuid, &'static str)>> {
    let rows: Vec<(Uuid, Uuid, String)> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::RunId)
        .column(failure::Column::IntegrationId)
        .column(failure::Column::Code)
        .filter(failure::Column::Status.eq(FailureStatus::Open))
        .filter(failure::Column::Id.in_subquery(refusals(tx.tenant_id(), system_id)))
        .order_by_desc(failure::Column::Id)
        .limit(RUNS_TOLD_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading runs that a system refused")?;
    let component = |code: &str| {
        REFUSALS.iter().find(|(of, ..)| *of == code).map_or("worker", |(_code, _side, component)| *component)
    };
    Ok(rows.into_iter().map(|(run, integration, code)| (run, integration, component(&code))).collect())
}
