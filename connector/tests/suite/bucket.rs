//! The file connector with a bucket: against moto's server, by real HTTP, over a way that breaks. Deliberately absent:
//! formats and packing, which do not know where a file is and are tested beside the code.

mod moto;
mod proxy;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use connector::{
    Action, Connector, Cursor, Destination, Egress, Item, OpenDestination, OpenSource, Record, RecordKey,
    Registry, StreamSpec, SyncMode, SystemAccess, SystemError, SystemErrorKind, Write, WriteOutcome,
};
use futures::FutureExt as _;
use futures::future::join_all;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::moto::{Bucket, Moto, egress};
use self::proxy::Proxy;

fn files() -> Arc<dyn Connector> {
    Registry::standard(egress()).get("file").unwrap()
}

fn access(url: &str, bucket: &str, prefix: &str) -> SystemAccess {
    SystemAccess {
        config: json!({"store": "s3", "bucket": bucket, "region": "us-east-1", "endpoint": url, "prefix": prefix}),
        credentials: SecretString::from(r#"{"accessKeyId": "key", "secretAccessKey": "secret"}"#),
        files_dir: PathBuf::from("/nonexistent"),
        tokens: None,
        pace: connector::Pace::default(),
        progress: connector::Progress::default(),
        credential_store: Default::default(),
        inbox: None,
    }
}

fn stream() -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: vec!["id".to_owned()],
        cursor_field: None,
        mode: SyncMode::Full,
        classified: Default::default(),
    }
}

fn source(access: SystemAccess, path: &str) -> OpenSource {
    OpenSource {
        access,
        stream: stream(),
        options: json!({"path": path}),
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max: 1000,
    }
}

