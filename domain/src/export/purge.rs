//! Deletes the content of exports that are over, in small steps, and later what is known of them.

use std::sync::Arc;
use std::time::{Duration as StdDuration, Instant};

use chrono::{DateTime, Duration, Utc};
use entity::export::{self, ExportStatus};
use entity::export_chunk;
use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// For how long it is known that there was an export.
const KEPT_DAYS: i64 = 30;
/// Pieces that one statement deletes: 32 MiB at most.
const CHUNKS_MAX: u64 = 32;
/// For how long one call goes on, because others wait for it: with the minutes between two, gigabytes an hour.
const TURN: StdDuration = StdDuration::from_secs(2);
/// Rows that one statement deletes.
const ROWS_MAX: u64 = 500;

/// Answers with how many rows went.
pub(crate) async fn purge(app: &Arc<App>) -> Result<u64> {
    let now = app.clock().now();
    let mut purged = 0;
    let begun = Instant::now();
    while begun.elapsed() < TURN {
        let Some(row) = next(app, now).await? else { break };
        let deleted = purge_some(app, &row, now).await?;
        purged += deleted;
    }
    Ok(purged + forget(app, now - Duration::days(KEPT_DAYS)).await?)
}

/// An export whose content is to go.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn next(app: &App, now: DateTime<Utc>) -> Result<Option<export::Model>> {
    export::Entity::find()
        .filter(export::Column::PurgedAt.is_null())
        .filter(export::Column::ExpiresAt.lte(now))
        .order_by(export::Column::ExpiresAt, Order::Asc)
        .limit(1)
        .one(app.across_tenants().writer())
        .await
        .doing("looking for exports that are over")
}

/// Deletes some of its pieces; after the last ones it is known to have none.
async fn purge_some(app: &Arc<App>, row: &export::Model, now: DateTime<Utc>) -> Result<u64> {
    let tx = TxScope::begin(app, row.tenant_id).await?;
    let ids: Vec<Uuid> = tx
        .find::<export_chunk::Entity>()
        .select_only()
        .column(export_chunk::Column::Id)
        .filter(export_chunk::Column::ExportId.eq(row.id))
        .limit(CHUNKS_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for pieces of an export")?;
    let is_last = (ids.len() as u64) < CHUNKS_MAX;
    let deleted = tx
        .delete::<export_chunk::Entity>()
        .filter(export_chunk::Column::Id.is_in(ids))
        .exec(tx.connection())
        .await
        .doing("deleting pieces of an export")?;
    if is_last {
        // One that is over stays so.
        let status = match row.status {
            ExportStatus::Succeeded => ExportStatus::Expired,
            status => status,
        };
        tx.update::<export::Entity>()
            .col_expr(export::Column::PurgedAt, Expr::value(Some(now)))
            .col_expr(export::Column::Status, Expr::value(status))
            .filter(export::Column::Id.eq(row.id))
            .exec(tx.connection())
            .await
            .doing("noting that an export has no content")?;
    }
    tx.commit().await?;
    Ok(deleted.rows_affected)
}

/// Deletes what is known of old ones.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn forget(app: &App, before: DateTime<Utc>) -> Result<u64> {
    let connection = app.across_tenants().writer();
    let ids: Vec<Uuid> = export::Entity::find()
        .select_only()
        .column(export::Column::Id)
        .filter(export::Column::PurgedAt.lt(before))
        .limit(ROWS_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("looking for old exports")?;
    let deleted = export::Entity::delete_many()
        .filter(export::Column::Id.is_in(ids))
        .exec(connection)
        .await
        .doing("deleting old exports")?;
    Ok(deleted.rows_affected)
}
