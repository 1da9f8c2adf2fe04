//! Records of customers that staff looked at: for minutes, with a reason, and told to the customer.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::reveal;

use super::caller::{actor, loaders};
use super::error::{Result, UserError, outcome};
use super::failure::Failure;
use super::scalar::{DateTime, uuid};

/// Somebody of the operator's staff could read a failure's record for a while.
#[derive(Clone)]
pub struct Reveal(pub(super) reveal::Reveal);

/// Somebody of the operator's staff could read a failure's record for a while.
#[Object]
impl Reveal {
    /// The failure whose record it was.
    async fn failure(&self, ctx: &Context<'_>) -> Result<Failure> {
        Ok(Failure(loaders(ctx)?.referred(self.0.failure_id, "failure").await?))
    }

    /// Who; a tenant reads only that it was the operator's support team.
    fn revealed_by(&self) -> &str {
        &self.0.revealed_by
    }

    /// Why, in their words.
    fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Since when.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Until when; earlier if the tenant withdraws support access before.
    fn expires_at(&self) -> DateTime {
        self.0.expires_at.into()
    }
}

/// Which record to show, and why.
#[derive(InputObject)]
pub struct RevealRecordInput {
    /// The failure whose record it is.
    failure_id: ID,
    /// Why it must be looked at: 1 to 500 characters. The tenant reads it.
    reason: String,
    /// For how long: 1 to 60 minutes; 15 by default.
    minutes: Option<i32>,
}

/// The record is open, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct RevealRecordPayload {
    /// Until when, and the failure, whose `record` can be read now; null when `userErrors` is not empty.
    reveal: Option<Reveal>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

/// Mutations of reveals.
#[derive(Default)]
pub struct RevealMutation;

#[Object]
impl RevealMutation {
    /// Opens a failure's record to the viewer, one of the operator's staff, for some minutes, if the tenant allows
    /// support access. The tenant reads in its audit log, and at the failure, that and why it was done. At most 20
    /// records are open to one person at once.
    async fn reveal_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The failure, and why.")] input: RevealRecordInput,
    ) -> Result<RevealRecordPayload> {
        let failure_id = uuid(Kind::Failure, &input.failure_id);
        let minutes = input.minutes.map(i64::from);
        let revealed = reveal::create(&actor(ctx)?, failure_id, &input.reason, minutes).await;
        let (reveal, user_errors) = outcome(revealed)?;
        Ok(RevealRecordPayload { reveal: reveal.map(Reveal), user_errors })
    }
}