fn destination(mut access: SystemAccess, path: &str, root: &Path) -> OpenDestination {
    access.files_dir = root.to_owned();
    OpenDestination {
        access,
        stream: stream(),
        options: json!({"path": path}),
        run: uuid::Uuid::now_v7(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    }
}

async fn read(open: OpenSource) -> Result<(Vec<Record>, Vec<Cursor>), SystemError> {
    let mut source = files().open_source(open).await?;
    let (mut records, mut checkpoints) = (Vec::new(), Vec::new());
    while let Some(page) = source.next_page().await? {
        for item in page.items {
            match item {
                Item::Record(record) => records.push(record),
                Item::Malformed(bad) => panic!("{bad:?}"),
            }
        }
        checkpoints.push(page.checkpoint);
    }
    Ok((records, checkpoints))
}

fn writes(records: &[Value]) -> Vec<Write> {
    let records = records.iter().map(|record| connector::Record::from(record.as_object().unwrap().clone()));
    let writes = records.map(|record| Write {
        key: RecordKey::of(&record, &["id".to_owned()]).unwrap(),
        record,
        known: false,
        revision: 0,
    });
    writes.collect()
}

async fn write(destination: &mut Box<dyn Destination>, records: &[Value]) -> Vec<Action> {
    let outcomes = destination.write(&writes(records)).await.unwrap();
    let actions = outcomes.into_iter().map(|outcome| match outcome {
        WriteOutcome::Written { action, .. } => action,
        WriteOutcome::Failed(error) => panic!("{error:?}"),
    });
    actions.collect()
}

fn hidden(root: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(root.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".trestle").collect()
}

/// About 30 bytes a row.
fn rows(count: usize) -> String {
    let mut text = String::from("id,name\n");
    (0..count).for_each(|id| text.push_str(&format!("{id},some text of row {id:07}\n")));
    text
}

/// Bodies that no compression makes small, so that they take several parts.
fn large_records() -> Vec<Value> {
    let record = |id: usize| {
        let text: String =
            (0..1000_usize).map(|word| format!("{:x}-", (id * 1000 + word) * 2_654_435_761)).collect();
        json!({"id": id.to_string(), "text": text})
    };
    (0..2000).map(record).collect()
}

/// What is written where, the request that somebody else comes before, and what is there.
type Case = (&'static str, Vec<Value>, &'static [&'static str], Option<&'static str>);

async fn uploads(moto: &Moto, bucket: &Bucket) -> usize {
    let list = moto.ask("GET", &format!("/{}?uploads", bucket.name), &[], "").await;
    list.matches("<UploadId>").count()
}

#[tokio::test]
async fn objects_are_read_in_blocks_and_again_from_every_checkpoint() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let text = rows(400_000);
    assert!(text.len() > 10_000_000, "several blocks");
    bucket.put("acme/in/orders.csv", text).await;
    let mut open = source(access(&moto.url(), &bucket.name, "/acme/"), "in/orders.csv");
    open.page_records_max = 50_000;
    let (records, checkpoints) = read(open.clone()).await.unwrap();
    assert_eq!(records.len(), 400_000);
    assert_eq!(records[399_999]["name"], "some text of row 0399999");
    for (index, checkpoint) in checkpoints.into_iter().enumerate() {
        open.resume = Some(checkpoint);
        let (rest, _) = read(open.clone()).await.unwrap();
        assert_eq!(rest[..], records[50_000 * (index + 1)..]);
    }
}

#[tokio::test]
async fn a_pattern_means_the_objects_of_all_pages_of_the_list_and_none_outside_the_prefix() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let names: Vec<usize> = (0..1100).collect();
    for names in names.chunks(50) {
        join_all(names.iter().map(|id| {
            let bucket = &bucket;
            async move { bucket.put(&format!("acme/in/{id:05}.csv"), format!("id\n{id}\n")).await }
        }))
        .await;
    }
    bucket.put("acme/in/deep/9.csv", "id\n9999\n").await;
    bucket.put("acme2/in/9.csv", "id\n9999\n").await;
    bucket.put("in/9.csv", "id\n9999\n").await;
    let ours = access(&moto.url(), &bucket.name, "acme");
    let (records, _) = read(source(ours.clone(), "in/*.csv")).await.unwrap();
    let ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..1100).map(|id: usize| id.to_string()).collect();
    assert_eq!(ids, expected);
    assert_eq!(files().test(&ours).await.unwrap(), "The bucket is there, with 1101 files.");
    let mut open = source(ours.clone(), "**/*.csv");
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("id".to_owned());
    let mut source = files().open_source(open.clone()).await.unwrap();
    let mut count = 0;
    while let Some(page) = source.next_page().await.unwrap() {
        count += page.items.len();
    }
    assert_eq!(count, 1101);
    // One is replaced, one is new: nothing else is asked for again.
    open.since = source.watermark();
    bucket.put("acme/in/00007.csv", "id\n7\n99999\n").await;
    bucket.put("acme/in/late.csv", "id\n1\n").await;
    let (records, _) = read(open).await.unwrap();
    let ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["7", "99999", "1"]);
}

#[tokio::test]
async fn an_object_that_is_another_version_is_noticed() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let text = rows(400_000);
    bucket.put("a.csv", text.clone()).await;
    let mut open = source(access(&moto.url(), &bucket.name, ""), "a.csv");
    let mut source = files().open_source(open.clone()).await.unwrap();
    let page = source.next_page().await.unwrap().unwrap();
    // Of the same size, and it differs at the end only.
    let other = text.replace("0399999", "0399998");
    bucket.put("a.csv", other).await;
    let error = loop {
        match source.next_page().await {
            Ok(page) => assert!(page.is_some(), "the end of the other version is not reached"),
            Err(error) => break error,
        }
    };
    let replaced = "the file was replaced while it was read";
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert!(error.hint.unwrap().starts_with(replaced));
    open.resume = Some(page.checkpoint);
    let error = read(open).await.unwrap_err();
    assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Malformed, Some(replaced)));
}

#[tokio::test]
async fn a_download_that_breaks_goes_on() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    bucket.put("a.csv", rows(400_000)).await;
    let proxy = Proxy::to(moto.port).await;
    proxy.faults.bytes.store(1_000_000, Ordering::SeqCst);
    proxy.faults.breaks.store(3, Ordering::SeqCst);
    let (records, _) = read(source(access(&proxy.url, &bucket.name, ""), "a.csv")).await.unwrap();
    assert_eq!(proxy.faults.broken.load(Ordering::SeqCst), 3);
    assert_eq!(records.len(), 400_000);
    assert_eq!(records[399_999]["id"], "399999");
}

