//! From what stands behind `Authorization: Bearer` to an [`Actor`], in a few statements: who is disabled, revoked or
//! suspended is so on the next request. What is remembered of it for seconds stands in `recent`.

mod recent;

mod absent;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::tenant::TenantStatus;
use entity::user::Role;
use entity::{
    api_key, api_key_tenant, portal_cutoff, portal_key as portal_key_row, portal_key_tenant, portal_session,
    session, tenant, user,
};
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Query, SelectStatement};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use crate::actor::{Actor, Inner, Principal, SecondFactor, Tenants};
use crate::api_key::{KEY_START, ParsedKey};
use crate::app::App;
use crate::error::{Doing, Error};
use crate::identity;
use crate::permission::{Permission, PermissionSet, is_staff};
use crate::portal_key;
use crate::portal_key::token::{NamedTenant, SignedPortal};
use crate::signing_key;
use crate::token::{TokenError, TokenKind, Verified};

pub(crate) use self::recent::RecentActors;

/// Staff towards customers: an operator answers as one, and its people are not named.
pub const STAFF_NAME: &str = "the operator's support team";

/// Why a bearer gives no actor.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// It is not ours, or was ended: signed out, disabled, revoked.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It could not be checked.
    #[error("the token could not be checked")]
    Unavailable(#[source] Error),
}

impl From<Error> for AuthenticationError {
    fn from(source: Error) -> Self {
        Self::Unavailable(source)
    }
}

impl From<TokenError> for AuthenticationError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid | TokenError::UnknownKey => Self::Invalid,
            TokenError::Expired => Self::Expired,
        }
    }
}

type Result<T> = std::result::Result<T, AuthenticationError>;

#[derive(FromQueryResult)]
struct UserRow {
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    user_id: Uuid,
    user_name: String,
    role: Role,
    disabled_at: Option<DateTime<Utc>>,
    second_factor_at: Option<DateTime<Utc>>,
    identity_provider_id: Option<Uuid>,
    tenant_id: Option<Uuid>,
    tenant_status: Option<TenantStatus>,
}

#[derive(FromQueryResult)]
struct PortalRow {
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    end_user: String,
    scopes: entity::string_list::StringList,
    tenant_id: Uuid,
    tenant_status: TenantStatus,
}

/// A tenant that a signed token names, if its key may speak for it, and until when tokens for the end user ended.
#[derive(FromQueryResult)]
struct SignedPortalRow {
    tenant_id: Uuid,
    cutoff: Option<DateTime<Utc>>,
}

/// A tenant that a key may touch, or whose view is seen.
#[derive(FromQueryResult)]
struct TenantRow {
    tenant_id: Uuid,
    tenant_status: TenantStatus,
}

/// Who a person is, for what they may do.
struct Person {
    id: Uuid,
    session_id: Uuid,
    name: String,
    role: Role,
    tenant: (Option<Uuid>, Option<TenantStatus>),
    has_second_factor: bool,
    /// An identity provider says who they are, and asks them for what is asked there.
    comes_from_elsewhere: bool,
    /// When their token ends.
    expires_at: Option<DateTime<Utc>>,
}

impl App {
    /// Who stands behind a bearer: an access token, an API key or a portal token, of ours or of a portal's server;
    /// nobody without one.
    ///
    /// # Errors
    /// When it is refused, or can't be checked.
    pub async fn authenticate(self: &Arc<Self>, bearer: Option<&str>) -> Result<Actor> {
        let Some(bearer) = bearer else { return Ok(Actor::anonymous(self.clone())) };
        if bearer.starts_with(KEY_START) {
            return self.authenticate_key(bearer).await;
        }
        if let Some(key_id) = portal_key::token::key_named(bearer) {
            return self.authenticate_signed_portal(key_id, bearer).await;
        }
        let verified = match self.signer().verify(bearer, self.clock().now()) {
            // Another process may have made the key a moment ago.
            Err(TokenError::UnknownKey) if signing_key::look_again(self).await? => {
                self.signer().verify(bearer, self.clock().now())?
            }
            verified => verified?,
        };
        match verified.kind {
            TokenKind::Access => self.authenticate_user(verified).await,
            TokenKind::Portal => self.authenticate_portal(verified).await,
            TokenKind::View => self.authenticate_view(verified).await,
        }
    }

