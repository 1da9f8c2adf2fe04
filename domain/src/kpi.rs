//! Business KPIs of integrations: what is measured of the records that they deliver, in words and units of those whose
//! records they are, and whether that is what it is to be. The definitions stand in the integration's row, which a claim has
//! read anyway; `kpi/check.rs` says what they may be, `kpi/set.rs` stores them, `kpi/rollup.rs` adds up what the engine measured.

mod check;
pub(crate) mod rollup;
mod set;

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use entity::integration::{self, Kpi, KpiBound, KpiMeasure, Stream};
use pipeline::PARTS;
use uuid::Uuid;

use self::rollup::{Sums, points, totals};
use crate::actor::Actor;
use crate::error::Result;
use crate::health::rollup::{Span, begin, length};
use crate::health::{Period, Series, window};
use crate::permission::Permission;

pub(crate) use self::check::may_be_told;
pub use self::check::{
    KEY_CHARS_MAX, KPIS_MAX, NAME_CHARS_MAX, POINTER_CHARS_MAX, RULE_BYTES_MAX, UNIT_CHARS_MAX,
};
pub use self::set::{NewKpi, NewKpiTarget, compiled, set};
pub use entity::integration::{
    Kpi as Definition, KpiBound as Bound, KpiMeasure as Measure, KpiTarget as Target,
};

/// What a KPI measures of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KpiKind {
    /// How many were delivered.
    Count,
    /// The sum of a number in them.
    Sum,
    /// How many of a hundred satisfy a rule.
    Share,
    /// How long it is on average between two times in them.
    Delay,
}

/// Whether a KPI is what it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KpiStatus {
    /// In the last whole hour or day it was.
    Met,
    /// It was not.
    Missed,
    /// It has no target, was not measured for all of that time or is not any more, or no record says.
    Unknown,
}

/// What becomes of a KPI that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measuring {
    /// It is measured.
    Now,
    /// Its stream is gone: what was measured before is still told.
    NoMore,
    /// The record schema classifies what it measures: nothing of it is told, nor what was measured before.
    Withheld,
}

/// A decimal number, exact to the millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PARTS as f64
    }
}

/// With as many decimals as it has, e.g. `-1234.5`.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = u128::from(PARTS.unsigned_abs());
        let (whole, fraction) = (self.0.unsigned_abs() / parts, self.0.unsigned_abs() % parts);
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let fraction = format!("{fraction:06}");
        write!(formatter, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// What a KPI measures.
pub fn kind(kpi: &Kpi) -> KpiKind {
    match kpi.measure {
        KpiMeasure::Count => KpiKind::Count,
        KpiMeasure::Sum { .. } => KpiKind::Sum,
        KpiMeasure::Share { .. } => KpiKind::Share,
        KpiMeasure::Delay { .. } => KpiKind::Delay,
    }
}

/// The KPIs of an integration, in the order in which they were set.
///
/// # Errors
/// Denied without `integrations:read`.
pub fn of_integration(actor: &Actor, integration: &integration::Model) -> Result<Vec<(Kpi, Measuring)>> {
    actor.authorize(Permission::IntegrationRead)?;
    let kpis = integration.kpis.iter().flat_map(|kpis| &kpis.0);
    Ok(kpis.map(|kpi| (kpi.clone(), measuring(kpi, &integration.streams.0))).collect())
}

fn measuring(kpi: &Kpi, streams: &[Stream]) -> Measuring {
    match streams.iter().find(|stream| stream.name == kpi.stream) {
        None => Measuring::NoMore,
        Some(stream) if may_be_told(kpi, stream) => Measuring::Now,
        Some(_classifies) => Measuring::Withheld,
    }
}

/// What was measured for a KPI in some hours or days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Begin of the first of them.
    pub from: DateTime<Utc>,
    /// End of the last one, which may be yet to come.
    pub to: DateTime<Utc>,
    /// `None`: they are not told.
    sums: Option<Sums>,
}

impl Measurement {
    fn of(span: Span, sums: Option<Sums>) -> Self {
        Self { from: span.from, to: span.before, sums: Some(sums.unwrap_or_default()) }
    }

    /// What of it is told.
    pub fn told(self, measuring: Measuring) -> Self {
        match measuring {
            Measuring::Now | Measuring::NoMore => self,
            Measuring::Withheld => Self { sums: None, ..self },
        }
    }

    /// Delivered records of which there is a value; none where it is not told.
    pub fn count(&self) -> i64 {
        self.sums.map_or(0, |sums| sums.count)
    }

    /// Delivered records whose value is missing or can't be read; none where it is not told.
    pub fn skipped(&self) -> i64 {
        self.sums.map_or(0, |sums| sums.skipped)
    }