#[tokio::test]
async fn a_parquet_object_is_read_by_ranges() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let root = tempfile::tempdir().unwrap();
    let url = moto.url();
    let records = large_records();
    let open = destination(access(&url, &bucket.name, ""), "a.parquet", root.path());
    let mut writer = files().open_destination(open).await.unwrap();
    write(&mut writer, &records).await;
    writer.finish().await.unwrap();
    let size = bucket.get("a.parquet").await.len();
    assert!(size > 2_000_000, "{size}");
    let (found, checkpoints) = read(source(access(&url, &bucket.name, ""), "a.parquet")).await.unwrap();
    assert!(found.iter().cloned().map(Value::from).eq(records.iter().cloned()));
    // A page of the first rows does not take the whole object.
    let proxy = Proxy::to(moto.port).await;
    proxy.faults.bytes.store(size * 3 / 4, Ordering::SeqCst);
    proxy.faults.breaks.store(u32::MAX, Ordering::SeqCst);
    let mut open = source(access(&proxy.url, &bucket.name, ""), "a.parquet");
    open.page_records_max = 10;
    let mut first = files().open_source(open).await.unwrap();
    assert_eq!(first.next_page().await.unwrap().unwrap().items.len(), 10);
    let mut open = source(access(&url, &bucket.name, ""), "a.parquet");
    open.resume = checkpoints.first().cloned();
    let (rest, _) = read(open.clone()).await.unwrap();
    assert!(rest.iter().eq(found[found.len() - rest.len()..].iter()) && rest.len() < found.len());
    bucket.put("a.parquet", b"PAR1 another PAR1".to_vec()).await;
    assert_eq!(read(open).await.unwrap_err().kind, SystemErrorKind::Malformed);
}

#[tokio::test]
async fn an_object_is_upserted_and_replaced_in_one_step() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let root = tempfile::tempdir().unwrap();
    for path in ["out/a.csv", "out/a.jsonl.gz"] {
        let open = destination(access(&moto.url(), &bucket.name, "acme"), path, root.path());
        let mut writer = files().open_destination(open).await.unwrap();
        let first = [json!({"id": "1", "name": "a"}), json!({"id": "2", "name": "b"})];
        assert_eq!(write(&mut writer, &first).await, [Action::Created; 2]);
        assert!(!bucket.keys().await.contains(&format!("acme/{path}")), "not yet");
        writer.finish().await.unwrap();
        let open = destination(access(&moto.url(), &bucket.name, "acme"), path, root.path());
        let mut writer = files().open_destination(open).await.unwrap();
        let second = [
            json!({"id": "2", "name": "B"}),
            json!({"id": "1", "name": "a"}),
            json!({"id": "3", "name": "c"}),
        ];
        let expected = [Action::Updated, Action::Unchanged, Action::Created];
        assert_eq!(write(&mut writer, &second).await, expected);
        writer.finish().await.unwrap();
        let (records, _) = read(source(access(&moto.url(), &bucket.name, "acme"), path)).await.unwrap();
        let names: Vec<&Value> = records.iter().map(|record| &record["name"]).collect();
        assert_eq!(names, ["a", "B", "c"]);
        assert_eq!(hidden(&root), Vec::<String>::new());
    }
    assert_eq!(bucket.get("acme/out/a.csv").await, b"id,name\n1,a\n2,B\n3,c\n");
}

#[tokio::test]
async fn a_large_object_goes_in_parts_and_none_is_left_over() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    let root = tempfile::tempdir().unwrap();
    let open = destination(access(&moto.url(), &bucket.name, ""), "a.jsonl", root.path());
    let mut writer = files().open_destination(open.clone()).await.unwrap();
    let records = large_records();
    write(&mut writer, &records).await;
    writer.finish().await.unwrap();
    let text = bucket.get("a.jsonl").await;
    assert!(text.len() > 17 * 1024 * 1024, "{}", text.len());
    assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), records.len());
    assert_eq!(uploads(&moto, &bucket).await, 0);
    // The end comes again, when the crash came before it was accounted: nothing more is written.
    let mut writer = files().open_destination(open).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(hidden(&root), Vec::<String>::new());
}

