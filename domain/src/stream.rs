//! Streams of an integration: what may be stored, and what a change of them makes worthless. Deliberately
//! absent: queries of their own; streams live inside their integration's row.

mod impact;
mod quality;

use std::collections::HashSet;
use std::sync::Arc;

use connector::{Classified, Removal, StreamSpec};
use entity::integration::SyncMode;
use entity::job::{self, JobStatus};
use entity::{receipt_block, receipt_segment, run_stream, stream_cursor, stream_schema};
use pipeline::{Mapping, PROGRAM_BYTES_MAX, Rules, RulesProblem, SCHEMA_BYTES_MAX};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Doing, Problem, ProblemCode, Result};
use crate::json;
use crate::scope::TxScope;

pub use self::impact::{IMPACT_LABEL_CHARS_MAX, IMPACT_RULES_MAX, IMPACT_SCHEMA_BYTES_MAX};
pub use self::quality::{
    NULL_RATES_MAX, QUALITY_RECORDS_MAX, REFERENCES_MAX, TABLE_REFERENCES_MAX, UNIQUE_MAX,
};
pub use entity::integration::{
    DeletionAction, Deletions, ImpactRule, NullRate, OnSchemaChange, Quality, Reference, Stream,
    StreamImpact, TableReference, Volume,
};

pub(crate) use self::quality::values_of;

/// Most streams of an integration; one run moves all of them, one after the other.
pub const STREAMS_MAX: usize = 50;
/// Longest name of a stream, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Most key fields of a stream.
pub const KEY_FIELDS_MAX: usize = 10;
/// Longest name of a field, in characters.
pub const FIELD_CHARS_MAX: usize = 200;
/// Largest options of one end, in bytes of JSON.
pub const OPTIONS_BYTES_MAX: usize = 64 * 1024;
/// Longest overlap, in seconds of a time or as a number.
pub const OVERLAP_MAX: i64 = 1_000_000_000_000;
/// All streams of an integration, in bytes of JSON: a page of a hundred integrations is read at once.
pub const STREAMS_BYTES_MAX: usize = 1024 * 1024;

/// Options that say where records are, not how they are read or written: every connector names the place by some
/// of these.
const PLACE_OPTIONS: [&str; 4] = ["path", "table", "query", "recordsPath"];

/// What both ends need to know of a stream.
pub fn spec(stream: &Stream) -> StreamSpec {
    StreamSpec {
        name: stream.name.clone(),
        key_fields: stream.key_fields.clone(),
        cursor_field: stream.cursor_field.clone(),
        mode: match stream.mode {
            SyncMode::Full => connector::SyncMode::Full,
            SyncMode::Incremental => connector::SyncMode::Incremental,
        },
        classified: stream.record_schema.as_ref().map(Classified::of).unwrap_or_default(),
    }
}

/// The connectors of both ends, as far as they are known.
pub(crate) struct Ends {
    pub(crate) source: Option<String>,
    pub(crate) destination: Option<String>,
}

/// The streams as they are to be stored, and everything that is wrong with them, below `["streams"]`.
pub(crate) async fn check(
    app: &Arc<App>,
    streams: Vec<Stream>,
    ends: Ends,
) -> Result<(Vec<Stream>, Vec<Problem>)> {
    let app = app.clone();
    // Compiling programs takes milliseconds each.
    tokio::task::spawn_blocking(move || {
        let streams: Vec<Stream> = streams.into_iter().map(normal).collect();
        let problems = all_problems(&app, &streams, &ends);
        (streams, problems)
    })
    .await
    .doing("checking streams")
}

/// One spelling for what is left out.
fn normal(stream: Stream) -> Stream {
    Stream {
        name: stream.name.trim().to_owned(),
        cursor_field: stream.cursor_field.filter(|field| !field.is_empty()),
        mapping: stream.mapping.filter(|program| !program.trim().is_empty()),
        record_schema: stream.record_schema.filter(|schema| !schema.is_null()),
        impact: impact::normal(stream.impact),
        ..stream
    }
}

