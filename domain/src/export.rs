//! Exports: a query over all that somebody may see of a tenant, answered page after page into a file, a line an object. It
//! is carried out with the rights that they have at each page, survives the process that carries it out
//! (`background/export.rs`), and is had by a link that ends ([`download`]).
//!
//! Deliberately absent: what a query may look like, and answering its pages (`api`).

pub mod download;
mod packed;
pub(crate) mod purge;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::export;
use entity::tenant;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LockType};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::app::App;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::idempotency;
use crate::one_time_token::{self, EXPORT_LINK_START};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope};
use crate::system;
use crate::validation::Problems;
use crate::words::Locale;

pub(crate) use self::packed::{PIECE_BYTES_MAX, deflate, sum_up};
pub use entity::export::{ExportFailureCode, ExportStatus};

/// Path of the files, below the public URL.
pub const PATH: &str = "/exports";
/// Exports of one tenant that wait or are carried out: one is at a time, and the others would wait for hours.
pub const OPEN_PER_TENANT_MAX: u64 = 5;
/// The same of one caller, who may have many tenants.
pub const OPEN_PER_CALLER_MAX: u64 = 20;
/// Exports of one tenant whose content is kept: with the largest files 20 GiB, with usual ones a hundredth of that.
pub const KEPT_PER_TENANT_MAX: u64 = 20;
/// Largest variables of a query, as JSON text, in bytes; a filter with 100 ids has 4 KB.
const VARIABLES_BYTES_MAX: usize = 64 * 1024;

/// Bounds of exports.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    /// Largest file, in bytes of its lines, before they are packed.
    pub bytes_max: u64,
    /// How long a file is kept once it is complete.
    pub kept: Duration,
}

impl Default for ExportOptions {
    /// 1 GiB, which is some million failures; a day.
    fn default() -> Self {
        Self { bytes_max: 1024 * 1024 * 1024, kept: Duration::from_secs(24 * 3_600) }
    }
}

/// An export as a viewer sees it.
#[derive(Clone, Debug)]
pub struct Export {
    /// The row.
    pub id: Uuid,
    /// The tenant that it is of.
    pub tenant_id: Uuid,
    /// The connection that it goes through: `failures`.
    pub field: String,
    /// The document, as it was given.
    pub query: String,
    /// Its variables.
    pub variables: Option<Value>,
    /// How far it is.
    pub status: ExportStatus,
    /// Objects that are stored, a line each.
    pub row_count: i64,
    /// Their lines, in bytes.
    pub byte_count: i64,
    /// Why it came to nothing, and the same in words; `None` where it did not.
    pub failure: Option<(ExportFailureCode, String)>,
    /// Who asked for it, in words a customer understands.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Until when its file is kept; `None` where there never was one.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where the file is, without a host where the installation does not say where it is reached. For whoever asked for it
    /// alone, while there is one.
    pub url: Option<SecretString>,
}

/// An export to make.
#[derive(Clone, Debug)]
pub struct NewExport {
    /// Of which tenant; `None` for the caller's own.
    pub tenant_id: Option<Uuid>,
    /// The connection that it goes through.
    pub field: String,
    /// The document, which is known to be one that can be exported.
    pub query: String,
    /// Its variables.
    pub variables: Option<Value>,
}

/// The caller as they read for an export: one tenant alone, and no record that was revealed to them for minutes.
///
/// # Errors
/// Denied without `exports:manage`, to portal sessions, and while the tenant is suspended. Rejected: `REQUIRED` or
/// `NOT_FOUND` tenantId.
pub async fn reader(actor: &Actor, tenant_id: Option<Uuid>) -> Result<Actor> {
    let scope = actor.authorize(Permission::ExportManage)?;
    principal(actor)?;
    let mut problems = Problems::default();
    let tenant = system::owner(actor, &scope, tenant_id, &mut problems).await?;
    problems.check()?;
    let tenant = tenant.ok_or_else(no_tenant)?;
    within(actor, tenant.id)
}

