//! What is logged about a tenant is kept for engineers to look at beside a failure: `layer` sees every event, `queue` holds
//! lines until they are stored, here they are. Nobody who logs waits for it, and nothing that goes wrong with it reaches a
//! run; lines that are lost are counted, and the count is logged and kept. Deliberately absent: lines that name no tenant.

mod fields;
mod layer;
mod queue;

use std::time::Duration;

use domain::background::Background;
use domain::log_line::NewLogLine;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

pub use self::layer::{LogLayer, log_layer};
use self::queue::{Line, QUEUE};

/// How long a line waits to be stored, at most: whoever looks at a failure a moment later finds it.
const STORE_INTERVAL: Duration = Duration::from_millis(250);
/// Lines of one statement.
const BATCH_MAX: usize = 500;
/// A database that takes longer is tried again.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts at one batch, a quarter of a second apart at least; then it is given up for those that come after it.
const ATTEMPTS_MAX: u32 = 20;

/// Stores lines until `shutdown`, and then those that are there.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let _taking = QUEUE.taken();
    let mut writer = Writer { background, pending: Vec::new(), attempts: 0, lost: 0 };
    let mut tick = interval(STORE_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = tick.tick() => writer.store_all().await,
        }
    }
    writer.store_all().await;
}

struct Writer {
    background: Background,
    /// Not stored yet.
    pending: Vec<NewLogLine>,
    attempts: u32,
    /// Of batches that were given up.
    lost: u64,
}

impl Writer {
    /// Stores what waits, until nothing does or the database does not take it.
    async fn store_all(&mut self) {
        loop {
            if self.pending.is_empty() {
                let now = self.background.app().clock().now();
                let lines = QUEUE.take(BATCH_MAX).into_iter();
                self.pending = lines.map(|line: Line| line.stored_at(now, Instant::now())).collect();
                self.attempts = 0;
            }
            if self.pending.is_empty() || !self.store().await {
                break;
            }
        }
        let dropped = QUEUE.take_dropped() + std::mem::take(&mut self.lost);
        if dropped > 0 {
            tracing::warn!(
                lines = dropped,
                "log lines about tenants were not kept; they are in this log alone"
            );
        }
    }

    /// Whether the batch is out of the way.
    async fn store(&mut self) -> bool {
        self.attempts += 1;
        let stored = timeout(STORE_TIMEOUT, self.background.store_log_lines(self.pending.clone())).await;
        let error = match stored {
            Ok(Ok(())) => {
                self.pending.clear();
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "the database did not answer in time".to_owned(),
        };
        if self.attempts == 1 {
            tracing::warn!(
                error,
                lines = self.pending.len(),
                "log lines could not be stored; it is tried again"
            );
        }
        if self.attempts < ATTEMPTS_MAX {
            return false;
        }
        self.lost += self.pending.len() as u64;
        self.pending.clear();
        true
    }
}
