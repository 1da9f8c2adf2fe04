//! Coming back from an authorization server: the code becomes access, and what waited for it goes on.

use std::sync::Arc;

use entity::connect_link;
use entity::system::{self, SystemStatus};
use oauth2::url::Url;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use tracing::Instrument;

use super::attempt::Attempt;
use super::{ConnectError, Cookie, Place, is_open};
use crate::Actor;
use crate::app::App;
use crate::audit::{self, Call};
use crate::background::reconnection;
use crate::error::{Doing, Error};
use crate::id::{GlobalId, Kind};
use crate::identity::unique_violation;
use crate::scope::TxScope;
use crate::session::Origin;
use crate::system_grant::provider::{self, NoTokens, Tokens};
use crate::system_grant::{self, Client};

/// Longest code that an authorization server gives, in bytes: they have some hundred.
const CODE_BYTES_MAX: usize = 4_096;
/// As the audit log calls it.
const OPERATION: &str = "connectSystem";

/// What somebody comes back with.
#[derive(Clone, Debug, Default)]
pub struct Return {
    /// `state` of the query.
    pub state: Option<String>,
    /// `code` of the query.
    pub code: Option<SecretString>,
    /// `error` of the query, in place of a code (RFC 6749, section 4.1.2.1).
    pub error: Option<String>,
    /// `iss` of the query (RFC 9207).
    pub issuer: Option<String>,
    /// The request's cookies.
    pub cookies: Vec<(String, String)>,
}

/// A system was connected.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Whose it is.
    pub tenant_name: String,
    /// Its name.
    pub system_name: String,
    /// Integrations whose runs could not go on without it, and are tried again now.
    pub retried: usize,
    /// Where to send whoever connected it.
    pub return_url: Option<Url>,
    /// In place of what the browser kept.
    pub cookie: Cookie,
}

/// Ends what somebody began at a link. It goes on when they close their browser meanwhile, because the code is good once.
///
/// # Errors
/// What the page says instead.
pub async fn finish(
    app: &Arc<App>,
    back: Return,
    origin: Origin,
    request_id: Option<String>,
) -> Result<Connected, ConnectError> {
    let call = Call::new(Actor::anonymous(app.clone()), OPERATION, origin, request_id);
    let work = {
        let app = app.clone();
        audit::record(call, async move {
            let connected = connect(&app, back).await;
            if let Err(error) = &connected {
                tell(error);
            }
            if let Err(ConnectError::Failed(error)) = &connected {
                tracing::warn!(
                    kind = error.kind.code(),
                    http_status = error.http_status,
                    detail = error.detail,
                    "a system could not be connected"
                );
            }
            connected
        })
    };
    let done = app.tasks().spawn(work.in_current_span()).await;
    done.map_err(|error| Error::internal("connecting a system", error))?
}

