//! Public keys of portals' servers, which sign tokens for their end users by themselves and ask nobody. Deliberately
//! absent: what such a token says ([`token`]), and the session that its first use makes
//! ([`authentication`](crate::authentication)).

pub(crate) mod token;

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use entity::{portal_key, portal_key_tenant, portal_session, tenant};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse, ThumbprintHash};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::api_key::TENANTS_PER_KEY_MAX;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::page::{Direction, Edge, Page, PageArguments};
use crate::permission::Permission;
use crate::portal_session::check_scopes;
use crate::scope::{Keyset, Scope};
use crate::session;
use crate::validation::{NAME_CHARS_MAX, Problems};

pub use entity::portal_key::PortalKeyAlgorithm;

/// Keys in use of one tenant, and of the operator: one for each portal's server, and the next one.
pub const KEYS_IN_USE_MAX: u64 = 100;
/// Longest public key as it is given, in bytes; RSA of 4096 bits has some 800 in PEM.
const PUBLIC_KEY_BYTES_MAX: usize = 8_192;
/// Shortest RSA key, in bytes of its modulus: 2048 bits (RFC 7518, section 3.3).
const RSA_BYTES_MIN: usize = 256;
/// Longest, 8192 bits: what is longer takes long to check.
const RSA_BYTES_MAX: usize = 1_024;

/// A registered key.
#[derive(Clone, Debug, PartialEq)]
pub struct PortalKey {
    /// The row; `iss` of its tokens is made of it.
    pub id: Uuid,
    /// The tenant whose administrator made it; `None` for keys of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// The one algorithm of its tokens.
    pub algorithm: PortalKeyAlgorithm,
    /// Of the public key (RFC 7638).
    pub thumbprint: String,
    /// Permission names that a token may have.
    pub scopes: Vec<String>,
    /// Whether tokens may be for any tenant.
    pub all_tenants: bool,
    /// The tenants that tokens may be for, oldest first.
    pub tenant_ids: Vec<Uuid>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After it its tokens are refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when its tokens are refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A new key.
#[derive(Clone, Debug)]
pub struct CreatePortalKey {
    /// Name for people.
    pub name: String,
    /// PEM (SubjectPublicKeyInfo) or a JWK.
    pub public_key: String,
    /// Permission names: of what PORTAL can have, and of what the caller has.
    pub scopes: Vec<String>,
    /// Any tenant, those to come too; for staff.
    pub all_tenants: bool,
    /// The tenants that tokens may be for. A tenant's administrator may leave the list empty. An id that can't be read
    /// is passed as nil, which names nothing.
    pub tenant_ids: Vec<Uuid>,
    /// After it its tokens are refused; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Keys by id, those that the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, PortalKey>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let rows =
        scope.find::<portal_key::Entity>().of_ids(portal_key::Column::Id, ids.iter().copied()).all().await?;
    Ok(with_tenants(scope.app(), rows).await?.into_iter().map(|key| (key.id, key)).collect())
}

/// A page of keys by the time they were made, revoked ones included. A tenant's people see those that their
/// administrators made.
///
/// # Errors
/// Denied without `users:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    tenant_id: Option<Uuid>,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<PortalKey>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let keyset = Keyset { name: "portal_key", column: None, id: portal_key::Column::Id, direction };
    let rows = scope
        .find::<portal_key::Entity>()
        .of_tenant(tenant_id)
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    let (cursors, nodes): (Vec<_>, Vec<_>) =
        rows.edges.into_iter().map(|edge| (edge.cursor, edge.node)).unzip();
    let edges = cursors
        .into_iter()
        .zip(with_tenants(scope.app(), nodes).await?)
        .map(|(cursor, node)| Edge { cursor, node })
        .collect();
    Ok(Page { edges, has_next: rows.has_next, has_previous: rows.has_previous })
}

