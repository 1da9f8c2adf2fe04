//! Carrying exports out, without an actor but for whoever asked: which is next, and what is stored of it. A claim is a
//! conditional update with a token and a lease; each write names the token, so that a process that lost its lease stores
//! nothing more. What is stored and where it goes on are one transaction: after a crash the next claim begins there.

use std::cmp;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::export::{self, ExportFailureCode, ExportStatus};
use entity::export_chunk;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Background;
use super::claim::lease_duration;
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::export::{PIECE_BYTES_MAX, creator, deflate, sum_up};
use crate::id::new_id;
use crate::identity::unique_violation;
use crate::scope::TxScope;

/// How often in a row an export is begun and gets no further before it fails: through some minutes of an outage.
const ATTEMPTS_MAX: i32 = 8;
/// The first wait before it is begun again, in seconds; it doubles.
const FIRST_WAIT_SECONDS: i64 = 2;
/// The longest.
const WAIT_SECONDS_MAX: i64 = 120;
/// Exports that a claim looks at: others claim at the same time.
const LOOKED_AT: u64 = 20;

/// What became of lines that were to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// They are stored, and the export goes on behind them after a crash.
    Stored,
    /// They are not: the file would be larger than one may be.
    TooLarge {
        /// The bound, in bytes of lines.
        bytes_max: u64,
    },
    /// They are not: it was canceled, or another process has it.
    Lost,
}

/// An export that this process carries out.
pub struct ClaimedExport {
    app: Arc<App>,
    row: export::Model,
    token: Uuid,
}

impl Background {
    /// The next export, claimed for this process: the one that waits for longest, one of each tenant at a time.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn claim_export(&self) -> Result<Option<ClaimedExport>> {
        let now = self.app().clock().now();
        for row in self.due_exports(now).await? {
            match self.take_export(row, now).await {
                Ok(None) => {}
                // Another process has just claimed one of this tenant.
                Err(error) if unique_violation(&error).is_some() => {}
                claimed => return claimed,
            }
        }
        Ok(None)
    }

    #[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
    async fn due_exports(&self, now: DateTime<Utc>) -> Result<Vec<export::Model>> {
        use export::Column;
        let busy = Query::select()
            .column(Column::TenantId)
            .from(export::Entity)
            .and_where(Column::Status.eq(ExportStatus::Running))
            .to_owned();
        let waits = Column::Status
            .eq(ExportStatus::Queued)
            .and(Column::AvailableAt.lte(now))
            .and(Column::TenantId.not_in_subquery(busy));
        let is_lost = Column::Status.eq(ExportStatus::Running).and(Column::LeaseUntil.lt(now));
        export::Entity::find()
            .filter(waits.or(is_lost))
            .order_by_asc(Column::AvailableAt)
            .limit(LOOKED_AT)
            .all(self.app().across_tenants().writer())
            .await
            .doing("reading exports that are due")
    }

    async fn take_export(&self, row: export::Model, now: DateTime<Utc>) -> Result<Option<ClaimedExport>> {
        use export::Column;
        let tx = TxScope::begin(self.app(), row.tenant_id).await?;
        let token = new_id();
        let taken = tx
            .update::<export::Entity>()
            .col_expr(Column::Status, Expr::value(ExportStatus::Running))
            .col_expr(Column::LeaseToken, Expr::value(Some(token)))
            .col_expr(Column::LeaseUntil, Expr::value(Some(now + lease_duration(self.app().lease()))))
            .col_expr(Column::Attempt, Expr::value(row.attempt + 1))
            .col_expr(Column::StartedAt, Expr::value(row.started_at.or(Some(now))))
            .filter(Column::Id.eq(row.id))
            .filter(Column::Status.eq(row.status))
            .filter(match row.lease_token {
                Some(token) => Column::LeaseToken.eq(token).and(Column::LeaseUntil.lt(now)),
                None => Column::LeaseToken.is_null(),
            })
            .exec(tx.connection())
            .await
            .doing("claiming an export")?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        tx.commit().await?;
        let row = export::Model { attempt: row.attempt + 1, ..row };
        let claimed = ClaimedExport { app: self.app().clone(), row, token };
        if claimed.row.attempt <= ATTEMPTS_MAX {
            return Ok(Some(claimed));
        }
        let message = "A part that is needed did not answer for long, or a fault on our side kept the export from \
                       getting further. Please ask for it again later.";
        claimed.fail(ExportFailureCode::Unavailable, message).await?;
        Ok(None)
    }
}

