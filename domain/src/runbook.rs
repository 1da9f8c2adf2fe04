//! Runbooks: what staff do about a failure, in Markdown, by code, connector or integration. They are the operator's; no
//! tenant reads of them. Those that ship with the product stand in [`built_in`], and are read through the same functions.

mod built_in;
mod change;
mod of_failure;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{runbook, runbook_version};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{ExprTrait, Order};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::page::{Direction, Edge, Page, PageArguments, Position, encode};
use crate::permission::Permission;
use crate::scope::Keyset;
use crate::search;

pub use self::change::{NewRunbook, RunbookChanges, create, delete, review, update};
pub use self::of_failure::by_failures;

/// Longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Longest body, in bytes: some thirty printed pages, more than anybody reads while something is broken.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest time between reviews, in days: three years.
pub const REVIEW_INTERVAL_DAYS_MAX: i32 = 1_096;
/// Earlier versions that are kept of one; older ones go.
pub const VERSIONS_MAX: u64 = 50;
/// Runbooks of the operator: a search looks at each.
pub const RUNBOOKS_MAX: u64 = 2_000;

/// The one order of the list.
const ORDER: &str = "runbook";

/// A runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runbook {
    /// The row, or of one that ships with the product the same id in every installation.
    pub id: Uuid,
    /// Whether it ships with the product.
    pub is_built_in: bool,
    /// The code that it is about.
    pub code: Option<String>,
    /// The connector that it is about.
    pub connector: Option<String>,
    /// The integration that it is about.
    pub integration_id: Option<Uuid>,
    /// One line.
    pub title: String,
    /// Markdown; shared by all failures of a page that have it.
    pub body: Arc<str>,
    /// Grows by one with each change.
    pub version: i32,
    /// It is to be reviewed so often.
    pub review_interval_days: Option<i32>,
    /// When somebody last said that it is right.
    pub last_reviewed_at: Option<DateTime<Utc>>,
    /// Who said so.
    pub last_reviewed_by: Option<String>,
    /// Whether a review is due.
    pub is_review_overdue: bool,
    /// When this version was written; `None` for what ships with the product.
    pub updated_at: Option<DateTime<Utc>>,
    /// Who wrote this version; `None` for what ships with the product.
    pub updated_by: Option<String>,
}

impl Runbook {
    fn of(row: runbook::Model, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id,
            is_built_in: false,
            code: row.code,
            connector: row.connector,
            integration_id: row.integration_id,
            title: row.title,
            body: row.body.into(),
            version: row.version,
            review_interval_days: row.review_interval_days,
            last_reviewed_at: row.last_reviewed_at,
            last_reviewed_by: row.last_reviewed_by,
            is_review_overdue: row.review_due_at.is_some_and(|due| due <= now),
            updated_at: Some(row.updated_at),
            updated_by: Some(row.updated_by),
        }
    }
}

/// What a runbook said before it was changed.
pub use entity::runbook_version::Model as RunbookVersion;

/// Which runbooks a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunbookFilter {
    /// About this code.
    pub code: Option<String>,
    /// About this connector.
    pub connector: Option<String>,
    /// About this integration.
    pub integration_id: Option<Uuid>,
    /// Whether a review is due.
    pub is_review_overdue: Option<bool>,
    /// Whether they ship with the product.
    pub is_built_in: Option<bool>,
    /// With this text in the title or body, in any case.
    pub search: Option<String>,
}

/// One runbook; `None` when there is none.
///
/// # Errors
/// Denied without `runbooks:read`.
pub async fn get(actor: &Actor, id: Uuid) -> Result<Option<Runbook>> {
    let scope = actor.authorize(Permission::RunbookRead)?;
    if let Some(built_in) = built_in::get(id) {
        return Ok(Some(built_in.clone()));
    }
    let row = scope.find::<runbook::Entity>().of_id(runbook::Column::Id, id).one().await?;
    Ok(row.map(|row| Runbook::of(row, scope.app().clock().now())))
}

