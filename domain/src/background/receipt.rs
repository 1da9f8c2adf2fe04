//! The write ledger, in statements of one round trip a page on both databases. Raw SQL: the builders know neither
//! database's way to unfold one parameter into rows, which is what keeps a page of thousands at one statement. Columns
//! travel apart, as one array of keys and one string of bytes for all hashes: that is several times cheaper for both
//! sides than an object for each row.

use std::collections::{HashMap, HashSet};

use entity::write_receipt::WriteAction;
use pipeline::{InDoubt, NewReceipt, PayloadHash, Receipt};
use sea_orm::{
    ActiveEnum, ConnectionTrait, DatabaseBackend, DbErr, SqlErr, Statement, TransactionSession,
    TransactionTrait, Value,
};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Doing, Error, Result};

/// Length of a payload hash.
const HASH_BYTES: usize = 16;

/// Length of what is in doubt: a payload hash, and a revision in big-endian.
const DOUBT_BYTES: usize = HASH_BYTES + 8;

/// The rows of one stream.
#[derive(Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) tenant_id: Uuid,
    pub(crate) integration_id: Uuid,
    pub(crate) name: &'a str,
}

/// The receipts of these keys.
pub(crate) async fn lookup<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    run_id: Uuid,
    keys: &[&str],
) -> Result<HashMap<String, Receipt>> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Postgres => {
            // LIMIT makes it one search in the index for each key, whatever the statistics of a table that has
            // just begun to grow say.
            "SELECT w.source_key, w.payload_hash, w.run_id, w.in_doubt FROM unnest($4::text::text[]) AS k(source_key) \
             CROSS JOIN LATERAL (SELECT * FROM write_receipt AS r WHERE r.tenant_id = $1 \
             AND r.integration_id = $2 AND r.stream = $3 AND r.source_key = k.source_key LIMIT 1) AS w"
        }
        _ => {
            "SELECT source_key, payload_hash, run_id, in_doubt FROM write_receipt \
             WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3 \
             AND source_key IN (SELECT value FROM json_each($4))"
        }
    };
    let values: [Value; 4] = [
        stream.tenant_id.into(),
        stream.integration_id.into(),
        stream.name.into(),
        match backend {
            DatabaseBackend::Postgres => array(keys.iter().map(|key| Some(*key))),
            _ => json!(keys).to_string(),
        }
        .into(),
    ];
    let rows = connection
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .doing("reading write receipts")?;
    rows.into_iter()
        .map(|row| {
            let read = |source| Error::internal("reading write receipts", source);
            let key: String = row.try_get_by_index(0).map_err(read)?;
            let hash: Vec<u8> = row.try_get_by_index(1).map_err(read)?;
            let written_by: Uuid = row.try_get_by_index(2).map_err(read)?;
            let in_doubt: Option<Vec<u8>> = row.try_get_by_index(3).map_err(read)?;
            let receipt = Receipt {
                payload_hash: payload_hash(&hash)?,
                run: written_by,
                written_in_this_run: written_by == run_id,
                in_doubt: in_doubt.as_deref().map(doubt).transpose()?,
            };
            Ok((key, receipt))
        })
        .collect()
}

/// Stores of receipts what is about to be written over what they say. That a receipt is gone meanwhile is no error: its
/// record is then written whatever it is.
pub(super) async fn put_in_doubt<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    writes: &[(&str, InDoubt)],
) -> Result<()> {
    let backend = connection.get_database_backend();
    let mut doubts = Vec::with_capacity(writes.len() * DOUBT_BYTES);
    for (_key, in_doubt) in writes {
        doubts.extend_from_slice(&in_doubt.payload_hash.to_bytes());
        doubts.extend_from_slice(&in_doubt.revision.to_be_bytes());
    }
    let keys = writes.iter().map(|(key, _in_doubt)| *key);
    let (sql, keys) = match backend {
        DatabaseBackend::Postgres => {
            // One search in the index for each key, as in `lookup`. That a row moves in between, and is missed, takes
            // somebody who writes receipts of this integration without its lease.
            let sql = format!(
                "UPDATE write_receipt AS w SET in_doubt = substr($5, (f.n::int - 1) * {DOUBT_BYTES} + 1, {DOUBT_BYTES}) \
                 FROM unnest($4::text::text[]) WITH ORDINALITY AS k(source_key, n) \
                 CROSS JOIN LATERAL (SELECT r.ctid AS at, k.n FROM write_receipt AS r WHERE r.tenant_id = $1 \
                   AND r.integration_id = $2 AND r.stream = $3 AND r.source_key = k.source_key LIMIT 1) AS f \
                 WHERE w.ctid = f.at"
            );
            (sql, array(keys.map(Some)))
        }
        _ => {
            let sql = format!(
                "UPDATE write_receipt AS w SET in_doubt = substr($5, k.key * {DOUBT_BYTES} + 1, {DOUBT_BYTES}) \
                 FROM json_each($4) AS k \
                 WHERE w.tenant_id = $1 AND w.integration_id = $2 AND w.stream = $3 AND w.source_key = k.value"
            );
            (sql, json!(keys.collect::<Vec<_>>()).to_string())
        }
    };
    let values: [Value; 5] = [
        stream.tenant_id.into(),
        stream.integration_id.into(),
        stream.name.into(),
        keys.into(),
        doubts.into(),
    ];
    let doing = "storing which receipts are in doubt";
    connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.doing(doing)?;
    Ok(())
}

