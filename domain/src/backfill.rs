//! Backfills: a range of a stream is read once more, beside its ordinary runs. Each is a run like others, which does not
//! touch where the next ordinary one begins, and lets those go first.

use std::collections::HashMap;

use connector::{compare_cursor_values, is_comparable};
use entity::integration::{self, IntegrationStatus};
use entity::run::{self, RunScope, RunStatus, RunTrigger};
use entity::{backfill, system};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::dispatch::Priority;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::health::status::runs_ended_by_ids;
use crate::id::{Kind, new_id};
use crate::idempotency;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::run::NewRun;
use crate::scope::{Keyset, Parent, Scope, TxScope};
use crate::stream_cursor::{check_value, no_stream};
use crate::validation::Problems;

pub use entity::backfill::Model as Backfill;

/// Runs that one call cancels: the backfill's own, and retries of it.
const RUNS_MAX: u64 = 100;

/// A new backfill.
#[derive(Clone, Debug)]
pub struct NewBackfill {
    /// Whose stream; nil for an id that can't be read.
    pub integration_id: Uuid,
    /// Name of the stream; it must have a cursor field.
    pub stream: String,
    /// The lowest value of the cursor field.
    pub from: Value,
    /// The value of the cursor field that is the first not to be read; `None` reads to the end.
    pub until: Option<Value>,
}

/// Which backfills a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BackfillFilter {
    /// Of the stream of this name.
    pub stream: Option<String>,
}

fn order(direction: Direction) -> Keyset<backfill::Entity> {
    Keyset { name: "backfill", column: None, id: backfill::Column::Id, direction }
}

/// One backfill.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Backfill>> {
    let scope = actor.authorize(Permission::RunRead)?;
    scope.find::<backfill::Entity>().of_id(backfill::Column::Id, id).one().await
}

