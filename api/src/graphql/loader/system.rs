//! Systems under a tenant, and what stands beside one.

use std::collections::HashMap;

use domain::Actor;
use domain::page::{Direction, Page, PageArguments};
use domain::system::{self, System, SystemFilter, SystemOrder};
use domain::system_grant::{self, Authorization};
use domain::webhook_endpoint::{self, WebhookEndpoint};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, List, Loaders};

/// Systems under a tenant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Systems {
    pub(in crate::graphql) filter: SystemFilter,
    pub(in crate::graphql) order: SystemOrder,
    pub(in crate::graphql) direction: Direction,
}

impl List for Systems {
    type Row = System;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<System>>> {
        system::pages_by_tenant(actor, parents, &self.filter, self.order, self.direction, page).await
    }
}

/// How a system's access stands.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Authorizations;

impl Beside for Authorizations {
    type Value = Authorization;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        system_grant::by_systems(actor, ids).await
    }
}

/// Where a system sends its events to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Webhooks;

impl Beside for Webhooks {
    type Value = WebhookEndpoint;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        webhook_endpoint::by_systems(actor, ids).await
    }
}

impl Loaders {
    /// How a system's access stands; `None` where it is not had by OAuth 2.0.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn authorization(&self, system_id: Uuid) -> Result<Option<Authorization>> {
        self.beside(system_id, Authorizations).await
    }

    /// Where a system sends its events to; `None` where it sends none.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn webhook(&self, system_id: Uuid) -> Result<Option<WebhookEndpoint>> {
        self.beside(system_id, Webhooks).await
    }
}
