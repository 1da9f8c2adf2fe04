//! A notice on its way to one receiver.

use sea_orm::entity::prelude::*;

/// A row of `notice_delivery`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_delivery")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that is told; `None` for the operator.
    pub tenant_id: Option<Uuid>,
    /// What is delivered.
    pub notice_id: Uuid,
    /// The channel.
    pub channel_id: Uuid,
    /// EMAIL: the address.
    pub recipient: Option<String>,
    /// How far it is.
    pub status: NoticeDeliveryStatus,
    /// How often a worker took it; also the fence of the worker that has it.
    pub attempt_count: i64,
    /// Attempts before somebody asked for it once more: waits begin anew there.
    pub replayed_after: i64,
    /// When it may be taken next.
    pub available_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it arrived or was given up.
    pub finished_at: Option<DateTimeUtc>,
    /// Status of the last reply.
    pub http_status: Option<i32>,
    /// Why the last attempt failed, in words.
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeDeliveryStatus {
    /// It waits, or is being sent.
    Queued,
    /// The receiver took it.
    Delivered,
    /// It did not arrive, and is tried no more unless somebody replays it.
    Failed,
    /// It waits until its channel is active again.
    Parked,
}
