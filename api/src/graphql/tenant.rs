//! Customers of the operator.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::failure::FailureParent;
use domain::failure_group::FailureGroupParent;
use domain::id::Kind;
use domain::reveal;
use domain::run::RunParent;
use domain::tenant::{self, TenantKey};

use super::caller::{actor, caller, loaders};
use super::error::{ResolverError, Result, UserError, outcome};
use super::failure::{Failure, FailureFilter, FailureOrder, failure_list};
use super::failure_group::{FailureGroup, FailureGroupFilter, FailureGroupOrder};
use super::health::HealthOverview;
use super::integration::{Integration, IntegrationFilter, IntegrationOrder, integration_list};
use super::loader::{FailureGroups, Failures, HealthOwner, Integrations, Runs, Systems};
use super::page::{Connection, Listed, OrderDirection, arguments};
use super::retention::TenantRetention;
use super::run::{Run, RunFilter, RunOrder, run_list};
use super::scalar::{DateTime, id, uuid};
use super::system::{System, SystemFilter, SystemOrder};

/// Whether a tenant's runs may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::tenant::TenantStatus")]
pub enum TenantStatus {
    /// Everything works.
    Active,
    /// Runs wait queued, nothing new starts, its people look and change nothing.
    Suspended,
}

/// A customer of the operator; owns everything below it.
#[derive(Clone)]
pub struct Tenant(pub(super) tenant::Tenant);

/// A customer of the operator; owns everything below it.
#[Object]
impl Tenant {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Tenant, self.0.id)
    }

    /// Short name in paths: 2 to 63 characters of a-z, 0-9 and -; unique, and for good.
    fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The operator's own id for this customer; unique, optional.
    fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Whether its runs may start.
    fn status(&self) -> TenantStatus {
        self.0.status.into()
    }

    /// Why it is suspended; null while it is active.
    fn status_reason(&self) -> Option<&str> {
        self.0.status_reason.as_deref()
    }

    /// Whether its administrators allow the operator's staff to look at records, each for minutes and for a reason.
    async fn support_access(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(reveal::allows(&self.0, caller(ctx)?.app().clock().now()))
    }

    /// Until when they allow it; null: for as long as `supportAccess` is true, or not at all.
    fn support_access_until(&self) -> Option<DateTime> {
        self.0.support_access_until.map(Into::into)
    }

    /// Runs of it at once, where it has a number of its own; null: what `TRESTLE_TENANT_CONCURRENCY` says.
    fn run_concurrency(&self) -> Option<i32> {
        self.0.run_concurrency
    }

    /// How long each kind of its history is kept.
    async fn retention(&self, ctx: &Context<'_>) -> Result<Vec<TenantRetention>> {
        let kept = loaders(ctx)?.retention(self.0.id).await?;
        Ok(kept.into_iter().map(Into::into).collect())
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Its integrations.
    async fn integrations(
        &self,
        ctx: &Context<'_>,
        filter: Option<IntegrationFilter>,
        order_by: Option<IntegrationOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Integration>> {
        let list = Integrations(integration_list(ctx, filter, order_by)?);
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Integration))
    }

    /// Runs of its integrations.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilter>,
        order_by: Option<RunOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Run>> {
        let list = Runs { of: RunParent::Tenant, list: run_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Run))
    }

    /// Groups of its failures, the one with the latest failure first.
    async fn failure_groups(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureGroupFilter>,
        order_by: Option<FailureGroupOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<FailureGroup>> {
        let FailureGroupOrder { field, direction } = order_by.unwrap_or_default();
        let list = FailureGroups {
            of: FailureGroupParent::Tenant,
            filter: filter.unwrap_or_default().decode()?,
            order: field.into(),
            direction: direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, FailureGroup))
    }

    /// Failures of its runs.
    async fn failures(
        &self,
        ctx: &Context<'_>,
        filter: Option<FailureFilter>,
        order_by: Option<FailureOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Failure>> {
        let list = Failures { of: FailureParent::Tenant, list: failure_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Failure))
    }

    /// How its integrations are, and what became of their runs; null only where it is gone meanwhile.
    async fn health(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = 24,
            desc = "The window of its metrics, which ends now: 1 to 2,160 hours; of whole hours up to a week, of whole days (UTC) from then on."
        )]
        window_hours: i32,
    ) -> Option<Result<HealthOverview>> {
        let health = async { loaders(ctx)?.tenant_health(self.0.id).await };
        let (owner, id) = (HealthOwner::Tenant, self.0.id);
        let overview = health.await.transpose()?;
        Some(overview.and_then(|overview| HealthOverview::of(owner, id, overview, window_hours)))
    }

    /// Its access to outside systems.
    async fn systems(
        &self,
        ctx: &Context<'_>,
        filter: Option<SystemFilter>,
        order_by: Option<SystemOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<System>> {
        let order_by = order_by.unwrap_or_default();
        let list = Systems {
            filter: filter.unwrap_or_default().decode()?,
            order: order_by.field.into(),
            direction: order_by.direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, System))
    }
}

