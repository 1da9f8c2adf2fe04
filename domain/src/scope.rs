//! The only way to rows. A scope comes from [`Actor::authorize`](crate::Actor::authorize), and every query
//! that it starts is filtered by its tenants already: a query that forgets its tenant does not compile.

mod keyset;
mod reading;
mod stream;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::run::RunStatus;
use entity::{
    api_key, audit_entry, backfill, change, connect_link, contact, escalation, escalation_policy, exchange,
    export, export_chunk, failure, failure_group, failure_group_activity, failure_group_hour, health_alert,
    health_rollup, health_target, identity_provider, incident, incident_entry, incident_system, integration,
    integration_contact, integration_health, invitation, job, kill_switch, kpi_rollup, log_line, notice,
    notice_attempt, notice_channel, notice_delivery, notice_policy, notice_subject, occasion, ownership_rule,
    portal_cutoff, portal_key, portal_session, quarantine, receipt_block, receipt_segment, reconciliation,
    reconciliation_difference, reconciliation_stream, retention, retry, reveal, run, run_event, run_metric,
    run_slice, run_stream, runbook, runbook_version, sla_clock, stream_cursor, stream_schema,
    synthetic_check, synthetic_result, system, system_fault, system_grant, tenant, user, webhook_endpoint,
    webhook_event,
};
use sea_orm::sea_query::{Condition, IntoCondition, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult,
    IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    TryGetableMany, UpdateMany, Value,
};
use uuid::Uuid;

use crate::actor::{Tenants, only_looking};
use crate::app::App;
use crate::audit::Entry;
use crate::change::{Change, journal};
use crate::database::{TenantReader, one_of};
use crate::dispatch::{JobHint, PUSH_TIMEOUT};
use crate::error::{Doing, Error, Result};
use crate::health::status::count_ended;
use crate::id::{GlobalId, Kind};
use crate::insert::insert_rows;
use crate::replica::ReadFrom;

use self::reading::Reading;
use self::stream::{Across, Axis};

pub(crate) use self::keyset::{Keyset, Parent};
pub(crate) use self::reading::{Columns, Sparse, sparse};
pub(crate) use self::stream::made_within;

/// Longest wait before a push for which a process keeps a task, which its shutdown waits for.
const PUSH_LATER_MAX: Duration = Duration::from_secs(5);

/// An entity whose rows belong to a tenant.
pub trait TenantOwned: EntityTrait {
    /// The column that names the tenant.
    fn tenant_column() -> Self::Column;
}

macro_rules! tenant_owned {
    ($($module:ident . $column:ident),* $(,)?) => {$(
        impl TenantOwned for $module::Entity {
            fn tenant_column() -> Self::Column {
                $module::Column::$column
            }
        }
    )*};
}

// One line an entity is what keeps this list readable; the alternative is fifteen identical impls.
tenant_owned!(
    tenant.Id,
    user.TenantId,
    invitation.TenantId,
    identity_provider.TenantId,
    incident_system.TenantId,
    api_key.TenantId,
    portal_key.TenantId,
    portal_cutoff.TenantId,
    portal_session.TenantId,
    audit_entry.TenantId,
    system.TenantId,
    system_fault.TenantId,
    system_grant.TenantId,
    connect_link.TenantId,
    contact.TenantId,
    integration.TenantId,
    integration_contact.TenantId,
    integration_health.TenantId,
    run.TenantId,
    run_stream.TenantId,
    run_metric.TenantId,
    run_slice.TenantId,
    stream_cursor.TenantId,
    stream_schema.TenantId,
    backfill.TenantId,
    change.TenantId,
    reconciliation.TenantId,
    reconciliation_stream.TenantId,
    reconciliation_difference.TenantId,
    run_event.TenantId,
    exchange.TenantId,
    export.TenantId,
    export_chunk.TenantId,
    failure.TenantId,
    failure_group.TenantId,
    failure_group_hour.TenantId,
    failure_group_activity.TenantId,
    escalation.TenantId,
    escalation_policy.TenantId,
    sla_clock.TenantId,
    health_alert.TenantId,
    health_rollup.TenantId,
    health_target.TenantId,
    retention.TenantId,
    retry.TenantId,
    reveal.TenantId,
    job.TenantId,
    kill_switch.TenantId,
    kpi_rollup.TenantId,
    log_line.TenantId,
    notice.TenantId,
    notice_attempt.TenantId,
    notice_channel.TenantId,
    notice_delivery.TenantId,
    notice_policy.TenantId,
    notice_subject.TenantId,
    occasion.TenantId,
    ownership_rule.TenantId,
    receipt_block.TenantId,
    receipt_segment.TenantId,
    quarantine.TenantId,
    synthetic_check.TenantId,
    synthetic_result.TenantId,
    webhook_endpoint.TenantId,
    webhook_event.TenantId,
    runbook.TenantId,
    runbook_version.TenantId,
);

