//! Loaders: what many fields of one answer ask for is read in one statement, with the rights of the request's
//! caller. They batch and don't remember, so nothing is stale after a mutation or in a long subscription. What is loaded
//! stands in a file a noun; here is how.

mod action;
mod batch;
mod contact;
mod escalation;
mod failure;
mod failure_group;
mod health;
mod incident;
mod integration;
mod kpi;
mod notice;
mod reconciliation;
mod retention;
mod row;
mod run;
mod synthetic_check;
mod system;

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use async_graphql::Context;
use domain::Actor;
use domain::page::{Page, PageArguments};
use uuid::Uuid;

pub(super) use self::action::ActionsOf;
use self::batch::{Batches, Loader};
pub(super) use self::failure::Failures;
pub(super) use self::failure_group::{FailureGroupActivities, FailureGroups};
pub(super) use self::health::{HealthAlerts, HealthOwner, HealthTargetChanges, MetricsIn, SeriesOf};
pub(super) use self::integration::{Backfills, Integrations, Quarantines};
pub(super) use self::reconciliation::{Differences, Reconciliations};
pub(super) use self::run::{Events, EventsBetween, Logs, Runs, Slices};
pub(super) use self::synthetic_check::SyntheticResults;
pub(super) use self::system::Systems;
use super::asked::Asked;
use super::caller::Caller;
use super::error::{ResolverError, Result};
use super::page;

pub(super) use self::incident::{AffectedSystems, IncidentTimeline};

/// The loaders of one request.
pub struct Loaders {
    batches: Batches<Reader>,
    asked: Arc<OnceLock<Asked>>,
}

impl Loaders {
    /// For a request of this caller.
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        let asked = Arc::<OnceLock<Asked>>::default();
        Self { batches: Batches::new(Reader { caller, asked: asked.clone() }), asked }
    }

    /// Notes what the document asks for of rows.
    pub(super) fn ask(&self, ctx: &Context<'_>) {
        self.asked.get_or_init(|| Asked::by(ctx));
    }

    /// What the document asks for of rows: everything, where nobody has said.
    pub(super) fn asked(&self) -> Asked {
        self.asked.get().copied().unwrap_or_default()
    }

    /// A row by its id; `None` when there is none that the caller may see.
    ///
    /// # Errors
    /// What the domain's `by_ids` refuses.
    pub(super) async fn row<T: Row>(&self, id: Uuid) -> Result<Option<T>> {
        self.batches.load_one((id, PhantomData)).await
    }

    /// A row that another one refers to.
    ///
    /// # Errors
    /// As [`row`](Self::row); `INTERNAL` when it is not there.
    pub(super) async fn referred<T: Row>(&self, id: Uuid, what: &'static str) -> Result<T> {
        self.row(id).await?.ok_or_else(|| ResolverError::dangling(what))
    }

    /// Rows by id, in the order of the ids, those that the caller may see.
    ///
    /// # Errors
    /// As [`row`](Self::row).
    pub(super) async fn rows<T: Row>(&self, ids: &[Uuid]) -> Result<Vec<T>> {
        let keys: Vec<_> = ids.iter().map(|id| (*id, PhantomData)).collect();
        Ok(self.batches.load_many(&keys).await?.into_iter().flatten().collect())
    }

    /// A page of a list under a row.
    ///
    /// # Errors
    /// What the domain's list refuses.
    pub(super) async fn page<L: List>(
        &self,
        parent: Uuid,
        list: L,
        page: PageArguments,
    ) -> Result<Page<L::Row>> {
        let key = Nested { parent, list, page };
        match self.batches.load_one(key.clone()).await? {
            Some(page) => page,
            None => Ok(page::empty(&key.page)),
        }
    }

    /// What stands beside a row; `None` where nothing does.
    async fn beside<B: Beside>(&self, id: Uuid, what: B) -> Result<Option<B::Value>> {
        self.batches.load_one(Aside { id, what }).await?.transpose()
    }
}

/// Rows that can be read by many ids at once.
pub(super) trait Row: Clone + Send + Sync + 'static {
    fn by_ids(
        actor: &Actor,
        ids: &[Uuid],
        asked: Asked,
    ) -> impl Future<Output = domain::Result<HashMap<Uuid, Self>>> + Send;
}

