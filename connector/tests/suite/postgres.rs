//! The postgres connector against a real server, started here from the installed binaries.
//! Deliberately absent: the engine around it, which has tests of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use connector::{
    Action, Connector, Cursor, CursorRange, Egress, Gone, Item, OpenDestination, OpenSource, Place,
    PostgresConnector, Record, RecordErrorKind, RecordKey, Removal, StreamSpec, SyncMode, SystemAccess,
    SystemErrorKind, Write, WriteOutcome,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::postgres_server::{PASSWORD, Server};

/// A database of one test.
struct Database {
    server: Arc<Server>,
    name: String,
    sql: PgConnection,
}

impl Database {
    async fn new(setup: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = Server::shared();
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = connect(&server, "postgres").await;
        execute(&mut admin, &format!("DROP DATABASE IF EXISTS {name}")).await;
        execute(&mut admin, &format!("CREATE DATABASE {name}")).await;
        let mut sql = connect(&server, &name).await;
        execute(&mut sql, setup).await;
        Self { server, name, sql }
    }

    fn access(&self) -> SystemAccess {
        SystemAccess {
            config: json!({"host": "127.0.0.1", "port": self.server.port, "database": self.name}),
            credentials: SecretString::from(json!({"user": "postgres", "password": PASSWORD}).to_string()),
            files_dir: PathBuf::new(),
            tokens: None,
            pace: Default::default(),
            progress: Default::default(),
            credential_store: Default::default(),
            inbox: None,
        }
    }

    async fn rows(&mut self, sql: &str) -> Value {
        let sql = format!("SELECT coalesce(json_agg(r), '[]')::text FROM ({sql}) AS r");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.sql).await.unwrap();
        serde_json::from_str(&row.get::<String, _>(0)).unwrap()
    }

    fn source(&self, options: Value, keys: &[&str], cursor: Option<&str>) -> OpenSource {
        OpenSource {
            access: self.access(),
            stream: stream(keys, cursor),
            options,
            since: None,
            overlap: None,
            from: None,
            only: None,
            part: None,
            resume: None,
            page_records_max: 3,
        }
    }

    async fn write(&self, options: Value, keys: &[&str], records: &[Value]) -> Vec<WriteOutcome> {
        let open = OpenDestination {
            access: self.access(),
            stream: stream(keys, None),
            options,
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let mut destination = connector().open_destination(open).await.unwrap();
        assert!(destination.detects_unchanged());
        let outcomes = destination.write(&writes(records, keys)).await.unwrap();
        destination.finish().await.unwrap();
        assert_eq!(outcomes.len(), records.len());
        outcomes
    }

    async fn open_error(&self, options: Value, keys: &[&str]) -> connector::SystemError {
        let open = OpenDestination {
            access: self.access(),
            stream: stream(keys, None),
            options,
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        connector().open_destination(open).await.err().unwrap()
    }
}

async fn connect(server: &Server, database: &str) -> PgConnection {
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(server.port)
        .username("postgres")
        .password(PASSWORD)
        .database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

fn connector() -> PostgresConnector {
    PostgresConnector::new(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]))
}

fn stream(keys: &[&str], cursor: Option<&str>) -> StreamSpec {
    StreamSpec {
        name: "orders".to_owned(),
        key_fields: keys.iter().map(|key| (*key).to_owned()).collect(),
        cursor_field: cursor.map(str::to_owned),
        mode: if cursor.is_some() { SyncMode::Incremental } else { SyncMode::Full },
        classified: Default::default(),
    }
}

fn record(value: &Value) -> Record {
    value.as_object().unwrap().clone().into()
}

fn writes(records: &[Value], keys: &[&str]) -> Vec<Write> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let key = |index: usize, record: &Record| {
        // Rows without a key reach a destination only when the mapping drops it.
        RecordKey::of(record, &keys).unwrap_or_else(|| {
            let source = record_with_key(index);
            RecordKey::of(&source, &["source".to_owned()]).unwrap()
        })
    };
    let write = |(index, value)| {
        let record = record(value);
        Write { key: key(index, &record), record, known: false, revision: 0 }
    };
    records.iter().enumerate().map(write).collect()
}

fn record_with_key(index: usize) -> Record {
    record(&json!({"source": index}))
}

struct Read {
    records: Vec<Value>,
    malformed: Vec<String>,
    checkpoints: Vec<Cursor>,
    pages: Vec<usize>,
    watermark: Option<Cursor>,
}

async fn read(open: OpenSource) -> Read {
    let mut source = connector().open_source(open).await.unwrap();
    let mut read =
        Read { records: vec![], malformed: vec![], checkpoints: vec![], pages: vec![], watermark: None };
    while let Some(page) = source.next_page().await.unwrap() {
        read.pages.push(page.items.len());
        read.checkpoints.push(page.checkpoint);
        for item in page.items {
            match item {
                Item::Record(record) => read.records.push(Value::from(record)),
                Item::Malformed(malformed) => {
                    read.malformed.push(format!("{}: {}", malformed.position, malformed.reason))
                }
            }
        }
    }
    read.watermark = source.watermark();
    read
}

fn ids(records: &[Value]) -> Vec<Value> {
    records.iter().map(|record| record["id"].clone()).collect()
}

/// Per record: `created`, `updated`, `unchanged`, or `path rule` of each field error.
fn summary(outcomes: &[WriteOutcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            WriteOutcome::Written { action: Action::Created, .. } => "created".to_owned(),
            WriteOutcome::Written { action: Action::Updated, .. } => "updated".to_owned(),
            WriteOutcome::Written { action: Action::Unchanged, .. } => "unchanged".to_owned(),
            WriteOutcome::Failed(error) => {
                assert_eq!(error.kind, RecordErrorKind::Rejected);
                let fields = error.field_errors.iter().map(|field| format!("{} {}", field.path, field.rule));
                fields.collect::<Vec<_>>().join(", ")
            }
        })
        .collect()
}