    /// The sum, the number of records, the share in percent, or the mean delay in the KPI's unit; `None` for a share or a
    /// mean of nothing, and where it is not told.
    pub fn value(&self, kpi: &Kpi) -> Option<Decimal> {
        let Sums { count, sum, .. } = self.sums?;
        match kpi.measure {
            KpiMeasure::Count | KpiMeasure::Sum { .. } => Some(Decimal(sum)),
            KpiMeasure::Share { .. } => (count > 0).then(|| Decimal(nearest(sum * 100, count.into()))),
            KpiMeasure::Delay { .. } => {
                (count > 0).then(|| Decimal(nearest(sum, i128::from(count) * unit_seconds(&kpi.unit))))
            }
        }
    }

    /// The smallest value of a record, of a sum or delay.
    ///
    /// # Errors
    /// Denied without `records:read`: it stands in a record.
    pub fn least(&self, actor: &Actor, kpi: &Kpi) -> Result<Option<Decimal>> {
        actor.authorize(Permission::RecordRead)?;
        Ok(single(kpi, self.sums.and_then(|sums| sums.least)))
    }

    /// The largest.
    ///
    /// # Errors
    /// As [`Self::least`].
    pub fn most(&self, actor: &Actor, kpi: &Kpi) -> Result<Option<Decimal>> {
        actor.authorize(Permission::RecordRead)?;
        Ok(single(kpi, self.sums.and_then(|sums| sums.most)))
    }
}

fn single(kpi: &Kpi, value: Option<i64>) -> Option<Decimal> {
    match kpi.measure {
        KpiMeasure::Count | KpiMeasure::Share { .. } => None,
        KpiMeasure::Sum { .. } => value.map(|value| Decimal(value.into())),
        KpiMeasure::Delay { .. } => {
            value.map(|value| Decimal(nearest(value.into(), unit_seconds(&kpi.unit))))
        }
    }
}

/// Seconds of a unit of time that a delay may be told in; of others, which are refused, one.
fn unit_seconds(unit: &str) -> i128 {
    check::TIME_UNITS.iter().find(|(name, _seconds)| *name == unit).map_or(1, |(_name, seconds)| *seconds)
}

/// Divided by something that is more than 0, half away from zero.
fn nearest(number: i128, by: i128) -> i128 {
    (number + number.signum() * (by / 2)) / by
}

/// Whether a KPI was what it is to be in the last whole hour or day, of which this was measured.
pub fn status(kpi: &Kpi, measuring: Measuring, measured: &Measurement) -> KpiStatus {
    let is_measured = measuring == Measuring::Now && kpi.measured_from <= measured.from;
    let Some(target) = kpi.target.filter(|_target| is_measured) else { return KpiStatus::Unknown };
    let Some(value) = measured.value(kpi).map(Decimal::as_f64) else { return KpiStatus::Unknown };
    let is_met = match target.bound {
        KpiBound::AtLeast => value >= target.value,
        KpiBound::AtMost => value <= target.value,
    };
    if is_met { KpiStatus::Met } else { KpiStatus::Missed }
}

/// What was measured for KPIs in a window that ends now; nothing of those that the caller may not see.
///
/// # Errors
/// Denied without `runs:read`; as [`check_window`](crate::health::check_window).
pub async fn measured(actor: &Actor, kpis: &[Uuid], window_hours: i32) -> Result<HashMap<Uuid, Measurement>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let span = window(scope.app().clock().now(), window_hours)?;
    let mut sums = totals(&scope, kpis, span).await?;
    Ok(kpis.iter().map(|id| (*id, Measurement::of(span, sums.remove(id)))).collect())
}

/// The same of the last whole hour or day.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn last_whole(actor: &Actor, kpis: &[Uuid], period: Period) -> Result<HashMap<Uuid, Measurement>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let before = begin(period, scope.app().clock().now());
    let span = Span { period, from: before - length(period), before };
    let mut sums = totals(&scope, kpis, span).await?;
    Ok(kpis.iter().map(|id| (*id, Measurement::of(span, sums.remove(id)))).collect())
}

