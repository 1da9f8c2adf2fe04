//! The `file` connector: CSV and JSON Lines in the tenant's own directory.
//!
//! A path of the options becomes a real one in `directory` and nowhere else, and readers and writers get
//! the real one: that is where another store will fit in. Deliberately absent: such a store.

mod csv_format;
mod destination;
mod json_lines;
mod lines;
mod reader;
mod signature;
mod source;
mod staging;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use self::csv_format::CsvFormat;
use self::destination::FileDestination;
use self::reader::{Expected, Format};
use self::source::FileSource;
use crate::directory::{existing_file, io_failure, writable_file};
use crate::options::decode;
use crate::{
    Connector, Description, Destination, Example, Failure, Guide, OpenDestination, OpenSource, Source,
    SystemAccess, SystemError, SystemErrorKind,
};

/// Files that `test` counts, at most, so that a huge directory does not hold it up.
const COUNTED_FILES_MAX: usize = 10_000;

/// The `file` connector.
pub(crate) struct FileConnector {
    description: Description,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceOptions {
    path: String,
    format: Option<Format>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "yes")]
    header: bool,
    #[serde(default = "empty_is_null")]
    null_values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DestinationOptions {
    path: String,
    format: Option<Format>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default)]
    key_fields: Vec<String>,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

fn empty_is_null() -> Vec<String> {
    vec![String::new()]
}

impl FileConnector {
    pub(crate) fn new() -> Self {
        let object = |properties: Value, required: Value| {
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                "properties": properties, "required": required, "additionalProperties": false,
            })
        };
        let path = |description: &str| {
            json!({
                "type": "string", "title": "Path", "description": description, "default": "",
                "minLength": 1, "maxLength": 1024,
            })
        };
        let format = json!({
            "enum": ["csv", "jsonl"], "title": "Format", "default": "csv",
            "description": "CSV, or JSON Lines (one object a line). Without it the file name decides: \
                            `.jsonl` and `.ndjson` are JSON Lines, all else is CSV.",
        });
        let delimiter = json!({
            "type": "string", "title": "Delimiter", "default": ",", "pattern": "^[\\t -!#-~]$",
            "description": "CSV: the character between fields, e.g. `;`.",
        });
        let nothing = object(json!({}), json!([]));
        Self {
            description: Description {
                name: "file",
                title: "Files",
                description: "CSV and JSON Lines files in your own directory.",
                config_schema: nothing.clone(),
                credentials_schema: nothing,
                credentials_go_to: &[],
                can_be_paced: false,
                source_schema: Some(object(
                    json!({
                        "path": path("The file to read, inside your directory, e.g. `in/orders.csv`."),
                        "format": format,
                        "delimiter": delimiter,
                        "header": {
                            "type": "boolean", "title": "Header", "default": true,
                            "description": "CSV: the first row names the columns. Without it they are `column1`, `column2`, …",
                        },
                        "nullValues": {
                            "type": "array", "items": {"type": "string"}, "maxItems": 100, "title": "Null values",
                            "default": [""], "description": "CSV: texts that stand for null.",
                        },
                    }),
                    json!(["path"]),
                )),
                destination_schema: Some(object(
                    json!({
                        "path": path(
                            "The file to write, inside your directory, e.g. `out/orders.csv`. A record replaces \
                             the one with the same key; the file is replaced in one step when the run ends.",
                        ),
                        "format": format,
                        "delimiter": delimiter,
                        "keyFields": {
                            "type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 32,
                            "title": "Key fields", "default": [],
                            "description": "Fields of the written record that identify it, when the mapping \
                                            renames the stream's key fields.",
                        },
                    }),
                    json!(["path"]),
                )),
                guide: guide(),
            },
        }
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({}),
            source: Some(json!({"path": "in/orders.csv", "delimiter": ";"})),
            destination: Some(json!({"path": "out/orders.jsonl"})),
            ..Example::default()
        },
        notes: &[
            "Fields of CSV are strings; JSON Lines keeps types.",
            "A destination is read whole at the start, and replaced in one step when the stream ends: nobody sees half of it.",
            "A file that changes while it is read ends the run: its pages would not fit together.",
        ],
        limits: &["paths of 1,024 characters, inside the tenant's directory", "files in UTF-8"],
        failures: &[
            Failure { code: "not_found", when: "the file is not there" },
            Failure {
                code: "forbidden",
                when: "the path leaves the directory: `..`, absolute, or by a link",
            },
            Failure {
                code: "misconfigured",
                when: "something else than a file is there, or a key column is missing",
            },
            Failure {
                code: "malformed",
                when: "the file is of another kind (a ZIP, a PDF, a Word document), or not UTF-8",
            },
            Failure { code: "source.malformed", when: "one line can't be read; the others arrive" },
            Failure { code: "unavailable", when: "the disk is full, or does not answer" },
            Failure { code: "destination.rejected", when: "a record has no value for a key field" },
        ],
    }
}

