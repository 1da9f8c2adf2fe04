//! Signing in by OpenID Connect: somebody is sent to an identity provider, and comes back with a code that says who they
//! are. Who that is here, and what they may do, is decided here; the protocol is `provider`'s.
//!
//! Deliberately absent: cookies and pages. The portal keeps a secret in the browser that left, without which nobody else
//! can come back in its place.

pub(crate) mod provider;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use entity::user::{self, Role};
use entity::{external_identity, identity_provider, sign_on_attempt};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseTransaction, PaginatorTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, Problem, Result};
use crate::id::new_id;
use crate::identity;
use crate::identity_provider::{global_id, held};
use crate::one_time_token::{self, SIGN_ON_SECRET_START, SIGN_ON_STATE_START};
use crate::password;
use crate::session::{self, Opened, Origin, SignedIn, unauthenticated};
use crate::user::USERS_PER_TENANT_MAX;
use crate::validation::{NAME_CHARS_MAX, is_email, normal_email};

use self::provider::Person;

/// How long somebody may stay at the provider, in minutes: people look for their phones.
const ATTEMPT_MINUTES: i64 = 15;
/// Longest code that a provider gives, in bytes: they have some hundred.
const CODE_BYTES_MAX: usize = 4_096;
/// How often a session is begun anew because somebody else stored the same person meanwhile: as a user, and as whom the
/// provider knows.
const TRIES_MAX: usize = 3;
/// What everybody reads who came back and is not let in because of what the provider said, or did not say.
const NOT_CONFIRMED: &str = "the identity provider did not confirm who you are; start again, and if it stays so, tell your administrator";

/// Somebody may go to the provider now.
#[derive(Clone, Debug)]
pub struct SignOn {
    /// Where to send the browser.
    pub authorization_url: String,
    /// What the browser keeps until it comes back, e.g. in `sessionStorage`.
    pub secret: SecretString,
    /// Until when it may come back.
    pub expires_at: DateTime<Utc>,
}

/// What somebody comes back with.
#[derive(Clone, Debug)]
pub struct Return {
    /// `state` of the page's query.
    pub state: SecretString,
    /// `code` of the page's query.
    pub code: SecretString,
    /// What the browser kept.
    pub secret: SecretString,
}

/// Begins: answers with the provider's page.
///
/// # Errors
/// Rejected: `NOT_FOUND` identityProviderId; `INVALID` redirectUri when the provider does not have it; `CONFLICT`
/// identityProviderId when it does not answer.
pub async fn start(app: &Arc<App>, provider_id: Uuid, redirect_uri: &str) -> Result<SignOn> {
    let row = find(app, provider_id)
        .await?
        .ok_or_else(|| Error::not_found("identityProviderId", "identity provider"))?;
    audit::about(row.tenant_id, global_id(row.id));
    if !row.redirect_uris.0.iter().any(|uri| uri == redirect_uri) {
        let message = "is not one of this provider's redirect URIs, letter by letter";
        return Err(Error::rejected(Problem::invalid(["redirectUri"], message)));
    }
    let (id, now) = (new_id(), app.clock().now());
    let (state, state_hash) = one_time_token::generate(SIGN_ON_STATE_START, id);
    let (secret, secret_hash) = one_time_token::generate(SIGN_ON_SECRET_START, id);
    let url = provider::authorization_url(app, &row, redirect_uri, &state, &secret).await;
    let url = url.map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            provider.id = %row.id,
            "an identity provider could not be asked"
        );
        let message = "does not answer at the moment; try again, or sign in with a password";
        Error::conflict("identityProviderId", message)
    })?;
    let expires_at = now + Duration::minutes(ATTEMPT_MINUTES);
    let attempt = sign_on_attempt::Model {
        id,
        provider_id,
        state_hash,
        secret_hash,
        redirect_uri: redirect_uri.to_owned(),
        created_at: now,
        expires_at,
    };
    let tx = app.across_tenants().begin().await?;
    identity::insert::<sign_on_attempt::Entity>(&tx, attempt, "storing who is at a provider").await?;
    let entry = audit::Entry::of(row.tenant_id, Some(global_id(row.id)));
    audit::commit(tx, entry, "committing who is at a provider").await?;
    Ok(SignOn { authorization_url: url.into(), secret, expires_at })
}