/// Registers a key.
///
/// # Errors
/// Denied without `api_keys:manage`. Rejected: a bad name; `INVALID` publicKey, `CONFLICT` when it is in use; `REQUIRED`
/// or `INVALID` scopes; `REQUIRED` or `NOT_FOUND` tenantIds, `FORBIDDEN` allTenants; `INVALID` expiresAt;
/// `LIMIT_REACHED`.
pub async fn create(actor: &Actor, input: CreatePortalKey) -> Result<PortalKey> {
    let scope = actor.authorize(Permission::ApiKeyManage)?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    let name = problems.text("name", &input.name, NAME_CHARS_MAX);
    let public_key = match PublicKey::parse(&input.public_key) {
        Ok(key) => Some(key),
        Err(message) => {
            problems.add(ProblemCode::Invalid, "publicKey", message);
            None
        }
    };
    let scopes = check_scopes(actor, &input.scopes, &mut problems);
    let tenant_ids = if input.all_tenants {
        check_all_tenants(actor, &input, &mut problems);
        Vec::new()
    } else {
        check_tenants(actor, &scope, input.tenant_ids, &mut problems).await?
    };
    if input.expires_at.is_some_and(|expires_at| expires_at <= now) {
        problems.add(ProblemCode::Invalid, "expiresAt", "must be in the future");
    }
    check_in_use(actor, &scope, public_key.as_ref(), now, &mut problems).await?;
    problems.check()?;
    let public_key = public_key.ok_or_else(|| Error::internal("registering a key", "it was not checked"))?;
    let row = portal_key::Model {
        id: new_id(),
        tenant_id: if actor.is_staff() { None } else { actor.tenant_id() },
        name,
        algorithm: public_key.algorithm,
        public_key: public_key.jwk,
        thumbprint: public_key.thumbprint,
        scopes: entity::string_list::StringList(scopes.iter().map(|scope| scope.name().to_owned()).collect()),
        all_tenants: input.all_tenants,
        created_by: actor.principal().to_string(),
        created_at: now,
        expires_at: input.expires_at,
        revoked_at: None,
    };
    let tx = scope.app().across_tenants().begin().await?;
    identity::insert::<portal_key::Entity>(&tx, row.clone(), "storing a portal key").await?;
    for tenant_id in &tenant_ids {
        let grant = portal_key_tenant::Model { portal_key_id: row.id, tenant_id: *tenant_id };
        identity::insert::<portal_key_tenant::Entity>(&tx, grant, "storing a tenant of a portal key").await?;
    }
    commit(tx, &row, &tenant_ids, &row.scopes.0.join(" "), "committing a portal key").await?;
    Ok(view(row, tenant_ids))
}

