//! One step: its words, the mutation that it presses with its input, and whether that would be done for who looks.

use chrono::{DateTime, Utc};
use entity::failure::ResponsibleParty;
use entity::integration::IntegrationStatus;
use entity::user::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::place::{End, FailureState, Place};
use super::{ActionKind, Onlooker, SuggestedAction};
use crate::id::{GlobalId, Kind};
use crate::permission::{Audience, Grant, Permission, is_staff};
use crate::words::{Argument, Language};

/// Every mutation that steps press, with all fields of its input that they fill in or ask for. A test of the API compares
/// them with its schema.
pub const MUTATIONS: &[(&str, &[&str])] = &[
    ("createConnectLink", &["systemId"]),
    ("updateSystem", &["systemId", "credentials", "config"]),
    ("testSystem", &["systemId"]),
    ("updateIntegration", &["integrationId", "streams"]),
    ("resumeIntegration", &["integrationId"]),
    ("startRun", &["integrationId"]),
    ("editAndRetryFailure", &["failureId", "record"]),
    ("retryFailures", &["failureIds"]),
    ("skipFailures", &["failureIds", "reason"]),
    ("releaseQuarantine", &["quarantineId"]),
    ("discardQuarantine", &["quarantineId", "note"]),
    ("cancelRetry", &["retryId"]),
    ("handOverFailureGroup", &["groupId", "to", "note"]),
];

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    System(End),
    Us,
    Engineering,
    Retry,
}

/// A step that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Reconnect(End),
    TestSystem(End),
    ChangeSystem(End),
    ChangeIntegration,
    MapField,
    EditAndRetry,
    Retry,
    Skip,
    CorrectAtSource,
    CorrectAtDestination,
    StartRun,
    ReleaseQuarantine(Uuid),
    DiscardQuarantine(Uuid),
    ResumeIntegration,
    Wait(Waiting),
    CancelRetry,
    AskVendor,
    HandOverToUs,
    HandOver(ResponsibleParty),
}

/// What a step presses.
struct Press {
    mutation: &'static str,
    permission: Permission,
    input: Value,
    missing: &'static [&'static str],
    /// The message that says why it would be refused.
    refused: Option<&'static str>,
}

impl Step {
    /// As somebody sees it; `None` where it is not theirs to know of.
    pub(super) fn show(
        self,
        onlooker: Onlooker,
        language: &Language,
        failure: Option<&FailureState>,
        place: &Place,
    ) -> Option<SuggestedAction> {
        let press = match self.press(onlooker, failure, place) {
            Pressed::Elsewhere => None,
            Pressed::Here(press) => Some(press),
            Pressed::Nowhere => return None,
        };
        // How an integration is built is told to those who build it, and to staff.
        if matches!(self, Self::MapField | Self::ChangeIntegration)
            && onlooker.audience() == Audience::Customer
            && !onlooker.may(Permission::IntegrationWrite)
        {
            return None;
        }
        let arguments = self.arguments(place);
        let id = self.message();
        let label = language.tell(id, arguments.clone());
        let explanation = language.tell(&self.why(place), arguments);
        let has = press.as_ref().is_some_and(|press| onlooker.may(press.permission));
        let why_not = press
            .as_ref()
            .and_then(|press| if has { press.refused } else { Some(who_can(onlooker, press.permission)) });
        Some(SuggestedAction {
            kind: self.kind(),
            label,
            explanation,
            mutation: press.as_ref().map(|press| press.mutation),
            missing_input: press.as_ref().map_or(&[], |press| press.missing),
            input: press.map(|press| press.input).filter(|_| has),
            is_available: why_not.is_none(),
            unavailable_reason: why_not.map(|id| language.say(id)),
            until: self.until(place),
        })
    }

    fn kind(self) -> ActionKind {
        match self {
            Self::Reconnect(_) => ActionKind::Reconnect,
            Self::TestSystem(_) => ActionKind::TestSystem,
            Self::ChangeSystem(_) => ActionKind::ChangeSystem,
            Self::ChangeIntegration => ActionKind::ChangeIntegration,
            Self::MapField => ActionKind::MapField,
            Self::EditAndRetry => ActionKind::EditAndRetry,
            Self::Retry => ActionKind::Retry,
            Self::Skip => ActionKind::Skip,
            Self::CorrectAtSource => ActionKind::CorrectAtSource,
            Self::CorrectAtDestination => ActionKind::CorrectAtDestination,
            Self::StartRun => ActionKind::StartRun,
            Self::ReleaseQuarantine(_) => ActionKind::ReleaseQuarantine,
            Self::DiscardQuarantine(_) => ActionKind::DiscardQuarantine,
            Self::ResumeIntegration => ActionKind::ResumeIntegration,
            Self::Wait(_) => ActionKind::Wait,
            Self::CancelRetry => ActionKind::CancelRetry,
            Self::AskVendor => ActionKind::AskVendor,
            Self::HandOverToUs | Self::HandOver(_) => ActionKind::HandOver,
        }
    }

