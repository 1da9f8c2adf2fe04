//! Systems: a tenant's access to the outside. Credentials go in and never come out; workers alone open them.

mod connection;
mod reference;
mod renewal;

use std::collections::HashMap;

use ::connector::Grant;
use chrono::{DateTime, Utc};
use entity::{integration, system, tenant};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DbErr, QueryFilter, SqlErr};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit::names;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::identity::unique_violation;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::rate_limit::{self, RateLimit};
use crate::scope::{Keyset, Parent, Scope, ScopedSelect, TxScope};
use crate::validation::Problems;
use crate::{json as input, search, system_grant, webhook_endpoint};

pub use self::connection::{TEST_TIMEOUT, test};
pub(crate) use self::connection::{
    access, credentials, mark, refusal_words, renewal_words, tell_reauthorized,
};
pub use self::reference::{PlaceError, References};
pub use entity::system::{CircuitState, SystemStatus};

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Largest config, in bytes of JSON; the largest that a connector describes stays under 20 KiB.
pub const CONFIG_BYTES_MAX: usize = 64 * 1024;
/// Largest credentials, in bytes of JSON; a private key with its certificates has some 10 KiB.
pub const CREDENTIALS_BYTES_MAX: usize = 64 * 1024;
/// Integrations that a refusal names.
const USERS_NAMED_MAX: u64 = 3;

/// A system as callers see it: without its credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// The row.
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// Name for people; unique in the tenant.
    pub name: String,
    /// Name of its connector.
    pub connector: String,
    /// By the connector's config schema.
    pub config: Value,
    /// Whether credentials are stored.
    pub has_credentials: bool,
    /// What the last test or run found.
    pub status: SystemStatus,
    /// The same, in the customer's words.
    pub status_message: Option<String>,
    /// When it was last tested.
    pub last_tested_at: Option<DateTime<Utc>>,
    /// How often it may be asked; `None`: as often as one likes.
    pub rate_limit: Option<RateLimit>,
    /// Whether runs may use it.
    pub circuit: Circuit,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Whether runs may use a system, or leave it alone because it failed too often in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// How it is.
    pub state: CircuitState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// OPEN: when the next run tries it.
    pub until: Option<DateTime<Utc>>,
    /// Attempts of runs in a row that failed because of it.
    pub failures: i32,
}

impl From<system::Model> for System {
    fn from(row: system::Model) -> Self {
        Self {
            rate_limit: RateLimit::of(&row),
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            connector: row.connector,
            config: row.config,
            has_credentials: row.credentials.is_some(),
            status: row.status,
            status_message: row.status_message,
            last_tested_at: row.last_tested_at,
            circuit: Circuit {
                state: row.circuit_state,
                since: row.circuit_since.unwrap_or(row.created_at),
                until: row.circuit_until.filter(|_| row.circuit_state == CircuitState::Open),
                failures: row.circuit_failure_count,
            },
            created_at: row.created_at,
        }
    }
}

/// A new system.
#[derive(Clone, Debug)]
pub struct NewSystem {
    /// The tenant; a caller with only one may leave it out. An id that can't be read is passed as nil, which
    /// names nothing.
    pub tenant_id: Option<Uuid>,
    /// Name for people, up to [`NAME_CHARS_MAX`] characters; unique in the tenant.
    pub name: String,
    /// Name of the connector.
    pub connector: String,
    /// By the connector's config schema.
    pub config: Value,
    /// By the connector's credentials schema, or a reference to a secret that is so; `None` is `{}`.
    pub credentials: Option<Value>,
    /// How often it may be asked.
    pub rate_limit: Option<RateLimit>,
}

/// Changes of a system; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct SystemChanges {
    /// Name for people.
    pub name: Option<String>,
    /// The whole config.
    pub config: Option<Value>,
    /// The whole credentials; `Some(None)` clears them.
    pub credentials: Option<Option<Value>>,
    /// How often it may be asked, by runs that are claimed from now on; `Some(None)`: as often as one likes.
    pub rate_limit: Option<Option<RateLimit>>,
}

impl SystemChanges {
    /// What is changed, as the API names it: for the audit log, which has no values.
    fn names(&self) -> String {
        names([
            ("name", self.name.is_some()),
            ("config", self.config.is_some()),
            ("credentials", self.credentials.is_some()),
            ("rateLimit", self.rate_limit.is_some()),
        ])
    }
}

