//! What people decide about a group: who is at it, that it can wait, that it is over, who acts next; and what they say.

use chrono::{DateTime, Utc};
use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus as Status};
use entity::run_event::Audience;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::activity::{Change, NewActivity, record};
use super::assignment::assigned;
use super::{FailureGroup, is_ours, view};
use crate::actor::Actor;
use crate::background::failure_group::{lock, resolved};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::health::status::refresh_in;
use crate::id::Kind;
use crate::occasion;
use crate::ownership_rule::{Subject, decide as decide_owner};
use crate::permission::Permission;
use crate::scope::{Scope, TxScope};
use crate::validation::Problems;

/// Longest note and comment, in characters.
pub const NOTE_CHARS_MAX: usize = 4_000;
/// Longest snooze, in days.
const SNOOZE_DAYS_MAX: i64 = 366;

/// Until when a group is snoozed: the first of these that comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snooze {
    /// This time; at most a year away.
    pub until: Option<DateTime<Utc>>,
    /// So many more failures than there are now; 1 or more.
    pub failures: Option<i64>,
    /// So many failures in an hour; 1 or more.
    pub failures_an_hour: Option<i64>,
}

/// Somebody is at it. A tenant's people say so of what is with them: they are not at what the operator has.
///
/// # Errors
/// Denied without `failure_groups:manage`. Rejected: `NOT_FOUND` groupId; `FORBIDDEN` groupId for a tenant's people where it
/// is not with them; `CONFLICT` when it is over, merged or acknowledged already; a note that is too long.
pub async fn acknowledge(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<FailureGroup> {
    let open = [Status::New, Status::Ongoing, Status::Escalating, Status::Snoozed, Status::Regressed];
    decide(
        actor,
        id,
        Decision { from: &open, to: Status::Acknowledged, snooze: None, note, is_note_required: false },
    )
    .await
}

/// It can wait. A tenant's people say so of what is with them.
///
/// # Errors
/// As [`acknowledge`]; `REQUIRED` until when none is named, `INVALID` when one is in the past, further away than a year
/// or below 1.
pub async fn snooze(actor: &Actor, id: Uuid, snooze: Snooze, note: Option<&str>) -> Result<FailureGroup> {
    let open = [
        Status::New,
        Status::Ongoing,
        Status::Escalating,
        Status::Acknowledged,
        Status::Snoozed,
        Status::Regressed,
    ];
    let decision =
        Decision { from: &open, to: Status::Snoozed, snooze: Some(snooze), note, is_note_required: false };
    decide(actor, id, decision).await
}

/// It is over; if it comes back, it is seen as regressed. Failures of it that are open stay so.
///
/// # Errors
/// As [`acknowledge`].
pub async fn resolve(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<FailureGroup> {
    let open = [
        Status::New,
        Status::Ongoing,
        Status::Escalating,
        Status::Acknowledged,
        Status::Snoozed,
        Status::Regressed,
        Status::Ignored,
    ];
    decide(
        actor,
        id,
        Decision { from: &open, to: Status::Resolved, snooze: None, note, is_note_required: false },
    )
    .await
}

/// Nobody wants to hear of it any more. Failures of it are stored, counted and shown as before.
///
/// # Errors
/// Denied without `failure_groups:dismiss`; as [`acknowledge`]; `REQUIRED` note.
pub async fn ignore(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<FailureGroup> {
    let open = [
        Status::New,
        Status::Ongoing,
        Status::Escalating,
        Status::Acknowledged,
        Status::Snoozed,
        Status::Regressed,
        Status::Resolved,
    ];
    decide(
        actor,
        id,
        Decision { from: &open, to: Status::Ignored, snooze: None, note, is_note_required: true },
    )
    .await
}

/// It goes on after all.
///
/// # Errors
/// As [`acknowledge`]; `CONFLICT` when nobody has decided about it.
pub async fn reopen(actor: &Actor, id: Uuid, note: Option<&str>) -> Result<FailureGroup> {
    let decided = [Status::Acknowledged, Status::Snoozed, Status::Resolved, Status::Ignored];
    decide(
        actor,
        id,
        Decision { from: &decided, to: Status::Ongoing, snooze: None, note, is_note_required: false },
    )
    .await
}

struct Decision<'a> {
    from: &'a [Status],
    to: Status,
    snooze: Option<Snooze>,
    note: Option<&'a str>,
    is_note_required: bool,
}

async fn decide(actor: &Actor, id: Uuid, decision: Decision<'_>) -> Result<FailureGroup> {
    use failure_group::Column;
    let Decision { from, to, snooze, note, is_note_required } = decision;
    let scope = actor.authorize(match to {
        Status::Ignored => Permission::FailureGroupDismiss,
        _ => Permission::FailureGroupManage,
    })?;
    let row = found(&scope, id).await?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    let note = checked_note(&mut problems, "note", note, is_note_required);
    if let Some(snooze) = snooze {
        check_snooze(&mut problems, &snooze, now);
    }
    // Either stops the operator's steps, which a tenant is not to do.
    let must_have_it = !actor.is_staff() && matches!(to, Status::Acknowledged | Status::Snoozed);
    if must_have_it && row.responsible_party != ResponsibleParty::Customer {
        problems.add(ProblemCode::Forbidden, "groupId", "it is not with you");
    }
    problems.check()?;
    if !from.contains(&row.status) {
        return Err(Error::conflict("groupId", is_already(row.status)));
    }
    let snooze = snooze.unwrap_or_default();
    let until_count = snooze.failures.map(|more| row.failure_count.saturating_add(more));
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let mut update = tx.update::<failure_group::Entity>();
    if must_have_it {
        update = update.filter(Column::ResponsibleParty.eq(row.responsible_party));
    }
    let changed = update
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::StatusAt, Expr::value(now))
        .col_expr(Column::ResolvedAt, Expr::value((to == Status::Resolved).then_some(now)))
        .col_expr(Column::SnoozedUntil, Expr::value(snooze.until))
        .col_expr(Column::SnoozedUntilCount, Expr::value(until_count))
        .col_expr(Column::SnoozedUntilHourCount, Expr::value(snooze.failures_an_hour))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(row.status))
        .filter(Column::MergedIntoId.is_null())
        .exec(tx.connection())
        .await
        .doing("storing what was decided about a group")?;
    if changed.rows_affected == 0 {
        return Err(Error::conflict("groupId", "it has changed meanwhile; look at it again"));
    }
    if to == Status::Resolved {
        let told = resolved(&tx, &row).await?;
        occasion::record(&tx, told).await?;
    }
    let change = Change::Status { from: Some(row.status), to };
    record(&mut tx, &row, NewActivity::by(actor, change, note.clone())).await?;
    commit(tx, actor, &scope, id, note).await
}

