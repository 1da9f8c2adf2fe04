//! A file that is upserted by key: collected on the local disk, and put in its place in one step at the end.
//! Deliberately absent: what a record becomes (`body`), where things are collected (`staging`), and how a file gets in
//! its place (`target`).

use std::collections::HashMap;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::blocking;
use super::body::Bodies;
use super::compression::Compression;
use super::csv_format::CsvFormat;
use super::format::FileFormat;
use super::parquet::{ColumnType, Seen};
use super::reader::malformed;
use super::records::{Files, Records};
use super::staging::{Change, Staged, Staging};
use super::target::{Target, changed};
use super::writer::{FileWriter, Layout};
use crate::{
    Action, Destination, Gone, Item, Record, RecordError, Removal, Standing, SystemError, SystemErrorKind,
    Write, WriteOutcome,
};

/// Records of the file that are loaded at once.
const LOADED_RECORDS_MAX: usize = 2000;
/// Under which name the staging keeps the types that columns had before.
const TYPES: &str = "types";

/// What the options say of the file that is written.
pub(super) struct FileOptions {
    /// The tenant's directory.
    pub(super) root: PathBuf,
    pub(super) path: String,
    pub(super) format: FileFormat,
    pub(super) compression: Compression,
    pub(super) csv: CsvFormat,
    pub(super) key_fields: Vec<String>,
    /// Types of Parquet columns.
    pub(super) types: HashMap<String, ColumnType>,
}

/// A file that is written.
pub(super) struct FileDestination {
    /// `None` after the end.
    staging: Option<Staging>,
    root: PathBuf,
    target: Target,
    bodies: Bodies,
    compression: Compression,
    delimiter: u8,
    run: Uuid,
    stop: CancellationToken,
    /// Ends what waits for a store when the destination is dropped.
    _guard: DropGuard,
}

impl FileDestination {
    /// Opens the staging of the run; the first time, it takes over what the file holds.
    pub(super) async fn open(
        target: Target,
        options: FileOptions,
        run: Uuid,
        resumed: bool,
    ) -> Result<Self, SystemError> {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let (mut staging, is_loaded) = Staging::open(&options.root, target.local(), run, resumed).await?;
        let mut bodies = Bodies {
            format: options.format,
            key_fields: options.key_fields.clone(),
            columns: Default::default(),
            types: options.types.clone(),
            types_before: HashMap::new(),
        };
        if is_loaded {
            target.clean(&mut staging).await?;
        } else if let Err(error) = load(&mut staging, &target, &options, &bodies, &stop).await {
            staging.discard().await?;
            return Err(error);
        }
        bodies.columns = staging.columns().await?.into_iter().collect();
        if let Some(types) = staging.state(TYPES).await? {
            bodies.types_before = serde_json::from_str(&types).map_err(|error| {
                SystemError::new(
                    SystemErrorKind::Internal,
                    format!("reading the types of the columns: {error}"),
                )
            })?;
        }
        let (compression, delimiter) = (options.compression, options.csv.delimiter);
        Ok(Self {
            staging: Some(staging),
            root: options.root,
            target,
            bodies,
            compression,
            delimiter,
            run,
            stop,
            _guard: guard,
        })
    }

    /// Writes the whole file, and puts it in its place.
    pub(super) async fn publish(&mut self) -> Result<(), SystemError> {
        let there = self.target.look().await?;
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let loaded = staging.state("loaded").await?.ok_or_else(|| {
            SystemError::new(SystemErrorKind::Internal, "the staging was not filled with what the file holds")
        })?;
        if self.target.is_published(staging, &there, &loaded, self.run).await? {
            return Ok(());
        }
        if loaded != there.identity {
            return Err(changed());
        }
        let layout = self.layout().await?;
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let out = self.target.begin(&there, self.run, &self.stop).await?;
        let mut writer = blocking(move || FileWriter::new(out, layout)).await?;
        let mut position = 0;
        loop {
            let (bodies, last) = staging.bodies_after(position).await?;
            if bodies.is_empty() {
                break;
            }
            position = last;
            writer = blocking(move || {
                for body in bodies {
                    writer.write(&body)?;
                }
                Ok(writer)
            })
            .await?;
            Target::remember(staging, writer.out().upload()).await?;
        }
        let out = blocking(move || writer.finish()).await?;
        Target::remember(staging, out.upload()).await?;
        self.target.publish(staging, out).await
    }

