//! Reaching a system: access for workers and tests, the test, and what its outcome means for the status.

use std::sync::Arc;
use std::time::Duration;

use connector::{
    AccessTokens, CredentialStore, Grant, Inbox, Progress, SystemAccess, SystemError, SystemErrorKind,
};
use entity::occasion::OccasionKind;
use entity::{system, tenant};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::reference::Reference;
use super::{System, SystemStatus, begin, found, renewal, reread};
use crate::actor::Actor;
use crate::app::App;
use crate::background::circuit;
use crate::background::reconnection::{self, TakenUp};
use crate::error::{Doing, Error, Result};
use crate::id::Kind;
use crate::incident::fault::acquit_of_all;
use crate::occasion::{self, NewOccasion};
use crate::permission::Permission;
use crate::rate_limit;
use crate::scope::TxScope;
use crate::system_grant::{Client, GrantTokens};
use crate::webhook_event::StoredInbox;

/// Time that a test may take: a person waits for it.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest status message, in characters; what is longer is cut.
const MESSAGE_CHARS_MAX: usize = 500;

/// Connects to a system for real, and stores what was found. That it does not answer is a result, not an error. When it takes
/// us in again, runs that its refusal ended are retried, and integrations that were held for it go on, for callers who may
/// retry failures and resume integrations.
///
/// # Errors
/// Denied without `systems:test`. Rejected: `NOT_FOUND` systemId.
pub async fn test(actor: &Actor, id: Uuid) -> Result<System> {
    let scope = actor.authorize(Permission::SystemTest)?;
    let row = found(&scope, id).await?;
    let tenant = scope
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(row.tenant_id))
        .one()
        .await?
        .ok_or_else(|| Error::not_found("systemId", "system"))?;
    let (tested, store) = connect(scope.app(), &tenant.slug, &row).await;
    let (status, message) = match tested {
        Ok(found) => (SystemStatus::Healthy, short(&found)),
        Err(error) => {
            tracing::info!(
                tenant.id = %row.tenant_id,
                system.id = %row.id,
                connector = row.connector,
                kind = error.kind.code(),
                http_status = error.http_status,
                detail = error.detail,
                "a system did not pass its test"
            );
            status_of(&error, renewal_words(scope.app(), &row))
        }
    };
    let mut tx = begin(&scope, row.tenant_id).await?;
    let mut taken_up = TakenUp::default();
    // What its refusals ended goes on, where the caller might let it go on one by one. Before its row is locked: a claim
    // locks jobs before systems.
    let may_take_up = actor.may(Permission::FailureRetry) && actor.may(Permission::IntegrationOperate);
    let is_same = |now: &system::Model| {
        now.config == row.config && has_same_credentials(scope.app(), &row, now, &store)
    };
    if may_take_up && status == SystemStatus::Healthy && is_same(&reread(&tx, id).await?) {
        taken_up = reconnection::take_up(&mut tx, &row).await?;
    }
    // Also locks the row, so that what is compared below stays so.
    tx.update::<system::Entity>()
        .col_expr(system::Column::LastTestedAt, Expr::value(Some(scope.app().clock().now())))
        .filter(system::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing when a system was tested")?;
    let now = reread(&tx, id).await?;
    // Somebody may have changed it meanwhile: then this says nothing about what it is now.
    if is_same(&now) {
        mark(&tx, id, status, Some(message)).await?;
        if status == SystemStatus::Healthy {
            answered(&tx, id).await?;
        }
    }
    taken_up.settle(&tx, id).await?;
    let row = reread(&tx, id).await?;
    tx.about(Kind::System, id).commit().await?;
    Ok(row.into())
}

/// What a connector needs to reach a system, credentials included: for workers and tests.
///
/// # Errors
/// As [`credentials`]; `Unauthorized` when they lack what OAuth 2.0 needs.
pub(crate) async fn access(
    app: &Arc<App>,
    tenant_slug: &str,
    row: &system::Model,
) -> Result<SystemAccess, SystemError> {
    let (credentials, credential_store) = opened(app, tenant_slug, row).await?;
    let client = Client::of(app, &row.connector, &row.config, &credentials)?;
    let inbox = StoredInbox::of(app, row)?;
    let tokens = client.map(|client| GrantTokens::new(app, row.tenant_id, row.id, client));
    Ok(SystemAccess {
        config: row.config.clone(),
        credentials,
        files_dir: app.tenant_files_dir(tenant_slug),
        tokens: tokens.map(|tokens| Arc::new(tokens) as Arc<dyn AccessTokens>),
        pace: rate_limit::pace(app, row),
        progress: Progress::default(),
        credential_store,
        inbox: inbox.map(|inbox| Arc::new(inbox) as Arc<dyn Inbox>),
    })
}

