//! Occasions: what somebody may have to be told of, stored in the transaction of what happened, so that none is lost and
//! nobody is told of what was rolled back. `background/notice` makes notices of them.
//!
//! Deliberately absent: who is told, and in which words.

use entity::occasion::{self, OccasionKind};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Result;
use crate::id::new_id;
use crate::scope::TxScope;

/// The detail of an occasion that is for the operator alone.
const IS_INTERNAL: &str = "isInternal";

/// An occasion about to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewOccasion {
    kind: OccasionKind,
    integration_id: Option<Uuid>,
    run_id: Option<Uuid>,
    group_id: Option<Uuid>,
    failure_id: Option<Uuid>,
    incident_id: Option<Uuid>,
    system_id: Option<Uuid>,
    code: Option<String>,
    detail: Value,
}

impl NewOccasion {
    /// Of a kind, about nothing yet.
    pub(crate) fn new(kind: OccasionKind) -> Self {
        Self {
            kind,
            integration_id: None,
            run_id: None,
            group_id: None,
            failure_id: None,
            incident_id: None,
            system_id: None,
            code: None,
            detail: json!({}),
        }
    }

    /// About an integration.
    pub(crate) fn integration(mut self, id: Uuid) -> Self {
        self.integration_id = Some(id);
        self
    }

    /// About a run.
    pub(crate) fn run(mut self, id: Uuid) -> Self {
        self.run_id = Some(id);
        self
    }

    /// About a group of failures.
    pub(crate) fn group(mut self, id: Uuid) -> Self {
        self.group_id = Some(id);
        self
    }

    /// About a failure, or one that stands for others.
    pub(crate) fn failure(mut self, id: Option<Uuid>) -> Self {
        self.failure_id = id;
        self
    }

    /// About an incident.
    pub(crate) fn incident(mut self, id: Uuid) -> Self {
        self.incident_id = Some(id);
        self
    }

    /// About a system.
    pub(crate) fn system(mut self, id: Uuid) -> Self {
        self.system_id = Some(id);
        self
    }

    /// With a code of the error catalogue.
    pub(crate) fn code(mut self, code: Option<String>) -> Self {
        self.code = code;
        self
    }

    /// With one more detail: no record, no secret, no upstream text.
    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail[name] = value.into();
        self
    }

    /// For the operator alone: no tenant's policy tells of it, although it is of a tenant.
    pub(crate) fn internal(self) -> Self {
        self.detail(IS_INTERNAL, true)
    }

    /// As it is stored.
    pub(crate) fn row(self, tenant_id: Option<Uuid>, at: chrono::DateTime<chrono::Utc>) -> occasion::Model {
        occasion::Model {
            id: new_id(),
            tenant_id,
            kind: self.kind,
            integration_id: self.integration_id,
            run_id: self.run_id,
            group_id: self.group_id,
            failure_id: self.failure_id,
            incident_id: self.incident_id,
            system_id: self.system_id,
            code: self.code,
            at,
            detail: self.detail,
            noticed_at: None,
        }
    }
}

/// Whether an occasion is for the operator alone.
pub(crate) fn is_internal(occasion: &occasion::Model) -> bool {
    occasion.detail.get(IS_INTERNAL) == Some(&Value::Bool(true))
}

/// Stores an occasion in the transaction of what happened.
pub(crate) async fn record(tx: &TxScope, occasion: NewOccasion) -> Result<()> {
    let row = occasion.row(Some(tx.tenant_id()), tx.app().clock().now());
    tx.insert::<occasion::Entity>(row, "storing an occasion").await?;
    Ok(())
}
