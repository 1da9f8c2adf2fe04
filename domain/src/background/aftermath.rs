//! What a transaction touches last of all: how integrations are. Whoever ends runs, decides or connects systems waits for
//! these rows, and has locked everything else before: jobs and integrations, receipts, the run, groups of failures and
//! systems, in this order. Failures that end are locked in the order of their ids, before the runs that recover with them.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::Result;
use crate::health::status::{refresh_in, runs_ended_by_ids};
use crate::health::systems_changed;
use crate::scope::TxScope;

/// What is left to do for an integration, when nothing else is to be locked any more.
#[derive(Debug, Default)]
#[must_use = "how the integration is would be wrong"]
pub(super) struct Aftermath {
    ended: Vec<Uuid>,
    changed: BTreeSet<Uuid>,
    systems: Vec<Uuid>,
}

impl Aftermath {
    /// A run has ended, and is to be counted.
    pub(super) fn run_ended(&mut self, run_id: Uuid) {
        self.ended.push(run_id);
    }

    /// How an integration is may have changed.
    pub(super) fn changed(&mut self, integration_id: Uuid) {
        self.changed.insert(integration_id);
    }

    /// The status of systems has changed, and with it how others are that use them.
    pub(super) fn systems_changed(&mut self, systems: impl IntoIterator<Item = Uuid>) {
        self.systems.extend(systems);
    }

    /// Does it.
    pub(super) async fn settle(self, tx: &TxScope) -> Result<()> {
        let Self { ended, changed, systems } = self;
        runs_ended_by_ids(tx, ended).await?;
        refresh_in(tx, changed).await?;
        systems_changed(tx, &systems).await
    }
}
