//! Break-glass: somebody of the staff reads one customer's record for minutes, with a reason that the customer reads,
//! and only if the customer allows it. Withdrawing that closes every record at once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use entity::{failure, reveal, tenant};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Order, Query};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::authentication::STAFF_NAME;
use crate::error::{Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::permission::Permission;
use crate::validation::Problems;

/// For how many minutes a record is shown when nobody says.
pub const MINUTES_DEFAULT: i64 = 15;
/// For how many at most: as long as one looks into one case.
pub const MINUTES_MAX: i64 = 60;
/// Records that are open to one person at once: two or three of thousands matter, nobody browses.
pub const OPEN_MAX: u64 = 20;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;
/// Reveals of one failure that are told, the latest ones.
const TOLD_MAX: usize = 20;

/// A record that was shown, as a viewer reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// The row.
    pub id: Uuid,
    /// Whose record.
    pub failure_id: Uuid,
    /// To whom; staff are not named to a tenant.
    pub revealed_by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when, if the tenant does not withdraw its consent before.
    pub expires_at: DateTime<Utc>,
}

/// Shows a failure's record to the caller for some minutes. Again is longer.
///
/// # Errors
/// Denied without `records:reveal`, and to whoever is not a person. Rejected: `NOT_FOUND` failureId, `CONFLICT` when
/// it has no record, `FORBIDDEN` while the tenant does not allow it; a bad reason; `INVALID` minutes; `LIMIT_REACHED`
/// failureId.
pub async fn create(actor: &Actor, failure_id: Uuid, reason: &str, minutes: Option<i64>) -> Result<Reveal> {
    let scope = actor.authorize(Permission::RecordReveal)?;
    let (user_id, _session) = actor.own_session()?;
    let mut problems = Problems::default();
    let reason = problems.text("reason", reason, REASON_CHARS_MAX);
    let minutes = minutes.unwrap_or(MINUTES_DEFAULT);
    if !(1..=MINUTES_MAX).contains(&minutes) {
        let message = format!("is {minutes}; it must be from 1 to {MINUTES_MAX} minutes");
        problems.add(ProblemCode::Invalid, "minutes", message);
    }
    problems.check()?;
    let not_found = || Error::not_found("failureId", "failure");
    let failure = scope
        .find::<failure::Entity>()
        .of_id(failure::Column::Id, failure_id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    // Of a run as a whole, what was sent and came back is revealed alone.
    let has_nothing =
        failure.record.is_none() && failure.edited_record.is_none() && failure.exchange_id.is_none();
    if has_nothing {
        let message = match failure.record_removed_at {
            None => "this failure has no record".to_owned(),
            Some(at) => format!(
                "its record had been kept long enough, and was deleted on {}; run the integration again where the \
                 record is to be read anew from its source",
                at.format("%Y-%m-%d")
            ),
        };
        return Err(Error::conflict("failureId", message));
    }
    let now = scope.app().clock().now();
    let tenant =
        scope.find::<tenant::Entity>().filter(tenant::Column::Id.eq(failure.tenant_id)).one().await?;
    if !tenant.as_ref().is_some_and(|tenant| allows(tenant, now)) {
        let message = "the customer does not allow support access; one of its administrators can, with \
                       `setSupportAccess`";
        return Err(Error::rejected(Problem::new(ProblemCode::Forbidden, ["failureId"], message)));
    }
    let open = scope
        .find::<reveal::Entity>()
        .filter(reveal::Column::UserId.eq(user_id))
        .filter(reveal::Column::ExpiresAt.gt(now))
        .filter(reveal::Column::FailureId.ne(failure_id))
        .count()
        .await?;
    if open >= OPEN_MAX {
        let message =
            format!("{open} records are open to you, {OPEN_MAX} are the limit; wait until some close");
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["failureId"], message)));
    }
    let row = reveal::Model {
        id: new_id(),
        tenant_id: failure.tenant_id,
        failure_id,
        user_id,
        user_name: actor.own_name().to_owned(),
        reason,
        created_at: now,
        expires_at: now + Duration::minutes(minutes),
    };
    let tx = scope.begin(failure.tenant_id).await?.ok_or_else(not_found)?;
    let row = tx.insert::<reveal::Entity>(row, "storing a reveal").await?;
    let detail = format!("{minutes} minutes: {}", row.reason);
    tx.about(Kind::Failure, failure_id).detail(detail).commit().await?;
    Ok(view(actor, row))
}

/// The latest reveals of each failure, newest first, at most 20 of each.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn by_failures(actor: &Actor, failures: &[Uuid]) -> Result<HashMap<Uuid, Vec<Reveal>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows = scope
        .find::<reveal::Entity>()
        .filter(reveal::Column::FailureId.is_in(failures.iter().copied()))
        .order_by(reveal::Column::Id, Order::Desc)
        .limit((failures.len() * TOLD_MAX) as u64)
        .all()
        .await?;
    let mut reveals: HashMap<Uuid, Vec<Reveal>> = HashMap::new();
    for row in rows {
        let of_failure = reveals.entry(row.failure_id).or_default();
        if of_failure.len() < TOLD_MAX {
            of_failure.push(view(actor, row));
        }
    }
    Ok(reveals)
}

/// Failures whose records are open to the caller now: none for whoever does not need it.
pub(crate) async fn open_to(actor: &Actor) -> Result<HashSet<Uuid>> {
    let Principal::User { id: user_id, .. } = actor.principal() else { return Ok(HashSet::new()) };
    if !actor.may(Permission::RecordReveal) {
        return Ok(HashSet::new());
    }
    // A tenant may have withdrawn what it allows: what a replica has is too old for that.
    let scope = actor.on_primary().authorize(Permission::RecordReveal)?;
    let now = scope.app().clock().now();
    let allowing =
        Query::select().column(tenant::Column::Id).from(tenant::Entity).cond_where(allowing(now)).to_owned();
    let rows = scope
        .find::<reveal::Entity>()
        .filter(reveal::Column::UserId.eq(*user_id))
        .filter(reveal::Column::ExpiresAt.gt(now))
        .filter(reveal::Column::TenantId.in_subquery(allowing))
        .limit(OPEN_MAX * MINUTES_MAX as u64)
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| row.failure_id).collect())
}

/// Whether a tenant allows the staff to look at its records.
pub fn allows(tenant: &tenant::Model, now: DateTime<Utc>) -> bool {
    tenant.support_access && tenant.support_access_until.is_none_or(|until| until > now)
}

fn allowing(now: DateTime<Utc>) -> Condition {
    Condition::all().add(tenant::Column::SupportAccess.eq(true)).add(
        Condition::any()
            .add(tenant::Column::SupportAccessUntil.is_null())
            .add(tenant::Column::SupportAccessUntil.gt(now)),
    )
}

fn view(actor: &Actor, row: reveal::Model) -> Reveal {
    Reveal {
        id: row.id,
        failure_id: row.failure_id,
        revealed_by: if actor.is_staff() { row.user_name } else { STAFF_NAME.to_owned() },
        reason: row.reason,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
