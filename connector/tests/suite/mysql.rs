//! The mysql connector against a real server, started here from the installed binaries.
//! Deliberately absent: the engine around it, which has tests of its own.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use connector::{
    Action, Connector, Cursor, CursorRange, Egress, Gone, Item, MysqlConnector, Names, OpenDestination,
    OpenSource, Place, Record, RecordErrorKind, RecordKey, Removal, StreamSpec, SyncMode, SystemAccess,
    SystemError, SystemErrorKind, Write, WriteOutcome,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::mysql_server::{HOST, PASSWORD, Server, USER};

/// A database of one test.
struct Database {
    server: Arc<Server>,
    name: String,
    sql: MySqlConnection,
}

impl Database {
    async fn new(setup: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = Server::shared();
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut sql = MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(server.port)
            .username(USER)
            .password(PASSWORD)
            .ssl_mode(MySqlSslMode::Disabled)
            .connect()
            .await
            .unwrap();
        execute(
            &mut sql,
            &format!(
                "DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name}"
            ),
        )
        .await;
        if !setup.is_empty() {
            execute(&mut sql, setup).await;
        }
        Self { server, name, sql }
    }

    fn access(&self) -> SystemAccess {
        SystemAccess {
            config: json!({"host": "127.0.0.1", "port": self.server.port, "database": self.name}),
            credentials: SecretString::from(json!({"user": USER, "password": PASSWORD}).to_string()),
            files_dir: PathBuf::new(),
            tokens: None,
            pace: Default::default(),
            progress: Default::default(),
            credential_store: Default::default(),
            inbox: None,
        }
    }

    /// The first column of each row.
    async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.sql).await.unwrap();
        rows.iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_else(|| "null".to_owned())).collect()
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

    fn destination(&self, options: Value, keys: &[&str]) -> OpenDestination {
        OpenDestination {
            access: self.access(),
            stream: stream(keys, None),
            options,
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        }
    }

    async fn write(&self, options: Value, keys: &[&str], records: &[Value]) -> Vec<String> {
        let mut destination = connector().open_destination(self.destination(options, keys)).await.unwrap();
        assert!(destination.detects_unchanged());
        let outcomes = destination.write(&writes(records, keys)).await.unwrap();
        destination.finish().await.unwrap();
        assert_eq!(outcomes.len(), records.len());
        summary(&outcomes)
    }

    async fn open_error(&self, options: Value, keys: &[&str]) -> SystemError {
        connector().open_destination(self.destination(options, keys)).await.err().unwrap()
    }

    async fn source_error(&self, options: Value, keys: &[&str]) -> SystemError {
        match connector().open_source(self.source(options, keys, None)).await {
            Err(error) => error,
            Ok(mut source) => source.next_page().await.err().unwrap(),
        }
    }
}

