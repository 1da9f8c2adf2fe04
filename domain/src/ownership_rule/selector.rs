//! Whether a rule is about a group of failures.

use entity::ownership_rule::RuleSelectors;
use uuid::Uuid;

/// What a rule is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) tenant_id: Uuid,
    pub(super) code: &'a str,
    /// Empty for failures of runs as a whole that are of none.
    pub(super) stream: &'a str,
    /// Of the source and of the destination; `None` where nobody asked for them.
    pub(super) connectors: Option<(&'a str, &'a str)>,
}

/// Whether all of a rule's selectors agree that are not empty.
pub(super) fn fits(selectors: &RuleSelectors, facts: &Facts<'_>) -> bool {
    let RuleSelectors { codes, connectors, streams, tenant_ids } = selectors;
    (codes.is_empty() || codes.iter().any(|pattern| is_code(pattern, facts.code)))
        && (streams.is_empty() || streams.iter().any(|stream| stream == facts.stream))
        && (tenant_ids.is_empty() || tenant_ids.contains(&facts.tenant_id))
        && (connectors.is_empty() || connectors.iter().any(|name| is_connector(name, facts)))
}

/// Whether a code is the one that is named, or begins like `destination.*`.
pub(super) fn is_code(pattern: &str, code: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => code.starts_with(prefix),
        None => pattern == code,
    }
}

/// A failure of one end is of the connector of that end; others are of both.
fn is_connector(name: &str, facts: &Facts<'_>) -> bool {
    let Some((source, destination)) = facts.connectors else { return false };
    if facts.code.starts_with("source.") {
        name == source
    } else if facts.code.starts_with("destination.") {
        name == destination
    } else {
        name == source || name == destination
    }
}

#[cfg(test)]
mod tests {
    use entity::ownership_rule::RuleSelectors;
    use uuid::Uuid;

    use super::{Facts, fits, is_code};

    fn facts(code: &'static str) -> Facts<'static> {
        let tenant_id = Uuid::from_u128(1);
        Facts { tenant_id, code, stream: "orders", connectors: Some(("http", "postgres")) }
    }

    #[test]
    fn codes_are_named_or_begin_alike() {
        for (pattern, code, fits) in [
            ("destination.rejected", "destination.rejected", true),
            ("destination.rejected", "destination.reject", false),
            ("destination.*", "destination.rejected", true),
            ("destination.*", "destination", false),
            ("destination.*", "source.timeout", false),
            ("*", "source.timeout", true),
        ] {
            assert_eq!(is_code(pattern, code), fits, "{pattern} {code}");
        }
    }

    #[test]
    fn all_selectors_that_are_not_empty_must_agree() {
        let named = |text: &str| vec![text.to_owned()];
        let open = RuleSelectors::default();
        assert!(fits(&open, &facts("source.timeout")));
        let orders = RuleSelectors { streams: named("orders"), codes: named("source.*"), ..open.clone() };
        assert!(fits(&orders, &facts("source.timeout")));
        assert!(!fits(&orders, &facts("destination.rejected")));
        assert!(!fits(&orders, &Facts { stream: "", ..facts("source.timeout") }));
        let other = RuleSelectors { tenant_ids: vec![Uuid::from_u128(2)], ..open.clone() };
        assert!(!fits(&other, &facts("source.timeout")));
    }

    #[test]
    fn a_connector_is_that_of_the_end_that_failed() {
        let postgres = RuleSelectors { connectors: vec!["postgres".to_owned()], ..RuleSelectors::default() };
        assert!(fits(&postgres, &facts("destination.rejected")));
        assert!(!fits(&postgres, &facts("source.timeout")));
        assert!(fits(&postgres, &facts("record.schema_violation")));
        assert!(!fits(&postgres, &Facts { connectors: None, ..facts("destination.rejected") }));
    }
}
