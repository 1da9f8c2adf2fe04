//! Steps of kill switches, on every worker and without a leader.

use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How late running jobs are told to stop, and what waited goes on. Each tick costs one indexed query.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// Stops what is to stop and lets go what is released, until `shutdown`.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for kill switches,");
    let mut tick = interval(TICK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        match background.tick_kill_switches().await {
            Ok(jobs) => {
                database.answered();
                if jobs > 0 {
                    tracing::info!(jobs, "jobs were moved for kill switches");
                }
            }
            Err(error) => database.failed(&error),
        }
    }
}
