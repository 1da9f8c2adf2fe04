//! Incidents: an outside system that is down for many. Staff lead them; a tenant reads that it is hit, in neutral words, and
//! nothing of others.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

mod change;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::incident::{self, FollowUp, Inside};

pub use self::change::IncidentMutation;

use super::caller::{actor, loaders};
use super::error::{Result, filter_text};
use super::integration::Integration;
use super::loader::{AffectedSystems, IncidentTimeline};
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};
use super::system::System;
use super::tenant::Tenant;

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::incident::IncidentStatus")]
pub enum IncidentStatus {
    /// Nobody knows yet why.
    Investigating,
    /// The cause is known.
    Identified,
    /// The system answers again: what waited goes on, step by step.
    Monitoring,
    /// It is over.
    Resolved,
}

/// What is wrong with an outside system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::incident::IncidentFault")]
pub enum IncidentFault {
    /// It does not answer in time, refuses connections, or says that it can't.
    #[default]
    Unavailable,
    /// It takes no more requests.
    RateLimited,
}

/// How bad an incident is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::incident::IncidentSeverity")]
pub enum IncidentSeverity {
    /// It can wait.
    Minor,
    /// It can't.
    #[default]
    Major,
    /// Everything else can.
    Critical,
}

/// What happened in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::incident_entry::IncidentEntryKind")]
pub enum IncidentEntryKind {
    /// It was found, or somebody said that there is one.
    Detected,
    /// It hits more.
    Affected,
    /// Its status changed.
    Status,
    /// What those who are hit read was written.
    PublicMessage,
    /// Somebody said something.
    Note,
    /// A run that it had ended tried the system.
    Probe,
    /// Systems answer again.
    Recovered,
    /// What came of looking back was written.
    Postmortem,
}

/// An outside system that is in trouble for several tenants at once. Fields for the operator's staff are null to others.
#[derive(Clone)]
pub struct Incident(pub(super) incident::Incident);

impl Incident {
    fn inside(&self) -> Option<&Inside> {
        self.0.inside.as_ref()
    }
}

/// An outside system that is in trouble for several tenants at once. Fields for the operator's staff are null to others.
#[Object]
impl Incident {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Incident, self.0.id)
    }

    /// One line: to a tenant a neutral one.
    fn title(&self) -> &str {
        &self.0.title
    }

    /// What those who are hit read: by the operator's staff, or the words of the catalogue until they have written some.
    fn public_message(&self) -> &str {
        &self.0.public_message
    }

    /// How far it is.
    fn status(&self) -> IncidentStatus {
        self.0.status.into()
    }

    /// Since when.
    fn status_at(&self) -> DateTime {
        self.0.status_at.into()
    }

    /// When the first attempt failed; to a tenant, of its own systems.
    fn started_at(&self) -> DateTime {
        self.0.started_at.into()
    }

    /// When it was found, or somebody said that there is one.
    fn detected_at(&self) -> DateTime {
        self.0.detected_at.into()
    }

    /// When it was resolved; null while it is not.
    fn resolved_at(&self) -> Option<DateTime> {
        self.0.resolved_at.map(Into::into)
    }

    /// The systems that it hits, of those that the viewer may see: a tenant reads its own. In the order in which they were hit.
    async fn affected(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<AffectedSystem>> {
        let list = AffectedSystems { direction: OrderDirection::Asc.into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, AffectedSystem))
    }

    /// What was found, done and said, newest first. Those who are hit read what is meant for them.
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<IncidentEntry>> {
        let list = IncidentTimeline { direction: OrderDirection::Desc.into() };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, IncidentEntry))
    }

    /// Where the systems are, e.g. `api.example.com` or `db.example.com:5432`; null where somebody named systems, and to
    /// others than staff.
    fn host(&self) -> Option<&str> {
        self.inside()?.host.as_deref()
    }

    /// Connector of the system that was hit first. For staff.
    fn connector_name(&self) -> Option<&str> {
        self.inside()?.connector.as_deref()
    }

    /// What is wrong there. For staff.
    fn fault(&self) -> Option<IncidentFault> {
        Some(self.inside()?.fault.into())
    }

    /// How bad it is. For staff.
    fn severity(&self) -> Option<IncidentSeverity> {
        Some(self.inside()?.severity.into())
    }

    /// Name of who leads. For staff.
    fn commander(&self) -> Option<&str> {
        self.inside()?.commander.as_deref()
    }

    /// How many tenants it hits. For staff.
    fn tenant_count(&self) -> Option<i32> {
        Some(self.inside()?.tenant_count)
    }

    /// How many systems it hits. For staff.
    fn system_count(&self) -> Option<i32> {
        Some(self.inside()?.system_count)
    }

    /// Name of who said that there is one; null where it was found. For staff.
    fn created_by(&self) -> Option<&str> {
        self.inside()?.created_by.as_deref()
    }

    /// What came of looking back; null until that is written. For staff.
    fn postmortem(&self) -> Option<IncidentPostmortem> {
        self.inside()?.postmortem.clone().map(IncidentPostmortem::of)
    }
}

