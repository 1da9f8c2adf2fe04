//! How far groups of failures are escalated, and the clocks of what was promised.

use std::collections::HashMap;

use domain::Actor;
use domain::escalation::{self, Escalation, SlaClock};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, Loaders};

/// How far a group is escalated.
#[derive(Clone, PartialEq, Eq, Hash)]
struct EscalationOf;

impl Beside for EscalationOf {
    type Value = Escalation;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        escalation::by_groups(actor, ids).await
    }
}

/// The clocks of a group.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ClocksOf;

impl Beside for ClocksOf {
    type Value = Vec<SlaClock>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        escalation::clocks_by_groups(actor, ids).await
    }
}

impl Loaders {
    /// How far a group is escalated; `None` in the moment before that begins.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn escalation(&self, group_id: Uuid) -> Result<Option<Escalation>> {
        self.beside(group_id, EscalationOf).await
    }

    /// The clocks of a group.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn sla_clocks(&self, group_id: Uuid) -> Result<Vec<SlaClock>> {
        Ok(self.beside(group_id, ClocksOf).await?.unwrap_or_default())
    }
}
