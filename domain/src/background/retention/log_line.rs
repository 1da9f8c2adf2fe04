//! Lines of the log that have been kept long enough. Nothing refers to them.

use chrono::{DateTime, Utc};
use entity::log_line::{Column, Entity};
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::Step;
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// Lines that one step deletes: writers wait for it on SQLite.
const ROWS_MAX: u64 = 2_000;

pub(super) async fn step(tx: &TxScope, before: DateTime<Utc>) -> Result<Step> {
    let ids: Vec<Uuid> = tx
        .find::<Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::At.lt(before))
        .order_by(Column::At, Order::Asc)
        .limit(ROWS_MAX)
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("looking for old log lines")?;
    let is_over = (ids.len() as u64) < ROWS_MAX;
    if ids.is_empty() {
        return Ok(Step { removed: 0, until: None, is_over });
    }
    let deleted = tx
        .delete::<Entity>()
        .filter(Column::At.lt(before))
        .filter(Column::Id.is_in(ids))
        .exec(tx.connection())
        .await
        .doing("deleting old log lines")?;
    Ok(Step { removed: deleted.rows_affected, until: None, is_over })
}
