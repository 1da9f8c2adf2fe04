//! gzip and zstd: in members, cut off, damaged, bombs, and from any place in them.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{connector, directory, hidden, open_at, source, values, writes};
use crate::testing::{self, items_of, malformed_of, read_all, records_of};
use crate::{Connector as _, SyncMode, SystemErrorKind};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).unwrap()
}

fn rows(from: usize, to: usize) -> String {
    (from..to).map(|id| format!("{id},name {id}\n")).collect()
}

#[tokio::test]
async fn packed_files_are_read_by_their_names_or_by_the_option() {
    let text = format!("id,name\n{}", rows(1, 5000));
    for (name, content, options) in [
        ("a.csv.gz", gzip(text.as_bytes()), json!({"path": "a.csv.gz"})),
        ("a.csv.zst", zstd(text.as_bytes()), json!({"path": "a.csv.zst"})),
        ("a.bin", gzip(text.as_bytes()), json!({"path": "a.bin", "compression": "gzip"})),
        ("a.gz", text.clone().into_bytes(), json!({"path": "a.gz", "compression": "none"})),
    ] {
        let directory = directory(name, content);
        let items = items_of(&connector(), source(&directory, options)).await;
        assert_eq!(items.len(), 4999, "{name}");
        assert_eq!(records_of(&items)[4998]["name"], "name 4999");
    }
}

#[tokio::test]
async fn reading_resumes_after_every_page_also_in_the_middle_of_a_member() {
    let first = format!("id,name\n{}", rows(1, 30));
    // The record with the open quote takes the next lines along, and gives them back.
    let second = format!("30,\"open\n{}", rows(31, 60));
    for (name, content) in [
        (
            "a.csv.gz",
            [gzip(first.as_bytes()), gzip(second.as_bytes()), gzip(b""), gzip(rows(60, 90).as_bytes())]
                .concat(),
        ),
        (
            "a.csv.zst",
            [
                zstd(first.as_bytes()),
                b"\x51\x2A\x4D\x18\x03\0\0\0abc".to_vec(),
                zstd(second.as_bytes()),
                zstd(rows(60, 90).as_bytes()),
            ]
            .concat(),
        ),
        // As tapes fill up the last block.
        ("b.csv.gz", [gzip(first.as_bytes()), gzip(rows(30, 60).as_bytes()), vec![0; 700]].concat()),
    ] {
        let directory = directory(name, content);
        let mut open = source(&directory, json!({"path": name}));
        for size in [1, 7] {
            open.page_records_max = size;
            testing::resumes_everywhere(&connector(), open.clone()).await;
        }
        open.stream.mode = SyncMode::Incremental;
        open.stream.cursor_field = Some("id".to_owned());
        open.since = Some(json!({"value": "20"}));
        testing::resumes_everywhere(&connector(), open).await;
    }
}

#[tokio::test]
async fn a_checkpoint_names_the_member_from_which_to_unpack() {
    let content = [gzip(b"id\n1\n2\n"), gzip(b"3\n4\n")].concat();
    let packed = gzip(b"id\n1\n2\n").len();
    let directory = directory("a.csv.gz", content);
    let mut open = source(&directory, json!({"path": "a.csv.gz"}));
    open.page_records_max = 3;
    let mut source = connector().open_source(open).await.unwrap();
    let checkpoint = source.next_page().await.unwrap().unwrap().checkpoint;
    assert_eq!(checkpoint["mark"], json!({"packed": packed, "unpacked": 7}));
    assert_eq!((&checkpoint["offset"], &checkpoint["line"]), (&json!(9), &json!(4)));
}

