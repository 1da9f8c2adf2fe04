//! Policies: which occasions are told where, and when. One policy looks at everything of its owner, so that nobody has to
//! set one up for each integration. A tenant has its own, the operator the operator's, over some tenants or all.
//!
//! Deliberately absent: what becomes of an occasion (`background`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::failure::{self, ResponsibleParty};
use entity::notice_policy::{self, NoticeSelectors, NoticeTiming, OccasionKindList, UuidList};
use entity::occasion::OccasionKind;
use entity::{integration, notice, notice_channel, notice_subject, tenant};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, Entry, names};
use crate::catalogue;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::failure_group::is_ours;
use crate::id::{GlobalId, Kind, new_id};
use crate::notice::door;
use crate::notice::timing::parse_time;
use crate::notice::words::{code_of, count_of, impact_of, is_recovery, party_of};
use crate::notice_channel::{OwnerFilter, is_of, is_or_is_not_null, owner};
use crate::occasion::is_internal;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::schedule::parse_time_zone;
use crate::scope::{Keyset, Scope};
use crate::validation::{NAME_CHARS_MAX, Problems};

pub use entity::notice_policy::{
    Model as NoticePolicy, NoticeSelectors as Selectors, NoticeTiming as Timing,
};

/// Policies of one owner. Each occasion is held against all of them.
pub const POLICIES_MAX: u64 = 20;
/// Channels of one policy: with all its policies an owner has 200 notices of one occasion at most.
pub const POLICY_CHANNELS_MAX: usize = 10;
/// Values of one selector.
pub const VALUES_MAX: usize = 100;
/// Notices an hour that a policy may allow, and of one that names no number.
pub const HOURLY_MAX: i32 = 1_000;
/// Notices an hour when nobody says.
pub const HOURLY_DEFAULT: i32 = 20;

/// A policy to make, or what a policy is to be.
#[derive(Clone, Debug)]
pub struct NewNoticePolicy {
    /// Whose; `None` for the caller's own tenant, or the operator of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// Whether it tells anything.
    pub is_enabled: bool,
    /// Of what it tells; nil for ids that can't be read.
    pub selectors: NoticeSelectors,
    /// Where it tells it; nil for ids that can't be read.
    pub channel_ids: Vec<Uuid>,
    /// When.
    pub delivery: NoticeTiming,
    /// DAILY: at which hour of the day.
    pub digest_hour: Option<i32>,
    /// IANA name; UTC when there is none.
    pub time_zone: Option<String>,
    /// From when to when nothing is sent, `HH:MM`.
    pub quiet_hours: Option<(String, String)>,
    /// What is sent all the same.
    pub quiet_override: Vec<OccasionKind>,
    /// Notices an hour, at most.
    pub hourly_max: Option<i32>,
}

/// What changes of a policy; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct NoticePolicyChanges {
    /// Name for people.
    pub name: Option<String>,
    /// Whether it tells anything.
    pub is_enabled: Option<bool>,
    /// Of what it tells, all of it.
    pub selectors: Option<NoticeSelectors>,
    /// Where it tells it.
    pub channel_ids: Option<Vec<Uuid>>,
    /// When.
    pub delivery: Option<NoticeTiming>,
    /// DAILY: at which hour of the day; `Some(None)` for midnight.
    pub digest_hour: Option<Option<i32>>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// From when to when nothing is sent; `Some(None)` for never.
    pub quiet_hours: Option<Option<(String, String)>>,
    /// What is sent all the same.
    pub quiet_override: Option<Vec<OccasionKind>>,
    /// Notices an hour, at most; `Some(None)` for [`HOURLY_MAX`].
    pub hourly_max: Option<Option<i32>>,
}

