//! What is checked before an integration is stored, and what a refusal of the database means.

use entity::integration::{self, IntegrationStatus};
use entity::system;
use sea_orm::ColumnTrait;
use uuid::Uuid;

use super::{DESCRIPTION_CHARS_MAX, NewSchedule};
use crate::error::{Error, Problem, ProblemCode, Result};
use crate::identity::unique_violation;
use crate::schedule::Schedule;
use crate::scope::Scope;
use crate::stream::Ends;
use crate::system::is_foreign_key_violation;
use crate::validation::Problems;

pub(super) fn check_description(description: Option<String>, problems: &mut Problems) -> Option<String> {
    let description = description.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())?;
    let chars = description.chars().count();
    if chars > DESCRIPTION_CHARS_MAX {
        let message = format!("has {chars} characters; at most {DESCRIPTION_CHARS_MAX} are allowed");
        problems.add(ProblemCode::TooLong, "description", message);
    } else if description.contains('\0') {
        problems.add(ProblemCode::Invalid, "description", "must not contain the NUL character");
    }
    Some(description)
}

pub(super) fn check_schedule(schedule: &NewSchedule, problems: &mut Problems) -> Option<Schedule> {
    match Schedule::parse(&schedule.cron, &schedule.time_zone) {
        Ok(schedule) => Some(schedule),
        Err(found) => {
            for problem in found {
                let path = ["schedule".to_owned()].into_iter().chain(problem.path);
                problems.push(Problem::new(problem.code, path, problem.message));
            }
            None
        }
    }
}

/// Both systems, of the tenant, and able to be read from and written to.
pub(super) async fn check_ends(
    scope: &Scope,
    tenant_id: Uuid,
    source_id: Uuid,
    destination_id: Uuid,
    problems: &mut Problems,
) -> Result<Ends> {
    let rows = scope
        .find::<system::Entity>()
        .filter(system::Column::TenantId.eq(tenant_id))
        .filter(system::Column::Id.is_in([source_id, destination_id]))
        .all()
        .await?;
    let connector = |id: Uuid| rows.iter().find(|row| row.id == id).map(|row| row.connector.clone());
    let mut end = |field: &str, id: Uuid| {
        let Some(name) = connector(id) else {
            problems.add(ProblemCode::NotFound, field, "no system of this tenant has this id");
            return None;
        };
        let registered = scope.app().connectors().get(&name);
        let able = registered.is_some_and(|connector| {
            let description = connector.description();
            let schema = if field == "sourceId" {
                &description.source_schema
            } else {
                &description.destination_schema
            };
            schema.is_some()
        });
        if !able {
            let what = if field == "sourceId" { "read from" } else { "written to" };
            let message = format!("is a system of the connector `{name}`, which can't be {what}");
            problems.add(ProblemCode::Invalid, field, message);
            return None;
        }
        Some(name)
    };
    Ok(Ends { source: end("sourceId", source_id), destination: end("destinationId", destination_id) })
}

pub(super) async fn check_name_free(
    scope: &Scope,
    tenant_id: Uuid,
    name: &str,
    own: Option<Uuid>,
    problems: &mut Problems,
) -> Result<()> {
    // Such a name is refused already, and PostgreSQL would not take it in a query.
    if name.is_empty() || name.contains('\0') {
        return Ok(());
    }
    let other = scope
        .find::<integration::Entity>()
        .filter(integration::Column::TenantId.eq(tenant_id))
        .filter(integration::Column::Name.eq(name))
        .filter(integration::Column::Status.ne(IntegrationStatus::Archived))
        .one()
        .await?;
    if other.is_some_and(|other| Some(other.id) != own) {
        problems.push(name_taken());
    }
    Ok(())
}

fn name_taken() -> Problem {
    Problem::new(ProblemCode::Conflict, ["name"], "another integration of this tenant has this name")
}

/// What the database refused because of a change of a moment ago: the name was taken, or a system deleted.
pub(super) async fn refusal(
    scope: &Scope,
    tenant_id: Uuid,
    source_id: Uuid,
    destination_id: Uuid,
    error: Error,
) -> Result<Error> {
    if unique_violation(&error).is_some() {
        return Ok(Error::rejected(name_taken()));
    }
    if is_foreign_key_violation(&error) {
        let mut problems = Problems::default();
        check_ends(scope, tenant_id, source_id, destination_id, &mut problems).await?;
        problems.check()?;
    }
    Ok(error)
}