/// Opened credentials, as JSON text. Those that are a reference are fetched now; nobody holds a transaction meanwhile.
///
/// # Errors
/// `Internal` when they can't be opened; those of the store that has them; `Misconfigured` when what it has is not what
/// the connector takes.
pub(crate) async fn credentials(
    app: &Arc<App>,
    tenant_slug: &str,
    row: &system::Model,
) -> Result<SecretString, SystemError> {
    opened(app, tenant_slug, row).await.map(|(credentials, _store)| credentials)
}

/// The same, and where those go that the system renews.
async fn opened(
    app: &Arc<App>,
    tenant_slug: &str,
    row: &system::Model,
) -> Result<(SecretString, CredentialStore), SystemError> {
    let stored = match &row.credentials {
        None => "{}".to_owned(),
        Some(sealed) => open(app, row, sealed)?,
    };
    let reference = serde_json::from_str(&stored).ok().and_then(|value: Value| Reference::parse(&value));
    match reference {
        None => {
            let stored = SecretString::from(stored);
            let store = renewal::store(app, row, &stored);
            Ok((stored, store))
        }
        Some(Ok(reference)) => {
            let fetched = app.references().fetch(&reference, tenant_slug).await?;
            check_fetched(app, row, &fetched)?;
            Ok((fetched, renewal::of_reference(row)))
        }
        Some(Err(problem)) => Err(SystemError::new(SystemErrorKind::Internal, problem)),
    }
}

pub(super) fn open(app: &App, row: &system::Model, sealed: &[u8]) -> Result<String, SystemError> {
    let opened = app.unseal(row.tenant_id, row.id, sealed).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        SystemError::new(SystemErrorKind::Internal, format!("opening the credentials of a system: {cause}"))
    })?;
    // The bytes are not made part of the error: they may be a secret.
    String::from_utf8(opened).map_err(|_bytes| {
        SystemError::new(SystemErrorKind::Internal, "the credentials of a system are not text")
    })
}

/// That what a store gave is what the connector takes. Where it is not is said, what it is never.
fn check_fetched(app: &App, row: &system::Model, fetched: &SecretString) -> Result<(), SystemError> {
    let value: Value = serde_json::from_str(fetched.expose_secret())
        .map_err(|_secret| SystemError::new(SystemErrorKind::Misconfigured, "the secret is not JSON"))?;
    let problems = app.connectors().credentials_problems(&row.connector, &value);
    if problems.is_empty() {
        return Ok(());
    }
    Err(SystemError::new(SystemErrorKind::Misconfigured, "the secret is not what the connector takes")
        .with_hint("the secret in the secret store is not what this kind of system takes as credentials"))
}

