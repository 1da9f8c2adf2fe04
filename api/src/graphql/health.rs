//! How integrations, tenants and the platform are: one status, what became of runs over hours and days, what is expected,
//! and when that was missed. `health/live.rs`: who is told when that changes.

mod live;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::health::{self, HealthTargetChanges, Series};
use domain::id::Kind;
use uuid::Uuid;

pub use self::live::HealthSubscription;
use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::integration::Integration;
use super::loader::{HealthOwner, MetricsIn, SeriesOf};
use super::page::OrderDirection;
use super::run::Run;
use super::scalar::{BigInt, DateTime, id, uuid};

/// How an integration is: the first that is true, in this order; but PAUSED and ARCHIVED come before all, because nothing of
/// it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::health::HealthStatus")]
pub enum HealthStatus {
    /// The system holds it: `hold` says why.
    Held,
    /// Failures are open that its people are to deal with, or a system is to be signed in to again.
    ActionRequired,
    /// Its last run could not go on.
    Failing,
    /// Its newest success is older than it may be.
    Stale,
    /// Records of its last run failed, an alert is open, or its synthetic check fails.
    Degraded,
    /// A run is under way, and nothing of the above is true.
    Running,
    /// All is well.
    Healthy,
    /// It has not run yet.
    Unknown,
    /// People paused it.
    Paused,
    /// It is archived.
    Archived,
}

/// What keeps an integration from being healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::health::ReasonCode")]
pub enum HealthReasonCode {
    /// It is archived.
    Archived,
    /// People paused it.
    Paused,
    /// The system holds it.
    Held,
    /// A system is to be signed in to again.
    ReauthorizationRequired,
    /// Failures are open that its people are to deal with.
    OpenFailures,
    /// Its last run could not go on.
    LastRunFailed,
    /// Its newest success is older than it may be.
    Late,
    /// Records of its last run failed.
    LastRunPartial,
    /// Fewer of its runs succeed than are to.
    SuccessRate,
    /// Its runs take longer than they are to, or than they did.
    Latency,
    /// It reads far more or fewer records in a day than it did.
    Volume,
    /// Its synthetic check fails.
    SyntheticFailed,
    /// It has not run yet.
    NotRunYet,
}

/// Something that keeps an integration from being healthy.
#[derive(Clone, Debug, SimpleObject)]
pub struct HealthReason {
    /// What.
    code: HealthReasonCode,
    /// In words for its people.
    message: String,
}

/// What runs are rolled up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::health::Period")]
pub enum HealthPeriod {
    /// Hours; kept for 90 days.
    Hour,
    /// Days, in UTC; kept for two years.
    Day,
}

/// What became of the regular runs that ended in some hours or days. Regular runs read the source for the first time:
/// retries, backfills, reconciliations and probes are not counted.
pub struct HealthMetrics(health::Metrics);

/// What became of the regular runs that ended in some hours or days. Regular runs read the source for the first time:
/// retries, backfills, reconciliations and probes are not counted.
#[Object]
impl HealthMetrics {
    /// Begin of the first hour or day.
    fn from(&self) -> DateTime {
        self.0.from.into()
    }

    /// End of the last one; yet to come where that is the present one.
    fn to(&self) -> DateTime {
        self.0.to.into()
    }

    /// How they ended.
    fn runs(&self) -> HealthRuns {
        HealthRuns {
            succeeded: self.0.succeeded().into(),
            partial: self.0.partial().into(),
            failed: self.0.failed().into(),
            canceled: self.0.canceled().into(),
        }
    }

    /// What became of their records.
    fn records(&self) -> HealthRecords {
        let [read, created, updated, unchanged, skipped, failed] = self.0.records().map(BigInt::from);
        HealthRecords { read, created, updated, unchanged, skipped, failed }
    }

    /// Of the runs that ended by themselves the percentage of which every record arrived; null without any.
    fn run_success_percent(&self) -> Option<f64> {
        self.0.run_success_percent()
    }

    /// Of the records read the percentage that did not fail; null without any.
    fn record_success_percent(&self) -> Option<f64> {
        self.0.record_success_percent()
    }

    /// Half of the runs that went through took no longer, in milliseconds; off by at most 4.4 %. Null without any.
    fn latency_p50_ms(&self) -> Option<f64> {
        self.0.latency_ms(0.5)
    }

