//! A person who signs in: staff of the operator, or a person of one tenant.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `user`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant of a tenant-side person; `None` for staff.
    pub tenant_id: Option<Uuid>,
    /// Unique, lower case.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
    /// Since when they can't sign in.
    pub disabled_at: Option<DateTimeUtc>,
    /// Since when they sign in with a second factor.
    pub second_factor_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Who asks, and so what they may see and do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Staff: manages tenants and staff.
    PlatformAdmin,
    /// Staff: reads everything but records.
    Engineer,
    /// Staff: first line.
    Support,
    /// A tenant's administrator.
    TenantAdmin,
    /// A tenant's person who works with failures.
    TenantMember,
    /// A tenant's person who looks.
    TenantViewer,
    /// An API key with scopes and a set of tenants.
    Partner,
    /// An end user's short-lived session in a portal.
    Portal,
}
