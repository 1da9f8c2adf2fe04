//! Contacts: people and teams with a way to reach them, what they are for integrations, and which groups of failures they have.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::{contact, failure_group, integration};

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::failure_group::FailureGroupPayload;
use super::integration::Integration;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};

/// What a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "contact::ContactKind")]
pub enum ContactKind {
    /// Somebody.
    Person,
    /// Several who are reached together.
    Team,
}

/// A person or a team with a way to reach them. A tenant has its own; those of the operator are for its staff alone.
#[derive(Clone)]
pub struct Contact(pub(super) contact::Contact);

/// A person or a team with a way to reach them. A tenant has its own; those of the operator are for its staff alone.
#[Object]
impl Contact {
    /// Opaque and lasting.
    async fn id(&self) -> ID {
        id(Kind::Contact, self.0.id)
    }

    /// The tenant whose it is; null for the operator's.
    fn tenant_id(&self) -> Option<ID> {
        self.0.tenant_id.map(|tenant| id(Kind::Tenant, tenant))
    }

    /// What it is.
    fn kind(&self) -> ContactKind {
        self.0.kind.into()
    }

    /// Name for people.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Mail address.
    fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// As it is dialled.
    fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Where else, like a page or a chat.
    fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Who of those that sign in it is; null: nobody.
    fn user_id(&self) -> Option<ID> {
        self.0.user_id.map(|user| id(Kind::User, user))
    }

    /// For people.
    fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Grows by one with each change; a change names the one that it is of.
    fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was made.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// Who is what for an integration; null where there is nobody that the viewer may see.
#[derive(SimpleObject)]
pub struct IntegrationContacts {
    /// Answers for its systems and settings. Gets groups of failures of whole runs that are with the customer.
    integration_owner: Option<Contact>,
    /// Answers for its records. Gets groups of failures of records that are with the customer, and is told by mail when a
    /// quality gate holds the integration.
    data_steward: Option<Contact>,
    /// For whom it is there.
    business_sponsor: Option<Contact>,
}

impl IntegrationContacts {
    pub(super) fn of(contacts: contact::IntegrationContacts) -> Self {
        Self {
            integration_owner: contacts.integration_owner.map(Contact),
            data_steward: contacts.data_steward.map(Contact),
            business_sponsor: contacts.business_sponsor.map(Contact),
        }
    }
}

/// Which contacts a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct ContactFilter {
    /// Those of this tenant.
    tenant_id: Option<ID>,
    /// Whether they are the operator's, of whom only staff see any.
    is_operators: Option<bool>,
    /// Of this kind.
    kind: Option<ContactKind>,
    /// Text in the name, in any case; at most 200 characters.
    search: Option<String>,
}

