//! What a viewer may read of a failure, and in which words.

use std::collections::{HashMap, HashSet};

use entity::failure::{self, FailureStatus, ResponsibleParty};
use entity::run_event::Audience;
use uuid::Uuid;

use super::{Failure, FailureParts, FieldError, is_record, is_removal, is_whole};
use crate::actor::Actor;
use crate::error::{Doing, Result};
use crate::failure_group::{self, Standing};
use crate::impact;
use crate::page::{Edge, Page};
use crate::permission::Permission;
use crate::retry::MALFORMED;
use crate::reveal;
use crate::scope::Scope;
use crate::words::{Language, Locale, lower_first};

/// Field errors that the summary names; the others are in `field_errors`.
const SUMMARY_FIELDS_MAX: usize = 3;

/// The groups that rows are of.
pub(super) fn groups<'a>(rows: impl Iterator<Item = &'a failure::Model>) -> HashSet<Uuid> {
    rows.filter_map(|row| row.group_id).collect()
}

/// What stands beside rows, and decides how they read.
pub(super) struct Beside {
    /// What is asked for.
    parts: FailureParts,
    /// Failures whose records are open to the viewer.
    revealed: HashSet<Uuid>,
    /// Where groups stand.
    standings: HashMap<Uuid, Standing>,
}

impl Beside {
    /// Reads what is asked for of it.
    pub(super) async fn read(
        actor: &Actor,
        scope: &Scope,
        parts: FailureParts,
        groups: HashSet<Uuid>,
    ) -> Result<Self> {
        let standings = match parts.standing {
            true => failure_group::standings(scope, groups).await?,
            false => HashMap::new(),
        };
        let revealed = match parts.record {
            true => reveal::open_to(actor).await?,
            false => HashSet::new(),
        };
        Ok(Self { parts, revealed, standings })
    }
}

/// What this viewer may read of a row.
pub(super) fn view(actor: &Actor, beside: &Beside, mut row: failure::Model) -> Result<Failure> {
    let standing = row.group_id.and_then(|id| beside.standings.get(&id));
    if let Some(standing) = standing {
        row.responsible_party = failure_group::seen_party(actor, standing.party, &row.code);
    }
    let language = actor.language();
    let open = row.status == FailureStatus::Open;
    let has_record = row.record.is_some();
    let viewer_can_retry = open
        && actor.may(Permission::FailureRetry)
        && (is_record(&row) || is_removal(&row) || is_whole(&row));
    let viewer_can_edit = open && has_record && actor.may(Permission::FailureEdit);
    let viewer_can_skip = open && actor.may(Permission::FailureSkip);
    let parts = beside.parts;
    let mut redactions = Vec::new();
    let mut redact = |field: &'static str, why: &str| {
        if parts.redactions {
            redactions.push((field, language.say(why)));
        }
    };
    let http_status = row.http_status.filter(|_status| {
        let may = actor.may(Permission::DiagnosticsRead);
        if !may {
            redact("httpStatus", "redaction-operator");
        }
        may
    });
    let field_errors: Vec<FieldError> =
        row.field_errors.0.iter().cloned().map(|error| language.field_error(error)).collect();
    let summary = if parts.summary { summary(&language, &row, &field_errors) } else { String::new() };
    let handed_over = standing.and_then(|standing| {
        failure_group::handed_over(&language, actor.audience(), &row.code, standing.party)
    });
    let can_act = viewer_can_retry || viewer_can_edit || viewer_can_skip;
    let suggested_action = match parts.standing {
        true => suggested_action(actor, &language, &row, handed_over, can_act),
        false => String::new(),
    };
    let technical_detail = row.technical_detail.filter(|_detail| {
        let may = actor.may(Permission::InternalsRead);
        if !may {
            redact("technicalDetail", why_hidden(actor, "redaction-technical-detail"));
        }
        may
    });
    let exchange_id = row.exchange_id.filter(|_id| {
        let may = actor.may(Permission::InternalsRead);
        if !may {
            redact("exchange", why_hidden(actor, "redaction-exchange"));
        }
        may
    });
    let stored = row.edited_record.as_ref().or(row.record.as_ref());
    let record = match stored.filter(|_| parts.record) {
        None => None,
        Some(ciphertext) if actor.may(Permission::RecordRead) || beside.revealed.contains(&row.id) => {
            let text = actor.app().unseal(row.tenant_id, row.id, ciphertext)?;
            Some(serde_json::from_slice(&text).doing("reading a stored record")?)
        }
        Some(_ciphertext) => {
            redact("record", if actor.is_staff() { "redaction-record-staff" } else { "redaction-record" });
            None
        }
    };
    Ok(Failure {
        id: row.id,
        tenant_id: row.tenant_id,
        integration_id: row.integration_id,
        run_id: row.run_id,
        stream: row.stream,
        quarantine_id: row.quarantine_id,
        group_id: row.group_id,
        business_reference: row.business_reference,
        status: row.status,
        category: row.category,
        stage: row.stage,
        code: row.code,
        responsible_party: row.responsible_party,
        retryable: row.retryable,
        impact: row.impact,
        impact_reason: row.impact_reason,
        value_at_stake: row.value_at_stake.map(impact::decimal),
        summary,
        suggested_action,
        field_errors,
        attempts: row.attempts,
        failed_at: row.failed_at,
        last_attempt_at: row.last_attempt_at,
        next_attempt_at: row.next_attempt_at,
        resolved_at: row.resolved_at,
        http_status,
        technical_detail,
        exchange_id,
        record,
        has_record,
        record_removed_at: row.record_removed_at,
        redactions,
        viewer_can_retry,
        viewer_can_skip,
        viewer_can_edit,
    })
}