#[tokio::test]
async fn test_says_what_it_found() {
    let database = Database::new("").await;
    let access = database.access();
    let found = connector().test(&access).await.unwrap();
    assert!(found.starts_with("Connected to PostgreSQL 1"), "{found}");
    assert!(found.ends_with(&format!("database `{}`, schema `public`.", database.name)), "{found}");

    let with = |change: fn(&mut Value)| {
        let mut access = database.access();
        change(&mut access.config);
        access
    };
    let kind = async |access: SystemAccess| connector().test(&access).await.unwrap_err().kind;
    assert_eq!(kind(with(|config| config["database"] = json!("none"))).await, SystemErrorKind::NotFound);
    assert_eq!(kind(with(|config| config["schema"] = json!("none"))).await, SystemErrorKind::NotFound);
    assert_eq!(kind(with(|config| config["port"] = json!(1))).await, SystemErrorKind::Unavailable);
    assert_eq!(kind(with(|config| config["host"] = json!("10.0.0.1"))).await, SystemErrorKind::Forbidden);
    assert_eq!(kind(with(|config| config["host"] = json!("/tmp"))).await, SystemErrorKind::Misconfigured);
    assert_eq!(
        kind(with(|config| config["sslMode"] = json!("require"))).await,
        SystemErrorKind::Misconfigured
    );
    let mut wrong = database.access();
    wrong.credentials = SecretString::from(json!({"user": "postgres", "password": "wrong"}).to_string());
    assert_eq!(kind(wrong).await, SystemErrorKind::Unauthorized);
    let mut none = database.access();
    none.credentials = SecretString::from(json!({"user": "postgres"}).to_string());
    assert_eq!(kind(none).await, SystemErrorKind::Unauthorized);
    let guarded = PostgresConnector::new(Egress::default()).test(&access).await.unwrap_err();
    assert_eq!(guarded.kind, SystemErrorKind::Forbidden);
}

#[tokio::test]
async fn every_type_becomes_json() {
    let database = Database::new(
        r#"CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE TABLE t (id int PRIMARY KEY, big bigint, price numeric(20,4), huge numeric, ratio float8, single real,
          flag bool, name text, at timestamptz, local timestamp, day date, uid uuid, doc jsonb, raw bytea,
          tags text[], grid int[], m mood, p positive, "Odd ""name" text, span interval, ip inet);
        INSERT INTO t VALUES (1, 9223372036854775807, 12.5, 123456789012345678901234567890, 0.1, 0.1, true,
          E'tab\tnew\nline\\back', '2026-03-01 12:00:00.5+02', '2026-03-01 12:00:00', '2026-03-01',
          'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null]}', '\x00ff', '{a,"b c",NULL}', '{{1,2},{3,4}}',
          'happy', 5, '', '1 day 02:00', '10.0.0.1');
        INSERT INTO t (id) VALUES (2), (3);
        UPDATE t SET ratio = 'NaN', at = 'infinity', price = 'NaN' WHERE id = 3;"#,
    )
    .await;
    let read = read(database.source(json!({"table": "t"}), &["id"], None)).await;
    assert_eq!(
        read.records[0],
        json!({"id": 1, "big": 9_223_372_036_854_775_807_i64, "price": 12.5, "huge": "123456789012345678901234567890",
            "ratio": 0.1, "single": 0.1, "flag": true, "name": "tab\tnew\nline\\back",
            "at": "2026-03-01T10:00:00.5Z", "local": "2026-03-01T12:00:00", "day": "2026-03-01",
            "uid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "doc": {"a": [1, null]}, "raw": "AP8=",
            "tags": ["a", "b c", null], "grid": [[1, 2], [3, 4]], "m": "happy", "p": 5, "Odd \"name": "",
            "span": "1 day 02:00:00", "ip": "10.0.0.1"})
    );
    assert_eq!(read.records[1]["name"], Value::Null);
    assert_eq!(read.records[2]["ratio"], json!("NaN"));
    assert_eq!(read.records[2]["at"], json!("infinity"));
    assert_eq!(read.records[2]["price"], json!("NaN"));
}

#[tokio::test]
async fn a_resumed_source_gives_exactly_the_rest() {
    let mut database = Database::new(
        "CREATE TABLE t (id text, part int, PRIMARY KEY (id, part));
         INSERT INTO t SELECT 'k''' || (n % 4), n FROM generate_series(1, 20) AS n;
         CREATE TABLE loose (id int, n int); INSERT INTO loose SELECT n / 5, n FROM generate_series(1, 20) AS n;
         INSERT INTO loose SELECT NULL, n FROM generate_series(100, 107) AS n;",
    )
    .await;
    for (options, keys) in [
        (json!({"table": "t"}), &["id", "part"][..]),
        (json!({"query": "SELECT * FROM t WHERE true -- all"}), &["id", "part"]),
        (json!({"table": "public.loose"}), &["id"]),
        (json!({"query": "WITH x AS (SELECT * FROM loose) SELECT * FROM x;"}), &["id"]),
    ] {
        let whole = read(database.source(options.clone(), keys, None)).await;
        assert!(whole.pages.iter().all(|page| *page <= 3), "{options}");
        assert_eq!(whole.watermark, None);
        for (page, checkpoint) in whole.checkpoints.iter().enumerate() {
            let mut open = database.source(options.clone(), keys, None);
            open.resume = Some(checkpoint.clone());
            let rest = read(open).await;
            let given: usize = whole.pages[..=page].iter().sum();
            assert_eq!(rest.records, whole.records[given..], "{options} after page {page}");
        }
        let count = if keys.len() == 2 { 20 } else { 28 };
        assert_eq!(whole.records.len(), count, "{options}");
    }
    assert_eq!(database.rows("SELECT count(*) FROM t").await, json!([{"count": 20}]));
}

#[tokio::test]
async fn incremental_runs_begin_behind_the_last_one() {
    let mut database = Database::new(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz);
         INSERT INTO t SELECT n, '2026-01-01'::timestamptz + (n % 5) * interval '1 hour' FROM generate_series(1, 10) n;
         INSERT INTO t VALUES (11, NULL);",
    )
    .await;
    let first = read(database.source(json!({"table": "t"}), &["id"], Some("at"))).await;
    assert_eq!(ids(&first.records), [11, 5, 10, 1, 6, 2, 7, 3, 8, 4, 9].map(Value::from));

    let mut open = database.source(json!({"table": "t"}), &["id"], Some("at"));
    open.since = first.watermark.clone();
    // A row without a cursor value is neither old nor new: it is read each time rather than lost.
    let again = read(open.clone()).await;
    assert_eq!((ids(&again.records), &again.watermark), (vec![json!(11)], &first.watermark));

    execute(&mut database.sql, "INSERT INTO t VALUES (12, '2026-02-01'), (13, '2026-01-01 04:00Z'); UPDATE t SET at = '2026-03-01' WHERE id = 1").await;
    let next = read(open).await;
    assert_eq!(ids(&next.records), [11, 13, 12, 1].map(Value::from));
    assert_ne!(next.watermark, first.watermark);

    let none =
        read(database.source(json!({"query": "SELECT * FROM t WHERE false"}), &["id"], Some("at"))).await;
    assert_eq!((none.records.len(), none.watermark), (0, None));
}

