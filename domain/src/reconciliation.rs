//! Reconciliations: both ends of an integration's streams are compared, and what is found can be brought home. Each is a
//! run that moves nothing. What it does with what it finds stands in `background`.

use std::collections::{HashMap, HashSet};

use entity::failure::{self, FailureStatus};
use entity::integration::{self, IntegrationStatus};
use entity::run::{self, RunScope, RunStatus, RunTrigger};
use entity::string_list::StringList;
use entity::{reconciliation, reconciliation_difference, reconciliation_stream, retry};
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::actor::Actor;
use crate::dispatch::Priority;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::health::status::refresh_in;
use crate::id::{Kind, new_id};
use crate::idempotency;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::retry::Taken;
use crate::run::NewRun;
use crate::scope::{Keyset, Parent, Scope, TxScope};

pub use entity::reconciliation::{Model as Reconciliation, ReconciliationOutcome};
pub use entity::reconciliation_difference::{DifferenceKind, Model as Difference};
pub use entity::reconciliation_stream::Model as ReconciledStream;
pub use pipeline::DIFFERENCES_MAX;

/// The code of a record that was delivered, and is not at the destination.
pub(crate) const RECONCILIATION_MISSING: &str = "reconciliation.missing";
/// The code of a record that was delivered, and is something else at the destination.
pub(crate) const RECONCILIATION_DIFFERENT: &str = "reconciliation.different";
/// The code of a record that was delivered, is at the destination still, and is gone from the source.
pub(crate) const RECONCILIATION_EXTRA: &str = "reconciliation.extra";
/// All of them.
pub(crate) const CODES: [&str; 3] = [RECONCILIATION_MISSING, RECONCILIATION_DIFFERENT, RECONCILIATION_EXTRA];

/// How far a reconciliation is, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconciliationStatus {
    /// It waits for a worker.
    Pending,
    /// A worker has it.
    Running,
    /// Everything that was moved is there as it is, and nothing else that was.
    Matched,
    /// Something that was moved is not, or is there though the source does not have it any more.
    Drifted,
    /// A destination can't be asked.
    Unknown,
    /// It could not go on.
    Failed,
    /// It was canceled.
    Canceled,
}

impl ReconciliationStatus {
    /// By what came of it, and by its last run.
    pub fn of(row: &Reconciliation, last_run: &run::Model) -> Self {
        match last_run.status {
            RunStatus::Queued => Self::Pending,
            RunStatus::Running => Self::Running,
            RunStatus::Canceled => Self::Canceled,
            RunStatus::Failed => Self::Failed,
            RunStatus::Succeeded | RunStatus::Partial | RunStatus::Recovered => match row.outcome {
                Some(ReconciliationOutcome::Matched) => Self::Matched,
                Some(ReconciliationOutcome::Drifted) => Self::Drifted,
                // The last run could not go on, and its failure is dealt with.
                None => Self::Failed,
                Some(ReconciliationOutcome::Unknown) => Self::Unknown,
            },
        }
    }
}

/// Which reconciliations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReconciliationFilter {
    /// That came to one of these.
    pub outcome: Option<Vec<ReconciliationOutcome>>,
}

fn order(direction: Direction) -> Keyset<reconciliation::Entity> {
    Keyset { name: "reconciliation", column: None, id: reconciliation::Column::Id, direction }
}

/// One reconciliation.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Reconciliation>> {
    let scope = actor.authorize(Permission::RunRead)?;
    found(&scope, id).await
}

/// Reconciliations by id, those that the caller may see.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Reconciliation>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let rows = scope
        .find::<reconciliation::Entity>()
        .of_ids(reconciliation::Column::Id, ids.iter().copied())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The reconciliations that came by themselves after these runs, by run.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn by_runs(actor: &Actor, runs: &[Uuid]) -> Result<HashMap<Uuid, Reconciliation>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let after_these = reconciliation::Column::AfterRunId.is_in(runs.iter().copied());
    let rows = scope.find::<reconciliation::Entity>().filter(after_these).all().await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.after_run_id?, row))).collect())
}

/// A page of reconciliations for each integration, by the time they were asked for.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`] for a bad page.
pub async fn pages_by_integration(
    actor: &Actor,
    integrations: &[Uuid],
    filter: &ReconciliationFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Reconciliation>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let order = order(direction);
    let request = page.check(order.name)?;
    scope
        .find::<reconciliation::Entity>()
        .filter_some(filter.outcome.clone(), |outcome| reconciliation::Column::Outcome.is_in(outcome))
        .pages_by_parent(
            Parent::of::<integration::Entity>(reconciliation::Column::IntegrationId),
            integrations,
            &order,
            &request,
        )
        .await
}

