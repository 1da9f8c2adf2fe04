//! A message of the product in the operator's own words.

use sea_orm::entity::prelude::*;

/// A row of `word_override`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "word_override")]
pub struct Model {
    /// Of the message and the language, the same each time that it is set.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Id of the message.
    pub message: String,
    /// Tag of the language; unique with the message.
    pub locale: String,
    /// What is said in place of what is shipped.
    pub text: String,
    /// When it was set.
    pub set_at: DateTimeUtc,
    /// Name of who set it.
    pub set_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
