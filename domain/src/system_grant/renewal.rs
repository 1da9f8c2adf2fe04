//! Access tokens of a system, the same for all who use it. Whoever finds that another one is needed asks for it, behind a
//! lease in the row; the others wait for what comes of it. No transaction is open meanwhile, and who dies leaves a lease
//! that ends.
//!
//! Servers may take a refresh token once. So an answer is stored whatever becomes of the run that asked for it, and who
//! stores it names the version that it saw: of two that asked after all, because a lease ended, the first one counts.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{AccessTokens, Grant, SystemError, SystemErrorKind};
use entity::system::SystemStatus;
use entity::system_grant::{self, GrantEnd, GrantStatus};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use uuid::Uuid;

use super::client::Client;
use super::provider::{self, NoTokens, TIMEOUT, Tokens};
use super::{ended, grant_of};
use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::id::new_id;
use crate::identity::unique_violation;
use crate::scope::TxScope;

/// How long before its end a token is renewed; of one that lives shorter than twice that, at half of its life.
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// For how long nobody else asks: what asking and storing take at most, and a margin.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long somebody waits for a token, in all: longer than a lease, so that they take over from who died.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the row of who waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a token that could not be renewed ahead of its end is used before that is tried again.
const AHEAD_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// Times that an answer is stored, a quarter of a second apart and longer each time: some 15 s.
const STORES_MAX: u32 = 6;

/// The access tokens of one system.
pub(crate) struct GrantTokens {
    renewal: Renewal,
    last: Mutex<Option<Held>>,
}

/// A token, and from when on another one is better.
#[derive(Clone)]
struct Held {
    token: SecretString,
    until: Option<DateTime<Utc>>,
}

/// As tokens are stored, sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    access: String,
    #[serde(default)]
    refresh: Option<String>,
}

#[derive(Clone)]
struct Renewal {
    app: Arc<App>,
    tenant_id: Uuid,
    system_id: Uuid,
    client: Arc<Client>,
}

/// What one look at the row came to.
enum Look {
    Have(Held),
    /// Nobody has one, for this reason.
    None(SystemError),
    /// The row changed meanwhile: look again.
    Changed,
    /// Somebody else is asking.
    Wait,
}

impl GrantTokens {
    /// Of a system, asked for by this client.
    pub(crate) fn new(app: &Arc<App>, tenant_id: Uuid, system_id: Uuid, client: Client) -> Self {
        let renewal = Renewal { app: app.clone(), tenant_id, system_id, client: Arc::new(client) };
        Self { renewal, last: Mutex::default() }
    }

    /// In a task of its own, that goes on when nobody waits for it any more: an answer must not get lost with the run. It
    /// is no part of what a caller does, for the audit log.
    async fn obtain(&self, refused: Option<SecretString>) -> std::result::Result<SecretString, SystemError> {
        let work = self.renewal.clone().obtain(refused).in_current_span();
        let held = self.renewal.app.tasks().spawn(work).await.map_err(|error| {
            SystemError::new(SystemErrorKind::Internal, format!("obtaining an access token: {error}"))
        })??;
        let token = held.token.clone();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(token)
    }
}

#[async_trait]
impl AccessTokens for GrantTokens {
    async fn access_token(&self) -> std::result::Result<SecretString, SystemError> {
        let now = self.renewal.app.clock().now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last.filter(|held| held.until.is_none_or(|until| until > now)) {
            Some(held) => Ok(held.token),
            None => self.obtain(None).await,
        }
    }

    async fn refused(&self, token: &SecretString) -> std::result::Result<SecretString, SystemError> {
        self.obtain(Some(token.clone())).await
    }
}

impl fmt::Debug for GrantTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GrantTokens").field("system", &self.renewal.system_id).finish_non_exhaustive()
    }
}

