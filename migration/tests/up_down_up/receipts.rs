//! That receipts survive being packed into blocks, and being unpacked again.

use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement};
use sea_orm_migration::MigratorTrait;

const PACKS: &str = "m20261126_000133_pack_receipts";

/// What is kept of a receipt.
#[derive(Debug, PartialEq, FromQueryResult)]
struct Receipt {
    stream: String,
    source_key: String,
    destination_key: Option<String>,
    payload_hash: Vec<u8>,
    action: String,
    run_id: sea_orm::prelude::Uuid,
    in_doubt: Option<Vec<u8>>,
}

/// Leaves the database as it was.
pub async fn survive_packing(db: &DatabaseConnection) {
    let all = Migrator::migrations();
    let place = all.iter().position(|migration| migration.name() == PACKS).expect("it is there");
    let newer = u32::try_from(all.len() - place).expect("few");
    Migrator::down(db, Some(newer)).await.expect("down");
    // More than are read at once, of two streams, in an order that differs between bytes and languages.
    let sql = "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 6999) \
        INSERT INTO write_receipt (tenant_id, integration_id, stream, source_key, destination_key, payload_hash, action, \
        run_id, written_at, in_doubt) \
        SELECT $1, $2, CASE n % 7 WHEN 0 THEN 'a' ELSE 'b' END, \
        CASE n % 3 WHEN 0 THEN 'Ä-' WHEN 1 THEN 'z-' ELSE 'A_' END || n, CASE n % 5 WHEN 0 THEN 'd' || n END, $3, \
        CASE n % 3 WHEN 0 THEN 'CREATED' WHEN 1 THEN 'UPDATED' ELSE 'UNCHANGED' END, CASE n % 2 WHEN 0 THEN $1 ELSE $2 END, \
        '2026-01-01T00:00:00+00:00', CASE n % 4 WHEN 0 THEN $4 END FROM n";
    let id = sea_orm::prelude::Uuid::from_u128;
    let values = [id(1).into(), id(2).into(), vec![3_u8; 16].into(), vec![4_u8; 24].into()];
    db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values))
        .await
        .expect("receipts are stored");
    let before = receipts(db).await;
    assert_eq!(before.len(), 7_000);

    Migrator::up(db, None).await.expect("up with receipts");
    let sql = "SELECT count(*) AS blocks, sum(entry_count) AS entries FROM receipt_block";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await.expect("a query").expect("a row");
    let count = |name| row.try_get::<i64>("", name).expect("a number");
    assert_eq!(count("entries"), 7_000);
    assert!((80..400).contains(&count("blocks")), "{} blocks", count("blocks"));

    Migrator::down(db, Some(newer)).await.expect("down with receipts");
    assert_eq!(receipts(db).await, before);
    db.execute_unprepared("DELETE FROM write_receipt").await.expect("receipts may be deleted");
    Migrator::up(db, None).await.expect("up again");
}

async fn receipts(db: &DatabaseConnection) -> Vec<Receipt> {
    let sql = "SELECT * FROM write_receipt ORDER BY stream, payload_hash, source_key";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Receipt::find_by_statement(statement).all(db).await.expect("a query")
}
