//! Which steps help, and which of them most: by the code of the failure, and by how things stand. Whether somebody may take
//! them stands in `step`.

use entity::failure::{FailureStatus, ResponsibleParty};
use entity::integration::IntegrationStatus;
use entity::system::SystemStatus;

use super::place::{End, FailureState, Place};
use super::step::{Step, Waiting};
use crate::catalogue;
use crate::failure_group::is_ours;
use crate::permission::Audience;
use crate::system_grant::{Authorization, AuthorizationStatus, Grant};

/// For a failure.
pub(super) fn of_failure(audience: Audience, failure: &FailureState, place: &Place) -> Vec<Step> {
    match failure.status {
        FailureStatus::Open => {}
        FailureStatus::Retrying => {
            let mut steps = vec![Step::Wait(Waiting::Retry)];
            // A retry of a whole run is not one that can be canceled by itself.
            steps.extend(failure.retry_id.map(|_| Step::CancelRetry));
            return steps;
        }
        FailureStatus::Resolved | FailureStatus::Skipped | FailureStatus::Superseded => return Vec::new(),
    }
    let mut steps = by_code(failure, place);
    let with = failure.responsible_party;
    match audience {
        // What is with us is with us; which of us is nobody's business.
        Audience::Customer if is_ours(with) => {
            let is_usual = catalogue::entry(&failure.code).responsible_party == ResponsibleParty::Support;
            let at = if is_usual { steps.len() } else { 0 };
            wait(&mut steps, at, Waiting::Us);
        }
        Audience::Customer if with == ResponsibleParty::Customer => steps.push(Step::HandOverToUs),
        Audience::Customer => {}
        Audience::Support if with == ResponsibleParty::Engineering => {
            wait(&mut steps, 0, Waiting::Engineering);
        }
        Audience::Support => steps.push(Step::HandOver(ResponsibleParty::Engineering)),
        Audience::Engineer if with == ResponsibleParty::Support => {}
        Audience::Engineer => steps.push(Step::HandOver(ResponsibleParty::Support)),
    }
    // What is in quarantine is decided about there, which lets the integration go on, too.
    if failure.code != QUARANTINED || failure.quarantine_id.is_none() {
        // What stands still takes no retry: it goes on first.
        let at = steps.iter().position(|step| *step == Step::Retry).unwrap_or(steps.len());
        steps.splice(at..at, standstill(place));
    }
    steps
}

const QUARANTINED: &str = "record.quarantined";

/// Puts what is waited for at its place; who waits for people does not wait for a system besides.
fn wait(steps: &mut Vec<Step>, at: usize, waiting: Waiting) {
    steps.insert(at, Step::Wait(waiting));
    steps.retain(|step| !matches!(step, Step::Wait(Waiting::System(_))));
}

