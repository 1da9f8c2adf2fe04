//! Which status follows from what is seen of a group, apart from what people decide.

use chrono::{DateTime, Duration, Utc};
use entity::failure_group::{FailureGroupStatus as Status, Model};

/// How long a group is new, unless somebody has looked at it.
const NEW_HOURS: i64 = 24;
/// An hour is much more than what was there only with so many failures.
const ESCALATING_MIN: i64 = 20;
/// And with so many times the busiest hour of the last week.
const ESCALATING_TIMES: i64 = 3;
/// What is escalating does so for this long at least.
const ESCALATING_HOURS: i64 = 1;
/// Hours that are looked back at, to tell how many failures are usual.
pub(crate) const BUSIEST_OF_DAYS: i64 = 7;

/// How many failures an hour may have, after a busiest one with so many.
pub(crate) fn hour_limit(busiest: i64) -> i64 {
    busiest.saturating_mul(ESCALATING_TIMES).max(ESCALATING_MIN)
}

/// After failures were counted in the group; `None`: it stays as it is.
pub(crate) fn after_failures(group: &Model, now: DateTime<Utc>) -> Option<Status> {
    match group.status {
        Status::Resolved => Some(Status::Regressed),
        Status::Snoozed if is_awake(group, now) => Some(Status::Ongoing),
        Status::Ongoing | Status::Regressed if is_over_limit(group) => Some(Status::Escalating),
        _ => None,
    }
}

/// After a failure on which more depends than on any before it; `None`: it stays as it is. What can wait is not what it was,
/// and whoever is at it sees it.
pub(crate) fn after_rise(group: &Model) -> Option<Status> {
    match group.status {
        Status::New | Status::Ongoing | Status::Escalating | Status::Snoozed | Status::Regressed => {
            Some(Status::Escalating)
        }
        Status::Acknowledged | Status::Resolved | Status::Ignored => None,
    }
}

/// As time goes by; `is_over`: none of its failures is open, and none has come for the quiet time.
pub(crate) fn after_time(group: &Model, is_over: bool, now: DateTime<Utc>) -> Option<Status> {
    let is_older = |since: DateTime<Utc>, hours| now - since >= Duration::hours(hours);
    match group.status {
        Status::Resolved | Status::Ignored => None,
        _ if is_over => Some(Status::Resolved),
        Status::New if is_older(group.first_seen_at, NEW_HOURS) => Some(Status::Ongoing),
        Status::Escalating
            if is_older(group.status_at, ESCALATING_HOURS)
                && (!is_over_limit(group) || is_older(group.hour_at, 1 + ESCALATING_HOURS)) =>
        {
            Some(Status::Ongoing)
        }
        // What else ends a snooze comes with failures.
        Status::Snoozed if is_time(group, now) => Some(Status::Ongoing),
        _ => None,
    }
}

fn is_over_limit(group: &Model) -> bool {
    group.hour_limit > 0 && group.hour_count > group.hour_limit
}

fn is_time(group: &Model, now: DateTime<Utc>) -> bool {
    group.snoozed_until.is_some_and(|until| until <= now)
}

