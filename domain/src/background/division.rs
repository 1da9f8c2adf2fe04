//! Streams that are read in slices: which may be, and how a run gives its place to the jobs of its slices. Deliberately
//! absent: how a source is cut (`connector`), and how a slice ends (`slice`).

use chrono::{DateTime, Utc};
use connector::{Cursor, Division, Part};
use entity::integration::Stream;
use entity::job::{self, JobKind, JobStatus};
use entity::run::{self, RunScope};
use entity::run_event::Audience;
use entity::run_slice::{self, SliceStatus};
use entity::run_stream;
use pipeline::LedgerError;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use super::lease::{RunLease, storage};
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::job as jobs;
use crate::run_event::{self, NewEvent};
use crate::scope::TxScope;

/// What a claimed job reads of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// All of it; it may be divided, if its ends allow it.
    Divisible,
    /// All of it, by this worker.
    Whole,
    /// A part, beside other workers.
    Part(Part),
    /// Nothing: its slices have read all of it.
    Done {
        /// Where the next run begins.
        watermark: Option<Cursor>,
    },
}

/// Whether records of a stream may be read in any order, several at once, from its beginning to its end. `docs/adr/0046`
/// has each reason.
pub(super) fn is_divisible(
    run: &run::Model,
    stream: &Stream,
    since: Option<&Cursor>,
    from: Option<&Cursor>,
) -> bool {
    let reads_the_source = run.scope == RunScope::AllRecords
        && run.backfill_id.is_none()
        && run.reconciliation_id.is_none()
        && since.is_none()
        && from.is_none();
    let quality = &stream.quality;
    // A slice knows the values and the number of records of no other.
    let is_checked_alone = quality.unique.is_empty()
        && quality.table_references.iter().all(|reference| !is_own_table(&reference.table, stream))
        && quality.volume.is_none_or(|volume| volume.max_percent.is_none());
    reads_the_source && is_checked_alone
}

/// Whether a table may be the one that the stream writes: in another schema it may have the same name.
fn is_own_table(table: &str, stream: &Stream) -> bool {
    let name = |table: &str| table.rsplit('.').next().unwrap_or(table).to_lowercase();
    let own = stream.destination.get("table").and_then(Value::as_str);
    own.is_some_and(|own| name(own) == name(table))
}

impl RunLease {
    /// Gives the place of the run to the jobs of its slices: no worker waits for them. False when it is to stop, and
    /// nothing was written.
    ///
    /// # Errors
    /// [`LedgerError::LostLease`], or storage.
    pub async fn divide(
        &self,
        stream: &str,
        division: &Division,
        fresh: bool,
    ) -> std::result::Result<bool, LedgerError> {
        let mut tx = self.fenced().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let is_divided = self.divide_in(&mut tx, stream, division, fresh).await.map_err(storage)?;
        if is_divided {
            self.commit_measured(tx).await.map_err(storage)?;
        }
        Ok(is_divided)
    }

    async fn divide_in(
        &self,
        tx: &mut TxScope,
        stream: &str,
        division: &Division,
        fresh: bool,
    ) -> Result<bool> {
        let own = self.job(tx).await?.ok_or_else(|| Error::internal("reading a job", "it is not there"))?;
        if own.cancel_requested || own.kill_switch_id.is_some() {
            return Ok(false);
        }
        let now = self.app.clock().now();
        let rows: Vec<run_slice::Model> = (1..)
            .zip(&division.parts)
            .map(|(ordinal, part)| self.slice(stream, ordinal, part, fresh, now))
            .collect();
        let slice_jobs: Vec<job::Model> = rows
            .iter()
            .map(|slice| job::Model {
                id: new_id(),
                kind: JobKind::Slice,
                slice_id: Some(slice.id),
                status: JobStatus::Queued,
                attempt: 0,
                available_at: now,
                wait_code: None,
                lease_until: None,
                lease_token: None,
                worker: None,
                // The run has, and its own job says so.
                begun: false,
                push_at: jobs::push_again_at(now),
                last_error: None,
                created_at: now,
                finished_at: None,
                ..own.clone()
            })
            .collect();
        for job in &slice_jobs {
            tx.push_after_commit(jobs::hint(job));
        }
        tx.insert_many::<run_slice::Entity>(rows, "storing slices").await?;
        tx.insert_many::<job::Entity>(slice_jobs, "storing the jobs of slices").await?;
        tx.update::<run_stream::Entity>()
            .col_expr(run_stream::Column::Watermark, Expr::value(division.watermark.clone()))
            .col_expr(run_stream::Column::UpdatedAt, Expr::value(now))
            .filter(run_stream::Column::RunId.eq(self.run.id))
            .filter(run_stream::Column::Stream.eq(stream))
            .exec(tx.connection())
            .await
            .doing("storing where the next run of a divided stream begins")?;
        tx.update::<job::Entity>()
            .col_expr(job::Column::Status, Expr::value(JobStatus::Divided))
            .col_expr(job::Column::Attempt, Expr::value(0))
            .col_expr(job::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(job::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(job::Column::Id.eq(self.job_id))
            .exec(tx.connection())
            .await
            .doing("giving the place of a run to its slices")?;
        let count = division.parts.len();
        let event = NewEvent::new(
            "stream.divided",
            "worker",
            format!("{stream} is read in {count} slices, by as many workers as are free."),
        )
        .audience(Audience::Support)
        .attributes(json!({ "stream": stream, "slices": count }));
        run_event::record(tx, self.run.id, vec![event]).await?;
        tx.tell_under_way(crate::run::changed(&self.run));
        Ok(true)
    }

    fn slice(
        &self,
        stream: &str,
        ordinal: i32,
        part: &Part,
        fresh: bool,
        now: DateTime<Utc>,
    ) -> run_slice::Model {
        run_slice::Model {
            id: new_id(),
            tenant_id: self.run.tenant_id,
            run_id: self.run.id,
            stream: stream.to_owned(),
            ordinal,
            part: part.clone(),
            fresh,
            status: SliceStatus::Open,
            checkpoint: None,
            gate: None,
            page_count: 0,
            read_count: 0,
            created_count: 0,
            updated_count: 0,
            unchanged_count: 0,
            skipped_count: 0,
            failed_count: 0,
            failure: None,
            created_at: now,
            started_at: None,
            finished_at: None,
        }
    }
}
