//! What a channel was told of that is not over yet: once it is, the same channel is told that, once.

use sea_orm::entity::prelude::*;

/// A row of `notice_subject`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_subject")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that was told; `None` for the operator.
    pub tenant_id: Option<Uuid>,
    /// The policy that told it.
    pub policy_id: Uuid,
    /// Where.
    pub channel_id: Uuid,
    /// What is not over, e.g. `run:0198…`.
    pub subject: String,
    /// When.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
