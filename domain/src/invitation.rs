//! Invitations: somebody gets a mail, and is a user when they come and choose a password. Until then no address is
//! taken, and nothing is theirs.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use entity::user::{self, Role};
use entity::{invitation, mail as mail_row, tenant};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::app::App;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::identity;
use crate::mail::{self, Letter, MailState};
use crate::one_time_token::{self, INVITATION_START, parse};
use crate::page::{Direction, Edge, Page, PageArguments};
use crate::password;
use crate::permission::{Permission, is_staff};
use crate::scope::{Keyset, Scope};
use crate::session::{self, Origin, SignedIn};
use crate::sign_in_attempt;
use crate::user as users;
use crate::validation::{NAME_CHARS_MAX, Problems, is_email};

/// How long the token of a mail is good.
pub const INVITATION_DAYS: i64 = 7;
/// How long an invitation is listed after its token ended, in days, whatever became of it: three months, in which
/// somebody may send it again or ask who came. Who invited and who came stands in the audit log for good.
pub const KEPT_DAYS: i64 = 90;
/// Invitations of one tenant, and of the operator, that nobody has accepted: a bound.
pub const PENDING_MAX: u64 = 1_000;
/// Invitations of one tenant, and of the operator, in a day, revoked ones included: nobody sends mails to strangers
/// without end in the operator's name.
pub const PER_DAY_MAX: u64 = 500;

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// Its time is over; it can be sent again.
    Expired,
    /// Somebody came.
    Accepted,
    /// It was taken back.
    Revoked,
}

/// An invitation, without its token.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// The row.
    pub id: Uuid,
    /// The tenant of a tenant-side role; `None` for staff.
    pub tenant_id: Option<Uuid>,
    /// Lower case.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// What they will be able to do.
    pub role: Role,
    /// What has become of it.
    pub status: InvitationStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the token of the last mail ends.
    pub expires_at: DateTime<Utc>,
    /// When they came.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who came of it.
    pub user_id: Option<Uuid>,
    /// Whether the last mail went out; `None` when that is long ago.
    pub mail: Option<MailState>,
}

/// Somebody to come.
#[derive(Clone, Debug)]
pub struct InviteUser {
    /// Where the mail goes.
    pub email: String,
    /// Name for people, until they give their own.
    pub name: String,
    /// What they will be able to do.
    pub role: Role,
    /// As of [`CreateUser`](users::CreateUser).
    pub tenant_id: Option<Uuid>,
}

/// What somebody who comes gives.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    /// Of the mail.
    pub token: SecretString,
    /// What they sign in with from now on.
    pub password: SecretString,
    /// Their name, where it is another one.
    pub name: Option<String>,
}

/// Which invitations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InvitationFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// With one of these.
    pub status: Option<Vec<InvitationStatus>>,
}

/// Invitations by id, those that the caller may see.
///
/// # Errors
/// Denied without `users:read`.
pub async fn by_ids(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Invitation>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let rows =
        scope.find::<invitation::Entity>().of_ids(invitation::Column::Id, ids.iter().copied()).all().await?;
    Ok(views(scope.app(), rows).await?.into_iter().map(|one| (one.id, one)).collect())
}

/// A page of invitations, by the time they were made.
///
/// # Errors
/// Denied without `users:read`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &InvitationFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Invitation>> {
    let scope = actor.authorize(Permission::UserRead)?;
    let now = scope.app().clock().now();
    let keyset = Keyset { name: "invitation", column: None, id: invitation::Column::Id, direction };
    let rows = scope
        .find::<invitation::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.status.clone(), |statuses| {
            let none = Expr::val(1).eq(0);
            statuses.into_iter().fold(none, |any, status| any.or(has_status(status, now)))
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    let (cursors, nodes): (Vec<_>, Vec<_>) =
        rows.edges.into_iter().map(|edge| (edge.cursor, edge.node)).unzip();
    let nodes = views(scope.app(), nodes).await?;
    let edges = cursors.into_iter().zip(nodes).map(|(cursor, node)| Edge { cursor, node }).collect();
    Ok(Page { edges, has_next: rows.has_next, has_previous: rows.has_previous })
}

