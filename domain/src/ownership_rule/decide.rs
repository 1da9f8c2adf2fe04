//! Who gets a group. Each statement is asked only where something depends on its answer.

use entity::failure::ResponsibleParty;
use entity::integration_contact::{self, ContactRole};
use entity::{contact, integration, ownership_rule, system};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::selector::{Facts, fits};
use super::{OperatorRule, OwnershipRule, in_order};
use crate::catalogue;
use crate::error::{Doing, Result};
use crate::failure_group::{is_of_records, is_ours};
use crate::scope::TxScope;

/// What is given to somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) integration_id: Uuid,
    /// Empty for failures of runs as a whole that are of none.
    pub(crate) stream: &'a str,
    pub(crate) code: &'a str,
}

/// Who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    /// Who acts next.
    pub(crate) party: ResponsibleParty,
    /// The rule of the operator that says so; `None` where it is as usual.
    pub(crate) party_rule: Option<String>,
    /// Who has it.
    pub(crate) assignee: Option<Assignee>,
}

/// Who has a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignee {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Whether it is one of the operator's, of whom no tenant reads.
    pub(crate) is_operators: bool,
    /// Name of the rule that says so; `None`: by what it is for the integration.
    pub(crate) rule: Option<String>,
}

/// Who gets a group that begins, or with `to` one that is handed over to that party.
pub(crate) async fn decide(
    tx: &TxScope,
    subject: &Subject<'_>,
    to: Option<ResponsibleParty>,
) -> Result<Owned> {
    let of_operator = tx.app().ownership_rules().current();
    let of_tenant = in_order(tx.find::<ownership_rule::Entity>())
        .all(tx.connection())
        .await
        .doing("reading rules of ownership")?;
    let all = of_operator.iter().map(|rule| &rule.rule).chain(&of_tenant);
    let connectors = if all.into_iter().any(|rule| !rule.selectors.connectors.is_empty()) {
        connectors(tx, subject.integration_id).await?
    } else {
        None
    };
    let facts = Facts {
        tenant_id: tx.tenant_id(),
        code: subject.code,
        stream: subject.stream,
        connectors: connectors.as_ref().map(|(source, destination)| (source.as_str(), destination.as_str())),
    };
    let mut owned = by_operator(&of_operator, &facts, to);
    if owned.assignee.is_some() || is_ours(owned.party) {
        return Ok(owned);
    }
    owned.assignee = match of_tenant.into_iter().find(|rule| fits(&rule.selectors, &facts)) {
        Some(rule) => by_tenant(tx, rule).await?,
        None => None,
    };
    if owned.assignee.is_none() && owned.party == ResponsibleParty::Customer {
        let role = if is_of_records(subject.code) {
            ContactRole::DataSteward
        } else {
            ContactRole::IntegrationOwner
        };
        owned.assignee = by_role(tx, subject.integration_id, role).await?;
    }
    Ok(owned)
}

/// What the operator's rules say. Where a party is named, a rule for another party does not fit.
fn by_operator(rules: &[OperatorRule], facts: &Facts<'_>, to: Option<ResponsibleParty>) -> Owned {
    let usual = to.unwrap_or(catalogue::entry(facts.code).responsible_party);
    let fitting = rules.iter().find(|OperatorRule { rule, .. }| {
        let is_for = |party| to.is_none_or(|to| to == party);
        rule.responsible_party.is_none_or(is_for) && fits(&rule.selectors, facts)
    });
    let Some(OperatorRule { rule, contact_name }) = fitting else {
        return Owned { party: usual, party_rule: None, assignee: None };
    };
    let party = rule.responsible_party.unwrap_or(usual);
    // What is handed to the customer or the maker of a system goes to one of the operator's by a rule for them alone.
    let is_theirs = rule.responsible_party.is_none() && to.is_some_and(|to| !is_ours(to));
    let assignee = rule.contact_id.zip(contact_name.clone()).filter(|_| !is_theirs);
    Owned {
        party,
        party_rule: (party != usual).then(|| rule.name.clone()),
        assignee: assignee.map(|(id, name)| Assignee {
            id,
            name,
            is_operators: true,
            rule: Some(rule.name.clone()),
        }),
    }
}

async fn by_tenant(tx: &TxScope, rule: OwnershipRule) -> Result<Option<Assignee>> {
    let Some(id) = rule.contact_id else { return Ok(None) };
    let contact = tx.find::<contact::Entity>().filter(contact::Column::Id.eq(id));
    let contact = contact.one(tx.connection()).await.doing("reading whom a rule assigns")?;
    Ok(contact.map(|row| Assignee { id, name: row.name, is_operators: false, rule: Some(rule.name) }))
}

/// The tenant's own: what is with the customer is not given to the operator's people by itself.
async fn by_role(tx: &TxScope, integration_id: Uuid, role: ContactRole) -> Result<Option<Assignee>> {
    let doing = "reading who is what for an integration";
    let named: Option<Uuid> = tx
        .find::<integration_contact::Entity>()
        .select_only()
        .column(integration_contact::Column::ContactId)
        .filter(integration_contact::Column::IntegrationId.eq(integration_id))
        .filter(integration_contact::Column::Role.eq(role))
        .into_tuple()
        .one(tx.connection())
        .await
        .doing(doing)?;
    let Some(id) = named else { return Ok(None) };
    let contact = tx.find::<contact::Entity>().filter(contact::Column::Id.eq(id));
    let contact = contact.one(tx.connection()).await.doing(doing)?;
    Ok(contact.map(|row| Assignee { id, name: row.name, is_operators: false, rule: None }))
}

