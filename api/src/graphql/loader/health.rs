//! How integrations and tenants are.

use std::collections::HashMap;

use domain::Actor;
use domain::health::{
    self, Health, HealthAlert, HealthAlertFilter, HealthTargetChange, HealthTargets, Metrics, Overview,
    Series,
};
use domain::page::{Direction, Page, PageArguments};
use uuid::Uuid;

use super::super::error::{ResolverError, Result};
use super::{Beside, List, Loaders};

/// Alerts under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct HealthAlerts {
    pub(in crate::graphql) filter: HealthAlertFilter,
    pub(in crate::graphql) direction: Direction,
}

impl List for HealthAlerts {
    type Row = HealthAlert;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<HealthAlert>>> {
        health::alert_pages(actor, parents, &self.filter, self.direction, page).await
    }
}

/// Changes of targets under an integration, newest first.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct HealthTargetChanges;

impl List for HealthTargetChanges {
    type Row = HealthTargetChange;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<HealthTargetChange>>> {
        health::target_change_pages(actor, parents, Direction::Descending, page).await
    }
}

/// How an integration is.
#[derive(Clone, PartialEq, Eq, Hash)]
struct HealthOf;

impl Beside for HealthOf {
    type Value = Health;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        health::by_integrations(actor, ids).await
    }
}

/// The same of a tenant's integrations together.
#[derive(Clone, PartialEq, Eq, Hash)]
struct OverviewOf;

impl Beside for OverviewOf {
    type Value = Overview;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        health::by_tenants(actor, ids).await
    }
}

/// What is expected of an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Targets;

impl Beside for Targets {
    type Value = HealthTargets;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        health::targets_by_integrations(actor, ids).await
    }
}

/// Whose runs are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::graphql) enum HealthOwner {
    Integration,
    Tenant,
    Platform,
}

/// What became of runs in so many hours.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct MetricsIn {
    pub(in crate::graphql) owner: HealthOwner,
    pub(in crate::graphql) window_hours: i32,
}

impl Beside for MetricsIn {
    type Value = Metrics;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        match self.owner {
            HealthOwner::Integration => health::metrics_by_integrations(actor, ids, self.window_hours).await,
            HealthOwner::Tenant => health::metrics_by_tenants(actor, ids, self.window_hours).await,
            HealthOwner::Platform => health::metrics_of_platform(actor, self.window_hours).await,
        }
    }
}

/// What became of runs by the hour or day.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct SeriesOf {
    pub(in crate::graphql) owner: HealthOwner,
    pub(in crate::graphql) series: Series,
}

impl Beside for SeriesOf {
    type Value = Vec<Metrics>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        match self.owner {
            HealthOwner::Integration => health::series_by_integrations(actor, ids, self.series).await,
            HealthOwner::Tenant => health::series_by_tenants(actor, ids, self.series).await,
            HealthOwner::Platform => {
                let points = health::series_of_platform(actor, self.series).await?;
                Ok(HashMap::from([(Uuid::nil(), points)]))
            }
        }
    }
}

impl Loaders {
    /// How an integration is.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn health(&self, integration_id: Uuid) -> Result<Option<Health>> {
        self.beside(integration_id, HealthOf).await
    }

    /// The same of a tenant's integrations together.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn tenant_health(&self, tenant_id: Uuid) -> Result<Option<Overview>> {
        self.beside(tenant_id, OverviewOf).await
    }

    /// What became of runs in so many hours; of the platform's with the id that is none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn health_metrics(&self, id: Uuid, of: MetricsIn) -> Result<Metrics> {
        self.beside(id, of).await?.ok_or_else(|| ResolverError::dangling("metrics"))
    }

    /// What is expected of an integration.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn health_targets(&self, integration_id: Uuid) -> Result<HealthTargets> {
        Ok(self.beside(integration_id, Targets).await?.unwrap_or_default())
    }

    /// What became of runs by the hour or day; of the platform's with the id that is none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn series(&self, id: Uuid, of: SeriesOf) -> Result<Vec<Metrics>> {
        Ok(self.beside(id, of).await?.unwrap_or_default())
    }
}
