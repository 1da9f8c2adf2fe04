//! What somebody may do about a failure, from where they stand: each step with its words, the mutation that it presses and
//! the input for it, and whether that would be done for them now. Deliberately absent: doing it, which is the mutation's.

mod place;
mod plan;
mod step;
#[cfg(test)]
#[expect(clippy::panic, reason = "a test fails by panicking")]
mod tests;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::user::Role;
use entity::{failure, integration, system};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::failure::{is_record, is_removal, is_whole};
use crate::failure_group;
use crate::permission::{Audience, Permission, PermissionSet, audience};
use crate::words::Language;
use crate::{retry, system_grant};

use self::place::{FailureState, Places};

pub use self::step::MUTATIONS;

/// What kind of step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionKind {
    /// Give access to a system again.
    Reconnect,
    /// Correct the record and try it.
    EditAndRetry,
    /// Try it with what is stored.
    Retry,
    /// Leave it out.
    Skip,
    /// Change the mapping or the rules of the stream.
    MapField,
    /// Correct the options of the integration.
    ChangeIntegration,
    /// Correct the settings of a system.
    ChangeSystem,
    /// Correct the data where it comes from.
    CorrectAtSource,
    /// Put right what stands in the way where it goes to.
    CorrectAtDestination,
    /// Write what is in quarantine.
    ReleaseQuarantine,
    /// Leave out what is in quarantine.
    DiscardQuarantine,
    /// Ask whoever makes the outside system.
    AskVendor,
    /// Nothing, for now.
    Wait,
    /// Give it to others, who act next.
    HandOver,
    /// See whether a system answers.
    TestSystem,
    /// Let an integration go on.
    ResumeIntegration,
    /// Read the source now.
    StartRun,
    /// Stop a retry that is under way.
    CancelRetry,
}

/// A step that somebody may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedAction {
    /// What kind of step it is.
    pub kind: ActionKind,
    /// For a button, in the viewer's words.
    pub label: String,
    /// Why it helps, in the viewer's words.
    pub explanation: String,
    /// The mutation that does it; `None` for what is done elsewhere.
    pub mutation: Option<&'static str>,
    /// Its input; `None` without a mutation, and to viewers whom the mutation is not for.
    pub input: Option<Value>,
    /// Fields that are still to be added to the input.
    pub missing_input: &'static [&'static str],
    /// Whether it would be done for this viewer now.
    pub is_available: bool,
    /// Why not, in the viewer's words.
    pub unavailable_reason: Option<String>,
    /// When what is waited for is tried by itself; `None`: nobody knows, or nothing is waited for.
    pub until: Option<DateTime<Utc>>,
}

/// Who looks, at something of one tenant.
#[derive(Clone, Copy, Debug)]
struct Onlooker {
    role: Role,
    /// What they may do in general.
    has: PermissionSet,
    /// Whether their rights to change something rest, because the tenant is suspended.
    is_suspended: bool,
}

impl Onlooker {
    fn audience(self) -> Audience {
        audience(self.role)
    }

    fn may(self, permission: Permission) -> bool {
        self.has.contains(permission) && !(self.is_suspended && permission.writes())
    }
}

