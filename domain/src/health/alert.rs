//! Alerts: an integration misses a target, and later meets it again. When, is a rule of each kind; all need enough runs to
//! say anything, and close at another value than they open at, so that one who is near the border is not told of twice a
//! minute. Deliberately absent: whom they are told to, and in which words; that is of `notice`.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use entity::failure::ResponsibleParty;
use entity::health_alert;
use entity::health_rollup::HealthPeriod;
use entity::integration::{self, IntegrationStatus};
use entity::occasion::OccasionKind;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveEnum, ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::rollup::{Sums, begin};
use super::status::HealthStatus;
use super::target::{HealthTargets, RUN_SUCCESS_PERCENT_DEFAULT};
use crate::actor::Actor;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::occasion::{self, NewOccasion};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent, TxScope};

pub use entity::health_alert::{AlertKind, Model as HealthAlert};

/// Runs without which nothing is said of how many succeed or how long they take.
const RUNS_MIN: i64 = 10;
/// Runs of the week before that say how long they usually take.
const BASELINE_RUNS_MIN: i64 = 20;
/// Runs that did not succeed, at least: one is an accident, and its run says so itself.
const BAD_RUNS_MIN: i64 = 2;
/// Days of the baseline, which end with yesterday.
const BASELINE_DAYS: i64 = 7;
/// How much longer than usual runs may take: it opens at +20 %, and closes at +10 %.
const LATENCY_OPENS_AT: f64 = 1.2;
const LATENCY_CLOSES_AT: f64 = 1.1;
/// And so much longer, in milliseconds, or it would open for runs of 50 ms because of nothing.
const LATENCY_OPENS_MS: f64 = 500.0;
const LATENCY_CLOSES_MS: f64 = 250.0;
/// A target that somebody set is met again 5 % below it.
const LATENCY_TARGET_CLOSES_AT: f64 = 0.95;
/// Days of the week before that had records, without which nothing is said of their number.
const VOLUME_DAYS_MIN: usize = 5;
/// And so many records on the largest of them.
const VOLUME_RECORDS_MIN: i64 = 100;
/// Less than half of what the smallest day of the week had, or more than twice of the largest; weekends are among them.
const VOLUME_LOW_OPENS_AT: f64 = 0.5;
const VOLUME_LOW_CLOSES_AT: f64 = 0.6;
const VOLUME_HIGH_OPENS_AT: f64 = 2.0;
const VOLUME_HIGH_CLOSES_AT: f64 = 1.8;

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judgement {
    /// The target is missed.
    Missed {
        /// What is measured.
        observed: f64,
        /// What is to be at least, or at most.
        expected: f64,
    },
    /// An alert that is open stays so, and none is opened.
    Unsure,
    /// The target is met, or nothing can be said.
    Met,
}

/// What is known of the runs of an integration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// By the hours of the last 24.
    pub(crate) hours: BTreeMap<DateTime<Utc>, Sums>,
    /// By the days of the last nine, today included.
    pub(crate) days: BTreeMap<DateTime<Utc>, Sums>,
}

impl Known {
    fn last_day(&self) -> Sums {
        sum(self.hours.values())
    }

    /// Days so many days ago until before so many.
    fn days_ago(&self, now: DateTime<Utc>, from: i64, before: i64) -> impl Iterator<Item = &Sums> {
        let today = begin(HealthPeriod::Day, now);
        let range = today - Duration::days(from)..today - Duration::days(before);
        self.days.range(range).map(|(_day, sums)| sums)
    }

    /// The seven days before today.
    pub(crate) fn baseline(&self, now: DateTime<Utc>) -> Sums {
        sum(self.days_ago(now, BASELINE_DAYS, 0))
    }
}

fn sum<'a>(sums: impl Iterator<Item = &'a Sums>) -> Sums {
    let mut all = Sums::default();
    sums.for_each(|one| all.add_all(one));
    all
}

/// How the kinds that runs decide stand.
pub(crate) fn judge(
    known: &Known,
    targets: &HealthTargets,
    now: DateTime<Utc>,
) -> [(AlertKind, Judgement); 3] {
    [
        (AlertKind::SuccessRate, success_rate(known, targets, now)),
        (AlertKind::Latency, latency(known, targets, now)),
        (AlertKind::Volume, volume(known, now)),
    ]
}

