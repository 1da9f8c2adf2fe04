//! Where somebody stands who looks at a failure: the integration, its systems, what is in quarantine. Each is read once for
//! all failures of a page.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use connector::Grant;
use entity::failure::{FailureStatus, ResponsibleParty};
use entity::integration::IntegrationStatus;
use entity::quarantine::QuarantineStatus;
use entity::system::{CircuitState, SystemStatus};
use entity::{backfill, integration, quarantine, run, system};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use super::{by_id, is_archived};
use crate::app::App;
use crate::error::Result;
use crate::failure_group::Standing;
use crate::scope::Scope;

/// Quarantines of the integrations of a page that wait for a decision, at most: each holds its integration, so that few
/// have more than one.
const QUARANTINES_MAX: u64 = 2_000;

/// A side of an integration; OTHER where it is looked at by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Source,
    Destination,
    Other,
}

/// What is known of a failure.
#[derive(Clone, Debug)]
pub(super) struct FailureState {
    pub(super) id: Uuid,
    pub(super) code: String,
    pub(super) status: FailureStatus,
    /// Who acts next, as far as the viewer may know.
    pub(super) responsible_party: ResponsibleParty,
    /// Where its group stands; `None` of none that is older than groups.
    pub(super) group: Option<Standing>,
    /// Whether there is something that could be edited.
    pub(super) has_record: bool,
    /// The message that says why a retry can't take it.
    pub(super) why_no_retry: Option<&'static str>,
    pub(super) retry_id: Option<Uuid>,
    /// The quarantine whose page it is of, while nobody has decided about it.
    pub(super) quarantine_id: Option<Uuid>,
}

/// What is known of an integration.
#[derive(Clone, Copy, Debug)]
pub(super) struct IntegrationState {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) status: IntegrationStatus,
    /// A quarantine of it that nobody has decided about.
    pub(super) quarantine_id: Option<Uuid>,
}

/// What is known of a system.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemState {
    pub(super) id: Uuid,
    pub(super) status: SystemStatus,
    /// Until when no run uses it, while it is left alone.
    pub(super) left_alone_until: Option<DateTime<Utc>>,
    /// Whether a person gives access to it, at its authorization server.
    pub(super) is_connected_by_person: bool,
    pub(super) has_credentials: bool,
}

impl SystemState {
    pub(super) fn is_left_alone(&self) -> bool {
        self.left_alone_until.is_some()
    }
}

/// An integration with its systems, or a system by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) integration: Option<IntegrationState>,
    pub(super) source: Option<SystemState>,
    pub(super) destination: Option<SystemState>,
    pub(super) other: Option<SystemState>,
    /// Whether links can be made by which people connect systems.
    pub(super) has_connect_links: bool,
}

impl Place {
    pub(super) fn system(&self, end: End) -> Option<SystemState> {
        match end {
            End::Source => self.source,
            End::Destination => self.destination,
            End::Other => self.other,
        }
    }
}

/// The places of a page.
pub(super) struct Places {
    pub(super) integrations: HashMap<Uuid, integration::Model>,
    systems: HashMap<Uuid, SystemState>,
    /// By integration.
    quarantines: HashMap<Uuid, Uuid>,
    has_connect_links: bool,
}

impl Places {
    /// Reads them in three statements.
    pub(super) async fn read(scope: &Scope, integrations: impl Iterator<Item = Uuid>) -> Result<Self> {
        let ids: HashSet<Uuid> = integrations.collect();
        let has_connect_links = scope.app().connect().public_url.is_some();
        if ids.is_empty() {
            return Ok(Self {
                integrations: HashMap::new(),
                systems: HashMap::new(),
                quarantines: HashMap::new(),
                has_connect_links,
            });
        }
        let integrations = scope
            .find::<integration::Entity>()
            .of_ids(integration::Column::Id, ids.iter().copied())
            .all()
            .await?;
        let ends: HashSet<Uuid> =
            integrations.iter().flat_map(|row| [row.source_id, row.destination_id]).collect();
        let systems = scope.find::<system::Entity>().filter(system::Column::Id.is_in(ends)).all().await?;
        let now = scope.app().clock().now();
        let quarantines = scope
            .find::<quarantine::Entity>()
            .filter(quarantine::Column::IntegrationId.is_in(ids))
            .filter(quarantine::Column::Status.eq(QuarantineStatus::Held))
            .limit(QUARANTINES_MAX)
            .all()
            .await?;
        Ok(Self {
            integrations: by_id(integrations, |row| row.id),
            systems: systems.iter().map(|row| (row.id, system_state(scope.app(), row, now))).collect(),
            quarantines: quarantines.into_iter().map(|row| (row.integration_id, row.id)).collect(),
            has_connect_links,
        })
    }