#[tokio::test]
async fn a_run_begins_before_the_watermark_at_a_value_or_reads_a_range() {
    let mut database = Database::new(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, n numeric, d date, w text);
         INSERT INTO t SELECT n, '2026-01-01Z'::timestamptz + n * interval '1 hour', n * 10, '2026-01-01'::date + n,
           to_char(n, 'FM00') FROM generate_series(1, 9) n;
         INSERT INTO t (id) VALUES (10);",
    )
    .await;
    let of = |cursor| database.source(json!({"table": "t"}), &["id"], Some(cursor));
    let taken = async |open: &OpenSource| ids(&read(open.clone()).await.records);
    // Two hours, 20, two days, 2.
    for (cursor, overlap) in [("at", 7_200), ("n", 20), ("d", 172_800), ("w", 2)] {
        let mut open = of(cursor);
        let first = read(open.clone()).await;
        assert_eq!(first.records.len(), 10, "{cursor}");
        open.since = first.watermark.clone();
        open.overlap = Some(overlap);
        let again = read(open.clone()).await;
        assert_eq!(again.watermark, first.watermark, "{cursor}: it does not move");
        assert_eq!(ids(&again.records), [10, 7, 8, 9].map(Value::from), "{cursor}");
    }

    let mut open = of("at");
    let first = read(open.clone()).await;
    assert_eq!(
        connector().cursor_value(first.watermark.as_ref().unwrap()),
        Some(json!("2026-01-01 09:00:00+00"))
    );
    open.since = first.watermark.clone();
    open.overlap = Some(7_200);
    let (mut gone, mut late) = (open.clone(), open.clone());
    gone.page_records_max = 1;
    late.page_records_max = 1;
    execute(&mut database.sql, "DELETE FROM t WHERE id = 9").await;
    let without = read(gone).await;
    assert_eq!(
        (ids(&without.records), without.watermark),
        ([10, 7, 8].map(Value::from).to_vec(), first.watermark)
    );
    let new = "INSERT INTO t (id, at) VALUES (11, '2026-01-01 07:30Z'), (12, '2026-01-01 10:00Z')";
    execute(&mut database.sql, new).await;
    let whole = read(late.clone()).await;
    assert_eq!(ids(&whole.records), [10, 7, 11, 8, 12].map(Value::from), "what came late comes");
    for pages in 1..=5 {
        // Each checkpoint gives the rest, also those within the overlap.
        let mut resumed = late.clone();
        let mut source = connector().open_source(late.clone()).await.unwrap();
        for _ in 0..pages {
            resumed.resume = Some(source.next_page().await.unwrap().unwrap().checkpoint);
        }
        let rest = read(resumed).await;
        assert_eq!(ids(&rest.records), ids(&whole.records)[pages..], "after page {pages}");
        assert_eq!(rest.watermark, whole.watermark, "after page {pages}");
    }

    let mut open = database.source(json!({"table": "t"}), &["id"], Some("at"));
    open.from = Some(json!("2026-01-01T08:00:00Z"));
    assert_eq!(taken(&open).await, [10, 8, 12].map(Value::from));
    open.only =
        Some(CursorRange { from: json!("2026-01-01T02:00:00Z"), until: Some(json!("2026-01-01T04:00:00Z")) });
    assert_eq!(taken(&open).await, [2, 3].map(Value::from));
    let mut open = database.source(json!({"table": "t"}), &["id"], Some("n"));
    open.only = Some(CursorRange { from: json!(75), until: None });
    assert_eq!(taken(&open).await, [8].map(Value::from));
    open.only = Some(CursorRange { from: json!("x'); DROP TABLE t; --"), until: None });
    let error = connector().open_source(open).await.unwrap().next_page().await.unwrap_err();
    assert!(!error.kind.is_transient(), "{error:?}");
    assert_eq!(database.rows("SELECT count(*) FROM t").await, json!([{"count": 11}]));
}

#[tokio::test]
async fn sources_are_refused_with_a_reason() {
    let mut database =
        Database::new("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE spare (id int)").await;
    let refused = async |options: Value, keys: &[&str]| {
        let opened = connector().open_source(database.source(options, keys, None)).await;
        let error = match opened {
            Err(error) => error,
            Ok(mut source) => source.next_page().await.unwrap_err(),
        };
        (error.kind, error.hint.unwrap_or_default())
    };
    assert_eq!(refused(json!({"table": "none"}), &["id"]).await.0, SystemErrorKind::NotFound);
    assert_eq!(refused(json!({"table": "none.t"}), &["id"]).await.0, SystemErrorKind::NotFound);
    let (kind, hint) = refused(json!({"table": "t"}), &["nr"]).await;
    assert_eq!((kind, hint.as_str()), (SystemErrorKind::Misconfigured, "the source has no column `nr`"));
    for query in [
        "SELECT 1 AS id) AS x; DROP TABLE spare; --",
        "DROP TABLE spare",
        "SELECT 1 AS id; DROP TABLE spare",
        "DELETE FROM spare RETURNING id",
        "WITH x AS (DELETE FROM spare RETURNING id) SELECT * FROM x",
        "SELECT 1 AS id) TO STDOUT; DROP TABLE spare; --",
        "SELECT 1 AS id, 2 AS id",
        "SELECT 1 AS id FROM t WHERE (",
        "SELECT nextval('s') AS id",
        "/*",
    ] {
        let (kind, hint) = refused(json!({"query": query}), &["id"]).await;
        assert!(
            matches!(kind, SystemErrorKind::Misconfigured | SystemErrorKind::NotFound),
            "{query}: {kind:?}"
        );
        assert_ne!(hint, "", "{query}");
    }
    let (kind, _) =
        refused(json!({"query": "SELECT 1 / (n - 2) AS id FROM generate_series(1, 3) n"}), &["id"]).await;
    assert_eq!(kind, SystemErrorKind::Malformed);
    let writing =
        "CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'INSERT INTO spare VALUES (1) RETURNING id'";
    execute(&mut database.sql, writing).await;
    let open = database.source(json!({"query": "SELECT w() AS id"}), &["id"], None);
    let error = match connector().open_source(open).await {
        Err(error) => error,
        Ok(mut source) => source.next_page().await.unwrap_err(),
    };
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
    assert_eq!(database.rows("SELECT count(*) FROM spare").await, json!([{"count": 0}]));
}

