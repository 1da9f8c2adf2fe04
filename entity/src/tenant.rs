//! A customer of the operator; owns everything below it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `tenant`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Short name in paths; unique; lower case letters, digits and dashes.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The operator's own id for this customer; unique.
    pub external_id: Option<String>,
    /// Whether its runs may start.
    pub status: TenantStatus,
    /// Why it is suspended.
    pub status_reason: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
    /// Whether the operator's staff may look at its records, each for a reason.
    pub support_access: bool,
    /// Until when they may; `None` for as long as it is allowed.
    pub support_access_until: Option<DateTimeUtc>,
    /// Runs at once, at most; `None` for what the setting says.
    pub run_concurrency: Option<i32>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether a tenant's runs may start.
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
pub enum TenantStatus {
    /// Everything works.
    Active,
    /// Runs wait queued, nothing new starts, people read only.
    Suspended,
}
