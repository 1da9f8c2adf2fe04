//! The inbox of failures: the groups on which the caller's side acts next, the most urgent first. Deliberately absent: how
//! urgent a group is (`impact`), and what may be done about it.

use entity::failure::{Impact, ResponsibleParty};
use entity::failure_group;
use entity::integration::{self, IntegrationStatus};
use entity::user::Role;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, FromQueryResult, Iterable, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::failure_group::{FailureGroup, FailureGroupOrder, keyset, view};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Scope, ScopedSelect};

/// Groups about which somebody should do something: over, ignored or put off they are not. Literally as in the predicate of
/// the indexes, which SQLite finds by its text.
const WAITS: &str = "failure_group.status NOT IN ('RESOLVED', 'IGNORED', 'SNOOZED')";

/// Which groups an inbox has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of this integration.
    pub integration_id: Option<Uuid>,
    /// On which so much or more depends.
    pub impact_min: Option<Impact>,
}

/// How many groups of an inbox there are of each impact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// CRITICAL.
    pub critical: i64,
    /// HIGH.
    pub high: i64,
    /// MEDIUM.
    pub medium: i64,
    /// LOW.
    pub low: i64,
}

/// A page of the caller's inbox, the most urgent first.
///
/// # Errors
/// Denied without `failures:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(actor: &Actor, filter: &InboxFilter, page: &PageArguments) -> Result<Page<FailureGroup>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let order = keyset(FailureGroupOrder::Urgency, Direction::Descending);
    let rows = filtered(actor, &scope, filter).page(&order, &page.check(order.name)?).await?;
    Ok(rows.map(|row| view(actor, row)))
}

/// How many groups of each impact the caller's inbox has.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn counts(actor: &Actor, filter: &InboxFilter) -> Result<InboxCounts> {
    #[derive(FromQueryResult)]
    struct Counted {
        impact: Impact,
        groups: i64,
    }
    let scope = actor.authorize(Permission::FailureRead)?;
    let counted: Vec<Counted> = filtered(actor, &scope, filter)
        .shaped(|select| {
            select
                .select_only()
                .column(failure_group::Column::Impact)
                .column_as(Expr::cust("CAST(count(*) AS bigint)"), "groups")
                .group_by(failure_group::Column::Impact)
        })
        .await?;
    let mut counts = InboxCounts::default();
    for Counted { impact, groups } in counted {
        let of_it = match impact {
            Impact::Critical => &mut counts.critical,
            Impact::High => &mut counts.high,
            Impact::Medium => &mut counts.medium,
            Impact::Low => &mut counts.low,
        };
        *of_it = groups;
    }
    Ok(counts)
}

fn filtered(actor: &Actor, scope: &Scope, filter: &InboxFilter) -> ScopedSelect<failure_group::Entity> {
    use failure_group::Column;
    let is_theirs = match actor.role().map(parties).unwrap_or_default() {
        // An index has those of one in their order.
        [one] => Column::ResponsibleParty.eq(*one),
        several => Column::ResponsibleParty.is_in(several.iter().copied()),
    };
    // Nobody is to do anything about those any more; they stay in the lists of groups.
    let archived = Query::select()
        .expr(Expr::val(1))
        .from(integration::Entity)
        .and_where(
            Expr::col((integration::Entity, integration::Column::Id))
                .equals((failure_group::Entity, Column::IntegrationId)),
        )
        .and_where(integration::Column::Status.eq(IntegrationStatus::Archived))
        .to_owned();
    scope
        .find::<failure_group::Entity>()
        .filter(is_theirs)
        .filter(Expr::exists(archived).not())
        .filter(Expr::cust(WAITS))
        // One that is only being made.
        .filter(Column::FailureCount.gt(0))
        .filter(Column::MergedIntoId.is_null())
        .of_tenant(filter.tenant_id)
        .under::<integration::Entity>(Column::IntegrationId, filter.integration_id)
        .filter_some(filter.impact_min, |min| Column::Impact.is_in(impacts(min)))
}

/// From so much on.
fn impacts(min: Impact) -> impl Iterator<Item = Impact> {
    Impact::iter().filter(move |impact| *impact >= min)
}

/// On whose groups the people of a role act. What the maker of another system is to do, support sees to.
fn parties(role: Role) -> &'static [ResponsibleParty] {
    match role {
        Role::PlatformAdmin => {
            &[ResponsibleParty::Support, ResponsibleParty::Engineering, ResponsibleParty::ThirdParty]
        }
        Role::Engineer => &[ResponsibleParty::Engineering],
        Role::Support => &[ResponsibleParty::Support, ResponsibleParty::ThirdParty],
        Role::TenantAdmin | Role::TenantMember | Role::TenantViewer | Role::Partner | Role::Portal => {
            &[ResponsibleParty::Customer]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Impact, impacts};

    #[test]
    fn so_much_or_more_is_all_that_is_not_less() {
        let all = [Impact::Low, Impact::Medium, Impact::High, Impact::Critical];
        assert_eq!(impacts(Impact::Low).collect::<Vec<_>>(), all);
        assert_eq!(impacts(Impact::High).collect::<Vec<_>>(), all[2..]);
    }
}
