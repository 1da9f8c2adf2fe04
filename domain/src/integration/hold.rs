//! Holds: an integration whose runs fail one after the other, or whose source has changed where that is to hold it, stops
//! by itself until a person lets it go on. Deliberately absent: a timer that lets it go; what failed so often fails again until somebody mends it.

use entity::integration::{self, IntegrationStatus};
use entity::{failure, quarantine, run};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::status::hold;
use super::{reread, store_next_run};
use crate::error::{Doing, ProblemCode, Result};
use crate::health::status::refresh_in;
use crate::id::{GlobalId, Kind};
use crate::incident::fault::is_of_incident;
use crate::job;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::validation::Problems;

/// Failed runs in a row after which an integration is held when nobody says: with the attempts of each run that is a
/// cause that does not go away.
pub const HOLD_AFTER_DEFAULT: i32 = 10;
/// For how many at most.
pub const HOLD_AFTER_MAX: i32 = 1_000;

/// Counts a run that could not go on, and holds its integration when there were as many in a row as it allows. What an
/// outage of many ends is not counted: nobody could mend it, and it goes on by itself.
pub(crate) async fn count_failed_run(tx: &TxScope, run: &run::Model, failure: &failure::Model) -> Result<()> {
    let id = run.integration_id;
    if is_of_incident(tx, id, &failure.code).await? {
        return Ok(());
    }
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::FailedRunCount, Expr::col(integration::Column::FailedRunCount).add(1))
        .filter(integration::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("counting a failed run")?;
    let row = reread(tx, id).await?;
    let is_due = row.hold_after > 0 && row.failed_run_count >= row.hold_after;
    if !is_due || row.status != IntegrationStatus::Active {
        return Ok(());
    }
    let reason = match row.failed_run_count {
        1 => "A run could not go on. Mend the cause, then resume it.".to_owned(),
        count => format!("{count} runs in a row could not go on. Mend the cause, then resume it."),
    };
    let message = format!("The integration is held. {reason}");
    if hold(tx, id, reason, Some(failure.id)).await? {
        store_next_run(tx, id, None).await?;
        job::hold_integration(tx, id).await?;
        let event = NewEvent::new("integration.held", "worker", message)
            .attributes(json!({ "failedRuns": row.failed_run_count }));
        run_event::record(tx, run.id, vec![event]).await?;
        tracing::info!(
            tenant.id = %row.tenant_id, integration.id = %id, run.id = %run.id,
            failed_runs = row.failed_run_count, "an integration is held"
        );
    }
    Ok(())
}

/// Holds an integration whose source has other fields than before, until a person has looked at it. One that somebody has
/// paused meanwhile stays so.
pub(crate) async fn hold_for_schema(tx: &TxScope, run: &run::Model, what: &str) -> Result<()> {
    hold_for_a_look(tx, run, format!("{what} Look whether the integration still fits, then resume it.")).await
}

/// Holds an integration of whose records so many are gone, until a person has looked at it. One that somebody has paused
/// meanwhile stays so.
pub(crate) async fn hold_for_deletions(tx: &TxScope, run: &run::Model, reason: String) -> Result<()> {
    hold_for_a_look(tx, run, reason).await
}

async fn hold_for_a_look(tx: &TxScope, run: &run::Model, reason: String) -> Result<()> {
    let id = run.integration_id;
    let message = format!("The integration is held. {reason}");
    if !hold(tx, id, reason, None).await? {
        return Ok(());
    }
    store_next_run(tx, id, None).await?;
    job::hold_integration(tx, id).await?;
    run_event::record(tx, run.id, vec![NewEvent::new("integration.held", "worker", message)]).await?;
    refresh_in(tx, [id]).await?;
    tracing::info!(
        tenant.id = %run.tenant_id, integration.id = %id, run.id = %run.id,
        "an integration is held until a person has looked at it"
    );
    Ok(())
}

/// Holds an integration whose quality gate closed, until a person has decided. One that somebody has paused meanwhile stays
/// so, and can't be resumed before. The caller derives its health anew.
pub(crate) async fn hold_for_quality(
    tx: &TxScope,
    run: &run::Model,
    quarantine: &quarantine::Model,
) -> Result<()> {
    let id = run.integration_id;
    tracing::info!(
        tenant.id = %run.tenant_id, integration.id = %id, run.id = %run.id, quarantine.id = %quarantine.id,
        records = quarantine.record_count, "a quality gate closed, and the integration waits for a decision"
    );
    let reason = format!("{} Release or discard the quarantine.", quarantine.reason);
    let message = format!("The integration is held. {reason}");
    if !hold(tx, id, reason, None).await? {
        return Ok(());
    }
    store_next_run(tx, id, None).await?;
    job::hold_integration(tx, id).await?;
    let event = NewEvent::new("integration.held", "quality", message)
        .attributes(json!({ "quarantineId": GlobalId::new(Kind::Quarantine, quarantine.id).to_string() }));
    run_event::record(tx, run.id, vec![event]).await
}

/// Begins to count failed runs anew, after one that went through.
pub(crate) async fn forget_failed_runs(tx: &TxScope, id: Uuid) -> Result<()> {
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::FailedRunCount, Expr::value(0))
        .filter(integration::Column::Id.eq(id))
        .filter(integration::Column::FailedRunCount.ne(0))
        .exec(tx.connection())
        .await
        .doing("forgetting failed runs")?;
    Ok(())
}

pub(super) fn check_hold_after(hold_after: i32, problems: &mut Problems) -> i32 {
    if !(0..=HOLD_AFTER_MAX).contains(&hold_after) {
        let message = format!("is {hold_after}; it must be from 0, which is never, to {HOLD_AFTER_MAX} runs");
        problems.add(ProblemCode::Invalid, "holdAfter", message);
    }
    hold_after
}