/// Makes an export: it is carried out as soon as there is room for it.
///
/// # Errors
/// As [`reader`]. Rejected: `TOO_LONG` variables; `LIMIT_REACHED` when the tenant or the caller has as many as there may
/// be; `CONFLICT` idempotencyKey.
pub async fn create(actor: &Actor, new: NewExport, idempotency_key: Option<&str>) -> Result<Export> {
    let scope = actor.authorize(Permission::ExportManage)?;
    let principal = principal(actor)?;
    let (app, mut problems) = (scope.app(), Problems::default());
    let tenant = system::owner(actor, &scope, new.tenant_id, &mut problems).await?;
    if new.variables.as_ref().is_some_and(|variables| variables.to_string().len() > VARIABLES_BYTES_MAX) {
        let message = format!("are longer than {VARIABLES_BYTES_MAX} bytes");
        problems.add(ProblemCode::TooLong, "variables", message);
    }
    problems.check()?;
    let tenant_id = tenant.ok_or_else(no_tenant)?.id;
    let input = json!({ "tenantId": tenant_id, "query": new.query, "variables": new.variables });
    let request = idempotency::Request::new(actor, idempotency_key, "createExport", &input)?;
    let (id, now) = (new_id(), app.clock().now());
    let (token, secret_hash) = one_time_token::generate(EXPORT_LINK_START, id);
    let tx = scope.begin(tenant_id).await?.ok_or_else(no_tenant)?;
    if let Some(first) = idempotency::claim(&tx, request.as_ref(), id).await? {
        drop(tx);
        let first = get(actor, first).await?;
        return first.ok_or_else(|| {
            Error::conflict("idempotencyKey", "what this key made is no longer yours to see")
        });
    }
    // One after the other of a tenant, so that what is counted stays so.
    tx.find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(tenant_id))
        .lock(LockType::NoKeyUpdate)
        .one(tx.connection())
        .await
        .doing("waiting for another export to be made")?;
    let count = async |such: Expr| {
        let query = tx.find::<export::Entity>().filter(such);
        query.count(tx.connection()).await.doing("counting exports")
    };
    let open = count(is_open()).await?;
    let kept = count(export::Column::ExpiresAt.is_null().or(export::Column::ExpiresAt.gt(now))).await?;
    let own = scope.find::<export::Entity>().filter(is_open());
    let own = own.filter(export::Column::Principal.eq(&principal)).count().await?;
    let limits = [
        (open, OPEN_PER_TENANT_MAX, "exports of this tenant wait or are carried out"),
        (own, OPEN_PER_CALLER_MAX, "of your exports wait or are carried out"),
        (kept, KEPT_PER_TENANT_MAX, "exports of this tenant are kept"),
    ];
    for (number, maximum, what) in limits {
        if number >= maximum {
            let message = format!("{number} {what}, which is the limit; wait until one ends");
            let none: [&str; 0] = [];
            return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, none, message)));
        }
    }
    let row = export::Model {
        id,
        tenant_id,
        field: new.field,
        query: new.query,
        variables: new.variables,
        status: ExportStatus::Queued,
        principal,
        created_by: actor.name().to_owned(),
        locale: actor.locale().tag().to_owned(),
        row_count: 0,
        byte_count: 0,
        packed_byte_count: 0,
        checksum: 0,
        chunk_count: 0,
        cursor: None,
        attempt: 0,
        available_at: now,
        lease_token: None,
        lease_until: None,
        failure_code: None,
        failure_message: None,
        secret_hash,
        sealed_secret: app.seal(tenant_id, id, token.expose_secret().as_bytes())?,
        created_at: now,
        started_at: None,
        finished_at: None,
        expires_at: None,
        purged_at: None,
    };
    let row = tx.insert::<export::Entity>(row, "storing an export").await?;
    tx.about(Kind::Export, id).detail(row.field.clone()).commit().await?;
    view(actor, row)
}

/// One export.
///
/// # Errors
/// Denied without `exports:manage`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Export>> {
    Ok(by_ids(actor, &[id]).await?.remove(&id))
}

/// Exports by id, those that the caller may see.
///
/// # Errors
/// Denied without `exports:manage`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Export>> {
    let scope = actor.authorize(Permission::ExportManage)?;
    let rows = scope.find::<export::Entity>().of_ids(export::Column::Id, ids.iter().copied()).all().await?;
    rows.into_iter().map(|row| Ok((row.id, view(actor, row)?))).collect()
}

/// A page of exports, in the order in which they were asked for; of one tenant, if one is named.
///
/// # Errors
/// Denied without `exports:manage`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    tenant_id: Option<Uuid>,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Export>> {
    let scope = actor.authorize(Permission::ExportManage)?;
    let keyset = Keyset { name: "export", column: None, id: export::Column::Id, direction };
    let rows =
        scope.find::<export::Entity>().of_tenant(tenant_id).page(&keyset, &page.check(keyset.name)?).await?;
    let mut failed = None;
    let seen = rows.map(|row| view(actor, row).map_err(|error| failed = Some(error)).ok());
    if let Some(error) = failed {
        return Err(error);
    }
    let edges = seen
        .edges
        .into_iter()
        .filter_map(|edge| Some(crate::page::Edge { cursor: edge.cursor, node: edge.node? }));
    Ok(Page { edges: edges.collect(), has_next: seen.has_next, has_previous: seen.has_previous })
}