impl Renewal {
    /// A token other than `refused`.
    async fn obtain(self, refused: Option<SecretString>) -> std::result::Result<Held, SystemError> {
        let began = Instant::now();
        loop {
            let problem = match self.look(refused.as_ref()).await {
                Ok(Look::Have(held)) => return Ok(held),
                Ok(Look::None(error)) => return Err(error),
                Ok(Look::Changed) if began.elapsed() < PATIENCE => continue,
                Ok(Look::Changed | Look::Wait) => SystemError::new(
                    SystemErrorKind::Unavailable,
                    format!("nobody got an access token within {} s", PATIENCE.as_secs()),
                ),
                // A database that is away comes back; what a run has read and written is worth waiting for it.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        tenant.id = %self.tenant_id, system.id = %self.system_id,
                        "an access token could not be read; it is tried again"
                    );
                    SystemError::new(SystemErrorKind::Internal, error.to_string())
                }
            };
            if began.elapsed() >= PATIENCE {
                return Err(problem);
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn look(&self, refused: Option<&SecretString>) -> Result<Look> {
        let row = grant_of(&self.app, self.tenant_id, self.system_id).await?;
        let by_person = self.client.settings.grant == Grant::AuthorizationCode;
        let row = match row {
            Some(row) if row.client_hash == self.client.hash => row,
            Some(_) if by_person => return Ok(Look::None(ended("it was connected with other settings"))),
            None if by_person => return Ok(Look::None(ended("nobody has connected it yet"))),
            other => {
                self.begin(other).await?;
                return Ok(Look::Changed);
            }
        };
        if row.status == GrantStatus::Ended {
            return Ok(Look::None(ended(reason(row.end_reason))));
        }
        let now = self.app.clock().now();
        let is_asking = row.lease_until.is_some_and(|until| until > now);
        let stored = self.open(&row)?;
        // Of one that lives on without a renewal, although it might be renewed by now.
        let mut good = None;
        if let Some(stored) = &stored {
            let is_refused = refused.is_some_and(|refused| refused.expose_secret() == stored.access);
            let is_over = row.expires_at.is_some_and(|at| at <= now);
            let held = |until| Held { token: stored.access.clone().into(), until };
            if !is_refused && !is_over {
                if row.renew_at.is_none_or(|at| at > now) {
                    return Ok(Look::Have(held(row.renew_at)));
                }
                if by_person && stored.refresh.is_none() {
                    return Ok(Look::Have(held(row.expires_at)));
                }
                let again = now + AHEAD_AGAIN;
                good = Some(held(Some(row.expires_at.map_or(again, |at| Ord::min(at, again)))));
            } else if by_person && stored.refresh.is_none() {
                return self.end(&row, GrantEnd::Expired, "there is no refresh token").await;
            }
        }
        if is_asking {
            return Ok(good.map_or(Look::Wait, Look::Have));
        }
        if !self.lease(&row, now).await? {
            return Ok(Look::Changed);
        }
        let refresh = stored.and_then(|stored| stored.refresh).map(SecretString::from).filter(|_| by_person);
        self.ask(&row, refresh.as_ref(), good, now).await
    }

    /// Asks for tokens, as who has the lease.
    async fn ask(
        &self,
        row: &system_grant::Model,
        refresh: Option<&SecretString>,
        good: Option<Held>,
        asked_at: DateTime<Utc>,
    ) -> Result<Look> {
        let answer = match refresh {
            Some(token) => provider::refresh(&self.app, &self.client, token).await,
            None => provider::client_credentials(&self.app, &self.client).await,
        };
        match answer {
            Ok(tokens) => self.keep(row, tokens, refresh, asked_at).await,
            Err(NoTokens::Ended(error)) if refresh.is_some() => {
                // The one before nobody knows of may have been counted.
                let end = if row.lease_token.is_some() { GrantEnd::Lost } else { GrantEnd::Refused };
                self.end(row, end, &error.detail).await
            }
            Err(failed) => {
                self.release(row, failed.is_in_doubt()).await?;
                let (NoTokens::Failed(error) | NoTokens::Ended(error)) = failed;
                let Some(good) = good else { return Ok(Look::None(error)) };
                tracing::warn!(
                    tenant.id = %self.tenant_id, system.id = %self.system_id, kind = error.kind.code(), detail = error.detail,
                    "an access token could not be renewed ahead of its end; it is used until then"
                );
                Ok(Look::Have(good))
            }
        }
    }

    /// Stores what a server gave, as often as it takes: it may not give it again.
    async fn keep(
        &self,
        row: &system_grant::Model,
        tokens: Tokens,
        refresh: Option<&SecretString>,
        asked_at: DateTime<Utc>,
    ) -> Result<Look> {
        let stored = Stored {
            access: tokens.access.expose_secret().to_owned(),
            // Who sends no other one means that the same stays good (RFC 6749, section 6).
            refresh: tokens.refresh.as_ref().or(refresh).map(|token| token.expose_secret().to_owned()),
        };
        let sealed = seal(&self.app, self.tenant_id, row.id, &stored)?;
        let times = Times::of(tokens.lifetime, asked_at);
        let scopes = tokens.scopes.map(entity::string_list::StringList).or_else(|| row.scopes.clone());
        let store = async || -> Result<bool> {
            let tx = TxScope::begin(&self.app, self.tenant_id).await?;
            let stored = same_version(&tx, row)
                .col_expr(system_grant::Column::SealedTokens, Expr::value(Some(sealed.clone())))
                .col_expr(system_grant::Column::Scopes, Expr::value(scopes.clone()))
                .col_expr(system_grant::Column::RenewedAt, Expr::value(Some(asked_at)))
                .col_expr(system_grant::Column::RenewAt, Expr::value(times.renew_at))
                .col_expr(system_grant::Column::ExpiresAt, Expr::value(times.expires_at))
                .col_expr(system_grant::Column::Version, Expr::value(row.version + 1))
                .col_expr(system_grant::Column::LeaseToken, Expr::value(None::<Uuid>))
                .col_expr(system_grant::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
                .exec(tx.connection())
                .await
                .doing("storing access tokens")?;
            tx.commit().await?;
            Ok(stored.rows_affected == 1)
        };
        let mut tries = 1;
        let is_stored = loop {
            match store().await {
                Ok(is_stored) => break is_stored,
                Err(error) if tries == STORES_MAX => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        tenant.id = %self.tenant_id, system.id = %self.system_id,
                        "new access tokens could not be stored; it is tried again"
                    );
                }
            }
            sleep(Duration::from_millis(250) * 2_u32.pow(tries)).await;
            tries += 1;
        };
        if !is_stored {
            return Ok(Look::Changed);
        }
        tracing::info!(tenant.id = %self.tenant_id, system.id = %self.system_id, "access to a system was renewed");
        Ok(Look::Have(Held { token: tokens.access, until: times.renew_at }))
    }

