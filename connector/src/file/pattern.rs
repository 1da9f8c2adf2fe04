//! Paths that mean several files: `in/orders-*.csv`. Deliberately absent: looking for the files (`store`).

use globset::{GlobBuilder, GlobMatcher};

use crate::directory::components;
use crate::{SystemError, SystemErrorKind};

/// What makes a path a pattern.
const SIGNS: [char; 4] = ['*', '?', '[', '{'];

/// A pattern of paths.
pub(super) struct Pattern {
    matcher: GlobMatcher,
    /// The directory in which all that matches is; empty for the whole.
    base: String,
}

impl Pattern {
    /// The pattern that a path is; `None` when it names one file.
    ///
    /// # Errors
    /// `Forbidden` for one that leaves the directory, `Misconfigured` for one that can't be understood.
    pub(super) fn of(path: &str) -> Result<Option<Self>, SystemError> {
        if !path.contains(SIGNS) {
            return Ok(None);
        }
        let names = components(path)?;
        let literal = names.iter().take_while(|name| !name.contains(SIGNS)).copied();
        let base = literal.collect::<Vec<_>>().join("/");
        let glob = GlobBuilder::new(&names.join("/")).literal_separator(true).backslash_escape(false).build();
        let glob = glob.map_err(|error| {
            SystemError::new(SystemErrorKind::Misconfigured, format!("the pattern {path:?}: {error}"))
                .with_hint(format!("`{path}` is not a valid pattern: {}", error.kind()))
        })?;
        Ok(Some(Self { matcher: glob.compile_matcher(), base }))
    }

    /// The directory in which all that matches is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// True for paths that are meant. Hidden ones never are: what is being written has such a name.
    pub(super) fn matches(&self, path: &str) -> bool {
        !path.split('/').any(|name| name.starts_with('.')) && self.matcher.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::Pattern;
    use crate::SystemErrorKind;

    #[test]
    fn a_star_stays_in_its_directory_and_two_do_not() {
        for (pattern, base, meant, not) in [
            (
                "in/orders-*.csv",
                "in",
                &["in/orders-1.csv", "in/orders-.csv"][..],
                &["in/a/orders-1.csv", "in/orders-1.csv.gz"][..],
            ),
            (
                "in/**/*.csv",
                "in",
                &["in/a.csv", "in/2026/01/a.csv"],
                &["out/a.csv", "in/.a.csv", "in/.old/a.csv"],
            ),
            ("*.csv", "", &["a.csv"], &["in/a.csv", ".a.csv"]),
            ("in/2026-0[1-3].csv", "in", &["in/2026-02.csv"], &["in/2026-04.csv"]),
            ("in/{a,b}?.csv", "in", &["in/a1.csv", "in/b2.csv"], &["in/c1.csv", "in/a.csv"]),
            ("./in//x/*", "in/x", &["in/x/a"], &["in/x/a/b"]),
        ] {
            let pattern = Pattern::of(pattern).unwrap().unwrap();
            assert_eq!(pattern.base(), base);
            meant.iter().for_each(|path| assert!(pattern.matches(path), "{path}"));
            not.iter().for_each(|path| assert!(!pattern.matches(path), "{path}"));
        }
        assert!(Pattern::of("in/orders.csv").unwrap().is_none());
    }

    #[test]
    fn a_pattern_stays_inside_and_can_be_understood() {
        for (pattern, kind) in [
            ("../*.csv", SystemErrorKind::Forbidden),
            ("in/*/../../*.csv", SystemErrorKind::Forbidden),
            ("/etc/*", SystemErrorKind::Forbidden),
            ("in/[a.csv", SystemErrorKind::Misconfigured),
            ("in/{a.csv", SystemErrorKind::Misconfigured),
        ] {
            assert_eq!(Pattern::of(pattern).err().unwrap().kind, kind, "{pattern}");
        }
    }
}
