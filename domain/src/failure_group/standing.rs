//! Where groups stand, for what is told of their failures and may be done about them: who acts next, and whether it is
//! over. Deliberately absent: all else of a group, which its own reading has.

use std::collections::{HashMap, HashSet};

use entity::failure::ResponsibleParty;
use entity::failure_group::{self, FailureGroupStatus};
use uuid::Uuid;

use super::is_ours;
use crate::catalogue;
use crate::error::Result;
use crate::permission::Audience;
use crate::scope::Scope;
use crate::words::Language;

/// Where a group stands, or the one that it was merged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The group that people decide about.
    pub(crate) group_id: Uuid,
    /// Who acts next.
    pub(crate) party: ResponsibleParty,
    /// Whether it is over: nobody can hand it over any more.
    pub(crate) is_resolved: bool,
}

/// Where these groups stand; for one that was merged into another, where that one does.
pub(crate) async fn standings(scope: &Scope, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, Standing>> {
    let own = read(scope, &ids).await?;
    let targets: HashSet<Uuid> =
        own.values().filter_map(|(_, into)| *into).filter(|into| !own.contains_key(into)).collect();
    // Whatever is merged brings along what was merged into it, so that nothing stands two steps away.
    let others = read(scope, &targets).await?;
    let standing = |id: &Uuid| own.get(id).or_else(|| others.get(id)).map(|(standing, _)| *standing);
    let found = own.iter().map(|(id, (standing_of_own, into))| {
        (*id, into.as_ref().and_then(standing).unwrap_or(*standing_of_own))
    });
    Ok(found.collect())
}

/// Where these stand themselves, and what they were merged into.
async fn read(scope: &Scope, ids: &HashSet<Uuid>) -> Result<HashMap<Uuid, (Standing, Option<Uuid>)>> {
    use failure_group::Column;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, ResponsibleParty, FailureGroupStatus, Option<Uuid>)> = scope
        .find::<failure_group::Entity>()
        .of_ids(Column::Id, ids.iter().copied())
        .tuples([Column::Id, Column::ResponsibleParty, Column::Status, Column::MergedIntoId])
        .await?;
    let found = rows.into_iter().map(|(group_id, party, status, into)| {
        let is_resolved = status == FailureGroupStatus::Resolved;
        (group_id, (Standing { group_id, party, is_resolved }, into))
    });
    Ok(found.collect())
}

/// What a customer reads in place of what the code says they do, where another acts next than the code says; `None` where
/// the code's words hold. Between ours it is nothing for them.
pub(crate) fn handed_over(
    language: &Language,
    audience: Audience,
    code: &str,
    party: ResponsibleParty,
) -> Option<String> {
    let usual = catalogue::entry(code).responsible_party;
    if audience != Audience::Customer || party == usual || (is_ours(party) && is_ours(usual)) {
        return None;
    }
    let id = match party {
        ResponsibleParty::Support | ResponsibleParty::Engineering => "group-with-us",
        ResponsibleParty::ThirdParty => "group-with-vendor",
        ResponsibleParty::Customer => "group-with-you",
    };
    Some(language.say(id))
}

#[cfg(test)]
mod tests {
    use entity::failure::ResponsibleParty::{Customer, Engineering, Support, ThirdParty};

    use super::handed_over;
    use crate::permission::Audience;
    use crate::words::{Locale, shipped};

    #[test]
    fn a_customer_reads_who_has_it_where_the_code_says_another_and_never_who_of_us() {
        let with_us = Some("Nothing is needed from you: it is with us.");
        let with_vendor = Some("Nothing is needed from you: it is with the maker of the other system.");
        let with_you = Some("It is with you now: the note of the hand-over says what is needed.");
        for (code, party, expected) in [
            ("record.missing_key", Customer, None),
            ("record.missing_key", Support, with_us),
            ("record.missing_key", Engineering, with_us),
            ("record.missing_key", ThirdParty, with_vendor),
            ("record.mapping_failed", Engineering, None),
            ("record.mapping_failed", Support, None),
            ("destination.conflict", Engineering, None),
            ("record.mapping_failed", Customer, with_you),
        ] {
            let language = shipped(Locale::English);
            let said = handed_over(&language, Audience::Customer, code, party);
            assert_eq!(said.as_deref(), expected, "{code} {party:?}");
            assert_eq!(handed_over(&language, Audience::Support, code, party), None);
        }
    }
}
