//! Conditions that continue after a row, in the order of several columns, nulls first.
//! Deliberately absent: `OFFSET`, which gets slower with every page and loses rows when others go.

use super::value::Stored;

/// SQL with the values of its parameters.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Stored>,
}

/// The rows after the one with `values`; with `or_equal` it and its equals too.
///
/// `columns` are SQL, one for each value. Spelled out instead of `(a, b) > (?, ?)` because that is null,
/// and so not true, where a value is null. `a >= ?` at the front lets an index be used.
pub(super) fn after(columns: &[String], values: &[Stored], or_equal: bool) -> Condition {
    let (Some((column, columns)), Some((value, values))) = (columns.split_first(), values.split_first())
    else {
        return Condition { sql: if or_equal { "1" } else { "0" }.to_owned(), values: Vec::new() };
    };
    let parameter = value.parameter();
    let null = *value == Stored::Null;
    if columns.is_empty() {
        let sql = match (null, or_equal) {
            (true, true) => "1".to_owned(),
            (true, false) => format!("{column} IS NOT NULL"),
            (false, true) => format!("{column} >= {parameter}"),
            (false, false) => format!("{column} > {parameter}"),
        };
        return Condition { sql, values: if null { Vec::new() } else { vec![value.clone()] } };
    }
    let rest = after(columns, values, or_equal);
    let mut all = Vec::new();
    let sql = if null {
        format!("({column} IS NOT NULL OR ({column} IS NULL AND {}))", rest.sql)
    } else {
        all.extend([value.clone(), value.clone(), value.clone()]);
        format!(
            "({column} >= {parameter} AND ({column} > {parameter} OR ({column} = {parameter} AND {})))",
            rest.sql
        )
    };
    all.extend(rest.values);
    Condition { sql, values: all }
}

#[cfg(test)]
mod tests {
    use super::after;
    use crate::sqlite::value::Stored;

    #[test]
    fn nulls_come_first_and_are_passed() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let condition = after(&columns, &[Stored::Null, Stored::Integer(1)], false);
        assert_eq!(condition.sql, "(a IS NOT NULL OR (a IS NULL AND b > ?))");
        assert_eq!(condition.values, [Stored::Integer(1)]);
        let condition = after(&columns, &[Stored::Integer(2), Stored::Null], true);
        assert_eq!(condition.sql, "(a >= ? AND (a > ? OR (a = ? AND 1)))");
        assert_eq!(condition.values.len(), 3);
        assert_eq!(after(&columns[..1], &[Stored::Null], false).sql, "a IS NOT NULL");
    }
}