#[tokio::test]
async fn upserts_say_what_they_did_and_leave_absent_columns_alone() {
    let mut database =
        Database::new("CREATE TABLE t (id bigint, part text, name text, price numeric(10,2), note json, extra text DEFAULT 'd', PRIMARY KEY (part, id))").await;
    let keys = &["id", "part"];
    let options = json!({"table": "t"});
    let row = |id: i64, name: &str, price: Value| json!({"id": id, "part": "a", "name": name, "price": price, "note": {"n": 1}});
    let first = [row(1, "one", json!(1.5)), row(2, "two", json!("2.005")), row(3, "three", json!(null))];
    assert_eq!(summary(&database.write(options.clone(), keys, &first).await), ["created"; 3]);
    assert_eq!(summary(&database.write(options.clone(), keys, &first).await), ["unchanged"; 3]);
    let second = [
        row(1, "one", json!(1.50)),
        row(4, "four", json!(4)),
        row(3, "drei", json!(3)),
        row(2, "two", json!(2.01)),
    ];
    let outcomes = database.write(options.clone(), keys, &second).await;
    assert_eq!(summary(&outcomes), ["unchanged", "created", "updated", "unchanged"]);
    // Different sets of columns in one batch; keys alone.
    let third = [
        json!({"part": "a", "id": 1, "extra": "e"}),
        json!({"id": 2, "part": "a"}),
        json!({"id": 9, "part": "b"}),
        json!({"name": "uno", "part": "a", "id": 3}),
    ];
    let outcomes = database.write(options, keys, &third).await;
    assert_eq!(summary(&outcomes), ["updated", "unchanged", "created", "updated"]);
    assert_eq!(
        database.rows("SELECT id, part, name, price::text, extra FROM t ORDER BY id").await,
        json!([
            {"id": 1, "part": "a", "name": "one", "price": "1.50", "extra": "e"},
            {"id": 2, "part": "a", "name": "two", "price": "2.01", "extra": "d"},
            {"id": 3, "part": "a", "name": "uno", "price": "3.00", "extra": "d"},
            {"id": 4, "part": "a", "name": "four", "price": "4.00", "extra": "d"},
            {"id": 9, "part": "b", "name": null, "price": null, "extra": "d"},
        ])
    );
}

#[tokio::test]
async fn only_bad_rows_fail_and_say_which_field() {
    let mut database = Database::new(
        "CREATE TABLE customer (id int PRIMARY KEY); INSERT INTO customer VALUES (1);
         CREATE TABLE t (id int PRIMARY KEY, email varchar(8) UNIQUE, amount numeric(5,2) CHECK (amount >= 0), day date,
           customer int REFERENCES customer, flag bool NOT NULL DEFAULT true, doc jsonb, small smallint,
           doubled int GENERATED ALWAYS AS (id * 2) STORED, ratio real, uid uuid, at timestamptz, mood text,
           later int REFERENCES customer DEFERRABLE INITIALLY DEFERRED);
         CREATE TYPE mood AS ENUM ('sad', 'happy'); ALTER TABLE t ALTER mood TYPE mood USING mood::mood;
         INSERT INTO t (id, email) VALUES (999, 'taken')",
    )
    .await;
    let cases: Vec<(Value, &str)> = vec![
        (json!({"id": 1, "email": "ok"}), "created"),
        (json!({"id": 2, "email": "much too long"}), "/email maxLength"),
        (json!({"id": 3, "email": "taken"}), "/email unique"),
        (json!({"id": 4, "amount": -1}), "/amount check"),
        (json!({"id": 5, "amount": 1234.5}), "/amount range"),
        (json!({"id": 6, "amount": "12,50"}), "/amount type"),
        (json!({"id": 7, "day": "2026-02-30"}), "/day range"),
        (json!({"id": 8, "day": "soon", "amount": "x"}), "/day type, /amount type"),
        (json!({"id": 9, "customer": 2}), "/customer foreign_key"),
        (json!({"id": 10, "flag": null}), "/flag not_null"),
        (json!({"id": 11, "flag": "maybe"}), "/flag type"),
        (json!({"id": 12, "doc": {"a": "b\u{0}c"}}), "/doc nul_character"),
        (json!({"id": 13, "email": "a\u{0}b"}), "/email nul_character"),
        (json!({"id": 14, "small": 40000}), "/small range"),
        (json!({"id": 15, "small": 1.5}), "/small type"),
        (json!({"id": 16, "nonsense": 1}), "/nonsense unknown_column"),
        (json!({"id": 17, "doubled": 1}), "/doubled read_only"),
        (json!({"email": "no key"}), "/id required"),
        (json!({"id": null, "email": "no key"}), "/id required"),
        (json!({"id": "abc"}), "/id type"),
        (json!({"id": 18, "ratio": 1e300}), "/ratio range"),
        (json!({"id": 19, "uid": "xyz"}), "/uid type"),
        (json!({"id": 20, "at": "2026-01-01T25:00:00Z"}), "/at range"),
        (json!({"id": 21, "mood": "angry"}), "/mood type"),
        (json!({"id": 22, "later": 2}), "/later foreign_key"),
        (
            json!({"id": 23, "email": "fine", "customer": 1, "mood": "sad", "at": "Jan 5 2026 10:00"}),
            "created",
        ),
        (json!({"id": "24", "amount": "7", "doc": "{\"a\": 1}", "flag": "no"}), "created"),
        (json!({"id": 25, "email": "12345678   "}), "created"),
    ];
    let records: Vec<Value> = cases.iter().map(|(record, _)| record.clone()).collect();
    let outcomes = database.write(json!({"table": "t"}), &["id"], &records).await;
    let mut expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    let mut found = summary(&outcomes);
    // In the table's order of columns.
    expected[7] = "/amount type, /day type";
    assert_eq!(found, expected);
    for outcome in &outcomes {
        if let WriteOutcome::Failed(error) = outcome {
            for value in ["much too long", "taken", "soon", "maybe", "angry", "12,50"] {
                let shown = format!("{} {:?}", error.detail, error.field_errors);
                assert!(!shown.contains(value), "{shown}");
            }
        }
    }
    assert_eq!(
        database.rows("SELECT id, doc FROM t ORDER BY id").await,
        json!([
            {"id": 1, "doc": null}, {"id": 23, "doc": null}, {"id": 24, "doc": {"a": 1}}, {"id": 25, "doc": null}, {"id": 999, "doc": null}
        ])
    );
    // The same once more: what arrived is unchanged, what was bad is bad again.
    found = found
        .iter()
        .map(|outcome| if outcome == "created" { "unchanged".to_owned() } else { outcome.clone() })
        .collect();
    assert_eq!(summary(&database.write(json!({"table": "t"}), &["id"], &records).await), found);
}