    /// 95 % of the runs that went through took no longer, in milliseconds; off by at most 4.4 %. Null without any.
    fn latency_p95_ms(&self) -> Option<f64> {
        self.0.latency_ms(0.95)
    }

    /// How long the runs that went through took on average, in milliseconds; null without any.
    fn latency_mean_ms(&self) -> Option<f64> {
        self.0.latency_mean_ms()
    }

    /// Records that they read in a second; null where they took no time.
    fn records_per_second(&self) -> Option<f64> {
        self.0.records_per_second()
    }
}

/// How runs ended.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct HealthRuns {
    /// Every record arrived.
    succeeded: BigInt,
    /// Some records failed.
    partial: BigInt,
    /// They could not go on.
    failed: BigInt,
    /// They were canceled.
    canceled: BigInt,
}

/// What became of records.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct HealthRecords {
    /// Read from the source.
    read: BigInt,
    /// The destination did not have them.
    created: BigInt,
    /// The destination had them with other values.
    updated: BigInt,
    /// The destination had them already.
    unchanged: BigInt,
    /// The mapping left them out.
    skipped: BigInt,
    /// They became failures.
    failed: BigInt,
}

/// How old the newest success of an integration is: the newest run that read its source from where it stands, and brought
/// something home.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct Freshness {
    /// When that run ended; null where there is none.
    newest_success_at: Option<DateTime>,
    /// How long ago that was, in seconds.
    age_seconds: Option<BigInt>,
    /// When the integration is late, or since when; null where nothing is expected: no target and no schedule, it is paused
    /// or archived, or its tenant is suspended.
    late_at: Option<DateTime>,
    /// It is late.
    is_late: bool,
}

/// How an integration is.
pub struct IntegrationHealth {
    id: Uuid,
    health: health::Health,
    window_hours: i32,
}

/// How an integration is.
#[Object]
impl IntegrationHealth {
    /// The integration.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration> {
        Ok(Integration(loaders(ctx)?.referred(self.id, "integration").await?))
    }

    /// Its status.
    fn status(&self) -> HealthStatus {
        self.health.status.into()
    }

    /// Since when; of RUNNING since when it was HEALTHY or UNKNOWN.
    fn since(&self) -> DateTime {
        self.health.since.into()
    }

    /// Why, in the order of the statuses; empty where all is well.
    fn reasons(&self) -> Vec<HealthReason> {
        let reason = |reason: &health::HealthReason| HealthReason {
            code: reason.code.into(),
            message: reason.message.clone(),
        };
        self.health.reasons.iter().map(reason).collect()
    }

    /// The run that read its source last and has ended; null where there is none.
    async fn last_run(&self, ctx: &Context<'_>) -> Option<Result<Run>> {
        let id = self.health.last_run_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Run))
    }

    /// How old what it brought home is.
    fn freshness(&self) -> Freshness {
        let freshness = self.health.freshness;
        Freshness {
            newest_success_at: freshness.newest_success_at.map(Into::into),
            age_seconds: freshness.age_seconds.map(Into::into),
            late_at: freshness.late_at.map(Into::into),
            is_late: freshness.is_late,
        }
    }

    /// What became of its runs in the window.
    async fn metrics(&self, ctx: &Context<'_>) -> Result<HealthMetrics> {
        metrics_of(ctx, HealthOwner::Integration, self.id, self.window_hours).await
    }

    /// What became of its runs by the hour or day, oldest first; only those in which runs ended.
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "HealthPeriod::Hour", desc = "Hours, at most 744, or days, at most 731.")]
        by: HealthPeriod,
        #[graphql(desc = "From the one that has this time; 24 hours or 30 days by default.")] from: Option<
            DateTime,
        >,
        #[graphql(desc = "To the one that has this time; now by default.")] to: Option<DateTime>,
    ) -> Result<Vec<HealthMetrics>> {
        series_of(ctx, HealthOwner::Integration, self.id, by, from, to).await
    }
}

impl IntegrationHealth {
    /// # Errors
    /// `BAD_USER_INPUT` for a window that is too short or too long.
    pub(super) fn of(id: Uuid, health: health::Health, window_hours: i32) -> Result<Self> {
        health::check_window(window_hours)?;
        Ok(Self { id, health, window_hours })
    }
}

async fn metrics_of(
    ctx: &Context<'_>,
    owner: HealthOwner,
    id: Uuid,
    window_hours: i32,
) -> Result<HealthMetrics> {
    Ok(HealthMetrics(loaders(ctx)?.health_metrics(id, MetricsIn { owner, window_hours }).await?))
}