/// Policies by id, those that the caller may see.
///
/// # Errors
/// Denied without `notices:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, NoticePolicy>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let rows = scope
        .find::<notice_policy::Entity>()
        .of_ids(notice_policy::Column::Id, ids.iter().copied())
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of policies, by id.
///
/// # Errors
/// Denied without `notices:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &OwnerFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<NoticePolicy>> {
    let scope = actor.authorize(Permission::NoticeRead)?;
    let keyset = Keyset { name: "policy", column: None, id: notice_policy::Column::Id, direction };
    scope
        .find::<notice_policy::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is| is_or_is_not_null(notice_policy::Column::TenantId, is))
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// Makes a policy.
///
/// # Errors
/// Denied without `notices:manage`. Rejected, all at once: `REQUIRED` or `NOT_FOUND` tenantId; a bad name, selector,
/// channel, hour, time zone, quietHours or hourlyMax; `LIMIT_REACHED` beyond [`POLICIES_MAX`].
pub async fn create(actor: &Actor, new: NewNoticePolicy) -> Result<NoticePolicy> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let (app, now) = (scope.app(), scope.app().clock().now());
    let mut problems = Problems::default();
    let owner = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    if let Some(owner) = owner {
        let of_owner =
            scope.find::<notice_policy::Entity>().filter(is_of(notice_policy::Column::TenantId, owner));
        if of_owner.count().await? >= POLICIES_MAX {
            let message = format!("there are {POLICIES_MAX} policies already; delete one first");
            problems.add(ProblemCode::LimitReached, "name", message);
        }
    }
    let (quiet_from, quiet_until) = new.quiet_hours.unzip();
    let row = notice_policy::Model {
        id: new_id(),
        tenant_id: owner.flatten(),
        name: new.name,
        is_enabled: new.is_enabled,
        is_default: false,
        selectors: new.selectors,
        channel_ids: UuidList(new.channel_ids),
        delivery: new.delivery,
        digest_hour: new.digest_hour,
        time_zone: new.time_zone.unwrap_or_else(|| "UTC".to_owned()),
        quiet_from,
        quiet_until,
        quiet_override: OccasionKindList(new.quiet_override),
        hourly_max: new.hourly_max,
        window_from: None,
        window_count: 0,
        created_at: now,
        updated_at: now,
    };
    let row = checked(&scope, row, owner.is_some(), &mut problems).await?;
    problems.check()?;
    let tx = app.database().begin_of(row.tenant_id).await?;
    keep_channels(&tx, &row).await?;
    door::insert::<notice_policy::Entity>(&tx, row.clone(), "storing a policy").await?;
    audit::commit(tx, entry(&row, None), "committing a policy").await?;
    Ok(row)
}

/// Changes a policy. What one that is switched off has gathered is sent now, and of what it told nothing more is told.
///
/// # Errors
/// Denied without `notices:manage`. Rejected, all at once: `NOT_FOUND` policyId; as [`create`]; `CONFLICT` policyId when
/// somebody else changes it meanwhile.
pub async fn update(actor: &Actor, id: Uuid, changes: NoticePolicyChanges) -> Result<NoticePolicy> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let row = found(&scope, id).await?;
    let (app, now) = (scope.app(), scope.app().clock().now());
    let detail = names([
        ("name", changes.name.is_some()),
        ("enabled", changes.is_enabled.is_some()),
        ("selectors", changes.selectors.is_some()),
        ("channelIds", changes.channel_ids.is_some()),
        ("delivery", changes.delivery.is_some()),
        ("digestHour", changes.digest_hour.is_some()),
        ("timeZone", changes.time_zone.is_some()),
        ("quietHours", changes.quiet_hours.is_some()),
        ("quietOverride", changes.quiet_override.is_some()),
        ("hourlyMax", changes.hourly_max.is_some()),
    ]);
    let (quiet_from, quiet_until) = match changes.quiet_hours {
        Some(hours) => hours.unzip(),
        None => (row.quiet_from.clone(), row.quiet_until.clone()),
    };
    let next = notice_policy::Model {
        name: changes.name.unwrap_or_else(|| row.name.clone()),
        is_enabled: changes.is_enabled.unwrap_or(row.is_enabled),
        selectors: changes.selectors.unwrap_or_else(|| row.selectors.clone()),
        channel_ids: changes.channel_ids.map_or_else(|| row.channel_ids.clone(), UuidList),
        delivery: changes.delivery.unwrap_or(row.delivery),
        digest_hour: changes.digest_hour.unwrap_or(row.digest_hour),
        time_zone: changes.time_zone.unwrap_or_else(|| row.time_zone.clone()),
        quiet_from,
        quiet_until,
        quiet_override: changes.quiet_override.map_or_else(|| row.quiet_override.clone(), OccasionKindList),
        hourly_max: changes.hourly_max.unwrap_or(row.hourly_max),
        updated_at: now,
        ..row.clone()
    };
    let mut problems = Problems::default();
    let next = checked(&scope, next, true, &mut problems).await?;
    problems.check()?;
    let tx = app.database().begin_of(row.tenant_id).await?;
    keep_channels(&tx, &next).await?;
    use notice_policy::Column;
    let stored = door::update::<notice_policy::Entity>()
        .col_expr(Column::Name, Expr::value(next.name.clone()))
        .col_expr(Column::IsEnabled, Expr::value(next.is_enabled))
        .col_expr(Column::Selectors, Expr::value(next.selectors.clone()))
        .col_expr(Column::ChannelIds, Expr::value(next.channel_ids.clone()))
        .col_expr(Column::Delivery, Expr::value(next.delivery))
        .col_expr(Column::DigestHour, Expr::value(next.digest_hour))
        .col_expr(Column::TimeZone, Expr::value(next.time_zone.clone()))
        .col_expr(Column::QuietFrom, Expr::value(next.quiet_from.clone()))
        .col_expr(Column::QuietUntil, Expr::value(next.quiet_until.clone()))
        .col_expr(Column::QuietOverride, Expr::value(next.quiet_override.clone()))
        .col_expr(Column::HourlyMax, Expr::value(next.hourly_max))
        .col_expr(Column::UpdatedAt, Expr::value(next.updated_at))
        .filter(Column::Id.eq(id))
        .filter(Column::UpdatedAt.eq(row.updated_at))
        .exec(&tx)
        .await
        .doing("storing a policy")?;
    if stored.rows_affected == 0 {
        return Err(Error::conflict("policyId", "was changed by somebody else just now; look at it again"));
    }
    if row.is_enabled && !next.is_enabled {
        conclude(&tx, id, now).await?;
    }
    audit::commit(tx, entry(&next, Some(detail)), "committing a policy").await?;
    Ok(next)
}

