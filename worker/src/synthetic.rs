//! Carries out the synthetic checks that are due: when, how many at once, and how their leases are kept. What a check is
//! stands in `domain`.

use std::collections::HashMap;
use std::time::Duration;

use domain::background::{Background, ClaimedCheck};
use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
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

/// Checks on their way, each with whose it is: one that panics gives its place back, too.
#[derive(Default)]
struct OnTheirWay {
    tasks: JoinSet<()>,
    tenants: HashMap<Id, Uuid>,
}

impl OnTheirWay {
    fn spawn(&mut self, tenant_id: Uuid, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.tenants.insert(id, tenant_id);
    }

    /// Waits until one has ended; `None` where there is none.
    async fn ended(&mut self) -> Option<()> {
        let id = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a synthetic check panicked");
                error.id()
            }
        };
        self.tenants.remove(&id);
        Some(())
    }

    fn of_tenants(&self) -> HashMap<Uuid, usize> {
        let mut counts = HashMap::new();
        for tenant_id in self.tenants.values() {
            *counts.entry(*tenant_id).or_default() += 1;
        }
        counts
    }
}

/// Carries checks out until `shutdown`. An outage of the database is logged and waited out.
pub(crate) async fn run(background: Background, shutdown: CancellationToken) {
    let database = Outage::new("the database, for synthetic checks,");
    let mut on_their_way = OnTheirWay::default();
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
            Some(()) = on_their_way.ended() => continue,
        }
        let room = AT_ONCE.saturating_sub(on_their_way.tasks.len());
        if room == 0 {
            continue;
        }
        match background.next_synthetic_checks(room, &on_their_way.of_tenants()).await {
            Ok(checks) => {
                database.answered();
                for check in checks {
                    let tenant_id = check.tenant_id();
                    let span = tracing::info_span!(
                        "synthetic check",
                        tenant.id = %tenant_id,
                        integration.id = %check.integration_id(),
                        check.id = %check.id(),
                    );
                    let lease = background.app().lease();
                    on_their_way.spawn(tenant_id, carry_out(check, lease).instrument(span));
                }
            }
            Err(error) => database.failed(&error),
        }
    }
    // What is cut off here is carried out by another worker, after its lease.
    let ended = async { while on_their_way.ended().await.is_some() {} };
    tokio::select! { () = ended => {}, () = sleep(LAST_PATIENCE) => {} }
}

/// One check, with its lease.
async fn carry_out(check: ClaimedCheck, lease: Duration) {
    tokio::select! {
        // What was about to be written may be old by now.
        biased;
        () = lost(&check, lease) => tracing::info!("the synthetic check is another worker's now, or may be"),
        done = check.carry_out() => {
            if let Err(error) = done {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what came of a synthetic check could not be stored; it is carried out once more"
                );
            }
        }
    }
}

/// Keeps the lease, and ends when another worker has it, or may have it: this one was frozen for longer, or the database does
/// not answer.
async fn lost(check: &ClaimedCheck, lease: Duration) {
    let every = lease / RENEWALS_A_LEASE;
    loop {
        sleep(every).await;
        if !check.has_lease() {
            return;
        }
        match timeout(every, check.renew()).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => return,
            // Until the lease ends it is still this worker's.
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease of a synthetic check could not be renewed"
                );
            }
            Err(_elapsed) => tracing::warn!("the lease of a synthetic check was not renewed in time"),
        }
        if !check.has_lease() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests")]

    use std::collections::HashMap;
    use std::future::pending;

    use uuid::Uuid;

    use super::OnTheirWay;

    async fn breaks() {
        panic!("it breaks")
    }

    #[tokio::test]
    async fn one_that_panics_gives_its_place_back() {
        let (tenant, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut on_their_way = OnTheirWay::default();
        on_their_way.spawn(other, pending());
        on_their_way.spawn(tenant, breaks());
        on_their_way.spawn(tenant, async {});
        assert_eq!(on_their_way.of_tenants(), HashMap::from([(tenant, 2), (other, 1)]));
        assert_eq!((on_their_way.ended().await, on_their_way.ended().await), (Some(()), Some(())));
        assert_eq!(on_their_way.of_tenants(), HashMap::from([(other, 1)]));
    }
}
