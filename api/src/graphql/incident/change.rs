//! What staff say about incidents: that there is one, how far it is, that it is over, and what came of looking back.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::incident::{self, FollowUp, IncidentChanges, NewIncident, NewPostmortem};

use super::super::caller::actor;
use super::super::error::{Result, UserError, outcome};
use super::super::scalar::{DateTime, uuid, uuids};
use super::{Incident, IncidentFault, IncidentSeverity, IncidentStatus};

/// An incident that somebody says there is, at a host or with systems.
#[derive(InputObject)]
pub struct CreateIncidentInput {
    /// One line, for staff: 1 to 200 characters.
    title: String,
    /// Where the systems are, with a port where it is not the usual one: `api.example.com`. The systems there are hit, and
    /// those that fail there join.
    host: Option<String>,
    /// Systems of any tenants, at most 1,000.
    #[graphql(default)]
    system_ids: Vec<ID>,
    /// What is wrong.
    #[graphql(default)]
    fault: IncidentFault,
    /// How bad it is.
    #[graphql(default)]
    severity: IncidentSeverity,
    /// What those who are hit read, at most 4,000 characters; absent or null: the words of the catalogue.
    public_message: Option<String>,
    /// Name of who leads.
    commander: Option<String>,
}

/// Changes of an incident: absent is unchanged.
#[derive(InputObject)]
pub struct UpdateIncidentInput {
    /// Which incident.
    incident_id: ID,
    /// How far it is. One that is resolved stays so.
    status: Option<IncidentStatus>,
    /// How bad it is.
    severity: Option<IncidentSeverity>,
    /// One line, for staff: 1 to 200 characters.
    title: Option<String>,
    /// What those who are hit read, at most 4,000 characters; null: the words of the catalogue.
    public_message: MaybeUndefined<String>,
    /// Name of who leads; null: nobody.
    commander: MaybeUndefined<String>,
}

/// What somebody says about an incident.
#[derive(InputObject)]
pub struct AddIncidentNoteInput {
    /// Which incident.
    incident_id: ID,
    /// What is said, at most 4,000 characters.
    text: String,
    /// Whether those who are hit read it, too.
    #[graphql(default)]
    is_public: bool,
}

/// Which incident is over.
#[derive(InputObject)]
pub struct ResolveIncidentInput {
    /// Which incident.
    incident_id: ID,
    /// Why, for staff, at most 4,000 characters.
    note: Option<String>,
}

/// Something that is to be done so that an incident does not happen again.
#[derive(InputObject)]
pub struct IncidentFollowUpInput {
    /// What: one line, at most 500 characters.
    text: String,
    /// Name of who does it.
    owner: Option<String>,
    /// Until when.
    due_at: Option<DateTime>,
    /// Whether it is done.
    #[graphql(default)]
    is_done: bool,
}

/// What came of looking back at an incident, all of it.
#[derive(InputObject)]
pub struct WritePostmortemInput {
    /// Which incident.
    incident_id: ID,
    /// Markdown, at most 50,000 characters.
    body: String,
    /// Why it happened: at most 50, one line each, at most 500 characters.
    #[graphql(default)]
    causes: Vec<String>,
    /// What is to be done: at most 50.
    #[graphql(default)]
    follow_ups: Vec<IncidentFollowUpInput>,
}

/// An incident, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct IncidentPayload {
    /// The incident; null when `userErrors` is not empty.
    incident: Option<Incident>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl IncidentPayload {
    fn of(result: domain::Result<incident::Incident>) -> Result<Self> {
        let (incident, user_errors) = outcome(result)?;
        Ok(Self { incident: incident.map(Incident), user_errors })
    }
}

/// Mutations of incidents.
#[derive(Default)]
pub struct IncidentMutation;

#[Object]
impl IncidentMutation {
    /// Says that there is an incident. Those whom it hits are told.
    async fn create_incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident.")] input: CreateIncidentInput,
    ) -> Result<IncidentPayload> {
        let new = NewIncident {
            title: input.title,
            host: input.host,
            system_ids: uuids(Kind::System, &input.system_ids),
            fault: input.fault.into(),
            severity: input.severity.into(),
            public_message: input.public_message,
            commander: input.commander,
        };
        IncidentPayload::of(incident::create(&actor(ctx)?, new).await)
    }

    /// Says how far an incident is, how bad, who leads, and what those who are hit read, who are told.
    async fn update_incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident, and what changes.")] input: UpdateIncidentInput,
    ) -> Result<IncidentPayload> {
        let id = uuid(Kind::Incident, &input.incident_id);
        let changes = IncidentChanges {
            status: input.status.map(Into::into),
            severity: input.severity.map(Into::into),
            title: input.title,
            public_message: input.public_message.into(),
            commander: input.commander.into(),
        };
        IncidentPayload::of(incident::update(&actor(ctx)?, id, changes).await)
    }

    /// Says something about an incident.
    async fn add_incident_note(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident, and what is said.")] input: AddIncidentNoteInput,
    ) -> Result<IncidentPayload> {
        let id = uuid(Kind::Incident, &input.incident_id);
        IncidentPayload::of(incident::add_note(&actor(ctx)?, id, &input.text, input.is_public).await)
    }

    /// Says that an incident is over: those who were hit are told, and what waits goes on, step by step.
    async fn resolve_incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident.")] input: ResolveIncidentInput,
    ) -> Result<IncidentPayload> {
        let id = uuid(Kind::Incident, &input.incident_id);
        IncidentPayload::of(incident::resolve(&actor(ctx)?, id, input.note).await)
    }

    /// Writes what came of looking back at an incident, in place of what was written before.
    async fn write_postmortem(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The incident, and what came of it.")] input: WritePostmortemInput,
    ) -> Result<IncidentPayload> {
        let id = uuid(Kind::Incident, &input.incident_id);
        let follow_up = |follow_up: IncidentFollowUpInput| FollowUp {
            text: follow_up.text,
            owner: follow_up.owner,
            due_at: follow_up.due_at.map(|at| at.0),
            is_done: follow_up.is_done,
        };
        let new = NewPostmortem {
            body: input.body,
            causes: input.causes,
            follow_ups: input.follow_ups.into_iter().map(follow_up).collect(),
        };
        IncidentPayload::of(incident::write_postmortem(&actor(ctx)?, id, new).await)
    }
}
