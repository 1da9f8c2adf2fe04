//! Groups of failures under something, and what stands beside one.

use std::collections::HashMap;

use domain::Actor;
use domain::failure_group::{
    self, FailureGroup, FailureGroupActivity, FailureGroupFilter, FailureGroupHour, FailureGroupOrder,
    FailureGroupParent,
};
use domain::page::{Direction, Page, PageArguments};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, List, Loaders};

/// Groups of failures under a tenant or an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct FailureGroups {
    pub(in crate::graphql) of: FailureGroupParent,
    pub(in crate::graphql) filter: FailureGroupFilter,
    pub(in crate::graphql) order: FailureGroupOrder,
    pub(in crate::graphql) direction: Direction,
}

impl List for FailureGroups {
    type Row = FailureGroup;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<FailureGroup>>> {
        let (of, filter) = (self.of, &self.filter);
        failure_group::pages_by_parent(actor, of, parents, filter, self.order, self.direction, page).await
    }
}

/// What was done with a group of failures.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct FailureGroupActivities {
    pub(in crate::graphql) direction: Direction,
}

impl List for FailureGroupActivities {
    type Row = FailureGroupActivity;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<FailureGroupActivity>>> {
        failure_group::activity_pages_by_group(actor, parents, self.direction, page).await
    }
}

/// Failures of a group in each of so many hours.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Hours(i64);

impl Beside for Hours {
    type Value = Vec<FailureGroupHour>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        failure_group::series(actor, ids, self.0).await
    }
}

impl Loaders {
    /// Failures of a group in each of the last hours.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn group_series(
        &self,
        group_id: Uuid,
        hours: i64,
    ) -> Result<Vec<FailureGroupHour>> {
        Ok(self.beside(group_id, Hours(hours)).await?.unwrap_or_default())
    }
}