fn all_problems(app: &App, streams: &[Stream], ends: &Ends) -> Vec<Problem> {
    if streams.is_empty() {
        return vec![Problem::required(["streams"], "must name at least one stream")];
    }
    if streams.len() > STREAMS_MAX {
        let message = format!("has {} streams; at most {STREAMS_MAX} are allowed", streams.len());
        return vec![Problem::new(ProblemCode::LimitReached, ["streams"], message)];
    }
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for (index, stream) in streams.iter().enumerate() {
        let check = Check { app, at: vec!["streams".to_owned(), index.to_string()] };
        check.name(stream, names.insert(stream.name.as_str()), &mut problems);
        check.key_fields(stream, &mut problems);
        if ends.source.as_deref().is_some_and(|name| keeps_position(app, name)) {
            check.position(stream, &mut problems);
        } else {
            check.cursor_field(stream, &mut problems);
            check.overlap(stream, ends, &mut problems);
        }
        check.deletions(stream, ends, &mut problems);
        check.options(stream, ends, &mut problems);
        check.mapping(stream, &mut problems);
        check.record_schema(stream, &mut problems);
        let can_find =
            ends.destination.as_ref().is_none_or(|destination| app.connectors().can_find(destination));
        problems.extend(quality::problems(stream, streams, can_find, &check.path("quality")));
        problems.extend(impact::problems(&stream.impact, &check.path("impact")));
    }
    // What is well-formed and small in each part can be serialized, and only then is the sum worth a look.
    if problems.is_empty() && bytes(streams) > STREAMS_BYTES_MAX {
        let message = format!("must have at most {} KiB altogether", STREAMS_BYTES_MAX / 1024);
        problems.push(Problem::new(ProblemCode::TooLong, ["streams"], message));
    }
    problems
}

fn bytes(streams: &[Stream]) -> usize {
    streams
        .iter()
        .map(|stream| {
            stream.mapping.as_ref().map_or(0, String::len)
                + stream.record_schema.as_ref().map_or(0, |schema| schema.to_string().len())
                + stream.source.to_string().len()
                + stream.destination.to_string().len()
                + json!(stream.quality).to_string().len()
                + json!(stream.impact).to_string().len()
        })
        .sum()
}

/// Checks of one stream, each at its path.
struct Check<'a> {
    app: &'a App,
    at: Vec<String>,
}