async fn execute(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

fn connector() -> MysqlConnector {
    MysqlConnector::new(Egress::new(vec!["127.0.0.0/8".parse().unwrap()]))
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

fn writes(records: &[Value], keys: &[&str]) -> Vec<Write> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let of = |(index, value): (usize, &Value)| {
        let record: Record = value.as_object().unwrap().clone().into();
        // Rows without a key reach a destination only when the mapping drops it.
        let place = [("place".to_owned(), json!(index))].into_iter().collect();
        let key = RecordKey::of(&record, &keys).or_else(|| RecordKey::of(&place, &["place".to_owned()]));
        Write { key: key.unwrap(), record, known: false, revision: 0 }
    };
    records.iter().enumerate().map(of).collect()
}

struct Read {
    records: Vec<Value>,
    malformed: Vec<String>,
    checkpoints: Vec<Cursor>,
    watermark: Option<Cursor>,
}

async fn read(open: OpenSource) -> Read {
    let mut source = connector().open_source(open).await.unwrap();
    let mut read = Read { records: vec![], malformed: vec![], checkpoints: vec![], watermark: None };
    while let Some(page) = source.next_page().await.unwrap() {
        read.checkpoints.push(page.checkpoint);
        for item in page.items {
            match item {
                Item::Record(record) => read.records.push(Value::from(record)),
                Item::Malformed(malformed) => {
                    read.malformed.push(format!("{}: {}", malformed.position, malformed.reason));
                }
            }
        }
    }
    read.watermark = source.watermark();
    read
}

/// Reads whole, and again from each checkpoint on.
async fn read_everywhere(open: OpenSource) -> Read {
    let whole = read(open.clone()).await;
    for (index, checkpoint) in whole.checkpoints.iter().enumerate() {
        let mut resumed = open.clone();
        resumed.resume = Some(serde_json::from_str(&checkpoint.to_string()).unwrap());
        let rest = read(resumed).await;
        assert_eq!(rest.watermark, whole.watermark, "after page {index}");
        let expected = &whole.records[whole.records.len() - rest.records.len()..];
        assert_eq!(rest.records, expected, "after page {index}");
        assert_eq!(rest.checkpoints[..], whole.checkpoints[index + 1..], "after page {index}");
    }
    whole
}

fn field(records: &[Value], name: &str) -> Vec<Value> {
    records.iter().map(|record| record[name].clone()).collect()
}

/// Per record: `created`, `updated`, `unchanged`, or `path rule` of each field error.
fn summary(outcomes: &[WriteOutcome]) -> Vec<String> {
    let words = outcomes.iter().map(|outcome| match outcome {
        WriteOutcome::Written { action: Action::Created, .. } => "created".to_owned(),
        WriteOutcome::Written { action: Action::Updated, .. } => "updated".to_owned(),
        WriteOutcome::Written { action: Action::Unchanged, .. } => "unchanged".to_owned(),
        WriteOutcome::Failed(error) => {
            assert_eq!(error.kind, RecordErrorKind::Rejected);
            let fields = error.field_errors.iter().map(|field| format!("{} {}", field.path, field.rule));
            fields.collect::<Vec<_>>().join(", ")
        }
    });
    words.collect()
}

#[tokio::test]
async fn test_says_what_it_found() {
    let database = Database::new("").await;
    let found = connector().test(&database.access()).await.unwrap();
    assert!(found.starts_with("Connected to M"), "{found}");
    assert!(found.ends_with(&format!(", database `{}`.", database.name)), "{found}");

    let with = |change: fn(&mut Value)| {
        let mut access = database.access();
        change(&mut access.config);
        access
    };
    let kind = async |access: SystemAccess| connector().test(&access).await.unwrap_err().kind;
    assert_eq!(kind(with(|config| config["database"] = json!("none"))).await, SystemErrorKind::NotFound);
    assert_eq!(kind(with(|config| config["port"] = json!(1))).await, SystemErrorKind::Unavailable);
    assert_eq!(kind(with(|config| config["host"] = json!("10.0.0.1"))).await, SystemErrorKind::Forbidden);
    assert_eq!(kind(with(|config| config["host"] = json!("/tmp"))).await, SystemErrorKind::Misconfigured);
    for credentials in
        [json!({"user": USER, "password": "wrong"}), json!({"user": USER}), json!({"user": "nobody"})]
    {
        let mut wrong = database.access();
        wrong.credentials = SecretString::from(credentials.to_string());
        assert_eq!(kind(wrong).await, SystemErrorKind::Unauthorized, "{credentials}");
    }
    let guarded = MysqlConnector::new(Egress::default()).test(&database.access()).await.unwrap_err();
    assert_eq!(guarded.kind, SystemErrorKind::Forbidden);
}

#[tokio::test]
async fn a_user_with_all_its_connections_in_use_finds_the_server_unavailable() {
    let mut database = Database::new("").await;
    let user = format!("one_{}", database.name);
    let sql = format!(
        "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pass' WITH MAX_USER_CONNECTIONS 1; \
         GRANT ALL ON {}.* TO {user}@'127.0.0.1'; CREATE TABLE t (id INT PRIMARY KEY)",
        database.name
    );
    execute(&mut database.sql, &sql).await;
    let mut open = database.destination(json!({"table": "t"}), &["id"]);
    open.access.credentials = json!({"user": user, "password": "pass"}).to_string().into();
    let first = connector().open_destination(open.clone()).await.unwrap();
    assert_eq!(connector().test(&open.access).await.unwrap_err().kind, SystemErrorKind::Unavailable);
    drop(first);
}

#[tokio::test]
async fn every_type_becomes_json() {
    let mut database = Database::new(
        r#"CREATE TABLE t (id INT PRIMARY KEY, tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, big BIGINT,
          huge BIGINT UNSIGNED, price DECIMAL(20,4), wide DECIMAL(40,10), ratio DOUBLE, single FLOAT, flag BOOLEAN,
          bits BIT(10), name VARCHAR(50), latin VARCHAR(50) CHARACTER SET latin1, binary_text VARCHAR(50) COLLATE utf8mb4_bin,
          at TIMESTAMP(3) NULL, local DATETIME(6), day DATE, span TIME(1), y YEAR, doc JSON, raw BLOB, uid BINARY(3),
          mood ENUM('sad', 'happy'), tags SET('a', 'b', 'c'), `odd ``name` TEXT);
        INSERT INTO t VALUES (1, -128, 65535, -8388608, 9223372036854775807, 18446744073709551615, 12.5,
          123456789012345678901234567890.5, 0.1, 0.1, true, b'1000000001', 'tab\tnew 😀', 'grün', 'A',
          '2026-03-01 12:00:00.5', '2026-03-01 12:00:00.000001', '2026-03-01', '-100:00:01.5', 2026,
          '{"a":[1,null]}', x'00ff', x'000102', 'happy', 'a,c', '');
        INSERT INTO t (id) VALUES (2);"#,
    )
    .await;
    let read = read(database.source(json!({"table": "t"}), &["id"], None)).await;
    let expected = json!({"id": 1, "tiny": -128, "small": 65535, "medium": -8_388_608, "big": i64::MAX, "huge": u64::MAX,
        "price": 12.5, "wide": "123456789012345678901234567890.5000000000", "ratio": 0.1, "single": 0.1, "flag": 1,
        "bits": 513, "name": "tab\tnew 😀", "latin": "grün", "binary_text": "A", "at": "2026-03-01T12:00:00.5Z",
        "local": "2026-03-01T12:00:00.000001Z", "day": "2026-03-01", "span": "-100:00:01.5", "y": 2026,
        "doc": {"a": [1, null]}, "raw": "AP8=", "uid": "AAEC", "mood": "happy", "tags": "a,c", "odd `name": ""});
    assert_eq!(read.records[0], expected);
    assert_eq!(read.records[1]["name"], Value::Null);
    assert_eq!(read.records[1]["at"], Value::Null);

    // What was read can be written, and is the same.
    execute(&mut database.sql, "CREATE TABLE copy LIKE t").await;
    assert_eq!(
        database.write(json!({"table": "copy"}), &["id"], &read.records).await,
        ["created", "created"]
    );
    assert_eq!(
        database.write(json!({"table": "copy"}), &["id"], &read.records).await,
        ["unchanged", "unchanged"]
    );
    for column in read.records[0].as_object().unwrap().keys() {
        let column = column.replace('`', "``");
        let same = format!("t.`{column}` <=> copy.`{column}`");
        let differing =
            format!("SELECT CAST(COUNT(*) AS CHAR) FROM t JOIN copy USING (id) WHERE NOT ({same})");
        assert_eq!(database.texts(&differing).await, ["0"], "{column}");
    }
}

