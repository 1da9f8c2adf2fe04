//! Runs under something, what is under a run, and what stands beside one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::Actor;
use domain::log_line::{self, LogFilter, LogLine};
use domain::page::{Page, PageArguments};
use domain::run::{self, Run, RunList, RunParent, RunWait};
use domain::run_event::{self, RunEvent};
use domain::run_metric::{self, RunMetrics};
use domain::run_slice::{self, RunSlice};
use domain::webhook_event::{self, TriggeringEvent};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, List, Loaders};

/// Runs under a tenant, an integration, a retry, a backfill or a reconciliation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Runs {
    pub(in crate::graphql) of: RunParent,
    pub(in crate::graphql) list: RunList,
}

impl List for Runs {
    type Row = Run;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<Run>>> {
        run::pages_by_parent(actor, self.of, parents, &self.list, page).await
    }
}

/// Events under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Events;

impl List for Events {
    type Row = RunEvent;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunEvent>>> {
        run_event::pages_by_run(actor, parents, page).await
    }
}

/// Events under a run, of a span of time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct EventsBetween {
    pub(in crate::graphql) from: DateTime<Utc>,
    pub(in crate::graphql) to: DateTime<Utc>,
}

impl List for EventsBetween {
    type Row = RunEvent;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunEvent>>> {
        run_event::pages_between(actor, parents, self.from, self.to, page).await
    }
}

/// Log lines under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Logs {
    pub(in crate::graphql) filter: LogFilter,
}

impl List for Logs {
    type Row = LogLine;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<LogLine>>> {
        log_line::pages_by_run(actor, parents, &self.filter, page).await
    }
}

/// Slices under a run.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::graphql) struct Slices;

impl List for Slices {
    type Row = RunSlice;

    async fn pages(
        &self,
        actor: &Actor,
        parents: &[Uuid],
        page: &PageArguments,
    ) -> domain::Result<HashMap<Uuid, Page<RunSlice>>> {
        run_slice::pages_by_run(actor, parents, page).await
    }
}

/// Why a run waits.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wait;

impl Beside for Wait {
    type Value = RunWait;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        run::waits(actor, ids).await
    }
}

/// What a run cost.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Metrics;

impl Beside for Metrics {
    type Value = RunMetrics;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        run_metric::by_runs(actor, ids).await
    }
}

/// What was logged beside a run in a span of time. Failures of one page have one time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Nearby {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Beside for Nearby {
    type Value = Vec<LogLine>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        log_line::nearby(actor, ids, self.from, self.to).await
    }
}

/// The event that brought a run about.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Event;

impl Beside for Event {
    type Value = TriggeringEvent;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        webhook_event::triggering(actor, ids).await
    }
}

impl Loaders {
    /// Why a run waits; `None` when it does not.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn wait(&self, run_id: Uuid) -> Result<Option<RunWait>> {
        self.beside(run_id, Wait).await
    }

    /// What a run cost; `None` where nothing is known yet.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn metrics(&self, run_id: Uuid) -> Result<Option<RunMetrics>> {
        self.beside(run_id, Metrics).await
    }

    /// What was logged beside a run in a span of time.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn nearby_logs(
        &self,
        run_id: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<LogLine>> {
        Ok(self.beside(run_id, Nearby { from, to }).await?.unwrap_or_default())
    }

    /// The latest event that a webhook had brought when a run was asked for; `None` when none is kept.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn triggering_event(&self, run_id: Uuid) -> Result<Option<TriggeringEvent>> {
        self.beside(run_id, Event).await
    }
}
