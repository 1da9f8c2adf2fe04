//! Integrations: read, make, change, pause, resume, archive. Deliberately absent: deletion, since runs and
//! failures are of an integration and are kept; and starting runs, which stands in `run`.

mod check;
mod hold;
mod parts;
mod preview;
mod retry_policy;
mod status;

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus, StreamList};
use entity::integration_health;
use entity::job::{self as job_row, JobStatus};
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use self::check::{check_description, check_ends, check_name_free, check_schedule, refusal};
use self::hold::check_hold_after;
use crate::actor::Actor;
use crate::audit::names;
use crate::error::{Doing, Error, Result};
use crate::health::HealthStatus;
use crate::id::{Kind, new_id};
use crate::page::{Direction, Edge, Page, PageArguments};
use crate::permission::Permission;
use crate::schedule::Schedule;
use crate::scope::{Keyset, Parent, Scope, ScopedSelect, TxScope};
use crate::stream::{self, Ends};
use crate::system::owner;
use crate::validation::Problems;
use crate::{backfill, health, run_slice, search};

pub use self::hold::{HOLD_AFTER_DEFAULT, HOLD_AFTER_MAX};
pub(crate) use self::hold::{
    count_failed_run, forget_failed_runs, hold_for_deletions, hold_for_quality, hold_for_schema,
};
pub use self::parts::IntegrationParts;
pub use self::preview::{PREVIEW_RECORDS_MAX, PreviewOutcome, PreviewedRecord, Sample, preview, sample};
pub use self::retry_policy::{PROGRESS_TIMEOUT_SECONDS_DEFAULT, RetryPolicy};
pub(crate) use self::status::let_go_held;
pub use self::status::{archive, pause, resume};
pub use crate::stream::Stream;
pub use entity::integration::{IntegrationStatus as Status, Model as Integration, ReconcilePolicy, SyncMode};

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Longest reason of a pause, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// When an integration runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Five fields, or a short form like `@daily`.
    pub cron: String,
    /// IANA name.
    pub time_zone: String,
}

/// A new integration.
#[derive(Clone, Debug)]
pub struct NewIntegration {
    /// The tenant; a caller with only one may leave it out. An id that can't be read is passed as nil, which
    /// names nothing.
    pub tenant_id: Option<Uuid>,
    /// Name for people, up to [`NAME_CHARS_MAX`] characters; unique among the tenant's that are not archived.
    pub name: String,
    /// For people, up to [`DESCRIPTION_CHARS_MAX`] characters.
    pub description: Option<String>,
    /// System to read from; nil for an id that can't be read.
    pub source_id: Uuid,
    /// System to write to; nil for an id that can't be read.
    pub destination_id: Uuid,
    /// What it moves, in this order.
    pub streams: Vec<Stream>,
    /// `None` runs on demand only.
    pub schedule: Option<NewSchedule>,
    /// How patient its runs are; `None` for the default.
    pub retry_policy: Option<RetryPolicy>,
    /// Failed runs in a row after which it is held, up to [`HOLD_AFTER_MAX`]; 0 for never; `None` for
    /// [`HOLD_AFTER_DEFAULT`].
    pub hold_after: Option<i32>,
    /// Whether its ends are compared after each run; `None` for never.
    pub reconcile: Option<ReconcilePolicy>,
}

/// Changes of an integration; what is `None` stays, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct IntegrationChanges {
    /// Name for people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<Option<String>>,
    /// System to read from; nil for an id that can't be read.
    pub source_id: Option<Uuid>,
    /// System to write to; nil for an id that can't be read.
    pub destination_id: Option<Uuid>,
    /// All streams.
    pub streams: Option<Vec<Stream>>,
    /// When it runs by itself.
    pub schedule: Option<Option<NewSchedule>>,
    /// How patient its runs are, those that are asked for from now on; `Some(None)` for the default.
    pub retry_policy: Option<Option<RetryPolicy>>,
    /// Failed runs in a row after which it is held; 0 for never.
    pub hold_after: Option<i32>,
    /// Whether its ends are compared after each run that begins from now on.
    pub reconcile: Option<ReconcilePolicy>,
}

impl IntegrationChanges {
    /// What is changed, as the API names it: for the audit log, which has no values.
    fn names(&self) -> String {
        names([
            ("name", self.name.is_some()),
            ("description", self.description.is_some()),
            ("sourceId", self.source_id.is_some()),
            ("destinationId", self.destination_id.is_some()),
            ("streams", self.streams.is_some()),
            ("schedule", self.schedule.is_some()),
            ("retryPolicy", self.retry_policy.is_some()),
            ("holdAfter", self.hold_after.is_some()),
            ("reconcile", self.reconcile.is_some()),
        ])
    }
}

