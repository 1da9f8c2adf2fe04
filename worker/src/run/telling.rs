//! What the instruments and the trace of a run say of its attempts.

use domain::background::{Claim, ClaimedRun};
use telemetry::trace::Span;

use super::Ending;

/// What a claim found, as the instruments have it.
pub(super) fn claimed(claim: &domain::Result<Claim>) -> &'static str {
    match claim {
        Ok(Claim::Claimed(_)) => "claimed",
        Ok(Claim::Waiting) => "waiting",
        Ok(Claim::Stale) => "stale",
        Err(_) => "failed",
    }
}

/// What comes of an attempt, as the instruments have it.
pub(super) fn outcome(ending: &Ending) -> &'static str {
    match ending {
        Ending::Finish(_) => "ended",
        Ending::TryAgain { .. } => "tried_again",
        Ending::HandBack | Ending::Yield | Ending::Aside => "handed_back",
        Ending::Divided => "divided",
        Ending::Leave => "lost",
    }
}

/// What whoever looks at the trace of a run wants to know of it.
pub(super) fn tell(span: &Span, run: &ClaimedRun) {
    if !span.is_recorded() {
        return;
    }
    span.set("messaging.system", "trestle");
    span.set("messaging.operation.type", "process");
    span.set("messaging.operation.name", "process");
    span.set("messaging.destination.name", "runs");
    span.set("trestle.tenant.id", run.lease.tenant_id().to_string());
    span.set("trestle.integration.id", run.lease.integration_id().to_string());
    span.set("trestle.run.id", run.lease.run_id().to_string());
    span.set("trestle.run.attempt", i64::from(run.attempt));
    span.set("trestle.run.slice", run.lease.is_slice());
}