/// Of the runs of the last 24 hours, or of the last seven days where those are fewer than ten. It closes half-way between
/// the target and 100 %.
fn success_rate(known: &Known, targets: &HealthTargets, now: DateTime<Utc>) -> Judgement {
    let target = targets.run_success_percent.unwrap_or(RUN_SUCCESS_PERCENT_DEFAULT);
    let mut runs = known.last_day();
    if runs.ended() < RUNS_MIN {
        runs = sum(known.days_ago(now, BASELINE_DAYS - 1, -1));
    }
    let Some(observed) = runs.success_percent().filter(|_| runs.ended() >= RUNS_MIN) else {
        return Judgement::Met;
    };
    if observed >= target + (100.0 - target) / 2.0 {
        Judgement::Met
    } else if observed < target && runs.ended() - runs.succeeded >= BAD_RUNS_MIN {
        Judgement::Missed { observed, expected: target }
    } else {
        Judgement::Unsure
    }
}

/// The 95th percentile of the last 24 hours.
fn latency(known: &Known, targets: &HealthTargets, now: DateTime<Utc>) -> Judgement {
    let runs = known.last_day().durations;
    let Some(observed) = runs.percentile_ms(0.95).filter(|_| runs.count() >= RUNS_MIN) else {
        return Judgement::Met;
    };
    let (opens, closes) = match targets.latency_p95_ms {
        Some(target) => (target as f64, target as f64 * LATENCY_TARGET_CLOSES_AT),
        None => {
            let usual = known.baseline(now).durations;
            let Some(usual) = usual.percentile_ms(0.95).filter(|_| usual.count() >= BASELINE_RUNS_MIN) else {
                return Judgement::Met;
            };
            (
                (usual * LATENCY_OPENS_AT).max(usual + LATENCY_OPENS_MS),
                (usual * LATENCY_CLOSES_AT).max(usual + LATENCY_CLOSES_MS),
            )
        }
    };
    if observed > opens {
        Judgement::Missed { observed, expected: opens }
    } else if observed > closes {
        Judgement::Unsure
    } else {
        Judgement::Met
    }
}

/// Records read yesterday, beside the seven days before it that had any. A day without runs says nothing: that is a matter
/// of freshness.
fn volume(known: &Known, now: DateTime<Utc>) -> Judgement {
    let Some(yesterday) = known.days_ago(now, 1, 0).next().filter(|day| day.ended() > 0) else {
        return Judgement::Met;
    };
    let before: Vec<i64> =
        known.days_ago(now, BASELINE_DAYS + 1, 1).map(|day| day.read).filter(|read| *read > 0).collect();
    let (Some(least), Some(most)) = (before.iter().min(), before.iter().max()) else { return Judgement::Met };
    if before.len() < VOLUME_DAYS_MIN || *most < VOLUME_RECORDS_MIN {
        return Judgement::Met;
    }
    let (observed, least, most) = (yesterday.read as f64, *least as f64, *most as f64);
    if observed < least * VOLUME_LOW_OPENS_AT {
        Judgement::Missed { observed, expected: least * VOLUME_LOW_OPENS_AT }
    } else if observed > most * VOLUME_HIGH_OPENS_AT {
        Judgement::Missed { observed, expected: most * VOLUME_HIGH_OPENS_AT }
    } else if observed < least * VOLUME_LOW_CLOSES_AT || observed > most * VOLUME_HIGH_CLOSES_AT {
        Judgement::Unsure
    } else {
        Judgement::Met
    }
}

/// Opens an alert of an integration with this status, unless one of its kind is open already. True when it was opened:
/// whoever tells of alerts begins here.
pub(crate) async fn open(
    tx: &TxScope,
    integration_id: Uuid,
    status: HealthStatus,
    kind: AlertKind,
    observed: f64,
    expected: f64,
) -> Result<bool> {
    let row = HealthAlert {
        id: new_id(),
        tenant_id: tx.tenant_id(),
        integration_id,
        kind,
        observed,
        expected,
        opened_at: tx.app().clock().now(),
        closed_at: None,
    };
    const UNLESS_OPEN: &str =
        "ON CONFLICT (integration_id, kind) WHERE closed_at IS NULL DO NOTHING RETURNING id";
    let doing = "opening an alert";
    let opened = crate::insert::upsert_returning::<health_alert::Entity>(
        tx.connection(),
        vec![row],
        UNLESS_OPEN,
        doing,
    );
    let is_new = !opened.await?.is_empty();
    if is_new {
        tracing::info!(
            tenant.id = %tx.tenant_id(), integration.id = %integration_id, kind = ?kind, observed, expected,
            "an integration misses a target"
        );
        let told = match kind {
            AlertKind::Freshness => NewOccasion::new(OccasionKind::Late),
            AlertKind::Volume => NewOccasion::new(OccasionKind::VolumeAnomaly),
            AlertKind::SuccessRate | AlertKind::Latency => NewOccasion::new(OccasionKind::HealthAlert),
        };
        let told = told
            .integration(integration_id)
            .detail("measure", kind.to_value())
            .detail("observed", observed)
            .detail("expected", expected)
            .detail("status", status.to_value())
            .detail("responsibleParty", party(kind, status).to_value());
        occasion::record(tx, told).await?;
    }
    Ok(is_new)
}

