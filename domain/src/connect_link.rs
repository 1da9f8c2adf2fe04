//! Connect links: whoever opens one gives access to a system at its OAuth 2.0 server, once. A link needs no sign-in here,
//! so it names one system, ends, and is shown once.
//!
//! Deliberately absent: the pages (`api`), and what becomes of the access ([`system_grant`](crate::system_grant)).

mod attempt;
mod finish;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector::{Grant, SystemError};
use entity::tenant::TenantStatus;
use entity::{connect_link, system, tenant};
use oauth2::url::Url;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use self::attempt::Attempt;
use crate::actor::{Actor, Tenants};
use crate::app::App;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::identity;
use crate::one_time_token::{self, CONNECT_LINK_START};
use crate::permission::Permission;
use crate::scope::Scope;
use crate::system_grant::{Client, provider};
use crate::validation::Problems;

pub use self::finish::{Connected, Return, finish};

/// For how long a link is good at least, in minutes.
pub const MINUTES_MIN: i32 = 10;
/// For how long at most: a week.
pub const MINUTES_MAX: i32 = 7 * 24 * 60;
/// For how long when nobody says: a day.
pub const MINUTES_DEFAULT: i32 = 24 * 60;
/// Links of a system that are good at once: enough for everybody who may be asked.
const OPEN_LINKS_MAX: u64 = 20;
/// Longest address to return to, in bytes.
const RETURN_URL_BYTES_MAX: usize = 2_000;

/// How people reach the pages of connecting; by default nobody does.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Where people reach this program from outside, without a slash at its end; `None`: there are no links.
    pub public_url: Option<String>,
    /// Origins (`https://portal.example`) to whose pages people may be sent back.
    pub return_origins: Vec<String>,
}

impl ConnectOptions {
    /// Where authorization servers send people back to.
    fn redirect_uri(&self) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}/oauth/callback"))
    }

    fn is_encrypted(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// A new link.
#[derive(Clone, Debug)]
pub struct NewConnectLink {
    /// The system that it is for.
    pub system_id: Uuid,
    /// Where to send whoever has used it.
    pub return_url: Option<String>,
    /// For how long it is good: [`MINUTES_MIN`] to [`MINUTES_MAX`].
    pub minutes: i32,
}

/// A link that was made.
#[derive(Clone, Debug)]
pub struct ConnectLink {
    /// Shown once.
    pub url: SecretString,
    /// Until when it can be used.
    pub expires_at: DateTime<Utc>,
}

/// What the page of a link says and does.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Who asks for access.
    pub tenant_name: String,
    /// For what.
    pub system_name: String,
    /// The host where access is given.
    pub authorization_host: String,
    /// Other hosts that get to see it: where tokens are had, and where the API is.
    pub other_hosts: Vec<String>,
    /// The page where access is given.
    pub authorization_url: Url,
    /// What the browser keeps meanwhile.
    pub cookie: Cookie,
}

/// What a browser keeps while somebody is at an authorization server.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// Of its link.
    pub name: String,
    /// For the browser alone.
    pub value: SecretString,
    /// For how long, in seconds.
    pub seconds: i64,
    /// Whether it is sent over TLS only.
    pub is_secure: bool,
}

