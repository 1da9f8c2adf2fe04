//! All that may explain a failure, from where one stands: what started its run, and what was going on when it happened. Each
//! part is read for its own audience.

use async_graphql::{Context, Object, SimpleObject};
use chrono::TimeDelta;
use domain::Permission;
use domain::failure;
use domain::log_line;
use domain::run;

use super::caller::{actor, loaders};
use super::error::Result;
use super::failure::Redaction;
use super::loader::{EventsBetween, List, Logs};
use super::log_line::LogLine;
use super::run::{Run, RunTrigger};
use super::run_event::RunEvent;
use super::run_metric::RunMetrics;
use super::scalar::DateTime;

/// Seconds before and after the failure that are looked at when nobody says.
pub(super) const WINDOW_SECONDS_DEFAULT: i32 = 60;
/// The same at most: more is for `Run.events` and `Run.logs`.
const WINDOW_SECONDS_MAX: i32 = 600;
/// Events and lines of the run, each, before the failure and from it on.
const PART_MAX: i32 = 50;

/// Where engineers see a trace, with `{traceId}` in it.
pub(crate) struct TraceUrl(pub(crate) Option<String>);

/// An event of a source system that its webhook brought.
#[derive(Clone, Debug, SimpleObject)]
pub struct TriggeringEvent {
    /// The sender's id for it; null where it sends none.
    event_id: Option<String>,
    /// What happened, in the sender's words; null where it says none.
    event_type: Option<String>,
    /// When it came.
    received_at: DateTime,
}

/// What started a run.
#[derive(Clone)]
pub struct ClueTrigger(run::Run);

/// What started a run.
#[Object]
impl ClueTrigger {
    /// What kind of thing.
    fn kind(&self) -> RunTrigger {
        self.0.trigger.into()
    }

    /// Who or what, in words a customer understands.
    fn triggered_by(&self) -> &str {
        &self.0.triggered_by
    }

    /// When the run was asked for.
    fn queued_at(&self) -> DateTime {
        self.0.queued_at.into()
    }

    /// The run whose failures it retries; null for others.
    async fn retry_of(&self, ctx: &Context<'_>) -> Option<Result<Run>> {
        let id = self.0.retry_of_id?;
        let row = async { loaders(ctx)?.row(id).await };
        row.await.transpose().map(|row| row.map(Run))
    }

    /// The latest event that its webhook had brought when it was asked for; null for runs that no webhook started, and when
    /// the event is not kept any more.
    async fn event(&self, ctx: &Context<'_>) -> Option<Result<TriggeringEvent>> {
        if self.0.trigger != run::RunTrigger::Webhook {
            return None;
        }
        let event = async { loaders(ctx)?.triggering_event(self.0.id).await };
        event.await.transpose().map(|event| {
            event.map(|event| TriggeringEvent {
                event_id: event.event_id,
                event_type: event.event_type,
                received_at: event.received_at.into(),
            })
        })
    }
}

/// What may explain a failure.
#[derive(Clone)]
pub struct FailureClues {
    failure: failure::Failure,
    window: TimeDelta,
}

impl FailureClues {
    /// # Errors
    /// `BAD_USER_INPUT` for a window that is too small or too large.
    pub(super) fn of(failure: failure::Failure, window_seconds: i32) -> Result<Self> {
        if !(1..=WINDOW_SECONDS_MAX).contains(&window_seconds) {
            let message = format!("is {window_seconds}; it must be from 1 to {WINDOW_SECONDS_MAX} seconds");
            return Err(domain::Error::Argument { argument: "windowSeconds", message }.into());
        }
        Ok(Self { failure, window: TimeDelta::seconds(i64::from(window_seconds)) })
    }

    async fn run(&self, ctx: &Context<'_>) -> Result<run::Run> {
        loaders(ctx)?.referred(self.failure.run_id, "run").await
    }

    fn span(&self) -> (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) {
        (self.failure.failed_at - self.window, self.failure.failed_at + self.window)
    }

