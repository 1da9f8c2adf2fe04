//! A signed-in user's family of refresh tokens. Ended by signing out, by disabling the user, by a new password or
//! second factor, and by reuse of an old token.

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
    /// `signed_out`, `disabled`, `reuse`, `password_changed`, `second_factor_changed`.
    pub end_reason: Option<String>,
    /// When its tokens were last issued; `None` in rows from before this was kept.
    pub last_used_at: Option<DateTimeUtc>,
    /// IP address of whoever they were issued to, where it is known.
    pub address: Option<String>,
    /// Their `User-Agent`, where they sent one.
    pub user_agent: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
