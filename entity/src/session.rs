//! A signed-in user's family of refresh tokens. Ended by signing out, by disabling the user, and by reuse of an old token.

use sea_orm::entity::prelude::*;

/// A row of `session`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// After it no refresh succeeds.
    pub expires_at: DateTimeUtc,
    /// When it was ended before its time.
    pub ended_at: Option<DateTimeUtc>,
    /// `signed_out`, `disabled`, `reuse`, `role_changed`.
    pub end_reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