    pub(super) fn of(&self, integration_id: Uuid) -> Option<Place> {
        let row = self.integrations.get(&integration_id)?;
        Some(Place {
            integration: Some(IntegrationState {
                id: row.id,
                tenant_id: row.tenant_id,
                status: row.status,
                quarantine_id: self.quarantines.get(&row.id).copied(),
            }),
            source: self.systems.get(&row.source_id).copied(),
            destination: self.systems.get(&row.destination_id).copied(),
            other: None,
            has_connect_links: self.has_connect_links,
        })
    }
}

/// A system by itself.
pub(super) fn of_system(app: &App, row: &system::Model) -> Place {
    Place {
        integration: None,
        source: None,
        destination: None,
        other: Some(system_state(app, row, app.clock().now())),
        has_connect_links: app.connect().public_url.is_some(),
    }
}

fn system_state(app: &App, row: &system::Model, now: DateTime<Utc>) -> SystemState {
    let connector = app.connectors().get(&row.connector);
    let settings = connector.and_then(|connector| connector.oauth2(&row.config).ok()?);
    SystemState {
        id: row.id,
        status: row.status,
        left_alone_until: left_alone_until(row.circuit_state, row.circuit_until, now),
        is_connected_by_person: settings.is_some_and(|settings| settings.grant == Grant::AuthorizationCode),
        has_credentials: row.credentials.is_some(),
    }
}

/// Until when a system is left alone; `None` when it is not. One whose time is over is tried by the next run, whatever its
/// row says until then.
pub(super) fn left_alone_until(
    state: CircuitState,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    until.filter(|until| state == CircuitState::Open && *until > now)
}

/// Those of these quarantines that nobody has decided about.
pub(super) async fn held_quarantines(
    scope: &Scope,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashSet<Uuid>> {
    let ids: HashSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let rows = scope
        .find::<quarantine::Entity>()
        .of_ids(quarantine::Column::Id, ids)
        .filter(quarantine::Column::Status.eq(QuarantineStatus::Held))
        .all()
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Those of these runs that read a range which the integration can't read any more.
pub(super) async fn outlived_runs(
    scope: &Scope,
    ids: impl Iterator<Item = Uuid>,
    places: &Places,
) -> Result<HashSet<Uuid>> {
    let ids: HashSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let runs = scope
        .find::<run::Entity>()
        .of_ids(run::Column::Id, ids)
        .filter(run::Column::BackfillId.is_not_null())
        .all()
        .await?;
    let backfills: HashSet<Uuid> = runs.iter().filter_map(|row| row.backfill_id).collect();
    if backfills.is_empty() {
        return Ok(HashSet::new());
    }
    let backfills =
        scope.find::<backfill::Entity>().filter(backfill::Column::Id.is_in(backfills)).all().await?;
    let backfills = by_id(backfills, |row| row.id);
    let is_outlived = |row: &run::Model| {
        let backfill = row.backfill_id.and_then(|id| backfills.get(&id));
        let integration = places.integrations.get(&row.integration_id);
        match (backfill, integration) {
            (Some(backfill), Some(integration)) => {
                !is_archived(integration) && crate::backfill::why_outlived(backfill, integration).is_some()
            }
            _ => false,
        }
    };
    Ok(runs.iter().filter(|row| is_outlived(row)).map(|row| row.id).collect())
}
