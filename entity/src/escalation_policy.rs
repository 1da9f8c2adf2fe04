//! What happens when nobody takes up a group of failures, and by when somebody is to.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::{FailureCategory, ResponsibleParty};

/// A row of `escalation_policy`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "escalation_policy")]
pub struct Model {
    /// UUIDv7; of the standard one always the same.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `None`: it is the operator's, as all are so far.
    pub tenant_id: Option<Uuid>,
    /// The smallest is looked at first; of two alike the older one.
    pub position: i64,
    /// Name for people.
    pub name: String,
    /// Whether groups that begin may get it.
    pub is_enabled: bool,
    /// It is there by itself, and can't be deleted.
    pub is_default: bool,
    /// Which groups it is for.
    #[sea_orm(column_type = "JsonBinary")]
    pub selectors: EscalationSelectors,
    /// What happens, one after the other.
    #[sea_orm(column_type = "JsonBinary")]
    pub steps: EscalationStepList,
    /// Somebody is to do something within so long; `None`: nothing is promised.
    pub respond_within_seconds: Option<i64>,
    /// It is to be over within so long; `None`: nothing is promised.
    pub resolve_within_seconds: Option<i64>,
    /// After how much of either time somebody is warned, in percent.
    pub warn_percent: i32,
    /// Grows by one with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which groups a policy is for: an empty list leaves it open, and all that are not must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct EscalationSelectors {
    /// Of these tenants.
    pub tenant_ids: Vec<Uuid>,
    /// With one of these codes, or with one that begins like `destination.*`.
    pub codes: Vec<String>,
    /// With a code of these categories.
    pub categories: Vec<FailureCategory>,
}

/// What happens when nobody has taken a group up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationStep {
    /// So long after the step before, or after the group began.
    pub after_seconds: i64,
    /// Who acts then; one that has it already is reminded.
    pub party: ResponsibleParty,
    /// How often that party is reminded, each time after as long, before the next step.
    pub repeat_count: i32,
}

/// Steps in one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct EscalationStepList(pub Vec<EscalationStep>);
