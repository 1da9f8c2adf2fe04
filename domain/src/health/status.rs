//! The one status of an integration: the first that is true of HELD, ACTION_REQUIRED, FAILING, STALE, DEGRADED, RUNNING,
//! HEALTHY and UNKNOWN; where people paused or archived it, that comes before all, because nothing of it runs. It is stored
//! where what it is derived from changes, in the same transaction, so that lists filter and order by it. RUNNING is not
//! stored: a run under way is told by its job, and claims have nothing to write here. What only time changes is the
//! sweep's (`background/health.rs`), which also comes by where somebody forgot to tell.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Duration, Utc};
use entity::integration_health;
use entity::run::RunStatus;
use entity::{integration, job, run};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, QueryFilter, Statement,
    Value,
};
use uuid::Uuid;

use super::rollup::{self, Ended};
use crate::change::{Change, ChangeKind};
use crate::error::{Doing, Result};
use crate::insert::upsert_returning;
use crate::scope::{Scope, TxScope};

pub use entity::integration_health::HealthStatus;

/// How soon after a run alerts are judged anew, in seconds: an integration whose runs end every second is judged once a
/// minute.
const JUDGED_AFTER_SECONDS: i64 = 60;
/// Integrations of one statement; SQLite takes 32,766 parameters.
const IDS_MAX: usize = 1_000;

/// What a run that ended says of its integration. A success ends its being late. Where the end may change whether an alert
/// stands, it is judged at once.
const ENDED: &str = "\
ON CONFLICT (integration_id) DO UPDATE SET \
 last_run_id = excluded.last_run_id, \
 newest_success_at = COALESCE(excluded.newest_success_at, integration_health.newest_success_at), \
 is_late = CASE WHEN excluded.newest_success_at IS NULL THEN integration_health.is_late ELSE FALSE END, \
 check_at = CASE \
  WHEN integration_health.status IN ('STALE', 'DEGRADED', 'FAILING') AND excluded.since < integration_health.check_at \
   THEN excluded.since \
  WHEN excluded.check_at < integration_health.check_at THEN excluded.check_at \
  ELSE integration_health.check_at END \
RETURNING integration_id, status";

/// That an integration has failures which its people are to deal with: a group says who acts, and what was merged into it
/// says the same. `{integration}` is the table. The first condition on the status of failures is that of their partial index
/// word for word, or SQLite would not take it.
const ASKS_CUSTOMERS: &str = "\
EXISTS (SELECT 1 FROM failure_group AS p WHERE p.tenant_id = {integration}.tenant_id \
 AND p.integration_id = {integration}.id AND p.responsible_party = 'CUSTOMER' \
 AND EXISTS (SELECT 1 FROM failure AS f WHERE f.group_id = p.id AND f.tenant_id = p.tenant_id \
  AND f.status IN ('OPEN', 'RETRYING') AND f.status = 'OPEN'))";

/// As a condition on a table of integrations.
pub(super) fn asks_customers(integration: &str) -> String {
    ASKS_CUSTOMERS.replace("{integration}", integration)
}

/// Derives the statuses of integrations, and stores those that changed, which it answers with. `{ids}` says of which, `{asks}` is
/// [`ASKS_CUSTOMERS`].
const DERIVED: &str = "\
UPDATE integration_health AS h SET status = n.status, since = $1, severity = CASE n.status {severities} END \
FROM (SELECT i.id AS id, CASE \
  WHEN i.status IN ('ARCHIVED', 'PAUSED', 'HELD') THEN i.status \
  WHEN {asks} THEN 'ACTION_REQUIRED' \
  WHEN EXISTS (SELECT 1 FROM system AS s WHERE s.tenant_id = i.tenant_id \
    AND s.id IN (i.source_id, i.destination_id) AND s.status = 'REAUTH_REQUIRED') THEN 'ACTION_REQUIRED' \
  WHEN r.status = 'FAILED' THEN 'FAILING' \
  WHEN g.is_late THEN 'STALE' \
  WHEN r.status = 'PARTIAL' THEN 'DEGRADED' \
  WHEN EXISTS (SELECT 1 FROM health_alert AS a WHERE a.integration_id = i.id AND a.closed_at IS NULL \
    AND a.kind <> 'FRESHNESS') THEN 'DEGRADED' \
  WHEN EXISTS (SELECT 1 FROM synthetic_check AS y WHERE y.integration_id = i.id \
    AND y.failing_since IS NOT NULL) THEN 'DEGRADED' \
  WHEN g.last_run_id IS NULL THEN 'UNKNOWN' \
  ELSE 'HEALTHY' END AS status \
 FROM integration AS i JOIN integration_health AS g ON g.integration_id = i.id \
 LEFT JOIN run AS r ON r.id = g.last_run_id WHERE i.id {ids}) AS n \
WHERE h.integration_id = n.id AND h.status <> n.status \
RETURNING integration_id, tenant_id";

