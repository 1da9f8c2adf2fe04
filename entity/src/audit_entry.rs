//! Who did or tried what, from where, and what came of it. Rows are added, never changed.

use sea_orm::entity::prelude::*;

use crate::user::Role;

/// A row of `audit_entry`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The chain that it stands in.
    pub chain_id: Uuid,
    /// Its place in the chain, from 1, without gaps.
    pub number: i64,
    /// The tenant that it is about; `None` for the operator's own.
    pub tenant_id: Option<Uuid>,
    /// When it was written, to the microsecond.
    pub at: DateTimeUtc,
    /// Who, as an id: `user_…`, `key_…`, `portal_…`; `operator` on the command line, `anonymous` for nobody.
    pub principal: String,
    /// Their role then.
    pub role: Option<Role>,
    /// Their name then.
    pub name: String,
    /// The caller's IP address.
    pub address: Option<String>,
    /// The caller's `User-Agent`.
    pub user_agent: Option<String>,
    /// Under which the log and the answer have the request.
    pub request_id: Option<String>,
    /// A mutation's name, `query` or `subscription` for what was refused there, or a command.
    pub operation: String,
    /// What was changed, as an id.
    pub object: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Codes and fields of what was wrong, the missing permission, or the reason that was given.
    pub detail: Option<String>,
    /// HMAC-SHA-256 over the entry before it and this one.
    pub mac: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuditOutcome {
    /// It was done.
    Succeeded,
    /// There was nothing left to do.
    Unchanged,
    /// The input was wrong; nothing was done.
    Rejected,
    /// The caller may not do it; nothing was done.
    Denied,
    /// A fault of ours; nothing was done.
    Failed,
}
