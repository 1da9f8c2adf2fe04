//! Reconciliations under an integration, and what is in one.

use std::collections::HashMap;

use domain::Actor;
use domain::page::{Direction, Page, PageArguments};
use domain::reconciliation::{self, Difference, ReconciledStream, Reconciliation, ReconciliationFilter};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, List, Loaders};

/// Reconciliations under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Reconciliations {
    pub(in crate::graphql) filter: ReconciliationFilter,
    pub(in crate::graphql) direction: Direction,
}

impl List for Reconciliations {
    type Row = Reconciliation;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Reconciliation>>> {
        reconciliation::pages_by_integration(actor, parents, &self.filter, self.direction, page).await
    }
}

/// Differences under a reconciliation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Differences;

impl List for Differences {
    type Row = Difference;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Difference>>> {
        reconciliation::differences(actor, parents, page).await
    }
}

/// The reconciliation that came by itself after a run.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AfterRun;

impl Beside for AfterRun {
    type Value = Reconciliation;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        reconciliation::by_runs(actor, ids).await
    }
}

/// What came of comparing the streams of a reconciliation.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Streams;

impl Beside for Streams {
    type Value = Vec<ReconciledStream>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        reconciliation::streams(actor, ids).await
    }
}

impl Loaders {
    /// The reconciliation that came by itself after a run; `None` where none did.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn reconciliation_after(
        &self,
        run_id: Uuid,
    ) -> Result<Option<Reconciliation>> {
        self.beside(run_id, AfterRun).await
    }

    /// What came of comparing the streams of a reconciliation so far.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn reconciled_streams(&self, id: Uuid) -> Result<Vec<ReconciledStream>> {
        Ok(self.beside(id, Streams).await?.unwrap_or_default())
    }
}