/// Why somebody could not connect a system, in words for them.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The link was used, has ended, or never was one.
    #[error("the link is not good")]
    Gone,
    /// What came back is not of this browser.
    #[error("another browser began")]
    OtherBrowser,
    /// They said no.
    #[error("access was denied at {server}")]
    Denied {
        /// Host of the authorization server.
        server: String,
        /// Where to send them.
        return_url: Option<Url>,
    },
    /// The tenant is suspended, or the system asks for no access by a person any more.
    #[error("the system can't be connected now")]
    Closed,
    /// The authorization server, or what it was asked for, is not as it should be.
    #[error("the authorization server gave no access")]
    Failed(#[source] SystemError),
    /// A fault of ours.
    #[error(transparent)]
    Internal(#[from] Error),
}

/// Makes a link. It is good once, for whoever has it.
///
/// # Errors
/// Denied without `systems:write`. Rejected: `NOT_CONFIGURED` without a public URL; `NOT_FOUND` systemId; `CONFLICT`
/// systemId when it is not connected so or has no credentials; `INVALID` returnUrl, expiresInMinutes; `LIMIT_REACHED`
/// systemId.
pub async fn create(actor: &Actor, new: NewConnectLink) -> Result<ConnectLink> {
    let scope = actor.authorize(Permission::SystemWrite)?;
    let app = scope.app().clone();
    let row = scope.find::<system::Entity>().filter(system::Column::Id.eq(new.system_id)).one().await?;
    let row = row.ok_or_else(|| Error::not_found("systemId", "system"))?;
    let options = app.connect();
    let Some(public_url) = &options.public_url else {
        let none: [&str; 0] = [];
        let message = "this installation does not say where people reach it, which connect links need; its operator can set it up";
        return Err(Error::rejected(Problem::new(ProblemCode::NotConfigured, none, message)));
    };
    let mut problems = Problems::default();
    check_system(&app, &row, &mut problems);
    if !(MINUTES_MIN..=MINUTES_MAX).contains(&new.minutes) {
        let message = format!("must be {MINUTES_MIN} to {MINUTES_MAX}");
        problems.add(ProblemCode::Invalid, "expiresInMinutes", message);
    }
    if let Some(url) = &new.return_url
        && let Err(message) = check_return_url(options, url)
    {
        problems.add(ProblemCode::Invalid, "returnUrl", message);
    }
    problems.check()?;
    let (id, now) = (new_id(), app.clock().now());
    let (token, secret_hash) = one_time_token::generate(CONNECT_LINK_START, id);
    let link = connect_link::Model {
        id,
        tenant_id: row.tenant_id,
        system_id: row.id,
        secret_hash,
        return_url: new.return_url,
        created_by: actor.name().to_owned(),
        created_at: now,
        expires_at: now + TimeDelta::minutes(new.minutes.into()),
        used_at: None,
    };
    let not_found = || Error::not_found("systemId", "system");
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    let open = tx
        .find::<connect_link::Entity>()
        .filter(connect_link::Column::SystemId.eq(row.id))
        .filter(is_open(now))
        .count(tx.connection())
        .await
        .doing("counting connect links")?;
    if open >= OPEN_LINKS_MAX {
        let message = format!(
            "has {open} connect links that are good, which is the limit; use one, or wait until one ends"
        );
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["systemId"], message)));
    }
    let link = tx.insert::<connect_link::Entity>(link, "storing a connect link").await.map_err(|error| {
        // Deleted a moment ago.
        if crate::system::is_foreign_key_violation(&error) { not_found() } else { error }
    })?;
    tx.about(Kind::System, row.id).detail(format!("good for {} minutes", new.minutes)).commit().await?;
    let url = format!("{public_url}/connect/{}", token.expose_secret()).into();
    Ok(ConnectLink { url, expires_at: link.expires_at })
}

/// What the page of a link says. It uses nothing up: programs open links too, to look whether they do harm.
///
/// # Errors
/// What the page says instead.
pub async fn open(app: &Arc<App>, token: &str) -> Result<Invitation, ConnectError> {
    let (id, secret_hash) = one_time_token::parse(CONNECT_LINK_START, token).ok_or(ConnectError::Gone)?;
    let place = Place::of_link(app, id, &secret_hash).await?;
    let client = place.client(app).await?;
    let redirect_uri = app.connect().redirect_uri().ok_or(ConnectError::Closed)?;
    let attempt = Attempt::begin(id, token);
    let url = provider::authorization_url(&client, &redirect_uri, &attempt.state(), &attempt.verifier())
        .map_err(ConnectError::Failed)?;
    let authorization_host = url.host_str().unwrap_or_default().to_owned();
    let mut other_hosts = Vec::new();
    for url in std::iter::once(client.settings.token_url.as_str()).chain(place.api_urls(app)) {
        let host = Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        other_hosts.extend(host.filter(|host| *host != authorization_host && !other_hosts.contains(host)));
    }
    Ok(Invitation {
        tenant_name: place.tenant.name,
        system_name: place.system.name,
        authorization_host,
        other_hosts,
        authorization_url: url,
        cookie: attempt.cookie(app.connect().is_encrypted()),
    })
}

/// Deletes links that are over, in background work. Returns how many went.
pub(crate) async fn purge(app: &App) -> Result<u64> {
    let deleted = identity::delete::<connect_link::Entity>()
        .filter(connect_link::Column::ExpiresAt.lte(app.clock().now()))
        .exec(app.across_tenants().writer())
        .await
        .doing("deleting connect links")?;
    Ok(deleted.rows_affected)
}

fn is_open(now: DateTime<Utc>) -> sea_orm::sea_query::SimpleExpr {
    connect_link::Column::UsedAt.is_null().and(connect_link::Column::ExpiresAt.gt(now))
}

