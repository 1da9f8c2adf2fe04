//! Receipts in SQLite; PostgreSQL has them in the tests of whole runs.

use std::collections::{BTreeMap, HashMap};

use connector::{Action, Record, RecordKey};
use migration::{Migrator, MigratorTrait};
use pipeline::{InDoubt, NewReceipt, PayloadHash, Receipt};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::json;
use uuid::Uuid;

use super::block::{self, Entry};
use super::{Known, STRIDE_MAX, Segments, Stream, Stride, known, lookup, put_in_doubt, settle, store};

const TENANT: Uuid = Uuid::from_u128(1);
const INTEGRATION: Uuid = Uuid::from_u128(2);
const FIRST: Uuid = Uuid::from_u128(3);
const SECOND: Uuid = Uuid::from_u128(4);
const ORDERS: Stream<'static> = Stream { tenant_id: TENANT, integration_id: INTEGRATION, name: "orders" };

async fn database() -> DatabaseConnection {
    let connection = Database::connect("sqlite::memory:").await.expect("memory is there");
    Migrator::up(&connection, None).await.expect("migrations run");
    // The parents of an integration do not matter here.
    connection.execute_unprepared("PRAGMA foreign_keys = off").await.expect("a setting");
    let (tenant, id) = (TENANT.simple(), INTEGRATION.simple());
    let sql = format!(
        "INSERT INTO integration (id, tenant_id, name, status, source_id, destination_id, streams, created_at, \
         updated_at) VALUES (x'{id}', x'{tenant}', 'i', 'ACTIVE', x'{id}', x'{id}', '[]', '2026-01-01', '2026-01-01')"
    );
    connection.execute_unprepared(&sql).await.expect("an integration");
    connection
}

fn receipt(key: &str, hash: u8, destination_key: Option<&str>, action: Action) -> NewReceipt {
    let record: Record = [("id".to_owned(), json!(key))].into_iter().collect();
    NewReceipt {
        key: RecordKey::of(&record, &["id".to_owned()]).expect("the key is there"),
        destination_key: destination_key.map(str::to_owned),
        payload_hash: PayloadHash::from_bytes([hash; 16]),
        action,
        retried: None,
    }
}

/// A page that is stored as if nothing was known of how its keys lie.
async fn stored(connection: &DatabaseConnection, run: Uuid, receipts: &[NewReceipt]) {
    store(connection, ORDERS, run, receipts, &Segments::default(), &Stride::default(), false)
        .await
        .expect("a page is stored");
}

async fn found(connection: &DatabaseConnection, run: Uuid, keys: &[&str]) -> HashMap<String, Receipt> {
    lookup(connection, ORDERS, run, keys, keys, &Stride::default()).await.expect("a query")
}

/// Everything that is stored, as it lies in its blocks.
async fn blocks(connection: &DatabaseConnection) -> Vec<(String, Vec<Entry>)> {
    let sql = "SELECT first_key, entries, entry_count FROM receipt_block ORDER BY first_key";
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let read = |row: sea_orm::QueryResult| {
        let bytes: Vec<u8> = row.try_get_by_index(1).expect("bytes");
        let entries = block::decode(&bytes).expect("a block");
        let count: i32 = row.try_get_by_index(2).expect("a number");
        assert_eq!(entries.len(), usize::try_from(count).expect("not negative"));
        (row.try_get_by_index(0).expect("a text"), entries)
    };
    connection.query_all_raw(statement).await.expect("a query").into_iter().map(read).collect()
}

async fn entries(connection: &DatabaseConnection) -> Vec<Entry> {
    blocks(connection).await.into_iter().flat_map(|(_first_key, entries)| entries).collect()
}