/// By what contacts are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "contact::ContactOrder")]
pub enum ContactOrderField {
    /// By the time they were made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Order of a list of contacts; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct ContactOrder {
    /// By what.
    #[graphql(default)]
    field: ContactOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of contacts.
#[derive(Default)]
pub struct ContactQuery;

#[Object]
impl ContactQuery {
    /// Contacts: of staff everybody's, of others those of their tenants.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        filter: Option<ContactFilter>,
        order_by: Option<ContactOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Contact>> {
        let filter = filter.unwrap_or_default();
        let filter = contact::ContactFilter {
            tenant_id: optional_uuid(Kind::Tenant, filter.tenant_id.as_ref()),
            is_operators: filter.is_operators,
            kind: filter.kind.map(Into::into),
            search: filter.search,
        };
        let ContactOrder { field, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = contact::list(&actor(ctx)?, &filter, field.into(), direction.into(), &page).await?;
        Ok(Connection::new(rows, Contact))
    }
}

/// A contact to make: with an email, a phone or a url at least.
#[derive(InputObject)]
pub struct CreateContactInput {
    /// Whose it is; left out: your own tenant's, and of staff the operator's. An owner has up to 500.
    tenant_id: Option<ID>,
    /// What it is.
    kind: ContactKind,
    /// Name for people: 1 to 200 characters.
    name: String,
    /// Mail address.
    email: Option<String>,
    /// As it is dialled, at most 50 characters.
    phone: Option<String>,
    /// Where else, like a page or a chat: http or https, at most 2,000 bytes.
    url: Option<String>,
    /// Who of the owner's people it is.
    user_id: Option<ID>,
    /// For people, at most 2,000 characters.
    note: Option<String>,
}

/// What changes of a contact; what is left out stays, null clears.
#[derive(InputObject)]
pub struct UpdateContactInput {
    /// Which contact.
    contact_id: ID,
    /// The version that the change is of: another one is refused.
    version: i32,
    /// What it is.
    kind: Option<ContactKind>,
    /// Name for people: 1 to 200 characters.
    name: Option<String>,
    /// Mail address.
    email: MaybeUndefined<String>,
    /// As it is dialled, at most 50 characters.
    phone: MaybeUndefined<String>,
    /// Where else, like a page or a chat: http or https, at most 2,000 bytes.
    url: MaybeUndefined<String>,
    /// Who of the owner's people it is.
    user_id: MaybeUndefined<ID>,
    /// For people, at most 2,000 characters.
    note: MaybeUndefined<String>,
}

/// Which contact to delete.
#[derive(InputObject)]
pub struct DeleteContactInput {
    /// Which contact.
    contact_id: ID,
    /// Who takes its place, of the same owner; needed while it has a role at an integration, a rule names it, or it has a group
    /// of failures that is not over.
    replacement_id: Option<ID>,
}

/// Who is to be what for an integration; what is left out stays, null is nobody.
#[derive(InputObject)]
pub struct SetIntegrationContactsInput {
    /// Which integration.
    integration_id: ID,
    /// Answers for its systems and settings: a contact of the tenant, or for staff's eyes only one of the operator.
    integration_owner_id: MaybeUndefined<ID>,
    /// Answers for its records: a contact of the tenant, or for staff's eyes only one of the operator.
    data_steward_id: MaybeUndefined<ID>,
    /// For whom it is there: a contact of the tenant, or for staff's eyes only one of the operator.
    business_sponsor_id: MaybeUndefined<ID>,
}

/// Who is to have a group of failures.
#[derive(InputObject)]
pub struct AssignFailureGroupInput {
    /// The group. A tenant's people assign what is with them.
    group_id: ID,
    /// A contact of the tenant, or for staff's eyes only one of the operator; null: nobody.
    contact_id: Option<ID>,
    /// Why, at most 4,000 characters. The tenant reads it unless it is about a contact of the operator.
    note: Option<String>,
}

/// A contact, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct ContactPayload {
    /// The contact; null when `userErrors` is not empty.
    contact: Option<Contact>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl ContactPayload {
    fn of(result: domain::Result<contact::Contact>) -> Result<Self> {
        let (contact, user_errors) = outcome(result)?;
        Ok(Self { contact: contact.map(Contact), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteContactPayload {
    /// What was deleted; null when `userErrors` is not empty.
    deleted_contact_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// An integration whose contacts were set, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct IntegrationContactsPayload {
    /// The integration as it is now; null when `userErrors` is not empty.
    integration: Option<Integration>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl IntegrationContactsPayload {
    fn of(result: domain::Result<integration::Integration>) -> Result<Self> {
        let (integration, user_errors) = outcome(result)?;
        Ok(Self { integration: integration.map(Integration), user_errors })
    }
}

/// What is undefined stays, null clears.
fn change(kind: Kind, id: &MaybeUndefined<ID>) -> Option<Option<uuid::Uuid>> {
    match id {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(id) => Some(Some(uuid(kind, id))),
    }
}

/// Mutations of contacts.
#[derive(Default)]
pub struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Makes a contact.
    async fn create_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: CreateContactInput,
    ) -> Result<ContactPayload> {
        let new = contact::NewContact {
            tenant_id: optional_uuid(Kind::Tenant, input.tenant_id.as_ref()),
            kind: input.kind.into(),
            name: input.name,
            email: input.email,
            phone: input.phone,
            url: input.url,
            user_id: optional_uuid(Kind::User, input.user_id.as_ref()),
            note: input.note,
        };
        ContactPayload::of(contact::create(&actor(ctx)?, new).await)
    }

    /// Changes a contact.
    async fn update_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateContactInput,
    ) -> Result<ContactPayload> {
        let changes = contact::ContactChanges {
            version: input.version,
            kind: input.kind.map(Into::into),
            name: input.name,
            email: input.email.into(),
            phone: input.phone.into(),
            url: input.url.into(),
            user_id: change(Kind::User, &input.user_id),
            note: input.note.into(),
        };
        let id = uuid(Kind::Contact, &input.contact_id);
        ContactPayload::of(contact::update(&actor(ctx)?, id, changes).await)
    }

    /// Deletes a contact. What names it names the one that takes its place from then on.
    async fn delete_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact, and who takes its place.")] input: DeleteContactInput,
    ) -> Result<DeleteContactPayload> {
        let id = uuid(Kind::Contact, &input.contact_id);
        let replacement = optional_uuid(Kind::Contact, input.replacement_id.as_ref());
        let (deleted, user_errors) = outcome(contact::delete(&actor(ctx)?, id, replacement).await)?;
        Ok(DeleteContactPayload { deleted_contact_id: deleted.map(|()| input.contact_id), user_errors })
    }

    /// Says who is what for an integration. Each is a contact that the caller may read.
    async fn set_integration_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration, and who is what for it.")] input: SetIntegrationContactsInput,
    ) -> Result<IntegrationContactsPayload> {
        let roles = contact::ContactRoles {
            integration_owner_id: change(Kind::Contact, &input.integration_owner_id),
            data_steward_id: change(Kind::Contact, &input.data_steward_id),
            business_sponsor_id: change(Kind::Contact, &input.business_sponsor_id),
        };
        let id = uuid(Kind::Integration, &input.integration_id);
        IntegrationContactsPayload::of(contact::set(&actor(ctx)?, id, roles).await)
    }

    /// Gives a group of failures to somebody, or to nobody. Each is a contact that the caller may read.
    async fn assign_failure_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, and to whom.")] input: AssignFailureGroupInput,
    ) -> Result<FailureGroupPayload> {
        let id = uuid(Kind::FailureGroup, &input.group_id);
        let contact = optional_uuid(Kind::Contact, input.contact_id.as_ref());
        FailureGroupPayload::of(failure_group::assign(&actor(ctx)?, id, contact, input.note.as_deref()).await)
    }
}
