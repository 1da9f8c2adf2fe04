//! The access to a system that its OAuth 2.0 server gave: kept encrypted, renewed by whoever needs it, and never shown.
//!
//! Deliberately absent: how somebody gives it ([`connect_link`](crate::connect_link)).

mod client;
pub(crate) mod provider;
mod renewal;
mod revocation;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::{SystemError, SystemErrorKind};
use entity::system_grant::{self, GrantStatus};
use entity::{connect_link, system};
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::actor::{Actor, Tenants};
use crate::app::App;
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::permission::Permission;
use crate::scope::{Scope, TxScope};

pub(crate) use self::client::Client;
use self::provider::Tokens;
pub(crate) use self::renewal::GrantTokens;
pub(crate) use self::revocation::Revocation;
pub use connector::Grant;

/// How a system's access stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who gives it.
    pub grant: Grant,
    /// Whether it is there.
    pub status: AuthorizationStatus,
    /// Since when.
    pub connected_at: Option<DateTime<Utc>>,
    /// When its access token ends; another one is had by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// What was given, where the server says so; as asked for otherwise.
    pub scopes: Vec<String>,
}

/// Whether a system's access is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationStatus {
    /// Nobody has given it yet, or nobody has needed it.
    NotConnected,
    /// It is there.
    Connected,
    /// It must be given again.
    Ended,
}

/// How the access of systems stands, of those that have it by OAuth 2.0.
///
/// # Errors
/// Denied without `systems:read`.
pub async fn by_systems(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Authorization>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let these = || ids.iter().copied();
    let systems = scope.find::<system::Entity>().filter(system::Column::Id.is_in(these())).all().await?;
    let grants = scope
        .find::<system_grant::Entity>()
        .filter(system_grant::Column::SystemId.is_in(these()))
        .all()
        .await?;
    let mut grants: HashMap<Uuid, system_grant::Model> =
        grants.into_iter().map(|row| (row.system_id, row)).collect();
    let connectors = scope.app().connectors();
    let authorizations = systems.into_iter().filter_map(|system| {
        // A config that is not of its schema says nothing of access.
        let settings = connectors.get(&system.connector)?.oauth2(&system.config).ok()??;
        let row = grants
            .remove(&system.id)
            .filter(|row| row.status == GrantStatus::Ended || row.sealed_tokens.is_some());
        let status = match row.as_ref().map(|row| row.status) {
            None => AuthorizationStatus::NotConnected,
            Some(GrantStatus::Active) => AuthorizationStatus::Connected,
            Some(GrantStatus::Ended) => AuthorizationStatus::Ended,
        };
        let given = row.as_ref().and_then(|row| row.scopes.clone()).map(|scopes| scopes.0);
        let authorization = Authorization {
            grant: settings.grant,
            status,
            connected_at: row.as_ref().map(|row| row.connected_at),
            expires_at: row
                .and_then(|row| row.expires_at)
                .filter(|_| status == AuthorizationStatus::Connected),
            scopes: given.unwrap_or(settings.scopes),
        };
        Some((system.id, authorization))
    });
    Ok(authorizations.collect())
}

/// The row of a system, outside a transaction.
async fn grant_of(app: &Arc<App>, tenant_id: Uuid, system_id: Uuid) -> Result<Option<system_grant::Model>> {
    Scope::new(app.clone(), Tenants::Some(vec![tenant_id]))
        .find::<system_grant::Entity>()
        .filter(system_grant::Column::SystemId.eq(system_id))
        .one()
        .await
}

/// A row without tokens.
fn empty(tenant_id: Uuid, system_id: Uuid, client_hash: Vec<u8>, now: DateTime<Utc>) -> system_grant::Model {
    system_grant::Model {
        id: new_id(),
        tenant_id,
        system_id,
        client_hash,
        status: GrantStatus::Active,
        end_reason: None,
        sealed_tokens: None,
        scopes: None,
        version: 0,
        connected_at: now,
        renewed_at: None,
        renew_at: None,
        expires_at: None,
        lease_token: None,
        lease_until: None,
    }
}

/// Stores what somebody gave, in place of what there was.
pub(crate) async fn replace(
    tx: &TxScope,
    system_id: Uuid,
    client: &Client,
    tokens: &Tokens,
    asked_at: DateTime<Utc>,
) -> Result<()> {
    forget(tx, system_id).await?;
    let mut row = empty(tx.tenant_id(), system_id, client.hash.clone(), tx.app().clock().now());
    renewal::fill(tx.app(), &mut row, tokens, asked_at)?;
    tx.insert::<system_grant::Entity>(row, "storing access to a system").await?;
    Ok(())
}

/// Forgets access of another client than this one; `None`: of any. Whether there was some.
pub(crate) async fn forget_others(tx: &TxScope, system_id: Uuid, client: Option<&Client>) -> Result<bool> {
    let mut delete = tx.delete::<system_grant::Entity>().filter(system_grant::Column::SystemId.eq(system_id));
    if let Some(client) = client {
        delete = delete.filter(system_grant::Column::ClientHash.ne(client.hash.clone()));
    }
    let gone = delete.exec(tx.connection()).await.doing("forgetting access to a system")?;
    Ok(gone.rows_affected > 0)
}

async fn forget(tx: &TxScope, system_id: Uuid) -> Result<bool> {
    forget_others(tx, system_id, None).await
}

/// Forgets all that a system had of it, links too, because it is to be deleted.
pub(crate) async fn forget_all(tx: &TxScope, system_id: Uuid) -> Result<()> {
    forget(tx, system_id).await?;
    tx.delete::<connect_link::Entity>()
        .filter(connect_link::Column::SystemId.eq(system_id))
        .exec(tx.connection())
        .await
        .doing("deleting the connect links of a system")?;
    Ok(())
}

/// Somebody must give access, for this reason.
fn ended(why: &'static str) -> SystemError {
    SystemError::new(SystemErrorKind::Unauthorized, format!("there is no access to the system: {why}"))
        .with_hint(why)
}
