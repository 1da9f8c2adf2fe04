//! For how long history is kept.

use std::collections::HashMap;

use domain::Actor;
use domain::retention::{self, Retention};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, Loaders};

/// Of a tenant.
#[derive(Clone, PartialEq, Eq, Hash)]
struct KeptOf;

impl Beside for KeptOf {
    type Value = Vec<Retention>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        retention::by_tenants(actor, ids).await
    }
}

impl Loaders {
    /// For how long each kind is kept of a tenant.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn retention(&self, tenant_id: Uuid) -> Result<Vec<Retention>> {
        Ok(self.beside(tenant_id, KeptOf).await?.unwrap_or_default())
    }
}
