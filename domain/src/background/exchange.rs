//! Which requests and replies a run keeps: of the first failures that came of one. They are made fit to be seen and sealed
//! here, once for all failures that share one. Deliberately absent: those of calls that went through.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use connector::Captured;
use entity::exchange::{self, Model};
use pipeline::RecordFailure;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

use super::lease::RunLease;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::scope::TxScope;

/// Of one run, at most: enough to see each of its reasons, and two megabytes at worst. Failures beyond these keep the
/// status of the reply. Slices side by side may each keep a page's more.
const KEPT_MAX: u64 = 100;

/// Exchanges that are kept, by what they were captured as.
pub(super) type Kept = HashMap<usize, Uuid>;

impl RunLease {
    /// Stores exchanges of these failures, as long as the run has not enough.
    pub(super) async fn keep_exchanges(
        &self,
        tx: &TxScope,
        failures: impl IntoIterator<Item = &RecordFailure>,
    ) -> Result<Kept> {
        if self.has_exchanges.load(Ordering::Relaxed) {
            return Ok(Kept::new());
        }
        let mut captured: Vec<&Captured> =
            failures.into_iter().filter_map(|failed| failed.exchange.as_ref()).collect();
        if captured.is_empty() {
            return Ok(Kept::new());
        }
        captured.dedup_by_key(|one| one.identity());
        let there = tx
            .find::<exchange::Entity>()
            .filter(exchange::Column::RunId.eq(self.run.id))
            .count(tx.connection())
            .await
            .doing("counting the exchanges of a run")?;
        let room = usize::try_from(KEPT_MAX.saturating_sub(there)).unwrap_or(usize::MAX);
        if captured.len() >= room {
            captured.truncate(room);
            // Of a page that is not stored after all, the few that are left out are no loss.
            self.has_exchanges.store(true, Ordering::Relaxed);
        }
        keep(tx, self.run.id, captured).await
    }
}

/// Stores these of a run.
pub(super) async fn keep(
    tx: &TxScope,
    run_id: Uuid,
    captured: impl IntoIterator<Item = &Captured>,
) -> Result<Kept> {
    let mut kept = Kept::new();
    let mut rows = Vec::new();
    for captured in captured {
        if let Entry::Vacant(place) = kept.entry(captured.identity()) {
            let row = row(tx, run_id, captured)?;
            place.insert(row.id);
            rows.push(row);
        }
    }
    tx.insert_many::<exchange::Entity>(rows, "storing exchanges").await?;
    Ok(kept)
}

fn row(tx: &TxScope, run_id: Uuid, captured: &Captured) -> Result<Model> {
    let (app, id, tenant_id) = (tx.app(), new_id(), tx.tenant_id());
    let age = TimeDelta::from_std(captured.age()).unwrap_or_default();
    let shown = captured.shown();
    let content = serde_json::to_vec(&shown.content).doing("writing an exchange as JSON")?;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Model {
        id,
        tenant_id,
        run_id,
        at: app.clock().now() - age,
        method: shown.method,
        status: shown.status.map(i32::from),
        duration_ms: whole(shown.duration_ms),
        request_bytes: whole(shown.request_bytes),
        response_bytes: shown.response_bytes.map(whole),
        sealed_content: app.seal(tenant_id, id, &content)?,
    })
}