    /// The message of its label.
    fn message(self) -> &'static str {
        match self {
            Self::Reconnect(_) => "do-reconnect",
            Self::TestSystem(_) => "do-test-system",
            Self::ChangeSystem(_) => "do-change-system",
            Self::ChangeIntegration => "do-change-integration",
            Self::MapField => "do-map-field",
            Self::EditAndRetry => "do-edit-and-retry",
            Self::Retry => "do-retry",
            Self::Skip => "do-skip",
            Self::CorrectAtSource => "do-correct-at-source",
            Self::CorrectAtDestination => "do-correct-at-destination",
            Self::StartRun => "do-start-run",
            Self::ReleaseQuarantine(_) => "do-release-quarantine",
            Self::DiscardQuarantine(_) => "do-discard-quarantine",
            Self::ResumeIntegration => "do-resume-integration",
            Self::Wait(_) => "do-wait",
            Self::CancelRetry => "do-cancel-retry",
            Self::AskVendor => "do-ask-vendor",
            Self::HandOverToUs => "do-hand-over-us",
            Self::HandOver(ResponsibleParty::Engineering) => "do-hand-over-engineering",
            Self::HandOver(_) => "do-hand-over-support",
        }
    }

    /// The message of its explanation.
    fn why(self, place: &Place) -> String {
        match self {
            Self::Wait(Waiting::System(_)) if self.until(place).is_some() => "do-wait-until-why".to_owned(),
            Self::Wait(Waiting::System(_)) => "do-wait-system-why".to_owned(),
            Self::Wait(Waiting::Us) => "do-wait-us-why".to_owned(),
            Self::Wait(Waiting::Engineering) => "do-wait-engineering-why".to_owned(),
            Self::Wait(Waiting::Retry) => "do-wait-retry-why".to_owned(),
            _ => format!("{}-why", self.message()),
        }
    }

    fn arguments(self, place: &Place) -> Vec<Argument<'static>> {
        match self {
            Self::Reconnect(end) | Self::TestSystem(end) | Self::ChangeSystem(end) => {
                let end = match end {
                    End::Source => "source",
                    End::Destination => "destination",
                    End::Other => "other",
                };
                vec![("end", end.into())]
            }
            Self::ResumeIntegration => {
                let status = match place.integration.map(|integration| integration.status) {
                    Some(IntegrationStatus::Held) => "held",
                    _ => "paused",
                };
                vec![("status", status.into())]
            }
            _ => Vec::new(),
        }
    }

    fn until(self, place: &Place) -> Option<DateTime<Utc>> {
        let Self::Wait(Waiting::System(end)) = self else { return None };
        place.system(end)?.left_alone_until
    }

    fn press(self, onlooker: Onlooker, failure: Option<&FailureState>, place: &Place) -> Pressed {
        let system = |end| place.system(end);
        let archived = place
            .integration
            .filter(|integration| integration.status == IntegrationStatus::Archived)
            .map(|_| "not-when-archived");
        let pressed = match self {
            Self::CorrectAtSource | Self::CorrectAtDestination | Self::Wait(_) | Self::AskVendor => {
                return Pressed::Elsewhere;
            }
            Self::Reconnect(end) => system(end).map(|system| {
                let id = global(Kind::System, system.id);
                if system.is_connected_by_person {
                    let refused = match (place.has_connect_links, system.has_credentials) {
                        (false, _) => Some("not-without-public-url"),
                        (true, false) => Some("not-without-credentials"),
                        (true, true) => None,
                    };
                    let input = json!({ "systemId": id });
                    Press::new("createConnectLink", Permission::SystemWrite, input).refused(refused)
                } else {
                    let input = json!({ "systemId": id });
                    Press::new("updateSystem", Permission::SystemWrite, input).missing(&["credentials"])
                }
            }),
            Self::TestSystem(end) => system(end).map(|system| {
                let input = json!({ "systemId": global(Kind::System, system.id) });
                Press::new("testSystem", Permission::SystemTest, input)
            }),
            Self::ChangeSystem(end) => system(end).map(|system| {
                let input = json!({ "systemId": global(Kind::System, system.id) });
                Press::new("updateSystem", Permission::SystemWrite, input).missing(&["config"])
            }),
            Self::ChangeIntegration | Self::MapField => place.integration.map(|integration| {
                let input = json!({ "integrationId": global(Kind::Integration, integration.id) });
                Press::new("updateIntegration", Permission::IntegrationWrite, input)
                    .missing(&["streams"])
                    .refused(archived)
            }),
            Self::StartRun => place.integration.map(|integration| {
                let input = json!({ "integrationId": global(Kind::Integration, integration.id) });
                Press::new("startRun", Permission::RunStart, input).refused(archived)
            }),
            Self::ResumeIntegration => place.integration.map(|integration| {
                let undecided = integration.quarantine_id.map(|_| "not-while-quarantined");
                let input = json!({ "integrationId": global(Kind::Integration, integration.id) });
                Press::new("resumeIntegration", Permission::IntegrationOperate, input).refused(undecided)
            }),
            Self::EditAndRetry => failure.map(|failure| {
                let nothing = (!failure.has_record).then_some("not-without-record");
                let input = json!({ "failureId": global(Kind::Failure, failure.id) });
                Press::new("editAndRetryFailure", Permission::FailureEdit, input)
                    .missing(&["record"])
                    .refused(nothing.or(archived))
            }),
            Self::Retry => failure.map(|failure| {
                let input = json!({ "failureIds": [global(Kind::Failure, failure.id)] });
                Press::new("retryFailures", Permission::FailureRetry, input)
                    .refused(failure.why_no_retry.or(archived))
            }),
            Self::Skip => failure.map(|failure| {
                let input = json!({ "failureIds": [global(Kind::Failure, failure.id)] });
                let missing: &[&str] = if is_staff(onlooker.role) { &["reason"] } else { &[] };
                Press::new("skipFailures", Permission::FailureSkip, input).missing(missing)
            }),
            Self::ReleaseQuarantine(id) => {
                let input = json!({ "quarantineId": global(Kind::Quarantine, id) });
                let press = Press::new("releaseQuarantine", Permission::FailureRetry, input);
                Some(press.refused(archived))
            }
            Self::DiscardQuarantine(id) => {
                let input = json!({ "quarantineId": global(Kind::Quarantine, id) });
                let press = Press::new("discardQuarantine", Permission::FailureSkip, input);
                Some(press.missing(&["note"]))
            }
            Self::CancelRetry => failure.and_then(|failure| failure.retry_id).map(|id| {
                let input = json!({ "retryId": global(Kind::Retry, id) });
                Press::new("cancelRetry", Permission::FailureRetry, input)
            }),
            Self::HandOver(ResponsibleParty::Engineering) => hand_over(failure, "ENGINEERING"),
            Self::HandOverToUs | Self::HandOver(_) => hand_over(failure, "SUPPORT"),
        };
        pressed.map_or(Pressed::Nowhere, Pressed::Here)
    }
}

