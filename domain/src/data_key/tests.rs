//! Keys that follow one another, with several processes on one SQLite database and a clock that the test moves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use sea_orm::{ConnectionTrait, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::sealed::{COLUMNS, NOT_SEALED};
use super::{DATA_KEYS_MAX, DataKeyError, Progress, Rotate, Rotated, Unreadable, all, load, reread, rotate};
use crate::app::{App, AppOptions};
use crate::change::Changes;
use crate::cipher::tests::sealed_directly;
use crate::cipher::{header, key_id};
use crate::clock::Clock;
use crate::dispatch::{Dispatch, DispatchError, JobHint};

const FIRST: [u8; 32] = [7; 32];
const SECOND: [u8; 32] = [8; 32];
const OVERLAP: Duration = Duration::from_secs(60);
const TENANT: Uuid = Uuid::from_u128(0xacce);

struct NoQueue;

#[async_trait::async_trait]
impl Dispatch for NoQueue {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A database with a tenant, and a clock for all processes on it.
struct Place {
    directory: tempfile::TempDir,
    seconds: Arc<AtomicI64>,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory, seconds: Arc::new(AtomicI64::new(1_790_000_000)) }
    }

    /// A process that has read nothing yet.
    async fn process(&self, secret_keys: &[[u8; 32]]) -> Arc<App> {
        let seconds = self.seconds.clone();
        let options = AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", self.directory.path().display()),
            files_dir: self.directory.path().join("files"),
            secret_keys: secret_keys.to_vec(),
            token_signer: None,
            connectors: connector::Registry::of(Vec::new()),
            references: crate::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::from_timestamp_secs(seconds.load(Ordering::SeqCst)).expect("a time")
            }),
            tenant_concurrency: 4,
            lease: Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        };
        let app = App::open(options).await.expect("the database opens");
        app.migrate().await.expect("the schema can be made");
        app
    }

    async fn started(&self, secret_keys: &[[u8; 32]]) -> Arc<App> {
        let app = self.process(secret_keys).await;
        load(&app).await.expect("the keys are there");
        app
    }

    fn pass(&self, time: TimeDelta) {
        self.seconds.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }
}

async fn run(app: &App, statement: &str, values: Vec<sea_orm::Value>) {
    let statement = Statement::from_sql_and_values(app.database().backend(), statement, values);
    app.across_tenants().writer().execute_raw(statement).await.expect("the statement runs");
}

/// Stores systems whose credentials say their number.
async fn store_systems(app: &App, numbers: std::ops::Range<u128>, seal: impl Fn(Uuid, &[u8]) -> Vec<u8>) {
    let now = app.clock().now().to_rfc3339();
    run(
        app,
        "INSERT OR IGNORE INTO tenant (id, slug, name, status, created_at, updated_at) VALUES (?, 'acme', 'Acme', 'ACTIVE', ?, ?)",
        vec![TENANT.into(), now.clone().into(), now.clone().into()],
    )
    .await;
    for number in numbers {
        let id = Uuid::from_u128(number + 1);
        run(
            app,
            "INSERT INTO system (id, tenant_id, name, connector, config, credentials, status, created_at, updated_at) \
             VALUES (?, ?, ?, 'sandbox', '{}', ?, 'UNTESTED', ?, ?)",
            vec![
                id.into(),
                TENANT.into(),
                number.to_string().into(),
                seal(id, format!("secret {number}").as_bytes()).into(),
                now.clone().into(),
                now.clone().into(),
            ],
        )
        .await;
    }
}

async fn store(app: &App, numbers: std::ops::Range<u128>) {
    store_systems(app, numbers, |id, text| app.seal(TENANT, id, text).expect("sealing works")).await;
}

/// What stands in the database, by the number of the system.
async fn stored(app: &App) -> Vec<(Uuid, Vec<u8>)> {
    let query =
        Statement::from_string(app.database().backend(), "SELECT id, credentials FROM system ORDER BY id");
    let rows = app.across_tenants().writer().query_all_raw(query).await.expect("the statement runs");
    let value = |row: sea_orm::QueryResult| {
        let id: Uuid = row.try_get("", "id").expect("an id");
        (id, row.try_get("", "credentials").expect("bytes"))
    };
    rows.into_iter().map(value).collect()
}

/// That everything opens in this process, and says what it said.
async fn assert_opens(app: &App, count: usize) {
    let rows = stored(app).await;
    assert_eq!(rows.len(), count);
    for (id, sealed) in rows {
        let text = app.unseal(TENANT, id, &sealed).expect("it opens");
        assert_eq!(text, format!("secret {}", id.as_u128() - 1).as_bytes());
    }
}

/// Ids of the data keys, in the order in which they seal.
async fn data_keys(app: &App) -> Vec<Uuid> {
    all(app.across_tenants().writer()).await.expect("reading works").iter().map(|row| row.id).collect()
}

