//! Which runbooks hang on a failure: those that fit, the most specific first.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use entity::{failure, integration, runbook, system};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Order};
use uuid::Uuid;

use super::{Runbook, built_in};
use crate::actor::Actor;
use crate::catalogue;
use crate::error::Result;
use crate::permission::Permission;

/// Runbooks that hang on one failure: nobody reads more.
const SHOWN_MAX: usize = 20;
/// Runbooks that are read for a page of failures; each may have 64 KiB.
const READ_MAX: u64 = 300;

/// The runbooks of failures, by id, of those that the caller may see: the operator's own first, the most specific of them
/// first, by integration, then code, then connector; then what ships with the product.
///
/// # Errors
/// Denied without `runbooks:read` and `failures:read`.
pub async fn by_failures(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Runbook>>> {
    let scope = actor.authorize(Permission::RunbookRead)?;
    actor.require(Permission::FailureRead)?;
    let failures =
        scope.find::<failure::Entity>().filter(failure::Column::Id.is_in(ids.iter().copied())).all().await?;
    let integrations: HashSet<Uuid> = failures.iter().map(|row| row.integration_id).collect();
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
    let codes: HashSet<&str> = failures.iter().map(|row| catalogue::entry(&row.code).code).collect();
    let names: HashSet<&str> = connectors.values().map(String::as_str).collect();
    let fits = |column: runbook::Column, among: Condition| Condition::any().add(column.is_null()).add(among);
    let rows = scope
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
        .limit(READ_MAX)
        .all()
        .await?;
    let now = scope.app().clock().now();
    let mut runbooks: Vec<Runbook> = rows.into_iter().map(|row| Runbook::of(row, now)).collect();
    runbooks.sort_by_key(|runbook| {
        let parts = (runbook.integration_id.is_some(), runbook.code.is_some(), runbook.connector.is_some());
        Reverse((parts, runbook.id))
    });
    let found = failures.into_iter().filter_map(|row| {
        let integration = integrations.get(&row.integration_id)?;
        let code = catalogue::entry(&row.code).code;
        let connectors: Vec<&String> = ends(code)
            .iter()
            .filter_map(|end| match end {
                End::Source => connectors.get(&integration.source_id),
                End::Destination => connectors.get(&integration.destination_id),
            })
            .collect();
        let is_of_it = |runbook: &&Runbook| {
            runbook.code.as_deref().is_none_or(|of| of == code)
                && runbook.connector.as_ref().is_none_or(|of| connectors.contains(&of))
                && runbook.integration_id.is_none_or(|of| of == integration.id)
        };
        let own = runbooks.iter().filter(is_of_it);
        let shown = own.chain(built_in::of_code(code)).take(SHOWN_MAX).cloned().collect();
        Some((row.id, shown))
    });
    Ok(found.collect())
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
