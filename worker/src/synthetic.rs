//! Carries out the synthetic checks that are due: when, how many at once, and how their leases are kept. What a check is
//! stands in `domain`.

use std::collections::HashMap;
use std::time::Duration;

use domain::background::{Background, ClaimedCheck};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::outage::Outage;

/// How late a test record is sent at most. Each look costs one indexed query.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Checks of one worker at once. Most of the time they wait.
const AT_ONCE: usize = 8;
/// So often is a lease renewed in its time.
const RENEWALS_A_LEASE: u32 = 3;
/// How long checks may go on at the end of the worker.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Carries checks out until `shutdown`. An outage of the database is logged and waited out.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for synthetic checks,");
    let mut on_their_way = JoinSet::new();
    let mut under_way: HashMap<Uuid, usize> = HashMap::new();
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
            Some(ended) = on_their_way.join_next() => {
                forget(&mut under_way, ended);
                continue;
            }
        }
        let room = AT_ONCE.saturating_sub(on_their_way.len());
        if room == 0 {
            continue;
        }
        match background.next_synthetic_checks(room, &under_way).await {
            Ok(checks) => {
                database.answered();
                for check in checks {
                    *under_way.entry(check.tenant_id()).or_default() += 1;
                    let span = tracing::info_span!(
                        "synthetic check",
                        tenant.id = %check.tenant_id(),
                        integration.id = %check.integration_id(),
                        check.id = %check.id(),
                    );
                    on_their_way.spawn(carry_out(background.clone(), check).instrument(span));
                }
            }
            Err(error) => database.failed(&error),
        }
    }
    // What is cut off here is carried out by another worker, after its lease.
    let ended = async { while on_their_way.join_next().await.is_some() {} };
    tokio::select! { () = ended => {}, () = sleep(LAST_PATIENCE) => {} }
}

fn forget(under_way: &mut HashMap<Uuid, usize>, ended: Result<Uuid, JoinError>) {
    match ended {
        Ok(tenant_id) => {
            if let Some(count) = under_way.get_mut(&tenant_id) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    under_way.remove(&tenant_id);
                }
            }
        }
        // Whose it was is not known: its tenant has a place less until this process ends.
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a synthetic check panicked");
        }
    }
}

/// One check, with its lease. Answers with whose place is free again.
async fn carry_out(background: Background, check: ClaimedCheck) -> Uuid {
    let tenant_id = check.tenant_id();
    tokio::select! {
        done = check.carry_out() => {
            if let Err(error) = done {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what came of a synthetic check could not be stored; it is carried out once more"
                );
            }
        }
        () = lost(&background, &check) => tracing::info!("another worker has the synthetic check now"),
    }
    tenant_id
}

/// Keeps the lease, and ends when another worker has it.
async fn lost(background: &Background, check: &ClaimedCheck) {
    let every = background.app().lease() / RENEWALS_A_LEASE;
    loop {
        sleep(every).await;
        match check.renew().await {
            Ok(true) => {}
            Ok(false) => return,
            // Until the lease ends it is still this worker's.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease of a synthetic check could not be renewed"
                );
            }
        }
    }
}
