//! Refills a queue that has forgotten everything, as a wiped or new Redis has. One worker does it, whoever notices first.
//! Hints that were lost one by one are the sweep's.

use std::error::Error;
use std::time::Duration;

use domain::background::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;
use crate::queue::{Queue, RedisQueue};

/// How long a wiped Redis stays unnoticed at most. Each look is one command.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Looks until `shutdown`, and refills where it is needed. A queue that is the job table forgets nothing.
pub(crate) async fn run(background: Background, queue: Queue, shutdown: CancellationToken) {
    let Queue::Redis(queue) = queue else { return shutdown.cancelled().await };
    let outage = Outage::new("the queue or the database, for refilling,");
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = look.tick() => {}
        }
        let refilled = tokio::select! {
            () = shutdown.cancelled() => return,
            refilled = refill(&background, &queue) => refilled,
        };
        match refilled {
            Ok(None) => outage.answered(),
            Ok(Some(jobs)) => {
                outage.answered();
                tracing::info!(jobs, "Redis knew nothing of the queue, and was told all that is due");
            }
            Err(error) => outage.failed(error.as_ref()),
        }
    }
}

/// How many jobs were pushed; `None` where nothing was to be done, or it was wiped again meanwhile.
async fn refill(
    background: &Background,
    queue: &RedisQueue,
) -> Result<Option<usize>, Box<dyn Error + Send + Sync>> {
    if !queue.begin_refill().await? {
        return Ok(None);
    }
    let (mut jobs, mut position) = (0, None);
    loop {
        let (hints, last) = background.all_due(position).await?;
        if hints.is_empty() {
            return Ok(queue.refilling(false).await?.then_some(jobs));
        }
        queue.push(&hints).await?;
        jobs += hints.len();
        position = last;
        if !queue.refilling(true).await? {
            return Ok(None);
        }
    }
}
