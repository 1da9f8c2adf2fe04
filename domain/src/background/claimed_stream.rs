//! The streams of claimed runs, each with where it goes on and what is known of it. Deliberately absent: which runs are
//! claimed.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use connector::{Cursor, CursorRange};
use entity::integration::{Kpi, Stream};
use entity::run::{RunScope, RunStatus};
use entity::{backfill, reconciliation, run_slice, run_stream, stream_cursor, stream_schema};
use pipeline::{Checks, Gate, GateCounts, Repeats, Shape};
use sea_orm::{EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::candidate::Candidate;
use super::division::{Reading, is_divisible};
use super::quarantine::{COUNTED, checks, gate, histories};
use super::receipt;
use super::transaction::BatchTx;
use crate::error::{Doing, Error, Result};
use crate::kpi;
use crate::stream_cursor::Beginning;
use crate::stream_schema::KNOWN;

/// A stream of a claimed run.
#[derive(Clone)]
pub struct ClaimedStream {
    /// What it moves.
    pub stream: Stream,
    /// Watermark of the last run that finished it.
    pub since: Option<Cursor>,
    /// The cursor value where a person set that it begins, where there is no watermark.
    pub from: Option<Cursor>,
    /// The range that a backfill reads of it, and nothing else.
    pub only: Option<CursorRange>,
    /// What is known of its source's records.
    pub shape: Shape,
    /// What its records are checked for against others.
    pub checks: Checks,
    /// Judges its pages, and knows what the run has counted before.
    pub gate: Gate,
    /// What is measured of the records that it delivers.
    pub kpis: Vec<Kpi>,
    /// Where records may have been delivered before without their being accounted.
    pub repeats: Repeats,
    /// What is read of it.
    pub reading: Reading,
    /// Checkpoint of this run's last page.
    pub resume: Option<Cursor>,
    /// No receipt of it exists.
    pub fresh: bool,
    /// Some of its receipts are kept as they came, by a run that was interrupted.
    pub are_receipts_unmerged: bool,
}

/// The streams of each job's run that are not finished, each with where it goes on; of a slice, its stream. By job.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(super) async fn claimed_streams(
    tx: &BatchTx,
    candidates: &[Candidate],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, Vec<ClaimedStream>>> {
    // Of these runs as far as they came before, and of those that they retry: a retry of everything begins where the
    // original began.
    let begun_before = candidates
        .iter()
        .filter(|candidate| candidate.run.status == RunStatus::Running)
        .map(|candidate| candidate.run.id);
    let earlier: HashSet<Uuid> =
        begun_before.chain(candidates.iter().filter_map(|candidate| candidate.run.retry_of_id)).collect();
    let mut begun: HashMap<(Uuid, String), run_stream::Model> = HashMap::new();
    if !earlier.is_empty() {
        let rows = run_stream::Entity::find()
            .filter(tx.one_of(run_stream::Column::RunId, earlier))
            .all(tx.connection())
            .await
            .doing("reading the checkpoints of runs")?;
        begun.extend(rows.into_iter().map(|row| ((row.run_id, row.stream.clone()), row)));
    }
    let watermarks: HashMap<(Uuid, String), Cursor> = stream_cursor::Entity::find()
        .filter(
            tx.one_of(stream_cursor::Column::IntegrationId, candidates.iter().map(|row| row.integration.id)),
        )
        .all(tx.connection())
        .await
        .doing("reading watermarks")?
        .into_iter()
        .map(|row| ((row.integration_id, row.stream), row.watermark))
        .collect();
    let shapes = known_shapes(tx, candidates).await?;
    let backfills = backfills(tx, candidates).await?;
    let histories = histories(tx, candidates).await?;
    let compared = compared(tx, candidates).await?;
    let divided = divided(tx, candidates).await?;
    let all: Vec<receipt::Stream> = candidates
        .iter()
        .flat_map(|candidate| {
            candidate.integration.streams.0.iter().map(|stream| receipt::Stream {
                tenant_id: candidate.tenant.id,
                integration_id: candidate.integration.id,
                name: &stream.name,
            })
        })
        .collect();
    let mut known = receipt::known(tx.connection(), &all).await?.into_iter();

    let mut rows = Vec::new();
    let mut claimed: HashMap<Uuid, Vec<ClaimedStream>> = HashMap::new();
    for Candidate { job, run, slice, integration, .. } in candidates {
        let mut streams = Vec::with_capacity(integration.streams.0.len());
        let backfill = match run.backfill_id {
            Some(id) => {
                let gone = || Error::internal("reading the backfill of a run", "it is not there");
                Some(backfills.get(&id).ok_or_else(gone)?)
            }
            None => None,
        };
        // The stream in which the run ended that this one retries, where it did not come to its end.
        let ended_in = match (run.scope, run.retry_of_id) {
            (RunScope::AllRecords, Some(id)) => integration.streams.0.iter().find(|stream| {
                let row = begun.get(&(id, stream.name.clone()));
                row.is_some_and(|row| row.finished_at.is_none())
            }),
            _ => None,
        };
        for stream in &integration.streams.0 {
            let known = known.next().unwrap_or_default();
            if backfill.is_some_and(|backfill| backfill.stream != stream.name) {
                continue;
            }
            if slice.as_ref().is_some_and(|slice| slice.stream != stream.name) {
                continue;
            }
            let named = run.reconciliation_id.and_then(|id| compared.get(&id));
            if named.is_some_and(|named| !named.contains(&stream.name)) {
                continue;
            }
            let watermark = watermarks.get(&(integration.id, stream.name.clone())).cloned();
            let (since, resume) = match begun.get(&(run.id, stream.name.clone())) {
                Some(row) if row.finished_at.is_some() => continue,
                Some(row) => (row.since.clone(), row.checkpoint.clone()),
                None => {
                    let original = run.retry_of_id.and_then(|id| begun.get(&(id, stream.name.clone())));
                    let since = match (original, watermark) {
                        _ if backfill.is_some() => None,
                        (_, watermark) if run.reconciliation_id.is_some() => watermark,
                        // What a person set since, the beginning included, counts for a retry too.
                        (Some(_), None) => None,
                        (Some(_), Some(watermark)) if Beginning::is_set(&watermark) => Some(watermark),
                        (Some(row), Some(_)) => row.since.clone(),
                        (None, watermark) => watermark,
                    };
                    rows.push(run_stream::Model {
                        tenant_id: run.tenant_id,
                        run_id: run.id,
                        stream: stream.name.clone(),
                        since: since.clone(),
                        checkpoint: None,
                        watermark: None,
                        deletions_held_at: None,
                        gate: None,
                        page_count: 0,
                        finished_at: None,
                        updated_at: now,
                    });
                    (since, None)
                }
            };
            let (since, from) = match since.map(Beginning::of) {
                Some(Beginning::Since(since)) => (Some(since), None),
                Some(Beginning::From(from)) => (None, Some(from)),
                None => (None, None),
            };
            let only = backfill.map(|backfill| CursorRange {
                from: backfill.range_from.clone(),
                until: backfill.range_until.clone(),
            });
            let place = (integration.id, stream.name.clone());
            let shape = shapes.get(&place).cloned().unwrap_or_default();
            // What a backfill reads is no usual run, whatever its range.
            let history = histories.get(&place).filter(|_history| backfill.is_none());
            let history = history.map_or(&[][..], Vec::as_slice);
            let row = begun.get(&(run.id, stream.name.clone()));
            let counted = match slice {
                Some(slice) => slice.gate.as_ref(),
                None => row.and_then(|row| row.gate.as_ref()),
            };
            let mut gate = gate(stream, counted, history, slice.is_some())?;
            if let (Some(_slice), Some(whole)) = (slice, row.and_then(|row| row.gate.as_ref())) {
                // A person may have let it pass while the slice was in the middle of a page.
                let whole: GateCounts = serde_json::from_value(whole.clone()).doing(COUNTED)?;
                if whole.is_released {
                    gate.release();
                }
            }
            let is_divided = divided.contains(&(run.id, stream.name.clone()));
            let reading = match slice {
                Some(slice) => Reading::Part(slice.part.clone()),
                None if is_divided => Reading::Done { watermark: row.and_then(|row| row.watermark.clone()) },
                None if resume.is_none() && is_divisible(run, stream, since.as_ref(), from.as_ref()) => {
                    Reading::Divisible
                }
                None => Reading::Whole,
            };
            let (resume, fresh) = match slice {
                Some(slice) => (slice.checkpoint.clone(), slice.fresh),
                None => (resume, !known.any),
            };
            // What compares moves nothing.
            let is_measured = run.reconciliation_id.is_none();
            let kpis = integration.kpis.iter().flat_map(|kpis| &kpis.0).filter(|_kpi| is_measured);
            let kpis = kpis.filter(|kpi| kpi.stream == stream.name && kpi::may_be_told(kpi, stream));
            let kpis = kpis.cloned().collect();
            // Streams are read one after the other, slices for themselves.
            let is_begun = match slice {
                Some(slice) => slice.started_at.is_some(),
                None => run.status == RunStatus::Running && streams.is_empty(),
            };
            let repeats = match ended_in {
                Some(ended_in) if ended_in.name == stream.name => Repeats::Anywhere,
                _ if is_begun => Repeats::AtBegin,
                _ => Repeats::Nowhere,
            };
            let (stream, checks) = (stream.clone(), checks(stream));
            streams.push(ClaimedStream {
                stream,
                since,
                from,
                only,
                shape,
                checks,
                gate,
                kpis,
                repeats,
                reading,
                resume,
                fresh,
                are_receipts_unmerged: known.segments,
            });
        }
        claimed.insert(job.id, streams);
    }
    tx.insert_many::<run_stream::Entity>(rows, "storing the streams of runs").await?;
    Ok(claimed)
}

/// What is known of the records of the streams of these runs, by integration and stream.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn known_shapes(tx: &BatchTx, candidates: &[Candidate]) -> Result<HashMap<(Uuid, String), Shape>> {
    // What is stored of failures says nothing about the source of today.
    let reads = candidates.iter().filter(|candidate| candidate.run.scope == RunScope::AllRecords);
    let of_these: HashSet<Uuid> = reads.map(|candidate| candidate.integration.id).collect();
    if of_these.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = stream_schema::Entity::find()
        .filter(tx.one_of(stream_schema::Column::IntegrationId, of_these))
        .all(tx.connection())
        .await
        .doing(KNOWN)?;
    rows.into_iter()
        .map(|row| Ok(((row.integration_id, row.stream), serde_json::from_value(row.fields).doing(KNOWN)?)))
        .collect()
}

