//! Moves streams of records from a source system to a destination system.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::Impact;
use crate::health_rollup::HealthPeriod;

/// A row of `integration`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// Name for people; unique among a tenant's integrations that are not archived.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether its runs may start.
    pub status: IntegrationStatus,
    /// Why it is paused or held.
    pub status_reason: Option<String>,
    /// System to read from.
    pub source_id: Uuid,
    /// System to write to.
    pub destination_id: Uuid,
    /// What it moves, in this order.
    #[sea_orm(column_type = "JsonBinary")]
    pub streams: StreamList,
    /// Cron expression, five fields.
    pub schedule_cron: Option<String>,
    /// IANA name; set with the cron expression.
    pub schedule_time_zone: Option<String>,
    /// Next tick of the schedule.
    pub next_run_at: Option<DateTimeUtc>,
    /// Attempts of a run in a row without progress; `None` for the default.
    pub retry_attempts: Option<i32>,
    /// Longest first wait between them, in seconds; `None` for the default.
    pub retry_wait_seconds: Option<i32>,
    /// Longest wait between them, in seconds; `None` for the default.
    pub retry_wait_seconds_max: Option<i32>,
    /// An attempt ends when it waits for something that is silent for so long, in seconds; `None` for the default.
    pub progress_timeout_seconds: Option<i32>,
    /// Failed runs in a row after which it is held; 0 for never.
    pub hold_after: i32,
    /// Whether its ends are compared after each run.
    pub reconcile: ReconcilePolicy,
    /// What is measured of the records that it delivers; `None` where that is nothing.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub kpis: Option<KpiList>,
    /// Runs that could not go on since the last one that did.
    pub failed_run_count: i32,
    /// Since when it is held.
    pub held_at: Option<DateTimeUtc>,
    /// The failure that it is held for.
    pub hold_failure_id: Option<Uuid>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether an integration's runs may start.
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
pub enum IntegrationStatus {
    /// They may.
    Active,
    /// Paused by people.
    Paused,
    /// Held by the system, with a reason.
    Held,
    /// Gone from lists; starts nothing.
    Archived,
}

/// When both ends of an integration are compared by themselves.
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
pub enum ReconcilePolicy {
    /// On demand only.
    Never,
    /// After each run that reads the source and goes through.
    AfterRun,
}

/// How a stream is read.
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
pub enum SyncMode {
    /// Everything, each time.
    Full,
    /// What grew past the cursor of the last run.
    Incremental,
}

/// Streams of an integration, stored inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct StreamList(pub Vec<Stream>);

/// KPIs of an integration, stored inside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct KpiList(pub Vec<Kpi>);

/// What is measured of the records that a stream delivers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kpi {
    /// Of what it measures: another measure under the same key has another id.
    pub id: Uuid,
    /// Unique in its integration.
    pub key: String,
    /// For people.
    pub name: String,
    /// Of its values, e.g. `EUR`.
    pub unit: String,
    /// Whose records.
    pub stream: String,
    /// What of them.
    pub measure: KpiMeasure,
    /// What it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<KpiTarget>,
    /// Since when it is measured.
    pub measured_from: DateTimeUtc,
}

/// What of a record is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KpiMeasure {
    /// That it was delivered.
    Count,
    /// A number.
    Sum {
        /// JSON Pointer to it.
        field: String,
    },
    /// Whether it satisfies a rule.
    Share {
        /// JSON Schema of the record.
        rule: Json,
    },
    /// The time between two times.
    Delay {
        /// JSON Pointer to the earlier one.
        from: String,
        /// JSON Pointer to the later one; `None` for when it was delivered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
}

/// What a KPI is to be in each hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KpiTarget {
    /// On which side of the value.
    pub bound: KpiBound,
    /// In its unit.
    pub value: f64,
    /// In each of which.
    pub per: HealthPeriod,
}

/// On which side of a target a KPI is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KpiBound {
    /// As large, or larger.
    AtLeast,
    /// As small, or smaller.
    AtMost,
}

