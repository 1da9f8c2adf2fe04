//! Slices: parts of a stream of a run, each with a job of its own, so that several workers read it at once. What a worker
//! does with one stands in `background`.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::job::{self, JobStatus};
use entity::run_slice::{self, SliceStatus};
use entity::{run, run_stream};
use pipeline::GateCounts;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::background::quarantine::COUNTED;
use crate::error::{Doing, Result};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::run::RunCounts;
use crate::scope::{Keyset, Parent, Scope, TxScope};

/// Where a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceState {
    /// It waits for a worker, or for what its run waits for.
    Queued,
    /// A worker has it.
    Running,
    /// It was read to its end.
    Finished,
    /// It could not go on, and the run ends for it.
    Failed,
    /// The run was canceled, or ended for another slice.
    Stopped,
}

/// A slice with what its job says.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSlice {
    /// Its id.
    pub id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// Its place among those of the stream, from 1.
    pub ordinal: i32,
    /// Where it is.
    pub state: SliceState,
    /// What became of its records.
    pub counts: RunCounts,
    /// Pages accounted.
    pub page_count: i64,
    /// The worker that has or had it; for engineers.
    pub worker: Option<String>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When its outcome was written.
    pub finished_at: Option<DateTime<Utc>>,
}

const OLDEST_FIRST: Keyset<run_slice::Entity> =
    Keyset { name: "slice", column: None, id: run_slice::Column::Id, direction: Direction::Ascending };

/// Those of these runs whose stream of this name was read in slices.
pub(crate) async fn divided(
    scope: &Scope,
    stream: &str,
    runs: impl Iterator<Item = Uuid>,
) -> Result<HashSet<Uuid>> {
    let runs: HashSet<Uuid> = runs.collect();
    if runs.is_empty() {
        return Ok(runs);
    }
    let slices = scope
        .find::<run_slice::Entity>()
        .filter(run_slice::Column::RunId.is_in(runs))
        .filter(run_slice::Column::Stream.eq(stream))
        .filter(run_slice::Column::Ordinal.eq(1))
        .all()
        .await?;
    Ok(slices.into_iter().map(|slice| slice.run_id).collect())
}

/// A page of slices for each of several runs, in the order of their streams and places, in few statements.
///
/// # Errors
/// Denied without `runs:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn pages_by_run(
    actor: &Actor,
    runs: &[Uuid],
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<RunSlice>>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let pages = scope
        .find::<run_slice::Entity>()
        .pages_by_parent(
            Parent::of::<run::Entity>(run_slice::Column::RunId),
            runs,
            &OLDEST_FIRST,
            &page.check(OLDEST_FIRST.name)?,
        )
        .await?;
    let shown = pages.values().flat_map(|page| page.edges.iter().map(|edge| edge.node.id));
    let jobs = scope.find::<job::Entity>().filter(job::Column::SliceId.is_in(shown)).all().await?;
    let jobs: HashMap<Uuid, job::Model> =
        jobs.into_iter().filter_map(|job| Some((job.slice_id?, job))).collect();
    Ok(pages
        .into_iter()
        .map(|(run, page)| {
            let page = page.map(|row| {
                let job = jobs.get(&row.id);
                shown_as(row, job)
            });
            (run, page)
        })
        .collect())
}

fn shown_as(row: run_slice::Model, job: Option<&job::Model>) -> RunSlice {
    let state = match row.status {
        SliceStatus::Open if job.is_some_and(|job| job.status == JobStatus::Running) => SliceState::Running,
        SliceStatus::Open => SliceState::Queued,
        SliceStatus::Finished => SliceState::Finished,
        SliceStatus::Failed => SliceState::Failed,
        SliceStatus::Stopped => SliceState::Stopped,
    };
    RunSlice {
        id: row.id,
        state,
        counts: RunCounts {
            read: row.read_count,
            created: row.created_count,
            updated: row.updated_count,
            unchanged: row.unchanged_count,
            skipped: row.skipped_count,
            failed: row.failed_count,
            deleted: 0,
        },
        stream: row.stream,
        ordinal: row.ordinal,
        page_count: row.page_count,
        worker: job.and_then(|job| job.worker.clone()),
        started_at: row.started_at,
        finished_at: row.finished_at,
    }
}

