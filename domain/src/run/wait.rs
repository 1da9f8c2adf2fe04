//! Why a run waits, in words for whoever looks at it, and until when. Read from its job, which no caller sees.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus};
use entity::job::{self, JobStatus};
use entity::kill_switch;
use entity::tenant::{self, TenantStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::actor::Actor;
use crate::background::circuit::WAIT_CODE;
use crate::error::{Doing, Result};
use crate::permission::Permission;
use crate::scope::Scope;
use crate::words;

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// For a worker that is free.
    Worker,
    /// For another run of its integration to end.
    OtherRun,
    /// For the next attempt, after a system was down or busy.
    Retry,
    /// For a system that failed several times in a row and is left alone for a while.
    System,
    /// For its integration to be resumed by a person.
    Paused,
    /// For its integration to be released.
    Held,
    /// For its tenant to be resumed.
    Suspended,
    /// For a kill switch to be released.
    KillSwitch,
}

/// Why a run waits, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWait {
    /// For what.
    pub reason: WaitReason,
    /// The code of the failure that it is tried again after.
    pub code: Option<String>,
    /// In words a customer understands.
    pub message: String,
    /// When it is tried next, where a time is set.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// Why those of these runs wait that do, in few statements.
///
/// # Errors
/// Denied without `runs:read`.
pub async fn waits(actor: &Actor, runs: &[Uuid]) -> Result<HashMap<Uuid, RunWait>> {
    let scope = actor.authorize(Permission::RunRead)?;
    let jobs = scope
        .find::<job::Entity>()
        .filter(job::Column::SubjectId.is_in(runs.iter().copied()))
        .filter(job::Column::Status.is_not_in([JobStatus::Divided, JobStatus::Done]))
        .all()
        .await?;
    let jobs = first_to_go_on(jobs, scope.app().clock().now());
    let held = Held::read(&scope, &jobs).await?;
    let now = scope.app().clock().now();
    Ok(jobs.into_iter().map(|job| (job.subject_id, wait(&job, &held, now))).collect())
}

/// Of each run that waits the job that goes on first: one of which a slice runs does not wait.
fn first_to_go_on(mut jobs: Vec<job::Model>, now: DateTime<Utc>) -> Vec<job::Model> {
    jobs.sort_by_key(|job| {
        let place = match job.status {
            JobStatus::Running => 0,
            JobStatus::Queued if job.available_at <= now => 1,
            JobStatus::Queued => 2,
            _ => 3,
        };
        (place, job.available_at, job.id)
    });
    let mut seen = HashSet::new();
    jobs.retain(|job| seen.insert(job.subject_id));
    jobs.retain(|job| job.status != JobStatus::Running);
    jobs
}

fn wait(job: &job::Model, held: &Held, now: DateTime<Utc>) -> RunWait {
    let wait = |reason, message: String| RunWait { reason, code: None, message, next_attempt_at: None };
    match job.status {
        JobStatus::Held => {
            let (reason, message) = held.why(job);
            wait(reason, message)
        }
        JobStatus::Waiting => {
            wait(WaitReason::OtherRun, "It begins when another run of the integration has ended.".to_owned())
        }
        // It waits for what comes in the next seconds, and was not tried yet.
        _ if job.available_at > now && job.attempt == 0 && job.wait_code.is_none() => {
            let message = "It begins soon, with all that comes until then.".to_owned();
            let wait = wait(WaitReason::Worker, message);
            RunWait { next_attempt_at: Some(job.available_at), ..wait }
        }
        _ if job.available_at > now => {
            if job.wait_code.as_deref() == Some(WAIT_CODE) {
                let message = "A system failed several times in a row and is left alone for a while. The run goes on by itself.";
                let wait = wait(WaitReason::System, message.to_owned());
                return RunWait { next_attempt_at: Some(job.available_at), ..wait };
            }
            let code = job.wait_code.clone();
            let message = match &code {
                Some(code) => words(code),
                None => "It is tried again by itself.".to_owned(),
            };
            RunWait { reason: WaitReason::Retry, code, message, next_attempt_at: Some(job.available_at) }
        }
        _ => wait(WaitReason::Worker, "It begins as soon as there is room.".to_owned()),
    }
}

fn words(code: &str) -> String {
    let happened = words::shipped_english().happened(code, "The run");
    format!("{} It is tried again by itself.", with_full_stop(&happened))
}

fn with_full_stop(summary: &str) -> String {
    format!("{summary}{}", if summary.ends_with('.') { "" } else { "." })
}

/// What holds the jobs that are held.
struct Held {
    integrations: HashMap<Uuid, integration::Model>,
    suspended: HashSet<Uuid>,
    messages: HashMap<Uuid, String>,
}

impl Held {
    async fn read(scope: &Scope, jobs: &[job::Model]) -> Result<Self> {
        let jobs: Vec<&job::Model> = jobs.iter().filter(|job| job.status == JobStatus::Held).collect();
        if jobs.is_empty() {
            return Ok(Self {
                integrations: HashMap::new(),
                suspended: HashSet::new(),
                messages: HashMap::new(),
            });
        }
        let integrations = scope
            .find::<integration::Entity>()
            .filter(integration::Column::Id.is_in(jobs.iter().map(|job| job.integration_id)))
            .all()
            .await?;
        let suspended = scope
            .find::<tenant::Entity>()
            .filter(tenant::Column::Id.is_in(jobs.iter().map(|job| job.tenant_id)))
            .filter(tenant::Column::Status.eq(TenantStatus::Suspended))
            .all()
            .await?;
        Ok(Self {
            integrations: integrations.into_iter().map(|row| (row.id, row)).collect(),
            suspended: suspended.into_iter().map(|tenant| tenant.id).collect(),
            messages: messages(scope, jobs.iter().filter_map(|job| job.kill_switch_id)).await?,
        })
    }

    fn why(&self, job: &job::Model) -> (WaitReason, String) {
        if let Some(message) = job.kill_switch_id.and_then(|id| self.messages.get(&id)) {
            return (WaitReason::KillSwitch, message.clone());
        }
        if self.suspended.contains(&job.tenant_id) {
            return (WaitReason::Suspended, "It is kept while the company is suspended.".to_owned());
        }
        let integration = self.integrations.get(&job.integration_id);
        let reason = integration.and_then(|row| row.status_reason.clone());
        match integration.map(|row| row.status) {
            Some(IntegrationStatus::Held) => {
                (WaitReason::Held, reason.unwrap_or_else(|| "The integration is held.".to_owned()))
            }
            _ => (WaitReason::Paused, reason.unwrap_or_else(|| "The integration is paused.".to_owned())),
        }
    }
}

/// What kill switches tell customers. Those that stop several tenants are nobody's, and each of the tenants reads their
/// words, and only these.
#[expect(clippy::disallowed_methods, reason = "by ids that jobs of the scope name; one column is given out")]
async fn messages(scope: &Scope, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>> {
    let ids: HashSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = kill_switch::Entity::find()
        .filter(kill_switch::Column::Id.is_in(ids))
        .all(scope.app().across_tenants().reader())
        .await
        .doing("reading the words of kill switches")?;
    Ok(rows.into_iter().map(|row| (row.id, row.message_for_customers)).collect())
}