/// How many values each key sealed.
async fn sealed_by(app: &App, key: Uuid) -> usize {
    stored(app).await.iter().filter(|(_id, sealed)| sealed.starts_with(&header(key))).count()
}

async fn rotated(app: &App, new_data_key: bool) -> Rotated {
    let rotation = Rotate { new_data_key, overlap: Duration::ZERO };
    rotate(app, rotation, &CancellationToken::new(), &mut |_progress| {}).await.expect("rotating works")
}

#[tokio::test]
async fn every_column_of_bytes_is_sealed_and_rotated_or_known_not_to_be() {
    let place = Place::new();
    let app = place.started(&[FIRST]).await;
    let query = "SELECT m.name AS name, c.name AS col FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND c.type LIKE '%blob%' AND c.type NOT LIKE 'uuid%'";
    let query = Statement::from_string(app.database().backend(), query);
    let rows = app.across_tenants().writer().query_all_raw(query).await.expect("the statement runs");
    let text = |row: &sea_orm::QueryResult, column: &str| row.try_get::<String>("", column).expect("text");
    let found: BTreeSet<_> = rows.iter().map(|row| (text(row, "name"), text(row, "col"))).collect();
    let known = COLUMNS.iter().map(|column| (column.table, column.column)).chain(NOT_SEALED);
    let known: BTreeSet<_> = known.map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
    assert_eq!(found, known, "a column that is sealed belongs into COLUMNS, another into NOT_SEALED");
}

#[tokio::test]
async fn processes_that_start_at_once_make_one_key_and_read_each_others_values() {
    let place = Place::new();
    let mut apps = Vec::new();
    for _ in 0..4 {
        apps.push(place.process(&[FIRST]).await);
    }
    futures::future::try_join_all(apps.iter().map(|app| load(app))).await.expect("the keys are there");
    assert_eq!(data_keys(&apps[0]).await.len(), 1);
    for (number, app) in (0_u128..).zip(&apps) {
        store(app, number..number + 1).await;
    }
    for app in &apps {
        assert_opens(app, 4).await;
    }
}

#[tokio::test]
async fn another_secret_key_takes_over_and_the_old_one_is_not_needed_any_more() {
    let place = Place::new();
    let old = place.started(&[FIRST]).await;
    store(&old, 0..3).await;
    let before = stored(&old).await;

    let both = place.started(&[SECOND, FIRST]).await;
    let report = rotated(&both, false).await;
    let wanted = Rotated { secret_key_id: key_id(&SECOND), wrapped_count: 1, ..Rotated::default() };
    assert_eq!(report, wanted);
    assert_eq!(stored(&both).await, before, "what is stored is not touched");
    assert_opens(&*place.started(&[SECOND]).await, 3).await;
    // A process that was not told of the new key goes on with what it has read.
    assert!(reread(&old).await.is_err());
    store(&old, 3..4).await;
    assert_opens(&both, 4).await;

    let alone = place.process(&[FIRST]).await;
    let Err(DataKeyError::OtherSecretKey { needed, given }) = load(&alone).await else {
        unreachable!("the old key opens nothing any more");
    };
    assert_eq!((needed, given), (key_id(&SECOND), vec![key_id(&FIRST)]));
    assert_eq!(rotated(&both, false).await, Rotated { wrapped_count: 0, ..wanted }, "twice is once");
}

#[tokio::test]
async fn what_a_version_before_data_keys_stored_is_taken_over() {
    let place = Place::new();
    let former = place.process(&[FIRST]).await;
    store_systems(&former, 0..250, |id, text| sealed_directly(&FIRST, TENANT, id, text)).await;
    // With a wrong key nothing is begun.
    let wrong = place.process(&[SECOND]).await;
    assert!(matches!(load(&wrong).await, Err(DataKeyError::OtherSecretKey { .. })));
    assert!(data_keys(&wrong).await.is_empty());

    let app = place.started(&[SECOND, FIRST]).await;
    store(&app, 250..260).await;
    assert_opens(&app, 260).await;
    let report = rotated(&app, false).await;
    assert_eq!((report.resealed_count, report.unreadable_count), (250, 0));
    assert_opens(&*place.started(&[SECOND]).await, 260).await;
    assert_eq!(sealed_by(&app, data_keys(&app).await[0]).await, 260);
}

