//! Keys that partners' programs hold: scopes, a set of tenants, a secret that is shown once.
//!
//! A key is `trk_`, 8 characters by which its row is found, 32 secret ones, and 6 of a checksum. The start
//! and the checksum let scanners recognise a leaked key, and let us refuse a mistyped one without a query.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::user::Role;
use entity::{api_key, api_key_tenant, tenant};
use rand::distr::{Alphanumeric, SampleString};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::checksum::{self, CHECKSUM_CHARS};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::page::{Direction, Edge, Page, PageArguments};
use crate::permission::{Grant, Permission};
use crate::scope::{Keyset, Scope};
use crate::session;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// Start of every API key.
pub(crate) const KEY_START: &str = "trk_";
/// Characters by which a key's row is found: 62^8 of them, so that two keys don't meet.
const LOOKUP_CHARS: usize = 8;
/// Secret characters: 190 bits.
const SECRET_CHARS: usize = 32;
/// Tenants of one key; each is read at each request.
pub const TENANTS_PER_KEY_MAX: usize = 500;
/// Keys in use of one tenant, and of the operator.
pub const KEYS_IN_USE_MAX: u64 = 1_000;
/// Scopes that a caller may name; more than there are permissions, so that repeating one is no error.
const SCOPES_NAMED_MAX: usize = 100;

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// The row.
    pub id: Uuid,
    /// The tenant whose administrator made it; `None` for keys of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// First characters, for recognition.
    pub prefix: String,
    /// Its role.
    pub role: Role,
    /// Permission names.
    pub scopes: Vec<String>,
    /// The tenants it may touch, oldest first.
    pub tenant_ids: Vec<Uuid>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After it the key is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A new key.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// Name for people.
    pub name: String,
    /// `None` is PARTNER; no other role can hold a key.
    pub role: Option<Role>,
    /// Permission names.
    pub scopes: Vec<String>,
    /// The tenants it may touch. A tenant's administrator may leave the list empty. An id that can't be read
    /// is passed as nil, which names nothing.
    pub tenant_ids: Vec<Uuid>,
    /// After it the key is refused; `None` is never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key and its secret, which nobody can read again.
#[derive(Clone, Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub api_key: ApiKey,
    /// For `Authorization: Bearer`.
    pub secret: SecretString,
}

/// One key; `None` when there is none that the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<ApiKey>> {
    Ok(by_ids(actor, &[id]).await?.remove(&id))
}

/// Keys by id, those that the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, ApiKey>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let rows = scope.find::<api_key::Entity>().of_ids(api_key::Column::Id, ids.iter().copied()).all().await?;
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
) -> Result<Page<ApiKey>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let keyset = Keyset { name: "api_key", column: None, id: api_key::Column::Id, direction };
    let rows =
        scope.find::<api_key::Entity>().of_tenant(tenant_id).page(&keyset, &page.check(keyset.name)?).await?;
    let (cursors, nodes): (Vec<_>, Vec<_>) =
        rows.edges.into_iter().map(|edge| (edge.cursor, edge.node)).unzip();
    let edges = cursors
        .into_iter()
        .zip(with_tenants(scope.app(), nodes).await?)
        .map(|(cursor, node)| Edge { cursor, node })
        .collect();
    Ok(Page { edges, has_next: rows.has_next, has_previous: rows.has_previous })
}

