//! Text searches of lists: part of a name, in any case.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, SimpleExpr};

use crate::error::{Error, Result};

/// Longest text, in characters; names are shorter.
const CHARS_MAX: usize = 200;

/// The text to look for; `None` when there is nothing to look for.
///
/// # Errors
/// [`Error::Argument`] when it is too long or can't be a part of any name.
pub(crate) fn text(search: Option<&str>) -> Result<Option<&str>> {
    let text = search.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > CHARS_MAX || text.contains('\0')) {
        let message = format!("`search` must have at most {CHARS_MAX} characters and no NUL");
        return Err(Error::Argument { argument: "filter", message });
    }
    Ok(text)
}

/// Rows whose column contains the text. SQLite folds only ASCII, so other letters are also looked for as given.
pub(crate) fn contains(column: impl ColumnTrait, text: &str) -> SimpleExpr {
    let like = |text: &str| LikeExpr::new(pattern(text)).escape('\\');
    let value = || Expr::col(column.as_column_ref());
    Expr::expr(Func::lower(value())).like(like(&text.to_lowercase())).or(value().like(like(text)))
}

/// A LIKE pattern for what contains the text, whose own wildcards mean themselves.
pub(crate) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for char in text.chars() {
        if matches!(char, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::{pattern, text};

    #[test]
    fn wildcards_of_the_caller_are_letters() {
        assert_eq!(pattern(r"50%_\"), r"%50\%\_\\%");
        assert_eq!(text(Some("  ")).ok(), Some(None));
        assert_eq!(text(Some(" a ")).ok(), Some(Some("a")));
        assert!(text(Some(&"a".repeat(201))).is_err());
        assert!(text(Some("a\0")).is_err());
    }
}
