//! What was measured of delivered records, added up by the hour and the day in the transaction that accounts their page, and
//! summed up again. A page is accounted behind its lease, once: so are its values.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use entity::health_rollup::HealthPeriod;
use entity::{kpi_rollup, run};
use pipeline::Total;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Result};
use crate::health::rollup::{DAYS_KEPT_DAYS, HOURS_KEPT_DAYS, Span, begin};
use crate::insert::upsert_rows;
use crate::scope::Scope;

/// Rows that one purge deletes of each kind: it keeps the transaction short, and is more than an hour of 1,000 busy
/// integrations with as many KPIs as they may have leaves behind.
const PURGED_ROWS: u64 = 10_000;

/// Millionths of a thousand: a sum is kept as thousands and the millionths that are left, because neither database adds up
/// 128 bits. A page adds less than a thousand to the latter, so that they last for as many pages as there are bits.
const THOUSAND: i128 = 1_000_000_000;

/// What another page adds to a row that is there.
const ADDED: &str = "\
ON CONFLICT (kpi_id, period, begins_at) DO UPDATE SET \
 value_count = kpi_rollup.value_count + excluded.value_count, \
 skipped_count = kpi_rollup.skipped_count + excluded.skipped_count, \
 sum_thousands = kpi_rollup.sum_thousands + excluded.sum_thousands, \
 sum_millionths = kpi_rollup.sum_millionths + excluded.sum_millionths, \
 least = CASE WHEN kpi_rollup.least IS NULL OR excluded.least < kpi_rollup.least \
  THEN excluded.least ELSE kpi_rollup.least END, \
 most = CASE WHEN kpi_rollup.most IS NULL OR excluded.most > kpi_rollup.most \
  THEN excluded.most ELSE kpi_rollup.most END";

/// Adds what a page of a run has delivered to its hour and its day, in one statement; none for a page that has delivered
/// nothing.
pub(crate) async fn count(
    connection: &DatabaseTransaction,
    run: &run::Model,
    totals: &[Total],
    now: DateTime<Utc>,
) -> Result<()> {
    if totals.is_empty() {
        return Ok(());
    }
    // In one order, so that slices of a run that are accounted together wait for each other and never in a circle.
    let mut totals: Vec<&Total> = totals.iter().collect();
    totals.sort_by_key(|total| total.kpi);
    let mut rows = Vec::with_capacity(2 * totals.len());
    for total in totals {
        for period in [HealthPeriod::Hour, HealthPeriod::Day] {
            rows.push(row(run, total, period, now));
        }
    }
    upsert_rows::<kpi_rollup::Entity>(connection, rows, ADDED, "adding to KPIs").await
}

fn row(run: &run::Model, total: &Total, period: HealthPeriod, now: DateTime<Utc>) -> kpi_rollup::Model {
    let (thousands, millionths) = (total.sum.div_euclid(THOUSAND), total.sum.rem_euclid(THOUSAND));
    kpi_rollup::Model {
        kpi_id: total.kpi,
        period,
        begins_at: begin(period, now),
        tenant_id: run.tenant_id,
        integration_id: run.integration_id,
        value_count: total.count,
        skipped_count: total.skipped,
        // A page has thousands of records, of at most 10^12 each.
        sum_thousands: i64::try_from(thousands).unwrap_or(i64::MAX),
        sum_millionths: i64::try_from(millionths).unwrap_or_default(),
        least: total.least,
        most: total.most,
    }
}

/// Values of some hours or days together, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Records of which there is one.
    pub(crate) count: i64,
    /// Records whose value is missing or can't be read.
    pub(crate) skipped: i64,
    /// Of the values.
    pub(crate) sum: i128,
    /// The smallest.
    pub(crate) least: Option<i64>,
    /// The largest.
    pub(crate) most: Option<i64>,
}

#[derive(FromQueryResult)]
struct Line {
    kpi_id: Uuid,
    begins_at: Option<DateTime<Utc>>,
    counted: i64,
    skipped: i64,
    thousands: i64,
    millionths: i64,
    smallest: Option<i64>,
    largest: Option<i64>,
}

impl Line {
    fn sums(&self) -> Sums {
        Sums {
            count: self.counted,
            skipped: self.skipped,
            sum: i128::from(self.thousands) * THOUSAND + i128::from(self.millionths),
            least: self.smallest,
            most: self.largest,
        }
    }
}

/// Sums of the rows that a scope shows, by KPI.
pub(crate) async fn totals(scope: &Scope, kpis: &[Uuid], span: Span) -> Result<HashMap<Uuid, Sums>> {
    let lines = lines(scope, kpis, span, false).await?;
    Ok(lines.into_iter().map(|line| (line.kpi_id, line.sums())).collect())
}

