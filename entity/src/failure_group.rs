//! Failures of one cause: same integration, stream and fingerprint.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::{FailureCategory, FailureStage, Impact, ResponsibleParty};

/// A row of `failure_group`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "failure_group")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// Name of the stream; empty for failures of runs as a whole.
    pub stream: String,
    /// Of the error catalogue.
    pub code: String,
    /// A hash of stage, field, rule and reason, in hexadecimal digits; empty for what is not told apart any further.
    pub fingerprint: String,
    /// Why it happens.
    pub category: FailureCategory,
    /// Where in the pipeline.
    pub stage: FailureStage,
    /// The field of the records, as a JSON Pointer with `*` for places in lists.
    pub field_path: Option<String>,
    /// The rule that the field broke.
    pub rule: Option<String>,
    /// The outside system's reason, without what is of one record; for engineers.
    pub reason: Option<String>,
    /// How far it is.
    pub status: FailureGroupStatus,
    /// Who acts next.
    pub responsible_party: ResponsibleParty,
    /// When the first failed.
    pub first_seen_at: DateTimeUtc,
    /// When one failed last.
    pub last_seen_at: DateTimeUtc,
    /// How many there have been; 0 in the moment before the first is stored.
    pub failure_count: i64,
    /// In how many runs.
    pub run_count: i64,
    /// The last of these.
    pub last_run_id: Option<Uuid>,
    /// The hour of the last, and how many there were in it.
    pub hour_at: DateTimeUtc,
    /// Failures in that hour.
    pub hour_count: i64,
    /// How many an hour may have before it escalates; 0: the group is not old enough to tell.
    pub hour_limit: i64,
    /// Snoozed until this time.
    pub snoozed_until: Option<DateTimeUtc>,
    /// Snoozed until so many there have been.
    pub snoozed_until_count: Option<i64>,
    /// Snoozed until an hour has so many.
    pub snoozed_until_hour_count: Option<i64>,
    /// When the status last changed.
    pub status_at: DateTimeUtc,
    /// When it was resolved.
    pub resolved_at: Option<DateTimeUtc>,
    /// The group that it was merged into.
    pub merged_into_id: Option<Uuid>,
    /// The highest of its failures since it began, or was back.
    pub impact: Impact,
    /// What puts it in the order of the inbox: the impact, and how many of those that are not over failed lately; 0 before the
    /// first is stored.
    pub urgency: i64,
    /// The values of its records that have not arrived, together, in ten-thousandths.
    pub value_at_stake: Option<i64>,
    /// Who has it: a contact of the tenant, or of the operator.
    pub assignee_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a group is.
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
pub enum FailureGroupStatus {
    /// Nobody has looked at it.
    New,
    /// It goes on.
    Ongoing,
    /// There are many more of it than there were.
    Escalating,
    /// Somebody is at it.
    Acknowledged,
    /// Somebody wants to hear of it later.
    Snoozed,
    /// It is over.
    Resolved,
    /// It was over, and is back.
    Regressed,
    /// Nobody wants to hear of it.
    Ignored,
}
