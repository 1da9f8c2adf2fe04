//! What a system has sent, as a source reads it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use connector::{Arrived, Inbox, SystemError, SystemErrorKind};
use entity::{system, webhook_endpoint, webhook_event};
use sea_orm::{ColumnTrait, Order};
use uuid::Uuid;

use crate::actor::Tenants;
use crate::app::App;
use crate::error::Error;
use crate::scope::{Scope, ScopedSelect};

/// The inbox of a system in our database.
pub(crate) struct StoredInbox {
    app: Arc<App>,
    tenant_id: Uuid,
    system_id: Uuid,
}

impl StoredInbox {
    /// Of a system, if it receives.
    ///
    /// # Errors
    /// `Misconfigured` when its config does not have the shape of its schema.
    pub(crate) fn of(app: &Arc<App>, row: &system::Model) -> Result<Option<Self>, SystemError> {
        let Some(connector) = app.connectors().get(&row.connector) else { return Ok(None) };
        let receives = connector.receiver(&row.config)?.is_some();
        Ok(receives.then(|| Self { app: app.clone(), tenant_id: row.tenant_id, system_id: row.id }))
    }

    fn scope(&self) -> Scope {
        Scope::new(self.app.clone(), Tenants::Some(vec![self.tenant_id]))
    }

    /// Those from one place to another, in order.
    fn between(&self, after: i64, until: i64) -> ScopedSelect<webhook_event::Entity> {
        self.scope()
            .find::<webhook_event::Entity>()
            .filter(webhook_event::Column::SystemId.eq(self.system_id))
            .filter(webhook_event::Column::Sequence.gt(after))
            .filter(webhook_event::Column::Sequence.lte(until))
            .order_by(webhook_event::Column::Sequence, Order::Asc)
    }
}

#[async_trait]
impl Inbox for StoredInbox {
    async fn last(&self) -> Result<i64, SystemError> {
        let endpoint = self
            .scope()
            .find::<webhook_endpoint::Entity>()
            .filter(webhook_endpoint::Column::SystemId.eq(self.system_id))
            .one()
            .await
            .map_err(away)?;
        Ok(endpoint.map_or(0, |endpoint| endpoint.last_sequence))
    }

    async fn after(
        &self,
        sequence: i64,
        until: i64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Arrived>, SystemError> {
        let Some(first) = self.between(sequence, until).limit(1).one().await.map_err(away)? else {
            return Ok(Vec::new());
        };
        let end = first.end_bytes - first.size_bytes + i64::try_from(bytes_max).unwrap_or(i64::MAX / 2);
        let more = self
            .between(first.sequence, until)
            .filter(webhook_event::Column::EndBytes.lte(end))
            .limit(events_max.saturating_sub(1) as u64)
            .all()
            .await
            .map_err(away)?;
        std::iter::once(first).chain(more).map(|row| self.opened(row)).collect()
    }
}

impl StoredInbox {
    fn opened(&self, row: webhook_event::Model) -> Result<Arrived, SystemError> {
        let body = self.app.unseal(row.tenant_id, row.id, &row.sealed_body).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            SystemError::new(SystemErrorKind::Internal, format!("opening event {}: {cause}", row.sequence))
        })?;
        Ok(Arrived {
            sequence: row.sequence,
            event_id: row.event_id,
            event_type: row.event_type,
            received_at: row.received_at,
            body,
        })
    }
}

impl fmt::Debug for StoredInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StoredInbox").field(&self.system_id).finish()
    }
}

/// Our own database is away: trying again helps.
fn away(error: Error) -> SystemError {
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    SystemError::new(SystemErrorKind::Unavailable, format!("reading an inbox: {error}: {cause}"))
}