#[tokio::test]
async fn pages_resume_after_each_of_them_whatever_the_key() {
    let numbers = (1..=11).map(|n| format!("({n}, '{}', {n} / 3)", char::from(b'k' - n))).collect::<Vec<_>>();
    let database = Database::new(&format!(
        "CREATE TABLE plain (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(20), ratio FLOAT); INSERT INTO plain VALUES {};
         CREATE TABLE loose (name VARCHAR(20), day DATE, n INT);
         INSERT INTO loose VALUES ('a', '2026-01-01', 1), ('A', '2026-01-01', 2), ('a', '2026-01-01', 3), ('a ', NULL, 4),
           (NULL, '2026-01-01', 5), (NULL, NULL, 6), ('b', '2026-01-02', 7), ('B', '2026-01-02', 8), ('ä', '2026-01-03', 9);
         CREATE TABLE folded (name VARCHAR(20), place ENUM('z', 'b', 'a'), id INT AUTO_INCREMENT PRIMARY KEY);
         INSERT INTO folded (name, place) VALUES ('a', 'z'), ('A', 'b'), ('a', 'a'), ('B', 'z'), ('b', 'b'), ('c', 'a'), ('C', 'z');
         CREATE VIEW seen AS SELECT id, name FROM plain",
        numbers.join(", ")
    ))
    .await;
    let of = async |options: Value, keys: &[&str]| {
        read_everywhere(database.source(options, keys, None)).await.records
    };
    let ids: Vec<Value> = (1..=11).map(Value::from).collect();
    assert_eq!(field(&of(json!({"table": "plain"}), &["id"]).await, "id"), ids);
    for keys in [&["name"][..], &["ratio", "name"], &["id"]] {
        for options in [json!({"table": "plain"}), json!({"query": "SELECT * FROM plain -- all of them\n;"})]
        {
            let mut read = field(&of(options.clone(), keys).await, "id");
            read.sort_by_key(Value::as_u64);
            assert_eq!(read, ids, "{options} by {keys:?}");
        }
    }
    assert_eq!(field(&of(json!({"table": "seen"}), &["id"]).await, "id"), ids);
    // No index tells these apart: by case, spaces and nulls.
    for keys in [&["name"][..], &["name", "day"], &["day"]] {
        let mut read = field(&of(json!({"table": "loose"}), keys).await, "n");
        read.sort_by_key(Value::as_u64);
        assert_eq!(read, (1..=9).map(Value::from).collect::<Vec<_>>(), "{keys:?}");
    }
    for keys in [&["name"][..], &["place"], &["place", "name"]] {
        let mut read = field(&of(json!({"table": "folded"}), keys).await, "id");
        read.sort_by_key(Value::as_u64);
        assert_eq!(read, (1..=7).map(Value::from).collect::<Vec<_>>(), "{keys:?}");
    }
}

#[tokio::test]
async fn incremental_reads_what_grew_and_what_has_no_cursor() {
    let mut database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME(6), amount DECIMAL(30,10));
         INSERT INTO t SELECT n, '2026-01-01' + INTERVAL n MICROSECOND, n / 10000000000 FROM
           (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5) AS numbers;
         INSERT INTO t VALUES (6, NULL, NULL)",
    )
    .await;
    for cursor in ["at", "amount"] {
        let first = read_everywhere(database.source(json!({"table": "t"}), &["id"], Some(cursor))).await;
        assert_eq!(first.records.len(), 6, "{cursor}");
        let mut next = database.source(json!({"table": "t"}), &["id"], Some(cursor));
        next.since = first.watermark.clone();
        let again = read(next.clone()).await;
        assert_eq!(field(&again.records, "id"), [json!(6)], "{cursor}");
        assert_eq!(again.watermark, first.watermark);
        execute(
            &mut database.sql,
            "INSERT INTO t VALUES (7, '2026-01-01 00:00:00.000005', 0.0000000005), (8, '2026-01-01 00:00:00.000006', 0.0000000006)",
        )
        .await;
        let more = read_everywhere(next.clone()).await;
        assert_eq!(field(&more.records, "id"), [json!(6), json!(7), json!(8)], "{cursor}");
        // The same cursor with another key: what has just its value comes again.
        next.stream.key_fields = vec!["amount".to_owned(), "id".to_owned()];
        if cursor == "at" {
            assert_eq!(
                field(&read(next.clone()).await.records, "id"),
                [json!(6), json!(5), json!(7), json!(8)]
            );
            next.stream.cursor_field = Some("id".to_owned());
            let error = connector().open_source(next).await.err().unwrap();
            assert_eq!(error.kind, SystemErrorKind::Misconfigured);
            assert!(error.hint.unwrap().contains("were changed"));
        }
        execute(&mut database.sql, "DELETE FROM t WHERE id > 6").await;
    }
}

