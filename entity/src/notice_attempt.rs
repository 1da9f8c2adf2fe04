//! A try to deliver a notice, and what came of it.

use sea_orm::entity::prelude::*;

/// A row of `notice_attempt`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_attempt")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that is told; `None` for the operator.
    pub tenant_id: Option<Uuid>,
    /// The delivery.
    pub delivery_id: Uuid,
    /// When it ended.
    pub at: DateTimeUtc,
    /// What came of it.
    pub outcome: NoticeAttemptOutcome,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Status of the reply, of HTTP.
    pub http_status: Option<i32>,
    /// The beginning of the reply.
    pub response: Option<String>,
    /// Why it failed, in words.
    pub error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeAttemptOutcome {
    /// The receiver took it.
    Delivered,
    /// It did not arrive, and may another time.
    Failed,
    /// The receiver wants it not, and will not.
    Refused,
}
