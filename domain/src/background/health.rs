//! What only time changes in how integrations are: their newest success grows old, failed runs leave the window, and alerts
//! open and close. Every worker does it, without a leader: each takes some that are due, and nobody else takes those for a
//! while. Deliberately absent: what a run that ends says, which is written with its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use entity::health_alert;
use entity::health_rollup::HealthPeriod;
use entity::integration::{self, IntegrationStatus};
use entity::{health_target, integration_health};
use sea_orm::sea_query::{CaseStatement, Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::health::alert::{self, AlertKind, Judgement, Known, judge};
use crate::health::rollup::{Span, Sums, begin, length, points_of_integrations};
use crate::health::status::refresh;
use crate::health::{HealthStatus, HealthTargets, is_watched, late_at};
use crate::scope::TxScope;

/// Integrations that one tick takes: their hours and days are some thousand rows.
const ROWS_MAX: u64 = 200;
/// How long nobody else takes what one has taken, in seconds: far longer than a tick is at them.
const TAKEN_SECONDS: i64 = 120;
/// When one that is not well is looked at again without a run that ends, in seconds.
const UNWELL_SECONDS: i64 = 900;
/// And one that is well: for what nobody told of.
const WELL_SECONDS: i64 = 6 * 3_600;
/// And one that people paused or archived.
const RESTING_SECONDS: i64 = 24 * 3_600;
/// Days that are read: those of the baseline, the one before it that they judge, and today.
const DAYS_READ: i32 = 9;
/// Hours that are read.
const HOURS_READ: i32 = 24;

/// How an integration is judged.
struct Verdict {
    tenant_id: Uuid,
    is_late: bool,
    was_late: bool,
    missed: Vec<(AlertKind, f64, f64)>,
    met: Vec<health_alert::Model>,
    next: DateTime<Utc>,
}

impl Background {
    /// Looks at some integrations that are due. Answers with how many it took, and whether there may be more.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; what was done stands.
    pub async fn tick_health(&self) -> Result<(u64, bool)> {
        let now = self.app().clock().now();
        // To the millisecond, which both databases give back as it was.
        let taken_until = (now + Duration::seconds(TAKEN_SECONDS)).trunc_subsecs(3);
        let due = self.take_due(now, taken_until).await?;
        if due.is_empty() {
            return Ok((0, false));
        }
        let verdicts = self.verdicts(&due, now).await?;
        for (id, verdict) in &verdicts {
            self.carry_out(*id, verdict, taken_until).await?;
        }
        self.put_off(&verdicts, taken_until, now).await?;
        Ok((due.len() as u64, due.len() as u64 == ROWS_MAX))
    }

    /// Gives those a row that an earlier program made without one. Answers with how many.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn adopt_into_health(&self) -> Result<u64> {
        let adopted = self
            .app()
            .across_tenants()
            .writer()
            .execute_unprepared(ADOPTED)
            .await
            .doing("storing how integrations are")?;
        Ok(adopted.rows_affected())
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn take_due(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, integration_health::Model>> {
        use integration_health::{Column, Entity};
        let tx = BatchTx::begin(self.app()).await?;
        let mut select =
            Entity::find().filter(Column::CheckAt.lte(now)).order_by_asc(Column::CheckAt).limit(ROWS_MAX);
        if tx.connection().get_database_backend() == sea_orm::DatabaseBackend::Postgres {
            select = select.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        }
        let due = select.all(tx.connection()).await.doing("reading integrations to look at")?;
        if !due.is_empty() {
            Entity::update_many()
                .col_expr(Column::CheckAt, Expr::value(until))
                .filter(tx.one_of(Column::IntegrationId, due.iter().map(|row| row.integration_id)))
                .exec(tx.connection())
                .await
                .doing("taking integrations to look at")?;
        }
        tx.commit().await?;
        Ok(due.into_iter().map(|row| (row.integration_id, row)).collect())
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn verdicts(
        &self,
        due: &HashMap<Uuid, integration_health::Model>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<Uuid, Verdict>> {
        let ids: Vec<Uuid> = due.keys().copied().collect();
        let reader = self.app().across_tenants().writer();
        let integrations = integration::Entity::find()
            .filter(integration::Column::Id.is_in(ids.iter().copied()))
            .all(reader)
            .await
            .doing("reading integrations to look at")?;
        let targets = health_target::Entity::find()
            .filter(health_target::Column::Id.is_in(due.values().filter_map(|row| row.target_id)))
            .all(reader)
            .await
            .doing("reading targets")?;
        let targets: HashMap<Uuid, HealthTargets> =
            targets.iter().map(|row| (row.integration_id, HealthTargets::of(row))).collect();
        let mut open: HashMap<Uuid, Vec<health_alert::Model>> = HashMap::new();
        let alerts = health_alert::Entity::find()
            .filter(health_alert::Column::IntegrationId.is_in(ids.iter().copied()))
            .filter(health_alert::Column::ClosedAt.is_null())
            .all(reader)
            .await
            .doing("reading alerts")?;
        for alert in alerts {
            open.entry(alert.integration_id).or_default().push(alert);
        }
        let mut hours =
            points_of_integrations(self.app(), &ids, until_now(HealthPeriod::Hour, HOURS_READ, now)).await?;
        let mut days =
            points_of_integrations(self.app(), &ids, until_now(HealthPeriod::Day, DAYS_READ, now)).await?;
        let mut verdicts = BTreeMap::new();
        for integration in integrations {
            let id = integration.id;
            let Some(row) = due.get(&id) else { continue };
            let known = Known { hours: taken(&mut hours, id), days: taken(&mut days, id) };
            let targets = targets.get(&id).copied().unwrap_or_default();
            let open = open.remove(&id).unwrap_or_default();
            verdicts.insert(id, verdict(&integration, row, &targets, &known, open, now));
        }
        Ok(verdicts)
    }

    /// Opens and closes alerts, and stores whether the integration is late.
    async fn carry_out(&self, id: Uuid, verdict: &Verdict, taken_until: DateTime<Utc>) -> Result<()> {
        if verdict.missed.is_empty() && verdict.met.is_empty() && verdict.is_late == verdict.was_late {
            return Ok(());
        }
        let tx = TxScope::begin(self.app(), verdict.tenant_id).await?;
        use integration_health::Column;
        let is_as_judged = tx
            .find::<integration_health::Entity>()
            .filter(Column::IntegrationId.eq(id))
            .filter(Column::CheckAt.eq(taken_until))
            .lock_exclusive()
            .one(tx.connection())
            .await
            .doing("reading how an integration is")?;
        if is_as_judged.is_none() {
            // A run has ended meanwhile, or its targets changed: it is due again already.
            return Ok(());
        }
        if verdict.is_late != verdict.was_late {
            tx.update::<integration_health::Entity>()
                .col_expr(Column::IsLate, Expr::value(verdict.is_late))
                .filter(Column::IntegrationId.eq(id))
                .exec(tx.connection())
                .await
                .doing("storing whether an integration is late")?;
        }
        for (kind, observed, expected) in &verdict.missed {
            alert::open(&tx, id, *kind, *observed, *expected).await?;
        }
        for alert in &verdict.met {
            alert::close(&tx, alert).await?;
        }
        crate::health::status::refresh_in(&tx, [id]).await?;
        tx.commit().await
    }

    /// Derives all of them anew, and says when each is due again, unless a run that ended meanwhile has said so.
    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn put_off(
        &self,
        verdicts: &BTreeMap<Uuid, Verdict>,
        taken_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        use integration_health::Column;
        if verdicts.is_empty() {
            return Ok(());
        }
        let tx = BatchTx::begin(self.app()).await?;
        let ids: BTreeSet<Uuid> = verdicts.keys().copied().collect();
        refresh(tx.connection(), ids.clone(), now).await?;
        let mut next = CaseStatement::new();
        for (id, verdict) in verdicts {
            next = next.case(Column::IntegrationId.eq(*id), Expr::value(verdict.next));
        }
        integration_health::Entity::update_many()
            .col_expr(Column::CheckAt, next.finally(Expr::col(Column::CheckAt)).into())
            .filter(tx.one_of(Column::IntegrationId, ids))
            .filter(Column::CheckAt.eq(taken_until))
            .exec(tx.connection())
            .await
            .doing("putting integrations off")?;
        tx.commit().await
    }
}

/// As `status::fresh` has it.
const ADOPTED: &str = "\
INSERT INTO integration_health (integration_id, tenant_id, status, severity, since, last_run_id, newest_success_at, \
  watched_from, is_late, target_id, check_at) \
SELECT i.id, i.tenant_id, 'UNKNOWN', 10, i.created_at, NULL, NULL, i.created_at, i.id <> i.id, NULL, i.created_at \
FROM integration AS i WHERE NOT EXISTS (SELECT 1 FROM integration_health AS h WHERE h.integration_id = i.id) \
ON CONFLICT (integration_id) DO NOTHING";

fn taken(
    points: &mut HashMap<Uuid, BTreeMap<DateTime<Utc>, Sums>>,
    id: Uuid,
) -> BTreeMap<DateTime<Utc>, Sums> {
    points.remove(&id).unwrap_or_default()
}

/// So many periods, the present one included.
fn until_now(period: HealthPeriod, count: i32, now: DateTime<Utc>) -> Span {
    let before = begin(period, now) + length(period);
    Span { period, from: before - length(period) * count, before }
}

fn verdict(
    integration: &integration::Model,
    row: &integration_health::Model,
    targets: &HealthTargets,
    known: &Known,
    open: Vec<health_alert::Model>,
    now: DateTime<Utc>,
) -> Verdict {
    let late_at = late_at(integration, row, targets);
    let late = late_at.filter(|late_at| *late_at <= now);
    let mut judgements: Vec<(AlertKind, Judgement)> = match is_watched(integration.status) {
        true => judge(known, targets, now).into(),
        // What does not run misses nothing.
        false => [AlertKind::SuccessRate, AlertKind::Latency, AlertKind::Volume]
            .map(|kind| (kind, Judgement::Met))
            .into(),
    };
    let freshness = match late {
        Some(late_at) => {
            let base = row.newest_success_at.map_or(row.watched_from, |at| at.max(row.watched_from));
            let seconds = |until: DateTime<Utc>| (until - base).num_milliseconds() as f64 / 1_000.0;
            Judgement::Missed { observed: seconds(now), expected: seconds(late_at) }
        }
        None => Judgement::Met,
    };
    judgements.push((AlertKind::Freshness, freshness));
    let (mut missed, mut met) = (Vec::new(), Vec::new());
    let mut left = open.len();
    for (kind, judgement) in judgements {
        let alert = open.iter().find(|alert| alert.kind == kind);
        match (judgement, alert) {
            (Judgement::Missed { observed, expected }, None) => missed.push((kind, observed, expected)),
            (Judgement::Met, Some(alert)) => {
                left -= 1;
                met.push(alert.clone());
            }
            _ => {}
        }
    }
    let rests = matches!(integration.status, IntegrationStatus::Paused | IntegrationStatus::Archived);
    let is_well = row.status == HealthStatus::Healthy && missed.is_empty() && left == 0;
    let wait = match (rests, is_well) {
        (true, _) => RESTING_SECONDS,
        (false, true) => WELL_SECONDS,
        (false, false) => UNWELL_SECONDS,
    };
    let again = now + Duration::seconds(wait);
    let next = late_at.filter(|late_at| *late_at > now).map_or(again, |late_at| late_at.min(again));
    Verdict {
        tenant_id: integration.tenant_id,
        is_late: late.is_some(),
        was_late: row.is_late,
        missed,
        met,
        next,
    }
}
