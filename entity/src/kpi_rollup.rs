//! What was measured of the records that an integration delivered in an hour or a day.

use sea_orm::entity::prelude::*;

use crate::health_rollup::HealthPeriod;

/// A row of `kpi_rollup`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kpi_rollup")]
pub struct Model {
    /// The KPI, by its id in `integration.kpis`, which may have gone from there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kpi_id: Uuid,
    /// Hour or day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: HealthPeriod,
    /// Its begin, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub begins_at: DateTimeUtc,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// Records of which there is a value.
    pub value_count: i64,
    /// Records whose value is missing or can't be read.
    pub skipped_count: i64,
    /// The sum of the values is so many thousands of the KPI's unit,
    pub sum_thousands: i64,
    /// and so many millionths of it.
    pub sum_millionths: i64,
    /// The smallest value, in millionths.
    pub least: Option<i64>,
    /// The largest.
    pub most: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
