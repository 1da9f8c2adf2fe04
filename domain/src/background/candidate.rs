//! A due job with the rows that its run needs, and whether it may start. Whatever keeps a job from starting is read from
//! the database with the batch that it is claimed in; nothing of it is remembered.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::integration::IntegrationStatus;
use entity::kill_switch;
use entity::run::RunStatus;
use entity::tenant::TenantStatus;
use entity::{integration, job, run, run_slice, system, tenant};
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::circuit::{Circuits, Passage};
use super::kill_switch::is_reached;
use super::transaction::BatchTx;
use crate::dispatch::JobHint;
use crate::error::{Doing, Error, Result};

/// A due job with the rows that its run needs.
pub(super) struct Candidate {
    pub(super) job: job::Model,
    pub(super) run: run::Model,
    /// The slice of it that the job is.
    pub(super) slice: Option<run_slice::Model>,
    pub(super) integration: integration::Model,
    pub(super) tenant: tenant::Model,
    pub(super) source: system::Model,
    pub(super) destination: system::Model,
    /// Whether it tells if a system is there again.
    pub(super) is_probe: bool,
}

/// What becomes of a due job.
pub(super) enum Admission {
    /// It starts; as the probe of a system, or not.
    Start { is_probe: bool },
    /// It was paused, held or suspended since it was queued.
    Hold,
    /// A kill switch is engaged that reaches it.
    Stop(Uuid),
    /// Not before this: a system is left alone.
    Later(DateTime<Utc>, Uuid),
    /// Its run has ended.
    Over,
}

/// What may keep the jobs of a batch from starting.
pub(super) struct Gates {
    /// The engaged ones, the widest reach first.
    switches: Vec<kill_switch::Model>,
    pub(super) circuits: Circuits,
}

impl Gates {
    /// As they are now for these candidates.
    pub(super) async fn read(tx: &BatchTx, candidates: &[Candidate], now: DateTime<Utc>) -> Result<Self> {
        if candidates.is_empty() {
            return Ok(Self { switches: Vec::new(), circuits: Circuits::default() });
        }
        let tenants: HashSet<Uuid> = candidates.iter().map(|candidate| candidate.tenant.id).collect();
        let mut switches = engaged(tx.connection(), now, Some(tenants)).await?;
        switches.sort_by_key(|switch| (switch.scope, switch.id));
        let systems = candidates.iter().flat_map(|candidate| [&candidate.source, &candidate.destination]);
        let systems = systems.map(|system| (system.id, system.circuit_state)).collect();
        Ok(Self { switches, circuits: Circuits::lock(tx, &systems).await? })
    }

    /// One of them, by its id.
    pub(super) fn switch(&self, id: Uuid) -> Option<&kill_switch::Model> {
        self.switches.iter().find(|switch| switch.id == id)
    }
}

/// Kill switches that are engaged: of these tenants, or of all, and those that reach several.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(super) async fn engaged(
    connection: &impl sea_orm::ConnectionTrait,
    now: DateTime<Utc>,
    tenants: Option<HashSet<Uuid>>,
) -> Result<Vec<kill_switch::Model>> {
    let mut select = kill_switch::Entity::find()
        .filter(kill_switch::Column::DrainedAt.is_null())
        .filter(kill_switch::Column::ReleasedAt.is_null())
        .filter(kill_switch::Column::ExpiresAt.is_null().or(kill_switch::Column::ExpiresAt.gt(now)));
    if let Some(tenants) = tenants {
        let of_these = Condition::any()
            .add(kill_switch::Column::TenantId.is_null())
            .add(kill_switch::Column::TenantId.is_in(tenants));
        select = select.filter(of_these);
    }
    select.all(connection).await.doing("reading kill switches")
}