/// Which tenants a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct TenantFilter {
    /// One of these.
    status: Option<Vec<TenantStatus>>,
    /// Text in name or slug, in any case; at most 200 characters.
    search: Option<String>,
}

impl TenantFilter {
    fn decode(self) -> tenant::TenantFilter {
        tenant::TenantFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            search: self.search,
        }
    }
}

/// By what tenants are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::tenant::TenantOrder")]
pub enum TenantOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Order of a list of tenants; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct TenantOrder {
    /// By what.
    #[graphql(default)]
    field: TenantOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of tenants.
#[derive(Default)]
pub struct TenantQuery;

#[Object]
impl TenantQuery {
    /// One tenant, by exactly one of id and slug; null when there is none that the viewer may see.
    async fn tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ID>,
        #[graphql(desc = "Its slug.")] slug: Option<String>,
    ) -> Option<Result<Tenant>> {
        find(ctx, id, slug).await.transpose()
    }

    /// Tenants that the viewer may see.
    async fn tenants(
        &self,
        ctx: &Context<'_>,
        filter: Option<TenantFilter>,
        order_by: Option<TenantOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Tenant>> {
        let filter = filter.unwrap_or_default().decode();
        let order = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows =
            tenant::list(&actor(ctx)?, &filter, order.field.into(), order.direction.into(), &page).await?;
        Ok(Connection::new(rows, Tenant))
    }
}

async fn find(ctx: &Context<'_>, id: Option<ID>, slug: Option<String>) -> Result<Option<Tenant>> {
    let row = match (id, slug) {
        (Some(id), None) => loaders(ctx)?.row(uuid(Kind::Tenant, &id)).await?,
        (None, Some(slug)) => tenant::get(&actor(ctx)?, &TenantKey::Slug(slug)).await?,
        (None, None) => return Err(ResolverError::argument("id", "is missing: give `id` or `slug`")),
        (Some(_), Some(_)) => {
            return Err(ResolverError::argument("slug", "can't be combined with `id`: give one of the two"));
        }
    };
    Ok(row.map(Tenant))
}

/// A new tenant.
#[derive(InputObject)]
pub struct CreateTenantInput {
    /// Short name in paths: 2 to 63 characters of a-z, 0-9 and -, beginning with a letter or digit; unique, and
    /// for good.
    slug: String,
    /// Name for people, at most 200 characters.
    name: String,
    /// The operator's own id for this customer; unique, at most 200 characters.
    external_id: Option<String>,
    /// Runs of it at once: 1 to 1,000. By default what `TRESTLE_TENANT_CONCURRENCY` says.
    run_concurrency: Option<i32>,
}

/// Changes of a tenant: absent is unchanged.
#[derive(InputObject)]
pub struct UpdateTenantInput {
    /// Which tenant.
    tenant_id: ID,
    /// Name for people, at most 200 characters.
    name: Option<String>,
    /// The operator's own id for this customer; null clears it.
    external_id: MaybeUndefined<String>,
    /// Runs of it at once: 1 to 1,000; null for what `TRESTLE_TENANT_CONCURRENCY` says. More begin at once; of fewer, those
    /// that run go on to their end.
    run_concurrency: MaybeUndefined<i32>,
}

/// Whether support has access.
#[derive(InputObject)]
pub struct SetSupportAccessInput {
    /// Which tenant.
    tenant_id: ID,
    /// True to allow it; false to withdraw it.
    allowed: bool,
    /// Until when it is allowed; for as long as it is not withdrawn by default.
    until: Option<DateTime>,
}

/// Which tenant to suspend.
#[derive(InputObject)]
pub struct SuspendTenantInput {
    /// Which tenant.
    tenant_id: ID,
    /// Why, for people; at most 500 characters.
    reason: String,
}

/// Which tenant to resume.
#[derive(InputObject)]
pub struct ResumeTenantInput {
    /// Which tenant.
    tenant_id: ID,
}

/// A tenant, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct TenantPayload {
    /// The tenant as it is now; null when `userErrors` is not empty.
    tenant: Option<Tenant>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl TenantPayload {
    pub(super) fn of(result: domain::Result<tenant::Tenant>) -> Result<Self> {
        let (tenant, user_errors) = outcome(result)?;
        Ok(Self { tenant: tenant.map(Tenant), user_errors })
    }
}

/// Mutations of tenants.
#[derive(Default)]
pub struct TenantMutation;

#[Object]
impl TenantMutation {
    /// Makes a tenant.
    async fn create_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant.")] input: CreateTenantInput,
    ) -> Result<TenantPayload> {
        let CreateTenantInput { slug, name, external_id, run_concurrency } = input;
        let new = tenant::CreateTenant { slug, name, external_id, run_concurrency };
        TenantPayload::of(tenant::create(&actor(ctx)?, new).await)
    }

