//! What a run does when its quality gate closes: the page's records are kept, the integration is held, and the run is put
//! aside until a person has decided. Deliberately absent: the decision (`quarantine`), and what the gate counts
//! (`pipeline`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use connector::Place;
use entity::integration::{self, Stream};
use entity::job::{self, JobStatus};
use entity::occasion::OccasionKind;
use entity::quarantine::{self, QuarantineRule, QuarantineStatus};
use pipeline::{
    Breach, BreachRule, Checks, Gate, GateCounts, GateRules, NullRate, Reference, TableReference, Unique,
    Volume,
};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseBackend, QueryFilter, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::candidate::Candidate;
use super::lease::RunLease;
use super::transaction::BatchTx;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::occasion::{self, NewOccasion};
use crate::quarantine::words;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;
use crate::stream::values_of;

/// What is done with what a row has counted.
pub(crate) const COUNTED: &str = "reading what a quality gate has counted";

/// Runs before that tell what is usual, at most.
const HISTORY_RUNS_MAX: u32 = 5;
/// And at least: fewer tell nothing.
const HISTORY_RUNS_MIN: usize = 3;

/// A page that was not written, or the end of a stream that is not what it usually is.
pub(super) struct ClosedPage<'a> {
    /// Of its quarantine; its failures name it.
    pub(super) id: Uuid,
    pub(super) stream: &'a str,
    pub(super) breach: Breach,
    pub(super) counts: GateCounts,
    /// Records that would have been written.
    pub(super) record_count: usize,
}

impl<'a> ClosedPage<'a> {
    /// Everything of it is written.
    pub(super) fn at_the_end(stream: &'a str, breach: Breach, counts: GateCounts) -> Self {
        Self { id: new_id(), stream, breach, counts, record_count: 0 }
    }
}

/// What records of a stream are checked for against others.
pub(super) fn checks(stream: &Stream) -> Checks {
    let unique =
        stream.quality.unique.iter().enumerate().map(|(place, fields)| Unique {
            fields: fields.clone(),
            kept_as: values_of(&stream.name, place),
        });
    let references = stream
        .quality
        .references
        .iter()
        .map(|reference| Reference { fields: reference.fields.clone(), stream: reference.stream.clone() });
    let table_references = stream.quality.table_references.iter().map(|reference| TableReference {
        fields: reference.fields.clone(),
        place: Place { table: reference.table.clone(), columns: reference.columns.clone() },
    });
    Checks {
        unique: unique.collect(),
        references: references.collect(),
        table_references: table_references.collect(),
    }
}

/// The gate of a stream, with what earlier attempts of the run have counted, and what runs before it have. That of a slice
/// judges what it counts itself; how many records there are is judged when all have ended.
pub(super) fn gate(
    stream: &Stream,
    counted: Option<&Value>,
    history: &[GateCounts],
    is_slice: bool,
) -> Result<Gate> {
    let counts = match counted {
        Some(counts) => serde_json::from_value(counts.clone()).doing(COUNTED)?,
        None => GateCounts::default(),
    };
    let quality = &stream.quality;
    let null_rate = |rate: &integration::NullRate| {
        let usual = median(history.iter().filter_map(|counts| counts.null_percent(&rate.field)).collect());
        let increased = rate.max_increase.zip(usual).map(|(increase, usual)| usual + increase);
        let limits = [rate.max_percent, increased].into_iter().flatten();
        NullRate { field: rate.field.clone(), percent_max: limits.fold(100.0, f64::min) }
    };
    let usual = median(history.iter().map(|counts| counts.read as f64).collect());
    let volume = quality.volume.filter(|_volume| !is_slice).zip(usual.filter(|usual| *usual >= 1.0)).map(
        |(volume, usual)| Volume {
            usual: usual as u64,
            percent_min: volume.min_percent,
            percent_max: volume.max_percent,
        },
    );
    let rules = GateRules {
        failed_percent_max: quality.max_failed_percent,
        records_min: u64::try_from(quality.min_records).unwrap_or_default(),
        null_rates: quality.null_rates.iter().map(null_rate).collect(),
        volume,
    };
    Ok(Gate::new(rules, counts))
}