/// Which integrations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IntegrationFilter {
    /// With one of these states; `None` is every state but ARCHIVED.
    pub status: Option<Vec<IntegrationStatus>>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// With this text in the name, in any case.
    pub search: Option<String>,
    /// With one of these statuses of its health.
    pub health: Option<Vec<HealthStatus>>,
}

/// A list of integrations, whatever it stands under: by default of all that are not archived, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IntegrationList {
    /// Which.
    pub filter: IntegrationFilter,
    /// By what they are ordered.
    pub order: IntegrationOrder,
    /// Up or down.
    pub direction: Direction,
    /// What of each is asked for.
    pub parts: IntegrationParts,
}

/// By what a list of integrations is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IntegrationOrder {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
    /// By health; what is worse is larger.
    Health,
}

/// An order by a column of the integration itself; `None` for that by health, which is beside it.
fn keyset(order: IntegrationOrder, direction: Direction) -> Option<Keyset<integration::Entity>> {
    let (name, column) = match order {
        IntegrationOrder::CreatedAt => ("integration", None),
        IntegrationOrder::Name => ("integration.name", Some(integration::Column::Name)),
        IntegrationOrder::Health => return None,
    };
    Some(Keyset { name, column, id: integration::Column::Id, direction })
}

fn by_health(direction: Direction) -> Keyset<integration_health::Entity> {
    use integration_health::Column;
    Keyset {
        name: "integration.health",
        column: Some(Column::Severity),
        id: Column::IntegrationId,
        direction,
    }
}

fn condition(filter: &IntegrationFilter) -> Result<Condition> {
    let status = match &filter.status {
        Some(status) => integration::Column::Status.is_in(status.iter().copied()),
        None => integration::Column::Status.ne(IntegrationStatus::Archived),
    };
    let text = search::text(filter.search.as_deref())?;
    Ok(Condition::all()
        .add(status)
        .add_option(filter.tenant_id.map(|id| integration::Column::TenantId.eq(id)))
        .add_option(text.map(|text| search::contains(integration::Column::Name, text)))
        .add_option(filter.health.as_deref().map(health::status::has_one_of)))
}

fn filtered(scope: &Scope, list: &IntegrationList) -> Result<ScopedSelect<integration::Entity>> {
    let integrations = scope.find::<integration::Entity>().filter(condition(&list.filter)?);
    Ok(integrations.reading(list.parts.columns(), list.parts.marks()))
}

/// How those integrations are that a filter takes.
fn health_of_filtered(
    scope: &Scope,
    filter: &IntegrationFilter,
) -> Result<ScopedSelect<integration_health::Entity>> {
    let ids = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .cond_where(condition(filter)?)
        .to_owned();
    Ok(scope
        .find::<integration_health::Entity>()
        .filter(integration_health::Column::IntegrationId.in_subquery(ids)))
}

/// The integrations of pages of their health, in one statement.
async fn integrations_of<K: Eq + Hash>(
    scope: &Scope,
    pages: HashMap<K, Page<integration_health::Model>>,
    parts: IntegrationParts,
) -> Result<HashMap<K, Page<Integration>>> {
    let ids = pages.values().flat_map(|page| page.edges.iter().map(|edge| edge.node.integration_id));
    let rows = scope
        .find::<integration::Entity>()
        .of_ids(integration::Column::Id, ids)
        .reading(parts.columns(), parts.marks())
        .all()
        .await?;
    let rows: HashMap<Uuid, Integration> = rows.into_iter().map(|row| (row.id, row)).collect();
    let page = |page: Page<integration_health::Model>| Page {
        // No integration is ever deleted, so each is there.
        edges: page
            .edges
            .into_iter()
            .filter_map(|edge| {
                let node = rows.get(&edge.node.integration_id)?.clone();
                Some(Edge { cursor: edge.cursor, node })
            })
            .collect(),
        has_next: page.has_next,
        has_previous: page.has_previous,
    };
    Ok(pages.into_iter().map(|(key, rows)| (key, page(rows))).collect())
}

/// One integration, archived or not; `None` when there is none that the caller may see.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Integration>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    scope.find::<integration::Entity>().of_id(integration::Column::Id, id).one().await
}

/// Integrations by id, archived or not, those that the caller may see, with what is asked for of them.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn by_ids(
    actor: &Actor,
    ids: &[Uuid],
    parts: IntegrationParts,
) -> Result<HashMap<Uuid, Integration>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let rows = scope
        .find::<integration::Entity>()
        .of_ids(integration::Column::Id, ids.iter().copied())
        .reading(parts.columns(), parts.marks())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// How patient the runs of an integration are, as it says or by default.
