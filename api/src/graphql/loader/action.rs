//! What may be done about a failure, an integration or a system.

use std::collections::HashMap;

use domain::Actor;
use domain::action::{self, SuggestedAction};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, Loaders};

/// What steps are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::graphql) enum ActionsOf {
    Failure,
    Integration,
    System,
}

impl Beside for ActionsOf {
    type Value = Vec<SuggestedAction>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        match self {
            Self::Failure => action::of_failures(actor, ids).await,
            Self::Integration => action::of_integrations(actor, ids).await,
            Self::System => action::of_systems(actor, ids).await,
        }
    }
}

impl Loaders {
    /// What may be done about something.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn actions(&self, of: ActionsOf, id: Uuid) -> Result<Vec<SuggestedAction>> {
        Ok(self.beside(id, of).await?.unwrap_or_default())
    }
}
