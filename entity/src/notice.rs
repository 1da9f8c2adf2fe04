//! What a channel is told at once, of one occasion or of many.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::occasion::OccasionKind;

/// A row of `notice`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    /// UUIDv7; receivers know a notice that comes twice by it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that is told; `None` for the operator.
    pub tenant_id: Option<Uuid>,
    /// The policy that tells it; `None` where none has to: tests, and channels that do not work.
    pub policy_id: Option<Uuid>,
    /// Its name then.
    pub policy_name: Option<String>,
    /// Where it is told.
    pub channel_id: Uuid,
    /// Its name then.
    pub channel_name: String,
    /// Of how many it tells.
    pub kind: NoticeKind,
    /// SINGLE: what happened.
    pub occasion_kind: Option<OccasionKind>,
    /// The integration that all of it is about, if it is one.
    pub integration_id: Option<Uuid>,
    /// What it tells; of many the first ones.
    #[sea_orm(column_type = "JsonBinary")]
    pub items: NoticeItemList,
    /// Of how many occasions it tells.
    pub item_count: i64,
    /// Why it was not sent at once.
    pub waits_for: Option<NoticeWait>,
    /// When it is sent that waits.
    pub due_at: Option<DateTimeUtc>,
    /// When it was given to be delivered; `None` while it collects.
    pub sent_at: Option<DateTimeUtc>,
    /// When its first occasion came.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Of how many occasions a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeKind {
    /// Of one.
    Single,
    /// Of those that came meanwhile.
    Digest,
    /// Of none: somebody tries the channel.
    Test,
}

/// Why a notice was not sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeWait {
    /// Its policy tells everything together.
    Digest,
    /// It came in quiet hours.
    QuietHours,
    /// There were as many in an hour as its policy allows.
    Cap,
}

/// What a notice tells, in one JSON column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct NoticeItemList(pub Vec<NoticeItem>);

/// One occasion, in the words of whoever is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeItem {
    /// What it was; `None` for a test.
    pub kind: Option<OccasionKind>,
    /// Whether it says that something is over.
    pub is_recovery: bool,
    /// When it happened.
    pub at: DateTimeUtc,
    /// Whom it concerns.
    pub tenant_id: Option<Uuid>,
    /// Their name then.
    pub tenant_name: Option<String>,
    /// The integration.
    pub integration_id: Option<Uuid>,
    /// Its name then.
    pub integration_name: Option<String>,
    /// The system, where it is about one.
    pub system_id: Option<Uuid>,
    /// Its name then.
    pub system_name: Option<String>,
    /// The run.
    pub run_id: Option<Uuid>,
    /// A failure that shows what it is about.
    pub failure_id: Option<Uuid>,
    /// The group of failures.
    pub group_id: Option<Uuid>,
    /// The incident.
    pub incident_id: Option<Uuid>,
    /// Of the error catalogue.
    pub code: Option<String>,
    /// Records concerned, where that is known.
    pub count: Option<i64>,
    /// Records in the business's own terms, some of them.
    pub references: Vec<String>,
    /// One line.
    pub title: String,
    /// What happened.
    pub summary: String,
    /// Who acts; `None` where nobody has to.
    pub acts: Option<String>,
    /// What they do.
    pub action: Option<String>,
    /// Where to look; `None` where the installation has no address.
    pub link: Option<String>,
}
