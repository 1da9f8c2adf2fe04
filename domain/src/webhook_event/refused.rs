//! Counts requests that were not taken. What strangers send must not become as many writes: one is written at once, and
//! what comes within a second after it together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::webhook_endpoint;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// For how long refusals of a system are counted before they are written again.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Refusals that are not written yet, by system.
#[derive(Default)]
pub(super) struct Refused(Mutex<HashMap<Uuid, Counted>>);

#[derive(Default)]
struct Counted {
    count: i64,
    reason: String,
}

impl Refused {
    /// Counts one.
    pub(super) fn count(self: &Arc<Self>, app: &Arc<App>, tenant_id: Uuid, system_id: Uuid, reason: &str) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_writing = waiting.contains_key(&system_id);
        let counted = waiting.entry(system_id).or_default();
        counted.count += 1;
        counted.reason = reason.chars().take(REASON_CHARS_MAX).collect();
        if !is_writing {
            drop(waiting);
            app.tasks().spawn(self.clone().write(app.clone(), tenant_id, system_id));
        }
    }

    /// Writes until a second goes by without any.
    async fn write(self: Arc<Self>, app: Arc<App>, tenant_id: Uuid, system_id: Uuid) {
        while let Some(counted) = self.counted(system_id) {
            if let Err(error) = store(&app, tenant_id, system_id, counted).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, system.id = %system_id, "refused webhook requests could not be counted");
            }
            tokio::time::sleep(WRITE_INTERVAL).await;
        }
    }

    /// What was counted since the last time; nothing of the system is left behind when that is none.
    fn counted(&self, system_id: Uuid) -> Option<Counted> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = waiting.get_mut(&system_id)?;
        if counted.count == 0 {
            waiting.remove(&system_id);
            return None;
        }
        Some(std::mem::take(counted))
    }
}

async fn store(app: &Arc<App>, tenant_id: Uuid, system_id: Uuid, counted: Counted) -> Result<()> {
    let tx = TxScope::begin(app, tenant_id).await?;
    let count = Expr::col(webhook_endpoint::Column::RefusedCount).add(counted.count);
    tx.update::<webhook_endpoint::Entity>()
        .col_expr(webhook_endpoint::Column::RefusedCount, count)
        .col_expr(webhook_endpoint::Column::LastRefusedAt, Expr::value(Some(app.clock().now())))
        .col_expr(webhook_endpoint::Column::LastRefusal, Expr::value(Some(counted.reason)))
        .filter(webhook_endpoint::Column::SystemId.eq(system_id))
        .exec(tx.connection())
        .await
        .doing("counting refused requests")?;
    tx.commit().await
}
