//! The runbooks that ship with the product, one a code of the error catalogue. Their files stand in `domain/runbooks`: the
//! first line is the title, the rest the body.

use std::sync::LazyLock;

use uuid::Uuid;

use super::Runbook;
use crate::id::lasting_id;

macro_rules! files {
    ($($code:literal),* $(,)?) => {
        &[$(($code, include_str!(concat!("../../runbooks/", $code, ".md")))),*]
    };
}

/// One line a code is what keeps them findable: `include_str!` takes only what is written out.
const FILES: &[(&str, &str)] = files![
    "destination.conflict",
    "destination.forbidden",
    "destination.malformed",
    "destination.misconfigured",
    "destination.not_found",
    "destination.rate_limited",
    "destination.rejected",
    "destination.removal_refused",
    "destination.stalled",
    "destination.timeout",
    "destination.unauthorized",
    "destination.unavailable",
    "platform.internal",
    "platform.stalled",
    "platform.storage",
    "platform.worker_lost",
    "reconciliation.different",
    "reconciliation.extra",
    "reconciliation.missing",
    "record.duplicate_across_slices",
    "record.duplicate_key",
    "record.duplicate_value",
    "record.mapping_failed",
    "record.missing_key",
    "record.missing_reference",
    "record.quarantined",
    "record.schema_violation",
    "record.unusable_key",
    "source.forbidden",
    "source.malformed",
    "source.misconfigured",
    "source.not_found",
    "source.rate_limited",
    "source.stalled",
    "source.timeout",
    "source.unauthorized",
    "source.unavailable",
    "synthetic.different",
    "synthetic.left_behind",
    "synthetic.left_out",
    "synthetic.missing",
    "synthetic.unmarked",
];

static ALL: LazyLock<Vec<Runbook>> = LazyLock::new(|| {
    let mut all: Vec<Runbook> = FILES.iter().map(|(code, text)| built_in(code, text)).collect();
    all.sort_by_key(|runbook| runbook.id);
    all
});

/// All of them, in the order of their ids.
pub(super) fn all() -> &'static [Runbook] {
    &ALL
}

/// The one with an id.
pub(super) fn get(id: Uuid) -> Option<&'static Runbook> {
    ALL.iter().find(|runbook| runbook.id == id)
}

/// The one of a code.
pub(super) fn of_code(code: &str) -> Option<&'static Runbook> {
    ALL.iter().find(|runbook| runbook.code.as_deref() == Some(code))
}

fn built_in(code: &str, text: &str) -> Runbook {
    let (title, body) = text.split_once('\n').unwrap_or((text, ""));
    Runbook {
        id: lasting_id(code),
        is_built_in: true,
        code: Some(code.to_owned()),
        connector: None,
        integration_id: None,
        title: title.trim_start_matches('#').trim().to_owned(),
        body: (body.trim().to_owned() + "\n").into(),
        version: 1,
        review_interval_days: None,
        last_reviewed_at: None,
        last_reviewed_by: None,
        is_review_overdue: false,
        updated_at: None,
        updated_by: None,
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::{FILES, all, get, of_code};
    use crate::catalogue;
    use crate::runbook::{BODY_BYTES_MAX, TITLE_CHARS_MAX};

    #[test]
    fn every_code_has_one_that_helps() {
        let codes: BTreeSet<&str> = catalogue::entries().iter().map(|entry| entry.code).collect();
        let files: BTreeSet<&str> = FILES.iter().map(|(code, _)| *code).collect();
        assert_eq!(files, codes);
        let ids: BTreeSet<_> = all().iter().map(|runbook| runbook.id).collect();
        assert_eq!(ids.len(), codes.len());
        for code in codes {
            let runbook = of_code(code).expect("it is there");
            assert_eq!(get(runbook.id), Some(runbook));
            assert!(!runbook.title.is_empty() && runbook.title.len() < TITLE_CHARS_MAX, "{code}");
            assert!(runbook.body.len() < BODY_BYTES_MAX);
            let mut at = 0;
            for heading in [
                "## What it means",
                "## First checks",
                "## Whose fault it is",
                "## What to do",
                "## What to tell the customer",
            ] {
                let found = runbook.body[at..].find(&format!("{heading}\n"));
                at += found.unwrap_or_else(|| panic!("{code} has no `{heading}`, or not in its place"));
                let rest = &runbook.body[at + heading.len()..];
                let section = rest.split("\n## ").next().unwrap_or_default();
                assert!(section.split_whitespace().count() >= 12, "{code}: {heading} says too little");
            }
        }
    }
}
