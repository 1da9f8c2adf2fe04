//! What fields cost whose work is more than a field's, in points of some 10 µs of a core (`http/limits.rs` counts, and
//! `http/budget.rs` draws). Every other field costs one.

use domain::kpi::KPIS_MAX;

/// Points of the argon2id hash that judges or stores a password: 50 ms of a core.
const PASSWORD_HASH: u64 = 5_000;
/// Points of a mail, which costs its receiver more than us.
const MAIL: u64 = 1_000;
/// Points of a call to an outside system, which holds a connection for up to half a minute.
const OUTSIDE_CALL: u64 = 1_000;
/// Points of what compiles mappings and schemas, or starts a run that a worker then has.
const HEAVY_WRITE: u64 = 500;

/// Points of a look at thousands of records: each is opened, mapped, checked and looked up, which takes some 20 µs.
const FORECAST: u64 = 5_000;

/// Points of the clues of one failure: five questions about a span of time, with some hundred rows of several tables.
const CLUES: u64 = 300;

/// Points of sums over the hours of many integrations, which take some milliseconds of the database.
const SUMS: u64 = 200;

/// Points of the hours of one group of failures: 24 unless more are asked for.
const HOURS: u64 = 50;

/// Points of a list without pages, and of what is summed or derived for one object: some ten rows.
const ROWS: u64 = 20;

/// Fields by name.
pub const FIELD_COSTS: &[(&str, u64)] = &[
    ("signIn", PASSWORD_HASH),
    ("changePassword", 2 * PASSWORD_HASH),
    ("resetPassword", PASSWORD_HASH),
    ("changeEmail", PASSWORD_HASH + MAIL),
    ("enrollSecondFactor", PASSWORD_HASH),
    ("disableSecondFactor", PASSWORD_HASH),
    ("regenerateRecoveryCodes", PASSWORD_HASH),
    ("acceptInvitation", PASSWORD_HASH),
    ("requestPasswordReset", MAIL),
    ("inviteUser", MAIL),
    ("resendInvitation", MAIL),
    ("createUser", PASSWORD_HASH),
    ("setUserPassword", PASSWORD_HASH),
    ("startSingleSignOn", OUTSIDE_CALL),
    // The provider's configuration, its keys and its token; and the password of whom it brings for the first time.
    ("finishSingleSignOn", 3 * OUTSIDE_CALL + PASSWORD_HASH),
    ("createIdentityProvider", OUTSIDE_CALL),
    ("testSystem", OUTSIDE_CALL),
    ("sampleRecords", OUTSIDE_CALL),
    ("previewMapping", HEAVY_WRITE),
    ("testNoticeChannel", OUTSIDE_CALL),
    ("replayNotice", MAIL),
    ("createIntegration", HEAVY_WRITE),
    ("updateIntegration", HEAVY_WRITE),
    ("startRun", HEAVY_WRITE),
    ("startRuns", 10 * HEAVY_WRITE),
    // Some thousand pages of it are nobody's request.
    ("createExport", 10 * HEAVY_WRITE),
    ("retryRun", HEAVY_WRITE),
    ("startBackfill", HEAVY_WRITE),
    ("reconcileIntegration", HEAVY_WRITE),
    ("repairReconciliation", 4 * HEAVY_WRITE),
    ("retryFailures", 4 * HEAVY_WRITE),
    ("retryPlan", FORECAST),
    ("skipFailures", HEAVY_WRITE),
    // Systems at a host are looked for in the configs of all.
    ("createIncident", HEAVY_WRITE),
    ("mergeFailureGroups", HEAVY_WRITE),
    ("clues", CLUES),
    ("releaseQuarantine", HEAVY_WRITE),
    ("discardQuarantine", HEAVY_WRITE),
    ("editAndRetryFailure", HEAVY_WRITE),
    ("setSyntheticCheck", HEAVY_WRITE),
    ("runSyntheticCheck", HEAVY_WRITE),
    ("lastResult", ROWS),
    ("platformHealth", 5 * SUMS),
    ("series", SUMS),
    ("slaReport", SUMS),
    ("health", ROWS),
    ("kpis", ROWS),
    ("measured", ROWS),
    ("setKpis", HEAVY_WRITE),
    ("failuresByHour", HOURS),
    ("deliveries", ROWS),
    ("inboxCounts", ROWS),
    ("ownershipRuleMatches", SUMS),
];

/// Lists without pages of whose entries each has dear fields, with the most that there may be.
pub const LIST_SIZES: &[(&str, u64)] = &[("kpis", KPIS_MAX as u64)];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::{FIELD_COSTS, LIST_SIZES};

    #[test]
    fn every_priced_field_is_one_of_the_schema() {
        let document = parse_schema(crate::graphql::sdl()).expect("the schema is GraphQL");
        let mut fields = HashSet::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let TypeKind::Object(object) = definition.node.kind else { continue };
            fields.extend(object.fields.into_iter().map(|field| field.node.name.node.to_string()));
        }
        for (field, _) in FIELD_COSTS.iter().chain(LIST_SIZES) {
            assert!(fields.contains(*field), "{field}");
        }
    }

    #[test]
    fn a_field_has_one_price_and_one_size() {
        let names: HashSet<&str> = FIELD_COSTS.iter().map(|(field, _)| *field).collect();
        assert_eq!(names.len(), FIELD_COSTS.len());
        let names: HashSet<&str> = LIST_SIZES.iter().map(|(field, _)| *field).collect();
        assert_eq!(names.len(), LIST_SIZES.len());
    }
}