#[tokio::test]
async fn a_run_begins_before_the_watermark_at_a_value_or_reads_a_range() {
    let mut database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME, day DATE, n DECIMAL(10,2), code VARCHAR(20));
         INSERT INTO t SELECT n, '2026-01-01' + INTERVAL n HOUR, '2026-01-01' + INTERVAL n DAY, n, CONCAT('00', n) FROM
           (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6) AS numbers;
         INSERT INTO t VALUES (7, NULL, NULL, NULL, NULL)",
    )
    .await;
    // The cursor, what overlaps by two, and values at the third and the fifth row.
    for (cursor, overlap, third, fifth) in [
        ("at", 7_200, json!("2026-01-01T03:00:00Z"), json!("2026-01-01T06:00:00+01:00")),
        ("day", 2 * 86_400, json!("2026-01-04"), json!("2026-01-06")),
        ("n", 2, json!(3), json!("5.00")),
        ("code", 2, json!("003"), json!("005")),
    ] {
        let open = database.source(json!({"table": "t"}), &["id"], Some(cursor));
        let ids = |read: &Read| field(&read.records, "id");
        let first = read(open.clone()).await;
        assert_eq!(first.records.len(), 7, "{cursor}");

        let mut overlapping = open.clone();
        (overlapping.since, overlapping.overlap) = (first.watermark.clone(), Some(overlap));
        let again = read_everywhere(overlapping.clone()).await;
        let expected = [json!(7), json!(4), json!(5), json!(6)];
        assert_eq!(ids(&again), expected, "{cursor}: what has no value can't be known to be old");
        assert_eq!(again.watermark, first.watermark);
        execute(
            &mut database.sql,
            "CREATE TABLE kept AS SELECT * FROM t WHERE id = 6; DELETE FROM t WHERE id = 6",
        )
        .await;
        let shorter = read_everywhere(overlapping).await;
        assert_eq!(ids(&shorter), [json!(7), json!(4), json!(5)]);
        assert_eq!(shorter.watermark, first.watermark, "{cursor}: it never goes back");
        execute(&mut database.sql, "INSERT INTO t SELECT * FROM kept; DROP TABLE kept").await;

        let mut from = open.clone();
        from.from = Some(third.clone());
        let read_from = read_everywhere(from).await;
        assert_eq!(ids(&read_from), [json!(7), json!(3), json!(4), json!(5), json!(6)], "{cursor}");
        assert_eq!(read_from.watermark, first.watermark);

        let mut only = open;
        only.only = Some(CursorRange { from: third, until: Some(fifth) });
        assert_eq!(ids(&read_everywhere(only.clone()).await), [json!(3), json!(4)], "{cursor}");
        only.only = Some(CursorRange { from: json!({"no": "value"}), until: None });
        let error = connector().open_source(only).await.err().unwrap();
        assert_eq!(error.kind, SystemErrorKind::Misconfigured);
    }
}

#[tokio::test]
async fn dates_with_zeros_are_malformed_and_the_others_arrive() {
    let database = Database::new(
        "SET sql_mode = ''; CREATE TABLE t (id INT, day DATE, at DATETIME, PRIMARY KEY (day, id));
         INSERT INTO t VALUES (1, '0000-00-00', NULL), (2, '2026-01-00', NULL), (3, '2026-01-01', '0000-00-00'),
           (4, '2026-01-02', '2026-01-02'), (5, '2026-01-03', '2026-01-02 03:04:05'), (6, '0000-00-00', NULL)",
    )
    .await;
    let read = read_everywhere(database.source(json!({"table": "t"}), &["day", "id"], None)).await;
    assert_eq!(field(&read.records, "id"), [json!(4), json!(5)]);
    assert_eq!(read.malformed.len(), 4);
    assert!(read.malformed[0].starts_with("row 1: column `day`: a date has a zero"), "{:?}", read.malformed);
}

