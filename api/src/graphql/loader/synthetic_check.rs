//! Synthetic checks of integrations, and what came of them.

use std::collections::HashMap;

use domain::Actor;
use domain::page::{Direction, Page, PageArguments};
use domain::synthetic_check::{self, SyntheticCheck, SyntheticResult, SyntheticResultFilter as Filter};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, List, Loaders};

/// Results under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct SyntheticResults {
    pub(in crate::graphql) filter: Filter,
    pub(in crate::graphql) direction: Direction,
}

impl List for SyntheticResults {
    type Row = SyntheticResult;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<SyntheticResult>>> {
        synthetic_check::results_by_integrations(actor, parents, &self.filter, self.direction, page).await
    }
}

/// The check of an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CheckOf;

impl Beside for CheckOf {
    type Value = SyntheticCheck;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        synthetic_check::by_integrations(actor, ids).await
    }
}

impl Loaders {
    /// The check of an integration; `None` where it has none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn synthetic_check(
        &self,
        integration_id: Uuid,
    ) -> Result<Option<SyntheticCheck>> {
        self.beside(integration_id, CheckOf).await
    }
}
