//! What happened to how many records. Deliberately absent: rates and durations.

/// Counts of a page, a stream or a run. They balance:
/// `read = created + updated + unchanged + skipped + failed + unaccounted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Items that the source gave, malformed ones included.
    pub read: u64,
    /// Records that were not at the destination before.
    pub created: u64,
    /// Records that were there with other values.
    pub updated: u64,
    /// Records that were there with the same values.
    pub unchanged: u64,
    /// Records left out on purpose: by the mapping, or because a newer version stood in the same page.
    pub skipped: u64,
    /// Items with a failure.
    pub failed: u64,
}

impl Counts {
    /// Items read whose end is not known; zero in every page that was accounted.
    pub fn unaccounted(&self) -> u64 {
        [self.created, self.updated, self.unchanged, self.skipped, self.failed]
            .into_iter()
            .fold(self.read, u64::saturating_sub)
    }

    /// The sum of both; stays at the largest number rather than beginning anew.
    pub fn saturating_add(self, other: Self) -> Self {
        Self {
            read: self.read.saturating_add(other.read),
            created: self.created.saturating_add(other.created),
            updated: self.updated.saturating_add(other.updated),
            unchanged: self.unchanged.saturating_add(other.unchanged),
            skipped: self.skipped.saturating_add(other.skipped),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn unaccounted_is_what_is_left() {
        let counts = Counts { read: 10, created: 1, updated: 2, unchanged: 3, skipped: 1, failed: 1 };
        assert_eq!(counts.unaccounted(), 2);
        assert_eq!(counts.saturating_add(counts).unaccounted(), 4);
        let full = Counts { read: u64::MAX, ..counts };
        assert_eq!(full.saturating_add(full).read, u64::MAX);
        assert_eq!(Counts { read: 1, ..counts }.unaccounted(), 0);
    }
}
