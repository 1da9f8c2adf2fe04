//! What systems can be made of.

use async_graphql::{Context, Object, SimpleObject};
use connector::Description;
use domain::connector as connectors;

use super::caller::actor;
use super::error::Result;
use super::scalar::Json;

/// Code that talks to one kind of outside system. Its schemas validate input, and a form can be rendered from them.
#[derive(Clone, SimpleObject)]
pub struct Connector {
    /// Stable name: `file`, `http`, `postgres`, `sqlite`, `webhook`, `sandbox`, …
    name: &'static str,
    /// Name for people.
    title: &'static str,
    /// One or two sentences.
    description: &'static str,
    /// Whether it can be read from.
    is_source: bool,
    /// Whether it can be written to.
    is_destination: bool,
    /// JSON Schema (draft 2020-12) of a system's `config`.
    config_schema: Json,
    /// JSON Schema (draft 2020-12) of a system's `credentials`.
    credentials_schema: Json,
    /// JSON Schema (draft 2020-12) of a stream's `source` options; null when it can't be read from.
    source_schema: Option<Json>,
    /// JSON Schema (draft 2020-12) of a stream's `destination` options; null when it can't be written to.
    destination_schema: Option<Json>,
}

impl From<&Description> for Connector {
    fn from(description: &Description) -> Self {
        Self {
            name: description.name,
            title: description.title,
            description: description.description,
            is_source: description.source_schema.is_some(),
            is_destination: description.destination_schema.is_some(),
            config_schema: description.config_schema.clone().into(),
            credentials_schema: description.credentials_schema.clone().into(),
            source_schema: description.source_schema.clone().map(Into::into),
            destination_schema: description.destination_schema.clone().map(Into::into),
        }
    }
}

/// Queries of connectors.
#[derive(Default)]
pub struct ConnectorQuery;

#[Object]
impl ConnectorQuery {
    /// Every connector, ordered by name.
    async fn connectors(&self, ctx: &Context<'_>) -> Result<Vec<Connector>> {
        Ok(connectors::list(&actor(ctx)?)?.into_iter().map(Connector::from).collect())
    }
}
