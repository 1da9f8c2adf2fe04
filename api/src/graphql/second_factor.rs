//! The second factor: setting it up, turning it off, and taking it from who lost it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::{second_factor, viewer};
use secrecy::{ExposeSecret, SecretString};

use super::caller::{actor, caller, origin};
use super::error::{Result, UserError, outcome};
use super::scalar::uuid;
use super::user::UserPayload;
use super::viewer::Viewer;

/// That it is the viewer who asks.
#[derive(InputObject)]
pub struct EnrollSecondFactorInput {
    /// What they sign in with.
    #[graphql(secret)]
    password: String,
}

/// That the app has the secret.
#[derive(InputObject)]
pub struct ConfirmSecondFactorInput {
    /// The six digits that the app shows now.
    #[graphql(secret)]
    code: String,
}

/// That it is the viewer who asks.
#[derive(InputObject)]
pub struct RegenerateRecoveryCodesInput {
    /// What they sign in with.
    #[graphql(secret)]
    password: String,
    /// A code of the app, or a recovery code.
    #[graphql(secret)]
    code: String,
}

/// That it is the viewer who asks.
#[derive(InputObject)]
pub struct DisableSecondFactorInput {
    /// What they sign in with.
    #[graphql(secret)]
    password: String,
    /// A code of the app, or a recovery code.
    #[graphql(secret)]
    code: String,
}

/// Who lost their second factor.
#[derive(InputObject)]
pub struct ResetSecondFactorInput {
    /// Which person; one of staff needs `staff:manage`.
    user_id: ID,
}

/// What the app needs, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct EnrollSecondFactorPayload {
    /// The secret in base 32, to be typed into the app. Shown once; null when `userErrors` is not empty.
    secret: Option<String>,
    /// `otpauth://totp/…` with the same secret, to be shown as a QR code. Shown once; null when `userErrors` is not
    /// empty.
    otpauth_url: Option<String>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// That it is on, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ConfirmSecondFactorPayload {
    /// Ten codes that stand in for the app, each once. Shown once; null when `userErrors` is not empty.
    recovery_codes: Option<Vec<String>>,
    /// Who asked, with what they may do by now; null when `userErrors` is not empty.
    viewer: Option<Viewer>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// New recovery codes, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RegenerateRecoveryCodesPayload {
    /// Ten codes that stand in for the app, each once. Shown once; null when `userErrors` is not empty.
    recovery_codes: Option<Vec<String>>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// That it is off, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DisableSecondFactorPayload {
    /// Who asked; null when `userErrors` is not empty.
    viewer: Option<Viewer>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of second factors.
#[derive(Default)]
pub struct SecondFactorMutation;

#[Object]
impl SecondFactorMutation {
    /// Begins to set up the viewer's second factor: makes the secret of their authenticator app. It is on when
    /// `confirmSecondFactor` has seen a code of it.
    async fn enroll_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password.")] input: EnrollSecondFactorInput,
    ) -> Result<EnrollSecondFactorPayload> {
        let password = SecretString::from(input.password);
        let begun = second_factor::enroll(&actor(ctx)?, &password, origin(ctx).address).await;
        let (begun, user_errors) = outcome(begun)?;
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Ok(EnrollSecondFactorPayload {
            secret: begun.as_ref().map(|begun| text(&begun.secret)),
            otpauth_url: begun.as_ref().map(|begun| text(&begun.url)),
            user_errors,
        })
    }

    /// Turns the viewer's second factor on: from now on `signIn` asks for a code. Their other sessions end.
    async fn confirm_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code.")] input: ConfirmSecondFactorInput,
    ) -> Result<ConfirmSecondFactorPayload> {
        let code = SecretString::from(input.code);
        let confirmed = second_factor::confirm(&actor(ctx)?, &code, origin(ctx).address).await;
        let (codes, user_errors) = outcome(confirmed)?;
        let viewer = if codes.is_some() { Some(viewer_now(ctx).await?) } else { None };
        Ok(ConfirmSecondFactorPayload { recovery_codes: codes.as_deref().map(texts), viewer, user_errors })
    }

    /// Makes new recovery codes for the viewer; those before are refused from now on.
    async fn regenerate_recovery_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password and a code.")] input: RegenerateRecoveryCodesInput,
    ) -> Result<RegenerateRecoveryCodesPayload> {
        let (password, code) = (SecretString::from(input.password), SecretString::from(input.code));
        let made = second_factor::regenerate_codes(&actor(ctx)?, &password, &code, origin(ctx).address).await;
        let (codes, user_errors) = outcome(made)?;
        Ok(RegenerateRecoveryCodesPayload { recovery_codes: codes.as_deref().map(texts), user_errors })
    }

    /// Turns the viewer's second factor off.
    async fn disable_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password and a code.")] input: DisableSecondFactorInput,
    ) -> Result<DisableSecondFactorPayload> {
        let (password, code) = (SecretString::from(input.password), SecretString::from(input.code));
        let done = second_factor::disable(&actor(ctx)?, &password, &code, origin(ctx).address).await;
        let (done, user_errors) = outcome(done)?;
        let viewer = if done.is_some() { Some(viewer_now(ctx).await?) } else { None };
        Ok(DisableSecondFactorPayload { viewer, user_errors })
    }

    /// Takes the second factor from a person who lost it and their recovery codes, and signs them out everywhere.
    async fn reset_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which person.")] input: ResetSecondFactorInput,
    ) -> Result<UserPayload> {
        let id = uuid(Kind::User, &input.user_id);
        UserPayload::of(second_factor::reset(&actor(ctx)?, id).await)
    }
}

/// Who asks, as they are after a change of their second factor: it may have given or taken all that they may do.
async fn viewer_now(ctx: &Context<'_>) -> Result<Viewer> {
    let caller = caller(ctx)?;
    caller.renew().await?;
    Ok(Viewer(viewer::get(&caller.actor())?))
}

fn texts(codes: &[SecretString]) -> Vec<String> {
    codes.iter().map(|code| code.expose_secret().to_owned()).collect()
}
