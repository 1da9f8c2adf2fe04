//! Test records on their way through integrations, and what is stored of it. No run, so that nothing of one is touched: no
//! counts, receipts, cursors or failures. What may be left at a destination is stored before it is written, and removed first
//! by whoever comes next. `claim`: which check is due; `way`: the way itself; `leftover`: what may stay behind. Deliberately
//! absent: when (`worker`), and how one record is written and read back (`pipeline`).

mod claim;
mod leftover;
mod way;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use entity::occasion::OccasionKind;
use entity::synthetic_check::{self, Doubtful, DoubtfulList, Leftover};
use entity::synthetic_result::{self, StageDurationList, SyntheticStatus};
use entity::{integration, system};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use self::leftover::DOUBT_MINUTES;
use self::way::Way;
use super::claim::lease_duration;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::health::status::refresh_in;
use crate::id::new_id;
use crate::occasion::{self, NewOccasion};
use crate::scope::TxScope;
use crate::synthetic_check as checks;

/// When the removal of what could not be removed is tried again, in seconds, where no record is sent before.
const LEFT_SECONDS: i64 = 3_600;

/// A check that this worker carries out, until its lease ends.
pub struct ClaimedCheck {
    app: Arc<App>,
    check: synthetic_check::Model,
    token: Uuid,
    /// By this process' own time, which goes on while it is frozen.
    renewed_at: Mutex<Instant>,
    integration: integration::Model,
    tenant_slug: String,
    destination: system::Model,
    /// A record is sent; else what earlier ones have left is removed, and no more.
    sends: bool,
    started_at: DateTime<Utc>,
}

impl ClaimedCheck {
    /// The row.
    pub fn id(&self) -> Uuid {
        self.check.id
    }

    /// Whose it is.
    pub fn tenant_id(&self) -> Uuid {
        self.check.tenant_id
    }

    /// The integration that it proves.
    pub fn integration_id(&self) -> Uuid {
        self.check.integration_id
    }