/// What came of comparing each stream so far, by reconciliation, in the order of their names.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn streams(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<ReconciledStream>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let rows = scope
        .find::<reconciliation_stream::Entity>()
        .filter(reconciliation_stream::Column::ReconciliationId.is_in(ids.iter().copied()))
        .order_by(reconciliation_stream::Column::Stream, sea_orm::Order::Asc)
        .all()
        .await?;
    let mut streams: HashMap<Uuid, Vec<ReconciledStream>> = HashMap::new();
    for row in rows {
        streams.entry(row.reconciliation_id).or_default().push(row);
    }
    Ok(streams)
}

/// A page of what each reconciliation found, in the order in which it was found.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`] for a bad page.
pub async fn differences(
    actor: &Actor,
    ids: &[Uuid],
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Difference>>> {
    use reconciliation_difference::Column;
    let scope = actor.authorize(Permission::RunRead)?;
    let name = "reconciliation_difference";
    let order = Keyset { name, column: None, id: Column::Id, direction: Direction::Ascending };
    let request = page.check(order.name)?;
    scope
        .find::<reconciliation_difference::Entity>()
        .pages_by_parent(
            Parent::of::<reconciliation::Entity>(Column::ReconciliationId),
            ids,
            &order,
            &request,
        )
        .await
}

/// Asks for both ends of an integration to be compared: of the named streams, or of all. On an integration that is paused
/// or held it is kept queued.
///
/// # Errors
/// Denied without `runs:start`. Rejected: `NOT_FOUND` integrationId; `CONFLICT` when it is archived, or idempotencyKey was
/// used for something else; `REQUIRED` streams when there is none; at `["streams", index]`, all at once, `NOT_FOUND`, and
/// `INVALID` when it is named twice.
pub async fn start(
    actor: &Actor,
    integration_id: Uuid,
    streams: Option<Vec<String>>,
    idempotency_key: Option<&str>,
) -> Result<Reconciliation> {
    let scope = actor.authorize(Permission::RunStart)?;
    let input = json!({ "integrationId": integration_id, "streams": streams });
    let request = idempotency::Request::new(actor, idempotency_key, "reconcileIntegration", &input)?;
    let integration = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, integration_id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))?;
    if integration.status == IntegrationStatus::Archived {
        return Err(Error::conflict("integrationId", "this integration is archived; it starts no runs"));
    }
    if let Some(streams) = &streams {
        check_streams(&integration, streams)?;
    }
    let mut tx = TxScope::begin(scope.app(), integration.tenant_id).await?;
    let id = new_id();
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), id).await? {
        drop(tx);
        return found(&scope, first).await?.ok_or_else(no_longer_visible);
    }
    let new = New { id, integration: &integration, streams, after_run_id: None, by: actor.name() };
    let row = create(&mut tx, new).await?;
    tx.about(Kind::Reconciliation, id).commit().await?;
    Ok(row)
}

/// What a new reconciliation is made of.
pub(crate) struct New<'a> {
    pub(crate) id: Uuid,
    pub(crate) integration: &'a integration::Model,
    pub(crate) streams: Option<Vec<String>>,
    pub(crate) after_run_id: Option<Uuid>,
    pub(crate) by: &'a str,
}

/// Inserts a reconciliation with its run. One that comes by itself lets runs go first that people wait for.
pub(crate) async fn create(tx: &mut TxScope, new: New<'_>) -> Result<Reconciliation> {
    let New { id, integration, streams, after_run_id, by } = new;
    let row = Reconciliation {
        id,
        tenant_id: integration.tenant_id,
        integration_id: integration.id,
        streams: streams.map(StringList),
        after_run_id,
        requested_by: by.to_owned(),
        outcome: None,
        retry_id: None,
        created_at: tx.app().clock().now(),
    };
    let row = tx.insert::<reconciliation::Entity>(row, "storing a reconciliation").await?;
    let (trigger, priority) = match after_run_id {
        None => (RunTrigger::Manual, Priority::High),
        Some(_) => (RunTrigger::Synthetic, Priority::Low),
    };
    let run = NewRun {
        id: new_id(),
        integration,
        trigger,
        triggered_by: by,
        scope: RunScope::AllRecords,
        retry_of_id: None,
        retry_id: None,
        backfill_id: None,
        reconciliation_id: Some(id),
        priority,
    };
    crate::run::create(tx, run).await?;
    Ok(row)
}

fn check_streams(integration: &integration::Model, streams: &[String]) -> Result<()> {
    if streams.is_empty() {
        return Err(Error::rejected(Problem::required(
            ["streams"],
            "must name a stream, or be left out for all",
        )));
    }
    let known: HashSet<&str> = integration.streams.0.iter().map(|stream| stream.name.as_str()).collect();
    let mut seen = HashSet::new();
    let mut problems = Vec::new();
    for (place, name) in streams.iter().enumerate() {
        let mut problem = |code, message| {
            problems.push(Problem::new(code, ["streams", &place.to_string()], message));
        };
        if !known.contains(name.as_str()) {
            problem(ProblemCode::NotFound, "the integration has no stream of this name");
        } else if !seen.insert(name) {
            problem(ProblemCode::Invalid, "is named twice");
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Rejected(problems)) }
}

