//! Which requests and replies a run keeps: of the first failures of each cause that came of one. They are made fit to be seen
//! before a transaction waits for it, and sealed in it, once for all failures that share one. Deliberately absent: those of
//! calls that went through.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use connector::Captured;
use entity::exchange::{self, Model};
use pipeline::RecordFailure;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::lease::RunLease;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::scope::TxScope;

/// Of one run, at most: enough to see each of its reasons, and two megabytes at worst. Failures beyond these keep the
/// status of the reply. Slices side by side may each keep a page's more.
const KEPT_MAX: usize = 100;
/// Of one cause in one attempt, at most: the next ones say the same, and others are to be seen too.
const OF_GROUP_MAX: usize = 5;

/// Exchanges that are kept, by what they were captured as.
pub(super) type Kept = HashMap<usize, Uuid>;

/// How many of each group an attempt has kept.
#[derive(Default)]
pub(super) struct KeptExchanges(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    by_group: HashMap<Uuid, usize>,
    /// The run has as many as it may.
    is_full: bool,
}

impl KeptExchanges {
    /// Those of these failures that are worth keeping, with their groups.
    fn choose<'a>(
        &self,
        failures: impl IntoIterator<Item = (&'a RecordFailure, Uuid)>,
    ) -> Vec<(Uuid, &'a Captured)> {
        let counts = self.lock();
        if counts.is_full {
            return Vec::new();
        }
        let (mut chosen, mut seen) = (Vec::new(), HashSet::new());
        let mut more: HashMap<Uuid, usize> = HashMap::new();
        for (failed, group_id) in failures {
            let Some(captured) = &failed.exchange else { continue };
            let of_group = more.entry(group_id).or_default();
            let before = counts.by_group.get(&group_id).copied().unwrap_or_default();
            // Failures that share one keep it together.
            if before + *of_group < OF_GROUP_MAX && seen.insert(captured.identity()) {
                *of_group += 1;
                chosen.push((group_id, captured));
                if chosen.len() == KEPT_MAX {
                    break;
                }
            }
        }
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunLease {
    /// Makes those exchanges of these failures fit to be seen that are likely to be kept.
    pub(super) async fn prepare_exchanges(&self, failures: &[RecordFailure], groups: &[Uuid]) -> Result<()> {
        let chosen = self.exchanges.choose(failures.iter().zip(groups.iter().copied()));
        let chosen: Vec<Captured> = chosen.into_iter().map(|(_group, captured)| captured.clone()).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let work = move || {
            for captured in &chosen {
                captured.shown();
            }
        };
        spawn_blocking(work).await.doing("making exchanges fit to be seen")
    }

    /// Stores exchanges of these failures, as long as the run has not enough.
    pub(super) async fn keep_exchanges(
        &self,
        tx: &TxScope,
        failures: &[(RecordFailure, Uuid)],
    ) -> Result<Kept> {
        let mut chosen = self.exchanges.choose(failures.iter().map(|(failed, group_id)| (failed, *group_id)));
        if chosen.is_empty() {
            return Ok(Kept::new());
        }
        let there = tx
            .find::<exchange::Entity>()
            .filter(exchange::Column::RunId.eq(self.run.id))
            .count(tx.connection())
            .await
            .doing("counting the exchanges of a run")?;
        let room = KEPT_MAX.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
        {
            // Of a page that is not stored after all, the few that are left out are no loss.
            let mut counts = self.exchanges.lock();
            counts.is_full = chosen.len() >= room;
            chosen.truncate(room);
            for (group_id, _captured) in &chosen {
                *counts.by_group.entry(*group_id).or_default() += 1;
            }
        }
        keep(tx, self.run.id, chosen.into_iter().map(|(_group, captured)| captured)).await
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
        method: shown.method.clone(),
        status: shown.status.map(i32::from),
        duration_ms: whole(shown.duration_ms),
        request_bytes: whole(shown.request_bytes),
        response_bytes: shown.response_bytes.map(whole),
        sealed_content: app.seal(tenant_id, id, &content)?,
    })
}
