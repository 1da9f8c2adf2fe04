//! Bounds of introspection queries: whatever tools send is allowed, lists of fields inside lists of fields are not.
//! Who may introspect at all is decided by the identity.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::error::{ErrorCode, Refusal};

/// How often the lists that lead from a type to further types may stand inside one another below `__schema` or
/// `__type`. The standard query has two (`fields` with `args` does not count); the same number and lists as
/// graphql-js's `MaxIntrospectionDepthRule`.
const NESTED_LISTS_MAX: u32 = 3;

/// Refuses introspection that walks in circles. The document is within the other limits already, so walking its
/// expansion is cheap.
///
/// # Errors
/// `LIMIT_EXCEEDED`.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), Refusal> {
    for (_, operation) in document.operations.iter() {
        walk(document, &operation.node.selection_set.node, None)?;
    }
    Ok(())
}

/// `lists` is `None` outside of introspection.
fn walk(document: &ExecutableDocument, set: &SelectionSet, lists: Option<u32>) -> Result<(), Refusal> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let below = match (field.node.name.node.as_str(), lists) {
                    ("__schema" | "__type", None) => Some(0),
                    ("fields" | "interfaces" | "possibleTypes" | "inputFields", Some(lists)) => {
                        Some(lists + 1)
                    }
                    _ => lists,
                };
                if below.is_some_and(|lists| lists >= NESTED_LISTS_MAX) {
                    return Err(Refusal {
                        locations: vec![field.pos],
                        ..Refusal::limit(
                            "introspection",
                            u64::from(NESTED_LISTS_MAX - 1),
                            "The introspection query nests lists of fields too deep.".to_owned(),
                        )
                    });
                }
                walk(document, &field.node.selection_set.node, below)?;
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    walk(document, &fragment.node.selection_set.node, lists)?;
                }
            }
            Selection::InlineFragment(fragment) => walk(document, &fragment.node.selection_set.node, lists)?,
        }
    }
    Ok(())
}

/// The answer to introspection by an identity that may not.
pub(super) fn refused() -> Refusal {
    Refusal::new(
        ErrorCode::Forbidden,
        "The schema is not open to this caller: sign in with a role that may introspect (`__typename` always works).",
    )
}
