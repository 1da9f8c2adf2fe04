//! What a synthetic check may be: its record, its schedule, and whether the destination can take it at all.

use connector::Removal;
use entity::system;
use serde_json::Value;

use super::mark::{self, NUMBER_PLACE, TEXT_PLACE};
use super::{EVERY_SECONDS_MAX, EVERY_SECONDS_MIN, NewSyntheticCheck, RECORD_BYTES_MAX};
use crate::app::App;
use crate::error::{Problem, ProblemCode};
use crate::integration::Integration;
use crate::json;
use crate::schedule::Schedule;
use crate::validation::Problems;

/// What keeps a destination from being sent a test record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is written whole, by runs.
    NotSingle,
    /// It can't delete a record, and the check is to remove it.
    CantRemove,
}

/// What keeps a destination with these options from being sent a test record, as it is now: its options change without the
/// check.
pub(crate) fn obstacle(app: &App, connector: &str, options: &Value, removes: bool) -> Option<Obstacle> {
    let connectors = app.connectors();
    if connectors.get(connector).is_some_and(|connector| !connector.takes_single_records(options)) {
        Some(Obstacle::NotSingle)
    } else if removes && !connectors.can_remove(connector, options, &Removal::Delete) {
        Some(Obstacle::CantRemove)
    } else {
        None
    }
}

/// What is wrong with a new check; its cron schedule, where it has one that is good.
pub(super) fn check(
    app: &App,
    integration: &Integration,
    destination: &system::Model,
    new: &NewSyntheticCheck,
    problems: &mut Problems,
) -> Option<Schedule> {
    let stream = integration.streams.0.iter().find(|stream| stream.name == new.stream);
    if stream.is_none() {
        problems.add(ProblemCode::NotFound, "stream", "the integration has no stream with this name");
    }
    let bad = json::problems(&["record".to_owned()], &new.record, RECORD_BYTES_MAX);
    let is_storable = bad.is_empty();
    bad.into_iter().for_each(|problem| problems.push(problem));
    match &new.record {
        Value::Object(record) if is_storable => {
            let key = stream.map(|stream| stream.key_fields.as_slice()).unwrap_or_default();
            let has_place = |field: &String| record.get(field).is_some_and(mark::has_place);
            if stream.is_some() && !key.iter().any(has_place) {
                let message = format!(
                    "has no mark in its key: put `{TEXT_PLACE}`, or `{NUMBER_PLACE}` for a number, into {}",
                    key.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ")
                );
                problems.add(ProblemCode::Invalid, "record", message);
            }
        }
        Value::Object(_) => {}
        _ => problems.add(ProblemCode::Invalid, "record", "must be an object, as the source would give it"),
    }
    let name = destination.connector.as_str();
    match stream.and_then(|stream| obstacle(app, name, &stream.destination, new.removes)) {
        None => {}
        Some(Obstacle::NotSingle) => {
            let message = format!(
                "is written whole by each run of the destination's connector `{name}`; a test record can't be sent by itself"
            );
            problems.add(ProblemCode::Invalid, "stream", message);
        }
        Some(Obstacle::CantRemove) => {
            let message = format!(
                "the destination's connector `{name}` can't delete a record with these options; with false one test record \
                 stays there, and is written again each time"
            );
            problems.add(ProblemCode::Invalid, "remove", message);
        }
    }
    if let Some(seconds) = new.every_seconds
        && !(EVERY_SECONDS_MIN..=EVERY_SECONDS_MAX).contains(&seconds)
    {
        let message = format!("is {seconds}; it must be from {EVERY_SECONDS_MIN} to {EVERY_SECONDS_MAX}");
        problems.add(ProblemCode::Invalid, "everySeconds", message);
    }
    if new.every_seconds.is_some() && new.schedule.is_some() {
        problems.add(ProblemCode::Invalid, "everySeconds", "can't be given together with `schedule`");
    }
    let schedule = new.schedule.as_ref()?;
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
