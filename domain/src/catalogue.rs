//! The error catalogue: one entry a code, with its category, who acts, whether a retry can help, and the
//! words for each audience. Upstream text never reaches the customer's words.

use entity::failure::{FailureCategory, ResponsibleParty, Retryable};

use crate::permission::Audience;

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
    /// What happened, after the subject: `Record PO-1 …` or `The run …`.
    pub summary: &'static str,
    /// What a customer does who may act.
    pub customer_action: &'static str,
    /// What support does.
    pub support_action: &'static str,
    /// What an engineer does.
    pub engineer_action: &'static str,
}

impl Entry {
    /// What a viewer of an audience does.
    pub fn action(&self, audience: Audience) -> &'static str {
        match audience {
            Audience::Customer => self.customer_action,
            Audience::Support => self.support_action,
            Audience::Engineer => self.engineer_action,
        }
    }
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
    summary: "met a fault on our side.",
    customer_action: "Nothing is needed from you: our engineers are looking into it.",
    support_action: "Hand over to engineering with the id of this failure.",
    engineer_action: "Read the technical detail and the run's events; retry once the fault is mended.",
};

const WAIT: &str = "Nothing is needed from you now: it can be retried once the other system works again.";

const ENTRIES: &[Entry] = &[
    Entry {
        code: "record.schema_violation",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "does not meet the rules for this data.",
        customer_action: "Edit the record here and retry it, or correct it at its source; the next run takes it from there.",
        support_action: "Help the customer to correct the fields that are named here.",
        engineer_action: "If the rule is wrong, change the stream's record schema; the customer corrects the data otherwise.",
    },
    Entry {
        code: "record.mapping_failed",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Unknown,
        summary: "could not be converted for the destination.",
        customer_action: "Nothing is needed from you: our engineers are on it. If a value in the record is wrong, you can edit and retry it.",
        support_action: "Hand over to engineering: the stream's mapping does not cover this record.",
        engineer_action: "Change the stream's mapping so that it covers this record, then retry.",
    },
    Entry {
        code: "record.duplicate_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "has the same key as another record of the source; the first one was used.",
        customer_action: "Give one of the two its own key, here or at the source, and retry; or skip this one.",
        support_action: "Help the customer to find the two source records that share this key.",
        engineer_action: "If both records are right, the stream needs another key field.",
    },
    Entry {
        code: "record.duplicate_across_slices",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
        summary: "has the same key as another record of the source, which was read at the same time; one of the two is at the destination.",
        customer_action: "Give one of the two its own key at the source, or take it out. The next run writes what is there then.",
        support_action: "Help the customer to find the two source records that share this key.",
        engineer_action: "If both records are right, the stream needs another key field. With `slices` 1 the first one is used, as in any run that is not divided.",
    },
    Entry {
        code: "record.missing_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "has no value in the field that identifies it.",
        customer_action: "Fill in the key field, here or at the source, and retry.",
        support_action: "Help the customer to fill in the key field.",
        engineer_action: "If the field may be empty, the stream needs another key field.",
    },
    Entry {
        code: "record.unusable_key",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "has a value that can't identify it.",
        customer_action: "Correct the key field, here or at the source, and retry.",
        support_action: "Help the customer to correct the key field.",
        engineer_action: "If the source's values are right, the stream needs another key field.",
    },
    Entry {
        code: "record.duplicate_value",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "has a value that another record of the source has, where none may share it; the first one was used.",
        customer_action: "Give one of the two its own value, here or at the source, and retry; or skip this one.",
        support_action: "Help the customer to find the two source records that share this value.",
        engineer_action: "If records may share it, take the fields out of the uniqueness of the stream's quality.",
    },
    Entry {
        code: "record.missing_reference",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
        summary: "refers to something that has not arrived.",
        customer_action: "Once what it refers to has arrived, retry it; or correct the reference, here or at the source.",
        support_action: "Help the customer to find out whether the reference is wrong, or what it refers to is missing.",
        engineer_action: "The stream that is referred to must stand before this one in the integration, and have receipts of what is meant.",
    },
    Entry {
        code: "record.quarantined",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
        summary: "is kept in quarantine, because too much else of its data looked wrong.",
        customer_action: "Look at the quarantine of the integration: release it, and its records are written; or discard it, and they are left out.",
        support_action: "Help the customer to decide whether to release the quarantine or to discard it.",
        engineer_action: "If the limits of the stream's quality gate are wrong, change them; the customer decides about the quarantine.",
    },
    Entry {
        code: "source.malformed",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
        summary: "is not what the integration expects",
        customer_action: "Correct the file or data at the source and start a new run.",
        support_action: "Help the customer to provide data in the agreed form.",
        engineer_action: "Compare the source with the stream's options; the technical detail has the place.",
    },
    Entry {
        code: "source.unauthorized",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "could not read: the source system refuses its sign-in.",
        customer_action: "Renew the sign-in of the source system, or connect it again, then retry.",
        support_action: "Ask the customer to renew the sign-in of the source system, or to connect it again.",
        engineer_action: "Check with the customer which credentials and rights the source system needs.",
    },
    Entry {
        code: "destination.unauthorized",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "could not write: the destination system refuses its sign-in.",
        customer_action: "Renew the sign-in of the destination system, or connect it again, then retry.",
        support_action: "Ask the customer to renew the sign-in of the destination system, or to connect it again.",
        engineer_action: "Check with the customer which credentials and rights the destination system needs.",
    },
    Entry {
        code: "source.not_found",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "could not read: the table, file or object is not there.",
        customer_action: "Put the source table, file or object back, or change the integration, then retry.",
        support_action: "Ask the customer what became of the source.",
        engineer_action: "Compare the stream's source options with what is there.",
    },
    Entry {
        code: "destination.not_found",
        category: FailureCategory::UserAction,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "could not write: the table, file or object is not there.",
        customer_action: "Put the destination table, file or object back, or change the integration, then retry.",
        support_action: "Ask the customer what became of the destination.",
        engineer_action: "Compare the stream's destination options with what is there.",
    },
    Entry {
        code: "destination.rejected",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Unknown,
        summary: "was refused by the destination system.",
        customer_action: "Edit the record here and retry it, or correct it at its source.",
        support_action: "Help the customer to correct the fields that are named here.",
        engineer_action: "Read the technical detail for the other system's own reason; change the mapping if it is to blame.",
    },
    Entry {
        code: "destination.conflict",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "was changed in the destination system by someone else.",
        customer_action: "Our support will look into it; you can compare the record at both sides meanwhile.",
        support_action: "Find out with the customer which side is right, then retry or skip.",
        engineer_action: "If this happens often, the two sides need an owner for each field.",
    },
    Entry {
        code: "destination.removal_refused",
        category: FailureCategory::UnsupportedData,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::No,
        summary: "is gone from the source, and the destination system did not let it go.",
        customer_action: "Remove it at the destination, or what refers to it there; the next run tries again by itself.",
        support_action: "Help the customer to find what refers to the record at the destination.",
        engineer_action: "Read the technical detail; where records refer to it by design, mark what is gone instead of deleting it.",
    },
    Entry {
        code: "source.rate_limited",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "was slowed down by the source system.",
        customer_action: WAIT,
        support_action: "Retry later; if it goes on, ask the maker of the source system for a higher limit.",
        engineer_action: "Lower the rate of the source system's options if it goes on.",
    },
    Entry {
        code: "destination.rate_limited",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "was slowed down by the destination system.",
        customer_action: WAIT,
        support_action: "Retry later; if it goes on, ask the maker of the destination system for a higher limit.",
        engineer_action: "Lower the rate of the destination system's options if it goes on.",
    },
    Entry {
        code: "source.unavailable",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "could not read: the source system is down or can't be reached.",
        customer_action: WAIT,
        support_action: "Ask the customer whether the source system is known to be down; retry when it is up.",
        engineer_action: "The technical detail says how it failed; retry when the source system is up.",
    },
    Entry {
        code: "destination.unavailable",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "could not write: the destination system is down or can't be reached.",
        customer_action: WAIT,
        support_action: "Ask the customer whether the destination system is known to be down; retry when it is up.",
        engineer_action: "The technical detail says how it failed; retry when the destination system is up.",
    },
    Entry {
        code: "source.timeout",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "could not read: the source system took too long to answer.",
        customer_action: WAIT,
        support_action: "Retry later; if it goes on, tell the maker of the source system.",
        engineer_action: "Smaller pages or a longer time-out help if it goes on.",
    },
    Entry {
        code: "destination.timeout",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "could not write: the destination system took too long to answer.",
        customer_action: WAIT,
        support_action: "Retry later; if it goes on, tell the maker of the destination system.",
        engineer_action: "A longer time-out helps if it goes on.",
    },
    Entry {
        code: "source.stalled",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "was stopped: the source system sent nothing for too long.",
        customer_action: WAIT,
        support_action: "Ask the customer whether the source system hangs; retry when it answers again.",
        engineer_action: "The technical detail says since when. If the source needs longer for a page, raise the integration's progressTimeoutSeconds.",
    },
    Entry {
        code: "destination.stalled",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::ThirdParty,
        retryable: Retryable::Yes,
        summary: "was stopped: the destination system did not answer for too long.",
        customer_action: WAIT,
        support_action: "Ask the customer whether the destination system hangs; retry when it answers again.",
        engineer_action: "The technical detail says since when. If the destination needs longer for a batch, raise the integration's progressTimeoutSeconds.",
    },
    Entry {
        code: "source.forbidden",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "could not read: the source's address is not one that integrations may reach.",
        customer_action: "Check the address of the source system; if it is right, ask our support to allow it.",
        support_action: "If the address is legitimate, ask the platform's administrator to allow its network.",
        engineer_action: "Add the network to TRESTLE_EGRESS_ALLOW if it is legitimate.",
    },
    Entry {
        code: "destination.forbidden",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "could not write: the destination's address is not one that integrations may reach.",
        customer_action: "Check the address of the destination system; if it is right, ask our support to allow it.",
        support_action: "If the address is legitimate, ask the platform's administrator to allow its network.",
        engineer_action: "Add the network to TRESTLE_EGRESS_ALLOW if it is legitimate.",
    },
    Entry {
        code: "source.misconfigured",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "could not read: the integration's options do not fit the source system",
        customer_action: "Correct the integration's source options if you manage it; our support helps.",
        support_action: "Correct the source options with the customer, then retry.",
        engineer_action: "Read the technical detail and correct the stream's source options.",
    },
    Entry {
        code: "destination.misconfigured",
        category: FailureCategory::IntegrationDesign,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "could not write: the integration's options do not fit the destination system",
        customer_action: "Correct the integration's destination options if you manage it; our support helps.",
        support_action: "Correct the destination options with the customer, then retry.",
        engineer_action: "Read the technical detail and correct the stream's destination options.",
    },
    Entry {
        code: "destination.malformed",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Support,
        retryable: Retryable::Unknown,
        summary: "got an answer from the destination system that we do not understand",
        customer_action: "Check the address of the destination system; our support helps.",
        support_action: "Check with the customer that the destination's address is the right one.",
        engineer_action: "The technical detail has what it answered.",
    },
    Entry {
        code: "reconciliation.missing",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
        summary: "was delivered, and is not at the destination.",
        customer_action: "Retry it to bring it there again, or skip it if somebody removed it on purpose.",
        support_action: "Ask the customer who removes records at the destination; a retry brings them back.",
        engineer_action: "Somebody else writes to the destination, or it was restored from a copy; a retry brings the record back.",
    },
    Entry {
        code: "reconciliation.different",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
        summary: "was delivered, and is something else at the destination.",
        customer_action: "Retry it to put the source's contents there again, or skip it if they were changed on purpose.",
        support_action: "Ask the customer who changes records at the destination; a retry puts the source's contents there.",
        engineer_action: "Somebody else writes to the destination, or its triggers change what is written; a retry writes the record again.",
    },
    Entry {
        code: "reconciliation.extra",
        category: FailureCategory::Application,
        responsible_party: ResponsibleParty::Customer,
        retryable: Retryable::Yes,
        summary: "is gone from the source, and is still at the destination.",
        customer_action: "Retry it to have it deleted or marked there, as the stream's `deletions` say, or skip it to leave it as it is.",
        support_action: "Ask the customer whether it was removed at the source on purpose; a retry removes it at the destination too.",
        engineer_action: "An INCREMENTAL stream does not see what is deleted at its source; a retry removes exactly these keys.",
    },
    Entry {
        code: "platform.worker_lost",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
        summary: "was interrupted by a fault on our side; nothing is lost.",
        customer_action: "Nothing is needed from you; it can be retried at any time.",
        support_action: "Retry it; hand over to engineering if it happens again.",
        engineer_action: "Workers died on this run more often than it may be tried: look for what kills them, then retry.",
    },
    Entry {
        code: "platform.storage",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
        summary: "was interrupted by a fault of our storage; nothing is lost.",
        customer_action: "Nothing is needed from you; it can be retried at any time.",
        support_action: "Retry it; hand over to engineering if it happens again.",
        engineer_action: "Check the database's health and space, then retry.",
    },
    Entry {
        code: "platform.stalled",
        category: FailureCategory::Infrastructure,
        responsible_party: ResponsibleParty::Engineering,
        retryable: Retryable::Yes,
        summary: "was stopped: it made no progress on our side for too long; nothing is lost.",
        customer_action: "Nothing is needed from you; it can be retried at any time.",
        support_action: "Retry it; hand over to engineering if it happens again.",
        engineer_action: "The technical detail says what was waited for, and since when: the mapping of a record, or our database.",
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
