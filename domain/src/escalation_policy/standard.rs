//! The policy that is there before anybody sets one up: what nobody takes up goes from the customer to support, and from there
//! to engineering. It promises nothing, for nobody has promised anything yet. A row like others, which can be changed and
//! switched off, and not deleted: then it would be made again.

use chrono::{DateTime, Utc};
use entity::escalation_policy::{
    self, EscalationSelectors, EscalationStep, EscalationStepList, Model as EscalationPolicy,
};
use entity::failure::ResponsibleParty;
use sea_orm::DatabaseTransaction;

use super::{POSITION_MAX, WARN_PERCENT};
use crate::error::Result;
use crate::id::lasting_id;
use crate::insert::upsert_rows;

/// Half a working day, in seconds.
const AFTER_SECONDS: i64 = 4 * 3_600;

/// Makes it where it is missing.
pub(crate) async fn ensure(connection: &DatabaseTransaction, now: DateTime<Utc>) -> Result<()> {
    let doing = "storing the standard policy of escalation";
    let unless_there = "ON CONFLICT (id) DO NOTHING";
    upsert_rows::<escalation_policy::Entity>(connection, vec![policy(now)], unless_there, doing).await
}

pub(super) fn policy(now: DateTime<Utc>) -> EscalationPolicy {
    let step = |party, repeat_count| EscalationStep { after_seconds: AFTER_SECONDS, party, repeat_count };
    EscalationPolicy {
        id: lasting_id("escalation policy"),
        tenant_id: None,
        position: POSITION_MAX,
        name: "Standard".to_owned(),
        is_enabled: true,
        is_default: true,
        selectors: EscalationSelectors::default(),
        steps: EscalationStepList(vec![
            step(ResponsibleParty::Support, 1),
            step(ResponsibleParty::Engineering, 1),
        ]),
        respond_within_seconds: None,
        resolve_within_seconds: None,
        warn_percent: WARN_PERCENT,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