fn payload_hash(bytes: &[u8]) -> Result<PayloadHash> {
    Ok(PayloadHash::from_bytes(<[u8; HASH_BYTES]>::try_from(bytes).doing("reading a payload hash")?))
}

fn doubt(bytes: &[u8]) -> Result<InDoubt> {
    let (hash, revision) = bytes.split_at(HASH_BYTES.min(bytes.len()));
    let revision = <[u8; 8]>::try_from(revision).doing("reading what is in doubt")?;
    Ok(InDoubt { payload_hash: payload_hash(hash)?, revision: u64::from_be_bytes(revision) })
}

/// A page of receipts of one stream, about to be stored.
#[derive(Clone, Copy)]
pub(super) struct ReceiptPage<'a> {
    pub(super) stream: Stream<'a>,
    pub(super) run_id: Uuid,
    pub(super) written_at: chrono::DateTime<chrono::Utc>,
    pub(super) receipts: &'a [NewReceipt],
}

/// Stores receipts: new ones, and newer ones over older ones. No foreign key stands behind them, so the integration is
/// looked up here.
///
/// # Errors
/// Storage; or the tenant has no such integration, and nothing is stored.
pub(super) async fn store<C: ConnectionTrait>(connection: &C, page: ReceiptPage<'_>) -> Result<()> {
    let conflict = "ON CONFLICT (tenant_id, integration_id, stream, source_key) DO UPDATE SET \
         destination_key = COALESCE(excluded.destination_key, write_receipt.destination_key), \
         payload_hash = excluded.payload_hash, action = excluded.action, run_id = excluded.run_id, \
         written_at = excluded.written_at, in_doubt = NULL";
    page.insert(connection, conflict).await.doing("storing write receipts")
}

/// Stores receipts of records that have none, which is half the work for PostgreSQL. False, and nothing is stored,
/// when one has.
///
/// # Errors
/// As [`store`].
pub(super) async fn store_new<C: TransactionTrait>(connection: &C, page: ReceiptPage<'_>) -> Result<bool> {
    let doing = "storing new write receipts";
    let savepoint = connection.begin().await.doing(doing)?;
    match page.insert(&savepoint, "").await {
        Ok(()) => {
            savepoint.commit().await.doing(doing)?;
            Ok(true)
        }
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            savepoint.rollback().await.doing(doing)?;
            Ok(false)
        }
        Err(error) => Err(Error::internal(doing, error)),
    }
}

