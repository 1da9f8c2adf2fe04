//! Contacts, and who is what for integrations.

use std::collections::HashMap;

use domain::Actor;
use domain::contact::{self, Contact, IntegrationContacts};
use uuid::Uuid;

use super::super::asked::Asked;
use super::batch::Loader;
use super::{Loaders, Reader, Row};
use crate::graphql::error::Result;

impl Row for Contact {
    async fn by_ids(actor: &Actor, ids: &[Uuid], _asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        contact::by_ids(actor, ids).await
    }
}

/// Who is what for an integration.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ContactsOf(Uuid);

impl Loader<ContactsOf> for Reader {
    type Value = IntegrationContacts;

    async fn load(&self, keys: &[ContactsOf]) -> Result<HashMap<ContactsOf, Self::Value>> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let found = contact::by_integrations(&self.caller.actor(), &ids).await?;
        Ok(found.into_iter().map(|(id, contacts)| (ContactsOf(id), contacts)).collect())
    }
}

impl Loaders {
    /// Who is what for an integration.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn integration_contacts(
        &self,
        integration_id: Uuid,
    ) -> Result<IntegrationContacts> {
        Ok(self.batches.load_one(ContactsOf(integration_id)).await?.unwrap_or_default())
    }
}
