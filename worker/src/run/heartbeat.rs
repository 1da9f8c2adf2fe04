//! The heart that beats beside a run: it keeps the lease, and hears when the run is to stop.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use domain::background::{Renewal, RunLease};
use pipeline::Stop;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{Interrupt, Interruption};
use crate::memory::Memory;

/// A person who cancels a run waits for the next one, and not for a third of a long lease: two seconds with all the rest.
const HEARTBEAT_MAX: Duration = Duration::from_millis(1_500);

/// Renews the lease and interrupts the run when it is to stop. Goes on until the run is over.
pub(super) async fn heartbeat(
    lease: Arc<RunLease>,
    lease_duration: Duration,
    interrupt: Interrupt,
    hand_back: Stop,
    memory: Arc<Memory>,
) {
    let every = (lease_duration / 3).min(HEARTBEAT_MAX).max(Duration::from_millis(10));
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed_at = Instant::now();
    loop {
        tokio::select! {
            () = hand_back.after_page.cancelled(), if interrupt.reason().is_none() => {
                interrupt.set(Interruption::HandBack);
                continue;
            }
            () = hand_back.now.cancelled(), if interrupt.reason().is_some() && !interrupt.stop.now.is_cancelled() => {
                interrupt.stop.now.cancel();
                continue;
            }
            _ = tick.tick() => {}
        }
        if let Some(bytes) = memory.resident_bytes() {
            lease.saw_memory(bytes);
        }
        let asked_at = Instant::now();
        // The process was frozen for longer than its lease: what it was about to write may be old by now, and the way to
        // the database is too long to find out.
        if asked_at.duration_since(renewed_at) >= lease_duration {
            interrupt.set(Interruption::Lost);
            return;
        }
        let problem = match timeout(lease_duration / 3, lease.renew()).await {
            Ok(Ok(Renewal::Renewed)) => {
                renewed_at = asked_at;
                continue;
            }
            Ok(Ok(Renewal::CancelRequested)) => {
                renewed_at = asked_at;
                interrupt.set(Interruption::Cancel);
                continue;
            }
            Ok(Ok(Renewal::StopRequested)) => {
                renewed_at = asked_at;
                interrupt.set(Interruption::KillSwitch);
                continue;
            }
            Ok(Ok(Renewal::YieldRequested)) => {
                renewed_at = asked_at;
                interrupt.set(Interruption::Yield);
                continue;
            }
            Ok(Ok(Renewal::HandBackRequested)) => {
                renewed_at = asked_at;
                interrupt.set(Interruption::HandBack);
                continue;
            }
            Ok(Ok(Renewal::Lost)) => {
                interrupt.set(Interruption::Lost);
                return;
            }
            Ok(Err(error)) => format!("{:#}", Chain(&error)),
            Err(_elapsed) => "the database did not answer in time".to_owned(),
        };
        tracing::warn!(error = problem, "a lease could not be renewed; it is tried again until it ends");
        if renewed_at.elapsed() >= lease_duration {
            interrupt.set(Interruption::Lost);
            return;
        }
    }
}

/// An error with its causes.
struct Chain<'a>(&'a dyn Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
