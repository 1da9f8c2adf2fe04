//! Both ends of an integration's streams, compared. A run does it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::string_list::StringList;

/// A row of `reconciliation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliation")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// What is compared.
    pub integration_id: Uuid,
    /// Names of the streams; `None` for all.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub streams: Option<StringList>,
    /// The run after which it came by itself.
    pub after_run_id: Option<Uuid>,
    /// Who asked for it, in words a customer understands.
    pub requested_by: String,
    /// What came of it; `None` before its run went through.
    pub outcome: Option<ReconciliationOutcome>,
    /// The last retry that repairs what it found.
    pub retry_id: Option<Uuid>,
    /// When it was asked for.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a comparison came to.
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
pub enum ReconciliationOutcome {
    /// Everything that was moved is there as it is.
    Matched,
    /// Something that was moved is not.
    Drifted,
    /// The destination can't be asked.
    Unknown,
}
