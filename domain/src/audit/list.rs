//! Reading the audit log. A tenant's administrators read what concerns their tenant; who of the operator's people did
//! something there is not for them to know, only that they did.

use chrono::{DateTime, Utc};
use entity::audit_entry::{self, AuditOutcome};
use entity::user::Role;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::ExprTrait;
use uuid::Uuid;

use crate::actor::Actor;
use crate::authentication::STAFF_NAME;
use crate::error::Result;
use crate::id::GlobalId;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::{Permission, is_staff};
use crate::scope::Keyset;

/// Roles of the operator's people.
const STAFF: [Role; 3] = [Role::PlatformAdmin, Role::Engineer, Role::Support];

/// An entry as a viewer may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The row.
    pub id: Uuid,
    /// The tenant that it is about; `None` for the operator's own.
    pub tenant_id: Option<Uuid>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Id of the user, API key or portal session; `None` for nobody, the command line, and staff towards a tenant.
    pub actor_id: Option<GlobalId>,
    /// Their name then; staff are not named to a tenant.
    pub actor_name: String,
    /// Their role then; `None` for nobody, and staff towards a tenant.
    pub role: Option<Role>,
    /// The caller's IP address; not of staff towards a tenant.
    pub address: Option<String>,
    /// The caller's `User-Agent`; not of staff towards a tenant.
    pub user_agent: Option<String>,
    /// Under which the log has the request.
    pub request_id: Option<String>,
    /// A mutation's name, `query` or `subscription`, or a command.
    pub operation: String,
    /// Id of what was changed.
    pub object: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// What was wrong, the missing permission, or the reason that was given.
    pub detail: Option<String>,
}

/// Which entries a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// About this tenant.
    pub tenant_id: Option<Uuid>,
    /// By this user, API key or portal session. Nobody finds staff in a tenant's log by it.
    pub actor_id: Option<String>,
    /// On this object.
    pub object_id: Option<String>,
    /// One of these mutations.
    pub operation: Option<Vec<String>>,
    /// With one of these outcomes.
    pub outcome: Option<Vec<AuditOutcome>>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub before: Option<DateTime<Utc>>,
}

/// A page of entries, by the time they were written.
///
/// # Errors
/// Denied without `audit:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &AuditFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<AuditEntry>> {
    let scope = actor.authorize(Permission::AuditRead)?;
    let keyset = Keyset { name: "audit", column: None, id: audit_entry::Column::Id, direction };
    let sees_staff = actor.is_staff();
    let rows = scope
        .find::<audit_entry::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.actor_id.as_deref(), |id| {
            let by = audit_entry::Column::Principal.eq(id);
            let no_staff = audit_entry::Column::Role.is_null().or(audit_entry::Column::Role.is_not_in(STAFF));
            if sees_staff { by } else { by.and(no_staff) }
        })
        .filter_some(filter.object_id.as_deref(), |id| audit_entry::Column::Object.eq(id))
        .one_of(audit_entry::Column::Operation, filter.operation.clone())
        .one_of_rare(audit_entry::Column::Outcome, filter.outcome.clone(), "SUCCEEDED")
        .made_within(
            scope.app(),
            (audit_entry::Column::At, audit_entry::Column::Id),
            filter.from,
            filter.before,
        )
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    Ok(rows.map(|row| view(row, sees_staff)))
}

fn view(row: audit_entry::Model, sees_staff: bool) -> AuditEntry {
    let is_hidden = !sees_staff && (row.role.is_some_and(is_staff) || row.principal == "operator");
    let shown = |text: Option<String>| text.filter(|_| !is_hidden);
    AuditEntry {
        id: row.id,
        tenant_id: row.tenant_id,
        at: row.at,
        actor_id: shown(Some(row.principal)).and_then(|id| id.parse().ok()),
        actor_name: if is_hidden { STAFF_NAME.to_owned() } else { row.name },
        role: row.role.filter(|_| !is_hidden),
        address: shown(row.address),
        user_agent: shown(row.user_agent),
        request_id: row.request_id,
        operation: row.operation,
        object: row.object,
        outcome: row.outcome,
        detail: row.detail,
    }
}
