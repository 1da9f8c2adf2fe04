//! Clocks that run and pause: how much of the promised time is used, when it is up, and what came of it. Pure: the times are
//! given.

use chrono::{DateTime, Duration, Utc};
use entity::sla_clock::{Model as Clock, SlaEnd, SlaOutcome};

/// What a look at a clock brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Most of the time is used.
    Warning,
    /// All of it is.
    Breach,
}

/// How much of the time is used.
pub(crate) fn spent_ms(clock: &Clock, now: DateTime<Utc>) -> i64 {
    // A clock that was set back gives nothing back.
    let running = clock.running_since.map_or(0, |since| (now - since).num_milliseconds().max(0));
    clock.spent_ms.saturating_add(running)
}

/// When so much is used, if it goes on running.
fn reached_at(clock: &Clock, ms: i64) -> Option<DateTime<Utc>> {
    Some(clock.running_since? + Duration::milliseconds(ms.saturating_sub(clock.spent_ms)))
}

/// Lets it run, or pauses it.
pub(crate) fn run(clock: &mut Clock, is_running: bool, now: DateTime<Utc>) {
    if clock.ended_at.is_some() {
        return;
    }
    match (clock.running_since, is_running) {
        (None, true) => clock.running_since = Some(now),
        (Some(_), false) => {
            clock.spent_ms = spent_ms(clock, now);
            clock.running_since = None;
        }
        _ => {}
    }
    clock.due_at = reached_at(clock, clock.target_ms);
}

/// Looks whether somebody is to be warned or the time is up; each is said once.
pub(crate) fn judge(clock: &mut Clock, now: DateTime<Utc>) -> Option<Alarm> {
    if clock.outcome.is_some() || clock.running_since.is_none() {
        return None;
    }
    let spent = spent_ms(clock, now);
    if spent >= clock.target_ms {
        clock.outcome = Some(SlaOutcome::Breached);
        Some(Alarm::Breach)
    } else if spent >= clock.warn_ms && clock.warned_at.is_none() {
        clock.warned_at = Some(now);
        Some(Alarm::Warning)
    } else {
        None
    }
}

/// Ends it. One of a group that became a part of another comes to nothing, unless its time was up before.
pub(crate) fn end(clock: &mut Clock, by: SlaEnd, now: DateTime<Utc>) {
    if clock.ended_at.is_some() {
        return;
    }
    run(clock, false, now);
    (clock.ended_at, clock.ended_by) = (Some(now), Some(by));
    if by != SlaEnd::Merged && clock.outcome.is_none() {
        let is_met = clock.spent_ms < clock.target_ms;
        clock.outcome = Some(if is_met { SlaOutcome::Met } else { SlaOutcome::Breached });
    }
}

/// When it is to be looked at next.
pub(crate) fn next_at(clock: &Clock) -> Option<DateTime<Utc>> {
    if clock.outcome.is_some() {
        return None;
    }
    let ms = if clock.warned_at.is_none() { clock.warn_ms } else { clock.target_ms };
    reached_at(clock, ms)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::sla_clock::{Model as Clock, SlaEnd, SlaKind, SlaOutcome};
    use uuid::Uuid;

    use super::{Alarm, end, judge, next_at, run, spent_ms};

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    /// An hour, with a warning after 48 minutes, that runs since the beginning.
    fn hour() -> Clock {
        let mut clock = Clock {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            group_id: Uuid::nil(),
            episode: 1,
            kind: SlaKind::Response,
            started_at: at(0),
            target_ms: 60 * 60_000,
            warn_ms: 48 * 60_000,
            spent_ms: 0,
            running_since: None,
            due_at: None,
            warned_at: None,
            outcome: None,
            ended_at: None,
            ended_by: None,
        };
        run(&mut clock, true, at(0));
        clock
    }

    #[test]
    fn a_clock_warns_once_and_is_breached_once() {
        let mut clock = hour();
        assert_eq!((clock.due_at, next_at(&clock)), (Some(at(60)), Some(at(48))));
        assert_eq!(judge(&mut clock, at(47)), None);
        assert_eq!(judge(&mut clock, at(48)), Some(Alarm::Warning));
        assert_eq!((judge(&mut clock, at(50)), next_at(&clock)), (None, Some(at(60))));
        assert_eq!(judge(&mut clock, at(60)), Some(Alarm::Breach));
        assert_eq!((judge(&mut clock, at(61)), next_at(&clock)), (None, None));
        end(&mut clock, SlaEnd::Acknowledged, at(70));
        assert_eq!((clock.outcome, clock.spent_ms), (Some(SlaOutcome::Breached), 70 * 60_000));
        assert_eq!((clock.ended_at, clock.ended_by), (Some(at(70)), Some(SlaEnd::Acknowledged)));
    }

    #[test]
    fn what_nobody_looked_at_in_time_is_breached_without_a_warning() {
        let mut clock = hour();
        assert_eq!(judge(&mut clock, at(1_000)), Some(Alarm::Breach));
        assert_eq!(clock.warned_at, None);
    }

    #[test]
    fn a_pause_costs_nothing() {
        let mut clock = hour();
        run(&mut clock, false, at(40));
        assert_eq!((clock.due_at, next_at(&clock)), (None, None));
        assert_eq!((spent_ms(&clock, at(500)), judge(&mut clock, at(500))), (40 * 60_000, None));
        run(&mut clock, false, at(510));
        run(&mut clock, true, at(600));
        run(&mut clock, true, at(610));
        assert_eq!((clock.due_at, next_at(&clock)), (Some(at(620)), Some(at(608))));
        end(&mut clock, SlaEnd::Resolved, at(619));
        assert_eq!((clock.outcome, clock.spent_ms), (Some(SlaOutcome::Met), 59 * 60_000));
        // What has ended stays so.
        run(&mut clock, true, at(700));
        end(&mut clock, SlaEnd::Ignored, at(700));
        assert_eq!((clock.running_since, clock.ended_by), (None, Some(SlaEnd::Resolved)));
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_back() {
        let mut clock = hour();
        run(&mut clock, false, at(-5));
        assert_eq!(clock.spent_ms, 0);
    }

    #[test]
    fn what_is_merged_comes_to_nothing() {
        let mut clock = hour();
        end(&mut clock, SlaEnd::Merged, at(10));
        assert_eq!((clock.outcome, clock.ended_by), (None, Some(SlaEnd::Merged)));
    }
}
