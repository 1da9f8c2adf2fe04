//! What a run sees of its source's fields: learned by the first run, told by those after it, and held for where a stream
//! wants that. Deliberately absent: the look at the records (`pipeline`).

use entity::integration::OnSchemaChange;
use entity::stream_schema::{self, Model as StreamSchema};
use pipeline::{LedgerError, Shape, ShapeChange};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::lease::{RunLease, storage};
use crate::error::{Doing, Result};
use crate::run_event::{self, NewEvent};
use crate::scope::{TxScope, all_set};
use crate::stream_schema::{KNOWN, words};

/// Names of each kind that an event has.
const NAMED_MAX: usize = 50;

impl RunLease {
    /// Stores what a page shows of a stream that was not seen before, and tells it.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when the stream is held for it; what was seen is stored all the same, so that who lets it
    /// go on accepts it.
    pub(super) async fn reshape(&self, stream: &str, seen: &Shape) -> std::result::Result<(), LedgerError> {
        // What several slices learn at once is learned one after the other, and told once.
        let tx = self.fenced_with_run().await.map_err(storage)?.ok_or(LedgerError::LostLease)?;
        let is_held = self.reshape_in(&tx, stream, seen).await.map_err(storage)?;
        tx.commit().await.map_err(storage)?;
        if is_held { Err(LedgerError::Held) } else { Ok(()) }
    }

    async fn reshape_in(&self, tx: &TxScope, stream: &str, seen: &Shape) -> Result<bool> {
        let now = self.app.clock().now();
        let stored = tx
            .find::<stream_schema::Entity>()
            .filter(stream_schema::Column::IntegrationId.eq(self.run.integration_id))
            .filter(stream_schema::Column::Stream.eq(stream))
            .one(tx.connection())
            .await
            .doing("reading the fields of a stream")?;
        let is_learning = stored.as_ref().is_none_or(|row| row.learned_by_run_id == self.run.id);
        let mut shape: Shape = match &stored {
            Some(row) => serde_json::from_value(row.fields.clone()).doing(KNOWN)?,
            None => Shape::default(),
        };
        let Some(change) = shape.learn(seen) else { return Ok(false) };
        let mut row = stored.unwrap_or_else(|| StreamSchema {
            tenant_id: self.run.tenant_id,
            integration_id: self.run.integration_id,
            stream: stream.to_owned(),
            fields: json!({}),
            learned_by_run_id: self.run.id,
            last_change: None,
            changed_by_run_id: None,
            changed_at: None,
            updated_at: now,
        });
        row.fields = serde_json::to_value(&shape).doing(KNOWN)?;
        row.updated_at = now;
        let is_told = !is_learning && !change.is_empty();
        if is_told {
            row.last_change = Some(serde_json::to_value(&change).doing(KNOWN)?);
            row.changed_by_run_id = Some(self.run.id);
            row.changed_at = Some(now);
        }
        store(tx, row).await?;
        if !is_told {
            return Ok(false);
        }
        let what = words(stream, &change);
        run_event::record(tx, self.run.id, vec![event(stream, &what, &change)]).await?;
        let policy = self.integration.streams.0.iter().find(|known| known.name == stream);
        let holds = policy.is_some_and(|stream| stream.on_schema_change == OnSchemaChange::Hold);
        if holds {
            crate::integration::hold_for_schema(tx, &self.run, &what).await?;
        }
        Ok(holds)
    }
}

fn event(stream: &str, what: &str, change: &ShapeChange) -> NewEvent {
    let first = |names: &[String]| names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    NewEvent::new("source.schema_changed", "source", what).attributes(json!({
        "stream": stream,
        "added": first(&change.added),
        "removed": first(&change.removed),
        "changed": change.changed.iter().take(NAMED_MAX).collect::<Vec<_>>(),
        "addedCount": change.added.len(),
        "removedCount": change.removed.len(),
        "changedCount": change.changed.len(),
    }))
}

#[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
async fn store(tx: &TxScope, row: StreamSchema) -> Result<()> {
    use stream_schema::Column;
    stream_schema::Entity::insert(all_set::<stream_schema::Entity>(row))
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::IntegrationId, Column::Stream])
                .update_columns([
                    Column::Fields,
                    Column::LastChange,
                    Column::ChangedByRunId,
                    Column::ChangedAt,
                    Column::UpdatedAt,
                ])
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await
        .doing("storing the fields of a stream")?;
    Ok(())
}
