//! Backfills: ranges of streams that are read once more.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::backfill::{self, NewBackfill};
use domain::id::Kind;
use domain::page::PageArguments;
use domain::run::{RunList, RunParent};

use super::caller::{actor, loaders};
use super::error::{ResolverError, Result, UserError, outcome};
use super::integration::Integration;
use super::loader::Runs;
use super::page::{Listed, OrderDirection, arguments};
use super::run::{Run, RunCounts, RunFilter, RunOrder, RunStatus, run_list};
use super::scalar::{DateTime, Json, id, uuid};
use super::tenant::Tenant;

/// A range of a stream that is read once more, beside its ordinary runs: it does not touch where the next one of them
/// begins, and lets those that wait go first.
#[derive(Clone)]
pub struct Backfill(pub(super) backfill::Backfill);

/// A range of a stream that is read once more, beside its ordinary runs: it does not touch where the next one of them
/// begins, and lets those that wait go first.
#[Object]
impl Backfill {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Backfill, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// Whose stream.
    async fn integration(&self, ctx: &Context<'_>) -> Result<Integration> {
        Ok(Integration(loaders(ctx)?.referred(self.0.integration_id, "integration").await?))
    }

    /// Name of the stream.
    fn stream(&self) -> &str {
        &self.0.stream
    }

    /// The lowest value of the cursor field, itself included.
    fn from(&self) -> Json {
        self.0.range_from.clone().into()
    }

    /// The value of the cursor field that is the first not to be read; null reads to the end.
    fn to(&self) -> Option<Json> {
        self.0.range_until.clone().map(Into::into)
    }

    /// How far it is: the status of its last run.
    async fn status(&self, ctx: &Context<'_>) -> Result<RunStatus> {
        Ok(self.last_run(ctx).await?.status.into())
    }

    /// What became of its records so far: the counts of its last run.
    async fn counts(&self, ctx: &Context<'_>) -> Result<RunCounts> {
        Ok(domain::run::RunCounts::of(&self.last_run(ctx).await?).into())
    }

    /// Who asked for it, in words a customer understands.
    fn requested_by(&self) -> &str {
        &self.0.requested_by
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When its last run ended; null before that.
    async fn finished_at(&self, ctx: &Context<'_>) -> Option<Result<DateTime>> {
        let run = self.last_run(ctx).await;
        run.map(|run| run.finished_at.map(Into::into)).transpose()
    }

    /// Its runs: the one that it began with, and retries of it.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilter>,
        order_by: Option<RunOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Listed<Run>> {
        let list = Runs { of: RunParent::Backfill, list: run_list(ctx, filter, order_by)? };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Listed::new(page, Run))
    }
}

impl Backfill {
    async fn last_run(&self, ctx: &Context<'_>) -> Result<domain::run::Run> {
        let list = Runs { of: RunParent::Backfill, list: RunList::default() };
        let one = PageArguments { first: Some(1), ..PageArguments::default() };
        let page = loaders(ctx)?.page(self.0.id, list, one).await?;
        let edge = page.edges.into_iter().next();
        edge.map(|edge| edge.node).ok_or_else(|| ResolverError::dangling("run"))
    }
}

/// Which backfills a list has; all conditions hold at once.
#[derive(Debug, Default, InputObject)]
pub struct BackfillFilter {
    /// Of the stream of this name.
    stream: Option<String>,
}

impl BackfillFilter {
    pub(super) fn decode(self) -> backfill::BackfillFilter {
        backfill::BackfillFilter { stream: self.stream }
    }
}

/// By what backfills are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum BackfillOrderField {
    /// By the time they were asked for.
    #[default]
    CreatedAt,
}

/// Order of a list of backfills; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct BackfillOrder {
    /// By what.
    #[graphql(default)]
    pub(super) field: BackfillOrderField,
    /// Which way.
    #[graphql(default)]
    pub(super) direction: OrderDirection,
}

/// Queries of backfills.
#[derive(Default)]
pub struct BackfillQuery;

#[Object]
impl BackfillQuery {
    /// One backfill; null when there is none that the viewer may see.
    async fn backfill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The backfill's id.")] id: ID,
    ) -> Option<Result<Backfill>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Backfill, &id)).await };
        row.await.transpose().map(|row| row.map(Backfill))
    }
}

/// Which range to read once more.
#[derive(InputObject)]
pub struct StartBackfillInput {
    /// Which integration.
    integration_id: ID,
    /// Name of the stream; it must have a cursor field.
    stream: String,
    /// The lowest value of the cursor field, itself included: a text of at most 500 bytes, or a number, as the source holds
    /// it.
    from: Json,
    /// The value of the cursor field that is the first not to be read; absent or null reads to the end.
    to: Option<Json>,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first backfill and starts none.
    idempotency_key: Option<String>,
}

/// Which backfill to cancel.
#[derive(InputObject)]
pub struct CancelBackfillInput {
    /// Which backfill.
    backfill_id: ID,
}

/// A backfill, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct BackfillPayload {
    /// The backfill; null when `userErrors` is not empty.
    backfill: Option<Backfill>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl BackfillPayload {
    fn of(result: domain::Result<backfill::Backfill>) -> Result<Self> {
        let (backfill, user_errors) = outcome(result)?;
        Ok(Self { backfill: backfill.map(Backfill), user_errors })
    }
}

/// Mutations of backfills.
#[derive(Default)]
pub struct BackfillMutation;

#[Object]
impl BackfillMutation {
    /// Reads a range of a stream once more. It is durable: once answered it will be done, whatever restarts.
    async fn start_backfill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stream and the range.")] input: StartBackfillInput,
    ) -> Result<BackfillPayload> {
        let new = NewBackfill {
            integration_id: uuid(Kind::Integration, &input.integration_id),
            stream: input.stream,
            from: input.from.0,
            until: input.to.map(|to| to.0).filter(|to| !to.is_null()),
        };
        BackfillPayload::of(backfill::start(&actor(ctx)?, new, input.idempotency_key.as_deref()).await)
    }

    /// Cancels a backfill: what is done stays.
    async fn cancel_backfill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The backfill.")] input: CancelBackfillInput,
    ) -> Result<BackfillPayload> {
        let id = uuid(Kind::Backfill, &input.backfill_id);
        BackfillPayload::of(backfill::cancel(&actor(ctx)?, id).await)
    }
}