#[tokio::test]
async fn receipts_come_back_whatever_is_in_a_key_and_the_later_one_stands() {
    let connection = database().await;
    let awkward = ["", "NULL", "{a,b}", "\"quoted\"", "back\\slash", "new\nline", "'; --", "ä€😀", " x "];
    let created: Vec<NewReceipt> =
        (1..).zip(awkward).map(|(hash, key)| receipt(key, hash, None, Action::Created)).collect();
    let others = Stream { name: "other \"orders\"", ..ORDERS };
    let nothing = Known::default();
    assert_eq!(known(&connection, &[others, ORDERS]).await.expect("a query"), [nothing, nothing]);
    stored(&connection, FIRST, &created).await;
    let some = Known { any: true, ..nothing };
    assert_eq!(known(&connection, &[others, ORDERS]).await.expect("a query"), [nothing, some]);

    let keys: Vec<&str> = awkward.into_iter().chain(["unknown"]).collect();
    let receipts = found(&connection, FIRST, &keys).await;
    let hashes: HashMap<&str, u8> =
        receipts.iter().map(|(key, receipt)| (key.as_str(), receipt.payload_hash.to_bytes()[0])).collect();
    assert_eq!(hashes, awkward.into_iter().zip(1..).collect());
    assert!(receipts.values().all(|receipt| receipt.written_in_this_run));

    // Of two of a key the later one; a destination's key stays where a later receipt has none.
    let newer = [
        receipt("NULL", 50, Some("d, \"1\""), Action::Updated),
        receipt("", 51, None, Action::Unchanged),
        receipt("new", 52, Some("stale"), Action::Created),
        receipt("new", 53, Some("NULL"), Action::Updated),
    ];
    stored(&connection, SECOND, &newer).await;
    stored(&connection, SECOND, &[receipt("new", 54, None, Action::Unchanged)]).await;
    // One that is written again and has none has the key for its name.
    stored(&connection, SECOND, &[receipt("{a,b}", 55, Some("old"), Action::Created)]).await;
    stored(&connection, SECOND, &[receipt("{a,b}", 56, None, Action::Updated)]).await;
    let all = entries(&connection).await;
    assert_eq!(all.len(), awkward.len() + 1);
    let of = |key: &str| {
        let entry = all.iter().find(|entry| entry.key == key).expect("it is there");
        (entry.destination_key.as_deref(), entry.payload_hash.to_bytes()[0], entry.action, entry.run)
    };
    assert_eq!(of("NULL"), (Some("d, \"1\""), 50, Action::Updated, SECOND));
    assert_eq!(of(""), (None, 51, Action::Unchanged, SECOND));
    assert_eq!(of("new"), (Some("NULL"), 54, Action::Unchanged, SECOND));
    assert_eq!(of("{a,b}"), (None, 56, Action::Updated, SECOND));
    assert_eq!(of(" x "), (None, 9, Action::Created, FIRST));
    let again = found(&connection, SECOND, &["", " x "]).await;
    assert_eq!((again[""].written_in_this_run, again[" x "].written_in_this_run), (true, false));
}

#[tokio::test]
async fn what_is_in_doubt_is_known_until_a_receipt_says_what_is_there() {
    let connection = database().await;
    let keys = ["a", "\"b\"", "c"];
    let of = |hash| keys.map(|key| receipt(key, hash, None, Action::Created));
    stored(&connection, FIRST, &of(1)).await;
    let doubt = |hash, revision| InDoubt { payload_hash: PayloadHash::from_bytes([hash; 16]), revision };
    let writes = [("c", doubt(7, u64::MAX)), ("gone", doubt(8, 1)), ("\"b\"", doubt(9, 2))];
    put_in_doubt(&connection, ORDERS, &writes, &Stride::default()).await.expect("doubts are stored");
    let receipts = found(&connection, SECOND, &keys).await;
    assert_eq!(receipts.len(), 3, "what is gone does not come back");
    assert_eq!(keys.map(|key| receipts[key].in_doubt), [None, Some(doubt(9, 2)), Some(doubt(7, u64::MAX))]);
    assert!(receipts.values().all(|found| found.payload_hash == PayloadHash::from_bytes([1; 16])));
    assert!(receipts.values().all(|found| found.run == FIRST), "nobody has written them");

    stored(&connection, SECOND, &of(7)[2..]).await;
    let receipts = found(&connection, SECOND, &keys).await;
    assert_eq!(keys.map(|key| receipts[key].in_doubt.is_some()), [false, true, false]);
}

