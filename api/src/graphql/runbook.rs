//! Runbooks: what staff do about failures, in Markdown. No tenant reads of them.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use domain::id::Kind;
use domain::runbook::{self, NewRunbook, RunbookChanges};

use super::caller::{actor, loaders};
use super::error::{Result, UserError, filter_text, outcome};
use super::integration::Integration;
use super::page::{Connection, OrderDirection, arguments};
use super::scalar::{DateTime, id, optional_uuid, uuid};

/// What staff do about failures of a code, a connector or an integration, or of several of these at once.
#[derive(Clone)]
pub struct Runbook(pub(super) runbook::Runbook);

/// What staff do about failures of a code, a connector or an integration, or of several of these at once.
#[Object]
impl Runbook {
    /// Opaque and lasting; of one that ships with the product the same in every installation.
    async fn id(&self) -> ID {
        id(Kind::Runbook, self.0.id)
    }

    /// Whether it ships with the product. Such a one can't be changed; one of the operator's own for its code stands ahead
    /// of it.
    fn is_built_in(&self) -> bool {
        self.0.is_built_in
    }

    /// The code of the error catalogue that it is about; null: any.
    fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Name of the connector that it is about; null: any.
    fn connector(&self) -> Option<&str> {
        self.0.connector.as_deref()
    }

    /// The integration that it is about; null: any.
    async fn integration(&self, ctx: &Context<'_>) -> Option<Result<Integration>> {
        let id = self.0.integration_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Integration))
    }

    /// One line.
    fn title(&self) -> &str {
        &self.0.title
    }

    /// Markdown.
    fn body(&self) -> &str {
        &self.0.body
    }

    /// Grows by one with each change.
    fn version(&self) -> i32 {
        self.0.version
    }

    /// It is to be reviewed so often, in days; null: never.
    fn review_interval_days(&self) -> Option<i32> {
        self.0.review_interval_days
    }

    /// When somebody last said that it is right; null: nobody has.
    fn last_reviewed_at(&self) -> Option<DateTime> {
        self.0.last_reviewed_at.map(Into::into)
    }

    /// Who said so.
    fn last_reviewed_by(&self) -> Option<&str> {
        self.0.last_reviewed_by.as_deref()
    }

    /// Whether a review is due: `reviewIntervalDays` after the last one, or after it was made.
    fn is_review_overdue(&self) -> bool {
        self.0.is_review_overdue
    }

    /// When this version was written; null for what ships with the product.
    fn updated_at(&self) -> Option<DateTime> {
        self.0.updated_at.map(Into::into)
    }

    /// Who wrote this version; null for what ships with the product.
    fn updated_by(&self) -> Option<&str> {
        self.0.updated_by.as_deref()
    }
}

/// What a runbook said before it was changed.
#[derive(SimpleObject)]
pub struct RunbookVersion {
    /// Its number.
    version: i32,
    /// One line.
    title: String,
    /// Markdown.
    body: String,
    /// When it was written.
    written_at: DateTime,
    /// Who wrote it.
    written_by: String,
}

impl From<runbook::RunbookVersion> for RunbookVersion {
    fn from(row: runbook::RunbookVersion) -> Self {
        Self {
            version: row.version,
            title: row.title,
            body: row.body,
            written_at: row.written_at.into(),
            written_by: row.written_by,
        }
    }
}

/// Which runbooks a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct RunbookFilter {
    /// About this code.
    code: Option<String>,
    /// About this connector.
    connector: Option<String>,
    /// About this integration.
    integration_id: Option<ID>,
    /// Whether a review is due.
    is_review_overdue: Option<bool>,
    /// Whether they ship with the product.
    is_built_in: Option<bool>,
    /// With this text in the title or body, in any case; at most 200 characters.
    search: Option<String>,
}

impl RunbookFilter {
    fn decode(self) -> domain::Result<runbook::RunbookFilter> {
        Ok(runbook::RunbookFilter {
            code: self.code.map(filter_text).transpose()?,
            connector: self.connector.map(filter_text).transpose()?,
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            is_review_overdue: self.is_review_overdue,
            is_built_in: self.is_built_in,
            search: self.search,
        })
    }
}

/// By what runbooks are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum RunbookOrderField {
    /// By the time they were made; those that ship with the product are the oldest.
    #[default]
    CreatedAt,
}

/// Order of a list of runbooks; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct RunbookOrder {
    /// By what.
    #[graphql(default)]
    field: RunbookOrderField,
    /// Which way.
    #[graphql(default)]
    direction: OrderDirection,
}

/// Queries of runbooks.
#[derive(Default)]
pub struct RunbookQuery;

