//! Ticks of schedules, on every worker and without a leader: `domain` lets each tick be taken once.

use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How late a scheduled run starts at most. Each tick costs one indexed query.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// Queues scheduled runs as their times come, until `shutdown`.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for schedules,");
    let mut tick = interval(TICK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        match background.tick_schedules().await {
            Ok(queued) => {
                database.answered();
                if queued > 0 {
                    tracing::info!(queued, "scheduled runs were queued");
                }
            }
            Err(error) => database.failed(&error),
        }
    }
}
