//! Which runbooks hang on a failure: those that fit, the most specific first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use entity::{failure, integration, runbook, system};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Order};
use uuid::Uuid;

use super::{RUNBOOKS_MAX, Runbook, built_in};
use crate::actor::Actor;
use crate::catalogue;
use crate::error::Result;
use crate::permission::Permission;
use crate::scope::Scope;

/// Runbooks that hang on one failure: nobody reads more.
const SHOWN_MAX: usize = 20;
/// Runbooks whose bodies are read for a page of failures, those that stand first on a failure before others; each may have
/// 64 KiB.
const READ_MAX: usize = 300;

/// The runbooks of failures, by id, of those that the caller may see: the operator's own first, the most specific of them
/// first, by integration, then code, then connector; then what ships with the product.
///
/// # Errors
/// Denied without `runbooks:read` and `failures:read`.
pub async fn by_failures(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Runbook>>> {
    let scope = actor.authorize(Permission::RunbookRead)?;
    actor.require(Permission::FailureRead)?;
    let failures: Vec<(Uuid, Uuid, String)> = scope
        .find::<failure::Entity>()
        .of_ids(failure::Column::Id, ids.iter().copied())
        .tuples([failure::Column::Id, failure::Column::IntegrationId, failure::Column::Code])
        .await?;
    let integrations: HashSet<Uuid> = failures.iter().map(|(_, integration_id, _)| *integration_id).collect();
    let integrations: HashMap<Uuid, integration::Model> = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.is_in(integrations))
        .all()
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let systems: HashSet<Uuid> =
        integrations.values().flat_map(|row| [row.source_id, row.destination_id]).collect();
    let connectors: HashMap<Uuid, String> = scope
        .find::<system::Entity>()
        .filter(system::Column::Id.is_in(systems))
        .all()
        .await?
        .into_iter()
        .map(|row| (row.id, row.connector))
        .collect();
    let codes: HashSet<&str> = failures.iter().map(|(_, _, code)| catalogue::entry(code).code).collect();
    let names: HashSet<&str> = connectors.values().map(String::as_str).collect();
    let fits = |column: runbook::Column, among: Condition| Condition::any().add(column.is_null()).add(among);
    let mut places: Vec<Place> = scope
        .find::<runbook::Entity>()
        .filter(fits(runbook::Column::Code, Condition::all().add(runbook::Column::Code.is_in(codes))))
        .filter(fits(
            runbook::Column::Connector,
            Condition::all().add(runbook::Column::Connector.is_in(names)),
        ))
        .filter(fits(
            runbook::Column::IntegrationId,
            Condition::all().add(runbook::Column::IntegrationId.is_in(integrations.keys().copied())),
        ))
        .order_by(runbook::Column::Id, Order::Desc)
        .limit(RUNBOOKS_MAX)
        .tuples([
            runbook::Column::Id,
            runbook::Column::IntegrationId,
            runbook::Column::Code,
            runbook::Column::Connector,
        ])
        .await?;
    // The most specific first, and the newer of two alike.
    places.sort_by_key(|(id, integration_id, code, connector)| {
        Reverse((integration_id.is_some(), code.is_some(), connector.is_some(), *id))
    });
    let fitting: Vec<(Uuid, &'static str, Vec<Uuid>)> = failures
        .iter()
        .filter_map(|(failure_id, integration_id, code)| {
            let integration = integrations.get(integration_id)?;
            let code = catalogue::entry(code).code;
            let connectors: Vec<&String> = ends(code)
                .iter()
                .filter_map(|end| match end {
                    End::Source => connectors.get(&integration.source_id),
                    End::Destination => connectors.get(&integration.destination_id),
                })
                .collect();
            let is_of_it = |(_, of_integration, of_code, of_connector): &&Place| {
                of_code.as_deref().is_none_or(|of| of == code)
                    && of_connector.as_ref().is_none_or(|of| connectors.contains(&of))
                    && of_integration.is_none_or(|of| of == integration.id)
            };
            let own = places.iter().filter(is_of_it).take(SHOWN_MAX).map(|(id, ..)| *id).collect();
            Some((*failure_id, code, own))
        })
        .collect();
    let read = read(&scope, chosen(fitting.iter().map(|(_, _, own)| own.as_slice()))).await?;
    let found = fitting.into_iter().map(|(failure_id, code, own)| {
        let own = own.iter().filter_map(|id| read.get(id));
        let shown = own.chain(built_in::of_code(code)).take(SHOWN_MAX).cloned().collect();
        (failure_id, shown)
    });
    Ok(found.collect())
}

/// Of which integration, code and connector a runbook is, by its id.
type Place = (Uuid, Option<Uuid>, Option<String>, Option<String>);

/// Whose bodies are read: the first of each failure, then the second of each, and so on.
fn chosen<'a>(lists: impl Iterator<Item = &'a [Uuid]>) -> HashSet<Uuid> {
    let lists: Vec<&[Uuid]> = lists.collect();
    let by_rank = (0..SHOWN_MAX).flat_map(|rank| lists.iter().filter_map(move |list| list.get(rank)));
    let mut chosen = HashSet::new();
    for id in by_rank {
        if chosen.len() == READ_MAX {
            break;
        }
        chosen.insert(*id);
    }
    chosen
}

async fn read(scope: &Scope, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, Runbook>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = scope.find::<runbook::Entity>().of_ids(runbook::Column::Id, ids).all().await?;
    let now = scope.app().clock().now();
    Ok(rows.into_iter().map(|row| (row.id, Runbook::of(row, now))).collect())
}

enum End {
    Source,
    Destination,
}

/// Whose connector may be to blame.
fn ends(code: &str) -> &'static [End] {
    if code.starts_with("source.") {
        &[End::Source]
    } else if code.starts_with("destination.") || code.starts_with("reconciliation.") {
        &[End::Destination]
    } else {
        &[End::Source, End::Destination]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::{READ_MAX, chosen};

    #[test]
    fn what_stands_first_is_read_before_what_stands_behind_it() {
        let id = |failure: usize, rank: usize| Uuid::from_u128((failure * 100 + rank) as u128 + 1);
        let lists: Vec<Vec<Uuid>> =
            (0..100).map(|failure| (0..20).map(|rank| id(failure, rank)).collect()).collect();
        let found = chosen(lists.iter().map(Vec::as_slice));
        let expected: HashSet<Uuid> =
            (0..READ_MAX / 100).flat_map(|rank| (0..100).map(move |failure| id(failure, rank))).collect();
        assert_eq!(found, expected);
        // What several have is read once.
        let found = chosen([&lists[0][..2], &lists[0][..2], &[]].into_iter());
        assert_eq!(found, HashSet::from([id(0, 0), id(0, 1)]));
    }
}
