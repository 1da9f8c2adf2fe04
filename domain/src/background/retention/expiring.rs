//! Says of records that they will be deleted: a week before, or half of the time that they are kept where that is shorter, once a
//! day at most, and of each record once. Where failures are kept for no longer than their records, these go with them.

use chrono::{DateTime, Duration, Utc};
use entity::failure::{self, Column};
use entity::occasion::OccasionKind;
use entity::retention::{self, RetentionKind};
use sea_orm::sea_query::{Condition, Order};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::record::OVER;
use crate::error::{Doing, Result};
use crate::occasion::{self, NewOccasion};
use crate::retention::days_of;
use crate::scope::TxScope;

/// How long before, at most.
const AHEAD_HOURS: i64 = 7 * 24;
/// Hours between two times.
const PAUSE_HOURS: i64 = 24;
/// Records that are counted; of more it is said that there are more.
const COUNT_MAX: u64 = 10_000;

/// Tells of those that go soon and that nobody was told of. Answers with until when that was done.
pub(super) async fn tell(
    tx: &TxScope,
    row: &retention::Model,
    days: u32,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    if !goes_by(tx, row.kind, days).await? {
        return Ok(row.told_until);
    }
    let kept_since = now - Duration::days(days.into());
    let ahead = Duration::hours(AHEAD_HOURS.min(i64::from(days) * 24 / 2));
    let until = kept_since + ahead;
    // So that none goes between two times.
    let pause = Duration::hours(PAUSE_HOURS).min(ahead / 2);
    if row.told_until.is_some_and(|told| until < told + pause) {
        return Ok(row.told_until);
    }
    let since = row.told_until.map_or(kept_since, |told| told.max(kept_since));
    let going: Vec<Option<DateTime<Utc>>> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(Column::ResolvedAt)
        .filter(Column::ResolvedAt.gte(since))
        .filter(Column::ResolvedAt.lt(until))
        .filter(Column::Status.is_in(OVER))
        .filter(Condition::any().add(Column::Record.is_not_null()).add(Column::EditedRecord.is_not_null()))
        .order_by(Column::ResolvedAt, Order::Asc)
        .limit(COUNT_MAX + 1)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("counting records that will be deleted")?;
    if let Some(first) = going.first().copied().flatten() {
        let from = first + Duration::days(days.into());
        let count = (going.len() as u64).min(COUNT_MAX);
        let told = NewOccasion::new(OccasionKind::RecordsExpiring)
            .detail("count", count)
            .detail("isFloor", going.len() as u64 > COUNT_MAX)
            .detail("from", from.format("%Y-%m-%d").to_string())
            .detail("days", days);
        occasion::record(tx, told).await?;
    }
    Ok(Some(until))
}

/// Whether records go by this kind, and not by the other one sooner.
async fn goes_by(tx: &TxScope, kind: RetentionKind, days: u32) -> Result<bool> {
    let other = match kind {
        RetentionKind::Records => RetentionKind::Failures,
        RetentionKind::Failures => RetentionKind::Records,
        RetentionKind::Runs | RetentionKind::LogLines => return Ok(false),
    };
    let row = tx
        .find::<retention::Entity>()
        .filter(retention::Column::Kind.eq(other))
        .one(tx.connection())
        .await
        .doing("reading how long something else is kept")?;
    let others = row.map_or_else(|| tx.app().retention().days(other), |row| days_of(tx.app(), &row));
    Ok(match others {
        None => true,
        // Of the same time one of them tells.
        Some(others) => days < others || (days == others && kind == RetentionKind::Records),
    })
}