/// Ends: signs in whoever the provider says it is.
///
/// # Errors
/// Rejected with `UNAUTHENTICATED`: what is not of one attempt, came back before or too late; what the provider does not
/// confirm; people who are disabled, who are somebody else's here, or who have no role.
pub async fn finish(app: &Arc<App>, back: Return, origin: &Origin) -> Result<SignedIn> {
    let (id, state_hash) =
        one_time_token::parse(SIGN_ON_STATE_START, back.state.expose_secret()).ok_or_else(again)?;
    let (_same_id, secret_hash) = one_time_token::parse(SIGN_ON_SECRET_START, back.secret.expose_secret())
        .filter(|(of, _hash)| *of == id)
        .ok_or_else(again)?;
    let now = app.clock().now();
    let attempt = take(app, id, &state_hash, &secret_hash).await?.ok_or_else(again)?;
    let row = find(app, attempt.provider_id).await?.ok_or_else(again)?;
    // Whose people sign in there reads of those who were not let in, too.
    audit::about(row.tenant_id, global_id(row.id));
    if attempt.expires_at <= now || back.code.expose_secret().len() > CODE_BYTES_MAX {
        return Err(again());
    }
    let person = provider::person(app, &row, &attempt.redirect_uri, &back.code, &back.secret).await;
    let person = person.map_err(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            provider.id = %row.id,
            "an identity provider did not confirm who somebody is"
        );
        unauthenticated(NOT_CONFIRMED)
    })?;
    for _try in 1..TRIES_MAX {
        match open_session(app, row.id, &person, origin, now).await {
            // Somebody stored the same person a moment ago, in another window or by hand: now they are known.
            Err(error) if identity::unique_violation(&error).is_some() => {}
            opened => return opened?.signed_in(app).await,
        }
    }
    open_session(app, row.id, &person, origin, now).await?.signed_in(app).await
}

/// Lets in whoever the provider says it is, in one transaction.
async fn open_session(
    app: &Arc<App>,
    provider_id: Uuid,
    person: &Person,
    origin: &Origin,
    now: DateTime<Utc>,
) -> Result<Opened> {
    let tx = app.across_tenants().begin().await?;
    // Who removes it ends the sessions that began there: either it stands until this one is there, or it is gone.
    let row = held(&tx, provider_id).await?.ok_or_else(again)?;
    let (user, what) = match let_in(&tx, &row, person, now).await? {
        Ok(user) => user,
        Err(refusal) => {
            tracing::info!(provider.id = %row.id, refusal = refusal.reason(), "a single sign-on was refused");
            return Err(unauthenticated(refusal.words()));
        }
    };
    let opened = session::open(&tx, user.id, Some(row.id), origin, now).await?;
    let entry = session::entry(&user, opened.session_id).detail(Some(format!("{what} {}", row.name)));
    audit::commit(tx, entry, "committing a single sign-on").await?;
    tracing::info!(user.id = %user.id, provider.id = %row.id, "signed in by an identity provider");
    Ok(opened)
}

fn again() -> Error {
    unauthenticated("this sign-in has ended or was used; start again")
}

/// Deletes attempts that may not come back any more, in background work. Returns how many went.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let deleted = identity::delete::<sign_on_attempt::Entity>()
        .filter(sign_on_attempt::Column::ExpiresAt.lte(now))
        .exec(connection)
        .await
        .doing("deleting who did not come back from a provider")?;
    Ok(deleted.rows_affected)
}

async fn find(app: &App, id: Uuid) -> Result<Option<identity_provider::Model>> {
    identity::find::<identity_provider::Entity>()
        .filter(identity_provider::Column::Id.eq(id))
        .one(app.across_tenants().reader())
        .await
        .doing("reading an identity provider")
}

/// The attempt, which is gone with this: a state comes back once.
async fn take(
    app: &App,
    id: Uuid,
    state_hash: &[u8],
    secret_hash: &[u8],
) -> Result<Option<sign_on_attempt::Model>> {
    let same = sign_on_attempt::Column::Id
        .eq(id)
        .and(sign_on_attempt::Column::StateHash.eq(state_hash))
        .and(sign_on_attempt::Column::SecretHash.eq(secret_hash));
    let tx = app.across_tenants().begin().await?;
    let row = identity::find::<sign_on_attempt::Entity>()
        .filter(same.clone())
        .one(&tx)
        .await
        .doing("reading who is at a provider")?;
    let taken = identity::delete::<sign_on_attempt::Entity>()
        .filter(same)
        .exec(&tx)
        .await
        .doing("taking who came back from a provider")?;
    tx.commit().await.doing("committing who came back from a provider")?;
    Ok(row.filter(|_row| taken.rows_affected == 1))
}

/// Why somebody whom the provider knows is not let in.
enum Refusal {
    Disabled,
    NoEmail,
    SomebodyElses,
    Unknown,
    NoRole,
    Full,
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::NoEmail => "no verified mail address",
            Self::SomebodyElses => "the mail address is of somebody elsewhere",
            Self::Unknown => "not known, and users are not made",
            Self::NoRole => "no role",
            Self::Full => "too many users",
        }
    }

    /// They proved who they are, so they may know; but not whose an address is.
    fn words(&self) -> &'static str {
        match self {
            Self::Disabled => "your account is disabled; your administrator can tell you why",
            Self::NoEmail => {
                "your identity provider names no mail address that it verified; tell your administrator"
            }
            Self::SomebodyElses | Self::Unknown | Self::Full => {
                "you have no account here; your administrator can make one"
            }
            Self::NoRole => "your identity provider gives you no role here; tell your administrator",
        }
    }
}

