//! A batch cut into groups that one statement writes: records with the same columns, the suspicious ones
//! apart; and that statement. Deliberately absent: transactions and what happens after an error.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row};

use super::cell::Cell;
use super::connection::{database_error, execute, quoted};
use super::refusal;
use super::table::{ColumnKind, Constraint, Screen, Table, is_column_name};
use crate::{Action, FieldError, FieldNames, Record, RecordError, Removal, Write, WriteOutcome};

/// Below so many rows the round trips of a staging table take longer than they save.
const STAGED_ROWS_MIN: usize = 250;

/// The batch before it is written: who can't be, and the others in groups.
pub(super) struct Plan<'a> {
    /// By place in the batch; `None` for those in a group.
    pub(super) refused: Vec<Option<RecordError>>,
    pub(super) groups: Vec<Group<'a>>,
}

/// Records with the same columns.
pub(super) struct Group<'a> {
    /// Indexes into the table's columns, keys first.
    pub(super) columns: Vec<usize>,
    /// Places in the batch.
    pub(super) rows: Vec<usize>,
    /// Row after row.
    cells: Vec<Cell<'a>>,
    /// Values that the server probably refuses: everything is sent as text, and tried in small steps.
    pub(super) suspect: bool,
    /// A column without default, that must not be null, is not among the columns: rows can be updated,
    /// not inserted.
    update_only: bool,
}

/// The rows of a statement as a relation `input`: `c0`, `c1` … with the columns' types, and `n`, the ordinal.
pub(super) struct Input {
    pub(super) sql: String,
    /// Of the statement, that it takes; one more is how many rows there are.
    parameters: usize,
}

/// The columns of a record, and what its keys are.
struct Layout {
    fields: Vec<String>,
    /// That its records share, and where each column's value is among theirs.
    shared: Option<(Arc<FieldNames>, Vec<usize>)>,
    columns: Vec<usize>,
    update_only: bool,
}

impl<'a> Plan<'a> {
    pub(super) fn of(table: &Table, batch: &'a [Write]) -> Self {
        let mut plan = Self { refused: Vec::with_capacity(batch.len()), groups: Vec::new() };
        let mut layouts: Vec<Layout> = Vec::new();
        let mut cells = Vec::new();
        for (place, write) in batch.iter().enumerate() {
            let known = layouts.iter().rposition(|layout| layout.is_of(&write.record));
            let layout = match known {
                Some(known) => &layouts[known],
                None => match Layout::of(table, write) {
                    Ok(layout) => {
                        layouts.push(layout);
                        &layouts[layouts.len() - 1]
                    }
                    Err(errors) => {
                        plan.refused.push(Some(refusal::fields(errors)));
                        continue;
                    }
                },
            };
            let errors = row(table, layout, write, &mut cells);
            if errors.is_empty() {
                plan.refused.push(None);
                plan.add(layout, place, &mut cells);
            } else {
                cells.clear();
                plan.refused.push(Some(refusal::fields(errors)));
            }
        }
        plan
    }

    fn add(&mut self, layout: &Layout, place: usize, cells: &mut Vec<Cell<'a>>) {
        let suspect = cells.iter().any(Cell::is_suspect);
        let found =
            self.groups.iter().rposition(|group| group.suspect == suspect && group.columns == layout.columns);
        let index = found.unwrap_or_else(|| {
            self.groups.push(Group {
                columns: layout.columns.clone(),
                rows: Vec::new(),
                cells: Vec::new(),
                suspect,
                update_only: layout.update_only,
            });
            self.groups.len() - 1
        });
        self.groups[index].rows.push(place);
        self.groups[index].cells.append(cells);
    }
}

impl Layout {
    fn is_of(&self, record: &Record) -> bool {
        match (&self.shared, record.shared_names()) {
            (Some((names, _places)), Some(others)) if Arc::ptr_eq(names, others) => true,
            _ => self.fields.len() == record.len() && self.fields.iter().eq(record.keys()),
        }
    }

