//! Rules of ownership: who gets a group of failures when it begins, or is handed over. The operator's say which party acts and
//! who of the operator has it; a tenant's say who of the tenant has what is not with the operator.
//!
//! Of each owner's rules the first one that fits counts. The operator's are in memory, for groups are made in transactions
//! that see one tenant; a tenant's are read where a group is made, which is rare.

mod change;
mod decide;
mod dry_run;
mod selector;

use std::sync::{Arc, PoisonError, RwLock};

use entity::{contact, ownership_rule};
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::contact::{door, owned_by};
use crate::error::{Doing, Result};
use crate::page::{Direction, Page, PageArguments};
use crate::permission::Permission;
use crate::scope::Keyset;

pub use self::change::{NewOwnershipRule, OwnershipRuleChanges, create, delete, update};
pub(crate) use self::decide::{Assignee, Owned, Subject, decide};
pub use self::dry_run::{MATCHES_MAX, Matches, matches};
pub use entity::ownership_rule::{Model as OwnershipRule, RuleSelectors};

/// Rules of one owner: each group that begins is held against all of them.
pub const RULES_MAX: u64 = 200;
/// Values of one selector.
pub const VALUES_MAX: usize = 100;
/// The last place in the order.
pub const POSITION_MAX: i64 = 1_000_000;

/// The operator's rules, as this process read them last, in their order.
#[derive(Default)]
pub(crate) struct CurrentRules(RwLock<Arc<Vec<OperatorRule>>>);

/// A rule of the operator, with the name of whom it assigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorRule {
    pub(crate) rule: OwnershipRule,
    pub(crate) contact_name: Option<String>,
}

impl CurrentRules {
    /// As they are now.
    pub(crate) fn current(&self) -> Arc<Vec<OperatorRule>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, rules: Vec<OperatorRule>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

/// Reads the operator's rules again: another process may have changed them.
///
/// # Errors
/// When they can't be read; those that were read before stay in use.
pub async fn reread(app: &App) -> Result<()> {
    let doing = "reading the operator's rules of ownership";
    let reader = app.across_tenants().reader();
    let of_operator = owned_by(ownership_rule::Column::TenantId, None);
    let rules = in_order(door::find::<ownership_rule::Entity>().filter(of_operator));
    let rules = rules.all(reader).await.doing(doing)?;
    let ids: Vec<Uuid> = rules.iter().filter_map(|rule| rule.contact_id).collect();
    let names: Vec<(Uuid, String)> = if ids.is_empty() {
        Vec::new()
    } else {
        door::find::<contact::Entity>()
            .select_only()
            .column(contact::Column::Id)
            .column(contact::Column::Name)
            .filter(contact::Column::Id.is_in(ids))
            .into_tuple()
            .all(reader)
            .await
            .doing(doing)?
    };
    let name = |id: Option<Uuid>| names.iter().find(|(of, _)| Some(*of) == id).map(|(_, name)| name.clone());
    let rules = rules.into_iter().map(|rule| OperatorRule { contact_name: name(rule.contact_id), rule });
    app.ownership_rules().replace(rules.collect());
    Ok(())
}

/// Which rules a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnershipRuleFilter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Whether they are the operator's.
    pub is_operators: Option<bool>,
}

/// A page of rules, in the order in which they are looked at: of staff everybody's, of others those of their tenants.
///
/// # Errors
/// Denied without `ownership_rules:manage`; [`Error::Argument`](crate::Error::Argument) for a bad page.
pub async fn list(
    actor: &Actor,
    filter: &OwnershipRuleFilter,
    direction: Direction,
    page: &PageArguments,
) -> Result<Page<OwnershipRule>> {
    use ownership_rule::Column;
    let scope = actor.authorize(Permission::OwnershipRuleManage)?;
    let keyset = Keyset { name: "ownership_rule", column: Some(Column::Position), id: Column::Id, direction };
    scope
        .find::<ownership_rule::Entity>()
        .of_tenant(filter.tenant_id)
        .filter_some(filter.is_operators, |is_operators| -> SimpleExpr {
            if is_operators { Column::TenantId.is_null() } else { Column::TenantId.is_not_null() }
        })
        .page(&keyset, &page.check(keyset.name)?)
        .await
}

/// The first that are looked at first.
fn in_order(select: sea_orm::Select<ownership_rule::Entity>) -> sea_orm::Select<ownership_rule::Entity> {
    select
        .order_by_asc(ownership_rule::Column::Position)
        .order_by_asc(ownership_rule::Column::Id)
        .limit(RULES_MAX)
}