/// The one in the middle, or between the two in the middle; `None` of fewer than tell something.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    if numbers.len() < HISTORY_RUNS_MIN {
        return None;
    }
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let below = if numbers.len().is_multiple_of(2) { middle - 1 } else { middle };
    Some((numbers[below] + numbers[middle]) / 2.0)
}

/// What the last runs that went through have counted, by integration and stream, of the streams whose gates compare with
/// that; one statement for all of them. Backfills, reconciliations and retries of records are no usual runs. Raw SQL: the
/// builders know neither database's way to take a few rows for each of many.
pub(super) async fn histories(
    tx: &BatchTx,
    candidates: &[Candidate],
) -> Result<HashMap<(Uuid, String), Vec<GateCounts>>> {
    let compares = |stream: &Stream| {
        let quality = &stream.quality;
        quality.volume.is_some() || quality.null_rates.iter().any(|rate| rate.max_increase.is_some())
    };
    let asked: Vec<Value> = candidates
        .iter()
        .map(|candidate| &candidate.integration)
        .filter(|integration| integration.streams.0.iter().any(compares))
        .map(|integration| {
            let id = |id: Uuid| id.simple().to_string();
            json!({ "tenant": id(integration.tenant_id), "integration": id(integration.id) })
        })
        .collect();
    let mut histories: HashMap<(Uuid, String), Vec<GateCounts>> = HashMap::new();
    if asked.is_empty() {
        return Ok(histories);
    }
    let backend = tx.connection().get_database_backend();
    let usual = "scope = 'ALL_RECORDS' AND backfill_id IS NULL AND reconciliation_id IS NULL \
                 AND status IN ('SUCCEEDED', 'PARTIAL', 'RECOVERED')";
    let sql = match backend {
        DatabaseBackend::Postgres => format!(
            "SELECT v.integration, s.stream, s.gate FROM json_to_recordset($1::text::json) \
               AS v(tenant uuid, integration uuid) \
             CROSS JOIN LATERAL (SELECT id FROM run WHERE tenant_id = v.tenant AND integration_id = v.integration \
               AND {usual} ORDER BY id DESC LIMIT {HISTORY_RUNS_MAX}) AS r \
             JOIN run_stream AS s ON s.tenant_id = v.tenant AND s.run_id = r.id \
             WHERE s.finished_at IS NOT NULL"
        ),
        _ => format!(
            "SELECT r.integration_id, s.stream, s.gate FROM json_each($1) AS v CROSS JOIN run AS r \
             JOIN run_stream AS s ON s.tenant_id = r.tenant_id AND s.run_id = r.id \
             WHERE r.id IN (SELECT id FROM run WHERE tenant_id = unhex(v.value ->> 'tenant') \
               AND integration_id = unhex(v.value ->> 'integration') AND {usual} \
               ORDER BY id DESC LIMIT {HISTORY_RUNS_MAX}) AND s.finished_at IS NOT NULL"
        ),
    };
    let statement = Statement::from_sql_and_values(backend, sql, [Value::from(asked).to_string().into()]);
    for row in tx.connection().query_all_raw(statement).await.doing(COUNTED)? {
        let integration: Uuid = row.try_get_by_index(0).doing(COUNTED)?;
        let stream: String = row.try_get_by_index(1).doing(COUNTED)?;
        // A stream without a page has counted nothing, which is a number of records as well.
        let counts = match row.try_get_by_index::<Option<Value>>(2).doing(COUNTED)? {
            Some(counts) => serde_json::from_value(counts).doing(COUNTED)?,
            None => GateCounts::default(),
        };
        histories.entry((integration, stream)).or_default().push(counts);
    }
    Ok(histories)
}