/// Revokes a key: its tokens, used or not, are refused from the next request on. Twice is once.
///
/// # Errors
/// Denied without `api_keys:manage`. Rejected: `NOT_FOUND` portalKeyId.
pub async fn revoke(actor: &Actor, id: Uuid) -> Result<PortalKey> {
    let scope = actor.authorize(Permission::ApiKeyManage)?;
    let not_found = || Error::not_found("portalKeyId", "portal key");
    let row = scope
        .find::<portal_key::Entity>()
        .of_id(portal_key::Column::Id, id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    let mut key = with_tenants(scope.app(), vec![row.clone()]).await?.pop().ok_or_else(not_found)?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let now = scope.app().clock().now();
    let tx = scope.app().across_tenants().begin().await?;
    identity::update::<portal_key::Entity>()
        .col_expr(portal_key::Column::RevokedAt, Expr::value(Some(now)))
        .filter(portal_key::Column::Id.eq(id))
        .filter(portal_key::Column::RevokedAt.is_null())
        .exec(&tx)
        .await
        .doing("revoking a portal key")?;
    session::end_portal(&tx, portal_session::Column::CreatedBy.eq(signer(id)), now).await?;
    commit(tx, &row, &key.tenant_ids, "", "committing the end of a portal key").await?;
    key.revoked_at = Some(now);
    Ok(key)
}

/// Enters it in the audit log of each tenant whose data the key opens, or of the operator when that is any, and commits.
/// The ids are in order, so that two such commits wait for each other's logs in turn.
async fn commit(
    tx: DatabaseTransaction,
    row: &portal_key::Model,
    tenant_ids: &[Uuid],
    detail: &str,
    doing: &'static str,
) -> Result<()> {
    let any = row.all_tenants.then_some(None);
    let mut pending = Vec::with_capacity(tenant_ids.len().max(1));
    for tenant_id in any.into_iter().chain(tenant_ids.iter().copied().map(Some)) {
        let entry = Entry::of(tenant_id, Some(GlobalId::new(Kind::PortalKey, row.id)));
        pending.push(audit::enter(&tx, entry.detail(Some(detail.to_owned()))).await?);
    }
    tx.commit().await.doing(doing)?;
    pending.into_iter().for_each(audit::Pending::committed);
    Ok(())
}

/// Who made the sessions of a key's tokens, as [`Principal`](crate::Principal) writes others.
pub(crate) fn signer(id: Uuid) -> String {
    format!("portal_key:{}", id.simple())
}

fn check_all_tenants(actor: &Actor, input: &CreatePortalKey, problems: &mut Problems) {
    if !actor.is_staff() {
        problems.add(
            ProblemCode::Forbidden,
            "allTenants",
            "is for the operator's staff; name the tenants instead",
        );
    }
    if !input.tenant_ids.is_empty() {
        problems.add(ProblemCode::Invalid, "tenantIds", "must be empty when `allTenants` is true");
    }
}

/// The tenants of a new key, once each, in the order of their ids.
async fn check_tenants(
    actor: &Actor,
    scope: &Scope,
    mut asked: Vec<Uuid>,
    problems: &mut Problems,
) -> Result<Vec<Uuid>> {
    if asked.is_empty() {
        asked.extend(actor.tenant_id());
    }
    if asked.is_empty() {
        problems.add(ProblemCode::Required, "tenantIds", "name at least one tenant that tokens may be for");
    } else if asked.len() > TENANTS_PER_KEY_MAX {
        let message =
            format!("has {} elements; a key has at most {TENANTS_PER_KEY_MAX} tenants", asked.len());
        problems.add(ProblemCode::LimitReached, "tenantIds", message);
        return Ok(Vec::new());
    }
    let rows =
        scope.find::<tenant::Entity>().filter(tenant::Column::Id.is_in(asked.iter().copied())).all().await?;
    let found: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
    problems.missing("tenantIds", &asked, |id| found.contains(&id), "tenant");
    let mut tenant_ids: Vec<Uuid> = found.into_iter().collect();
    tenant_ids.sort_unstable();
    Ok(tenant_ids)
}

/// Of the same owner: that there is room, and that the key is not there already, so that revoking it ends it.
async fn check_in_use(
    actor: &Actor,
    scope: &Scope,
    public_key: Option<&PublicKey>,
    now: DateTime<Utc>,
    problems: &mut Problems,
) -> Result<()> {
    let owner = match actor.tenant_id() {
        Some(tenant_id) if !actor.is_staff() => portal_key::Column::TenantId.eq(tenant_id),
        _ => portal_key::Column::TenantId.is_null(),
    };
    let in_use = scope
        .find::<portal_key::Entity>()
        .filter(owner)
        .filter(portal_key::Column::RevokedAt.is_null())
        .filter(portal_key::Column::ExpiresAt.is_null().or(portal_key::Column::ExpiresAt.gt(now)))
        .limit(KEYS_IN_USE_MAX)
        .all()
        .await?;
    if in_use.len() as u64 >= KEYS_IN_USE_MAX {
        let message = format!("{KEYS_IN_USE_MAX} keys are in use, which is the limit; revoke some first");
        problems.add(ProblemCode::LimitReached, "name", message);
    }
    let same = |row: &&portal_key::Model| public_key.is_some_and(|key| key.thumbprint == row.thumbprint);
    if let Some(row) = in_use.iter().find(same) {
        problems.add(ProblemCode::Conflict, "publicKey", format!("is registered already, as `{}`", row.name));
    }
    Ok(())
}

async fn with_tenants(app: &App, rows: Vec<portal_key::Model>) -> Result<Vec<PortalKey>> {
    let grants = identity::find::<portal_key_tenant::Entity>()
        .filter(portal_key_tenant::Column::PortalKeyId.is_in(rows.iter().map(|row| row.id)))
        .all(app.across_tenants().reader())
        .await
        .doing("reading the tenants of portal keys")?;
    let mut tenants: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for grant in grants {
        tenants.entry(grant.portal_key_id).or_default().push(grant.tenant_id);
    }
    let keys = rows.into_iter().map(|row| {
        let mut tenant_ids = tenants.remove(&row.id).unwrap_or_default();
        tenant_ids.sort_unstable();
        view(row, tenant_ids)
    });
    Ok(keys.collect())
}

fn view(row: portal_key::Model, tenant_ids: Vec<Uuid>) -> PortalKey {
    PortalKey {
        id: row.id,
        tenant_id: row.tenant_id,
        name: row.name,
        algorithm: row.algorithm,
        thumbprint: row.thumbprint,
        scopes: row.scopes.0,
        all_tenants: row.all_tenants,
        tenant_ids,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}

/// A public key that may be registered.
struct PublicKey {
    algorithm: PortalKeyAlgorithm,
    /// Its numbers only.
    jwk: Value,
    thumbprint: String,
}

impl PublicKey {
    /// Reads PEM or a JWK.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        const KINDS: &str =
            "must be a public key of Ed25519, P-256 or RSA (2048 to 8192 bits), in PEM or as a JWK";
        let text = text.trim();
        if text.len() > PUBLIC_KEY_BYTES_MAX {
            return Err(format!("has {} bytes; at most {PUBLIC_KEY_BYTES_MAX} are allowed", text.len()));
        }
        let jwk = if text.starts_with('{') { from_jwk(text) } else { from_pem(text) }?;
        let jwk = jwk.ok_or(KINDS)?;
        let algorithm = algorithm(&jwk.algorithm).ok_or(KINDS)?;
        let declared = jwk.common.key_algorithm.map(|declared| declared.to_string());
        if declared.is_some_and(|declared| declared != format!("{:?}", token::algorithm(algorithm))) {
            return Err(format!(
                "says another algorithm than {:?}, which is its own",
                token::algorithm(algorithm)
            ));
        }
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return Err("is not for signatures, by its `use`".to_owned());
        }
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_unknown| KINDS)?;
        // What else a JWK may say (its id, certificates, addresses) is not looked at, so it is not kept.
        let jwk = Jwk { common: Default::default(), algorithm: jwk.algorithm };
        DecodingKey::from_jwk(&jwk).map_err(|_unusable| KINDS)?;
        let jwk = serde_json::to_value(&jwk).map_err(|_unusable| KINDS)?;
        Ok(Self { algorithm, jwk, thumbprint })
    }
}

