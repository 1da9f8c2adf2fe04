//! A unit of work for a worker. The row is the truth; the queue carries only its id.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `job`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// At most one run of an integration is under way at a time.
    pub integration_id: Uuid,
    /// What to do.
    pub kind: JobKind,
    /// The run.
    pub subject_id: Uuid,
    /// SLICE: the slice of the run.
    pub slice_id: Option<Uuid>,
    /// Where it is.
    pub status: JobStatus,
    /// Higher first: 2 a person's click, 1 a schedule, 0 a backfill.
    pub priority: i16,
    /// How often it was claimed.
    pub attempt: i32,
    /// Claims after which it fails.
    pub max_attempts: i32,
    /// Not before.
    pub available_at: DateTimeUtc,
    /// Why not before: the code of a failure.
    pub wait_code: Option<String>,
    /// Until when its worker must renew.
    pub lease_until: Option<DateTimeUtc>,
    /// Fencing token of the claim; every write of the run names it.
    pub lease_token: Option<Uuid>,
    /// Name of the worker that has or had it.
    pub worker: Option<String>,
    /// Its run has begun: until it ends, no other run of the integration begins, whether a worker has it or not.
    pub begun: bool,
    /// The worker must stop it.
    pub cancel_requested: bool,
    /// The kill switch that holds it, or that its worker is to stop it for.
    pub kill_switch_id: Option<Uuid>,
    /// When a sweep pushes its id to the queue, while it is queued.
    pub push_at: DateTimeUtc,
    /// W3C trace context of what caused it.
    pub traceparent: Option<String>,
    /// Why it was given back, for engineers.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was done.
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a job does.
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
pub enum JobKind {
    /// Executes a run.
    Run,
    /// Executes a slice of a run.
    Slice,
}

/// Where a job is.
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
pub enum JobStatus {
    /// It may start from `available_at` on.
    Queued,
    /// It waits for another run of its integration.
    Waiting,
    /// Its integration is paused or held, its tenant suspended, or a kill switch engaged.
    Held,
    /// A worker has it.
    Running,
    /// Of a run: jobs of its slices are under way in its place.
    Divided,
    /// Its outcome is written.
    Done,
}
