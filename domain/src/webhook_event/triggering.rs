//! Which event a run came about by, as far as it is still kept: the latest that had come when the run was queued, which
//! happens in the transaction that takes the event. Deliberately absent: its body, which a run reads.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::integration;
use entity::run::{self, RunTrigger};
use entity::webhook_event::{self, Column};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Order, Query};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::permission::Permission;

/// Runs that one question is about; each has a look of its own at the end of an inbox.
const RUNS_MAX: usize = 100;

/// An event, as far as it concerns whoever looks at a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggeringEvent {
    /// The sender's id for it.
    pub event_id: Option<String>,
    /// What happened, in the sender's words.
    pub event_type: Option<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// The events that brought these runs about; none for runs that no webhook started, and for events that are gone.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn triggering(actor: &Actor, runs: &[Uuid]) -> Result<HashMap<Uuid, TriggeringEvent>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let runs = scope
        .find::<run::Entity>()
        .filter(run::Column::Id.is_in(runs.iter().copied().take(RUNS_MAX)))
        .filter(run::Column::Trigger.eq(RunTrigger::Webhook))
        .all()
        .await?;
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let sources: HashMap<Uuid, Uuid> = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.is_in(runs.iter().map(|run| run.integration_id)))
        .tuples::<(Uuid, Uuid)>([integration::Column::Id, integration::Column::SourceId])
        .await?
        .into_iter()
        .collect();
    let latest = runs.iter().filter_map(|run| {
        let source_id = *sources.get(&run.integration_id)?;
        let latest = Query::select()
            .column(Column::Id)
            .from(webhook_event::Entity)
            .and_where(Column::TenantId.eq(run.tenant_id))
            .and_where(Column::SystemId.eq(source_id))
            .and_where(Column::ReceivedAt.lte(run.queued_at))
            .order_by(Column::Sequence, Order::Desc)
            .limit(1)
            .to_owned();
        Some(Column::Id.in_subquery(latest))
    });
    let latest: Vec<_> = latest.collect();
    // No condition at all would be none of them, too.
    if latest.is_empty() {
        return Ok(HashMap::new());
    }
    let any = latest.into_iter().fold(Condition::any(), Condition::add);
    let events = scope.find::<webhook_event::Entity>().filter(any).all().await?;
    let of = |run: &run::Model| {
        let source_id = sources.get(&run.integration_id)?;
        let event = events
            .iter()
            .filter(|event| event.system_id == *source_id && event.received_at <= run.queued_at)
            .max_by_key(|event| event.sequence)?;
        Some((
            run.id,
            TriggeringEvent {
                event_id: event.event_id.clone(),
                event_type: event.event_type.clone(),
                received_at: event.received_at,
            },
        ))
    };
    Ok(runs.iter().filter_map(of).collect())
}