#[tokio::test]
async fn bad_rows_in_a_large_batch_leave_the_others_alone() {
    let mut database =
        Database::new("CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1); CREATE TABLE t (id int PRIMARY KEY, c int REFERENCES c, n int)").await;
    let is_bad = |id: i64| id % 97 == 0;
    let records: Vec<Value> = (1..=2000)
        .map(|id| json!({"id": id, "c": if is_bad(id) && id % 2 == 0 { 2 } else { 1 }, "n": if is_bad(id) && id % 2 == 1 { json!("x") } else { json!(id) }}))
        .collect();
    let outcomes = summary(&database.write(json!({"table": "t"}), &["id"], &records).await);
    for (id, outcome) in (1..).zip(&outcomes) {
        let expected = match (is_bad(id), id % 2) {
            (true, 0) => "/c foreign_key",
            (true, _) => "/n type",
            _ => "created",
        };
        assert_eq!(outcome, expected, "{id}");
    }
    assert_eq!(database.rows("SELECT count(*) FROM t").await, json!([{"count": 1980}]));
    // Two records whose keys differ as text and meet in the table: both are written, one after the other.
    let outcomes = database
        .write(json!({"table": "t"}), &["id"], &[json!({"id": 5000, "n": 1}), json!({"id": "05000", "n": 2})])
        .await;
    assert_eq!(summary(&outcomes), ["created", "updated"]);
}

#[tokio::test]
async fn batches_in_a_row_are_exact_whichever_way_they_are_sent() {
    let mut database = Database::new(
        "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1);
         CREATE TABLE t (id int PRIMARY KEY, name varchar(20), c int REFERENCES c, n numeric(6,2) CHECK (n < 1000 AND name <> 'x'),
           boss int REFERENCES t, at timestamptz, flag bool, ratio float8);
         CREATE TABLE picky (id int PRIMARY KEY);
         CREATE FUNCTION pick() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END';
         CREATE TRIGGER pick BEFORE INSERT ON picky FOR EACH ROW EXECUTE FUNCTION pick();",
    )
    .await;
    let access = database.access();
    let open = |table: &str| OpenDestination {
        access: access.clone(),
        stream: stream(&["id"], None),
        options: json!({"table": table}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open("t")).await.unwrap();
    let mut write =
        async |records: &[Value]| summary(&destination.write(&writes(records, &["id"])).await.unwrap());
    let row = |id: i64| json!({"id": id, "name": "a\tb\\c\nd\re\\.", "c": 1, "n": "1.005", "boss": null, "at": "2026-01-01T00:00:00+01:00", "flag": id % 2 == 0, "ratio": 1e-7});
    let rows = |ids: std::ops::Range<i64>| ids.map(row).collect::<Vec<_>>();
    for start in [0, 10, 20] {
        assert_eq!(write(&rows(start..start + 10)).await, ["created"; 10]);
    }
    // One key is there already, and a manager comes with the same batch, after its subordinate.
    let mut mixed = rows(29..33);
    mixed[1]["boss"] = json!(32);
    assert_eq!(write(&mixed).await, ["unchanged", "created", "created", "created"]);
    for start in [40, 50, 60, 70, 80] {
        assert_eq!(write(&rows(start..start + 10)).await, ["created"; 10]);
    }
    let mut bad = rows(100..160);
    bad[3]["c"] = json!(7);
    bad[9]["n"] = json!(2000);
    bad[17]["n"] = json!(99999);
    bad[21]["name"] = json!("x");
    bad[30]["boss"] = json!(-1);
    bad[40]["at"] = json!("never");
    bad[50]["c"] = json!(8);
    let mut expected = vec!["created"; 60];
    for (place, what) in [
        (3, "/c foreign_key"),
        (9, "/name check, /n check"),
        (17, "/n range"),
        (21, "/name check, /n check"),
        (30, "/boss foreign_key"),
        (40, "/at type"),
        (50, "/c foreign_key"),
    ] {
        expected[place] = what;
    }
    let found: Vec<String> = write(&bad)
        .await
        .iter()
        .map(|found| found.replace("/n check, /name check", "/name check, /n check"))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        database.rows("SELECT count(*), count(*) FILTER (WHERE name = E'a\\tb\\\\c\\nd\\re\\\\.' AND n IN (1.00, 1.01) AND at = '2025-12-31 23:00Z' AND flag = (id % 2 = 0) AND ratio = 1e-7) AS same FROM t").await,
        json!([{"count": 136, "same": 136}])
    );
    // What a trigger leaves out is not counted as created.
    let mut destination = connector().open_destination(open("picky")).await.unwrap();
    let mut write = async |ids: &[i64]| {
        let records: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        summary(&destination.write(&writes(&records, &["id"])).await.unwrap())
    };
    assert_eq!(write(&[1, 3]).await, ["created", "created"]);
    assert_eq!(write(&[5, 6, 7]).await, ["created", "unchanged", "created"]);
    assert_eq!(database.rows("SELECT count(*) FROM picky").await, json!([{"count": 4}]));
}

