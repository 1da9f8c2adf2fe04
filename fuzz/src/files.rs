//! Files that the `file` connector reads, at once and with an interruption after each page.

use std::fs;
use std::sync::{Arc, LazyLock};

use connector::{
    Connector, Cursor, Egress, Item, OpenSource, Registry, StreamSpec, SyncMode, SystemAccess, SystemError,
    SystemErrorKind,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));
static CONNECTOR: LazyLock<Arc<dyn Connector>> =
    LazyLock::new(|| Registry::standard(Egress::new(Vec::new())).get("file").expect("the file connector"));

/// Writes the bytes as a file, reads it in one go, and again with an interruption after each of the first pages: the
/// items and the watermark must be the same. The number of items; `None` where the file is refused.
pub fn read_in_every_way(
    name: &str,
    bytes: &[u8],
    options: &Value,
    key: &str,
    incremental: bool,
    page_records_max: usize,
) -> Option<usize> {
    let open = opening(name, bytes, options, key, incremental, page_records_max);
    RUNTIME.block_on(async {
        let (items, watermark, pages) = read(&open, 4).await?;
        for (before, checkpoint) in pages {
            let open = OpenSource { resume: Some(checkpoint), ..open.clone() };
            let (rest, watermark_after, _) = read(&open, 0).await.expect("a file that was read");
            assert_eq!(rest, items[before..], "resumed after {before} items");
            assert_eq!(watermark_after, watermark, "resumed after {before} items");
        }
        Some(items.len())
    })
}

/// Writes the bytes as a file and reads it to its end or to where it is broken, which must be said to be the file's
/// fault.
pub fn read_what_may_be_broken(name: &str, bytes: &[u8], options: &Value, key: &str) {
    let open = opening(name, bytes, options, key, false, 100);
    let read = RUNTIME.block_on(async {
        let mut source = CONNECTOR.open_source(open).await?;
        while source.next_page().await?.is_some() {}
        Ok::<(), SystemError>(())
    });
    if let Err(error) = read {
        assert_eq!(error.kind, SystemErrorKind::Malformed, "{error}");
    }
}

fn opening(
    name: &str,
    bytes: &[u8],
    options: &Value,
    key: &str,
    incremental: bool,
    page_records_max: usize,
) -> OpenSource {
    fs::write(DIRECTORY.path().join(name), bytes).expect("the file is written");
    OpenSource {
        access: SystemAccess {
            config: json!({}),
            credentials: "{}".into(),
            files_dir: DIRECTORY.path().to_owned(),
            tokens: None,
            pace: Default::default(),
            progress: Default::default(),
            credential_store: Default::default(),
            inbox: None,
        },
        stream: StreamSpec {
            name: "fuzz".to_owned(),
            key_fields: vec![key.to_owned()],
            cursor_field: incremental.then(|| key.to_owned()),
            mode: if incremental { SyncMode::Incremental } else { SyncMode::Full },
            classified: Default::default(),
        },
        options: options.clone(),
        since: incremental.then(|| json!({ "value": "5" })),
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max,
    }
}

/// Items of a read to the end, the watermark, and the first checkpoints with the number of items before each.
async fn read(
    open: &OpenSource,
    checkpoints_max: usize,
) -> Option<(Vec<String>, Option<Cursor>, Vec<(usize, Cursor)>)> {
    let mut source = CONNECTOR.open_source(open.clone()).await.ok()?;
    let mut items = Vec::new();
    let mut checkpoints = Vec::new();
    while let Some(page) = source.next_page().await.expect("a file that was opened is read") {
        items.extend(page.items.iter().map(text));
        if checkpoints.len() < checkpoints_max {
            // As it is stored between pages.
            let stored = serde_json::from_str(&page.checkpoint.to_string()).expect("JSON");
            checkpoints.push((items.len(), stored));
        }
    }
    Some((items, source.watermark(), checkpoints))
}

fn text(item: &Item) -> String {
    match item {
        Item::Record(record) => serde_json::to_string(record).expect("JSON"),
        Item::Malformed(malformed) => {
            assert!(!malformed.reason.is_empty(), "what is malformed says why");
            format!("{malformed:?}")
        }
    }
}

/// Lines that are not blank.
pub fn lines(text: &[u8], is_blank: impl Fn(&[u8]) -> bool) -> usize {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    text.split(|&byte| byte == b'\n').filter(|line| !is_blank(line)).count()
}
