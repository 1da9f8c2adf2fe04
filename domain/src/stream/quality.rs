//! What the quality of a stream may say. Deliberately absent: what becomes of it; the engine judges by it.

use std::collections::HashSet;

use super::{KEY_FIELDS_MAX, Quality, Stream, TableReference, field_problem};
use crate::error::{Problem, ProblemCode};

/// Most records that a quality gate may be told to look at before it closes.
pub const QUALITY_RECORDS_MAX: i64 = 1_000_000_000;
/// Most combinations of fields of a stream that must be unique: each costs a receipt a record.
pub const UNIQUE_MAX: usize = 5;
/// Most references of a stream to others: each costs a look at their receipts a page.
pub const REFERENCES_MAX: usize = 10;
/// Most references of a stream to tables of the destination: each costs a question a page.
pub const TABLE_REFERENCES_MAX: usize = 10;
/// Longest name of a table or column of a reference, in characters: `schema.table`, quoted by nobody.
const PLACE_CHARS_MAX: usize = 200;
/// Most fields of a stream whose nulls are counted.
pub const NULL_RATES_MAX: usize = 20;
/// Largest share of the usual volume, in percent.
const VOLUME_PERCENT_MAX: f64 = 1_000_000.0;

/// The stream as whose receipts the values are kept that must be unique. No stream of an integration is named so, for
/// their names have no control characters.
pub(crate) fn values_of(stream: &str, place: usize) -> String {
    format!("{stream}\u{1f}unique\u{1f}{place}")
}

