//! What a document asks for of rows whose columns cost: the others are not read.

use async_graphql::Context;
use async_graphql::parser::types::{Selection, SelectionSet};
use domain::failure::FailureParts;
use domain::integration::IntegrationParts;

/// What is asked for of rows, wherever they stand in the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) failure: FailureParts,
    pub(super) integration: IntegrationParts,
}

impl Asked {
    /// By the whole document, as it stands: a list that several fragments ask for is one, and they may ask for different fields
    /// of it.
    pub(super) fn by(ctx: &Context<'_>) -> Self {
        let mut asked = Self { failure: FailureParts::NONE, integration: IntegrationParts::NONE };
        asked.add(&ctx.query_env.operation.node.selection_set.node);
        for fragment in ctx.query_env.fragments.values() {
            asked.add(&fragment.node.selection_set.node);
        }
        asked
    }

    /// What fields of these names need, of whatever object they are.
    fn add(&mut self, set: &SelectionSet) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    match field.node.name.node.as_str() {
                        "record" => self.failure.record = true,
                        "technicalDetail" => self.failure.technical_detail = true,
                        "redactions" => {
                            (self.failure.record, self.failure.technical_detail) = (true, true);
                        }
                        "responsibleParty" | "suggestedAction" => self.failure.standing = true,
                        "streams" => self.integration.streams = true,
                        "kpis" => self.integration.kpis = true,
                        _ => {}
                    }
                    self.add(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => self.add(&fragment.node.selection_set.node),
                // It is one of the document's.
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

impl Default for Asked {
    /// Everything.
    fn default() -> Self {
        Self { failure: FailureParts::ALL, integration: IntegrationParts::ALL }
    }
}