fn by_code(failure: &FailureState, place: &Place) -> Vec<Step> {
    use Step::{
        AskVendor, ChangeIntegration, ChangeSystem, CorrectAtDestination, CorrectAtSource, EditAndRetry,
        MapField, Reconnect, Retry, Skip, StartRun, TestSystem,
    };
    let (of, kind) = failure.code.split_once('.').unwrap_or(("platform", "internal"));
    let end = if of == "source" { End::Source } else { End::Destination };
    let correct = if of == "source" { CorrectAtSource } else { CorrectAtDestination };
    match (of, kind) {
        (_, "quarantined") => match failure.quarantine_id {
            Some(id) => vec![Step::ReleaseQuarantine(id), Step::DiscardQuarantine(id)],
            None => vec![Retry, Skip],
        },
        ("record", "mapping_failed") => vec![MapField, Retry, EditAndRetry, Skip],
        ("record", "missing_reference") => vec![Retry, EditAndRetry, CorrectAtSource, Skip],
        ("record", "duplicate_across_slices") => vec![CorrectAtSource, StartRun, Skip],
        ("record", _) => vec![EditAndRetry, CorrectAtSource, MapField, Retry, Skip],
        ("source", "malformed") if failure.has_record => vec![CorrectAtSource, StartRun, EditAndRetry, Skip],
        ("source", "malformed") => vec![CorrectAtSource, StartRun, Retry, Skip],
        ("source" | "destination", "unauthorized") => match place.system(end).map(|system| system.status) {
            // Somebody has done it already.
            Some(SystemStatus::Healthy) => vec![Retry, TestSystem(end), Reconnect(end), Skip],
            _ => vec![Reconnect(end), TestSystem(end), Retry, Skip],
        },
        ("source" | "destination", "not_found") => vec![correct, ChangeIntegration, Retry, Skip],
        ("source" | "destination", "rate_limited" | "unavailable" | "timeout" | "stalled") => {
            let system = place.system(end);
            let is_back = system
                .is_some_and(|system| system.status == SystemStatus::Healthy && !system.is_left_alone());
            let wait = Step::Wait(Waiting::System(end));
            if is_back {
                vec![Retry, TestSystem(end), wait, AskVendor, Skip]
            } else {
                vec![wait, TestSystem(end), Retry, AskVendor, Skip]
            }
        }
        ("source" | "destination", "forbidden") => vec![ChangeSystem(end), Retry, Skip],
        ("source" | "destination", "misconfigured") => {
            vec![ChangeIntegration, ChangeSystem(end), Retry, Skip]
        }
        ("destination", "malformed") => vec![ChangeSystem(end), TestSystem(end), Retry, AskVendor, Skip],
        ("destination", "rejected") => vec![EditAndRetry, CorrectAtSource, MapField, Retry, Skip],
        ("destination", "removal_refused") => vec![CorrectAtDestination, StartRun, Skip],
        // A conflict, what a reconciliation found, and faults of ours.
        _ => vec![Retry, Skip],
    }
}

/// What lets an integration go on that stands still.
fn standstill(place: &Place) -> Vec<Step> {
    let Some(integration) = place.integration else { return Vec::new() };
    match (integration.status, integration.quarantine_id) {
        (IntegrationStatus::Held | IntegrationStatus::Paused, Some(id)) => {
            vec![Step::ReleaseQuarantine(id), Step::DiscardQuarantine(id), Step::ResumeIntegration]
        }
        (IntegrationStatus::Held | IntegrationStatus::Paused, None) => vec![Step::ResumeIntegration],
        (IntegrationStatus::Active | IntegrationStatus::Archived, _) => Vec::new(),
    }
}

/// For an integration.
pub(super) fn of_integration(place: &Place) -> Vec<Step> {
    if place.integration.is_none_or(|integration| integration.status == IntegrationStatus::Archived) {
        return Vec::new();
    }
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut seen = None;
    for end in [End::Source, End::Destination] {
        let Some(system) = place.system(end) else { continue };
        // Some integrations read and write the same system.
        if seen.replace(system.id) == Some(system.id) {
            continue;
        }
        if system.status == SystemStatus::ReauthRequired {
            first.extend([Step::Reconnect(end), Step::TestSystem(end)]);
        } else if system.is_left_alone() {
            last.extend([Step::Wait(Waiting::System(end)), Step::TestSystem(end)]);
        }
    }
    first.extend(standstill(place));
    first.extend(last);
    first
}

/// For a system.
pub(super) fn of_system(place: &Place, authorization: Option<&Authorization>) -> Vec<Step> {
    let Some(system) = place.other else { return Vec::new() };
    let end = End::Other;
    let lacks_access = authorization.is_some_and(|authorization| {
        authorization.grant == Grant::AuthorizationCode
            && authorization.status != AuthorizationStatus::Connected
    });
    if system.status == SystemStatus::ReauthRequired || lacks_access {
        return vec![Step::Reconnect(end), Step::TestSystem(end)];
    }
    if system.is_left_alone() {
        return vec![Step::Wait(Waiting::System(end)), Step::TestSystem(end)];
    }
    match system.status {
        SystemStatus::Failing => vec![Step::TestSystem(end), Step::ChangeSystem(end)],
        SystemStatus::Untested => vec![Step::TestSystem(end)],
        SystemStatus::Healthy | SystemStatus::ReauthRequired => Vec::new(),
    }
}