///
/// # Errors
/// Denied without `integrations:read`.
pub fn retry_policy(actor: &Actor, integration: &Integration) -> Result<RetryPolicy> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    Ok(RetryPolicy::of(integration, scope.app()))
}

/// A page of integrations.
///
/// # Errors
/// Denied without `integrations:read`; [`Error::Argument`] for a bad page or filter.
pub async fn list(actor: &Actor, list: &IntegrationList, page: &PageArguments) -> Result<Page<Integration>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    if let Some(order) = keyset(list.order, list.direction) {
        return filtered(&scope, list)?.page(&order, &page.check(order.name)?).await;
    }
    let order = by_health(list.direction);
    let rows = health_of_filtered(&scope, &list.filter)?.page(&order, &page.check(order.name)?).await?;
    let mut pages = integrations_of(&scope, HashMap::from([((), rows)]), list.parts).await?;
    pages.remove(&()).ok_or_else(|| Error::internal("reading integrations by health", "there is no page"))
}

/// A page of integrations for each tenant, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_tenant(
    actor: &Actor,
    tenants: &[Uuid],
    list: &IntegrationList,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Integration>>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    if let Some(order) = keyset(list.order, list.direction) {
        let request = page.check(order.name)?;
        let rows = filtered(&scope, list)?;
        return rows
            .pages_by_parent(Parent::by(integration::Column::TenantId), tenants, &order, &request)
            .await;
    }
    let (order, parent) = (by_health(list.direction), Parent::by(integration_health::Column::TenantId));
    let request = page.check(order.name)?;
    let rows = health_of_filtered(&scope, &list.filter)?;
    let rows = rows.pages_by_parent(parent, tenants, &order, &request).await?;
    integrations_of(&scope, rows, list.parts).await
}

/// Makes an integration, active. A schedule ticks from now on.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: `NOT_FOUND` tenantId, sourceId, destinationId; a bad
/// name, and `CONFLICT` when the tenant has it already; a bad description or schedule; everything that is wrong with
/// the streams, each problem at its path.
pub async fn create(actor: &Actor, new: NewIntegration) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let mut problems = Problems::default();
    let tenant = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    let name = problems.text("name", &new.name, NAME_CHARS_MAX);
    let description = check_description(new.description, &mut problems);
    let mut ends = Ends { source: None, destination: None };
    if let Some(tenant) = &tenant {
        check_name_free(&scope, tenant.id, &name, None, &mut problems).await?;
        ends = check_ends(&scope, tenant.id, new.source_id, new.destination_id, &mut problems).await?;
    }
    let (streams, found) = stream::check(scope.app(), new.streams, ends).await?;
    found.into_iter().for_each(|problem| problems.push(problem));
    let schedule = new.schedule.and_then(|schedule| check_schedule(&schedule, &mut problems));
    let policy = new.retry_policy.map(|policy| retry_policy::check(policy, &mut problems));
    let hold_after = check_hold_after(new.hold_after.unwrap_or(HOLD_AFTER_DEFAULT), &mut problems);
    problems.check()?;
    let not_found = || Error::not_found("tenantId", "tenant");
    let tenant_id = tenant.ok_or_else(not_found)?.id;
    let now = scope.app().clock().now();
    let row = Integration {
        id: new_id(),
        tenant_id,
        name,
        description,
        status: IntegrationStatus::Active,
        status_reason: None,
        source_id: new.source_id,
        destination_id: new.destination_id,
        streams: StreamList(streams),
        schedule_cron: schedule.as_ref().map(|schedule| schedule.cron().to_owned()),
        schedule_time_zone: schedule.as_ref().map(|schedule| schedule.time_zone().to_owned()),
        next_run_at: schedule.and_then(|schedule| schedule.next_after(now)),
        retry_attempts: policy.map(|policy| policy.attempts),
        retry_wait_seconds: policy.map(|policy| policy.first_wait_seconds),
        retry_wait_seconds_max: policy.map(|policy| policy.longest_wait_seconds),
        progress_timeout_seconds: policy.map(|policy| policy.progress_timeout_seconds),
        hold_after,
        reconcile: new.reconcile.unwrap_or(ReconcilePolicy::Never),
        kpis: None,
        failed_run_count: 0,
        held_at: None,
        hold_failure_id: None,
        created_at: now,
        updated_at: now,
    };
    let (source_id, destination_id) = (row.source_id, row.destination_id);
    let tx = scope.begin(tenant_id).await?.ok_or_else(not_found)?;
    let row = match tx.insert::<integration::Entity>(row, "storing an integration").await {
        Ok(row) => {
            let health = health::status::fresh(tenant_id, row.id, now);
            tx.insert::<integration_health::Entity>(health, "storing how an integration is").await?;
            row
        }
        Err(error) => {
            drop(tx);
            return Err(refusal(&scope, tenant_id, source_id, destination_id, error).await?);
        }
    };
    tx.about(Kind::Integration, row.id).commit().await?;
    Ok(row)
}

