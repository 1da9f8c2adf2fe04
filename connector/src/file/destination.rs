//! A file that is upserted by key: collected beside it, and put in its place in one step at the end.
//! Deliberately absent: reading formats, which `reader` does, and where things are collected (`staging`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::blocking;
use super::csv_format::RECORD_LINES_MAX;
use super::lines::LINE_BYTES_MAX;
use super::reader::{Expected, Format, RecordReader, malformed};
use super::staging::{Change, Staged, Staging, beside};
use crate::directory::io_failure;
use crate::{
    Action, Destination, FieldError, Item, Record, RecordError, RecordErrorKind, RecordKey, SystemError,
    SystemErrorKind, Write, WriteOutcome,
};

/// Records of the file that are loaded at once.
const LOADED_RECORDS_MAX: usize = 2000;
/// Columns of a CSV file. A mapping that makes a column of each key would otherwise grow without end.
const COLUMNS_MAX: usize = 2000;
/// What a file that was not there is identified by.
const ABSENT: &str = "absent";

/// A file that is written.
pub(super) struct FileDestination {
    /// `None` after the end.
    staging: Option<Staging>,
    path: PathBuf,
    expected: Expected,
    run: Uuid,
    columns: HashSet<String>,
}

impl FileDestination {
    /// Opens the staging of the run; the first time, it takes over what the file holds.
    pub(super) async fn open(path: PathBuf, expected: Expected, run: Uuid) -> Result<Self, SystemError> {
        let (mut staging, loaded) = Staging::open(&path, run).await?;
        if !loaded && let Err(error) = load(&mut staging, &path, &expected).await {
            staging.discard().await?;
            return Err(error);
        }
        let columns = staging.columns().await?.into_iter().collect();
        Ok(Self { staging: Some(staging), path, expected, run, columns })
    }

    fn staging(&mut self) -> Result<&mut Staging, SystemError> {
        self.staging.as_mut().ok_or_else(|| {
            SystemError::new(SystemErrorKind::Internal, "the file was finished, and is written again")
        })
    }

    /// The key and the body of a record, and the columns it has.
    fn prepare(&self, record: &Record) -> Result<(String, String, Vec<String>), RecordError> {
        let mut nul = Vec::new();
        for (name, value) in record {
            if name.contains('\0') || holds_nul(value) {
                nul.push(field_error(name, "nul", "contains a NUL character, which a text file can't hold"));
            }
        }
        if !nul.is_empty() {
            return Err(rejected(nul));
        }
        let cells;
        let (key, body, columns) = match self.expected.format {
            Format::Jsonl => (RecordKey::of(record, &self.expected.columns), record.to_string(), Vec::new()),
            Format::Csv => {
                cells = cells_of(record);
                let lines = cells.values().map(|text| text.matches('\n').count() as u64).sum::<u64>() + 1;
                if lines >= RECORD_LINES_MAX {
                    return Err(rejected(vec![field_error(
                        "",
                        "maxLines",
                        "has too many lines for a CSV record",
                    )]));
                }
                let new: Vec<String> =
                    record.keys().filter(|name| !self.columns.contains(*name)).cloned().collect();
                if self.columns.len() + new.len() > COLUMNS_MAX {
                    let message = format!("has fields beyond the {COLUMNS_MAX} columns that a file may have");
                    return Err(rejected(vec![field_error("", "maxProperties", &message)]));
                }
                (csv_key(&cells, &self.expected.columns), body_of_cells(&cells), new)
            }
        };
        let Some(key) = key else {
            let missing = self.expected.columns.iter().filter(|&name| {
                matches!(record.get(name), None | Some(Value::Null)) || record[name.as_str()] == ""
            });
            return Err(rejected(
                missing
                    .map(|name| field_error(name, "required", "identifies the record, and is empty"))
                    .collect(),
            ));
        };
        if body.len() >= LINE_BYTES_MAX {
            let message = format!("is larger than the {LINE_BYTES_MAX} bytes that a line may have");
            return Err(rejected(vec![field_error("", "maxLength", &message)]));
        }
        Ok((key.canonical().to_owned(), body, columns))
    }
}

