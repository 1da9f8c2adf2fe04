//! For how long history is kept.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::retention;

use super::caller::actor;
use super::error::Result;
use super::scalar::uuid;
use super::tenant::TenantPayload;

/// What is kept for a time. Receipts of what was written, the audit log, and sums of health and KPIs are none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::retention::RetentionKind")]
pub enum RetentionKind {
    /// Runs, from their end: with their events, streams, measures and lines of the log. One that something refers to stays
    /// until that has gone: a failure, a stream's progress, what is retried, the last run of an integration.
    Runs,
    /// Failures, from when they are resolved, skipped or superseded. Open ones stay, and their runs with them.
    Failures,
    /// Records of such failures, and the requests to outside systems that these came of. The failure stays, and says so.
    Records,
    /// Lines of the log, from when they are logged.
    LogLines,
}

/// How long one kind is kept of a tenant.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct TenantRetention {
    /// What.
    kind: RetentionKind,
    /// For how many days: it goes within a day then. Null: for ever.
    days: Option<i32>,
    /// Whether it is what the operator says for all tenants.
    is_default: bool,
}

impl From<retention::Retention> for TenantRetention {
    fn from(kept: retention::Retention) -> Self {
        let days = kept.days.map(u32::cast_signed);
        Self { kind: kept.kind.into(), days, is_default: kept.is_default }
    }
}

/// How long something is kept of a tenant.
#[derive(InputObject)]
pub struct SetTenantRetentionInput {
    /// Which tenant.
    tenant_id: ID,
    /// What is kept.
    kind: RetentionKind,
    /// For how many days, 1 to 3,650; null for what the operator says for all. What has been kept longer already is deleted
    /// from now on, and does not come back.
    days: Option<i32>,
}

/// Mutations of how long things are kept.
#[derive(Default)]
pub struct RetentionMutation;

#[Object]
impl RetentionMutation {
    /// Says how long one kind of a tenant's history is kept; `Tenant.retention` tells.
    async fn set_tenant_retention(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant, what, and for how long.")] input: SetTenantRetentionInput,
    ) -> Result<TenantPayload> {
        let id = uuid(Kind::Tenant, &input.tenant_id);
        TenantPayload::of(retention::set(&actor(ctx)?, id, input.kind.into(), input.days).await)
    }
}
