//! The statements of an upsert, and what they did to each row: the server only counts, so the rows are looked at before,
//! and after where the count leaves it open. Deliberately absent: transactions, and what to do when a row is refused.

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column as _, MySql, MySqlConnection, Row as _};

use super::batch::Row;
use super::cell::Cell;
use super::connection::quoted;
use super::table::Table;
use super::value::{Key, Kind, bytes_of};
use crate::Action;

/// Rows of the same columns, for one table.
pub(super) struct Upsert<'a> {
    pub(super) table: &'a Table,
    /// Indexes into the table's columns, keys first.
    pub(super) columns: &'a [usize],
    /// How many of the columns are the key.
    pub(super) keys: usize,
    /// Another unique index may take a row for one that is there: then `ON DUPLICATE KEY` would write into that one.
    pub(super) has_rivals: bool,
}

/// A row as it is stored: its key, and the bytes of its other columns.
struct Image {
    key: Vec<Key>,
    others: Vec<Option<Vec<u8>>>,
}

impl Upsert<'_> {
    /// Writes the rows in few statements. `None` when what they did to which row can't be told: then nothing of it may
    /// stay.
    pub(super) async fn write(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
    ) -> Result<Option<Vec<Action>>, sqlx::Error> {
        let Some(before) = self.placed(connection, rows).await? else { return Ok(None) };
        let is_there: Vec<bool> = before.iter().map(Option::is_some).collect();
        let there = is_there.iter().filter(|there| **there).count();
        let (new, old): (Vec<_>, Vec<_>) = rows.iter().zip(&is_there).partition(|(_, there)| !**there);
        let mut updated = None;
        if self.has_rivals {
            let new: Vec<&Row<'_>> = new.into_iter().map(|(row, _)| row).collect();
            if !new.is_empty() {
                self.insert(connection, &new, false).await?;
            }
            for (row, _) in old {
                self.update(connection, row).await?;
            }
        } else {
            let all: Vec<&Row<'_>> = rows.iter().collect();
            // One for a row that is new or stays as it is, two for one that changes: the driver asks for rows found.
            let affected = self.insert(connection, &all, true).await?;
            let more = usize::try_from(affected).unwrap_or(usize::MAX).checked_sub(rows.len());
            let Some(more) = more.filter(|more| *more <= there) else { return Ok(None) };
            updated = Some(more);
        }
        let as_one = |old| is_there.iter().map(|there| if *there { old } else { Action::Created }).collect();
        match updated {
            _ if there == 0 => return Ok(Some(as_one(Action::Unchanged))),
            Some(0) => return Ok(Some(as_one(Action::Unchanged))),
            Some(all) if all == there => return Ok(Some(as_one(Action::Updated))),
            _ => {}
        }
        let Some(after) = self.placed(connection, rows).await? else { return Ok(None) };
        let actions = before.into_iter().zip(after).map(|(before, after)| match (before, after) {
            (None, _) => Action::Created,
            (Some(before), Some(after)) if before == after => Action::Unchanged,
            (Some(_), _) => Action::Updated,
        });
        Ok(Some(actions.collect()))
    }

    /// As [`write`](Self::write) for a single row, by a plain INSERT or UPDATE: an upsert asks for a value of NOT NULL
    /// columns also where the row is there already and does not bring them.
    pub(super) async fn write_one(
        &self,
        connection: &mut MySqlConnection,
        row: &Row<'_>,
    ) -> Result<Action, sqlx::Error> {
        let image = |images: Vec<Image>| images.into_iter().next().map(|image| image.others);
        let Some(before) = image(self.images(connection, &[row]).await?) else {
            self.insert(connection, &[row], false).await?;
            return Ok(Action::Created);
        };
        self.update(connection, row).await?;
        let after = image(self.images(connection, &[row]).await?);
        Ok(if after == Some(before) { Action::Unchanged } else { Action::Updated })
    }

    /// What is stored under the key of each row, in the rows' order; `None` when a stored row is none of theirs for
    /// certain, as with a collation that takes `a` for `A`.
    async fn placed(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
    ) -> Result<Option<Vec<Option<Vec<Option<Vec<u8>>>>>>, sqlx::Error> {
        let all: Vec<&Row<'_>> = rows.iter().collect();
        let mut images: Vec<Option<Image>> =
            self.images(connection, &all).await?.into_iter().map(Some).collect();
        let is =
            |row: &Row<'_>, image: &Image| row.cells.iter().zip(&image.key).all(|(cell, key)| cell.is(key));
        let mut placed = Vec::with_capacity(rows.len());
        // Rows mostly come in the order of their key, as the server gives them: what is looked for is nearly always next.
        let mut next = 0;
        for row in rows {
            let found = (next..images.len())
                .chain(0..next.min(images.len()))
                .find(|index| images[*index].as_ref().is_some_and(|image| is(row, image)));
            placed.push(found.and_then(|index| {
                next = index + 1;
                images[index].take().map(|image| image.others)
            }));
        }
        Ok(images.iter().all(Option::is_none).then_some(placed))
    }

    /// The rows that are stored under these keys, locked until the transaction ends.
    async fn images(
        &self,
        connection: &mut MySqlConnection,
        rows: &[&Row<'_>],
    ) -> Result<Vec<Image>, sqlx::Error> {
        let columns = self.columns.iter().map(|index| self.name(*index)).collect::<Vec<_>>().join(", ");
        let wanted = if self.keys == 1 {
            let parameters = vec![self.key_parameter(0); rows.len()];
            format!("{} IN ({})", self.name(self.columns[0]), parameters.join(", "))
        } else {
            vec![self.key_condition(); rows.len()].join(" OR ")
        };
        let sql = format!("SELECT {columns} FROM {} WHERE {wanted} FOR UPDATE", self.table.name);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for cell in rows.iter().flat_map(|row| &row.cells[..self.keys]) {
            query = cell.bind(query);
        }
        query.fetch_all(connection).await?.iter().map(|row| self.image(row)).collect()
    }

    fn image(&self, row: &MySqlRow) -> Result<Image, sqlx::Error> {
        let mut image = Image { key: Vec::with_capacity(self.keys), others: Vec::new() };
        for (index, column) in row.columns().iter().enumerate() {
            let bytes = bytes_of(row, index)?;
            if index < self.keys {
                image
                    .key
                    .push(bytes.map_or(Key::Null, |bytes| Kind::of(column.type_info()).key(bytes, false)));
            } else {
                image.others.push(bytes.map(<[u8]>::to_owned));
            }
        }
        Ok(image)
    }

    async fn insert(
        &self,
        connection: &mut MySqlConnection,
        rows: &[&Row<'_>],
        or_update: bool,
    ) -> Result<u64, sqlx::Error> {
        let columns = self.columns.iter().map(|index| self.name(*index)).collect::<Vec<_>>();
        let one = format!("({})", vec!["?"; columns.len()].join(", "));
        let mut sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table.name,
            columns.join(", "),
            vec![one.as_str(); rows.len()].join(", ")
        );
        if or_update {
            // Nothing to set: the key stays what it is.
            let others = if columns.len() > self.keys { &columns[self.keys..] } else { &columns[..1] };
            let sets = others.iter().map(|name| format!("{name} = VALUES({name})")).collect::<Vec<_>>();
            sql.push_str(&format!(" ON DUPLICATE KEY UPDATE {}", sets.join(", ")));
        }
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for cell in rows.iter().flat_map(|row| &row.cells) {
            query = cell.bind(query);
        }
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// Deletes rows, as far as they are there.
    pub(super) async fn delete(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
    ) -> Result<(), sqlx::Error> {
        let wanted = vec![self.exact_condition(); rows.len()].join(" OR ");
        let sql = format!("DELETE FROM {} WHERE {wanted}", self.table.name);
        let cells = rows.iter().flat_map(|row| self.exact_cells(row));
        bound(sqlx::query(AssertSqlSafe(sql)), cells).execute(connection).await?;
        Ok(())
    }

    /// Sets the last column of rows, as far as they are there.
    pub(super) async fn mark(
        &self,
        connection: &mut MySqlConnection,
        rows: &[Row<'_>],
    ) -> Result<(), sqlx::Error> {
        let mark = self.columns.len() - 1;
        let sql = format!(
            "UPDATE {} SET {} = ? WHERE {}",
            self.table.name,
            self.name(self.columns[mark]),
            self.exact_condition()
        );
        for row in rows {
            let cells = row.cells[mark..].iter().chain(self.exact_cells(row));
            bound(sqlx::query(AssertSqlSafe(sql.clone())), cells).execute(&mut *connection).await?;
        }
        Ok(())
    }

    async fn update(&self, connection: &mut MySqlConnection, row: &Row<'_>) -> Result<(), sqlx::Error> {
        if self.columns.len() == self.keys {
            return Ok(());
        }
        let sets = self.columns[self.keys..].iter().map(|index| format!("{} = ?", self.name(*index)));
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            self.table.name,
            sets.collect::<Vec<_>>().join(", "),
            self.key_condition()
        );
        let cells = row.cells[self.keys..].iter().chain(&row.cells[..self.keys]);
        bound(sqlx::query(AssertSqlSafe(sql)), cells).execute(connection).await?;
        Ok(())
    }

    fn name(&self, index: usize) -> String {
        quoted(&self.table.columns[index].name)
    }

    /// Text is compared with decimals as floats, which would take neighbours for one.
    fn key_parameter(&self, place: usize) -> String {
        let column = &self.table.columns[self.columns[place]];
        match column.data_type.as_str() {
            "decimal" => format!("CAST(? AS {})", column.full_type.trim_end_matches(" unsigned")),
            _ => "?".to_owned(),
        }
    }

    /// True of the row with this key and of no neighbour, where the key is the text of a number: as a float it may be equal
    /// to several, and as a whole number it may have lost something; but not both.
    fn exact_condition(&self) -> String {
        let equal = |place: usize| {
            let column = &self.table.columns[self.columns[place]];
            let whole = match column.data_type.as_str() {
                "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
                    let sign = if column.full_type.contains("unsigned") { "UNSIGNED" } else { "SIGNED" };
                    format!("CAST(? AS {sign})")
                }
                _ => self.key_parameter(place),
            };
            let name = quoted(&column.name);
            format!("{name} = {whole} AND {name} = {}", self.key_parameter(place))
        };
        format!("({})", (0..self.keys).map(equal).collect::<Vec<_>>().join(" AND "))
    }

    /// What [`exact_condition`](Self::exact_condition) takes.
    fn exact_cells<'c>(&self, row: &'c Row<'c>) -> impl Iterator<Item = &'c Cell<'c>> {
        row.cells[..self.keys].iter().flat_map(|cell| [cell, cell])
    }

    fn key_condition(&self) -> String {
        let equal =
            |place: usize| format!("{} = {}", self.name(self.columns[place]), self.key_parameter(place));
        format!("({})", (0..self.keys).map(equal).collect::<Vec<_>>().join(" AND "))
    }
}

fn bound<'q, 'c>(
    query: Query<'q, MySql, MySqlArguments>,
    cells: impl Iterator<Item = &'c Cell<'c>>,
) -> Query<'q, MySql, MySqlArguments> {
    cells.fold(query, |query, cell| cell.bind(query))
}
