//! Divides a table into ranges of its keys, by a sample of its pages: any type of key, and several columns of them, cut
//! where the rows are. Deliberately absent: queries and views, of which no sample can be taken without reading them.

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::connection::{self, Use, literal, misconfigured, quoted, system_error};
use super::source::{KeysetColumn, Options, Watermark, describe, keyset};
use crate::division::part_count;
use crate::{Division, Egress, OpenSource, SyncMode, SystemError, SystemErrorKind, options};

/// Rows of a sample: some hundred for each of the parts, so that they differ by a tenth or so.
const SAMPLE_ROWS: f64 = 30_000.0;

/// Rows whose keys are in a range. Those with a null in a key are in the part without `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRange {
    /// The key columns, in their order.
    columns: Vec<String>,
    /// The first keys, as PostgreSQL writes them; `None` begins with the first there are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) from: Option<Vec<String>>,
    /// The keys behind the last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until: Option<Vec<String>>,
}

impl KeyRange {
    fn between(columns: &[String], bounds: Vec<Vec<String>>) -> Vec<Self> {
        let from = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let until = bounds.iter().cloned().map(Some).chain([None]);
        from.zip(until).map(|(from, until)| Self { columns: columns.to_vec(), from, until }).collect()
    }

    /// That the keys of a row are in it, as conditions on rows that have no null in a key.
    ///
    /// # Errors
    /// `Misconfigured` when it was planned for other key fields.
    pub(super) fn conditions(
        &self,
        alias: &str,
        keyset: &[KeysetColumn],
    ) -> Result<Vec<String>, SystemError> {
        let keys = keyset.get(..self.columns.len()).unwrap_or_default();
        if self.columns.is_empty() || !self.columns.iter().eq(keys.iter().map(|key| &key.name)) {
            return Err(misconfigured("the part was planned with other key fields")
                .with_hint("the key fields of the stream were changed; cancel the run and start it anew"));
        }
        let order: Vec<String> = keys.iter().map(|key| format!("{alias}.{}", quoted(&key.name))).collect();
        let compared = |operator: &str, values: &Vec<String>| {
            let typed =
                values.iter().zip(keys).map(|(value, key)| format!("{}::{}", literal(value), key.type_name));
            format!("({}) {operator} ({})", order.join(", "), typed.collect::<Vec<_>>().join(", "))
        };
        let from = self.from.iter().map(|from| compared(">=", from));
        Ok(from.chain(self.until.iter().map(|until| compared("<", until))).collect())
    }
}

/// The parts of a table; `None` where it is not worth it, or can't be.
pub(super) async fn divide(egress: &Egress, open: &OpenSource) -> Result<Option<Division>, SystemError> {
    let options: Options = options::decode("source options", &open.options)?;
    let (Some(table), false) = (&options.table, options.slices == Some(1) || open.from.is_some()) else {
        return Ok(None);
    };
    let (mut connection, config) = connection::connect(egress, &open.access, Use::Read).await?;
    let (schema, table) = connection::table_name(&config, table)?;
    let name = format!("{}.{}", quoted(&schema), quoted(&table));
    if !can_be_sampled(&mut connection, &name).await? {
        return Ok(None);
    }
    let rows = estimated_rows(&mut connection, &name).await?;
    let count = part_count(options.slices, rows);
    if count < 2 {
        return Ok(None);
    }
    // Before anything is read, so that what is written from here on is newer.
    let watermark = match (open.stream.mode, &open.stream.cursor_field) {
        (SyncMode::Full, _) => None,
        (SyncMode::Incremental, None) => return Ok(None),
        (SyncMode::Incremental, Some(cursor)) => match newest(&mut connection, &name, cursor).await? {
            Some(value) => Some(Watermark { columns: vec![cursor.clone()], values: vec![value] }),
            None => return Ok(None),
        },
    };
    let (columns, oids) = describe(&mut connection, &name).await?;
    let keys: Vec<&String> = open.stream.key_fields.iter().collect();
    let keyset = keyset(&mut connection, &columns, &oids, &keys, Some(&name)).await?;
    let bounds = bounds(&mut connection, &name, &keyset, rows, count).await?;
    Division::of(&KeyRange::between(&open.stream.key_fields, bounds), watermark)
}