#[async_trait]
impl Destination for FileDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let mut prepared = Vec::with_capacity(batch.len());
        let mut new_columns: Vec<String> = Vec::new();
        for write in batch {
            let record = self.prepare(&write.record);
            if let Ok((_, _, columns)) = &record {
                for column in columns {
                    if self.columns.insert(column.clone()) {
                        new_columns.push(column.clone());
                    }
                }
            }
            prepared.push(record.map(|(key, body, _)| (key, body)));
        }
        let keys: Vec<&str> = prepared.iter().flatten().map(|(key, _)| key.as_str()).collect();
        let mut staged = self.staging()?.get(&keys).await?;
        let mut changes: Vec<Change> = Vec::with_capacity(batch.len());
        let mut outcomes = Vec::with_capacity(batch.len());
        for record in prepared {
            let (key, body) = match record {
                Ok(prepared) => prepared,
                Err(error) => {
                    outcomes.push(WriteOutcome::Failed(error));
                    continue;
                }
            };
            let before = staged.get(&key);
            let action = match before {
                None => Action::Created,
                Some(before) if !same(&before.body, &body) => Action::Updated,
                // The batch came before, and the crash before it was accounted: the answer is the same.
                Some(before) => before.action.unwrap_or(Action::Unchanged),
            };
            let overall = match before {
                Some(Staged { action: Some(Action::Created), .. }) | None => Action::Created,
                Some(_) => Action::Updated,
            };
            if before.is_none_or(|before| before.body != body) && action != Action::Unchanged {
                staged.insert(key.clone(), Staged { body: body.clone(), action: Some(overall) });
                changes.push(Change { key, body, action: overall });
            }
            outcomes.push(WriteOutcome::Written { action, destination_key: None });
        }
        let applied = self.staging()?.apply(&last_of_each_key(changes), &new_columns).await;
        if applied.is_err() {
            new_columns.iter().for_each(|name| {
                self.columns.remove(name);
            });
        }
        applied.map(|()| outcomes)
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        let staging = self.staging()?;
        if staging.is_changed().await? {
            let loaded = staging.state("loaded").await?;
            let published = staging.state("published").await?;
            let path = self.path.clone();
            let now = blocking(move || identity(&path)).await?;
            if published.as_deref() != Some(now.as_str()) {
                if loaded.as_deref() != Some(now.as_str()) {
                    return Err(malformed(
                        "the file was changed by something else while the run wrote it".to_owned(),
                    ));
                }
                self.publish().await?;
            }
        }
        match self.staging.take() {
            Some(staging) => staging.discard().await,
            None => Ok(()),
        }
    }

    fn detects_unchanged(&self) -> bool {
        true
    }
}

impl FileDestination {
    /// Writes the whole file beside its place, and moves it there.
    pub(super) async fn publish(&mut self) -> Result<(), SystemError> {
        let failure = |error: io::Error| io_failure("writing the file", &error);
        let path = self.path.clone();
        let temporary = beside(&path, &format!("{}.tmp", self.run));
        let (format, delimiter) = (self.expected.format, self.expected.csv.delimiter);
        let staging = self.staging()?;
        let columns = staging.columns().await?;
        let (target, place) = (temporary.clone(), path.clone());
        let mut writer = blocking(move || {
            let file = File::create(&target).map_err(failure)?;
            if let Ok(existing) = fs::metadata(&place) {
                file.set_permissions(existing.permissions()).map_err(failure)?;
            }
            FileWriter::new(file, format, delimiter, columns).map_err(failure)
        })
        .await?;
        let mut position = 0;
        loop {
            let (bodies, last) = staging.bodies_after(position).await?;
            if bodies.is_empty() {
                break;
            }
            position = last;
            writer = blocking(move || {
                for body in bodies {
                    writer.write(&body).map_err(failure)?;
                }
                Ok(writer)
            })
            .await?;
        }
        let target = temporary.clone();
        let identity = blocking(move || {
            writer.finish().map_err(failure)?;
            identity(&target)
        })
        .await?;
        // Before the rename: after a crash behind it, the file in place is recognised as ours.
        staging.set_state("published", &identity).await?;
        blocking(move || {
            fs::rename(&temporary, &path).map_err(failure)?;
            match path.parent() {
                Some(directory) => File::open(directory).and_then(|file| file.sync_all()).map_err(failure),
                None => Ok(()),
            }
        })
        .await
    }
}

/// Takes over what the file holds.
async fn load(staging: &mut Staging, path: &Path, expected: &Expected) -> Result<(), SystemError> {
    let (place, expected) = (path.to_owned(), expected.clone());
    let (format, key_fields) = (expected.format, expected.columns.clone());
    let (loaded, mut reader) = blocking(move || {
        let loaded = identity(&place)?;
        let reader = if loaded == ABSENT || loaded.starts_with("0:") {
            None
        } else {
            Some(RecordReader::open(&place, &expected)?)
        };
        Ok((loaded, reader))
    })
    .await?;
    staging.begin_load().await?;
    let mut columns = Vec::new();
    while let Some(mut open) = reader {
        let key_fields = key_fields.clone();
        let (records, back, at_end) = blocking(move || {
            let mut records = Vec::with_capacity(LOADED_RECORDS_MAX);
            while records.len() < LOADED_RECORDS_MAX {
                match open.next()? {
                    Some(Item::Record(record)) => records.push(loaded_record(&record, format, &key_fields)),
                    Some(Item::Malformed(bad)) => {
                        let hint =
                            format!("the file that is there can't be read: {} {}", bad.position, bad.reason);
                        return Err(malformed(hint));
                    }
                    None => return Ok((records, open, true)),
                }
            }
            Ok((records, open, false))
        })
        .await?;
        staging.load(&records).await?;
        columns = back.columns().map(<[String]>::to_vec).unwrap_or_default();
        reader = (!at_end).then_some(back);
    }
    staging.end_load(&columns, &loaded).await
}

