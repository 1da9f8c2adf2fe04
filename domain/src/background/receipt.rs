//! The write ledger, in statements of one round trip a page on both databases. Raw SQL: the builders know neither
//! database's way to unfold one JSON parameter into rows, which is what keeps a page of thousands at one statement.

use std::collections::HashMap;

use entity::write_receipt::WriteAction;
use pipeline::{NewReceipt, PayloadHash, Receipt};
use sea_orm::{ActiveEnum, ConnectionTrait, DatabaseBackend, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use crate::error::{Doing, Error, Result};

/// The rows of one stream.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    pub(super) tenant_id: Uuid,
    pub(super) integration_id: Uuid,
    pub(super) name: &'a str,
}

/// The receipts of these keys.
pub(super) async fn lookup<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    run_id: Uuid,
    keys: &[&str],
) -> Result<HashMap<String, Receipt>> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DatabaseBackend::Postgres => {
            "SELECT source_key, payload_hash, run_id FROM write_receipt \
             WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3 \
             AND source_key = ANY (ARRAY(SELECT json_array_elements_text($4::text::json)))"
        }
        _ => {
            "SELECT source_key, payload_hash, run_id FROM write_receipt \
             WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3 \
             AND source_key IN (SELECT value FROM json_each($4))"
        }
    };
    let values: [Value; 4] = [
        stream.tenant_id.into(),
        stream.integration_id.into(),
        stream.name.into(),
        json!(keys).to_string().into(),
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
            let hash = <[u8; 16]>::try_from(hash.as_slice()).doing("reading a payload hash")?;
            let receipt = Receipt {
                payload_hash: PayloadHash::from_bytes(hash),
                written_in_this_run: written_by == run_id,
            };
            Ok((key, receipt))
        })
        .collect()
}

/// Stores receipts: new ones, and newer ones over older ones.
pub(super) async fn store<C: ConnectionTrait>(
    connection: &C,
    stream: Stream<'_>,
    run_id: Uuid,
    written_at: chrono::DateTime<chrono::Utc>,
    receipts: &[NewReceipt],
) -> Result<()> {
    if receipts.is_empty() {
        return Ok(());
    }
    // One statement can't touch a row twice; of two receipts of a key the later one stands.
    let latest: HashMap<&str, &NewReceipt> =
        receipts.iter().map(|receipt| (receipt.key.canonical(), receipt)).collect();
    let rows: Vec<_> = latest
        .values()
        .map(|receipt| {
            json!({
                "k": receipt.key.canonical(),
                "d": receipt.destination_key,
                "h": receipt.payload_hash.to_string(),
                "a": action(receipt.action).to_value(),
            })
        })
        .collect();
    let backend = connection.get_database_backend();
    let conflict = "ON CONFLICT (tenant_id, integration_id, stream, source_key) DO UPDATE SET \
         destination_key = COALESCE(excluded.destination_key, write_receipt.destination_key), \
         payload_hash = excluded.payload_hash, action = excluded.action, run_id = excluded.run_id, \
         written_at = excluded.written_at";
    let columns = "INSERT INTO write_receipt (tenant_id, integration_id, stream, source_key, destination_key, \
         payload_hash, action, run_id, written_at)";
    let sql = match backend {
        DatabaseBackend::Postgres => format!(
            "{columns} SELECT $1, $2, $3, r.k, r.d, decode(r.h, 'hex'), r.a, $4, $5 \
             FROM json_to_recordset($6::text::json) AS r(k text, d text, h text, a text) {conflict}"
        ),
        _ => format!(
            "{columns} SELECT $1, $2, $3, value ->> 'k', value ->> 'd', unhex(value ->> 'h'), value ->> 'a', $4, $5 \
             FROM json_each($6) WHERE true {conflict}"
        ),
    };
    let values: [Value; 6] = [
        stream.tenant_id.into(),
        stream.integration_id.into(),
        stream.name.into(),
        run_id.into(),
        written_at.into(),
        serde_json::Value::Array(rows).to_string().into(),
    ];
    connection
        .execute_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .doing("storing write receipts")?;
    Ok(())
}

/// Whether a stream has any receipt.
pub(super) async fn any<C: ConnectionTrait>(connection: &C, stream: Stream<'_>) -> Result<bool> {
    let sql =
        "SELECT 1 FROM write_receipt WHERE tenant_id = $1 AND integration_id = $2 AND stream = $3 LIMIT 1";
    let values: [Value; 3] = [stream.tenant_id.into(), stream.integration_id.into(), stream.name.into()];
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    Ok(connection.query_one_raw(statement).await.doing("looking for write receipts")?.is_some())
}

fn action(action: connector::Action) -> WriteAction {
    match action {
        connector::Action::Created => WriteAction::Created,
        connector::Action::Updated => WriteAction::Updated,
        connector::Action::Unchanged => WriteAction::Unchanged,
    }
}
