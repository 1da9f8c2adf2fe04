//! Failures under something, and what stands beside one.

use std::collections::HashMap;

use domain::Actor;
use domain::exchange::{self, Exchange};
use domain::failure::{self, Failure, FailureList, FailureParent};
use domain::page::{Page, PageArguments};
use domain::reveal::{self, Reveal};
use domain::runbook::{self, Runbook};
use uuid::Uuid;

use super::super::error::Result;
use super::batch::Loader;
use super::{Beside, List, Loaders, Reader};

/// Failures under a tenant, an integration, a run, a quarantine or a group.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Failures {
    pub(in crate::graphql) of: FailureParent,
    pub(in crate::graphql) list: FailureList,
}

impl List for Failures {
    type Row = Failure;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Failure>>> {
        failure::pages_by_parent(actor, self.of, parents, &self.list, page).await
    }
}

/// The reveals of a failure.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reveals;

impl Beside for Reveals {
    type Value = Vec<Reveal>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        reveal::by_failures(actor, ids).await
    }
}

/// The runbooks of a failure.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Runbooks;

impl Beside for Runbooks {
    type Value = Vec<Runbook>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        runbook::by_failures(actor, ids).await
    }
}

/// The request that a failure came of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ExchangeOf(exchange::OfFailure);

impl Loader<ExchangeOf> for Reader {
    type Value = Exchange;

    async fn load(&self, keys: &[ExchangeOf]) -> Result<HashMap<ExchangeOf, Exchange>> {
        let of: Vec<exchange::OfFailure> = keys.iter().map(|key| key.0).collect();
        let exchanges = exchange::by_failures(&self.caller.actor(), &of).await?;
        Ok(exchanges.into_iter().map(|(of, exchange)| (ExchangeOf(of), exchange)).collect())
    }
}

impl Loaders {
    /// The latest reveals of a failure.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn reveals(&self, failure_id: Uuid) -> Result<Vec<Reveal>> {
        Ok(self.beside(failure_id, Reveals).await?.unwrap_or_default())
    }

    /// The runbooks of a failure.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn runbooks(&self, failure_id: Uuid) -> Result<Vec<Runbook>> {
        Ok(self.beside(failure_id, Runbooks).await?.unwrap_or_default())
    }

    /// The request that a failure came of, with its reply; `None` when it is gone.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn exchange(&self, of: exchange::OfFailure) -> Result<Option<Exchange>> {
        self.batches.load_one(ExchangeOf(of)).await
    }
}