impl Check<'_> {
    fn path(&self, name: &str) -> Vec<String> {
        self.at.iter().cloned().chain([name.to_owned()]).collect()
    }

    fn name(&self, stream: &Stream, is_first: bool, problems: &mut Vec<Problem>) {
        let path = self.path("name");
        let chars = stream.name.chars().count();
        if chars == 0 {
            problems.push(Problem::required(path, "must not be empty"));
        } else if chars > NAME_CHARS_MAX {
            let message = format!("has {chars} characters; at most {NAME_CHARS_MAX} are allowed");
            problems.push(Problem::new(ProblemCode::TooLong, path, message));
        } else if stream.name.chars().any(char::is_control) {
            problems.push(Problem::invalid(path, "must be one line without control characters"));
        } else if !is_first {
            problems.push(Problem::invalid(path, "is the name of another stream of this integration"));
        }
    }

    fn key_fields(&self, stream: &Stream, problems: &mut Vec<Problem>) {
        let path = || self.path("keyFields");
        let mut names = HashSet::new();
        if stream.key_fields.is_empty() {
            problems.push(Problem::required(path(), "must name at least one field that identifies a record"));
        } else if stream.key_fields.len() > KEY_FIELDS_MAX {
            let message =
                format!("has {} fields; at most {KEY_FIELDS_MAX} are allowed", stream.key_fields.len());
            problems.push(Problem::new(ProblemCode::LimitReached, path(), message));
        } else if !stream.key_fields.iter().all(|field| names.insert(field)) {
            problems.push(Problem::invalid(path(), "names a field twice"));
        } else if let Some(problem) = stream.key_fields.iter().find_map(|field| field_problem(path(), field))
        {
            problems.push(problem);
        }
    }

    /// Of a source that knows by itself where the run before ended.
    fn position(&self, stream: &Stream, problems: &mut Vec<Problem>) {
        if stream.mode != SyncMode::Incremental {
            let message = "must be INCREMENTAL: what was read of this source is not there for ever";
            problems.push(Problem::invalid(self.path("mode"), message));
        }
        if stream.deletions.is_some() {
            let message = "is of no use: what is gone is not seen in what comes";
            problems.push(Problem::invalid(self.path("deletions"), message));
        }
        let unneeded =
            [("cursorField", stream.cursor_field.is_some()), ("overlap", stream.overlap.is_some())];
        for (name, _is_given) in unneeded.into_iter().filter(|(_name, is_given)| *is_given) {
            let message = "is of no use: this source knows by itself where the run before ended";
            problems.push(Problem::invalid(self.path(name), message));
        }
    }

    fn cursor_field(&self, stream: &Stream, problems: &mut Vec<Problem>) {
        let path = self.path("cursorField");
        match (&stream.cursor_field, stream.mode) {
            (None, SyncMode::Full) => {}
            (None, SyncMode::Incremental) => {
                let message = "is needed in INCREMENTAL mode: the field whose value grows";
                problems.push(Problem::required(path, message));
            }
            (Some(field), _) => problems.extend(field_problem(path, field)),
        }
    }

    fn overlap(&self, stream: &Stream, ends: &Ends, problems: &mut Vec<Problem>) {
        let Some(overlap) = stream.overlap else { return };
        let path = self.path("overlap");
        if stream.mode == SyncMode::Full {
            problems.push(Problem::invalid(path, "is of use in INCREMENTAL mode only"));
        } else if !(1..=OVERLAP_MAX).contains(&overlap) {
            let message = format!("is {overlap}; it must be from 1 to {OVERLAP_MAX}");
            problems.push(Problem::invalid(path, message));
        } else if ends.source.as_ref().is_some_and(|source| !self.app.connectors().can_begin_anywhere(source))
        {
            let message =
                "is not possible: this source knows its own places only, and can't begin before where it was";
            problems.push(Problem::invalid(path, message));
        }
    }

    fn deletions(&self, stream: &Stream, ends: &Ends, problems: &mut Vec<Problem>) {
        let Some(deletions) = &stream.deletions else { return };
        let at = |name: &str| self.path("deletions").into_iter().chain([name.to_owned()]).collect::<Vec<_>>();
        if !(0..=100).contains(&deletions.max_percent) {
            let message = format!("is {}; it must be from 0 to 100", deletions.max_percent);
            problems.push(Problem::invalid(at("maxPercent"), message));
        }
        let removal = match (deletions.action, &deletions.mark_field) {
            (DeletionAction::Delete, None) => Removal::Delete,
            (DeletionAction::Delete, Some(_)) => {
                problems.push(Problem::invalid(at("markField"), "is of use with MARK only"));
                return;
            }
            (DeletionAction::Mark, None) => {
                let message = "is needed with MARK: the destination's field that has the time";
                problems.push(Problem::required(at("markField"), message));
                return;
            }
            (DeletionAction::Mark, Some(field)) => {
                if let Some(problem) = field_problem(at("markField"), field) {
                    problems.push(problem);
                    return;
                }
                if stream.key_fields.contains(field) {
                    let message = "is a key field; the mark needs a field of its own";
                    problems.push(Problem::invalid(at("markField"), message));
                    return;
                }
                Removal::Mark { field: field.clone(), at: String::new() }
            }
        };
        let Some(connector) = &ends.destination else { return };
        if !self.app.connectors().can_remove(connector, &stream.destination, &removal) {
            let message = match removal {
                Removal::Delete => "is not possible: this destination can't delete records by their key",
                Removal::Mark { .. } => "is not possible: this destination can't mark records by their key",
            };
            problems.push(Problem::invalid(at("action"), message));
        }
    }

    fn options(&self, stream: &Stream, ends: &Ends, problems: &mut Vec<Problem>) {
        let registry = self.app.connectors();
        let mut check = |name: &str, options: &Value, by_schema: &dyn Fn() -> Vec<connector::Problem>| {
            let path = self.path(name);
            let found = json::problems(&path, options, OPTIONS_BYTES_MAX);
            if found.is_empty() {
                problems.extend(json::by_schema(&path, options, by_schema()));
            } else {
                problems.extend(found);
            }
        };
        check("source", &stream.source, &|| match &ends.source {
            Some(connector) => registry.source_problems(connector, &stream.source),
            None => Vec::new(),
        });
        check("destination", &stream.destination, &|| match &ends.destination {
            Some(connector) => registry.destination_problems(connector, &stream.destination),
            None => Vec::new(),
        });
    }

    fn mapping(&self, stream: &Stream, problems: &mut Vec<Problem>) {
        let Some(program) = &stream.mapping else { return };
        problems.extend(mapping_problems(program, &self.path("mapping")));
    }

    fn record_schema(&self, stream: &Stream, problems: &mut Vec<Problem>) {
        let Some(schema) = &stream.record_schema else { return };
        let path = self.path("recordSchema");
        let found = json::problems(&path, schema, SCHEMA_BYTES_MAX);
        if !found.is_empty() {
            problems.extend(found);
        } else if let Err(found) = Rules::compile(schema) {
            problems.push(by_pointer(path, found));
        }
    }
}