    async fn layout(&mut self) -> Result<Layout, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let columns = staging.columns().await?;
        let compression = self.compression;
        Ok(match self.bodies.format {
            FileFormat::Csv => Layout::Csv { delimiter: self.delimiter, columns, compression },
            FileFormat::Jsonl => Layout::JsonLines { compression },
            FileFormat::Parquet => {
                let types = types_of(staging, &self.bodies, &columns).await?;
                let typed = columns.into_iter().zip(types);
                Layout::Parquet { columns: typed.collect() }
            }
        })
    }
}

#[async_trait]
impl Destination for FileDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let mut prepared = Vec::with_capacity(batch.len());
        let mut new_columns: Vec<String> = Vec::new();
        for write in batch {
            let record = self.bodies.prepare(&write.record);
            if let Ok(record) = &record {
                for column in &record.columns {
                    if self.bodies.columns.insert(column.clone()) {
                        new_columns.push(column.clone());
                    }
                }
            }
            prepared.push(record.map(|record| (record.key, record.body, &write.key)));
        }
        let keys: Vec<&str> = prepared.iter().flatten().map(|(key, ..)| key.as_str()).collect();
        let mut staged = staging.get(&keys).await?;
        let mut changes: Vec<Change> = Vec::with_capacity(batch.len());
        let mut outcomes = Vec::with_capacity(batch.len());
        for record in prepared {
            let (key, body, source_key) = match record {
                Ok(prepared) => prepared,
                Err(error) => {
                    outcomes.push(WriteOutcome::Failed(error));
                    continue;
                }
            };
            let before = staged.get(&key);
            let action = match before {
                None => Action::Created,
                Some(before) if !self.bodies.same(&before.body, &body) => Action::Updated,
                // The batch came before, and the crash before it was accounted: the answer is the same.
                Some(before) => before.action.unwrap_or(Action::Unchanged),
            };
            let overall = match before {
                Some(Staged { action: Some(Action::Created), .. }) | None => Action::Created,
                Some(_) => Action::Updated,
            };
            let destination_key = (key != source_key.canonical()).then(|| key.clone());
            if before.is_none_or(|before| before.body != body) && action != Action::Unchanged {
                staged.insert(key.clone(), Staged { body: body.clone(), action: Some(overall) });
                changes.push(Change { key, body, action: overall });
            }
            outcomes.push(WriteOutcome::Written { action, destination_key });
        }
        let applied = staging.apply(&last_of_each_key(changes), &new_columns).await;
        if applied.is_err() {
            new_columns.iter().for_each(|name| {
                self.bodies.columns.remove(name);
            });
        }
        applied.map(|()| outcomes)
    }

    async fn remove(
        &mut self,
        gone: &[Gone],
        removal: &Removal,
    ) -> Result<Vec<Result<(), RecordError>>, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let keys: Vec<&str> = gone.iter().map(staged_key).collect();
        let mut outcomes: Vec<Result<(), RecordError>> = gone.iter().map(|_| Ok(())).collect();
        let Removal::Mark { field, at } = removal else {
            return staging.remove(&keys).await.map(|()| outcomes);
        };
        let staged = staging.get(&keys).await?;
        let mut places = Vec::with_capacity(gone.len());
        let mut batch = Vec::with_capacity(gone.len());
        for (place, (gone, key)) in gone.iter().zip(&keys).enumerate() {
            let Some(staged) = staged.get(*key) else { continue };
            let mut record: Record = serde_json::from_str(&staged.body).map_err(unreadable)?;
            record.insert(field.clone(), at.clone().into());
            places.push(place);
            batch.push(Write { key: gone.key.clone(), record, known: true, revision: 0 });
        }
        for (place, outcome) in places.into_iter().zip(self.write(&batch).await?) {
            if let WriteOutcome::Failed(error) = outcome {
                outcomes[place] = Err(error);
            }
        }
        Ok(outcomes)
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        if staging.is_changed().await? {
            self.publish().await?;
        }
        match self.staging.take() {
            Some(staging) => staging.finish(&self.root, self.target.local(), self.run).await,
            None => Ok(()),
        }
    }

    fn detects_unchanged(&self) -> bool {
        true
    }

    async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        // What can't be written is not there.
        let prepared: Vec<Option<(String, String)>> = batch
            .iter()
            .map(|write| self.bodies.prepare(&write.record).ok().map(|record| (record.key, record.body)))
            .collect();
        let keys: Vec<&str> = prepared.iter().flatten().map(|(key, _)| key.as_str()).collect();
        let staged = staging.get(&keys).await?;
        let standing = |(key, body): &(String, String)| match staged.get(key) {
            None => Standing::Missing,
            Some(there) if self.bodies.same(&there.body, body) => Standing::Same,
            Some(_) => Standing::Different,
        };
        let standing = |record: &Option<_>| record.as_ref().map_or(Standing::Missing, standing);
        Ok(Some(prepared.iter().map(standing).collect()))
    }

    async fn holds(&mut self, gone: &[Gone]) -> Result<Option<Vec<bool>>, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        let keys: Vec<&str> = gone.iter().map(staged_key).collect();
        let staged = staging.get(&keys).await?;
        Ok(Some(keys.iter().map(|key| staged.contains_key(*key)).collect()))
    }

    async fn row_count(&mut self) -> Result<Option<u64>, SystemError> {
        let Some(staging) = self.staging.as_mut() else { return Err(finished()) };
        staging.count().await.map(Some)
    }
}

