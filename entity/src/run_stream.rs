//! How far a run is with each of its streams: the checkpoint from which it goes on after a crash.

use sea_orm::entity::prelude::*;

/// A row of `run_stream`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "run_stream")]
pub struct Model {
    /// The tenant that owns it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: Uuid,
    /// Name of the stream.
    #[sea_orm(primary_key, auto_increment = false)]
    pub stream: String,
    /// Watermark from which this run reads; INCREMENTAL.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub since: Option<Json>,
    /// Cursor after the last page that was accounted.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub checkpoint: Option<Json>,
    /// Where the next run begins, of a stream that is divided: fixed when its slices were planned; INCREMENTAL.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub watermark: Option<Json>,
    /// When it was held because so many records are gone; who lets it go on has them removed.
    pub deletions_held_at: Option<DateTimeUtc>,
    /// What the quality gate has counted: `pipeline::GateCounts`; `None` before the first page.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub gate: Option<Json>,
    /// Pages accounted.
    pub page_count: i64,
    /// When its last page was accounted and made durable.
    pub finished_at: Option<DateTimeUtc>,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