async fn connect(app: &Arc<App>, back: Return) -> Result<Connected, ConnectError> {
    let state = back.state.ok_or(ConnectError::OtherBrowser)?;
    let cookie = |name: &str| back.cookies.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone());
    let (attempt, secret_hash) = Attempt::of_return(&state, cookie).ok_or(ConnectError::OtherBrowser)?;
    let place = Place::of_link(app, attempt.link_id(), &secret_hash).await?;
    audit::about(Some(place.system.tenant_id), GlobalId::new(Kind::System, place.system.id));
    let client = place.client(app).await?;
    let server = client.settings.authorization_url.as_deref().and_then(|url| Url::parse(url).ok());
    let server = server.and_then(|url| Some(url.host_str()?.to_owned())).unwrap_or_default();
    // Before anything of the answer is used: it may be another server's (RFC 9207, section 2.4).
    if client.settings.issuer.is_some() && client.settings.issuer != back.issuer {
        return Err(ConnectError::Failed(provider::of_another_server()));
    }
    let code = match (back.code, back.error.as_deref()) {
        (_, Some("access_denied")) => {
            return Err(ConnectError::Denied { server, return_url: place.return_url("denied") });
        }
        (Some(code), None) if code.expose_secret().len() <= CODE_BYTES_MAX => code,
        (_, error) => {
            let error =
                error.map_or_else(|| "there is no code".to_owned(), |error| error.chars().take(60).collect());
            return Err(ConnectError::Failed(provider::sent_back(&error)));
        }
    };
    let redirect_uri = app.connect().redirect_uri().ok_or(ConnectError::Closed)?;
    let asked_at = app.clock().now();
    let tokens = provider::exchange_code(app, &client, &redirect_uri, &code, &attempt.verifier()).await;
    let tokens = tokens.map_err(|none| match none {
        NoTokens::Ended(error) | NoTokens::Failed(error) => ConnectError::Failed(error),
    })?;
    let retried = match store(app, &place, &client, &tokens, asked_at).await {
        // Somebody connected it by another link at the same moment: the last one counts.
        Err(ConnectError::Internal(error)) if unique_violation(&error).is_some() => {
            store(app, &place, &client, &tokens, asked_at).await?
        }
        stored => stored?,
    };
    tracing::info!(
        tenant.id = %place.system.tenant_id, system.id = %place.system.id, retried, "a system was connected"
    );
    Ok(Connected {
        return_url: place.return_url("connected"),
        tenant_name: place.tenant.name,
        system_name: place.system.name,
        retried,
        cookie: attempt.no_cookie(app.connect().is_encrypted()),
    })
}

/// All of it, or nothing. Answers with how many integrations are tried again.
async fn store(
    app: &Arc<App>,
    place: &Place,
    client: &Client,
    tokens: &Tokens,
    asked_at: chrono::DateTime<chrono::Utc>,
) -> Result<usize, ConnectError> {
    let (link, system) = (&place.link, &place.system);
    let mut tx = TxScope::begin(app, system.tenant_id).await?;
    let now = app.clock().now();
    let used = tx
        .update::<connect_link::Entity>()
        .col_expr(connect_link::Column::UsedAt, Expr::value(Some(now)))
        .filter(connect_link::Column::Id.eq(link.id))
        .filter(is_open(now))
        .exec(tx.connection())
        .await
        .doing("using a connect link")?;
    if used.rows_affected == 0 {
        return Err(ConnectError::Gone);
    }
    system_grant::replace(&tx, system.id, client, tokens, asked_at).await?;
    let taken_up = reconnection::take_up(&mut tx, system).await?;
    let retried = taken_up.retried;
    crate::system::tell_reauthorized(&tx, [system.id]).await?;
    // After jobs, which a claim locks before circuits.
    tx.update::<system::Entity>()
        .col_expr(system::Column::Status, Expr::value(SystemStatus::Untested))
        .col_expr(system::Column::StatusMessage, Expr::value(None::<String>))
        // What it is now has not failed: the next run tries it.
        .col_expr(system::Column::CircuitUntil, Expr::value(Some(now)))
        .filter(system::Column::Id.eq(system.id))
        .exec(tx.connection())
        .await
        .doing("storing that a system was connected")?;
    taken_up.settle(&tx, system.id).await?;
    let detail = format!("by a link of {}; {retried} integrations are tried again", link.created_by);
    tx.about(Kind::System, system.id).detail(detail).commit().await?;
    Ok(retried)
}

impl Place {
    /// With what came of it.
    fn return_url(&self, outcome: &str) -> Option<Url> {
        let mut url = Url::parse(self.link.return_url.as_deref()?).ok()?;
        let system_id = GlobalId::new(Kind::System, self.system.id).to_string();
        url.query_pairs_mut().append_pair("systemId", &system_id).append_pair("outcome", outcome);
        Some(url)
    }
}

/// What the audit log says of it.
fn tell(error: &ConnectError) {
    let word = match error {
        ConnectError::Gone => "the link is not good",
        ConnectError::OtherBrowser => "another browser began",
        ConnectError::Denied { .. } => "access was denied",
        ConnectError::Closed => "the system can't be connected now",
        ConnectError::Failed(_) => "the authorization server gave no access",
        ConnectError::Internal(error) => return audit::tell_error(error),
    };
    audit::tell_rejected(word);
}