    /// Changes a tenant's name, external id, or how many of its runs go at once.
    async fn update_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant and its changes.")] input: UpdateTenantInput,
    ) -> Result<TenantPayload> {
        let changes = tenant::UpdateTenant {
            name: input.name,
            external_id: input.external_id.as_opt_ref().map(Option::<&String>::cloned),
            run_concurrency: input.run_concurrency.as_opt_ref().map(Option::<&i32>::copied),
        };
        let id = uuid(Kind::Tenant, &input.tenant_id);
        TenantPayload::of(tenant::update(&actor(ctx)?, id, changes).await)
    }

    /// Allows the operator's staff to look at records of the tenant that failed, each for minutes and for a reason that
    /// the tenant reads; or withdraws it, which closes every record at once. New tenants have not allowed it.
    async fn set_support_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant, and whether.")] input: SetSupportAccessInput,
    ) -> Result<TenantPayload> {
        let id = uuid(Kind::Tenant, &input.tenant_id);
        let until = input.until.map(|time| time.0);
        TenantPayload::of(tenant::set_support_access(&actor(ctx)?, id, input.allowed, until).await)
    }

    /// Suspends a tenant: its runs wait queued, nothing new starts, its people look and change nothing. Runs that
    /// a worker has go on to their end.
    async fn suspend_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant and the reason.")] input: SuspendTenantInput,
    ) -> Result<TenantPayload> {
        let id = uuid(Kind::Tenant, &input.tenant_id);
        TenantPayload::of(tenant::suspend(&actor(ctx)?, id, &input.reason).await)
    }

    /// Resumes a tenant: the runs that waited start.
    async fn resume_tenant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tenant.")] input: ResumeTenantInput,
    ) -> Result<TenantPayload> {
        TenantPayload::of(tenant::resume(&actor(ctx)?, uuid(Kind::Tenant, &input.tenant_id)).await)
    }
}
