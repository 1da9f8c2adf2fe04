//! Constraints and indexes. Each is named after its table and columns, so that an error message tells what was
//! broken. Merged migrations call these functions, so what one returns never changes.
//!
//! Deliberately absent: what only one table has; that is in its migration.

use sea_orm_migration::sea_query::{
    Check, Expr, ExprTrait, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index,
    IndexCreateStatement,
};
use sea_orm_migration::{DbErr, SchemaManager};

/// `uq_{table}_{columns}`, a part of `CREATE TABLE`.
pub(crate) fn unique(table: &str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut statement = Index::create();
    statement.name(format!("uq_{table}_{}", columns.join("_"))).unique();
    for column in columns {
        statement.col(*column);
    }
    statement
}

/// `UNIQUE (tenant_id, id)`: what a [`tenant_reference`] points to.
pub(crate) fn unique_in_tenant(table: &str) -> IndexCreateStatement {
    unique(table, &["tenant_id", "id"])
}

/// The primary key of a table without an id.
pub(crate) fn primary_key(columns: &[&'static str]) -> IndexCreateStatement {
    let mut statement = Index::create();
    for column in columns {
        statement.col(*column);
    }
    statement
}

/// `ix_{table}_{columns}`, created after its table.
pub(crate) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut statement = Index::create();
    statement.name(format!("ix_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        statement.col(*column);
    }
    statement
}

/// Creates indexes, one after the other.
pub(crate) async fn create_indexes<const N: usize>(
    manager: &SchemaManager<'_>,
    indexes: [IndexCreateStatement; N],
) -> Result<(), DbErr> {
    for statement in indexes {
        manager.create_index(statement).await?;
    }
    Ok(())
}

/// `fk_{table}_{column}`: `column → parent (id)`.
///
/// A parent with children cannot be deleted: by NO ACTION, not RESTRICT, whose refusals have codes of their own
/// on SQLite (1811) and PostgreSQL 18 (23001), so that `DbErr::sql_err` does not know them for foreign keys.
pub(crate) fn reference(
    table: &str,
    column: &'static str,
    parent: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from_col(column)
        .to_tbl(parent)
        .to_col("id")
        .on_delete(ForeignKeyAction::NoAction)
        .take()
}

/// `fk_{table}_{column}`: `(tenant_id, column) → parent (tenant_id, id)`, so that the database refuses a row that
/// refers to another tenant's. A nullable column refers to nothing while it is null. Deletes as [`reference`].
pub(crate) fn tenant_reference(
    table: &str,
    column: &'static str,
    parent: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from_col("tenant_id")
        .from_col(column)
        .to_tbl(parent)
        .to_col("tenant_id")
        .to_col("id")
        .on_delete(ForeignKeyAction::NoAction)
        .take()
}

/// `ck_{table}_{column}`: the values that an enum may have.
pub(crate) fn one_of(table: &str, column: &'static str, values: &[&'static str]) -> Check {
    check(table, column, Expr::col(column).is_in(values.iter().copied()))
}

/// `ck_{table}_not_negative`: numbers that count something.
pub(crate) fn not_negative<const N: usize>(table: &str, columns: [&'static str; N]) -> Check {
    let all = columns
        .into_iter()
        .map(|column| Expr::col(column).gte(0))
        .reduce(ExprTrait::and)
        .expect("a table with counts names at least one");
    check(table, "not_negative", all)
}

/// `ck_{table}_{name}`.
pub(crate) fn check(table: &str, name: &str, condition: Expr) -> Check {
    Check::named(format!("ck_{table}_{name}"), condition)
}
