//! What this worker says of itself, so that somebody notices when no worker claims what is due.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::background::{Background, WORKER_REPORT_SECONDS, WorkerReport};
use domain::id::new_id;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// What the worker is at; clones are of one worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    busy: AtomicU32,
    claimed_at: Mutex<Option<DateTime<Utc>>>,
}

/// A slot that is taken until this is dropped.
pub(crate) struct Busy<'a>(&'a AtomicU32);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    /// Takes a slot.
    pub(crate) fn begin(&self) -> Busy<'_> {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.0.busy)
    }

    /// A job was claimed.
    pub(crate) fn claimed(&self, at: DateTime<Utc>) {
        *self.0.claimed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn claimed_at(&self) -> Option<DateTime<Utc>> {
        *self.0.claimed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports until `shutdown`. An outage of the database is logged and waited out.
pub(crate) async fn run(
    background: Background,
    name: String,
    slots: usize,
    activity: Activity,
    shutdown: CancellationToken,
) {
    let database = Outage::new("the database, for saying that this worker is there,");
    let started_at = background.app().clock().now();
    let id = new_id();
    let slots = u32::try_from(slots).unwrap_or(u32::MAX);
    let mut tick = interval(Duration::from_secs(WORKER_REPORT_SECONDS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let report = WorkerReport {
            id,
            name: name.clone(),
            slots,
            busy: activity.0.busy.load(Ordering::Relaxed),
            started_at,
            claimed_at: activity.claimed_at(),
        };
        match background.report_worker(&report).await {
            Ok(()) => database.answered(),
            Err(error) => database.failed(&error),
        }
    }
}