#[tokio::test]
async fn a_new_data_key_is_read_everywhere_before_it_seals_and_takes_over_what_was_there() {
    let place = Place::new();
    let (one, two) = (place.started(&[FIRST]).await, place.started(&[FIRST]).await);
    store(&one, 0..250).await;
    let stop = CancellationToken::new();
    let (mut waited, mut counts) = (false, Vec::new());
    let seconds = place.seconds.clone();
    let mut tell = |progress| match progress {
        Progress::Waiting(_until) => {
            waited = true;
            seconds.fetch_add(60, Ordering::SeqCst);
        }
        Progress::Resealed { column, count } => counts.push((column, count)),
        Progress::Wrapped(_) => {}
    };
    let rotation = Rotate { new_data_key: true, overlap: OVERLAP };
    let report = rotate(&one, rotation, &stop, &mut tell).await.expect("rotating works");
    assert!(waited);
    let column = || "system.credentials".to_owned();
    assert_eq!(counts, [(column(), 100), (column(), 200), (column(), 250)]);
    assert_eq!((report.resealed_count, report.removed_count), (250, 0));
    let [old, new] = data_keys(&one).await[..] else { unreachable!("two keys") };
    assert_eq!((sealed_by(&one, old).await, sealed_by(&one, new).await), (0, 250));

    // A process that has not looked seals with the old key, and can't open the new one's values until it looks.
    store(&two, 250..251).await;
    assert_eq!(sealed_by(&one, old).await, 1);
    reread(&two).await.expect("reading works");
    assert_opens(&two, 251).await;
    store(&two, 251..252).await;
    assert_eq!(sealed_by(&one, old).await, 1);

    // The old key stays for a day after it sealed nothing, and what it sealed meanwhile is taken over first.
    place.pass(TimeDelta::hours(23));
    assert_eq!(rotated(&one, false).await.resealed_count, 1);
    assert_eq!(data_keys(&one).await, [old, new]);
    place.pass(TimeDelta::hours(1));
    assert_eq!(rotated(&one, false).await.removed_count, 1);
    assert_eq!(data_keys(&one).await, [new]);
    assert_opens(&*place.started(&[FIRST]).await, 252).await;
}

#[tokio::test]
async fn an_interrupted_change_goes_on_with_the_same_key() {
    let place = Place::new();
    let app = place.started(&[FIRST]).await;
    store(&app, 0..250).await;
    let interrupted = async |after: u64| {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let mut tell = move |progress| {
            if matches!(progress, Progress::Resealed { count, .. } if count >= after) {
                asked.cancel();
            }
        };
        let rotation = Rotate { new_data_key: true, overlap: Duration::ZERO };
        rotate(&app, rotation, &stop, &mut tell).await.expect("what was done stands")
    };
    let report = interrupted(100).await;
    assert!(report.is_interrupted);
    assert_eq!(report.resealed_count, 100);
    let [old, new] = data_keys(&app).await[..] else { unreachable!("two keys") };
    assert_eq!((sealed_by(&app, old).await, sealed_by(&app, new).await), (150, 100));
    assert_opens(&app, 250).await;
    // A process that starts now reads both.
    assert_opens(&*place.started(&[FIRST]).await, 250).await;

    let report = interrupted(1_000).await;
    assert_eq!((report.is_interrupted, report.resealed_count), (false, 150));
    assert_eq!(data_keys(&app).await, [old, new], "no third key is made by going on");
    assert_eq!(sealed_by(&app, new).await, 250);
    rotated(&app, true).await;
    assert_eq!(data_keys(&app).await.len(), 3, "what is finished is followed by the next");
    assert_opens(&app, 250).await;
}

#[tokio::test]
async fn a_value_that_no_key_opens_is_named_and_stops_nothing_else() {
    let place = Place::new();
    let app = place.started(&[FIRST]).await;
    store(&app, 0..3).await;
    let broken = Uuid::from_u128(2);
    run(&app, "UPDATE system SET credentials = x'01ffff' WHERE id = ?", vec![broken.into()]).await;
    let report = rotated(&app, true).await;
    assert_eq!((report.resealed_count, report.unreadable_count), (2, 1));
    assert_eq!(report.unreadable, [Unreadable { column: "system.credentials".to_owned(), id: broken }]);
    assert_eq!(stored(&app).await[1].1, [1, 0xff, 0xff], "it is left alone");
    // The old key is not counted as empty, so it is never removed.
    place.pass(TimeDelta::days(2));
    assert_eq!(rotated(&app, false).await.removed_count, 0);
    assert_eq!(data_keys(&app).await.len(), 2);
}

#[tokio::test]
async fn there_are_so_many_data_keys_at_most() {
    let place = Place::new();
    let app = place.started(&[FIRST]).await;
    for _ in 1..DATA_KEYS_MAX {
        place.pass(TimeDelta::seconds(1));
        rotated(&app, true).await;
    }
    place.pass(TimeDelta::seconds(1));
    let rotation = Rotate { new_data_key: true, overlap: Duration::ZERO };
    let refused = rotate(&app, rotation, &CancellationToken::new(), &mut |_progress| {}).await;
    assert!(matches!(refused, Err(DataKeyError::TooMany)), "{refused:?}");
    place.pass(TimeDelta::days(1));
    rotated(&app, false).await;
    assert_eq!(data_keys(&app).await.len(), 1);
}