/// Which systems a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SystemFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of this connector.
    pub connector: Option<String>,
    /// With this text in the name, in any case.
    pub search: Option<String>,
    /// With one of these states.
    pub status: Option<Vec<SystemStatus>>,
}

/// By what a list of systems is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SystemOrder {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

fn keyset(order: SystemOrder, direction: Direction) -> Keyset<system::Entity> {
    let (name, column) = match order {
        SystemOrder::CreatedAt => ("system", None),
        SystemOrder::Name => ("system.name", Some(system::Column::Name)),
    };
    Keyset { name, column, id: system::Column::Id, direction }
}

fn filtered(scope: &Scope, filter: &SystemFilter) -> Result<ScopedSelect<system::Entity>> {
    let connector = filter.connector.as_deref();
    if connector.is_some_and(|name| name.contains('\0')) {
        let message = "`connector` must not contain the NUL character".to_owned();
        return Err(Error::Argument { argument: "filter", message });
    }
    Ok(scope
        .find::<system::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(connector, |name| system::Column::Connector.eq(name))
        .filter_some(filter.status.clone(), |status| system::Column::Status.is_in(status))
        .filter_some(search::text(filter.search.as_deref())?, |text| {
            search::contains(system::Column::Name, text)
        }))
}

/// One system; `None` when there is none that the caller may see.
///
/// # Errors
/// Denied without `systems:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<System>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    Ok(scope.find::<system::Entity>().of_id(system::Column::Id, id).one().await?.map(System::from))
}

/// Systems by id, those that the caller may see.
///
/// # Errors
/// Denied without `systems:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, System>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let rows = scope.find::<system::Entity>().of_ids(system::Column::Id, ids.iter().copied()).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A page of systems.
///
/// # Errors
/// Denied without `systems:read`; [`Error::Argument`] for a bad page or filter.
pub async fn list(
    actor: &Actor,
    filter: &SystemFilter,
    order: SystemOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<System>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let order = keyset(order, direction);
    Ok(filtered(&scope, filter)?.page(&order, &page.check(order.name)?).await?.map(System::from))
}

/// A page of systems for each tenant, in one statement.
///
/// # Errors
/// As [`list`].
pub async fn pages_by_tenant(
    actor: &Actor,
    tenants: &[Uuid],
    filter: &SystemFilter,
    order: SystemOrder,
    direction: Direction,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<System>>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let order = keyset(order, direction);
    let request = page.check(order.name)?;
    let pages = filtered(&scope, filter)?
        .pages_by_parent(Parent::by(system::Column::TenantId), tenants, &order, &request)
        .await?;
    Ok(pages.into_iter().map(|(tenant, page)| (tenant, page.map(System::from))).collect())
}

/// Makes a system. Nothing is connected to; [`test`] does.
///
/// # Errors
/// Denied without `systems:write`. Rejected, all at once: `NOT_FOUND` tenantId; a bad name, and `CONFLICT` when
/// the tenant has it already; an unknown connector; config and credentials, each problem at its path.
pub async fn create(actor: &Actor, new: NewSystem) -> Result<System> {
    let scope = actor.authorize(Permission::SystemWrite)?;
    let mut problems = Problems::default();
    let tenant = owner(actor, &scope, new.tenant_id, &mut problems).await?;
    let name = problems.text("name", &new.name, NAME_CHARS_MAX);
    if let Some(tenant) = &tenant {
        check_name_free(&scope, tenant.id, &name, None, &mut problems).await?;
    }
    let credentials = new.credentials.filter(|value| !value.is_null()).unwrap_or_else(|| json!({}));
    if scope.app().connectors().get(&new.connector).is_none() {
        problems.push(unknown_connector(scope.app(), &new.connector));
    } else {
        check_config(scope.app(), &new.connector, &new.config, &mut problems);
        check_credentials(scope.app(), &new.connector, &credentials, &mut problems);
    }
    let rate_limit = check_rate_limit(scope.app(), &new.connector, new.rate_limit, &mut problems);
    problems.check()?;
    let not_found = || Error::not_found("tenantId", "tenant");
    let tenant = tenant.ok_or_else(not_found)?;
    let (id, now) = (new_id(), scope.app().clock().now());
    let row = system::Model {
        id,
        tenant_id: tenant.id,
        name,
        connector: new.connector,
        config: new.config,
        credentials: seal(scope.app(), tenant.id, id, &credentials)?,
        status: SystemStatus::Untested,
        status_message: None,
        last_tested_at: None,
        rate_limit_per_minute: rate_limit.map(|limit| limit.requests_per_minute),
        rate_limit_burst: rate_limit.map(|limit| limit.burst),
        circuit_state: CircuitState::Closed,
        circuit_failure_count: 0,
        circuit_opening_count: 0,
        circuit_since: None,
        circuit_until: None,
        circuit_slot_at: None,
        circuit_probe_job_id: None,
        created_at: now,
        updated_at: now,
    };
    let tx = scope.begin(tenant.id).await?.ok_or_else(not_found)?;
    let row = tx.insert::<system::Entity>(row, "storing a system").await.map_err(name_conflict)?;
    webhook_endpoint::ensure(&tx, &row).await?;
    tx.about(Kind::System, id).commit().await?;
    Ok(row.into())
}