impl RunLease {
    /// Stores the quarantine of a page, in the transaction that accounts it, and lets the job go: whoever decides finds
    /// the run put aside, whatever becomes of this worker.
    pub(super) async fn put_in_quarantine(
        &self,
        tx: &mut TxScope,
        page: ClosedPage<'_>,
        aftermath: &mut Aftermath,
    ) -> Result<()> {
        self.store_quarantine(tx, page).await?;
        // A slice is handed back, and held by its next claim: its run keeps its turn.
        if self.slice.is_none() {
            self.put_aside(tx, aftermath).await?;
        }
        aftermath.changed(self.run.integration_id);
        Ok(())
    }

    /// Stores a quarantine, and holds the integration for it.
    pub(super) async fn store_quarantine(&self, tx: &TxScope, page: ClosedPage<'_>) -> Result<()> {
        let ClosedPage { id, stream, breach, counts, record_count } = page;
        let rule = match breach.rule {
            BreachRule::FailedRecords => QuarantineRule::FailedRecords,
            BreachRule::NullRate => QuarantineRule::NullRate,
            BreachRule::VolumeHigh => QuarantineRule::VolumeHigh,
            BreachRule::VolumeLow => QuarantineRule::VolumeLow,
        };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let row = quarantine::Model {
            id,
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            run_id: self.run.id,
            stream: stream.to_owned(),
            status: QuarantineStatus::Held,
            rule,
            field: breach.field,
            measured: breach.measured,
            allowed: breach.allowed,
            reason: String::new(),
            record_count: number(record_count as u64),
            judged_count: number(counts.judged),
            failed_count: number(counts.failed),
            created_at: self.app.clock().now(),
            decided_at: None,
            decided_by: None,
            note: None,
            retry_id: None,
        };
        let row = quarantine::Model { reason: words(&row), ..row };
        let row = tx.insert::<quarantine::Entity>(row, "storing a quarantine").await?;
        let checked = NewEvent::new("quality.checked", "quality", row.reason.clone()).attributes(json!({
            "stream": stream, "rule": row.rule, "field": row.field, "measured": row.measured,
            "allowed": row.allowed, "records": row.judged_count, "failed": row.failed_count,
            "quarantined": row.record_count,
        }));
        run_event::record(tx, self.run.id, vec![checked]).await?;
        if matches!(row.rule, QuarantineRule::VolumeHigh | QuarantineRule::VolumeLow) {
            let told = NewOccasion::new(OccasionKind::VolumeAnomaly)
                .integration(self.run.integration_id)
                .run(self.run.id)
                .detail("reason", row.reason.clone());
            occasion::record(tx, told).await?;
        }
        crate::integration::hold_for_quality(tx, &self.run, &row).await
    }

    /// Lets go of the job: it waits until somebody lets the integration go on, and then for its turn, as one that has not
    /// begun, so that the retry of what was kept may go first. Who has asked to cancel it gets that now.
    async fn put_aside(&self, tx: &mut TxScope, aftermath: &mut Aftermath) -> Result<()> {
        let is_canceled = self.cancel_is_requested(tx).await?;
        let finished_at = is_canceled.then(|| self.app.clock().now());
        let status = if is_canceled { JobStatus::Done } else { JobStatus::Held };
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(status))
            .col_expr(job::Column::FinishedAt, Expr::value(finished_at))
            .col_expr(job::Column::Begun, Expr::value(false))
            .col_expr(job::Column::Attempt, Expr::value(0))
            .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            // Should one be engaged, the next claim finds it again.
            .col_expr(job::Column::KillSwitchId, Expr::value(None::<Uuid>))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("putting a run aside")?;
        if is_canceled {
            crate::run::end_canceled_uncounted(tx, &self.run).await?;
            aftermath.run_ended(self.run.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn what_is_usual_is_in_the_middle_of_enough_runs() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![1.0, 2.0]), None);
        assert_eq!(median(vec![300.0, 1.0, 200.0]), Some(200.0));
        assert_eq!(median(vec![300.0, 1.0, 200.0, 100.0]), Some(150.0));
        assert_eq!(median(vec![0.0, 0.0, 9.0, 0.0, 9.0]), Some(0.0));
    }
}
