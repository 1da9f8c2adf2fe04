//! Writing, reviewing and deleting runbooks. A change keeps what was said before, and is refused when somebody else has
//! changed it meanwhile.

use entity::{integration, runbook, runbook_version};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{
    BODY_BYTES_MAX, REVIEW_INTERVAL_DAYS_MAX, RUNBOOKS_MAX, Runbook, TITLE_CHARS_MAX, VERSIONS_MAX, built_in,
    due,
};
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::catalogue;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::permission::Permission;
use crate::scope::{Scope, all_set};
use crate::validation::Problems;

/// A new runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRunbook {
    /// The code that it is about.
    pub code: Option<String>,
    /// The connector that it is about.
    pub connector: Option<String>,
    /// The integration that it is about; nil for an id that can't be read.
    pub integration_id: Option<Uuid>,
    /// One line, up to [`TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// Markdown, up to [`BODY_BYTES_MAX`] bytes.
    pub body: String,
    /// It is to be reviewed so often: 1 to [`REVIEW_INTERVAL_DAYS_MAX`] days.
    pub review_interval_days: Option<i32>,
}

/// Changes of a runbook; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunbookChanges {
    /// The version that the change is of.
    pub version: i32,
    /// One line.
    pub title: Option<String>,
    /// Markdown.
    pub body: Option<String>,
    /// It is to be reviewed so often; `Some(None)`: never.
    pub review_interval_days: Option<Option<i32>>,
}