    fn of(table: &Table, write: &Write) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut columns = Vec::with_capacity(write.record.len());
        for field in write.record.keys() {
            match table.index_of(field) {
                Some(index) => {
                    let column = &table.columns[index];
                    if !column.writable || (column.identity_always && !table.keys.contains(&index)) {
                        errors.push(refusal::field(
                            field,
                            "read_only",
                            "the table computes this column itself",
                        ));
                    }
                    columns.push(index);
                }
                None if is_column_name(field) => {
                    errors.push(refusal::field(field, "unknown_column", "the table has no such column"));
                }
                None => errors.push(refusal::field(field, "unknown_column", "this name can't be a column's")),
            }
        }
        for key in &table.keys {
            if !columns.contains(key) {
                errors.push(refusal::field(
                    &table.columns[*key].name,
                    "required",
                    "the key must have a value",
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        // One order for all records with these columns, whatever the order of their fields.
        columns.sort_by_key(|column| {
            (table.keys.iter().position(|key| key == column).unwrap_or(usize::MAX), *column)
        });
        let update_only = table.columns.iter().enumerate().any(|(index, column)| {
            column.not_null && !column.has_default && column.writable && !columns.contains(&index)
        });
        let fields: Vec<String> = write.record.keys().cloned().collect();
        let shared = write.record.shared_names().map(|names| {
            let place = |index: &usize| fields.iter().position(|field| *field == table.columns[*index].name);
            (names.clone(), columns.iter().filter_map(place).collect())
        });
        Ok(Self { fields, shared, columns, update_only })
    }
}

/// The record's cells, in the layout's order; or what is wrong with it.
fn row<'a>(table: &Table, layout: &Layout, write: &'a Write, cells: &mut Vec<Cell<'a>>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (mut is_suspect, mut asks) = (false, true);
    let shared = layout.shared.as_ref();
    let shared = shared.and_then(|(names, places)| Some((write.record.values_of(names)?, places)));
    for (place, index) in layout.columns.iter().enumerate() {
        let column = &table.columns[*index];
        let value = match shared {
            Some((values, places)) => values.get(places[place]),
            None => write.record.get(&column.name),
        };
        let value = value.unwrap_or(&serde_json::Value::Null);
        if value.is_null() && table.keys.contains(index) {
            errors.push(refusal::field(&column.name, "required", "the key must have a value"));
            asks = false;
            continue;
        }
        match Cell::of(value, column) {
            Ok(cell) => {
                is_suspect |= cell.is_suspect();
                cells.push(cell);
            }
            Err(refused) => {
                errors.push(refusal::cell(column, refused));
                asks &= refused.is_the_servers();
                cells.push(Cell::as_is(value));
            }
        }
    }
    // Everything that is wrong with a record is said at once, and of some of it the server has to say it.
    if is_suspect && asks {
        errors.clear();
    }
    errors
}

impl Group<'_> {
    /// The cells of one row.
    pub(super) fn row(&self, row: usize) -> &[Cell<'_>] {
        &self.cells[row * self.columns.len()..(row + 1) * self.columns.len()]
    }

    /// What a row lacks that is not there yet and can't be inserted.
    pub(super) fn missing(&self, table: &Table) -> Vec<FieldError> {
        let lacking = table.columns.iter().enumerate().filter(|(index, column)| {
            column.not_null && !column.has_default && column.writable && !self.columns.contains(index)
        });
        lacking.map(|(_, column)| refusal::field(&column.name, "not_null", "a value is required")).collect()
    }

    /// Takes rows out, given by their places in the group in ascending order.
    pub(super) fn remove(&mut self, rows: &[usize]) {
        let columns = self.columns.len();
        let mut kept = 0;
        let is_out = |row: usize| rows.binary_search(&row).is_ok();
        self.rows.retain(|_| {
            kept += 1;
            !is_out(kept - 1)
        });
        let mut cell = 0;
        self.cells.retain(|_| {
            cell += 1;
            !is_out((cell - 1) / columns)
        });
    }

    /// True when all its rows may be sent by [`Group::copy`].
    pub(super) fn can_copy(&self, table: &Table) -> bool {
        table.takes_copy && !self.update_only
    }

    /// True when they are many enough for a staging table.
    pub(super) fn can_stage(&self, table: &Table) -> bool {
        table.takes_staging && !self.update_only && self.rows.len() >= STAGED_ROWS_MIN
    }

    /// Inserts all rows by COPY, the server's fastest way. Fails as a whole when one key is there already.
    pub(super) async fn copy(&self, connection: &mut PgConnection, table: &Table) -> Result<(), sqlx::Error> {
        let names = self.columns.iter().map(|index| quoted(&table.columns[*index].name)).collect::<Vec<_>>();
        let mut text = String::with_capacity(self.cells.len() * 16);
        for (place, cell) in self.cells.iter().enumerate() {
            cell.copy_text(&mut text);
            text.push(if (place + 1) % self.columns.len() == 0 { '\n' } else { '\t' });
        }
        let statement = format!("COPY {} ({}) FROM STDIN", table.name, names.join(", "));
        copy_in(connection, &statement, &text).await
    }

    /// Writes all rows by COPY into a temporary table, from which one statement merges, within an open transaction.
    /// Succeeds or fails as a whole.
    ///
    /// The server reads COPY's text in half the time of arrays, most of all numbers and times. `compare` looks for rows
    /// that are the same before it writes the others: where most are, that saves the lock on each of them, and where
    /// none is, it costs a search for each.
    pub(super) async fn merge(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        staging: &str,
        compare: bool,
    ) -> Result<Vec<WriteOutcome>, sqlx::Error> {
        let columns = self.columns.iter().map(|index| &table.columns[*index]).enumerate();
        let columns: Vec<String> =
            columns.map(|(place, column)| format!("c{place} {}", column.type_name)).collect();
        // Its rows end with the transaction, and it with the connection.
        let create = format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {staging} (n int8, {}) ON COMMIT DELETE ROWS",
            columns.join(", ")
        );
        execute(connection, create).await?;
        let mut text = String::with_capacity(self.cells.len() * 16 + self.rows.len() * 8);
        for (row, cells) in self.cells.chunks(self.columns.len()).enumerate() {
            text.push_str(&(row + 1).to_string());
            for cell in cells {
                text.push('\t');
                cell.copy_text(&mut text);
            }
            text.push('\n');
        }
        copy_in(connection, &format!("COPY {staging} FROM STDIN"), &text).await?;
        let input = Input { sql: format!("input AS NOT MATERIALIZED (TABLE {staging})"), parameters: 0 };
        let sql = self.upsert_sql(table, &input, compare);
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        self.outcomes(query, connection, table, self.rows.len()).await
    }

