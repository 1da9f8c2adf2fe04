//! One record, or a whole run, that did not arrive, and what to do about it.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `failure`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "failure")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The integration.
    pub integration_id: Uuid,
    /// The run in which it failed first.
    pub run_id: Uuid,
    /// Name of the stream; `None` for a failure of the run as a whole.
    pub stream: Option<String>,
    /// Key of the record as people read it.
    pub business_reference: Option<String>,
    /// Key of the record as it is compared.
    pub record_key: Option<String>,
    /// Where in the source, for records without a key, e.g. `line 4711`.
    pub position: Option<String>,
    /// How far it is.
    pub status: FailureStatus,
    /// Why it happened.
    pub category: FailureCategory,
    /// Where in the pipeline.
    pub stage: FailureStage,
    /// Of the error catalogue.
    pub code: String,
    /// Who acts next.
    pub responsible_party: ResponsibleParty,
    /// Whether a retry can help.
    pub retryable: Retryable,
    /// More to say to the customer than the code does; no host names, no upstream text.
    pub hint: Option<String>,
    /// Every rule the record broke.
    #[sea_orm(column_type = "JsonBinary")]
    pub field_errors: FieldErrorList,
    /// How often it was tried.
    pub attempts: i32,
    /// When it failed first.
    pub failed_at: DateTimeUtc,
    /// When it was last tried.
    pub last_attempt_at: DateTimeUtc,
    /// When it is tried again by itself.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// When it was resolved, skipped or superseded.
    pub resolved_at: Option<DateTimeUtc>,
    /// The run that brought the record home.
    pub resolved_by_run_id: Option<Uuid>,
    /// Status of the outside reply.
    pub http_status: Option<i32>,
    /// The error chain, for engineers.
    pub technical_detail: Option<String>,
    /// The record as read, encrypted JSON text; associated data: tenant id and id.
    pub record: Option<Vec<u8>>,
    /// The record as edited by a person, encrypted likewise.
    pub edited_record: Option<Vec<u8>>,
    /// The retry it belongs to, or last belonged to.
    pub retry_id: Option<Uuid>,
    /// The run that retries it now.
    pub retry_run_id: Option<Uuid>,
    /// Why it was skipped.
    pub skip_reason: Option<String>,
    /// Who skipped it.
    pub skipped_by: Option<String>,
    /// The quarantine whose page it is of.
    pub quarantine_id: Option<Uuid>,
    /// The group of its cause; `None` of none that is older than groups.
    pub group_id: Option<Uuid>,
    /// The request that it came of, with its reply; it may be gone, or never have been kept.
    pub exchange_id: Option<Uuid>,
    /// How much depends on it.
    pub impact: Impact,
    /// The label of the rule that says so.
    pub impact_reason: Option<String>,
    /// The value of the record that is at stake, in ten-thousandths.
    pub value_at_stake: Option<i64>,
    /// When its record was deleted, because it had been kept long enough.
    pub record_removed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a failure is.
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
pub enum FailureStatus {
    /// Somebody must act.
    Open,
    /// A retry has it.
    Retrying,
    /// The record arrived.
    Resolved,
    /// A person decided to leave the record out.
    Skipped,
    /// A later run wrote a newer version of the record.
    Superseded,
}

/// Why integrations fail.
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
pub enum FailureCategory {
    /// Somebody must do something at the source or destination.
    UserAction,
    /// The data is not what the other side takes.
    UnsupportedData,
    /// The integration itself is wrong.
    IntegrationDesign,
    /// An outside application is in the way.
    Application,
    /// Our own platform is in the way.
    Infrastructure,
}

/// Where in the pipeline a failure happened.
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
pub enum FailureStage {
    /// Reading from the source.
    Extract,
    /// Converting the record.
    Map,
    /// Checking the rules.
    Validate,
    /// Writing to the destination.
    Load,
    /// Our own platform.
    Platform,
}

/// Who acts next.
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
pub enum ResponsibleParty {
    /// The tenant.
    Customer,
    /// The operator's support.
    Support,
    /// The operator's engineers.
    Engineering,
    /// The maker of the outside system.
    ThirdParty,
}

/// Whether a retry can help.
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
pub enum Retryable {
    /// It can.
    Yes,
    /// Not without a change of the record or its source.
    No,
    /// Nobody can say.
    Unknown,
}

/// How much depends on a record that does not arrive, least first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
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
pub enum Impact {
    /// It can wait.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Business suffers.
    High,
    /// Business stands still, or much money is at stake.
    Critical,
}

/// Every rule that a record broke.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct FieldErrorList(pub Vec<FieldError>);

/// One rule that one field broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON Pointer into the record.
    pub path: String,
    /// The rule, e.g. `required`.
    pub rule: String,
    /// In the customer's words, without the value.
    pub message: String,
}