/// Whether a run that is not over has read one of these streams in slices, and has not concluded it.
pub(crate) async fn are_to_conclude(tx: &TxScope, integration_id: Uuid, streams: &[String]) -> Result<bool> {
    if streams.is_empty() {
        return Ok(false);
    }
    let runs = Query::select()
        .column(job::Column::SubjectId)
        .from(job::Entity)
        .and_where(job::Column::TenantId.eq(tx.tenant_id()))
        .and_where(job::Column::IntegrationId.eq(integration_id))
        .and_where(job::Column::SliceId.is_null())
        .and_where(job::Column::Status.ne(JobStatus::Done))
        .to_owned();
    let same = |slice, stream| Expr::col((run_slice::Entity, slice)).equals((run_stream::Entity, stream));
    let of_it = Query::select()
        .expr(Expr::val(1))
        .from(run_slice::Entity)
        .and_where(same(run_slice::Column::TenantId, run_stream::Column::TenantId))
        .and_where(same(run_slice::Column::RunId, run_stream::Column::RunId))
        .and_where(same(run_slice::Column::Stream, run_stream::Column::Stream))
        .to_owned();
    let one = tx
        .find::<run_stream::Entity>()
        .filter(run_stream::Column::RunId.in_subquery(runs))
        .filter(run_stream::Column::Stream.is_in(streams.iter().cloned()))
        .filter(run_stream::Column::FinishedAt.is_null())
        .filter(Expr::exists(of_it))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking for slices of a run that is not over")?;
    Ok(one.is_some())
}

/// Writes that the open slices of a run whose jobs are done were stopped.
pub(crate) async fn stop_ended(tx: &TxScope, run_id: Uuid) -> Result<()> {
    let under_way = Query::select()
        .column(job::Column::SliceId)
        .from(job::Entity)
        .and_where(job::Column::TenantId.eq(tx.tenant_id()))
        .and_where(job::Column::SubjectId.eq(run_id))
        .and_where(job::Column::SliceId.is_not_null())
        .and_where(job::Column::Status.ne(JobStatus::Done))
        .to_owned();
    tx.update::<run_slice::Entity>()
        .col_expr(run_slice::Column::Status, Expr::value(SliceStatus::Stopped))
        .col_expr(run_slice::Column::FinishedAt, Expr::value(Some(tx.app().clock().now())))
        .filter(run_slice::Column::RunId.eq(run_id))
        .filter(run_slice::Column::Status.eq(SliceStatus::Open))
        .filter(run_slice::Column::Id.not_in_subquery(under_way))
        .exec(tx.connection())
        .await
        .doing("storing that slices were stopped")?;
    Ok(())
}

/// Changes what the gates of a stream's open slices have counted, for when they go on.
pub(crate) async fn remember(
    tx: &TxScope,
    run_id: Uuid,
    stream: &str,
    change: impl Fn(&mut GateCounts),
) -> Result<()> {
    let open = Condition::all()
        .add(run_slice::Column::RunId.eq(run_id))
        .add(run_slice::Column::Stream.eq(stream))
        .add(run_slice::Column::Status.eq(SliceStatus::Open));
    let rows = tx
        .find::<run_slice::Entity>()
        .filter(open)
        .order_by_asc(run_slice::Column::Id)
        // A page that is being accounted counts as well.
        .lock_exclusive()
        .all(tx.connection())
        .await
        .doing(COUNTED)?;
    for row in rows {
        let mut counts: GateCounts = match row.gate {
            Some(counts) => serde_json::from_value(counts).doing(COUNTED)?,
            None => GateCounts::default(),
        };
        change(&mut counts);
        let counts = serde_json::to_value(&counts).doing(COUNTED)?;
        tx.update::<run_slice::Entity>()
            .col_expr(run_slice::Column::Gate, Expr::value(Some(counts)))
            .filter(run_slice::Column::Id.eq(row.id))
            .exec(tx.connection())
            .await
            .doing("storing what a quality gate has counted")?;
    }
    Ok(())
}