/// A page of runbooks, by the time they were made; those that ship with the product are the oldest.
///
/// # Errors
/// Denied without `runbooks:read`; [`Error::Argument`] for a bad page or filter.
pub async fn list(
    actor: &Actor,
    filter: &RunbookFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<Runbook>> {
    let scope = actor.authorize(Permission::RunbookRead)?;
    let request = page.check(ORDER)?;
    for text in [&filter.code, &filter.connector].into_iter().flatten() {
        if text.contains('\0') {
            let message = "`code` and `connector` must not contain the NUL character".to_owned();
            return Err(Error::Argument { argument: "filter", message });
        }
    }
    let text = search::text(filter.search.as_deref())?;
    let now = scope.app().clock().now();
    let stored = if filter.is_built_in == Some(true) {
        Page { edges: Vec::new(), has_next: false, has_previous: false }
    } else {
        let keyset = Keyset { name: ORDER, column: None, id: runbook::Column::Id, direction };
        scope
            .find::<runbook::Entity>()
            .filter_some(filter.code.as_deref(), |code| runbook::Column::Code.eq(code))
            .filter_some(filter.connector.as_deref(), |name| runbook::Column::Connector.eq(name))
            .filter_some(filter.integration_id, |id| runbook::Column::IntegrationId.eq(id))
            .filter_some(filter.is_review_overdue, |is_overdue| {
                let due = runbook::Column::ReviewDueAt;
                if is_overdue { due.lte(now) } else { due.is_null().or(due.gt(now)) }
            })
            .filter_some(text, |text| {
                search::contains(runbook::Column::Title, text)
                    .or(search::contains(runbook::Column::Body, text))
            })
            .page(&keyset, &request)
            .await?
            .map(|row| Runbook::of(row, now))
    };
    let is_within = |id: Uuid| {
        let is_behind = |position: &Position| match direction {
            Direction::Ascending => id > position.id,
            Direction::Descending => id < position.id,
        };
        let is_ahead = |position: &Position| match direction {
            Direction::Ascending => id < position.id,
            Direction::Descending => id > position.id,
        };
        request.after.as_ref().is_none_or(is_behind) && request.before.as_ref().is_none_or(is_ahead)
    };
    let mut built_in: Vec<Edge<Runbook>> = built_in::all()
        .iter()
        .filter(|runbook| is_wanted(runbook, filter, text) && is_within(runbook.id))
        .map(|runbook| Edge {
            cursor: encode(ORDER, &Position { value: None, id: runbook.id }),
            node: runbook.clone(),
        })
        .collect();
    if direction == Direction::Descending {
        built_in.reverse();
    }
    Ok(joined(stored, built_in, direction, request.backward, request.limit as usize))
}

/// Earlier versions of a runbook, newest first; at most [`VERSIONS_MAX`]. One that ships with the product has none.
///
/// # Errors
/// Denied without `runbooks:read`.
pub async fn versions(actor: &Actor, id: Uuid) -> Result<Vec<RunbookVersion>> {
    let scope = actor.authorize(Permission::RunbookRead)?;
    scope
        .find::<runbook_version::Entity>()
        .filter(runbook_version::Column::RunbookId.eq(id))
        .order_by(runbook_version::Column::Version, Order::Desc)
        .limit(VERSIONS_MAX)
        .all()
        .await
}

/// Whether what ships with the product is among what a filter takes.
fn is_wanted(runbook: &Runbook, filter: &RunbookFilter, text: Option<&str>) -> bool {
    let text = text.map(str::to_lowercase);
    filter.code.as_ref().is_none_or(|code| runbook.code.as_ref() == Some(code))
        && filter.connector.is_none()
        && filter.integration_id.is_none()
        && filter.is_review_overdue != Some(true)
        && filter.is_built_in != Some(false)
        && text.is_none_or(|text| {
            runbook.title.to_lowercase().contains(&text) || runbook.body.to_lowercase().contains(&text)
        })
}

/// A page of both: what ships with the product is older than all that is stored.
fn joined(
    stored: Page<Runbook>,
    built_in: Vec<Edge<Runbook>>,
    direction: Direction,
    is_backward: bool,
    limit: usize,
) -> Page<Runbook> {
    let Page { edges, mut has_next, mut has_previous } = stored;
    // A page of the stored ones that goes on has all that fits; the others come where it does not.
    let mut all: Vec<Edge<Runbook>> = match direction {
        Direction::Ascending => built_in.into_iter().chain(edges).collect(),
        Direction::Descending => edges.into_iter().chain(built_in).collect(),
    };
    if all.len() > limit {
        if is_backward {
            all.drain(..all.len() - limit);
            has_previous = true;
        } else {
            all.truncate(limit);
            has_next = true;
        }
    }
    Page { edges: all, has_next, has_previous }
}

/// When the next review is due.
fn due(since: DateTime<Utc>, interval_days: Option<i32>) -> Option<DateTime<Utc>> {
    interval_days.map(|days| since + TimeDelta::days(days.into()))
}

#[cfg(test)]
mod tests {
    use super::{Edge, Page, Runbook, built_in, joined};
    use crate::page::Direction;

    fn edges(from: usize, to: usize) -> Vec<Edge<Runbook>> {
        let some = built_in::all()[from..to].iter();
        some.map(|runbook| Edge { cursor: String::new(), node: runbook.clone() }).collect()
    }

    fn codes(page: &Page<Runbook>) -> Vec<String> {
        page.edges.iter().map(|edge| edge.node.code.clone().unwrap_or_default()).collect()
    }

    #[test]
    fn both_kinds_are_one_list_in_every_direction() {
        let names: Vec<String> = built_in::all().iter().filter_map(|runbook| runbook.code.clone()).collect();
        let page =
            |count: usize, has_next, has_previous| Page { edges: edges(0, count), has_next, has_previous };
        // Newest first: stored, then shipped.
        let found = joined(page(2, false, false), edges(2, 6), Direction::Descending, false, 4);
        assert_eq!(codes(&found), names[0..4]);
        assert!(found.has_next && !found.has_previous);
        // There are more stored ones: the shipped ones wait for their turn.
        let found = joined(page(4, true, false), edges(4, 6), Direction::Descending, false, 4);
        assert_eq!(codes(&found), names[0..4]);
        assert!(found.has_next);
        // From the end: the shipped ones come first.
        let found = joined(page(4, false, true), edges(4, 6), Direction::Descending, true, 4);
        assert_eq!(codes(&found), names[2..6]);
        assert!(found.has_previous && !found.has_next);
        // Oldest first.
        let found = joined(page(2, false, false), edges(2, 3), Direction::Ascending, false, 4);
        assert_eq!(codes(&found), [&names[2], &names[0], &names[1]].map(String::clone));
        assert!(!found.has_next);
    }
}
