//! What only time changes in how integrations are: their newest success grows old, failed runs leave the window, and alerts
//! open and close. Every worker does it, without a leader: each takes some that are due, and nobody else takes those for a
//! while. Deliberately absent: what a run that ends says, which is written with its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use entity::health_alert;
use entity::health_rollup::HealthPeriod;
use entity::tenant::{self, TenantStatus};
use entity::{health_target, integration, integration_health};
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Background;
use super::transaction::BatchTx;
use crate::database::one_of;
use crate::error::{Doing, Result};
use crate::health::alert::{self, AlertKind, Ending, Judgement, Known, judge};
use crate::health::rollup::{Span, Sums, begin, length, points_of_integrations};
use crate::health::status::refresh;
use crate::health::{HealthStatus, HealthTargets, fresh_from, is_watched, late_at};
use crate::insert::upsert_rows;
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
    over: Vec<(health_alert::Model, Ending)>,
    late_at: Option<DateTime<Utc>>,
}

impl Verdict {
    /// When it is looked at next, being so now.
    fn next(&self, status: HealthStatus, now: DateTime<Utc>) -> DateTime<Utc> {
        let wait = match status {
            HealthStatus::Paused | HealthStatus::Archived => RESTING_SECONDS,
            HealthStatus::Healthy => WELL_SECONDS,
            _ => UNWELL_SECONDS,
        };
        let again = now + Duration::seconds(wait);
        self.late_at.filter(|late_at| *late_at > now).map_or(again, |late_at| late_at.min(again))
    }
}

impl Background {
    /// Looks at some integrations that are due. Answers with how many it took, and whether there may be more. One that
    /// can't be judged keeps none of the others from it, and is due again when what was taken is free.
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
        let mut done = BTreeMap::new();
        for (id, verdict) in self.verdicts(&due, now).await? {
            match self.carry_out(id, &verdict, taken_until).await {
                Ok(()) => drop(done.insert(id, verdict)),
                Err(error) if error.outage().is_some() => return Err(error),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        tenant.id = %verdict.tenant_id, integration.id = %id, error,
                        "how an integration is was not stored; it is tried again in two minutes"
                    );
                }
            }
        }
        self.put_off(&done, taken_until, now).await?;
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
        let backend = reader.get_database_backend();
        let integrations = integration::Entity::find()
            .filter(one_of(backend, integration::Column::Id, ids.iter().copied()))
            .all(reader)
            .await
            .doing("reading integrations to look at")?;
        let tenants: BTreeSet<Uuid> = due.values().map(|row| row.tenant_id).collect();
        let suspended: Vec<Uuid> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .filter(one_of(backend, tenant::Column::Id, tenants))
            .filter(tenant::Column::Status.eq(TenantStatus::Suspended))
            .into_tuple()
            .all(reader)
            .await
            .doing("reading tenants that are suspended")?;
        let targets = due.values().filter_map(|row| row.target_id);
        let targets = health_target::Entity::find()
            .filter(one_of(backend, health_target::Column::Id, targets))
            .all(reader)
            .await
            .doing("reading targets")?;
        let targets: HashMap<Uuid, health_target::Model> =
            targets.into_iter().map(|row| (row.integration_id, row)).collect();
        let mut open: HashMap<Uuid, Vec<health_alert::Model>> = HashMap::new();
        let alerts = health_alert::Entity::find()
            .filter(one_of(backend, health_alert::Column::IntegrationId, ids.iter().copied()))
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
            let is_suspended = suspended.contains(&integration.tenant_id);
            let open = open.remove(&id).unwrap_or_default();
            let looked_at =
                LookedAt { integration: &integration, is_suspended, row, target: targets.get(&id) };
            verdicts.insert(id, verdict(&looked_at, &known, open, now));
        }
        Ok(verdicts)
    }

    /// Opens and closes alerts, and stores whether the integration is late.
    async fn carry_out(&self, id: Uuid, verdict: &Verdict, taken_until: DateTime<Utc>) -> Result<()> {
        if verdict.missed.is_empty() && verdict.over.is_empty() && verdict.is_late == verdict.was_late {
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
        // Otherwise a run has ended meanwhile, or its targets changed: it is due again already.
        let Some(row) = is_as_judged else { return Ok(()) };
        if verdict.is_late != verdict.was_late {
            tx.update::<integration_health::Entity>()
                .col_expr(Column::IsLate, Expr::value(verdict.is_late))
                .filter(Column::IntegrationId.eq(id))
                .exec(tx.connection())
                .await
                .doing("storing whether an integration is late")?;
        }
        for (kind, observed, expected) in &verdict.missed {
            alert::open(&tx, id, row.status, *kind, *observed, *expected).await?;
        }
        for (alert, ending) in &verdict.over {
            alert::close(&tx, alert, *ending).await?;
        }
        crate::health::status::refresh_in(&tx, [id]).await?;
        tx.commit().await
    }

    /// Derives all of them anew, and says when each is due again, as it is now; unless a run that ended meanwhile has said
    /// so.
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
        let doing = "putting integrations off";
        let mut tx = BatchTx::begin(self.app()).await?;
        let ids: BTreeSet<Uuid> = verdicts.keys().copied().collect();
        for change in refresh(tx.connection(), ids.clone(), now).await? {
            tx.tell_after_commit(change);
        }
        let rows = integration_health::Entity::find()
            .filter(tx.one_of(Column::IntegrationId, ids))
            .filter(Column::CheckAt.eq(taken_until))
            .all(tx.connection())
            .await
            .doing(doing)?;
        let put_off = |row: integration_health::Model| {
            let check_at = verdicts.get(&row.integration_id)?.next(row.status, now);
            Some(integration_health::Model { check_at, since: taken_until, ..row })
        };
        let rows = rows.into_iter().filter_map(put_off).collect();
        upsert_rows::<integration_health::Entity>(tx.connection(), rows, PUT_OFF, doing).await?;
        tx.commit().await
    }
}

