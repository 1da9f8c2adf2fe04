//! Credentials that a system renews while a run uses it: kept in its row, unless a person has given others meanwhile.

use std::sync::Arc;

use connector::{CredentialStore, SystemError, SystemErrorKind};
use entity::system;
use futures::FutureExt;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::connection::open;
use super::{CREDENTIALS_BYTES_MAX, seal};
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::scope::TxScope;

/// The row's place for credentials, of which a run was given `given`, as text.
pub(super) fn store(app: &Arc<App>, row: &system::Model, given: &SecretString) -> CredentialStore {
    let (app, row) = (app.clone(), Arc::new(row.clone()));
    let given = Arc::new(Mutex::new(given.clone()));
    CredentialStore::by(move |new| {
        // What was renewed is kept also when the run that did it is stopped at this moment, and nobody's call did it.
        let kept = app.tasks().spawn(keep(app.clone(), row.clone(), given.clone(), new));
        async move {
            let kept = kept.await.map_err(|error| error.to_string()).and_then(|kept| kept);
            kept.map_err(|cause| {
                let detail = format!("storing renewed credentials: {cause}");
                SystemError::new(SystemErrorKind::Internal, detail)
            })
        }
        .boxed()
    })
}

/// Of credentials that are a reference: the secret is in a store of the operator, which we only read.
pub(super) fn of_reference(row: &system::Model) -> CredentialStore {
    let (tenant_id, id) = (row.tenant_id, row.id);
    CredentialStore::by(move |_new| {
        tracing::warn!(
            tenant.id = %tenant_id,
            system.id = %id,
            "a system has renewed its credentials, which are a reference; the new ones are lost after this run"
        );
        async { Ok(()) }.boxed()
    })
}

async fn keep(
    app: Arc<App>,
    row: Arc<system::Model>,
    given: Arc<Mutex<SecretString>>,
    new: SecretString,
) -> std::result::Result<(), String> {
    if new.expose_secret().len() > CREDENTIALS_BYTES_MAX {
        return Err(format!("they have more than {CREDENTIALS_BYTES_MAX} bytes"));
    }
    let mut given = given.lock().await;
    let kept =
        replace(&app, &row, &given, &new).await.map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })?;
    if kept {
        *given = new;
    } else {
        tracing::info!(
            tenant.id = %row.tenant_id,
            system.id = %row.id,
            "a system has renewed its credentials, but somebody has given it others meanwhile, which stay"
        );
    }
    Ok(())
}

/// False when the row has others than those that were given, or is gone.
async fn replace(
    app: &Arc<App>,
    row: &system::Model,
    given: &SecretString,
    new: &SecretString,
) -> Result<bool> {
    let tx = TxScope::begin(app, row.tenant_id).await?;
    // By their text: they may have been encrypted anew meanwhile, by another key.
    let now = tx
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(row.id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("reading a system")?;
    let Some(now) = now else { return Ok(false) };
    let stored = match &now.credentials {
        None => "{}".to_owned(),
        Some(sealed) => {
            open(app, &now, sealed).map_err(|error| Error::internal("renewing credentials", error))?
        }
    };
    if stored != *given.expose_secret() {
        return Ok(false);
    }
    let value: Value = serde_json::from_str(new.expose_secret()).doing("reading renewed credentials")?;
    let sealed = seal(app, row.tenant_id, row.id, &value)?;
    tx.update::<system::Entity>()
        .col_expr(system::Column::Credentials, Expr::value(sealed))
        .col_expr(system::Column::UpdatedAt, Expr::value(app.clock().now()))
        .filter(system::Column::Id.eq(row.id))
        .exec(tx.connection())
        .await
        .doing("storing renewed credentials")?;
    tx.commit().await?;
    Ok(true)
}
