//! Conditions that continue after a row, in the order of several columns, nulls first.
//! Deliberately absent: `OFFSET`, which gets slower with every page and loses rows when others go.

/// A value that a row has in a column of the order.
pub(crate) trait Place {
    /// True for NULL, which no operator compares with.
    fn is_null(&self) -> bool;
    /// What stands for it in a statement: a parameter or a literal.
    fn sql(&self) -> String;
}

/// SQL, and the values whose [`Place::sql`] stands in it, in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Condition<V> {
    pub(crate) sql: String,
    pub(crate) values: Vec<V>,
}

/// The rows after the one with `values`; with `or_equal` it and its equals too.
///
/// `columns` are SQL, one for each value. Spelled out instead of `(a, b) > (?, ?)` because that is null,
/// and so not true, where a value is null. `a >= ?` at the front lets an index be used.
pub(crate) fn after<V: Place + Clone>(columns: &[String], values: &[V], or_equal: bool) -> Condition<V> {
    let (Some((column, columns)), Some((value, values))) = (columns.split_first(), values.split_first())
    else {
        return Condition { sql: if or_equal { "1" } else { "0" }.to_owned(), values: Vec::new() };
    };
    let null = value.is_null();
    if columns.is_empty() {
        let sql = match (null, or_equal) {
            (true, true) => "1".to_owned(),
            (true, false) => format!("{column} IS NOT NULL"),
            (false, true) => format!("{column} >= {}", value.sql()),
            (false, false) => format!("{column} > {}", value.sql()),
        };
        return Condition { sql, values: if null { Vec::new() } else { vec![value.clone()] } };
    }
    let rest = after(columns, values, or_equal);
    let mut all = Vec::new();
    let sql = if null {
        format!("({column} IS NOT NULL OR ({column} IS NULL AND {}))", rest.sql)
    } else {
        all.extend([value.clone(), value.clone(), value.clone()]);
        let value = value.sql();
        format!("({column} >= {value} AND ({column} > {value} OR ({column} = {value} AND {})))", rest.sql)
    };
    all.extend(rest.values);
    Condition { sql, values: all }
}

#[cfg(test)]
mod tests {
    use super::{Place, after};

    impl Place for Option<i64> {
        fn is_null(&self) -> bool {
            self.is_none()
        }

        fn sql(&self) -> String {
            "?".to_owned()
        }
    }

    #[test]
    fn nulls_come_first_and_are_passed() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let condition = after(&columns, &[None, Some(1)], false);
        assert_eq!(condition.sql, "(a IS NOT NULL OR (a IS NULL AND b > ?))");
        assert_eq!(condition.values, [Some(1)]);
        let condition = after(&columns, &[Some(2), None], true);
        assert_eq!(condition.sql, "(a >= ? AND (a > ? OR (a = ? AND 1)))");
        assert_eq!(condition.values.len(), 3);
        assert_eq!(after(&columns[..1], &[None::<i64>], false).sql, "a IS NOT NULL");
    }
}