/// Changes a system. One whose config or credentials change is untested again. Access that another OAuth 2.0 client was
/// given, or for another place, is forgotten: somebody must connect the system again.
///
/// # Errors
/// Denied without `systems:write`. Rejected, all at once: `NOT_FOUND` systemId; as [`create`]; `REQUIRED` credentials
/// when there are some and a config that moves the system comes without them.
pub async fn update(actor: &Actor, id: Uuid, changes: SystemChanges) -> Result<System> {
    let scope = actor.authorize(Permission::SystemWrite)?;
    let row = found(&scope, id).await?;
    let changed = changes.names();
    let mut problems = Problems::default();
    let name = changes.name.map(|name| problems.text("name", &name, NAME_CHARS_MAX));
    if let Some(name) = &name {
        check_name_free(&scope, row.tenant_id, name, Some(id), &mut problems).await?;
    }
    if let Some(config) = &changes.config {
        check_config(scope.app(), &row.connector, config, &mut problems);
    }
    let credentials =
        changes.credentials.map(|value| value.filter(|value| !value.is_null()).unwrap_or_else(|| json!({})));
    if let Some(credentials) = &credentials {
        check_credentials(scope.app(), &row.connector, credentials, &mut problems);
    } else if let Some(config) = &changes.config
        && row.credentials.is_some()
        && let Some(property) = moved(scope.app(), &row, config)
    {
        let message = format!(
            "must be given again because `{property}` in `config` changes: what is stored is not sent elsewhere"
        );
        problems.add(ProblemCode::Required, "credentials", message);
    }
    let rate_limit =
        changes.rate_limit.map(|limit| check_rate_limit(scope.app(), &row.connector, limit, &mut problems));
    problems.check()?;
    let moves = changes.config.as_ref().is_some_and(|config| moved(scope.app(), &row, config).is_some());
    let tx = begin(&scope, row.tenant_id).await?;
    // By the settings with which it was given.
    let revocation = system_grant::Revocation::of(&tx, &row).await?;
    let mut update = tx
        .update::<system::Entity>()
        .col_expr(system::Column::UpdatedAt, Expr::value(scope.app().clock().now()))
        .filter(system::Column::Id.eq(id));
    let is_untested =
        credentials.is_some() || changes.config.as_ref().is_some_and(|config| *config != row.config);
    if is_untested {
        update = update
            .col_expr(system::Column::Status, Expr::value(SystemStatus::Untested))
            .col_expr(system::Column::StatusMessage, Expr::value(None::<String>))
            // What it is now has not failed: the next run tries it.
            .col_expr(system::Column::CircuitUntil, Expr::value(Some(scope.app().clock().now())));
    }
    if let Some(limit) = rate_limit {
        let per_minute = limit.map(|limit| limit.requests_per_minute);
        update = update
            .col_expr(system::Column::RateLimitPerMinute, Expr::value(per_minute))
            .col_expr(system::Column::RateLimitBurst, Expr::value(limit.map(|limit| limit.burst)));
    }
    if let Some(name) = name {
        update = update.col_expr(system::Column::Name, Expr::value(name));
    }
    if let Some(config) = changes.config {
        update = update.col_expr(system::Column::Config, Expr::value(config));
    }
    let credentials_now = credentials.clone();
    if let Some(credentials) = credentials {
        let sealed = seal(scope.app(), row.tenant_id, id, &credentials)?;
        update = update.col_expr(system::Column::Credentials, Expr::value(sealed));
    }
    update.exec(tx.connection()).await.doing("storing a system").map_err(name_conflict)?;
    let row = reread(&tx, id).await?;
    let (row, revocation) = match forgets_access(&tx, &row, credentials_now.as_ref(), moves).await? {
        true => (reread(&tx, id).await?, revocation),
        false => (row, None),
    };
    webhook_endpoint::ensure(&tx, &row).await?;
    if is_untested {
        // Nobody knows any more that it wants a sign-in.
        crate::health::systems_changed(&tx, &[id]).await?;
    }
    tx.about(Kind::System, id).detail(changed).commit().await?;
    if let Some(revocation) = revocation {
        revocation.tell();
    }
    Ok(row.into())
}