#[tokio::test]
async fn who_else_writes_is_not_overwritten() {
    let moto = Moto::shared();
    let bucket = Arc::new(moto.bucket().await);
    let root = tempfile::tempdir().unwrap();
    let small = vec![json!({"id": "1", "name": "a"})];
    // Between the last look and the request that writes: only the store itself can tell.
    let cases: [Case; 5] = [
        ("new.csv", small.clone(), &["PUT /", "/new.csv"], None),
        ("old.csv", small, &["PUT /", "/old.csv"], Some("id,name\n7,old\n")),
        ("new.jsonl", large_records(), &["POST /", "/new.jsonl?uploadId="], None),
        // While it is uploaded.
        ("new2.jsonl", large_records(), &["PUT /", "/new2.jsonl?partNumber=2"], None),
        ("old.jsonl", large_records(), &["PUT /", "/old.jsonl?partNumber=2"], Some("{\"id\": \"7\"}\n")),
    ];
    for (path, records, words, before) in cases {
        if let Some(before) = before {
            bucket.put(path, before.to_owned()).await;
        }
        let proxy = Proxy::to(moto.port).await;
        let open = destination(access(&proxy.url, &bucket.name, ""), path, root.path());
        let mut writer = files().open_destination(open).await.unwrap();
        write(&mut writer, &records).await;
        let other = bucket.clone();
        proxy.before(words, move || async move { other.put(path, "somebody else's").await }.boxed());
        let error = writer.finish().await.unwrap_err();
        let changed = Some("the file was changed by something else while the run wrote it");
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Malformed, changed), "{path}");
        assert_eq!(bucket.get(path).await, b"somebody else's", "{path}");
        drop(writer);
    }
    // moto does not look at this condition (5.2.5); S3 does
    // (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
    let proxy = Proxy::to(moto.port).await;
    bucket.put("completed.jsonl", "{\"id\": \"7\"}\n").await;
    let open = destination(access(&proxy.url, &bucket.name, ""), "completed.jsonl", root.path());
    let mut writer = files().open_destination(open).await.unwrap();
    write(&mut writer, &large_records()).await;
    proxy.before(&["POST /", "/completed.jsonl?uploadId=", "\r\nif-match: \""], || async {}.boxed());
    writer.finish().await.unwrap();
    assert!(proxy.faults.before.lock().unwrap().is_none(), "the upload is completed on a condition");
    // Before the last look.
    let open = destination(access(&moto.url(), &bucket.name, ""), "old.csv", root.path());
    bucket.put("old.csv", "id,name\n1,x\n").await;
    let mut writer = files().open_destination(open).await.unwrap();
    write(&mut writer, &[json!({"id": "2", "name": "b"})]).await;
    bucket.put("old.csv", "id,name\n1,y\n").await;
    assert_eq!(writer.finish().await.unwrap_err().kind, SystemErrorKind::Malformed);
    assert_eq!(bucket.get("old.csv").await, b"id,name\n1,y\n");
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing_and_a_killed_one_goes_with_the_next_attempt() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    bucket.put("a.jsonl", "{\"id\": \"before\"}\n").await;
    let root = tempfile::tempdir().unwrap();
    let records = large_records();
    let never = || futures::future::pending().boxed();
    let seen = async |proxy: &Proxy| {
        while proxy.faults.before.lock().unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // The run is stopped while the last part is on its way.
    let proxy = Proxy::to(moto.port).await;
    let mut open = destination(access(&proxy.url, &bucket.name, ""), "a.jsonl", root.path());
    let mut writer = files().open_destination(open.clone()).await.unwrap();
    write(&mut writer, &records).await;
    proxy.before(&["PUT /", "partNumber=2"], never);
    tokio::select! {
        _ = writer.finish() => panic!("it ends though its last part does not arrive"),
        () = seen(&proxy) => {}
    }
    drop(writer);
    let given_up = async {
        while uploads(&moto, &bucket).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), given_up).await.unwrap();
    assert_eq!(bucket.get("a.jsonl").await, b"{\"id\": \"before\"}\n");
    // It is killed, so that it can't give up anything: the way is closed for it.
    let proxy = Proxy::to(moto.port).await;
    open.access = SystemAccess { files_dir: root.path().to_owned(), ..access(&proxy.url, &bucket.name, "") };
    let mut writer = files().open_destination(open.clone()).await.unwrap();
    proxy.before(&["POST /", "uploadId="], never);
    tokio::select! {
        _ = writer.finish() => panic!("it ends though it is not completed"),
        () = seen(&proxy) => {}
    }
    drop(proxy);
    drop(writer);
    assert_eq!(uploads(&moto, &bucket).await, 1, "its parts are there, and nobody sees them");
    assert_eq!(bucket.get("a.jsonl").await, b"{\"id\": \"before\"}\n");
    open.access = SystemAccess { files_dir: root.path().to_owned(), ..access(&moto.url(), &bucket.name, "") };
    let mut writer = files().open_destination(open).await.unwrap();
    assert_eq!(uploads(&moto, &bucket).await, 0);
    writer.finish().await.unwrap();
    let text = bucket.get("a.jsonl").await;
    assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), records.len() + 1);
    assert_eq!(hidden(&root), Vec::<String>::new());
}

