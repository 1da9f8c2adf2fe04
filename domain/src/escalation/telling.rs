//! What escalation says: in the history of the group, for staff, and as occasions. Of the operator's clocks and of who of it has
//! a group nothing is told to a tenant.

use chrono::{DateTime, Utc};
use entity::failure::ResponsibleParty;
use entity::failure_group;
use entity::occasion::OccasionKind;
use entity::run_event::Audience;
use entity::sla_clock::{Model as Clock, SlaKind};
use sea_orm::ActiveEnum;

use super::clock::Alarm;
use super::is_internal;
use crate::error::Result;
use crate::failure_group::activity::{Change, NewActivity, store};
use crate::occasion::{self, NewOccasion};
use crate::scope::TxScope;

/// A promised time is or will be over.
pub(crate) async fn alarm(
    tx: &TxScope,
    group: &failure_group::Model,
    clock: &Clock,
    alarm: Alarm,
) -> Result<()> {
    let kind = match alarm {
        Alarm::Warning => OccasionKind::SlaWarning,
        Alarm::Breach => OccasionKind::SlaBreached,
    };
    let told = about(kind, group, group.responsible_party)
        .internal()
        .detail("clock", clock.kind.to_value())
        .detail("targetSeconds", clock.target_ms / 1_000)
        .detail("since", clock.started_at.to_rfc3339())
        .detail("dueAt", clock.due_at.map(|at| at.to_rfc3339()));
    occasion::record(tx, told).await?;
    let what = match clock.kind {
        SlaKind::Response => "an answer",
        SlaKind::Resolution => "the end of it",
    };
    let target = duration(clock.target_ms / 1_000);
    let note = match alarm {
        Alarm::Warning => format!("Most of the time for {what} is used up: {target} are promised."),
        Alarm::Breach => format!("The time for {what} is over: {target} were promised."),
    };
    store(tx, group, NewActivity::noted(Change::Comment, note).for_audience(Audience::Support)).await
}

/// Nobody has taken a group up, the `count`th time: it is told again to whom has it, or to whom has it now.
pub(crate) async fn escalated(
    tx: &TxScope,
    group: &failure_group::Model,
    to: ResponsibleParty,
    since: DateTime<Utc>,
    count: i32,
) -> Result<()> {
    let from = group.responsible_party;
    let now = tx.app().clock().now();
    let is_internal = is_internal(from, to);
    let mut told = about(OccasionKind::Escalated, group, to)
        .detail("since", since.to_rfc3339())
        .detail("waitedSeconds", (now - since).num_seconds().max(0))
        .detail("level", count)
        .detail("isHandedOver", from != to);
    if is_internal {
        told = told.internal();
    }
    occasion::record(tx, told).await?;
    let waited = duration((now - since).num_seconds());
    let note = format!("Nobody has taken it up for {waited}.");
    let change = if from == to { Change::Comment } else { Change::HandOver { from, to } };
    let audience = if is_internal { Audience::Support } else { Audience::Customer };
    store(tx, group, NewActivity::noted(change, note).for_audience(audience)).await
}

fn about(kind: OccasionKind, group: &failure_group::Model, party: ResponsibleParty) -> NewOccasion {
    NewOccasion::new(kind)
        .integration(group.integration_id)
        .group(group.id)
        .code(Some(group.code.clone()))
        .detail("responsibleParty", party.to_value())
        .detail("count", group.failure_count)
}

/// So many seconds in words.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let of = |count: u64, unit: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{plural}")
    };
    match seconds {
        0..120 => of(seconds, "second"),
        120..7_200 => of(seconds / 60, "minute"),
        7_200..172_800 => of(seconds / 3_600, "hour"),
        _ => of(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_in_the_unit_that_people_use() {
        for (seconds, words) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (900, "15 minutes"),
            (14_400, "4 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }
}