/// Writes a runbook.
///
/// # Errors
/// Denied without `runbooks:manage`. Rejected, all at once: `REQUIRED` code when it is about nothing; `NOT_FOUND` code,
/// connector, integrationId; a bad title, body or reviewIntervalDays; `LIMIT_REACHED` at [`RUNBOOKS_MAX`].
pub async fn create(actor: &Actor, new: NewRunbook) -> Result<Runbook> {
    let scope = actor.authorize(Permission::RunbookManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    if new.code.is_none() && new.connector.is_none() && new.integration_id.is_none() {
        problems.add(ProblemCode::Required, "code", "name a code, a connector or an integration");
    }
    if new.code.as_ref().is_some_and(|code| catalogue::entry(code).code != code) {
        problems.add(ProblemCode::NotFound, "code", "the error catalogue has no such code");
    }
    if new.connector.as_ref().is_some_and(|name| app.connectors().get(name).is_none()) {
        problems.add(ProblemCode::NotFound, "connector", "there is no connector of this name");
    }
    let tenant_id = tenant_of(&scope, new.integration_id, &mut problems).await?;
    let title = problems.text("title", &new.title, TITLE_CHARS_MAX);
    let body = checked_body(new.body, &mut problems);
    check_interval(new.review_interval_days, &mut problems);
    if scope.find::<runbook::Entity>().count().await? >= RUNBOOKS_MAX {
        let message = format!("there are {RUNBOOKS_MAX} runbooks, which is the limit; delete one first");
        problems.push(Problem::new(ProblemCode::LimitReached, Vec::<String>::new(), message));
    }
    problems.check()?;
    let now = app.clock().now();
    let row = runbook::Model {
        id: new_id(),
        tenant_id,
        code: new.code,
        connector: new.connector,
        integration_id: new.integration_id,
        title,
        body,
        version: 1,
        review_interval_days: new.review_interval_days,
        review_due_at: due(now, new.review_interval_days),
        last_reviewed_at: None,
        last_reviewed_by: None,
        created_at: now,
        updated_at: now,
        updated_by: actor.own_name().to_owned(),
    };
    let tx = app.across_tenants().begin().await?;
    insert::<runbook::Entity>(&tx, row.clone(), "storing a runbook").await?;
    audit::commit(tx, entry(&row), "committing a runbook").await?;
    Ok(Runbook::of(row, now))
}

/// Changes a runbook. What it said before is kept. A change is no review.
///
/// # Errors
/// Denied without `runbooks:manage`. Rejected, all at once: `NOT_FOUND` runbookId; `CONFLICT` runbookId for one that ships
/// with the product; `CONFLICT` version when somebody has changed it since; a bad title, body or reviewIntervalDays.
pub async fn update(actor: &Actor, id: Uuid, changes: RunbookChanges) -> Result<Runbook> {
    let scope = actor.authorize(Permission::RunbookManage)?;
    found(&scope, id).await?;
    let mut problems = Problems::default();
    let title = changes.title.map(|title| problems.text("title", &title, TITLE_CHARS_MAX));
    let body = changes.body.map(|body| checked_body(body, &mut problems));
    check_interval(changes.review_interval_days.flatten(), &mut problems);
    problems.check()?;
    let tx = scope.app().across_tenants().begin().await?;
    let row = locked(&tx, id).await?;
    if row.version != changes.version {
        return Err(Error::conflict("version", "somebody has changed it since; read it again first"));
    }
    let now = scope.app().clock().now();
    let interval = changes.review_interval_days.unwrap_or(row.review_interval_days);
    let before = runbook_version::Model {
        id: new_id(),
        tenant_id: row.tenant_id,
        runbook_id: id,
        version: changes.version,
        title: row.title.clone(),
        body: row.body.clone(),
        written_at: row.updated_at,
        written_by: row.updated_by.clone(),
    };
    let row = runbook::Model {
        title: title.unwrap_or(row.title),
        body: body.unwrap_or(row.body),
        review_interval_days: interval,
        review_due_at: due(row.last_reviewed_at.unwrap_or(row.created_at), interval),
        version: changes.version.saturating_add(1),
        updated_at: now,
        updated_by: actor.own_name().to_owned(),
        ..row
    };
    store(&tx, &row).await?;
    insert::<runbook_version::Entity>(&tx, before, "storing a version of a runbook").await?;
    forget_old(&tx, &row).await?;
    audit::commit(tx, entry(&row), "committing a runbook").await?;
    Ok(Runbook::of(row, now))
}

/// Says that a runbook is right as it stands; the next review is due after its interval.
///
/// # Errors
/// Denied without `runbooks:manage`. Rejected: `NOT_FOUND` runbookId; `CONFLICT` runbookId for one that ships with the
/// product; `CONFLICT` version when it says something else by now.
pub async fn review(actor: &Actor, id: Uuid, version: i32) -> Result<Runbook> {
    let scope = actor.authorize(Permission::RunbookManage)?;
    found(&scope, id).await?;
    let tx = scope.app().across_tenants().begin().await?;
    let row = locked(&tx, id).await?;
    if row.version != version {
        let message = "somebody has changed it since; read what it says now, then review that";
        return Err(Error::conflict("version", message));
    }
    let now = scope.app().clock().now();
    let row = runbook::Model {
        last_reviewed_at: Some(now),
        last_reviewed_by: Some(actor.own_name().to_owned()),
        review_due_at: due(now, row.review_interval_days),
        ..row
    };
    store(&tx, &row).await?;
    audit::commit(tx, entry(&row), "committing the review of a runbook").await?;
    Ok(Runbook::of(row, now))
}

/// Deletes a runbook with its earlier versions.
///
/// # Errors
/// Denied without `runbooks:manage`. Rejected: `NOT_FOUND` runbookId; `CONFLICT` runbookId for one that ships with the
/// product.
#[expect(
    clippy::disallowed_methods,
    reason = "runbooks are the operator's, and the caller's scope was checked"
)]
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::RunbookManage)?;
    let row = found(&scope, id).await?;
    let tx = scope.app().across_tenants().begin().await?;
    // Its versions go with it.
    runbook::Entity::delete_many()
        .filter(runbook::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a runbook")?;
    audit::commit(tx, entry(&row), "committing the end of a runbook").await
}

async fn found(scope: &Scope, id: Uuid) -> Result<runbook::Model> {
    if built_in::get(id).is_some() {
        let message = "ships with the product and stays as it is; write one of your own for its code";
        return Err(Error::conflict("runbookId", message));
    }
    scope
        .find::<runbook::Entity>()
        .of_id(runbook::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("runbookId", "runbook"))
}