/// Who acts: its people where it waits for them, or where the source is what is unlike itself.
fn party(kind: AlertKind, status: HealthStatus) -> ResponsibleParty {
    let waits = matches!(status, HealthStatus::ActionRequired | HealthStatus::Held);
    if waits || kind == AlertKind::Volume { ResponsibleParty::Customer } else { ResponsibleParty::Support }
}

/// Why an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Ending {
    /// The target is met.
    Met,
    /// Something else is expected of it now.
    Changed,
    /// People paused it.
    Paused,
    /// People archived it.
    Archived,
    /// Its tenant is suspended.
    Suspended,
}

impl Ending {
    /// Why this alert is over of an integration of which somebody has just changed the targets, or not.
    pub(crate) fn of(
        alert: &HealthAlert,
        status: IntegrationStatus,
        is_suspended: bool,
        is_changed: bool,
        newest_success_at: Option<DateTime<Utc>>,
    ) -> Self {
        // Its age is no less without a success.
        let is_met = match alert.kind {
            AlertKind::Freshness => newest_success_at.is_some_and(|at| at >= alert.opened_at),
            _ => !is_changed,
        };
        match status {
            IntegrationStatus::Archived => Self::Archived,
            IntegrationStatus::Paused => Self::Paused,
            _ if is_suspended => Self::Suspended,
            _ if is_met => Self::Met,
            _ => Self::Changed,
        }
    }
}

/// Closes an alert. True when it was open: whoever tells that it is over begins here.
pub(crate) async fn close(tx: &TxScope, alert: &HealthAlert, ending: Ending) -> Result<bool> {
    let now = tx.app().clock().now();
    let closed = tx
        .update::<health_alert::Entity>()
        .col_expr(health_alert::Column::ClosedAt, Expr::value(Some(now)))
        .filter(health_alert::Column::Id.eq(alert.id))
        .filter(health_alert::Column::ClosedAt.is_null())
        .exec(tx.connection())
        .await
        .doing("closing an alert")?;
    if closed.rows_affected > 0 {
        tracing::info!(
            tenant.id = %tx.tenant_id(), integration.id = %alert.integration_id, kind = ?alert.kind,
            ending = ?ending,
            "an integration misses a target no more"
        );
        let told = match alert.kind {
            // Of no run: what it ends is that the integration was late.
            AlertKind::Freshness => Some(NewOccasion::new(OccasionKind::Recovered)),
            AlertKind::SuccessRate | AlertKind::Latency => {
                Some(NewOccasion::new(OccasionKind::HealthRestored))
            }
            AlertKind::Volume => None,
        };
        if let Some(told) = told {
            let told = told
                .integration(alert.integration_id)
                .detail("measure", alert.kind.to_value())
                .detail("ended", json!(ending));
            occasion::record(tx, told).await?;
        }
    }
    Ok(closed.rows_affected > 0)
}

/// Which alerts a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HealthAlertFilter {
    /// Of one of these kinds.
    pub kind: Option<Vec<AlertKind>>,
    /// Whether they are open.
    pub open: Option<bool>,
}

/// A page of the alerts of each integration, in one statement.
///
/// # Errors
/// Denied without `runs:read`; [`crate::Error::Argument`] for a bad page.
pub async fn pages_by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
    filter: &HealthAlertFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<HealthAlert>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let order = Keyset::<health_alert::Entity> {
        name: "health_alert",
        column: None,
        id: health_alert::Column::Id,
        direction,
    };
    scope
        .find::<health_alert::Entity>()
        .filter_some(filter.kind.clone(), |kind| health_alert::Column::Kind.is_in(kind))
        .filter_some(filter.open, |open| {
            let closed = health_alert::Column::ClosedAt;
            if open { closed.is_null() } else { closed.is_not_null() }
        })
        .pages_by_parent(
            Parent::of::<integration::Entity>(health_alert::Column::IntegrationId),
            integrations,
            &order,
            &page.check(order.name)?,
        )
        .await
}