#[tokio::test]
async fn what_can_not_be_read_says_why() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY, name TEXT)").await;
    for (options, keys, kind, hint) in [
        (json!({"table": "none"}), &["id"][..], SystemErrorKind::NotFound, "`none` does not exist"),
        (json!({"table": "none.t"}), &["id"], SystemErrorKind::NotFound, "database `none`"),
        (json!({"table": "t"}), &["number"], SystemErrorKind::Misconfigured, "its columns are `id`, `name`"),
        (
            json!({"query": "SELECT 1 AS id, 2 AS id"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "the same name",
        ),
        (json!({"query": "SELEC 1"}), &["id"], SystemErrorKind::Misconfigured, "one valid SELECT"),
        (
            json!({"query": "SELECT 1 AS id; DELETE FROM t"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "one valid SELECT",
        ),
        (
            json!({"query": "SELECT 1 AS id) AS x JOIN (SELECT 2 AS b"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "one valid SELECT",
        ),
        (
            json!({"query": "DELETE FROM t"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "only reading is allowed",
        ),
        (
            json!({"query": "SELECT * FROM t WHERE id = ?"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "parameters",
        ),
        (
            json!({"query": "SELECT wrong FROM t"}),
            &["id"],
            SystemErrorKind::Misconfigured,
            "a column is not there",
        ),
        (
            json!({"query": "SELECT 1 AS id, (SELECT 1 UNION SELECT 2) AS n"}),
            &["id"],
            SystemErrorKind::Malformed,
            "a value of the data",
        ),
    ] {
        let error = database.source_error(options.clone(), keys).await;
        assert_eq!(error.kind, kind, "{options}: {error:?}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{options}: {error:?}");
    }
}

#[tokio::test]
async fn a_batch_says_of_each_record_what_it_did() {
    let mut database = Database::new(
        "CREATE TABLE t (country CHAR(2), number INT, price DECIMAL(10,2), name VARCHAR(20) COLLATE utf8mb4_general_ci,
           changed TIMESTAMP DEFAULT '2026-01-01' ON UPDATE CURRENT_TIMESTAMP, UNIQUE (country, number))",
    )
    .await;
    let keys = &["country", "number"];
    let of = |number: i64, price: f64, name: &str| json!({"country": "DE", "number": number, "price": price, "name": name});
    let batch = [of(1, 1.0, "a"), of(2, 2.5, "b"), of(3, 3.0, "c")];
    assert_eq!(database.write(json!({"table": "t"}), keys, &batch).await, ["created"; 3]);
    assert_eq!(database.write(json!({"table": "t"}), keys, &batch).await, ["unchanged"; 3]);
    assert_eq!(database.texts("SELECT CAST(MAX(changed) AS CHAR) FROM t").await, ["2026-01-01 00:00:00"]);
    // Rounded by the column it is what is there; upper case is not.
    let batch = [of(3, 3.001, "c"), of(4, 4.0, "d"), of(1, 1.0, "A"), of(2, 2.5, "b")];
    let outcomes = ["unchanged", "created", "updated", "unchanged"];
    assert_eq!(database.write(json!({"table": "t"}), keys, &batch).await, outcomes);
    assert_eq!(database.texts("SELECT name FROM t ORDER BY number").await, ["A", "b", "c", "d"]);
    let all = [of(1, 9.0, "x"), of(2, 9.0, "x"), of(3, 9.0, "x"), of(4, 9.0, "x")];
    assert_eq!(database.write(json!({"table": "t"}), keys, &all).await, ["updated"; 4]);
    // Records of other columns, and of the key alone, in one batch.
    let mixed = [
        json!({"country": "DE", "number": 1}),
        json!({"number": 2, "country": "DE", "name": "y"}),
        of(5, 5.0, "e"),
    ];
    assert_eq!(
        database.write(json!({"table": "t"}), keys, &mixed).await,
        ["unchanged", "updated", "created"]
    );
}

#[tokio::test]
async fn keys_that_a_collation_takes_for_one_are_one_record() {
    let mut database =
        Database::new("CREATE TABLE t (name VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT); INSERT INTO t VALUES ('a', 1)").await;
    let batch = [json!({"name": "A", "n": 1}), json!({"name": "B", "n": 2})];
    assert_eq!(database.write(json!({"table": "t"}), &["name"], &batch).await, ["unchanged", "created"]);
    let batch = [json!({"name": "b", "n": 3}), json!({"name": "C", "n": 4}), json!({"name": "c", "n": 5})];
    assert_eq!(
        database.write(json!({"table": "t"}), &["name"], &batch).await,
        ["updated", "created", "updated"]
    );
    assert_eq!(database.texts("SELECT CONCAT(name, n) FROM t ORDER BY name").await, ["a1", "B3", "C5"]);
}

#[tokio::test]
async fn a_bad_row_fails_alone_and_names_its_fields() {
    let mut database = Database::new(
        "CREATE TABLE parents (id INT PRIMARY KEY); INSERT INTO parents VALUES (1);
         CREATE TABLE t (id INT PRIMARY KEY, n TINYINT NOT NULL, name VARCHAR(3), note TINYTEXT, day DATE,
           latin VARCHAR(9) CHARACTER SET latin1, mood ENUM('sad', 'happy'), parent INT, email VARCHAR(20),
           twice INT AS (n * 2), CONSTRAINT small CHECK (n < 100), UNIQUE mails (email), FOREIGN KEY (parent) REFERENCES parents (id));
         CREATE TRIGGER no_sevens BEFORE INSERT ON t FOR EACH ROW
           IF NEW.n = 7 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not 7'; END IF",
    )
    .await;
    let good = |id: i64| json!({"id": id, "n": 1, "email": format!("{id}@x")});
    let with = |id: i64, field: &str, value: Value| {
        let mut record = good(id);
        record[field] = value;
        record
    };
    let bad = [
        (with(101, "n", json!(null)), "/n not_null"),
        (with(102, "n", json!(300)), "/n range"),
        (with(103, "n", json!("x")), "/n type"),
        (with(104, "name", json!("long")), "/name maxLength"),
        (with(105, "note", json!("x".repeat(300))), "/note maxLength"),
        (with(106, "day", json!("31.01.2026")), "/day type"),
        (with(107, "latin", json!("日本")), "/latin type"),
        (with(108, "mood", json!("angry")), "/mood type"),
        (with(109, "parent", json!(5)), "/parent foreign_key"),
        (with(110, "email", json!("1@x")), "/email unique"),
        (with(111, "n", json!(100)), " check"),
        (with(112, "n", json!(7)), " check"),
        (with(113, "twice", json!(7)), "/twice read_only"),
        (with(114, "other", json!(7)), "/other unknown_column"),
        (json!({"n": 1}), "/id required"),
        (json!({"id": null, "n": "x"}), "/id required, /n type"),
        (json!({"id": 116, "email": "116@x"}), "/n not_null"),
    ];
    let mut batch = Vec::new();
    let mut expected = Vec::new();
    for (index, (record, words)) in bad.iter().enumerate() {
        batch.extend([good(index as i64 + 1), record.clone()]);
        expected.extend(["created", *words]);
    }
    assert_eq!(database.write(json!({"table": "t"}), &["id"], &batch).await, expected);
    let count = bad.len().to_string();
    assert_eq!(database.texts("SELECT CAST(COUNT(*) AS CHAR) FROM t").await, [count.as_str()]);
    // Once more: nothing changes, and the same are refused.
    let again = expected
        .iter()
        .map(|words| if *words == "created" { "unchanged" } else { words })
        .collect::<Vec<_>>();
    assert_eq!(database.write(json!({"table": "t"}), &["id"], &batch).await, again);
    // A row that is there needs no value for the columns that it does not bring.
    assert_eq!(
        database.write(json!({"table": "t"}), &["id"], &[json!({"id": 1, "name": "ab"})]).await,
        ["updated"]
    );
}

#[tokio::test]
async fn another_rows_unique_value_is_refused_and_that_row_stays() {
    // The rival index comes first, which `ON DUPLICATE KEY` would go by.
    let mut database = Database::new(
        "CREATE TABLE t (email VARCHAR(20), number VARCHAR(20), name VARCHAR(20), id INT AUTO_INCREMENT PRIMARY KEY,
           UNIQUE a_mail (email), UNIQUE b_number (number));
         INSERT INTO t (email, number, name) VALUES ('one@x', '1', 'One'), ('two@x', '2', 'Two')",
    )
    .await;
    let of = |number: &str, email: &str, name: &str| json!({"number": number, "email": email, "name": name});
    let batch = [
        of("1", "two@x", "Stolen"),
        of("3", "one@x", "Stolen"),
        of("2", "two@x", "Zwei"),
        of("4", "four@x", "Four"),
        of("1", "one@x", "One"),
    ];
    let outcomes = ["/email unique", "/email unique", "updated", "created", "unchanged"];
    assert_eq!(database.write(json!({"table": "t"}), &["number"], &batch[..]).await, outcomes);
    let rows = "SELECT CONCAT_WS(' ', number, email, name) FROM t ORDER BY number";
    assert_eq!(database.texts(rows).await, ["1 one@x One", "2 two@x Zwei", "4 four@x Four"]);

    // An index on the beginning of a column is a rival as well.
    execute(
        &mut database.sql,
        "CREATE TABLE part (id INT PRIMARY KEY, email VARCHAR(300), name VARCHAR(20), UNIQUE beginning (email(5)));
         INSERT INTO part VALUES (1, 'aaaaa-1', 'One'), (3, 'ccccc-3', 'Three')",
    )
    .await;
    let batch = [
        json!({"id": 1, "email": "aaaaa-1", "name": "One"}),
        json!({"id": 2, "email": "ccccc-2", "name": "Stolen"}),
    ];
    let outcomes = database.write(json!({"table": "part"}), &["id"], &batch).await;
    assert_eq!(outcomes, ["unchanged", "/email unique"]);
    let rows = "SELECT CONCAT_WS(' ', id, email, name) FROM part ORDER BY id";
    assert_eq!(database.texts(rows).await, ["1 aaaaa-1 One", "3 ccccc-3 Three"]);
}

/// A text of digits that begins before another may be sorted behind it.
#[tokio::test]
async fn an_overlap_hides_nothing_that_is_newer() {
    let mut database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, at VARCHAR(20)); INSERT INTO t VALUES (1, '1000000000')",
    )
    .await;
    let mut open = database.source(json!({"table": "t"}), &["id"], Some("at"));
    open.since = read(open.clone()).await.watermark;
    open.overlap = Some(30);
    execute(&mut database.sql, "INSERT INTO t VALUES (2, '1000000001')").await;
    assert_eq!(field(&read_everywhere(open).await.records, "id"), [json!(2)]);
}

#[tokio::test]
async fn tables_and_columns_are_made_from_records() {
    let mut database = Database::new("").await;
    let options = json!({"table": "made", "createTable": true});
    assert_eq!(database.open_error(json!({"table": "made"}), &["id"]).await.kind, SystemErrorKind::NotFound);
    let batch = [
        json!({"id": "a", "n": 1, "ok": true, "doc": {"x": [1]}, "none": null}),
        json!({"id": "A", "n": 2.5, "text": "y".repeat(70_000)}),
        json!({"id": "a ", "n": null}),
        json!({"n": 1}),
    ];
    let outcomes = ["created", "created", "created", "/id required"];
    assert_eq!(database.write(options.clone(), &["id"], &batch).await, outcomes);
    let types = "SELECT CONCAT(COLUMN_NAME, ' ', DATA_TYPE) FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'made' ORDER BY ORDINAL_POSITION";
    let made = database.texts(types).await;
    assert_eq!(made[..3], ["id varchar", "n double", "ok tinyint"]);
    let later = [json!({"id": "a", "total": u64::MAX, "n": 1})];
    assert_eq!(database.write(options.clone(), &["id"], &later).await, ["updated"]);
    assert_eq!(
        database.texts("SELECT CAST(total AS CHAR) FROM made WHERE id = 'a'").await,
        ["18446744073709551615"]
    );
    assert_eq!(database.write(options, &["id"], &later).await, ["unchanged"]);
}

#[tokio::test]
async fn what_can_not_be_written_says_why() {
    let database = Database::new(
        "CREATE TABLE loose (id INT, name VARCHAR(20), UNIQUE part (name(5))); CREATE VIEW seen AS SELECT * FROM loose;
         CREATE TABLE t (id INT PRIMARY KEY)",
    )
    .await;
    for (options, keys, hint) in [
        (json!({"table": "loose"}), &["id"][..], "no primary key or unique index on exactly `id`"),
        (json!({"table": "loose"}), &["name"], "no primary key or unique index"),
        (json!({"table": "t"}), &["number"], "no column `number`"),
        (json!({"table": "seen"}), &["id"], "a view can't be written"),
    ] {
        let error = database.open_error(options.clone(), keys).await;
        assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{options}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{options}: {error:?}");
    }
}

#[tokio::test]
async fn large_batches_go_in_several_statements() {
    let mut database = Database::new("CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)").await;
    let body = "x".repeat(20_000);
    let batch: Vec<Value> = (0..1200).map(|id| json!({"id": id, "body": body})).collect();
    assert_eq!(database.write(json!({"table": "t"}), &["id"], &batch).await, vec!["created"; 1200]);
    let too_large = [json!({"id": -1, "body": "x".repeat(9_000_000)}), json!({"id": 1, "body": "y"})];
    let limit =
        database.texts("SELECT CAST(@@max_allowed_packet AS CHAR)").await[0].parse::<usize>().unwrap();
    let large = if limit / 2 < 9_000_000 { " maxLength" } else { "created" };
    assert_eq!(database.write(json!({"table": "t"}), &["id"], &too_large).await, [large, "updated"]);
    let mut open = database.source(json!({"table": "t"}), &["id"], None);
    open.page_records_max = 5000;
    let read = read_everywhere(open).await;
    assert!(read.records.len() >= 1200);
    assert!(read.checkpoints.len() >= 3, "24 MB are read in pages of 8 MiB");
}

/// A name service that knows one name.
#[derive(Debug)]
struct OneName;

#[async_trait::async_trait]
impl Names for OneName {
    async fn addresses(&self, _name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }
}

#[tokio::test]
async fn verify_full_checks_the_name_and_goes_to_the_address_that_was_checked() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    let egress = Egress::with_names(vec!["127.0.0.0/8".parse().unwrap()], Arc::new(OneName));
    let connector = MysqlConnector::new(egress);
    let with = |host: &str, mode: &str, ca: Option<&str>| {
        let mut access = database.access();
        access.config["host"] = json!(host);
        access.config["sslMode"] = json!(mode);
        if let Some(ca) = ca {
            access.config["sslRootCert"] = json!(ca);
        }
        access
    };
    let ca = Some(database.server.ca.as_str());
    for (host, mode, ca) in [
        (HOST, "verify-full", ca),
        ("other.test", "verify-ca", ca),
        ("other.test", "require", None),
        (HOST, "disable", None),
    ] {
        connector
            .test(&with(host, mode, ca))
            .await
            .unwrap_or_else(|error| panic!("{host} {mode}: {error:?}"));
    }
    for (host, mode, ca) in
        [("other.test", "verify-full", ca), (HOST, "verify-full", None), (HOST, "verify-ca", None)]
    {
        let error = connector.test(&with(host, mode, ca)).await.unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{host} {mode}: {error:?}");
        assert_eq!(error.hint.as_deref(), Some("the server's certificate is not valid for this host"));
    }
    // Through the relay also for a whole stream.
    let mut open = database.source(json!({"table": "t"}), &["id"], None);
    open.access = with(HOST, "verify-full", ca);
    let mut source = connector.open_source(open).await.unwrap();
    assert_eq!(source.next_page().await.unwrap().unwrap().items.len(), 1);
}

/// MySQL 8 asks for the password itself when it does not remember a user of `caching_sha2_password`.
#[tokio::test]
async fn without_tls_a_password_that_is_asked_for_is_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // Protocol 10, version, connection, salt, capabilities without TLS, utf8mb4, and the name of the method.
        let mut hello = b"\x0a8.4.0\0\x01\0\0\0saltsalt\0".to_vec();
        hello.extend([0xff, 0xf7, 45, 2, 0, 0xff, 0xdf, 21]);
        hello.extend([0; 10]);
        hello.extend(b"saltsaltsalt\0caching_sha2_password\0");
        let packet = |number: u8, body: &[u8]| [&[body.len() as u8, 0, 0, number], body].concat();
        socket.write_all(&packet(0, &hello)).await.unwrap();
        let mut received = vec![0; 4096];
        let length = socket.read(&mut received).await.unwrap();
        received.truncate(length);
        // Full authentication, please; and the key that passwords without TLS are encrypted with.
        socket.write_all(&packet(2, &[1, 4])).await.unwrap();
        socket.write_all(&packet(4, b"\x01-----BEGIN PUBLIC KEY-----")).await.unwrap();
        socket.read_to_end(&mut received).await.unwrap();
        received
    });
    let database = Database::new("").await;
    let mut access = database.access();
    access.config["port"] = json!(port);
    let error = connector().test(&access).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Misconfigured, "{error:?}");
    assert!(error.hint.unwrap().contains("over TLS only"));
    let received = server.await.unwrap();
    assert!(!received.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
}

/// What was written as the text of a number goes, and no neighbour that is the same as a float.
#[tokio::test]
async fn what_is_gone_goes_by_its_exact_key() {
    let mut database = Database::new(
        "CREATE TABLE t (number BIGINT PRIMARY KEY, gone DATETIME(3));
         INSERT INTO t (number) VALUES (2), (9007199254740992), (9007199254740993), (9007199254740994);
         CREATE TABLE line (number BIGINT, FOREIGN KEY (number) REFERENCES t (number));
         INSERT INTO line VALUES (9007199254740992);
         CREATE TABLE d (price DECIMAL(30, 2) PRIMARY KEY);
         INSERT INTO d VALUES (1234567890123456789012.01), (1234567890123456789012.02)",
    )
    .await;
    let gone = |keys: &[&str]| -> Vec<Gone> {
        let gone = |key: &&str| Gone { key: RecordKey::stored(key, 1).unwrap(), destination_key: None };
        keys.iter().map(gone).collect()
    };
    let open = database.destination(json!({"table": "t"}), &["number"]);
    let mut destination = connector().open_destination(open).await.unwrap();
    let keys = gone(&["9007199254740993", "1.5", "9007199254740992", "99999999999999999999"]);
    let outcomes = destination.remove(&keys, &Removal::Delete).await.unwrap();
    let rules: Vec<Option<&str>> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(|error| error.field_errors[0].rule.as_str()))
        .collect();
    assert_eq!(rules, [None, Some("type"), Some("foreign_key"), Some("range")]);
    let mark = Removal::Mark { field: "gone".to_owned(), at: "2026-11-26T10:00:00.250Z".to_owned() };
    let outcomes = destination.remove(&gone(&["9007199254740994", "3"]), &mark).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let rows = "SELECT CONCAT_WS(' ', number, gone) FROM t ORDER BY number";
    let marked = "9007199254740994 2026-11-26 10:00:00.250";
    assert_eq!(database.texts(rows).await, ["2", "9007199254740992", marked]);

    let open = database.destination(json!({"table": "d"}), &["price"]);
    let mut destination = connector().open_destination(open).await.unwrap();
    destination.remove(&gone(&["1234567890123456789012.01"]), &Removal::Delete).await.unwrap();
    assert_eq!(database.texts("SELECT CONCAT(price) FROM d").await, ["1234567890123456789012.02"]);
}