    /// What is nearest to the failure of a list of its run.
    async fn around<L: List>(
        &self,
        ctx: &Context<'_>,
        between: impl Fn(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) -> L,
    ) -> Result<impl Iterator<Item = L::Row>> {
        let ((from, to), at) = (self.span(), self.failure.failed_at);
        let (loaders, run_id) = (loaders(ctx)?, self.failure.run_id);
        let last = super::page::arguments(None, None, Some(PART_MAX), None);
        let first = super::page::arguments(Some(PART_MAX), None, None, None);
        let (before, after) = tokio::try_join!(
            loaders.page(run_id, between(from, at), last),
            loaders.page(run_id, between(at, to), first),
        )?;
        Ok(before.edges.into_iter().chain(after.edges).map(|edge| edge.node))
    }
}

/// What may explain a failure.
#[Object]
impl FailureClues {
    /// What started its run.
    async fn trigger(&self, ctx: &Context<'_>) -> Result<ClueTrigger> {
        Ok(ClueTrigger(self.run(ctx).await?))
    }

    /// What happened in its run around the failure, oldest first, at most the 50 events before it and the 50 from it on;
    /// each viewer sees the events of their audience.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<RunEvent>> {
        Ok(self.around(ctx, |from, to| EventsBetween { from, to }).await?.map(RunEvent).collect())
    }

    /// What its run logged around the failure, oldest first, at most the 50 lines before it and the 50 from it on. Audience
    /// ENGINEER; null for others.
    async fn logs(&self, ctx: &Context<'_>) -> Option<Result<Vec<LogLine>>> {
        self.lines(ctx).await.transpose()
    }

    /// What was logged beside its run around the failure, oldest first, at most the 50 lines before it and the 50 from it
    /// on: of dispatching, access tokens and deliveries of the tenant, and of other runs that use one of its systems.
    /// Audience ENGINEER; null for others.
    async fn nearby_logs(&self, ctx: &Context<'_>) -> Option<Result<Vec<LogLine>>> {
        self.nearby(ctx).await.transpose()
    }

    /// What its run cost. Audience SUPPORT; null for others.
    async fn metrics(&self, ctx: &Context<'_>) -> Option<Result<RunMetrics>> {
        self.cost(ctx).await.transpose()
    }

    /// OpenTelemetry trace id of its run, 32 hex digits. Audience ENGINEER; null for others.
    async fn trace_id(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        self.trace(ctx).await.transpose()
    }

    /// Where that trace is seen; null where the operator has not said (`TRESTLE_TRACE_URL`). Audience ENGINEER; null for
    /// others.
    async fn trace_url(&self, ctx: &Context<'_>) -> Option<Result<String>> {
        let template = ctx.data_opt::<TraceUrl>()?.0.as_deref()?;
        let trace = self.trace(ctx).await.transpose()?;
        Some(trace.map(|trace_id| template.replace("{traceId}", &trace_id)))
    }

    /// Fields of this object that are null only because this viewer may not see them, and why.
    async fn redactions(&self, ctx: &Context<'_>) -> Result<Vec<Redaction>> {
        Ok(Redaction::all(&failure::clue_redactions(&actor(ctx)?)))
    }
}

impl FailureClues {
    async fn lines(&self, ctx: &Context<'_>) -> Result<Option<Vec<LogLine>>> {
        if !actor(ctx)?.may(Permission::InternalsRead) {
            return Ok(None);
        }
        let between = |from, to| Logs {
            filter: log_line::LogFilter { from: Some(from), to: Some(to), ..Default::default() },
        };
        Ok(Some(self.around(ctx, between).await?.map(LogLine).collect()))
    }

    async fn nearby(&self, ctx: &Context<'_>) -> Result<Option<Vec<LogLine>>> {
        if !actor(ctx)?.may(Permission::InternalsRead) {
            return Ok(None);
        }
        let (from, to) = self.span();
        let lines = loaders(ctx)?.nearby_logs(self.failure.run_id, from, to).await?;
        Ok(Some(lines.into_iter().map(LogLine).collect()))
    }

    async fn cost(&self, ctx: &Context<'_>) -> Result<Option<RunMetrics>> {
        if !actor(ctx)?.may(Permission::DiagnosticsRead) {
            return Ok(None);
        }
        let Some(metrics) = loaders(ctx)?.metrics(self.failure.run_id).await? else { return Ok(None) };
        Ok(Some(RunMetrics::of(metrics, &self.run(ctx).await?)))
    }

    async fn trace(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if !actor(ctx)?.may(Permission::InternalsRead) {
            return Ok(None);
        }
        Ok(self.run(ctx).await?.trace_id)
    }
}