/// Under which key a record of an earlier run is collected.
fn staged_key(gone: &Gone) -> &str {
    gone.destination_key.as_deref().unwrap_or_else(|| gone.key.canonical())
}

/// Takes over what the file holds.
async fn load(
    staging: &mut Staging,
    target: &Target,
    options: &FileOptions,
    bodies: &Bodies,
    stop: &CancellationToken,
) -> Result<(), SystemError> {
    let there = target.look().await?;
    let readable = target.open(&there, stop).await?;
    let files = Files {
        format: Some(options.format),
        compression: Some(options.compression),
        csv: options.csv.clone(),
        columns: options.key_fields.clone(),
    };
    let path = options.path.clone();
    let mut reader =
        blocking(move || readable.map(|readable| Records::open(&readable, &path, &files)).transpose())
            .await?;
    let types: HashMap<String, ColumnType> = match &reader {
        Some(Records::Parquet(reader)) => reader.columns().map_err(not_to_be_kept)?.into_iter().collect(),
        _ => HashMap::new(),
    };
    staging.begin_load().await?;
    let mut columns = Vec::new();
    while let Some(mut open) = reader {
        let (items, back) = blocking(move || {
            let mut items = Vec::with_capacity(LOADED_RECORDS_MAX);
            while items.len() < LOADED_RECORDS_MAX {
                match open.next()? {
                    Some(Item::Record(record)) => items.push(record),
                    Some(Item::Malformed(bad)) => {
                        let hint =
                            format!("the file that is there can't be read: {} {}", bad.position, bad.reason);
                        return Err(malformed(hint));
                    }
                    None => break,
                }
            }
            Ok((items, open))
        })
        .await?;
        let records = items.iter().map(|record| bodies.loaded(record)).collect::<Result<Vec<_>, _>>();
        let records = records.map_err(|reason| {
            malformed(format!("the file that is there does not fit the columns: {reason}"))
        })?;
        staging.load(&records).await?;
        columns = back.columns();
        reader = (records.len() == LOADED_RECORDS_MAX).then_some(back);
    }
    let types = serde_json::to_string(&types).map_err(|error| {
        SystemError::new(SystemErrorKind::Internal, format!("keeping the types of the columns: {error}"))
    })?;
    staging.set_state(TYPES, &types).await?;
    staging.end_load(&columns, &there.identity).await
}

/// The types of the columns: what the options say, what they had before if all fits, or the narrowest that holds all.
async fn types_of(
    staging: &mut Staging,
    bodies: &Bodies,
    columns: &[String],
) -> Result<Vec<ColumnType>, SystemError> {
    let mut seen: Vec<Seen> =
        columns.iter().map(|name| Seen::of(bodies.types_before.get(name).copied())).collect();
    let places: HashMap<String, usize> =
        columns.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
    let places = std::sync::Arc::new(places);
    let mut position = 0;
    loop {
        let (found, last) = staging.bodies_after(position).await?;
        if found.is_empty() {
            break;
        }
        position = last;
        let places = places.clone();
        seen = blocking(move || {
            for body in found {
                let record: Record = serde_json::from_str(&body).map_err(unreadable)?;
                for (name, value) in &record {
                    if let Some(&index) = places.get(name) {
                        seen[index].see(value);
                    }
                }
            }
            Ok(seen)
        })
        .await?;
    }
    let types = columns.iter().zip(seen);
    Ok(types
        .map(|(name, seen)| bodies.types.get(name).copied().unwrap_or_else(|| seen.column_type()))
        .collect())
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

fn unreadable(error: serde_json::Error) -> SystemError {
    SystemError::new(SystemErrorKind::Internal, format!("reading a collected record: {error}"))
}

fn finished() -> SystemError {
    SystemError::new(SystemErrorKind::Internal, "the file was finished, and is written again")
}

fn not_to_be_kept(column: String) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("column {column} has a type that is not written"))
        .with_hint(format!(
            "the file that is there has a column `{column}` of a type that can't be written again as it is; write to \
             another file"
        ))
}
