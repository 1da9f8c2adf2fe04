//! Escalation: what happens to a group of failures that nobody takes up, step by step, and clocks of what the operator has
//! promised. What changes a group goes on to [`follow`], in its transaction; what only time brings is done in `background`.
//!
//! Deliberately absent: which policy is for which group (`escalation_policy`).

pub(crate) mod clock;
pub(crate) mod course;
pub(crate) mod follow;
mod ladder;
mod read;
mod report;
pub(crate) mod telling;

use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};

pub use self::read::{Escalation, SlaClock, by_groups, clocks_by_groups};
pub use self::report::{REPORT_DAYS_MAX, SlaCounts, report};
pub use entity::sla_clock::{SlaEnd, SlaKind, SlaOutcome};

use crate::failure_group::is_ours;

/// Why a clock of the operator does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlaPause {
    /// The customer acts next.
    WaitingOnCustomer,
    /// The maker of another system does.
    WaitingOnThirdParty,
    /// Somebody wants to hear of it later.
    Snoozed,
}

/// What of a group its escalation goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupState {
    pub(crate) status: FailureGroupStatus,
    pub(crate) party: ResponsibleParty,
}

impl GroupState {
    pub(crate) fn of(group: &failure_group::Model) -> Self {
        Self { status: group.status, party: group.responsible_party }
    }

    /// Nobody has said that they are at it, nor that it can wait.
    pub(crate) fn is_waiting(self) -> bool {
        is_unattended(self.status)
    }

    /// Why the operator's clocks do not run; `None`: they do.
    pub(crate) fn pause(self) -> Option<SlaPause> {
        match self.party {
            _ if self.status == FailureGroupStatus::Snoozed => Some(SlaPause::Snoozed),
            ResponsibleParty::Customer => Some(SlaPause::WaitingOnCustomer),
            ResponsibleParty::ThirdParty => Some(SlaPause::WaitingOnThirdParty),
            ResponsibleParty::Support | ResponsibleParty::Engineering => None,
        }
    }
}

/// Whether a group of this status is over, as far as somebody has to act.
pub(crate) fn is_over(status: FailureGroupStatus) -> bool {
    matches!(status, FailureGroupStatus::Resolved | FailureGroupStatus::Ignored)
}

/// Whether nobody has decided about a group of this status.
pub(crate) fn is_unattended(status: FailureGroupStatus) -> bool {
    !is_over(status) && !matches!(status, FailureGroupStatus::Acknowledged | FailureGroupStatus::Snoozed)
}

/// Whether a change of party is the operator's own affair.
pub(crate) fn is_internal(from: ResponsibleParty, to: ResponsibleParty) -> bool {
    is_ours(from) && is_ours(to)
}
