//! Retries: durable bulk operations over failures.

#![expect(
    clippy::too_many_arguments,
    reason = "a connection has four arguments, besides its filter and its order"
)]

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use domain::Permission;
use domain::id::Kind;
use domain::retry;
use domain::run::RunParent;
use futures::stream::BoxStream;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::failure::{FailureFilter, selection};
use super::live::{self, Watch};
use super::loader::Runs;
use super::page::{Connection, arguments};
use super::run::{Run, RunFilter, RunOrder};
use super::scalar::{BigInt, DateTime, Json, id, uuid};
use super::tenant::Tenant;

/// How far a retry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entity::retry::RetryStatus")]
pub enum RetryStatus {
    /// No run of it has started.
    Queued,
    /// It is at work.
    Running,
    /// Every failure of it was tried.
    Completed,
    /// It was canceled; what is done stays.
    Canceled,
}

/// A bulk retry: durable, with progress; cancelling keeps what is done.
#[derive(Clone)]
pub struct Retry(pub(super) retry::Retry);

/// A bulk retry: durable, with progress; cancelling keeps what is done.
#[Object]
impl Retry {
    /// Opaque and lasting.
    pub(super) async fn id(&self) -> ID {
        id(Kind::Retry, self.0.id)
    }

    /// The tenant that owns it.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        Ok(Tenant(loaders(ctx)?.referred(self.0.tenant_id, "tenant").await?))
    }

    /// How far it is.
    async fn status(&self) -> RetryStatus {
        self.0.status.into()
    }

    /// Who asked for it, in words a customer understands.
    async fn requested_by(&self) -> &str {
        &self.0.requested_by
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it ended; null before that.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(Into::into)
    }

    /// Failures it took: resolved + failed + remaining.
    async fn total(&self) -> BigInt {
        self.0.total.into()
    }

    /// Failures it resolved.
    async fn resolved(&self) -> BigInt {
        self.0.resolved.into()
    }

    /// Failures that failed again, or were let go when it was canceled.
    async fn failed(&self) -> BigInt {
        self.0.failed.into()
    }

    /// Failures that are still to be tried.
    async fn remaining(&self) -> BigInt {
        (self.0.total - self.0.resolved - self.0.failed).max(0).into()
    }

    /// Its runs, one for each integration.
    async fn runs(
        &self,
        ctx: &Context<'_>,
        filter: Option<RunFilter>,
        order_by: Option<RunOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Run>> {
        let list = Runs {
            of: RunParent::Retry,
            filter: filter.unwrap_or_default().decode(),
            direction: order_by.unwrap_or_default().direction.into(),
        };
        let page = loaders(ctx)?.page(self.0.id, list, arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, Run))
    }
}

/// What a retry would do, counted before anything is done.
#[derive(Clone, Debug, SimpleObject)]
pub struct RetryPlan {
    /// Open failures that match: retryable + notRetryable.
    total: BigInt,
    /// Of these, how many would be tried.
    retryable: BigInt,
    /// How many can't be tried, because nothing of them was kept that could be written.
    not_retryable: BigInt,
    /// How many of the retryable ones would write a record whose key was written after they failed.
    already_written: BigInt,
}

/// Queries of retries.
#[derive(Default)]
pub struct RetryQuery;

#[Object]
impl RetryQuery {
    /// One retry; null when there is none that the viewer may see.
    async fn retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry's id.")] id: ID,
    ) -> Option<Result<Retry>> {
        let row = async { loaders(ctx)?.row(uuid(Kind::Retry, &id)).await };
        row.await.transpose().map(|row| row.map(Retry))
    }

    /// What `retryFailures` with this filter would do. Nothing is done.
    async fn retry_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which failures.")] filter: FailureFilter,
    ) -> Result<RetryPlan> {
        let plan = retry::plan(&actor(ctx)?, &filter.decode()?).await?;
        Ok(RetryPlan {
            total: plan.total.into(),
            retryable: plan.retryable.into(),
            not_retryable: plan.not_retryable.into(),
            already_written: plan.already_written.into(),
        })
    }
}

/// Which failures to retry: exactly one of `failureIds` and `filter`.
#[derive(InputObject)]
pub struct RetryFailuresInput {
    /// These, 1 to 1,000, all of one tenant and open.
    failure_ids: Option<Vec<ID>>,
    /// All open ones that match, of one tenant.
    filter: Option<FailureFilter>,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first retry and starts none.
    idempotency_key: Option<String>,
}

/// A record as it should have been.
#[derive(InputObject)]
pub struct EditAndRetryFailureInput {
    /// Which failure; it must be open and have a record.
    failure_id: ID,
    /// The whole record, an object with all key fields of its stream; at most 1 MiB.
    #[graphql(secret)]
    record: Json,
    /// 1 to 255 bytes. The same key within 24 hours answers with the first retry and starts none.
    idempotency_key: Option<String>,
}

/// Which retry to cancel.
#[derive(InputObject)]
pub struct CancelRetryInput {
    /// Which retry.
    retry_id: ID,
}

/// A retry, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RetryPayload {
    /// The retry; null when `userErrors` is not empty.
    retry: Option<Retry>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl RetryPayload {
    fn of(result: domain::Result<retry::Retry>) -> Result<Self> {
        let (retry, user_errors) = outcome(result)?;
        Ok(Self { retry: retry.map(Retry), user_errors })
    }
}

/// Mutations of retries.
#[derive(Default)]
pub struct RetryMutation;

#[Object]
impl RetryMutation {
    /// Retries failures, by id or by filter. It is durable: once answered it will be done, whatever restarts.
    async fn retry_failures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failures.")] input: RetryFailuresInput,
    ) -> Result<RetryPayload> {
        let actor = actor(ctx)?;
        actor.require(Permission::FailureRetry)?;
        RetryPayload::of(match selection(input.failure_ids, input.filter) {
            Ok(selection) => retry::start(&actor, &selection, input.idempotency_key.as_deref()).await,
            Err(error) => Err(error),
        })
    }

    /// Stores an edited record and retries its failure.
    async fn edit_and_retry_failure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failure and its record.")] input: EditAndRetryFailureInput,
    ) -> Result<RetryPayload> {
        let id = uuid(Kind::Failure, &input.failure_id);
        let key = input.idempotency_key.as_deref();
        RetryPayload::of(retry::edit_and_start(&actor(ctx)?, id, &input.record.0, key).await)
    }

    /// Cancels a retry: what is done stays, what is not goes back to open.
    async fn cancel_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry.")] input: CancelRetryInput,
    ) -> Result<RetryPayload> {
        RetryPayload::of(retry::cancel(&actor(ctx)?, uuid(Kind::Retry, &input.retry_id)).await)
    }
}

/// Live updates of retries.
#[derive(Default)]
pub struct RetrySubscription;

#[Subscription]
impl RetrySubscription {
    /// A retry as it is now, and again after each change. Changes in quick succession arrive as one.
    async fn retry_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The retry's id.")] retry_id: ID,
    ) -> Result<BoxStream<'static, Result<Retry>>> {
        live::watch(ctx, Watch { id: Some(uuid(Kind::Retry, &retry_id)), integration_id: None }, Retry).await
    }
}
