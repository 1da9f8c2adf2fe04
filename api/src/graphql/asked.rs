//! What a document asks for of rows: of the other columns nothing is read.

use async_graphql::Context;
use async_graphql::parser::types::{OperationType, Selection, SelectionSet};
use async_graphql::registry::{MetaType, Registry};
use domain::failure::FailureParts;
use domain::integration::IntegrationParts;
use domain::run::RunParts;

/// What is asked for of rows, wherever they stand in the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) failure: FailureParts,
    pub(super) integration: IntegrationParts,
    pub(super) run: RunParts,
}

impl Asked {
    /// By the whole document, as it stands: a list that several fragments ask for is one, and they may ask for different fields
    /// of it.
    pub(super) fn by(ctx: &Context<'_>) -> Self {
        let mut asked =
            Self { failure: FailureParts::NONE, integration: IntegrationParts::NONE, run: RunParts::NONE };
        let fields = Fields::of(&ctx.schema_env.registry);
        asked.add(&fields, &ctx.query_env.operation.node.selection_set.node);
        for fragment in ctx.query_env.fragments.values() {
            asked.add(&fields, &fragment.node.selection_set.node);
        }
        // What listens looks at rows itself, to tell which of them it is asked for.
        if ctx.query_env.operation.node.ty != OperationType::Query {
            asked.failure = asked.failure.and_all_columns();
            asked.integration = asked.integration.and_all_columns();
            asked.run = RunParts::ALL;
        }
        asked
    }

    /// What fields of these names need, of whatever object they are.
    fn add(&mut self, fields: &Fields<'_>, set: &SelectionSet) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    if has(fields.failure, name) {
                        self.failure = self.failure.and(name);
                    }
                    if has(fields.integration, name) {
                        self.integration = self.integration.and(name);
                    }
                    if has(fields.run, name) {
                        self.run = self.run.and(name);
                    }
                    // They are of a failure, and look at its run.
                    if name == "clues" {
                        self.run = RunParts::ALL;
                    }
                    self.add(fields, &field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.add(fields, &fragment.node.selection_set.node),
                // It is one of the document's.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

impl Default for Asked {
    /// Everything.
    fn default() -> Self {
        Self { failure: FailureParts::ALL, integration: IntegrationParts::ALL, run: RunParts::ALL }
    }
}

/// The objects whose rows are looked at.
struct Fields<'a> {
    failure: Option<&'a MetaType>,
    integration: Option<&'a MetaType>,
    run: Option<&'a MetaType>,
}

impl<'a> Fields<'a> {
    fn of(registry: &'a Registry) -> Self {
        let of = |name| registry.types.get(name);
        Self { failure: of("Failure"), integration: of("Integration"), run: of("Run") }
    }
}

/// Whether an object has a field of this name; so it is taken of one that is not known.
fn has(object: Option<&MetaType>, field: &str) -> bool {
    object.and_then(MetaType::fields).is_none_or(|fields| fields.contains_key(field))
}
