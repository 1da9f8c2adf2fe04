//! The access to a system that its OAuth 2.0 server gave, and who renews it.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::string_list::StringList;

/// A row of `system_grant`; a system has one at most.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "system_grant")]
pub struct Model {
    /// UUIDv7. Another one when somebody gives access anew.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it.
    pub tenant_id: Uuid,
    /// The system that it is for.
    pub system_id: Uuid,
    /// SHA-256 of the client and of the settings that it was given to.
    pub client_hash: Vec<u8>,
    /// Whether it is any good.
    pub status: GrantStatus,
    /// ENDED: why.
    pub end_reason: Option<GrantEnd>,
    /// Encrypted JSON text of the access token and the refresh token; associated data: tenant id and id. `None`: there
    /// are none yet, or none any more.
    pub sealed_tokens: Option<Vec<u8>>,
    /// What was given, where the server says so.
    pub scopes: Option<StringList>,
    /// Grows with each change of the tokens: who changes them names the one that they saw.
    pub version: i64,
    /// When it was given.
    pub connected_at: DateTimeUtc,
    /// When its tokens were last had from the server.
    pub renewed_at: Option<DateTimeUtc>,
    /// From when on its access token is renewed; `None`: when the system refuses it.
    pub renew_at: Option<DateTimeUtc>,
    /// When its access token ends, where the server says so.
    pub expires_at: Option<DateTimeUtc>,
    /// Of who renews it. One that stays although its lease has ended: nobody knows what became of a renewal.
    pub lease_token: Option<Uuid>,
    /// Until when nobody else renews it.
    pub lease_until: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether access is any good.
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
pub enum GrantStatus {
    /// As far as is known.
    Active,
    /// It must be given anew.
    Ended,
}

/// Why access has ended.
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
pub enum GrantEnd {
    /// The server renews it no more: somebody has withdrawn it, or it was given for a time.
    Refused,
    /// The same after a renewal of which nobody knows what became of it: the server may have counted it.
    Lost,
    /// It was given without a way to renew it.
    Expired,
}