/// The backfills that some of these runs are of.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn backfills(tx: &BatchTx, candidates: &[Candidate]) -> Result<HashMap<Uuid, backfill::Model>> {
    let ids: HashSet<Uuid> = candidates.iter().filter_map(|candidate| candidate.run.backfill_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = backfill::Entity::find()
        .filter(tx.one_of(backfill::Column::Id, ids))
        .all(tx.connection())
        .await
        .doing("reading the backfills of runs")?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The streams that some of these runs are to compare, by reconciliation, where that is not all.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn compared(tx: &BatchTx, candidates: &[Candidate]) -> Result<HashMap<Uuid, Vec<String>>> {
    let ids: HashSet<Uuid> =
        candidates.iter().filter_map(|candidate| candidate.run.reconciliation_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = reconciliation::Entity::find()
        .filter(tx.one_of(reconciliation::Column::Id, ids))
        .all(tx.connection())
        .await
        .doing("reading the reconciliations of runs")?;
    Ok(rows.into_iter().filter_map(|row| Some((row.id, row.streams?.0))).collect())
}

/// The streams that some of these runs have divided, by run. That their own job is claimed says that the slices have ended.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn divided(tx: &BatchTx, candidates: &[Candidate]) -> Result<HashSet<(Uuid, String)>> {
    let goes_on = |row: &&Candidate| row.run.status == RunStatus::Running && row.slice.is_none();
    let runs: HashSet<Uuid> = candidates.iter().filter(goes_on).map(|candidate| candidate.run.id).collect();
    if runs.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(Uuid, String)> = run_slice::Entity::find()
        .select_only()
        .distinct()
        .column(run_slice::Column::RunId)
        .column(run_slice::Column::Stream)
        .filter(tx.one_of(run_slice::Column::RunId, runs))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading which streams are divided")?;
    Ok(rows.into_iter().collect())
}