/// A system that an incident hits.
#[derive(Clone)]
pub struct AffectedSystem(incident::AffectedSystem);

/// A system that an incident hits.
#[Object]
impl AffectedSystem {
    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// The system; null when it was deleted since.
    async fn system(&self, ctx: &Context<'_>) -> Option<Result<System>> {
        let row = async { loaders(ctx)?.row(self.0.system_id).await };
        row.await.transpose().map(|row| row.map(System))
    }

    /// The integrations that use it, without archived ones.
    async fn integrations(&self, ctx: &Context<'_>) -> Result<Vec<Integration>> {
        let rows = loaders(ctx)?.integrations_of_system(self.0.system_id).await?;
        Ok(rows.into_iter().map(Integration).collect())
    }

    /// When it was hit first, or named.
    fn first_seen_at(&self) -> DateTime {
        self.0.first_seen_at.into()
    }

    /// When an attempt failed because of it last; null: none has.
    fn last_failed_at(&self) -> Option<DateTime> {
        self.0.last_failed_at.map(Into::into)
    }

    /// Since when it answers again; null while it does not.
    fn recovered_at(&self) -> Option<DateTime> {
        self.0.recovered_at.map(Into::into)
    }
}

/// Something that happened in an incident.
#[derive(Clone)]
pub struct IncidentEntry(incident::IncidentEntry);

/// Something that happened in an incident.
#[Object]
impl IncidentEntry {
    /// When.
    fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// What.
    fn kind(&self) -> IncidentEntryKind {
        self.0.kind.into()
    }

    /// The status from then on, of a change of it.
    fn status(&self) -> Option<IncidentStatus> {
        self.0.status.map(Into::into)
    }

    /// In words.
    fn text(&self) -> &str {
        &self.0.text
    }

    /// Who did it; null for Trestle itself. Staff are not named to a tenant.
    fn actor_name(&self) -> Option<&str> {
        self.0.actor_name.as_deref()
    }

    /// Whether those who are hit read it, too.
    fn is_public(&self) -> bool {
        self.0.is_public
    }
}

/// What came of looking back at an incident.
#[derive(Clone, Debug, SimpleObject)]
pub struct IncidentPostmortem {
    /// Markdown.
    body: String,
    /// Why it happened.
    causes: Vec<String>,
    /// What is to be done so that it does not again.
    follow_ups: Vec<IncidentFollowUp>,
    /// When it was written last.
    written_at: DateTime,
    /// Who wrote it.
    written_by: String,
}

/// Something that is to be done so that an incident does not happen again.
#[derive(Clone, Debug, SimpleObject)]
pub struct IncidentFollowUp {
    /// What.
    text: String,
    /// Name of who does it.
    owner: Option<String>,
    /// Until when.
    due_at: Option<DateTime>,
    /// Whether it is done.
    is_done: bool,
}

impl IncidentPostmortem {
    fn of(postmortem: incident::Postmortem) -> Self {
        let follow_up = |follow_up: FollowUp| IncidentFollowUp {
            text: follow_up.text,
            owner: follow_up.owner,
            due_at: follow_up.due_at.map(Into::into),
            is_done: follow_up.is_done,
        };
        Self {
            body: postmortem.body,
            causes: postmortem.causes,
            follow_ups: postmortem.follow_ups.into_iter().map(follow_up).collect(),
            written_at: postmortem.written_at.into(),
            written_by: postmortem.written_by,
        }
    }
}

/// Which incidents a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct IncidentFilter {
    /// One of these.
    status: Option<Vec<IncidentStatus>>,
    /// Whether they are under way.
    open: Option<bool>,
    /// At this host, as `Incident.host` has it. For staff.
    host: Option<String>,
    /// That hit a system of this tenant.
    tenant_id: Option<ID>,
}

impl IncidentFilter {
    fn decode(self) -> domain::Result<incident::IncidentFilter> {
        Ok(incident::IncidentFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            open: self.open,
            host: self.host.map(filter_text).transpose()?.map(|host| host.to_lowercase()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
        })
    }
}

/// By what incidents are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum IncidentOrderField {
    /// By the time they were found.
    #[default]
    DetectedAt,
}

/// Order of a list of incidents; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct IncidentOrder {
    /// By what.
    #[graphql(default)]
    field: IncidentOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of incidents.
#[derive(Default)]
pub struct IncidentQuery;

#[Object]
impl IncidentQuery {
    /// One incident; null when there is none that the viewer may see.
    async fn incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident's id.")] id: ID,
    ) -> Option<Result<Incident>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Incident, &id)).await };
        row.await.transpose().map(|row| row.map(Incident))
    }

    /// Incidents: to staff all, to others those that hit systems of their tenants.
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        filter: Option<IncidentFilter>,
        order_by: Option<IncidentOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Incident>> {
        let filter = filter.unwrap_or_default().decode()?;
        let IncidentOrder { field: IncidentOrderField::DetectedAt, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = incident::list(&actor(ctx)?, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, Incident))
    }
}
