//! OpenID Connect providers: where the operator's staff, or the people of a tenant, sign in, and who they are here.
//! Signing in there is `single_sign_on`.

use chrono::{DateTime, Utc};
use entity::identity_provider::{self, MappedRole, RoleMapping};
use entity::string_list::StringList;
use entity::user::Role;
use entity::{external_identity, session as session_row, sign_on_attempt, tenant};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry, names};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::{Permission, is_staff};
use crate::scope::{Keyset, Scope};
use crate::session::{self, EndReason};
use crate::single_sign_on::provider;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// Providers of one tenant, or of the staff.
pub const PROVIDERS_MAX: u64 = 20;
/// Pages to which one provider may send people back.
pub const REDIRECT_URIS_MAX: usize = 20;
/// Values of a claim that are mapped to roles.
pub const MAPPED_ROLES_MAX: usize = 100;
/// Longest issuer, redirect URI and client secret, in bytes: what browsers and servers take in a URL.
const URL_BYTES_MAX: usize = 2_000;
/// Longest client id, claim and value of a claim, in characters.
const TEXT_CHARS_MAX: usize = 500;

/// A provider, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityProvider {
    /// The row.
    pub id: Uuid,
    /// The tenant whose people sign in there; `None` for staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// Under which it is discovered.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Whether we have a secret there.
    pub has_client_secret: bool,
    /// Pages to which it may send people back.
    pub redirect_uris: Vec<String>,
    /// The claim that roles are derived from.
    pub role_claim: Option<String>,
    /// Which value of it gives which role.
    pub role_mapping: Vec<MappedRole>,
    /// The role of whoever has no such value.
    pub default_role: Option<Role>,
    /// Whether whoever is not known is made a user.
    pub creates_users: bool,
    /// Whether its mail addresses count as verified.
    pub trusts_email: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<identity_provider::Model> for IdentityProvider {
    fn from(row: identity_provider::Model) -> Self {
        Self {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            issuer: row.issuer,
            client_id: row.client_id,
            has_client_secret: row.sealed_client_secret.is_some(),
            redirect_uris: row.redirect_uris.0,
            role_claim: row.role_claim,
            role_mapping: row.role_mapping.0,
            default_role: row.default_role,
            creates_users: row.creates_users,
            trusts_email: row.trusts_email,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A new provider.
#[derive(Clone, Debug)]
pub struct NewIdentityProvider {
    /// The tenant; `None` is the caller's own, or, of who manages staff, the staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// Under which it is discovered: `{issuer}/.well-known/openid-configuration`.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<SecretString>,
    /// Pages to which it may send people back.
    pub redirect_uris: Vec<String>,
    /// The claim that roles are derived from.
    pub role_claim: Option<String>,
    /// Which value of it gives which role.
    pub role_mapping: Vec<MappedRole>,
    /// The role of whoever has no such value.
    pub default_role: Option<Role>,
    /// Whether whoever is not known is made a user.
    pub creates_users: bool,
    /// Whether its mail addresses count as verified.
    pub trusts_email: bool,
}

/// Changes of a provider; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct IdentityProviderChanges {
    /// Name for people.
    pub name: Option<String>,
    /// Our id there.
    pub client_id: Option<String>,
    /// Our secret there; `Some(None)` for none.
    pub client_secret: Option<Option<SecretString>>,
    /// All pages to which it may send people back.
    pub redirect_uris: Option<Vec<String>>,
    /// The claim that roles are derived from; `Some(None)` for none.
    pub role_claim: Option<Option<String>>,
    /// The whole mapping.
    pub role_mapping: Option<Vec<MappedRole>>,
    /// The role of whoever has no such value; `Some(None)` for none.
    pub default_role: Option<Option<Role>>,
    /// Whether whoever is not known is made a user.
    pub creates_users: Option<bool>,
    /// Whether its mail addresses count as verified.
    pub trusts_email: Option<bool>,
}

impl IdentityProviderChanges {
    fn names(&self) -> String {
        names([
            ("name", self.name.is_some()),
            ("clientId", self.client_id.is_some()),
            ("clientSecret", self.client_secret.is_some()),
            ("redirectUris", self.redirect_uris.is_some()),
            ("roleClaim", self.role_claim.is_some()),
            ("roleMapping", self.role_mapping.is_some()),
            ("defaultRole", self.default_role.is_some()),
            ("createsUsers", self.creates_users.is_some()),
            ("trustsEmail", self.trusts_email.is_some()),
        ])
    }
}

/// A page of providers, by the time they were made.
///
/// # Errors
/// Denied without `identity_providers:manage`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    tenant_id: Option<Uuid>,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<IdentityProvider>> {
    let scope = actor.authorize(Permission::IdentityProviderManage)?;
    let keyset =
        Keyset { name: "identity_provider", column: None, id: identity_provider::Column::Id, direction };
    let rows = scope
        .find::<identity_provider::Entity>()
        .of_tenant(tenant_id)
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    Ok(rows.map(IdentityProvider::from))
}

/// Makes a provider, after asking it for its configuration.
///
/// # Errors
/// Denied without `identity_providers:manage`. Rejected, all at once: `NOT_FOUND` tenantId; `FORBIDDEN` tenantId for
/// staff without `staff:manage`; a bad name, issuer, clientId or clientSecret; bad redirectUris; roles that people of
/// this provider can't have; `LIMIT_REACHED` tenantId. `INVALID` issuer when it does not answer as a provider.
pub async fn create(actor: &Actor, new: NewIdentityProvider) -> Result<IdentityProvider> {
    let scope = actor.authorize(Permission::IdentityProviderManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let tenant_id = new.tenant_id.or_else(|| if actor.is_staff() { None } else { actor.tenant_id() });
    check_tenant(actor, &scope, tenant_id, &mut problems).await?;
    let (id, now) = (new_id(), app.clock().now());
    let row = identity_provider::Model {
        id,
        tenant_id,
        name: problems.text("name", &new.name, NAME_CHARS_MAX),
        issuer: new.issuer.trim().to_owned(),
        client_id: problems.text("clientId", &new.client_id, TEXT_CHARS_MAX),
        sealed_client_secret: seal(app, tenant_id, id, new.client_secret.as_ref(), &mut problems)?,
        redirect_uris: StringList(check_redirect_uris(new.redirect_uris, &mut problems)),
        role_claim: new.role_claim,
        role_mapping: RoleMapping(new.role_mapping),
        default_role: new.default_role,
        creates_users: new.creates_users,
        trusts_email: new.trusts_email,
        created_at: now,
        updated_at: now,
    };
    let issuer = check_url(&row.issuer);
    if let Err(message) = issuer {
        problems.add(ProblemCode::Invalid, "issuer", message);
    }
    check_roles(&row, &mut problems);
    problems.check()?;
    discover(app, &row.issuer).await?;
    let tx = app.database().begin_of(row.tenant_id).await?;
    identity::insert::<identity_provider::Entity>(&tx, row.clone(), "storing an identity provider").await?;
    audit::commit(tx, entry(&row).detail(Some(row.issuer.clone())), "committing an identity provider")
        .await?;
    Ok(row.into())
}

/// Changes a provider. Its issuer stays: whom another one names is somebody else.
///
/// # Errors
/// As [`create`]; rejected with `NOT_FOUND` identityProviderId.
pub async fn update(actor: &Actor, id: Uuid, changes: IdentityProviderChanges) -> Result<IdentityProvider> {
    let scope = actor.authorize(Permission::IdentityProviderManage)?;
    let app = scope.app();
    let found = managed(actor, &scope, id).await?;
    let changed = changes.names();
    let tx = app.database().begin_of(found.tenant_id).await?;
    let mut row = locked(&tx, id).await?;
    let mut problems = Problems::default();
    if let Some(name) = changes.name {
        row.name = problems.text("name", &name, NAME_CHARS_MAX);
    }
    if let Some(client_id) = changes.client_id {
        row.client_id = problems.text("clientId", &client_id, TEXT_CHARS_MAX);
    }
    if let Some(secret) = changes.client_secret {
        row.sealed_client_secret = seal(app, row.tenant_id, id, secret.as_ref(), &mut problems)?;
    }
    if let Some(redirect_uris) = changes.redirect_uris {
        row.redirect_uris = StringList(check_redirect_uris(redirect_uris, &mut problems));
    }
    row.role_claim = changes.role_claim.unwrap_or(row.role_claim);
    row.role_mapping = changes.role_mapping.map_or(row.role_mapping, RoleMapping);
    row.default_role = changes.default_role.unwrap_or(row.default_role);
    row.creates_users = changes.creates_users.unwrap_or(row.creates_users);
    row.trusts_email = changes.trusts_email.unwrap_or(row.trusts_email);
    row.updated_at = app.clock().now();
    check_roles(&row, &mut problems);
    problems.check()?;
    identity::update::<identity_provider::Entity>()
        .set(crate::scope::all_set::<identity_provider::Entity>(row.clone()))
        .filter(identity_provider::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("storing an identity provider")?;
    audit::commit(tx, entry(&row).detail(Some(changed)), "committing an identity provider").await?;
    Ok(row.into())
}

/// Removes a provider, and ends the sessions that began there. The users stay; a password of theirs goes on working.
///
/// # Errors
/// Denied without `identity_providers:manage`. Rejected: `NOT_FOUND` identityProviderId.
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::IdentityProviderManage)?;
    let app = scope.app();
    let found = managed(actor, &scope, id).await?;
    let now = app.clock().now();
    let tx = app.database().begin_of(found.tenant_id).await?;
    let row = locked(&tx, id).await?;
    session::end(&tx, session_row::Column::IdentityProviderId.eq(id), EndReason::ProviderRemoved, now)
        .await?;
    identity::update::<session_row::Entity>()
        .col_expr(session_row::Column::IdentityProviderId, Expr::value(None::<Uuid>))
        .filter(session_row::Column::IdentityProviderId.eq(id))
        .exec(&tx)
        .await
        .doing("forgetting the provider of sessions")?;
    identity::delete::<sign_on_attempt::Entity>()
        .filter(sign_on_attempt::Column::ProviderId.eq(id))
        .exec(&tx)
        .await
        .doing("forgetting who is at a provider")?;
    identity::delete::<external_identity::Entity>()
        .filter(external_identity::Column::ProviderId.eq(id))
        .exec(&tx)
        .await
        .doing("forgetting whom a provider knows")?;
    identity::delete::<identity_provider::Entity>()
        .filter(identity_provider::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("removing an identity provider")?;
    audit::commit(tx, entry(&row).detail(Some(row.name.clone())), "committing the end of a provider").await
}

/// For the audit log: a change of a provider.
fn entry(row: &identity_provider::Model) -> Entry {
    Entry::of(row.tenant_id, Some(global_id(row.id)))
}

pub(crate) fn global_id(id: Uuid) -> GlobalId {
    GlobalId::new(Kind::IdentityProvider, id)
}

async fn managed(actor: &Actor, scope: &Scope, id: Uuid) -> Result<identity_provider::Model> {
    let row = scope
        .find::<identity_provider::Entity>()
        .of_id(identity_provider::Column::Id, id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    if row.tenant_id.is_none() && !actor.may(Permission::StaffManage) {
        return Err(not_found());
    }
    Ok(row)
}

/// The provider as it is now: until the transaction ends nobody else changes or removes it.
async fn locked(tx: &DatabaseTransaction, id: Uuid) -> Result<identity_provider::Model> {
    identity::find::<identity_provider::Entity>()
        .filter(identity_provider::Column::Id.eq(id))
        .lock_exclusive()
        .one(tx)
        .await
        .doing("locking an identity provider")?
        .ok_or_else(not_found)
}

/// The same for who signs in there, which many do at once; `None` when it was removed.
pub(crate) async fn held(tx: &DatabaseTransaction, id: Uuid) -> Result<Option<identity_provider::Model>> {
    identity::find::<identity_provider::Entity>()
        .filter(identity_provider::Column::Id.eq(id))
        .lock_shared()
        .one(tx)
        .await
        .doing("holding an identity provider")
}

fn not_found() -> Error {
    Error::not_found("identityProviderId", "identity provider")
}

async fn check_tenant(
    actor: &Actor,
    scope: &Scope,
    tenant_id: Option<Uuid>,
    problems: &mut Problems,
) -> Result<()> {
    let home = match tenant_id {
        None if !actor.may(Permission::StaffManage) => {
            let message = "name the tenant; only who has `staff:manage` makes a provider for staff";
            problems.add(ProblemCode::Forbidden, "tenantId", message);
            return Ok(());
        }
        None => identity_provider::Column::TenantId.is_null(),
        Some(id) => {
            if scope.find::<tenant::Entity>().of_id(tenant::Column::Id, id).one().await?.is_none() {
                problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id");
                return Ok(());
            }
            identity_provider::Column::TenantId.eq(id)
        }
    };
    if scope.find::<identity_provider::Entity>().filter(home).count().await? >= PROVIDERS_MAX {
        let message = format!("there are {PROVIDERS_MAX} already, which is the limit; remove one first");
        problems.add(ProblemCode::LimitReached, "tenantId", message);
    }
    Ok(())
}

/// People of a tenant's provider have roles of the tenant, those of the staff's provider roles of the staff: whoever
/// configures it must not make themselves more than they are.
fn check_roles(row: &identity_provider::Model, problems: &mut Problems) {
    let fits = |role: Role| match role {
        Role::Partner | Role::Portal => false,
        role => is_staff(role) == row.tenant_id.is_none(),
    };
    let message = if row.tenant_id.is_some() {
        "must be TENANT_ADMIN, TENANT_MEMBER or TENANT_VIEWER"
    } else {
        "must be PLATFORM_ADMIN, ENGINEER or SUPPORT"
    };
    if row.default_role.is_some_and(|role| !fits(role)) {
        problems.add(ProblemCode::Invalid, "defaultRole", message);
    }
    if row.role_mapping.0.len() > MAPPED_ROLES_MAX {
        let message = format!("has more than {MAPPED_ROLES_MAX} elements");
        problems.add(ProblemCode::LimitReached, "roleMapping", message);
        return;
    }
    for (index, mapped) in row.role_mapping.0.iter().enumerate() {
        let mut at = |field: &str, message: &str| {
            let path = ["roleMapping".to_owned(), index.to_string(), field.to_owned()];
            problems.push(Problem::invalid(path, message));
        };
        if !fits(mapped.role) {
            at("role", message);
        }
        if !is_text(&mapped.value) {
            at("value", "must have 1 to 500 characters, without control characters");
        }
    }
    match &row.role_claim {
        Some(claim) if !is_text(claim) => {
            let message = "must have 1 to 500 characters, without control characters";
            problems.add(ProblemCode::Invalid, "roleClaim", message);
        }
        None if !row.role_mapping.0.is_empty() => {
            problems.add(
                ProblemCode::Required,
                "roleClaim",
                "must name the claim that `roleMapping` is about",
            );
        }
        _ => {}
    }
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn check_redirect_uris(uris: Vec<String>, problems: &mut Problems) -> Vec<String> {
    if uris.is_empty() {
        let message = "name the page to which people come back, e.g. https://portal.example/signed-in";
        problems.add(ProblemCode::Required, "redirectUris", message);
    }
    if uris.len() > REDIRECT_URIS_MAX {
        let message = format!("has more than {REDIRECT_URIS_MAX} elements");
        problems.add(ProblemCode::LimitReached, "redirectUris", message);
        return Vec::new();
    }
    for (index, uri) in uris.iter().enumerate() {
        if let Err(message) = check_url(uri) {
            problems.add_at(ProblemCode::Invalid, "redirectUris", index, message);
        }
    }
    uris
}

/// `https`, or `http` on this machine; without a fragment, which RFC 6749, section 3.1.2, forbids.
fn check_url(text: &str) -> std::result::Result<(), &'static str> {
    if text.len() > URL_BYTES_MAX {
        return Err("is longer than 2,000 bytes");
    }
    let url = provider::parse_url(text).ok_or("is not a URL like https://login.example")?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
        return Err("must begin with https://");
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name, password or #");
    }
    Ok(())
}

fn seal(
    app: &App,
    tenant_id: Option<Uuid>,
    id: Uuid,
    secret: Option<&SecretString>,
    problems: &mut Problems,
) -> Result<Option<Vec<u8>>> {
    let Some(secret) = secret else { return Ok(None) };
    let secret = secret.expose_secret();
    if secret.is_empty() || secret.len() > URL_BYTES_MAX {
        problems.add(ProblemCode::Invalid, "clientSecret", "must have 1 to 2,000 bytes");
        return Ok(None);
    }
    app.seal(tenant_id.unwrap_or_default(), id, secret.as_bytes()).map(Some)
}

async fn discover(app: &App, issuer: &str) -> Result<()> {
    match provider::discover(app, issuer).await {
        Ok(_metadata) => Ok(()),
        Err(error) => {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "an identity provider could not be discovered"
            );
            let message = format!("does not answer as an OpenID Connect provider: {}", error.hint());
            Err(Error::rejected(Problem::invalid(["issuer"], message)))
        }
    }
}
