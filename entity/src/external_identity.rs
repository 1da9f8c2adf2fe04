//! Which user somebody at an identity provider is.

use sea_orm::entity::prelude::*;

/// A row of `external_identity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "external_identity")]
pub struct Model {
    /// The provider.
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider_id: Uuid,
    /// Its own, lasting name for them (`sub`).
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Who they are here.
    pub user_id: Uuid,
    /// Since when that is known.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