/// Batches that are large enough go through a temporary table, where the user may make one.
#[tokio::test]
async fn large_batches_of_what_is_known_are_exact_with_a_temporary_table_and_without() {
    let mut database = Database::new(
        "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1);
         CREATE TABLE t (id int PRIMARY KEY, name varchar(8), c int REFERENCES c DEFERRABLE INITIALLY DEFERRED,
           n numeric(6,2), at timestamptz, data json, tags text[])",
    )
    .await;
    let row = |id: i64| {
        json!({"id": id, "name": "a\tb\\c", "c": 1, "n": "1.005", "at": "2026-01-01T00:00:00+01:00",
            "data": {"k": [1, "\\N"]}, "tags": if id % 2 == 0 { json!(["x", null]) } else { json!(null) }})
    };
    for may_stage in [true, false] {
        let temporary = if may_stage { "GRANT" } else { "REVOKE" };
        let to = if may_stage { "TO" } else { "FROM" };
        execute(&mut database.sql, "DELETE FROM t; DROP ROLE IF EXISTS writer").await;
        execute(&mut database.sql, "CREATE ROLE writer LOGIN PASSWORD 'it''s secret'").await;
        let name = database.name.clone();
        execute(
            &mut database.sql,
            &format!(
                "{temporary} TEMP ON DATABASE {name} {to} PUBLIC; GRANT SELECT, INSERT, UPDATE ON t, c TO writer"
            ),
        )
        .await;
        let credentials = json!({"user": "writer", "password": PASSWORD}).to_string();
        let open = OpenDestination {
            access: SystemAccess { credentials: SecretString::from(credentials), ..database.access() },
            stream: stream(&["id"], None),
            options: json!({"table": "t"}),
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let mut destination = connector().open_destination(open).await.unwrap();
        let mut write =
            async |records: &[Value]| summary(&destination.write(&writes(records, &["id"])).await.unwrap());
        let mut records: Vec<Value> = (0..1_000).map(row).collect();
        assert_eq!(write(&records).await, ["created"; 1_000]);
        // Rounding and form make no change, whether rows are compared first (the second time) or not.
        assert_eq!(write(&records).await, ["unchanged"; 1_000]);
        assert_eq!(write(&records).await, ["unchanged"; 1_000]);
        let mut expected = vec!["unchanged"; 1_000];
        for place in [3, 500, 999] {
            records[place]["n"] = json!(place);
            expected[place] = "updated";
        }
        records[7]["tags"] = json!(["y"]);
        records[8]["data"] = json!(null);
        records[10] = row(5_000);
        expected[7] = "updated";
        expected[8] = "updated";
        expected[10] = "created";
        assert_eq!(write(&records).await, expected);
        // A column less, one bad value of each kind, and a reference that is checked at the end.
        for (place, expected) in expected.iter_mut().enumerate() {
            records[place].as_object_mut().unwrap().remove("at");
            *expected = "unchanged";
        }
        records[20]["name"] = json!("too long a text");
        records[30]["c"] = json!(9);
        records[40]["n"] = json!("12345.6");
        records[50]["name"] = json!("new");
        for (place, what) in
            [(20, "/name maxLength"), (30, "/c foreign_key"), (40, "/n range"), (50, "updated")]
        {
            expected[place] = what;
        }
        assert_eq!(write(&records).await, expected);
        assert_eq!(
            database
                .rows(
                    "SELECT count(*), count(*) FILTER (WHERE at IS NOT NULL) AS at, sum(n) FROM t WHERE c = 1"
                )
                .await,
            json!([{"count": 1001, "at": 1001, "sum": 2509.98}]),
        );
        let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'trestle_staging%'";
        assert_eq!(database.rows(left).await, json!([{"count": if may_stage { 1 } else { 0 }}]));
        drop(destination);
        execute(&mut database.sql, "DELETE FROM t; DROP OWNED BY writer").await;
    }
}

#[tokio::test]
async fn rows_that_lack_a_required_column_are_updated_but_not_inserted() {
    let mut database = Database::new(
        "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, n int); INSERT INTO t VALUES (1, 'one', 1)",
    )
    .await;
    let records = [json!({"id": 1, "n": 5}), json!({"id": 2, "n": 6})];
    let outcomes = database.write(json!({"table": "t"}), &["id"], &records).await;
    assert_eq!(summary(&outcomes), ["updated", "/name not_null"]);
    let outcomes = database.write(json!({"table": "t"}), &["id"], &records).await;
    assert_eq!(summary(&outcomes), ["unchanged", "/name not_null"]);
    assert_eq!(database.rows("SELECT * FROM t").await, json!([{"id": 1, "name": "one", "n": 5}]));
}

#[tokio::test]
async fn tables_and_columns_are_created_from_records() {
    let mut database = Database::new("").await;
    let options = json!({"table": "made", "createTable": true});
    let first = [
        json!({"id": "a", "n": 1, "f": 1, "ok": true, "doc": {"x": 1}, "when": null}),
        json!({"n": 3, "id": null}),
        json!({"id": "b", "n": 2, "f": 1.5, "list": [1]}),
    ];
    assert_eq!(
        summary(&database.write(options.clone(), &["id"], &first).await),
        ["created", "/id required", "created"]
    );
    let second = [
        json!({"id": "a", "n": 1, "new": 7}),
        json!({"id": "c", "n": "many"}),
        json!({"id": "d", (["x"; 70].join("")): 1}),
    ];
    let outcomes = summary(&database.write(options, &["id"], &second).await);
    assert_eq!(outcomes[..2], ["updated", "/n type"]);
    assert!(outcomes[2].ends_with(" unknown_column"), "{}", outcomes[2]);
    let types = "SELECT attname, format_type(atttypid, -1) AS type, attnotnull AS required FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum > 0 ORDER BY attnum";
    let column =
        |name: &str, kind: &str, required: bool| json!({"attname": name, "type": kind, "required": required});
    assert_eq!(
        database.rows(types).await,
        json!([
            column("id", "text", true),
            column("n", "bigint", false),
            column("f", "double precision", false),
            column("ok", "boolean", false),
            column("doc", "jsonb", false),
            column("when", "text", false),
            column("list", "jsonb", false),
            column("new", "bigint", false),
        ])
    );
    assert_eq!(
        database.rows("SELECT id, n, new FROM made ORDER BY id").await,
        json!([{"id": "a", "n": 1, "new": 7}, {"id": "b", "n": 2, "new": null}])
    );
}

#[tokio::test]
async fn partitioned_tables_schemas_and_other_keys() {
    let mut database = Database::new(
        r#"CREATE SCHEMA "Shop"; CREATE TABLE "Shop"."Orders" ("Nr" int, v text, PRIMARY KEY ("Nr")) PARTITION BY RANGE ("Nr");
        CREATE TABLE "Shop".p1 PARTITION OF "Shop"."Orders" FOR VALUES FROM (0) TO (100);
        CREATE TABLE gen (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v point);
        CREATE TABLE part (id int, v int); CREATE UNIQUE INDEX ON part (id) WHERE v > 0;
        CREATE TABLE two (a int, b int, UNIQUE (a, b)); CREATE VIEW seen AS SELECT * FROM two;"#,
    )
    .await;
    let options = json!({"table": "Shop.Orders", "keyFields": ["Nr"]});
    let rows = |v: &str| {
        [json!({"Nr": 1, "v": "a"}), json!({"Nr": 2, "v": v}), json!({"Nr": 500, "v": "out of range"})]
    };
    let outcomes = summary(&database.write(options.clone(), &["Nr"], &rows("b")).await);
    assert_eq!(outcomes[..2], ["created", "created"]);
    assert_eq!(outcomes[2], " check");
    let outcomes = summary(
        &database
            .write(
                options,
                &["Nr"],
                &[rows("c")[0].clone(), rows("c")[1].clone(), json!({"Nr": 3, "v": "n"})],
            )
            .await,
    );
    assert_eq!(outcomes, ["unchanged", "updated", "created"]);

    let point = [json!({"id": 7, "v": "(1,2)"})];
    assert_eq!(summary(&database.write(json!({"table": "gen"}), &["id"], &point).await), ["created"]);
    assert_eq!(summary(&database.write(json!({"table": "gen"}), &["id"], &point).await), ["unchanged"]);

    for (table, keys) in [("part", &["id"][..]), ("two", &["a"]), ("seen", &["a", "b"]), ("two", &["c"])] {
        let error = database.open_error(json!({"table": table}), keys).await;
        assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{table}: {error}");
        assert!(error.hint.is_some());
    }
    let error = database.open_error(json!({"table": "none"}), &["id"]).await;
    assert_eq!(error.kind, SystemErrorKind::NotFound);
    assert_eq!(database.rows(r#"SELECT count(*) FROM "Shop"."Orders""#).await, json!([{"count": 3}]));
}

#[tokio::test]
async fn what_is_read_can_be_written_back() {
    let mut database = Database::new(
        "CREATE TABLE a (id int PRIMARY KEY, price numeric, ratio float8, at timestamptz, day date, uid uuid, doc jsonb,
           raw bytea, tags text[], flag bool, span interval);
         INSERT INTO a SELECT n, n / 7.0, n / 7.0::float8, '2026-01-01'::timestamptz + n * interval '1.000001 s',
           '2026-01-01'::date + n, gen_random_uuid(), jsonb_build_object('n', n, 't', E'q\"\\t'), decode(lpad(to_hex(n), 8, '0'), 'hex'),
           ARRAY['x' || n, NULL, 'a,b \"c\" \\ {}'], n % 2 = 0, n * interval '1 minute' FROM generate_series(1, 500) n;
         CREATE TABLE b (LIKE a INCLUDING ALL)",
    )
    .await;
    let mut open = database.source(json!({"table": "a"}), &["id"], None);
    open.page_records_max = 1000;
    let read = read(open).await;
    assert_eq!((read.records.len(), read.malformed.len()), (500, 0));
    let outcomes = database.write(json!({"table": "b"}), &["id"], &read.records).await;
    assert!(summary(&outcomes).iter().all(|outcome| outcome == "created"));
    assert_eq!(database.rows("(TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)").await, json!([]));
}

#[tokio::test]
async fn a_lost_server_is_unavailable() {
    let mut database = Database::new("CREATE TABLE t (id int PRIMARY KEY)").await;
    let open = OpenDestination {
        access: database.access(),
        stream: stream(&["id"], None),
        options: json!({"table": "t"}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open).await.unwrap();
    execute(&mut database.sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trestle' AND datname = current_database()").await;
    let error = destination.write(&writes(&[json!({"id": 1})], &["id"])).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Unavailable, "{error}");
    let error = destination.write(&writes(&[json!({"id": 1})], &["id"])).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn what_is_gone_goes_or_is_marked_whatever_the_types_of_its_keys_are() {
    let mut database = Database::new(
        "CREATE TABLE t (day date, number numeric, name text, gone timestamptz, PRIMARY KEY (day, number));
         INSERT INTO t VALUES ('2026-01-01', 1.50, 'a'), ('2026-01-01', 2, 'b'), ('2026-01-02', 1.5, 'c');
         CREATE TABLE line (day date, number numeric, FOREIGN KEY (day, number) REFERENCES t);
         INSERT INTO line VALUES ('2026-01-02', 1.5)",
    )
    .await;
    let open = OpenDestination {
        access: database.access(),
        stream: stream(&["day", "number"], None),
        options: json!({"table": "t"}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open).await.unwrap();
    let gone = |keys: &[&str]| -> Vec<Gone> {
        let gone = |key: &&str| Gone { key: RecordKey::stored(key, 2).unwrap(), destination_key: None };
        keys.iter().map(gone).collect()
    };
    let keys = gone(&[r#"["2026-01-01",1.5]"#, r#"["2026-01-02","1.5"]"#, r#"["2026-01-03",1]"#]);
    let outcomes = destination.remove(&keys, &Removal::Delete).await.unwrap();
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    let refused = outcomes[1].as_ref().unwrap_err();
    assert_eq!(refused.field_errors[0].message, "other records at the destination refer to it");
    let mark = Removal::Mark { field: "gone".to_owned(), at: "2026-11-26T10:00:00.250Z".to_owned() };
    let outcomes = destination.remove(&gone(&[r#"["2026-01-01","2.00"]"#]), &mark).await.unwrap();
    assert!(outcomes[0].is_ok(), "{outcomes:?}");
    let rows = "SELECT string_agg(name || ' ' || coalesce((gone AT TIME ZONE 'UTC')::text, '-'), ', ' ORDER BY name) FROM t";
    let rows: String = sqlx::query_scalar(rows).fetch_one(&mut database.sql).await.unwrap();
    assert_eq!(rows, "b 2026-11-26 10:00:00.25, c -");
    // A wrong name is everybody's, and said so.
    let wrong = Removal::Mark { field: "goneAt".to_owned(), at: String::new() };
    let outcomes = destination.remove(&keys, &wrong).await.unwrap();
    assert!(
        outcomes.iter().all(|outcome| outcome
            .as_ref()
            .is_err_and(|error| error.field_errors[0].rule == "unknown_column"))
    );
}

/// Numbers are looked at before they are sent: what is refused then is what the server would refuse.
#[tokio::test]
async fn texts_are_numbers_where_the_server_says_so() {
    const PARTS: [&str; 24] = [
        "0",
        "1",
        "9",
        "42",
        ".",
        "e",
        "E5",
        "-",
        "+",
        " ",
        "\t",
        "x",
        "0x1f",
        "0b1",
        "_",
        "NaN",
        "inf",
        "infinity",
        "?",
        "a",
        ",",
        "1.5",
        "e+3",
        "99999999999",
    ];
    let mut state = 20_261_126_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut texts: Vec<String> =
        (0..1_500).map(|_| (0..random(5)).map(|_| PARTS[random(PARTS.len())]).collect()).collect();
    // What is too small for a float is 0 in JSON, and an error of the server's.
    texts.retain(|text| !text.to_ascii_lowercase().contains("e-"));
    for kind in ["int4", "float8", "numeric", "numeric(6,2)", "varchar(3)"] {
        let mut database = Database::new(&format!("CREATE TABLE t (id int PRIMARY KEY, v {kind})")).await;
        let records: Vec<Value> =
            texts.iter().enumerate().map(|(id, text)| json!({"id": id, "v": text})).collect();
        let outcomes = database.write(json!({"table": "t"}), &["id"], &records).await;
        let sql = format!("CREATE TEMPORARY TABLE other (v {kind})");
        execute(&mut database.sql, &sql).await;
        let sql = format!("INSERT INTO other VALUES (($1::text)::{})", kind.split('(').next().unwrap());
        for (text, outcome) in texts.iter().zip(&outcomes) {
            let there = sqlx::query(AssertSqlSafe(sql.clone())).bind(text).execute(&mut database.sql).await;
            assert_eq!(
                matches!(outcome, WriteOutcome::Written { .. }),
                there.is_ok(),
                "{text:?} as {kind}: {outcome:?}"
            );
        }
        let stored: Vec<String> = ["t", "other"]
            .map(|table| {
                format!("SELECT coalesce(string_agg(v::text, '|' ORDER BY v::text), '') FROM {table}")
            })
            .into();
        let mut seen = Vec::new();
        for sql in stored {
            seen.push(
                sqlx::query_scalar::<_, String>(AssertSqlSafe(sql))
                    .fetch_one(&mut database.sql)
                    .await
                    .unwrap(),
            );
        }
        assert_eq!(seen[0], seen[1], "{kind}");
    }
}

#[tokio::test]
async fn the_parts_of_a_table_are_all_of_it_once() {
    let mut database = Database::new(
        "CREATE TABLE t (shop text, no int, at int, PRIMARY KEY (shop, no));
         INSERT INTO t SELECT 'a''\\\"' || n % 5, n, n
           FROM generate_series(1, 3000) n;
         CREATE TABLE loose (shop text, no int, at int);
         INSERT INTO loose SELECT CASE n % 9 WHEN 0 THEN NULL ELSE 'x' END, CASE n % 7 WHEN 0 THEN NULL ELSE n % 40 END,
           n FROM generate_series(1, 600) n;
         ANALYZE",
    )
    .await;
    let connector = connector();
    for table in ["t", "loose"] {
        for cursor in [None, Some("at")] {
            let options = json!({"table": table, "slices": 5});
            let open =
                OpenSource { page_records_max: 100, ..database.source(options, &["shop", "no"], cursor) };
            let division = connector.divide(&open).await.unwrap().expect("it is asked for");
            assert_eq!(division.parts.len(), 5, "{division:?}");
            let newest = division.watermark.as_ref().and_then(|watermark| connector.cursor_value(watermark));
            let highest = json!(if table == "t" { "3000" } else { "600" });
            assert_eq!(newest, cursor.map(|_| highest));
            let mut seen = Vec::new();
            for part in division.parts {
                let of_part = OpenSource { part: Some(part), ..open.clone() };
                let whole = read(of_part.clone()).await;
                assert!(whole.watermark.is_none());
                // Rows of one key come in any order.
                if table == "t" {
                    let resume = whole.checkpoints.first().cloned();
                    let rest = read(OpenSource { resume, ..of_part }).await.records;
                    assert_eq!(rest, whole.records[whole.pages[0]..], "resumed behind the first page");
                }
                seen.extend(whole.records.iter().map(|record| record.to_string()));
            }
            let mut all: Vec<String> =
                read(open.clone()).await.records.iter().map(|record| record.to_string()).collect();
            all.sort();
            seen.sort();
            assert_eq!(seen, all);
            if let Some(since) = division.watermark {
                let newer = read(OpenSource { since: Some(since), ..open }).await.records;
                let has_cursor = |record: &&Value| !record["at"].is_null();
                assert!(newer.iter().filter(has_cursor).count() < 200, "{}", newer.len());
            }
        }
    }
    execute(&mut database.sql, "CREATE VIEW v AS SELECT * FROM t").await;
    for options in
        [json!({"table": "t"}), json!({"table": "t", "slices": 1}), json!({"table": "v", "slices": 3})]
    {
        let open = database.source(options, &["shop", "no"], None);
        assert_eq!(connector.divide(&open).await.unwrap(), None);
    }
}

#[tokio::test]
async fn values_are_looked_up_in_the_types_of_other_tables_and_records_by_their_key() {
    let database = Database::new(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (7); \
         CREATE SCHEMA other; CREATE TABLE other.c (id int GENERATED ALWAYS AS IDENTITY, price numeric(6,2), \
         day date, code varchar(3)); \
         INSERT INTO other.c (price, day, code) VALUES (1.5, '2026-01-02', 'de'), (2, NULL, 'at'), (2, NULL, 'at'); \
         CREATE VIEW codes AS SELECT code FROM other.c",
    )
    .await;
    let open = OpenDestination {
        access: database.access(),
        stream: stream(&["id"], None),
        options: json!({"table": "t"}),
        run: uuid::Uuid::nil(),
        integration: uuid::Uuid::nil(),
        resumed: false,
    };
    let mut destination = connector().open_destination(open).await.unwrap();
    let place = |table: &str, columns: &[&str]| Place {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    for (place, values, expected) in [
        // Whether it is a number or a text, and of what can't be one nothing is there.
        (
            place("other.c", &["id"]),
            vec![json!(1), json!("2"), json!("x"), json!(99), json!(1)],
            vec![true, true, false, false, true],
        ),
        (
            place("other.c", &["price"]),
            vec![json!("1.50"), json!(2), json!(1.51), json!(true)],
            vec![true, true, false, false],
        ),
        (place("other.c", &["day"]), vec![json!("2026-01-02"), json!("2026-02-30")], vec![true, false]),
        (
            place("codes", &["code"]),
            vec![json!("at"), json!("AT"), json!("too long")],
            vec![true, false, false],
        ),
    ] {
        let values: Vec<Vec<Value>> = values.into_iter().map(|value| vec![value]).collect();
        assert_eq!(destination.find(&place, &values).await.unwrap(), expected, "{place:?}");
    }
    let both = vec![vec![json!("de"), json!(1.5)], vec![json!("de"), json!(2)]];
    assert_eq!(destination.find(&place("other.c", &["code", "price"]), &both).await.unwrap(), [true, false]);
    assert_eq!(destination.find(&place("other.c", &["code"]), &[]).await.unwrap(), [] as [bool; 0]);

    let gone = |id: &str| Gone { key: RecordKey::stored(id, 1).unwrap(), destination_key: None };
    let renamed = Gone { destination_key: Some("7".to_owned()), ..gone("a") };
    let held = destination.holds(&[gone("1"), gone("3"), renamed, gone("x")]).await.unwrap();
    assert_eq!(held, Some(vec![true, false, true, false]));
    assert_eq!(destination.holds(&[]).await.unwrap(), Some(Vec::new()));
    assert_eq!(destination.row_count().await.unwrap(), Some(3));

    for (place, kind, hint) in [
        (place("none", &["id"]), SystemErrorKind::NotFound, "the table `none` does not exist"),
        (
            place("codes", &["none"]),
            SystemErrorKind::Misconfigured,
            "no column `none`, which a reference names",
        ),
    ] {
        let open = OpenDestination {
            access: database.access(),
            stream: stream(&["id"], None),
            options: json!({"table": "t"}),
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let mut destination = connector().open_destination(open).await.unwrap();
        let error = destination.find(&place, &[vec![json!(1)]]).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.hint.as_deref().is_some_and(|words| words.contains(hint)), "{error:?}");
    }
}