#[tokio::test]
async fn what_was_packed_when_blocks_came_is_read() {
    let connection = database().await;
    let newer = Migrator::migrations();
    let newer = newer.iter().rev().position(|migration| migration.name().ends_with("_pack_receipts"));
    let newer = u32::try_from(newer.expect("it is there") + 1).expect("few");
    Migrator::down(&connection, Some(newer)).await.expect("down");
    let sql = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 299) \
        INSERT INTO write_receipt (tenant_id, integration_id, stream, source_key, destination_key, payload_hash, \
        action, run_id, written_at, in_doubt) SELECT $1, $2, 'orders', 'ä-' || n, \
        CASE n % 2 WHEN 0 THEN 'd-' || n END, $3, 'UPDATED', $4, '2026-01-01', CASE n % 3 WHEN 0 THEN $5 END FROM n";
    let in_doubt = [[9; 16].as_slice(), &7_u64.to_be_bytes()].concat();
    let values = [TENANT.into(), INTEGRATION.into(), vec![8_u8; 16].into(), FIRST.into(), in_doubt.into()];
    let statement = sea_orm::Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    connection.execute_raw(statement).await.expect("receipts are stored");
    Migrator::up(&connection, None).await.expect("up");

    let all = entries(&connection).await;
    assert_eq!(all.len(), 300);
    let of =
        |number: usize| all.iter().find(|entry| entry.key == format!("ä-{number}")).expect("it is there");
    let hash = |byte| PayloadHash::from_bytes([byte; 16]);
    let in_doubt = Some(InDoubt { payload_hash: hash(9), revision: 7 });
    assert!(all.iter().all(|entry| entry.run == FIRST && entry.payload_hash == hash(8)));
    assert_eq!((of(0).destination_key.as_deref(), of(0).in_doubt), (Some("d-0"), in_doubt));
    assert_eq!((of(1).destination_key.as_deref(), of(1).in_doubt), (None, None));
    // And goes on from there.
    stored(&connection, SECOND, &[receipt("ä-150", 1, None, Action::Unchanged)]).await;
    assert_eq!(found(&connection, SECOND, &["ä-150", "ä-151"]).await.len(), 2);
    assert_eq!(entries(&connection).await.len(), 300);
}

#[tokio::test]
async fn a_tenant_cannot_have_receipts_for_the_integration_of_another() {
    let connection = database().await;
    let other = Stream { tenant_id: Uuid::from_u128(9), ..ORDERS };
    let receipts = [receipt("a", 1, None, Action::Created)];
    assert!(
        store(&connection, other, FIRST, &receipts, &Segments::default(), &Stride::default(), false)
            .await
            .is_err()
    );
    assert_eq!(entries(&connection).await, []);
}