/// A person found that it is there: runs that left it alone need not any more.
async fn answered(tx: &TxScope, id: Uuid) -> Result<()> {
    circuit::close(tx.update::<system::Entity>(), tx.app().clock().now())
        .filter(system::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("closing a circuit")?;
    acquit_of_all(tx, id).await
}

/// Stores what a test or a run found of a system. The caller lets health look again at its users last of all, by
/// `systems_changed`.
pub(crate) async fn mark(
    tx: &TxScope,
    id: Uuid,
    status: SystemStatus,
    message: Option<String>,
) -> Result<()> {
    match status {
        SystemStatus::ReauthRequired => {
            let changed = tx
                .update::<system::Entity>()
                .col_expr(system::Column::Status, Expr::value(status))
                .filter(system::Column::Id.eq(id))
                .filter(system::Column::Status.ne(status))
                .exec(tx.connection())
                .await
                .doing("storing the status of a system")?;
            // Who knows already is not told again.
            if changed.rows_affected > 0 {
                let told = NewOccasion::new(OccasionKind::ReauthRequired).system(id);
                occasion::record(tx, told.detail("reason", message.clone())).await?;
            }
        }
        SystemStatus::Healthy => tell_reauthorized(tx, [id]).await?,
        SystemStatus::Untested | SystemStatus::Failing => {}
    }
    tx.update::<system::Entity>()
        .col_expr(system::Column::Status, Expr::value(status))
        .col_expr(system::Column::StatusMessage, Expr::value(message))
        .filter(system::Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .doing("storing the status of a system")?;
    Ok(())
}

/// Of these systems, those that wanted somebody to sign in, and are about to be found in order.
pub(crate) async fn tell_reauthorized(tx: &TxScope, ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let wanted: Vec<Uuid> = tx
        .find::<system::Entity>()
        .select_only()
        .column(system::Column::Id)
        .filter(system::Column::Id.is_in(ids))
        .filter(system::Column::Status.eq(SystemStatus::ReauthRequired))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing("reading systems that wanted a sign-in")?;
    for id in wanted {
        occasion::record(tx, NewOccasion::new(OccasionKind::Reauthorized).system(id)).await?;
    }
    Ok(())
}

/// How somebody makes a system that refuses us take us in again.
pub(crate) fn renewal_words(app: &App, row: &system::Model) -> &'static str {
    let connector = app.connectors().get(&row.connector);
    let oauth2 = connector.and_then(|connector| connector.oauth2(&row.config).ok()?);
    match oauth2.map(|settings| settings.grant) {
        Some(Grant::AuthorizationCode) => "Connect it again.",
        Some(Grant::ClientCredentials) | None => "Renew its credentials, then test it again.",
    }
}

/// What an error of a system means, and what to do, in the customer's words.
pub(crate) fn refusal_words(app: &App, row: &system::Model, error: &SystemError) -> String {
    status_of(error, renewal_words(app, row)).1
}

/// What an error of a system means for its status, in the customer's words. `renewal` is what mends a refusal.
fn status_of(error: &SystemError, renewal: &'static str) -> (SystemStatus, String) {
    let status = match error.kind {
        SystemErrorKind::Unauthorized => SystemStatus::ReauthRequired,
        _ => SystemStatus::Failing,
    };
    let (what, action) = match error.kind {
        SystemErrorKind::Unauthorized => ("The system refuses the sign-in", renewal),
        SystemErrorKind::NotFound => {
            ("What the settings name is not there", "Correct the settings, or put it back, then test again.")
        }
        SystemErrorKind::Malformed => (
            "What is there is not what the settings describe",
            "Check that the settings name the right place, then test again.",
        ),
        SystemErrorKind::RateLimited => ("The system asks us to slow down", "Test it again in some minutes."),
        SystemErrorKind::Unavailable => {
            ("The system is down or can't be reached", "Check its address; if it is right, test again later.")
        }
        SystemErrorKind::Timeout => {
            ("The system took too long to answer", "Check its address; if it is right, test again later.")
        }
        SystemErrorKind::Forbidden => (
            "The address or path is not one that may be reached",
            "Check it; if it is right, ask our support to allow it.",
        ),
        SystemErrorKind::Misconfigured => {
            ("The settings do not fit the system", "Correct them, then test again.")
        }
        SystemErrorKind::Internal => {
            ("A fault on our side kept us from trying", "Test again later; our support helps if it goes on.")
        }
    };
    let message = match &error.hint {
        Some(hint) => format!("{what}: {}. {action}", hint.trim_end_matches('.')),
        None => format!("{what}. {action}"),
    };
    (status, short(&message))
}

/// What a test found, and where credentials went that the system has renewed meanwhile.
async fn connect(
    app: &Arc<App>,
    tenant_slug: &str,
    row: &system::Model,
) -> (Result<String, SystemError>, CredentialStore) {
    let mut store = CredentialStore::default();
    let Some(connector) = app.connectors().get(&row.connector) else {
        let detail = format!("no connector has the name {}", row.connector);
        let error = SystemError::new(SystemErrorKind::Misconfigured, detail)
            .with_hint("this kind of system is not supported any more");
        return (Err(error), store);
    };
    let tested = async {
        let access = access(app, tenant_slug, row).await?;
        store = access.credential_store.clone();
        connector.test(&access).await
    };
    let tested = match tokio::time::timeout(TEST_TIMEOUT, tested).await {
        Ok(result) => result,
        Err(_elapsed) => {
            let detail = format!("the test did not end within {} s", TEST_TIMEOUT.as_secs());
            Err(SystemError::new(SystemErrorKind::Timeout, detail))
        }
    };
    (tested, store)
}

/// Whether a row has the credentials that a test was made with, or those that the test itself has renewed.
fn has_same_credentials(
    app: &App,
    before: &system::Model,
    now: &system::Model,
    store: &CredentialStore,
) -> bool {
    let Some(renewed) = store.latest() else { return now.credentials == before.credentials };
    let stored = now.credentials.as_ref().and_then(|sealed| open(app, now, sealed).ok());
    stored.is_some_and(|stored| stored == *renewed.expose_secret())
}

/// One line of bounded length.
fn short(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use connector::{SystemError, SystemErrorKind};

    use super::{SystemStatus, status_of};

    #[test]
    fn customers_read_the_hint_and_never_the_detail() {
        let error = SystemError::new(SystemErrorKind::Unavailable, "db-7.internal:5432: connection refused")
            .with_hint("the port is closed.");
        let renewal = "Renew its credentials, then test it again.";
        let (status, message) = status_of(&error, renewal);
        assert_eq!(status, SystemStatus::Failing);
        assert_eq!(
            message,
            "The system is down or can't be reached: the port is closed. Check its address; if it is right, test again later."
        );
        let refused =
            SystemError::new(SystemErrorKind::Unauthorized, "password authentication failed for ada");
        let (status, message) = status_of(&refused, renewal);
        assert_eq!(status, SystemStatus::ReauthRequired);
        assert_eq!(message, "The system refuses the sign-in. Renew its credentials, then test it again.");
    }
}
