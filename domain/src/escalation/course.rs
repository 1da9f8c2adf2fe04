//! The course of one group's escalation: its next step and its clocks, as they follow from what happens. Pure: the times are
//! given, and nothing is stored here.

use chrono::{DateTime, Duration, Utc};
use entity::escalation::Model as Row;
use entity::escalation_policy::{EscalationStep, EscalationStepList, Model as Policy};
use entity::failure::ResponsibleParty;
use entity::failure_group::FailureGroupStatus;
use entity::sla_clock::{Model as Clock, SlaEnd, SlaKind};
use uuid::Uuid;

use super::clock::{self, Alarm};
use super::{GroupState, ladder};
use crate::id::new_id;

/// How far a group's escalation is, with the clocks that have not ended.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) row: Row,
    pub(crate) clocks: Vec<Clock>,
}

impl Course {
    /// Of a group that begins: its policy is chosen at the next look, which is due.
    pub(crate) fn begin(tenant_id: Uuid, group_id: Uuid, episode: i32, now: DateTime<Utc>) -> Row {
        Row {
            group_id,
            tenant_id,
            episode,
            started_at: now,
            chosen_at: None,
            policy_id: None,
            policy_name: None,
            steps: EscalationStepList::default(),
            step_index: 0,
            repeat_index: 0,
            told_count: 0,
            step_at: None,
            next_at: Some(now),
            waits_since: Some(now),
            answered_at: None,
            answered_by: None,
            acknowledged_at: None,
            stopped_at: None,
        }
    }

    /// Takes a policy on, as it is now; without one nothing happens to the group.
    pub(crate) fn choose(&mut self, policy: Option<&Policy>, state: GroupState, now: DateTime<Utc>) {
        self.row.chosen_at = Some(now);
        if let Some(policy) = policy {
            self.row.policy_id = Some(policy.id);
            self.row.policy_name = Some(policy.name.clone());
            self.row.steps = policy.steps.clone();
            let targets = [
                (SlaKind::Response, policy.respond_within_seconds),
                (SlaKind::Resolution, policy.resolve_within_seconds),
            ];
            for (kind, seconds) in targets {
                let Some(seconds) = seconds else { continue };
                let target_ms = seconds.saturating_mul(1_000);
                let mut clock = Clock {
                    id: new_id(),
                    tenant_id: self.row.tenant_id,
                    group_id: self.row.group_id,
                    episode: self.row.episode,
                    kind,
                    started_at: self.row.started_at,
                    target_ms,
                    warn_ms: target_ms / 100 * i64::from(policy.warn_percent),
                    spent_ms: 0,
                    running_since: None,
                    due_at: None,
                    warned_at: None,
                    outcome: None,
                    ended_at: None,
                    ended_by: None,
                };
                // It was the operator's from the beginning on.
                clock::run(&mut clock, state.pause().is_none(), self.row.started_at);
                self.clocks.push(clock);
            }
        }
        if let (Some(by), Some(at)) = (self.row.answered_by, self.row.answered_at) {
            self.respond(by, at);
        }
        self.stand(state, now);
    }

    /// What of the promised times is used up, told once.
    pub(crate) fn judge(&mut self, now: DateTime<Utc>) -> Vec<(Clock, Alarm)> {
        let judged =
            self.clocks.iter_mut().filter_map(|clock| Some((clock::judge(clock, now)?, clock.clone())));
        judged.map(|(alarm, clock)| (clock, alarm)).collect()
    }

    /// Somebody of the operator did something: that is the answer. Before its policy is chosen there is no clock yet that it
    /// could end, so that it is kept.
    pub(crate) fn respond(&mut self, by: SlaEnd, now: DateTime<Utc>) {
        if self.row.chosen_at.is_none() && self.row.answered_at.is_none() {
            (self.row.answered_at, self.row.answered_by) = (Some(now), Some(by));
        }
        for clock in self.clocks.iter_mut().filter(|clock| clock.kind == SlaKind::Response) {
            clock::end(clock, by, now);
        }
    }

    /// Takes up how the group is now: clocks run or pause, and the next step comes or does not.
    pub(crate) fn stand(&mut self, state: GroupState, now: DateTime<Utc>) {
        let is_running = state.pause().is_none();
        for clock in &mut self.clocks {
            clock::run(clock, is_running, now);
        }
        let is_acknowledged = state.status == FailureGroupStatus::Acknowledged;
        self.row.acknowledged_at =
            if is_acknowledged { self.row.acknowledged_at.or(Some(now)) } else { None };
        if !state.is_waiting() {
            (self.row.step_at, self.row.waits_since) = (None, None);
            return self.schedule();
        }
        self.row.waits_since.get_or_insert(now);
        if self.row.step_at.is_none() {
            self.wait(state.party, now);
        }
        self.schedule();
    }

    /// A person gave it to somebody else, who has as long as whoever has it first.
    pub(crate) fn hand_over(&mut self, state: GroupState, now: DateTime<Utc>) {
        (self.row.step_index, self.row.repeat_index, self.row.step_at) = (0, 0, None);
        self.row.waits_since = None;
        self.stand(state, now);
    }

