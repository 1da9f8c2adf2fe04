//! What happened in a run.

use async_graphql::{ID, Object};
use domain::id::Kind;
use domain::run_event;

use super::scalar::{DateTime, Json, id};
use super::viewer::Audience;

/// One thing that happened in a run, in the standard taxonomy.
#[derive(Clone)]
pub struct RunEvent(pub(super) run_event::RunEvent);

/// One thing that happened in a run, in the standard taxonomy.
#[Object]
impl RunEvent {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::RunEvent, self.0.id)
    }

    /// When it happened.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// One of the taxonomy, e.g. `run.started`, `source.page_read`, `record.rejected`, `run.finished`.
    async fn r#type(&self) -> &str {
        &self.0.r#type
    }

    /// Who may read it.
    fn audience(&self) -> Audience {
        self.0.audience.into()
    }

    /// What acted: `api`, `scheduler`, `worker`, `source`, `mapping`, `quality`, `destination`.
    fn component(&self) -> &str {
        &self.0.component
    }

    /// Key of the record in the business's own terms; null when it is about no single record.
    fn business_reference(&self) -> Option<&str> {
        self.0.business_reference.as_deref()
    }

    /// One sentence.
    fn message(&self) -> &str {
        &self.0.message
    }

    /// Details, an object.
    fn attributes(&self) -> Json {
        self.0.attributes.clone().into()
    }
}
