//! Customers of the operator: read, make, change, suspend, resume.
//!
//! Deliberately absent: deletion. A tenant's history is kept; who leaves is suspended.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::tenant;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, ExprTrait};
use tokio::time::timeout;
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, names};
use crate::dispatch::PUSH_TIMEOUT;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::health::status::watch_tenant_from_now;
use crate::id::{Kind, new_id};
use crate::identity::unique_violation;
use crate::job;
use crate::notice;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope};
use crate::search;
use crate::validation::{NAME_CHARS_MAX, Problems};

pub use entity::tenant::{Model as Tenant, TenantStatus};

/// Shortest slug, in characters.
pub const SLUG_CHARS_MIN: usize = 2;
/// Longest slug, in characters: a label of a host name (RFC 1035), and a directory's name anywhere.
pub const SLUG_CHARS_MAX: usize = 63;
/// Longest id of the operator's own, in characters.
pub const EXTERNAL_ID_CHARS_MAX: usize = 200;
/// Most runs of a tenant at once that can be allowed; as for the setting.
pub const RUN_CONCURRENCY_MAX: i32 = 1_000;
/// Longest reason of a suspension, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// By what one tenant is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantKey {
    /// By id.
    Id(Uuid),
    /// By slug.
    Slug(String),
}

/// A new tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTenant {
    /// Short name in paths; unique, and for good.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The operator's own id for this customer; unique.
    pub external_id: Option<String>,
    /// Runs at once, 1 to [`RUN_CONCURRENCY_MAX`]; `None` for what the setting says.
    pub run_concurrency: Option<i32>,
}

/// Changes of a tenant; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateTenant {
    /// Name for people.
    pub name: Option<String>,
    /// `Some(None)` clears it.
    pub external_id: Option<Option<String>>,
    /// Runs at once, 1 to [`RUN_CONCURRENCY_MAX`]; `Some(None)` for what the setting says.
    pub run_concurrency: Option<Option<i32>>,
}

/// Which tenants a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TenantFilter {
    /// With one of these states.
    pub status: Option<Vec<TenantStatus>>,
    /// With this text in name or slug, in any case.
    pub search: Option<String>,
}

/// By what a list of tenants is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TenantOrder {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// One tenant; `None` when there is none that the caller may see.
///
/// # Errors
/// Denied for nobody.
pub async fn get(actor: &Actor, key: &TenantKey) -> Result<Option<Tenant>> {
    let scope = actor.authorize(Permission::TenantRead)?;
    let query = scope.find::<tenant::Entity>();
    match key {
        TenantKey::Id(id) => query.filter(tenant::Column::Id.eq(*id)).one().await,
        // No other text is a slug, so nothing has it.
        TenantKey::Slug(slug) if !is_slug(slug) => Ok(None),
        TenantKey::Slug(slug) => query.filter(tenant::Column::Slug.eq(slug)).one().await,
    }
}

