//! The query of the options, checked before it is sent: that it reads, and knows the variables that we set.
//! Deliberately absent: the API's schema, by which the API itself validates.

use async_graphql_parser::types::{DocumentOperations, OperationType};

use crate::http::client::misconfigured;
use crate::{SystemError, SystemErrorKind};

/// Longest document, in characters; real ones have a few thousand.
pub(super) const CHARS_MAX: usize = 100_000;
/// Brackets within brackets. The parser recurses, and real documents have a dozen.
const DEPTH_MAX: usize = 64;

/// # Errors
/// `Misconfigured` when it is not one query operation, or does not declare one of the variables.
pub(super) fn check(document: &str, variables: &[&str]) -> Result<(), SystemError> {
    let refuse = |hint: String| Err(misconfigured(format!("query: {hint}")).with_hint(hint));
    if document.len() > CHARS_MAX * 4 || depth(document) > DEPTH_MAX {
        return refuse(format!("the query is larger than {CHARS_MAX} characters or {DEPTH_MAX} levels"));
    }
    let parsed = async_graphql_parser::parse_query(document).map_err(|error| {
        let place = error.positions().next().map_or_else(String::new, |at| format!(" (line {})", at.line));
        SystemError::new(SystemErrorKind::Misconfigured, format!("query: {error}"))
            .with_hint(format!("the query is not a GraphQL document{place}"))
    })?;
    let operations: Vec<_> = match &parsed.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(named) => named.values().collect(),
    };
    let [operation] = operations[..] else {
        return refuse("the query must have exactly one operation".to_owned());
    };
    if operation.node.ty != OperationType::Query {
        return refuse("the query must be a `query`: mutations and subscriptions are not sent".to_owned());
    }
    for variable in variables {
        if !operation.node.variable_definitions.iter().any(|known| known.node.name.node == *variable) {
            return refuse(format!("the query does not declare the variable `${variable}`"));
        }
    }
    Ok(())
}

fn depth(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in document.bytes() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn one_query_with_its_variables_passes() {
        for document in [
            "{ orders { nodes { id } } }",
            "query Orders($after: String) { orders(after: $after) { ...Page } } fragment Page on Orders { nodes { id } }",
        ] {
            assert!(check(document, &[]).is_ok(), "{document}");
        }
        assert!(
            check(
                "query ($after: String, $first: Int) { a(after: $after, first: $first) }",
                &["after", "first"]
            )
            .is_ok()
        );
    }

    #[test]
    fn anything_else_says_why() {
        let deep = format!("{}a{}", "{ a ".repeat(5000), "}".repeat(5000));
        for (document, hint) in [
            ("", "not a GraphQL document"),
            ("{ orders {", "not a GraphQL document (line 1)"),
            ("mutation { deleteAll }", "must be a `query`"),
            ("subscription { changed { id } }", "must be a `query`"),
            ("query A { a } query B { b }", "exactly one operation"),
            ("query ($first: Int) { a(first: $first) }", "does not declare the variable `$after`"),
            (&deep, "64 levels"),
        ] {
            let error = check(document, &["after"]).err().and_then(|error| error.hint).unwrap_or_default();
            assert!(error.contains(hint), "{error}");
        }
    }
}
