//! A token that a person got by mail and that works once.

use sea_orm::entity::prelude::*;

/// A row of `user_token`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_token")]
pub struct Model {
    /// UUIDv7; stands in the token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What it is for.
    pub purpose: TokenPurpose,
    /// The mail address that it confirms.
    pub email: Option<String>,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// From then on it is refused.
    pub expires_at: DateTimeUtc,
    /// When it was used, or made void.
    pub used_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TokenPurpose {
    /// A new password.
    PasswordReset,
    /// A new mail address.
    EmailConfirmation,
}