/// What may be done about failures, by id, what helps most first; of those that the caller may see.
///
/// # Errors
/// Denied without `failures:read`.
pub async fn of_failures(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<SuggestedAction>>> {
    let scope = actor.authorize(Permission::FailureRead)?;
    let rows = scope.find::<failure::Entity>().of_ids(failure::Column::Id, ids.iter().copied()).all().await?;
    let integrations = rows.iter().map(|row| row.integration_id);
    let places = Places::read(&scope, integrations).await?;
    let quarantines =
        place::held_quarantines(&scope, rows.iter().filter_map(|row| row.quarantine_id)).await?;
    let whole = rows.iter().filter(|row| is_whole(row)).map(|row| row.run_id);
    let outlived = place::outlived_runs(&scope, whole, &places).await?;
    let groups: HashSet<Uuid> = rows.iter().filter_map(|row| row.group_id).collect();
    let standings = failure_group::standings(&scope, groups).await?;
    let language = actor.language();
    let found = rows.into_iter().filter_map(|row| {
        let place = places.of(row.integration_id)?;
        let group = row.group_id.and_then(|id| standings.get(&id)).copied();
        let party = group.map_or(row.responsible_party, |group| group.party);
        let state = FailureState {
            id: row.id,
            status: row.status,
            has_record: row.record.is_some(),
            why_no_retry: if is_record(&row) || is_removal(&row) {
                None
            } else if is_whole(&row) {
                outlived.contains(&row.run_id).then_some("not-when-range-outlived")
            } else if row.code == retry::MALFORMED && row.record.is_some() {
                Some("not-when-malformed")
            } else {
                Some("not-without-record")
            },
            retry_id: row.retry_id,
            quarantine_id: row.quarantine_id.filter(|id| quarantines.contains(id)),
            responsible_party: failure_group::seen_party(actor, party, &row.code),
            group,
            code: row.code,
        };
        let onlooker = onlooker(actor, row.tenant_id)?;
        let steps = plan::of_failure(onlooker.audience(), &state, &place);
        Some((row.id, shown(onlooker, &language, steps, Some(&state), &place)))
    });
    Ok(found.collect())
}

/// What may be done about integrations that stand still or soon will, by id, what helps most first; nothing where they run
/// as they should. How their systems are is told to who may see systems.
///
/// # Errors
/// Denied without `integrations:read`.
pub async fn of_integrations(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<SuggestedAction>>> {
    let scope = actor.authorize(Permission::IntegrationRead)?;
    let places = Places::read(&scope, ids.iter().copied()).await?;
    let sees_systems = actor.may(Permission::SystemRead);
    let language = actor.language();
    let found = ids.iter().filter_map(|id| {
        let mut place = places.of(*id)?;
        if !sees_systems {
            (place.source, place.destination) = (None, None);
        }
        let onlooker = onlooker(actor, place.integration.as_ref()?.tenant_id)?;
        let steps = plan::of_integration(&place);
        Some((*id, shown(onlooker, &language, steps, None, &place)))
    });
    Ok(found.collect())
}

/// What may be done about systems that can't be used as they should be, by id, what helps most first; nothing where they
/// can.
///
/// # Errors
/// Denied without `systems:read`.
pub async fn of_systems(actor: &Actor, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<SuggestedAction>>> {
    let scope = actor.authorize(Permission::SystemRead)?;
    let systems =
        scope.find::<system::Entity>().of_ids(system::Column::Id, ids.iter().copied()).all().await?;
    let authorizations = system_grant::by_systems(actor, ids).await?;
    let language = actor.language();
    let found = systems.into_iter().filter_map(|row| {
        let onlooker = onlooker(actor, row.tenant_id)?;
        let authorization = authorizations.get(&row.id);
        let place = place::of_system(scope.app(), &row);
        let steps = plan::of_system(&place, authorization);
        Some((row.id, shown(onlooker, &language, steps, None, &place)))
    });
    Ok(found.collect())
}

fn onlooker(actor: &Actor, tenant_id: Uuid) -> Option<Onlooker> {
    // Of a suspended tenant its people may change nothing, whatever it is: one permission tells for all.
    let writes = actor.permissions().iter().find(|permission| permission.writes());
    let is_suspended = writes
        .is_some_and(|permission| !actor.authorize(permission).is_ok_and(|scope| scope.contains(tenant_id)));
    Some(Onlooker { role: actor.role()?, has: actor.permissions(), is_suspended })
}

fn shown(
    onlooker: Onlooker,
    language: &Language,
    steps: Vec<step::Step>,
    failure: Option<&FailureState>,
    place: &place::Place,
) -> Vec<SuggestedAction> {
    steps.into_iter().filter_map(|step| step.show(onlooker, language, failure, place)).collect()
}

/// Rows by id.
fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, T> {
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

/// Whether an integration's options and mapping are of its own: those that are archived change no more.
fn is_archived(integration: &integration::Model) -> bool {
    integration.status == integration::IntegrationStatus::Archived
}
