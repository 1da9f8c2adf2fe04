//! What a run does when its quality gate closes: the page's records are kept, the integration is held, and the run is put
//! aside until a person has decided. Deliberately absent: the decision (`quarantine`), and what the gate counts
//! (`pipeline`).

use chrono::{DateTime, Utc};
use entity::integration::Stream;
use entity::job::{self, JobStatus};
use entity::quarantine::{self, QuarantineRule, QuarantineStatus};
use entity::run_stream;
use pipeline::{Breach, BreachRule, Gate, GateCounts, GateRules};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use super::lease::RunLease;
use crate::error::{Doing, Result};
use crate::quarantine::words;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// What is done with what a row has counted.
pub(crate) const COUNTED: &str = "reading what a quality gate has counted";

/// A page that was not written.
pub(super) struct ClosedPage<'a> {
    /// Of its quarantine; its failures name it.
    pub(super) id: Uuid,
    pub(super) stream: &'a str,
    pub(super) breach: Breach,
    pub(super) counts: GateCounts,
    /// Records that would have been written.
    pub(super) record_count: usize,
}

/// The gate of a stream, with what earlier attempts of the run have counted.
pub(super) fn gate(stream: &Stream, begun: Option<&run_stream::Model>) -> Result<Gate> {
    let counts = match begun.and_then(|row| row.gate.clone()) {
        Some(counts) => serde_json::from_value(counts).doing(COUNTED)?,
        None => GateCounts::default(),
    };
    let rules = GateRules {
        failed_percent_max: stream.quality.max_failed_percent,
        records_min: u64::try_from(stream.quality.min_records).unwrap_or_default(),
    };
    Ok(Gate::new(rules, counts))
}

impl RunLease {
    /// Stores the quarantine of a page, in the transaction that accounts it, and lets the job go: whoever decides finds
    /// the run put aside, whatever becomes of this worker.
    pub(super) async fn put_in_quarantine(&self, tx: &mut TxScope, page: ClosedPage<'_>) -> Result<()> {
        let ClosedPage { id, stream, breach, counts, record_count } = page;
        let rule = match breach.rule {
            BreachRule::FailedRecords => QuarantineRule::FailedRecords,
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
        crate::integration::hold_for_quality(tx, &self.run, &row).await?;
        self.put_aside(tx).await
    }

    /// Lets go of the job: it waits until somebody lets the integration go on, and then for its turn, as one that has not
    /// begun, so that the retry of what was kept may go first. Who has asked to cancel it gets that now.
    async fn put_aside(&self, tx: &mut TxScope) -> Result<()> {
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
        if is_canceled { crate::run::end_canceled(tx, &self.run).await } else { Ok(()) }
    }
}