/// Brings home what a reconciliation found, by a retry of exactly these records: what is missing or different is written, and
/// what only the destination has is deleted or marked, where its stream says so. Otherwise that stays as it is.
///
/// # Errors
/// Denied without `failures:retry`. Rejected: `NOT_FOUND` reconciliationId; `CONFLICT` when nothing of what it found is
/// open, or all that is stays, or idempotencyKey was used for something else.
pub async fn repair(
    actor: &Actor,
    id: Uuid,
    idempotency_key: Option<&str>,
) -> Result<(Reconciliation, retry::Model)> {
    let scope = actor.authorize(Permission::FailureRetry)?;
    let input = json!({ "reconciliationId": id });
    let request = idempotency::Request::new(actor, idempotency_key, "repairReconciliation", &input)?;
    let row =
        found(&scope, id).await?.ok_or_else(|| Error::not_found("reconciliationId", "reconciliation"))?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let retry_id = new_id();
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), retry_id).await? {
        drop(tx);
        return Ok((row, crate::retry::first_outcome(&scope, first).await?));
    }
    let runs = Query::select()
        .column(run::Column::Id)
        .from(run::Entity)
        .and_where(run::Column::TenantId.eq(tx.tenant_id()))
        .and_where(run::Column::ReconciliationId.eq(id))
        .to_owned();
    let removing = streams_that_remove(&scope, row.integration_id).await?;
    let is_extra = failure::Column::Code.eq(RECONCILIATION_EXTRA);
    let can_be_done = Condition::any()
        .add(failure::Column::Code.is_in([RECONCILIATION_MISSING, RECONCILIATION_DIFFERENT]))
        .add(Condition::all().add(is_extra).add(failure::Column::Stream.is_in(removing)));
    let open = Condition::all()
        .add(failure::Column::Status.eq(FailureStatus::Open))
        .add(can_be_done)
        .add(failure::Column::RunId.in_subquery(runs));
    let Some(taken) = crate::retry::take(&mut tx, actor.name(), retry_id, open).await? else {
        let nothing = match has_extras(&scope, id).await? {
            true => {
                "what is left of what this reconciliation found is only at the destination, and its stream has no \
                 `deletions` by which it could be removed"
            }
            false => {
                "nothing of what this reconciliation found is open; reconcile again to see what is there now"
            }
        };
        return Err(Error::conflict("reconciliationId", nothing));
    };
    tx.update::<reconciliation::Entity>()
        .col_expr(reconciliation::Column::RetryId, Expr::value(Some(retry_id)))
        .filter(reconciliation::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing what repairs a reconciliation")?;
    let Taken { retry, integrations } = taken;
    refresh_in(&tx, integrations).await?;
    tx.about(Kind::Reconciliation, id).detail(format!("{} records", retry.total)).commit().await?;
    Ok((Reconciliation { retry_id: Some(retry_id), ..row }, retry))
}

/// Names of the streams of an integration that say what becomes of records that are gone from the source.
async fn streams_that_remove(scope: &Scope, integration_id: Uuid) -> Result<Vec<String>> {
    let of_it = integration::Column::Id.eq(integration_id);
    let integration = scope.find::<integration::Entity>().filter(of_it).one().await?;
    let streams = integration.into_iter().flat_map(|integration| integration.streams.0);
    Ok(streams.filter(|stream| stream.deletions.is_some()).map(|stream| stream.name).collect())
}

/// Whether something was found that only the destination has, and of which no failure was made or none is over.
async fn has_extras(scope: &Scope, id: Uuid) -> Result<bool> {
    let extras = scope
        .find::<reconciliation_difference::Entity>()
        .filter(reconciliation_difference::Column::ReconciliationId.eq(id))
        .filter(reconciliation_difference::Column::Kind.eq(DifferenceKind::Extra))
        .all()
        .await?;
    let failures: Vec<Uuid> = extras.iter().filter_map(|extra| extra.failure_id).collect();
    if failures.len() < extras.len() {
        return Ok(true);
    }
    let open = scope
        .find::<failure::Entity>()
        .filter(failure::Column::Id.is_in(failures))
        .filter(failure::Column::Status.eq(FailureStatus::Open))
        .one()
        .await?;
    Ok(open.is_some())
}

async fn found(scope: &Scope, id: Uuid) -> Result<Option<Reconciliation>> {
    scope.find::<reconciliation::Entity>().of_id(reconciliation::Column::Id, id).one().await
}

fn no_longer_visible() -> Error {
    Error::conflict("idempotencyKey", "what this key made is no longer yours to see")
}
