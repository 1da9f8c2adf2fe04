//! A table that is read in another order than that of its keys: what is known of its records is kept as it comes, and
//! merged. Deliberately absent: how (`domain/src/background/receipt`).

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::fixture::stream;
use crate::harness::postgres::Database;
use crate::harness::trestle::Trestle;
use crate::harness::wait::{SOON, until};
use crate::scene::{Scene, changed_stream, impatient, into_table, postgres_execute, postgres_rows, text};

/// Enough that a page of 5,000 has few of its keys in one block.
const ROWS: usize = 150_000;
const LIMIT: Duration = Duration::from_secs(120);

/// Whether receipts are kept as they came, and how many are where they belong.
async fn kept(trestle: &Trestle) -> String {
    let sql = "SELECT concat_ws(' ', count(*) > 0, (SELECT sum(entry_count) FROM receipt_block)) FROM receipt_segment";
    postgres_rows(&trestle.stores().database, sql).await.remove(0)
}

async fn finished(scene: &Scene, run: &str) -> Value {
    let is_over = |run: &Value| !matches!(run["status"].as_str(), Some("QUEUED" | "RUNNING"));
    until("the run ends", LIMIT, async || {
        let now = scene.fixture.run(run).await;
        if is_over(&now) { Ok(now) } else { Err(now) }
    })
    .await
}

#[tokio::test]
async fn a_strewn_load_is_interrupted_goes_on_and_is_known_afterwards() {
    let (source, destination) = (Database::create().await, Database::create().await);
    for sql in [
        "CREATE TABLE orders (id text PRIMARY KEY, n bigint NOT NULL, amount numeric NOT NULL)",
        &format!("INSERT INTO orders SELECT md5(n::text), n, n % 1000 FROM generate_series(1, {ROWS}) AS n"),
        "CREATE INDEX orders_by_n ON orders (n)",
    ] {
        postgres_execute(&source, sql).await;
    }
    postgres_execute(&destination, "CREATE TABLE orders (id text PRIMARY KEY, n bigint, amount numeric)")
        .await;
    let mut trestle = impatient().lease_seconds(2).split(1).await;
    let scene = Scene::of(&trestle).await;
    let (from, to) = (scene.postgres_system(&source).await, scene.postgres_system(&destination).await);
    let mut moves = stream(json!({"table": "orders"}), json!({"table": "orders"}));
    moves["mode"] = json!("INCREMENTAL");
    moves["cursorField"] = json!("n");
    let integration = scene.integration(&from, &to, moves).await;
    let run = scene.fixture.start_run(&integration).await;
    until("receipts are kept as they come", SOON, async || {
        let now = kept(&trestle).await;
        if now.starts_with('t') { Ok(()) } else { Err(now) }
    })
    .await;
    let next = trestle.add_worker();
    trestle.worker(next - 1).kill9();
    let ended = finished(&scene, &run).await;
    let counts = &ended["counts"];
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!((&counts["read"], &counts["failed"]), (&json!(ROWS), &json!(0)), "{ended:#}");
    let types = scene.event_types(&text(&ended["id"])).await;
    assert!(types.iter().any(|kind| kind == "run.taken_over"), "{types:?}");
    assert_eq!(postgres_rows(&destination, "SELECT count(*)::text FROM orders").await, [ROWS.to_string()]);
    // All is merged, and each is known once.
    assert_eq!(kept(&trestle).await, format!("f {ROWS}"));

    // What comes later, strewn among them, has its place too; and a whole reading changes nothing.
    postgres_execute(&source, &format!("UPDATE orders SET n = n + {ROWS}, amount = -1 WHERE n % 10 = 0"))
        .await;
    let changed = finished(&scene, &scene.fixture.start_run(&integration).await).await;
    // A page that was written by a worker that lost the run meanwhile is written again, and is as it should be.
    let counted = |name: &str| changed["counts"][name].as_u64().unwrap() as usize;
    assert_eq!(counted("updated") + counted("unchanged"), ROWS / 10, "{changed:#}");
    let there = "SELECT count(*)::text FROM orders WHERE amount = -1";
    assert_eq!(postgres_rows(&destination, there).await, [(ROWS / 10).to_string()]);
    assert_eq!(kept(&trestle).await, format!("f {ROWS}"));
}

/// A whole reading in disorder renews what is known of each record, also where that is kept as it came: nothing of it is
/// taken for gone.
#[tokio::test]
async fn what_is_gone_is_told_from_what_is_kept_as_it_came() {
    let scene = Scene::shared().await;
    let write = |rows: &mut dyn Iterator<Item = usize>| {
        // In the order of a product with a number that has no factor in common.
        let rows = rows.map(|row| vec![format!("{:09}", row * 7_919 % 1_000_003), row.to_string()]);
        scene.files.write_csv("in.csv", &["id", "n"], rows);
    };
    write(&mut (0..ROWS));
    let (files, sqlite) = (scene.file_system().await, scene.sqlite_system("out.db").await);
    let changes = json!({"deletions": {"action": "DELETE"}});
    let moves = changed_stream(json!({"path": "in.csv"}), into_table("records"), changes);
    let integration = scene.integration(&files, &sqlite, moves).await;
    let first = finished(&scene, &scene.fixture.start_run(&integration).await).await;
    assert_eq!(first["counts"]["created"], ROWS, "{first:#}");
    write(&mut (0..ROWS).filter(|row| row % 1_000 != 7));
    let second = finished(&scene, &scene.fixture.start_run(&integration).await).await;
    let gone = ROWS / 1_000;
    assert_eq!(second["counts"]["unchanged"], ROWS - gone, "{second:#}");
    let query = "query($id: ID!) { run(id: $id) { status counts { deleted } } }";
    let run = scene.admin().query(query, json!({"id": second["id"]})).await["run"].clone();
    assert_eq!(run, json!({"status": "SUCCEEDED", "counts": {"deleted": gone}}));
    let left = "SELECT count(*) || ' ' || count(*) FILTER (WHERE n % 1000 = 7) FROM records";
    assert_eq!(scene.sqlite_rows("out.db", left).await, [format!("{} 0", ROWS - gone)]);
}