/// Backfills by id, those that the caller may see.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Backfill>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let rows =
        scope.find::<backfill::Entity>().of_ids(backfill::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of backfills for each integration, by the time they were asked for.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`] for a bad page.
pub async fn pages_by_integration(
    actor: &Actor,
    integrations: &[Uuid],
    filter: &BackfillFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Backfill>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let order = order(direction);
    let request = page.check(order.name)?;
    // PostgreSQL takes no NUL in a query, and no stream is named so.
    let stream = filter.stream.as_ref().map(|name| name.replace('\0', "\u{fffd}"));
    scope
        .find::<backfill::Entity>()
        .filter_some(stream, |name| backfill::Column::Stream.eq(name))
        .pages_by_parent(
            Parent::of::<integration::Entity>(backfill::Column::IntegrationId),
            integrations,
            &order,
            &request,
        )
        .await
}

/// Asks for a range of a stream to be read once more. On an integration that is paused or held it is kept queued.
///
/// # Errors
/// Denied without `runs:start`. Rejected, all at once: `NOT_FOUND` integrationId, stream; `INVALID` stream when it has no
/// cursor field, or its source can't read a range; ends that can be no values of one, or of which the second does not come after the first; `CONFLICT` when
/// the integration is archived, or idempotencyKey was used for something else.
pub async fn start(actor: &Actor, new: NewBackfill, idempotency_key: Option<&str>) -> Result<Backfill> {
    let scope = actor.authorize(Permission::RunStart)?;
    let input = json!({
        "integrationId": new.integration_id, "stream": new.stream, "from": new.from, "to": new.until,
    });
    let request = idempotency::Request::new(actor, idempotency_key, "startBackfill", &input)?;
    let integration = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.eq(new.integration_id))
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))?;
    let source = source_of(&scope, &integration).await?;
    check(scope.app(), &integration, &source, &new)?;
    let cursor_field = integration
        .streams
        .0
        .iter()
        .find(|stream| stream.name == new.stream)
        .and_then(|stream| stream.cursor_field.clone());
    let mut tx = TxScope::begin(scope.app(), integration.tenant_id).await?;
    let id = new_id();
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), id).await? {
        drop(tx);
        return first_outcome(&scope, first).await;
    }
    let row = Backfill {
        id,
        tenant_id: integration.tenant_id,
        integration_id: integration.id,
        stream: new.stream,
        range_from: new.from,
        range_until: new.until,
        cursor_field,
        requested_by: actor.name().to_owned(),
        created_at: tx.app().clock().now(),
    };
    let row = tx.insert::<backfill::Entity>(row, "storing a backfill").await?;
    let run = NewRun {
        id: new_id(),
        integration: &integration,
        trigger: RunTrigger::Backfill,
        triggered_by: actor.name(),
        scope: RunScope::AllRecords,
        retry_of_id: None,
        retry_id: None,
        backfill_id: Some(id),
        reconciliation_id: None,
        priority: Priority::Low,
    };
    crate::run::create(&mut tx, run).await?;
    tx.about(Kind::Backfill, id).detail(row.stream.clone()).commit().await?;
    Ok(row)
}

/// The connector that an integration reads by.
pub(crate) async fn source_of(scope: &Scope, integration: &integration::Model) -> Result<String> {
    let source = system::Column::Id.eq(integration.source_id);
    let system = scope.find::<system::Entity>().filter(source).one().await?;
    let gone = || Error::internal("reading the source of an integration", "it is not there");
    system.map(|system| system.connector).ok_or_else(gone)
}

/// Why the range of a backfill can't be read any more; `None` when it can.
///
/// # Errors
/// Storage; or it is not there.
pub(crate) async fn outlived(
    tx: &TxScope,
    id: Uuid,
    integration: &integration::Model,
) -> Result<Option<&'static str>> {
    let row = tx
        .find::<backfill::Entity>()
        .filter(backfill::Column::Id.eq(id))
        .one(tx.connection())
        .await
        .doing("reading the backfill of a run")?
        .ok_or_else(|| Error::internal("reading the backfill of a run", "it is not there"))?;
    Ok(why_outlived(&row, integration))
}

/// The same of a row that was read.
pub(crate) fn why_outlived(row: &backfill::Model, integration: &integration::Model) -> Option<&'static str> {
    let stream = integration.streams.0.iter().find(|stream| stream.name == row.stream);
    match stream {
        None => Some("the stream of this backfill is gone; there is nothing that could be read again"),
        Some(stream)
            if stream.cursor_field.is_none()
                || row.cursor_field.is_some() && row.cursor_field != stream.cursor_field =>
        {
            Some("the stream of this backfill has another cursor field now, of which its range says nothing")
        }
        Some(_) => None,
    }
}

fn check(app: &App, integration: &integration::Model, source: &str, new: &NewBackfill) -> Result<()> {
    let mut problems = Problems::default();
    if integration.status == IntegrationStatus::Archived {
        problems.add(
            ProblemCode::Conflict,
            "integrationId",
            "this integration is archived; it starts no runs",
        );
    }
    match integration.streams.0.iter().find(|stream| stream.name == new.stream) {
        None => problems.push(no_stream()),
        Some(stream) if stream.cursor_field.is_none() => {
            let message = "has no cursor field, whose values a range could be of";
            problems.add(ProblemCode::Invalid, "stream", message);
        }
        Some(_) if !app.connectors().can_begin_anywhere(source) => {
            let message = "is of a source that knows its own places only, and can't read a range";
            problems.add(ProblemCode::Invalid, "stream", message);
        }
        Some(_) => {}
    }
    check_value("from", &new.from, &mut problems);
    if let Some(until) = &new.until {
        check_value("to", until, &mut problems);
        if problems.is_empty() {
            if !is_comparable(&new.from, until) {
                problems.add(ProblemCode::Invalid, "to", "is of another kind than `from`");
            } else if compare_cursor_values(&new.from, until).is_ge() {
                problems.add(ProblemCode::Invalid, "to", "must come after `from`");
            }
        }
    }
    problems.check()
}

/// Cancels a backfill: its runs that wait at once, one that is under way within seconds. What is done stays.
///
/// # Errors
/// Denied without `runs:start`. Rejected: `NOT_FOUND` backfillId; `CONFLICT` when it has ended.
pub async fn cancel(actor: &Actor, id: Uuid) -> Result<Backfill> {
    let scope = actor.authorize(Permission::RunStart)?;
    let row = scope
        .find::<backfill::Entity>()
        .of_id(backfill::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("backfillId", "backfill"))?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let runs = tx
        .find::<run::Entity>()
        .filter(run::Column::BackfillId.eq(id))
        .filter(run::Column::Status.is_in([RunStatus::Queued, RunStatus::Running]))
        // In one order, so that two calls can't wait for each other.
        .order_by_asc(run::Column::Id)
        .limit(RUNS_MAX)
        .all(tx.connection())
        .await
        .doing("reading the runs of a backfill")?;
    if runs.is_empty() {
        return Err(Error::conflict("backfillId", "this backfill has ended; there is nothing to cancel"));
    }
    let mut ended = Vec::new();
    for run in runs {
        if crate::run::stop(&mut tx, actor, &run).await? {
            ended.push(run.id);
        }
    }
    runs_ended_by_ids(&tx, ended).await?;
    tx.about(Kind::Backfill, id).commit().await?;
    Ok(row)
}

/// Whether a backfill of one of these streams has not ended.
pub(crate) async fn is_under_way(tx: &TxScope, integration_id: Uuid, streams: &[String]) -> Result<bool> {
    if streams.is_empty() {
        return Ok(false);
    }
    let of_these = Query::select()
        .column(backfill::Column::Id)
        .from(backfill::Entity)
        .and_where(backfill::Column::TenantId.eq(tx.tenant_id()))
        .and_where(backfill::Column::IntegrationId.eq(integration_id))
        .and_where(backfill::Column::Stream.is_in(streams.iter().map(String::as_str)))
        .to_owned();
    let run = tx
        .find::<run::Entity>()
        .filter(run::Column::IntegrationId.eq(integration_id))
        .filter(run::Column::Status.is_in([RunStatus::Queued, RunStatus::Running]))
        .filter(run::Column::BackfillId.in_subquery(of_these))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a backfill under way")?;
    Ok(run.is_some())
}

async fn first_outcome(scope: &Scope, id: Uuid) -> Result<Backfill> {
    let first = scope.find::<backfill::Entity>().of_id(backfill::Column::Id, id).one().await?;
    first.ok_or_else(|| Error::conflict("idempotencyKey", "what this key made is no longer yours to see"))
}