/// Tenants by id, those that the caller may see.
///
/// # Errors
/// Denied for nobody.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Tenant>> {
    let scope = actor.authorize(Permission::TenantRead)?;
    let rows = scope.find::<tenant::Entity>().of_ids(tenant::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// A page of tenants.
///
/// # Errors
/// Denied for nobody; [`Error::Argument`] for a bad page or search.
pub async fn list(
    actor: &Actor,
    filter: &TenantFilter,
    order: TenantOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Tenant>> {
    let scope = actor.authorize(Permission::TenantRead)?;
    let (name, column) = match order {
        TenantOrder::CreatedAt => ("tenant", None),
        TenantOrder::Name => ("tenant.name", Some(tenant::Column::Name)),
    };
    let keyset = Keyset { name, column, id: tenant::Column::Id, direction };
    let search = search::text(filter.search.as_deref())?;
    scope
        .find::<tenant::Entity>()
        .filter_some(filter.status.clone(), |status| tenant::Column::Status.is_in(status))
        .filter_some(search, |text| {
            search::contains(tenant::Column::Name, text).or(search::contains(tenant::Column::Slug, text))
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// Makes a tenant.
///
/// # Errors
/// Denied without `tenants:manage`. Rejected: a bad slug, name, externalId or runConcurrency; `CONFLICT` slug or
/// externalId when another tenant has it.
pub async fn create(actor: &Actor, input: CreateTenant) -> Result<Tenant> {
    let scope = actor.authorize(Permission::TenantManage)?;
    let mut problems = Problems::default();
    let slug = input.slug.trim().to_owned();
    if slug.is_empty() {
        problems.add(ProblemCode::Required, "slug", "must not be empty");
    } else if !is_slug(&slug) {
        let message = format!(
            "must have {SLUG_CHARS_MIN} to {SLUG_CHARS_MAX} characters of a-z, 0-9 and -, and begin with a letter or digit"
        );
        problems.add(ProblemCode::Invalid, "slug", message);
    } else if scope.find::<tenant::Entity>().filter(tenant::Column::Slug.eq(&slug)).one().await?.is_some() {
        problems.push(taken("slug"));
    }
    let name = problems.text("name", &input.name, NAME_CHARS_MAX);
    let external_id = check_external_id(&scope, None, input.external_id, &mut problems).await?;
    let run_concurrency = check_run_concurrency(input.run_concurrency, &mut problems);
    problems.check()?;
    let now = scope.app().clock().now();
    let row = Tenant {
        id: new_id(),
        slug,
        name,
        external_id,
        status: TenantStatus::Active,
        status_reason: None,
        created_at: now,
        updated_at: now,
        support_access: false,
        support_access_until: None,
        run_concurrency,
    };
    let tx = scope.begin(row.id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    let row = tx.insert::<tenant::Entity>(row, "storing a tenant").await.map_err(conflict)?;
    notice::standard::ensure(tx.connection(), Some(row.id), now).await?;
    tx.about(Kind::Tenant, row.id).commit().await?;
    if row.run_concurrency.is_some() {
        tell_queue(&scope, &row);
    }
    Ok(row)
}

/// Changes a tenant's name, external id, or how many of its runs go at once: more begin at once, and of fewer those that
/// run go on to their end.
///
/// # Errors
/// Denied without `tenants:manage`. Rejected: `NOT_FOUND` tenantId; a bad name, externalId or runConcurrency;
/// `CONFLICT` externalId when another tenant has it.
pub async fn update(actor: &Actor, id: Uuid, input: UpdateTenant) -> Result<Tenant> {
    let scope = actor.authorize(Permission::TenantManage)?;
    let row = found(&scope, id).await?;
    let detail = names([
        ("name", input.name.is_some()),
        ("externalId", input.external_id.is_some()),
        ("runConcurrency", input.run_concurrency.is_some()),
    ]);
    let mut problems = Problems::default();
    let name = match input.name {
        None => row.name.clone(),
        Some(name) => problems.text("name", &name, NAME_CHARS_MAX),
    };
    let external_id = match input.external_id {
        None => row.external_id.clone(),
        Some(external_id) => check_external_id(&scope, Some(id), external_id, &mut problems).await?,
    };
    let run_concurrency = match input.run_concurrency {
        None => row.run_concurrency,
        Some(runs) => check_run_concurrency(runs, &mut problems),
    };
    problems.check()?;
    let now = scope.app().clock().now();
    let tx = scope.begin(id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    audit::changes_identities();
    let mut update = tx
        .update::<tenant::Entity>()
        .col_expr(tenant::Column::Name, Expr::value(name.clone()))
        .col_expr(tenant::Column::ExternalId, Expr::value(external_id.clone()))
        .col_expr(tenant::Column::UpdatedAt, Expr::value(now));
    if input.run_concurrency.is_some() {
        update = update.col_expr(tenant::Column::RunConcurrency, Expr::value(run_concurrency));
    }
    update.exec(tx.connection()).await.doing("storing a tenant").map_err(conflict)?;
    tx.about(Kind::Tenant, id).detail(detail).commit().await?;
    let changed = Tenant { name, external_id, run_concurrency, updated_at: now, ..row };
    if input.run_concurrency.is_some() {
        tell_queue(&scope, &changed);
    }
    Ok(changed)
}

/// Says to the queue how many runs of a tenant go at once now. Should that fail, a sweeper says it.
fn tell_queue(scope: &Scope, row: &Tenant) {
    let dispatch = scope.app().dispatch().clone();
    let (tenant_id, cap) = (row.id, row.run_concurrency.and_then(|runs| u32::try_from(runs).ok()));
    scope.app().tasks().spawn(async move {
        let problem = match timeout(PUSH_TIMEOUT, dispatch.set_tenant_cap(tenant_id, cap)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "it took too long".to_owned(),
        };
        tracing::warn!(
            tenant.id = %tenant_id, error = problem,
            "the queue was not told how many runs of a tenant go at once; a sweeper will tell it"
        );
    });
}

/// Suspends a tenant: its runs wait, nothing new starts, its people look and change nothing. Runs that a
/// worker has go on to their end. Suspending it again only changes the reason.
///
/// # Errors
/// Denied without `tenants:manage`. Rejected: `NOT_FOUND` tenantId; a bad reason.
pub async fn suspend(actor: &Actor, id: Uuid, reason: &str) -> Result<Tenant> {
    let scope = actor.authorize(Permission::TenantManage)?;
    let row = found(&scope, id).await?;
    let mut problems = Problems::default();
    let reason = problems.text("reason", reason, REASON_CHARS_MAX);
    problems.check()?;
    let now = scope.app().clock().now();
    let tx = scope.begin(id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    audit::changes_identities();
    tx.update::<tenant::Entity>()
        .col_expr(tenant::Column::Status, Expr::value(TenantStatus::Suspended))
        .col_expr(tenant::Column::StatusReason, Expr::value(Some(reason.clone())))
        .col_expr(tenant::Column::UpdatedAt, Expr::value(now))
        .exec(tx.connection())
        .await
        .doing("suspending a tenant")?;
    job::hold_tenant(&tx).await?;
    watch_tenant_from_now(&tx).await?;
    tx.about(Kind::Tenant, id).detail(&reason).commit().await?;
    Ok(Tenant { status: TenantStatus::Suspended, status_reason: Some(reason), updated_at: now, ..row })
}

/// Resumes a tenant: the runs that waited start, of integrations that are active. Twice is once.
///
/// # Errors
/// Denied without `tenants:manage`. Rejected: `NOT_FOUND` tenantId.
pub async fn resume(actor: &Actor, id: Uuid) -> Result<Tenant> {
    let scope = actor.authorize(Permission::TenantManage)?;
    let row = found(&scope, id).await?;
    if row.status == TenantStatus::Active {
        return Ok(row);
    }
    let now = scope.app().clock().now();
    let mut tx = scope.begin(id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    audit::changes_identities();
    tx.update::<tenant::Entity>()
        .col_expr(tenant::Column::Status, Expr::value(TenantStatus::Active))
        .col_expr(tenant::Column::StatusReason, Expr::value(None::<String>))
        .col_expr(tenant::Column::UpdatedAt, Expr::value(now))
        .exec(tx.connection())
        .await
        .doing("resuming a tenant")?;
    job::release_tenant(&mut tx).await?;
    watch_tenant_from_now(&tx).await?;
    tx.about(Kind::Tenant, id).commit().await?;
    Ok(Tenant { status: TenantStatus::Active, status_reason: None, updated_at: now, ..row })
}

/// Allows the operator's staff to look at records of the tenant, each for minutes and for a reason, until a time or for
/// good; or withdraws it, which closes every record at once.
///
/// # Errors
/// Denied without `support_access:manage`. Rejected: `NOT_FOUND` tenantId; `INVALID` until when it is not in the future
/// or comes with a withdrawal.
pub async fn set_support_access(
    actor: &Actor,
    id: Uuid,
    is_allowed: bool,
    until: Option<DateTime<Utc>>,
) -> Result<Tenant> {
    let scope = actor.authorize(Permission::SupportAccessManage)?;
    let row = found(&scope, id).await?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    match until {
        Some(_) if !is_allowed => {
            problems.add(ProblemCode::Invalid, "until", "must be left out when access is withdrawn");
        }
        Some(until) if until <= now => problems.add(ProblemCode::Invalid, "until", "must be in the future"),
        _ => {}
    }
    problems.check()?;
    let tx = scope.begin(id).await?.ok_or_else(|| Error::not_found("tenantId", "tenant"))?;
    tx.update::<tenant::Entity>()
        .col_expr(tenant::Column::SupportAccess, Expr::value(is_allowed))
        .col_expr(tenant::Column::SupportAccessUntil, Expr::value(until))
        .col_expr(tenant::Column::UpdatedAt, Expr::value(now))
        .exec(tx.connection())
        .await
        .doing("storing whether support has access")?;
    let detail = match (is_allowed, until) {
        (true, Some(until)) => format!("allowed until {}", until.to_rfc3339()),
        (true, None) => "allowed".to_owned(),
        (false, _) => "withdrawn".to_owned(),
    };
    tx.about(Kind::Tenant, id).detail(detail).commit().await?;
    Ok(Tenant { support_access: is_allowed, support_access_until: until, updated_at: now, ..row })
}

async fn found(scope: &Scope, id: Uuid) -> Result<Tenant> {
    scope
        .find::<tenant::Entity>()
        .of_id(tenant::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("tenantId", "tenant"))
}

fn is_slug(text: &str) -> bool {
    (SLUG_CHARS_MIN..=SLUG_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
}

async fn check_external_id(
    scope: &Scope,
    own: Option<Uuid>,
    external_id: Option<String>,
    problems: &mut Problems,
) -> Result<Option<String>> {
    let Some(external_id) = external_id else { return Ok(None) };
    let external_id = problems.text("externalId", &external_id, EXTERNAL_ID_CHARS_MAX);
    // A text with a NUL is refused above already, and PostgreSQL would not take it in a query.
    if !external_id.contains('\0') {
        let other =
            scope.find::<tenant::Entity>().filter(tenant::Column::ExternalId.eq(&external_id)).one().await?;
        if other.is_some_and(|other| Some(other.id) != own) {
            problems.push(taken("externalId"));
        }
    }
    Ok(Some(external_id))
}

fn check_run_concurrency(runs: Option<i32>, problems: &mut Problems) -> Option<i32> {
    if let Some(runs) = runs
        && !(1..=RUN_CONCURRENCY_MAX).contains(&runs)
    {
        let message = format!("is {runs}; it must be from 1 to {RUN_CONCURRENCY_MAX} runs");
        problems.add(ProblemCode::Invalid, "runConcurrency", message);
    }
    runs
}

fn taken(field: &str) -> Problem {
    let what = if field == "slug" { "slug" } else { "external id" };
    Problem::new(ProblemCode::Conflict, [field], format!("another tenant has this {what}"))
}

/// Somebody took the slug or external id a moment ago.
fn conflict(error: Error) -> Error {
    match unique_violation(&error) {
        Some(message) if message.contains("external_id") => Error::rejected(taken("externalId")),
        Some(message) if message.contains("slug") => Error::rejected(taken("slug")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::is_slug;

    #[test]
    fn slugs_are_safe_in_paths() {
        for good in ["ab", "a1", "0-", "acme-corp", &"a".repeat(63)] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "a", "-a", "A1", "a_b", "a.b", "..", "a/b", "ä1", "a b", "a\n", &"a".repeat(64)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
