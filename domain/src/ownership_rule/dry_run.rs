//! What a rule would be about: how many of the groups that are open now. Only some are looked at, the latest, so that the
//! question is as cheap for who has many.

use std::collections::{BTreeSet, HashMap};

use entity::failure_group::{self, FailureGroupStatus};
use entity::{integration, system};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Order;
use uuid::Uuid;

use super::RuleSelectors;
use super::change::check_selectors;
use super::selector::{Facts, fits};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::notice_channel::owner;
use crate::permission::Permission;
use crate::scope::Scope;
use crate::validation::Problems;

/// Groups that one question counts, and looks at.
pub const MATCHES_MAX: i32 = 1_000;
/// Ids of one statement; far below what both databases take as parameters.
const IDS_MAX: usize = 1_000;

/// How many groups a rule would be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matches {
    /// Of the latest that are open.
    pub count: i32,
    /// How many were looked at.
    pub looked_at: i32,
    /// Whether there are more than were looked at.
    pub has_more: bool,
}

/// How many of the latest `first` open groups a rule would be about, by its selectors alone.
///
/// # Errors
/// Denied without `ownership_rules:manage`; [`Error::Argument`] for a tenant that is not there, for bad selectors, and for
/// `first` unless it is 1 to [`MATCHES_MAX`].
pub async fn matches(
    actor: &Actor,
    tenant_id: Option<Uuid>,
    selectors: &RuleSelectors,
    first: i32,
) -> Result<Matches> {
    use failure_group::Column;
    let scope = actor.authorize(Permission::OwnershipRuleManage)?;
    let mut problems = Problems::default();
    let owner = owner(actor, &scope, tenant_id, &mut problems).await?;
    check_selectors(&scope, owner.flatten(), selectors, owner.is_some(), &mut problems).await?;
    if let Err(problems) = problems.check() {
        return Err(Error::Argument { argument: "selectors", message: problems.to_string() });
    }
    if !(1..=MATCHES_MAX).contains(&first) {
        let message = format!("is {first}; it must be from 1 to {MATCHES_MAX}");
        return Err(Error::Argument { argument: "first", message });
    }
    let over = [FailureGroupStatus::Resolved, FailureGroupStatus::Ignored];
    let mut groups: Vec<(Uuid, Uuid, String, String)> = scope
        .find::<failure_group::Entity>()
        .filter_some(owner.flatten(), |id| Column::TenantId.eq(id))
        .filter(Column::FailureCount.gt(0))
        .filter(Column::MergedIntoId.is_null())
        .filter(Column::Status.is_not_in(over))
        .order_by(Column::LastSeenAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .limit(u64::from(first.unsigned_abs()) + 1)
        .tuples([Column::TenantId, Column::IntegrationId, Column::Stream, Column::Code])
        .await?;
    let first = usize::try_from(first).unwrap_or_default();
    let has_more = groups.len() > first;
    groups.truncate(first);
    let connectors = if selectors.connectors.is_empty() {
        HashMap::new()
    } else {
        connectors(&scope, groups.iter().map(|(_, integration, ..)| *integration).collect()).await?
    };
    let fitting = groups.iter().filter(|(tenant_id, integration, stream, code)| {
        let ends = connectors.get(integration);
        let facts = Facts {
            tenant_id: *tenant_id,
            code,
            stream,
            connectors: ends.map(|(source, destination)| (source.as_str(), destination.as_str())),
        };
        fits(selectors, &facts)
    });
    let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    Ok(Matches { count: number(fitting.count()), looked_at: number(groups.len()), has_more })
}

/// Of the source and of the destination of each integration.
async fn connectors(scope: &Scope, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, (String, String)>> {
    use integration::Column;
    let ends: Vec<(Uuid, Uuid, Uuid)> = scope
        .find::<integration::Entity>()
        .of_ids(Column::Id, ids)
        .tuples([Column::Id, Column::SourceId, Column::DestinationId])
        .await?;
    let systems: BTreeSet<Uuid> =
        ends.iter().flat_map(|(_, source, destination)| [*source, *destination]).collect();
    let systems: Vec<Uuid> = systems.into_iter().collect();
    let mut names: HashMap<Uuid, String> = HashMap::new();
    for part in systems.chunks(IDS_MAX) {
        let found: Vec<(Uuid, String)> = scope
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in(part.iter().copied()))
            .tuples([system::Column::Id, system::Column::Connector])
            .await?;
        names.extend(found);
    }
    let ends = ends.into_iter().filter_map(|(id, source, destination)| {
        Some((id, (names.get(&source)?.clone(), names.get(&destination)?.clone())))
    });
    Ok(ends.collect())
}