    /// Somebody must give access anew. Whoever changed the row meanwhile knows better.
    async fn end(&self, row: &system_grant::Model, end: GrantEnd, detail: &str) -> Result<Look> {
        let tx = TxScope::begin(&self.app, self.tenant_id).await?;
        let ended_now = same_version(&tx, row)
            .col_expr(system_grant::Column::Status, Expr::value(GrantStatus::Ended))
            .col_expr(system_grant::Column::EndReason, Expr::value(Some(end)))
            .col_expr(system_grant::Column::SealedTokens, Expr::value(None::<Vec<u8>>))
            .col_expr(system_grant::Column::Version, Expr::value(row.version + 1))
            .col_expr(system_grant::Column::LeaseToken, Expr::value(None::<Uuid>))
            .col_expr(system_grant::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .exec(tx.connection())
            .await
            .doing("storing that access has ended")?;
        if ended_now.rows_affected == 0 {
            return Ok(Look::Changed);
        }
        let why = reason(Some(end));
        let message = format!("The connection has ended: {why}. Connect it again.");
        crate::system::mark(&tx, self.system_id, SystemStatus::ReauthRequired, Some(message)).await?;
        crate::health::systems_changed(&tx, &[self.system_id]).await?;
        tx.commit().await?;
        tracing::info!(
            tenant.id = %self.tenant_id, system.id = %self.system_id, reason = ?end, detail,
            "access to a system has ended"
        );
        let error = ended(why);
        Ok(Look::None(SystemError { detail: format!("{}: {detail}", error.detail), ..error }))
    }

    /// A row for the client's own tokens, in place of another client's. Somebody else may make it at the same time.
    async fn begin(&self, other: Option<system_grant::Model>) -> Result<()> {
        let tx = TxScope::begin(&self.app, self.tenant_id).await?;
        if let Some(other) = other {
            tx.delete::<system_grant::Entity>()
                .filter(system_grant::Column::Id.eq(other.id))
                .exec(tx.connection())
                .await
                .doing("forgetting tokens of another client")?;
        }
        let now = self.app.clock().now();
        let row = super::empty(self.tenant_id, self.system_id, self.client.hash.clone(), now);
        match tx.insert::<system_grant::Entity>(row, "storing who asks for tokens").await {
            Err(error) if unique_violation(&error).is_some() => Ok(()),
            Err(error) => Err(error),
            Ok(_row) => tx.commit().await,
        }
    }

    /// False when somebody was faster.
    async fn lease(&self, row: &system_grant::Model, now: DateTime<Utc>) -> Result<bool> {
        let tx = TxScope::begin(&self.app, self.tenant_id).await?;
        let is_free =
            system_grant::Column::LeaseUntil.is_null().or(system_grant::Column::LeaseUntil.lte(now));
        let leased = same_version(&tx, row)
            .col_expr(system_grant::Column::LeaseToken, Expr::value(Some(new_id())))
            .col_expr(system_grant::Column::LeaseUntil, Expr::value(Some(now + LEASE)))
            .filter(is_free)
            .exec(tx.connection())
            .await
            .doing("leasing the tokens of a system")?;
        tx.commit().await?;
        Ok(leased.rows_affected == 1)
    }

    /// Lets somebody else ask. Where nobody knows what the server made of it, the lease's token stays as the sign of that.
    async fn release(&self, row: &system_grant::Model, is_in_doubt: bool) -> Result<()> {
        let tx = TxScope::begin(&self.app, self.tenant_id).await?;
        let mut update = same_version(&tx, row)
            .col_expr(system_grant::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>));
        if !is_in_doubt && row.lease_token.is_none() {
            update = update.col_expr(system_grant::Column::LeaseToken, Expr::value(None::<Uuid>));
        }
        update.exec(tx.connection()).await.doing("letting go of the tokens of a system")?;
        tx.commit().await
    }

