//! What fields cost whose work is more than a field's, in points of some 10 µs of a core (`http/limits.rs` counts, and
//! `http/budget.rs` draws). Every other field costs one.

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

/// Points of the clues of one failure: some hundred rows of several tables.
const CLUES: u64 = 50;

/// Points of sums over the hours of many integrations, which take some milliseconds of the database.
const SUMS: u64 = 200;

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
    ("testNoticeChannel", OUTSIDE_CALL),
    ("replayNotice", MAIL),
    ("createIntegration", HEAVY_WRITE),
    ("updateIntegration", HEAVY_WRITE),
    ("startRun", HEAVY_WRITE),
    ("startRuns", 10 * HEAVY_WRITE),
    ("retryRun", HEAVY_WRITE),
    ("startBackfill", HEAVY_WRITE),
    ("reconcileIntegration", HEAVY_WRITE),
    ("repairReconciliation", 4 * HEAVY_WRITE),
    ("retryFailures", 4 * HEAVY_WRITE),
    ("retryPlan", FORECAST),
    ("skipFailures", HEAVY_WRITE),
    ("mergeFailureGroups", HEAVY_WRITE),
    // Five small questions about a span of time.
    ("clues", CLUES),
    ("releaseQuarantine", HEAVY_WRITE),
    ("discardQuarantine", HEAVY_WRITE),
    ("editAndRetryFailure", HEAVY_WRITE),
    ("platformHealth", 5 * SUMS),
    ("series", SUMS),
];

#[cfg(test)]
mod tests {
    use super::FIELD_COSTS;

    #[test]
    fn every_priced_field_is_one_of_the_schema() {
        let sdl = crate::graphql::sdl();
        for (field, _) in FIELD_COSTS {
            assert!(sdl.contains(&format!("\t{field}(")) || sdl.contains(&format!("  {field}(")), "{field}");
        }
    }
}
