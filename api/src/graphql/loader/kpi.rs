//! What was measured for KPIs.

use std::collections::HashMap;

use domain::Actor;
use domain::health::{Period, Series};
use domain::kpi::{self, Measurement};
use uuid::Uuid;

use super::super::error::{ResolverError, Result};
use super::{Beside, Loaders};

/// In so many hours.
#[derive(Clone, PartialEq, Eq, Hash)]
struct MeasuredIn {
    window_hours: i32,
}

impl Beside for MeasuredIn {
    type Value = Measurement;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        kpi::measured(actor, ids, self.window_hours).await
    }
}

/// In the last whole hour or day.
#[derive(Clone, PartialEq, Eq, Hash)]
struct LastWhole {
    period: Period,
}

impl Beside for LastWhole {
    type Value = Measurement;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        kpi::last_whole(actor, ids, self.period).await
    }
}

/// By the hour or day.
#[derive(Clone, PartialEq, Eq, Hash)]
struct MeasuredBy {
    series: Series,
}

impl Beside for MeasuredBy {
    type Value = Vec<Measurement>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        kpi::series(actor, ids, self.series).await
    }
}

impl Loaders {
    /// What was measured for a KPI in so many hours.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn kpi_measured(
        &self,
        kpi_id: Uuid,
        window_hours: i32,
    ) -> Result<Measurement> {
        let measured = self.beside(kpi_id, MeasuredIn { window_hours }).await?;
        measured.ok_or_else(|| ResolverError::dangling("KPI"))
    }

    /// The same of the last whole hour or day.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn kpi_last_whole(
        &self,
        kpi_id: Uuid,
        period: Period,
    ) -> Result<Measurement> {
        let measured = self.beside(kpi_id, LastWhole { period }).await?;
        measured.ok_or_else(|| ResolverError::dangling("KPI"))
    }

    /// The same by the hour or day.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn kpi_series(
        &self,
        kpi_id: Uuid,
        series: Series,
    ) -> Result<Vec<Measurement>> {
        Ok(self.beside(kpi_id, MeasuredBy { series }).await?.unwrap_or_default())
    }
}
