//! The audit log of a tenant, or of the operator: where it ends, and what its entries are authenticated with.

use sea_orm::entity::prelude::*;

/// A row of `audit_chain`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_chain")]
pub struct Model {
    /// The tenant's id, or the nil UUID for the operator's chain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant; `None` for the operator's chain.
    pub tenant_id: Option<Uuid>,
    /// Number of the last entry, which is how many there are; 0 while there is none.
    pub last_number: i64,
    /// Authentication code of the last entry; empty while there is none.
    pub last_mac: Vec<u8>,
    /// Key of the codes, encrypted for this row.
    pub sealed_key: Vec<u8>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
