//! Looks at how integrations are, on every worker and without a leader: `domain` lets each be taken by one at a time.

use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How late somebody hears that an integration is late. Each tick costs one indexed query.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// How often integrations are looked for that an earlier program made, which tells nobody.
const ADOPT_INTERVAL: Duration = Duration::from_secs(60);
/// Ticks that follow each other at once while they find full batches.
const TICKS_IN_A_ROW_MAX: u32 = 10;

/// Looks until `shutdown`.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for health,");
    let (mut tick, mut adopt) = (interval(TICK_INTERVAL), interval(ADOPT_INTERVAL));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    adopt.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let done = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => look(&background, &shutdown).await,
            _ = adopt.tick() => background.adopt_into_health().await,
        };
        match done {
            Ok(integrations) => {
                database.answered();
                if integrations > 0 {
                    tracing::debug!(integrations, "integrations were looked at");
                }
            }
            Err(error) => database.failed(&error),
        }
    }
}

async fn look(background: &Background, shutdown: &CancellationToken) -> domain::Result<u64> {
    let mut looked_at = 0;
    for _ in 0..TICKS_IN_A_ROW_MAX {
        let (integrations, is_full) = background.tick_health().await?;
        looked_at += integrations;
        if !is_full || shutdown.is_cancelled() {
            break;
        }
    }
    Ok(looked_at)
}