/// A list under a row, which can be read for many such rows at once.
pub(super) trait List: Clone + Eq + Hash + Send + Sync + 'static {
    /// What it lists.
    type Row: Clone + Send + Sync + 'static;

    fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> impl Future<Output = domain::Result<HashMap<Uuid, Page<Self::Row>>>> + Send;
}

/// What stands beside a row, and can be read for many such rows at once. Its own fields are what else is asked: rows are
/// read together where these are the same.
trait Beside: Clone + Eq + Hash + Send + Sync + 'static {
    /// What it is.
    type Value: Clone + Send + Sync + 'static;

    fn by_ids(
        &self,
        actor: &Actor,
        ids: &[Uuid],
    ) -> impl Future<Output = domain::Result<HashMap<Uuid, Self::Value>>> + Send;
}

/// Reads for the caller of one request.
struct Reader {
    caller: Arc<Caller>,
    asked: Arc<OnceLock<Asked>>,
}

impl<T: Row> Loader<(Uuid, PhantomData<fn() -> T>)> for Reader {
    type Value = T;

    async fn load(
        &self,
        keys: &[(Uuid, PhantomData<fn() -> T>)],
    ) -> Result<HashMap<(Uuid, PhantomData<fn() -> T>), T>> {
        let ids: Vec<Uuid> = keys.iter().map(|(id, _)| *id).collect();
        let asked = self.asked.get().copied().unwrap_or_default();
        let rows = T::by_ids(&self.caller.actor(), &ids, asked).await?;
        Ok(rows.into_iter().map(|(id, row)| ((id, PhantomData), row)).collect())
    }
}

/// A page of a list under a row.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Nested<L> {
    parent: Uuid,
    list: L,
    page: PageArguments,
}

impl<L: List> Loader<Nested<L>> for Reader {
    /// Lists are refused one by one: a bad cursor in one field is no fault of the others.
    type Value = Result<Page<L::Row>>;

    async fn load(&self, keys: &[Nested<L>]) -> Result<HashMap<Nested<L>, Self::Value>> {
        let groups = grouped(keys.iter().map(|key| ((&key.list, &key.page), key.parent)));
        let actor = self.caller.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for ((list, page), parents) in groups {
            let key = |parent| Nested { parent, list: list.clone(), page: page.clone() };
            fill(&mut values, list.pages(&actor, &parents, page).await, &parents, key);
        }
        Ok(values)
    }
}

/// What stands beside a row.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Aside<B> {
    id: Uuid,
    what: B,
}

impl<B: Beside> Loader<Aside<B>> for Reader {
    /// They are refused one by one: too many hours in one field are no fault of the others.
    type Value = Result<B::Value>;

    async fn load(&self, keys: &[Aside<B>]) -> Result<HashMap<Aside<B>, Self::Value>> {
        let groups = grouped(keys.iter().map(|key| (&key.what, key.id)));
        let actor = self.caller.actor();
        let mut values = HashMap::with_capacity(keys.len());
        for (what, ids) in groups {
            let key = |id| Aside { id, what: what.clone() };
            fill(&mut values, what.by_ids(&actor, &ids).await, &ids, key);
        }
        Ok(values)
    }
}

/// Ids by what else is asked with them.
fn grouped<K: Eq + Hash>(keys: impl Iterator<Item = (K, Uuid)>) -> HashMap<K, Vec<Uuid>> {
    let mut groups: HashMap<K, Vec<Uuid>> = HashMap::new();
    keys.for_each(|(key, id)| groups.entry(key).or_default().push(id));
    groups
}

/// Answers those of a group, or refuses all of them.
fn fill<K: Eq + Hash, V>(
    values: &mut HashMap<K, Result<V>>,
    found: domain::Result<HashMap<Uuid, V>>,
    ids: &[Uuid],
    key: impl Fn(Uuid) -> K,
) {
    match found {
        Ok(found) => values.extend(found.into_iter().map(|(id, value)| (key(id), Ok(value)))),
        Err(error) => {
            let error = ResolverError::from(error);
            values.extend(ids.iter().map(|id| (key(*id), Err(error.clone()))));
        }
    }
}
