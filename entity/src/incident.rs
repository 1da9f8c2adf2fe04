//! An outage of an outside system that hits several tenants. It is the operator's: a tenant sees what of it is meant for
//! everybody, where it is hit.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::string_list::StringList;

/// A row of `incident`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Where the systems are that it hits, e.g. `api.example.com` or `db.example.com:5432`; `None` where somebody named
    /// systems.
    pub host: Option<String>,
    /// Connector of the system that was hit first.
    pub connector: Option<String>,
    /// What is wrong there.
    pub fault: IncidentFault,
    /// How far it is.
    pub status: IncidentStatus,
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// One line, for the operator's staff.
    pub title: String,
    /// What those who are hit read; `None`: what the catalogue says.
    pub public_message: Option<String>,
    /// Name of who leads.
    pub commander: Option<String>,
    /// When the first failed.
    pub started_at: DateTimeUtc,
    /// When it was found, or somebody said so.
    pub detected_at: DateTimeUtc,
    /// When the status last changed.
    pub status_at: DateTimeUtc,
    /// When it was resolved.
    pub resolved_at: Option<DateTimeUtc>,
    /// When all that waited had gone on, too, and nobody need look after it any more.
    pub over_at: Option<DateTimeUtc>,
    /// Systems that it hits.
    pub system_count: i32,
    /// Tenants that it hits.
    pub tenant_count: i32,
    /// When a run that it ended is tried, where none waits that would try.
    pub probe_at: Option<DateTimeUtc>,
    /// How often in a row that was done.
    pub probe_count: i32,
    /// Since when what waited goes on.
    pub drained_from: Option<DateTimeUtc>,
    /// How many runs have got their time since then.
    pub drained_count: i32,
    /// The how manieth time that is.
    pub drain_round: i32,
    /// What came of looking back, in Markdown.
    pub postmortem: Option<String>,
    /// Why it happened, one sentence each.
    #[sea_orm(column_type = "JsonBinary")]
    pub causes: StringList,
    /// What is to be done so that it does not again.
    #[sea_orm(column_type = "JsonBinary")]
    pub follow_ups: FollowUpList,
    /// When that was written last.
    pub postmortem_at: Option<DateTimeUtc>,
    /// Name of who wrote it.
    pub postmortem_by: Option<String>,
    /// Name of who said that there is one; `None`: it was found.
    pub created_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What is wrong with an outside system. One that is down times out for some and refuses others, so that is one.
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
pub enum IncidentFault {
    /// It does not answer, refuses connections, or says that it can't.
    Unavailable,
    /// It takes no more requests.
    RateLimited,
}

/// How far an incident is, as status pages name it.
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
pub enum IncidentStatus {
    /// Nobody knows yet why.
    Investigating,
    /// Somebody does.
    Identified,
    /// It answers again, and is watched.
    Monitoring,
    /// It is over.
    Resolved,
}

/// How bad it is.
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
pub enum IncidentSeverity {
    /// It can wait.
    Minor,
    /// It can't.
    Major,
    /// Everything else can.
    Critical,
}

/// What is to be done, in one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct FollowUpList(pub Vec<FollowUp>);

/// Something that is to be done so that it does not happen again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// What, one line.
    pub text: String,
    /// Name of who does it.
    pub owner: Option<String>,
    /// Until when.
    pub due_at: Option<DateTimeUtc>,
    /// Whether it is done.
    pub is_done: bool,
}
