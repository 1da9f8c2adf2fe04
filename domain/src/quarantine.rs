//! Quarantines: pages that a quality gate kept from being written, and the decision about them. How they come about
//! stands in `background`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::failure::{self, FailureStatus};
use entity::integration::IntegrationStatus;
use entity::job::{self, JobStatus};
use entity::quarantine::{self, QuarantineRule, QuarantineStatus};
use entity::{run, run_stream};
use pipeline::{GateCounts, RECORD_QUARANTINED};
use sea_orm::sea_query::{Condition, Expr, LockType, Query};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::background::failure_group::{self, Tally};
use crate::background::quarantine::COUNTED;
use crate::background::recovery;
use crate::error::{Doing, Error, Result};
use crate::health::status::{refresh_in, watch_from_now};
use crate::id::Kind;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::retry::Taken;
use crate::run_event::{self, NewEvent};
use crate::scope::{Keyset, Parent, Scope, ScopedSelect, TxScope};
use crate::validation::Problems;
use crate::{integration, retry, run_slice};

pub use entity::quarantine::Model as Quarantine;

/// Longest note of a decision, in characters.
pub const NOTE_CHARS_MAX: usize = 1_000;
/// Failures of a decision that listeners are told of one by one.
const TOLD_MAX: usize = 200;

/// A failure that is left out: its id, run, integration, status, retry and group, when it failed, and what is at stake with
/// it.
type LeftOut = (Uuid, Uuid, Uuid, FailureStatus, Option<Uuid>, Option<Uuid>, DateTime<Utc>, Option<i64>);

/// Which quarantines a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuarantineFilter {
    /// One of these.
    pub status: Option<Vec<QuarantineStatus>>,
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
}

/// By what the quarantines of a list nest under a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuarantineParent {
    /// Those of each integration.
    Integration,
    /// Those of each run.
    Run,
}

fn keyset(direction: Direction) -> Keyset<quarantine::Entity> {
    Keyset { name: "quarantine", column: None, id: quarantine::Column::Id, direction }
}

fn filtered(scope: &Scope, filter: &QuarantineFilter) -> ScopedSelect<quarantine::Entity> {
    scope
        .find::<quarantine::Entity>()
        .of_tenant(filter.tenant_id)
        .under::<entity::integration::Entity>(quarantine::Column::IntegrationId, filter.integration_id)
        .one_of(quarantine::Column::Status, filter.status.clone())
}

/// Quarantines by id, those that the caller may see.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Quarantine>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows =
        scope.find::<quarantine::Entity>().of_ids(quarantine::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of quarantines, by the time they were found.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &QuarantineFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Quarantine>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(direction);
    filtered(&scope, filter).page(&order, &page.check(order.name)?).await
}

/// A page of quarantines for each parent, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_parent(
    actor: &Actor,
    parent: QuarantineParent,
    parents: &[Uuid],
    filter: &QuarantineFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<Quarantine>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(direction);
    let parent = match parent {
        QuarantineParent::Integration => {
            Parent::of::<entity::integration::Entity>(quarantine::Column::IntegrationId)
        }
        QuarantineParent::Run => Parent::of::<run::Entity>(quarantine::Column::RunId),
    };
    filtered(&scope, filter).pages_by_parent(parent, parents, &order, &page.check(order.name)?).await
}

