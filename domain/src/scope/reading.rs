//! Which columns of rows are read. A list of which three fields are asked for has rows of some five columns: the others cost
//! PostgreSQL and this program most of what such a page takes.
//!
//! What was not read is blank in the row, so whoever leaves out a column must know that nobody looks at it: who asks says by
//! the names of fields what is needed (`FailureParts`, `IntegrationParts`, `RunParts`), and a field that is not known there
//! needs every column.

use sea_orm::sea_query::{CaseStatement, ColumnType, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, QuerySelect, Select,
    TryGetable,
};

/// A set of columns of one table, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Columns(u64);

impl Columns {
    /// Every one.
    pub(crate) const ALL: Self = Self(u64::MAX);
    /// The one at this place.
    pub(crate) const fn at(place: usize) -> Self {
        Self(1 << place)
    }

    /// These and those.
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    fn has(self, column: Self) -> bool {
        self.0 & column.0 != 0
    }

    /// The value of a column, which stands in a row behind those before it that were read.
    ///
    /// # Errors
    /// What reading it fails with.
    pub(crate) fn read<T: TryGetable>(
        self,
        place: usize,
        row: &QueryResult,
        blank: impl FnOnce() -> T,
    ) -> Result<T, DbErr> {
        let column = Self::at(place);
        if !self.has(column) {
            return Ok(blank());
        }
        row.try_get_by_index((self.0 & (column.0 - 1)).count_ones() as usize)
    }
}

/// An entity of whose rows single columns can be read.
pub(crate) trait Sparse: EntityTrait {
    /// The place of a column in its table.
    fn place(column: &Self::Column) -> usize;

    /// A row of which these columns were read, in the order of the table; the others are blank.
    ///
    /// # Errors
    /// What reading one of them fails with.
    fn row(columns: Columns, row: &QueryResult) -> Result<Self::Model, DbErr>;
}

/// Has single columns of an entity read: its fields, each with its column, and what stands for the ones without a default
/// where they were not read.
macro_rules! sparse {
    ($module:ident { $($field:ident: $column:ident $(or $blank:expr)?),* $(,)? }) => {
        // A set has so many places.
        const _: () = { $(assert!(($module::Column::$column as usize) < 64);)* };

        impl $crate::scope::Sparse for $module::Entity {
            fn place(column: &$module::Column) -> usize {
                *column as usize
            }

            fn row(
                columns: $crate::scope::Columns,
                row: &sea_orm::QueryResult,
            ) -> Result<$module::Model, sea_orm::DbErr> {
                Ok($module::Model {
                    $($field: columns.read(
                        $module::Column::$column as usize,
                        row,
                        $crate::scope::sparse!(@blank $($blank)?),
                    )?,)*
                })
            }
        }
    };
    (@blank $blank:expr) => { || $blank };
    (@blank) => { Default::default };
}

pub(crate) use sparse;

/// How the rows of a query are read.
pub(super) struct Reading<E: EntityTrait> {
    columns: Columns,
    /// Of these only whether there is something in them.
    marks: Vec<E::Column>,
    place: fn(&E::Column) -> usize,
    row: fn(Columns, &QueryResult) -> Result<E::Model, DbErr>,
}

impl<E: EntityTrait> Reading<E> {
    /// Everything.
    pub(super) fn whole() -> Self {
        Self {
            columns: Columns::ALL,
            marks: Vec::new(),
            place: |_column| 0,
            row: |_columns, row| E::Model::from_query_result(row, ""),
        }
    }

    /// The same with these columns.
    pub(super) fn with(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        for column in columns {
            self.columns = self.columns.and(Columns::at((self.place)(&column)));
        }
        self
    }

    /// The same with every column.
    pub(super) fn of_all_columns(self) -> Self {
        Self { columns: Columns::ALL, ..self }
    }

    /// The columns that are read.
    pub(super) fn columns(&self) -> impl Iterator<Item = E::Column> {
        E::Column::iter().filter(|column| self.columns.has(Columns::at((self.place)(column))))
    }

    /// Has a query read them.
    pub(super) fn select(&self, select: Select<E>) -> Select<E> {
        if self.columns == Columns::ALL && self.marks.is_empty() {
            return select;
        }
        let is_marked =
            |column: &E::Column| self.marks.iter().any(|marked| marked.as_str() == column.as_str());
        self.columns().fold(select.select_only(), |select, column| {
            if !is_marked(&column) {
                return select.column(column);
            }
            let empty = match column.def().get_column_type() {
                ColumnType::Text | ColumnType::String(_) => Expr::val(""),
                ColumnType::Json | ColumnType::JsonBinary => Expr::val(serde_json::Value::Array(Vec::new())),
                _ => Expr::val(Vec::<u8>::new()),
            };
            let is_something = Expr::col(column.as_column_ref()).is_not_null();
            select.expr_as(CaseStatement::new().case(is_something, empty), column.as_str())
        })
    }

    /// What was read.
    ///
    /// # Errors
    /// What reading a column fails with.
    pub(super) fn rows(&self, rows: &[QueryResult]) -> Result<Vec<E::Model>, DbErr> {
        rows.iter().map(|row| (self.row)(self.columns, row)).collect()
    }
}

impl<E: Sparse> Reading<E> {
    /// These columns, and of some of them only whether there is something in them: then they are empty. Those hold text, bytes
    /// or lists (as JSON).
    pub(super) fn of(columns: Columns, marks: Vec<E::Column>) -> Self {
        Self { columns, marks, place: E::place, row: E::row }
    }
}
