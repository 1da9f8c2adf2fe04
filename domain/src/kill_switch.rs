//! Kill switches: nothing of what one reaches starts while it is engaged, what runs stops within seconds, and what
//! arrives meanwhile is kept. The rows are all that there is: every claim reads them, and what they do to jobs stands in
//! `background`.

use chrono::{DateTime, Utc};
use entity::kill_switch::{self, KillSwitchScope, OnRelease};
use entity::{integration, tenant};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::authentication::STAFF_NAME;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Scope, all_set};
use crate::validation::Problems;

pub use entity::kill_switch::{KillSwitchScope as Reach, OnRelease as Release};

/// Longest reason and message, in characters.
pub const TEXT_CHARS_MAX: usize = 500;

/// A kill switch, as a viewer reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillSwitch {
    /// The row.
    pub id: Uuid,
    /// How far it reaches.
    pub scope: KillSwitchScope,
    /// The connector's name, or the id of the tenant or integration; `None` where it reaches everything.
    pub target: Option<String>,
    /// Why; `None` to a tenant whom the operator stopped, who reads the message.
    pub reason: Option<String>,
    /// Why, in the customers' words.
    pub message_for_customers: String,
    /// What becomes of what waited.
    pub on_release: OnRelease,
    /// Who engaged it; staff are not named to a tenant.
    pub created_by: String,
    /// When it was engaged.
    pub created_at: DateTime<Utc>,
    /// When it releases itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was released.
    pub released_at: Option<DateTime<Utc>>,
}

/// What a new kill switch stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How far it reaches.
    pub scope: KillSwitchScope,
    /// With `CONNECTOR`: its name.
    pub connector: Option<String>,
    /// With `TENANT`: which; nil for an id that can't be read.
    pub tenant_id: Option<Uuid>,
    /// With `INTEGRATION`: which; nil for an id that can't be read.
    pub integration_id: Option<Uuid>,
}

/// A new kill switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKillSwitch {
    /// What it stops.
    pub target: Target,
    /// Why, up to [`TEXT_CHARS_MAX`] characters.
    pub reason: String,
    /// Why, in the customers' words, up to [`TEXT_CHARS_MAX`] characters.
    pub message_for_customers: String,
    /// When it releases itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// What becomes of what waited.
    pub on_release: OnRelease,
}

/// Which kill switches a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KillSwitchFilter {
    /// Those that stop this tenant or a part of it, and no other.
    pub tenant_id: Option<Uuid>,
    /// Whether they are engaged.
    pub engaged: Option<bool>,
}

/// A page of kill switches, by the time they were engaged.
///
/// # Errors
/// Denied without `kill_switches:manage`; [`Error::Argument`] for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &KillSwitchFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<KillSwitch>> {
    let scope = actor.authorize(Permission::KillSwitchManage)?;
    let keyset = Keyset { name: "kill_switch", column: None, id: kill_switch::Column::Id, direction };
    let rows = scope
        .find::<kill_switch::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.engaged, |engaged| {
            let released = kill_switch::Column::ReleasedAt;
            if engaged { released.is_null() } else { released.is_not_null() }
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await?;
    Ok(rows.map(|row| view(actor, row)))
}

/// Engages a kill switch: from now on nothing starts that it reaches.
///
/// # Errors
/// Denied without `kill_switches:manage`. Rejected, all at once: `FORBIDDEN` scope for a tenant's people who would stop
/// others; `REQUIRED`, `INVALID` or `NOT_FOUND` connector, tenantId or integrationId; a bad reason or
/// messageForCustomers; `INVALID` expiresAt when it is not in the future.
pub async fn engage(actor: &Actor, new: NewKillSwitch) -> Result<KillSwitch> {
    let scope = actor.authorize(Permission::KillSwitchManage)?;
    let app = scope.app();
    let now = app.clock().now();
    let mut problems = Problems::default();
    let tenant_id = check_target(actor, &scope, &new.target, &mut problems).await?;
    let reason = problems.text("reason", &new.reason, TEXT_CHARS_MAX);
    let message = problems.text("messageForCustomers", &new.message_for_customers, TEXT_CHARS_MAX);
    if new.expires_at.is_some_and(|at| at <= now) {
        problems.add(ProblemCode::Invalid, "expiresAt", "must be in the future");
    }
    problems.check()?;
    let row = kill_switch::Model {
        id: new_id(),
        tenant_id,
        scope: new.target.scope,
        connector: new.target.connector,
        integration_id: new.target.integration_id,
        reason,
        message_for_customers: message,
        on_release: new.on_release,
        created_by: actor.own_name().to_owned(),
        is_by_staff: actor.is_staff(),
        created_at: now,
        expires_at: new.expires_at,
        released_at: None,
        released_by: None,
        drain_after: None,
        drained_at: None,
    };
    let tx = app.database().begin_of(tenant_id).await?;
    insert(&tx, &row).await?;
    audit::commit(tx, entry(&row), "committing a kill switch").await?;
    Ok(view(actor, row))
}

