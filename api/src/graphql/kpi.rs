//! Business KPIs of integrations: what is measured of the records that they deliver, and how they are set.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::health::{Period, Series};
use domain::id::Kind;
use domain::kpi::{self, Bound, Definition, Measure, Measurement, Measuring, NewKpi, NewKpiTarget};

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::health::HealthPeriod;
use super::integration::Integration;
use super::scalar::{BigInt, DateTime, Json, uuid};

/// What a KPI measures of the records that are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::kpi::KpiKind")]
pub enum KpiKind {
    /// How many there are.
    Count,
    /// The sum of a number in them.
    Sum,
    /// How many of a hundred satisfy a rule.
    Share,
    /// How long it is on average between two times in them, or from a time in them until they are delivered.
    Delay,
}

/// Whether a KPI is what it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::kpi::KpiStatus")]
pub enum KpiStatus {
    /// In the last whole hour or day it was.
    Met,
    /// It was not.
    Missed,
    /// It has no target, was not measured for all of that hour or day or is not any more, or none of its records says.
    Unknown,
}

/// What a KPI is to be in each hour or day; one of the two bounds is null.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct KpiTarget {
    /// As large, or larger.
    at_least: Option<f64>,
    /// As small, or smaller.
    at_most: Option<f64>,
    /// In each hour, or in each day (UTC).
    per: HealthPeriod,
}

/// Something that is measured of the records that an integration delivers: as they are written, behind the mapping. A record
/// counts each time that it is written and was not there as it is; not when it fails, is skipped, or is unchanged.
#[derive(Clone)]
pub struct Kpi(Arc<Definition>, Measuring);

impl From<(Definition, Measuring)> for Kpi {
    fn from((kpi, measuring): (Definition, Measuring)) -> Self {
        Self(Arc::new(kpi), measuring)
    }
}

/// Something that is measured of the records that an integration delivers: as they are written, behind the mapping. A record
/// counts each time that it is written and was not there as it is; not when it fails, is skipped, or is unchanged.
#[Object]
impl Kpi {
    /// Unique in its integration.
    fn key(&self) -> &str {
        &self.0.key
    }

    /// For people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Of its values, e.g. `EUR`; `%` of a share, `s`, `min`, `h` or `d` of a delay.
    fn unit(&self) -> &str {
        &self.0.unit
    }

    /// Whose records. Of a stream that is gone nothing is measured.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// What of them.
    fn kind(&self) -> KpiKind {
        kpi::kind(&self.0).into()
    }

    /// SUM: JSON Pointer to the number.
    fn field(&self) -> Option<&str> {
        match &self.0.measure {
            Measure::Sum { field } => Some(field.as_str()),
            Measure::Count | Measure::Share { .. } | Measure::Delay { .. } => None,
        }
    }

    /// SHARE: the JSON Schema.
    fn rule(&self) -> Option<Json> {
        match &self.0.measure {
            Measure::Share { rule } => Some(rule.clone().into()),
            Measure::Count | Measure::Sum { .. } | Measure::Delay { .. } => None,
        }
    }

    /// DELAY: JSON Pointer to the earlier time.
    async fn from_field(&self) -> Option<&str> {
        match &self.0.measure {
            Measure::Delay { from, .. } => Some(from.as_str()),
            Measure::Count | Measure::Sum { .. } | Measure::Share { .. } => None,
        }
    }

    /// DELAY: JSON Pointer to the later time; null for when the record is delivered.
    fn to_field(&self) -> Option<&str> {
        match &self.0.measure {
            Measure::Delay { to, .. } => to.as_deref(),
            Measure::Count | Measure::Sum { .. } | Measure::Share { .. } => None,
        }
    }

    /// What it is to be; null where nobody says.
    fn target(&self) -> Option<KpiTarget> {
        self.0.target.map(|target| {
            let is = |bound: Bound| (target.bound == bound).then_some(target.value);
            KpiTarget { at_least: is(Bound::AtLeast), at_most: is(Bound::AtMost), per: target.per.into() }
        })
    }

    /// Since when it is measured: what was delivered before is in no value, nor is what runs deliver that had begun before.
    fn measured_from(&self) -> DateTime {
        self.0.measured_from.into()
    }

    /// Whether it was what it is to be in the last whole hour or day.
    async fn status(&self, ctx: &Context<'_>) -> Result<KpiStatus> {
        let period = self.0.target.map_or(Period::Day, |target| target.per);
        let measured = loaders(ctx)?.kpi_last_whole(self.0.id, period).await?;
        Ok(kpi::status(&self.0, self.1, &measured).into())
    }

    /// What was measured in a window; nothing of a field that the record schema has come to classify.
    async fn measured(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = 24,
            desc = "The window, which ends now: 1 to 2,160 hours; of whole hours up to a week, of whole days (UTC) from then on."
        )]
        window_hours: i32,
    ) -> Result<KpiMeasurement> {
        let measured = loaders(ctx)?.kpi_measured(self.0.id, window_hours).await?;
        Ok(KpiMeasurement { kpi: self.0.clone(), measured: measured.told(self.1) })
    }

    /// What was measured by the hour or day, oldest first; only those in which records were delivered, and nothing of a field
    /// that the record schema has come to classify.
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "HealthPeriod::Hour", desc = "Hours, at most 744, or days, at most 731.")]
        by: HealthPeriod,
        #[graphql(desc = "From the one that has this time; 24 hours or 30 days by default.")] from: Option<
            DateTime,
        >,
        #[graphql(desc = "To the one that has this time; now by default.")] to: Option<DateTime>,
    ) -> Result<Vec<KpiMeasurement>> {
        let series = Series { by: by.into(), from: from.map(|at| at.0), to: to.map(|at| at.0) };
        let points = loaders(ctx)?.kpi_series(self.0.id, series).await?;
        let told = points.into_iter().filter(|_point| self.1 != Measuring::Withheld);
        Ok(told.map(|measured| KpiMeasurement { kpi: self.0.clone(), measured }).collect())
    }
}

