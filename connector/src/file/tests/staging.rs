//! What is written stands beside the file until the run ends, and survives crashes.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::path::Path;

use serde_json::json;

use super::super::{Compression, CsvFormat, FileDestination, FileFormat, FileOptions, Target};
use super::{connector, destination, directory, hidden, open_at, writes};
use crate::testing::actions;
use crate::{Action, Connector as _, SystemErrorKind};

#[tokio::test]
async fn staging_survives_a_crash_and_a_batch_that_comes_again_is_answered_the_same() {
    let root = directory("a.csv", "id,name\n1,a\n2,b\n");
    let open = destination(root.path(), json!({"path": "a.csv"}));
    let connector = connector();
    let first = writes(json!([{"id": 1, "name": "A"}, {"id": 3, "name": "c"}, {"id": 2, "name": "b"}]));
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    let expected = [Action::Updated, Action::Created, Action::Unchanged];
    assert_eq!(actions(&destination.write(&first).await.unwrap()), expected);
    // The process dies: nothing is finished, nothing is closed in order.
    drop(destination);
    assert!(!hidden(root.path()).is_empty());
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    assert_eq!(actions(&destination.write(&first).await.unwrap()), expected, "the same batch again");
    let second = writes(json!([{"id": 4, "name": "d"}]));
    assert_eq!(actions(&destination.write(&second).await.unwrap()), [Action::Created]);
    drop(destination);
    // It dies once more, before the end; the resumed run has nothing left to write.
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    destination.finish().await.unwrap();
    let expected = "id,name\n1,A\n2,b\n3,c\n4,d\n";
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), expected);
    assert_eq!(hidden(root.path()), Vec::<String>::new());
    // The end comes again as well, when the crash came before it was accounted.
    let mut open = open;
    open.resumed = true;
    let mut destination = connector.open_destination(open).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), expected);
}

#[tokio::test]
async fn what_was_collected_elsewhere_is_missed() {
    let root = directory("a.csv", "id,name\n1,a\n");
    let elsewhere = directory("a.csv", "id,name\n1,a\n");
    let mut open = destination(root.path(), json!({"path": "a.csv"}));
    let mut destination = connector().open_destination(open.clone()).await.unwrap();
    destination.write(&writes(json!([{"id": 2, "name": "b"}]))).await.unwrap();
    drop(destination);
    // The run goes on, on a machine with a directory of its own.
    open.resumed = true;
    open.access.files_dir = elsewhere.path().to_owned();
    let error = connector().open_destination(open.clone()).await.err().unwrap();
    assert_eq!(error.kind, SystemErrorKind::Internal);
    assert!(error.detail.contains("TRESTLE_FILES_DIR"), "{error}");
    open.access.files_dir = root.path().to_owned();
    let mut destination = connector().open_destination(open.clone()).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n2,b\n");
    // What it leaves behind goes with the next run.
    let done = || fs::read_dir(root.path().join(".trestle")).unwrap().count();
    assert_eq!(done(), 1);
    drop(open_at(root.path(), json!({"path": "a.csv"})).await);
    assert_eq!(done(), 0);
}

/// The run that both processes of the next test belong to.
const KILLED_RUN: uuid::Uuid = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// In the working directory of the process that is to be killed, and nowhere else.
const KILL_ME: &str = "kill-me";

/// The other process of the next test; in an ordinary run there is nothing to do.
#[tokio::test]
async fn process_that_is_killed() {
    if !Path::new(KILL_ME).exists() {
        return;
    }
    let mut open = destination(Path::new("."), json!({"path": "a.csv"}));
    open.run = KILLED_RUN;
    let mut destination = connector().open_destination(open).await.unwrap();
    destination.write(&writes(json!([{"id": 1, "name": "A"}, {"id": 2, "name": "b"}]))).await.unwrap();
    std::io::stdout().write_all(b"\nwritten\n").unwrap();
    std::io::stdout().flush().unwrap();
    // Until it is killed.
    std::future::pending().await
}

#[tokio::test]
async fn staging_survives_kill_9() {
    let root = directory("a.csv", "id,name\n1,a\n");
    fs::write(root.path().join(KILL_ME), "").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "file::tests::staging::process_that_is_killed", "--nocapture"])
        .current_dir(root.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "written"));
    child.kill().unwrap();
    child.wait().unwrap();
    let wal = root.path().join(format!(".a.csv.{KILLED_RUN}.staging-wal"));
    assert!(wal.exists(), "nothing was closed in order");
    let mut open = destination(root.path(), json!({"path": "a.csv"}));
    open.run = KILLED_RUN;
    let mut destination = connector().open_destination(open).await.unwrap();
    let batch = writes(json!([{"id": 2, "name": "b"}, {"id": 3, "name": "c"}]));
    assert_eq!(actions(&destination.write(&batch).await.unwrap()), [Action::Created; 2]);
    destination.finish().await.unwrap();
    let content = fs::read_to_string(root.path().join("a.csv")).unwrap();
    assert_eq!(content, "id,name\n1,A\n2,b\n3,c\n");
    assert_eq!(hidden(root.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_crash_between_rename_and_cleaning_up_is_repaired() {
    let root = directory("a.csv", "id,name\n1,a\n");
    let open = destination(root.path(), json!({"path": "a.csv"}));
    let staging = root.path().join(format!(".a.csv.{}.staging", open.run));
    let connector = connector();
    let mut destination = connector.open_destination(open.clone()).await.unwrap();
    destination.write(&writes(json!([{"id": 2, "name": "b"}]))).await.unwrap();
    drop(destination);
    let options = FileOptions {
        root: root.path().to_owned(),
        path: "a.csv".to_owned(),
        format: FileFormat::Csv,
        compression: Compression::None,
        csv: CsvFormat { delimiter: b',', header: true, null_values: vec![String::new()] },
        key_fields: vec!["id".to_owned()],
        types: std::collections::HashMap::new(),
    };
    let target = Target::Local(root.path().join("a.csv"));
    let mut destination = FileDestination::open(target, options, open.run, false).await.unwrap();
    destination.publish().await.unwrap();
    drop(destination);
    assert!(staging.exists(), "published, and not cleaned up");
    let mut destination = connector.open_destination(open).await.unwrap();
    destination.finish().await.unwrap();
    assert_eq!(fs::read_to_string(root.path().join("a.csv")).unwrap(), "id,name\n1,a\n2,b\n");
    assert_eq!(hidden(root.path()), Vec::<String>::new());
}