/// Invites somebody: as [`create`](users::create), but they choose the password themselves, by a mail.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_CONFIGURED` where no mail is sent; `CONFLICT` email for a user, or for
/// who is invited already; what `create` rejects; `LIMIT_REACHED` tenantId or email.
pub async fn invite(actor: &Actor, input: InviteUser) -> Result<Invitation> {
    let scope = actor.authorize(Permission::UserManage)?;
    let app = scope.app();
    mail::links(app, "an invitation")?;
    let now = app.clock().now();
    let mut problems = Problems::default();
    let email = problems.email(&input.email);
    let name = problems.text("name", &input.name, NAME_CHARS_MAX);
    users::check_role(actor, input.role, &mut problems);
    let tenant_id = users::check_tenant(actor, &scope, input.role, input.tenant_id, &mut problems).await?;
    if is_email(&email) && users::is_taken(&scope, &email).await? {
        problems.push(users::taken());
    }
    problems.check()?;
    let home = match tenant_id {
        Some(tenant_id) => invitation::Column::TenantId.eq(tenant_id),
        None => invitation::Column::TenantId.is_null(),
    };
    let open = || {
        scope
            .find::<invitation::Entity>()
            .filter(home.clone())
            .filter(has_status(InvitationStatus::Pending, now).or(has_status(InvitationStatus::Expired, now)))
    };
    if open().filter(invitation::Column::Email.eq(&email)).one().await?.is_some() {
        return Err(Error::conflict(
            "email",
            "was invited already; send that invitation again, or revoke it",
        ));
    }
    if open().count().await? >= PENDING_MAX {
        let message = format!("{PENDING_MAX} invitations are open, which is the limit; revoke some first");
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["tenantId"], message)));
    }
    let day_ago = now - Duration::days(1);
    let of_today =
        scope.find::<invitation::Entity>().filter(home).filter(invitation::Column::CreatedAt.gt(day_ago));
    if of_today.count().await? >= PER_DAY_MAX {
        let message =
            format!("{PER_DAY_MAX} people were invited within a day, which is the limit; go on tomorrow");
        return Err(Error::rejected(Problem::new(ProblemCode::LimitReached, ["tenantId"], message)));
    }
    check_mails(app, &email, "email").await?;
    let id = new_id();
    let (token, secret_hash) = one_time_token::generate(INVITATION_START, id);
    let row = invitation::Model {
        id,
        tenant_id,
        email,
        name,
        role: input.role,
        invited_by: actor.principal().to_string(),
        secret_hash,
        created_at: now,
        expires_at: now + Duration::days(INVITATION_DAYS),
        accepted_at: None,
        revoked_at: None,
        user_id: None,
    };
    let letter = letter(actor, &scope, &row, &token).await?;
    let tx = app.database().begin_of(row.tenant_id).await?;
    identity::insert::<invitation::Entity>(&tx, row.clone(), "storing an invitation").await?;
    mail::queue(app, &tx, &letter, Some(id), now, row.expires_at).await?;
    let detail = Some(row.role.to_value());
    audit::commit(tx, entry(&row).detail(detail), "committing an invitation").await?;
    tracing::info!(invitation.id = %id, "somebody was invited");
    Ok(view(row, Some(MailState::Queued), now))
}

