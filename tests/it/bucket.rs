//! Files in a bucket, packed and in columns, at both ends of an integration. Deliberately absent: what happens to a bucket
//! on a way that breaks, which `connector/tests` tries.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::fixture::stream;
use crate::harness::moto::{Moto, REGION};
use crate::harness::postgres::Database;
use crate::scene::{
    Scene, changed_stream, ended, into_table, outcome, postgres_execute, postgres_rows, text,
};

const SECRET: &str = "wJalrXUtnFEMI-bucket-secret";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn config(moto: &Moto, bucket: &str) -> Value {
    json!({"store": "s3", "bucket": bucket, "region": REGION, "endpoint": moto.url(), "prefix": "acme"})
}

async fn bucket_system(scene: &Scene, moto: &Moto, bucket: &str) -> String {
    moto.make_bucket(bucket).await;
    let credentials = json!({"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": SECRET});
    scene.fixture.system(&scene.tenant, "file", config(moto, bucket), credentials).await
}

async fn tested(client: &Client, system: &str) -> Value {
    let tested = client.mutate("testSystem", json!({"systemId": system}), "system { status config }").await;
    tested["system"].clone()
}

#[tokio::test]
async fn packed_files_of_a_bucket_arrive_in_postgres_each_once() {
    let (scene, moto, database) = (Scene::shared().await, Moto::start().await, Database::create().await);
    let bucket = bucket_system(&scene, &moto, "orders").await;
    let create = "CREATE TABLE orders (id text PRIMARY KEY, amount numeric(12,2) NOT NULL, at timestamptz)";
    postgres_execute(&database, create).await;
    let rows = |from: usize, to: usize| {
        let row = |id| format!("O-{id:05},{id}.25,2026-03-01T12:00:00+02:00\n");
        format!("id,amount,at\n{}", (from..to).map(row).collect::<String>())
    };
    // Two archives in one file, of which the second goes on in the middle of a record.
    let (first, second) = (rows(1, 3_000), "0.25,2026-03-01T12:00:00+02:00\nbroken\n");
    let content = [gzip(&format!("{first}O-03000,300")), gzip(second)].concat();
    moto.put_object("orders/acme/in/orders-1.csv.gz", content).await;
    moto.put_object("orders/acme/in/orders-2.csv.gz", gzip(&rows(3_001, 5_001))).await;
    moto.put_object("orders/other/in/orders-3.csv.gz", gzip(&rows(9_000, 9_001))).await;
    let postgres = scene.postgres_system(&database).await;
    let changes = json!({"mode": "INCREMENTAL", "cursorField": "at"});
    let moves = changed_stream(json!({"path": "in/orders-*.csv.gz"}), json!({"table": "orders"}), changes);
    let integration = scene.integration(&bucket, &postgres, moves).await;

    let run = scene.run(&integration).await;
    let counts = json!({"read": 5_001, "created": 5_000, "failed": 1});
    assert_eq!(outcome(&run), ended("PARTIAL", counts), "{run:#}");
    let failures = scene.fixture.failures(&text(&run["id"])).await;
    let summaries: Vec<&str> = failures.iter().map(|failure| failure["summary"].as_str().unwrap()).collect();
    assert_eq!(summaries.len(), 1);
    assert!(summaries[0].starts_with("The record at in/orders-1.csv.gz, line 3002"), "{summaries:?}");
    let all = "SELECT concat_ws('|', count(*), sum(amount), min(id), max(id)) FROM orders";
    let rows_now = postgres_rows(&database, all).await;
    assert_eq!(rows_now, ["5000|12503750.00|O-00001|O-05000"]);

    // Nothing new; then one that came late, with times that were there before.
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({})), "{run:#}");
    moto.put_object("orders/acme/in/orders-0.csv.gz", gzip(&rows(6_000, 6_010))).await;
    let run = scene.run(&integration).await;
    assert_eq!(outcome(&run), ended("SUCCEEDED", json!({"read": 10, "created": 10})), "{run:#}");
}