const PRIVATE: &str =
    "is a private key, which has left its server now: make a new pair, and give the public key";

fn from_jwk(text: &str) -> std::result::Result<Option<Jwk>, String> {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return Ok(None) };
    if ["d", "p", "q", "k"].iter().any(|name| value.get(name).is_some()) {
        return Err(PRIVATE.to_owned());
    }
    Ok(serde_json::from_value(value).ok())
}

fn from_pem(text: &str) -> std::result::Result<Option<Jwk>, String> {
    if text.contains("PRIVATE KEY") {
        return Err(PRIVATE.to_owned());
    }
    let bytes = text.as_bytes();
    let key = DecodingKey::from_ed_pem(bytes)
        .or_else(|_other| DecodingKey::from_ec_pem(bytes))
        .or_else(|_other| DecodingKey::from_rsa_pem(bytes));
    Ok(key.ok().and_then(|key| Jwk::from_decoding_key(&key, None).ok()))
}

/// The one algorithm of a key; `None` for kinds and lengths that are not taken.
fn algorithm(parameters: &AlgorithmParameters) -> Option<PortalKeyAlgorithm> {
    let length = |text: &str| URL_SAFE_NO_PAD.decode(text).map(|bytes| bytes.len()).unwrap_or_default();
    match parameters {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (length(&key.x) == 32).then_some(PortalKeyAlgorithm::EdDsa)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (length(&key.x) == 32 && length(&key.y) == 32).then_some(PortalKeyAlgorithm::Es256)
        }
        AlgorithmParameters::RSA(key) => {
            // Leading zeros do not make it longer.
            let modulus = URL_SAFE_NO_PAD.decode(&key.n).unwrap_or_default();
            let modulus = modulus.iter().skip_while(|byte| **byte == 0).count();
            (RSA_BYTES_MIN..=RSA_BYTES_MAX).contains(&modulus).then_some(PortalKeyAlgorithm::Rs256)
        }
        _ => None,
    }
}