/// The place of a status in lists: the worst first where they are in descending order. RUNNING, which is not stored, is
/// among those that it hides.
pub(crate) fn severity(status: HealthStatus) -> i64 {
    match status {
        HealthStatus::Held => 80,
        HealthStatus::ActionRequired => 70,
        HealthStatus::Failing => 60,
        HealthStatus::Stale => 50,
        HealthStatus::Degraded => 40,
        HealthStatus::Running | HealthStatus::Healthy => 20,
        HealthStatus::Unknown => 10,
        HealthStatus::Paused => 5,
        HealthStatus::Archived => 0,
    }
}

/// Statuses as they are stored, in their precedence.
pub(crate) const STORED: [HealthStatus; 9] = [
    HealthStatus::Held,
    HealthStatus::ActionRequired,
    HealthStatus::Failing,
    HealthStatus::Stale,
    HealthStatus::Degraded,
    HealthStatus::Healthy,
    HealthStatus::Unknown,
    HealthStatus::Paused,
    HealthStatus::Archived,
];

/// The row of an integration that nothing is known of yet.
pub(crate) fn fresh(tenant_id: Uuid, integration_id: Uuid, now: DateTime<Utc>) -> integration_health::Model {
    integration_health::Model {
        integration_id,
        tenant_id,
        status: HealthStatus::Unknown,
        severity: severity(HealthStatus::Unknown),
        since: now,
        last_run_id: None,
        newest_success_at: None,
        watched_from: now,
        is_late: false,
        target_id: None,
        check_at: now,
    }
}

/// Counts a run that ends, and derives how its integration is now. Comes after everything else that the end changes.
pub(crate) async fn run_ended(tx: &TxScope, run: &run::Model, status: RunStatus) -> Result<()> {
    let now = tx.app().clock().now();
    tx.count_after_commit([status]);
    tx.tell_all_after_commit(runs_ended(tx.connection(), &[Ended { run, status }], now).await?);
    Ok(())
}

/// The same for runs whose rows may have been read before their last page. Of many it is called once, when nothing else of
/// them is to be locked any more: those who end others of the same integrations wait here, with their jobs locked.
pub(crate) async fn runs_ended_by_ids(tx: &TxScope, ids: Vec<Uuid>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let runs = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.is_in(ids))
        .all(tx.connection())
        .await
        .doing("reading runs that ended")?;
    let ended: Vec<Ended<'_>> = runs.iter().map(|run| Ended { run, status: run.status }).collect();
    tx.count_after_commit(ended.iter().map(|ended| ended.status));
    tx.tell_all_after_commit(runs_ended(tx.connection(), &ended, tx.app().clock().now()).await?);
    Ok(())
}

/// Counts runs for the instruments, once their ends are committed.
pub(crate) fn count_ended(statuses: Vec<RunStatus>) {
    for status in statuses {
        telemetry::instruments().runs.add(&[outcome(status)], 1);
    }
}

/// As the instruments have it. What has not ended is not counted by anybody.
fn outcome(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Succeeded => "succeeded",
        RunStatus::Partial | RunStatus::Recovered => "partial",
        RunStatus::Failed => "failed",
        RunStatus::Queued | RunStatus::Running | RunStatus::Canceled => "canceled",
    }
}

