//! An end user's session in a portal: one tenant, a list of scopes, minutes to hours.

use sea_orm::entity::prelude::*;

use crate::string_list::StringList;

/// A row of `portal_session`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_session")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The operator's or partner's own name for the end user.
    pub end_user: String,
    /// Permission names.
    pub scopes: StringList,
    /// Principal that minted it, e.g. `api_key:…`.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// After it the token is refused.
    pub expires_at: DateTimeUtc,
    /// When it was ended before its time.
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
