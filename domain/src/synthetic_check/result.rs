//! Results of synthetic checks: how they are listed, and how many are kept. Deliberately absent: what they say to people.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::{integration, synthetic_result};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Status, SyntheticResult};
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent, TxScope};

/// How long results are kept, in days.
pub const KEPT_DAYS: i64 = 30;
/// Results that are kept of an integration: sixteen hours of one a minute.
pub const KEPT_MAX: u64 = 1_000;
/// Results that one statement deletes.
const PURGED_MAX: u64 = 1_000;
/// Statements of one purge; what is left is the next one's.
const PURGE_ROUNDS_MAX: u32 = 20;

/// Which results a list has; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SyntheticResultFilter {
    /// With one of these statuses.
    pub status: Option<Vec<Status>>,
}

/// A page of results for each integration, in the order in which they came.
///
/// # Errors
/// Denied without `integrations:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn results_by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
    filter: &SyntheticResultFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<SyntheticResult>>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let order = Keyset::<synthetic_result::Entity> {
        name: "synthetic_result",
        column: None,
        id: synthetic_result::Column::Id,
        direction,
    };
    let request = page.check(order.name)?;
    scope
        .find()
        .filter_some(filter.status.clone(), |status| synthetic_result::Column::Status.is_in(status))
        .pages_by_parent(
            Parent::of::<integration::Entity>(synthetic_result::Column::IntegrationId),
            integrations,
            &order,
            &request,
        )
        .await
}

/// Deletes results of an integration that are more than are kept.
pub(crate) async fn trim(tx: &TxScope, integration_id: Uuid) -> Result<()> {
    let of_it = synthetic_result::Column::IntegrationId.eq(integration_id);
    let last: Option<Uuid> = tx
        .find::<synthetic_result::Entity>()
        .select_only()
        .column(synthetic_result::Column::Id)
        .filter(of_it.clone())
        .order_by_desc(synthetic_result::Column::Id)
        .offset(KEPT_MAX)
        .limit(1)
        .into_tuple()
        .one(tx.connection())
        .await
        .doing("looking for old results of a synthetic check")?;
    let Some(last) = last else { return Ok(()) };
    tx.delete::<synthetic_result::Entity>()
        .filter(of_it)
        .filter(synthetic_result::Column::Id.lte(last))
        .exec(tx.connection())
        .await
        .doing("deleting old results of a synthetic check")?;
    Ok(())
}

/// Deletes results that are older than they are kept. Answers with how many.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(crate) async fn purge(app: &App) -> Result<u64> {
    let connection = app.across_tenants().writer();
    let old = app.clock().now() - Duration::days(KEPT_DAYS);
    let mut deleted = 0;
    for _round in 0..PURGE_ROUNDS_MAX {
        let ids = old_results(connection, old).await?;
        if ids.is_empty() {
            break;
        }
        let is_last = (ids.len() as u64) < PURGED_MAX;
        let gone = synthetic_result::Entity::delete_many()
            .filter(synthetic_result::Column::Id.is_in(ids))
            .exec(connection)
            .await
            .doing("deleting old results of synthetic checks")?;
        deleted += gone.rows_affected;
        if is_last {
            break;
        }
    }
    Ok(deleted)
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn old_results(connection: &impl ConnectionTrait, old: DateTime<Utc>) -> Result<Vec<Uuid>> {
    synthetic_result::Entity::find()
        .select_only()
        .column(synthetic_result::Column::Id)
        .filter(synthetic_result::Column::FinishedAt.lt(old))
        .order_by_asc(synthetic_result::Column::FinishedAt)
        .limit(PURGED_MAX)
        .into_tuple()
        .all(connection)
        .await
        .doing("looking for old results of synthetic checks")
}