fn loaded_record(record: &Record, format: Format, key_fields: &[String]) -> (Option<String>, String) {
    let (key, body) = match format {
        Format::Jsonl => (RecordKey::of(record, key_fields), record.to_string()),
        Format::Csv => {
            let cells = cells_of(record);
            (csv_key(&cells, key_fields), body_of_cells(&cells))
        }
    };
    (key.map(|key| key.canonical().to_owned()), body)
}

/// The texts of a record as CSV holds them; empty ones are left out, for null and absent look the same.
fn cells_of(record: &Record) -> BTreeMap<&str, String> {
    let cells = record.iter().filter_map(|(name, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (!text.is_empty()).then_some((name.as_str(), text))
    });
    cells.collect()
}

/// By the texts, so that 5 in a record is the same key as `5` in a file.
fn csv_key(cells: &BTreeMap<&str, String>, key_fields: &[String]) -> Option<RecordKey> {
    let texts = key_fields
        .iter()
        .filter_map(|name| cells.get(name.as_str()).map(|text| (name.clone(), Value::String(text.clone()))));
    RecordKey::of(&texts.collect(), key_fields)
}

fn body_of_cells(cells: &BTreeMap<&str, String>) -> String {
    let record: Record =
        cells.iter().map(|(&name, text)| (name.to_owned(), Value::String(text.clone()))).collect();
    record.to_string()
}

/// Equal, whatever the order of the fields.
fn same(left: &str, right: &str) -> bool {
    left == right
        || serde_json::from_str::<Value>(left)
            .ok()
            .is_some_and(|left| serde_json::from_str::<Value>(right).is_ok_and(|right| left == right))
}

/// A statement must not touch a row twice; two records of a batch can have become one key by the mapping.
fn last_of_each_key(changes: Vec<Change>) -> Vec<Change> {
    let last: HashMap<String, usize> =
        changes.iter().enumerate().map(|(index, change)| (change.key.clone(), index)).collect();
    let mut index = 0;
    let mut kept = changes;
    kept.retain(|change| {
        index += 1;
        last.get(&change.key) == Some(&(index - 1))
    });
    kept
}

/// Size and time of the last change, or that there is none.
fn identity(path: &Path) -> Result<String, SystemError> {
    let failure = |error: io::Error| io_failure("looking at the file", &error);
    match fs::metadata(path) {
        Ok(metadata) => {
            let modified = metadata.modified().map_err(failure)?;
            let modified = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
            Ok(format!("{}:{modified}", metadata.len()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ABSENT.to_owned()),
        Err(error) => Err(failure(error)),
    }
}

enum FileWriter {
    Csv { writer: Box<csv::Writer<BufWriter<File>>>, columns: Vec<String> },
    JsonLines(BufWriter<File>),
}

impl FileWriter {
    fn new(file: File, format: Format, delimiter: u8, columns: Vec<String>) -> io::Result<Self> {
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok(match format {
            Format::Jsonl => Self::JsonLines(file),
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
                writer.write_record(&columns)?;
                Self::Csv { writer: Box::new(writer), columns }
            }
        })
    }

    fn write(&mut self, body: &str) -> io::Result<()> {
        match self {
            Self::JsonLines(file) => {
                file.write_all(body.as_bytes())?;
                file.write_all(b"\n")
            }
            Self::Csv { writer, columns } => {
                let record: Record = serde_json::from_str(body)?;
                for column in columns.iter() {
                    writer.write_field(record.get(column).and_then(Value::as_str).unwrap_or(""))?;
                }
                Ok(writer.write_record(None::<&[u8]>)?)
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        let file = match self {
            Self::JsonLines(file) => file,
            Self::Csv { writer, .. } => writer.into_inner().map_err(|error| error.into_error())?,
        };
        file.into_inner().map_err(|error| error.into_error())?.sync_all()
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn field_error(field: &str, rule: &str, message: &str) -> FieldError {
    let path = if field.is_empty() {
        String::new()
    } else {
        format!("/{}", field.replace('~', "~0").replace('/', "~1"))
    };
    FieldError { path, rule: rule.to_owned(), message: message.to_owned() }
}

fn rejected(field_errors: Vec<FieldError>) -> RecordError {
    let rules: Vec<String> =
        field_errors.iter().map(|error| format!("{} at {:?}", error.rule, error.path)).collect();
    RecordError {
        kind: RecordErrorKind::Rejected,
        field_errors,
        http_status: None,
        detail: format!("the file can't hold the record: {}", rules.join(", ")),
    }
}
