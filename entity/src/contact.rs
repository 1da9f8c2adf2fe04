//! People and teams with a way to reach them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// A row of `contact`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that owns it; `None` for the operator's.
    pub tenant_id: Option<Uuid>,
    /// What it is.
    pub kind: ContactKind,
    /// Name for people.
    pub name: String,
    /// Mail address, lower case.
    pub email: Option<String>,
    /// As it is dialled.
    pub phone: Option<String>,
    /// Where else, like a page or a chat.
    pub url: Option<String>,
    /// Who of those that sign in it is.
    pub user_id: Option<Uuid>,
    /// For people.
    pub note: Option<String>,
    /// Grows by one with each change.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// When it was last changed.
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a contact is.
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
pub enum ContactKind {
    /// Somebody.
    Person,
    /// Several who are reached together.
    Team,
}
