//! A batch cut into groups that one statement can write: records with the same columns. Deliberately absent: the
//! statements, and what happens after an error.

use std::collections::HashMap;

use super::cell::Cell;
use super::refusal;
use super::table::{Table, is_column_name};
use crate::{FieldError, RecordError, Write};

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
    pub(super) rows: Vec<Row<'a>>,
}

/// A record as cells, in the order of its group's columns.
pub(super) struct Row<'a> {
    /// Place in the batch.
    pub(super) place: usize,
    pub(super) cells: Vec<Cell<'a>>,
}

impl Row<'_> {
    /// Size in a statement, in bytes, about.
    pub(super) fn size_bytes(&self) -> usize {
        self.cells.iter().map(Cell::size_bytes).sum()
    }
}

impl<'a> Plan<'a> {
    /// `keys` are indexes into the table's columns, `row_bytes_max` is what one row may be.
    pub(super) fn of(table: &Table, keys: &[usize], row_bytes_max: usize, batch: &'a [Write]) -> Self {
        let mut plan = Self { refused: Vec::with_capacity(batch.len()), groups: Vec::new() };
        let mut at: HashMap<Vec<usize>, usize> = HashMap::new();
        for (place, write) in batch.iter().enumerate() {
            match row(table, keys, write) {
                Err(errors) => plan.refused.push(Some(refusal::fields(errors))),
                Ok((columns, cells)) => {
                    let row = Row { place, cells };
                    if row.size_bytes() > row_bytes_max {
                        let words = format!("the record is larger than {row_bytes_max} bytes");
                        let rule = "maxLength".to_owned();
                        let error = FieldError { path: String::new(), rule, message: words };
                        plan.refused.push(Some(refusal::fields(vec![error])));
                        continue;
                    }
                    plan.refused.push(None);
                    let index = *at.entry(columns).or_insert_with_key(|columns| {
                        plan.groups.push(Group { columns: columns.clone(), rows: Vec::new() });
                        plan.groups.len() - 1
                    });
                    plan.groups[index].rows.push(row);
                }
            }
        }
        plan
    }
}

/// A record's columns, keys first, and its cells; or what is wrong with it.
fn row<'a>(
    table: &Table,
    keys: &[usize],
    write: &'a Write,
) -> Result<(Vec<usize>, Vec<Cell<'a>>), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut found: Vec<(usize, Cell<'a>)> = Vec::with_capacity(write.record.len());
    for (field, value) in &write.record {
        let mut refuse = |rule: &str, words: &str| errors.push(refusal::field(field, rule, words));
        let Some(index) = table.index_of(field) else {
            let is_name = is_column_name(field);
            let words =
                if is_name { "the table has no such column" } else { "this name can't be a column's" };
            refuse("unknown_column", words);
            continue;
        };
        let column = &table.columns[index];
        if found.iter().any(|(other, _)| *other == index) {
            refuse("unique", "another field of the record differs in upper and lower case only");
        } else if !column.writable {
            refuse("read_only", "the table computes this column itself");
        } else if value.is_null() && keys.contains(&index) {
            refuse("required", "the key must have a value");
        } else {
            match Cell::of(value, column) {
                Ok(cell) => found.push((index, cell)),
                Err((rule, words)) => refuse(rule, &words),
            }
        }
    }
    for key in keys {
        let name = &table.columns[*key].name;
        let is_told = errors.iter().any(|error: &FieldError| error.path == refusal::field(name, "", "").path);
        if !is_told && !found.iter().any(|(index, _)| index == key) {
            errors.push(refusal::field(name, "required", "the key must have a value"));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let rank = |index: &usize| (keys.iter().position(|key| key == index).unwrap_or(usize::MAX), *index);
    found.sort_by_key(|(index, _)| rank(index));
    Ok(found.into_iter().unzip())
}
