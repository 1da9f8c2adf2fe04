//! How the records of a batch stand in a table, asked without writing: the server casts them to its columns' types, as a
//! write would, and compares. Deliberately absent: locks; a row that somebody changes meanwhile is looked at again by
//! whoever asks.

use std::ops::Range;

use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::batch::{Group, Plan};
use super::connection::{quoted, system_error};
use super::refusal;
use super::table::{ColumnKind, Table};
use crate::{Standing, SystemError, Write};

/// Compares a batch with the table; without a table, none of it is there.
pub(super) async fn compare(
    connection: &mut PgConnection,
    table: Option<&Table>,
    batch: &[Write],
) -> Result<Vec<Standing>, SystemError> {
    let mut standings = vec![Standing::Missing; batch.len()];
    let Some(table) = table else { return Ok(standings) };
    for group in &Plan::of(table, batch).groups {
        // Halved until the values that a column does not take stand alone: they can't be there.
        let mut ranges: Vec<Range<usize>> = std::iter::once(0..group.rows.len()).collect();
        while let Some(rows) = ranges.pop() {
            match group.compare(connection, table, rows.clone()).await {
                Ok(found) => {
                    for (row, standing) in found {
                        standings[group.rows[rows.start + row]] = standing;
                    }
                }
                Err(error) if refusal::is_about_rows(&error) => {
                    if rows.len() > 1 {
                        let middle = rows.start + rows.len() / 2;
                        ranges.extend([rows.start..middle, middle..rows.end]);
                    }
                }
                Err(error) => return Err(system_error("comparing a batch", error)),
            }
        }
    }
    Ok(standings)
}

impl Group<'_> {
    /// Those of the rows that are there under their key, by their places in the range.
    async fn compare(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        rows: Range<usize>,
    ) -> Result<Vec<(usize, Standing)>, sqlx::Error> {
        let sql = self.comparison_sql(table);
        // A fresh plan knows how many rows the arrays have.
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for column in 0..self.columns.len() {
            query = self.bind(query, table, column, rows.clone());
        }
        // Ordinals from 1: positive for the same, negative for what differs.
        let found: Option<Vec<i64>> = query.fetch_one(connection).await?.try_get(0)?;
        let place = |ordinal: i64| usize::try_from(ordinal.unsigned_abs()).ok()?.checked_sub(1);
        Ok(found
            .into_iter()
            .flatten()
            .filter_map(|ordinal| {
                let standing = if ordinal > 0 { Standing::Same } else { Standing::Different };
                Some((place(ordinal).filter(|place| *place < rows.len())?, standing))
            })
            .collect())
    }

    fn comparison_sql(&self, table: &Table) -> String {
        let name = |place: usize| quoted(&table.columns[self.columns[place]].name);
        let keys = table.keys.len();
        let equals = (0..keys).map(|place| format!("b.{} = i.c{place}", name(place)));
        let same = (keys..self.columns.len()).map(|place| {
            let column = &table.columns[self.columns[place]];
            let cast = self.comparison_cast(table, place);
            // What a write rounds is rounded; what it refuses for its length a cast would cut.
            let input = match column.kind {
                ColumnKind::Text { .. } | ColumnKind::Other => format!("i.c{place}"),
                _ => format!("(i.c{place}::{})", column.type_full),
            };
            format!("b.{}{cast} IS NOT DISTINCT FROM {input}{cast}", name(place))
        });
        let same = same.collect::<Vec<_>>().join(" AND ");
        // LIMIT makes it a search in the index for each row, whatever the statistics say.
        format!(
            "WITH {} SELECT array_agg(CASE WHEN f.is_same THEN i.n ELSE -i.n END) FROM input AS i \
             CROSS JOIN LATERAL (SELECT {} AS is_same FROM {} AS b WHERE {} LIMIT 1) AS f",
            self.input_sql(table).sql,
            if same.is_empty() { "true" } else { &same },
            table.name,
            equals.collect::<Vec<_>>().join(" AND "),
        )
    }
}