/// An entity whose rows are the operator's, and of which tenants see what concerns them.
pub(crate) trait Shared: EntityTrait {
    /// What these tenants see.
    fn shared_with(tenants: &[Uuid]) -> Condition;
}

/// The incidents that hit a system of these tenants.
fn incidents_of(tenants: &[Uuid]) -> SelectStatement {
    Query::select()
        .column(incident_system::Column::IncidentId)
        .from(incident_system::Entity)
        .and_where(incident_system::Column::TenantId.is_in(tenants.iter().copied()))
        .to_owned()
}

impl Shared for incident::Entity {
    fn shared_with(tenants: &[Uuid]) -> Condition {
        Condition::all().add(incident::Column::Id.in_subquery(incidents_of(tenants)))
    }
}

impl Shared for incident_entry::Entity {
    fn shared_with(tenants: &[Uuid]) -> Condition {
        Condition::all()
            .add(incident_entry::Column::IsPublic.eq(true))
            .add(incident_entry::Column::IncidentId.in_subquery(incidents_of(tenants)))
    }
}

/// The rows that one caller may touch for one permission.
#[derive(Clone)]
pub struct Scope {
    app: Arc<App>,
    tenants: Tenants,
    from: ReadFrom,
    only_looks: bool,
}

impl Scope {
    /// One that reads from the primary.
    pub(crate) fn new(app: Arc<App>, tenants: Tenants) -> Self {
        Self { app, tenants, from: ReadFrom::Primary, only_looks: false }
    }

    /// The same, which begins nothing if that is so.
    pub(crate) fn only_looking(self, only_looks: bool) -> Self {
        Self { only_looks, ..self }
    }

    /// The same, which reads from there.
    pub(crate) fn reading_from(self, from: ReadFrom) -> Self {
        Self { from, ..self }
    }

    /// For single statements on the rows of these tenants, which whoever asks has checked.
    pub(crate) fn reader_of(&self, tenants: &Tenants) -> TenantReader {
        match &self.from {
            ReadFrom::Primary => self.app.database().reader_of(tenants),
            ReadFrom::Replica(reading) => self.app.database().replica_reader_of(tenants, reading.clone()),
        }
    }

    /// The process-wide parts.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Whether it is of every tenant: of the operator's staff.
    pub(crate) fn is_of_all(&self) -> bool {
        self.tenants == Tenants::All
    }

    /// Whether a tenant is inside.
    pub fn contains(&self, tenant_id: Uuid) -> bool {
        self.tenants.contains(tenant_id)
    }

    /// Starts a query, filtered by tenant.
    #[expect(clippy::disallowed_methods, reason = "the one place where plain queries start")]
    pub(crate) fn find<E: TenantOwned>(&self) -> ScopedSelect<E> {
        let select = match &self.tenants {
            Tenants::All => E::find(),
            Tenants::Some(tenants) => match tenants.as_slice() {
                [one] => E::find().filter(E::tenant_column().eq(*one)),
                several => E::find().filter(E::tenant_column().is_in(several.iter().copied())),
            },
        };
        ScopedSelect {
            select,
            axes: Vec::new(),
            reading: Reading::whole(),
            is_planned_once: false,
            across: Across::of(&self.tenants),
            connection: self.reader_of(&self.tenants),
        }
    }