impl ClaimedExport {
    /// The row.
    pub fn id(&self) -> Uuid {
        self.row.id
    }

    /// The tenant that it is of.
    pub fn tenant_id(&self) -> Uuid {
        self.row.tenant_id
    }

    /// The document, as it was given.
    pub fn query(&self) -> &str {
        &self.row.query
    }

    /// Its variables.
    pub fn variables(&self) -> Option<&Value> {
        self.row.variables.as_ref()
    }

    /// Where it goes on: behind the object of this cursor.
    pub fn cursor(&self) -> Option<&str> {
        self.row.cursor.as_deref()
    }

    /// Objects that are stored.
    pub fn row_count(&self) -> i64 {
        self.row.row_count
    }

    /// Whoever asked for it, with the rights that they have now; `None` when they may not have it any more. They read the
    /// replica when that has all that was there when they asked.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be asked.
    pub async fn reader(&self) -> Result<Option<Actor>> {
        let creator = creator(&self.app, &self.row).await?;
        Ok(creator.map(|creator| creator.reading_replica_since(self.row.created_at)))
    }

    /// How often the lease is to be renewed.
    pub fn renew_every(&self) -> Duration {
        self.app.lease() / 3
    }

    /// Keeps the lease; false when it was canceled, or another process has it.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn renew(&self) -> Result<bool> {
        let tx = TxScope::begin(&self.app, self.row.tenant_id).await?;
        let until = self.app.clock().now() + lease_duration(self.app.lease());
        let renewed = self
            .update(&tx)
            .col_expr(export::Column::LeaseUntil, Expr::value(Some(until)))
            .exec(tx.connection())
            .await
            .doing("renewing the lease of an export")?;
        tx.commit().await?;
        Ok(renewed.rows_affected > 0)
    }

    /// Stores the lines of so many objects, behind the last of which it goes on after a crash.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; nothing is stored then.
    pub async fn store(&mut self, lines: Vec<u8>, rows: u64, cursor: Option<String>) -> Result<Stored> {
        use export::Column;
        let bytes_max = self.app.exports().bytes_max;
        let mut row = self.row.clone();
        row.byte_count = row.byte_count.saturating_add_unsigned(lines.len() as u64);
        if row.byte_count.unsigned_abs() > bytes_max {
            return Ok(Stored::TooLarge { bytes_max });
        }
        row.row_count = row.row_count.saturating_add_unsigned(rows);
        row.attempt = 0;
        row.cursor = cursor.or(row.cursor);
        let checksum = u32::try_from(row.checksum).doing("reading a checksum")?;
        let packing = move || {
            let pieces = lines.chunks(PIECE_BYTES_MAX).map(|piece| Ok((piece.len(), deflate(piece)?)));
            let pieces = pieces.collect::<Result<Vec<_>>>()?;
            Ok::<_, Error>((sum_up(checksum, &lines), pieces))
        };
        let (checksum, pieces) = spawn_blocking(packing).await.doing("packing lines")??;
        row.checksum = checksum.into();
        let mut chunks = Vec::with_capacity(pieces.len());
        for (byte_count, packed) in pieces {
            row.packed_byte_count = row.packed_byte_count.saturating_add_unsigned(packed.len() as u64);
            let id = new_id();
            chunks.push(export_chunk::Model {
                id,
                tenant_id: row.tenant_id,
                export_id: row.id,
                number: row.chunk_count,
                byte_count: i32::try_from(byte_count).doing("counting a piece")?,
                sealed_content: self.app.seal(row.tenant_id, id, &packed)?,
            });
            row.chunk_count += 1;
        }
        let tx = TxScope::begin(&self.app, row.tenant_id).await?;
        let until = self.app.clock().now() + lease_duration(self.app.lease());
        let stored = self
            .update(&tx)
            .col_expr(Column::LeaseUntil, Expr::value(Some(until)))
            .col_expr(Column::Attempt, Expr::value(row.attempt))
            .col_expr(Column::RowCount, Expr::value(row.row_count))
            .col_expr(Column::ByteCount, Expr::value(row.byte_count))
            .col_expr(Column::PackedByteCount, Expr::value(row.packed_byte_count))
            .col_expr(Column::Checksum, Expr::value(row.checksum))
            .col_expr(Column::ChunkCount, Expr::value(row.chunk_count))
            .col_expr(Column::Cursor, Expr::value(row.cursor.clone()))
            .exec(tx.connection())
            .await
            .doing("storing how far an export is")?;
        if stored.rows_affected == 0 {
            return Ok(Stored::Lost);
        }
        for chunk in chunks {
            tx.insert::<export_chunk::Entity>(chunk, "storing a piece of an export").await?;
        }
        tx.commit().await?;
        self.row = row;
        Ok(Stored::Stored)
    }

    /// Its file is complete. False when it was canceled, or another process has it.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used.
    pub async fn succeed(self) -> Result<bool> {
        let expires_at = self.app.clock().now() + self.app.exports().kept;
        self.end(ExportStatus::Succeeded, expires_at, None).await
    }

    /// It came to nothing, for this reason, in words for whoever asked for it. What was stored is deleted.
    ///
    /// # Errors
    /// As [`succeed`](Self::succeed).
    pub async fn fail(self, code: ExportFailureCode, message: &str) -> Result<bool> {
        let now = self.app.clock().now();
        self.end(ExportStatus::Failed, now, Some((code, message))).await
    }

    async fn end(
        &self,
        status: ExportStatus,
        expires_at: DateTime<Utc>,
        failure: Option<(ExportFailureCode, &str)>,
    ) -> Result<bool> {
        use export::Column;
        let tx = TxScope::begin(&self.app, self.row.tenant_id).await?;
        let (code, message) = failure.unzip();
        let ended = self
            .update(&tx)
            .col_expr(Column::Status, Expr::value(status))
            .col_expr(Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::FailureCode, Expr::value(code))
            .col_expr(Column::FailureMessage, Expr::value(message.map(str::to_owned)))
            .col_expr(Column::FinishedAt, Expr::value(Some(self.app.clock().now())))
            .col_expr(Column::ExpiresAt, Expr::value(Some(expires_at)))
            .exec(tx.connection())
            .await
            .doing("ending an export")?;
        tx.commit().await?;
        Ok(ended.rows_affected > 0)
    }

    /// It goes on later, where it is: something did not answer. The wait doubles while it gets no further.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be used; its lease ends then.
    pub async fn put_off(self) -> Result<()> {
        let doublings = cmp::min(u32::try_from(self.row.attempt - 1).unwrap_or(0), 16);
        let seconds = cmp::min(FIRST_WAIT_SECONDS << doublings, WAIT_SECONDS_MAX);
        self.give_back(self.row.attempt, Duration::from_secs(seconds.unsigned_abs())).await
    }

    /// Another process goes on with it at once: this one ends.
    ///
    /// # Errors
    /// As [`put_off`](Self::put_off).
    pub async fn hand_back(self) -> Result<()> {
        self.give_back(self.row.attempt - 1, Duration::ZERO).await
    }

    async fn give_back(&self, attempt: i32, wait: Duration) -> Result<()> {
        use export::Column;
        let tx = TxScope::begin(&self.app, self.row.tenant_id).await?;
        self.update(&tx)
            .col_expr(Column::Status, Expr::value(ExportStatus::Queued))
            .col_expr(Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::Attempt, Expr::value(cmp::max(attempt, 0)))
            .col_expr(Column::AvailableAt, Expr::value(self.app.clock().now() + wait))
            .exec(tx.connection())
            .await
            .doing("giving an export back")?;
        tx.commit().await
    }

    /// Starts an update of the row, if this process still has it.
    fn update(&self, tx: &TxScope) -> sea_orm::UpdateMany<export::Entity> {
        tx.update::<export::Entity>()
            .filter(export::Column::Id.eq(self.row.id))
            .filter(export::Column::Status.eq(ExportStatus::Running))
            .filter(export::Column::LeaseToken.eq(self.token))
    }
}
