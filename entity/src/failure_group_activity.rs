//! What people and the program did with a group of failures, and what people say about it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::ResponsibleParty;
use crate::failure_group::FailureGroupStatus;
use crate::run_event::Audience;

/// A row of `failure_group_activity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "failure_group_activity")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The group.
    pub group_id: Uuid,
    /// When.
    pub at: DateTimeUtc,
    /// What.
    pub kind: FailureGroupActivityKind,
    /// Who may read it.
    pub audience: Audience,
    /// Name of who did it; `None` for the program.
    pub actor_name: Option<String>,
    /// That is somebody of the operator's staff.
    pub is_by_staff: bool,
    /// The status before, of a change of it.
    pub from_status: Option<FailureGroupStatus>,
    /// The status after.
    pub to_status: Option<FailureGroupStatus>,
    /// Who acted before, of a hand-over.
    pub from_party: Option<ResponsibleParty>,
    /// Who acts now.
    pub to_party: Option<ResponsibleParty>,
    /// The comment, the reason, or what was said with it.
    pub note: Option<String>,
    /// Name of who has it now, of an assignment; `None` for nobody.
    pub assignee_name: Option<String>,
    /// Name of the rule that did it.
    pub rule_name: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What was done with a group.
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
pub enum FailureGroupActivityKind {
    /// Its status changed.
    Status,
    /// Another party acts next.
    HandOver,
    /// Another group was merged into it, or it into another.
    Merge,
    /// Somebody said something.
    Comment,
    /// Somebody has it now, or nobody.
    Assign,
}
