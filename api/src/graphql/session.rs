//! Signing in and out.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::{Actor, session, viewer};
use secrecy::{ExposeSecret, SecretString};

use super::caller::{Caller, caller};
use super::error::{Result, UserError, outcome};
use super::scalar::DateTime;
use super::viewer::Viewer;

/// What a person types.
#[derive(InputObject)]
pub struct SignInInput {
    /// Mail address, in any case.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// What a client kept.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token of the last answer. Good for one exchange; one that comes twice ends the session.
    #[graphql(secret)]
    refresh_token: String,
}

/// A pair of tokens, or what is wrong with the input. The tokens are null when `userErrors` is not empty.
#[derive(Default, SimpleObject)]
pub struct SignInPayload {
    /// For `Authorization: Bearer`, for 15 minutes.
    access_token: Option<String>,
    /// For `refreshSession`, once, within 30 days after signing in.
    refresh_token: Option<String>,
    /// When the access token ends.
    expires_at: Option<DateTime>,
    /// Who signed in. The rest of this request is theirs.
    viewer: Option<Viewer>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl SignInPayload {
    /// Answers with the tokens, and lets the fields below `viewer` be read by who signed in.
    fn of(caller: &Caller, result: domain::Result<session::SignedIn>) -> Result<Self> {
        let (signed_in, user_errors) = outcome(result)?;
        let Some(signed_in) = signed_in else { return Ok(Self { user_errors, ..Self::default() }) };
        let viewer = Viewer(viewer::get(&signed_in.actor)?);
        caller.become_actor(signed_in.actor);
        Ok(Self {
            access_token: Some(signed_in.access_token.expose_secret().to_owned()),
            refresh_token: Some(signed_in.refresh_token.expose_secret().to_owned()),
            expires_at: Some(signed_in.expires_at.into()),
            viewer: Some(viewer),
            user_errors,
        })
    }
}

/// That the session has ended, or why not.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Why it has not ended; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of sessions.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs a person in, by mail address and password. The same error says that the address is unknown, the
    /// password is wrong or the person is disabled.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Mail address and password.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let input = session::SignIn { email: input.email, password: SecretString::from(input.password) };
        SignInPayload::of(caller, session::sign_in(caller.app(), input).await)
    }

    /// Exchanges a refresh token for the next pair of tokens.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: RefreshSessionInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let token = SecretString::from(input.refresh_token);
        SignInPayload::of(caller, session::refresh(caller.app(), &token).await)
    }

    /// Ends the session of the token that was sent; its tokens are refused from now on.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let caller = caller(ctx)?;
        let (ended, user_errors) = outcome(session::sign_out(&caller.actor()).await)?;
        if ended.is_some() {
            caller.become_actor(Actor::anonymous(caller.app().clone()));
        }
        Ok(SignOutPayload { user_errors })
    }
}
