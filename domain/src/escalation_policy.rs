//! Policies of escalation: what happens to groups of failures that nobody takes up, and by when somebody is to. They are the
//! operator's, over all tenants or some; of those that are switched on the first that fits a group is its policy.
//!
//! Deliberately absent: what becomes of a group (`escalation`).

mod change;
pub(crate) mod standard;

use entity::{escalation_policy, failure_group};
use sea_orm::ColumnTrait;

use crate::actor::Actor;
use crate::error::Result;
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::Keyset;

pub use self::change::{EscalationPolicyChanges, NewEscalationPolicy, create, delete, update};
pub use entity::escalation_policy::{
    EscalationSelectors, EscalationStep, EscalationStepList, Model as EscalationPolicy,
};

/// Policies: each group that begins is held against all of them.
pub const POLICIES_MAX: u64 = 100;
/// Steps of one policy.
pub const STEPS_MAX: usize = 10;
/// Values of one selector.
pub const VALUES_MAX: usize = 100;
/// The last place in the order.
pub const POSITION_MAX: i64 = 1_000_000;
/// Longest time of a step and of a promise, in seconds: a quarter of a year.
pub const SECONDS_MAX: i64 = 92 * 86_400;
/// How often one step is said again, at most.
pub const REPEATS_MAX: i32 = 10;
/// After how much of a promised time somebody is warned when nobody says, in percent.
pub const WARN_PERCENT: i32 = 80;

/// Which policies a list has; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EscalationPolicyFilter {
    /// Those that are switched on (true), or off.
    pub is_enabled: Option<bool>,
}

/// A page of policies, in the order in which they are looked at.
///
/// # Errors
/// Denied without `escalations:read`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &EscalationPolicyFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<EscalationPolicy>> {
    use escalation_policy::Column;
    let scope = actor.authorize(Permission::EscalationRead)?;
    let keyset =
        Keyset { name: "escalation_policy", column: Some(Column::Position), id: Column::Id, direction };
    scope
        .find::<escalation_policy::Entity>()
        .filter_some(filter.is_enabled, |is_enabled| Column::IsEnabled.eq(is_enabled))
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// The policy of a group, of those that are given in their order.
pub(crate) fn chosen<'a>(
    policies: &'a [EscalationPolicy],
    group: &failure_group::Model,
) -> Option<&'a EscalationPolicy> {
    policies.iter().find(|policy| policy.is_enabled && fits(&policy.selectors, group))
}

fn fits(selectors: &EscalationSelectors, group: &failure_group::Model) -> bool {
    let EscalationSelectors { tenant_ids, codes, categories } = selectors;
    (tenant_ids.is_empty() || tenant_ids.contains(&group.tenant_id))
        && (codes.is_empty() || codes.iter().any(|pattern| is_code(pattern, &group.code)))
        && (categories.is_empty() || categories.contains(&group.category))
}

/// Whether a code is the one that is named, or begins like `destination.*`.
fn is_code(pattern: &str, code: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => code.starts_with(prefix),
        None => pattern == code,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::escalation_policy::EscalationSelectors;
    use entity::failure::{FailureCategory, FailureStage, Impact, ResponsibleParty};
    use entity::failure_group::{self, FailureGroupStatus};
    use uuid::Uuid;

    use super::{EscalationPolicy, chosen, standard};

    fn group(code: &str) -> failure_group::Model {
        let at = DateTime::UNIX_EPOCH;
        failure_group::Model {
            id: Uuid::nil(),
            tenant_id: Uuid::from_u128(1),
            integration_id: Uuid::nil(),
            stream: "orders".to_owned(),
            code: code.to_owned(),
            fingerprint: String::new(),
            category: FailureCategory::UnsupportedData,
            stage: FailureStage::Load,
            field_path: None,
            rule: None,
            reason: None,
            status: FailureGroupStatus::New,
            responsible_party: ResponsibleParty::Customer,
            first_seen_at: at,
            last_seen_at: at,
            failure_count: 1,
            run_count: 1,
            last_run_id: None,
            hour_at: at,
            hour_count: 1,
            hour_limit: 0,
            snoozed_until: None,
            snoozed_until_count: None,
            snoozed_until_hour_count: None,
            status_at: at,
            resolved_at: None,
            merged_into_id: None,
            assignee_id: None,
            impact: Impact::Medium,
            urgency: 0,
            value_at_stake: None,
        }
    }

    fn policy(name: &str, selectors: EscalationSelectors) -> EscalationPolicy {
        let standard = standard::policy(DateTime::UNIX_EPOCH);
        EscalationPolicy { name: name.to_owned(), selectors, ..standard }
    }

    #[test]
    fn the_first_that_fits_and_is_on_is_the_policy() {
        let codes = |code: &str| EscalationSelectors { codes: vec![code.to_owned()], ..Default::default() };
        let other = EscalationSelectors { tenant_ids: vec![Uuid::from_u128(2)], ..Default::default() };
        let of_data = EscalationSelectors {
            tenant_ids: vec![Uuid::from_u128(1)],
            categories: vec![FailureCategory::UnsupportedData],
            ..Default::default()
        };
        let off = EscalationPolicy { is_enabled: false, ..policy("off", EscalationSelectors::default()) };
        let policies = [
            off,
            policy("other", other),
            policy("sources", codes("source.*")),
            policy("conflicts", codes("destination.conflict")),
            policy("data", of_data),
            policy("all", EscalationSelectors::default()),
        ];
        let name = |code: &str| chosen(&policies, &group(code)).map(|policy| policy.name.clone());
        assert_eq!(name("source.timeout").as_deref(), Some("sources"));
        assert_eq!(name("destination.conflict").as_deref(), Some("conflicts"));
        assert_eq!(name("destination.rejected").as_deref(), Some("data"));
        let elsewhere = failure_group::Model { tenant_id: Uuid::nil(), ..group("destination.rejected") };
        assert_eq!(chosen(&policies, &elsewhere).map(|policy| policy.name.as_str()), Some("all"));
        assert_eq!(chosen(&policies[..4], &elsewhere), None);
    }
}
