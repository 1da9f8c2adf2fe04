//! Making, changing and deleting policies of escalation. They count for groups that begin from then on: what is under way keeps
//! the steps and the promises that it began with.

use entity::{escalation_policy, tenant};
use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    EscalationPolicy, EscalationSelectors, EscalationStep, EscalationStepList, POLICIES_MAX, POSITION_MAX,
    REPEATS_MAX, SECONDS_MAX, STEPS_MAX, VALUES_MAX, is_code,
};
use crate::actor::Actor;
use crate::audit::{self, Entry, names};
use crate::catalogue;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::id::{GlobalId, Kind, new_id};
use crate::permission::Permission;
use crate::scope::{Scope, all_set};
use crate::validation::{NAME_CHARS_MAX, Problems};

/// A policy to make.
#[derive(Clone, Debug)]
pub struct NewEscalationPolicy {
    /// Name for people.
    pub name: String,
    /// From 0 until before [`POSITION_MAX`]; `None`: behind all that are there but the standard one.
    pub position: Option<i64>,
    /// Whether groups that begin may get it.
    pub is_enabled: bool,
    /// Which groups it is for; nil for ids that can't be read.
    pub selectors: EscalationSelectors,
    /// What happens, one after the other.
    pub steps: Vec<EscalationStep>,
    /// Somebody is to do something within so many seconds.
    pub respond_within_seconds: Option<i64>,
    /// It is to be over within so many seconds.
    pub resolve_within_seconds: Option<i64>,
    /// After how much of either time somebody is warned, in percent.
    pub warn_percent: i32,
}

/// What changes of a policy; `None` stays, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct EscalationPolicyChanges {
    /// The version that the change is of.
    pub version: i32,
    /// Name for people.
    pub name: Option<String>,
    /// Its place in the order.
    pub position: Option<i64>,
    /// Whether groups that begin may get it.
    pub is_enabled: Option<bool>,
    /// Which groups it is for, all of it.
    pub selectors: Option<EscalationSelectors>,
    /// What happens, all of it.
    pub steps: Option<Vec<EscalationStep>>,
    /// Somebody is to do something within so many seconds.
    pub respond_within_seconds: Option<Option<i64>>,
    /// It is to be over within so many seconds.
    pub resolve_within_seconds: Option<Option<i64>>,
    /// After how much of either time somebody is warned, in percent.
    pub warn_percent: Option<i32>,
}