#[tokio::test]
async fn values_are_looked_up_in_the_types_of_other_tables_and_records_by_their_key() {
    let database = Database::new(
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (7); \
         CREATE TABLE c (id int AUTO_INCREMENT PRIMARY KEY, price decimal(6,2), day date, code varchar(3), \
         twice decimal(8,2) GENERATED ALWAYS AS (price * 2) STORED); \
         INSERT INTO c (price, day, code) VALUES (1.5, '2026-01-02', 'de'), (2, NULL, 'at'), (2, NULL, 'at'); \
         CREATE VIEW codes AS SELECT code FROM c",
    )
    .await;
    let open = || database.destination(json!({"table": "t"}), &["id"]);
    let mut destination = connector().open_destination(open()).await.unwrap();
    let place = |table: &str, columns: &[&str]| Place {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    for (place, values, expected) in [
        // Whether it is a number or a text, and of what can't be one nothing is there.
        (
            place("c", &["id"]),
            vec![json!(1), json!("2"), json!("x"), json!(99), json!(1)],
            vec![true, true, false, false, true],
        ),
        (place("c", &["twice"]), vec![json!(3), json!("4.00"), json!(5)], vec![true, true, false]),
        (place("c", &["price"]), vec![json!("1.50"), json!(2), json!(1.51)], vec![true, true, false]),
        (place("c", &["day"]), vec![json!("2026-01-02"), json!("2026-02-30")], vec![true, false]),
        // By the collation of the column.
        (
            place("codes", &["code"]),
            vec![json!("at"), json!("AT"), json!("too long")],
            vec![true, true, false],
        ),
    ] {
        let values: Vec<Vec<Value>> = values.into_iter().map(|value| vec![value]).collect();
        assert_eq!(destination.find(&place, &values).await.unwrap(), expected, "{place:?}");
    }
    let both = vec![vec![json!("de"), json!(1.5)], vec![json!("de"), json!(2)]];
    assert_eq!(destination.find(&place("c", &["code", "price"]), &both).await.unwrap(), [true, false]);

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
        let mut destination = connector().open_destination(open()).await.unwrap();
        let error = destination.find(&place, &[vec![json!(1)]]).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.hint.as_deref().is_some_and(|words| words.contains(hint)), "{error:?}");
    }
}

