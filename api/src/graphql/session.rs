//! Signing in and out, and what people do with their own sessions and password.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::session::{email, own, reset};
use domain::{Actor, session, viewer};
use secrecy::{ExposeSecret, SecretString};

use super::caller::{Caller, caller, origin};
use super::error::{Result, UserError, outcome};
use super::scalar::{DateTime, id, uuid};
use super::viewer::Viewer;

/// A place where the viewer is signed in.
#[derive(Clone)]
pub struct Session(pub(super) own::Session);

/// A place where the viewer is signed in.
#[Object]
impl Session {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::Session, self.0.id)
    }

    /// When they signed in.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When its tokens were last issued, which its client asks for every 15 minutes while it is in use.
    fn last_used_at(&self) -> DateTime {
        self.0.last_used_at.into()
    }

    /// When it ends by itself.
    fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }

    /// IP address to which its tokens were last issued; null where it is not known.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What the client there calls itself, at most 300 characters; null where it does not.
    fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// Whether it is the session of this request.
    fn is_current(&self) -> bool {
        self.0.is_current
    }
}

/// What a person types.
#[derive(InputObject)]
pub struct SignInInput {
    /// Mail address, in any case.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// A code of the authenticator app, or a recovery code, of those who have a second factor. Without it the right
    /// password is answered with SECOND_FACTOR_REQUIRED.
    #[graphql(secret)]
    code: Option<String>,
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
    pub(super) fn of(caller: &Caller, result: domain::Result<session::SignedIn>) -> Result<Self> {
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

/// Which session to end.
#[derive(InputObject)]
pub struct EndSessionInput {
    /// One of the viewer's own.
    session_id: ID,
}

/// A new password for whoever is signed in.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// What they sign in with by now.
    #[graphql(secret)]
    current_password: String,
    /// What they sign in with from now on: 10 to 128 characters that are hard to guess.
    #[graphql(secret)]
    new_password: String,
}

/// Whose password is to be chosen anew.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// Mail address, in any case.
    email: String,
}

/// A new password, by the token of a mail.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// The token that the link in the mail carries. Good once, for an hour.
    #[graphql(secret)]
    token: String,
    /// What they sign in with from now on: 10 to 128 characters that are hard to guess.
    #[graphql(secret)]
    password: String,
}

/// A new mail address for whoever is signed in.
#[derive(InputObject)]
pub struct ChangeEmailInput {
    /// The new address.
    email: String,
    /// What they sign in with.
    #[graphql(secret)]
    password: String,
}

/// That a new mail address is read.
#[derive(InputObject)]
pub struct ConfirmEmailInput {
    /// The token that the link in the mail carries. Good once, for 24 hours.
    #[graphql(secret)]
    token: String,
}

/// That a mail was asked for, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// That there is a new password, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// That a mail was sent to the new address, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ChangeEmailPayload {
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// The address that is in use from now on, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ConfirmEmailPayload {
    /// The new address; null when `userErrors` is not empty.
    email: Option<String>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// The session that has ended, or why not.
#[derive(SimpleObject)]
pub struct EndSessionPayload {
    /// Its id; null when `userErrors` is not empty.
    ended_session_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Whoever has a new password, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// Who asked; null when `userErrors` is not empty.
    viewer: Option<Viewer>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
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
    /// password is wrong, the person is disabled, or there were too many failures: after 5 in a row for a mail address,
    /// or 50 in 15 minutes from a network address, no password is taken for 30 seconds, then for longer with each
    /// further failure, up to 15 minutes. Who gave the right password and has a second factor is asked for a `code`; a
    /// wrong code counts as a wrong password does.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Mail address and password.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let input = session::SignIn {
            email: input.email,
            password: SecretString::from(input.password),
            code: input.code.map(SecretString::from),
        };
        SignInPayload::of(caller, session::sign_in(caller.app(), input, &origin(ctx)).await)
    }

    /// Exchanges a refresh token for the next pair of tokens.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: RefreshSessionInput,
    ) -> Result<SignInPayload> {
        let caller = caller(ctx)?;
        let token = SecretString::from(input.refresh_token);
        SignInPayload::of(caller, session::refresh(caller.app(), &token, &origin(ctx)).await)
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

    /// Ends one of the viewer's own sessions: its tokens are refused from the next request on.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: EndSessionInput,
    ) -> Result<EndSessionPayload> {
        let caller = caller(ctx)?;
        let session_id = uuid(Kind::Session, &input.session_id);
        let (is_current, user_errors) = outcome(own::end_one(&caller.actor(), session_id).await)?;
        if is_current == Some(true) {
            caller.become_actor(Actor::anonymous(caller.app().clone()));
        }
        Ok(EndSessionPayload {
            ended_session_id: is_current.map(|_| id(Kind::Session, session_id)),
            user_errors,
        })
    }

    /// Changes the viewer's own password, and ends their other sessions and the portal sessions that they made. A wrong
    /// current password counts as a failed sign-in does.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passwords.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let actor = caller(ctx)?.actor();
        let input = own::ChangePassword {
            current: SecretString::from(input.current_password),
            new: SecretString::from(input.new_password),
        };
        let changed = own::change_password(&actor, input, origin(ctx).address).await;
        let (changed, user_errors) = outcome(changed)?;
        let viewer = changed.map(|()| viewer::get(&actor)).transpose()?.map(Viewer);
        Ok(ChangePasswordPayload { viewer, user_errors })
    }

    /// Sends a mail for a new password to the person with this address. The answer is the same when there is none.
    /// After 3 mails for an address, or 50 requests from a network address, there is a wait as for `signIn`.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password.")] input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        let asked = reset::request(caller(ctx)?.app(), &input.email, origin(ctx).address).await;
        let (_asked, user_errors) = outcome(asked)?;
        Ok(RequestPasswordResetPayload { user_errors })
    }

    /// Sets a new password by the token of a mail, and ends every session of the person. It signs nobody in.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the password.")] input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        let (token, password) = (SecretString::from(input.token), SecretString::from(input.password));
        let (_done, user_errors) = outcome(reset::reset(caller(ctx)?.app(), &token, &password).await)?;
        Ok(ResetPasswordPayload { user_errors })
    }

    /// Asks to change the viewer's own mail address. A mail goes to the new one, with a token for `confirmEmail`, and a
    /// note to the present one. The answer is the same when somebody else has the new address. A wrong password counts
    /// as a failed sign-in does.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new address.")] input: ChangeEmailInput,
    ) -> Result<ChangeEmailPayload> {
        let password = SecretString::from(input.password);
        let asked = email::request(&caller(ctx)?.actor(), &input.email, &password, origin(ctx).address).await;
        let (_asked, user_errors) = outcome(asked)?;
        Ok(ChangeEmailPayload { user_errors })
    }

    /// Confirms a new mail address by the token of its mail. It is signed in with from now on.
    async fn confirm_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: ConfirmEmailInput,
    ) -> Result<ConfirmEmailPayload> {
        let token = SecretString::from(input.token);
        let (email, user_errors) = outcome(email::confirm(caller(ctx)?.app(), &token).await)?;
        Ok(ConfirmEmailPayload { email, user_errors })
    }
}
