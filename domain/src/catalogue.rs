//! The error catalogue: one entry a code, with its category, who acts, and whether a retry can help. Its words stand in
//! `words`, one file a language, and its runbooks in `runbooks`; upstream text never reaches the customer's words.

use entity::failure::{FailureCategory, ResponsibleParty, Retryable};

/// What the product knows about one code.
#[derive(Debug)]
pub struct Entry {
    /// Stable, e.g. `destination.rejected`.
    pub code: &'static str,
    /// Why it happens.
    pub category: FailureCategory,
    /// Who acts next.
    pub responsible_party: ResponsibleParty,
    /// Whether a retry can help.
    pub retryable: Retryable,
}

/// The entry of a code; an unknown code is a fault of ours and reads as one.
pub fn entry(code: &str) -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.code == code).unwrap_or(&INTERNAL)
}

/// Every entry.
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

const INTERNAL: Entry = Entry {
    code: "platform.internal",
    category: FailureCategory::IntegrationDesign,
    responsible_party: ResponsibleParty::Engineering,
    retryable: Retryable::Unknown,
};

const ENTRIES: &[Entry] = &[
    Entry {
        code: "record.schema_violation",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.mapping_failed",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.duplicate_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.duplicate_across_slices",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
    },
    Entry {
        code: "record.missing_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.unusable_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.duplicate_value",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "record.missing_reference",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "record.quarantined",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "source.malformed",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
    },
    Entry {
        code: "source.unauthorized",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.unauthorized",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "source.not_found",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.not_found",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.rejected",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.conflict",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.removal_refused",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
    },
    Entry {
        code: "source.rate_limited",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "destination.rate_limited",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "source.unavailable",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "destination.unavailable",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "source.timeout",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "destination.timeout",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "source.stalled",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "destination.stalled",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "source.forbidden",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.forbidden",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "source.misconfigured",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.misconfigured",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "destination.malformed",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "reconciliation.missing",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "reconciliation.different",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "reconciliation.extra",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "synthetic.left_out",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
    },
    Entry {
        code: "synthetic.unmarked",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
    },
    Entry {
        code: "synthetic.missing",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "synthetic.different",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "synthetic.left_behind",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
    },
    Entry {
        code: "platform.worker_lost",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "platform.storage",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
    },
    Entry {
        code: "platform.stalled",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
    },
    INTERNAL,
];

#[cfg(test)]
mod tests {
    use connector::{Egress, Registry};

    use super::{entries, entry};

    #[test]
    fn codes_are_unique_and_unknown_ones_read_as_a_fault_of_ours() {
        let mut codes: Vec<_> = entries().iter().map(|entry| entry.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert_eq!(entry("no.such_code").code, "platform.internal");
        assert_eq!(entry("source.timeout").code, "source.timeout");
    }

    #[test]
    fn what_connectors_say_that_they_give_is_in_the_catalogue() {
        for connector in Registry::standard(Egress::default()).all() {
            let description = connector.description();
            for failure in description.guide.failures {
                let whole = failure.code.contains('.').then(|| failure.code.to_owned());
                let of_ends =
                    || ["source", "destination"].map(|end| format!("{end}.{}", failure.code)).to_vec();
                for code in whole.map_or_else(of_ends, |code| vec![code]) {
                    assert_eq!(entry(&code).code, code, "of {}", description.name);
                }
            }
        }
    }
}