#[tokio::test]
async fn the_parts_of_a_table_are_all_of_it_once() {
    let mut database = Database::new(
        "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, at INT, v TEXT);
         INSERT INTO t SELECT seq * 7, seq % 50, CONCAT('v', seq) FROM seq_1_to_700;
         INSERT INTO t VALUES (18446744073709551615, 3, 'last');
         CREATE TABLE n (id INT NULL UNIQUE, at INT);
         INSERT INTO n SELECT CAST(seq AS SIGNED) - 300, seq FROM seq_1_to_600; INSERT INTO n VALUES (NULL, 1), (NULL, NULL);
         CREATE TABLE texts (id VARCHAR(9) PRIMARY KEY); INSERT INTO texts VALUES ('1'), ('2')",
    )
    .await;
    let connector = connector();
    for table in ["t", "n"] {
        for cursor in [None, Some("at")] {
            let options = json!({"table": table, "slices": 5});
            let open = OpenSource { page_records_max: 100, ..database.source(options, &["id"], cursor) };
            let division = connector.divide(&open).await.unwrap().expect("it is asked for");
            assert_eq!(division.parts.len(), 5, "{division:?}");
            assert_eq!(division.watermark.is_some(), cursor.is_some());
            // What comes later belongs to one of them too.
            let late = format!("INSERT IGNORE INTO {table} (id, at) VALUES (1, 3), (2000000000, 3)");
            execute(&mut database.sql, &late).await;
            let mut seen = Vec::new();
            for part in division.parts {
                let read = read_everywhere(OpenSource { part: Some(part), ..open.clone() }).await;
                assert!(read.watermark.is_none());
                seen.extend(read.records.iter().map(Value::to_string));
            }
            let mut all: Vec<String> =
                read(open.clone()).await.records.iter().map(Value::to_string).collect();
            all.sort();
            seen.sort();
            assert_eq!(seen, all);
            if let Some(since) = division.watermark {
                let newer = read(OpenSource { since: Some(since), ..open }).await.records;
                assert!(newer.len() < 30, "{}", newer.len());
            }
        }
    }
    for options in
        [json!({"table": "t"}), json!({"table": "t", "slices": 1}), json!({"table": "texts", "slices": 3})]
    {
        let open = database.source(options, &["id"], None);
        assert_eq!(connector.divide(&open).await.unwrap(), None);
    }
}