/// The jobs of the hints that are due, locked until the transaction ends, with the rows that their runs need.
#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
pub(super) async fn candidates(
    tx: &BatchTx,
    hints: &[JobHint],
    now: DateTime<Utc>,
) -> Result<Vec<Candidate>> {
    let doing = "reading what runs need";
    let connection = tx.connection();
    // In one order, so that two workers can't wait for each other.
    let jobs = job::Entity::find()
        .filter(tx.one_of(job::Column::Id, hints.iter().map(|hint| hint.job_id)))
        .filter(job::Column::Status.eq(job::JobStatus::Queued))
        .filter(job::Column::AvailableAt.lte(now))
        .order_by_asc(job::Column::Id)
        .lock_exclusive()
        .all(connection)
        .await
        .doing("reading due jobs")?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let ids = |id: fn(&job::Model) -> Uuid| jobs.iter().map(id).collect::<HashSet<Uuid>>();
    let runs = run::Entity::find().filter(tx.one_of(run::Column::Id, ids(|job| job.subject_id)));
    let runs = by_id(runs.all(connection).await.doing(doing)?, |run| run.id);
    let tenants = tenant::Entity::find().filter(tx.one_of(tenant::Column::Id, ids(|job| job.tenant_id)));
    let tenants = by_id(tenants.all(connection).await.doing(doing)?, |tenant| tenant.id);
    let integrations = integration::Entity::find()
        .filter(tx.one_of(integration::Column::Id, ids(|job| job.integration_id)))
        .all(connection)
        .await
        .doing(doing)?;
    let systems: HashSet<Uuid> =
        integrations.iter().flat_map(|row| [row.source_id, row.destination_id]).collect();
    let systems = system::Entity::find().filter(tx.one_of(system::Column::Id, systems));
    let systems = by_id(systems.all(connection).await.doing(doing)?, |system| system.id);
    let integrations = by_id(integrations, |integration| integration.id);
    let slices: HashSet<Uuid> = jobs.iter().filter_map(|job| job.slice_id).collect();
    let mut slices = if slices.is_empty() {
        HashMap::new()
    } else {
        let slices = run_slice::Entity::find().filter(tx.one_of(run_slice::Column::Id, slices));
        by_id(slices.all(connection).await.doing(doing)?, |slice| slice.id)
    };
    jobs.into_iter()
        .map(|job| {
            let gone = || Error::internal(doing, "a row is not there");
            let integration = integrations.get(&job.integration_id).ok_or_else(gone)?.clone();
            Ok(Candidate {
                run: runs.get(&job.subject_id).ok_or_else(gone)?.clone(),
                slice: job.slice_id.map(|id| slices.remove(&id).ok_or_else(gone)).transpose()?,
                tenant: tenants.get(&job.tenant_id).ok_or_else(gone)?.clone(),
                source: systems.get(&integration.source_id).ok_or_else(gone)?.clone(),
                destination: systems.get(&integration.destination_id).ok_or_else(gone)?.clone(),
                integration,
                job,
                is_probe: false,
            })
        })
        .collect()
}

impl Candidate {
    pub(super) fn admission(&self, gates: &mut Gates, now: DateTime<Utc>) -> Admission {
        if !matches!(self.run.status, RunStatus::Queued | RunStatus::Running) {
            Admission::Over
        } else if self.tenant.status != TenantStatus::Active
            || self.integration.status != IntegrationStatus::Active
        {
            Admission::Hold
        } else if let Some(switch) = gates.switches.iter().find(|switch| self.is_reached_by(switch)) {
            Admission::Stop(switch.id)
        } else {
            match gates.circuits.pass(self.job.id, [self.source.id, self.destination.id], now) {
                Passage::Free => Admission::Start { is_probe: false },
                Passage::Probe => Admission::Start { is_probe: true },
                Passage::Later(at, system_id) => Admission::Later(at, system_id),
            }
        }
    }

    fn is_reached_by(&self, switch: &kill_switch::Model) -> bool {
        is_reached(switch, &self.integration, [&self.source, &self.destination])
    }
}

fn by_id<M>(rows: Vec<M>, id: fn(&M) -> Uuid) -> HashMap<Uuid, M> {
    rows.into_iter().map(|row| (id(&row), row)).collect()
}
