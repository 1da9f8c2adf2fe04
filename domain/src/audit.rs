//! The audit log: who did or tried what, from where, on which object, and what came of it. Whatever a [`Call`] commits
//! is entered in the same transaction; what it did not do is entered at its end.
//!
//! Deliberately absent: how entries hang together ([`chain`]), and reading them ([`list`]).

pub mod chain;
pub mod list;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use entity::user::{self, Role};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use crate::actor::{Actor, Principal};
use crate::app::App;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind};
use crate::session::Origin;

pub use entity::audit_entry::AuditOutcome;

/// Longest detail, in characters: a reason has at most 1,000, and a caller may break many rules at once.
const DETAIL_CHARS_MAX: usize = 1_000;
/// Entries a minute, in one process, of what nobody in particular tried in vain: enough to see an attack, too few for
/// one to fill the disk or to keep the log busy. Callers who are known are bounded by their budget.
const ANONYMOUS_PER_MINUTE: u32 = 120;

tokio::task_local! {
    /// What the task is doing for a caller. Ambient, as a tracing span is: a function that commits need not know of it,
    /// and so none can forget it.
    static CALL: Arc<Call>;
}

/// Something that a caller asks for and that leaves exactly one entry.
pub struct Call {
    actor: Actor,
    operation: String,
    origin: Origin,
    request_id: Option<String>,
    /// The trace that it belongs to.
    trace_id: Option<String>,
    /// What it came to, told once.
    told: OnceLock<(AuditOutcome, Option<String>)>,
    /// What it was about, where it did nothing.
    about: OnceLock<(Option<Uuid>, Option<GlobalId>)>,
    is_recorded: AtomicBool,
    /// Whether it may have changed who may do what.
    changes_identities: AtomicBool,
}

impl Call {
    /// An operation, as the API or the command line calls it, by whom and from where.
    pub fn new(
        actor: Actor,
        operation: impl Into<String>,
        origin: Origin,
        request_id: Option<String>,
    ) -> Self {
        Self {
            actor,
            operation: operation.into(),
            origin,
            request_id,
            trace_id: None,
            told: OnceLock::new(),
            about: OnceLock::new(),
            is_recorded: AtomicBool::new(false),
            changes_identities: AtomicBool::new(false),
        }
    }

    /// The same, as a part of a trace: 32 hex digits.
    pub fn traced(self, trace_id: Option<String>) -> Self {
        Self { trace_id, ..self }
    }

    fn tell(&self, outcome: AuditOutcome, detail: Option<String>) {
        // The first is of the operation itself; later ones are of fields of its answer.
        let _later = self.told.set((outcome, detail));
    }
}

/// The trace that the task's call belongs to, if it is one and belongs to one.
pub(crate) fn trace_id() -> Option<String> {
    CALL.try_with(|call| call.trace_id.clone()).ok().flatten()
}

/// Does something as a call, and enters it.
pub async fn record<F: Future>(call: Call, work: F) -> F::Output {
    let call = Arc::new(call);
    let output = CALL.scope(call.clone(), work).await;
    if call.changes_identities.load(Ordering::Acquire) {
        // PostgreSQL tells it, too, but maybe after the answer.
        call.actor.app().recent_actors().forget();
    }
    settle(&call).await;
    output
}

/// Enters what was refused outside of a call: fields of a query that the caller may not read.
pub async fn record_denied(call: Call, detail: String) {
    call.tell(AuditOutcome::Denied, Some(detail));
    settle(&call).await;
}

/// Tells the call under way what it came to; the first time counts. Without a call nothing happens.
pub fn tell<T>(result: &Result<T>) {
    match result {
        Ok(_) => with_call(|call| call.tell(AuditOutcome::Unchanged, None)),
        Err(error) => tell_error(error),
    }
}