/// Where a step is taken.
enum Pressed {
    /// By a mutation.
    Here(Press),
    /// By people, or outside.
    Elsewhere,
    /// What it is of is not there.
    Nowhere,
}

impl Press {
    fn new(mutation: &'static str, permission: Permission, input: Value) -> Self {
        Self { mutation, permission, input, missing: &[], refused: None }
    }

    fn missing(self, missing: &'static [&'static str]) -> Self {
        Self { missing, ..self }
    }

    fn refused(self, refused: Option<&'static str>) -> Self {
        Self { refused, ..self }
    }
}

/// What hands the group of a failure over; one that is older than groups can't be.
fn hand_over(failure: Option<&FailureState>, to: &str) -> Option<Press> {
    let group = failure?.group?;
    let input = json!({ "groupId": global(Kind::FailureGroup, group.group_id), "to": to });
    let refused = group.is_resolved.then_some("not-when-group-resolved");
    let press = Press::new("handOverFailureGroup", Permission::FailureGroupManage, input);
    Some(press.missing(&["note"]).refused(refused))
}

fn global(kind: Kind, id: Uuid) -> String {
    GlobalId::new(kind, id).to_string()
}

/// The message that says who can do what this person can't. A tenant's people are told of their own, or that it is done by
/// the operator, and never by whom there.
fn who_can(onlooker: Onlooker, permission: Permission) -> &'static str {
    if onlooker.has.contains(permission) {
        return "not-for-suspended";
    }
    let has = |role| permission.of(role) == Grant::Always;
    if is_staff(onlooker.role) {
        return if has(Role::Engineer) {
            "not-without-engineer"
        } else if has(Role::PlatformAdmin) {
            "not-without-platform-admin"
        } else {
            "not-without-customer"
        };
    }
    if permission.of(onlooker.role) == Grant::Scope {
        "not-without-scope"
    } else if has(Role::TenantMember) {
        "not-without-member"
    } else if has(Role::TenantAdmin) {
        "not-without-admin"
    } else {
        "not-without-us"
    }
}