/// The same of a page.
pub(super) fn viewed(actor: &Actor, beside: &Beside, page: Page<failure::Model>) -> Result<Page<Failure>> {
    let edges = page
        .edges
        .into_iter()
        .map(|edge| Ok(Edge { cursor: edge.cursor, node: view(actor, beside, edge.node)? }))
        .collect::<Result<_>>()?;
    Ok(Page { edges, has_next: page.has_next, has_previous: page.has_previous })
}

/// Why a field is not shown. Which of the operator's people read it is nothing for a tenant.
pub(crate) fn redaction(actor: &Actor, language: &Language, to_staff: &str) -> String {
    language.say(why_hidden(actor, to_staff))
}

fn why_hidden<'a>(actor: &Actor, to_staff: &'a str) -> &'a str {
    if actor.is_staff() { to_staff } else { "redaction-operator" }
}

/// Fields of a failure's clues that this viewer may not see: name and reason.
pub fn clue_redactions(actor: &Actor) -> Vec<(&'static str, String)> {
    let language = actor.language();
    let mut redactions = Vec::new();
    if !actor.may(Permission::InternalsRead) {
        let fields = ["logs", "nearbyLogs", "traceId", "traceUrl"];
        redactions.extend(fields.map(|field| (field, redaction(actor, &language, "redaction-logs"))));
    }
    if !actor.may(Permission::DiagnosticsRead) {
        redactions.push(("metrics", language.say("redaction-operator")));
    }
    redactions
}

/// What happened, in the customer's words.
pub(crate) fn summary(language: &Language, row: &failure::Model, errors: &[FieldError]) -> String {
    let subject = match (&row.business_reference, &row.position) {
        (Some(reference), _) => language.tell("subject-record", [("reference", reference.as_str().into())]),
        (None, Some(position)) => {
            language.tell("subject-position", [("position", place(language, position).into())])
        }
        (None, None) if row.code == MALFORMED => language.say("subject-malformed"),
        (None, None) if !is_whole(row) => language.say("subject-some-record"),
        (None, None) => language.say("subject-run"),
    };
    sentence(language, &row.code, &subject, errors, row.hint.as_deref())
}

/// What the failure of a record would say that was not tried yet.
pub(crate) fn would_say(
    language: &Language,
    code: &str,
    reference: Option<&str>,
    errors: &[FieldError],
) -> String {
    let subject = match reference {
        Some(reference) => language.tell("subject-record", [("reference", reference.into())]),
        None => language.say("subject-some-record"),
    };
    sentence(language, code, &subject, errors, None)
}

fn sentence(
    language: &Language,
    code: &str,
    subject: &str,
    errors: &[FieldError],
    hint: Option<&str>,
) -> String {
    let mut text = language.happened(code, subject);
    if !errors.is_empty() {
        let named: Vec<String> = errors
            .iter()
            .take(SUMMARY_FIELDS_MAX)
            .map(|error| match error.path.trim_start_matches('/') {
                "" => error.message.clone(),
                field => format!("{} {}", field.replace('/', " / "), error.message),
            })
            .collect();
        text = format!("{} {}", text.trim_end_matches('.').to_owned() + ":", named.join("; "));
        if errors.len() > SUMMARY_FIELDS_MAX {
            let count = errors.len() - SUMMARY_FIELDS_MAX;
            text.push_str("; ");
            text.push_str(&language.tell("summary-more-fields", [("count", (count as u64).into())]));
        }
    } else if let Some(hint) = hint {
        text = format!("{}: {hint}", text.trim_end_matches('.'));
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// Where in a source something stands. Lines and rows are named as people do; anything else as the connector stored it.
fn place(language: &Language, position: &str) -> String {
    for (start, id) in [("line ", "position-line"), ("row ", "position-row")] {
        if let Some(number) = position.strip_prefix(start)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            return language.tell(id, [("number", number.into())]);
        }
    }
    position.to_owned()
}

fn suggested_action(
    actor: &Actor,
    language: &Language,
    row: &failure::Model,
    handed_over: Option<String>,
    can_act: bool,
) -> String {
    match row.status {
        FailureStatus::Open => {}
        FailureStatus::Retrying => return language.say("action-retrying"),
        FailureStatus::Resolved => return language.say("action-resolved"),
        FailureStatus::Skipped => return language.say("action-skipped"),
        FailureStatus::Superseded => return language.say("action-superseded"),
    }
    // What the code says is for somebody else.
    if let Some(said) = handed_over {
        return said;
    }
    let audience = actor.audience();
    let action = language.action(&row.code, audience);
    if audience == Audience::Customer && !can_act && row.responsible_party == ResponsibleParty::Customer {
        // A sentence behind a colon begins with a capital letter in German.
        let action = match language.locale() {
            Locale::English => lower_first(&action).into_owned(),
            Locale::German => action,
        };
        return language.tell("action-ask-team", [("action", action.into())]);
    }
    action
}