/// Everything that is wrong with a program, at its path. Takes milliseconds.
pub(crate) fn mapping_problems(program: &str, path: &[String]) -> Vec<Problem> {
    if program.len() > PROGRAM_BYTES_MAX {
        let message = format!("must have at most {} KiB", PROGRAM_BYTES_MAX / 1024);
        vec![Problem::new(ProblemCode::TooLong, path, message)]
    } else if program.contains('\0') {
        vec![Problem::invalid(path, "must not contain the NUL character")]
    } else if let Err(found) = Mapping::compile(program) {
        found.0.iter().map(|problem| Problem::invalid(path, problem.to_string())).collect()
    } else {
        Vec::new()
    }
}

/// What is wrong with a schema, at its place below `path`.
fn by_pointer(path: Vec<String>, found: RulesProblem) -> Problem {
    let pointer = found.path.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    Problem::invalid(path.into_iter().chain(pointer), found.message)
}

/// Whether sources of a connector know by themselves where the run before ended.
pub(crate) fn keeps_position(app: &App, connector: &str) -> bool {
    app.connectors().get(connector).is_some_and(|connector| connector.keeps_position())
}

fn field_problem(path: Vec<String>, field: &str) -> Option<Problem> {
    if field.is_empty() {
        Some(Problem::invalid(path, "names a field without a name"))
    } else if field.chars().count() > FIELD_CHARS_MAX {
        let message = format!("names a field of more than {FIELD_CHARS_MAX} characters");
        Some(Problem::new(ProblemCode::TooLong, path, message))
    } else if field.contains('\0') {
        Some(Problem::invalid(path, "must not contain the NUL character"))
    } else {
        None
    }
}

/// Streams whose progress says nothing about what an integration is now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Their watermarks are of another place or field, or their destination knows nothing of what was read.
    pub(crate) watermarks: Vec<String>,
    /// What they have for fields is of another place.
    pub(crate) schemas: Vec<String>,
    /// Their write receipts are of another place.
    pub(crate) receipts: Vec<String>,
    /// As what values were kept of fields that must be unique, and need not be any more.
    pub(crate) values: Vec<String>,
    /// Whether one of them goes on at another place: not so for streams that are removed.
    pub(crate) goes_on: bool,
}

