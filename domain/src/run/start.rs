//! Starting runs: one, or many of a tenant in one transaction.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::integration::{self, IntegrationStatus};
use entity::run::{self, Model as Run, RunScope, RunStatus, RunTrigger};
use serde_json::json;
use telemetry::trace::{self, Kind as SpanKind};
use uuid::Uuid;

use super::changed;
use crate::actor::Actor;
use crate::dispatch::Priority;
use crate::error::{Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::job::NewJob;
use crate::permission::Permission;
use crate::run_event::NewEvent;
use crate::scope::{Scope, TxScope};
use crate::{idempotency, job};

/// Integrations of which one call starts runs, at most.
pub const RUNS_AT_ONCE_MAX: usize = 1_000;

/// Starts a run by hand. On an integration that is paused or held it is kept queued.
///
/// # Errors
/// Denied without `runs:start`. Rejected: `NOT_FOUND` integrationId; `CONFLICT` when the integration is
/// archived, or idempotencyKey was used for something else.
pub async fn start(actor: &Actor, integration_id: Uuid, idempotency_key: Option<&str>) -> Result<Run> {
    let scope = actor.authorize(Permission::RunStart)?;
    let input = json!({ "integrationId": integration_id });
    let request = idempotency::Request::new(actor, idempotency_key, "startRun", &input)?;
    let integration = startable(&scope, integration_id).await?;
    let mut tx = TxScope::begin(scope.app(), integration.tenant_id).await?;
    let id = new_id();
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), id).await? {
        drop(tx);
        return first_outcome(&scope, first).await;
    }
    let run = create(&mut tx, NewRun::by_hand(id, &integration, actor)).await?;
    tx.about(Kind::Run, id).commit().await?;
    Ok(run)
}

/// Starts a run of each of a tenant's integrations, all or none; at most [`RUNS_AT_ONCE_MAX`]. Answers in their order.
///
/// # Errors
/// Denied without `runs:start`. Rejected, at `["integrationIds", index]`: `NOT_FOUND`; `CONFLICT` when it is archived;
/// `INVALID` when it is named twice or of another tenant than the first. `REQUIRED` or `TOO_LONG` integrationIds;
/// `CONFLICT` when idempotencyKey was used for something else.
pub async fn start_all(
    actor: &Actor,
    integration_ids: &[Uuid],
    idempotency_key: Option<&str>,
) -> Result<Vec<Run>> {
    let scope = actor.authorize(Permission::RunStart)?;
    let input = json!({ "integrationIds": integration_ids });
    let request = idempotency::Request::new(actor, idempotency_key, "startRuns", &input)?;
    let integrations = all_startable(&scope, integration_ids).await?;
    let Some(tenant_id) = integrations.first().map(|integration| integration.tenant_id) else {
        return Err(Error::rejected(Problem::required(["integrationIds"], "must name an integration")));
    };
    let mut tx = TxScope::begin(scope.app(), tenant_id).await?;
    // The key remembers one id, so the others follow it.
    let first = new_id();
    let ids = |first: Uuid| (0..integrations.len()).map(move |place| following(first, place));
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), first).await? {
        drop(tx);
        return first_outcomes(&scope, ids(first)).await;
    }
    let new = ids(first).zip(&integrations).map(|(id, integration)| NewRun::by_hand(id, integration, actor));
    let runs = create_all(&mut tx, new.collect(), Duration::ZERO).await?;
    tx.about(Kind::Tenant, tenant_id).detail(format!("{} runs", runs.len())).commit().await?;
    Ok(runs)
}

/// What a new run is made of.
pub(crate) struct NewRun<'a> {
    pub(crate) id: Uuid,
    pub(crate) integration: &'a integration::Model,
    pub(crate) trigger: RunTrigger,
    pub(crate) triggered_by: &'a str,
    pub(crate) scope: RunScope,
    pub(crate) retry_of_id: Option<Uuid>,
    pub(crate) retry_id: Option<Uuid>,
    pub(crate) backfill_id: Option<Uuid>,
    pub(crate) reconciliation_id: Option<Uuid>,
    pub(crate) priority: Priority,
}