/// The same for each period in which anything was measured, in their order.
pub(crate) async fn points(
    scope: &Scope,
    kpis: &[Uuid],
    span: Span,
) -> Result<HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>>> {
    let mut points: HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>> = HashMap::new();
    for line in lines(scope, kpis, span, true).await? {
        if let Some(begins_at) = line.begins_at {
            points.entry(line.kpi_id).or_default().insert(begins_at, line.sums());
        }
    }
    Ok(points)
}

async fn lines(scope: &Scope, kpis: &[Uuid], span: Span, by_begin: bool) -> Result<Vec<Line>> {
    use kpi_rollup::Column;
    if kpis.is_empty() {
        return Ok(Vec::new());
    }
    scope
        .find::<kpi_rollup::Entity>()
        .filter(Column::KpiId.is_in(kpis.iter().copied()))
        .filter(Column::Period.eq(span.period))
        .filter(Column::BeginsAt.gte(span.from))
        .filter(Column::BeginsAt.lt(span.before))
        .shaped::<Line>(|select| grouped(select, by_begin))
        .await
}

fn grouped(
    select: sea_orm::Select<kpi_rollup::Entity>,
    by_begin: bool,
) -> sea_orm::Select<kpi_rollup::Entity> {
    use kpi_rollup::Column;
    use sea_orm::sea_query::ExprTrait;
    let mut select = select.select_only().column(Column::KpiId).group_by(Column::KpiId);
    select = match by_begin {
        true => select.column(Column::BeginsAt).group_by(Column::BeginsAt),
        false => select.column_as(Expr::cust("CAST(NULL AS timestamptz)"), "begins_at"),
    };
    // Not as doubles: sums are exact.
    for (column, name) in [
        (Column::ValueCount, "counted"),
        (Column::SkippedCount, "skipped"),
        (Column::SumThousands, "thousands"),
        (Column::SumMillionths, "millionths"),
    ] {
        select = select.column_as(Expr::col(column).sum().cast_as("bigint"), name);
    }
    select
        .column_as(Expr::col(Column::Least).min(), "smallest")
        .column_as(Expr::col(Column::Most).max(), "largest")
}

/// Deletes some of the hours and days that are not kept any more. Answers with how many rows.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    use kpi_rollup::Column;
    let now = app.clock().now();
    let mut purged = 0;
    for (period, kept_days) in [(HealthPeriod::Hour, HOURS_KEPT_DAYS), (HealthPeriod::Day, DAYS_KEPT_DAYS)] {
        let end = |order: sea_orm::Order, skipped: u64| {
            kpi_rollup::Entity::find()
                .select_only()
                .column(Column::BeginsAt)
                .filter(Column::Period.eq(period))
                .filter(Column::BeginsAt.lt(now - Duration::days(kept_days)))
                .order_by(Column::BeginsAt, order)
                .offset(skipped)
                .limit(1)
                .into_tuple::<DateTime<Utc>>()
                .one(app.across_tenants().writer())
        };
        let doing = "looking for old values of KPIs";
        // The begin of the last row that is deleted, or of the newest that is too old.
        let until = match end(sea_orm::Order::Asc, PURGED_ROWS).await.doing(doing)? {
            Some(until) => Some(until),
            None => end(sea_orm::Order::Desc, 0).await.doing(doing)?,
        };
        let Some(until) = until else { continue };
        let deleted = kpi_rollup::Entity::delete_many()
            .filter(Column::Period.eq(period))
            .filter(Column::BeginsAt.lte(until))
            .exec(app.across_tenants().writer())
            .await
            .doing("deleting old values of KPIs")?;
        purged += deleted.rows_affected;
    }
    Ok(purged)
}

#[cfg(test)]
mod tests {
    use super::{Line, THOUSAND};

    #[test]
    fn sums_come_back_as_they_were() {
        for sum in [0, 1, -1, 999_999_999, 1_000_000_000, -1_000_000_001, 5_000 * 10_i128.pow(18)] {
            let thousands = i64::try_from(sum.div_euclid(THOUSAND)).expect("a page's fits");
            let millionths = i64::try_from(sum.rem_euclid(THOUSAND)).expect("it is less than a thousand");
            assert!((0..1_000_000_000).contains(&millionths));
            let line = Line {
                kpi_id: uuid::Uuid::nil(),
                begins_at: None,
                counted: 1,
                skipped: 0,
                thousands,
                millionths,
                smallest: None,
                largest: None,
            };
            assert_eq!(line.sums().sum, sum);
        }
    }
}
