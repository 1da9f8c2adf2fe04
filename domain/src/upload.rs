//! Files that people put where an integration reads them: into the directory of a system, or its bucket. What is there is
//! replaced in one step, once the new file is whole; of one that does not get whole nothing is left.
//!
//! Deliberately absent: how large a file may be and how long it may take (`api`), and what it is on the way (`connector`).

use std::collections::{HashMap, HashSet};
use std::pin::pin;

use connector::{IncomingFile, NewFile, SystemError, SystemErrorKind, file_path};
use entity::integration::IntegrationStatus;
use entity::tenant::TenantStatus;
use entity::{integration, system, tenant};
use futures::{Stream, StreamExt};
use sea_orm::{ColumnTrait, Order};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, Call};
use crate::error::{Doing, Error, Problem, Result};
use crate::id::{GlobalId, Kind};
use crate::permission::Permission;
use crate::scope::Scope;
use crate::system::{access, found};

/// Path of the files, below the public URL: `/files/{id of the system}/{path of the file}`.
pub const PATH: &str = "/files";
/// Integrations that an answer names.
pub const READERS_MAX: usize = 100;
/// Integrations that are looked at together; the streams of each have up to 1 MiB.
const LOOKED_AT_TOGETHER: u64 = 50;

/// A file that somebody wants to put somewhere.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The system that reads it; nil, which names nothing, where the id can't be read.
    pub system_id: Uuid,
    /// Where, in its directory or below the prefix of its bucket.
    pub path: String,
    /// Only if nothing is there.
    pub only_new: bool,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Where, in one spelling.
    pub path: String,
    /// Its size, in bytes.
    pub byte_count: u64,
    /// Whether nothing was there before.
    pub is_new: bool,
    /// Integrations that may run and read it, as far as the caller may know of them: the first [`READERS_MAX`].
    pub readers: Vec<Uuid>,
}

/// What became of a file; `E` is why a sender did not send all of it.
#[derive(Debug)]
pub enum Received<E> {
    /// It is there.
    Stored(Uploaded),
    /// Only a new file was wanted, and something is there.
    Occupied,
    /// It did not come whole.
    Interrupted(E),
    /// The system does not take it.
    Refused {
        /// Why, in words a customer can use.
        reason: String,
        /// Whether waiting and trying again can help.
        is_transient: bool,
    },
}

/// Receives a file, and enters that in the audit log as `call`. It goes on to its end when whoever asked for it does not
/// wait any more: then the body ends, too.
///
/// # Errors
/// Denied without `files:upload`, and while the tenant is suspended. Rejected: `NOT_FOUND` systemId; `CONFLICT` systemId
/// while its tenant is suspended; `INVALID` systemId when its connector reads no files; `INVALID` path.
pub async fn receive<B, C, E>(actor: Actor, new: NewUpload, body: B, call: Call) -> Result<Received<E>>
where
    B: Stream<Item = Result<C, E>> + Send + 'static,
    C: AsRef<[u8]> + Send + Sync + 'static,
    E: Send + 'static,
{
    let tasks = actor.app().tasks().clone();
    let work = async move {
        let received = put(&actor, new, body).await;
        audit::tell(&received);
        received
    };
    tasks.spawn(audit::record(call, work)).await.doing("receiving a file")?
}

async fn put<B, C, E>(actor: &Actor, new: NewUpload, body: B) -> Result<Received<E>>
where
    B: Stream<Item = Result<C, E>> + Send,
    C: AsRef<[u8]> + Send + Sync,
    E: Send,
{
    let scope = actor.authorize(Permission::FileUpload)?;
    actor.acts()?;
    let row = found(&scope, new.system_id).await?;
    audit::about(Some(row.tenant_id), GlobalId::new(Kind::System, row.id));
    let tenant = scope.find::<tenant::Entity>().of_id(tenant::Column::Id, row.tenant_id).one().await?;
    let tenant = tenant.ok_or_else(no_system)?;
    if tenant.status == TenantStatus::Suspended {
        return Err(Error::conflict("systemId", "the tenant of this system is suspended; resume it first"));
    }
    let path = file_path(&new.path).map_err(|error| {
        let hint = error.hint.unwrap_or(error.detail);
        Error::rejected(Problem::invalid(["path"], hint))
    })?;
    let kept = own_files(&scope, row.tenant_id).await?;
    let place = NewFile { path: path.clone(), only_new: new.only_new, kept };
    let mut file = match begin(&scope, &tenant.slug, &row, place).await {
        Ok(Some(file)) => file,
        Ok(None) => {
            let message = "this system reads no files; put them into one of the `file` connector";
            return Err(Error::rejected(Problem::invalid(["systemId"], message)));
        }
        Err(error) => return refused(&row, error),
    };
    if new.only_new && !file.is_new() {
        return Ok(occupied());
    }
    let mut byte_count = 0;
    let mut body = pin!(body);
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(why) => {
                audit::tell_rejected("the file did not come whole");
                return Ok(Received::Interrupted(why));
            }
        };
        byte_count += chunk.as_ref().len() as u64;
        if let Err(error) = file.write(chunk.as_ref()).await {
            return refused(&row, error);
        }
    }
    let is_new = file.is_new();
    match file.finish().await {
        Ok(true) => {}
        Ok(false) => return Ok(occupied()),
        Err(error) => return refused(&row, error),
    }
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(no_system)?;
    tx.about(Kind::System, row.id).detail(format!("{path}, {byte_count} bytes")).commit().await?;
    let readers = readers(actor, &row, &path).await?;
    Ok(Received::Stored(Uploaded { path, byte_count, is_new, readers }))
}

