//! Who somebody is now who asked for something and went: their rights of this moment, without a token. Whoever was
//! disabled, revoked or has expired since is nobody.
//!
//! Deliberately absent: portal sessions, which ask for nothing that outlasts them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::tenant::TenantStatus;
use entity::user::Role;
use entity::{api_key, external_identity, tenant, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use super::{AuthenticationError, Person, equal};
use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Result};
use crate::identity;
use crate::permission::is_staff;

#[derive(FromQueryResult)]
struct UserRow {
    user_name: String,
    role: Role,
    second_factor_at: Option<DateTime<Utc>>,
    tenant_id: Option<Uuid>,
    tenant_status: Option<TenantStatus>,
}

impl App {
    /// Who stands behind the text of a [`Principal`]: a user or an API key; `None` when it is good no more.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be asked.
    pub(crate) async fn absent_actor(self: &Arc<Self>, principal: &str) -> Result<Option<Actor>> {
        let Some((kind, id)) = principal.split_once(':') else { return Ok(None) };
        let Ok(id) = Uuid::parse_str(id) else { return Ok(None) };
        let actor = match kind {
            "user" => self.absent_user(id).await,
            "api_key" => self.absent_key(id).await,
            _ => return Ok(None),
        };
        match actor {
            Ok(actor) => Ok(Some(actor)),
            Err(AuthenticationError::Unavailable(error)) => Err(error),
            Err(AuthenticationError::Invalid | AuthenticationError::Expired) => Ok(None),
        }
    }

    async fn absent_user(self: &Arc<Self>, id: Uuid) -> super::Result<Actor> {
        let query = Query::select()
            .expr_as(Expr::col((user::Entity, user::Column::Name)), "user_name")
            .expr_as(Expr::col((user::Entity, user::Column::Role)), "role")
            .expr_as(Expr::col((user::Entity, user::Column::SecondFactorAt)), "second_factor_at")
            .expr_as(Expr::col((user::Entity, user::Column::TenantId)), "tenant_id")
            .expr_as(Expr::col((tenant::Entity, tenant::Column::Status)), "tenant_status")
            .from(user::Entity)
            .left_join(
                tenant::Entity,
                equal((user::Entity, user::Column::TenantId), (tenant::Entity, tenant::Column::Id)),
            )
            .and_where(Expr::col((user::Entity, user::Column::Id)).eq(id))
            .and_where(Expr::col((user::Entity, user::Column::DisabledAt)).is_null())
            .to_owned();
        let row: UserRow = self.one(&query, "reading a user").await?.ok_or(AuthenticationError::Invalid)?;
        let has_second_factor = row.second_factor_at.is_some();
        let comes_from_elsewhere =
            !has_second_factor && is_staff(row.role) && self.comes_from_elsewhere(id).await?;
        self.person_actor(Person {
            id,
            // They are in no session.
            session_id: Uuid::nil(),
            name: row.user_name,
            role: row.role,
            tenant: (row.tenant_id, row.tenant_status),
            has_second_factor,
            comes_from_elsewhere,
            expires_at: None,
        })
    }

    /// Whether an identity provider says who they are, and asks them for what is asked there.
    async fn comes_from_elsewhere(&self, user_id: Uuid) -> super::Result<bool> {
        let row = identity::find::<external_identity::Entity>()
            .filter(external_identity::Column::UserId.eq(user_id))
            .one(self.across_tenants().reader())
            .await
            .doing("reading who somebody is elsewhere")?;
        Ok(row.is_some())
    }

    async fn absent_key(self: &Arc<Self>, id: Uuid) -> super::Result<Actor> {
        let now = self.clock().now();
        let row = identity::find::<api_key::Entity>()
            .filter(api_key::Column::Id.eq(id))
            .one(self.across_tenants().reader())
            .await
            .doing("reading an API key")?
            .filter(|row| {
                row.revoked_at.is_none() && row.expires_at.is_none_or(|expires_at| expires_at > now)
            })
            .ok_or(AuthenticationError::Invalid)?;
        self.key_actor(&row).await
    }
}