/// Changes an integration. A run that is under way goes on with what it began with. A stream that reads or
/// writes elsewhere afterwards begins anew: its watermark and receipts are of another place.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: as [`create`]; `NOT_FOUND` integrationId; `CONFLICT`
/// when it is archived, when somebody else changes it at the same moment, or when streams move while a run is
/// under way.
pub async fn update(actor: &Actor, id: Uuid, changes: IntegrationChanges) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let row = found(&scope, id).await?;
    if row.status == IntegrationStatus::Archived {
        return Err(archived());
    }
    let changed = changes.names();
    let mut problems = Problems::default();
    let name = changes.name.map(|name| problems.text("name", &name, NAME_CHARS_MAX));
    if let Some(name) = &name {
        check_name_free(&scope, row.tenant_id, name, Some(id), &mut problems).await?;
    }
    let description = changes.description.map(|description| check_description(description, &mut problems));
    let source_id = changes.source_id.unwrap_or(row.source_id);
    let destination_id = changes.destination_id.unwrap_or(row.destination_id);
    let moves = changes.source_id.is_some() || changes.destination_id.is_some() || changes.streams.is_some();
    let streams = if moves {
        let ends = check_ends(&scope, row.tenant_id, source_id, destination_id, &mut problems).await?;
        let streams = changes.streams.unwrap_or_else(|| row.streams.0.clone());
        let (streams, found) = stream::check(scope.app(), streams, ends).await?;
        found.into_iter().for_each(|problem| problems.push(problem));
        Some(streams)
    } else {
        None
    };
    let schedule = changes
        .schedule
        .map(|schedule| schedule.and_then(|schedule| check_schedule(&schedule, &mut problems)));
    let policy =
        changes.retry_policy.map(|policy| policy.map(|policy| retry_policy::check(policy, &mut problems)));
    let hold_after = changes.hold_after.map(|hold_after| check_hold_after(hold_after, &mut problems));
    problems.check()?;

    let now = scope.app().clock().now();
    let tx = begin(&scope, row.tenant_id).await?;
    let mut update = tx
        .update::<integration::Entity>()
        .col_expr(integration::Column::UpdatedAt, Expr::value(now))
        .filter(integration::Column::Id.eq(id))
        .filter(integration::Column::Status.ne(IntegrationStatus::Archived));
    if let Some(name) = name {
        update = update.col_expr(integration::Column::Name, Expr::value(name));
    }
    if let Some(description) = description {
        update = update.col_expr(integration::Column::Description, Expr::value(description));
    }
    if let Some(policy) = policy {
        update = update
            .col_expr(integration::Column::RetryAttempts, Expr::value(policy.map(|policy| policy.attempts)))
            .col_expr(
                integration::Column::RetryWaitSeconds,
                Expr::value(policy.map(|policy| policy.first_wait_seconds)),
            )
            .col_expr(
                integration::Column::RetryWaitSecondsMax,
                Expr::value(policy.map(|policy| policy.longest_wait_seconds)),
            )
            .col_expr(
                integration::Column::ProgressTimeoutSeconds,
                Expr::value(policy.map(|policy| policy.progress_timeout_seconds)),
            );
    }
    if let Some(reconcile) = changes.reconcile {
        update = update.col_expr(integration::Column::Reconcile, Expr::value(reconcile));
    }
    if let Some(hold_after) = hold_after {
        update = update.col_expr(integration::Column::HoldAfter, Expr::value(hold_after));
    }
    if let Some(schedule) = &schedule {
        let (cron, time_zone) = schedule
            .as_ref()
            .map(|schedule| (schedule.cron().to_owned(), schedule.time_zone().to_owned()))
            .unzip();
        update = update
            .col_expr(integration::Column::ScheduleCron, Expr::value(cron))
            .col_expr(integration::Column::ScheduleTimeZone, Expr::value(time_zone));
    }
    let stored = update.exec(tx.connection()).await.doing("storing an integration");
    match stored {
        Ok(stored) if stored.rows_affected == 0 => return Err(archived()),
        Ok(_) => {}
        Err(error) => {
            drop(tx);
            return Err(refusal(&scope, row.tenant_id, source_id, destination_id, error).await?);
        }
    }
    // The update above locked the row: what is read now stays so until the commit.
    let current = reread(&tx, id).await?;
    if let Some(streams) = streams {
        if (current.source_id, current.destination_id, &current.streams)
            != (row.source_id, row.destination_id, &row.streams)
        {
            let message = "somebody else has just changed this integration; look at it and try again";
            return Err(Error::conflict("integrationId", message));
        }
        if let Err(error) = store_streams(&tx, &row, source_id, destination_id, streams).await {
            drop(tx);
            return Err(refusal(&scope, row.tenant_id, source_id, destination_id, error).await?);
        }
    }
    let has_moved = (source_id, destination_id) != (row.source_id, row.destination_id);
    if let Some(schedule) = schedule
        && current.status == IntegrationStatus::Active
    {
        store_next_run(&tx, id, schedule.and_then(|schedule| schedule.next_after(now))).await?;
        health::status::watch_from_now(&tx, id).await?;
    } else if has_moved {
        // Another system may be in order, or not.
        health::status::refresh_in(&tx, [id]).await?;
    }
    let row = reread(&tx, id).await?;
    tx.about(Kind::Integration, id).detail(changed).commit().await?;
    Ok(row)
}