/// As [`tell`], of what went wrong.
pub fn tell_error(error: &Error) {
    let (outcome, detail) = match error {
        Error::Unauthenticated => (AuditOutcome::Denied, Some("not signed in".to_owned())),
        Error::Forbidden { permission, message } => {
            let detail =
                permission.map_or_else(|| message.clone(), |permission| permission.name().to_owned());
            (AuditOutcome::Denied, Some(detail))
        }
        Error::Argument { argument, .. } => (AuditOutcome::Rejected, Some((*argument).to_owned())),
        // Codes and places; the words may repeat what the caller typed.
        Error::Rejected(problems) => {
            let each =
                problems.iter().map(|problem| format!("{} {}", problem.code.name(), problem.path.join(".")));
            let detail = each.map(|problem| problem.trim().to_owned()).collect::<Vec<_>>().join("; ");
            let is_denied = problems.iter().any(|problem| problem.code == ProblemCode::Forbidden);
            (if is_denied { AuditOutcome::Denied } else { AuditOutcome::Rejected }, Some(detail))
        }
        Error::Internal { .. } => (AuditOutcome::Failed, None),
    };
    with_call(|call| call.tell(outcome, detail));
}

/// Tells the call under way that it did nothing, for this reason.
pub(crate) fn tell_rejected(reason: &'static str) {
    with_call(|call| call.tell(AuditOutcome::Rejected, Some(reason.to_owned())));
}

/// Tells the call under way that it did something that stands in no transaction with its entry: a mail that somebody
/// asked for, who may be nobody in particular and ask without end.
pub(crate) fn tell_done() {
    with_call(|call| call.tell(AuditOutcome::Succeeded, None));
}

/// Tells the call under way that it changes who may do what.
pub(crate) fn changes_identities() {
    with_call(|call| call.changes_identities.store(true, Ordering::Release));
}

/// Tells the call under way whom and what it is about, for the case that it does nothing.
pub(crate) fn about(tenant_id: Option<Uuid>, object: GlobalId) {
    with_call(|call| {
        let _second = call.about.set((tenant_id, Some(object)));
    });
}

/// No entry for the call under way: the same was entered just before, and more of it tells nothing.
pub(crate) fn leave_out() {
    with_call(|call| call.is_recorded.store(true, Ordering::Release));
}

fn with_call(tell: impl FnOnce(&Call)) {
    // Background work and tests do without a call.
    let _outside = CALL.try_with(|call| tell(call));
}

/// What an entry says beyond who and from where.
pub(crate) struct Entry {
    tenant_id: Option<Uuid>,
    object: Option<GlobalId>,
    outcome: AuditOutcome,
    detail: Option<String>,
    who: Option<Who>,
}

impl Entry {
    /// Something was done, to an object of a tenant or of the operator.
    pub(crate) fn of(tenant_id: Option<Uuid>, object: Option<GlobalId>) -> Self {
        Self { tenant_id, object, outcome: AuditOutcome::Succeeded, detail: None, who: None }
    }

    /// With a reason, a number, or what was changed.
    pub(crate) fn detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }

    /// That came to something else.
    pub(crate) fn outcome(self, outcome: AuditOutcome) -> Self {
        Self { outcome, ..self }
    }

    /// By a user who was nobody in particular when the call began.
    pub(crate) fn by(self, user: &user::Model) -> Self {
        let principal = GlobalId::new(Kind::User, user.id).to_string();
        Self { who: Some(Who { principal, role: Some(user.role), name: user.name.clone() }), ..self }
    }
}

struct Who {
    principal: String,
    role: Option<Role>,
    name: String,
}

impl Who {
    fn of(actor: &Actor) -> Self {
        let principal = match actor.principal() {
            Principal::Anonymous => "anonymous".to_owned(),
            Principal::User { id, .. } => GlobalId::new(Kind::User, *id).to_string(),
            Principal::View { user_id, .. } => GlobalId::new(Kind::User, *user_id).to_string(),
            Principal::ApiKey { id } => GlobalId::new(Kind::ApiKey, *id).to_string(),
            Principal::Portal { id } => GlobalId::new(Kind::PortalSession, *id).to_string(),
            Principal::Operator => "operator".to_owned(),
        };
        Self { principal, role: actor.role(), name: actor.own_name().to_owned() }
    }
}

/// An entry that stands in a transaction which is not committed yet.
#[must_use = "it counts once its transaction is committed"]
pub(crate) struct Pending(Option<Arc<Call>>);

impl Pending {
    /// After the commit: the call has its entry.
    pub(crate) fn committed(self) {
        if let Some(call) = self.0 {
            call.is_recorded.store(true, Ordering::Release);
        }
    }
}