#[tokio::test]
async fn what_comes_before_the_damage_is_given_out_and_the_damage_has_a_place() {
    let text = format!("id,name\n{}", rows(1, 100_000));
    for (name, content, title) in
        [("a.csv.gz", gzip(text.as_bytes()), "gzip"), ("a.csv.zst", zstd(text.as_bytes()), "zstd")]
    {
        let cut = content.len() / 2;
        let directory = directory(name, &content[..cut]);
        let mut open = source(&directory, json!({"path": name}));
        open.page_records_max = 5000;
        let mut source = connector().open_source(open).await.unwrap();
        let mut count = 0;
        let error = loop {
            match source.next_page().await {
                Ok(Some(page)) => {
                    assert_eq!(malformed_of(&page.items), []);
                    count += page.items.len();
                }
                Ok(None) => unreachable!("the archive has no end"),
                Err(error) => break error,
            }
        };
        assert!((10_000..100_000).contains(&count), "{count} of {name}");
        assert_eq!(error.kind, SystemErrorKind::Malformed);
        let hint = format!("the {title} archive ends too early, at byte {cut} (after line {})", count + 1);
        assert_eq!(error.hint, Some(hint));
    }
    // A byte in the middle is another one.
    let mut content = gzip(text.as_bytes());
    let middle = content.len() / 2;
    content[middle] ^= 0xFF;
    let directory = directory("a.csv.gz", content);
    let error = read_all(&connector(), source(&directory, json!({"path": "a.csv.gz"}))).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert!(error.hint.unwrap().starts_with("the gzip archive is damaged near byte "));
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let windowed = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&b"id,name\n1,a\n".repeat(1_000_000)).unwrap();
        encoder.finish().unwrap()
    };
    for (name, content, expected) in [
        ("a.csv.gz", b"id,name\n1,a\n".to_vec(), "the file is no gzip archive"),
        ("a.csv.gz", Vec::new(), "the file is empty, and no gzip archive"),
        ("a.csv.zst", gzip(b"id\n1\n"), "the file is no zstd archive"),
        ("a.csv.zst", windowed, "the zstd archive needs a window of more than 32 MiB"),
        ("a.csv.gz", gzip(b"%PDF-1.7"), "the file is a PDF document, not CSV"),
    ] {
        let directory = directory(name, content);
        let error = read_all(&connector(), source(&directory, json!({"path": name}))).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Malformed, Some(expected)));
    }
    let content = [gzip(b"id\n1\n"), b"rubbish".to_vec()].concat();
    let at = content.len() - 7;
    let directory = directory("a.csv.gz", content);
    let error = read_all(&connector(), source(&directory, json!({"path": "a.csv.gz"}))).await.unwrap_err();
    let expected = format!("something that is no gzip archive follows after byte {at} (after line 2)");
    assert_eq!(error.hint, Some(expected));
}

#[tokio::test]
async fn a_bomb_is_given_up_early() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
    encoder.write_all(b"id,name\n").unwrap();
    let nothing = vec![b'\n'; 1024 * 1024];
    (0..1024).for_each(|_| encoder.write_all(&nothing).unwrap());
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 200_000, "a gigabyte in {} bytes", bomb.len());
    let directory = directory("a.csv.zst", bomb);
    let error = read_all(&connector(), source(&directory, json!({"path": "a.csv.zst"}))).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    let hint = error.hint.unwrap();
    assert!(hint.starts_with("the zstd archive holds more than 500 times its size"), "{hint}");
    // A line without end is bounded as it is elsewhere.
    let directory =
        self::directory("a.csv.gz", gzip(format!("id\n1\n{}\n2\n", "x".repeat(20_000_000)).as_bytes()));
    let items = items_of(&connector(), source(&directory, json!({"path": "a.csv.gz"}))).await;
    assert_eq!(malformed_of(&items), [("line 3", "the line is longer than 1048576 bytes")]);
    assert_eq!(records_of(&items).len(), 2);
}

#[tokio::test]
async fn packed_files_are_written_and_upserted() {
    for path in ["out/a.csv.gz", "out/a.jsonl.zst", "out/a.csv.zst"] {
        let root = tempdir().unwrap();
        let first: Vec<Value> =
            (1..2000).map(|id| json!({"id": id.to_string(), "name": format!("n{id}")})).collect();
        let mut destination = open_at(root.path(), json!({"path": path})).await;
        destination.write(&writes(Value::Array(first.clone()))).await.unwrap();
        destination.finish().await.unwrap();
        let packed = fs::read(root.path().join(path)).unwrap();
        assert!(packed.starts_with(if path.ends_with("gz") { b"\x1F\x8B" } else { b"\x28\xB5" }));
        let mut destination = open_at(root.path(), json!({"path": path})).await;
        destination.write(&writes(json!([{"id": "7", "name": "seven"}]))).await.unwrap();
        destination.finish().await.unwrap();
        let items = items_of(&connector(), source(&root, json!({"path": path}))).await;
        let mut expected = first;
        expected[6]["name"] = json!("seven");
        assert_eq!(values(&items), expected, "{path}");
        assert_eq!(hidden(&root.path().join("out")), Vec::<String>::new());
    }
}