/// A link that is good, with what it is for.
struct Place {
    link: connect_link::Model,
    system: system::Model,
    tenant: tenant::Model,
}

impl Place {
    async fn of_link(app: &Arc<App>, id: Uuid, secret_hash: &[u8]) -> Result<Self, ConnectError> {
        // Who has a link is nobody in particular: the link says whose it is.
        let link = identity::find::<connect_link::Entity>()
            .filter(connect_link::Column::Id.eq(id))
            .filter(connect_link::Column::SecretHash.eq(secret_hash))
            .filter(is_open(app.clock().now()))
            .one(app.across_tenants().writer())
            .await
            .doing("reading a connect link")?
            .ok_or(ConnectError::Gone)?;
        let scope = Scope::new(app.clone(), Tenants::Some(vec![link.tenant_id]));
        let system =
            scope.find::<system::Entity>().filter(system::Column::Id.eq(link.system_id)).one().await?;
        let tenant =
            scope.find::<tenant::Entity>().filter(tenant::Column::Id.eq(link.tenant_id)).one().await?;
        let (Some(system), Some(tenant)) = (system, tenant) else { return Err(ConnectError::Gone) };
        if tenant.status != TenantStatus::Active {
            return Err(ConnectError::Closed);
        }
        Ok(Self { link, system, tenant })
    }

    /// Where access is sent to.
    fn api_urls(&self, app: &App) -> impl Iterator<Item = &str> {
        let connector = app.connectors().get(&self.system.connector);
        let places = connector.map(|connector| connector.description().credentials_go_to).unwrap_or_default();
        places.iter().filter_map(|place| self.system.config.get(place)?.as_str())
    }

    /// What asks for access.
    async fn client(&self, app: &Arc<App>) -> Result<Client, ConnectError> {
        let credentials = crate::system::credentials(app, &self.tenant.slug, &self.system).await;
        let credentials = credentials.map_err(ConnectError::Failed)?;
        let client = Client::of(app, &self.system.connector, &self.system.config, &credentials);
        let client = client.map_err(ConnectError::Failed)?;
        client.filter(|client| client.settings.grant == Grant::AuthorizationCode).ok_or(ConnectError::Closed)
    }
}

fn check_system(app: &App, row: &system::Model, problems: &mut Problems) {
    let settings =
        app.connectors().get(&row.connector).and_then(|connector| connector.oauth2(&row.config).ok()?);
    if settings.is_none_or(|settings| settings.grant != Grant::AuthorizationCode) {
        let message =
            "is not connected by a person: its config has no `oauth2` with the grant `authorization_code`";
        problems.add(ProblemCode::Conflict, "systemId", message);
    } else if row.credentials.is_none() {
        let message = "has no credentials; set its `clientId` first, and the `clientSecret` if it has one";
        problems.add(ProblemCode::Conflict, "systemId", message);
    }
}

fn check_return_url(options: &ConnectOptions, text: &str) -> Result<(), &'static str> {
    if text.len() > RETURN_URL_BYTES_MAX {
        return Err("is longer than 2,000 bytes");
    }
    let url = Url::parse(text).map_err(|_error| "is not a URL like https://portal.example/connected")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("must have no user name, password or #");
    }
    let origin = url.origin().ascii_serialization();
    if options.return_origins.contains(&origin) {
        return Ok(());
    }
    Err(
        "is at no origin that people may be sent back to; the operator allows them by `TRESTLE_ALLOWED_ORIGINS`",
    )
}

#[cfg(test)]
mod tests {
    use super::{ConnectOptions, check_return_url};

    #[test]
    fn people_are_sent_back_to_named_origins_only() {
        let options = ConnectOptions {
            public_url: None,
            return_origins: vec!["https://portal.example".to_owned(), "http://localhost:3000".to_owned()],
        };
        for good in
            ["https://portal.example", "https://portal.example:443/a?b=c", "http://localhost:3000/done"]
        {
            assert_eq!(check_return_url(&options, good), Ok(()), "{good}");
        }
        let long = format!("https://portal.example/{}", "a".repeat(2_000));
        for bad in [
            "",
            "/connected",
            "https://portal.example.evil.example/",
            "https://portal.example:8443/",
            "http://portal.example/",
            "https://portal.example@evil.example/",
            "https://user@portal.example/",
            "https://portal.example/#a",
            "javascript:alert(1)",
            "data:text/html,x",
            long.as_str(),
        ] {
            assert!(check_return_url(&options, bad).is_err(), "{bad}");
        }
    }
}