/// Sends the mail again, with a new token; the one before is worth nothing any more.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_CONFIGURED` where no mail is sent; `NOT_FOUND` invitationId;
/// `FORBIDDEN` invitationId for one to the staff; `CONFLICT` invitationId for one that was accepted or revoked;
/// `LIMIT_REACHED` invitationId after too many mails to its address.
pub async fn resend(actor: &Actor, id: Uuid) -> Result<Invitation> {
    let scope = actor.authorize(Permission::UserManage)?;
    let app = scope.app();
    let mut row = managed(actor, &scope, id).await?;
    mail::links(app, "an invitation")?;
    let now = app.clock().now();
    let ended = |row: &invitation::Model| match status(row, now) {
        InvitationStatus::Accepted => Some("was accepted: this person is a user"),
        InvitationStatus::Revoked => Some("was revoked; invite them anew"),
        InvitationStatus::Pending | InvitationStatus::Expired => None,
    };
    if let Some(message) = ended(&row) {
        return Err(Error::conflict("invitationId", message));
    }
    check_mails(app, &row.email, "invitationId").await?;
    let (token, secret_hash) = one_time_token::generate(INVITATION_START, id);
    row.secret_hash = secret_hash.clone();
    row.expires_at = now + Duration::days(INVITATION_DAYS);
    let letter = letter(actor, &scope, &row, &token).await?;
    let tx = app.database().begin_of(row.tenant_id).await?;
    let renewed = identity::update::<invitation::Entity>()
        .col_expr(invitation::Column::SecretHash, Expr::value(secret_hash))
        .col_expr(invitation::Column::ExpiresAt, Expr::value(row.expires_at))
        .filter(invitation::Column::Id.eq(id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null())
        .exec(&tx)
        .await
        .doing("renewing an invitation")?;
    if renewed.rows_affected == 0 {
        return Err(Error::conflict("invitationId", "was accepted or revoked a moment ago"));
    }
    mail::withdraw(&tx, id).await?;
    mail::queue(app, &tx, &letter, Some(id), now, row.expires_at).await?;
    audit::commit(tx, entry(&row), "committing an invitation").await?;
    Ok(view(row, Some(MailState::Queued), now))
}

/// Takes an invitation back: its token is refused from now on. Twice is once.
///
/// # Errors
/// Denied without `users:manage`. Rejected: `NOT_FOUND` invitationId; `FORBIDDEN` invitationId for one to the staff;
/// `CONFLICT` invitationId for one that was accepted.
pub async fn revoke(actor: &Actor, id: Uuid) -> Result<Invitation> {
    let scope = actor.authorize(Permission::UserManage)?;
    let app = scope.app();
    let mut row = managed(actor, &scope, id).await?;
    let now = app.clock().now();
    if row.revoked_at.is_none() {
        let accepted = || Error::conflict("invitationId", "was accepted: disable the user in its place");
        if row.accepted_at.is_some() {
            return Err(accepted());
        }
        let tx = app.database().begin_of(row.tenant_id).await?;
        let revoked = identity::update::<invitation::Entity>()
            .col_expr(invitation::Column::RevokedAt, Expr::value(Some(now)))
            .filter(invitation::Column::Id.eq(id))
            .filter(invitation::Column::AcceptedAt.is_null())
            .exec(&tx)
            .await
            .doing("revoking an invitation")?;
        if revoked.rows_affected == 0 {
            return Err(accepted());
        }
        mail::withdraw(&tx, id).await?;
        audit::commit(tx, entry(&row), "committing the end of an invitation").await?;
        row.revoked_at = Some(now);
    }
    views(app, vec![row]).await?.pop().ok_or_else(|| Error::not_found("invitationId", "invitation"))
}

/// Accepts an invitation by the token of its mail: makes the user, and signs them in.
///
/// # Errors
/// Rejected: `INVALID` token; a bad password or name, with which the token stays good; `CONFLICT` token when another
/// user has the mail address by now.
pub async fn accept(app: &Arc<App>, input: AcceptInvitation, origin: &Origin) -> Result<SignedIn> {
    let now = app.clock().now();
    let (id, secret_hash) = parse(INVITATION_START, input.token.expose_secret()).ok_or_else(refused)?;
    let row = identity::find::<invitation::Entity>()
        .filter(invitation::Column::Id.eq(id))
        .one(app.across_tenants().reader())
        .await
        .doing("reading an invitation")?
        .filter(|row| row.secret_hash == secret_hash && status(row, now) == InvitationStatus::Pending)
        .ok_or_else(refused)?;
    let mut problems = Problems::default();
    let name = match &input.name {
        Some(name) => problems.text("name", name, NAME_CHARS_MAX),
        None => row.name.clone(),
    };
    if let Some(problem) = password::check(&input.password, "password", &row.email, &name).await? {
        problems.push(problem);
    }
    problems.check()?;
    let user = user::Model {
        id: new_id(),
        tenant_id: row.tenant_id,
        email: row.email,
        name,
        role: row.role,
        password_hash: password::hash(&input.password).await?,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        second_factor_at: None,
    };
    let tx = app.across_tenants().begin().await?;
    let user_id = user.id;
    match identity::insert::<user::Entity>(&tx, user.clone(), "storing a user").await {
        Ok(()) => {}
        Err(error) if identity::unique_violation(&error).is_some() => {
            return Err(Error::conflict("token", "can't be used: a user has this mail address by now"));
        }
        Err(error) => return Err(error),
    }
    spend(&tx, id, secret_hash, user_id, now).await?;
    mail::withdraw(&tx, id).await?;
    let opened = session::open(&tx, user_id, None, origin, now).await?;
    let detail = format!("by {}", GlobalId::new(Kind::Invitation, id));
    audit::commit(tx, users::entry(&user).by(&user).detail(Some(detail)), "committing a user").await?;
    tracing::info!(invitation.id = %id, user.id = %user_id, "an invitation was accepted");
    opened.signed_in(app).await
}

/// Takes back what a person invited to who lost their access: nobody comes in by their word any more.
pub(crate) async fn revoke_of_user(
    connection: &impl ConnectionTrait,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let principal = Principal::User { id: user_id, session_id: Uuid::nil() }.to_string();
    identity::update::<invitation::Entity>()
        .col_expr(invitation::Column::RevokedAt, Expr::value(Some(now)))
        .filter(invitation::Column::InvitedBy.eq(principal))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null())
        .exec(connection)
        .await
        .doing("revoking the invitations of a user")?;
    Ok(())
}

/// Deletes invitations whose token ended long ago, in background work. Returns how many went.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let deleted = identity::delete::<invitation::Entity>()
        .filter(invitation::Column::ExpiresAt.lt(now - Duration::days(KEPT_DAYS)))
        .exec(connection)
        .await
        .doing("deleting old invitations")?;
    Ok(deleted.rows_affected)
}