#[tokio::test]
async fn a_crash_after_the_object_took_its_place_is_no_other_writer() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    bucket.put("a.csv", "id,name\n1,a\n").await;
    let root = tempfile::tempdir().unwrap();
    let proxy = Proxy::to(moto.port).await;
    let mut open = destination(access(&proxy.url, &bucket.name, ""), "a.csv", root.path());
    let mut writer = files().open_destination(open.clone()).await.unwrap();
    write(&mut writer, &[json!({"id": "2", "name": "b"})]).await;
    // The object arrives, and its answer does not.
    proxy.faults.breaks.store(u32::MAX, Ordering::SeqCst);
    proxy.faults.bytes.store(usize::MAX, Ordering::SeqCst);
    let faults = proxy.faults.clone();
    proxy
        .before(&["PUT /", "/a.csv"], move || async move { faults.bytes.store(0, Ordering::SeqCst) }.boxed());
    assert_eq!(writer.finish().await.unwrap_err().kind, SystemErrorKind::Unavailable);
    assert_eq!(bucket.get("a.csv").await, b"id,name\n1,a\n2,b\n");
    drop(writer);
    open.access = SystemAccess { files_dir: root.path().to_owned(), ..access(&moto.url(), &bucket.name, "") };
    let mut writer = files().open_destination(open.clone()).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(bucket.get("a.csv").await, b"id,name\n1,a\n2,b\n");
    // Another stream of the same run writes to the same place: what the first one wrote is what it begins with.
    let mut writer = files().open_destination(open).await.unwrap();
    assert_eq!(write(&mut writer, &[json!({"id": "3", "name": "c"})]).await, [Action::Created]);
    writer.finish().await.unwrap();
    assert_eq!(bucket.get("a.csv").await, b"id,name\n1,a\n2,b\n3,c\n");
    assert_eq!(hidden(&root), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said() {
    let moto = Moto::shared();
    let bucket = moto.bucket().await;
    bucket.put("acme/a.csv", "id\n1\n").await;
    bucket.put("other/secret.csv", "id\n1\n").await;
    let ours = access(&moto.url(), &bucket.name, "acme");
    let root = tempfile::tempdir().unwrap();
    for (path, kind, hint) in [
        ("none.csv", SystemErrorKind::NotFound, "there is no file `none.csv`"),
        ("none/*.csv", SystemErrorKind::NotFound, "there is no file that matches `none/*.csv`"),
        ("../other/secret.csv", SystemErrorKind::Forbidden, "the path must stay inside your own directory"),
        ("../other/*.csv", SystemErrorKind::Forbidden, "the path must stay inside your own directory"),
        ("/other/secret.csv", SystemErrorKind::Forbidden, "the path must stay inside your own directory"),
    ] {
        let error = read(source(ours.clone(), path)).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (kind, Some(hint)), "{path}");
    }
    let open = destination(ours.clone(), "../other/secret.csv", root.path());
    assert_eq!(files().open_destination(open).await.err().unwrap().kind, SystemErrorKind::Forbidden);
    assert_eq!(bucket.get("other/secret.csv").await, b"id\n1\n");

    let missing = access(&moto.url(), "no-such-bucket", "");
    let error = files().test(&missing).await.unwrap_err();
    let hint = Some("there is no bucket `no-such-bucket`");
    assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::NotFound, hint));

    let mut anonymous = ours.clone();
    anonymous.credentials = SecretString::from("{}");
    assert_eq!(files().test(&anonymous).await.unwrap_err().kind, SystemErrorKind::Unauthorized);

    let guarded = Registry::standard(Egress::default()).get("file").unwrap();
    let error = guarded.test(&ours).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Forbidden);
    // By name, and by redirect: the guard is asked at each connection.
    let mut named = ours;
    named.config["endpoint"] = json!(format!("http://localhost:{}", moto.port));
    assert_eq!(guarded.test(&named).await.unwrap_err().kind, SystemErrorKind::Forbidden);
}