/// Whether what it was snoozed until has come, now that there were failures.
fn is_awake(group: &Model, now: DateTime<Utc>) -> bool {
    is_time(group, now)
        || group.snoozed_until_count.is_some_and(|count| group.failure_count >= count)
        || group.snoozed_until_hour_count.is_some_and(|count| group.hour_count >= count)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::failure::{FailureCategory, FailureStage, Impact, ResponsibleParty};
    use entity::failure_group::{FailureGroupStatus as Status, Model};
    use uuid::Uuid;

    use super::{after_failures, after_rise, after_time, hour_limit};

    fn group(status: Status) -> Model {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        Model {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            integration_id: Uuid::nil(),
            stream: "orders".to_owned(),
            code: "destination.rejected".to_owned(),
            fingerprint: String::new(),
            category: FailureCategory::UnsupportedData,
            stage: FailureStage::Load,
            field_path: None,
            rule: None,
            reason: None,
            status,
            responsible_party: ResponsibleParty::Customer,
            first_seen_at: at,
            last_seen_at: at,
            failure_count: 100,
            run_count: 1,
            last_run_id: None,
            hour_at: at,
            hour_count: 50,
            hour_limit: 20,
            snoozed_until: None,
            snoozed_until_count: None,
            snoozed_until_hour_count: None,
            status_at: at,
            resolved_at: None,
            merged_into_id: None,
            impact: Impact::Medium,
            urgency: 0,
            value_at_stake: None,
            assignee_id: None,
        }
    }

    fn later(hours: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + Duration::hours(hours)
    }

    #[test]
    fn what_was_over_is_back_and_what_grows_escalates() {
        assert_eq!(after_failures(&group(Status::Resolved), later(0)), Some(Status::Regressed));
        assert_eq!(after_failures(&group(Status::Ongoing), later(0)), Some(Status::Escalating));
        let few = Model { hour_count: 20, ..group(Status::Ongoing) };
        assert_eq!(after_failures(&few, later(0)), None);
        let young = Model { hour_limit: 0, ..group(Status::Ongoing) };
        assert_eq!(after_failures(&young, later(0)), None);
        for status in [Status::New, Status::Acknowledged, Status::Ignored, Status::Escalating] {
            assert_eq!(after_failures(&group(status), later(0)), None, "{status:?}");
        }
        assert_eq!((hour_limit(0), hour_limit(6), hour_limit(7)), (20, 20, 21));
    }

    #[test]
    fn what_matters_more_than_before_escalates_unless_somebody_is_at_it() {
        for status in [Status::New, Status::Ongoing, Status::Escalating, Status::Snoozed, Status::Regressed] {
            assert_eq!(after_rise(&group(status)), Some(Status::Escalating), "{status:?}");
        }
        for status in [Status::Acknowledged, Status::Resolved, Status::Ignored] {
            assert_eq!(after_rise(&group(status)), None, "{status:?}");
        }
    }

    #[test]
    fn a_snooze_ends_by_time_by_count_and_by_rate() {
        let snoozed = || group(Status::Snoozed);
        assert_eq!(after_failures(&snoozed(), later(999)), None);
        let by_time = Model { snoozed_until: Some(later(2)), ..snoozed() };
        assert_eq!(after_time(&by_time, false, later(1)), None);
        assert_eq!(after_time(&by_time, false, later(2)), Some(Status::Ongoing));
        let by_count = Model { snoozed_until_count: Some(101), ..snoozed() };
        assert_eq!(after_failures(&by_count, later(0)), None);
        let reached = Model { failure_count: 101, ..by_count };
        assert_eq!(after_failures(&reached, later(0)), Some(Status::Ongoing));
        let by_rate = Model { snoozed_until_hour_count: Some(50), ..snoozed() };
        assert_eq!(after_failures(&by_rate, later(0)), Some(Status::Ongoing));
        // The hour that somebody has just seen says nothing new, nor does a number that was reached before.
        for seen in [by_rate, Model { snoozed_until_count: Some(100), ..snoozed() }] {
            assert_eq!(after_time(&seen, false, later(999)), None, "{seen:?}");
        }
    }

    #[test]
    fn time_makes_old_of_new_and_ends_what_is_over() {
        assert_eq!(after_time(&group(Status::New), false, later(23)), None);
        assert_eq!(after_time(&group(Status::New), false, later(24)), Some(Status::Ongoing));
        for status in [Status::New, Status::Ongoing, Status::Acknowledged, Status::Snoozed, Status::Regressed]
        {
            assert_eq!(after_time(&group(status), true, later(0)), Some(Status::Resolved), "{status:?}");
        }
        assert_eq!(after_time(&group(Status::Ignored), true, later(0)), None);
        let escalating = group(Status::Escalating);
        assert_eq!(after_time(&escalating, false, later(1)), None);
        assert_eq!(after_time(&escalating, false, later(2)), Some(Status::Ongoing));
        let fewer = Model { hour_count: 3, ..escalating };
        assert_eq!(after_time(&fewer, false, later(1)), Some(Status::Ongoing));
    }
}
