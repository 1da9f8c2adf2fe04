//! A key that a partner's program holds. The secret is hashed and shown once.

use sea_orm::entity::prelude::*;

use crate::string_list::StringList;

/// A row of `api_key`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant whose administrator made it; `None` for keys of staff.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// First characters, for recognition; unique.
    pub prefix: String,
    /// SHA-256 of the whole key.
    pub secret_hash: Vec<u8>,
    /// PARTNER, or a narrower role.
    pub role: crate::user::Role,
    /// Permission names.
    pub scopes: StringList,
    /// Principal that made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// After it the key is refused.
    pub expires_at: Option<DateTimeUtc>,
    /// To the minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