#[async_trait]
impl Connector for FileConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let root = access.files_dir.clone();
        let count = blocking(move || {
            fs::create_dir_all(&root).map_err(|error| io_failure("making the tenant's directory", &error))?;
            count_files(&root)
        })
        .await?;
        Ok(match count {
            0 => "Your directory is there, and empty.".to_owned(),
            1 => "Your directory is there, with 1 file.".to_owned(),
            COUNTED_FILES_MAX.. => {
                format!("Your directory is there, with {COUNTED_FILES_MAX} files or more.")
            }
            count => format!("Your directory is there, with {count} files."),
        })
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        let options: SourceOptions = decode("source options", &open.options)?;
        let csv = CsvFormat {
            delimiter: ascii(options.delimiter)?,
            header: options.header,
            null_values: options.null_values,
        };
        let mut columns = open.stream.key_fields.clone();
        columns.extend(
            open.stream
                .cursor_field
                .iter()
                .filter(|cursor| !open.stream.key_fields.contains(cursor))
                .cloned(),
        );
        let format = options.format.unwrap_or_else(|| Format::of_path(&options.path));
        let expected = Expected { format, csv, columns };
        let source = blocking(move || {
            let path = existing_file(&open.access.files_dir, &options.path)?;
            FileSource::open(&path, &expected, open)
        });
        Ok(Box::new(source.await?))
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        let options: DestinationOptions = decode("destination options", &open.options)?;
        let format = options.format.unwrap_or_else(|| Format::of_path(&options.path));
        let key_fields =
            if options.key_fields.is_empty() { open.stream.key_fields } else { options.key_fields };
        let csv = CsvFormat {
            delimiter: ascii(options.delimiter)?,
            header: true,
            null_values: vec![String::new()],
        };
        let expected = Expected { format, csv, columns: key_fields };
        let path: PathBuf = blocking(move || writable_file(&open.access.files_dir, &options.path)).await?;
        Ok(Box::new(FileDestination::open(path, expected, open.run).await?))
    }
}

fn ascii(delimiter: char) -> Result<u8, SystemError> {
    u8::try_from(delimiter).ok().filter(|byte| byte.is_ascii() && !b"\"\r\n\0".contains(byte)).ok_or_else(
        || {
            SystemError::new(SystemErrorKind::Misconfigured, format!("{delimiter:?} can't be a delimiter"))
                .with_hint("the delimiter must be a single ASCII character, not a quote or a line end")
        },
    )
}

/// Regular files below a directory, without following links and without our staging files.
fn count_files(root: &Path) -> Result<usize, SystemError> {
    let failure = |error: std::io::Error| io_failure("listing the tenant's directory", &error);
    let mut directories = vec![root.to_owned()];
    let mut count = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let kind = entry.file_type().map_err(failure)?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                count += 1;
            }
            if count >= COUNTED_FILES_MAX {
                return Ok(count);
            }
        }
    }
    Ok(count)
}

/// Runs what blocks on a thread where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SystemError> + Send + 'static,
) -> Result<T, SystemError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(SystemError::new(
            SystemErrorKind::Internal,
            format!("a thread that works on a file failed: {error}"),
        ))
    })
}
