//! A query whose every page is written to a file, for whoever asked for it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `export`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "export")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that it is of.
    pub tenant_id: Uuid,
    /// The connection that it goes through: `failures`.
    pub field: String,
    /// The document, as it was given.
    pub query: String,
    /// Its variables.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub variables: Option<Json>,
    /// How far it is.
    pub status: ExportStatus,
    /// Who asked for it: `user:…`, `api_key:…`.
    pub principal: String,
    /// Their name, in words a customer understands.
    pub created_by: String,
    /// The language that they read: `en`.
    pub locale: String,
    /// Objects that are stored, a line each.
    pub row_count: i64,
    /// Their lines, in bytes.
    pub byte_count: i64,
    /// The same as it is stored, before it is encrypted, in bytes.
    pub packed_byte_count: i64,
    /// CRC-32 of the lines.
    pub checksum: i64,
    /// Pieces that they are stored in.
    pub chunk_count: i32,
    /// Where it goes on: behind this object.
    pub cursor: Option<String>,
    /// How many times it was begun since it last got further.
    pub attempt: i32,
    /// Not before this it is carried out.
    pub available_at: DateTimeUtc,
    /// Fencing token of the process that carries it out.
    pub lease_token: Option<Uuid>,
    /// Until when that process has it.
    pub lease_until: Option<DateTimeUtc>,
    /// Why it came to nothing.
    pub failure_code: Option<ExportFailureCode>,
    /// The same in words for whoever asked for it.
    pub failure_message: Option<String>,
    /// SHA-256 of the secret in its link.
    pub secret_hash: Vec<u8>,
    /// That secret, encrypted; associated data: tenant id and id.
    pub sealed_secret: Vec<u8>,
    /// When it was asked for.
    pub created_at: DateTimeUtc,
    /// When it was first begun.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended.
    pub finished_at: Option<DateTimeUtc>,
    /// From then on its content is deleted; `None` before its end.
    pub expires_at: Option<DateTimeUtc>,
    /// When its content was deleted.
    pub purged_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// How far an export is.
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
pub enum ExportStatus {
    /// It waits.
    Queued,
    /// A process carries it out.
    Running,
    /// Its file is complete.
    Succeeded,
    /// It came to nothing.
    Failed,
    /// Somebody canceled it.
    Canceled,
    /// Its file was complete, and is gone.
    Expired,
}

/// Why an export came to nothing.
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
pub enum ExportFailureCode {
    /// Whoever asked for it may not have it any more.
    Forbidden,
    /// Its query was answered with an error.
    QueryFailed,
    /// The file would be larger than one may be.
    TooLarge,
    /// A part that is needed did not answer for long.
    Unavailable,
}
