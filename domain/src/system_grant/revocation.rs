//! Access that is given up: its authorization server is told (RFC 7009), once, where the config says how. Deliberately absent:
//! waiting for the answer; what is forgotten here is forgotten whatever the server says.

use std::sync::Arc;

use connector::{SystemError, SystemErrorKind};
use entity::{system, system_grant, tenant};
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::SecretString;
use tracing::Instrument;

use super::{Client, provider, renewal};
use crate::app::App;
use crate::error::{Doing, Result};
use crate::scope::TxScope;

/// What is to be told once the access of a system is forgotten.
pub(crate) struct Revocation {
    app: Arc<App>,
    tenant_slug: String,
    /// As it was when it had the access.
    system: system::Model,
    /// The one that gives others, where there is one (RFC 7009, section 2.1: its access tokens end as well).
    token: SecretString,
}

impl Revocation {
    /// Of the access that a system has now; `None` where it has none, or its config names no place for that.
    ///
    /// # Errors
    /// Storage.
    pub(crate) async fn of(tx: &TxScope, system: &system::Model) -> Result<Option<Self>> {
        let app = tx.app();
        // A config that is not of its schema says nothing of access.
        let settings = app.connectors().get(&system.connector);
        let settings = settings.and_then(|connector| connector.oauth2(&system.config).ok()?);
        if settings.and_then(|settings| settings.revocation_url).is_none() {
            return Ok(None);
        }
        let doing = "reading the access of a system";
        let grant = tx
            .find::<system_grant::Entity>()
            .filter(system_grant::Column::SystemId.eq(system.id))
            .one(tx.connection())
            .await
            .doing(doing)?;
        let token = match grant.map(|row| renewal::token_to_revoke(app, &row)) {
            None | Some(Ok(None)) => return Ok(None),
            Some(Ok(Some(token))) => token,
            // It must not keep a system from being mended or deleted.
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, system.id = %system.id, "access can't be opened, and so not be revoked");
                return Ok(None);
            }
        };
        let tenant = tx
            .find::<tenant::Entity>()
            .filter(tenant::Column::Id.eq(system.tenant_id))
            .one(tx.connection())
            .await
            .doing(doing)?;
        let Some(tenant) = tenant else { return Ok(None) };
        Ok(Some(Self { app: app.clone(), tenant_slug: tenant.slug, system: system.clone(), token }))
    }

    /// Tells the authorization server, beside all else; shutdown waits for it. That it can't be told is logged.
    pub(crate) fn tell(self) {
        let app = self.app.clone();
        let span = tracing::info_span!(
            "revocation", tenant.id = %self.system.tenant_id, system.id = %self.system.id,
            connector = self.system.connector
        );
        let work = async move {
            match self.send().await {
                Ok(()) => tracing::info!("access that is not wanted any more was revoked"),
                Err(error) => tracing::warn!(
                    kind = error.kind.code(),
                    http_status = error.http_status,
                    detail = error.detail,
                    "access could not be revoked at its authorization server; it is forgotten here"
                ),
            }
        };
        app.tasks().spawn(work.instrument(span));
    }

    async fn send(&self) -> std::result::Result<(), SystemError> {
        let Self { app, tenant_slug, system, token } = self;
        let credentials = crate::system::credentials(app, tenant_slug, system).await?;
        let client = Client::of(app, &system.connector, &system.config, &credentials)?;
        let none = || SystemError::new(SystemErrorKind::Internal, "the system has no client");
        provider::revoke(app, &client.ok_or_else(none)?, token).await
    }
}
