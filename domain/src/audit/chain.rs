//! How entries hang together: each tenant has a chain, the operator has one, and each entry carries an authentication
//! code (HMAC-SHA-256, RFC 2104) over itself and the entry before it, under a key that the database holds encrypted
//! only. Who can write to the database and has no secret key can't change, remove or add entries unnoticed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use entity::audit_entry::{self, AuditOutcome};
use entity::user::Role;
use entity::{audit_chain, tenant};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::Sha256;
use uuid::Uuid;

use super::{Call, Entry, Who, bounded};
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::scope::all_set;

/// Bytes of a chain's key: those of the hash's output, as RFC 2104, section 3, asks.
const KEY_BYTES: usize = 32;
/// Entries that are checked together.
const PAGE_ROWS: u64 = 1_000;
/// First value of what is authenticated: the format, so that it can change.
const FORMAT: u8 = 1;

/// Adds an entry to the chain of its tenant, or to the operator's.
pub(super) async fn append(connection: &impl ConnectionTrait, call: &Call, entry: Entry) -> Result<()> {
    let app = call.actor.app();
    let chain = lock(connection, app, entry.tenant_id, app.clock().now()).await?;
    let who = entry.who.unwrap_or_else(|| Who::of(&call.actor));
    let id = new_id();
    let mut row = audit_entry::Model {
        id,
        chain_id: chain.id,
        number: chain.last_number + 1,
        tenant_id: entry.tenant_id,
        // Microseconds are what PostgreSQL keeps.
        at: app.clock().made_at(id).trunc_subsecs(6),
        principal: who.principal,
        role: who.role,
        name: who.name,
        address: call.origin.address_text(),
        user_agent: call.origin.user_agent_text(),
        request_id: call.request_id.clone().map(bounded),
        operation: bounded(call.operation.clone()),
        object: entry.object.map(|object| object.to_string()),
        outcome: entry.outcome,
        detail: entry.detail.map(bounded).filter(|detail| !detail.is_empty()),
        mac: Vec::new(),
    };
    row.mac = code(&open_key(app, &chain)?, &chain.last_mac, &row)?;
    let (number, mac) = (row.number, row.mac.clone());
    insert(connection, row).await?;
    set_end(connection, chain.id, number, mac).await
}

/// The chain's row, locked until the transaction ends; made if there is none.
async fn lock(
    connection: &impl ConnectionTrait,
    app: &App,
    tenant_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<audit_chain::Model> {
    let id = tenant_id.unwrap_or_default();
    if let Some(chain) = find_locked(connection, id).await? {
        return Ok(chain);
    }
    let key: [u8; KEY_BYTES] = rand::random();
    let chain = audit_chain::Model {
        id,
        tenant_id,
        last_number: 0,
        last_mac: Vec::new(),
        sealed_key: app.seal(id, id, &key)?,
        created_at: now,
    };
    create(connection, chain).await?;
    let chain = find_locked(connection, id).await?;
    chain.ok_or_else(|| Error::internal("making an audit log", "it was made and is not there"))
}

#[expect(clippy::disallowed_methods, reason = "each chain is named by its tenant")]
async fn find_locked(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<audit_chain::Model>> {
    audit_chain::Entity::find_by_id(id).lock_exclusive().one(connection).await.doing("locking an audit log")
}

#[expect(clippy::disallowed_methods, reason = "each chain is named by its tenant")]
async fn create(connection: &impl ConnectionTrait, chain: audit_chain::Model) -> Result<()> {
    let there = OnConflict::column(audit_chain::Column::Id).do_nothing().to_owned();
    audit_chain::Entity::insert(all_set::<audit_chain::Entity>(chain))
        .on_conflict(there)
        .exec_without_returning(connection)
        .await
        .doing("making an audit log")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "each entry is named by its tenant")]
async fn insert(connection: &impl ConnectionTrait, row: audit_entry::Model) -> Result<()> {
    audit_entry::Entity::insert(all_set::<audit_entry::Entity>(row))
        .exec_without_returning(connection)
        .await
        .doing("storing an entry of the audit log")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "each chain is named by its tenant")]
async fn set_end(connection: &impl ConnectionTrait, id: Uuid, number: i64, mac: Vec<u8>) -> Result<()> {
    audit_chain::Entity::update_many()
        .col_expr(audit_chain::Column::LastNumber, Expr::value(number))
        .col_expr(audit_chain::Column::LastMac, Expr::value(mac))
        .filter(audit_chain::Column::Id.eq(id))
        .exec(connection)
        .await
        .doing("storing the end of an audit log")?;
    Ok(())
}

fn open_key(app: &App, chain: &audit_chain::Model) -> Result<Vec<u8>> {
    app.unseal(chain.id, chain.id, &chain.sealed_key)
}

/// The authentication code of an entry that follows one with the code `previous`: over that code and the entry's
/// columns in their order, as a JSON array, in which nothing of one column can pass for a part of the next.
fn code(key: &[u8], previous: &[u8], row: &audit_entry::Model) -> Result<Vec<u8>> {
    let columns = serde_json::to_vec(&(
        (FORMAT, row.id, row.chain_id, row.number, row.tenant_id, row.at.timestamp_micros()),
        (&row.principal, row.role.map(|role: Role| role.to_value()), &row.name),
        (&row.address, &row.user_agent, &row.request_id),
        (&row.operation, &row.object, outcome_name(row.outcome), &row.detail),
    ))
    .doing("writing an entry of the audit log")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).doing("reading the key of an audit log")?;
    mac.update(previous);
    mac.update(&columns);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn outcome_name(outcome: AuditOutcome) -> String {
    outcome.to_value()
}

