//! A mail that is to be sent: stored together with the change that it tells of, so that neither is without the other.

use sea_orm::entity::prelude::*;

/// A row of `mail`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What it is.
    pub kind: MailKind,
    /// The invitation that it is about.
    pub subject_id: Option<Uuid>,
    /// Whether it has gone.
    pub status: MailStatus,
    /// Who gets what, with its token, encrypted; `None` once it is finished.
    pub sealed_letter: Option<Vec<u8>>,
    /// How often a worker took it; also the fence of the worker that has it.
    pub attempt_count: i64,
    /// When it may be taken next.
    pub available_at: DateTimeUtc,
    /// From then on it is of no use to anybody.
    pub expires_at: DateTimeUtc,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was sent or given up.
    pub finished_at: Option<DateTimeUtc>,
    /// Why the last attempt failed, for the operator.
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MailKind {
    /// To come in.
    Invitation,
    /// A way to a new password.
    PasswordReset,
    /// A link by which a new mail address proves that it is read.
    EmailConfirmation,
    /// That something of their access changed.
    Notice,
}

/// Whether a mail has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MailStatus {
    /// It waits, or is being sent.
    Queued,
    /// The mail server took it.
    Sent,
    /// It was tried often enough, refused for good, or too late.
    GivenUp,
}