/// The same of each hour or day in which anything was measured, oldest first.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`](crate::Error::Argument) for a series that is too long.
pub async fn series(actor: &Actor, kpis: &[Uuid], series: Series) -> Result<HashMap<Uuid, Vec<Measurement>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let span = series.span(scope.app().clock().now())?;
    let measurement = |(from, sums)| Measurement { from, to: from + length(span.period), sums: Some(sums) };
    let points = points(&scope, kpis, span).await?;
    Ok(points.into_iter().map(|(id, points)| (id, points.into_iter().map(measurement).collect())).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};
    use entity::health_rollup::HealthPeriod;
    use entity::integration::{Kpi, KpiBound, KpiMeasure, KpiTarget};
    use serde_json::json;
    use uuid::Uuid;

    use super::{Decimal, KpiStatus, Measurement, Measuring, Sums, single, status};

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn kpi(measure: KpiMeasure, unit: &str) -> Kpi {
        Kpi {
            id: Uuid::nil(),
            key: "k".to_owned(),
            name: "K".to_owned(),
            unit: unit.to_owned(),
            stream: "orders".to_owned(),
            measure,
            target: None,
            measured_from: time("2026-11-25T00:00:00Z"),
        }
    }

    fn day(count: i64, sum: i128) -> Measurement {
        let sums = Sums { count, skipped: 0, sum, least: Some(-500_000), most: Some(90_000_000) };
        Measurement { from: time("2026-11-25T00:00:00Z"), to: time("2026-11-26T00:00:00Z"), sums: Some(sums) }
    }

    fn delay() -> KpiMeasure {
        KpiMeasure::Delay { from: "/a".to_owned(), to: None }
    }

    #[test]
    fn values_are_told_in_the_unit_of_their_kpi() {
        let sum = KpiMeasure::Sum { field: "/a".to_owned() };
        let share = KpiMeasure::Share { rule: json!({}) };
        let value = |measure: &KpiMeasure, unit: &str, measured: Measurement| {
            measured.value(&kpi(measure.clone(), unit)).map(|value| value.to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(value(&sum, "EUR", day(2, 12_345_678_900_000)), is("12345678.9"));
        assert_eq!(value(&sum, "EUR", day(0, 0)), is("0"));
        assert_eq!(value(&KpiMeasure::Count, "orders", day(3, 3_000_000)), is("3"));
        assert_eq!(value(&share, "%", day(3, 2_000_000)), is("66.666667"));
        assert_eq!(value(&share, "%", day(0, 0)), None);
        assert_eq!(value(&delay(), "s", day(4, 90_000_000)), is("22.5"));
        assert_eq!(value(&delay(), "min", day(4, 90_000_000)), is("0.375"));
        assert_eq!(value(&delay(), "min", day(1, -90_000_000)), is("-1.5"));
        assert_eq!(value(&delay(), "h", day(0, 0)), None);
        let Sums { least, most, .. } = day(2, 1).sums.unwrap();
        let of = |kpi: &Kpi| [least, most].map(|value| single(kpi, value).map(Decimal::as_f64));
        assert_eq!(of(&kpi(sum, "EUR")), [Some(-0.5), Some(90.0)]);
        assert_eq!(of(&kpi(delay(), "min")), [Some(-0.008_333), Some(1.5)]);
        assert_eq!(of(&kpi(share, "%")), [None, None]);
        assert_eq!(Decimal(-1).to_string(), "-0.000001");
    }

    #[test]
    fn a_target_is_judged_by_a_whole_period_that_was_measured() {
        let target = |bound, value| Some(KpiTarget { bound, value, per: HealthPeriod::Day });
        let sum = || kpi(KpiMeasure::Sum { field: "/a".to_owned() }, "EUR");
        let judged =
            |target, measured: Measurement| status(&Kpi { target, ..sum() }, Measuring::Now, &measured);
        let hundred = day(5, 100_000_000);
        assert_eq!(judged(None, hundred), KpiStatus::Unknown);
        assert_eq!(judged(target(KpiBound::AtLeast, 100.0), hundred), KpiStatus::Met);
        assert_eq!(judged(target(KpiBound::AtLeast, 100.5), hundred), KpiStatus::Missed);
        assert_eq!(judged(target(KpiBound::AtMost, 100.0), hundred), KpiStatus::Met);
        assert_eq!(judged(target(KpiBound::AtMost, 99.0), hundred), KpiStatus::Missed);
        assert_eq!(judged(target(KpiBound::AtLeast, 1.0), day(0, 0)), KpiStatus::Missed, "no sale is a sum");
        let slow = Kpi { target: target(KpiBound::AtMost, 60.0), ..kpi(delay(), "s") };
        let nothing = status(&slow, Measuring::Now, &day(0, 0));
        assert_eq!(nothing, KpiStatus::Unknown, "nothing was late or in time");
        let new = Kpi {
            target: target(KpiBound::AtLeast, 1.0),
            measured_from: time("2026-11-25T00:00:01Z"),
            ..sum()
        };
        let in_part = status(&new, Measuring::Now, &hundred);
        assert_eq!(in_part, KpiStatus::Unknown, "only a part of the day was measured");
        let early = Kpi { target: target(KpiBound::AtMost, 1.0), ..sum() };
        for (measuring, known) in [
            (Measuring::Now, KpiStatus::Missed),
            (Measuring::NoMore, KpiStatus::Unknown),
            (Measuring::Withheld, KpiStatus::Unknown),
        ] {
            assert_eq!(status(&early, measuring, &hundred), known, "{measuring:?}");
        }
    }
}
