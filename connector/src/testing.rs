//! What the connectors' own tests share: opening with defaults, reading to the end, and the proof that
//! reading can resume after every page.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    Action, Connector, Cursor, Item, Malformed, OpenDestination, OpenSource, Record, RecordKey, StreamSpec,
    SyncMode, SystemAccess, SystemError, Write, WriteOutcome,
};

fn stream(keys: &[&str]) -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: keys.iter().map(|&key| key.to_owned()).collect(),
        cursor_field: None,
        mode: SyncMode::Full,
        classified: Default::default(),
    }
}

fn access() -> SystemAccess {
    SystemAccess {
        config: json!({}),
        credentials: "{}".into(),
        files_dir: PathBuf::from("/nonexistent"),
        tokens: None,
        pace: Default::default(),
        progress: Default::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

/// A FULL read; tests set what else they need.
pub(crate) fn open_source(options: Value, keys: &[&str], page_records_max: usize) -> OpenSource {
    OpenSource {
        access: access(),
        stream: stream(keys),
        options,
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max,
    }
}

/// A destination of a run of its own.
pub(crate) fn open_destination(options: Value, keys: &[&str]) -> OpenDestination {
    OpenDestination {
        access: access(),
        stream: stream(keys),
        options,
        run: uuid::Uuid::now_v7(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    }
}

/// All items, and the watermark after them.
pub(crate) async fn read_all(
    connector: &dyn Connector,
    open: OpenSource,
) -> Result<(Vec<Item>, Option<Cursor>), SystemError> {
    let mut source = connector.open_source(open).await?;
    let mut items = Vec::new();
    while let Some(page) = source.next_page().await? {
        items.extend(page.items);
    }
    Ok((items, source.watermark()))
}

pub(crate) async fn items_of(connector: &dyn Connector, open: OpenSource) -> Vec<Item> {
    read_all(connector, open).await.unwrap().0
}

pub(crate) fn records_of(items: &[Item]) -> Vec<Record> {
    let records = items.iter().filter_map(|item| match item {
        Item::Record(record) => Some(record.clone()),
        Item::Malformed(_) => None,
    });
    records.collect()
}

/// `(position, reason)` of what could not be read.
pub(crate) fn malformed_of(items: &[Item]) -> Vec<(&str, &str)> {
    let malformed = items.iter().filter_map(|item| match item {
        Item::Malformed(Malformed { position, reason, .. }) => Some((position.as_str(), reason.as_str())),
        Item::Record(_) => None,
    });
    malformed.collect()
}

pub(crate) fn write_of(record: Value, keys: &[&str]) -> Write {
    let Value::Object(record) = record else { unreachable!("records are objects") };
    let record = Record::from(record);
    let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
    Write { key: RecordKey::of(&record, &keys).unwrap(), record, known: false, revision: 0 }
}

/// The actions of outcomes that were all written.
pub(crate) fn actions(outcomes: &[WriteOutcome]) -> Vec<Action> {
    let actions = outcomes.iter().map(|outcome| match outcome {
        WriteOutcome::Written { action, .. } => *action,
        WriteOutcome::Failed(error) => unreachable!("not written: {error:?}"),
    });
    actions.collect()
}

/// Stops after every page in turn, opens again at its checkpoint (through JSON text, as stored), and
/// asserts that the items and the watermark are those of an uninterrupted read.
pub(crate) async fn resumes_everywhere(connector: &dyn Connector, open: OpenSource) {
    let (expected, watermark) = read_all(connector, open.clone()).await.unwrap();
    let expected = format!("{expected:?}");
    let mut pages_before = 0;
    loop {
        let mut source = connector.open_source(open.clone()).await.unwrap();
        let mut items = Vec::new();
        let mut checkpoint = None;
        for _ in 0..pages_before {
            let Some(page) = source.next_page().await.unwrap() else { return };
            items.extend(page.items);
            checkpoint = Some(serde_json::from_str(&page.checkpoint.to_string()).unwrap());
        }
        drop(source);
        let mut resumed = open.clone();
        resumed.resume = checkpoint;
        let (rest, watermark_after) = read_all(connector, resumed).await.unwrap();
        items.extend(rest);
        assert_eq!(format!("{items:?}"), expected, "resumed after page {pages_before}");
        assert_eq!(watermark_after, watermark, "watermark when resumed after page {pages_before}");
        pages_before += 1;
    }
}
