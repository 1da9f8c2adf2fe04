//! Having the file of an export, by its link: whoever has the link may, for as long as whoever asked for it might ask again.
//! That is looked at with each piece, so that a download ends, too, when their right to it does.

use std::sync::Arc;

use entity::export::{self, ExportStatus};
use entity::export_chunk;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::packed::{END_BYTES, HEAD, end, inflate};
use super::{creator, scope_of};
use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Call};
use crate::error::{Doing, Error, Result};
use crate::id::Kind;
use crate::identity;
use crate::one_time_token::{self, EXPORT_LINK_START};
use crate::scope::TxScope;
use crate::session::Origin;

/// A file that may be had.
pub struct Download {
    app: Arc<App>,
    row: export::Model,
    /// Whoever asked for it.
    creator: Actor,
    is_packed: bool,
}

/// The file of a link; `None` when it is not good, or not any more. `is_packed`: as gzip.
///
/// # Errors
/// [`Error::Internal`] when the database can't be asked.
pub async fn find(app: &Arc<App>, token: &str, is_packed: bool) -> Result<Option<Download>> {
    let Some((id, secret_hash)) = one_time_token::parse(EXPORT_LINK_START, token) else { return Ok(None) };
    // Who has a link is nobody in particular: the link says whose it is.
    let row = identity::find::<export::Entity>()
        .filter(export::Column::Id.eq(id))
        .filter(export::Column::SecretHash.eq(secret_hash))
        .one(app.across_tenants().writer())
        .await
        .doing("reading an export")?;
    let Some(row) = row.filter(|row| has_file(app, row)) else { return Ok(None) };
    let creator = creator(app, &row).await?;
    Ok(creator.map(|creator| Download { app: app.clone(), row, creator, is_packed }))
}

fn has_file(app: &App, row: &export::Model) -> bool {
    row.status == ExportStatus::Succeeded && row.expires_at.is_some_and(|at| at > app.clock().now())
}

impl Download {
    /// The export.
    pub fn id(&self) -> Uuid {
        self.row.id
    }

    /// The connection that it goes through: `failures`.
    pub fn field(&self) -> &str {
        &self.row.field
    }

    /// Bytes of the file.
    pub fn byte_count(&self) -> u64 {
        if self.is_packed {
            self.row.packed_byte_count.unsigned_abs() + (HEAD.len() + END_BYTES) as u64
        } else {
            self.row.byte_count.unsigned_abs()
        }
    }

    /// Enters in the audit log that the file is had, in the name of whoever asked for it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be used.
    pub async fn record(&self, origin: Origin, request_id: Option<String>) -> Result<()> {
        let call = Call::new(self.creator.clone(), "downloadExport", origin, request_id);
        let work = async {
            let tx = TxScope::begin(&self.app, self.row.tenant_id).await?;
            tx.about(Kind::Export, self.row.id).detail("by its link").commit().await
        };
        audit::record(call, work).await
    }

    /// How many parts the file is had in; each is at most 1 MiB.
    pub fn part_count(&self) -> u32 {
        // With what stands ahead of the pieces and behind them.
        self.row.chunk_count.unsigned_abs() + if self.is_packed { 2 } else { 0 }
    }

    /// One part, from 0.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database can't be asked, or the file may not be had any more.
    pub async fn part(&self, part: u32) -> Result<Vec<u8>> {
        let number = match (self.is_packed, part) {
            (true, 0) => return Ok(HEAD.to_vec()),
            (true, part) if part > self.row.chunk_count.unsigned_abs() => {
                let checksum = u32::try_from(self.row.checksum).doing("reading a checksum")?;
                return Ok(end(checksum, self.row.byte_count.unsigned_abs()).to_vec());
            }
            (true, part) => part - 1,
            (false, part) => part,
        };
        self.check().await?;
        let number = i32::try_from(number).doing("counting pieces")?;
        let chunk = scope_of(&self.app, self.row.tenant_id)
            .find::<export_chunk::Entity>()
            .filter(export_chunk::Column::ExportId.eq(self.row.id))
            .filter(export_chunk::Column::Number.eq(number))
            .one()
            .await?
            .ok_or_else(|| Error::internal("reading a piece of an export", "it is not there"))?;
        let packed = self.app.unseal(chunk.tenant_id, chunk.id, &chunk.sealed_content)?;
        if self.is_packed {
            return Ok(packed);
        }
        inflate(&packed, usize::try_from(chunk.byte_count).doing("unpacking lines")?)
    }

    /// Whether it may still be had.
    async fn check(&self) -> Result<()> {
        let row = scope_of(&self.app, self.row.tenant_id)
            .find::<export::Entity>()
            .filter(export::Column::Id.eq(self.row.id))
            .one()
            .await?;
        let is_good = match row {
            Some(row) if has_file(&self.app, &row) => creator(&self.app, &row).await?.is_some(),
            _ => false,
        };
        if is_good {
            return Ok(());
        }
        Err(Error::internal(
            "giving a file out",
            "it has expired or was taken back, or whoever asked for it may not have it any more",
        ))
    }
}