type LetIn = std::result::Result<(user::Model, &'static str), Refusal>;

/// Who somebody is here, with the role of now; made if they may be, and how, in words for the audit log.
async fn let_in(
    tx: &DatabaseTransaction,
    row: &identity_provider::Model,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<LetIn> {
    let known = known(tx, row, person).await?;
    let role = mapped_role(row, person);
    if row.role_claim.is_some() && role.is_none() {
        return Ok(Err(Refusal::NoRole));
    }
    let (mut user, what) = match known {
        Some(user) => (user, "by"),
        None => {
            let email = person.email.as_deref().map(normal_email).filter(|email| is_email(email));
            let Some(email) = email.filter(|_| person.is_email_verified || row.trusts_email) else {
                return Ok(Err(Refusal::NoEmail));
            };
            let by_email = identity::find::<user::Entity>()
                .filter(user::Column::Email.eq(&email))
                .one(tx)
                .await
                .doing("reading a user by mail address")?;
            let (user, what) = match by_email {
                // A provider speaks for its own people only: nobody becomes staff, or a person of another tenant, by it.
                Some(user) if user.tenant_id != row.tenant_id => return Ok(Err(Refusal::SomebodyElses)),
                Some(user) => (user, "for the first time by"),
                None => match make(tx, row, person, email, role, now).await? {
                    Ok(user) => (user, "as a new user by"),
                    Err(refusal) => return Ok(Err(refusal)),
                },
            };
            let link = external_identity::Model {
                provider_id: row.id,
                subject: person.subject.clone(),
                user_id: user.id,
                created_at: now,
            };
            identity::insert::<external_identity::Entity>(tx, link, "storing who somebody is").await?;
            (user, what)
        }
    };
    if user.disabled_at.is_some() {
        return Ok(Err(Refusal::Disabled));
    }
    if let Some(role) = role.filter(|role| row.role_claim.is_some() && *role != user.role) {
        set_role(tx, &mut user, role, now).await?;
    }
    Ok(Ok((user, what)))
}

async fn known(
    tx: &DatabaseTransaction,
    row: &identity_provider::Model,
    person: &Person,
) -> Result<Option<user::Model>> {
    let link = identity::find::<external_identity::Entity>()
        .filter(external_identity::Column::ProviderId.eq(row.id))
        .filter(external_identity::Column::Subject.eq(&person.subject))
        .one(tx)
        .await
        .doing("reading who somebody is")?;
    let Some(link) = link else { return Ok(None) };
    let user = identity::find::<user::Entity>()
        .filter(user::Column::Id.eq(link.user_id))
        .one(tx)
        .await
        .doing("reading a user")?;
    Ok(user.filter(|user| user.tenant_id == row.tenant_id))
}

/// The role by the first value of the mapping that the claim has, or the default.
fn mapped_role(row: &identity_provider::Model, person: &Person) -> Option<Role> {
    let values = row.role_claim.as_deref().map(|claim| person.texts(claim)).unwrap_or_default();
    let mapped = row.role_mapping.0.iter().find(|mapped| values.contains(&mapped.value.as_str()));
    mapped.map(|mapped| mapped.role).or(row.default_role)
}

async fn make(
    tx: &DatabaseTransaction,
    row: &identity_provider::Model,
    person: &Person,
    email: String,
    role: Option<Role>,
    now: DateTime<Utc>,
) -> Result<std::result::Result<user::Model, Refusal>> {
    if !row.creates_users {
        return Ok(Err(Refusal::Unknown));
    }
    let Some(role) = role else { return Ok(Err(Refusal::NoRole)) };
    if let Some(tenant_id) = row.tenant_id {
        let of_tenant = identity::find::<user::Entity>().filter(user::Column::TenantId.eq(tenant_id));
        if of_tenant.count(tx).await.doing("counting users")? >= USERS_PER_TENANT_MAX {
            return Ok(Err(Refusal::Full));
        }
    }
    let name = person.name.as_deref().unwrap_or(&email);
    let name: String = name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect();
    let user = user::Model {
        id: new_id(),
        tenant_id: row.tenant_id,
        name: if name.trim().is_empty() { email.clone() } else { name.trim().to_owned() },
        email,
        role,
        // Who comes by a provider signs in there, or asks for a password by mail.
        password_hash: password::hash_of_none(),
        created_at: now,
        updated_at: now,
        disabled_at: None,
        second_factor_at: None,
    };
    identity::insert::<user::Entity>(tx, user.clone(), "storing a user").await?;
    Ok(Ok(user))
}

async fn set_role(
    tx: &DatabaseTransaction,
    user: &mut user::Model,
    role: Role,
    now: DateTime<Utc>,
) -> Result<()> {
    match crate::user::keep_one_admin(tx, user).await {
        Ok(()) => {}
        Err(Error::Rejected(_)) => {
            tracing::warn!(user.id = %user.id, "the last platform administrator keeps their role, whatever a provider says");
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    identity::update::<user::Entity>()
        .col_expr(user::Column::Role, Expr::value(role))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(user.id))
        .exec(tx)
        .await
        .doing("storing a role by a provider")?;
    tracing::info!(user.id = %user.id, role = %role.to_value(), "an identity provider gave another role");
    user.role = role;
    Ok(())
}
