//! How often promises were kept, for each tenant and kind of clock, in one statement over a bounded time.

use chrono::{DateTime, Duration, Utc};
use entity::sla_clock::{self, SlaKind};
use sea_orm::sea_query::{
    CaseStatement, Expr, ExprTrait, Func, Order, OverStatement, Query, WindowStatement,
};
use sea_orm::{ColumnTrait, FromQueryResult, QuerySelect, QueryTrait, Select};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::permission::Permission;

/// Days of one report.
pub const REPORT_DAYS_MAX: i64 = 92;
/// Days of a report that names no time.
const REPORT_DAYS: i64 = 30;
/// Lines of one report: a tenant has two.
const LINES_MAX: u64 = 2_000;

/// How often one promise to a tenant was kept.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct SlaCounts {
    /// Whom it was promised to.
    pub tenant_id: Uuid,
    /// What was promised.
    pub kind: SlaKind,
    /// Clocks that ended in time.
    pub met: i64,
    /// Clocks whose time was up.
    pub breached: i64,
    /// Clocks that go on, and whose time is not up.
    pub open: i64,
    /// How long the one in the middle ran, in milliseconds, of those that have ended; `None` where none has.
    pub median_ms: Option<i64>,
}

/// Clocks of groups that began from `from` until before `to`, by tenant and kind; of the last 30 days where nobody
/// says.
///
/// # Errors
/// Denied without `escalations:read`; [`Error::Argument`] when the time is empty or longer than [`REPORT_DAYS_MAX`].
pub async fn report(
    actor: &Actor,
    tenant_id: Option<Uuid>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<Vec<SlaCounts>> {
    use sla_clock::Column;
    let scope = actor.authorize(Permission::EscalationRead)?;
    let to = to.unwrap_or_else(|| scope.app().clock().now());
    let from = from.unwrap_or_else(|| to - Duration::days(REPORT_DAYS));
    if to <= from || to - from > Duration::days(REPORT_DAYS_MAX) {
        let message = format!("must be after `from`, by at most {REPORT_DAYS_MAX} days");
        return Err(Error::Argument { argument: "to", message });
    }
    scope
        .find::<sla_clock::Entity>()
        .of_tenant(tenant_id)
        .filter(Column::StartedAt.gte(from))
        .filter(Column::StartedAt.lt(to))
        .shaped(by_line)
        .await
}

/// One row for each tenant and kind of the clocks that are selected.
fn by_line(mut clocks: Select<sla_clock::Entity>) -> Select<sla_clock::Entity> {
    use sla_clock::Column;
    let has_ended = || one_if(Column::Outcome.is_not_null().and(Column::EndedAt.is_not_null()));
    let of_line = || WindowStatement::new().partition_by_columns([Column::TenantId, Column::Kind]).take();
    // Those that have ended first, by how long they ran: the one or two in the middle are the median.
    let mut by_time = of_line();
    by_time.order_by_expr(has_ended(), Order::Desc).order_by(Column::SpentMs, Order::Asc);
    let mut ranked = clocks
        .clone()
        .select_only()
        .column(Column::TenantId)
        .column(Column::Kind)
        .column(Column::Outcome)
        .column(Column::EndedAt)
        .column(Column::SpentMs)
        .into_query();
    ranked
        .expr_as(has_ended(), "has_ended")
        .expr_window_as(Func::cust("row_number"), by_time, "place")
        .expr_window_as(Func::sum(has_ended()), of_line(), "ended_count");

    let twice = || Expr::col("place").mul(2_i64);
    let is_middle = Expr::col("has_ended")
        .eq(1_i64)
        .and(twice().gte(Expr::col("ended_count")))
        .and(twice().lte(Expr::col("ended_count").add(2_i64)));
    let middle: Expr = CaseStatement::new().case(is_middle, Expr::col("spent_ms")).into();
    let median: Expr = Func::avg(middle).into();
    let is_open = Expr::col("outcome").is_null().and(Expr::col("ended_at").is_null());
    let lines = Query::select()
        .column("tenant_id")
        .column("kind")
        .expr_as(total(one_if(Expr::col("outcome").eq("MET"))), "met")
        .expr_as(total(one_if(Expr::col("outcome").eq("BREACHED"))), "breached")
        .expr_as(total(one_if(is_open)), "open")
        .expr_as(median.cast_as("bigint"), "median_ms")
        .from_subquery(ranked, "ranked")
        .group_by_columns(["tenant_id", "kind"])
        .order_by("tenant_id", Order::Asc)
        .order_by("kind", Order::Asc)
        .limit(LINES_MAX)
        .to_owned();
    *QueryTrait::query(&mut clocks) = lines;
    clocks
}

fn one_if(condition: Expr) -> Expr {
    CaseStatement::new().case(condition, Expr::val(1_i64)).finally(Expr::val(0_i64)).into()
}

fn total(each: Expr) -> Expr {
    each.sum().cast_as("bigint")
}
