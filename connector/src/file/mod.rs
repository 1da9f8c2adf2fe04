//! The `file` connector: CSV, JSON Lines and Parquet, in the tenant's own directory or in a bucket.
//!
//! A path of the options becomes a real one, or a key, in `store`, `target` and `incoming` and nowhere else. Whether a file is packed
//! is known to `compression`, what its records are to `records`, and neither knows where it is. Deliberately absent:
//! other stores, and archives that hold several files.

mod body;
mod bucket;
mod compression;
mod content;
mod csv_format;
mod description;
mod destination;
mod division;
mod format;
mod incoming;
mod json_lines;
mod lines;
mod object;
mod parquet;
mod pattern;
mod reader;
mod records;
mod signature;
mod source;
mod staging;
mod store;
mod target;
#[cfg(test)]
mod tests;
mod upload;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use self::bucket::Bucket;
use self::compression::Compression;
use self::csv_format::CsvFormat;
use self::description::description;
use self::destination::{FileDestination, FileOptions};
use self::division::Group;
use self::format::FileFormat;
use self::parquet::ColumnType;
use self::pattern::Pattern;
use self::records::Files;
use self::source::{FileSource, Selection};
use self::store::Store;
use self::target::Target;
use crate::directory::{components, io_failure};
use crate::options::{decode, key_fields};
use crate::{
    Connector, Cursor, Description, Destination, Division, Egress, NewFile, OpenDestination, OpenSource,
    Removal, Source, SyncMode, SystemAccess, SystemError, SystemErrorKind,
};

pub use self::incoming::IncomingFile;

/// Files that `test` counts, at most, so that a huge directory does not hold it up.
const COUNTED_FILES_MAX: usize = 10_000;

/// The `file` connector.
pub(crate) struct FileConnector {
    description: Description,
    egress: Egress,
}

#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    store: StoreKind,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoreKind {
    #[default]
    Local,
    S3,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceOptions {
    path: String,
    format: Option<FileFormat>,
    compression: Option<Compression>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "yes")]
    header: bool,
    #[serde(default = "empty_is_null")]
    null_values: Vec<String>,
    #[serde(default)]
    allow_empty: bool,
    #[serde(default = "one")]
    slices: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DestinationOptions {
    path: String,
    format: Option<FileFormat>,
    compression: Option<Compression>,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default)]
    key_fields: Vec<String>,
    #[serde(default)]
    columns: HashMap<String, ColumnType>,
}

fn comma() -> char {
    ','
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn empty_is_null() -> Vec<String> {
    vec![String::new()]
}

impl FileConnector {
    /// `egress` guards the way to buckets.
    pub(crate) fn new(egress: Egress) -> Self {
        Self { description: description(), egress }
    }

    fn store(&self, access: &SystemAccess) -> Result<Store, SystemError> {
        let config: Config = decode("config", &access.config)?;
        Ok(match config.store {
            StoreKind::Local => Store::Local(access.files_dir.clone()),
            StoreKind::S3 => Store::Bucket(Arc::new(Bucket::new(&self.egress, access)?)),
        })
    }
}

#[async_trait]
impl Connector for FileConnector {
    fn description(&self) -> &Description {
        &self.description
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        let (place, count) = match self.store(access)? {
            Store::Bucket(bucket) => ("The bucket", bucket.count(COUNTED_FILES_MAX).await?),
            Store::Local(root) => {
                let count = blocking(move || {
                    fs::create_dir_all(&root)
                        .map_err(|error| io_failure("making the tenant's directory", &error))?;
                    count_files(&root)
                });
                ("Your directory", count.await?)
            }
        };
        Ok(match count {
            0 => format!("{place} is there, and empty."),
            1 => format!("{place} is there, with 1 file."),
            COUNTED_FILES_MAX.. => format!("{place} is there, with {COUNTED_FILES_MAX} files or more."),
            count => format!("{place} is there, with {count} files."),
        })
    }

    fn cursor_value(&self, watermark: &Cursor) -> Option<Value> {
        source::cursor_value(watermark)
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
        let files = Files { format: options.format, compression: options.compression, csv, columns };
        let selection = Selection { path: options.path, files, allow_empty: options.allow_empty };
        let store = self.store(&open.access)?;
        Ok(Box::new(FileSource::open(store, selection, open).await?))
    }

    fn parts_may_repeat_keys(&self) -> bool {
        true
    }

    fn may_be_divided(&self, options: &Value) -> bool {
        options.get("slices").and_then(Value::as_u64).is_some_and(|slices| slices > 1)
    }

    async fn divide(&self, open: &OpenSource) -> Result<Option<Division>, SystemError> {
        let options: SourceOptions = decode("source options", &open.options)?;
        let Some(pattern) = Pattern::of(&options.path)? else { return Ok(None) };
        // What is new in which file is known to one worker.
        if options.slices < 2 || open.stream.mode == SyncMode::Incremental {
            return Ok(None);
        }
        let files = self.store(&open.access)?.list(pattern).await?;
        Division::of(&Group::cut(files, options.slices), None::<Cursor>)
    }

    fn key_fields(&self, options: &Value, of_source: &[String]) -> Option<Vec<String>> {
        Some(key_fields(options, of_source))
    }

    fn can_remove(&self, _options: &Value, _removal: &Removal) -> bool {
        true
    }

    /// The file is written whole, and a run that finds another one in its place fails.
    fn takes_single_records(&self, _options: &Value) -> bool {
        false
    }

    async fn begin_file(
        &self,
        access: &SystemAccess,
        file: NewFile,
    ) -> Result<Option<IncomingFile>, SystemError> {
        IncomingFile::begin(self.store(access)?, file).await.map(Some)
    }

    fn reads_file(&self, options: &Value, path: &str) -> bool {
        let Some(meant) = options.get("path").and_then(Value::as_str) else { return false };
        match Pattern::of(meant) {
            Ok(Some(pattern)) => pattern.matches(path),
            Ok(None) => components(meant).is_ok_and(|names| names.join("/") == path),
            Err(_not_understood) => false,
        }
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        let options: DestinationOptions = decode("destination options", &open.options)?;
        let (format, compression) = format::of_file(&options.path, options.format, options.compression)?;
        let key_fields =
            if options.key_fields.is_empty() { open.stream.key_fields } else { options.key_fields };
        let csv = CsvFormat {
            delimiter: ascii(options.delimiter)?,
            header: true,
            null_values: vec![String::new()],
        };
        let store = self.store(&open.access)?;
        let target = Target::of(&store, &options.path, &open.access.files_dir).await?;
        let types = options.columns;
        let root = open.access.files_dir;
        let options = FileOptions { root, path: options.path, format, compression, csv, key_fields, types };
        Ok(Box::new(FileDestination::open(target, options, open.run, open.resumed).await?))
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