/// Keys that lie in order, in disorder, between others and behind them, in pages of all sizes: what is found is what
/// was stored last, however many keys are asked for as one range.
#[tokio::test]
async fn receipts_are_found_however_their_keys_lie() {
    let connection = database().await;
    let mut random = StdRng::seed_from_u64(20_261_126);
    let mut numbers: Vec<u32> = (0..12_000).map(|number| number * 7).collect();
    numbers.shuffle(&mut random);
    let (strewn, rest) = numbers.split_at(2_000);
    let (orderly, between) = rest.split_at(6_000);
    let mut orderly = orderly.to_vec();
    orderly.sort_unstable();
    let pages = strewn.chunks(700).chain(orderly.chunks(2_500)).chain(between.chunks(1_500));
    let mut model: BTreeMap<String, (u8, Uuid)> = BTreeMap::new();
    let (stride, segments) = (Stride::default(), Segments::default());
    for (place, page) in (1..).zip(pages) {
        // Some that are there already come again.
        let again: Vec<String> = model.keys().filter(|_key| random.random_ratio(1, 50)).cloned().collect();
        let new = page.iter().map(|number| format!("{}-{number}", ["DE", "AT"][(number % 2) as usize]));
        let mut keys: Vec<String> = new.chain(again).collect();
        keys.shuffle(&mut random);
        let run = Uuid::from_u128(u128::from(place));
        let receipts: Vec<NewReceipt> =
            keys.iter().map(|key| receipt(key, place, None, Action::Created)).collect();
        store(&connection, ORDERS, run, &receipts, &segments, &stride, false)
            .await
            .expect("a page is stored");
        model.extend(keys.into_iter().map(|key| (key, (place, run))));
    }
    for size in [1, 7, STRIDE_MAX, 3_000] {
        let mut keys: Vec<&str> = model.keys().map(String::as_str).collect();
        if size != STRIDE_MAX {
            keys.shuffle(&mut random);
        }
        for page in keys[..size.max(600)].chunks(size) {
            let missing = ["DE-1", "AT-", "ZZ"];
            let asked: Vec<&str> = page.iter().copied().chain(missing).collect();
            let receipts =
                lookup(&connection, ORDERS, Uuid::nil(), &asked, &[], &stride).await.expect("a query");
            assert_eq!(receipts.len(), page.len());
            assert!(page.iter().all(|key| {
                let (hash, run) = model[*key];
                receipts[*key].payload_hash.to_bytes()[0] == hash && receipts[*key].run == run
            }));
        }
    }
    let blocks = blocks(&connection).await;
    assert!(blocks.iter().flat_map(|(_, entries)| entries.iter().map(|entry| &entry.key)).eq(model.keys()));
    assert_eq!(blocks[0].0, "");
    assert!(blocks[1..].iter().all(|(first_key, entries)| *first_key <= entries[0].key));
    let average = model.len() / blocks.len();
    assert!((20..90).contains(&average), "{average} receipts share a row");
}

