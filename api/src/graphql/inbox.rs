//! The inbox of failures: what is the viewer's to act on, the most urgent first.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::inbox;

use super::caller::actor;
use super::error::Result;
use super::failure::Impact;
use super::failure_group::FailureGroup;
use super::page::{Connection, arguments};
use super::scalar::{BigInt, optional_uuid};

/// How many groups of failures the viewer's inbox has of each impact.
#[derive(Clone, Debug, SimpleObject)]
pub struct InboxCounts {
    /// Groups whose impact is CRITICAL.
    critical: BigInt,
    /// Groups whose impact is HIGH.
    high: BigInt,
    /// Groups whose impact is MEDIUM.
    medium: BigInt,
    /// Groups whose impact is LOW.
    low: BigInt,
}

/// Which groups of the inbox are taken; all conditions hold at once. Those of an integration are looked for among what is most
/// urgent, in that order until the page is full.
#[derive(Debug, Default, InputObject)]
pub struct InboxFilter {
    /// Of this tenant.
    tenant_id: Option<ID>,
    /// Of this integration.
    integration_id: Option<ID>,
    /// On which so much or more depends.
    min_impact: Option<Impact>,
}

impl InboxFilter {
    fn decode(self) -> inbox::InboxFilter {
        inbox::InboxFilter {
            tenant_id: optional_uuid(Kind::Tenant, self.tenant_id.as_ref()),
            integration_id: optional_uuid(Kind::Integration, self.integration_id.as_ref()),
            impact_min: self.min_impact.map(Into::into),
        }
    }
}

/// Queries of the inbox.
#[derive(Default)]
pub struct InboxQuery;

#[Object]
impl InboxQuery {
    /// Groups of failures on which the viewer's side acts next and that are not resolved, ignored or snoozed, the most urgent
    /// first. A tenant's people have those of the CUSTOMER, support those of SUPPORT and THIRD_PARTY, engineers those of
    /// ENGINEERING, and platform administrators all of the operator's. Urgent is on what much depends, times how many
    /// failures are not over: a step of impact is as much as a thousand times as many, and a failure counts half of one that
    /// came a day later.
    async fn inbox(
        &self,
        ctx: &Context<'_>,
        filter: Option<InboxFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<FailureGroup>> {
        let filter = filter.unwrap_or_default().decode();
        let page = inbox::list(&actor(ctx)?, &filter, &arguments(first, after, last, before)).await?;
        Ok(Connection::new(page, FailureGroup))
    }

    /// How many groups the viewer's inbox has.
    async fn inbox_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which groups; all by default.")] filter: Option<InboxFilter>,
    ) -> Result<InboxCounts> {
        let filter = filter.unwrap_or_default().decode();
        let inbox::InboxCounts { critical, high, medium, low } = inbox::counts(&actor(ctx)?, &filter).await?;
        Ok(InboxCounts {
            critical: critical.into(),
            high: high.into(),
            medium: medium.into(),
            low: low.into(),
        })
    }
}
