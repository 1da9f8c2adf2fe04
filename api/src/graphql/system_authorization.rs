//! How a system's access stands that is had by OAuth 2.0, and the link by which somebody gives it. Tokens are not here.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::connect_link::{self, MINUTES_DEFAULT, NewConnectLink};
use domain::id::Kind;
use domain::system_grant;
use secrecy::ExposeSecret;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::scalar::{DateTime, uuid};

/// Who gives access to a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "system_grant::Grant")]
pub enum AuthorizationGrant {
    /// A person, by a connect link.
    AuthorizationCode,
    /// Nobody: the client has it by itself.
    ClientCredentials,
}

/// Whether a system's access is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "system_grant::AuthorizationStatus")]
pub enum AuthorizationStatus {
    /// Nobody has given it yet, or with CLIENT_CREDENTIALS nobody has needed it.
    NotConnected,
    /// It is there, and renewed by itself.
    Connected,
    /// It was withdrawn or has run out: connect the system again.
    Ended,
}

/// How a system's access stands that is had by OAuth 2.0. Its tokens are never shown.
#[derive(Clone, Debug, SimpleObject)]
pub struct SystemAuthorization {
    /// Who gives it.
    grant: AuthorizationGrant,
    /// Whether it is there.
    status: AuthorizationStatus,
    /// Since when it is, or was; null: never.
    connected_at: Option<DateTime>,
    /// CONNECTED: when the access token of now ends; another one is had ahead of that by itself. Null where the
    /// authorization server does not say.
    expires_at: Option<DateTime>,
    /// What access was given; as the config asks for where the authorization server does not say.
    scopes: Vec<String>,
}

impl From<system_grant::Authorization> for SystemAuthorization {
    fn from(found: system_grant::Authorization) -> Self {
        Self {
            grant: found.grant.into(),
            status: found.status.into(),
            connected_at: found.connected_at.map(Into::into),
            expires_at: found.expires_at.map(Into::into),
            scopes: found.scopes,
        }
    }
}

/// For which system a link is, and for how long.
#[derive(InputObject)]
pub struct CreateConnectLinkInput {
    /// A system whose config has `oauth2` with the grant `authorization_code`.
    system_id: ID,
    /// Where to send whoever has used it, with `systemId` and `outcome` (`connected` or `denied`) in the query; a page
    /// of ours when absent. At an origin of `TRESTLE_ALLOWED_ORIGINS`.
    return_url: Option<String>,
    /// For how long it is good, in minutes: 10 to 10,080, which is a week.
    #[graphql(default_with = "MINUTES_DEFAULT")]
    expires_in_minutes: i32,
}

/// The link, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct CreateConnectLinkPayload {
    /// Where to send whoever is to give access, shown this once; null when `userErrors` is not empty. It is good once, for
    /// whoever has it: hand it over as you would a password.
    url: Option<String>,
    /// Until when it can be used.
    expires_at: Option<DateTime>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of connect links.
#[derive(Default)]
pub struct ConnectLinkMutation;

#[Object]
impl ConnectLinkMutation {
    /// Makes a link by which somebody who has an account at a system gives access to it, without signing in here. Runs
    /// that could not go on without that access are retried by themselves then.
    async fn create_connect_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For which system, and for how long.")] input: CreateConnectLinkInput,
    ) -> Result<CreateConnectLinkPayload> {
        let new = NewConnectLink {
            system_id: uuid(Kind::System, &input.system_id),
            return_url: input.return_url,
            minutes: input.expires_in_minutes,
        };
        let (link, user_errors) = outcome(connect_link::create(&actor(ctx)?, new).await)?;
        Ok(CreateConnectLinkPayload {
            url: link.as_ref().map(|link| link.url.expose_secret().to_owned()),
            expires_at: link.map(|link| link.expires_at.into()),
            user_errors,
        })
    }
}