/// The same for runs of several integrations: two statements, and a third where one of these was not well or a run says
/// nothing of its own. Answers with what listeners are to be told after the commit, when the instruments count them, too.
pub(crate) async fn runs_ended(
    connection: &DatabaseTransaction,
    ended: &[Ended<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Change>> {
    rollup::count(connection, ended, now).await?;
    let mut changed = BTreeSet::new();
    let mut rows = std::collections::BTreeMap::new();
    for ended in ended {
        let (run, id) = (ended.run, ended.run.integration_id);
        if !ended.reads_source() || ended.status == RunStatus::Canceled {
            changed.insert(id);
            continue;
        }
        if ended.status != RunStatus::Succeeded {
            changed.insert(id);
        }
        let wait =
            Duration::seconds(if ended.status == RunStatus::Succeeded { JUDGED_AFTER_SECONDS } else { 0 });
        let row = integration_health::Model {
            last_run_id: Some(run.id),
            newest_success_at: ended.is_success().then_some(now),
            check_at: now + wait,
            ..fresh(run.tenant_id, id, now)
        };
        rows.insert(id, row);
    }
    if !rows.is_empty() {
        let doing = "storing how integrations are";
        let rows = rows.into_values().collect();
        for row in upsert_returning::<integration_health::Entity>(connection, rows, ENDED, doing).await? {
            let status: String = row.try_get("", "status").doing(doing)?;
            // Nothing of a success makes it worse, and what holds or pauses it holds it still.
            if !["HEALTHY", "HELD", "PAUSED", "ARCHIVED"].contains(&status.as_str()) {
                changed.insert(row.try_get("", "integration_id").doing(doing)?);
            }
        }
    }
    refresh(connection, changed, now).await
}

/// Derives how these integrations are now. Comes after what may have changed it, in the same transaction.
pub(crate) async fn refresh_in(tx: &TxScope, ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let changes = refresh(tx.connection(), ids.into_iter().collect(), tx.app().clock().now()).await?;
    tx.tell_all_after_commit(changes);
    Ok(())
}

/// The same for integrations of any tenant, by ids that were found in a scope or by background work. Answers with what
/// listeners are to be told after the commit.
pub(crate) async fn refresh(
    connection: &DatabaseTransaction,
    ids: BTreeSet<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let backend = connection.get_database_backend();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let severities: String = STORED
        .into_iter()
        .map(|status| format!("WHEN '{}' THEN {} ", status.to_value(), severity(status)))
        .collect();
    let derived = DERIVED.replace("{severities}", &severities).replace("{asks}", &asks_customers("i"));
    for ids in ids.chunks(IDS_MAX) {
        if backend == DatabaseBackend::Postgres {
            // Whoever changes something of the same integrations at the same time is waited for here, so that the next
            // statement sees it.
            let (among, values) = among(backend, 1, ids);
            let sql = format!(
                "SELECT 1 FROM integration_health WHERE integration_id {among} \
                 ORDER BY integration_id FOR NO KEY UPDATE"
            );
            let statement = Statement::from_sql_and_values(backend, sql, values);
            connection.query_all_raw(statement).await.doing("locking how integrations are")?;
        }
        let (among, values) = among(backend, 2, ids);
        let values = [Value::from(now)].into_iter().chain(values);
        let statement = Statement::from_sql_and_values(backend, derived.replace("{ids}", &among), values);
        let doing = "deriving how integrations are";
        for row in connection.query_all_raw(statement).await.doing(doing)? {
            let id = row.try_get("", "integration_id").doing(doing)?;
            let tenant_id = row.try_get("", "tenant_id").doing(doing)?;
            changes.push(Change { kind: ChangeKind::Health, tenant_id, id, integration_id: Some(id) });
        }
    }
    Ok(changes)
}

/// That something is one of these ids, with the values of its parameters, of which the first has this number. On PostgreSQL
/// it is one text of SQL however many they are.
fn among(backend: DatabaseBackend, first: usize, ids: &[Uuid]) -> (String, Vec<Value>) {
    match backend {
        DatabaseBackend::Postgres => (format!("= ANY(${first})"), vec![Value::from(ids.to_vec())]),
        _ => {
            let places: Vec<String> = (first..first + ids.len()).map(|place| format!("${place}")).collect();
            (format!("IN ({})", places.join(", ")), ids.iter().map(|id| Value::from(*id)).collect())
        }
    }
}

/// The status of these systems has changed, or where they are: a sweep looks within a second at all integrations that read
/// from one or write to it. Waits for none that is being changed, because whoever ends a run of one may want a system's row,
/// which is locked here; so it comes last of all, after [`refresh`], too.
pub(crate) async fn systems_changed(tx: &TxScope, systems: &[Uuid]) -> Result<()> {
    look_again_at_users_of(tx.connection(), systems, tx.app().clock().now()).await
}

/// The same for systems of any tenant, by ids that were found in a scope or by background work.
pub(crate) async fn look_again_at_users_of(
    connection: &DatabaseTransaction,
    systems: &[Uuid],
    now: DateTime<Utc>,
) -> Result<()> {
    let backend = connection.get_database_backend();
    let lock = if backend == DatabaseBackend::Postgres { "FOR NO KEY UPDATE OF g SKIP LOCKED" } else { "" };
    for systems in systems.chunks(IDS_MAX) {
        let (among, values) = among(backend, 2, systems);
        let sql = format!(
            "UPDATE integration_health SET check_at = $1 WHERE integration_id IN (\
             SELECT g.integration_id FROM system AS s JOIN integration AS i ON i.tenant_id = s.tenant_id \
             AND (i.source_id = s.id OR i.destination_id = s.id) \
             JOIN integration_health AS g ON g.integration_id = i.id WHERE s.id {among} {lock})"
        );
        let values = [Value::from(now)].into_iter().chain(values);
        let statement = Statement::from_sql_and_values(backend, sql, values);
        connection.execute_raw(statement).await.doing("looking again at the integrations of systems")?;
    }
    Ok(())
}

/// Judges the age of its newest success from now on: it was paused or resumed, or is to run or be judged otherwise. A sweep
/// looks at it within a second.
pub(crate) async fn watch_from_now(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    let now = tx.app().clock().now();
    tx.update::<integration_health::Entity>()
        .col_expr(integration_health::Column::WatchedFrom, Expr::value(now))
        .col_expr(integration_health::Column::IsLate, Expr::value(false))
        .col_expr(integration_health::Column::CheckAt, Expr::value(now))
        .filter(integration_health::Column::IntegrationId.eq(integration_id))
        .exec(tx.connection())
        .await
        .doing("storing from when an integration is watched")?;
    refresh_in(tx, [integration_id]).await
}

/// The same of all integrations of the tenant, which was suspended or resumed: nothing of it runs meanwhile, so nothing is
/// late. A sweep derives them within a second. Comes last in its transaction, like [`refresh`].
pub(crate) async fn watch_tenant_from_now(tx: &TxScope) -> Result<()> {
    let now = tx.app().clock().now();
    let backend = tx.connection().get_database_backend();
    if backend == DatabaseBackend::Postgres {
        // In the order in which all lock them.
        let sql = "SELECT 1 FROM integration_health WHERE tenant_id = $1 \
                   ORDER BY integration_id FOR NO KEY UPDATE";
        let statement = Statement::from_sql_and_values(backend, sql, [tx.tenant_id().into()]);
        tx.connection().query_all_raw(statement).await.doing("locking how integrations are")?;
    }
    tx.update::<integration_health::Entity>()
        .col_expr(integration_health::Column::WatchedFrom, Expr::value(now))
        .col_expr(integration_health::Column::IsLate, Expr::value(false))
        .col_expr(integration_health::Column::CheckAt, Expr::value(now))
        .exec(tx.connection())
        .await
        .doing("storing from when integrations are watched")?;
    Ok(())
}

/// Those of these integrations that have a run under way.
pub(crate) async fn running(scope: &Scope, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    let ids = scope
        .find::<job::Entity>()
        .filter(job::Column::IntegrationId.is_in(ids.iter().copied()))
        .filter(Expr::cust(UNDER_WAY))
        .tuples::<(Uuid,)>([job::Column::IntegrationId])
        .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// As the unique index has it: a run that has begun, and not ended.
const UNDER_WAY: &str = "begun AND status <> 'DONE'";
/// A row of `integration_health` whose integration has such a run.
pub(crate) const IS_RUNNING: &str = "EXISTS (SELECT 1 FROM job AS j \
    WHERE j.integration_id = integration_health.integration_id AND j.begun AND j.status <> 'DONE')";

/// Integrations with one of these statuses, as a condition on their id.
pub(crate) fn has_one_of(statuses: &[HealthStatus]) -> Condition {
    use integration_health::Column;
    let hidden = [HealthStatus::Healthy, HealthStatus::Unknown];
    let stored = |wanted: &[HealthStatus]| Column::Status.is_in(wanted.iter().copied());
    let (quiet, other): (Vec<HealthStatus>, Vec<HealthStatus>) = statuses
        .iter()
        .copied()
        .filter(|status| *status != HealthStatus::Running)
        .partition(|status| hidden.contains(status));
    let mut any = Condition::any().add(stored(&other));
    any = any.add(stored(&quiet).and(Expr::cust(IS_RUNNING).not()));
    if statuses.contains(&HealthStatus::Running) {
        any = any.add(stored(&hidden).and(Expr::cust(IS_RUNNING)));
    }
    let ids = Query::select()
        .column(Column::IntegrationId)
        .from(integration_health::Entity)
        .cond_where(any)
        .to_owned();
    Condition::all().add(integration::Column::Id.in_subquery(ids))
}
