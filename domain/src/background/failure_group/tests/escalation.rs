//! Groups that nobody takes up, as hours go by: steps, promises, and what was there before.

use entity::escalation;
use entity::failure::ResponsibleParty::{self, Customer, Engineering, Support};
use entity::occasion::{self, OccasionKind};
use entity::run_event::Audience;
use entity::sla_clock::{self, SlaEnd, SlaKind, SlaOutcome};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{Fixture, Status};
use crate::background::Background;
use crate::escalation_policy::{EscalationSelectors, EscalationStep, NewEscalationPolicy, create};
use crate::failure_group::{Snooze, acknowledge, comment, hand_over, merge, reopen, resolve, snooze};
use crate::page::PageArguments;
use crate::{integration, tenant};

impl Fixture {
    /// How many groups were looked at.
    async fn tick(&self) -> u64 {
        Background::new(self.app.clone()).tick_escalations().await.unwrap().0
    }

    /// How many groups were adopted.
    async fn adopt(&self) -> u64 {
        Background::new(self.app.clone()).adopt_into_escalation().await.unwrap()
    }

    /// A policy whose steps and promises are in hours.
    async fn policy(&self, steps: &[(i64, ResponsibleParty)], respond: i64, resolve: i64) {
        let step = |(hours, party): &(i64, ResponsibleParty)| EscalationStep {
            after_seconds: hours * 3_600,
            party: *party,
            repeat_count: 0,
        };
        let new = NewEscalationPolicy {
            name: "Promised".to_owned(),
            position: None,
            is_enabled: true,
            selectors: EscalationSelectors::default(),
            steps: steps.iter().map(step).collect(),
            respond_within_seconds: Some(respond * 3_600),
            resolve_within_seconds: Some(resolve * 3_600),
            warn_percent: 80,
        };
        create(&self.operator(), new).await.unwrap();
    }

    async fn party(&self, group: Uuid) -> ResponsibleParty {
        self.row(group).await.responsible_party
    }

    /// What was told, in its order.
    async fn told(&self) -> Vec<OccasionKind> {
        let tx = self.tx().await;
        let all = tx.find::<occasion::Entity>().order_by_asc(occasion::Column::Id);
        all.all(tx.connection()).await.unwrap().into_iter().map(|row| row.kind).collect()
    }

    /// How many hours nobody had taken a group up when that was told, in its order.
    async fn waited(&self) -> Vec<i64> {
        let tx = self.tx().await;
        let escalated = tx
            .find::<occasion::Entity>()
            .filter(occasion::Column::Kind.eq(OccasionKind::Escalated))
            .order_by_asc(occasion::Column::Id);
        let rows = escalated.all(tx.connection()).await.unwrap();
        rows.iter().map(|row| row.detail["waitedSeconds"].as_i64().unwrap() / 3_600).collect()
    }

    /// Kind, hours that were used, outcome and end of each clock of a group.
    async fn clocks(&self, group: Uuid) -> Vec<(SlaKind, i64, Option<SlaOutcome>, Option<SlaEnd>)> {
        let tx = self.tx().await;
        let clocks = tx
            .find::<sla_clock::Entity>()
            .filter(sla_clock::Column::GroupId.eq(group))
            .order_by_asc(sla_clock::Column::Id)
            .all(tx.connection())
            .await
            .unwrap();
        clocks.iter().map(|row| (row.kind, row.spent_ms / 3_600_000, row.outcome, row.ended_by)).collect()
    }
}

#[tokio::test]
async fn by_the_standard_policy_what_nobody_takes_up_goes_up_in_half_days() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.adopt().await, 0);
    let group = fixture.fail(1).await.id;
    assert_eq!(fixture.tick().await, 1, "its policy is chosen");
    fixture.hours_go_by(3);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (0, Customer));
    fixture.hours_go_by(1);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Support));
    // Nothing ran for days: one step is taken, and the next one has its time.
    fixture.hours_go_by(100);
    assert_eq!((fixture.tick().await, fixture.tick().await), (1, 0));
    assert_eq!(fixture.party(group).await, Support, "it was reminded");
    fixture.hours_go_by(4);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Engineering));
    fixture.hours_go_by(4);
    assert_eq!(fixture.tick().await, 1);
    fixture.hours_go_by(1_000);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (0, Engineering));
    assert_eq!(fixture.told().await, [OccasionKind::Escalated; 4]);
    assert!(fixture.clocks(group).await.is_empty(), "nothing was promised");
}

