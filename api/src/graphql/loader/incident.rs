//! Loaders of incidents.

use std::collections::HashMap;

use domain::Actor;
use domain::incident::{self, AffectedSystem, Incident, IncidentEntry};
use domain::integration::Integration;
use domain::page::{Direction, Page, PageArguments};
use uuid::Uuid;

use super::super::asked::Asked;
use super::batch::Loader;
use super::{List, Loaders, Reader, Row};
use crate::graphql::error::Result;

impl Loaders {
    /// The incident under way that a group of failures belongs to; `None` where it belongs to none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn incident_of_group(&self, group_id: Uuid) -> Result<Option<Incident>> {
        self.batches.load_one(OfGroup(group_id)).await
    }

    /// The integrations that use a system.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn integrations_of_system(
        &self,
        system_id: Uuid,
    ) -> Result<Vec<Integration>> {
        Ok(self.batches.load_one(UsersOf(system_id)).await?.unwrap_or_default())
    }
}

impl Row for Incident {
    async fn by_ids(actor: &Actor, ids: &[Uuid], _asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        incident::by_ids(actor, ids).await
    }
}

/// The incident of a group of failures.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OfGroup(Uuid);

impl Loader<OfGroup> for Reader {
    type Value = Incident;

    async fn load(&self, keys: &[OfGroup]) -> Result<HashMap<OfGroup, Incident>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let incidents = incident::of_groups(&self.caller.actor(), &ids).await?;
        Ok(incidents.into_iter().map(|(id, incident)| (OfGroup(id), incident)).collect())
    }
}

/// The integrations of a system.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct UsersOf(Uuid);

impl Loader<UsersOf> for Reader {
    type Value = Vec<Integration>;

    async fn load(&self, keys: &[UsersOf]) -> Result<HashMap<UsersOf, Vec<Integration>>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let integrations = incident::integrations_of_systems(&self.caller.actor(), &ids).await?;
        Ok(integrations.into_iter().map(|(id, rows)| (UsersOf(id), rows)).collect())
    }
}

/// The systems that incidents hit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct AffectedSystems {
    pub(in crate::graphql) direction: Direction,
}

impl List for AffectedSystems {
    type Row = AffectedSystem;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<AffectedSystem>>> {
        incident::affected_by_incident(actor, parents, self.direction, page).await
    }
}

/// The timelines of incidents.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct IncidentTimeline {
    pub(in crate::graphql) direction: Direction,
}

impl List for IncidentTimeline {
    type Row = IncidentEntry;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<IncidentEntry>>> {
        incident::timeline_by_incident(actor, parents, self.direction, page).await
    }
}
