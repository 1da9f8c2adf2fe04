//! Makes sure that a query of the options is a single SELECT that can stand in parentheses.
//!
//! The connection is read-only, but `ATTACH` opens and `VACUUM INTO` writes any file of the machine even
//! then; both are statements of their own, so nothing but one SELECT may pass. The tokens are those of
//! <https://sqlite.org/lang_keywords.html> and of SQLite's tokenizer; parameters are refused because their
//! long form (`$name(…)`) can hold quotes.

use super::QUERY_BYTES_MAX;

/// The query without a closing semicolon.
///
/// # Errors
/// Why it can't be used, for the customer.
pub(super) fn single_select(query: &str) -> Result<&str, String> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(format!("the query is longer than {QUERY_BYTES_MAX} bytes"));
    }
    let query = query.trim();
    let query = query.strip_suffix(';').unwrap_or(query).trim_end();
    let bytes = query.as_bytes();
    let mut depth = 0_usize;
    let mut first_word: Option<&str> = None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            0 => return Err("the query contains a NUL character".to_owned()),
            b'\'' | b'"' | b'`' => at = after_quoted(bytes, at)?,
            b'[' => {
                at = find(bytes, at + 1, b"]").ok_or("a name in brackets is not closed in the query")? + 1;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = find(bytes, at, b"\n").unwrap_or(bytes.len());
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = find(bytes, at + 2, b"*/").ok_or("a comment is not closed in the query")? + 2;
            }
            b';' => return Err("the query must be a single statement".to_owned()),
            b'?' | b'$' | b'@' | b'#' | b':' => {
                return Err("the query must not have parameters; quote names that hold `$`, `@`, `#` or `:`"
                    .to_owned());
            }
            b'(' => {
                depth += 1;
                at += 1;
            }
            b')' => {
                depth = depth.checked_sub(1).ok_or("the query closes a parenthesis that it does not open")?;
                at += 1;
            }
            byte if is_word(byte) => {
                let length = bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
                let word = query.get(at..at + length).unwrap_or_default();
                first_word.get_or_insert(word);
                if word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("pragma_")) {
                    return Err("the query must not use pragma functions".to_owned());
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if depth > 0 {
        return Err("the query opens a parenthesis that it does not close".to_owned());
    }
    match first_word.map(str::to_ascii_uppercase).as_deref() {
        Some("SELECT" | "WITH" | "VALUES") => Ok(query),
        _ => Err("the query must be a SELECT".to_owned()),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Behind a quoted text or name, in which a doubled quote is one.
fn after_quoted(bytes: &[u8], start: usize) -> Result<usize, String> {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        if bytes[at] != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Ok(at + 1);
        }
    }
    Err("a quote is not closed in the query".to_owned())
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|window| window == what).map(|found| from + found)
}

#[cfg(test)]
mod tests {
    use super::single_select;

    #[test]
    fn selects_pass() {
        for query in [
            "SELECT 1 AS id",
            " select id from \"a;b\" where x = 'it''s; fine' -- ; done",
            "WITH a AS (SELECT 1) SELECT * FROM a /* ; */",
            "SELECT json_extract(body, '$.id') AS id FROM [odd;name]",
            "VALUES (1)",
        ] {
            assert_eq!(single_select(query), Ok(query.trim()));
        }
        assert_eq!(single_select("SELECT 1;\n"), Ok("SELECT 1"));
    }

    #[test]
    fn nothing_else_passes() {
        for query in [
            "",
            "-- only a comment",
            "DELETE FROM orders",
            "ATTACH DATABASE '/etc/x.db' AS x",
            "SELECT 1; ATTACH DATABASE 'x' AS x",
            "SELECT 1) ; VACUUM INTO '/tmp/x' --",
            "SELECT 1) UNION SELECT (2",
            "SELECT $a(') ; VACUUM INTO 'x' --')",
            "SELECT ?1",
            "SELECT 'open",
            "SELECT \"open",
            "SELECT [open",
            "SELECT 1 /* open",
            "SELECT (1",
            "SELECT 1\0",
            "SELECT * FROM pragma_database_list",
            "SELECT * FROM Pragma_Database_List()",
        ] {
            assert!(single_select(query).is_err(), "{query}");
        }
    }
}
