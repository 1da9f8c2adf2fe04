//! The timeline of an incident: what was found, done and said.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::incident::IncidentStatus;

/// A row of `incident_entry`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_entry")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// When.
    pub at: DateTimeUtc,
    /// What.
    pub kind: IncidentEntryKind,
    /// STATUS: which it has from then on.
    pub status: Option<IncidentStatus>,
    /// What is said; `None`: what the catalogue says of the kind.
    pub text: Option<String>,
    /// Name of who did it; `None` for the program.
    pub actor_name: Option<String>,
    /// Those who are hit read it, too.
    pub is_public: bool,
}

impl ActiveModelBehavior for ActiveModel {}

/// What happened in an incident.
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
pub enum IncidentEntryKind {
    /// It was found, or somebody said that there is one.
    Detected,
    /// It hits more.
    Affected,
    /// Its status changed.
    Status,
    /// What those who are hit read was written.
    PublicMessage,
    /// Somebody said something.
    Note,
    /// A run tried whether the other system is there again.
    Probe,
    /// Systems answer again.
    Recovered,
    /// What came of looking back was written.
    Postmortem,
}