async fn series_of(
    ctx: &Context<'_>,
    owner: HealthOwner,
    id: Uuid,
    by: HealthPeriod,
    from: Option<DateTime>,
    to: Option<DateTime>,
) -> Result<Vec<HealthMetrics>> {
    let series = Series { by: by.into(), from: from.map(|at| at.0), to: to.map(|at| at.0) };
    let points = loaders(ctx)?.series(id, SeriesOf { owner, series }).await?;
    Ok(points.into_iter().map(HealthMetrics).collect())
}

/// How many integrations have a status.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct HealthCount {
    /// The status.
    status: HealthStatus,
    /// How many have it.
    integrations: BigInt,
}

/// How the integrations of a tenant are, or those of all.
pub struct HealthOverview {
    owner: HealthOwner,
    id: Uuid,
    overview: health::Overview,
    window_hours: i32,
}

/// How the integrations of a tenant are, or those of all.
#[Object]
impl HealthOverview {
    /// The worst of their statuses; UNKNOWN where there is no integration.
    fn status(&self) -> HealthStatus {
        self.overview.status().into()
    }

    /// How many have which status, the worst first; those that are archived are not counted.
    fn integrations(&self) -> Vec<HealthCount> {
        let count = |(status, count): &(health::HealthStatus, i64)| HealthCount {
            status: (*status).into(),
            integrations: (*count).into(),
        };
        self.overview.counts.iter().map(count).collect()
    }

    /// What became of their runs in the window, together.
    async fn metrics(&self, ctx: &Context<'_>) -> Result<HealthMetrics> {
        metrics_of(ctx, self.owner, self.id, self.window_hours).await
    }

    /// What became of their runs by the hour or day, together, oldest first; only those in which runs ended.
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "HealthPeriod::Hour", desc = "Hours, at most 744, or days, at most 731.")]
        by: HealthPeriod,
        #[graphql(desc = "From the one that has this time; 24 hours or 30 days by default.")] from: Option<
            DateTime,
        >,
        #[graphql(desc = "To the one that has this time; now by default.")] to: Option<DateTime>,
    ) -> Result<Vec<HealthMetrics>> {
        series_of(ctx, self.owner, self.id, by, from, to).await
    }
}

impl HealthOverview {
    /// # Errors
    /// `BAD_USER_INPUT` for a window that is too short or too long.
    pub(super) fn of(
        owner: HealthOwner,
        id: Uuid,
        overview: health::Overview,
        window_hours: i32,
    ) -> Result<Self> {
        health::check_window(window_hours)?;
        Ok(Self { owner, id, overview, window_hours })
    }
}

/// What is expected of an integration.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct HealthTargets {
    /// The oldest that its newest success may be, in seconds. Null is the default: late when its schedule has ticked twice
    /// since, and an hour has passed; never without a schedule.
    freshness_seconds: Option<BigInt>,
    /// Of its runs so many percent succeed. Null is the default, 99.
    run_success_percent: Option<f64>,
    /// 95 % of its runs take no longer, in milliseconds. Null is the default: a fifth more than in the seven days before
    /// today, and half a second.
    latency_p95_ms: Option<BigInt>,
}

impl From<health::HealthTargets> for HealthTargets {
    fn from(targets: health::HealthTargets) -> Self {
        Self {
            freshness_seconds: targets.freshness_seconds.map(Into::into),
            run_success_percent: targets.run_success_percent,
            latency_p95_ms: targets.latency_p95_ms.map(Into::into),
        }
    }
}

/// A change of what is expected of an integration.
#[derive(Clone)]
pub struct HealthTargetChange(pub(super) health::HealthTargetChange);

/// A change of what is expected of an integration.
#[Object]
impl HealthTargetChange {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::HealthTargetChange, self.0.id)
    }

    /// What was expected from then on.
    fn targets(&self) -> HealthTargets {
        self.0.targets.into()
    }

    /// Who set it; a tenant reads of the operator's staff only that it was they.
    fn set_by(&self) -> &str {
        &self.0.set_by
    }

    /// When.
    fn set_at(&self) -> DateTime {
        self.0.set_at.into()
    }
}