/// Deletes a policy. What it has gathered is sent now.
///
/// # Errors
/// Denied without `notices:manage`. Rejected: `NOT_FOUND` policyId; `CONFLICT` when it is there by itself.
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::NoticeManage)?;
    let row = found(&scope, id).await?;
    if row.is_default {
        return Err(Error::conflict("policyId", "is there by itself; it can be switched off"));
    }
    let app = scope.app();
    let tx = app.database().begin_of(row.tenant_id).await?;
    // First of all, as a step has policies before their notices.
    door::delete::<notice_policy::Entity>()
        .filter(notice_policy::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a policy")?;
    conclude(&tx, id, app.clock().now()).await?;
    audit::commit(tx, entry(&row, Some(row.name.clone())), "committing a deletion").await
}

/// Whether a policy tells of an occasion, which this failure shows. That something is over it tells of by itself only where
/// that kind is named: whoever was told that it began is told all the same.
pub(crate) fn selects(
    policy: &NoticePolicy,
    occasion: &entity::occasion::Model,
    failure: Option<&failure::Model>,
) -> bool {
    fn open_or<T: PartialEq>(values: &[T], value: Option<&T>) -> bool {
        values.is_empty() || value.is_some_and(|value| values.contains(value))
    }
    let selectors = &policy.selectors;
    // As the text says it.
    let code = code_of(occasion, failure);
    let category = code.map(|code| catalogue::entry(code).category);
    // Who of the operator has something is nothing that a tenant is told, by silence neither: to it the operator is one.
    let meant = |party| match policy.tenant_id {
        Some(_) if is_ours(party) => ResponsibleParty::Support,
        _ => party,
    };
    let party = party_of(occasion, failure).map(meant);
    let parties: Vec<_> = selectors.responsible_parties.iter().copied().map(meant).collect();
    let is_asked = selectors.kinds.contains(&occasion.kind)
        || (selectors.kinds.is_empty() && !is_recovery(occasion.kind));
    policy.is_enabled
        && is_asked
        && (policy.tenant_id.is_none() || !is_internal(occasion))
        && open_or(&selectors.tenant_ids, occasion.tenant_id.as_ref())
        && open_or(&selectors.integration_ids, occasion.integration_id.as_ref())
        && open_or(&selectors.codes, code.map(str::to_owned).as_ref())
        && open_or(&selectors.categories, category.as_ref())
        && open_or(&parties, party.as_ref())
        && (selectors.count_min <= 0 || count_of(occasion).is_some_and(|count| count >= selectors.count_min))
        && selectors
            .impact_min
            .is_none_or(|min| impact_of(occasion, failure).is_some_and(|impact| impact >= min))
}

/// Sends now what a policy has gathered, and forgets what it told.
async fn conclude(connection: &impl ConnectionTrait, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    door::update::<notice::Entity>()
        .col_expr(notice::Column::DueAt, Expr::value(Some(now)))
        .filter(notice::Column::PolicyId.eq(id))
        .filter(notice::Column::SentAt.is_null())
        .exec(connection)
        .await
        .doing("sending what a policy has gathered")?;
    door::delete::<notice_subject::Entity>()
        .filter(notice_subject::Column::PolicyId.eq(id))
        .exec(connection)
        .await
        .doing("forgetting what a policy told")?;
    Ok(())
}

