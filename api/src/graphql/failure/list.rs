//! Lists of failures: which, in which order, and what of each, by what is asked for of them.

use async_graphql::{Context, Enum, ID, InputObject};
use domain::failure::{self, FailureList};
use domain::id::Kind;

use super::super::caller::loaders;
use super::super::error::{Result, filter_text};
use super::super::page::OrderDirection;
use super::super::run::DateTimeFilter;
use super::super::scalar::optional_uuid;
use super::{FailureCategory, FailureStatus, ResponsibleParty};

/// Which texts are taken; all conditions hold at once. Upper and lower case differ.
#[derive(Debug, Default, InputObject)]
pub struct StringFilter {
    /// Exactly this.
    eq: Option<String>,
    /// One of these.
    r#in: Option<Vec<String>>,
    /// With this somewhere in it.
    contains: Option<String>,
}

/// Which failures are taken; all conditions hold at once. What is asked for beside `runId`, `quarantineId`, `groupId` or
/// `integrationId`, or under one of them, is looked for among the failures there, in their order until the page is full;
/// an operation may take 30 seconds. A span of `failedAt` has nothing else looked at.
#[derive(Debug, Default, InputObject)]
pub struct FailureFilter {
    /// One of these.
    status: Option<Vec<FailureStatus>>,
    /// One of these.
    category: Option<Vec<FailureCategory>>,
    /// One of these.
    responsible_party: Option<Vec<ResponsibleParty>>,
    /// One of these codes of the error catalogue. Staff who look for a rare one name a tenant, too, or ask
    /// `failureGroups`: of every tenant's failures all that are newer are looked at.
    code: Option<Vec<String>>,
    /// Of this integration.
    integration_id: Option<ID>,
    /// That failed first in this run.
    run_id: Option<ID>,
    /// Of the page of this quarantine.
    quarantine_id: Option<ID>,
    /// Of this group, and of those that were merged into it.
    group_id: Option<ID>,
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// By the key of the record in the business's own terms.
    business_reference: Option<StringFilter>,
    /// That failed first in this time.
    failed_at: Option<DateTimeFilter>,
}

impl FailureFilter {
    pub(in crate::graphql) fn decode(self) -> domain::Result<failure::FailureFilter> {
        let reference = self.business_reference.unwrap_or_default();
        let failed_at = self.failed_at.unwrap_or_default();
        let texts =
            |texts: Vec<String>| texts.into_iter().map(filter_text).collect::<domain::Result<Vec<_>>>();
        Ok(failure::FailureFilter {
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
            category: self.category.map(|category| category.into_iter().map(Into::into).collect()),
            responsible_party: self
                .responsible_party
                .map(|party| party.into_iter().map(Into::into).collect()),
            code: self.code.map(texts).transpose()?,
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            run_id: optional_uuid(Kind::Run, self.run_id.as_ref()),
            quarantine_id: optional_uuid(Kind::Quarantine, self.quarantine_id.as_ref()),
            group_id: optional_uuid(Kind::FailureGroup, self.group_id.as_ref()),
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            reference: reference.eq.map(filter_text).transpose()?,
            references: reference.r#in.map(texts).transpose()?,
            reference_part: reference.contains.map(filter_text).transpose()?,
            failed_from: failed_at.gte.map(|time| time.0),
            failed_before: failed_at.lt.map(|time| time.0),
        })
    }
}

/// By what failures are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::failure::FailureOrder")]
pub enum FailureOrderField {
    /// By the time they failed first.
    #[default]
    FailedAt,
    /// By the time they were last tried.
    LastAttemptAt,
}

/// Order of a list of failures; newest first by default.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct FailureOrder {
    /// By what.
    #[graphql(default)]
    pub(in crate::graphql) field: FailureOrderField,
    /// Which way.
    #[graphql(default)]
    pub(in crate::graphql) direction: OrderDirection,
}

/// What a list of failures asks for.
pub(in crate::graphql) fn failure_list(
    ctx: &Context<'_>,
    filter: Option<FailureFilter>,
    order_by: Option<FailureOrder>,
) -> Result<FailureList> {
    let order_by = order_by.unwrap_or_default();
    Ok(FailureList {
        filter: filter.unwrap_or_default().decode()?,
        order: order_by.field.into(),
        direction: order_by.direction.into(),
        parts: loaders(ctx)?.asked().failure,
    })
}