    async fn authenticate_user(self: &Arc<Self>, token: Verified) -> Result<Actor> {
        let query = Query::select()
            .expr_as(Expr::col((session::Entity, session::Column::ExpiresAt)), "expires_at")
            .expr_as(Expr::col((session::Entity, session::Column::EndedAt)), "ended_at")
            .expr_as(
                Expr::col((session::Entity, session::Column::IdentityProviderId)),
                "identity_provider_id",
            )
            .expr_as(Expr::col((user::Entity, user::Column::Id)), "user_id")
            .expr_as(Expr::col((user::Entity, user::Column::Name)), "user_name")
            .expr_as(Expr::col((user::Entity, user::Column::Role)), "role")
            .expr_as(Expr::col((user::Entity, user::Column::DisabledAt)), "disabled_at")
            .expr_as(Expr::col((user::Entity, user::Column::SecondFactorAt)), "second_factor_at")
            .expr_as(Expr::col((user::Entity, user::Column::TenantId)), "tenant_id")
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Status)), "tenant_status")
            .from(session::Entity)
            .inner_join(
                user::Entity,
                equal((session::Entity, session::Column::UserId), (user::Entity, user::Column::Id)),
            )
            .left_join(
                tenant::Entity,
                equal((user::Entity, user::Column::TenantId), (tenant::Entity, tenant::Column::Id)),
            )
            .and_where(Expr::col((session::Entity, session::Column::Id)).eq(token.session_id))
            .to_owned();
        let row: UserRow =
            self.one(&query, "reading a session").await?.ok_or(AuthenticationError::Invalid)?;
        if row.ended_at.is_some() || row.disabled_at.is_some() {
            return Err(AuthenticationError::Invalid);
        }
        if row.expires_at <= self.clock().now() {
            return Err(AuthenticationError::Expired);
        }
        self.person_actor(Person {
            id: row.user_id,
            session_id: token.session_id,
            name: row.user_name,
            role: row.role,
            tenant: (row.tenant_id, row.tenant_status),
            has_second_factor: row.second_factor_at.is_some(),
            comes_from_elsewhere: row.identity_provider_id.is_some(),
            expires_at: Some(token.expires_at),
        })
    }

    /// Somebody of the staff who sees what a tenant's people see: with the rights of those, so that they see the same buttons
    /// and words, but for records. That nothing is done with them is seen to where things are done.
    async fn authenticate_view(self: &Arc<Self>, token: Verified) -> Result<Actor> {
        let view = token.view.ok_or(AuthenticationError::Invalid)?;
        let person = self.authenticate_user(token).await?;
        let Principal::User { id, session_id } = *person.principal() else {
            return Err(AuthenticationError::Invalid);
        };
        if !person.may(Permission::TenantViewAs) {
            return Err(AuthenticationError::Invalid);
        }
        let query = Query::select()
            .expr_as(Expr::col(tenant::Column::Id), "tenant_id")
            .expr_as(Expr::col(tenant::Column::Status), "tenant_status")
            .from(tenant::Entity)
            .and_where(Expr::col(tenant::Column::Id).eq(view.tenant))
            .to_owned();
        let tenant: TenantRow =
            self.one(&query, "reading the tenant of a view").await?.ok_or(AuthenticationError::Invalid)?;
        let role = Role::from(view.role);
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::View { user_id: id, session_id },
            role: Some(role),
            tenants: Tenants::Some(vec![tenant.tenant_id]),
            permissions: PermissionSet::of(role, &[]).without(Permission::RecordRead),
            name: person.name().to_owned(),
            own_name: person.own_name().to_owned(),
            suspended: suspended([(tenant.tenant_id, tenant.tenant_status)]),
            expires_at: Some(token.expires_at),
            second_factor: None,
        }))
    }

    /// What a person who is not disabled may do.
    fn person_actor(self: &Arc<Self>, person: Person) -> Result<Actor> {
        let staff = is_staff(person.role);
        let (tenant_id, tenant_status) = person.tenant;
        let tenants = match tenant_id {
            None if staff => Tenants::All,
            Some(tenant_id) if !staff => Tenants::Some(vec![tenant_id]),
            // The table's checks refuse such a row; if one were there, it would see nothing.
            _ => return Err(AuthenticationError::Invalid),
        };
        let second_factor = if person.has_second_factor {
            SecondFactor::On
        } else if staff && self.people().staff_need_second_factor && !person.comes_from_elsewhere {
            SecondFactor::Due
        } else {
            SecondFactor::Off
        };
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::User { id: person.id, session_id: person.session_id },
            role: Some(person.role),
            suspended: suspended(tenant_id.zip(tenant_status)),
            tenants,
            permissions: match second_factor {
                SecondFactor::Due => PermissionSet::default(),
                SecondFactor::On | SecondFactor::Off => PermissionSet::of(person.role, &[]),
            },
            second_factor: Some(second_factor),
            name: if staff { STAFF_NAME.to_owned() } else { person.name.clone() },
            own_name: person.name,
            expires_at: person.expires_at,
        }))
    }

    /// A token that a portal's server signed. Its first use makes its session, which then is as any other one.
    async fn authenticate_signed_portal(self: &Arc<Self>, key_id: Uuid, bearer: &str) -> Result<Actor> {
        let now = self.clock().now();
        let key = identity::find::<portal_key_row::Entity>()
            .filter(portal_key_row::Column::Id.eq(key_id))
            .one(self.across_tenants().reader())
            .await
            .doing("reading a portal key")?
            .filter(|key| {
                key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > now)
            })
            .ok_or(AuthenticationError::Invalid)?;
        let token = portal_key::token::verify(&key, bearer, now)?;
        let row = self.tenant_of(&key, &token).await?.ok_or_else(|| {
            tracing::info!(portal_key.id = %key.id, "a signed portal token is refused: its key is not for its tenant");
            AuthenticationError::Invalid
        })?;
        let id = portal_key::token::session_id(key.id, row.tenant_id, &token.token_id);
        let session =
            Verified { kind: TokenKind::Portal, session_id: id, expires_at: token.expires_at, view: None };
        if row.cutoff.is_some_and(|ended_at| token.issued_at <= ended_at) {
            return Err(AuthenticationError::Invalid);
        }
        if self.portal_row(id).await?.is_none() {
            let made = portal_session::Model {
                id,
                tenant_id: row.tenant_id,
                end_user: token.end_user.clone(),
                scopes: entity::string_list::StringList(token.scopes.clone()),
                created_by: portal_key::signer(key.id),
                created_at: now,
                expires_at: token.expires_at,
                ended_at: None,
            };
            identity::insert_if_absent::<portal_session::Entity>(
                self.across_tenants().writer(),
                made,
                "storing the session of a signed token",
            )
            .await?;
        }
        let stored = self.portal_row(id).await?.ok_or(AuthenticationError::Invalid)?;
        // The id of a token is for one token: another one with the same does not get what the first one was given.
        let is_the_same = stored.tenant_id == row.tenant_id
            && stored.end_user == token.end_user
            && stored.scopes.0 == token.scopes;
        if !is_the_same && stored.ended_at.is_none() {
            tracing::info!(portal_key.id = %key.id, "a signed portal token is refused: its jti was another token's");
            return Err(AuthenticationError::Invalid);
        }
        self.portal_actor(stored, session)
    }

    /// The tenant of a signed token; `None` when there is none that its key may speak for.
    async fn tenant_of(
        &self,
        key: &portal_key_row::Model,
        token: &SignedPortal,
    ) -> Result<Option<SignedPortalRow>> {
        let tenant_id = (tenant::Entity, tenant::Column::Id);
        let named = match &token.tenant {
            NamedTenant::Id(id) => Expr::col(tenant_id).eq(*id),
            NamedTenant::Slug(slug) => Expr::col((tenant::Entity, tenant::Column::Slug)).eq(slug.as_str()),
            NamedTenant::ExternalId(id) => {
                Expr::col((tenant::Entity, tenant::Column::ExternalId)).eq(id.as_str())
            }
        };
        let mut query = Query::select();
        query
            .expr_as(Expr::col(tenant_id), "tenant_id")
            .expr_as(Expr::col((portal_cutoff::Entity, portal_cutoff::Column::EndedAt)), "cutoff")
            .from(tenant::Entity)
            .left_join(
                portal_cutoff::Entity,
                equal((portal_cutoff::Entity, portal_cutoff::Column::TenantId), tenant_id).and(
                    Expr::col((portal_cutoff::Entity, portal_cutoff::Column::EndUser))
                        .eq(token.end_user.as_str()),
                ),
            )
            .and_where(named);
        if !key.all_tenants {
            let granted = Query::select()
                .column(portal_key_tenant::Column::TenantId)
                .from(portal_key_tenant::Entity)
                .and_where(Expr::col(portal_key_tenant::Column::PortalKeyId).eq(key.id))
                .to_owned();
            query.and_where(Expr::col(tenant_id).in_subquery(granted));
        }
        self.one(&query, "reading the tenant of a signed token").await
    }

    async fn authenticate_portal(self: &Arc<Self>, token: Verified) -> Result<Actor> {
        let row = self.portal_row(token.session_id).await?.ok_or(AuthenticationError::Invalid)?;
        self.portal_actor(row, token)
    }

    async fn portal_row(&self, id: Uuid) -> Result<Option<PortalRow>> {
        let query = Query::select()
            .expr_as(Expr::col((portal_session::Entity, portal_session::Column::ExpiresAt)), "expires_at")
            .expr_as(Expr::col((portal_session::Entity, portal_session::Column::EndedAt)), "ended_at")
            .expr_as(Expr::col((portal_session::Entity, portal_session::Column::EndUser)), "end_user")
            .expr_as(Expr::col((portal_session::Entity, portal_session::Column::Scopes)), "scopes")
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Id)), "tenant_id")
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Status)), "tenant_status")
            .from(portal_session::Entity)
            .inner_join(
                tenant::Entity,
                equal(
                    (portal_session::Entity, portal_session::Column::TenantId),
                    (tenant::Entity, tenant::Column::Id),
                ),
            )
            .and_where(Expr::col((portal_session::Entity, portal_session::Column::Id)).eq(id))
            .to_owned();
        self.one(&query, "reading a portal session").await
    }

    fn portal_actor(self: &Arc<Self>, row: PortalRow, token: Verified) -> Result<Actor> {
        if row.ended_at.is_some() {
            return Err(AuthenticationError::Invalid);
        }
        if row.expires_at <= self.clock().now() {
            return Err(AuthenticationError::Expired);
        }
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::Portal { id: token.session_id },
            role: Some(Role::Portal),
            tenants: Tenants::Some(vec![row.tenant_id]),
            permissions: PermissionSet::of(Role::Portal, &scopes(&row.scopes.0)),
            name: row.end_user.clone(),
            own_name: row.end_user,
            suspended: suspended([(row.tenant_id, row.tenant_status)]),
            expires_at: Some(std::cmp::min(token.expires_at, row.expires_at)),
            second_factor: None,
        }))
    }

    async fn authenticate_key(self: &Arc<Self>, key: &str) -> Result<Actor> {
        let parsed = ParsedKey::parse(key).ok_or(AuthenticationError::Invalid)?;
        let row = identity::find::<api_key::Entity>()
            .filter(api_key::Column::Prefix.eq(parsed.prefix))
            .one(self.across_tenants().reader())
            .await
            .doing("reading an API key")?
            .filter(|row| row.secret_hash == parsed.hash && row.revoked_at.is_none())
            .ok_or(AuthenticationError::Invalid)?;
        if row.expires_at.is_some_and(|expires_at| expires_at <= self.clock().now()) {
            return Err(AuthenticationError::Expired);
        }
        let actor = self.key_actor(&row).await?;
        self.touch_key(&row);
        Ok(actor)
    }

    /// What a key that is good may do.
    async fn key_actor(self: &Arc<Self>, row: &api_key::Model) -> Result<Actor> {
        let query = Query::select()
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Id)), "tenant_id")
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Status)), "tenant_status")
            .from(api_key_tenant::Entity)
            .inner_join(
                tenant::Entity,
                equal(
                    (api_key_tenant::Entity, api_key_tenant::Column::TenantId),
                    (tenant::Entity, tenant::Column::Id),
                ),
            )
            .and_where(Expr::col((api_key_tenant::Entity, api_key_tenant::Column::ApiKeyId)).eq(row.id))
            .to_owned();
        let statement = self.database().backend().build(&query);
        let tenants = TenantRow::find_by_statement(statement)
            .all(self.across_tenants().reader())
            .await
            .doing("reading the tenants of an API key")?;
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::ApiKey { id: row.id },
            role: Some(row.role),
            permissions: PermissionSet::of(row.role, &scopes(&row.scopes.0)),
            suspended: suspended(tenants.iter().map(|tenant| (tenant.tenant_id, tenant.tenant_status))),
            tenants: Tenants::Some(tenants.into_iter().map(|tenant| tenant.tenant_id).collect()),
            name: row.name.clone(),
            own_name: row.name.clone(),
            expires_at: row.expires_at,
            second_factor: None,
        }))
    }

    /// Notes the minute of use, beside the request: it waits for no write, and fails for none.
    fn touch_key(self: &Arc<Self>, row: &api_key::Model) {
        let seconds = self.clock().now().timestamp();
        let Some(minute) = DateTime::<Utc>::from_timestamp_secs(seconds - seconds.rem_euclid(60)) else {
            return;
        };
        if row.last_used_at.is_some_and(|used| used >= minute) {
            return;
        }
        let (app, id) = (self.clone(), row.id);
        self.tasks().spawn(async move {
            let touched = identity::update::<api_key::Entity>()
                .col_expr(api_key::Column::LastUsedAt, Expr::value(Some(minute)))
                .filter(api_key::Column::Id.eq(id))
                .filter(api_key::Column::LastUsedAt.is_null().or(api_key::Column::LastUsedAt.lt(minute)))
                .exec(app.across_tenants().writer())
                .await;
            if let Err(error) = touched {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the use of an API key was not noted"
                );
            }
        });
    }

    async fn one<T: FromQueryResult + Send + Sync>(
        &self,
        query: &SelectStatement,
        doing: &'static str,
    ) -> Result<Option<T>> {
        let statement = self.database().backend().build(query);
        Ok(T::find_by_statement(statement).one(self.across_tenants().reader()).await.doing(doing)?)
    }
}

fn equal(left: impl IntoColumnRef, right: impl IntoColumnRef) -> sea_orm::sea_query::SimpleExpr {
    Expr::col(left).equals(right)
}

fn suspended(tenants: impl IntoIterator<Item = (Uuid, TenantStatus)>) -> Vec<Uuid> {
    tenants
        .into_iter()
        .filter(|(_id, status)| *status == TenantStatus::Suspended)
        .map(|(id, _status)| id)
        .collect()
}

/// Names that no longer are permissions give nothing.
fn scopes(names: &[String]) -> Vec<Permission> {
    names.iter().filter_map(|name| Permission::parse(name)).collect()
}
