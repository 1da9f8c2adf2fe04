//! How many failures a group had in each hour.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::failure_group_hour::{self, Column};
use sea_orm::{ColumnTrait, Order};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::permission::Permission;

/// The most hours that can be asked for: two weeks. Older ones are kept for 90 days and read by other windows.
pub const SERIES_HOURS_MAX: i64 = 336;

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
/// Denied without `failures:read`; [`Error::Argument`] for a number of hours below 1 or above [`SERIES_HOURS_MAX`].
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