/// Tables, also partitioned ones, and materialized views.
async fn can_be_sampled(connection: &mut PgConnection, name: &str) -> Result<bool, SystemError> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'm', 'p'))";
    let failed = |error| system_error("looking at a table", error);
    let row = sqlx::query(sql).bind(name).fetch_one(connection).await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// What the planner thinks: it also looks how large a table is that nobody has analyzed.
async fn estimated_rows(connection: &mut PgConnection, name: &str) -> Result<u64, SystemError> {
    let failed = |error| system_error("estimating the rows of a table", error);
    let sql = format!("EXPLAIN (FORMAT JSON) SELECT 1 FROM {name}");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(failed)?;
    let plan: serde_json::Value = row.try_get(0).map_err(failed)?;
    let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, which saturates"
    )]
    rows.map(|rows| rows as u64).ok_or_else(|| {
        SystemError::new(SystemErrorKind::Malformed, "the server's plan has no number of rows")
    })
}

async fn newest(
    connection: &mut PgConnection,
    name: &str,
    cursor: &str,
) -> Result<Option<String>, SystemError> {
    let failed = |error| system_error("reading the newest row", error);
    // By the column, and not by its text, which has the same name.
    let cursor = format!("trestle_source.{}", quoted(cursor));
    let sql = format!(
        "SELECT {cursor}::text FROM {name} AS trestle_source WHERE {cursor} IS NOT NULL \
         ORDER BY {cursor} DESC LIMIT 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| row.try_get(0).map_err(failed)).transpose()
}

/// Keys that cut a sample into parts of the same size, each once and in their order.
async fn bounds(
    connection: &mut PgConnection,
    name: &str,
    keyset: &[KeysetColumn],
    rows: u64,
    count: usize,
) -> Result<Vec<Vec<String>>, SystemError> {
    let failed = |error| system_error("taking a sample of a table", error);
    #[expect(clippy::cast_precision_loss, reason = "a share of an estimate")]
    let percent = (SAMPLE_ROWS * 100.0 / (rows.max(1) as f64)).min(100.0);
    let columns: Vec<String> = keyset.iter().map(|key| quoted(&key.name)).collect();
    let texts: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
    let not_null: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let order = columns.join(", ");
    let sql = format!(
        "SELECT {} FROM (SELECT {order}, row_number() OVER (ORDER BY {order}) - 1 AS trestle_place, \
           count(*) OVER () AS trestle_total FROM {name} TABLESAMPLE SYSTEM ({percent}) WHERE {}) AS trestle_sample \
         WHERE trestle_place > 0 AND trestle_place * {count} / trestle_total > (trestle_place - 1) * {count} / trestle_total \
         ORDER BY trestle_place",
        texts.join(", "),
        not_null.join(" AND "),
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(failed)?;
    let mut bounds: Vec<Vec<String>> = Vec::with_capacity(rows.len());
    for row in rows {
        let bound = (0..keyset.len()).map(|index| row.try_get(index)).collect::<Result<Vec<String>, _>>();
        bounds.push(bound.map_err(failed)?);
    }
    // Keys need not be unique.
    bounds.dedup();
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{KeyRange, KeysetColumn};

    fn column(name: &str, type_name: &str) -> KeysetColumn {
        KeysetColumn { index: 0, name: name.to_owned(), type_name: type_name.to_owned(), nullable: true }
    }

    #[test]
    fn ranges_of_keys_meet_and_are_open_at_both_ends() {
        let columns = ["shop".to_owned(), "no'".to_owned()];
        let bound = |shop: &str, number: &str| vec![shop.to_owned(), number.to_owned()];
        let ranges = KeyRange::between(&columns, vec![bound("a", "7"), bound("o'b", "1")]);
        let keyset = [column("shop", "text"), column("no'", "bigint"), column("at", "date")];
        let conditions: Vec<Vec<String>> =
            ranges.iter().map(|range| range.conditions("t", &keyset).unwrap()).collect();
        let (first, second) = ("('a'::text, '7'::bigint)", "('o''b'::text, '1'::bigint)");
        assert_eq!(
            conditions,
            [
                vec![format!("(t.\"shop\", t.\"no'\") < {first}")],
                vec![
                    format!("(t.\"shop\", t.\"no'\") >= {first}"),
                    format!("(t.\"shop\", t.\"no'\") < {second}")
                ],
                vec![format!("(t.\"shop\", t.\"no'\") >= {second}")],
            ]
        );
        assert!(ranges[0].conditions("t", &keyset[1..]).is_err(), "of other keys");
    }
}