fn check_snooze(problems: &mut Problems, snooze: &Snooze, now: DateTime<Utc>) {
    let Snooze { until, failures, failures_an_hour } = snooze;
    if until.is_none() && failures.is_none() && failures_an_hour.is_none() {
        let message = "say until when: a time, a number of failures, or failures an hour";
        problems.add(ProblemCode::Required, "until", message);
    }
    if until.is_some_and(|until| until <= now) {
        problems.add(ProblemCode::Invalid, "until", "must be in the future");
    } else if until.is_some_and(|until| until > now + chrono::Duration::days(SNOOZE_DAYS_MAX)) {
        problems.add(ProblemCode::Invalid, "until", "must be within a year");
    }
    for (field, number) in [("failures", failures), ("failuresAnHour", failures_an_hour)] {
        if number.is_some_and(|number| number < 1) {
            problems.add(ProblemCode::Invalid, field, "must be at least 1");
        }
    }
}

/// Another party acts next. A tenant hands over to the operator what it is to do itself; staff hand over anything. That
/// somebody was at it, or that it could wait, was said by whom it was with, and holds no longer.
///
/// # Errors
/// Denied without `failure_groups:manage`. Rejected: `NOT_FOUND` groupId; `FORBIDDEN` to for a tenant's people who would
/// hand over what is not with them, or to anybody but the operator; `CONFLICT` when it is with that party already, over
/// or merged; `REQUIRED` note.
pub async fn hand_over(
    actor: &Actor,
    id: Uuid,
    to: ResponsibleParty,
    note: Option<&str>,
) -> Result<FailureGroup> {
    use failure_group::Column;
    let scope = actor.authorize(Permission::FailureGroupManage)?;
    let row = found(&scope, id).await?;
    let mut problems = Problems::default();
    let note = checked_note(&mut problems, "note", note, true);
    if !actor.is_staff()
        && (row.responsible_party != ResponsibleParty::Customer || to != ResponsibleParty::Support)
    {
        let message = if row.responsible_party == ResponsibleParty::Customer {
            "you can hand it over to us: `SUPPORT`"
        } else {
            "it is not with you"
        };
        problems.add(ProblemCode::Forbidden, "to", message);
    }
    problems.check()?;
    if row.responsible_party == to {
        return Err(Error::conflict("to", "it is there already"));
    }
    if row.status == Status::Resolved {
        return Err(Error::conflict("groupId", is_already(row.status)));
    }
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    // What was merged into it goes with it.
    let which = Condition::any().add(Column::Id.eq(id)).add(Column::MergedIntoId.eq(id));
    let locked = lock(&tx, which.clone()).await?;
    let is_same = |now: &failure_group::Model| {
        now.responsible_party == row.responsible_party
            && now.merged_into_id.is_none()
            && now.status != Status::Resolved
    };
    if !locked.get(&id).is_some_and(is_same) {
        return Err(Error::conflict("groupId", "it has changed meanwhile; look at it again"));
    }
    let subject = Subject { integration_id: row.integration_id, stream: &row.stream, code: &row.code };
    let assignee = decide_owner(&tx, &subject, Some(to)).await?.assignee;
    let assignee_id = assignee.as_ref().map(|assignee| assignee.id);
    tx.update::<failure_group::Entity>()
        .col_expr(Column::ResponsibleParty, Expr::value(to))
        .col_expr(Column::AssigneeId, Expr::value(assignee_id))
        .filter(which)
        .exec(tx.connection())
        .await
        .doing("handing a group over")?;
    if locked.get(&id).is_some_and(|now| matches!(now.status, Status::Acknowledged | Status::Snoozed)) {
        tx.update::<failure_group::Entity>()
            .col_expr(Column::Status, Expr::value(Status::Ongoing))
            .col_expr(Column::StatusAt, Expr::value(tx.app().clock().now()))
            .col_expr(Column::SnoozedUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::SnoozedUntilCount, Expr::value(None::<i64>))
            .col_expr(Column::SnoozedUntilHourCount, Expr::value(None::<i64>))
            .filter(Column::Id.eq(id))
            .exec(tx.connection())
            .await
            .doing("letting a group that is handed over go on")?;
    }
    let from = row.responsible_party;
    // Within the operator it is nothing for the tenant, who reads the audit log, too.
    let is_internal = is_ours(from) && is_ours(to);
    let audience = if is_internal { Audience::Support } else { Audience::Customer };
    let activity = NewActivity::by(actor, Change::HandOver { from, to }, note.clone());
    record(&mut tx, &row, activity.for_audience(audience)).await?;
    if let Some(assignee) = assignee.filter(|assignee| Some(assignee.id) != row.assignee_id) {
        record(&mut tx, &row, assigned(assignee)).await?;
    }
    let detail = note.filter(|_| !is_internal).map(|note| {
        let party = |party| if is_ours(party) { "the operator" } else { party_name(party) };
        format!("from {} to {}: {note}", party(from), party(to))
    });
    // Whether it waits for the customer.
    refresh_in(&tx, [row.integration_id]).await?;
    commit(tx, actor, &scope, id, detail).await
}