/// Deletes a system that no integration uses.
///
/// # Errors
/// Denied without `systems:write`. Rejected: `NOT_FOUND` systemId; `CONFLICT` while an integration uses it, an
/// archived one too, since its history names the system.
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::SystemWrite)?;
    let row = found(&scope, id).await?;
    if let Some(message) = used_by(actor, &scope, &row).await? {
        return Err(Error::conflict("systemId", message));
    }
    let tx = begin(&scope, row.tenant_id).await?;
    let revocation = system_grant::Revocation::of(&tx, &row).await?;
    system_grant::forget_all(&tx, id).await?;
    webhook_endpoint::forget(&tx, id).await?;
    let deleted = tx
        .delete::<system::Entity>()
        .filter(system::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("deleting a system");
    match deleted {
        Err(error) if is_foreign_key_violation(&error) => {
            return Err(Error::conflict("systemId", "an integration uses this system"));
        }
        other => other?,
    };
    tx.about(Kind::System, id).detail(row.name).commit().await?;
    if let Some(revocation) = revocation {
        revocation.tell();
    }
    Ok(())
}

/// The tenant that a new object is for; `None` when there is a problem with it.
pub(crate) async fn owner(
    actor: &Actor,
    scope: &Scope,
    tenant_id: Option<Uuid>,
    problems: &mut Problems,
) -> Result<Option<tenant::Model>> {
    let Some(id) = tenant_id.or(actor.tenant_id()) else {
        problems.add(ProblemCode::Required, "tenantId", "must name the tenant");
        return Ok(None);
    };
    let tenant = scope.find::<tenant::Entity>().of_id(tenant::Column::Id, id).one().await?;
    if tenant.is_none() {
        problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id");
    }
    Ok(tenant)
}

