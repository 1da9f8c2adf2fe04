//! The `file` connector against real files: every kind of bad input, resuming, and upserts that survive.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

mod compression;
mod csv;
mod incoming;
mod parquet;
mod pattern;
mod reading;
mod staging;
mod writing;

use super::FileConnector;
use crate::testing::{open_destination, open_source, records_of, write_of};
use crate::{Connector as _, Destination, Egress, Item, OpenDestination, OpenSource};

fn connector() -> FileConnector {
    FileConnector::new(Egress::default())
}

fn directory(name: &str, content: impl AsRef<[u8]>) -> TempDir {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join(name), content).unwrap();
    directory
}

fn source(directory: &TempDir, options: Value) -> OpenSource {
    let mut open = open_source(options, &["id"], 100);
    open.access.files_dir = directory.path().to_owned();
    open
}

fn values(items: &[Item]) -> Vec<Value> {
    records_of(items).into_iter().map(Value::from).collect()
}

fn destination(root: &Path, options: Value) -> OpenDestination {
    let mut open = open_destination(options, &["id"]);
    open.access.files_dir = root.to_owned();
    open
}

async fn open_at(root: &Path, options: Value) -> Box<dyn Destination> {
    connector().open_destination(destination(root, options)).await.unwrap()
}

fn writes(records: Value) -> Vec<crate::Write> {
    let Value::Array(records) = records else { unreachable!("an array") };
    records.into_iter().map(|record| write_of(record, &["id"])).collect()
}

fn hidden(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.') && name != ".trestle").collect()
}
