//! Which fields the records of streams have, and how that changed.

use std::collections::BTreeSet;

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use domain::stream_schema;
use uuid::Uuid;

use super::caller::loaders;
use super::error::Result;
use super::run::Run;
use super::scalar::DateTime;

/// What a field can hold, by JSON; null is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::stream_schema::FieldType")]
pub enum FieldType {
    /// `true` and `false`.
    Boolean,
    /// Whole or not.
    Number,
    /// Text, and what travels as text, like times.
    String,
    /// A list.
    Array,
    /// Fields within a field.
    Object,
}

/// A field of a stream's records.
#[derive(Clone, Debug, SimpleObject)]
pub struct StreamField {
    /// Its name.
    name: String,
    /// What it held; empty while it was only ever null.
    types: Vec<FieldType>,
    /// Every record that was looked at has it, null or not.
    always: bool,
}

/// A field that holds something else than before.
#[derive(Clone, Debug, SimpleObject)]
pub struct ChangedField {
    /// Its name.
    field: String,
    /// What it held.
    from: Vec<FieldType>,
    /// What it holds besides.
    to: Vec<FieldType>,
}

/// A change of the fields of a stream's records.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub struct SchemaChange {
    /// When a run saw it.
    at: DateTime,
    /// Fields that were not there before.
    added: Vec<String>,
    /// Fields that every record had, and none has any more.
    removed: Vec<String>,
    /// Fields of another type.
    changed: Vec<ChangedField>,
    #[graphql(skip)]
    run_id: Uuid,
}

#[ComplexObject]
impl SchemaChange {
    /// The run that saw it.
    async fn run(&self, ctx: &Context<'_>) -> Result<Run> {
        Ok(Run(loaders(ctx)?.referred(self.run_id, "run").await?))
    }
}

/// The fields of a stream's records as its source gives them, seen in the first records of each page.
#[derive(Clone, SimpleObject)]
pub struct StreamSchema {
    /// By name; the first 1,000.
    fields: Vec<StreamField>,
    /// What changed last; null when nothing did since the first run.
    last_change: Option<SchemaChange>,
}

impl From<stream_schema::StreamSchema> for StreamSchema {
    fn from(schema: stream_schema::StreamSchema) -> Self {
        let field = |(name, field): (String, stream_schema::FieldShape)| StreamField {
            name,
            types: types(field.types),
            always: field.always,
        };
        let changed = |field: stream_schema::ChangedField| ChangedField {
            field: field.field,
            from: types(field.from),
            to: types(field.to),
        };
        Self {
            fields: schema.fields.into_iter().map(field).collect(),
            last_change: schema.last_change.map(|last| SchemaChange {
                at: last.at.into(),
                added: last.change.added,
                removed: last.change.removed,
                changed: last.change.changed.into_iter().map(changed).collect(),
                run_id: last.run_id,
            }),
        }
    }
}

fn types(types: BTreeSet<stream_schema::FieldType>) -> Vec<FieldType> {
    types.into_iter().map(Into::into).collect()
}