/// A policy as it is stored, with all that is wrong with it.
async fn checked(
    scope: &Scope,
    row: NoticePolicy,
    has_owner: bool,
    problems: &mut Problems,
) -> Result<NoticePolicy> {
    let name = problems.text("name", &row.name, NAME_CHARS_MAX);
    let time_zone = match parse_time_zone(&row.time_zone) {
        Ok(zone) => zone.name().to_owned(),
        Err(problem) => {
            problems.push(problem);
            row.time_zone.clone()
        }
    };
    if row.digest_hour.is_some_and(|hour| !(0..=23).contains(&hour)) {
        problems.add(ProblemCode::Invalid, "digestHour", "must be 0 to 23");
    } else if row.digest_hour.is_some() && row.delivery != NoticeTiming::Daily {
        problems.add(ProblemCode::Invalid, "digestHour", "goes with DAILY only");
    }
    if let (Some(from), Some(until)) = (&row.quiet_from, &row.quiet_until) {
        let times = (parse_time(from), parse_time(until));
        match times {
            (Some(from), Some(until)) if from == until => {
                problems.add(ProblemCode::Invalid, "quietHours", "must not be the whole day");
            }
            (Some(_), Some(_)) => {}
            _ => problems.add(ProblemCode::Invalid, "quietHours", "must be times of day like 22:00"),
        }
    }
    if row.hourly_max.is_some_and(|max| !(1..=HOURLY_MAX).contains(&max)) {
        problems.add(ProblemCode::Invalid, "hourlyMax", format!("must be 1 to {HOURLY_MAX}"));
    }
    check_selectors(scope, &row, has_owner, problems).await?;
    check_channels(scope, &row, has_owner, problems).await?;
    Ok(NoticePolicy { name, time_zone, ..row })
}

async fn check_selectors(
    scope: &Scope,
    row: &NoticePolicy,
    has_owner: bool,
    problems: &mut Problems,
) -> Result<()> {
    let selectors = &row.selectors;
    for (field, count) in [
        ("tenantIds", selectors.tenant_ids.len()),
        ("integrationIds", selectors.integration_ids.len()),
        ("codes", selectors.codes.len()),
    ] {
        if count > VALUES_MAX {
            let message = format!("has {count} values; at most {VALUES_MAX} are allowed");
            problems.add(ProblemCode::TooLong, field, message);
            return Ok(());
        }
    }
    if selectors.count_min < 0 {
        problems.add(ProblemCode::Invalid, "countMin", "must not be negative");
    }
    for (index, code) in selectors.codes.iter().enumerate() {
        if catalogue::entry(code).code != code {
            problems.add_at(ProblemCode::NotFound, "codes", index, "is no code of the error catalogue");
        }
    }
    if !has_owner {
        return Ok(());
    }
    if !selectors.tenant_ids.is_empty() {
        if row.tenant_id.is_some() {
            problems.add(ProblemCode::Invalid, "tenantIds", "are for policies of the operator");
        } else {
            let ids = selectors.tenant_ids.iter().copied();
            let there: Vec<Uuid> = scope
                .find::<tenant::Entity>()
                .of_ids(tenant::Column::Id, ids)
                .all()
                .await?
                .into_iter()
                .map(|row| row.id)
                .collect();
            problems.missing("tenantIds", &selectors.tenant_ids, |id| there.contains(&id), "tenant");
        }
    }
    if !selectors.integration_ids.is_empty() {
        let ids = selectors.integration_ids.iter().copied();
        let there: Vec<Uuid> = scope
            .find::<integration::Entity>()
            .of_ids(integration::Column::Id, ids)
            .filter_some(row.tenant_id, |id| integration::Column::TenantId.eq(id))
            .all()
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        let is_there = |id| there.contains(&id);
        problems.missing("integrationIds", &selectors.integration_ids, is_there, "integration");
    }
    Ok(())
}

/// Channels are of the same owner.
async fn check_channels(
    scope: &Scope,
    row: &NoticePolicy,
    has_owner: bool,
    problems: &mut Problems,
) -> Result<()> {
    let ids = &row.channel_ids.0;
    if ids.is_empty() {
        problems.add(ProblemCode::Required, "channelIds", "must name a channel");
    } else if ids.len() > POLICY_CHANNELS_MAX {
        let message = format!("has {} channels; at most {POLICY_CHANNELS_MAX} are allowed", ids.len());
        problems.add(ProblemCode::TooLong, "channelIds", message);
    } else if has_owner {
        let there: Vec<Uuid> = scope
            .find::<notice_channel::Entity>()
            .of_ids(notice_channel::Column::Id, ids.iter().copied())
            .filter(is_of(notice_channel::Column::TenantId, row.tenant_id))
            .all()
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        problems.missing("channelIds", ids, |id| there.contains(&id), "channel");
    }
    Ok(())
}

