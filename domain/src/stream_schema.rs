//! Which fields the records of streams have, and what of it changed last, as people read it. What runs see of it stands in
//! `background`.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::stream_schema;
use pipeline::{Shape, ShapeChange};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Doing, Result};
use crate::permission::Permission;

pub use pipeline::{ChangedField, FieldShape, FieldType};

/// What is done with what a row knows.
pub(crate) const KNOWN: &str = "reading the fields of a stream";
/// Names in a sentence, of each kind.
const NAMED_MAX: usize = 5;

/// The fields of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSchema {
    /// By name.
    pub fields: Vec<(String, FieldShape)>,
    /// What changed last; `None` when nothing did since the first run.
    pub last_change: Option<SchemaChange>,
}

/// A change of a stream's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaChange {
    /// When a run saw it.
    pub at: DateTime<Utc>,
    /// The run that saw it.
    pub run_id: Uuid,
    /// What is different.
    pub change: ShapeChange,
}

/// The fields of the streams of these integrations that the caller may see, as far as runs have seen them.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn by_integrations(
    actor: &Actor,
    integrations: &[Uuid],
) -> Result<HashMap<(Uuid, String), StreamSchema>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let of_these = stream_schema::Column::IntegrationId.is_in(integrations.iter().copied());
    let rows = scope.find::<stream_schema::Entity>().filter(of_these).all().await?;
    rows.into_iter().map(|row| Ok(((row.integration_id, row.stream.clone()), read(row)?))).collect()
}

fn read(row: stream_schema::Model) -> Result<StreamSchema> {
    let shape: Shape = serde_json::from_value(row.fields).doing(KNOWN)?;
    let last_change = match (row.last_change, row.changed_at, row.changed_by_run_id) {
        (Some(change), Some(at), Some(run_id)) => {
            Some(SchemaChange { at, run_id, change: serde_json::from_value(change).doing(KNOWN)? })
        }
        _ => None,
    };
    Ok(StreamSchema { fields: shape.0.into_iter().collect(), last_change })
}

/// What is different, as a sentence.
pub(crate) fn words(stream: &str, change: &ShapeChange) -> String {
    let list = |what: &str, names: Vec<String>| {
        let more = names.len().saturating_sub(NAMED_MAX);
        let mut named = names.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        (!named.is_empty()).then(|| format!("{what} {named}"))
    };
    let types =
        |types: &BTreeSet<FieldType>| types.iter().map(FieldType::to_string).collect::<Vec<_>>().join(" or ");
    let changed = change
        .changed
        .iter()
        .map(|field| format!("`{}` (from {} to {})", field.field, types(&field.from), types(&field.to)));
    let quoted = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let parts: Vec<String> = [
        list("added", quoted(&change.added)),
        list("removed", quoted(&change.removed)),
        list("of another type", changed.collect()),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("The source of `{stream}` has other fields: {}.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use pipeline::{ChangedField, FieldType, ShapeChange};

    use super::words;

    #[test]
    fn a_change_is_a_sentence() {
        let change = ShapeChange {
            added: (1..=7).map(|number| format!("a{number}")).collect(),
            removed: vec!["r".to_owned()],
            changed: vec![ChangedField {
                field: "c".to_owned(),
                from: [FieldType::Number].into(),
                to: [FieldType::String, FieldType::Array].into(),
            }],
        };
        assert_eq!(
            words("orders", &change),
            "The source of `orders` has other fields: added `a1`, `a2`, `a3`, `a4`, `a5` and 2 more; removed `r`; \
             of another type `c` (from number to string or array)."
        );
    }
}
