//! The sweep that every worker does every few seconds, without a leader: runs of lost workers go on, and the queue is
//! told what it does not know, of jobs and of tenants' own caps. What a sweep is stands in `domain`; here is when, and
//! the push.

use std::error::Error;
use std::time::Duration;

use domain::background::{Background, Swept};
use domain::dispatch::Dispatch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::outage::Outage;
use crate::queue::Queue;

/// How long a lost hint stays unnoticed at most, beside the time after which `domain` takes it for lost. Each sweep
/// costs a few indexed queries.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3);
/// Sweeps that follow each other at once while they find full batches.
const SWEEPS_IN_A_ROW_MAX: u32 = 10;
/// With so many hints from one sweep there are likely more; `domain` answers with no more than 500.
const FULL_BATCH: usize = 500;
/// Longest wait for the queue; what was not pushed is pushed by a later sweep.
const PUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// How often rows that nobody looks at any more are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);
/// How often it is seen to that there are partitions for the months to come: often enough that a month of failures is seven
/// hundred of them.
const PARTITION_INTERVAL: Duration = Duration::from_secs(3_600);
/// How often what has been kept long enough is deleted, for two seconds at most.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);

/// Sweeps until `shutdown`. An outage of database or queue is logged and waited out.
pub(crate) async fn run(background: Background, queue: Queue, shutdown: CancellationToken) {
    let mut sweeper = Sweeper {
        background,
        queue,
        swept: Swept::default(),
        groups_after: Uuid::nil(),
        database: Outage::new("the database, for sweeping,"),
        pushes: Outage::new("the queue, for sweeping,"),
    };
    let mut sweep = interval(SWEEP_INTERVAL);
    let mut purge = interval(PURGE_INTERVAL);
    let mut partition = interval(PARTITION_INTERVAL);
    let mut retention = interval(RETENTION_INTERVAL);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    purge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    partition.set_missed_tick_behavior(MissedTickBehavior::Delay);
    retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = sweep.tick() => {
                sweeper.sweep_all(&shutdown).await;
                sweeper.sweep_groups().await;
            }
            _ = purge.tick() => sweeper.purge().await,
            _ = partition.tick() => sweeper.tend_partitions().await,
            _ = retention.tick() => sweeper.retain().await,
        }
    }
}

struct Sweeper {
    background: Background,
    queue: Queue,
    /// By the last sweep.
    swept: Swept,
    /// The last group of failures that was looked at.
    groups_after: Uuid,
    database: Outage,
    pushes: Outage,
}

impl Sweeper {
    async fn sweep_all(&mut self, shutdown: &CancellationToken) {
        for _ in 0..SWEEPS_IN_A_ROW_MAX {
            if !self.sweep().await || shutdown.is_cancelled() {
                return;
            }
        }
    }

    /// Whether there is more to sweep.
    async fn sweep(&mut self) -> bool {
        let (swept, hints) = match self.background.sweep(self.swept).await {
            Ok(swept) => swept,
            Err(error) => {
                self.database.failed(&error);
                return false;
            }
        };
        self.database.answered();
        self.swept = swept;
        self.tell_caps().await;
        if swept.taken_over > 0 || swept.given_up > 0 || swept.released > 0 {
            let dealt_with = swept.taken_over + swept.given_up;
            telemetry::instruments().leases_taken_over.add(&[], dealt_with);
            tracing::info!(
                taken_over = swept.taken_over,
                given_up = swept.given_up,
                released = swept.released,
                "runs of lost workers were dealt with"
            );
        }
        if hints.is_empty() {
            return false;
        }
        match timeout(PUSH_TIMEOUT, self.queue.push(&hints)).await {
            Ok(Ok(())) => {
                self.pushes.answered();
                tracing::debug!(hints = hints.len(), "due jobs were pushed");
                hints.len() >= FULL_BATCH
            }
            Ok(Err(error)) => {
                self.pushes.failed(&error);
                false
            }
            Err(elapsed) => {
                self.pushes.failed(&elapsed);
                false
            }
        }
    }

    /// Groups of failures that are over, or whose snooze is.
    async fn sweep_groups(&mut self) {
        match self.background.sweep_groups(self.groups_after).await {
            Ok((changed, next)) => {
                self.database.answered();
                self.groups_after = next;
                if changed > 0 {
                    tracing::debug!(changed, "the status of groups of failures followed the time");
                }
            }
            Err(error) => self.database.failed(&error),
        }
    }

    /// What of tenants' own caps the queue was not told, or has forgotten.
    async fn tell_caps(&self) {
        if matches!(self.queue, Queue::Table(_)) {
            return;
        }
        let caps = match self.background.tenant_caps().await {
            Ok(caps) => caps,
            Err(error) => return self.database.failed(&error),
        };
        match timeout(PUSH_TIMEOUT, self.queue.know_tenant_caps(&caps)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.pushes.failed(&error),
            Err(elapsed) => self.pushes.failed(&elapsed),
        }
    }

    /// When none can be made somebody must act, for in two months nothing could be written any more.
    async fn tend_partitions(&self) {
        if let Err(error) = self.background.make_partitions().await {
            tracing::error!(
                error = &error as &dyn Error,
                "partitions for the months to come could not be made; it is tried again in an hour"
            );
        }
        if let Err(error) = self.background.drop_partitions().await {
            // It costs time and no promise: their rows go all the same.
            tracing::warn!(
                error = &error as &dyn Error,
                "old partitions could not be dropped; their rows are deleted in small steps"
            );
        }
    }

    async fn purge(&self) {
        match self.background.purge().await {
            Ok(purged) => {
                self.database.answered();
                tracing::debug!(purged, "rows that nobody looks at any more were deleted");
            }
            Err(error) => self.database.failed(&error),
        }
    }

    /// Deletes what has been kept long enough.
    async fn retain(&self) {
        let removed = match self.background.retain().await {
            Ok(removed) => removed,
            Err(error) => return self.database.failed(&error),
        };
        self.database.answered();
        for (kind, rows) in removed.by_kind() {
            telemetry::instruments().retention_rows.add(&[kind], rows);
        }
        if removed.by_kind().iter().any(|(_kind, rows)| *rows > 0) {
            tracing::info!(
                runs = removed.runs,
                failures = removed.failures,
                records = removed.records,
                log_lines = removed.log_lines,
                is_more = removed.is_more,
                "what had been kept long enough was deleted"
            );
        }
    }
}
