//! Why an integration has its status: all that keeps it from being healthy, in the order of the precedence.

use std::collections::{HashMap, HashSet};

use entity::integration::{self, IntegrationStatus};
use entity::run::{self, RunStatus};
use entity::system::{self, SystemStatus};
use entity::{health_alert, integration_health, synthetic_check};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::Expr;
use uuid::Uuid;

use super::alert::AlertKind;
use super::status::asks_customers;
use crate::error::Result;
use crate::scope::Scope;

/// Something that keeps an integration from being healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReason {
    /// What.
    pub code: ReasonCode,
    /// In words for its people.
    pub message: String,
}

/// What keeps an integration from being healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonCode {
    /// It is archived.
    Archived,
    /// People paused it.
    Paused,
    /// The system holds it.
    Held,
    /// A system is to be signed in to again.
    ReauthorizationRequired,
    /// Failures are open that its people are to deal with.
    OpenFailures,
    /// Its last run could not go on.
    LastRunFailed,
    /// Its newest success is older than it may be.
    Late,
    /// Records of its last run failed.
    LastRunPartial,
    /// Fewer of its runs succeed than are to.
    SuccessRate,
    /// Its runs take longer than they are to, or than they did.
    Latency,
    /// It reads far more or fewer records in a day than it did.
    Volume,
    /// Its synthetic check fails.
    SyntheticFailed,
    /// It has not run yet.
    NotRunYet,
}

/// What the statuses of some integrations are derived from.
pub(super) struct Causes {
    unauthorized: HashSet<Uuid>,
    with_failures: HashSet<Uuid>,
    last_runs: HashMap<Uuid, RunStatus>,
    alerts: HashMap<Uuid, Vec<AlertKind>>,
    unproven: HashSet<Uuid>,
}

impl Causes {
    pub(super) async fn read(
        scope: &Scope,
        integrations: &[integration::Model],
        rows: &HashMap<Uuid, integration_health::Model>,
    ) -> Result<Self> {
        let ids: Vec<Uuid> = integrations.iter().map(|row| row.id).collect();
        let ends: HashSet<Uuid> =
            integrations.iter().flat_map(|row| [row.source_id, row.destination_id]).collect();
        let unauthorized = scope
            .find::<system::Entity>()
            .filter(system::Column::Id.is_in(ends))
            .filter(system::Column::Status.eq(SystemStatus::ReauthRequired))
            .tuples::<(Uuid,)>([system::Column::Id])
            .await?;
        let with_failures = scope
            .find::<integration::Entity>()
            .of_ids(integration::Column::Id, ids.iter().copied())
            .filter(Expr::cust(asks_customers("integration")))
            .tuples::<(Uuid,)>([integration::Column::Id])
            .await?;
        let last_runs = scope
            .find::<run::Entity>()
            .filter(run::Column::Id.is_in(rows.values().filter_map(|row| row.last_run_id)))
            .tuples::<(Uuid, RunStatus)>([run::Column::Id, run::Column::Status])
            .await?;
        let open = scope
            .find::<health_alert::Entity>()
            .filter(health_alert::Column::IntegrationId.is_in(ids.iter().copied()))
            .filter(health_alert::Column::ClosedAt.is_null())
            .tuples::<(Uuid, AlertKind)>([health_alert::Column::IntegrationId, health_alert::Column::Kind])
            .await?;
        let mut alerts: HashMap<Uuid, Vec<AlertKind>> = HashMap::new();
        for (id, kind) in open {
            alerts.entry(id).or_default().push(kind);
        }
        let unproven = scope
            .find::<synthetic_check::Entity>()
            .filter(synthetic_check::Column::IntegrationId.is_in(ids))
            .filter(synthetic_check::Column::FailingSince.is_not_null())
            .tuples::<(Uuid,)>([synthetic_check::Column::IntegrationId])
            .await?;
        Ok(Self {
            unproven: unproven.into_iter().map(|(id,)| id).collect(),
            unauthorized: unauthorized.into_iter().map(|(id,)| id).collect(),
            with_failures: with_failures.into_iter().map(|(id,)| id).collect(),
            last_runs: last_runs.into_iter().collect(),
            alerts,
        })
    }

    /// In the order of the precedence.
    pub(super) fn reasons(
        &self,
        integration: &integration::Model,
        row: &integration_health::Model,
    ) -> Vec<HealthReason> {
        use ReasonCode as Code;
        let mut reasons = Vec::new();
        let mut add = |is_so: bool, code, message: &str| {
            if is_so {
                reasons.push(HealthReason { code, message: message.to_owned() });
            }
        };
        let why = integration.status_reason.as_deref();
        let is = |status| integration.status == status;
        add(is(IntegrationStatus::Archived), Code::Archived, "It is archived.");
        add(is(IntegrationStatus::Paused), Code::Paused, why.unwrap_or("It is paused."));
        add(is(IntegrationStatus::Held), Code::Held, why.unwrap_or("It is held."));
        let is_open = self.with_failures.contains(&row.integration_id);
        add(is_open, Code::OpenFailures, "Failures are open that you can deal with.");
        let ends = [integration.source_id, integration.destination_id];
        let is_refused = ends.iter().any(|id| self.unauthorized.contains(id));
        add(is_refused, Code::ReauthorizationRequired, "A system of it has to be signed in to again.");
        let last = row.last_run_id.and_then(|id| self.last_runs.get(&id).copied());
        add(last == Some(RunStatus::Failed), Code::LastRunFailed, "Its last run could not go on.");
        add(row.is_late, Code::Late, "Its newest success is older than it may be.");
        add(
            last == Some(RunStatus::Partial),
            Code::LastRunPartial,
            "Records of its last run did not arrive.",
        );
        for (kind, code, message) in [
            (AlertKind::SuccessRate, Code::SuccessRate, "Fewer of its runs succeed than are to."),
            (AlertKind::Latency, Code::Latency, "Its runs take longer than they are to."),
            (AlertKind::Volume, Code::Volume, "It read far more or fewer records in a day than usual."),
        ] {
            let is_open = self.alerts.get(&row.integration_id).is_some_and(|open| open.contains(&kind));
            add(is_open, code, message);
        }
        let is_unproven = self.unproven.contains(&row.integration_id);
        add(is_unproven, Code::SyntheticFailed, "Its test record does not go the whole way.");
        add(row.last_run_id.is_none(), Code::NotRunYet, "It has not run yet.");
        reasons
    }
}
