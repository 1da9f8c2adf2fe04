//! How far the escalation of a group of failures is: one row a group, which begins anew when the group does.

use sea_orm::entity::prelude::*;

use crate::escalation_policy::EscalationStepList;
use crate::sla_clock::SlaEnd;

/// A row of `escalation`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "escalation")]
pub struct Model {
    /// The group.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// How often the group has begun; its clocks are told apart by it.
    pub episode: i32,
    /// When it began, the last time.
    pub started_at: DateTimeUtc,
    /// When its policy was chosen, even if there was none for it.
    pub chosen_at: Option<DateTimeUtc>,
    /// The policy; deleted ones are named all the same.
    pub policy_id: Option<Uuid>,
    /// Its name then.
    pub policy_name: Option<String>,
    /// Its steps then: a change of the policy changes nothing that is under way.
    #[sea_orm(column_type = "JsonBinary")]
    pub steps: EscalationStepList,
    /// Which of them is next, from 0.
    pub step_index: i32,
    /// How often the next one has happened already.
    pub repeat_index: i32,
    /// How often anything has happened.
    pub told_count: i32,
    /// When the next one happens; `None`: none does, as things stand.
    pub step_at: Option<DateTimeUtc>,
    /// When it is looked at next, for its step or for a clock.
    pub next_at: Option<DateTimeUtc>,
    /// Since when nobody has said that they are at it, whoever had it; `None`: somebody has, or it can wait.
    pub waits_since: Option<DateTimeUtc>,
    /// When somebody of the operator first did something before its policy was chosen.
    pub answered_at: Option<DateTimeUtc>,
    /// What that was.
    pub answered_by: Option<SlaEnd>,
    /// Since when somebody is at it.
    pub acknowledged_at: Option<DateTimeUtc>,
    /// When the group was over.
    pub stopped_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
