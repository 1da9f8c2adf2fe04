//! What a record will be in the file, in the form in which it is collected: its key and a body. Deliberately absent:
//! collecting (`staging`) and writing (`writer`).

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::csv_format::RECORD_LINES_MAX;
use super::format::FileFormat;
use super::lines::LINE_BYTES_MAX;
use super::parquet::ColumnType;
use crate::{FieldError, Record, RecordError, RecordErrorKind, RecordKey};

/// Columns of a file. A mapping that makes a column of each key would otherwise grow without end.
const COLUMNS_MAX: usize = 2000;

/// How records are collected.
pub(super) struct Bodies {
    pub(super) format: FileFormat,
    pub(super) key_fields: Vec<String>,
    /// The columns so far; JSON Lines have none.
    pub(super) columns: HashSet<String>,
    /// Parquet: types that the options say, in which a record must fit.
    pub(super) types: HashMap<String, ColumnType>,
    /// Parquet: types that columns had before, which stay as long as all fits.
    pub(super) types_before: HashMap<String, ColumnType>,
}

/// A record, ready to be collected.
pub(super) struct Prepared {
    pub(super) key: String,
    pub(super) body: String,
    /// Columns that no record had before.
    pub(super) columns: Vec<String>,
}

impl Bodies {
    /// A record that is to be written.
    ///
    /// # Errors
    /// What of it the file can't hold.
    pub(super) fn prepare(&self, record: &Record) -> Result<Prepared, RecordError> {
        let mut bad = Vec::new();
        for (name, value) in record {
            if name.contains('\0') || (self.format != FileFormat::Parquet && holds_nul(value)) {
                bad.push(field_error(name, "nul", "contains a NUL character, which a text file can't hold"));
            }
        }
        if !bad.is_empty() {
            return Err(rejected(bad));
        }
        let (key, body) = match self.format {
            FileFormat::Jsonl => (RecordKey::of(record, &self.key_fields), record.to_string()),
            FileFormat::Csv => {
                let cells = cells_of(record);
                let lines = cells.values().map(|text| text.matches('\n').count() as u64).sum::<u64>() + 1;
                if lines >= RECORD_LINES_MAX {
                    let message = "has too many lines for a CSV record";
                    return Err(rejected(vec![field_error("", "maxLines", message)]));
                }
                (csv_key(&cells, &self.key_fields), body_of_cells(&cells))
            }
            FileFormat::Parquet => {
                let typed = self.typed(record)?;
                (RecordKey::of(&typed, &self.key_fields), typed.to_string())
            }
        };
        let Some(key) = key else {
            let missing = self.key_fields.iter().filter(|&name| {
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
        Ok(Prepared { key: key.canonical().to_owned(), body, columns: self.new_columns(record)? })
    }

    /// A record that the file holds already; its key is `None` when it has none.
    ///
    /// # Errors
    /// Which column does not fit the type that the options say.
    pub(super) fn loaded(&self, record: &Record) -> Result<(Option<String>, String), String> {
        let (key, body) = match self.format {
            FileFormat::Jsonl => (RecordKey::of(record, &self.key_fields), record.to_string()),
            FileFormat::Csv => {
                let cells = cells_of(record);
                (csv_key(&cells, &self.key_fields), body_of_cells(&cells))
            }
            FileFormat::Parquet => {
                let mut present = Record::with_capacity(record.len());
                for (name, value) in record.iter().filter(|(_, value)| !value.is_null()) {
                    let value = match self.types.get(name) {
                        None => value.clone(),
                        Some(column) => column
                            .canonical(value)
                            .map_err(|reason| format!("a value of `{name}` {reason}"))?,
                    };
                    present.insert(name.clone(), value);
                }
                (RecordKey::of(&present, &self.key_fields), present.to_string())
            }
        };
        Ok((key.map(|key| key.canonical().to_owned()), body))
    }

    /// Equal, whatever the order of the fields.
    pub(super) fn same(&self, left: &str, right: &str) -> bool {
        if left == right {
            return true;
        }
        let (Ok(left), Ok(right)) = (serde_json::from_str(left), serde_json::from_str(right)) else {
            return false;
        };
        if self.format == FileFormat::Parquet { equal(&left, &right) } else { left == right }
    }

    fn new_columns(&self, record: &Record) -> Result<Vec<String>, RecordError> {
        if self.format == FileFormat::Jsonl {
            return Ok(Vec::new());
        }
        let new: Vec<String> = record.keys().filter(|name| !self.columns.contains(*name)).cloned().collect();
        if self.columns.len() + new.len() > COLUMNS_MAX {
            let message = format!("has fields beyond the {COLUMNS_MAX} columns that a file may have");
            return Err(rejected(vec![field_error("", "maxProperties", &message)]));
        }
        Ok(new)
    }

    /// The values as reading the file will give them, without those that are null: absent and null look the same.
    fn typed(&self, record: &Record) -> Result<Record, RecordError> {
        let mut typed = Record::with_capacity(record.len());
        let mut bad = Vec::new();
        for (name, value) in record.iter().filter(|(_, value)| !value.is_null()) {
            let value = match (self.types.get(name), self.types_before.get(name)) {
                (Some(column), _) => match column.canonical(value) {
                    Ok(value) => value,
                    Err(reason) => {
                        bad.push(field_error(name, "type", &reason));
                        continue;
                    }
                },
                (None, Some(before)) => before.canonical(value).unwrap_or_else(|_| value.clone()),
                (None, None) => value.clone(),
            };
            typed.insert(name.clone(), value);
        }
        if bad.is_empty() { Ok(typed) } else { Err(rejected(bad)) }
    }
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

/// Equal, where 1 and 1.0 are: a column of doubles holds both as one.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_f64() != right.is_f64() => {
            left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(name).is_some_and(|right| equal(left, right)))
        }
        _ => left == right,
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
        exchange: None,
    }
}
