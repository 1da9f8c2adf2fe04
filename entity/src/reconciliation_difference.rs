//! A record that both ends of a stream hold differently.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `reconciliation_difference`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation_difference")]
pub struct Model {
    /// UUIDv7, in the order in which they were found.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The reconciliation.
    pub reconciliation_id: Uuid,
    /// Name of the stream.
    pub stream: String,
    /// The key as it is compared.
    pub record_key: String,
    /// The key in the business's own terms.
    pub business_reference: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// The failure that holds the record.
    pub failure_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a record differs.
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
pub enum DifferenceKind {
    /// It was moved, and its key is not at the destination.
    Missing,
    /// It was moved, and is something else at the destination.
    Different,
    /// It was moved and is at the destination still, and the source does not have it any more.
    Extra,
}
