//! What somebody may do about a failure, an integration or a system, from where they stand.

use async_graphql::{Enum, Object};
use domain::action;

use super::scalar::{DateTime, Json};

/// What kind of step is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::action::ActionKind")]
pub enum SuggestedActionKind {
    /// Give access to a system again: by a connect link, or with credentials.
    Reconnect,
    /// Correct the record and try it.
    EditAndRetry,
    /// Try it with what is stored.
    Retry,
    /// Leave it out.
    Skip,
    /// Change the mapping or the rules of the stream.
    MapField,
    /// Correct the options of the integration.
    ChangeIntegration,
    /// Correct the settings of a system.
    ChangeSystem,
    /// Correct the data where it comes from.
    CorrectAtSource,
    /// Put right what stands in the way where it goes to.
    CorrectAtDestination,
    /// Write what is in quarantine.
    ReleaseQuarantine,
    /// Leave out what is in quarantine.
    DiscardQuarantine,
    /// Ask whoever makes the outside system.
    AskVendor,
    /// Nothing, for now.
    Wait,
    /// Give it to others, who act next: a tenant to the operator, and staff among themselves.
    HandOver,
    /// See whether a system answers.
    TestSystem,
    /// Let an integration go on that stands still.
    ResumeIntegration,
    /// Read the source now.
    StartRun,
    /// Stop a retry that is under way.
    CancelRetry,
}

/// A step that the viewer may take from where they stand, or can ask somebody to take.
#[derive(Clone)]
pub struct SuggestedAction(pub(super) action::SuggestedAction);

/// A step that the viewer may take from where they stand, or can ask somebody to take.
#[Object]
impl SuggestedAction {
    /// What kind of step it is.
    fn kind(&self) -> SuggestedActionKind {
        self.0.kind.into()
    }

    /// For a button, in the viewer's language.
    fn label(&self) -> &str {
        &self.0.label
    }

    /// Why it helps, in the viewer's language.
    fn explanation(&self) -> &str {
        &self.0.explanation
    }

    /// Name of the mutation that does it; null for what is done elsewhere.
    fn mutation(&self) -> Option<&str> {
        self.0.mutation
    }

    /// The `input` of the mutation. It can be sent as it is, once the fields of `missingInput` are added. Null without a
    /// mutation, and where the viewer has no right to it.
    fn input(&self) -> Option<Json> {
        self.0.input.clone().map(Into::into)
    }

    /// Names of fields that are to be added to `input`, e.g. `record`.
    fn missing_input(&self) -> Vec<&'static str> {
        self.0.missing_input.to_vec()
    }

    /// Whether it would be done for this viewer now; true for what is done elsewhere.
    fn is_available(&self) -> bool {
        self.0.is_available
    }

    /// Why it would not, in the viewer's language: who can do it, or what is in the way. Null when it is available.
    fn unavailable_reason(&self) -> Option<&str> {
        self.0.unavailable_reason.as_deref()
    }

    /// WAIT: when what is waited for is tried by itself; null when nobody knows.
    fn until(&self) -> Option<DateTime> {
        self.0.until.map(Into::into)
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
    use domain::action::MUTATIONS;

    #[test]
    fn every_mutation_that_is_pressed_is_there_and_gets_what_it_asks_for() {
        let document = parse_schema(crate::graphql::sdl()).expect("the schema is GraphQL");
        let types: std::collections::HashMap<String, TypeKind> = document
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => {
                    Some((definition.node.name.node.to_string(), definition.node.kind))
                }
                _ => None,
            })
            .collect();
        let TypeKind::Object(mutations) = &types["Mutation"] else { panic!("it is an object") };
        for (name, filled) in MUTATIONS {
            let field = mutations.fields.iter().find(|field| field.node.name.node == *name);
            let field = field.unwrap_or_else(|| panic!("there is no mutation {name}"));
            assert_eq!(field.node.arguments.len(), 1, "{name} takes its input and nothing else");
            let of = field.node.arguments[0].node.ty.node.to_string();
            let TypeKind::InputObject(input) = &types[of.trim_end_matches('!')] else {
                panic!("{name} takes an input object")
            };
            for field in *filled {
                assert!(
                    input.fields.iter().any(|there| there.node.name.node == *field),
                    "the input of {name} has no {field}"
                );
            }
            for field in &input.fields {
                let field = &field.node;
                assert!(
                    field.ty.node.nullable
                        || field.default_value.is_some()
                        || filled.contains(&field.name.node.as_str()),
                    "{name} needs {}",
                    field.name.node
                );
            }
        }
    }
}