/// Cancels an export that waits or is carried out, and whoever carries it out stops within seconds; takes back the file of
/// one that is done, whose link leads nowhere at once. What is stored is deleted. One that has failed or is over stays as it
/// is.
///
/// # Errors
/// Denied without `exports:manage`. Rejected: `NOT_FOUND` exportId.
pub async fn cancel(actor: &Actor, id: Uuid) -> Result<Export> {
    let scope = actor.authorize(Permission::ExportManage)?;
    let not_found = || Error::not_found("exportId", "export");
    let row = scope.find::<export::Entity>().of_id(export::Column::Id, id).one().await?;
    let tenant_id = row.ok_or_else(not_found)?.tenant_id;
    let tx = scope.begin(tenant_id).await?.ok_or_else(not_found)?;
    let now = tx.app().clock().now();
    let canceled = tx
        .update::<export::Entity>()
        .col_expr(export::Column::Status, Expr::value(ExportStatus::Canceled))
        .col_expr(export::Column::LeaseToken, Expr::value(None::<Uuid>))
        .col_expr(export::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(
            export::Column::FinishedAt,
            Func::coalesce([Expr::col(export::Column::FinishedAt), Expr::value(Some(now))]).into(),
        )
        .col_expr(export::Column::ExpiresAt, Expr::value(Some(now)))
        .filter(export::Column::Id.eq(id))
        .filter(is_open().or(has_file_at(now)))
        .exec(tx.connection())
        .await
        .doing("canceling an export")?;
    let row = tx
        .find::<export::Entity>()
        .filter(export::Column::Id.eq(id))
        .one(tx.connection())
        .await
        .doing("reading an export")?
        .ok_or_else(not_found)?;
    if canceled.rows_affected > 0 {
        tx.about(Kind::Export, id).commit().await?;
    }
    view(actor, row)
}

/// Whoever asked for an export, as they may read its tenant now; `None` when they may not have it any more.
pub(crate) async fn creator(app: &Arc<App>, row: &export::Model) -> Result<Option<Actor>> {
    let Some(actor) = app.absent_actor(&row.principal).await? else { return Ok(None) };
    let actor = actor.reading(Locale::parse(&row.locale).unwrap_or_default());
    let may = |actor: &Actor| read_by(&row.field).is_some_and(|permission| actor.may(permission));
    Ok(within(&actor, row.tenant_id).ok().filter(may))
}

/// What reading a connection takes; `None` for one that can't be exported.
pub fn read_by(field: &str) -> Option<Permission> {
    Some(match field {
        "auditEntries" => Permission::AuditRead,
        "contacts" => Permission::ContactRead,
        "failureGroups" | "failures" | "inbox" | "quarantines" => Permission::FailureRead,
        "incidents" => Permission::IncidentRead,
        "integrations" => Permission::IntegrationRead,
        "noticeDeliveries" | "notices" => Permission::NoticeRead,
        "runs" => Permission::RunRead,
        "systems" => Permission::SystemRead,
        "users" => Permission::UserRead,
        _ => return None,
    })
}

fn within(actor: &Actor, tenant_id: Uuid) -> Result<Actor> {
    let actor = actor.within(tenant_id).ok_or_else(no_tenant)?;
    actor.require(Permission::ExportManage)?;
    Ok(actor.without(Permission::RecordReveal))
}

/// Exports outlast tokens, so they are of people and keys, who can be asked after.
fn principal(actor: &Actor) -> Result<String> {
    match actor.principal() {
        // A view has none of its own, and makes none.
        Principal::User { .. } | Principal::ApiKey { .. } | Principal::View { .. } => {
            Ok(actor.principal().to_string())
        }
        Principal::Anonymous | Principal::Portal { .. } | Principal::Operator => {
            let message = "exports are for people who signed in, and for API keys".to_owned();
            Err(Error::Forbidden { permission: None, message })
        }
    }
}

fn no_tenant() -> Error {
    Error::not_found("tenantId", "tenant")
}

fn is_open() -> Expr {
    export::Column::Status.is_in([ExportStatus::Queued, ExportStatus::Running])
}

fn has_file_at(now: DateTime<Utc>) -> Expr {
    export::Column::Status.eq(ExportStatus::Succeeded).and(export::Column::ExpiresAt.gt(now))
}

fn view(actor: &Actor, row: export::Model) -> Result<Export> {
    let app = actor.app();
    let is_over = row.expires_at.is_some_and(|at| at <= app.clock().now());
    let status = match row.status {
        ExportStatus::Succeeded if is_over => ExportStatus::Expired,
        status => status,
    };
    let is_own = row.principal == actor.principal().to_string();
    let url = if is_own && status == ExportStatus::Succeeded { Some(url(app, &row)?) } else { None };
    let has_file = matches!(status, ExportStatus::Succeeded | ExportStatus::Expired);
    Ok(Export {
        id: row.id,
        tenant_id: row.tenant_id,
        field: row.field,
        query: row.query,
        variables: row.variables,
        status,
        row_count: row.row_count,
        byte_count: row.byte_count,
        failure: row.failure_code.map(|code| (code, row.failure_message.unwrap_or_default())),
        created_by: row.created_by,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        expires_at: row.expires_at.filter(|_at| has_file),
        url,
    })
}

fn url(app: &App, row: &export::Model) -> Result<SecretString> {
    let token = app.unseal(row.tenant_id, row.id, &row.sealed_secret)?;
    let token = String::from_utf8(token)
        .map_err(|_secret| Error::internal("reading the link of an export", "it is not what was stored"))?;
    let public_url = app.connect().public_url.as_deref().unwrap_or_default();
    Ok(format!("{public_url}{PATH}/{token}").into())
}

/// A scope of one tenant, for what is done by a link or in the background.
fn scope_of(app: &Arc<App>, tenant_id: Uuid) -> Scope {
    Scope::new(app.clone(), crate::actor::Tenants::Some(vec![tenant_id]))
}