/// Compares streams. Kept progress would leave records out without a word: an old watermark those that are older, an
/// old receipt those that another destination was given.
pub(crate) fn moved(before: &[Stream], after: &[Stream], new_source: bool, new_destination: bool) -> Moved {
    let mut moved = Moved::default();
    for old in before {
        let new = after.iter().find(|stream| stream.name == old.name);
        let writes_elsewhere =
            new_destination || new.is_none_or(|new| place(&new.destination) != place(&old.destination));
        let reads_elsewhere = new_source
            || new.is_none_or(|new| {
                place(&new.source) != place(&old.source) || new.cursor_field != old.cursor_field
            });
        if new_source || new.is_none_or(|new| place(&new.source) != place(&old.source)) {
            moved.schemas.push(old.name.clone());
        }
        // A receipt of other key fields would name another record, and one of them could be removed for it.
        let is_renamed = new.is_some_and(|new| {
            let fields = |stream: &Stream| stream.destination.get("keyFields").cloned();
            new.key_fields != old.key_fields || fields(new) != fields(old)
        });
        if writes_elsewhere || is_renamed {
            moved.receipts.push(old.name.clone());
        }
        moved.goes_on |= is_renamed;
        for (place, fields) in old.quality.unique.iter().enumerate() {
            if new.is_none_or(|new| new.quality.unique.get(place) != Some(fields)) {
                moved.values.push(values_of(&old.name, place));
            }
        }
        if writes_elsewhere || reads_elsewhere {
            moved.watermarks.push(old.name.clone());
            moved.goes_on |= new.is_some();
        }
    }
    moved
}

fn place(options: &Value) -> [Option<&Value>; PLACE_OPTIONS.len()] {
    PLACE_OPTIONS.map(|name| options.get(name))
}