#[tokio::test]
async fn promises_run_with_the_operator_and_stand_still_while_snoozed() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[(1, Support)], 5, 10).await;
    let group = fixture.fail(1).await.id;
    assert_eq!(fixture.tick().await, 1);
    // An hour with the customer, four with support.
    fixture.hours_go_by(1);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Support));
    fixture.hours_go_by(4);
    assert_eq!((fixture.tick().await, fixture.tick().await), (1, 0));
    fixture.hours_go_by(1);
    assert_eq!((fixture.tick().await, fixture.tick().await), (1, 0));
    fixture.hours_go_by(1);
    acknowledge(&operator, group, None).await.unwrap();
    let later = Snooze { failures: Some(5), ..Snooze::default() };
    snooze(&operator, group, later, None).await.unwrap();
    fixture.hours_go_by(200);
    assert_eq!(fixture.tick().await, 0, "it is snoozed");
    reopen(&operator, group, None).await.unwrap();
    fixture.hours_go_by(2);
    assert_eq!(fixture.tick().await, 1);
    fixture.hours_go_by(1);
    resolve(&operator, group, None).await.unwrap();
    assert_eq!(
        fixture.clocks(group).await,
        [
            (SlaKind::Response, 6, Some(SlaOutcome::Breached), Some(SlaEnd::Acknowledged)),
            (SlaKind::Resolution, 9, Some(SlaOutcome::Met), Some(SlaEnd::Resolved)),
        ]
    );
    fixture.hours_go_by(100);
    assert_eq!(fixture.tick().await, 0);
    assert_eq!(
        fixture.told().await,
        [
            OccasionKind::Escalated,
            OccasionKind::SlaWarning,
            OccasionKind::SlaBreached,
            OccasionKind::SlaWarning,
            OccasionKind::GroupResolved,
        ]
    );
}

#[tokio::test]
async fn what_is_merged_is_promised_as_the_other_is() {
    let fixture = Fixture::new().await;
    fixture.policy(&[], 5, 10).await;
    let (one, other) = (fixture.fail(1).await.id, fixture.fail_because("the account is full", 1).await.id);
    assert_eq!(fixture.tick().await, 2);
    merge(&fixture.operator(), one, &[other], None).await.unwrap();
    assert_eq!(
        fixture.clocks(other).await,
        [
            (SlaKind::Response, 0, None, Some(SlaEnd::Merged)),
            (SlaKind::Resolution, 0, None, Some(SlaEnd::Merged)),
        ]
    );
    let goes_on = [(SlaKind::Response, 0, None, None), (SlaKind::Resolution, 0, None, None)];
    assert_eq!(fixture.clocks(one).await, goes_on);
}

#[tokio::test]
async fn groups_of_an_earlier_program_begin_when_they_are_found() {
    let fixture = Fixture::new().await;
    let group = fixture.fail(1).await.id;
    let tx = fixture.tx().await;
    tx.delete::<escalation::Entity>().exec(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    fixture.hours_go_by(100);
    assert_eq!((fixture.tick().await, fixture.adopt().await, fixture.adopt().await), (0, 1, 0));
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Customer));
    fixture.hours_go_by(4);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Support));
}

#[tokio::test]
async fn what_was_acknowledged_or_put_off_goes_up_again_for_whom_it_is_handed_over_to() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[(2, Engineering)], 5, 10).await;
    let (taken, later) = (fixture.fail(1).await.id, fixture.fail_because("the account is full", 1).await.id);
    assert_eq!(fixture.tick().await, 2);
    acknowledge(&operator, taken, None).await.unwrap();
    let until = Snooze { failures: Some(5), ..Snooze::default() };
    snooze(&operator, later, until, None).await.unwrap();
    fixture.hours_go_by(20);
    assert_eq!(fixture.tick().await, 0);
    for group in [taken, later] {
        hand_over(&operator, group, Support, Some("we can't find it")).await.unwrap();
        let row = fixture.row(group).await;
        assert_eq!((row.status, row.snoozed_until_count), (Status::Ongoing, None));
    }
    fixture.hours_go_by(1);
    assert_eq!(fixture.tick().await, 0, "it has its whole time");
    fixture.hours_go_by(1);
    assert_eq!(fixture.tick().await, 2);
    assert_eq!((fixture.party(taken).await, fixture.party(later).await), (Engineering, Engineering));
    assert_eq!(fixture.waited().await, [2, 2], "since it was handed over");
}

#[tokio::test]
async fn nobody_has_taken_it_up_since_somebody_had() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[(2, Support), (3, Engineering)], 50, 100).await;
    let group = fixture.fail(1).await.id;
    assert_eq!(fixture.tick().await, 1);
    fixture.hours_go_by(1);
    acknowledge(&operator, group, None).await.unwrap();
    fixture.hours_go_by(10);
    reopen(&operator, group, None).await.unwrap();
    fixture.hours_go_by(2);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Support));
    fixture.hours_go_by(3);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Engineering));
    assert_eq!(fixture.waited().await, [2, 5], "it was told before, and nobody came");
}