    /// The rows, by their places in the group, that break the constraint of an error. Empty when that
    /// can't be asked in one statement.
    pub(super) async fn screen(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        error: &sqlx::Error,
    ) -> Result<Vec<usize>, sqlx::Error> {
        let named = database_error(error).and_then(|error| table.constraints.get(error.constraint()?));
        let Some(Constraint { columns, screen: Some(screen) }) = named else { return Ok(Vec::new()) };
        let place = |name: &String| self.columns.iter().position(|index| table.columns[*index].name == *name);
        let Some(places) = columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
            return Ok(Vec::new());
        };
        let broken = match screen {
            Screen::Check(condition) => {
                let named = self.columns.iter().enumerate().map(|(place, index)| {
                    let column = &table.columns[*index];
                    format!("c{place}::{} AS {}", column.type_full, quoted(&column.name))
                });
                format!(
                    "(SELECT {}, n AS trestle_ordinal FROM input) AS s WHERE ({condition}) IS FALSE",
                    named.collect::<Vec<_>>().join(", ")
                )
            }
            Screen::Reference { table: referred, columns } => {
                let given = places.iter().map(|place| format!("i.c{place} IS NOT NULL"));
                let same = places.iter().zip(columns);
                let same = same.map(|(place, column)| format!("r.{} = i.c{place}", quoted(column)));
                format!(
                    "(SELECT i.n AS trestle_ordinal FROM input AS i WHERE {} AND NOT EXISTS \
                     (SELECT 1 FROM {referred} AS r WHERE {})) AS s",
                    given.collect::<Vec<_>>().join(" AND "),
                    same.collect::<Vec<_>>().join(" AND ")
                )
            }
        };
        let sql = format!(
            "WITH {} SELECT coalesce(array_agg(s.trestle_ordinal ORDER BY s.trestle_ordinal), '{{}}') FROM {broken}",
            self.input_sql(table).sql
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for column in 0..self.columns.len() {
            query = self.bind(query, table, column, 0..self.rows.len());
        }
        let ordinals: Vec<i64> = query.fetch_one(connection).await?.try_get(0)?;
        Ok(ordinals.into_iter().filter_map(|ordinal| usize::try_from(ordinal - 1).ok()).collect())
    }

