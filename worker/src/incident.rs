//! Looks for outages that hit many, on every worker and without a leader: `domain` lets one look at a time.

use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How late an outage is found, and its end. Where nothing fails each look costs two small queries.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// Looks until `shutdown`.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for incidents,");
    let mut tick = interval(TICK_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        match background.tick_incidents().await {
            Ok(_under_way) => database.answered(),
            Err(error) => database.failed(&error),
        }
    }
}