    /// Starts a query of the operator's rows, filtered by what of them the tenants see.
    #[expect(clippy::disallowed_methods, reason = "filtered here by what tenants see")]
    pub(crate) fn find_shared<E: Shared>(&self) -> ScopedSelect<E> {
        let select = match &self.tenants {
            Tenants::All => E::find(),
            Tenants::Some(tenants) => E::find().filter(E::shared_with(tenants)),
        };
        ScopedSelect {
            select,
            axes: Vec::new(),
            reading: Reading::whole(),
            is_planned_once: false,
            across: Across::One,
            connection: self.reader_of(&self.tenants),
        }
    }

    /// Begins a transaction for one tenant's rows; `None` when the tenant is not inside.
    ///
    /// # Errors
    /// Denied to who only looks.
    pub(crate) async fn begin(&self, tenant_id: Uuid) -> Result<Option<TxScope>> {
        if self.only_looks {
            return Err(only_looking());
        }
        if !self.contains(tenant_id) {
            return Ok(None);
        }
        TxScope::begin(&self.app, tenant_id).await.map(Some)
    }
}

/// A query that is filtered by tenant already.
pub(crate) struct ScopedSelect<E: EntityTrait> {
    select: Select<E>,
    axes: Vec<Axis<E>>,
    reading: Reading<E>,
    is_planned_once: bool,
    across: Across<E>,
    connection: TenantReader,
}

impl<E: EntityTrait> ScopedSelect<E> {
    /// Narrows it.
    pub(crate) fn filter(mut self, condition: impl IntoCondition) -> Self {
        self.select = self.select.filter(condition.into_condition());
        self
    }

    /// Has PostgreSQL plan it once, for whatever values: when there is an index for all that it asks for, in its order.
    pub(crate) fn planned_once(mut self) -> Self {
        self.connection = self.connection.planned_once();
        self.is_planned_once = true;
        self
    }

    /// The same where this holds.
    pub(crate) fn planned_once_if(self, is_served: bool) -> Self {
        if is_served { self.planned_once() } else { self }
    }

    /// Narrows it to the row of this id.
    pub(crate) fn of_id(self, id_column: E::Column, id: Uuid) -> Self {
        self.planned_once().filter(id_column.eq(id))
    }

    /// The same to the rows of these ids, however many they are.
    pub(crate) fn of_ids(self, id_column: E::Column, ids: impl IntoIterator<Item = Uuid>) -> Self {
        let backend = self.connection.get_database_backend();
        self.planned_once().filter(one_of(backend, id_column, ids))
    }

    /// Narrows it if there is something to narrow by.
    pub(crate) fn filter_some<T>(self, value: Option<T>, condition: impl FnOnce(T) -> SimpleExpr) -> Self {
        match value {
            Some(value) => self.filter(condition(value)),
            None => self,
        }
    }

    /// Orders it.
    pub(crate) fn order_by(mut self, column: E::Column, order: Order) -> Self {
        self.select = self.select.order_by(column, order);
        self
    }

    /// At most so many rows.
    pub(crate) fn limit(mut self, rows: u64) -> Self {
        self.select = self.select.limit(rows);
        self
    }

    /// One row.
    pub(crate) async fn one(self) -> Result<Option<E::Model>> {
        Ok(self.limit(1).all().await?.pop())
    }

    /// The rows; the caller has bounded them.
    pub(crate) async fn all(mut self) -> Result<Vec<E::Model>> {
        let reading = self.what_is_read();
        let Self { select, axes, connection, .. } = self;
        let statement = reading.select(Self::narrowed(select, axes)).build(connection.get_database_backend());
        let rows = connection.query_all_raw(statement).await.doing("reading rows")?;
        reading.rows(&rows).doing("reading rows")
    }

    /// These columns of the rows; the caller has bounded them.
    pub(crate) async fn tuples<T: TryGetableMany + Send + Sync>(
        self,
        columns: impl IntoIterator<Item = E::Column>,
    ) -> Result<Vec<T>> {
        let select = Self::narrowed(self.select, self.axes).select_only();
        let select = columns.into_iter().fold(select, QuerySelect::column);
        select.into_tuple().all(&self.connection).await.doing("reading rows")
    }

