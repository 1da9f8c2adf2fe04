//! Somebody who was asked to come, and is no user before they do.

use sea_orm::entity::prelude::*;

use crate::user::Role;

/// A row of `invitation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of a tenant-side role; `None` for staff.
    pub tenant_id: Option<Uuid>,
    /// Where the mail goes, lower case.
    pub email: String,
    /// Name for people, until they give their own.
    pub name: String,
    /// What they will be able to do.
    pub role: Role,
    /// Principal who invited.
    pub invited_by: String,
    /// SHA-256 of the secret of the last mail's token.
    pub secret_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// From then on the token of the last mail is refused.
    pub expires_at: DateTimeUtc,
    /// When they came.
    pub accepted_at: Option<DateTimeUtc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTimeUtc>,
    /// Who came of it.
    pub user_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