#[tokio::test]
async fn a_table_goes_to_parquet_in_a_bucket_and_comes_back_equal() {
    let (scene, moto) = (Scene::shared().await, Moto::start().await);
    let (from, to) = (Database::create().await, Database::create().await);
    let bucket = bucket_system(&scene, &moto, "lake").await;
    let create = "CREATE TABLE orders (
        id bigint PRIMARY KEY, amount numeric(12,2), exact numeric(30,10), paid boolean, at timestamptz, day date, uid uuid,
        detail jsonb, tags text[], note text, ratio double precision)";
    for database in [&from, &to] {
        postgres_execute(database, create).await;
    }
    postgres_execute(
        &from,
        "INSERT INTO orders SELECT n, n * 0.01, n + 0.0000000001, CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END,
            timestamptz '2026-01-01Z' + n * interval '1.000001 s', date '2026-01-01' + (n % 365)::int,
            md5(n::text)::uuid, CASE WHEN n % 5 > 0 THEN jsonb_build_object('n', n, 'list', jsonb_build_array(n, null, 'x')) END,
            ARRAY['a', 'ü ' || n], CASE WHEN n % 7 > 0 THEN 'line ' || n || E'\\n\"quoted\"' END, 1.0 / n
         FROM generate_series(1, 12000) AS n",
    )
    .await;
    let (source, destination) = (scene.postgres_system(&from).await, scene.postgres_system(&to).await);
    let columns = json!({"at": "timestamp", "day": "date", "uid": "uuid", "exact": "decimal(30,10)"});
    let there = scene
        .integration(
            &source,
            &bucket,
            stream(json!({"table": "orders"}), json!({"path": "out/orders.parquet", "columns": columns})),
        )
        .await;
    let back = scene
        .integration(
            &bucket,
            &destination,
            stream(json!({"path": "out/orders.parquet"}), json!({"table": "orders"})),
        )
        .await;

    for (integration, counts) in [
        (&there, json!({"read": 12_000, "created": 12_000})),
        (&back, json!({"read": 12_000, "created": 12_000})),
        // The same again changes nothing on either side.
        (&there, json!({"read": 12_000, "unchanged": 12_000})),
        (&back, json!({"read": 12_000, "unchanged": 12_000})),
    ] {
        let run = scene.run(integration).await;
        assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    }
    assert!(moto.object_bytes("lake/acme/out/orders.parquet").await.starts_with(b"PAR1"));
    let all = "SELECT o::text FROM orders AS o ORDER BY id";
    let (expected, found) = (postgres_rows(&from, all).await, postgres_rows(&to, all).await);
    assert_eq!(found.len(), 12_000);
    let different = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    assert_eq!(different, None);

    postgres_execute(&from, "UPDATE orders SET note = 'changed' WHERE id = 4711").await;
    for integration in [&there, &back] {
        let run = scene.run(integration).await;
        let counts = json!({"read": 12_000, "updated": 1, "unchanged": 11_999});
        assert_eq!(outcome(&run), ended("SUCCEEDED", counts), "{run:#}");
    }
}

#[tokio::test]
async fn a_bucket_is_tested_its_secret_stays_hidden_and_goes_nowhere_else() {
    let (scene, moto) = (Scene::shared().await, Moto::start().await);
    let bucket = bucket_system(&scene, &moto, "hidden").await;
    let admin = scene.admin();
    let system = tested(admin, &bucket).await;
    assert_eq!(system["status"], "HEALTHY", "{system:#}");
    assert!(!system.to_string().contains(SECRET));
    // Another endpoint gets no credentials that were entered for this one.
    let mut elsewhere = config(&moto, "hidden");
    elsewhere["endpoint"] = json!("http://127.0.0.1:1");
    let refused = admin.refused("updateSystem", json!({"systemId": bucket, "config": elsewhere})).await;
    assert_eq!(
        refused.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(),
        ["credentials"],
        "{refused:?}"
    );
    // A bucket that is not there is named.
    let credentials = json!({"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": SECRET});
    let missing =
        scene.fixture.system(&scene.tenant, "file", config(&moto, "no-such-bucket"), credentials).await;
    let system = tested(admin, &missing).await;
    assert_eq!(system["status"], "FAILING", "{system:#}");
    let moves = stream(json!({"path": "a.csv"}), into_table("records"));
    let sqlite = scene.sqlite_system("none.db").await;
    let integration = scene.integration(&bucket, &sqlite, moves).await;
    let run = scene.run(&integration).await;
    assert_eq!(
        (text(&run["status"]), text(&run["failure"]["code"])),
        ("FAILED".to_owned(), "source.not_found".to_owned())
    );
    assert!(!run.to_string().contains(SECRET));
}