    fn open(&self, row: &system_grant::Model) -> Result<Option<Stored>> {
        open(&self.app, row)
    }
}

fn open(app: &App, row: &system_grant::Model) -> Result<Option<Stored>> {
    let Some(sealed) = &row.sealed_tokens else { return Ok(None) };
    let text = zeroize::Zeroizing::new(app.unseal(row.tenant_id, row.id, sealed)?);
    // The cause is left out: it may quote a token.
    let stored = serde_json::from_slice(&text)
        .map_err(|_error| Error::internal("reading access tokens", "they are not as they were stored"))?;
    Ok(Some(stored))
}

/// The token by which a server ends all that it gave: the refresh token, or else the access token.
pub(super) fn token_to_revoke(app: &App, row: &system_grant::Model) -> Result<Option<SecretString>> {
    let stored = open(app, row)?;
    Ok(stored.map(|stored| SecretString::from(stored.refresh.unwrap_or(stored.access))))
}

/// An update of the row as it was seen, and of no later one.
fn same_version(tx: &TxScope, row: &system_grant::Model) -> sea_orm::UpdateMany<system_grant::Entity> {
    tx.update::<system_grant::Entity>()
        .filter(system_grant::Column::Id.eq(row.id))
        .filter(system_grant::Column::Version.eq(row.version))
}

/// When a token ends, and when it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    expires_at: Option<DateTime<Utc>>,
    renew_at: Option<DateTime<Utc>>,
}

impl Times {
    /// Of a token that lives so long, from when it was asked for.
    fn of(lifetime: Option<Duration>, asked_at: DateTime<Utc>) -> Self {
        let end = |lifetime: Duration| {
            let lifetime = TimeDelta::from_std(lifetime).ok()?;
            let expires_at = asked_at.checked_add_signed(lifetime)?;
            Some((expires_at, expires_at - Ord::min(AHEAD, lifetime / 2)))
        };
        let (expires_at, renew_at) = lifetime.and_then(end).unzip();
        Self { expires_at, renew_at }
    }
}

/// The first tokens of a row, from somebody who gave access.
pub(super) fn fill(
    app: &App,
    row: &mut system_grant::Model,
    tokens: &Tokens,
    asked_at: DateTime<Utc>,
) -> Result<()> {
    let stored = Stored {
        access: tokens.access.expose_secret().to_owned(),
        refresh: tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
    };
    row.sealed_tokens = Some(seal(app, row.tenant_id, row.id, &stored)?);
    row.scopes = tokens.scopes.clone().map(entity::string_list::StringList);
    let Times { expires_at, renew_at } = Times::of(tokens.lifetime, asked_at);
    (row.renewed_at, row.expires_at, row.renew_at) = (Some(asked_at), expires_at, renew_at);
    Ok(())
}

fn seal(app: &App, tenant_id: Uuid, id: Uuid, stored: &Stored) -> Result<Vec<u8>> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(stored).doing("writing access tokens")?);
    app.seal(tenant_id, id, &text)
}

fn reason(end: Option<GrantEnd>) -> &'static str {
    match end {
        Some(GrantEnd::Lost) => "renewing it was interrupted, and it can't be taken up again",
        Some(GrantEnd::Expired) => {
            "the access has run out or was withdrawn, and was given without a way to renew it"
        }
        Some(GrantEnd::Refused) | None => "the access was withdrawn or has run out",
    }
}

const _: () =
    assert!(TIMEOUT.as_secs() + 15 < LEASE.num_seconds() as u64, "a lease outlasts what is done in it");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta};

    use super::Times;

    #[test]
    fn a_token_is_renewed_a_minute_ahead_or_at_half_of_its_life() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let of = |seconds: u64| Times::of(Some(Duration::from_secs(seconds)), now);
        let ahead = |seconds: u64| (of(seconds).renew_at.expect("it ends") - now).num_seconds();
        assert_eq!((ahead(3600), ahead(120), ahead(100), ahead(2)), (3540, 60, 50, 1));
        assert_eq!(of(3600).expires_at, Some(now + TimeDelta::seconds(3600)));
        let nothing = Times { expires_at: None, renew_at: None };
        assert_eq!(Times::of(None, now), nothing);
        assert_eq!(of(u64::MAX), nothing, "what no calendar has");
    }
}