/// Stores where records come from and go to, and forgets the progress of streams that moved.
async fn store_streams(
    tx: &TxScope,
    row: &Integration,
    source_id: Uuid,
    destination_id: Uuid,
    streams: Vec<Stream>,
) -> Result<()> {
    let moved = stream::moved(
        &row.streams.0,
        &streams,
        source_id != row.source_id,
        destination_id != row.destination_id,
    );
    if moved.goes_on && has_running_job(tx, row.id).await? {
        // Its worker would store watermarks and receipts of the old place after this.
        let message = "a run is under way; let it end or cancel it before streams read or write elsewhere";
        return Err(Error::conflict("integrationId", message));
    }
    if run_slice::are_to_conclude(tx, row.id, &moved.watermarks).await? {
        // They have read the old place, and their run would say that it has all of the new one.
        let message = "a run has read a stream in slices and is not over; let it end or cancel it before that stream \
                       reads or writes elsewhere";
        return Err(Error::conflict("integrationId", message));
    }
    if backfill::is_under_way(tx, row.id, &moved.watermarks).await? {
        // Its range is one of the old place or field.
        let message =
            "a backfill is under way; let it end or cancel it before its stream reads or writes elsewhere";
        return Err(Error::conflict("integrationId", message));
    }
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::SourceId, Expr::value(source_id))
        .col_expr(integration::Column::DestinationId, Expr::value(destination_id))
        .col_expr(integration::Column::Streams, Expr::value(StreamList(streams)))
        .filter(integration::Column::Id.eq(row.id))
        .exec(tx.connection())
        .await
        .doing("storing the streams of an integration")?;
    stream::forget(tx, row.id, &moved).await
}

async fn has_running_job(tx: &TxScope, id: Uuid) -> Result<bool> {
    let running = tx
        .find::<job_row::Entity>()
        .filter(job_row::Column::IntegrationId.eq(id))
        // Slices are of the place that was read when they were planned.
        .filter(job_row::Column::Status.is_in([JobStatus::Running, JobStatus::Divided]))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a run under way")?;
    Ok(running.is_some())
}

async fn store_next_run(tx: &TxScope, id: Uuid, next: Option<DateTime<Utc>>) -> Result<()> {
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::NextRunAt, Expr::value(next))
        .filter(integration::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing the next tick of a schedule")?;
    Ok(())
}

fn next_run(row: &Integration, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    match (&row.schedule_cron, &row.schedule_time_zone) {
        (Some(cron), Some(time_zone)) => Schedule::parse(cron, time_zone)
            .map(|schedule| schedule.next_after(now))
            .map_err(|problems| Error::internal("reading a stored schedule", Error::Rejected(problems))),
        _ => Ok(None),
    }
}

async fn found(scope: &Scope, id: Uuid) -> Result<Integration> {
    scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))
}

async fn begin(scope: &Scope, tenant_id: Uuid) -> Result<TxScope> {
    scope.begin(tenant_id).await?.ok_or_else(|| Error::not_found("integrationId", "integration"))
}

async fn reread(tx: &TxScope, id: Uuid) -> Result<Integration> {
    tx.find::<integration::Entity>()
        .filter(integration::Column::Id.eq(id))
        .one(tx.connection())
        .await
        .doing("reading an integration")?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))
}

fn archived() -> Error {
    Error::conflict("integrationId", "this integration is archived; it does not change any more")
}