#[tokio::test]
async fn what_is_done_before_the_policy_is_chosen_answers_and_what_staff_say_among_themselves_does_not() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[], 5, 10).await;
    let (one, other) = (fixture.fail(1).await.id, fixture.fail_because("the account is full", 1).await.id);
    comment(&operator, one, "between us", Some(Audience::Support)).await.unwrap();
    comment(&operator, other, "We are at it.", Some(Audience::Customer)).await.unwrap();
    assert_eq!(fixture.tick().await, 2);
    let open = (SlaKind::Resolution, 0, None, None);
    assert_eq!(fixture.clocks(one).await, [(SlaKind::Response, 0, None, None), open]);
    let answered = (SlaKind::Response, 0, Some(SlaOutcome::Met), Some(SlaEnd::Commented));
    assert_eq!(fixture.clocks(other).await, [answered, open]);
    comment(&operator, one, "Ada knows", Some(Audience::Support)).await.unwrap();
    assert_eq!(fixture.clocks(one).await[0].2, None);
    comment(&operator, one, "We are at it.", Some(Audience::Customer)).await.unwrap();
    assert_eq!(fixture.clocks(one).await[0], answered);
}

#[tokio::test]
async fn what_support_is_at_when_it_is_found_is_answered_and_what_the_customer_is_at_is_not() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[], 5, 10).await;
    let (ours, theirs) = (fixture.fail(1).await.id, fixture.fail_because("the account is full", 1).await.id);
    hand_over(&operator, ours, Support, Some("we see to it")).await.unwrap();
    for group in [ours, theirs] {
        acknowledge(&operator, group, None).await.unwrap();
    }
    let tx = fixture.tx().await;
    tx.delete::<escalation::Entity>().exec(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((fixture.adopt().await, fixture.tick().await), (2, 2));
    let answered = (SlaKind::Response, 0, Some(SlaOutcome::Met), Some(SlaEnd::Acknowledged));
    assert_eq!(fixture.clocks(ours).await[0], answered);
    assert_eq!(fixture.clocks(theirs).await[0], (SlaKind::Response, 0, None, None));
}

#[tokio::test]
async fn what_an_archived_integration_left_behind_is_told_to_nobody() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[(2, Support)], 5, 10).await;
    let group = fixture.fail(1).await.id;
    assert_eq!(fixture.tick().await, 1);
    hand_over(&operator, group, Support, Some("we see to it")).await.unwrap();
    let inbox = async || {
        let counts = crate::inbox::counts(&operator, &Default::default()).await.unwrap();
        let first = PageArguments { first: Some(10), ..Default::default() };
        let page = crate::inbox::list(&operator, &Default::default(), &first).await.unwrap();
        (counts.medium, page.edges.len())
    };
    assert_eq!(inbox().await, (1, 1));
    integration::archive(&operator, fixture.integration_id).await.unwrap();
    assert_eq!(inbox().await, (0, 0));
    fixture.hours_go_by(4);
    assert_eq!((fixture.tick().await, fixture.tick().await), (1, 0), "it is looked at once more");
    assert_eq!((fixture.party(group).await, fixture.waited().await), (Support, Vec::new()));
    let ended = (SlaKind::Resolution, 4, Some(SlaOutcome::Met), Some(SlaEnd::Ignored));
    assert_eq!(fixture.clocks(group).await[1], ended);

    // One of an earlier program is not begun at all.
    let tx = fixture.tx().await;
    tx.delete::<escalation::Entity>().exec(tx.connection()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fixture.adopt().await, 0);
}

#[tokio::test]
async fn what_a_suspended_tenant_has_goes_up_when_it_is_resumed() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator();
    fixture.policy(&[(2, Support)], 50, 100).await;
    let group = fixture.fail(1).await.id;
    assert_eq!(fixture.tick().await, 1);
    tenant::suspend(&operator, fixture.tenant_id, "unpaid").await.unwrap();
    fixture.hours_go_by(2);
    assert_eq!((fixture.tick().await, fixture.tick().await), (1, 0), "it is put off");
    assert_eq!((fixture.party(group).await, fixture.waited().await), (Customer, Vec::new()));
    tenant::resume(&operator, fixture.tenant_id).await.unwrap();
    fixture.hours_go_by(1);
    assert_eq!((fixture.tick().await, fixture.party(group).await), (1, Support));
}
