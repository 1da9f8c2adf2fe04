//! Looking back at an incident: why it happened, and what is to be done so that it does not again.

use entity::incident::{self, FollowUp, FollowUpList};
use entity::incident_entry::IncidentEntryKind;
use entity::string_list::StringList;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::change::{commit, found};
use super::timeline::{NewEntry, enter};
use super::{Incident, door};
use crate::actor::Actor;
use crate::error::{Doing, Problem, ProblemCode, Result};
use crate::permission::Permission;
use crate::validation::{NAME_CHARS_MAX, Problems};

/// Longest body, in characters: some twenty pages.
const BODY_CHARS_MAX: usize = 50_000;
/// Longest cause or follow-up, in characters: one sentence.
const LINE_CHARS_MAX: usize = 500;
/// Causes, and follow-ups: who has more looks back at several incidents.
const LINES_MAX: usize = 50;

/// What came of looking back, all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewPostmortem {
    /// Markdown.
    pub body: String,
    /// Why it happened, one sentence each.
    pub causes: Vec<String>,
    /// What is to be done.
    pub follow_ups: Vec<FollowUp>,
}

/// Writes what came of looking back, in place of what was written before.
///
/// # Errors
/// Denied without `incidents:manage`. Rejected, all at once: `NOT_FOUND` incidentId; a body that is empty or too long; causes
/// and followUps that are too many, empty or too long.
pub async fn write(actor: &Actor, id: Uuid, new: NewPostmortem) -> Result<Incident> {
    use incident::Column;
    let scope = actor.authorize(Permission::IncidentManage)?;
    let app = scope.app();
    let now = app.clock().now();
    let mut problems = Problems::default();
    let body = new.body.trim().to_owned();
    if body.is_empty() {
        problems.add(ProblemCode::Required, "body", "must not be empty");
    } else if body.chars().count() > BODY_CHARS_MAX {
        let message = format!("has more than {BODY_CHARS_MAX} characters");
        problems.add(ProblemCode::TooLong, "body", message);
    } else if body.contains('\0') {
        problems.add(ProblemCode::Invalid, "body", "must not contain NUL characters");
    }
    for (field, count) in [("causes", new.causes.len()), ("followUps", new.follow_ups.len())] {
        if count > LINES_MAX {
            problems.add(ProblemCode::LimitReached, field, format!("has {count}; at most {LINES_MAX}"));
        }
    }
    let mut causes = Vec::new();
    for (index, cause) in new.causes.iter().enumerate().take(LINES_MAX) {
        causes.push(line(&mut problems, ["causes".to_owned(), index.to_string()], cause, LINE_CHARS_MAX));
    }
    let mut follow_ups = Vec::new();
    for (index, follow_up) in new.follow_ups.into_iter().enumerate().take(LINES_MAX) {
        let at = |field: &str| ["followUps".to_owned(), index.to_string(), field.to_owned()];
        let text = line(&mut problems, at("text"), &follow_up.text, LINE_CHARS_MAX);
        let owner =
            follow_up.owner.as_deref().map(|owner| line(&mut problems, at("owner"), owner, NAME_CHARS_MAX));
        follow_ups.push(FollowUp { text, owner, ..follow_up });
    }
    let tx = app.across_tenants().begin().await?;
    found(&tx, id).await?;
    problems.check()?;
    let name = actor.own_name().to_owned();
    door::update()
        .col_expr(Column::Postmortem, Expr::value(Some(body)))
        .col_expr(Column::Causes, Expr::value(StringList(causes)))
        .col_expr(Column::FollowUps, Expr::value(FollowUpList(follow_ups)))
        .col_expr(Column::PostmortemAt, Expr::value(Some(now)))
        .col_expr(Column::PostmortemBy, Expr::value(Some(name.clone())))
        .filter(Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("storing what came of looking back")?;
    let entry = NewEntry::inside(IncidentEntryKind::Postmortem, "What came of looking back was written.");
    enter(&tx, id, entry.by(Some(name)), now).await?;
    commit(tx, actor, id, None).await
}

/// One line, trimmed, at a place within the input.
fn line<const N: usize>(problems: &mut Problems, path: [String; N], text: &str, chars_max: usize) -> String {
    let text = text.trim();
    let problem = if text.is_empty() {
        Some((ProblemCode::Required, "must not be empty".to_owned()))
    } else if text.chars().count() > chars_max {
        Some((ProblemCode::TooLong, format!("has more than {chars_max} characters")))
    } else if text.chars().any(char::is_control) {
        Some((ProblemCode::Invalid, "must be one line without control characters".to_owned()))
    } else {
        None
    };
    if let Some((code, message)) = problem {
        problems.push(Problem::new(code, path, message));
    }
    text.to_owned()
}
