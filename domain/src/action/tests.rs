use chrono::{DateTime, Utc};
use entity::failure::{FailureStatus, ResponsibleParty};
use entity::integration::IntegrationStatus;
use entity::system::{CircuitState, SystemStatus};
use entity::user::Role;
use serde_json::json;
use uuid::Uuid;

use super::place::{FailureState, IntegrationState, Place, SystemState, left_alone_until};
use super::{ActionKind, MUTATIONS, Onlooker, SuggestedAction, plan, shown};
use crate::catalogue;
use crate::failure_group::Standing;
use crate::permission::{Audience, Permission, PermissionSet, ROLES, audience};
use crate::words::{Locale, shipped};

const STATUSES: [FailureStatus; 5] = [
    FailureStatus::Open,
    FailureStatus::Retrying,
    FailureStatus::Resolved,
    FailureStatus::Skipped,
    FailureStatus::Superseded,
];
const INTEGRATIONS: [IntegrationStatus; 4] = [
    IntegrationStatus::Active,
    IntegrationStatus::Paused,
    IntegrationStatus::Held,
    IntegrationStatus::Archived,
];

fn onlooker(role: Role, scopes: &[Permission]) -> Onlooker {
    Onlooker { role, has: PermissionSet::of(role, scopes), is_suspended: false }
}

fn system() -> SystemState {
    SystemState {
        id: Uuid::from_u128(3),
        status: SystemStatus::ReauthRequired,
        left_alone_until: None,
        is_connected_by_person: false,
        has_credentials: true,
    }
}

fn place(status: IntegrationStatus) -> Place {
    let integration = IntegrationState {
        id: Uuid::from_u128(2),
        tenant_id: Uuid::from_u128(1),
        status,
        quarantine_id: None,
    };
    Place {
        integration: Some(integration),
        source: Some(system()),
        destination: Some(SystemState { id: Uuid::from_u128(4), ..system() }),
        other: None,
        has_connect_links: true,
    }
}

fn failure(code: &str, status: FailureStatus) -> FailureState {
    let party = catalogue::entry(code).responsible_party;
    FailureState {
        id: Uuid::from_u128(5),
        code: code.to_owned(),
        status,
        responsible_party: party,
        group: Some(Standing { group_id: Uuid::from_u128(7), party, is_resolved: false }),
        has_record: code.starts_with("record."),
        why_no_retry: None,
        retry_id: Some(Uuid::from_u128(6)),
        quarantine_id: None,
    }
}

fn actions(
    onlooker: Onlooker,
    locale: Locale,
    failure: &FailureState,
    place: &Place,
) -> Vec<SuggestedAction> {
    let steps = plan::of_failure(onlooker.audience(), failure, place);
    shown(onlooker, &shipped(locale), steps, Some(failure), place)
}

fn kinds(actions: &[SuggestedAction]) -> Vec<ActionKind> {
    actions.iter().map(|action| action.kind).collect()
}

/// The permission that a mutation needs, by hand.
fn needed(mutation: &str) -> Permission {
    match mutation {
        "createConnectLink" | "updateSystem" => Permission::SystemWrite,
        "testSystem" => Permission::SystemTest,
        "updateIntegration" => Permission::IntegrationWrite,
        "resumeIntegration" => Permission::IntegrationOperate,
        "startRun" => Permission::RunStart,
        "editAndRetryFailure" => Permission::FailureEdit,
        "retryFailures" | "releaseQuarantine" | "cancelRetry" => Permission::FailureRetry,
        "skipFailures" | "discardQuarantine" => Permission::FailureSkip,
        "handOverFailureGroup" => Permission::FailureGroupManage,
        other => panic!("{other} is new"),
    }
}

