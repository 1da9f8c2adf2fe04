//! Every object with an id of its own, by that id.

use async_graphql::{Context, ID, Interface, Object};
use domain::id::{GlobalId, Kind};
use domain::run_event;
use domain::viewer;

use super::api_key::ApiKey;
use super::backfill::Backfill;
use super::caller::{actor, loaders};
use super::error::Result;
use super::export::Export;
use super::failure::Failure;
use super::failure_group::FailureGroup;
use super::incident::Incident;
use super::integration::Integration;
use super::invitation::Invitation;
use super::portal_key::PortalKey;
use super::portal_session::PortalSession;
use super::quarantine::Quarantine;
use super::reconciliation::Reconciliation;
use super::retry::Retry;
use super::run::Run;
use super::run_event::RunEvent;
use super::system::System;
use super::tenant::Tenant;
use super::user::User;

/// An object with an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque and lasting."))]
pub enum Node {
    /// A customer of the operator.
    Tenant(Tenant),
    /// A person who signs in.
    User(User),
    /// Somebody who was asked to come.
    Invitation(Invitation),
    /// A partner's key.
    ApiKey(ApiKey),
    /// A public key of a portal's server.
    PortalKey(PortalKey),
    /// An end user's session in a portal.
    PortalSession(PortalSession),
    /// A tenant's access to an outside system.
    System(System),
    /// What moves records.
    Integration(Integration),
    /// One execution of an integration.
    Run(Run),
    /// One thing that happened in a run.
    RunEvent(RunEvent),
    /// What did not arrive.
    Failure(Failure),
    /// Failures of one cause.
    FailureGroup(FailureGroup),
    /// A bulk retry.
    Retry(Retry),
    /// A range of a stream that is read once more.
    Backfill(Backfill),
    /// A page that was kept from being written.
    Quarantine(Quarantine),
    /// Both ends of an integration, compared.
    Reconciliation(Reconciliation),
    /// An outside system that is in trouble for several tenants.
    Incident(Incident),
    /// All that a query finds, in one file.
    Export(Export),
}

/// Queries by id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Any object by its id, with the permission that reading it needs; null when there is none that the viewer may
    /// see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The object's id.")] id: ID,
    ) -> Option<Result<Node>> {
        find(ctx, &id).await.transpose()
    }
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    // Nobody learns even that an id is malformed before signing in.
    let actor = actor(ctx)?;
    viewer::get(&actor)?;
    let Ok(GlobalId { kind, uuid }) = id.parse::<GlobalId>() else { return Ok(None) };
    let loaders = loaders(ctx)?;
    Ok(match kind {
        Kind::Tenant => loaders.row(uuid).await?.map(|row| Node::Tenant(Tenant(row))),
        Kind::User => loaders.row(uuid).await?.map(|row| Node::User(User(row))),
        Kind::Invitation => loaders.row(uuid).await?.map(|row| Node::Invitation(Invitation(row))),
        Kind::ApiKey => loaders.row(uuid).await?.map(|row| Node::ApiKey(ApiKey(row))),
        Kind::PortalKey => loaders.row(uuid).await?.map(|row| Node::PortalKey(PortalKey(row))),
        Kind::PortalSession => loaders.row(uuid).await?.map(|row| Node::PortalSession(PortalSession(row))),
        Kind::System => loaders.row(uuid).await?.map(|row| Node::System(System(row))),
        Kind::Integration => loaders.row(uuid).await?.map(|row| Node::Integration(Integration(row))),
        Kind::Run => loaders.row(uuid).await?.map(|row| Node::Run(Run(row))),
        Kind::RunEvent => run_event::get(&actor, uuid).await?.map(|row| Node::RunEvent(RunEvent(row))),
        Kind::Failure => loaders.row(uuid).await?.map(|row| Node::Failure(Failure(row))),
        Kind::FailureGroup => loaders.row(uuid).await?.map(|row| Node::FailureGroup(FailureGroup(row))),
        Kind::Retry => loaders.row(uuid).await?.map(|row| Node::Retry(Retry(row))),
        Kind::Backfill => loaders.row(uuid).await?.map(|row| Node::Backfill(Backfill(row))),
        Kind::Quarantine => loaders.row(uuid).await?.map(|row| Node::Quarantine(Quarantine(row))),
        Kind::Reconciliation => loaders.row(uuid).await?.map(|row| Node::Reconciliation(Reconciliation(row))),
        Kind::Incident => loaders.row(uuid).await?.map(|row| Node::Incident(Incident(row))),
        Kind::Export => loaders.row(uuid).await?.map(|row| Node::Export(Export(row))),
        // Nobody but its owner sees one, under `viewer`.
        Kind::Session => None,
        // Read in its list only: what an entry is worth is told by those around it.
        Kind::AuditEntry => None,
        // Read in their list only.
        Kind::IdentityProvider | Kind::KillSwitch | Kind::HealthAlert | Kind::HealthTargetChange => None,
        // Read by `runbook`, which has those that ship with the product, too.
        Kind::Runbook => None,
        // Has no place of its own: `words` lists what it is of.
        Kind::WordOverride => None,
        // Read under its integration only.
        Kind::SyntheticResult => None,
        Kind::Notice | Kind::NoticeChannel | Kind::NoticePolicy | Kind::NoticeDelivery => None,
        // Read in their list only.
        Kind::EscalationPolicy => None,
        Kind::Contact | Kind::OwnershipRule => None,
    })
}