fn party_name(party: ResponsibleParty) -> &'static str {
    match party {
        ResponsibleParty::Customer => "the customer",
        ResponsibleParty::Support => "support",
        ResponsibleParty::Engineering => "engineering",
        ResponsibleParty::ThirdParty => "the maker of the other system",
    }
}

/// Says something about a group. Staff say for whom; what a tenant's people say everybody may read who may see the group.
///
/// # Errors
/// Denied without `failure_groups:manage`. Rejected: `NOT_FOUND` groupId; a text that is empty or too long; `FORBIDDEN`
/// audience that the caller does not read.
pub async fn comment(
    actor: &Actor,
    id: Uuid,
    text: &str,
    audience: Option<Audience>,
) -> Result<FailureGroup> {
    let scope = actor.authorize(Permission::FailureGroupManage)?;
    let row = found(&scope, id).await?;
    let mut problems = Problems::default();
    let text = checked_note(&mut problems, "text", Some(text), true);
    // Staff who say nothing of it talk among themselves: nothing reaches a customer by mistake.
    let own = if actor.is_staff() { Audience::Support } else { Audience::Customer };
    let audience = audience.unwrap_or(own);
    if audience > actor.audience() {
        problems.add(ProblemCode::Forbidden, "audience", "is not one whose comments you read");
    }
    problems.check()?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let activity = NewActivity::by(actor, Change::Comment, text).for_audience(audience);
    record(&mut tx, &row, activity).await?;
    commit(tx, actor, &scope, id, None).await
}

