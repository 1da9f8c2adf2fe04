//! A request to an outside system with its reply, as engineers may see them: of a failure that they led to.

use sea_orm::entity::prelude::*;

/// A row of `exchange`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The run that sent it.
    pub run_id: Uuid,
    /// When it was sent.
    pub at: DateTimeUtc,
    /// `POST`.
    pub method: String,
    /// Of the reply; `None` where none came.
    pub status: Option<i32>,
    /// To the end of the reply, or to where it was given up, in milliseconds.
    pub duration_ms: i64,
    /// The request's body, in bytes.
    pub request_bytes: i64,
    /// The reply's body as far as it was read, in bytes; `None` where none came.
    pub response_bytes: Option<i64>,
    /// URL, headers and bodies without what is secret or classified, encrypted JSON text; associated data: tenant id and
    /// id.
    pub sealed_content: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