#[tokio::test]
async fn a_store_that_is_busy_or_away_is_waited_for_by_the_engine() {
    for (status, code, kind) in [
        ("503 Service Unavailable", "SlowDown", SystemErrorKind::RateLimited),
        ("500 Internal Server Error", "InternalError", SystemErrorKind::Unavailable),
        ("301 Moved Permanently", "PermanentRedirect", SystemErrorKind::Misconfigured),
        ("403 Forbidden", "SignatureDoesNotMatch", SystemErrorKind::Unauthorized),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
        let reply =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nretry-after: 7\r\n\r\n{body}", body.len());
        let url = answering(reply).await;
        let error = files().test(&access(&url, "bucket", "")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert!(!format!("{error:?}").contains("secret\""), "{error:?}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = access(&format!("http://127.0.0.1:{port}"), "bucket", "");
    assert_eq!(files().test(&away).await.unwrap_err().kind, SystemErrorKind::Unavailable);
}

async fn answering(reply: String) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut buffer = [0; 8192];
            // One request a connection; the client makes another.
            if connection.read(&mut buffer).await.is_ok() {
                connection.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    url
}

/// With signatures that are checked, and rights that are.
#[tokio::test]
async fn keys_and_rights_are_the_stores_to_check() {
    let moto = Moto::start();
    let bucket = moto.bucket().await;
    bucket.put("in/a.csv", "id\n1\n").await;
    let iam = |action: &str, rest: &str| format!("Action={action}&Version=2010-05-08&UserName=reader{rest}");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        ),
    ];
    moto.ask("POST", "/", &headers, &iam("CreateUser", "")).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*",
    }]});
    let policy: String = policy.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = iam("PutUserPolicy", &format!("&PolicyName=read&PolicyDocument={policy}"));
    moto.ask("POST", "/", &headers, &body).await;
    let key = moto.ask("POST", "/", &headers, &iam("CreateAccessKey", "")).await;
    let part = |name: &str| {
        let (_, rest) = key.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let (id, secret) = (part("AccessKeyId"), part("SecretAccessKey"));
    moto.ask("POST", "/moto-api/reset-auth", &[], "0").await;

    let with = |id: &str, secret: &str| {
        let mut access = access(&moto.url(), &bucket.name, "");
        access.credentials = json!({"accessKeyId": id, "secretAccessKey": secret}).to_string().into();
        access
    };
    let (records, _) = read(source(with(&id, &secret), "in/*.csv")).await.unwrap();
    assert_eq!(records.len(), 1);
    for (id, secret, hint) in [
        (id.as_str(), "wrong", "the secret does not belong to the access key"),
        ("AKIAUNKNOWN", "wrong", "the store does not know the access key"),
    ] {
        let error = files().test(&with(id, secret)).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Unauthorized, Some(hint)));
    }
    // Who may only read can't write, and the object stays.
    let root = tempfile::tempdir().unwrap();
    let open = destination(with(&id, &secret), "in/a.csv", root.path());
    let mut writer = files().open_destination(open).await.unwrap();
    write(&mut writer, &[json!({"id": "2"})]).await;
    assert_eq!(writer.finish().await.unwrap_err().kind, SystemErrorKind::Unauthorized);
    let (records, _) = read(source(with(&id, &secret), "in/a.csv")).await.unwrap();
    assert_eq!(records.len(), 1);
}
