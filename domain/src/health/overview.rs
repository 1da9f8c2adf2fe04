//! How the integrations of a tenant are together, and those of all: how many there are of each status.

use std::collections::HashMap;

use entity::integration_health;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, FromQueryResult, QuerySelect};
use uuid::Uuid;

use super::rollup::Owners;
use super::shown;
use super::status::{HealthStatus, IS_RUNNING, severity};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scope::Scope;

/// How the integrations of a tenant are, or of all.
#[derive(Clone, Debug)]
pub struct Overview {
    /// How many there are of each status, those that there are, the worst first. Archived ones are none of them.
    pub counts: Vec<(HealthStatus, i64)>,
}

impl Overview {
    /// The worst of the statuses; UNKNOWN where there is no integration.
    pub fn status(&self) -> HealthStatus {
        self.counts.first().map_or(HealthStatus::Unknown, |(status, _count)| *status)
    }
}

/// How the integrations of tenants are, in one statement.
///
/// # Errors
/// As [`by_integrations`](super::by_integrations).
pub async fn by_tenants(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Overview>> {
    let scope = actor.authorize(Permission::RunRead)?;
    overviews(&scope, Owners::Tenants(ids), ids.iter().copied()).await
}

/// How the integrations of all tenants are together.
///
/// # Errors
/// Denied without `diagnostics:read`, which the operator's staff have.
pub async fn platform(actor: &Actor) -> Result<Overview> {
    let scope = actor.authorize(Permission::DiagnosticsRead)?;
    let mut all = overviews(&scope, Owners::All, [Uuid::nil()]).await?;
    all.remove(&Uuid::nil()).ok_or_else(|| Error::internal("reading how the platform is", "it is not there"))
}

#[derive(FromQueryResult)]
struct StatusCount {
    tenant_id: Uuid,
    status: HealthStatus,
    is_running: bool,
    integrations: i64,
}

async fn overviews(
    scope: &Scope,
    owners: Owners<'_>,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Overview>> {
    use integration_health::Column;
    let rows = scope.find::<integration_health::Entity>().filter(Column::Status.ne(HealthStatus::Archived));
    let rows = match owners {
        Owners::Tenants(tenants) => rows.filter(Column::TenantId.is_in(tenants.iter().copied())),
        _ => rows,
    };
    let counts = rows
        .shaped::<StatusCount>(|select| {
            select
                .select_only()
                .column(Column::TenantId)
                .column(Column::Status)
                .column_as(Expr::cust(IS_RUNNING), "is_running")
                .column_as(Expr::cust("CAST(count(*) AS bigint)"), "integrations")
                .group_by(Column::TenantId)
                .group_by(Column::Status)
                .group_by(Expr::cust(IS_RUNNING))
        })
        .await?;
    let mut by_owner: HashMap<Uuid, HashMap<HealthStatus, i64>> = HashMap::new();
    for row in counts {
        let owner = if matches!(owners, Owners::All) { Uuid::nil() } else { row.tenant_id };
        let status = shown(row.status, row.is_running);
        *by_owner.entry(owner).or_default().entry(status).or_default() += row.integrations;
    }
    let overview = |id: Uuid| {
        let mut counts: Vec<(HealthStatus, i64)> =
            by_owner.remove(&id).unwrap_or_default().into_iter().collect();
        counts.sort_by_key(|(status, _count)| (-severity(*status), *status));
        (id, Overview { counts })
    };
    Ok(ids.into_iter().map(overview).collect())
}
