//! Live updates of how integrations are.

use std::collections::HashMap;

use async_graphql::{Context, ID, Subscription};
use domain::change::ChangeKind;
use domain::health::{self, Health};
use domain::id::Kind;
use domain::{Actor, Permission};
use futures::stream::BoxStream;
use uuid::Uuid;

use super::super::asked::Asked;
use super::super::error::Result;
use super::super::live::{self, Live, Watch};
use super::super::loader::Row;
use super::super::scalar::{DateTime, optional_uuid};
use super::IntegrationHealth;

/// How an integration is, with which it is.
#[derive(Clone)]
struct HealthRow {
    integration_id: Uuid,
    health: Health,
}

impl Row for HealthRow {
    async fn by_ids(actor: &Actor, ids: &[Uuid], _asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        let rows = health::by_integrations(actor, ids).await?;
        Ok(rows
            .into_iter()
            .map(|(integration_id, health)| (integration_id, Self { integration_id, health }))
            .collect())
    }
}

impl Live for HealthRow {
    const KIND: ChangeKind = ChangeKind::Health;
    const PERMISSION: Permission = Permission::RunRead;
    const NAME: &'static str = "integration";

    fn id(&self) -> Uuid {
        self.integration_id
    }

    fn integration_id(&self) -> Option<Uuid> {
        Some(self.integration_id)
    }
}

/// Live updates of how integrations are.
#[derive(Default)]
pub struct HealthSubscription;

#[Subscription]
impl HealthSubscription {
    /// How integrations that the viewer may see are, each after its status changed. RUNNING comes and goes with runs, which
    /// `runChanged` tells of: it is no change here. Changes in quick succession arrive as one. With `since`, integrations
    /// whose status changed meanwhile come first, as `failureChanged` has it.
    async fn health_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only this integration.")] integration_id: Option<ID>,
        #[graphql(
            default = 24,
            desc = "The window of its metrics, as `Integration.health` has it: 1 to 2,160 hours."
        )]
        window_hours: i32,
        #[graphql(
            desc = "What has changed since comes first: `extensions.since` of the last event, or when you read or \
                          subscribed last."
        )]
        since: Option<DateTime>,
    ) -> Result<BoxStream<'static, Result<IntegrationHealth>>> {
        health::check_window(window_hours)?;
        let integration_id = optional_uuid(Kind::Integration, integration_id.as_ref());
        let watch = Watch { id: None, integration_id, since: since.map(|since| since.0) };
        let object = move |row: HealthRow| IntegrationHealth {
            id: row.integration_id,
            health: row.health,
            window_hours,
        };
        live::watch(ctx, watch, object).await
    }
}
