//! One thing that happened in a run, in the standard taxonomy, with an audience.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `run_event`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run_event")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// When it happened.
    pub at: DateTimeUtc,
    /// Of the taxonomy, e.g. `run.started`.
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    /// Who may read it.
    pub audience: Audience,
    /// What acted, e.g. `worker`.
    pub component: String,
    /// The record, in the business's own terms.
    pub business_reference: Option<String>,
    /// One sentence.
    pub message: String,
    /// Details, an object.
    #[sea_orm(column_type = "JsonBinary")]
    pub attributes: Json,
}

impl ActiveModelBehavior for ActiveModel {}

/// The layer of information a viewer may read: each includes the ones before it.
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
pub enum Audience {
    /// Everybody who may see the object.
    Customer,
    /// Support staff and above.
    Support,
    /// Engineers and platform administrators.
    Engineer,
}