    /// Keeps the lease. False when another worker has it.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn renew(&self) -> Result<bool> {
        let asked_at = Instant::now();
        let until = self.app.clock().now() + lease_duration(self.app.lease());
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let renewed = tx
            .update::<synthetic_check::Entity>()
            .col_expr(synthetic_check::Column::LeaseUntil, Expr::value(Some(until)))
            .filter(synthetic_check::Column::Id.eq(self.check.id))
            .filter(synthetic_check::Column::LeaseToken.eq(self.token))
            .exec(tx.connection())
            .await
            .doing("renewing the lease of a synthetic check")?;
        tx.commit().await?;
        if renewed.rows_affected == 0 {
            return Ok(false);
        }
        *self.renewed_at.lock().unwrap_or_else(PoisonError::into_inner) = asked_at;
        Ok(true)
    }

    /// Whether the lease lasts yet, by the time that has gone by: another worker may have the check otherwise, and the way to
    /// the database is too long to find out.
    pub fn has_lease(&self) -> bool {
        self.renewed_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < self.app.lease()
    }

    /// Removes what was left behind, sends the record its way, and stores what came of it. When it is interrupted, whoever
    /// claims the check next removes what it has left.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; the check is claimed again when its lease
    /// ends.
    pub async fn carry_out(&self) -> Result<()> {
        let mut way = Way::default();
        let is_clear = self.clear_up(&mut way).await?;
        if self.sends && is_clear {
            way = Way { durations: way.durations, doubtful: way.doubtful, ..Way::default() };
            if !self.go(&mut way).await? {
                // Another worker has it.
                return Ok(());
            }
        }
        self.store(way).await
    }

    /// Stores what may be at a destination. False when another worker has the check.
    async fn keep(&self, leftover: Option<Leftover>, doubtful: &[Doubtful]) -> Result<bool> {
        use synthetic_check::Column;
        // Should this worker be gone, whoever is next comes when the lease ends, also where no record is sent any more.
        let clear_at = if leftover.is_some() { Some(self.app.clock().now()) } else { sure_at(doubtful) };
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let kept = tx
            .update::<synthetic_check::Entity>()
            .col_expr(Column::Leftover, Expr::value(leftover))
            .col_expr(Column::Doubtful, Expr::value(DoubtfulList(doubtful.to_vec())))
            .col_expr(Column::ClearAt, Expr::value(clear_at))
            .filter(Column::Id.eq(self.check.id))
            .filter(Column::LeaseToken.eq(self.token))
            .exec(tx.connection())
            .await
            .doing("storing what a synthetic check may leave behind")?;
        tx.commit().await?;
        Ok(kept.rows_affected > 0)
    }

    /// Stores what came of it, gives the check back until it is due again, and tells where that has changed.
    async fn store(&self, way: Way) -> Result<()> {
        use synthetic_check::Column;
        let tx = TxScope::begin(&self.app, self.check.tenant_id).await?;
        let now = self.app.clock().now();
        let row = tx
            .find::<synthetic_check::Entity>()
            .filter(Column::Id.eq(self.check.id))
            .filter(Column::LeaseToken.eq(self.token))
            .lock_exclusive()
            .one(tx.connection())
            .await
            .doing("reading a synthetic check")?;
        // Another worker has it.
        let Some(row) = row else { return Ok(()) };
        if row.removed_at.is_some() && checks::is_spent(&row) {
            checks::delete(&tx, row.id).await?;
            return tx.commit().await;
        }
        // What was set meanwhile is something else, of which this says nothing.
        let is_told = self.sends && row.removed_at.is_none() && row.updated_at == self.check.updated_at;
        let failing_since = match way.failed {
            _ if !is_told => row.failing_since,
            None => None,
            Some(_) => row.failing_since.or(Some(now)),
        };
        self.give_back(&tx, &row, is_told, failing_since, now).await?;
        if is_told {
            let code = way.failed.as_ref().map(|(_stage, code)| code.clone());
            self.conclude(&tx, way, now).await?;
            if failing_since.is_some() != row.failing_since.is_some() {
                self.tell(&tx, code).await?;
            }
        }
        tx.commit().await
    }

    /// Ends the lease. What was set or asked for meanwhile stands.
    async fn give_back(
        &self,
        tx: &TxScope,
        row: &synthetic_check::Model,
        is_told: bool,
        failing_since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        use synthetic_check::Column;
        let is_asked_anew = row.next_at != self.check.next_at || row.asked_by != self.check.asked_by;
        let (next_at, asked_by) = if !is_told || is_asked_anew {
            (row.next_at, row.asked_by.clone())
        } else {
            (checks::next_after(row, now), None)
        };
        let later = now + Duration::seconds(LEFT_SECONDS);
        let clear_at = match &row.leftover {
            Some(_) => Some(later),
            None => sure_at(&row.doubtful.0).map(|at| if at > now { at } else { later }),
        };
        tx.update::<synthetic_check::Entity>()
            .col_expr(Column::NextAt, Expr::value(next_at))
            .col_expr(Column::AskedBy, Expr::value(asked_by))
            .col_expr(Column::ClearAt, Expr::value(clear_at))
            .col_expr(Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::FailingSince, Expr::value(failing_since))
            .filter(Column::Id.eq(row.id))
            .exec(tx.connection())
            .await
            .doing("giving a synthetic check back")?;
        Ok(())
    }

    async fn conclude(&self, tx: &TxScope, way: Way, now: DateTime<Utc>) -> Result<()> {
        let status = if way.failed.is_some() { SyntheticStatus::Failed } else { SyntheticStatus::Passed };
        let (stage, code) = way.failed.unzip();
        let asked_by = self.check.asked_by.clone();
        let result = synthetic_result::Model {
            id: new_id(),
            tenant_id: self.check.tenant_id,
            integration_id: self.check.integration_id,
            stream: self.check.stream.clone(),
            status,
            stage,
            code,
            mark: way.mark,
            is_verified: way.is_verified,
            is_removed: way.is_removed,
            durations: StageDurationList(way.durations),
            triggered_by: asked_by.unwrap_or_else(|| "the schedule".to_owned()),
            started_at: self.started_at,
            finished_at: now,
        };
        tx.insert::<synthetic_result::Entity>(result, "storing what came of a synthetic check").await?;
        checks::trim(tx, self.check.integration_id).await
    }

    /// That it fails, by this code, or passes again.
    async fn tell(&self, tx: &TxScope, code: Option<String>) -> Result<()> {
        let kind = match code {
            Some(_) => OccasionKind::SyntheticFailed,
            None => OccasionKind::SyntheticPassed,
        };
        let told = NewOccasion::new(kind).integration(self.check.integration_id).code(code);
        occasion::record(tx, told).await?;
        refresh_in(tx, [self.check.integration_id]).await
    }
}

/// When the first of what may arrive late is removed once more.
fn sure_at(doubtful: &[Doubtful]) -> Option<DateTime<Utc>> {
    doubtful.iter().map(|one| one.removed_at + Duration::minutes(DOUBT_MINUTES)).min()
}
