//! Files that somebody puts: whole or not at all, in their own place and in no other.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;
use tempfile::{TempDir, tempdir};

use super::{connector, source};
use crate::{Connector as _, IncomingFile, NewFile, SystemError, SystemErrorKind};

async fn begin(root: &TempDir, path: &str, only_new: bool) -> Result<IncomingFile, SystemError> {
    let access = source(root, json!({})).access;
    let kept = HashSet::from(["shop.db".to_owned()]);
    let file = NewFile { path: path.to_owned(), only_new, kept };
    Ok(connector().begin_file(&access, file).await?.unwrap())
}

async fn refusal(root: &TempDir, path: &str) -> SystemErrorKind {
    begin(root, path, false).await.err().unwrap().kind
}

/// What of unfinished files is left.
fn left(root: &Path) -> usize {
    fs::read_dir(root.join(".trestle/uploads")).unwrap().count()
}

#[tokio::test]
async fn a_file_is_there_when_it_is_whole_and_replaces_what_was_there() {
    let root = tempdir().unwrap();
    let place = root.path().join("in/orders.csv");
    let mut file = begin(&root, "in/orders.csv", false).await.unwrap();
    assert!(file.is_new());
    // More than is collected before it is written.
    let row = "0123456789,abcdefghij\n".repeat(60_000);
    file.write(b"id,name\n").await.unwrap();
    file.write(row.as_bytes()).await.unwrap();
    assert!(!place.exists() && !root.path().join("in").exists());
    assert!(file.finish().await.unwrap());
    assert_eq!(fs::read_to_string(&place).unwrap(), format!("id,name\n{row}"));

    fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
    let mut file = begin(&root, "in/orders.csv", false).await.unwrap();
    assert!(!file.is_new());
    file.write(b"id\n1\n").await.unwrap();
    assert!(file.finish().await.unwrap());
    assert_eq!(fs::read_to_string(&place).unwrap(), "id\n1\n");
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(left(root.path()), 0);
}

#[tokio::test]
async fn one_that_is_given_up_leaves_nothing() {
    let root = tempdir().unwrap();
    let mut file = begin(&root, "in/orders.csv", false).await.unwrap();
    file.write("x".repeat(3 * 1024 * 1024).as_bytes()).await.unwrap();
    assert_eq!(left(root.path()), 1);
    drop(file);
    assert_eq!(left(root.path()), 0);
    assert!(!root.path().join("in").exists());
}

#[tokio::test]
async fn of_two_that_want_to_be_the_first_one_is() {
    let root = tempdir().unwrap();
    let mut one = begin(&root, "a.csv", true).await.unwrap();
    let mut other = begin(&root, "a.csv", true).await.unwrap();
    assert!(one.is_new() && other.is_new());
    one.write(b"one").await.unwrap();
    other.write(b"other").await.unwrap();
    assert!(other.finish().await.unwrap());
    assert!(!one.finish().await.unwrap());
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "other");
    assert_eq!(left(root.path()), 0);
}

#[tokio::test]
async fn links_directories_and_databases_of_other_systems_stay_as_they_are() {
    let (root, outside) = (tempdir().unwrap(), tempdir().unwrap());
    fs::create_dir(root.path().join("in")).unwrap();
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink(root.path().join("in"), root.path().join("linked")).unwrap();
    assert_eq!(refusal(&root, "out/a.csv").await, SystemErrorKind::Forbidden);
    assert_eq!(refusal(&root, "linked/a.csv").await, SystemErrorKind::Forbidden);
    assert_eq!(refusal(&root, "shop.db").await, SystemErrorKind::Forbidden);
    assert_eq!(refusal(&root, "in").await, SystemErrorKind::Misconfigured);

    // What became a link while the file was on its way is not followed either.
    let mut file = begin(&root, "later/a.csv", false).await.unwrap();
    file.write(b"id\n").await.unwrap();
    symlink(outside.path(), root.path().join("later")).unwrap();
    assert_eq!(file.finish().await.unwrap_err().kind, SystemErrorKind::Forbidden);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(left(root.path()), 0);
}

#[test]
fn a_stream_reads_the_file_that_its_path_or_pattern_means() {
    for (meant, path, reads) in [
        ("in/orders.csv", "in/orders.csv", true),
        ("./in//orders.csv", "in/orders.csv", true),
        ("in/orders.csv", "in/orders.csv.gz", false),
        ("in/*.csv", "in/orders.csv", true),
        ("in/*.csv", "in/old/orders.csv", false),
        ("in/**/*.csv", "in/old/orders.csv", true),
        ("../orders.csv", "orders.csv", false),
    ] {
        assert_eq!(connector().reads_file(&json!({"path": meant}), path), reads, "{meant} {path}");
    }
    assert!(!connector().reads_file(&json!({}), "in/orders.csv"));
}
