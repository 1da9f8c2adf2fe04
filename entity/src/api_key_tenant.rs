//! The tenants that an API key may touch.

use sea_orm::entity::prelude::*;

/// A row of `api_key_tenant`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key_tenant")]
pub struct Model {
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_key_id: Uuid,
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
