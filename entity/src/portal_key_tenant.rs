//! The tenants that tokens of a portal key may be for.

use sea_orm::entity::prelude::*;

/// A row of `portal_key_tenant`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_key_tenant")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub portal_key_id: Uuid,
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
