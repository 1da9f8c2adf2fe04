//! The audit log: who did or tried what, and what came of it. Reading only; entries come by themselves (`call`).

use async_graphql::{Context, Enum, ID, InputObject, Object};
use domain::audit::list::{self, AuditFilter as Filter};
use domain::id::Kind;

use super::caller::{actor, loaders};
use super::error::{Result, filter_text};
use super::page::{Connection, OrderDirection, arguments};
use super::run::DateTimeFilter;
use super::scalar::{DateTime, id, optional_uuid};
use super::tenant::Tenant;
use super::viewer::Role;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::AuditOutcome")]
pub enum AuditOutcome {
    /// It was done.
    Succeeded,
    /// There was nothing left to do.
    Unchanged,
    /// The input was wrong; nothing was done.
    Rejected,
    /// The caller may not do it; nothing was done.
    Denied,
    /// A fault on our side; nothing was done.
    Failed,
}

/// Somebody did something, or tried to.
pub struct AuditEntry(list::AuditEntry);

/// Somebody did something, or tried to. An entry is never changed.
#[Object]
impl AuditEntry {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::AuditEntry, self.0.id)
    }

    /// The tenant that it is about; null for what is the operator's alone.
    async fn tenant(&self, ctx: &Context<'_>) -> Option<Result<Tenant>> {
        let id = self.0.tenant_id?;
        let tenant = async { loaders(ctx)?.row(id).await };
        tenant.await.transpose().map(|tenant| tenant.map(Tenant))
    }

    /// When it was.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Id of the user, API key or portal session; null for nobody, for the operator's command line, and for staff
    /// towards a tenant.
    fn actor_id(&self) -> Option<ID> {
        self.0.actor_id.map(|id| ID(id.to_string()))
    }

    /// Their name then. A tenant reads of staff only that it was the operator's support team.
    fn actor_name(&self) -> &str {
        &self.0.actor_name
    }

    /// Their role then; null where `actorId` is.
    fn role(&self) -> Option<Role> {
        self.0.role.map(Into::into)
    }

    /// The IP address that it came from; not shown of staff towards a tenant.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// The `User-Agent` that it came with, at most 300 characters; not shown of staff towards a tenant.
    fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The request, as in the header `x-request-id` of its answer.
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Name of the mutation; `query` or `subscription` for what may not be read; a command of the operator's.
    fn operation(&self) -> &str {
        &self.0.operation
    }

    /// Id of what was changed, or was to be; null when it is nothing in particular.
    fn object_id(&self) -> Option<ID> {
        self.0.object.clone().map(ID)
    }

    /// What came of it.
    fn outcome(&self) -> AuditOutcome {
        self.0.outcome.into()
    }

    /// Codes and fields of what was wrong, the permission that was missing, or the reason that was given. Never what
    /// somebody typed as a value.
    fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }
}

/// Which entries a list has.
#[derive(Debug, Default, InputObject)]
pub struct AuditEntryFilter {
    /// About this tenant.
    tenant_id: Option<ID>,
    /// By this user, API key or portal session.
    actor_id: Option<ID>,
    /// On this object.
    object_id: Option<ID>,
    /// One of these mutations, by name.
    operation: Option<Vec<String>>,
    /// With one of these outcomes.
    outcome: Option<Vec<AuditOutcome>>,
    /// In this time.
    at: Option<DateTimeFilter>,
}

impl AuditEntryFilter {
    fn decode(self) -> domain::Result<Filter> {
        let names = self.operation.map(|names| names.into_iter().map(filter_text).collect()).transpose()?;
        let at = self.at.unwrap_or_default();
        Ok(Filter {
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            actor_id: self.actor_id.map(|id| filter_text(id.0)).transpose()?,
            object_id: self.object_id.map(|id| filter_text(id.0)).transpose()?,
            operation: names,
            outcome: self.outcome.map(|outcomes| outcomes.into_iter().map(Into::into).collect()),
            from: at.gte.map(|time| time.0),
            before: at.lt.map(|time| time.0),
        })
    }
}

/// By what entries are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AuditEntryOrderField {
    /// By time.
    #[default]
    At,
}

/// Order of a list of entries; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct AuditEntryOrder {
    /// By what.
    #[graphql(default)]
    field: AuditEntryOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of the audit log.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log: every mutation, done or refused, and every attempt to read what the caller may not. A tenant's
    /// administrators read what is about their tenant.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection has four arguments, besides its filter and its order"
    )]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        filter: Option<AuditEntryFilter>,
        order_by: Option<AuditEntryOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<AuditEntry>> {
        let filter = filter.unwrap_or_default().decode()?;
        let AuditEntryOrder { field: AuditEntryOrderField::At, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = list::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, AuditEntry))
    }
}