/// A chain that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Slug of the tenant; `None` for the operator's chain.
    pub tenant: Option<String>,
    /// Entries that are as they were written.
    pub entries: u64,
    /// Where it is broken, if it is; what follows there can't be told.
    pub flaw: Option<Flaw>,
}

/// Where and how a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// An entry is not there.
    #[error("entry {0} is missing")]
    Missing(i64),
    /// An entry is not what was written, or does not follow the one before it.
    #[error("entry {0} was changed, or put there by somebody else")]
    Changed(i64),
    /// The chain knows another end than its last entry.
    #[error("its end was changed; entries may be missing there")]
    End,
    /// The key can't be read: the row was changed or copied from elsewhere, or the secret key is another.
    #[error("its key can't be read with this secret key")]
    Key,
    /// There are entries, and the row that knows their end and key is gone.
    #[error("its end and its key are missing")]
    NoChain,
}

/// Checks every chain, one after the other, and tells of each.
///
/// # Errors
/// When the database can't be read.
pub async fn verify(app: &Arc<App>, mut each: impl FnMut(Checked)) -> Result<()> {
    let mut after = None;
    loop {
        let chains = chains_after(app, after).await?;
        let Some(last) = chains.last() else { break };
        after = Some(last.id);
        let slugs = slugs(app, &chains).await?;
        for chain in chains {
            let tenant = chain.tenant_id.map(|id| slugs.get(&id).cloned().unwrap_or_else(|| id.to_string()));
            let (entries, flaw) = verify_chain(app, &chain).await?;
            each(Checked { tenant, entries, flaw });
        }
    }
    for id in without_chain(app).await? {
        let tenant = (!id.is_nil()).then(|| id.to_string());
        each(Checked { tenant, entries: 0, flaw: Some(Flaw::NoChain) });
    }
    Ok(())
}

async fn verify_chain(app: &App, chain: &audit_chain::Model) -> Result<(u64, Option<Flaw>)> {
    let Ok(key) = open_key(app, chain) else { return Ok((0, Some(Flaw::Key))) };
    let (mut number, mut previous) = (0_i64, Vec::new());
    let whole = |number: i64| u64::try_from(number).unwrap_or(0);
    loop {
        let page = entries_after(app, chain.id, number).await?;
        let is_last = (page.len() as u64) < PAGE_ROWS;
        for entry in page {
            if entry.number != number + 1 {
                return Ok((whole(number), Some(Flaw::Missing(number + 1))));
            }
            // Compared after hashing what the database holds: whoever reads the time this takes has the database.
            if entry.tenant_id != chain.tenant_id || code(&key, &previous, &entry)? != entry.mac {
                return Ok((whole(number), Some(Flaw::Changed(entry.number))));
            }
            (number, previous) = (entry.number, entry.mac);
        }
        if is_last {
            break;
        }
    }
    let flaw = if chain.last_number > number {
        Some(Flaw::Missing(number + 1))
    } else if chain.last_number != number || chain.last_mac != previous {
        Some(Flaw::End)
    } else {
        None
    };
    Ok((whole(number), flaw))
}

#[expect(clippy::disallowed_methods, reason = "the operator checks every tenant's log")]
async fn chains_after(app: &App, after: Option<Uuid>) -> Result<Vec<audit_chain::Model>> {
    let mut select = audit_chain::Entity::find().order_by_asc(audit_chain::Column::Id).limit(PAGE_ROWS);
    if let Some(after) = after {
        select = select.filter(audit_chain::Column::Id.gt(after));
    }
    select.all(app.across_tenants().reader()).await.doing("reading audit logs")
}

#[expect(clippy::disallowed_methods, reason = "the operator checks every tenant's log")]
async fn entries_after(app: &App, chain_id: Uuid, number: i64) -> Result<Vec<audit_entry::Model>> {
    audit_entry::Entity::find()
        .filter(audit_entry::Column::ChainId.eq(chain_id))
        .filter(audit_entry::Column::Number.gt(number))
        .order_by_asc(audit_entry::Column::Number)
        .limit(PAGE_ROWS)
        .all(app.across_tenants().reader())
        .await
        .doing("reading an audit log")
}

#[expect(clippy::disallowed_methods, reason = "the operator checks every tenant's log")]
async fn slugs(app: &App, chains: &[audit_chain::Model]) -> Result<BTreeMap<Uuid, String>> {
    let rows: Vec<(Uuid, String)> = tenant::Entity::find()
        .select_only()
        .columns([tenant::Column::Id, tenant::Column::Slug])
        .filter(tenant::Column::Id.is_in(chains.iter().filter_map(|chain| chain.tenant_id)))
        .into_tuple()
        .all(app.across_tenants().reader())
        .await
        .doing("reading the tenants of audit logs")?;
    Ok(rows.into_iter().collect())
}

/// Chains that have entries and no row. The foreign key forbids that, but whoever removes rows may remove it first.
#[expect(clippy::disallowed_methods, reason = "the operator checks every tenant's log")]
async fn without_chain(app: &App) -> Result<Vec<Uuid>> {
    let known = sea_orm::sea_query::Query::select()
        .column(audit_chain::Column::Id)
        .from(audit_chain::Entity)
        .to_owned();
    audit_entry::Entity::find()
        .select_only()
        .column(audit_entry::Column::ChainId)
        .distinct()
        .filter(Expr::col(audit_entry::Column::ChainId).in_subquery(known).not())
        .limit(PAGE_ROWS)
        .into_tuple()
        .all(app.across_tenants().reader())
        .await
        .doing("looking for entries without an audit log")
}
