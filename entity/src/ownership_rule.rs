//! Who gets a group of failures.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::ResponsibleParty;

/// A row of `ownership_rule`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ownership_rule")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it; `None` for the operator's.
    pub tenant_id: Option<Uuid>,
    /// The smallest of an owner is looked at first; of two alike the older one.
    pub position: i64,
    /// Name for people.
    pub name: String,
    /// Which groups it is about.
    #[sea_orm(column_type = "JsonBinary")]
    pub selectors: RuleSelectors,
    /// The operator's: who acts next.
    pub responsible_party: Option<ResponsibleParty>,
    /// Who it is assigned to: a contact of the same owner.
    pub contact_id: Option<Uuid>,
    /// Grows by one with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which groups a rule is about: an empty list leaves it open, and all that are not must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct RuleSelectors {
    /// With one of these codes, or with one that begins like `destination.*`.
    pub codes: Vec<String>,
    /// Of integrations whose systems are of one of these connectors.
    pub connectors: Vec<String>,
    /// Of one of these streams.
    pub streams: Vec<String>,
    /// The operator's: of these tenants.
    pub tenant_ids: Vec<Uuid>,
}