async fn tenant_of(scope: &Scope, id: Option<Uuid>, problems: &mut Problems) -> Result<Option<Uuid>> {
    let Some(id) = id else { return Ok(None) };
    let found = scope.find::<integration::Entity>().of_id(integration::Column::Id, id).one().await?;
    if found.is_none() {
        problems.add(ProblemCode::NotFound, "integrationId", "no integration has this id");
    }
    Ok(found.map(|row| row.tenant_id))
}

fn checked_body(body: String, problems: &mut Problems) -> String {
    if body.trim().is_empty() {
        problems.add(ProblemCode::Required, "body", "must not be empty");
    } else if body.len() > BODY_BYTES_MAX {
        let message = format!("has {} bytes; at most {BODY_BYTES_MAX} are allowed", body.len());
        problems.add(ProblemCode::TooLong, "body", message);
    } else if body.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
    {
        problems.add(
            ProblemCode::Invalid,
            "body",
            "must not have control characters other than line ends and tabs",
        );
    }
    body
}

fn check_interval(days: Option<i32>, problems: &mut Problems) {
    if days.is_some_and(|days| !(1..=REVIEW_INTERVAL_DAYS_MAX).contains(&days)) {
        let message = format!("must be 1 to {REVIEW_INTERVAL_DAYS_MAX} days");
        problems.add(ProblemCode::Invalid, "reviewIntervalDays", message);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "runbooks are the operator's, and the caller's scope was checked"
)]
async fn insert<E>(tx: &DatabaseTransaction, row: E::Model, doing: &'static str) -> Result<()>
where
    E: EntityTrait,
    E::Model: sea_orm::IntoActiveModel<E::ActiveModel>,
{
    E::insert(all_set::<E>(row)).exec_without_returning(tx).await.doing(doing)?;
    Ok(())
}

/// The runbook as it is now: until the transaction ends nobody else changes, reviews or deletes it.
#[expect(clippy::disallowed_methods, reason = "the row was found in the caller's scope")]
async fn locked(tx: &DatabaseTransaction, id: Uuid) -> Result<runbook::Model> {
    runbook::Entity::find_by_id(id)
        .lock_exclusive()
        .one(tx)
        .await
        .doing("locking a runbook")?
        .ok_or_else(|| Error::not_found("runbookId", "runbook"))
}

#[expect(clippy::disallowed_methods, reason = "the row was found in the caller's scope")]
async fn store(tx: &impl ConnectionTrait, row: &runbook::Model) -> Result<()> {
    runbook::Entity::update_many()
        .col_expr(runbook::Column::Title, Expr::value(row.title.as_str()))
        .col_expr(runbook::Column::Body, Expr::value(row.body.as_str()))
        .col_expr(runbook::Column::Version, Expr::value(row.version))
        .col_expr(runbook::Column::ReviewIntervalDays, Expr::value(row.review_interval_days))
        .col_expr(runbook::Column::ReviewDueAt, Expr::value(row.review_due_at))
        .col_expr(runbook::Column::LastReviewedAt, Expr::value(row.last_reviewed_at))
        .col_expr(runbook::Column::LastReviewedBy, Expr::value(row.last_reviewed_by.clone()))
        .col_expr(runbook::Column::UpdatedAt, Expr::value(row.updated_at))
        .col_expr(runbook::Column::UpdatedBy, Expr::value(row.updated_by.as_str()))
        .filter(runbook::Column::Id.eq(row.id))
        .exec(tx)
        .await
        .doing("storing a runbook")?;
    Ok(())
}

/// Keeps the latest versions only.
#[expect(clippy::disallowed_methods, reason = "the row was found in the caller's scope")]
async fn forget_old(tx: &impl ConnectionTrait, row: &runbook::Model) -> Result<()> {
    let oldest = i64::from(row.version) - VERSIONS_MAX as i64;
    runbook_version::Entity::delete_many()
        .filter(runbook_version::Column::RunbookId.eq(row.id))
        .filter(runbook_version::Column::Version.lt(oldest))
        .exec(tx)
        .await
        .doing("forgetting old versions of a runbook")?;
    Ok(())
}

/// The operator's audit log alone has it.
fn entry(row: &runbook::Model) -> Entry {
    let object = GlobalId::new(Kind::Runbook, row.id);
    Entry::of(None, Some(object)).detail(Some(format!("{} (version {})", row.title, row.version)))
}