/// Deletes the watermarks, fields and receipts of streams that moved, so that the next run reads and writes everything.
pub(crate) async fn forget(tx: &TxScope, integration_id: Uuid, moved: &Moved) -> Result<()> {
    if !moved.watermarks.is_empty() {
        tx.delete::<stream_cursor::Entity>()
            .filter(stream_cursor::Column::IntegrationId.eq(integration_id))
            .filter(stream_cursor::Column::Stream.is_in(moved.watermarks.iter().cloned()))
            .exec(tx.connection())
            .await
            .doing("deleting watermarks of streams that moved")?;
        // A run that has begun, and is held or waits, goes on at the new place from its beginning.
        let begun = Query::select()
            .column(job::Column::SubjectId)
            .from(job::Entity)
            .and_where(job::Column::TenantId.eq(tx.tenant_id()))
            .and_where(job::Column::IntegrationId.eq(integration_id))
            .and_where(job::Column::Status.ne(JobStatus::Done))
            .to_owned();
        tx.update::<run_stream::Entity>()
            .col_expr(run_stream::Column::Since, Expr::value(None::<Value>))
            .col_expr(run_stream::Column::Checkpoint, Expr::value(None::<Value>))
            .col_expr(run_stream::Column::Gate, Expr::value(None::<Value>))
            .filter(run_stream::Column::RunId.in_subquery(begun))
            .filter(run_stream::Column::Stream.is_in(moved.watermarks.iter().cloned()))
            .filter(run_stream::Column::FinishedAt.is_null())
            .exec(tx.connection())
            .await
            .doing("forgetting where runs under way are in streams that moved")?;
    }
    if !moved.schemas.is_empty() {
        tx.delete::<stream_schema::Entity>()
            .filter(stream_schema::Column::IntegrationId.eq(integration_id))
            .filter(stream_schema::Column::Stream.is_in(moved.schemas.iter().cloned()))
            .exec(tx.connection())
            .await
            .doing("deleting the fields of streams that moved")?;
    }
    if !(moved.receipts.is_empty() && moved.values.is_empty()) {
        let values = |name: &String| (0..UNIQUE_MAX).map(|place| values_of(name, place)).collect::<Vec<_>>();
        let receipts: Vec<String> = moved
            .receipts
            .iter()
            .flat_map(|name| [vec![name.clone()], values(name)].concat())
            .chain(moved.values.iter().cloned())
            .collect();
        tx.delete::<receipt_block::Entity>()
            .filter(receipt_block::Column::IntegrationId.eq(integration_id))
            .filter(receipt_block::Column::Stream.is_in(receipts))
            .exec(tx.connection())
            .await
            .doing("deleting receipts of streams that moved")?;
        tx.delete::<receipt_segment::Entity>()
            .filter(receipt_segment::Column::IntegrationId.eq(integration_id))
            .filter(receipt_segment::Column::Stream.is_in(moved.receipts.iter().cloned()))
            .exec(tx.connection())
            .await
            .doing("deleting newer receipts of streams that moved")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use entity::integration::SyncMode;
    use serde_json::{Value, json};

    use super::{Stream, moved, values_of};

    fn stream(name: &str, source: Value, destination: Value) -> Stream {
        Stream {
            name: name.to_owned(),
            mode: SyncMode::Incremental,
            key_fields: vec!["id".to_owned()],
            cursor_field: Some("updatedAt".to_owned()),
            source,
            destination,
            mapping: None,
            record_schema: None,
            overlap: None,
            on_schema_change: Default::default(),
            deletions: None,
            quality: Default::default(),
            impact: Default::default(),
        }
    }

    #[test]
    fn progress_is_kept_as_long_as_it_is_of_the_same_place() {
        let orders = stream("orders", json!({"table": "orders"}), json!({"table": "bought"}));
        let before = [orders.clone(), stream("people", json!({"records": 10}), json!({}))];
        let more = stream("people", json!({"records": 20}), json!({"rejectEvery": 3}));
        assert_eq!(moved(&before, &[orders.clone(), more.clone()], false, false), super::Moved::default());

        let found = moved(
            &before,
            &[stream("orders", json!({"table": "old"}), json!({"table": "bought"})), more.clone()],
            false,
            false,
        );
        assert_eq!(
            (found.watermarks, found.receipts, found.goes_on),
            (vec!["orders".to_owned()], vec![], true)
        );

        let mut by_id = orders.clone();
        by_id.cursor_field = Some("id".to_owned());
        assert_eq!(moved(&before, &[by_id, more.clone()], false, false).watermarks, ["orders"]);

        let found = moved(
            &before,
            &[stream("orders", json!({"table": "orders"}), json!({"table": "new"})), more.clone()],
            false,
            false,
        );
        assert_eq!(
            (found.watermarks, found.receipts),
            (vec!["orders".to_owned()], vec!["orders".to_owned()])
        );

        let mut renamed = orders.clone();
        renamed.key_fields = vec!["number".to_owned()];
        let mut renamed_there = orders.clone();
        renamed_there.destination = json!({"table": "bought", "keyFields": ["number"]});
        for orders in [renamed, renamed_there] {
            let found = moved(&before, &[orders, more.clone()], false, false);
            let none: [String; 0] = [];
            assert_eq!((&found.receipts[..], &found.watermarks[..]), (&["orders".to_owned()][..], &none[..]));
        }

        let found = moved(&before, std::slice::from_ref(&more), false, false);
        assert_eq!((found.receipts, found.goes_on), (vec!["orders".to_owned()], false));

        // Values that need not be unique any more, or in other fields, are kept for nothing.
        let mut unique = orders.clone();
        unique.quality.unique = ["a", "b", "c"].map(|field| vec![field.to_owned()]).to_vec();
        let mut fewer = unique.clone();
        fewer.quality.unique.remove(1);
        let kept =
            |places: &[usize]| places.iter().map(|place| values_of("orders", *place)).collect::<Vec<_>>();
        let of_values = |after: &[Stream]| moved(std::slice::from_ref(&unique), after, false, false).values;
        assert_eq!(of_values(std::slice::from_ref(&unique)), kept(&[]));
        assert_eq!(of_values(&[fewer]), kept(&[1, 2]));
        assert_eq!(of_values(&[]), kept(&[0, 1, 2]));

        assert_eq!(moved(&before, &before, true, false).receipts.len(), 0);
        assert_eq!(moved(&before, &before, true, false).watermarks.len(), 2);
        assert_eq!(moved(&before, &before, false, true).receipts.len(), 2);
    }
}