async fn begin(
    scope: &Scope,
    tenant_slug: &str,
    row: &system::Model,
    file: NewFile,
) -> Result<Option<IncomingFile>, SystemError> {
    let Some(connector) = scope.app().connectors().get(&row.connector) else { return Ok(None) };
    let access = access(scope.app(), tenant_slug, row).await?;
    connector.begin_file(&access, file).await
}

/// Files of the tenant's directory that its systems work on by themselves: a database is not replaced by a file.
async fn own_files(scope: &Scope, tenant_id: Uuid) -> Result<HashSet<String>> {
    let connectors = scope.app().connectors().all();
    let by_name: HashMap<&str, fn(&Value) -> Vec<String>> = connectors
        .filter_map(|connector| Some((connector.description().name, connector.own_files()?)))
        .collect();
    let rows = scope
        .find::<system::Entity>()
        .filter(system::Column::TenantId.eq(tenant_id))
        .filter(system::Column::Connector.is_in(by_name.keys().copied()))
        .all()
        .await?;
    let files = |row: &system::Model| by_name.get(row.connector.as_str()).map(|own| own(&row.config));
    Ok(rows.iter().filter_map(files).flatten().collect())
}

/// Integrations that may run and read a file of a system, as far as the caller may know of them.
async fn readers(actor: &Actor, system: &system::Model, path: &str) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    if !actor.may(Permission::IntegrationRead) {
        return Ok(found);
    }
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let Some(connector) = scope.app().connectors().get(&system.connector) else { return Ok(found) };
    let mut after: Option<Uuid> = None;
    loop {
        let rows = scope
            .find::<integration::Entity>()
            .filter(integration::Column::TenantId.eq(system.tenant_id))
            .filter(integration::Column::SourceId.eq(system.id))
            .filter(integration::Column::Status.eq(IntegrationStatus::Active))
            .filter_some(after, |id| integration::Column::Id.gt(id))
            .order_by(integration::Column::Id, Order::Asc)
            .limit(LOOKED_AT_TOGETHER)
            .all()
            .await?;
        after = rows.last().map(|row| row.id);
        let is_last = (rows.len() as u64) < LOOKED_AT_TOGETHER;
        let reads = |row: &integration::Model| {
            row.streams.0.iter().any(|stream| connector.reads_file(&stream.source, path))
        };
        found.extend(rows.iter().filter(|row| reads(row)).map(|row| row.id));
        if is_last || found.len() >= READERS_MAX {
            found.truncate(READERS_MAX);
            return Ok(found);
        }
    }
}

fn occupied<E>() -> Received<E> {
    audit::tell_rejected("something is there already");
    Received::Occupied
}

/// What a system says no with, in words; a fault of ours is none of the system's.
fn refused<E>(row: &system::Model, error: SystemError) -> Result<Received<E>> {
    if error.kind == SystemErrorKind::Internal {
        return Err(Error::internal("putting a file", error));
    }
    tracing::info!(
        tenant.id = %row.tenant_id,
        system.id = %row.id,
        connector = row.connector,
        kind = error.kind.code(),
        http_status = error.http_status,
        detail = error.detail,
        "a system did not take a file"
    );
    audit::tell_rejected("the system did not take the file");
    let is_transient = error.kind.is_transient();
    let words = match error.kind {
        SystemErrorKind::Unauthorized => "the system refuses the sign-in: renew its credentials",
        SystemErrorKind::NotFound => "what the settings of the system name is not there",
        SystemErrorKind::RateLimited | SystemErrorKind::Unavailable | SystemErrorKind::Timeout => {
            "the system can't be reached now, or has no room"
        }
        SystemErrorKind::Forbidden => "the address or path is not one that may be reached",
        SystemErrorKind::Malformed | SystemErrorKind::Misconfigured | SystemErrorKind::Internal => {
            "the settings of the system do not fit it"
        }
    };
    Ok(Received::Refused { reason: error.hint.unwrap_or_else(|| words.to_owned()), is_transient })
}

fn no_system() -> Error {
    Error::not_found("systemId", "system")
}
