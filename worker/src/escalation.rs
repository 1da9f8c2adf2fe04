//! Looks at groups of failures that nobody takes up, on every worker and without a leader: `domain` lets each be looked at by
//! one at a time.

use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How late a step or the end of a promised time is told. Each tick costs one indexed query.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// How often groups are looked for that an earlier program made.
const ADOPT_INTERVAL: Duration = Duration::from_secs(60);
/// Ticks that follow each other at once while they find full batches.
const TICKS_IN_A_ROW_MAX: u32 = 10;

/// Looks until `shutdown`.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for escalation,");
    let (mut tick, mut adopt) = (interval(TICK_INTERVAL), interval(ADOPT_INTERVAL));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    adopt.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            // First what gives groups their policies.
            biased;
            () = shutdown.cancelled() => return,
            _ = adopt.tick() => background.adopt_into_escalation().await,
            _ = tick.tick() => look(&background, &shutdown).await,
        };
        match done {
            Ok(groups) => {
                database.answered();
                if groups > 0 {
                    tracing::debug!(groups, "groups of failures that nobody takes up were looked at");
                }
            }
            Err(error) => database.failed(&error),
        }
    }
}

async fn look(background: &Background, shutdown: &CancellationToken) -> domain::Result<u64> {
    let mut looked_at = 0;
    for _ in 0..TICKS_IN_A_ROW_MAX {
        let (groups, is_full) = background.tick_escalations().await?;
        looked_at += groups;
        if !is_full || shutdown.is_cancelled() {
            break;
        }
    }
    Ok(looked_at)
}
