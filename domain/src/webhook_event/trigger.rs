//! The runs that read what came. What comes in a short time is one run: while one waits to begin no other is made, and one
//! that has begun is followed by another one, because it reads what was there when it began.

use std::collections::HashSet;

use entity::integration::{self, IntegrationStatus};
use entity::job::{self, JobStatus};
use entity::run::{self, RunScope, RunTrigger};
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::take::Delivery;
use crate::dispatch::Priority;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::run::{self as runs, NewRun};
use crate::scope::TxScope;

/// Queues a run of each integration that reads one of these types of a system's events, or any where there are none, and
/// of which no run waits to begin. Of one that is paused or held it is kept.
pub(super) async fn runs(
    tx: &mut TxScope,
    delivery: &Delivery,
    types: Option<&HashSet<Option<String>>>,
) -> Result<()> {
    let reading: Vec<integration::Model> = tx
        .find::<integration::Entity>()
        .filter(integration::Column::SourceId.eq(delivery.system_id))
        .filter(integration::Column::Status.ne(IntegrationStatus::Archived))
        // Whether its run is held is decided by this status: who changes it waits, and sees the run.
        .lock_shared()
        .all(tx.connection())
        .await
        .doing("reading the integrations of a system")?
        .into_iter()
        .filter(|row| {
            types.is_none_or(|types| {
                row.streams.0.iter().any(|stream| {
                    types.iter().any(|name| delivery.receiver.selects(&stream.source, name.as_deref()))
                })
            })
        })
        .collect();
    if reading.is_empty() {
        return Ok(());
    }
    let waiting = waiting(tx, &reading).await?;
    let triggered_by = format!("the webhook of {}", delivery.system_name);
    for integration in reading.iter().filter(|row| !waiting.contains(&row.id)) {
        let new = NewRun {
            id: new_id(),
            integration,
            trigger: RunTrigger::Webhook,
            triggered_by: &triggered_by,
            scope: RunScope::AllRecords,
            retry_of_id: None,
            retry_id: None,
            backfill_id: None,
            reconciliation_id: None,
            priority: Priority::Normal,
        };
        runs::create_later(tx, new, delivery.receiver.coalesce()).await?;
    }
    Ok(())
}

/// Those of the integrations of which a run waits to begin that will read everything. Its job stays as it is until the end
/// of this transaction, so that it begins when what came can be seen.
async fn waiting(tx: &TxScope, integrations: &[integration::Model]) -> Result<HashSet<Uuid>> {
    let doing = "looking for runs that wait to begin";
    let jobs: Vec<Uuid> = tx
        .find::<job::Entity>()
        .filter(job::Column::IntegrationId.is_in(integrations.iter().map(|row| row.id)))
        .filter(job::Column::Status.is_in([JobStatus::Queued, JobStatus::Waiting, JobStatus::Held]))
        .filter(job::Column::Begun.eq(false))
        // One that a worker is about to claim is left out, and nobody is waited for.
        .lock_with_behavior(LockType::Share, LockBehavior::SkipLocked)
        .all(tx.connection())
        .await
        .doing(doing)?
        .into_iter()
        .map(|job| job.subject_id)
        .collect();
    if jobs.is_empty() {
        return Ok(HashSet::new());
    }
    let waiting: Vec<Uuid> = tx
        .find::<run::Entity>()
        .select_only()
        .column(run::Column::IntegrationId)
        .filter(run::Column::Id.is_in(jobs))
        .filter(run::Column::Scope.eq(RunScope::AllRecords))
        .filter(run::Column::RetryOfId.is_null())
        .filter(run::Column::BackfillId.is_null())
        .filter(run::Column::ReconciliationId.is_null())
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    Ok(waiting.into_iter().collect())
}