impl ReceiptPage<'_> {
    /// `RecordNotInserted` when the tenant has no such integration.
    async fn insert<C: ConnectionTrait>(
        self,
        connection: &C,
        conflict: &str,
    ) -> std::result::Result<(), DbErr> {
        let Self { stream, run_id, written_at, receipts } = self;
        if receipts.is_empty() {
            return Ok(());
        }
        // One statement can't touch a row twice; of two receipts of a key the later one stands.
        let mut seen = HashSet::with_capacity(receipts.len());
        let mut latest: Vec<&NewReceipt> =
            receipts.iter().rev().filter(|receipt| seen.insert(receipt.key.canonical())).collect();
        latest.reverse();
        let mut hashes = Vec::with_capacity(latest.len() * HASH_BYTES);
        for receipt in &latest {
            hashes.extend_from_slice(&receipt.payload_hash.to_bytes());
        }
        let actions: Vec<u8> = latest.iter().map(|receipt| code(receipt.action)).collect();
        let backend = connection.get_database_backend();
        let keys = latest.iter().map(|receipt| receipt.key.canonical());
        let destination_keys = latest.iter().map(|receipt| receipt.destination_key.as_deref());
        let named = latest.iter().any(|receipt| receipt.destination_key.is_some());
        let columns = "INSERT INTO write_receipt (tenant_id, integration_id, stream, source_key, destination_key, \
         payload_hash, action, run_id, written_at)";
        let [created, updated, unchanged] =
            [WriteAction::Created, WriteAction::Updated, WriteAction::Unchanged]
                .map(|action| action.to_value());
        let (sql, keys, destination_keys) = match backend {
            DatabaseBackend::Postgres => {
                let sql = format!(
                    "{columns} SELECT i.tenant_id, i.id, $3, r.k, r.d, \
                 substr($6, (r.n::int - 1) * {HASH_BYTES} + 1, {HASH_BYTES}), \
                 CASE get_byte($7, r.n::int - 1) WHEN 0 THEN '{created}' WHEN 1 THEN '{updated}' \
                 ELSE '{unchanged}' END, $4, $5 \
                 FROM integration AS i, unnest($8::text::text[], $9::text::text[]) WITH ORDINALITY AS r(k, d, n) \
                 WHERE i.tenant_id = $1 AND i.id = $2 {conflict}"
                );
                (sql, array(keys.map(Some)), named.then(|| array(destination_keys)))
            }
            _ => {
                // Pairs only where there is a second one: reading them costs more than the rest.
                let (pair, keys) = if named {
                    ("value ->> 0, value ->> 1", json!(keys.zip(destination_keys).collect::<Vec<_>>()))
                } else {
                    ("value, NULL", json!(keys.collect::<Vec<_>>()))
                };
                let sql = format!(
                    "{columns} SELECT i.tenant_id, i.id, $3, {pair}, substr($6, key * {HASH_BYTES} + 1, {HASH_BYTES}), \
                 CASE substr($7, key + 1, 1) WHEN x'00' THEN '{created}' WHEN x'01' THEN '{updated}' \
                 ELSE '{unchanged}' END, $4, $5 FROM integration AS i, json_each($8) \
                 WHERE i.tenant_id = $1 AND i.id = $2 {conflict}"
                );
                (sql, keys.to_string(), None)
            }
        };
        let mut values: Vec<Value> = vec![
            stream.tenant_id.into(),
            stream.integration_id.into(),
            stream.name.into(),
            run_id.into(),
            written_at.into(),
            hashes.into(),
            actions.into(),
            keys.into(),
        ];
        if backend == DatabaseBackend::Postgres {
            values.push(destination_keys.into());
        }
        let stored = connection.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        if stored.rows_affected() == latest.len() as u64 { Ok(()) } else { Err(DbErr::RecordNotInserted) }
    }
}

/// Whether any receipt of each of these streams exists, in their order.
pub(super) async fn known<C: ConnectionTrait>(connection: &C, streams: &[Stream<'_>]) -> Result<Vec<bool>> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        // LIMIT makes it one search in the index for each stream.
        DatabaseBackend::Postgres => {
            "SELECT v.place FROM json_to_recordset($1::text::json) \
               AS v(place int8, tenant uuid, integration uuid, stream text) \
             CROSS JOIN LATERAL (SELECT 1 FROM write_receipt AS r WHERE r.tenant_id = v.tenant \
             AND r.integration_id = v.integration AND r.stream = v.stream LIMIT 1) AS w"
        }
        _ => {
            "SELECT v.value ->> 'place' FROM json_each($1) AS v WHERE EXISTS (SELECT 1 FROM write_receipt AS r \
             WHERE r.tenant_id = unhex(v.value ->> 'tenant') \
             AND r.integration_id = unhex(v.value ->> 'integration') AND r.stream = v.value ->> 'stream')"
        }
    };
    let rows: Vec<serde_json::Value> = streams
        .iter()
        .enumerate()
        .map(|(place, stream)| {
            let id = |id: Uuid| id.simple().to_string();
            json!({
                "place": place, "tenant": id(stream.tenant_id), "integration": id(stream.integration_id),
                "stream": stream.name,
            })
        })
        .collect();
    let statement = Statement::from_sql_and_values(backend, sql, [json!(rows).to_string().into()]);
    let mut known = vec![false; streams.len()];
    for row in connection.query_all_raw(statement).await.doing("looking for write receipts")? {
        let place: i64 = row.try_get_by_index(0).doing("looking for write receipts")?;
        if let Some(known) = usize::try_from(place).ok().and_then(|place| known.get_mut(place)) {
            *known = true;
        }
    }
    Ok(known)
}

