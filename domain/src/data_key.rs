//! The keys that seal what is stored, in the database, each wrapped by a secret key of the operator. All processes have
//! all of them in memory: sealing happens inside of transactions, and must not ask anybody. A new one is published
//! first and seals later, when every process has read it. Deliberately absent: the cryptography
//! ([`cipher`](crate::cipher)), and when processes read the keys again.

mod rotation;
mod sealed;
#[cfg(test)]
mod tests;

use entity::data_key;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, QueryOrder, QuerySelect};

use crate::app::App;
use crate::cipher::DataKey;
use crate::error::{Doing, Error};
use crate::id::new_id;
use crate::identity;

pub use self::rotation::{Progress, Rotate, Rotated, Unreadable, rotate};

/// Keys at once: the one that seals, and those before it that are not removed yet. They go after a day.
pub const DATA_KEYS_MAX: usize = 16;

/// Why the keys can't be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum DataKeyError {
    /// What is stored needs a secret key that is not among those of this process.
    #[error("what is stored needs the secret key {needed}, and there is {}", .given.join(", "))]
    OtherSecretKey {
        /// Id of the key that is missing, or `with no id` for what was stored before keys had ids.
        needed: String,
        /// Ids of those that are there.
        given: Vec<String>,
    },
    /// There are [`DATA_KEYS_MAX`].
    #[error(
        "there are {DATA_KEYS_MAX} data keys, which is the limit; those that seal nothing go after a day"
    )]
    TooMany,
    /// Something goes on being sealed by an older key.
    #[error(
        "{0} values are still sealed by an older key, by a process that has not read the new one; restart it, and run \
         this again"
    )]
    StillInUse(u64),
    /// The database can't be used.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Reads the keys at the start of a process, and makes the first one. Several processes at once make one.
///
/// # Errors
/// [`DataKeyError::OtherSecretKey`]; when they can't be read or made.
pub async fn load(app: &App) -> Result<(), DataKeyError> {
    let tx = begin_alone(app).await?;
    if all(&tx).await?.is_empty() {
        // A database of a version that had no data keys: a wrong secret key must not begin something of its own.
        if !sealed::opens_what_was_sealed_directly(app, &tx).await? {
            return Err(other_secret_key(app, "it was made with"));
        }
        insert(app, &tx, &DataKey::generate(new_id(), app.clock().now())).await?;
    }
    tx.commit().await.doing("committing the first data key")?;
    reread(app).await
}

/// Reads the keys again: another process may have made one.
///
/// # Errors
/// [`DataKeyError::OtherSecretKey`]; when they can't be read. Those that were read before stay in use.
pub async fn reread(app: &App) -> Result<(), DataKeyError> {
    let rows = all(app.across_tenants().reader()).await?;
    let keys = rows.iter().map(|row| open(app, row)).collect::<Result<_, _>>()?;
    app.cipher().use_data_keys(keys);
    Ok(())
}

fn open(app: &App, row: &data_key::Model) -> Result<DataKey, DataKeyError> {
    app.cipher()
        .unwrap(row.id, row.seals_from, &row.secret_key_id, &row.wrapped_key)
        .ok_or_else(|| other_secret_key(app, &row.secret_key_id))
}

fn other_secret_key(app: &App, needed: &str) -> DataKeyError {
    let given = app.cipher().key_ids().map(str::to_owned).collect();
    DataKeyError::OtherSecretKey { needed: needed.to_owned(), given }
}

/// A transaction in which no other process makes, wraps or removes keys.
async fn begin_alone(app: &App) -> Result<DatabaseTransaction, Error> {
    let tx = app.across_tenants().begin().await?;
    // On SQLite there is one writer at a time anyhow.
    if app.database().backend() == DatabaseBackend::Postgres {
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(8724190316)")
            .await
            .doing("locking the data keys")?;
    }
    Ok(tx)
}

/// The keys in the order in which they seal, the newest last.
async fn all(connection: &impl ConnectionTrait) -> Result<Vec<data_key::Model>, Error> {
    identity::find::<data_key::Entity>()
        .order_by_asc(data_key::Column::SealsFrom)
        .order_by_asc(data_key::Column::Id)
        .limit(DATA_KEYS_MAX as u64)
        .all(connection)
        .await
        .doing("reading the data keys")
}

async fn insert(app: &App, tx: &DatabaseTransaction, key: &DataKey) -> Result<(), Error> {
    let (secret_key_id, wrapped_key) = app.cipher().wrap(key).doing("wrapping a data key")?;
    let row = data_key::Model {
        id: key.id,
        secret_key_id,
        wrapped_key,
        created_at: app.clock().now(),
        seals_from: key.seals_from,
        emptied_at: None,
    };
    identity::insert::<data_key::Entity>(tx, row, "storing a data key").await
}
