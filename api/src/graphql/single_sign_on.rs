//! Signing in at an identity provider: the way there and the way back.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::single_sign_on::{self, Return};
use secrecy::{ExposeSecret, SecretString};

use super::caller::{caller, origin};
use super::error::{Result, UserError, outcome};
use super::scalar::{DateTime, uuid};
use super::session::SignInPayload;

/// Where to sign in, and where to come back to.
#[derive(InputObject)]
pub struct StartSingleSignOnInput {
    /// The identity provider.
    identity_provider_id: ID,
    /// One of its redirect URIs, letter by letter.
    redirect_uri: String,
}

/// What a browser came back with.
#[derive(InputObject)]
pub struct FinishSingleSignOnInput {
    /// `state` of the query that it came back with.
    #[graphql(secret)]
    state: String,
    /// `code` of the query that it came back with.
    #[graphql(secret)]
    code: String,
    /// The `secret` that it kept.
    #[graphql(secret)]
    secret: String,
}

/// Where to send the browser, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct StartSingleSignOnPayload {
    /// The provider's page; null when `userErrors` is not empty.
    authorization_url: Option<String>,
    /// What the browser keeps until it comes back, e.g. in `sessionStorage`: nobody else can come back in its place.
    secret: Option<String>,
    /// Until when it may come back: 15 minutes.
    expires_at: Option<DateTime>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of single sign-on.
#[derive(Default)]
pub struct SingleSignOnMutation;

#[Object]
impl SingleSignOnMutation {
    /// Begins to sign in at an identity provider (OpenID Connect, authorization code with PKCE): send the browser to
    /// `authorizationUrl`, and let it keep `secret`.
    async fn start_single_sign_on(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where, and where to come back to.")] input: StartSingleSignOnInput,
    ) -> Result<StartSingleSignOnPayload> {
        let provider = uuid(Kind::IdentityProvider, &input.identity_provider_id);
        let started = single_sign_on::start(caller(ctx)?.app(), provider, &input.redirect_uri).await;
        let (started, user_errors) = outcome(started)?;
        Ok(StartSingleSignOnPayload {
            authorization_url: started.as_ref().map(|started| started.authorization_url.clone()),
            secret: started.as_ref().map(|started| started.secret.expose_secret().to_owned()),
            expires_at: started.map(|started| started.expires_at.into()),
            user_errors,
        })
    }

    /// Signs in whoever came back from an identity provider, once.
    async fn finish_single_sign_on(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the browser came back with, and what it kept.")]
        input: FinishSingleSignOnInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let back = Return {
            state: SecretString::from(input.state),
            code: SecretString::from(input.code),
            secret: SecretString::from(input.secret),
        };
        SignInPayload::of(caller, single_sign_on::finish(caller.app(), back, &origin(ctx)).await)
    }
}