/// Of the source and of the destination.
async fn connectors(tx: &TxScope, integration_id: Uuid) -> Result<Option<(String, String)>> {
    let doing = "reading the connectors of an integration";
    let ends: Option<(Uuid, Uuid)> = tx
        .find::<integration::Entity>()
        .select_only()
        .column(integration::Column::SourceId)
        .column(integration::Column::DestinationId)
        .filter(integration::Column::Id.eq(integration_id))
        .into_tuple()
        .one(tx.connection())
        .await
        .doing(doing)?;
    let Some((source, destination)) = ends else { return Ok(None) };
    let found: Vec<(Uuid, String)> = tx
        .find::<system::Entity>()
        .select_only()
        .column(system::Column::Id)
        .column(system::Column::Connector)
        .filter(system::Column::Id.is_in([source, destination]))
        .into_tuple()
        .all(tx.connection())
        .await
        .doing(doing)?;
    let of = |id| found.iter().find(|(of, _)| *of == id).map(|(_, connector)| connector.clone());
    Ok(of(source).zip(of(destination)))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::failure::ResponsibleParty::{self, Customer, Engineering, Support, ThirdParty};
    use uuid::Uuid;

    use super::super::selector::Facts;
    use super::{OperatorRule, OwnershipRule, by_operator};

    fn rule(name: &str, code: &str, party: Option<ResponsibleParty>, contact: Option<u128>) -> OperatorRule {
        let time = DateTime::from_timestamp_millis(0).expect("a time");
        let rule = OwnershipRule {
            id: Uuid::from_u128(9),
            tenant_id: None,
            position: 0,
            name: name.to_owned(),
            selectors: entity::ownership_rule::RuleSelectors {
                codes: vec![code.to_owned()],
                ..Default::default()
            },
            responsible_party: party,
            contact_id: contact.map(Uuid::from_u128),
            version: 1,
            created_at: time,
            updated_at: time,
        };
        OperatorRule { rule, contact_name: contact.map(|_| "Grace".to_owned()) }
    }

    fn facts(code: &'static str) -> Facts<'static> {
        Facts { tenant_id: Uuid::from_u128(1), code, stream: "orders", connectors: None }
    }

    #[test]
    fn the_first_that_fits_counts_and_without_one_it_is_as_usual() {
        let rules = [
            rule("rejected", "destination.rejected", Some(Support), Some(1)),
            rule("all", "*", Some(Engineering), None),
        ];
        let first = by_operator(&rules, &facts("destination.rejected"), None);
        assert_eq!((first.party, first.party_rule.as_deref()), (Support, Some("rejected")));
        let assignee = first.assignee.expect("somebody");
        assert_eq!((assignee.name.as_str(), assignee.is_operators), ("Grace", true));
        let second = by_operator(&rules, &facts("record.missing_key"), None);
        assert_eq!((second.party, second.assignee), (Engineering, None));
        let usual = by_operator(&[], &facts("record.missing_key"), None);
        assert_eq!((usual.party, usual.party_rule, usual.assignee), (Customer, None, None));
    }

    #[test]
    fn what_is_handed_over_goes_to_whom_a_rule_names_for_that_party() {
        let rules = [
            rule("first line", "*", Some(Support), Some(1)),
            rule("second line", "*", Some(Engineering), Some(2)),
        ];
        let handed = by_operator(&rules, &facts("record.missing_key"), Some(Engineering));
        assert_eq!(handed.party, Engineering);
        assert_eq!(handed.party_rule, None, "a person said so");
        assert_eq!(handed.assignee.and_then(|assignee| assignee.rule).as_deref(), Some("second line"));
        let back = by_operator(&rules, &facts("record.missing_key"), Some(Customer));
        assert_eq!((back.party, back.assignee), (Customer, None));
    }

    #[test]
    fn a_rule_for_no_party_in_particular_takes_nothing_that_is_handed_to_others() {
        let rules = [rule("orders", "*", None, Some(1))];
        let has = |to| {
            let owned = by_operator(&rules, &facts("record.missing_key"), to);
            (owned.party, owned.assignee.and_then(|assignee| assignee.rule))
        };
        let orders = Some("orders".to_owned());
        assert_eq!(has(None), (Customer, orders.clone()));
        assert_eq!(has(Some(Support)), (Support, orders.clone()));
        assert_eq!(has(Some(Engineering)), (Engineering, orders));
        assert_eq!(has(Some(Customer)), (Customer, None));
        assert_eq!(has(Some(ThirdParty)), (ThirdParty, None));
        let for_them = [rule("care", "*", Some(Customer), Some(2))];
        let care = by_operator(&for_them, &facts("record.missing_key"), Some(Customer)).assignee;
        assert_eq!(care.and_then(|assignee| assignee.rule).as_deref(), Some("care"));
    }
}