    /// It is over, or a part of another group.
    pub(crate) fn stop(&mut self, by: SlaEnd, now: DateTime<Utc>) {
        for clock in &mut self.clocks {
            clock::end(clock, by, now);
        }
        self.row.stopped_at = Some(now);
        (self.row.step_at, self.row.next_at) = (None, None);
    }

    /// The step that is due.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Option<EscalationStep> {
        self.row.step_at.filter(|at| *at <= now)?;
        self.row.steps.0.get(self.index()).cloned()
    }

    /// The due step was taken: one at a time, however late it was, and the next one has its whole time.
    pub(crate) fn advance(&mut self, state: GroupState, now: DateTime<Utc>) {
        self.row.told_count = self.row.told_count.saturating_add(1);
        let repeats = self.row.steps.0.get(self.index()).map_or(0, |step| step.repeat_count);
        if self.row.repeat_index < repeats {
            self.row.repeat_index += 1;
        } else {
            self.row.step_index = self.row.step_index.saturating_add(1);
            self.row.repeat_index = 0;
        }
        self.row.step_at = None;
        self.stand(state, now);
    }

    /// Whether a step leads further up, or is said again to whom has it.
    pub(crate) fn leads_on(step: &EscalationStep, party: ResponsibleParty) -> bool {
        ladder::rank(step.party) > ladder::rank(party)
    }

    fn index(&self) -> usize {
        usize::try_from(self.row.step_index).unwrap_or_default()
    }

    fn wait(&mut self, party: ResponsibleParty, now: DateTime<Utc>) {
        let steps = &self.row.steps.0;
        let Some(index) = ladder::next(steps, self.index(), party) else { return };
        let after = Duration::seconds(steps[index].after_seconds);
        if index != self.index() {
            (self.row.step_index, self.row.repeat_index) = (i32::try_from(index).unwrap_or(i32::MAX), 0);
        }
        self.row.step_at = Some(now + after);
    }

    fn schedule(&mut self) {
        // Until its policy is chosen it stays due.
        if self.row.chosen_at.is_some() {
            let clocks = self.clocks.iter().filter_map(clock::next_at);
            self.row.next_at = clocks.chain(self.row.step_at).min();
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};
    use entity::escalation_policy::{
        EscalationSelectors, EscalationStep, EscalationStepList, Model as Policy,
    };
    use entity::failure::ResponsibleParty::{self, Customer, Engineering, Support, ThirdParty};
    use entity::failure_group::FailureGroupStatus::{self, Acknowledged, New, Ongoing, Snoozed};
    use entity::sla_clock::{SlaEnd, SlaKind, SlaOutcome};
    use uuid::Uuid;

    use super::Course;
    use crate::escalation::GroupState;
    use crate::escalation::clock::Alarm;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn state(status: FailureGroupStatus, party: ResponsibleParty) -> GroupState {
        GroupState { status, party }
    }

    /// Support after 10 minutes and again after 20, engineering after 40; an answer within an hour.
    fn policy() -> Policy {
        let step = |minutes: i64, party, repeat_count| EscalationStep {
            after_seconds: minutes * 60,
            party,
            repeat_count,
        };
        Policy {
            id: Uuid::nil(),
            tenant_id: None,
            position: 0,
            name: "Standard".to_owned(),
            is_enabled: true,
            is_default: false,
            selectors: EscalationSelectors::default(),
            steps: EscalationStepList(vec![step(10, Support, 1), step(20, Engineering, 0)]),
            respond_within_seconds: Some(3_600),
            resolve_within_seconds: None,
            warn_percent: 80,
            version: 1,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn begun(party: ResponsibleParty) -> Course {
        let row = Course::begin(Uuid::nil(), Uuid::nil(), 1, at(0));
        let mut course = Course { row, clocks: Vec::new() };
        assert_eq!(course.row.next_at, Some(at(0)));
        course.choose(Some(&policy()), state(New, party), at(0));
        course
    }

    #[test]
    fn a_group_that_nobody_takes_up_goes_up_one_step_at_a_time() {
        let mut course = begun(Customer);
        assert_eq!((course.row.next_at, course.due(at(9))), (Some(at(10)), None));
        // A program that was down for hours skips nothing, and takes one step.
        let step = course.due(at(500)).expect("it is due");
        assert_eq!((step.party, Course::leads_on(&step, Customer)), (Support, true));
        course.advance(state(New, Support), at(500));
        assert_eq!((course.due(at(509)), course.row.step_at), (None, Some(at(510))));
        let step = course.due(at(510)).expect("it is due");
        assert_eq!((step.party, Course::leads_on(&step, Support)), (Support, false));
        course.advance(state(New, Support), at(510));
        assert_eq!(course.due(at(530)).map(|step| step.party), Some(Engineering));
        course.advance(state(New, Engineering), at(530));
        assert_eq!((course.row.step_at, course.row.told_count), (None, 3));
        assert_eq!(course.row.waits_since, Some(at(0)), "nobody has taken it up all the while");
    }

    #[test]
    fn who_acknowledges_stops_it_and_who_reopens_starts_it_again() {
        let mut course = begun(Support);
        assert_eq!(course.row.step_at, Some(at(10)));
        course.respond(SlaEnd::Acknowledged, at(5));
        course.stand(state(Acknowledged, Support), at(5));
        assert_eq!((course.row.step_at, course.row.next_at), (None, None));
        assert_eq!((course.row.acknowledged_at, course.row.waits_since), (Some(at(5)), None));
        let clock = &course.clocks[0];
        assert_eq!((clock.outcome, clock.ended_by), (Some(SlaOutcome::Met), Some(SlaEnd::Acknowledged)));
        course.stand(state(Ongoing, Support), at(30));
        assert_eq!((course.row.acknowledged_at, course.row.step_at), (None, Some(at(40))));
        assert_eq!(course.row.waits_since, Some(at(30)));
    }

    #[test]
    fn clocks_stand_still_with_the_customer_the_vendor_and_a_snooze() {
        let mut course = begun(Support);
        for (from, to, state) in [
            (10, 100, state(New, Customer)),
            (110, 200, state(New, ThirdParty)),
            (210, 300, state(Snoozed, Support)),
        ] {
            course.stand(state, at(from));
            assert_eq!(course.clocks[0].due_at, None, "{state:?}");
            course.stand(GroupState { status: New, party: Support }, at(to));
        }
        assert_eq!(course.clocks[0].spent_ms, 30 * 60_000);
        assert_eq!(course.clocks[0].due_at, Some(at(330)));
        let alarms: Vec<Alarm> = course.judge(at(318)).into_iter().map(|(_, alarm)| alarm).collect();
        assert_eq!(alarms, [Alarm::Warning]);
    }

    #[test]
    fn a_snooze_stops_the_steps_too() {
        let mut course = begun(Customer);
        course.stand(state(Snoozed, Customer), at(5));
        assert_eq!((course.row.step_at, course.row.next_at), (None, None));
        course.stand(state(Ongoing, Customer), at(100));
        assert_eq!(course.row.step_at, Some(at(110)));
    }

    #[test]
    fn whoever_it_is_handed_over_to_has_the_whole_time() {
        let mut course = begun(Customer);
        course.advance(state(New, Support), at(10));
        course.advance(state(New, Support), at(20));
        course.hand_over(state(New, Customer), at(25));
        assert_eq!((course.row.step_index, course.row.step_at), (0, Some(at(35))));
        assert_eq!(course.row.waits_since, Some(at(25)));
        course.hand_over(state(New, Engineering), at(30));
        assert_eq!((course.row.step_index, course.row.step_at), (1, Some(at(50))));
        course.hand_over(state(New, ThirdParty), at(31));
        assert_eq!(course.row.step_at, None);
    }

    #[test]
    fn what_is_over_is_not_looked_at_any_more() {
        let mut course = begun(Support);
        course.stop(SlaEnd::Resolved, at(9));
        assert_eq!((course.row.next_at, course.row.stopped_at), (None, Some(at(9))));
        assert_eq!(course.clocks[0].outcome, Some(SlaOutcome::Met));
    }

    #[test]
    fn without_a_policy_nothing_happens() {
        let row = Course::begin(Uuid::nil(), Uuid::nil(), 1, at(0));
        let mut course = Course { row, clocks: Vec::new() };
        course.choose(None, state(New, Support), at(0));
        assert_eq!((course.row.next_at, course.clocks.len()), (None, 0));
    }

    #[test]
    fn the_operator_answers_before_the_policy_is_chosen_and_the_customer_does_not() {
        for by in [SlaEnd::Commented, SlaEnd::Retried] {
            let row = Course::begin(Uuid::nil(), Uuid::nil(), 1, at(0));
            let mut course = Course { row, clocks: Vec::new() };
            course.respond(by, at(1));
            course.respond(SlaEnd::Acknowledged, at(2));
            course.stand(state(Acknowledged, Support), at(2));
            assert_eq!(course.row.next_at, Some(at(0)), "its policy is still to be chosen");
            course.choose(Some(&policy()), state(Acknowledged, Support), at(3));
            let clock = &course.clocks[0];
            assert_eq!((clock.kind, clock.outcome), (SlaKind::Response, Some(SlaOutcome::Met)));
            assert_eq!((clock.ended_at, clock.ended_by), (Some(at(1)), Some(by)));
            assert_eq!((course.row.acknowledged_at, course.row.next_at), (Some(at(2)), None));
        }
        let row = Course::begin(Uuid::nil(), Uuid::nil(), 1, at(0));
        let mut course = Course { row, clocks: Vec::new() };
        course.stand(state(Acknowledged, Customer), at(2));
        course.choose(Some(&policy()), state(Acknowledged, Customer), at(3));
        assert_eq!((course.clocks[0].outcome, course.clocks[0].ended_at), (None, None));
    }
}
