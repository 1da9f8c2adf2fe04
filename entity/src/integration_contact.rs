//! Who is what for an integration.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `integration_contact`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "integration_contact")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns the integration.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// What somebody is for it.
    pub role: ContactRole,
    /// Who: a contact of the tenant, or of the operator.
    pub contact_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}

/// What somebody is for an integration.
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
pub enum ContactRole {
    /// Answers for its systems and settings.
    IntegrationOwner,
    /// Answers for its records.
    DataSteward,
    /// For whom it is there.
    BusinessSponsor,
}
