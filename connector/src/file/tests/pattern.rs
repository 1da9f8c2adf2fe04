//! Several files as one stream.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::{connector, source};
use crate::testing::{self, items_of, malformed_of, read_all, records_of};
use crate::{Connector as _, CursorRange, Item, OpenSource, SyncMode, SystemErrorKind};

fn files(files: &[(&str, &str)]) -> TempDir {
    let root = tempdir().unwrap();
    for (path, content) in files {
        write(&root, path, content);
    }
    root
}

fn write(root: &TempDir, path: &str, content: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn incremental(root: &TempDir, path: &str) -> OpenSource {
    let mut open = source(root, json!({"path": path}));
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("at".to_owned());
    open
}

fn ids(items: &[Item]) -> Vec<String> {
    records_of(items).iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn files_come_in_the_order_of_their_names_each_with_its_own_header() {
    let root = files(&[
        ("in/b.csv", "name,id\nb,2\n"),
        ("in/a.csv", "id\n1\nx,y\n"),
        ("in/c.csv", "id,name\n3,\"c\n4,d\n"),
        ("in/.hidden.csv", "id\n9\n"),
        ("in/c.txt", "id\n9\n"),
        ("in/deep/d.csv", "id\n5\n"),
    ]);
    let items = items_of(&connector(), source(&root, json!({"path": "in/*.csv"}))).await;
    assert_eq!(ids(&items), ["1", "2", "4"]);
    assert_eq!(
        malformed_of(&items),
        [("in/a.csv, line 3", "has 2 fields, not 1"), ("in/c.csv, line 2", "a quoted field is not closed")]
    );
    let items = items_of(&connector(), source(&root, json!({"path": "in/**/[ad].csv"}))).await;
    assert_eq!(ids(&items), ["1", "5"]);
}

#[tokio::test]
async fn reading_resumes_after_every_page_in_every_file() {
    let root = files(&[("in/3.jsonl", "{\"id\": \"8\", \"at\": \"3\"}\nrubbish\n"), ("in/4.jsonl", "")]);
    write(
        &root,
        "in/1.jsonl",
        "{\"id\": \"1\", \"at\": \"1\"}\n{\"id\": \"2\", \"at\": \"9\"}\n{\"id\": \"3\", \"at\": \"2\"}\n",
    );
    write(
        &root,
        "in/2.jsonl",
        &(4..=7).map(|id| format!("{{\"id\": \"{id}\", \"at\": \"{id}\"}}\n")).collect::<String>(),
    );
    for size in [1, 2, 3, 5] {
        let mut open = source(&root, json!({"path": "in/*.jsonl"}));
        open.page_records_max = size;
        testing::resumes_everywhere(&connector(), open).await;
        let mut open = incremental(&root, "in/*.jsonl");
        open.page_records_max = size;
        testing::resumes_everywhere(&connector(), open.clone()).await;
        open.since = Some(json!({"value": "4", "files": {"in/2.jsonl": "another"}}));
        testing::resumes_everywhere(&connector(), open).await;
    }
}

#[tokio::test]
async fn pages_are_not_smaller_because_files_are() {
    let root = tempdir().unwrap();
    (0..50).for_each(|number| write(&root, &format!("{number:02}.csv"), &format!("id\n{number}\n")));
    let mut open = source(&root, json!({"path": "*.csv"}));
    open.page_records_max = 20;
    let mut source = connector().open_source(open).await.unwrap();
    let mut sizes = Vec::new();
    while let Some(page) = source.next_page().await.unwrap() {
        sizes.push(page.items.len());
    }
    assert_eq!(sizes, [20, 20, 10]);
}

#[tokio::test]
async fn a_file_that_was_read_is_left_out_and_a_late_one_is_read_whatever_it_holds() {
    let root = files(&[("in/1.csv", "id,at\n1,10\n2,20\n"), ("in/3.csv", "id,at\n5,50\n")]);
    let (items, watermark) = read_all(&connector(), incremental(&root, "in/*.csv")).await.unwrap();
    assert_eq!(ids(&items), ["1", "2", "5"]);
    let watermark = watermark.unwrap();
    assert_eq!(watermark["value"], "50");
    assert_eq!(watermark["files"].as_object().unwrap().keys().collect::<Vec<_>>(), ["in/1.csv", "in/3.csv"]);
    // Nothing happened.
    let mut open = incremental(&root, "in/*.csv");
    open.since = Some(watermark.clone());
    assert_eq!(ids(&read_all(&connector(), open.clone()).await.unwrap().0), Vec::<String>::new());
    // One came late, one grew, with a record that is older than the watermark and one that is newer.
    write(&root, "in/2.csv", "id,at\n3,11\n4,12\n");
    write(&root, "in/3.csv", "id,at\n5,50\n6,40\n7,60\n");
    let (items, next) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(ids(&items), ["3", "4", "5", "6", "7"], "what changed is read whole");
    assert_eq!(next.as_ref().unwrap()["value"], "60");
    // One that goes away is forgotten, and new when it comes back.
    fs::remove_file(root.path().join("in/1.csv")).unwrap();
    open.since = next;
    let (items, next) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(items.len(), 0);
    assert_eq!(next.unwrap()["files"].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_value_or_a_range_decides_in_every_file() {
    let root = files(&[("in/1.csv", "id,at\n1,10\n2,20\n"), ("in/2.csv", "id,at\n3,15\n4,\n5,30\n")]);
    let mut open = incremental(&root, "in/*.csv");
    open.page_records_max = 1;
    open.only = Some(CursorRange { from: json!("15"), until: Some(json!("30")) });
    assert_eq!(ids(&read_all(&connector(), open.clone()).await.unwrap().0), ["2", "3"]);
    testing::resumes_everywhere(&connector(), open.clone()).await;
    (open.only, open.from) = (None, Some(json!("20")));
    let (items, watermark) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(ids(&items), ["2", "4", "5"], "what has no value can't be known to be old");
    assert_eq!(watermark.as_ref().unwrap()["value"], "30");
    // From then on by what is new again.
    (open.from, open.since, open.overlap) = (None, watermark, Some(15));
    assert_eq!(ids(&read_all(&connector(), open.clone()).await.unwrap().0), Vec::<String>::new());
    write(&root, "in/1.csv", "id,at\n1,10\n2,20\n6,16\n7,14\n");
    write(&root, "in/3.csv", "id,at\n8,1\n");
    let (items, next) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(ids(&items), ["1", "2", "6", "7", "8"], "what changed or is new is read whole");
    assert_eq!(next.unwrap()["value"], "30", "it never goes back");
}

#[tokio::test]
async fn a_file_that_appears_behind_a_run_that_resumes_is_the_next_runs() {
    let root = files(&[("2.csv", "id,at\n2,2\n"), ("3.csv", "id,at\n3,3\n")]);
    let mut open = incremental(&root, "*.csv");
    open.page_records_max = 1;
    let mut source = connector().open_source(open.clone()).await.unwrap();
    let checkpoint = source.next_page().await.unwrap().unwrap().checkpoint;
    drop(source);
    write(&root, "1.csv", "id,at\n1,1\n");
    open.resume = Some(checkpoint);
    let (items, watermark) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(ids(&items), ["3"]);
    // The same when it resumes once more, after a page that came after the first time.
    let mut source = connector().open_source(open.clone()).await.unwrap();
    open.resume = Some(source.next_page().await.unwrap().unwrap().checkpoint);
    drop(source);
    let (items, again) = read_all(&connector(), open.clone()).await.unwrap();
    assert_eq!(items.len(), 0);
    open.resume = None;
    for since in [watermark, again] {
        open.since = since;
        let (items, _) = read_all(&connector(), open.clone()).await.unwrap();
        assert!(ids(&items).contains(&"1".to_owned()), "it is not lost");
    }
}

#[tokio::test]
async fn a_file_that_goes_while_it_is_read_is_noticed() {
    let root = files(&[("1.csv", "id\n1\n2\n"), ("2.csv", "id\n3\n")]);
    let mut open = source(&root, json!({"path": "*.csv"}));
    open.page_records_max = 1;
    let mut source = connector().open_source(open.clone()).await.unwrap();
    open.resume = Some(source.next_page().await.unwrap().unwrap().checkpoint);
    fs::remove_file(root.path().join("1.csv")).unwrap();
    let error = read_all(&connector(), open).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert_eq!(error.hint.as_deref(), Some("the file `1.csv` was removed while it was read"));
}

#[tokio::test]
async fn a_file_that_is_no_good_is_named_after_what_came_before() {
    let root = files(&[("1.csv", "id\n1\n"), ("2.csv", "name\nx\n"), ("3.csv", "id\n3\n")]);
    let mut source = connector().open_source(source(&root, json!({"path": "*.csv"}))).await.unwrap();
    assert_eq!(ids(&source.next_page().await.unwrap().unwrap().items), ["1"]);
    let error = source.next_page().await.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("2.csv: the file has no column `id`; it has `name`"));
}

#[tokio::test]
async fn no_file_is_an_error_unless_it_may_be_missing() {
    let root = tempdir().unwrap();
    for (path, hint) in [
        ("in/*.csv", "there is no file that matches `in/*.csv`"),
        ("in/a.csv", "there is no file `in/a.csv`"),
    ] {
        let error = read_all(&connector(), source(&root, json!({"path": path}))).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::NotFound, Some(hint)));
        let open = source(&root, json!({"path": path, "allowEmpty": true}));
        let (items, watermark) = read_all(&connector(), open).await.unwrap();
        assert_eq!((items.len(), watermark), (0, None));
        let mut open = incremental(&root, path);
        open.options["allowEmpty"] = json!(true);
        open.since = Some(json!({"value": "5"}));
        let (_, watermark) = read_all(&connector(), open).await.unwrap();
        assert_eq!(watermark.unwrap()["value"], "5", "what was known stays known");
    }
}

#[tokio::test]
async fn a_pattern_stays_inside_the_directory() {
    let outer =
        files(&[("secret.csv", "id\n1\n"), ("other/secret.csv", "id\n1\n"), ("tenant/in/a.csv", "id\n2\n")]);
    let tenant = outer.path().join("tenant");
    symlink(outer.path().join("other"), tenant.join("linked")).unwrap();
    for path in ["../*.csv", "/*.csv", "in/../../*.csv", "linked/*.csv"] {
        let mut open = source(&outer, json!({"path": path}));
        open.access.files_dir = tenant.clone();
        assert_eq!(
            read_all(&connector(), open).await.unwrap_err().kind,
            SystemErrorKind::Forbidden,
            "{path}"
        );
    }
    // A directory that is a link is not gone into, and a file that is one leads out visibly.
    let mut open = source(&outer, json!({"path": "**/*.csv"}));
    open.access.files_dir = tenant.clone();
    assert_eq!(ids(&items_of(&connector(), open.clone()).await), ["2"]);
    symlink(outer.path().join("secret.csv"), tenant.join("in/z.csv")).unwrap();
    assert_eq!(read_all(&connector(), open).await.unwrap_err().kind, SystemErrorKind::Forbidden);
}

#[tokio::test]
async fn a_checkpoint_of_an_earlier_version_is_understood() {
    let root = files(&[("a.csv", "id,name\n1,a\n2,b\n")]);
    let mut open = source(&root, json!({"path": "a.csv"}));
    open.page_records_max = 1;
    let mut source = connector().open_source(open.clone()).await.unwrap();
    let checkpoint = source.next_page().await.unwrap().unwrap().checkpoint;
    let head_hash = checkpoint["headHash"].clone();
    let expected: Value =
        json!({"offset": 12, "line": 2, "size": 16, "headBytes": 16, "headHash": head_hash, "columns": 2});
    assert_eq!(checkpoint, expected, "nothing but what it had");
    open.resume = Some(expected);
    assert_eq!(ids(&items_of(&connector(), open).await), ["2"]);
}

#[tokio::test]
async fn slices_of_a_pattern_have_every_file_once_and_miss_one_that_is_gone() {
    let root = tempdir().unwrap();
    for number in 0..7 {
        write(&root, &format!("in/{number}.csv"), &format!("id\n{number}\n"));
    }
    let open = source(&root, json!({"path": "in/*.csv", "slices": 3}));
    assert!(connector().may_be_divided(&open.options));
    let division = connector().divide(&open).await.unwrap().expect("several files");
    assert_eq!((division.parts.len(), division.watermark), (3, None));
    let whole = ids(&items_of(&connector(), open.clone()).await);
    // What comes later is the next run's.
    write(&root, "in/33.csv", "id\n11\n");
    let mut parts = Vec::new();
    for part in &division.parts {
        let open = OpenSource { part: Some(part.clone()), ..open.clone() };
        testing::resumes_everywhere(&connector(), OpenSource { page_records_max: 1, ..open.clone() }).await;
        parts.push(ids(&items_of(&connector(), open).await));
    }
    assert!(parts.iter().all(|part| (2..=3).contains(&part.len())), "{parts:?}");
    assert_eq!(parts.concat(), whole);

    // What is gone is missed, and no other slice has it under another name.
    fs::rename(root.path().join("in/6.csv"), root.path().join("in/00.csv")).unwrap();
    let last = OpenSource { part: division.parts.last().cloned(), ..open.clone() };
    let error = read_all(&connector(), last).await.unwrap_err();
    assert_eq!(
        (error.kind, error.hint.as_deref()),
        (SystemErrorKind::NotFound, Some("in/6.csv: there is no file `in/6.csv`"))
    );
    for options in [json!({"path": "in/5.csv", "slices": 3}), json!({"path": "in/*.csv"})] {
        assert_eq!(connector().divide(&source(&root, options)).await.unwrap(), None);
    }
    let one = connector().divide(&incremental(&root, "in/*.csv")).await.unwrap();
    assert_eq!(one, None);
    assert!(!connector().may_be_divided(&json!({"path": "in/*.csv"})));
}
