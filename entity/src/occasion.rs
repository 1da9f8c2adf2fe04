//! What somebody may have to be told of: stored together with what happened, so that neither is without the other.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `occasion`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "occasion")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whom it concerns; `None` for the operator alone.
    pub tenant_id: Option<Uuid>,
    /// What it is.
    pub kind: OccasionKind,
    /// The integration that it is about.
    pub integration_id: Option<Uuid>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// The group of failures.
    pub group_id: Option<Uuid>,
    /// A failure that shows what it is about.
    pub failure_id: Option<Uuid>,
    /// The incident.
    pub incident_id: Option<Uuid>,
    /// The system.
    pub system_id: Option<Uuid>,
    /// Of the error catalogue.
    pub code: Option<String>,
    /// When it happened.
    pub at: DateTimeUtc,
    /// What else there is to say, an object; no record, no secret, no upstream text.
    #[sea_orm(column_type = "JsonBinary")]
    pub detail: Json,
    /// When the notices about it were made, or nobody wanted any.
    pub noticed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What an occasion is.
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
pub enum OccasionKind {
    /// Failures of a cause that was not there before.
    GroupNew,
    /// A cause that was dealt with is back.
    GroupRegressed,
    /// A cause fails more records than before.
    GroupEscalating,
    /// A cause is dealt with.
    GroupResolved,
    /// A run could not go on.
    RunFailed,
    /// Some records of a run did not arrive.
    RunPartial,
    /// Every failure of runs is dealt with.
    Recovered,
    /// An integration is behind its time.
    Late,
    /// An integration is held.
    Held,
    /// It is held no more.
    Resumed,
    /// A system wants somebody to sign in again.
    ReauthRequired,
    /// Somebody has.
    Reauthorized,
    /// Far more or far fewer records than usual.
    VolumeAnomaly,
    /// A measure of health is beyond its limit.
    HealthAlert,
    /// It is within its limit again.
    HealthRestored,
    /// An outage that hits many.
    IncidentOpened,
    /// There is news of it.
    IncidentUpdated,
    /// It is over.
    IncidentResolved,
    /// A channel of notices does not work, and nothing more is sent there.
    ChannelDisabled,
    /// Nobody has taken a cause up.
    Escalated,
    /// A promised time is nearly over.
    SlaWarning,
    /// It is over.
    SlaBreached,
    /// A test record did not go the whole way of an integration.
    SyntheticFailed,
    /// One does again, or none is sent any more.
    SyntheticPassed,
    /// Records of failures will have been kept long enough soon.
    RecordsExpiring,
}