/// What was measured for a KPI in some hours or days, by when records were delivered.
pub struct KpiMeasurement {
    kpi: Arc<Definition>,
    measured: Measurement,
}

/// What was measured for a KPI in some hours or days, by when records were delivered.
#[Object]
impl KpiMeasurement {
    /// Begin of the first hour or day.
    fn from(&self) -> DateTime {
        self.measured.from.into()
    }

    /// End of the last one; yet to come where that is the present one.
    fn to(&self) -> DateTime {
        self.measured.to.into()
    }

    /// COUNT: records; SUM: the sum; SHARE: in percent; DELAY: the mean, in the unit of the KPI. Null for a share or a mean
    /// of no record, and of what the record schema classifies.
    fn value(&self) -> Option<f64> {
        self.measured.value(&self.kpi).map(kpi::Decimal::as_f64)
    }

    /// The same as a decimal number, which is exact for a sum whatever its size: `value` has 15 digits.
    fn decimal(&self) -> Option<String> {
        self.measured.value(&self.kpi).map(|value| value.to_string())
    }

    /// Records of which there is a value.
    fn count(&self) -> BigInt {
        self.measured.count().into()
    }

    /// Records of which there is none: the field is missing, or is no number or time.
    fn skipped_count(&self) -> BigInt {
        self.measured.skipped().into()
    }

    /// SUM and DELAY: the smallest value of a record.
    async fn least(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        Ok(self.measured.least(&actor(ctx)?, &self.kpi)?.map(kpi::Decimal::as_f64))
    }

    /// SUM and DELAY: the largest.
    async fn most(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        Ok(self.measured.most(&actor(ctx)?, &self.kpi)?.map(kpi::Decimal::as_f64))
    }
}

/// What a KPI is to be: one of `atLeast` and `atMost`.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct KpiTargetInput {
    /// As large, or larger.
    at_least: Option<f64>,
    /// As small, or smaller.
    at_most: Option<f64>,
    /// In each hour, or in each day (UTC).
    #[graphql(default_with = "HealthPeriod::Day")]
    per: HealthPeriod,
}

/// A KPI.
#[derive(InputObject)]
pub struct KpiInput {
    /// Unique in its integration: lower-case letters, digits and `_`, a letter first; at most 40 characters.
    key: String,
    /// For people, at most 100 characters.
    name: String,
    /// Of its values, e.g. `EUR`, at most 16 characters; `%` of a share, `s`, `min`, `h` or `d` of a delay.
    unit: String,
    /// Whose records: a stream of the integration.
    stream: String,
    /// What of them.
    kind: KpiKind,
    /// SUM: JSON Pointer to the number in the mapped record, like `/total`: a number, or a text like `-1234.50`. None
    /// that the record schema classifies.
    field: Option<String>,
    /// SHARE: JSON Schema of the mapped record, at most 8 KiB. It asks for no field that the record schema classifies.
    rule: Option<Json>,
    /// DELAY: JSON Pointer to the earlier time in the mapped record: RFC 3339, UTC where it has no offset. None that the
    /// record schema classifies.
    from_field: Option<String>,
    /// DELAY: JSON Pointer to the later time; absent or null for when the record is delivered.
    to_field: Option<String>,
    /// What it is to be; absent or null: nobody says.
    target: Option<KpiTargetInput>,
}

impl KpiInput {
    fn decode(self) -> NewKpi {
        let target = self.target.map(|target| NewKpiTarget {
            at_least: target.at_least,
            at_most: target.at_most,
            per: target.per.into(),
        });
        NewKpi {
            key: self.key,
            name: self.name,
            unit: self.unit,
            stream: self.stream,
            kind: self.kind.into(),
            field: self.field,
            rule: self.rule.map(|rule| rule.0),
            from_field: self.from_field,
            to_field: self.to_field,
            target,
        }
    }
}

/// The KPIs of an integration.
#[derive(InputObject)]
pub struct SetKpisInput {
    /// Which integration.
    integration_id: ID,
    /// All of them, in their order; at most 10.
    kpis: Vec<KpiInput>,
}

/// An integration, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct KpisPayload {
    /// The integration; null when `userErrors` is not empty.
    integration: Option<Integration>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of KPIs.
#[derive(Default)]
pub struct KpiMutation;

#[Object]
impl KpiMutation {
    /// Sets the KPIs of an integration in place of those that it has; runs that begin from now on measure them. One that
    /// measures the same as under its key before keeps its values; what another one measures begins now.
    async fn set_kpis(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its KPIs.")] input: SetKpisInput,
    ) -> Result<KpisPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        let kpis = input.kpis.into_iter().map(KpiInput::decode).collect();
        let (integration, user_errors) = outcome(kpi::set(&actor(ctx)?, id, kpis).await)?;
        Ok(KpisPayload { integration: integration.map(Integration), user_errors })
    }
}
