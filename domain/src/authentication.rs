//! From what stands behind `Authorization: Bearer` to an [`Actor`]. One or two statements a request, and no
//! cache: who is disabled, revoked or suspended is so on the next request.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::tenant::TenantStatus;
use entity::user::Role;
use entity::{api_key, api_key_tenant, portal_session, session, tenant, user};
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Query, SelectStatement};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use crate::actor::{Actor, Inner, Principal, SecondFactor, Tenants};
use crate::api_key::{KEY_START, ParsedKey};
use crate::app::App;
use crate::error::{Doing, Error};
use crate::identity;
use crate::permission::{Permission, PermissionSet, is_staff};
use crate::signing_key;
use crate::token::{TokenError, TokenKind, Verified};

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

#[derive(FromQueryResult)]
struct KeyTenantRow {
    tenant_id: Uuid,
    tenant_status: TenantStatus,
}

impl App {
    /// Who stands behind a bearer: an access token, an API key or a portal token; nobody without one.
    ///
    /// # Errors
    /// When it is refused, or can't be checked.
    pub async fn authenticate(self: &Arc<Self>, bearer: Option<&str>) -> Result<Actor> {
        let Some(bearer) = bearer else { return Ok(Actor::anonymous(self.clone())) };
        if bearer.starts_with(KEY_START) {
            return self.authenticate_key(bearer).await;
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
        }
    }

    async fn authenticate_user(self: &Arc<Self>, token: Verified) -> Result<Actor> {
        let query = Query::select()
            .expr_as(Expr::col((session::Entity, session::Column::ExpiresAt)), "expires_at")
            .expr_as(Expr::col((session::Entity, session::Column::EndedAt)), "ended_at")
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
        let staff = is_staff(row.role);
        let tenants = match row.tenant_id {
            None if staff => Tenants::All,
            Some(tenant_id) if !staff => Tenants::Some(vec![tenant_id]),
            // The table's checks refuse such a row; if one were there, it would see nothing.
            _ => return Err(AuthenticationError::Invalid),
        };
        let second_factor = match row.second_factor_at {
            Some(_since) => SecondFactor::On,
            None if staff && self.people().staff_need_second_factor => SecondFactor::Due,
            None => SecondFactor::Off,
        };
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::User { id: row.user_id, session_id: token.session_id },
            role: Some(row.role),
            suspended: suspended(row.tenant_id.zip(row.tenant_status)),
            tenants,
            permissions: match second_factor {
                SecondFactor::Due => PermissionSet::default(),
                SecondFactor::On | SecondFactor::Off => PermissionSet::of(row.role, &[]),
            },
            second_factor: Some(second_factor),
            name: if staff { STAFF_NAME.to_owned() } else { row.user_name.clone() },
            own_name: row.user_name,
            expires_at: Some(token.expires_at),
        }))
    }

    async fn authenticate_portal(self: &Arc<Self>, token: Verified) -> Result<Actor> {
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
            .and_where(Expr::col((portal_session::Entity, portal_session::Column::Id)).eq(token.session_id))
            .to_owned();
        let row: PortalRow =
            self.one(&query, "reading a portal session").await?.ok_or(AuthenticationError::Invalid)?;
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
        let tenants = KeyTenantRow::find_by_statement(statement)
            .all(self.across_tenants().reader())
            .await
            .doing("reading the tenants of an API key")?;
        self.touch_key(&row);
        Ok(Actor::new(Inner {
            app: self.clone(),
            principal: Principal::ApiKey { id: row.id },
            role: Some(row.role),
            permissions: PermissionSet::of(row.role, &scopes(&row.scopes.0)),
            suspended: suspended(tenants.iter().map(|tenant| (tenant.tenant_id, tenant.tenant_status))),
            tenants: Tenants::Some(tenants.into_iter().map(|tenant| tenant.tenant_id).collect()),
            name: row.name.clone(),
            own_name: row.name,
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