/// Makes a policy.
///
/// # Errors
/// Denied without `escalations:manage`. Rejected, all at once: a bad name, position, selectors, steps, warnPercent, or time of
/// a promise; `REQUIRED` steps where it neither has any nor promises anything; `LIMIT_REACHED` beyond [`POLICIES_MAX`].
#[expect(clippy::disallowed_methods, reason = "a row of the operator")]
pub async fn create(actor: &Actor, new: NewEscalationPolicy) -> Result<EscalationPolicy> {
    use escalation_policy::Column;
    let scope = actor.authorize(Permission::EscalationManage)?;
    let now = scope.app().clock().now();
    let mut problems = Problems::default();
    if scope.find::<escalation_policy::Entity>().count().await? >= POLICIES_MAX {
        let message = format!("there are {POLICIES_MAX} policies already; delete one first");
        problems.add(ProblemCode::LimitReached, "name", message);
    }
    let position = match new.position {
        Some(position) => position,
        None => {
            let last = scope
                .find::<escalation_policy::Entity>()
                .filter(Column::IsDefault.eq(false))
                .order_by(Column::Position, Order::Desc)
                .limit(1)
                .one()
                .await?;
            // Of two alike the older one is first; the standard one stands behind all.
            last.map_or(0, |last| last.position.saturating_add(1).min(POSITION_MAX - 1))
        }
    };
    let row = EscalationPolicy {
        id: new_id(),
        tenant_id: None,
        position,
        name: new.name,
        is_enabled: new.is_enabled,
        is_default: false,
        selectors: new.selectors,
        steps: EscalationStepList(new.steps),
        respond_within_seconds: new.respond_within_seconds,
        resolve_within_seconds: new.resolve_within_seconds,
        warn_percent: new.warn_percent,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let row = checked(&scope, row, &mut problems).await?;
    problems.check()?;
    let tx = scope.app().across_tenants().begin().await?;
    escalation_policy::Entity::insert(all_set::<escalation_policy::Entity>(row.clone()))
        .exec_without_returning(&tx)
        .await
        .doing("storing a policy of escalation")?;
    audit::commit(tx, entry(&row, row.name.clone()), "committing a policy of escalation").await?;
    Ok(row)
}

/// Changes a policy.
///
/// # Errors
/// Denied without `escalations:manage`. Rejected, all at once: `NOT_FOUND` policyId; as [`create`]; `CONFLICT` version when
/// somebody has changed it since.
#[expect(clippy::disallowed_methods, reason = "a row of the operator")]
pub async fn update(actor: &Actor, id: Uuid, changes: EscalationPolicyChanges) -> Result<EscalationPolicy> {
    use escalation_policy::Column;
    let scope = actor.authorize(Permission::EscalationManage)?;
    let row = found(&scope, id).await?;
    let changed = names([
        ("name", changes.name.is_some()),
        ("position", changes.position.is_some()),
        ("enabled", changes.is_enabled.is_some()),
        ("selectors", changes.selectors.is_some()),
        ("steps", changes.steps.is_some()),
        ("respondWithinSeconds", changes.respond_within_seconds.is_some()),
        ("resolveWithinSeconds", changes.resolve_within_seconds.is_some()),
        ("warnPercent", changes.warn_percent.is_some()),
    ]);
    let next = EscalationPolicy {
        name: changes.name.unwrap_or(row.name),
        position: changes.position.unwrap_or(row.position),
        is_enabled: changes.is_enabled.unwrap_or(row.is_enabled),
        selectors: changes.selectors.unwrap_or(row.selectors),
        steps: changes.steps.map_or(row.steps, EscalationStepList),
        respond_within_seconds: changes.respond_within_seconds.unwrap_or(row.respond_within_seconds),
        resolve_within_seconds: changes.resolve_within_seconds.unwrap_or(row.resolve_within_seconds),
        warn_percent: changes.warn_percent.unwrap_or(row.warn_percent),
        version: changes.version.saturating_add(1),
        updated_at: scope.app().clock().now(),
        ..row
    };
    let mut problems = Problems::default();
    let next = checked(&scope, next, &mut problems).await?;
    problems.check()?;
    let tx = scope.app().across_tenants().begin().await?;
    let stored = escalation_policy::Entity::update_many()
        .col_expr(Column::Name, Expr::value(next.name.clone()))
        .col_expr(Column::Position, Expr::value(next.position))
        .col_expr(Column::IsEnabled, Expr::value(next.is_enabled))
        .col_expr(Column::Selectors, Expr::value(next.selectors.clone()))
        .col_expr(Column::Steps, Expr::value(next.steps.clone()))
        .col_expr(Column::RespondWithinSeconds, Expr::value(next.respond_within_seconds))
        .col_expr(Column::ResolveWithinSeconds, Expr::value(next.resolve_within_seconds))
        .col_expr(Column::WarnPercent, Expr::value(next.warn_percent))
        .col_expr(Column::Version, Expr::value(next.version))
        .col_expr(Column::UpdatedAt, Expr::value(next.updated_at))
        .filter(Column::Id.eq(id))
        .filter(Column::Version.eq(changes.version))
        .exec(&tx)
        .await
        .doing("storing a policy of escalation")?;
    if stored.rows_affected == 0 {
        return Err(Error::conflict("version", "somebody has changed it since; read it again first"));
    }
    audit::commit(tx, entry(&next, changed), "committing a policy of escalation").await?;
    Ok(next)
}

/// Deletes a policy. Groups that have it keep it.
///
/// # Errors
/// Denied without `escalations:manage`. Rejected: `NOT_FOUND` policyId; `CONFLICT` when it is there by itself.
#[expect(clippy::disallowed_methods, reason = "a row of the operator")]
pub async fn delete(actor: &Actor, id: Uuid) -> Result<()> {
    let scope = actor.authorize(Permission::EscalationManage)?;
    let row = found(&scope, id).await?;
    if row.is_default {
        return Err(Error::conflict("policyId", "is there by itself; it can be switched off"));
    }
    let tx = scope.app().across_tenants().begin().await?;
    escalation_policy::Entity::delete_many()
        .filter(escalation_policy::Column::Id.eq(id))
        .exec(&tx)
        .await
        .doing("deleting a policy of escalation")?;
    audit::commit(tx, entry(&row, row.name.clone()), "committing the end of a policy of escalation").await
}

/// A policy as it is stored, with all that is wrong with it.
async fn checked(scope: &Scope, row: EscalationPolicy, problems: &mut Problems) -> Result<EscalationPolicy> {
    let name = problems.text("name", &row.name, NAME_CHARS_MAX);
    // Behind the standard one, which is for every group, none is ever chosen.
    let last = if row.is_default { POSITION_MAX } else { POSITION_MAX - 1 };
    if !(0..=last).contains(&row.position) {
        problems.add(ProblemCode::Invalid, "position", format!("must be 0 to {last}"));
    }
    if !(1..=100).contains(&row.warn_percent) {
        problems.add(ProblemCode::Invalid, "warnPercent", "must be 1 to 100");
    }
    let promises = [
        ("respondWithinSeconds", row.respond_within_seconds),
        ("resolveWithinSeconds", row.resolve_within_seconds),
    ];
    for (field, seconds) in promises {
        if seconds.is_some_and(|seconds| !is_time(seconds)) {
            problems.add(ProblemCode::Invalid, field, format!("must be 1 to {SECONDS_MAX}"));
        }
    }
    if row.steps.0.is_empty() && promises.iter().all(|(_, seconds)| seconds.is_none()) {
        let message = "must have a step, or promise an answer or an end within some time";
        problems.add(ProblemCode::Required, "steps", message);
    }
    check_steps(&row.steps.0, problems);
    check_selectors(scope, &row.selectors, problems).await?;
    Ok(EscalationPolicy { name, ..row })
}

fn is_time(seconds: i64) -> bool {
    (1..=SECONDS_MAX).contains(&seconds)
}

fn check_steps(steps: &[EscalationStep], problems: &mut Problems) {
    if steps.len() > STEPS_MAX {
        let message = format!("has {} steps; at most {STEPS_MAX} are allowed", steps.len());
        return problems.add(ProblemCode::TooLong, "steps", message);
    }
    for (index, step) in steps.iter().enumerate() {
        let at = |field: &str| ["steps".to_owned(), index.to_string(), field.to_owned()];
        if !is_time(step.after_seconds) {
            let message = format!("must be 1 to {SECONDS_MAX}");
            problems.push(Problem::new(ProblemCode::Invalid, at("afterSeconds"), message));
        }
        if !(0..=REPEATS_MAX).contains(&step.repeat_count) {
            let message = format!("must be 0 to {REPEATS_MAX}");
            problems.push(Problem::new(ProblemCode::Invalid, at("repeatCount"), message));
        }
    }
}

async fn check_selectors(
    scope: &Scope,
    selectors: &EscalationSelectors,
    problems: &mut Problems,
) -> Result<()> {
    let EscalationSelectors { tenant_ids, codes, categories: _ } = selectors;
    for (field, count) in [("tenantIds", tenant_ids.len()), ("codes", codes.len())] {
        if count > VALUES_MAX {
            let message = format!("has {count} values; at most {VALUES_MAX} are allowed");
            problems.push(Problem::new(ProblemCode::TooLong, ["selectors", field], message));
            return Ok(());
        }
    }
    for (index, pattern) in codes.iter().enumerate() {
        let is_cut = pattern != "*" && !pattern.ends_with(".*");
        let is_known = match pattern.matches('*').count() {
            0 => catalogue::entry(pattern).code == pattern,
            1 if !is_cut => catalogue::entries().iter().any(|entry| is_code(pattern, entry.code)),
            _ => false,
        };
        if !is_known {
            let message = "is no code of the error catalogue, nor a beginning of some like `destination.*`";
            problems.push(at(ProblemCode::NotFound, "codes", index, message));
        }
    }
    if !tenant_ids.is_empty() {
        let there: Vec<Uuid> = scope
            .find::<tenant::Entity>()
            .filter(tenant::Column::Id.is_in(tenant_ids.iter().copied()))
            .tuples([tenant::Column::Id])
            .await?;
        for (index, _id) in tenant_ids.iter().enumerate().filter(|(_, id)| !there.contains(id)) {
            problems.push(at(ProblemCode::NotFound, "tenantIds", index, "no tenant has this id"));
        }
    }
    Ok(())
}

fn at(code: ProblemCode, field: &str, index: usize, message: &str) -> Problem {
    Problem::new(code, ["selectors".to_owned(), field.to_owned(), index.to_string()], message)
}

async fn found(scope: &Scope, id: Uuid) -> Result<EscalationPolicy> {
    scope
        .find::<escalation_policy::Entity>()
        .of_id(escalation_policy::Column::Id, id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("policyId", "policy of escalation"))
}

fn entry(row: &EscalationPolicy, detail: String) -> Entry {
    Entry::of(None, Some(GlobalId::new(Kind::EscalationPolicy, row.id))).detail(Some(detail))
}