#[test]
fn of_every_code_every_role_gets_steps_that_are_theirs_in_their_words() {
    for entry in catalogue::entries() {
        for role in ROLES {
            for (status, integration) in
                STATUSES.into_iter().flat_map(|status| INTEGRATIONS.map(|integration| (status, integration)))
            {
                for scopes in [&[][..], &[Permission::FailureRetry], &Permission::ALL] {
                    let onlooker = onlooker(role, scopes);
                    let (failure, place) = (failure(entry.code, status), place(integration));
                    let english = actions(onlooker, Locale::English, &failure, &place);
                    let german = actions(onlooker, Locale::German, &failure, &place);
                    let at = format!("{} {role:?} {status:?} {integration:?}", entry.code);
                    match status {
                        FailureStatus::Open => assert!(!english.is_empty(), "{at}"),
                        FailureStatus::Retrying => {
                            assert_eq!(kinds(&english), [ActionKind::Wait, ActionKind::CancelRetry], "{at}");
                        }
                        _ => assert_eq!(english, [], "{at}"),
                    }
                    assert_eq!(kinds(&english), kinds(&german), "{at}");
                    let mut seen = Vec::new();
                    for (action, german) in english.iter().zip(&german) {
                        assert!(!seen.contains(&action.kind), "{at}: {:?} twice", action.kind);
                        seen.push(action.kind);
                        assert_ne!(action.label, german.label, "{at}");
                        assert_ne!(action.explanation, german.explanation, "{at}");
                        assert_eq!(action.unavailable_reason.is_none(), action.is_available, "{at}");
                        let Some(mutation) = action.mutation else {
                            assert!(action.is_available && action.input.is_none(), "{at}");
                            continue;
                        };
                        let (_, fields) = MUTATIONS
                            .iter()
                            .find(|(name, _)| *name == mutation)
                            .unwrap_or_else(|| panic!("{at}: {mutation} is not among the mutations"));
                        let may = onlooker.may(needed(mutation));
                        assert_eq!(action.input.is_some(), may, "{at}: {mutation}");
                        assert!(may || !action.is_available, "{at}: {mutation}");
                        let is_refused = integration == IntegrationStatus::Archived
                            && matches!(
                                mutation,
                                "retryFailures" | "editAndRetryFailure" | "startRun" | "updateIntegration"
                            );
                        let is_refused =
                            is_refused || mutation == "editAndRetryFailure" && !failure.has_record;
                        assert_eq!(action.is_available, may && !is_refused, "{at}: {mutation}");
                        let given = action
                            .input
                            .iter()
                            .flat_map(|input| input.as_object().expect("an object").keys());
                        for field in given.map(String::as_str).chain(action.missing_input.iter().copied()) {
                            assert!(fields.contains(&field), "{at}: {mutation} {field}");
                        }
                    }
                    if audience(role) == Audience::Customer {
                        let is_theirs = failure.responsible_party == ResponsibleParty::Customer
                            && status == FailureStatus::Open;
                        assert_eq!(seen.contains(&ActionKind::HandOver), is_theirs, "{at}");
                        for text in english.iter().chain(&german).flat_map(|action| {
                            [
                                Some(&action.label),
                                Some(&action.explanation),
                                action.unavailable_reason.as_ref(),
                            ]
                        }) {
                            let text = text.map(|text| text.to_lowercase()).unwrap_or_default();
                            for word in ["engineer", "entwickl", "platform", "plattform", "the customer"] {
                                assert!(!text.contains(word), "{at}: {text}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_helps_most_stands_first() {
    let admin = onlooker(Role::TenantAdmin, &[]);
    let first = |onlooker, code: &str, place: &Place| {
        let actions = actions(onlooker, Locale::English, &failure(code, FailureStatus::Open), place);
        (actions[0].kind, actions[0].mutation)
    };
    let active = place(IntegrationStatus::Active);
    assert_eq!(first(admin, "source.unauthorized", &active), (ActionKind::Reconnect, Some("updateSystem")));
    let mut by_person = active;
    by_person.source = Some(SystemState { is_connected_by_person: true, ..system() });
    assert_eq!(
        first(admin, "source.unauthorized", &by_person),
        (ActionKind::Reconnect, Some("createConnectLink"))
    );
    let mut healthy = active;
    healthy.source = Some(SystemState { status: SystemStatus::Healthy, ..system() });
    assert_eq!(first(admin, "source.unauthorized", &healthy), (ActionKind::Retry, Some("retryFailures")));
    assert_eq!(first(admin, "source.unavailable", &healthy), (ActionKind::Retry, Some("retryFailures")));
    assert_eq!(first(admin, "destination.unavailable", &active), (ActionKind::Wait, None));
    assert_eq!(
        first(admin, "record.schema_violation", &active),
        (ActionKind::EditAndRetry, Some("editAndRetryFailure"))
    );
    assert_eq!(first(admin, "record.mapping_failed", &active), (ActionKind::Wait, None));
    let support = onlooker(Role::Support, &[]);
    assert_eq!(first(support, "record.mapping_failed", &active), (ActionKind::Wait, None));
    let engineer = onlooker(Role::Engineer, &[]);
    assert_eq!(
        first(engineer, "record.mapping_failed", &active),
        (ActionKind::MapField, Some("updateIntegration"))
    );
}

#[test]
fn a_system_is_left_alone_until_its_time_is_over() {
    let at = |second: i64| DateTime::from_timestamp_secs(second).expect("a time");
    for (state, until, expected) in [
        (CircuitState::Open, Some(at(11)), Some(at(11))),
        (CircuitState::Open, Some(at(10)), None),
        (CircuitState::Open, None, None),
        (CircuitState::HalfOpen, Some(at(11)), None),
        (CircuitState::Closed, Some(at(11)), None),
    ] {
        assert_eq!(left_alone_until(state, until, at(10)), expected, "{state:?} {until:?}");
    }
}

#[test]
fn what_is_waited_for_has_its_time_and_a_hold_is_let_go_before_a_retry() {
    let at: DateTime<Utc> = "2026-11-26T12:00:00Z".parse().expect("a time");
    let mut place = place(IntegrationStatus::Held);
    place.source = Some(SystemState { left_alone_until: Some(at), ..system() });
    let open = failure("source.timeout", FailureStatus::Open);
    let found = actions(onlooker(Role::TenantMember, &[]), Locale::English, &open, &place);
    assert_eq!(
        kinds(&found),
        [
            ActionKind::Wait,
            ActionKind::TestSystem,
            ActionKind::ResumeIntegration,
            ActionKind::Retry,
            ActionKind::AskVendor,
            ActionKind::Skip
        ]
    );
    assert_eq!(found[0].until, Some(at));
    assert_eq!(found[1].unavailable_reason.as_deref(), Some("An administrator of your team can do this."));
    assert_eq!(found[1].input, None);
    assert!(found[2].is_available);
    assert_eq!(found[2].label, "Let the integration go on");
    let integration = place.integration.expect("it is there");
    place.integration = Some(IntegrationState { quarantine_id: Some(Uuid::from_u128(9)), ..integration });
    let found = actions(onlooker(Role::TenantMember, &[]), Locale::German, &open, &place);
    let resume =
        found.iter().find(|action| action.kind == ActionKind::ResumeIntegration).expect("it is there");
    assert_eq!(
        resume.unavailable_reason.as_deref(),
        Some("Zuerst ist über eine Quarantäne dieser Integration zu entscheiden.")
    );
    let release =
        found.iter().find(|action| action.kind == ActionKind::ReleaseQuarantine).expect("it is there");
    assert!(release.is_available);
}

/// With a failure whose group is with this party, as the viewer may know.
fn with(code: &str, party: ResponsibleParty) -> FailureState {
    let of_code = failure(code, FailureStatus::Open);
    let group = of_code.group.map(|group| Standing { party, ..group });
    FailureState { responsible_party: party, group, ..of_code }
}

#[test]
fn it_is_handed_over_by_whom_it_is_with_and_waited_for_by_the_others() {
    use ResponsibleParty::{Customer, Engineering, Support, ThirdParty};
    let place = place(IntegrationStatus::Active);
    let seen = |role, failure: &FailureState| {
        let actions = actions(onlooker(role, &[]), Locale::English, failure, &place);
        let first = actions.first().map(|action| action.explanation.clone()).unwrap_or_default();
        let to = actions.iter().find(|action| action.kind == ActionKind::HandOver);
        let to = to.map(|action| {
            let input = action.input.clone().unwrap_or_default();
            (action.label.clone(), input["to"].clone(), action.missing_input)
        });
        let waits = actions.iter().filter(|action| action.kind == ActionKind::Wait).count();
        (first, to, waits)
    };
    let to_us = Some(("Hand over to us".to_owned(), json!("SUPPORT"), &["note"][..]));
    let to_engineers = Some(("Hand over to engineering".to_owned(), json!("ENGINEERING"), &["note"][..]));
    let to_support = Some(("Hand over to support".to_owned(), json!("SUPPORT"), &["note"][..]));
    for code in ["record.missing_key", "source.timeout"] {
        for (role, party, first, to) in [
            (Role::TenantMember, Customer, None, &to_us),
            (Role::TenantMember, ThirdParty, None, &None),
            (Role::TenantMember, Support, Some("It is with us. Nothing is needed from you."), &None),
            (Role::Support, Customer, None, &to_engineers),
            (Role::Support, Support, None, &to_engineers),
            (Role::Support, Engineering, Some("It is with engineering."), &None),
            (Role::Engineer, Customer, None, &to_support),
            (Role::Engineer, Engineering, None, &to_support),
            (Role::Engineer, Support, None, &None),
        ] {
            let (explanation, handed, waits) = seen(role, &with(code, party));
            let at = format!("{code} {role:?} {party:?}");
            assert_eq!(&handed, to, "{at}");
            let of_system = usize::from(code == "source.timeout");
            match first {
                // Nobody waits for people and a system at once.
                Some(first) => assert_eq!((explanation.as_str(), waits), (first, 1), "{at}"),
                None => assert_eq!(waits, of_system, "{at}"),
            }
        }
    }

    let mut over = with("record.missing_key", Customer);
    over.group = over.group.map(|group| Standing { is_resolved: true, ..group });
    let member = onlooker(Role::TenantMember, &[]);
    let found = actions(member, Locale::English, &over, &place);
    let action = found.iter().find(|action| action.kind == ActionKind::HandOver).expect("it is there");
    assert_eq!(action.unavailable_reason.as_deref(), Some("Its group is resolved. Reopen it first."));
    // One that is older than groups stays where it is.
    over.group = None;
    let found = actions(member, Locale::English, &over, &place);
    assert!(!kinds(&found).contains(&ActionKind::HandOver));
}

#[test]
fn what_was_decided_about_a_quarantine_leaves_the_integration_to_go_on_first() {
    let mut place = place(IntegrationStatus::Held);
    let mut kept = failure("record.quarantined", FailureStatus::Open);
    let member = onlooker(Role::TenantMember, &[]);
    let found = actions(member, Locale::English, &kept, &place);
    assert_eq!(
        kinds(&found),
        [ActionKind::ResumeIntegration, ActionKind::Retry, ActionKind::Skip, ActionKind::HandOver]
    );
    let id = Uuid::from_u128(9);
    kept.quarantine_id = Some(id);
    place.integration = place.integration.map(|of| IntegrationState { quarantine_id: Some(id), ..of });
    let found = actions(member, Locale::English, &kept, &place);
    assert_eq!(
        kinds(&found),
        [ActionKind::ReleaseQuarantine, ActionKind::DiscardQuarantine, ActionKind::HandOver]
    );
}

#[test]
fn people_of_a_suspended_tenant_look_and_change_nothing() {
    let onlooker = Onlooker { is_suspended: true, ..onlooker(Role::TenantAdmin, &[]) };
    let open = failure("record.schema_violation", FailureStatus::Open);
    let found = actions(onlooker, Locale::English, &open, &place(IntegrationStatus::Active));
    for action in found.iter().filter(|action| action.mutation.is_some()) {
        assert_eq!(
            action.unavailable_reason.as_deref(),
            Some("This tenant is suspended: its people can look, and change nothing.")
        );
        assert_eq!(action.input, None);
    }
    assert!(found.iter().any(|action| action.kind == ActionKind::CorrectAtSource && action.is_available));
}