/// When rows are due next; `since` has until when they were taken. Those that are due at another time meanwhile stay so.
const PUT_OFF: &str = "\
ON CONFLICT (integration_id) DO UPDATE SET check_at = excluded.check_at \
WHERE integration_health.check_at = excluded.since";

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

/// An integration that is due, with what is expected of it; `None` for the defaults.
struct LookedAt<'a> {
    integration: &'a integration::Model,
    is_suspended: bool,
    row: &'a integration_health::Model,
    target: Option<&'a health_target::Model>,
}

fn verdict(
    looked_at: &LookedAt<'_>,
    known: &Known,
    open: Vec<health_alert::Model>,
    now: DateTime<Utc>,
) -> Verdict {
    let LookedAt { integration, is_suspended, row, target } = *looked_at;
    let targets = target.map(HealthTargets::of).unwrap_or_default();
    // A change of them makes it due at once.
    let is_changed = target.is_some_and(|target| (row.check_at - target.set_at).num_seconds() == 0);
    let late_at = late_at(integration, is_suspended, row, &targets);
    let late = late_at.filter(|late_at| *late_at <= now);
    let mut judgements: Vec<(AlertKind, Judgement)> = match is_watched(integration.status, is_suspended) {
        true => judge(known, &targets, now).into(),
        // What does not run misses nothing.
        false => [AlertKind::SuccessRate, AlertKind::Latency, AlertKind::Volume]
            .map(|kind| (kind, Judgement::Met))
            .into(),
    };
    let freshness = match late {
        Some(late_at) => {
            let from = fresh_from(row);
            let seconds = |until: DateTime<Utc>| (until - from).num_milliseconds() as f64 / 1_000.0;
            Judgement::Missed { observed: seconds(now), expected: seconds(late_at) }
        }
        None => Judgement::Met,
    };
    judgements.push((AlertKind::Freshness, freshness));
    let (mut missed, mut over) = (Vec::new(), Vec::new());
    for (kind, judgement) in judgements {
        let alert = open.iter().find(|alert| alert.kind == kind);
        match (judgement, alert) {
            (Judgement::Missed { observed, expected }, None) => missed.push((kind, observed, expected)),
            (Judgement::Met, Some(alert)) => {
                let ending =
                    Ending::of(alert, integration.status, is_suspended, is_changed, row.newest_success_at);
                over.push((alert.clone(), ending));
            }
            _ => {}
        }
    }
    Verdict {
        tenant_id: integration.tenant_id,
        is_late: late.is_some(),
        was_late: row.is_late,
        missed,
        over,
        late_at,
    }
}