/// One kind of record that an integration moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// Unique in its integration.
    pub name: String,
    /// How it is read.
    pub mode: SyncMode,
    /// Fields of the source record that identify it.
    pub key_fields: Vec<String>,
    /// The field whose value grows; set in INCREMENTAL mode.
    pub cursor_field: Option<String>,
    /// Options of the source, by its connector's schema.
    pub source: Json,
    /// Options of the destination, by its connector's schema.
    pub destination: Json,
    /// VRL program; `None` copies the record.
    pub mapping: Option<String>,
    /// JSON Schema that every mapped record must satisfy.
    pub record_schema: Option<Json>,
    /// INCREMENTAL: how far before its watermark the next run begins, in seconds where the cursor is a time, and as a
    /// number where it is one. Absent in what earlier programs stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<i64>,
    /// What a change of the source's fields does. Absent in what earlier programs stored.
    #[serde(default)]
    pub on_schema_change: OnSchemaChange,
    /// FULL: what becomes of records at the destination that are gone from the source; `None` leaves them as they are.
    /// Absent in what earlier programs stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions: Option<Deletions>,
    /// When its quality gate holds the integration. Absent in what earlier programs stored.
    #[serde(default)]
    pub quality: Quality,
    /// How much depends on its records. Absent in what earlier programs stored.
    #[serde(default)]
    pub impact: StreamImpact,
}

/// How much depends on records of a stream that do not arrive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamImpact {
    /// On those that no rule speaks of, and on what is no record.
    pub base: Impact,
    /// JSON Pointer to the number of a record that is at stake with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_field: Option<String>,
    /// The first that a record satisfies decides.
    pub rules: Vec<ImpactRule>,
}

/// On which records how much depends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImpactRule {
    /// JSON Schema of the records that it is about.
    pub when: Json,
    /// How much.
    pub impact: Impact,
    /// What it is about, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What becomes of records at the destination that are gone from the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletions {
    /// What is done.
    pub action: DeletionAction,
    /// MARK: the destination's field that has the time, and null in records that are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_field: Option<String>,
    /// Where more of the records that are known are gone, in percent, a person is asked first.
    pub max_percent: i32,
}

/// What is done with a record that is gone from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeletionAction {
    /// It stays, with the time at which it was found to be gone.
    Mark,
    /// It is deleted.
    Delete,
}

/// When the quality gate of a stream holds its integration, before a page is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// More records than so many percent failed by themselves; `None` never holds it for that.
    pub max_failed_percent: Option<f64>,
    /// Records of a run that are looked at before it may.
    pub min_records: i64,
    /// Fields of the mapped record whose values no two records of a run may share.
    pub unique: Vec<Vec<String>>,
    /// Fields of the mapped record that must be the key of a record of another stream.
    pub references: Vec<Reference>,
    /// Fields of the mapped record that must be in a table of the destination.
    pub table_references: Vec<TableReference>,
    /// How often fields of the mapped record may be null.
    pub null_rates: Vec<NullRate>,
    /// How many records a run may have, compared with those before it.
    pub volume: Option<Volume>,
}

/// Fields that must be the key of a record of another stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Of the mapped record, in the order of the other stream's key fields.
    pub fields: Vec<String>,
    /// Name of the other stream.
    pub stream: String,
}

/// Fields that must be in a table of the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReference {
    /// Of the mapped record, in the order of the columns.
    pub fields: Vec<String>,
    /// The table, as the destination's options name one.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
}

/// How often a field may be null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullRate {
    /// Of the mapped record.
    pub field: String,
    /// In at most so many percent of the records.
    pub max_percent: Option<f64>,
    /// In at most so many percent of the records more than it usually is.
    pub max_increase: Option<f64>,
}

/// How many records a run may have, in percent of the median of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// At least.
    pub min_percent: Option<f64>,
    /// At most.
    pub max_percent: Option<f64>,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            max_failed_percent: Some(5.0),
            min_records: 100,
            unique: Vec::new(),
            references: Vec::new(),
            table_references: Vec::new(),
            null_rates: Vec::new(),
            volume: None,
        }
    }
}

/// What a change of the source's fields does to an integration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnSchemaChange {
    /// It is told, and the run goes on.
    #[default]
    Continue,
    /// The integration is held before anything of the page is written.
    Hold,
}
