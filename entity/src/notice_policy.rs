//! Which occasions are told where, and when.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::{FailureCategory, Impact, ResponsibleParty};
use crate::occasion::OccasionKind;

/// A row of `notice_policy`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_policy")]
pub struct Model {
    /// UUIDv7; of a default one made of its owner's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it; `None` for the operator's.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// Whether it tells anything.
    pub is_enabled: bool,
    /// It is there by itself, and can't be deleted.
    pub is_default: bool,
    /// Of what it tells.
    #[sea_orm(column_type = "JsonBinary")]
    pub selectors: NoticeSelectors,
    /// Where it tells it.
    #[sea_orm(column_type = "JsonBinary")]
    pub channel_ids: UuidList,
    /// When it tells it.
    pub delivery: NoticeTiming,
    /// DAILY: at which hour of the day, from 0 to 23.
    pub digest_hour: Option<i32>,
    /// IANA name.
    pub time_zone: String,
    /// From when on nothing is sent, `HH:MM` of that time zone.
    pub quiet_from: Option<String>,
    /// Until when; before `quiet_from` where the night is in between.
    pub quiet_until: Option<String>,
    /// What is sent all the same.
    #[sea_orm(column_type = "JsonBinary")]
    pub quiet_override: OccasionKindList,
    /// Notices an hour that are sent at once, at most; `None` for any number.
    pub hourly_max: Option<i32>,
    /// When the hour began in which notices are counted.
    pub window_from: Option<DateTimeUtc>,
    /// Notices since then.
    pub window_count: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which occasions a policy tells of: an empty list leaves it open, and all that are not must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct NoticeSelectors {
    /// Of these kinds.
    pub kinds: Vec<OccasionKind>,
    /// The operator's: of these tenants.
    pub tenant_ids: Vec<Uuid>,
    /// Of these integrations.
    pub integration_ids: Vec<Uuid>,
    /// With one of these codes.
    pub codes: Vec<String>,
    /// With a code of these categories.
    pub categories: Vec<FailureCategory>,
    /// With a code for which one of these acts.
    pub responsible_parties: Vec<ResponsibleParty>,
    /// Where so many records or more are concerned; 0 for any number.
    pub count_min: i64,
    /// Where so much or more depends on what failed; `None` for whatever happened.
    pub impact_min: Option<Impact>,
}

/// Ids in one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct UuidList(pub Vec<Uuid>);

/// Kinds of occasions in one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct OccasionKindList(pub Vec<OccasionKind>);

/// When a policy tells of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeTiming {
    /// At once.
    Instant,
    /// At the next full hour, all together.
    Hourly,
    /// At an hour of the day, all together.
    Daily,
}