/// True when the database refused because another row refers to this one, or a row that it refers to is gone.
pub(crate) fn is_foreign_key_violation(error: &Error) -> bool {
    let Error::Internal { source, .. } = error else { return false };
    let kind = source.downcast_ref::<DbErr>().and_then(DbErr::sql_err);
    matches!(kind, Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

/// The row of a system.
///
/// # Errors
/// Rejected: `NOT_FOUND` systemId.
pub(crate) async fn found(scope: &Scope, id: Uuid) -> Result<system::Model> {
    scope
        .find::<system::Entity>()
        .of_id(system::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("systemId", "system"))
}

async fn begin(scope: &Scope, tenant_id: Uuid) -> Result<TxScope> {
    scope.begin(tenant_id).await?.ok_or_else(|| Error::not_found("systemId", "system"))
}

async fn reread(tx: &TxScope, id: Uuid) -> Result<system::Model> {
    tx.find::<system::Entity>()
        .filter(system::Column::Id.eq(id))
        .one(tx.connection())
        .await
        .doing("reading a system")?
        .ok_or_else(|| Error::not_found("systemId", "system"))
}

/// Who uses a system, in words; `None` when nobody does.
async fn used_by(actor: &Actor, scope: &Scope, row: &system::Model) -> Result<Option<String>> {
    let users = || {
        scope.find::<integration::Entity>().filter(integration::Column::TenantId.eq(row.tenant_id)).filter(
            integration::Column::SourceId.eq(row.id).or(integration::Column::DestinationId.eq(row.id)),
        )
    };
    let count = users().count().await?;
    if count == 0 {
        return Ok(None);
    }
    if !actor.may(Permission::IntegrationRead) {
        return Ok(Some("an integration uses this system".to_owned()));
    }
    let named =
        users().order_by(integration::Column::Id, sea_orm::Order::Asc).limit(USERS_NAMED_MAX).all().await?;
    let names: Vec<String> = named.iter().map(|integration| format!("`{}`", integration.name)).collect();
    let more = match count - named.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Ok(Some(format!("this system is used by {}{more} (archived integrations count)", names.join(", "))))
}

async fn check_name_free(
    scope: &Scope,
    tenant_id: Uuid,
    name: &str,
    own: Option<Uuid>,
    problems: &mut Problems,
) -> Result<()> {
    // Such a name is refused already, and PostgreSQL would not take it in a query.
    if name.is_empty() || name.contains('\0') {
        return Ok(());
    }
    let other = scope
        .find::<system::Entity>()
        .filter(system::Column::TenantId.eq(tenant_id))
        .filter(system::Column::Name.eq(name))
        .one()
        .await?;
    if other.is_some_and(|other| Some(other.id) != own) {
        problems.push(name_taken());
    }
    Ok(())
}

fn name_taken() -> Problem {
    Problem::new(ProblemCode::Conflict, ["name"], "another system of this tenant has this name")
}

/// Somebody took the name a moment ago.
fn name_conflict(error: Error) -> Error {
    if unique_violation(&error).is_some() { Error::rejected(name_taken()) } else { error }
}

fn unknown_connector(app: &App, name: &str) -> Problem {
    if name.trim().is_empty() {
        return Problem::required(["connector"], "must name a connector");
    }
    let names: Vec<String> =
        app.connectors().all().map(|connector| format!("`{}`", connector.description().name)).collect();
    Problem::invalid(["connector"], format!("is not a connector; there are {}", names.join(", ")))
}

fn check_config(app: &App, connector: &str, config: &Value, problems: &mut Problems) {
    let path = ["config".to_owned()];
    let mut found = input::problems(&path, config, CONFIG_BYTES_MAX);
    if found.is_empty() {
        found = input::by_schema(&path, config, app.connectors().config_problems(connector, config));
    }
    found.into_iter().for_each(|problem| problems.push(problem));
}

fn check_credentials(app: &App, connector: &str, credentials: &Value, problems: &mut Problems) {
    if let Some(found) = app.references().problems(credentials) {
        found.into_iter().for_each(|problem| problems.push(problem));
        return;
    }
    let path = ["credentials".to_owned()];
    let mut found = input::problems(&path, credentials, CREDENTIALS_BYTES_MAX);
    if found.is_empty() {
        let by_schema = app.connectors().credentials_problems(connector, credentials);
        found = input::by_schema(&path, credentials, by_schema);
    }
    found.into_iter().for_each(|problem| problems.push(problem));
}

fn check_rate_limit(
    app: &App,
    connector: &str,
    limit: Option<RateLimit>,
    problems: &mut Problems,
) -> Option<RateLimit> {
    let connector = app.connectors().get(connector);
    let can_be_paced = connector.is_none_or(|connector| connector.description().can_be_paced);
    limit.map(|limit| rate_limit::check(limit, can_be_paced, problems))
}

/// Forgets access that was given to another client than that of these settings, or for another place, and says so.
/// Credentials that are a reference are known when they are used: what does not belong to them is not used then.
async fn forgets_access(
    tx: &TxScope,
    row: &system::Model,
    credentials: Option<&Value>,
    moves: bool,
) -> Result<bool> {
    let connector = tx.app().connectors().get(&row.connector);
    let settings = connector.and_then(|connector| connector.oauth2(&row.config).ok()?);
    let client = match (&settings, credentials) {
        (None, _) => None,
        (Some(_), Some(credentials)) if !reference::is_reference(credentials) => {
            let credentials = SecretString::from(credentials.to_string());
            // Without what it needs it is nobody's.
            system_grant::Client::of(tx.app(), &row.connector, &row.config, &credentials).unwrap_or_default()
        }
        (Some(_), Some(_)) if moves => None,
        // Where credentials go did not change, or they would have been given again.
        (Some(_), _) => return Ok(false),
    };
    if !system_grant::forget_others(tx, row.id, client.as_ref()).await? {
        return Ok(false);
    }
    if settings.is_some_and(|settings| settings.grant == Grant::AuthorizationCode) {
        let message = "It was connected with other settings. Connect it again.";
        mark(tx, row.id, SystemStatus::ReauthRequired, Some(message.to_owned())).await?;
    }
    Ok(true)
}

/// What in a new config sends the credentials elsewhere than now, if anything does.
fn moved(app: &App, row: &system::Model, config: &Value) -> Option<&'static str> {
    let connector = app.connectors().get(&row.connector)?;
    let mut properties = connector.description().credentials_go_to.iter().copied();
    properties.find(|property| config.get(property) != row.config.get(property))
}

fn seal(app: &App, tenant_id: Uuid, id: Uuid, credentials: &Value) -> Result<Option<Vec<u8>>> {
    match credentials {
        Value::Object(fields) if fields.is_empty() => Ok(None),
        value => app.seal(tenant_id, id, value.to_string().as_bytes()).map(Some),
    }
}