/// Uses an invitation up, in the transaction that makes the user.
async fn spend(
    tx: &DatabaseTransaction,
    id: Uuid,
    secret_hash: Vec<u8>,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let spent = identity::update::<invitation::Entity>()
        .col_expr(invitation::Column::AcceptedAt, Expr::value(Some(now)))
        .col_expr(invitation::Column::UserId, Expr::value(Some(user_id)))
        .filter(invitation::Column::Id.eq(id))
        .filter(invitation::Column::SecretHash.eq(secret_hash))
        .filter(has_status(InvitationStatus::Pending, now))
        .exec(tx)
        .await
        .doing("accepting an invitation")?;
    if spent.rows_affected == 1 { Ok(()) } else { Err(refused()) }
}

/// For the audit log: a change of an invitation.
fn entry(row: &invitation::Model) -> Entry {
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::Invitation, row.id)))
}

fn refused() -> Error {
    let message = "is not good, or no longer: an invitation works once, for 7 days; ask for another one";
    Error::rejected(Problem::invalid(["token"], message))
}

/// The invitation that the caller wants to change.
async fn managed(actor: &Actor, scope: &Scope, id: Uuid) -> Result<invitation::Model> {
    let row = scope
        .find::<invitation::Entity>()
        .of_id(invitation::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("invitationId", "invitation"))?;
    if is_staff(row.role) && !actor.may(Permission::StaffManage) {
        let message = "is to the staff; only who has `staff:manage` changes it";
        return Err(Error::rejected(Problem::new(ProblemCode::Forbidden, ["invitationId"], message)));
    }
    Ok(row)
}

/// Nobody gets many mails, whoever asks for them.
async fn check_mails(app: &App, email: &str, field: &'static str) -> Result<()> {
    if sign_in_attempt::count_mail(app, "invitation", email, None).await? {
        return Ok(());
    }
    let message = "got several mails a moment ago; wait some minutes and try again";
    Err(Error::rejected(Problem::new(ProblemCode::LimitReached, [field], message)))
}

async fn letter(
    actor: &Actor,
    scope: &Scope,
    row: &invitation::Model,
    token: &SecretString,
) -> Result<Letter> {
    let tenant = match row.tenant_id {
        None => None,
        Some(id) => scope.find::<tenant::Entity>().of_id(tenant::Column::Id, id).one().await?,
    };
    Ok(Letter::Invitation {
        email: row.email.clone(),
        name: row.name.clone(),
        inviter: actor.name().to_owned(),
        tenant: tenant.map(|tenant| tenant.name),
        token: token.expose_secret().to_owned(),
    })
}

fn status(row: &invitation::Model, now: DateTime<Utc>) -> InvitationStatus {
    match (row.accepted_at, row.revoked_at) {
        (Some(_), _) => InvitationStatus::Accepted,
        (None, Some(_)) => InvitationStatus::Revoked,
        (None, None) if row.expires_at <= now => InvitationStatus::Expired,
        (None, None) => InvitationStatus::Pending,
    }
}

/// The rows that [`status`] says this of.
fn has_status(status: InvitationStatus, now: DateTime<Utc>) -> sea_orm::sea_query::SimpleExpr {
    let open = || invitation::Column::AcceptedAt.is_null().and(invitation::Column::RevokedAt.is_null());
    match status {
        InvitationStatus::Accepted => invitation::Column::AcceptedAt.is_not_null(),
        InvitationStatus::Revoked => {
            invitation::Column::AcceptedAt.is_null().and(invitation::Column::RevokedAt.is_not_null())
        }
        InvitationStatus::Expired => open().and(invitation::Column::ExpiresAt.lte(now)),
        InvitationStatus::Pending => open().and(invitation::Column::ExpiresAt.gt(now)),
    }
}

/// With what became of their last mails.
async fn views(app: &App, rows: Vec<invitation::Model>) -> Result<Vec<Invitation>> {
    let mails = identity::find::<mail_row::Entity>()
        .filter(mail_row::Column::SubjectId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(mail_row::Column::Id)
        .all(app.across_tenants().reader())
        .await
        .doing("reading the mails of invitations")?;
    let last: HashMap<Uuid, MailState> =
        mails.into_iter().filter_map(|row| Some((row.subject_id?, row.status.into()))).collect();
    let now = app.clock().now();
    Ok(rows
        .into_iter()
        .map(|row| {
            let mail = last.get(&row.id).copied();
            view(row, mail, now)
        })
        .collect())
}

fn view(row: invitation::Model, mail: Option<MailState>, now: DateTime<Utc>) -> Invitation {
    Invitation {
        status: status(&row, now),
        id: row.id,
        tenant_id: row.tenant_id,
        email: row.email,
        name: row.name,
        role: row.role,
        created_at: row.created_at,
        expires_at: row.expires_at,
        accepted_at: row.accepted_at,
        revoked_at: row.revoked_at,
        user_id: row.user_id,
        mail,
    }
}