/// Keeps others from deleting the channels of a policy until it is stored.
async fn keep_channels(tx: &DatabaseTransaction, row: &NoticePolicy) -> Result<()> {
    let ids = &row.channel_ids.0;
    let there: Vec<Uuid> = door::find::<notice_channel::Entity>()
        .select_only()
        .column(notice_channel::Column::Id)
        .filter(notice_channel::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(notice_channel::Column::Id)
        .lock(LockType::Share)
        .into_tuple()
        .all(tx)
        .await
        .doing("locking the channels of a policy")?;
    let mut problems = Problems::default();
    problems.missing("channelIds", ids, |id| there.contains(&id), "channel");
    problems.check()
}

async fn found(scope: &Scope, id: Uuid) -> Result<NoticePolicy> {
    scope
        .find::<notice_policy::Entity>()
        .of_id(notice_policy::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("policyId", "policy"))
}

fn entry(row: &NoticePolicy, detail: Option<String>) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::NoticePolicy, row.id))).detail(detail)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::failure::Impact;
    use entity::failure::ResponsibleParty::{self, Customer, Engineering, Support, ThirdParty};
    use entity::notice_policy::{NoticeSelectors, NoticeTiming, OccasionKindList, UuidList};
    use entity::occasion::OccasionKind;
    use sea_orm::ActiveEnum;
    use uuid::Uuid;

    use super::{NoticePolicy, selects};
    use crate::occasion::NewOccasion;

    fn policy(impact_min: Option<Impact>) -> NoticePolicy {
        NoticePolicy {
            id: Uuid::nil(),
            tenant_id: None,
            name: "harmful".to_owned(),
            is_enabled: true,
            is_default: false,
            selectors: NoticeSelectors { impact_min, ..NoticeSelectors::default() },
            channel_ids: UuidList::default(),
            delivery: NoticeTiming::Instant,
            digest_hour: None,
            time_zone: "UTC".to_owned(),
            quiet_from: None,
            quiet_until: None,
            quiet_override: OccasionKindList::default(),
            hourly_max: None,
            window_from: None,
            window_count: 0,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_policy_tells_of_what_matters_as_much_as_it_says_and_of_no_more() {
        let of = |kind, impact: Option<&str>| {
            let occasion = NewOccasion::new(kind);
            let occasion = match impact {
                Some(impact) => occasion.detail("impact", impact),
                None => occasion,
            };
            occasion.row(Some(Uuid::nil()), DateTime::UNIX_EPOCH)
        };
        for (min, kind, impact, expected) in [
            (None, OccasionKind::GroupNew, Some("LOW"), true),
            (None, OccasionKind::Late, None, true),
            (Some(Impact::High), OccasionKind::GroupNew, Some("MEDIUM"), false),
            (Some(Impact::High), OccasionKind::GroupNew, Some("HIGH"), true),
            (Some(Impact::High), OccasionKind::GroupEscalating, Some("CRITICAL"), true),
            (Some(Impact::Low), OccasionKind::Late, None, false),
        ] {
            let occasion = of(kind, impact);
            assert_eq!(selects(&policy(min), &occasion, None), expected, "{min:?} {kind:?} {impact:?}");
        }
    }

    #[test]
    fn to_a_tenant_the_operator_is_one_party() {
        let is_told = |owner: Option<Uuid>, asked: ResponsibleParty, party: ResponsibleParty| {
            let told = NewOccasion::new(OccasionKind::Escalated);
            let told = told.detail("responsibleParty", party.to_value());
            let occasion = told.row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
            let mut policy = NoticePolicy { tenant_id: owner, ..policy(None) };
            policy.selectors.responsible_parties = vec![asked];
            selects(&policy, &occasion, None)
        };
        for (asked, party, tenant, operator) in [
            (Support, Engineering, true, false),
            (Engineering, Support, true, false),
            (Support, Support, true, true),
            (Support, Customer, false, false),
            (Customer, Support, false, false),
            (ThirdParty, Engineering, false, false),
        ] {
            assert_eq!(is_told(Some(Uuid::nil()), asked, party), tenant, "a tenant: {asked:?} {party:?}");
            assert_eq!(is_told(None, asked, party), operator, "the operator: {asked:?} {party:?}");
        }
    }
}