async fn count(connection: &DatabaseConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.expect("a query").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

/// Pages of strewn keys, many of which come again: what is found is what was stored last, while they are kept as they
/// come, by the worker that does and by others, and when they are merged.
#[tokio::test]
async fn receipts_of_strewn_keys_are_found_before_and_after_they_are_merged() {
    let connection = database().await;
    let mut random = StdRng::seed_from_u64(20_261_127);
    let (stride, segments) = (Stride::default(), Segments::default());
    segments.open("orders");
    let mut model: BTreeMap<String, (u8, Option<String>)> = BTreeMap::new();
    let mut were_kept = false;
    for place in 0..40_u8 {
        let keys: std::collections::BTreeSet<u32> =
            (0..1_000).map(|_| random.random_range(0..30_000_u32)).collect();
        let mut receipts: Vec<NewReceipt> = keys
            .iter()
            .map(|number| {
                let (key, has_name) = (format!("ä-{number}"), random.random_ratio(1, 3));
                let action = [Action::Updated, Action::Unchanged][usize::from(random.random_bool(0.5))];
                receipt(&key, place, has_name.then(|| format!("d-{place}")).as_deref(), action)
            })
            .collect();
        receipts.shuffle(&mut random);
        for receipt in &receipts {
            let before = model.get(receipt.key.canonical()).and_then(|(_, name)| name.clone());
            let kept = before.filter(|_| receipt.action == Action::Unchanged);
            let name = receipt.destination_key.clone().or(kept);
            model.insert(receipt.key.canonical().to_owned(), (place, name));
        }
        let asked: Vec<&str> = receipts.iter().take(50).map(|receipt| receipt.key.canonical()).collect();
        store(&connection, ORDERS, FIRST, &receipts, &segments, &stride, false)
            .await
            .expect("a page is stored");
        were_kept |= segments.has("orders");
        let mine = segments.asked("orders", &asked);
        for strewn in [&mine, &asked] {
            let found = lookup(&connection, ORDERS, FIRST, &asked, strewn, &stride).await.expect("a query");
            assert!(asked.iter().all(|key| found[*key].payload_hash.to_bytes()[0] == place), "page {place}");
        }
    }
    assert!(were_kept && count(&connection, "receipt_segment").await > 0);
    let all = Known { any: true, segments: true };
    assert_eq!(known(&connection, &[ORDERS]).await.expect("a query"), [all]);

    // As another worker finds it.
    let others = Segments::default();
    while settle(&connection, ORDERS, None, &others, &stride).await.expect("it is merged") {}
    assert_eq!(count(&connection, "receipt_segment").await, 0);
    let merged: BTreeMap<String, (u8, Option<String>)> = entries(&connection)
        .await
        .into_iter()
        .map(|entry| (entry.key, (entry.payload_hash.to_bytes()[0], entry.destination_key)))
        .collect();
    assert!(merged == model, "{} receipts of {}", merged.len(), model.len());
}

#[tokio::test]
async fn a_range_that_is_full_is_merged_by_the_page_that_fills_it() {
    let connection = database().await;
    let (stride, segments) = (Stride::default(), Segments::default());
    segments.open("orders");
    let page = |page: u32, step: u32| -> Vec<NewReceipt> {
        (0..1_000).map(|n| receipt(&format!("{:08}", n * step + page), 1, None, Action::Created)).collect()
    };
    for number in 0..20 {
        store(&connection, ORDERS, FIRST, &page(number, 1_000), &segments, &stride, false)
            .await
            .expect("stored");
    }
    assert!(segments.has("orders"));
    // All in one range.
    let kept = count(&connection, "receipt_segment").await;
    for number in 0..12 {
        let receipts = page(10_000_000 + number * 2_000, 2);
        store(&connection, ORDERS, FIRST, &receipts, &segments, &stride, false).await.expect("stored");
    }
    assert!(count(&connection, "receipt_segment").await < kept + 60, "the last range was merged");
    let merged = entries(&connection).await.iter().filter(|entry| entry.key.as_str() >= "10000000").count();
    assert!(merged >= 10_000, "{merged}");
    assert!(!segments.close("orders"), "it is to be merged first");
    while settle(&connection, ORDERS, None, &segments, &stride).await.expect("it is merged") {}
    segments.open("orders");
    assert!(segments.close("orders"));
    assert_eq!(entries(&connection).await.len(), 32_000);
    for number in 20..40 {
        store(&connection, ORDERS, FIRST, &page(number, 1_000), &segments, &stride, false)
            .await
            .expect("stored");
    }
    assert_eq!(count(&connection, "receipt_segment").await, 0, "it keeps no more");
    assert_eq!(entries(&connection).await.len(), 52_000);
}

#[tokio::test]
async fn what_another_worker_of_the_run_has_written_meanwhile_is_told_and_in_doubt() {
    let connection = database().await;
    let beside = async |run, receipts: &[NewReceipt]| {
        let (segments, stride) = (Segments::default(), Stride::default());
        store(&connection, ORDERS, run, receipts, &segments, &stride, true).await.expect("stored")
    };
    let of = |key, hash| receipt(key, hash, None, Action::Created);
    assert!(beside(FIRST, &[of("a", 1), of("b", 1), of("c", 1)]).await.is_empty());
    assert!(beside(SECOND, &[of("b", 2)]).await.is_empty());
    let again = beside(SECOND, &[of("a", 3), of("b", 4), of("d", 4)]).await;
    assert_eq!(again, ["b"]);
    let found = found(&connection, SECOND, &["a", "b", "d"]).await;
    assert!(found.values().all(|receipt| receipt.written_in_this_run));
    let in_doubt = |key| found[key].in_doubt;
    assert_eq!((in_doubt("a"), in_doubt("d")), (None, None));
    // What is written next, whichever of both it is, is no attempt at what was sent before.
    let hash = |hash: u8| PayloadHash::from_bytes([hash; 16]);
    let doubt = in_doubt("b").expect("either may be there");
    assert_eq!(doubt.payload_hash, hash(4));
    assert_ne!(doubt.revision, 0);
    assert_ne!(found["b"].next(hash(2)).revision, doubt.revision);
}