#[Object]
impl RunbookQuery {
    /// One runbook; null when there is none.
    async fn runbook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook's id.")] id: ID,
    ) -> Option<Result<Runbook>> {
        let row = async { Ok(runbook::get(&actor(ctx)?, uuid(Kind::Runbook, &id)).await?) };
        let row: Result<Option<runbook::Runbook>> = row.await;
        row.transpose().map(|row| row.map(Runbook))
    }

    /// Runbooks: the operator's own, and those that ship with the product.
    async fn runbooks(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunbookFilter>,
        order_by: Option<RunbookOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Runbook>> {
        let actor = actor(ctx)?;
        actor.require(domain::Permission::RunbookRead)?;
        let filter = filter.unwrap_or_default().decode()?;
        let RunbookOrder { field: RunbookOrderField::CreatedAt, direction } = order_by.unwrap_or_default();
        let page = arguments(first, after, last, before);
        let rows = runbook::list(&actor, &filter, direction.into(), &page).await?;
        Ok(Connection::new(rows, Runbook))
    }

    /// Earlier versions of a runbook, newest first: the latest 50.
    async fn runbook_versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook's id.")] runbook_id: ID,
    ) -> Result<Vec<RunbookVersion>> {
        let rows = runbook::versions(&actor(ctx)?, uuid(Kind::Runbook, &runbook_id)).await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

/// A new runbook, about at least one of a code, a connector and an integration.
#[derive(InputObject)]
pub struct CreateRunbookInput {
    /// About this code of the error catalogue.
    code: Option<String>,
    /// About this connector.
    connector: Option<String>,
    /// About this integration.
    integration_id: Option<ID>,
    /// One line, at most 200 characters.
    title: String,
    /// Markdown, at most 64 KiB.
    body: String,
    /// It is to be reviewed so often: 1 to 1,096 days; null or absent: never.
    review_interval_days: Option<i32>,
}

/// Changes of a runbook: absent is unchanged.
#[derive(InputObject)]
pub struct UpdateRunbookInput {
    /// Which runbook.
    runbook_id: ID,
    /// The version that was read. When somebody has changed it since, nothing is changed.
    version: i32,
    /// One line, at most 200 characters.
    title: Option<String>,
    /// Markdown, at most 64 KiB.
    body: Option<String>,
    /// It is to be reviewed so often: 1 to 1,096 days; null: never.
    review_interval_days: MaybeUndefined<i32>,
}

/// Which version of a runbook is right.
#[derive(InputObject)]
pub struct ReviewRunbookInput {
    /// Which runbook.
    runbook_id: ID,
    /// The version that was read.
    version: i32,
}

/// Which runbook to delete.
#[derive(InputObject)]
pub struct DeleteRunbookInput {
    /// Which runbook.
    runbook_id: ID,
}

/// A runbook, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RunbookPayload {
    /// The runbook; null when `userErrors` is not empty.
    runbook: Option<Runbook>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl RunbookPayload {
    fn of(result: domain::Result<runbook::Runbook>) -> Result<Self> {
        let (runbook, user_errors) = outcome(result)?;
        Ok(Self { runbook: runbook.map(Runbook), user_errors })
    }
}

/// The id of what was deleted, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct DeleteRunbookPayload {
    /// Id of the runbook that is gone; null when `userErrors` is not empty.
    deleted_runbook_id: Option<ID>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of runbooks.
#[derive(Default)]
pub struct RunbookMutation;

#[Object]
impl RunbookMutation {
    /// Writes a runbook.
    async fn create_runbook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook.")] input: CreateRunbookInput,
    ) -> Result<RunbookPayload> {
        let new = NewRunbook {
            code: input.code,
            connector: input.connector,
            integration_id: optional_uuid(Kind::Integration, input.integration_id.as_ref()),
            title: input.title,
            body: input.body,
            review_interval_days: input.review_interval_days,
        };
        RunbookPayload::of(runbook::create(&actor(ctx)?, new).await)
    }

    /// Changes a runbook. What it said before is kept; a change is no review.
    async fn update_runbook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook and its changes.")] input: UpdateRunbookInput,
    ) -> Result<RunbookPayload> {
        let changes = RunbookChanges {
            version: input.version,
            title: input.title,
            body: input.body,
            review_interval_days: match input.review_interval_days {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(days) => Some(Some(days)),
            },
        };
        let id = uuid(Kind::Runbook, &input.runbook_id);
        RunbookPayload::of(runbook::update(&actor(ctx)?, id, changes).await)
    }

    /// Says that a runbook is right as it stands.
    async fn review_runbook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook, and what was read of it.")] input: ReviewRunbookInput,
    ) -> Result<RunbookPayload> {
        let id = uuid(Kind::Runbook, &input.runbook_id);
        RunbookPayload::of(runbook::review(&actor(ctx)?, id, input.version).await)
    }

    /// Deletes a runbook with its earlier versions.
    async fn delete_runbook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The runbook.")] input: DeleteRunbookInput,
    ) -> Result<DeleteRunbookPayload> {
        let deleted = runbook::delete(&actor(ctx)?, uuid(Kind::Runbook, &input.runbook_id)).await;
        let (deleted, user_errors) = outcome(deleted)?;
        Ok(DeleteRunbookPayload { deleted_runbook_id: deleted.map(|()| input.runbook_id), user_errors })
    }
}
