//! Who is what for an integration: its owner, the steward of its data and its sponsor. Each is a contact of the tenant, or one
//! of the operator, whom only staff see there.

use std::collections::HashMap;

use entity::integration_contact::{self, ContactRole};
use entity::{contact, integration};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::{Contact, of_tenant_or_operator};
use crate::actor::Actor;
use crate::audit::names;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{Kind, new_id};
use crate::integration::{Integration, Status};
use crate::permission::Permission;
use crate::scope::TxScope;
use crate::system::is_foreign_key_violation;
use crate::validation::Problems;

/// Who is what for one integration, as far as the viewer may know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrationContacts {
    /// Answers for its systems and settings.
    pub integration_owner: Option<Contact>,
    /// Answers for its records.
    pub data_steward: Option<Contact>,
    /// For whom it is there.
    pub business_sponsor: Option<Contact>,
}

/// Who is to be what: `None` stays, `Some(None)` is nobody; nil for an id that can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContactRoles {
    /// Answers for its systems and settings.
    pub integration_owner_id: Option<Option<Uuid>>,
    /// Answers for its records.
    pub data_steward_id: Option<Option<Uuid>>,
    /// For whom it is there.
    pub business_sponsor_id: Option<Option<Uuid>>,
}

/// Who is what for each of these integrations, in two statements.
///
/// # Errors
/// Denied without `contacts:read`.
pub async fn by_integrations(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, IntegrationContacts>> {
    let scope = actor.authorize(Permission::ContactRead)?;
    let named = scope
        .find::<integration_contact::Entity>()
        .filter(integration_contact::Column::IntegrationId.is_in(ids.iter().copied()))
        .all()
        .await?;
    let mut found: HashMap<Uuid, IntegrationContacts> = HashMap::new();
    if named.is_empty() {
        return Ok(found);
    }
    let contacts = scope
        .find::<contact::Entity>()
        .filter(contact::Column::Id.is_in(named.iter().map(|row| row.contact_id)))
        .all()
        .await?;
    let contacts: HashMap<Uuid, Contact> = contacts.into_iter().map(|row| (row.id, row)).collect();
    for row in named {
        let contact = contacts.get(&row.contact_id).cloned();
        let of = found.entry(row.integration_id).or_default();
        match row.role {
            ContactRole::IntegrationOwner => of.integration_owner = contact,
            ContactRole::DataSteward => of.data_steward = contact,
            ContactRole::BusinessSponsor => of.business_sponsor = contact,
        }
    }
    Ok(found)
}

/// Says who is what for an integration.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: `NOT_FOUND` integrationId; `NOT_FOUND` integrationOwnerId,
/// dataStewardId, businessSponsorId: one that the caller does not see, or of another tenant; `CONFLICT` integrationId when it is
/// archived.
pub async fn set(actor: &Actor, id: Uuid, roles: ContactRoles) -> Result<Integration> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let not_found = || Error::not_found("integrationId", "integration");
    let row = scope.find::<integration::Entity>().of_id(integration::Column::Id, id).one().await?;
    let row = row.ok_or_else(not_found)?;
    let ContactRoles { integration_owner_id, data_steward_id, business_sponsor_id } = roles;
    let roles = [
        (ContactRole::IntegrationOwner, "integrationOwnerId", integration_owner_id),
        (ContactRole::DataSteward, "dataStewardId", data_steward_id),
        (ContactRole::BusinessSponsor, "businessSponsorId", business_sponsor_id),
    ];
    let mut problems = Problems::default();
    for (_role, field, contact) in roles {
        if let Some(Some(contact)) = contact
            && of_tenant_or_operator(actor, &scope, row.tenant_id, contact).await?.is_none()
        {
            problems.add(ProblemCode::NotFound, field, "no contact has this id");
        }
    }
    problems.check()?;
    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    // First of all, so that of two who do this at once one waits for the other.
    let mut changed = tx
        .update::<integration::Entity>()
        .col_expr(integration::Column::UpdatedAt, Expr::value(tx.app().clock().now()))
        .filter(integration::Column::Id.eq(id))
        .filter(integration::Column::Status.ne(Status::Archived))
        .exec_with_returning(tx.connection())
        .await
        .doing("storing who is what for an integration")?;
    let Some(integration) = changed.pop() else {
        let message = "this integration is archived; it does not change any more";
        return Err(Error::conflict("integrationId", message));
    };
    for (role, _field, contact) in roles {
        if let Some(contact) = contact {
            name(&tx, id, role, contact).await?;
        }
    }
    let [one, two, three] = roles.map(|(_role, field, contact)| (field, contact.is_some()));
    tx.about(Kind::Integration, id).detail(names([one, two, three])).commit().await?;
    Ok(integration)
}

async fn name(tx: &TxScope, integration_id: Uuid, role: ContactRole, contact: Option<Uuid>) -> Result<()> {
    let doing = "storing who is what for an integration";
    tx.delete::<integration_contact::Entity>()
        .filter(integration_contact::Column::IntegrationId.eq(integration_id))
        .filter(integration_contact::Column::Role.eq(role))
        .exec(tx.connection())
        .await
        .doing(doing)?;
    if let Some(contact_id) = contact {
        let tenant_id = tx.tenant_id();
        let row = integration_contact::Model { id: new_id(), tenant_id, integration_id, role, contact_id };
        tx.insert::<integration_contact::Entity>(row, doing).await.map_err(|error| {
            let message = "a contact was deleted meanwhile; look at it again";
            if is_foreign_key_violation(&error) { Error::conflict("integrationId", message) } else { error }
        })?;
    }
    Ok(())
}
