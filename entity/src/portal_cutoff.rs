//! Until when tokens for an end user had to be signed to be refused now: tokens that nobody has used yet have no row
//! that could end them.

use sea_orm::entity::prelude::*;

/// A row of `portal_cutoff`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_cutoff")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The portal's own name for the end user.
    #[sea_orm(primary_key, auto_increment = false)]
    pub end_user: String,
    /// Tokens that were signed by then are refused.
    pub ended_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
