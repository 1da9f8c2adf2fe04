//! Work that nobody asks for by a token: what workers, sweepers and schedules do to rows. The only place that
//! crosses tenants without an actor, a handful of named functions. Deliberately absent: the queue and threads.

mod account;
mod aftermath;
pub(crate) mod batch;
mod candidate;
pub(crate) mod circuit;
mod claim;
mod claimed_stream;
mod completed;
mod dispatch;
mod division;
mod due;
mod ending;
mod escalation;
mod exchange;
mod export;
mod extra;
mod failed;
pub(crate) mod failure_group;
mod gone;
mod health;
mod impact;
mod incident;
mod kill_switch;
mod lease;
mod log_line;
mod mail;
mod metric;
mod notice;
mod page_event;
mod partition;
pub(crate) mod quarantine;
pub(crate) mod receipt;
mod reconciliation;
pub(crate) mod reconnection;
mod record_failure;
pub(crate) mod recovery;
mod retention;
mod schedule;
mod schema;
mod slice;
mod sweep;
mod synthetic;
mod transaction;

use std::sync::Arc;

use crate::app::App;

pub use batch::Batches;
pub use claim::{Claim, ClaimedRun, End};
pub use claimed_stream::ClaimedStream;
pub use completed::CompletedRun;
pub use dispatch::{DispatchState, WORKER_REPORT_SECONDS, WorkerReport};
pub use division::Reading;
pub use ending::{FinishedStream, RunEnd};
pub use export::{ClaimedExport, Stored};
pub use lease::{Renewal, RunLease};
pub use mail::{MAIL_LEASE_SECONDS, MailFailure, OutgoingMail};
pub use notice::{
    Answer, Delivery, DeliveryOutcome, DeliverySlot, DeliverySlots, NOTICE_LEASE_SECONDS, OutgoingNotice,
    UnderWay,
};
pub use retention::Removed;
pub use sweep::{DuePosition, Swept};
pub use synthetic::ClaimedCheck;

/// What background work holds in place of an actor.
#[derive(Clone)]
pub struct Background {
    app: Arc<App>,
}

impl Background {
    /// Of this process.
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Which addresses receivers of notices may be at.
    pub fn egress(&self) -> &connector::Egress {
        &self.app.people().egress
    }

    /// The process-wide parts.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }
}
