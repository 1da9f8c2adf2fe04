//! What one transaction changed, for listeners who were away: which objects of one kind and one integration.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `change`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// What kind of objects.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: ChangeKind,
    /// UUIDv7, made right before the commit: changes are in the order of their ids.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns the objects.
    pub tenant_id: Uuid,
    /// Their integration.
    pub integration_id: Uuid,
    /// How many there are.
    pub object_count: i32,
    /// The ids of the last of them, at most 100, in the order in which they changed: 16 bytes each.
    pub objects: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What kind of objects changed.
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
pub enum ChangeKind {
    /// Runs.
    Run,
    /// Failures.
    Failure,
    /// Groups of failures.
    FailureGroup,
    /// How integrations are.
    Health,
}