/// Lets what was kept pass: its records are retried, the integration goes on, and with it the run, whose gate stays open
/// for this stream until its end.
///
/// # Errors
/// Denied without `failures:retry`. Rejected: `NOT_FOUND` quarantineId; a note that is too long; `CONFLICT` when it is
/// decided, or its integration is archived.
pub async fn release(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<Quarantine> {
    let scope = actor.authorize(Permission::FailureRetry)?;
    let row = found(&scope, id).await?;
    let note = checked_note(note, false)?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    decide(&tx, actor, &row, QuarantineStatus::Released, note.as_deref()).await?;
    let (status, is_let_go) = integration::let_go_held(&mut tx, row.integration_id).await?;
    if status == IntegrationStatus::Archived {
        let message = "its integration is archived and writes nothing any more; discard it";
        return Err(Error::conflict("quarantineId", message));
    }
    remember(&tx, &row, |counts| counts.is_released = true).await?;
    let kept = Condition::all()
        .add(failure::Column::QuarantineId.eq(id))
        .add(failure::Column::Code.eq(RECORD_QUARANTINED))
        .add(failure::Column::Status.eq(FailureStatus::Open));
    if let Some(Taken { retry, .. }) = retry::take_some(&mut tx, actor.name(), kept).await? {
        tx.update::<quarantine::Entity>()
            .col_expr(quarantine::Column::RetryId, Expr::value(Some(retry.id)))
            .filter(quarantine::Column::Id.eq(id))
            .exec(tx.connection())
            .await
            .doing("storing the retry of a quarantine")?;
        give_turn(&tx, row.integration_id, retry.id).await?;
    }
    let message =
        format!("{} released the quarantine of `{}`: its records are written.", actor.name(), row.stream);
    tell(&mut tx, &row, "quarantine.released", message).await?;
    settle(&tx, &row, is_let_go).await?;
    commit(tx, &scope, id, note).await
}

/// Leaves what was kept out: the open failures of its page end as skipped, and the integration goes on, and with it the
/// run, behind that page. Its gate counts anew.
///
/// # Errors
/// Denied without `failures:skip`. Rejected: `NOT_FOUND` quarantineId; `REQUIRED` note; `CONFLICT` when it is decided.
pub async fn discard(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<Quarantine> {
    let scope = actor.authorize(Permission::FailureSkip)?;
    let row = found(&scope, id).await?;
    let note = checked_note(note, true)?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    decide(&tx, actor, &row, QuarantineStatus::Discarded, note.as_deref()).await?;
    let (_status, is_let_go) = integration::let_go_held(&mut tx, row.integration_id).await?;
    remember(&tx, &row, GateCounts::begin_anew).await?;
    let skipped = leave_out(&mut tx, actor, id, note.as_deref()).await?;
    let message = format!(
        "{} discarded the quarantine of `{}`: {skipped} records are left out.",
        actor.name(),
        row.stream
    );
    tell(&mut tx, &row, "quarantine.discarded", message).await?;
    settle(&tx, &row, is_let_go).await?;
    commit(tx, &scope, id, note).await
}

/// Derives how the integration is, last of all: all failures of a quarantine are of one.
async fn settle(tx: &TxScope, row: &Quarantine, is_let_go: bool) -> Result<()> {
    match is_let_go {
        true => watch_from_now(tx, row.integration_id).await,
        false => refresh_in(tx, [row.integration_id]).await,
    }
}

async fn commit(tx: TxScope, scope: &Scope, id: Uuid, note: Option<String>) -> Result<Quarantine> {
    let tx = tx.about(Kind::Quarantine, id);
    match note {
        Some(note) => tx.detail(note),
        None => tx,
    }
    .commit()
    .await?;
    found(scope, id).await
}

async fn found(scope: &Scope, id: Uuid) -> Result<Quarantine> {
    scope
        .find::<quarantine::Entity>()
        .of_id(quarantine::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("quarantineId", "quarantine"))
}

fn checked_note(note: Option<&str>, is_required: bool) -> Result<Option<String>> {
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    if note.is_none() && !is_required {
        return Ok(None);
    }
    let mut problems = Problems::default();
    let note = problems.text("note", note.unwrap_or_default(), NOTE_CHARS_MAX);
    problems.check()?;
    Ok(Some(note))
}

/// Writes the decision; the row is locked from here on, and a second decision refused.
async fn decide(
    tx: &TxScope,
    actor: &Actor,
    row: &Quarantine,
    status: QuarantineStatus,
    note: Option<&str>,
) -> Result<()> {
    let decided = tx
        .update::<quarantine::Entity>()
        .col_expr(quarantine::Column::Status, Expr::value(status))
        .col_expr(quarantine::Column::DecidedAt, Expr::value(Some(tx.app().clock().now())))
        .col_expr(quarantine::Column::DecidedBy, Expr::value(Some(actor.name().to_owned())))
        .col_expr(quarantine::Column::Note, Expr::value(note.map(str::to_owned)))
        .filter(quarantine::Column::Id.eq(row.id))
        .filter(quarantine::Column::Status.eq(QuarantineStatus::Held))
        .exec(tx.connection())
        .await
        .doing("storing what was decided about a quarantine")?;
    if decided.rows_affected > 0 {
        return Ok(());
    }
    let now = tx
        .find::<quarantine::Entity>()
        .filter(quarantine::Column::Id.eq(row.id))
        .one(tx.connection())
        .await
        .doing("reading a quarantine")?;
    let message = match now.map(|row| row.status) {
        Some(QuarantineStatus::Discarded) => "this quarantine was discarded already",
        _ => "this quarantine was released already",
    };
    Err(Error::conflict("quarantineId", message))
}

/// Changes what the gate of the run has counted, for when the run goes on.
async fn remember(tx: &TxScope, row: &Quarantine, change: impl Fn(&mut GateCounts)) -> Result<()> {
    let of_it = Condition::all()
        .add(run_stream::Column::RunId.eq(row.run_id))
        .add(run_stream::Column::Stream.eq(row.stream.as_str()));
    let stored = tx
        .find::<run_stream::Entity>()
        .filter(of_it.clone())
        .one(tx.connection())
        .await
        .doing(COUNTED)?
        .and_then(|row| row.gate);
    let mut counts = match stored {
        Some(counts) => serde_json::from_value(counts).doing(COUNTED)?,
        None => GateCounts::default(),
    };
    change(&mut counts);
    let counts = serde_json::to_value(&counts).doing(COUNTED)?;
    tx.update::<run_stream::Entity>()
        .col_expr(run_stream::Column::Gate, Expr::value(Some(counts)))
        .filter(of_it)
        .exec(tx.connection())
        .await
        .doing("storing what a quality gate has counted")?;
    run_slice::remember(tx, row.run_id, &row.stream, change).await
}

/// Gives the retry the turn of the integration, as if it had begun: what was kept is older than what the run that was put
/// aside reads next, and than what any other run does, and would be put over it.
async fn give_turn(tx: &TxScope, integration_id: Uuid, retry_id: Uuid) -> Result<()> {
    let of_it = Query::select()
        .column(run::Column::Id)
        .from(run::Entity)
        .and_where(run::Column::TenantId.eq(tx.tenant_id()))
        .and_where(run::Column::RetryId.eq(retry_id))
        .to_owned();
    // A run that is divided keeps its turn: what its slices read next has other keys. Should one have the same, it stands
    // (`StoredRecord::unless_written_by`).
    let divided = tx
        .find::<job::Entity>()
        .filter(job::Column::IntegrationId.eq(integration_id))
        .filter(job::Column::Status.eq(JobStatus::Divided))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a run that is divided")?;
    if divided.is_some() {
        return Ok(());
    }
    tx.update::<job::Entity>()
        .col_expr(job::Column::Begun, Expr::value(true))
        .filter(job::Column::SubjectId.in_subquery(of_it))
        .exec(tx.connection())
        .await
        .doing("letting a retry go first")?;
    Ok(())
}

/// Skips what is left of a page, also what somebody has asked to retry meanwhile: no such retry has begun, because the
/// integration was held.
async fn leave_out(tx: &mut TxScope, actor: &Actor, id: Uuid, note: Option<&str>) -> Result<u64> {
    let left = Condition::all()
        .add(failure::Column::QuarantineId.eq(id))
        .add(failure::Column::Status.is_in([FailureStatus::Open, FailureStatus::Retrying]));
    let rows: Vec<LeftOut> = tx
        .find::<failure::Entity>()
        .select_only()
        .column(failure::Column::Id)
        .column(failure::Column::RunId)
        .column(failure::Column::IntegrationId)
        .column(failure::Column::Status)
        .column(failure::Column::RetryId)
        .column(failure::Column::GroupId)
        .column(failure::Column::FailedAt)
        .column(failure::Column::ValueAtStake)
        .filter(left.clone())
        .order_by_asc(failure::Column::Id)
        // What somebody skips meanwhile is theirs.
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading the failures of a quarantine")?;
    tx.update::<failure::Entity>()
        .col_expr(failure::Column::Status, Expr::value(FailureStatus::Skipped))
        .col_expr(failure::Column::ResolvedAt, Expr::value(Some(tx.app().clock().now())))
        .col_expr(failure::Column::SkipReason, Expr::value(note.map(str::to_owned)))
        .col_expr(failure::Column::SkippedBy, Expr::value(Some(actor.name().to_owned())))
        .filter(left)
        .exec(tx.connection())
        .await
        .doing("leaving out the records of a quarantine")?;
    let mut retried: BTreeMap<Uuid, u64> = BTreeMap::new();
    let mut tally = Tally::default();
    for (_, _, _, status, retry_id, group_id, failed_at, value) in &rows {
        tally.leave(*group_id, *failed_at, *value);
        if let (FailureStatus::Retrying, Some(retry_id)) = (status, retry_id) {
            *retried.entry(*retry_id).or_default() += 1;
        }
    }
    for (retry_id, count) in retried {
        retry::progress(tx, retry_id, count, 0).await?;
    }
    let runs: BTreeSet<Uuid> = rows.iter().map(|(_, run_id, ..)| *run_id).collect();
    recovery::recover(tx, &runs).await?;
    failure_group::leave(tx, tally).await?;
    for (id, _, integration_id, ..) in rows.iter().take(TOLD_MAX) {
        tx.tell_after_commit(crate::failure::changed(tx.tenant_id(), *id, *integration_id));
    }
    Ok(rows.len() as u64)
}

/// An event on the run, and the change that listeners are told of.
async fn tell(tx: &mut TxScope, row: &Quarantine, kind: &'static str, message: String) -> Result<()> {
    run_event::record(tx, row.run_id, vec![NewEvent::new(kind, "api", message)]).await?;
    let run = tx
        .find::<run::Entity>()
        .filter(run::Column::Id.eq(row.run_id))
        .one(tx.connection())
        .await
        .doing("reading the run of a quarantine")?;
    if let Some(run) = run {
        tx.tell_after_commit(crate::run::changed(&run));
    }
    Ok(())
}

/// A quarantine of the integration that nobody has decided about.
pub(crate) async fn undecided(tx: &TxScope, integration_id: Uuid) -> Result<Option<Quarantine>> {
    tx.find::<quarantine::Entity>()
        .filter(quarantine::Column::IntegrationId.eq(integration_id))
        .filter(quarantine::Column::Status.eq(QuarantineStatus::Held))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for a quarantine")
}

/// What the gate found, as a sentence.
pub(crate) fn words(row: &Quarantine) -> String {
    let Quarantine { stream, judged_count, failed_count, allowed, .. } = row;
    let measured = (row.measured * 100.0).round() / 100.0;
    let volume = format!("`{stream}` has {measured} % of the records that it usually has, which is");
    match row.rule {
        QuarantineRule::FailedRecords => format!(
            "{failed_count} of {judged_count} records of `{stream}` failed their checks, which is more than {allowed} %."
        ),
        QuarantineRule::VolumeHigh => format!("{volume} more than {allowed} %."),
        QuarantineRule::VolumeLow => format!("{volume} less than {allowed} %. What there was is written."),
        QuarantineRule::NullRate => format!(
            "`{}` is empty in {measured} % of the records of `{stream}`, which is more than {allowed} %.",
            row.field.as_deref().unwrap_or_default()
        ),
    }
}