impl<'a> NewRun<'a> {
    fn by_hand(id: Uuid, integration: &'a integration::Model, actor: &'a Actor) -> Self {
        Self {
            id,
            integration,
            trigger: RunTrigger::Manual,
            triggered_by: actor.name(),
            scope: RunScope::AllRecords,
            retry_of_id: None,
            retry_id: None,
            backfill_id: None,
            reconciliation_id: None,
            priority: Priority::High,
        }
    }
}

/// Inserts a run with its job and its first event.
pub(crate) async fn create(tx: &mut TxScope, new: NewRun<'_>) -> Result<Run> {
    create_later(tx, new, Duration::ZERO).await
}

/// The same, to begin after so long at the earliest.
pub(crate) async fn create_later(tx: &mut TxScope, new: NewRun<'_>, wait: Duration) -> Result<Run> {
    let mut runs = create_all(tx, vec![new], wait).await?;
    runs.pop().ok_or_else(|| Error::internal("storing a run", "it was not stored"))
}

/// Inserts runs of one tenant with their jobs and first events, in their order.
async fn create_all(tx: &mut TxScope, new: Vec<NewRun<'_>>, wait: Duration) -> Result<Vec<Run>> {
    let now = tx.app().clock().now();
    let (mut runs, mut jobs, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for new in new {
        let (trace_id, traceparent) = traced(&new, tx.tenant_id());
        let run = run::Model {
            id: new.id,
            tenant_id: tx.tenant_id(),
            integration_id: new.integration.id,
            status: RunStatus::Queued,
            trigger: new.trigger,
            triggered_by: new.triggered_by.to_owned(),
            scope: new.scope,
            retry_of_id: new.retry_of_id,
            retry_id: new.retry_id,
            backfill_id: new.backfill_id,
            reconciliation_id: new.reconciliation_id,
            queued_at: tx.app().clock().made_at(new.id),
            started_at: None,
            finished_at: None,
            read_count: 0,
            created_count: 0,
            updated_count: 0,
            unchanged_count: 0,
            skipped_count: 0,
            failed_count: 0,
            deleted_count: 0,
            failure_id: None,
            trace_id: Some(trace_id),
        };
        let kept = match new.integration.status {
            IntegrationStatus::Paused => " It is kept until the integration is resumed.",
            IntegrationStatus::Held => " It is kept until the integration is released.",
            IntegrationStatus::Active | IntegrationStatus::Archived => "",
        };
        let event = NewEvent::new("run.queued", "api", format!("Asked for by {}.{kept}", run.triggered_by))
            .attributes(json!({ "trigger": run.trigger, "scope": run.scope }));
        events.push(event.row(run.tenant_id, run.id, now));
        // A retry of a backfill lets others go first as well: one of a higher priority would find itself to be next.
        let priority = if run.backfill_id.is_some() { Priority::Low } else { new.priority };
        jobs.push(NewJob { run_id: run.id, integration: new.integration, priority, traceparent });
        tx.tell_under_way(changed(&run));
        runs.push(run);
    }
    tx.insert_many::<run::Entity>(runs.clone(), "storing runs").await?;
    job::enqueue(tx, jobs, wait).await?;
    tx.insert_many::<entity::run_event::Entity>(events, "storing run events").await?;
    Ok(runs)
}

/// The trace that a run belongs to, and the `traceparent` for whoever executes it: from a span that leaves it for a worker,
/// in the trace of who asks or in one of its own. While traces are off here, a caller's or a new one.
fn traced(new: &NewRun<'_>, tenant_id: Uuid) -> (String, Option<String>) {
    let span = trace::root(SpanKind::Producer, "send runs", None);
    if span.is_recorded() {
        span.set("messaging.system", "trestle");
        span.set("messaging.operation.type", "send");
        span.set("messaging.operation.name", "send");
        span.set("messaging.destination.name", "runs");
        span.set("trestle.tenant.id", tenant_id.to_string());
        span.set("trestle.integration.id", new.integration.id.to_string());
        span.set("trestle.run.id", new.id.to_string());
    }
    let trace_id = span.trace_id().or_else(crate::audit::trace_id).unwrap_or_else(new_trace_id);
    (trace_id, span.traceparent())
}

/// Of a trace that begins with its run (<https://www.w3.org/TR/trace-context/#trace-id>).
fn new_trace_id() -> String {
    // All zeros stand for none; so does nobody's luck.
    format!("{:032x}", rand::random::<u128>().max(1))
}

/// The id so many places after another one.
fn following(first: Uuid, place: usize) -> Uuid {
    Uuid::from_u128(first.as_u128().wrapping_add(place as u128))
}

/// The run that the first call with the same idempotency key made.
pub(super) async fn first_outcome(scope: &Scope, id: Uuid) -> Result<Run> {
    let first = scope.find::<run::Entity>().of_id(run::Column::Id, id).one().await?;
    first.ok_or_else(no_longer_visible)
}

async fn first_outcomes(scope: &Scope, ids: impl ExactSizeIterator<Item = Uuid>) -> Result<Vec<Run>> {
    let count = ids.len();
    let runs = scope.find::<run::Entity>().of_ids(run::Column::Id, ids);
    let runs = runs.order_by(run::Column::Id, sea_orm::Order::Asc).all().await?;
    if runs.len() == count { Ok(runs) } else { Err(no_longer_visible()) }
}

fn no_longer_visible() -> Error {
    Error::conflict("idempotencyKey", "what this key made is no longer yours to see")
}

pub(super) async fn startable(scope: &Scope, id: Uuid) -> Result<integration::Model> {
    let integration = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("integrationId", "integration"))?;
    if integration.status == IntegrationStatus::Archived {
        return Err(Error::conflict("integrationId", ARCHIVED));
    }
    Ok(integration)
}

