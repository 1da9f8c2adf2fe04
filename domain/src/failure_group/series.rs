//! How many failures a group had in each hour.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::failure_group_hour::{self, Column};
use sea_orm::{ColumnTrait, Order};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::insert::upsert_rows;
use crate::permission::Permission;
use crate::scope::TxScope;

/// Hours are kept for so many days.
pub(crate) const HOURS_KEPT_DAYS: i64 = 90;
/// The most hours that can be asked for: as many as are kept.
pub const SERIES_HOURS_MAX: i64 = HOURS_KEPT_DAYS * 24;
/// The most hours that any number of groups is asked for at once: two weeks.
const HOURS_OF_MANY_MAX: i64 = 14 * 24;
/// The most hours of all groups together where it is more than that: two weeks of a page of a hundred groups.
pub const SERIES_POINTS_MAX: i64 = 100 * HOURS_OF_MANY_MAX;
/// What more failures add to an hour that is there.
const ADDED: &str = "ON CONFLICT (tenant_id, group_id, hour_at) DO UPDATE SET \
 failure_count = failure_group_hour.failure_count + excluded.failure_count";

/// Failures of one hour; hours without any are not in a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureGroupHour {
    /// The beginning of the hour.
    pub hour_at: DateTime<Utc>,
    /// Failures in it.
    pub failure_count: i64,
}

/// The last hours of each group, oldest first.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`] for a number of hours below 1 or above [`SERIES_HOURS_MAX`], or for
/// more than two weeks that are more than [`SERIES_POINTS_MAX`] of all groups together.
pub async fn series(
    actor: &Actor,
    groups: &[Uuid],
    hours: i64,
) -> Result<HashMap<Uuid, Vec<FailureGroupHour>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    if !(1..=SERIES_HOURS_MAX).contains(&hours) {
        let message = format!("must be from 1 to {SERIES_HOURS_MAX}");
        return Err(Error::Argument { argument: "hours", message });
    }
    let of_each = SERIES_POINTS_MAX / i64::try_from(groups.len()).unwrap_or(i64::MAX).max(1);
    let hours_max = of_each.max(HOURS_OF_MANY_MAX);
    if hours > hours_max {
        let message =
            format!("must be at most {hours_max} where {} groups are asked for at once", groups.len());
        return Err(Error::Argument { argument: "hours", message });
    }
    let from = scope.app().clock().now() - Duration::hours(hours);
    let rows = scope
        .find::<failure_group_hour::Entity>()
        .filter(Column::GroupId.is_in(groups.iter().copied()))
        .filter(Column::HourAt.gt(from))
        .order_by(Column::HourAt, Order::Asc)
        .all()
        .await?;
    let mut series: HashMap<Uuid, Vec<FailureGroupHour>> = HashMap::new();
    for failure_group_hour::Model { group_id, hour_at, failure_count, .. } in rows {
        series.entry(group_id).or_default().push(FailureGroupHour { hour_at, failure_count });
    }
    Ok(series)
}

/// Adds failures to the hours of groups of the tenant.
pub(crate) async fn add_hours(tx: &TxScope, hours: Vec<failure_group_hour::Model>) -> Result<()> {
    let doing = "counting failures in the hour";
    upsert_rows::<failure_group_hour::Entity>(tx.connection(), hours, ADDED, doing).await
}