/// Releases a kill switch: what waited for it goes on, or is canceled, as was said when it was engaged. Twice is once.
///
/// # Errors
/// Denied without `kill_switches:manage`. Rejected: `NOT_FOUND` killSwitchId; `FORBIDDEN` killSwitchId for a tenant's
/// people when the operator engaged it.
pub async fn release(actor: &Actor, id: Uuid) -> Result<KillSwitch> {
    let scope = actor.authorize(Permission::KillSwitchManage)?;
    let app = scope.app();
    let not_found = || Error::not_found("killSwitchId", "kill switch");
    let row = scope
        .find::<kill_switch::Entity>()
        .of_id(kill_switch::Column::Id, id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    if row.is_by_staff && !actor.is_staff() {
        let message = "the operator engaged this kill switch; our support can release it";
        return Err(Error::rejected(Problem::new(ProblemCode::Forbidden, ["killSwitchId"], message)));
    }
    if row.released_at.is_some() {
        return Ok(view(actor, row));
    }
    let now = app.clock().now();
    let tx = app.database().begin_of(row.tenant_id).await?;
    store_release(&tx, id, now, Some(actor.own_name().to_owned())).await?;
    audit::commit(tx, entry(&row), "committing the release of a kill switch").await?;
    Ok(view(actor, kill_switch::Model { released_at: Some(now), ..row }))
}

#[expect(clippy::disallowed_methods, reason = "the caller's scope was checked; some belong to no tenant")]
async fn insert(connection: &sea_orm::DatabaseTransaction, row: &kill_switch::Model) -> Result<()> {
    let row = all_set::<kill_switch::Entity>(row.clone());
    kill_switch::Entity::insert(row)
        .exec_without_returning(connection)
        .await
        .doing("storing a kill switch")?;
    Ok(())
}

/// Writes that a kill switch was released, unless it was already.
#[expect(clippy::disallowed_methods, reason = "the row was found in a scope, or by background work")]
pub(crate) async fn store_release(
    connection: &impl sea_orm::ConnectionTrait,
    id: Uuid,
    at: DateTime<Utc>,
    by: Option<String>,
) -> Result<()> {
    kill_switch::Entity::update_many()
        .col_expr(kill_switch::Column::ReleasedAt, Expr::value(Some(at)))
        .col_expr(kill_switch::Column::ReleasedBy, Expr::value(by))
        .filter(kill_switch::Column::Id.eq(id))
        .filter(kill_switch::Column::ReleasedAt.is_null())
        .exec(connection)
        .await
        .doing("releasing a kill switch")?;
    Ok(())
}

/// The tenant whose rows it stops, if it is one.
async fn check_target(
    actor: &Actor,
    scope: &Scope,
    target: &Target,
    problems: &mut Problems,
) -> Result<Option<Uuid>> {
    let reach = target.scope;
    for (field, is_there, of) in [
        ("connector", target.connector.is_some(), KillSwitchScope::Connector),
        ("tenantId", target.tenant_id.is_some(), KillSwitchScope::Tenant),
        ("integrationId", target.integration_id.is_some(), KillSwitchScope::Integration),
    ] {
        if is_there && reach != of {
            problems.add(ProblemCode::Invalid, field, "does not go with this scope");
        } else if !is_there && reach == of {
            problems.add(ProblemCode::Required, field, "must be named with this scope");
        }
    }
    match reach {
        KillSwitchScope::Platform | KillSwitchScope::Connector if !actor.is_staff() => {
            let message = "is for the operator: it would stop other tenants too";
            problems.add(ProblemCode::Forbidden, "scope", message);
            Ok(None)
        }
        KillSwitchScope::Platform => Ok(None),
        KillSwitchScope::Connector => {
            let known = |name: &String| scope.app().connectors().get(name).is_some();
            if target.connector.as_ref().is_some_and(|name| !known(name)) {
                problems.add(ProblemCode::NotFound, "connector", "there is no connector of this name");
            }
            Ok(None)
        }
        KillSwitchScope::Tenant => {
            let Some(id) = target.tenant_id else { return Ok(None) };
            let found = scope.find::<tenant::Entity>().of_id(tenant::Column::Id, id).one().await?;
            if found.is_none() {
                problems.add(ProblemCode::NotFound, "tenantId", "no tenant has this id");
            }
            Ok(found.map(|tenant| tenant.id))
        }
        KillSwitchScope::Integration => {
            let Some(id) = target.integration_id else { return Ok(None) };
            let found = scope.find::<integration::Entity>().of_id(integration::Column::Id, id).one().await?;
            if found.is_none() {
                problems.add(ProblemCode::NotFound, "integrationId", "no integration has this id");
            }
            Ok(found.map(|integration| integration.tenant_id))
        }
    }
}

/// For the audit log, which the tenant reads too: reach, target and what customers are told.
fn entry(row: &kill_switch::Model) -> Entry {
    let reach = match (&target(row), row.scope) {
        (Some(target), scope) => format!("{scope:?} {target}"),
        (None, scope) => format!("{scope:?}"),
    };
    Entry::of(row.tenant_id, Some(GlobalId::new(Kind::KillSwitch, row.id)))
        .detail(Some(format!("{reach}: {}", row.message_for_customers)))
}

fn target(row: &kill_switch::Model) -> Option<String> {
    match row.scope {
        KillSwitchScope::Platform => None,
        KillSwitchScope::Connector => row.connector.clone(),
        KillSwitchScope::Tenant => row.tenant_id.map(|id| GlobalId::new(Kind::Tenant, id).to_string()),
        KillSwitchScope::Integration => {
            row.integration_id.map(|id| GlobalId::new(Kind::Integration, id).to_string())
        }
    }
}

fn view(actor: &Actor, row: kill_switch::Model) -> KillSwitch {
    let is_hidden = row.is_by_staff && !actor.is_staff();
    KillSwitch {
        id: row.id,
        scope: row.scope,
        target: target(&row),
        reason: (!is_hidden).then_some(row.reason),
        message_for_customers: row.message_for_customers,
        on_release: row.on_release,
        created_by: if is_hidden { STAFF_NAME.to_owned() } else { row.created_by },
        created_at: row.created_at,
        expires_at: row.expires_at,
        released_at: row.released_at,
    }
}
