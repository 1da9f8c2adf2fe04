//! A failure's record, shown to somebody of the staff for a while and for a reason.

use sea_orm::entity::prelude::*;

/// A row of `reveal`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reveal")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant whose record it is.
    pub tenant_id: Uuid,
    /// The failure whose record is shown.
    pub failure_id: Uuid,
    /// To whom: a user of the staff.
    pub user_id: Uuid,
    /// Their name then.
    pub user_name: String,
    /// Why; the tenant reads it.
    pub reason: String,
    /// Since when.
    pub created_at: DateTimeUtc,
    /// Until when.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
