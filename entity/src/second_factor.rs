//! The secret that a person's authenticator app shares with us.

use sea_orm::entity::prelude::*;

/// A row of `second_factor`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factor")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// The secret, encrypted.
    pub sealed_secret: Vec<u8>,
    /// When it was shown to them.
    pub created_at: DateTimeUtc,
    /// Since when it is asked for; `None` until they gave a first code.
    pub confirmed_at: Option<DateTimeUtc>,
    /// The step of the last code that was taken: none of that step or before is taken again.
    pub last_step: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
