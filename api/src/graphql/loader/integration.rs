//! Integrations under a tenant, what is under an integration, and what stands beside its streams.

use std::collections::{HashMap, HashSet};

use domain::Actor;
use domain::backfill::{self, Backfill, BackfillFilter};
use domain::integration::{self, Integration, IntegrationList};
use domain::page::{Direction, Page, PageArguments};
use domain::quarantine::{self, Quarantine, QuarantineFilter, QuarantineParent};
use domain::stream_cursor::{self, StreamCursor};
use domain::stream_schema::{self, StreamSchema};
use uuid::Uuid;

use super::super::error::Result;
use super::batch::Loader;
use super::{List, Loaders, Reader};

/// Integrations under a tenant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Integrations(pub(in crate::graphql) IntegrationList);

impl List for Integrations {
    type Row = Integration;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Integration>>> {
        integration::pages_by_tenant(actor, parents, &self.0, page).await
    }
}

/// Backfills under an integration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Backfills {
    pub(in crate::graphql) filter: BackfillFilter,
    pub(in crate::graphql) direction: Direction,
}

impl List for Backfills {
    type Row = Backfill;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Backfill>>> {
        backfill::pages_by_integration(actor, parents, &self.filter, self.direction, page).await
    }
}

/// Quarantines under an integration or a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Quarantines {
    pub(in crate::graphql) of: QuarantineParent,
    pub(in crate::graphql) filter: QuarantineFilter,
    pub(in crate::graphql) direction: Direction,
}

impl List for Quarantines {
    type Row = Quarantine;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Quarantine>>> {
        quarantine::pages_by_parent(actor, self.of, parents, &self.filter, self.direction, page).await
    }
}

/// Where the next run of a stream begins.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CursorOf(Uuid, String);

impl Loader<CursorOf> for Reader {
    type Value = StreamCursor;

    async fn load(&self, keys: &[CursorOf]) -> Result<HashMap<CursorOf, StreamCursor>> {
        let integrations: HashSet<Uuid> = keys.iter().map(|key| key.0).collect();
        let integrations: Vec<Uuid> = integrations.into_iter().collect();
        let cursors = stream_cursor::by_integrations(&self.caller.actor(), &integrations).await?;
        Ok(cursors.into_iter().map(|((id, stream), cursor)| (CursorOf(id, stream), cursor)).collect())
    }
}

/// Which fields the records of a stream have.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SchemaOf(Uuid, String);

impl Loader<SchemaOf> for Reader {
    type Value = StreamSchema;

    async fn load(&self, keys: &[SchemaOf]) -> Result<HashMap<SchemaOf, StreamSchema>> {
        let integrations: HashSet<Uuid> = keys.iter().map(|key| key.0).collect();
        let integrations: Vec<Uuid> = integrations.into_iter().collect();
        let schemas = stream_schema::by_integrations(&self.caller.actor(), &integrations).await?;
        Ok(schemas.into_iter().map(|((id, stream), schema)| (SchemaOf(id, stream), schema)).collect())
    }
}

impl Loaders {
    /// Where the next run of a stream begins; `None` where that is the beginning.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn cursor(
        &self,
        integration_id: Uuid,
        stream: &str,
    ) -> Result<Option<StreamCursor>> {
        self.batches.load_one(CursorOf(integration_id, stream.to_owned())).await
    }

    /// Which fields the records of a stream have; `None` where no run has seen any.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn schema(
        &self,
        integration_id: Uuid,
        stream: &str,
    ) -> Result<Option<StreamSchema>> {
        self.batches.load_one(SchemaOf(integration_id, stream.to_owned())).await
    }
}