const ARCHIVED: &str = "this integration is archived; it starts no runs";

/// The integrations in their order, if all of them can be started.
async fn all_startable(scope: &Scope, ids: &[Uuid]) -> Result<Vec<integration::Model>> {
    if ids.len() > RUNS_AT_ONCE_MAX {
        let message = format!("names {} integrations; at most {RUNS_AT_ONCE_MAX} are allowed", ids.len());
        return Err(Error::rejected(Problem::new(ProblemCode::TooLong, ["integrationIds"], message)));
    }
    let rows = scope.find::<integration::Entity>().of_ids(integration::Column::Id, ids.iter().copied());
    let rows: HashMap<Uuid, integration::Model> =
        rows.all().await?.into_iter().map(|row| (row.id, row)).collect();
    let tenant_id = ids.first().and_then(|id| rows.get(id)).map(|row| row.tenant_id);
    let mut seen = HashSet::with_capacity(ids.len());
    let (mut integrations, mut problems) = (Vec::with_capacity(ids.len()), Vec::new());
    for (place, id) in ids.iter().enumerate() {
        let mut problem = |code, message: &str| {
            problems.push(Problem::new(code, ["integrationIds", &place.to_string()], message));
        };
        match rows.get(id) {
            None => problem(ProblemCode::NotFound, "there is no such integration"),
            Some(_) if !seen.insert(*id) => problem(ProblemCode::Invalid, "is named twice"),
            Some(row) if row.status == IntegrationStatus::Archived => {
                problem(ProblemCode::Conflict, ARCHIVED)
            }
            Some(row) if tenant_id.is_some_and(|tenant_id| tenant_id != row.tenant_id) => {
                problem(ProblemCode::Invalid, "is of another tenant than the first one");
            }
            Some(row) => integrations.push(row.clone()),
        }
    }
    if problems.is_empty() { Ok(integrations) } else { Err(Error::Rejected(problems)) }
}
