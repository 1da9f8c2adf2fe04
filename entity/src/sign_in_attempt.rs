//! Failed sign-ins of an account or from an address, and until when further ones are refused.

use sea_orm::entity::prelude::*;

/// A row of `sign_in_attempt`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_attempt")]
pub struct Model {
    /// What is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: AttemptKind,
    /// SHA-256 of the mail address, whether anybody has it or not, or of the network.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: Vec<u8>,
    /// Failures in a row, and attempts that are being checked.
    pub failed_count: i64,
    /// When the first of them was.
    pub first_failed_at: DateTimeUtc,
    /// Until then every attempt is refused.
    pub locked_until: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What failed sign-ins are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttemptKind {
    /// The mail address that was given.
    Account,
    /// Where the caller is: an IPv4 address, or the /64 of an IPv6 address.
    Address,
}