/// Enters what the call under way does, as the last thing of its transaction: from here to the commit, others of the
/// same tenant wait. A call that has its entry gets no second one.
pub(crate) async fn enter(connection: &impl ConnectionTrait, entry: Entry) -> Result<Pending> {
    let Ok(call) = CALL.try_with(Arc::clone) else { return Ok(Pending(None)) };
    if call.is_recorded.load(Ordering::Acquire) {
        return Ok(Pending(None));
    }
    chain::append(connection, &call, entry).await?;
    Ok(Pending(Some(call)))
}

/// Enters what the call under way does, and commits.
pub(crate) async fn commit(tx: DatabaseTransaction, entry: Entry, doing: &'static str) -> Result<()> {
    let pending = enter(&tx, entry).await?;
    tx.commit().await.doing(doing)?;
    pending.committed();
    Ok(())
}

/// Enters a call that has no entry yet: it did nothing.
async fn settle(call: &Call) {
    if call.is_recorded.load(Ordering::Acquire) {
        return;
    }
    let (outcome, mut detail) = call.told.get().cloned().unwrap_or((AuditOutcome::Unchanged, None));
    let actor = &call.actor;
    let app = actor.app();
    if *actor.principal() == Principal::Anonymous {
        match ANONYMOUS.lock().unwrap_or_else(PoisonError::into_inner).admit(app.clock().now()) {
            None => return,
            Some(0) => {}
            Some(left_out) => {
                let more = format!("{left_out} more in the minutes before were not entered one by one");
                detail = Some(detail.map_or_else(|| more.clone(), |detail| format!("{detail}; {more}")));
            }
        }
    }
    let own = if actor.is_staff() { None } else { actor.tenant_id() };
    let (tenant_id, object) = call.about.get().copied().unwrap_or((own, None));
    let entry = Entry::of(tenant_id, object).outcome(outcome).detail(detail);
    if let Err(error) = append_alone(app, call, entry).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            operation = call.operation,
            outcome = ?outcome,
            principal = %actor.principal(),
            "an attempt was not entered in the audit log"
        );
    }
}

async fn append_alone(app: &App, call: &Call, entry: Entry) -> Result<()> {
    let tx = app.across_tenants().begin().await?;
    chain::append(&tx, call, entry).await?;
    tx.commit().await.doing("committing an entry of the audit log")
}

static ANONYMOUS: Mutex<PerMinute> = Mutex::new(PerMinute { minute: 0, admitted: 0, left_out: 0 });

/// So many a minute, and a count of the rest.
struct PerMinute {
    minute: i64,
    admitted: u32,
    left_out: u64,
}

impl PerMinute {
    /// How many were left out before this one; `None` when it is left out too.
    fn admit(&mut self, now: DateTime<Utc>) -> Option<u64> {
        let minute = now.timestamp().div_euclid(60);
        if minute != self.minute {
            (self.minute, self.admitted) = (minute, 0);
        }
        if self.admitted >= ANONYMOUS_PER_MINUTE {
            self.left_out += 1;
            return None;
        }
        self.admitted += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// The names of what is there, for a detail.
pub(crate) fn names<const N: usize>(fields: [(&str, bool); N]) -> String {
    let there = fields.into_iter().filter(|(_name, is_there)| *is_there);
    there.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// A text as it is stored: PostgreSQL takes no NUL, and nobody reads pages.
fn bounded(text: String) -> String {
    text.chars().filter(|char| !char.is_control()).take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{ANONYMOUS_PER_MINUTE, PerMinute};

    #[test]
    fn a_flood_is_counted_and_told() {
        let mut limit = PerMinute { minute: 0, admitted: 0, left_out: 0 };
        let now = DateTime::from_timestamp_secs(1_800_000_000).expect("a time");
        for _ in 0..ANONYMOUS_PER_MINUTE {
            assert_eq!(limit.admit(now), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(limit.admit(now), None);
        }
        assert_eq!(limit.admit(now + TimeDelta::seconds(60)), Some(7));
        assert_eq!(limit.admit(now + TimeDelta::seconds(60)), Some(0));
    }
}