/// Texts as PostgreSQL reads an array.
fn array<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> String {
    // https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    let mut literal = String::from("{");
    for text in texts {
        if literal.len() > 1 {
            literal.push(',');
        }
        let Some(text) = text else {
            literal.push_str("NULL");
            continue;
        };
        literal.push('"');
        let mut rest = text;
        while let Some(at) = rest.find(['"', '\\']) {
            literal.push_str(&rest[..at]);
            literal.push('\\');
            literal.push_str(&rest[at..=at]);
            rest = &rest[at + 1..];
        }
        literal.push_str(rest);
        literal.push('"');
    }
    literal.push('}');
    literal
}

fn code(action: connector::Action) -> u8 {
    match action {
        connector::Action::Created => 0,
        connector::Action::Updated => 1,
        connector::Action::Unchanged => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use connector::{Action, Record, RecordKey};
    use migration::{Migrator, MigratorTrait};
    use pipeline::{InDoubt, NewReceipt, PayloadHash};
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
    use serde_json::json;
    use uuid::Uuid;

    use super::{ReceiptPage, Stream, known, lookup, put_in_doubt, store, store_new};

    const TENANT: Uuid = Uuid::from_u128(1);
    const INTEGRATION: Uuid = Uuid::from_u128(2);
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

    fn page(run_id: Uuid, receipts: &[NewReceipt]) -> ReceiptPage<'_> {
        ReceiptPage { stream: ORDERS, run_id, written_at: chrono::DateTime::UNIX_EPOCH, receipts }
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

    async fn rows(connection: &DatabaseConnection) -> Vec<(String, Option<String>, u8, String)> {
        let sql =
            "SELECT source_key, destination_key, payload_hash, action FROM write_receipt ORDER BY source_key";
        let rows =
            connection.query_all_raw(sea_orm::Statement::from_string(connection.get_database_backend(), sql));
        let read = |row: sea_orm::QueryResult| {
            let hash: Vec<u8> = row.try_get_by_index(2).expect("a hash");
            assert_eq!(hash, [hash[0]; 16]);
            let text = |index| row.try_get_by_index::<String>(index).expect("a text");
            (text(0), row.try_get_by_index(1).expect("a text or null"), hash[0], text(3))
        };
        rows.await.expect("a query").into_iter().map(read).collect()
    }

    #[tokio::test]
    async fn receipts_come_back_whatever_is_in_a_key_and_the_later_one_stands() {
        let connection = database().await;
        let (first, second) = (Uuid::from_u128(3), Uuid::from_u128(4));
        let awkward = ["", "NULL", "{a,b}", "\"quoted\"", "back\\slash", "new\nline", "'; --", "ä€😀", " x "];
        let created: Vec<NewReceipt> =
            (1..).zip(awkward).map(|(hash, key)| receipt(key, hash, None, Action::Created)).collect();
        let others = Stream { name: "other \"orders\"", ..ORDERS };
        assert_eq!(known(&connection, &[others, ORDERS]).await.expect("a query"), [false, false]);
        store(&connection, page(first, &created)).await.expect("a page is stored");
        assert_eq!(known(&connection, &[others, ORDERS]).await.expect("a query"), [false, true]);

        let keys: Vec<&str> = awkward.into_iter().chain(["unknown"]).collect();
        let found = lookup(&connection, ORDERS, first, &keys).await.expect("a query");
        let hashes: HashMap<&str, u8> =
            found.iter().map(|(key, receipt)| (key.as_str(), receipt.payload_hash.to_bytes()[0])).collect();
        assert_eq!(hashes, awkward.into_iter().zip(1..).collect());
        assert!(found.values().all(|receipt| receipt.written_in_this_run));

        // Of two of a key the later one; a destination's key stays where a later receipt has none.
        let newer = [
            receipt("NULL", 50, Some("d, \"1\""), Action::Updated),
            receipt("", 51, None, Action::Unchanged),
            receipt("new", 52, Some("stale"), Action::Created),
            receipt("new", 53, Some("NULL"), Action::Updated),
        ];
        store(&connection, page(second, &newer)).await.expect("a page is stored");
        store(&connection, page(second, &[receipt("new", 54, None, Action::Unchanged)]))
            .await
            .expect("a page is stored");
        let stored = rows(&connection).await;
        let of = |key: &str| {
            stored.iter().find(|row| row.0 == key).map(|row| (row.1.as_deref(), row.2, row.3.as_str()))
        };
        assert_eq!(stored.len(), awkward.len() + 1);
        assert_eq!(of("NULL"), Some((Some("d, \"1\""), 50, "UPDATED")));
        assert_eq!(of(""), Some((None, 51, "UNCHANGED")));
        assert_eq!(of("new"), Some((Some("NULL"), 54, "UNCHANGED")));
        assert_eq!(of(" x "), Some((None, 9, "CREATED")));
        let again = lookup(&connection, ORDERS, second, &["", " x "]).await.expect("a query");
        assert_eq!((again[""].written_in_this_run, again[" x "].written_in_this_run), (true, false));
    }

    #[tokio::test]
    async fn what_is_in_doubt_is_known_until_a_receipt_says_what_is_there() {
        let connection = database().await;
        let (first, second) = (Uuid::from_u128(3), Uuid::from_u128(4));
        let keys = ["a", "\"b\"", "c"];
        let of = |hash| keys.map(|key| receipt(key, hash, None, Action::Created));
        store(&connection, page(first, &of(1))).await.expect("a page is stored");
        let doubt = |hash, revision| InDoubt { payload_hash: PayloadHash::from_bytes([hash; 16]), revision };
        let writes = [("c", doubt(7, u64::MAX)), ("gone", doubt(8, 1)), ("\"b\"", doubt(9, 2))];
        put_in_doubt(&connection, ORDERS, &writes).await.expect("doubts are stored");
        let found = lookup(&connection, ORDERS, second, &keys).await.expect("a query");
        assert_eq!(found.len(), 3, "what is gone does not come back");
        assert_eq!(keys.map(|key| found[key].in_doubt), [None, Some(doubt(9, 2)), Some(doubt(7, u64::MAX))]);
        assert!(found.values().all(|found| found.payload_hash == PayloadHash::from_bytes([1; 16])));
        assert!(found.values().all(|found| found.run == first), "nobody has written them");

        store(&connection, page(second, &of(7)[2..])).await.expect("a page is stored");
        let found = lookup(&connection, ORDERS, second, &keys).await.expect("a query");
        assert_eq!(keys.map(|key| found[key].in_doubt.is_some()), [false, true, false]);
    }

    #[tokio::test]
    async fn a_tenant_cannot_have_receipts_for_the_integration_of_another() {
        let connection = database().await;
        let other = Stream { tenant_id: Uuid::from_u128(9), ..ORDERS };
        let receipts = [receipt("a", 1, None, Action::Created)];
        let page = ReceiptPage { stream: other, ..page(Uuid::nil(), &receipts) };
        assert!(store(&connection, page).await.is_err());
        assert!(store_new(&connection, page).await.is_err());
        assert_eq!(rows(&connection).await, []);
    }

    #[tokio::test]
    async fn new_receipts_are_stored_together_or_not_at_all() {
        let connection = database().await;
        let run = Uuid::from_u128(3);
        let of = |keys: [&str; 2]| keys.map(|key| receipt(key, 1, None, Action::Created));
        let transaction = connection.begin().await.expect("a transaction");
        assert!(store_new(&transaction, page(run, &of(["a", "b"]))).await.expect("a page is stored"));
        assert!(!store_new(&transaction, page(run, &of(["c", "b"]))).await.expect("the transaction goes on"));
        assert!(store_new(&transaction, page(run, &of(["d", "e"]))).await.expect("a page is stored"));
        transaction.commit().await.expect("a commit");
        let keys: Vec<String> = rows(&connection).await.into_iter().map(|row| row.0).collect();
        assert_eq!(keys, ["a", "b", "d", "e"]);
    }
}
