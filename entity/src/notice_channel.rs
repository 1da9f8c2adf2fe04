//! Where notices of a tenant, or of the operator, go to.

use sea_orm::entity::prelude::*;

use crate::string_list::StringList;

/// A row of `notice_channel`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_channel")]
pub struct Model {
    /// UUIDv7; of a default one made of its owner's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it; `None` for the operator's.
    pub tenant_id: Option<Uuid>,
    /// Name for people.
    pub name: String,
    /// How it is reached.
    pub kind: NoticeChannelKind,
    /// Whether anything is sent there.
    pub status: NoticeChannelStatus,
    /// Why nothing is.
    pub status_reason: Option<String>,
    /// WEBHOOK: where it is; of SLACK the host alone, because the rest is a secret.
    pub url: Option<String>,
    /// WEBHOOK: what is signed with, SLACK: the URL; encrypted JSON. `None` for EMAIL.
    pub sealed_secret: Option<Vec<u8>>,
    /// WEBHOOK: until when signatures by the secret before are sent, too.
    pub previous_secret_until: Option<DateTimeUtc>,
    /// EMAIL: to whom.
    #[sea_orm(column_type = "JsonBinary")]
    pub addresses: StringList,
    /// EMAIL: also to whoever administers the tenant, or the platform.
    pub to_admins: bool,
    /// It is there by itself, and can't be deleted.
    pub is_default: bool,
    /// Since when nothing arrives there.
    pub failing_since: Option<DateTimeUtc>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed by a person or the system.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a channel is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeChannelKind {
    /// A signed request, by Standard Webhooks.
    Webhook,
    /// A mail.
    Email,
    /// An incoming webhook of Slack, or of something that takes the same.
    Slack,
}

/// Whether anything is sent to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeChannelStatus {
    /// It is.
    Active,
    /// It is not, until somebody activates it: the receiver is gone, has failed for a day, or a person turned it off.
    Disabled,
}