    /// Groups, sums or single columns of the rows, as `shape` says; the caller has bounded them.
    pub(crate) async fn shaped<T: FromQueryResult + Send + Sync>(
        self,
        shape: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Result<Vec<T>> {
        shape(Self::narrowed(self.select, self.axes))
            .into_model::<T>()
            .all(&self.connection)
            .await
            .doing("reading rows")
    }

    /// Few columns may all be in an index of another order, which PostgreSQL would rather look through than sort: so they are
    /// every one where it may choose.
    fn what_is_read(&mut self) -> Reading<E> {
        let reading = std::mem::replace(&mut self.reading, Reading::whole());
        if self.is_planned_once { reading } else { reading.of_all_columns() }
    }

    /// How many there are.
    pub(crate) async fn count(self) -> Result<u64>
    where
        E::Model: Sync,
    {
        Self::narrowed(self.select, self.axes).count(&self.connection).await.doing("counting rows")
    }
}

impl<E: Sparse> ScopedSelect<E> {
    /// It reads these columns, and those that it is ordered by, where it is planned once; and of some, which hold text, bytes or lists (as JSON), only
    /// whether there is something in them: then they are empty.
    pub(crate) fn reading(mut self, columns: Columns, marks: Vec<E::Column>) -> Self {
        self.reading = Reading::of(columns, marks);
        self
    }
}

/// A transaction on one tenant's rows. What it promises to others (jobs to push, changes to tell) goes out
/// after the commit, and only then. What a caller does in it is entered in the tenant's audit log.
pub struct TxScope {
    app: Arc<App>,
    tx: DatabaseTransaction,
    tenant_id: Uuid,
    object: Option<GlobalId>,
    detail: Option<String>,
    hints: Vec<JobHint>,
    hints_later: Vec<(Duration, JobHint)>,
    /// Kept, and told after the commit. Who derives how integrations are has the transaction for reading only.
    changes: Mutex<Vec<Change>>,
    /// Only told.
    passing: Vec<Change>,
    /// Of runs that end, for the instruments.
    ended: Mutex<Vec<RunStatus>>,
}

impl TxScope {
    /// For one tenant. Callers hold a [`Scope`] that contains it, or are background work.
    pub(crate) async fn begin(app: &Arc<App>, tenant_id: Uuid) -> Result<Self> {
        let tx = app.database().begin_for(tenant_id).await?;
        Ok(Self {
            app: app.clone(),
            tx,
            tenant_id,
            object: None,
            detail: None,
            hints: Vec::new(),
            hints_later: Vec::new(),
            changes: Mutex::default(),
            passing: Vec::new(),
            ended: Mutex::default(),
        })
    }

    /// The tenant.
    pub(crate) fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// The process-wide parts.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Starts a query on the tenant's rows.
    #[expect(clippy::disallowed_methods, reason = "filtered by tenant here")]
    pub(crate) fn find<E: TenantOwned>(&self) -> Select<E> {
        E::find().filter(E::tenant_column().eq(self.tenant_id))
    }