/// Makes a key and shows its secret, once.
///
/// # Errors
/// Denied without `api_keys:manage`. Rejected: a bad name; `INVALID` role; `INVALID` scopes; `REQUIRED` or
/// `NOT_FOUND` tenantIds; `INVALID` expiresAt; `LIMIT_REACHED`.
pub async fn create(actor: &Actor, input: CreateApiKey) -> Result<CreatedApiKey> {
    let scope = actor.authorize(Permission::ApiKeyManage)?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    let name = problems.text("name", &input.name, NAME_CHARS_MAX);
    if input.role.is_some_and(|role| role != Role::Partner) {
        problems.add(ProblemCode::Invalid, "role", "must be PARTNER: API keys have no other role");
    }
    let scopes = check_scopes(&input.scopes, &mut problems);
    let tenant_ids = check_tenants(actor, &scope, input.tenant_ids, &mut problems).await?;
    if input.expires_at.is_some_and(|expires_at| expires_at <= now) {
        problems.add(ProblemCode::Invalid, "expiresAt", "must be in the future");
    }
    check_count(actor, &scope, now, &mut problems).await?;
    problems.check()?;
    let secret = generate();
    let parsed = ParsedKey::parse(secret.expose_secret())
        .ok_or_else(|| Error::internal("making an API key", "the new key does not parse"))?;
    let row = api_key::Model {
        id: new_id(),
        tenant_id: if actor.is_staff() { None } else { actor.tenant_id() },
        name,
        prefix: parsed.prefix.to_owned(),
        secret_hash: parsed.hash,
        role: Role::Partner,
        scopes: entity::string_list::StringList(scopes.iter().map(|scope| scope.name().to_owned()).collect()),
        created_by: actor.principal().to_string(),
        created_at: now,
        expires_at: input.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let tx = scope.app().database().begin_of(row.tenant_id).await?;
    identity::insert::<api_key::Entity>(&tx, row.clone(), "storing an API key").await?;
    for tenant_id in &tenant_ids {
        let grant = api_key_tenant::Model { api_key_id: row.id, tenant_id: *tenant_id };
        identity::insert::<api_key_tenant::Entity>(&tx, grant, "storing a tenant of an API key").await?;
    }
    commit(tx, row.id, &tenant_ids, &row.scopes.0.join(" "), "committing an API key").await?;
    Ok(CreatedApiKey { api_key: view(row, tenant_ids), secret })
}

/// Revokes a key: it is refused from the next request on, and so are the portal sessions that it minted.
/// Twice is once.
///
/// # Errors
/// Denied without `api_keys:manage`. Rejected: `NOT_FOUND` apiKeyId.
pub async fn revoke(actor: &Actor, id: Uuid) -> Result<ApiKey> {
    let scope = actor.authorize(Permission::ApiKeyManage)?;
    let not_found = || Error::not_found("apiKeyId", "API key");
    let row =
        scope.find::<api_key::Entity>().of_id(api_key::Column::Id, id).one().await?.ok_or_else(not_found)?;
    let mut key = with_tenants(scope.app(), vec![row]).await?.pop().ok_or_else(not_found)?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let now = scope.app().clock().now();
    let tx = scope.app().database().begin_of(key.tenant_id).await?;
    identity::update::<api_key::Entity>()
        .col_expr(api_key::Column::RevokedAt, Expr::value(Some(now)))
        .filter(api_key::Column::Id.eq(id))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(&tx)
        .await
        .doing("revoking an API key")?;
    session::end_of_key(&tx, id, now).await?;
    commit(tx, id, &key.tenant_ids, "", "committing the end of an API key").await?;
    key.revoked_at = Some(now);
    Ok(key)
}

/// Enters it in the audit log of each tenant whose data the key opens, and commits. The ids are in order, so that two
/// such commits wait for each other's logs in turn.
async fn commit(
    tx: DatabaseTransaction,
    id: Uuid,
    tenant_ids: &[Uuid],
    detail: &str,
    doing: &'static str,
) -> Result<()> {
    let mut pending = Vec::with_capacity(tenant_ids.len());
    for tenant_id in tenant_ids {
        let entry = Entry::of(Some(*tenant_id), Some(GlobalId::new(Kind::ApiKey, id)));
        pending.push(audit::enter(&tx, entry.detail(Some(detail.to_owned()))).await?);
    }
    tx.commit().await.doing(doing)?;
    pending.into_iter().for_each(audit::Pending::committed);
    Ok(())
}

fn check_scopes(names: &[String], problems: &mut Problems) -> Vec<Permission> {
    if names.len() > SCOPES_NAMED_MAX {
        let message =
            format!("has {} elements; there are only {} permissions", names.len(), Permission::ALL.len());
        problems.add(ProblemCode::TooLong, "scopes", message);
        return Vec::new();
    }
    problems.scopes(names, |permission| match permission.of(Role::Partner) {
        Grant::Always | Grant::Scope => Ok(()),
        Grant::Never => Err(format!("`{}` can't be given to an API key", permission.name())),
    })
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
        problems.add(ProblemCode::Required, "tenantIds", "name at least one tenant that the key may touch");
        return Ok(asked);
    }
    if asked.len() > TENANTS_PER_KEY_MAX {
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

async fn check_count(
    actor: &Actor,
    scope: &Scope,
    now: DateTime<Utc>,
    problems: &mut Problems,
) -> Result<()> {
    let owner = match actor.tenant_id() {
        Some(tenant_id) if !actor.is_staff() => api_key::Column::TenantId.eq(tenant_id),
        _ => api_key::Column::TenantId.is_null(),
    };
    let in_use = scope
        .find::<api_key::Entity>()
        .filter(owner)
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(api_key::Column::ExpiresAt.is_null().or(api_key::Column::ExpiresAt.gt(now)))
        .count()
        .await?;
    if in_use >= KEYS_IN_USE_MAX {
        let message = format!("{in_use} keys are in use, {KEYS_IN_USE_MAX} are the limit; revoke some first");
        problems.add(ProblemCode::LimitReached, "name", message);
    }
    Ok(())
}

async fn with_tenants(app: &App, rows: Vec<api_key::Model>) -> Result<Vec<ApiKey>> {
    let grants = identity::find::<api_key_tenant::Entity>()
        .filter(api_key_tenant::Column::ApiKeyId.is_in(rows.iter().map(|row| row.id)))
        .all(app.across_tenants().reader())
        .await
        .doing("reading the tenants of API keys")?;
    let mut tenants: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for grant in grants {
        tenants.entry(grant.api_key_id).or_default().push(grant.tenant_id);
    }
    let keys = rows.into_iter().map(|row| {
        let mut tenant_ids = tenants.remove(&row.id).unwrap_or_default();
        tenant_ids.sort_unstable();
        view(row, tenant_ids)
    });
    Ok(keys.collect())
}

fn view(row: api_key::Model, tenant_ids: Vec<Uuid>) -> ApiKey {
    ApiKey {
        id: row.id,
        tenant_id: row.tenant_id,
        name: row.name,
        prefix: row.prefix,
        role: row.role,
        scopes: row.scopes.0,
        tenant_ids,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}

/// A key that has the right shape and checksum; whether it is one of ours only its row tells.
pub(crate) struct ParsedKey<'a> {
    /// By which its row is found.
    pub(crate) prefix: &'a str,
    /// SHA-256 of the whole key. A fast hash is enough: the secret is random, nobody can guess it.
    pub(crate) hash: Vec<u8>,
}

impl<'a> ParsedKey<'a> {
    pub(crate) fn parse(key: &'a str) -> Option<Self> {
        let chars = key.strip_prefix(KEY_START)?;
        if chars.len() != LOOKUP_CHARS + SECRET_CHARS + CHECKSUM_CHARS
            || !chars.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return None;
        }
        checksum::check(key)?;
        let prefix = key.get(..KEY_START.len() + LOOKUP_CHARS)?;
        Some(Self { prefix, hash: Sha256::digest(key).to_vec() })
    }
}

fn generate() -> SecretString {
    let chars = Alphanumeric.sample_string(&mut rand::rng(), LOOKUP_CHARS + SECRET_CHARS);
    checksum::seal(format!("{KEY_START}{chars}")).into()
}

#[cfg(test)]
mod tests {
    use super::{ParsedKey, generate};
    use secrecy::ExposeSecret;

    #[test]
    fn every_changed_character_is_noticed() {
        let key = generate();
        let key = key.expose_secret();
        assert_eq!(key.len(), 50);
        let parsed = ParsedKey::parse(key).expect("a new key parses");
        assert_eq!(parsed.prefix, &key[..12]);
        for index in 0..key.len() {
            let mut bytes = key.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(ParsedKey::parse(&changed).is_none(), "at {index}");
        }
        for wrong in ["", "trk_", &key[..49], &format!("{key}0"), &key.to_lowercase(), &"ä".repeat(25)] {
            assert!(ParsedKey::parse(wrong).is_none(), "{wrong}");
        }
        assert_ne!(generate().expose_secret(), key);
    }
}