/// Everything that is wrong with the quality of a stream, below `path`. `can_find` is whether its destination can look values
/// up in tables.
pub(super) fn problems(stream: &Stream, streams: &[Stream], can_find: bool, path: &[String]) -> Vec<Problem> {
    let Quality { max_failed_percent, min_records, unique, references, table_references, null_rates, volume } =
        &stream.quality;
    let mut problems = Vec::new();
    let at = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        path.iter().cloned().chain(names).collect::<Vec<String>>()
    };
    let mut percent = |names: &[&str], percent: Option<f64>, most: f64| {
        if let Some(percent) = percent.filter(|percent| !(0.0..=most).contains(percent)) {
            let message = format!("is {percent}; it must be from 0 to {most} percent");
            problems.push(Problem::invalid(at(names), message));
        }
    };
    percent(&["maxFailedPercent"], *max_failed_percent, 100.0);
    for (place, rate) in null_rates.iter().enumerate() {
        let place = place.to_string();
        percent(&["nullRates", &place, "maxPercent"], rate.max_percent, 100.0);
        percent(&["nullRates", &place, "maxIncrease"], rate.max_increase, 100.0);
    }
    if let Some(volume) = volume {
        percent(&["volume", "minPercent"], volume.min_percent, VOLUME_PERCENT_MAX);
        percent(&["volume", "maxPercent"], volume.max_percent, VOLUME_PERCENT_MAX);
        if let (Some(min), Some(max)) = (volume.min_percent, volume.max_percent)
            && min > max
        {
            problems.push(Problem::invalid(at(&["volume", "maxPercent"]), "is less than `minPercent`"));
        }
    }
    if !(1..=QUALITY_RECORDS_MAX).contains(min_records) {
        let message = format!("is {min_records}; it must be from 1 to {QUALITY_RECORDS_MAX} records");
        problems.push(Problem::invalid(at(&["minRecords"]), message));
    }
    for (name, count, most) in [
        ("unique", unique.len(), UNIQUE_MAX),
        ("references", references.len(), REFERENCES_MAX),
        ("tableReferences", table_references.len(), TABLE_REFERENCES_MAX),
        ("nullRates", null_rates.len(), NULL_RATES_MAX),
    ] {
        if count > most {
            let message = format!("has {count} entries; at most {most} are allowed");
            problems.push(Problem::new(ProblemCode::LimitReached, at(&[name]), message));
        }
    }
    for (place, fields) in unique.iter().enumerate().take(UNIQUE_MAX) {
        problems.extend(fields_problem(at(&["unique", &place.to_string()]), fields));
    }
    for (place, reference) in references.iter().enumerate().take(REFERENCES_MAX) {
        let place = place.to_string();
        let path = at(&["references", &place, "fields"]);
        let of_it = fields_problem(path.clone(), &reference.fields);
        let is_fine = of_it.is_none();
        problems.extend(of_it);
        let other = streams.iter().find(|other| other.name == reference.stream);
        match other {
            Some(other) if other.name == stream.name => {
                let message = "is the stream itself; only another one can be referred to";
                problems.push(Problem::invalid(at(&["references", &place, "stream"]), message));
            }
            Some(other) if is_fine && other.key_fields.len() != reference.fields.len() => {
                let message =
                    format!("must be as many as the key fields of that stream, {}", other.key_fields.len());
                problems.push(Problem::invalid(path, message));
            }
            Some(_) => {}
            None => {
                let path = at(&["references", &place, "stream"]);
                problems.push(Problem::invalid(path, "is no stream of this integration"));
            }
        }
    }
    for (place, reference) in table_references.iter().enumerate().take(TABLE_REFERENCES_MAX) {
        let at = |name: &str| at(&["tableReferences", &place.to_string(), name]);
        let TableReference { fields, table, columns } = reference;
        if !can_find {
            let message = "is not possible: values can't be looked up at this destination, only in the tables of a database";
            problems.push(Problem::invalid(at("table"), message));
        } else if let Some(message) = name_problem(table) {
            problems.push(Problem::invalid(at("table"), message));
        }
        let (of_fields, of_columns) =
            (fields_problem(at("fields"), fields), fields_problem(at("columns"), columns));
        if of_fields.is_none() && of_columns.is_none() && columns.len() != fields.len() {
            let message = format!("must be as many as the fields, {}", fields.len());
            problems.push(Problem::invalid(at("columns"), message));
        }
        problems.extend(of_fields.into_iter().chain(of_columns));
    }
    let mut fields = HashSet::new();
    for (place, rate) in null_rates.iter().enumerate().take(NULL_RATES_MAX) {
        let place = place.to_string();
        problems.extend(field_problem(at(&["nullRates", &place, "field"]), &rate.field));
        if rate.max_percent.is_none() && rate.max_increase.is_none() {
            let message = "needs `maxPercent`, or `maxIncrease`, or both";
            problems.push(Problem::required(at(&["nullRates", &place]), message));
        }
        if !fields.insert(&rate.field) {
            problems.push(Problem::invalid(at(&["nullRates", &place, "field"]), "is named twice"));
        }
    }
    problems
}

fn name_problem(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("must not be empty")
    } else if name.chars().count() > PLACE_CHARS_MAX || name.chars().any(char::is_control) {
        Some("must be a name of at most 200 characters, none of which is a control character")
    } else {
        None
    }
}

fn fields_problem(path: Vec<String>, fields: &[String]) -> Option<Problem> {
    let mut names = HashSet::new();
    if fields.is_empty() {
        Some(Problem::required(path, "must name at least one field"))
    } else if fields.len() > KEY_FIELDS_MAX {
        let message = format!("has {} fields; at most {KEY_FIELDS_MAX} are allowed", fields.len());
        Some(Problem::new(ProblemCode::LimitReached, path, message))
    } else if !fields.iter().all(|field| names.insert(field)) {
        Some(Problem::invalid(path, "names a field twice"))
    } else {
        fields.iter().find_map(|field| field_problem(path.clone(), field))
    }
}

#[cfg(test)]
mod tests {
    use super::values_of;

    #[test]
    fn values_are_kept_as_no_stream_can_be_named() {
        let names: Vec<String> = (0..3).map(|place| values_of("orders", place)).collect();
        assert!(names.iter().all(|name| name.chars().any(char::is_control) && !name.contains('\0')));
        assert_ne!(names[0], names[1]);
        assert_ne!(values_of("orders", 0), values_of("order", 0));
    }
}