/// Which target was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::health::AlertKind")]
pub enum HealthAlertKind {
    /// In percent: of at least 10 runs of the last 24 hours, or of the last seven days, fewer succeed, and two at least did
    /// not. It closes half-way between the target and 100.
    SuccessRate,
    /// In milliseconds: the 95th percentile of at least 10 runs of the last 24 hours is longer than the target, or than a
    /// fifth and half a second more than that of at least 20 runs of the seven days before today. It closes at a tenth and a
    /// quarter of a second more, or 5 % below a target.
    Latency,
    /// In seconds: the newest success is older than it may be. It closes with the next.
    Freshness,
    /// In records: yesterday (UTC) fewer were read than half of the smallest of the seven days before, or more than twice
    /// of the largest; at least five of these had any, and one of them 100.
    Volume,
}

/// When an integration missed a target, and until when.
#[derive(Clone)]
pub struct HealthAlert(pub(super) health::HealthAlert);

/// When an integration missed a target, and until when.
#[Object]
impl HealthAlert {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::HealthAlert, self.0.id)
    }

    /// Which target.
    fn kind(&self) -> HealthAlertKind {
        self.0.kind.into()
    }

    /// What was measured when it was opened, in the unit of its kind.
    fn observed(&self) -> f64 {
        self.0.observed
    }

    /// What it was to be at least, or at most.
    fn expected(&self) -> f64 {
        self.0.expected
    }

    /// When it was seen.
    fn opened_at(&self) -> DateTime {
        self.0.opened_at.into()
    }

    /// When it was over; null while it is open.
    fn closed_at(&self) -> Option<DateTime> {
        self.0.closed_at.map(Into::into)
    }
}

/// Which alerts a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct HealthAlertFilter {
    /// Of one of these kinds.
    kind: Option<Vec<HealthAlertKind>>,
    /// Whether they are open.
    open: Option<bool>,
}

impl HealthAlertFilter {
    pub(super) fn decode(self) -> health::HealthAlertFilter {
        health::HealthAlertFilter {
            kind: self.kind.map(|kinds| kinds.into_iter().map(Into::into).collect()),
            open: self.open,
        }
    }
}

/// By what alerts are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum HealthAlertOrderField {
    /// By the time they were opened.
    #[default]
    OpenedAt,
}

/// Order of a list of alerts; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct HealthAlertOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: HealthAlertOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of health.
#[derive(Default)]
pub struct HealthQuery;

#[Object]
impl HealthQuery {
    /// How the integrations of all tenants are, together.
    async fn platform_health(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = 24,
            desc = "The window of its metrics, which ends now: 1 to 2,160 hours; of whole hours up to a week, of whole days (UTC) from then on."
        )]
        window_hours: i32,
    ) -> Result<HealthOverview> {
        let overview = health::platform(&actor(ctx)?).await?;
        HealthOverview::of(HealthOwner::Platform, Uuid::nil(), overview, window_hours)
    }
}

/// What is expected of an integration; absent is unchanged, null is the default again.
#[derive(InputObject)]
pub struct SetHealthTargetsInput {
    /// Which integration.
    integration_id: ID,
    /// The oldest that its newest success may be: 1 to 31,622,400 seconds.
    freshness_seconds: MaybeUndefined<BigInt>,
    /// Of its runs so many percent succeed: more than 0, at most 100.
    run_success_percent: MaybeUndefined<f64>,
    /// 95 % of its runs take no longer: 1 to 604,800,000 milliseconds.
    latency_p95_ms: MaybeUndefined<BigInt>,
}

/// An integration, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct HealthTargetsPayload {
    /// The integration; null when `userErrors` is not empty.
    integration: Option<Integration>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of health.
#[derive(Default)]
pub struct HealthMutation;

#[Object]
impl HealthMutation {
    /// Sets what is expected of an integration, and keeps who did and when. Where `freshnessSeconds` changes, how old its
    /// newest success is, is judged from now on.
    async fn set_health_targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration and its targets.")] input: SetHealthTargetsInput,
    ) -> Result<HealthTargetsPayload> {
        let changes = HealthTargetChanges {
            freshness_seconds: input.freshness_seconds.map_value(|seconds| seconds.0).into(),
            run_success_percent: input.run_success_percent.into(),
            latency_p95_ms: input.latency_p95_ms.map_value(|ms| ms.0).into(),
        };
        let id = uuid(Kind::Integration, &input.integration_id);
        let (integration, user_errors) = outcome(health::set_targets(&actor(ctx)?, id, changes).await)?;
        Ok(HealthTargetsPayload { integration: integration.map(Integration), user_errors })
    }
}