    /// Starts an update of the tenant's rows.
    #[expect(clippy::disallowed_methods, reason = "filtered by tenant here")]
    pub(crate) fn update<E: TenantOwned>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::tenant_column().eq(self.tenant_id))
    }

    /// Starts a deletion of the tenant's rows.
    #[expect(clippy::disallowed_methods, reason = "filtered by tenant here")]
    pub(crate) fn delete<E: TenantOwned>(&self) -> sea_orm::DeleteMany<E> {
        E::delete_many().filter(E::tenant_column().eq(self.tenant_id))
    }

    /// Inserts a row of the tenant.
    #[expect(clippy::disallowed_methods, reason = "the tenant is checked here")]
    pub(crate) async fn insert<E>(&self, model: E::Model, doing: &'static str) -> Result<E::Model>
    where
        E: TenantOwned,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    {
        self.check_tenant::<E>(&model)?;
        E::insert(all_set::<E>(model.clone())).exec_without_returning(&self.tx).await.doing(doing)?;
        Ok(model)
    }

    /// Inserts many rows of the tenant, in statements of bounded size.
    pub(crate) async fn insert_many<E>(&self, models: Vec<E::Model>, doing: &'static str) -> Result<()>
    where
        E: TenantOwned,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    {
        for model in &models {
            self.check_tenant::<E>(model)?;
        }
        insert_rows::<E>(&self.tx, models, doing).await
    }

    fn check_tenant<E: TenantOwned>(&self, model: &E::Model) -> Result<()> {
        match model.get(E::tenant_column()) {
            Value::Uuid(Some(tenant_id)) if tenant_id == self.tenant_id => Ok(()),
            _ => Err(Error::internal("inserting a row", "the row belongs to another tenant")),
        }
    }

    /// The connection, for `.one(tx.connection())` and raw statements that name the tenant themselves.
    pub(crate) fn connection(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Names what the caller changes here, for the audit log.
    pub(crate) fn about(mut self, kind: Kind, id: Uuid) -> Self {
        self.object = Some(GlobalId::new(kind, id));
        self
    }

    /// Says more of it, for the audit log: a reason, a number, what of it changed.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// After the commit: push this job.
    pub(crate) fn push_after_commit(&mut self, hint: JobHint) {
        self.hints.push(hint);
    }

    /// So long after the commit: push this job. One that is further away than [`PUSH_LATER_MAX`] is left to a sweeper.
    pub(crate) fn push_later(&mut self, wait: Duration, hint: JobHint) {
        if wait <= PUSH_LATER_MAX {
            self.hints_later.push((wait, hint));
        }
    }

    /// After the commit: tell listeners. It is kept for those who are away.
    pub(crate) fn tell_after_commit(&self, change: Change) {
        self.tell_all_after_commit([change]);
    }

    /// The same of several.
    pub(crate) fn tell_all_after_commit(&self, changes: impl IntoIterator<Item = Change>) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
    }

    /// After the commit: tell listeners of a run that begins or goes on. It is not kept: those who are away find it by its
    /// status.
    pub(crate) fn tell_under_way(&mut self, change: Change) {
        self.passing.push(change);
    }

    /// After the commit: count runs that ended so.
    pub(crate) fn count_after_commit(&self, statuses: impl IntoIterator<Item = RunStatus>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).extend(statuses);
    }

    /// Enters it in the audit log, keeps what changed, commits, then pushes, tells and counts.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self { app, tx, tenant_id, object, detail, hints, hints_later, changes, passing, ended } = self;
        let mut changes = changes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry::of(Some(tenant_id), object).detail(detail);
        journal::commit(tx, entry, &changes, "committing").await?;
        count_ended(ended.into_inner().unwrap_or_else(PoisonError::into_inner));
        changes.extend(passing);
        announce(&app, changes, hints);
        for (wait, hint) in hints_later {
            let later = app.clone();
            app.tasks().spawn(async move {
                tokio::time::sleep(wait).await;
                announce(&later, Vec::new(), vec![hint]);
            });
        }
        Ok(())
    }
}

/// Tells listeners of what was committed, and pushes jobs. A push that fails is logged; a sweeper does it later.
pub(crate) fn announce(app: &Arc<App>, changes: Vec<Change>, hints: Vec<JobHint>) {
    for change in changes {
        app.changes().publish(change);
    }
    if hints.is_empty() {
        return;
    }
    let dispatch = app.dispatch().clone();
    app.tasks().spawn(async move {
        match tokio::time::timeout(PUSH_TIMEOUT, dispatch.push(&hints)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    jobs = hints.len(),
                    "jobs were not pushed; a sweeper will push them"
                );
            }
            Err(_elapsed) => {
                tracing::warn!(jobs = hints.len(), "pushing jobs took too long; a sweeper will push them");
            }
        }
    });
}

/// An active model that inserts every column of a row, keys included.
pub(crate) fn all_set<E: EntityTrait>(model: E::Model) -> E::ActiveModel
where
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    model.into_active_model().reset_all()
}