    /// Writes the rows in one statement, which succeeds or fails as a whole.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        rows: Range<usize>,
    ) -> Result<Vec<WriteOutcome>, sqlx::Error> {
        let count = rows.len();
        let input = self.input_sql(table);
        let sql = if self.update_only {
            self.update_sql(table, &input)
        } else {
            self.upsert_sql(table, &input, false)
        };
        // Not kept as a prepared statement: a fresh plan knows how many rows the arrays have.
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for column in 0..self.columns.len() {
            query = self.bind(query, table, column, rows.clone());
        }
        self.outcomes(query, connection, table, count).await
    }

    /// Deletes the rows, or sets their last column as a mark, where they are there. Succeeds or fails as a whole.
    pub(super) async fn remove_rows(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        rows: Range<usize>,
        removal: &Removal,
    ) -> Result<(), sqlx::Error> {
        let name = |place: usize| quoted(&table.columns[self.columns[place]].name);
        let matched = (0..table.keys.len()).map(|place| format!("target.{} = i.c{place}", name(place)));
        let matched = matched.collect::<Vec<_>>().join(" AND ");
        let (input, target) = (self.input_sql(table).sql, &table.name);
        let sql = match removal {
            Removal::Delete => {
                format!("WITH {input} DELETE FROM {target} AS target USING input AS i WHERE {matched}")
            }
            Removal::Mark { .. } => {
                let mark = self.columns.len() - 1;
                let set = format!("{} = i.c{mark}", name(mark));
                format!("WITH {input} UPDATE {target} AS target SET {set} FROM input AS i WHERE {matched}")
            }
        };
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for column in 0..self.columns.len() {
            query = self.bind(query, table, column, rows.clone());
        }
        query.execute(connection).await.map(drop)
    }

    /// Executes an upsert or an update of so many rows.
    async fn outcomes(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        connection: &mut PgConnection,
        table: &Table,
        count: usize,
    ) -> Result<Vec<WriteOutcome>, sqlx::Error> {
        let row = query.bind(i64::try_from(count).unwrap_or(i64::MAX)).fetch_one(connection).await?;
        let created: i64 = row.try_get(0)?;
        // Ordinals from 1: positive for created, negative for updated; the others were the same.
        let detail: Option<Vec<i64>> = row.try_get(1)?;
        let absent: Option<Vec<i64>> = row.try_get(2)?;
        let everything = usize::try_from(created).is_ok_and(|created| created == count);
        let mut actions = vec![if everything { Action::Created } else { Action::Unchanged }; count];
        let place =
            |ordinal: i64| usize::try_from(ordinal.unsigned_abs()).ok().and_then(|o| o.checked_sub(1));
        for ordinal in detail.into_iter().flatten() {
            if let Some(action) = place(ordinal).and_then(|place| actions.get_mut(place)) {
                *action = if ordinal > 0 { Action::Created } else { Action::Updated };
            }
        }
        let mut outcomes: Vec<WriteOutcome> = actions
            .into_iter()
            .map(|action| WriteOutcome::Written { action, destination_key: None })
            .collect();
        for ordinal in absent.into_iter().flatten() {
            if let Some(outcome) = place(ordinal).and_then(|place| outcomes.get_mut(place)) {
                *outcome = WriteOutcome::Failed(refusal::fields(self.missing(table)));
            }
        }
        Ok(outcomes)
    }

    /// Sends one column of the rows as an array.
    pub(super) fn bind<'q>(
        &self,
        query: Query<'q, Postgres, PgArguments>,
        table: &Table,
        column: usize,
        rows: Range<usize>,
    ) -> Query<'q, Postgres, PgArguments> {
        let cells = rows.map(|row| &self.cells[row * self.columns.len() + column]);
        match array_type(table.columns[self.columns[column]].kind, self.suspect) {
            "bool" => query.bind(
                cells
                    .map(|cell| if let Cell::Bool(flag) = cell { Some(*flag) } else { None })
                    .collect::<Vec<_>>(),
            ),
            "int8" => query.bind(
                cells
                    .map(|cell| if let Cell::Int(number) = cell { Some(*number) } else { None })
                    .collect::<Vec<_>>(),
            ),
            "float8" => query.bind(
                cells
                    .map(|cell| if let Cell::Float(number) = cell { Some(*number) } else { None })
                    .collect::<Vec<_>>(),
            ),
            _ => query.bind(cells.map(Cell::text).collect::<Vec<Option<Cow<'_, str>>>>()),
        }
    }

    /// Rows that travel as one array a column.
    pub(super) fn input_sql(&self, table: &Table) -> Input {
        let columns = self.columns.iter().map(|index| &table.columns[*index]).enumerate();
        let mut arrays = Vec::with_capacity(self.columns.len());
        let mut names = Vec::with_capacity(self.columns.len());
        let mut casts = Vec::with_capacity(self.columns.len());
        for (place, column) in columns {
            arrays.push(format!("${}::{}[]", place + 1, array_type(column.kind, self.suspect)));
            names.push(format!("c{place}"));
            casts.push(format!("u.c{place}::{} AS c{place}", column.type_name));
        }
        let sql = format!(
            "input AS MATERIALIZED (SELECT {}, u.n FROM unnest({}) WITH ORDINALITY AS u({}, n))",
            casts.join(", "),
            arrays.join(", "),
            names.join(", ")
        );
        Input { sql, parameters: self.columns.len() }
    }

    /// With `compare` of those rows that are not there in the same form.
    fn upsert_sql(&self, table: &Table, input: &Input, compare: bool) -> String {
        let keys = table.keys.len();
        let name = |place: usize| quoted(&table.columns[self.columns[place]].name);
        let all = 0..self.columns.len();
        let names = all.clone().map(name).collect::<Vec<_>>().join(", ");
        let places = all.clone().map(|place| format!("c{place}")).collect::<Vec<_>>().join(", ");
        let conflict = (0..keys).map(name).collect::<Vec<_>>().join(", ");
        let overriding = if self.columns.iter().any(|index| table.columns[*index].identity_always) {
            " OVERRIDING SYSTEM VALUE"
        } else {
            ""
        };
        let action = if self.columns.len() == keys {
            "NOTHING".to_owned()
        } else {
            let set = (keys..self.columns.len()).map(|place| format!("{0} = excluded.{0}", name(place)));
            let differs = (keys..self.columns.len()).map(|place| {
                let name = name(place);
                let cast = self.comparison_cast(table, place);
                format!("target.{name}{cast} IS DISTINCT FROM excluded.{name}{cast}")
            });
            format!(
                "UPDATE SET {} WHERE {}",
                set.collect::<Vec<_>>().join(", "),
                differs.collect::<Vec<_>>().join(" OR ")
            )
        };
        let returned = (0..keys).map(|place| format!("target.{} AS k{place}", name(place)));
        let returned = returned.collect::<Vec<_>>().join(", ");
        let joined =
            (0..keys).map(|place| format!("i.c{place} = w.k{place}")).collect::<Vec<_>>().join(" AND ");
        // A row that was inserted has no xmax. Where that can't be asked, the state before decides.
        let (was_created, created) = if table.partitioned {
            let before = (0..keys).map(|place| format!("b.{} = w.k{place}", name(place)));
            let before = before.collect::<Vec<_>>().join(" AND ");
            ("NULL::bool", format!("NOT EXISTS (SELECT 1 FROM {} AS b WHERE {before})", table.name))
        } else {
            ("target.xmax = 0", "w.created".to_owned())
        };
        // LIMIT makes it a search in the index for each row, whatever the statistics say. What only a change of form would
        // make the same is left to the upsert.
        let unless_same = if compare {
            let equals = (0..keys).map(|place| format!("b.{} = i.c{place}", name(place)));
            let same = (keys..self.columns.len()).map(|place| {
                let cast = self.comparison_cast(table, place);
                format!("b.{}{cast} IS NOT DISTINCT FROM i.c{place}{cast}", name(place))
            });
            format!(
                " LEFT JOIN LATERAL (SELECT true AS is_there FROM {} AS b WHERE {} LIMIT 1) AS same ON true \
                 WHERE same.is_there IS NULL",
                table.name,
                equals.chain(same).collect::<Vec<_>>().join(" AND ")
            )
        } else {
            String::new()
        };
        format!(
            "WITH {input}, written AS (INSERT INTO {table} AS target ({names}){overriding} \
             SELECT {places} FROM input AS i{unless_same} ON CONFLICT ({conflict}) DO {action} RETURNING {returned}, {was_created} AS created), \
             counted AS (SELECT count(*) AS created FROM written AS w WHERE {created}) \
             SELECT (SELECT created FROM counted), \
             CASE WHEN (SELECT created FROM counted) < ${} THEN (SELECT array_agg(CASE WHEN {created} THEN i.n \
             ELSE -i.n END) FROM input AS i JOIN written AS w ON {joined}) END, NULL::int8[]",
            input.parameters + 1,
            input = input.sql,
            table = table.name,
        )
    }

    /// For rows that can't be inserted: updates those that are there, and says which are not.
    fn update_sql(&self, table: &Table, input: &Input) -> String {
        let keys = table.keys.len();
        let name = |place: usize| quoted(&table.columns[self.columns[place]].name);
        let matched = |left: &str, right: &str| {
            let pairs = (0..keys).map(|place| format!("{left}.{} = {right}.c{place}", name(place)));
            pairs.collect::<Vec<_>>().join(" AND ")
        };
        let written = if self.columns.len() == keys {
            "SELECT NULL::int8 AS n WHERE false".to_owned()
        } else {
            let set = (keys..self.columns.len()).map(|place| format!("{} = i.c{place}", name(place)));
            let differs = (keys..self.columns.len()).map(|place| {
                let cast = self.comparison_cast(table, place);
                let stored = &table.columns[self.columns[place]].type_full;
                format!("target.{}{cast} IS DISTINCT FROM (i.c{place}::{stored}){cast}", name(place))
            });
            format!(
                "UPDATE {} AS target SET {} FROM input AS i WHERE {} AND ({}) RETURNING i.n",
                table.name,
                set.collect::<Vec<_>>().join(", "),
                matched("target", "i"),
                differs.collect::<Vec<_>>().join(" OR ")
            )
        };
        format!(
            "WITH {input}, written AS ({written}) \
             SELECT 0::int8, (SELECT array_agg(-n) FROM written), (SELECT array_agg(i.n) FROM input AS i \
             WHERE i.n <= ${} AND NOT EXISTS (SELECT 1 FROM {table} AS b WHERE {there}))",
            input.parameters + 1,
            input = input.sql,
            table = table.name,
            there = matched("b", "i"),
        )
    }

    /// Types that may have no equality (json, xml, points …) are compared as text.
    pub(super) fn comparison_cast(&self, table: &Table, place: usize) -> &'static str {
        match table.columns[self.columns[place]].kind {
            ColumnKind::Json { binary: false } | ColumnKind::Array | ColumnKind::Other => "::text",
            _ => "",
        }
    }
}

async fn copy_in(connection: &mut PgConnection, statement: &str, text: &str) -> Result<(), sqlx::Error> {
    let mut copy = connection.copy_in_raw(statement).await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await.map(|_| ())
}

/// The element type in which a column's values travel.
fn array_type(kind: ColumnKind, as_text: bool) -> &'static str {
    match kind {
        _ if as_text => "text",
        ColumnKind::Bool => "bool",
        ColumnKind::Int { .. } => "int8",
        ColumnKind::Float { .. } => "float8",
        _ => "text",
    }
}