/// A group that something can be decided about.
pub(super) async fn found(scope: &Scope, id: Uuid) -> Result<failure_group::Model> {
    let row = scope
        .find::<failure_group::Entity>()
        .of_id(failure_group::Column::Id, id)
        .filter(failure_group::Column::FailureCount.gt(0))
        .one()
        .await?
        .ok_or_else(|| Error::not_found("groupId", "group of failures"))?;
    match row.merged_into_id {
        None => Ok(row),
        Some(_) => Err(Error::conflict("groupId", "it was merged into another; decide about that one")),
    }
}

pub(super) async fn commit(
    tx: TxScope,
    actor: &Actor,
    scope: &Scope,
    id: Uuid,
    detail: Option<String>,
) -> Result<FailureGroup> {
    let tx = tx.about(Kind::FailureGroup, id);
    match detail {
        Some(detail) => tx.detail(detail),
        None => tx,
    }
    .commit()
    .await?;
    Ok(view(actor, found(scope, id).await?))
}

/// A text of several lines, trimmed.
pub(super) fn checked_note(
    problems: &mut Problems,
    field: &str,
    note: Option<&str>,
    is_required: bool,
) -> Option<String> {
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    match note {
        None if is_required => problems.add(ProblemCode::Required, field, "must not be empty"),
        Some(note) if note.chars().count() > NOTE_CHARS_MAX => {
            let message = format!("has more than {NOTE_CHARS_MAX} characters");
            problems.add(ProblemCode::TooLong, field, message);
        }
        Some(note) if note.contains('\0') => {
            problems.add(ProblemCode::Invalid, field, "must not contain NUL characters");
        }
        _ => {}
    }
    note.map(str::to_owned)
}

fn is_already(status: Status) -> &'static str {
    match status {
        Status::New | Status::Ongoing | Status::Escalating | Status::Regressed => {
            "nobody has decided about it yet"
        }
        Status::Acknowledged => "it is acknowledged already",
        Status::Snoozed => "it is snoozed already",
        Status::Resolved => "it is resolved already",
        Status::Ignored => "it is ignored already; reopen it first",
    }
}
