//! What the program logged about a run, and beside it, for engineers. How lines get here stands in `worker/src/log_line`, and
//! what may be in one there too. Deliberately absent: lines that name no tenant, which are in the log of the process alone.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::log_line::{self, Column, LogLevel, Model};
use entity::{integration, run};
use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LikeExpr, Order};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::{Keyset, Parent, Scope};
use crate::search;

pub use entity::log_line::{LogLevel as Level, Model as LogLine};

/// Lines beside one run that are told, before the middle of a span of time and behind it: those nearest to it.
pub const NEARBY_MAX: u64 = 50;
/// Integrations that share a system with a run whose lines are looked for, at most.
const NEIGHBOURS_MAX: u64 = 1_000;

/// A line that is about to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLogLine {
    /// The tenant that it is about.
    pub tenant_id: Uuid,
    /// The run in which it was logged.
    pub run_id: Option<Uuid>,
    /// The integration that it is about.
    pub integration_id: Option<Uuid>,
    /// The system that it is about.
    pub system_id: Option<Uuid>,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the program.
    pub component: String,
    /// In words for engineers.
    pub message: String,
    /// Its fields.
    pub attributes: Map<String, Value>,
}

/// Which lines a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogFilter {
    /// Logged at or after.
    pub from: Option<DateTime<Utc>>,
    /// Logged before.
    pub to: Option<DateTime<Utc>>,
    /// Those that matter so much, or more.
    pub level: Option<LogLevel>,
    /// Whose message contains this, in upper or lower case.
    pub search: Option<String>,
    /// Of this part of the program, or of parts of it.
    pub component: Option<String>,
}

impl LogFilter {
    /// Of the lines of a run, of which there are so many a minute at most. A line is stored after it was logged, so its id
    /// does not tell when that was.
    fn condition(&self) -> Result<Condition> {
        let mut condition = Condition::all();
        if let Some(from) = self.from {
            condition = condition.add(Column::At.gte(from));
        }
        if let Some(to) = self.to {
            condition = condition.add(Column::At.lt(to));
        }
        if let Some(level) = self.level {
            let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
            condition = condition.add(Column::Level.is_in(levels.into_iter().filter(|one| *one >= level)));
        }
        if let Some(part) = search::text(self.search.as_deref())? {
            condition = condition.add(search::contains(Column::Message, part));
        }
        if let Some(component) = search::text(self.component.as_deref())? {
            let mut parts = search::pattern(component).split_off(1);
            parts.insert_str(parts.len() - 1, "::");
            condition = condition.add(
                Condition::any()
                    .add(Column::Component.eq(component))
                    .add(Expr::col(Column::Component).like(LikeExpr::new(parts).escape('\\'))),
            );
        }
        Ok(condition)
    }
}

const OLDEST_FIRST: Keyset<log_line::Entity> =
    Keyset { name: "log", column: None, id: Column::Id, direction: Direction::Ascending };

/// A page of lines of each of several runs, oldest first, in one statement.
///
/// # Errors
/// Denied without `internals:read`; [`Error::Argument`](crate::Error::Argument) for a bad page or too long a text.
pub async fn pages_by_run(
    actor: &Actor,
    runs: &[Uuid],
    filter: &LogFilter,
    page: &PageArguments,
) -> Result<HashMap<Uuid, Page<LogLine>>> {
    let scope = actor.authorize(Permission::InternalsRead)?;
    scope
        .find::<log_line::Entity>()
        .filter(filter.condition()?)
        .planned_once()
        .pages_by_parent(Parent::by(Column::RunId), runs, &OLDEST_FIRST, &page.check(OLDEST_FIRST.name)?)
        .await
}

/// What was logged beside each of these runs around the middle of a span of time, oldest first: of their tenants without a
/// run (dispatching, access tokens, deliveries), about their systems or none, and of other runs that use one of their
/// systems.
///
/// # Errors
/// Denied without `internals:read`.
pub async fn nearby(
    actor: &Actor,
    runs: &[Uuid],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<HashMap<Uuid, Vec<LogLine>>> {
    let scope = actor.authorize(Permission::InternalsRead)?;
    let of: Vec<run::Model> =
        scope.find::<run::Entity>().filter(run::Column::Id.is_in(runs.iter().copied())).all().await?;
    let integrations: HashSet<Uuid> = of.iter().map(|run| run.integration_id).collect();
    let systems: HashMap<Uuid, [Uuid; 2]> = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.is_in(integrations))
        .tuples::<(Uuid, Uuid, Uuid)>([
            integration::Column::Id,
            integration::Column::SourceId,
            integration::Column::DestinationId,
        ])
        .await?
        .into_iter()
        .map(|(id, source, destination)| (id, [source, destination]))
        .collect();
    let middle = from + (to - from) / 2;
    let mut nearby = HashMap::with_capacity(of.len());
    for run in &of {
        // The lines of one run hide none that are beside another.
        let systems = systems.get(&run.integration_id).copied().unwrap_or_default();
        let beside = beside(&scope, run, systems).await?;
        let lines = |from: DateTime<Utc>, to: DateTime<Utc>, order: Order| {
            scope
                .find::<log_line::Entity>()
                .filter(beside.clone())
                .filter(Column::At.gte(from))
                .filter(Column::At.lt(to))
                .order_by(Column::At, order.clone())
                .order_by(Column::Id, order)
                .limit(NEARBY_MAX)
                .all()
        };
        let mut around = lines(from, middle, Order::Desc).await?;
        around.reverse();
        around.extend(lines(middle, to, Order::Asc).await?);
        nearby.insert(run.id, around);
    }
    Ok(nearby)
}

/// Which lines are beside a run that has these systems.
async fn beside(scope: &Scope, run: &run::Model, systems: [Uuid; 2]) -> Result<Condition> {
    use integration::Column::{DestinationId, Id, SourceId, TenantId};
    let neighbours: Vec<Uuid> = scope
        .find::<integration::Entity>()
        .filter(TenantId.eq(run.tenant_id))
        .filter(Condition::any().add(SourceId.is_in(systems)).add(DestinationId.is_in(systems)))
        .limit(NEIGHBOURS_MAX)
        .tuples::<Uuid>([Id])
        .await?;
    let of_no_system = || Condition::all().add(Column::SystemId.is_null());
    let of_nothing = of_no_system().add(Column::IntegrationId.is_null()).add(Column::RunId.is_null());
    Ok(Condition::all()
        .add(Column::TenantId.eq(run.tenant_id))
        .add(Condition::any().add(Column::RunId.is_null()).add(Column::RunId.ne(run.id)))
        .add(
            Condition::any()
                .add(Column::SystemId.is_in(systems))
                .add(of_no_system().add(Column::IntegrationId.is_in(neighbours)))
                .add(of_nothing),
        ))
}

/// As it is stored.
pub(crate) fn row(id: Uuid, line: NewLogLine) -> Model {
    Model {
        id,
        tenant_id: line.tenant_id,
        run_id: line.run_id,
        integration_id: line.integration_id,
        system_id: line.system_id,
        at: line.at,
        level: line.level,
        component: line.component,
        message: line.message,
        attributes: Value::Object(line.attributes),
    }
}
