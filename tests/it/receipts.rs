//! Receipts on PostgreSQL, where the order of keys is not that in which they come: each is found again. Deliberately
//! absent: how they are stored, which `domain` tests on SQLite.

use serde_json::json;

use crate::harness::fixture::stream;
use crate::harness::outside::Outside;
use crate::harness::postgres::Database;
use crate::harness::trestle::Trestle;
use crate::scene::{Scene, ended, outcome, postgres_execute};

/// Two pages and a part.
const RECORDS: usize = 11_000;

#[tokio::test]
async fn strewn_keys_of_every_alphabet_are_known_again() {
    let trestle = Trestle::split(1).await;
    let (scene, database, outside) =
        (Scene::of(&trestle).await, Database::create().await, Outside::with_records(0));
    postgres_execute(
        &database,
        "CREATE TABLE orders (id text PRIMARY KEY, at int NOT NULL, amount int NOT NULL)",
    )
    .await;
    // Languages order these otherwise than bytes do.
    let rows = format!(
        "INSERT INTO orders SELECT (ARRAY['Ä-', 'a_', 'A ', 'ß\"', '\\'])[n % 5 + 1] || n, n * 7919 % {RECORDS}, n \
         FROM generate_series(1, {RECORDS}) AS n"
    );
    postgres_execute(&database, &rows).await;
    let mut moves = stream(json!({"table": "orders"}), outside.destination_options());
    moves["mode"] = json!("INCREMENTAL");
    moves["cursorField"] = json!("at");
    moves["mapping"] = json!("del(.at)");
    let (source, destination) = (scene.postgres_system(&database).await, scene.http_system(&outside).await);
    let integration = scene.integration(&source, &destination, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": RECORDS, "created": RECORDS})), "{run:#}");

    // All come again, in another order, and three with other contents.
    let requests = outside.requests().len();
    postgres_execute(&database, "UPDATE orders SET at = 100000 - at, amount = amount + CASE WHEN amount % 4000 = 1 THEN 1000000 ELSE 0 END").await;
    let run = scene.run(&integration).await;
    let counts = json!({"read": RECORDS, "updated": 3, "unchanged": RECORDS - 3});
    assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    assert_eq!(outside.requests().len() - requests, 3, "what is known is not sent");
    let changed =
        outside.records().values().filter(|record| record["amount"].as_i64() > Some(1_000_000)).count();
    assert_eq!((outside.records().len(), changed), (RECORDS, 3));
}
