//! What of the systems in trouble belongs to an incident under way, and what is a new one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::incident::{self, FollowUpList, IncidentFault, IncidentSeverity, IncidentStatus};
use entity::incident_entry::IncidentEntryKind;
use entity::incident_system;
use entity::occasion::OccasionKind;
use entity::string_list::StringList;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::super::circuit;
use super::super::transaction::BatchTx;
use super::{Fault, Look};
use crate::error::{Doing, Result};
use crate::id::new_id;
use crate::incident::insert_unless_open;
use crate::incident::store::{Hit, add, tell};
use crate::incident::timeline::{NewEntry, enter};

impl Look<'_> {
    /// Systems that fail as those of an incident under way belong to it: at its host, or because somebody named them.
    pub(super) async fn join(&mut self) -> Result<()> {
        let open: Vec<incident::Model> =
            self.incidents.iter().filter(|row| row.resolved_at.is_none()).cloned().collect();
        for incident in open {
            let rows = self.hit.entry(incident.id).or_default();
            let known: HashMap<Uuid, usize> =
                rows.iter().enumerate().map(|(index, row)| (row.system_id, index)).collect();
            let (of_it, others): (Vec<Fault>, Vec<Fault>) =
                std::mem::take(&mut self.faults).into_iter().partition(|fault| {
                    fault.fault == incident.fault
                        && (incident.host.as_ref() == Some(&fault.host)
                            || known.contains_key(&fault.system_id))
                });
            self.faults = others;
            let mut hits = Vec::new();
            for fault in &of_it {
                match known.get(&fault.system_id) {
                    None => hits.push(hit(fault)),
                    Some(index) => {
                        let row = &mut rows[*index];
                        if row.last_failed_at.is_none_or(|at| at < fault.last_seen_at) {
                            row.last_failed_at = Some(fault.last_seen_at);
                            (row.recovered_at, row.taken_up_at) = (None, None);
                            store_failed(self.tx, row).await?;
                        }
                    }
                }
            }
            self.add(&incident, hits).await?;
        }
        Ok(())
    }

    /// Makes an incident of what hits enough tenants.
    pub(super) async fn find(&mut self) -> Result<()> {
        let mut by_place: BTreeMap<(String, IncidentFault), Vec<Fault>> = BTreeMap::new();
        // How often may be asked is a limit of each customer of a vendor, so that many are at theirs is no outage.
        let down = |fault: &Fault| fault.fault == IncidentFault::Unavailable;
        for fault in std::mem::take(&mut self.faults).into_iter().filter(down) {
            by_place.entry((fault.host.clone(), fault.fault)).or_default().push(fault);
        }
        let enough = self.background.app().incidents().tenants;
        for ((host, fault), faults) in by_place {
            let tenants: BTreeSet<Uuid> = faults.iter().map(|fault| fault.tenant_id).collect();
            if tenants.len() < enough {
                continue;
            }
            let row = found(&host, fault, &faults, self.background.window_from(self.now), self.now);
            if !insert_unless_open(self.tx.connection(), row.clone()).await? {
                // Somebody has said so just now: these join it at the next look.
                continue;
            }
            tracing::warn!(
                incident.id = %row.id, host, tenants = tenants.len(), systems = faults.len(),
                "an outside system is in trouble for several tenants"
            );
            let entry = NewEntry::public(IncidentEntryKind::Detected, None);
            enter(self.tx.connection(), row.id, entry, self.now).await?;
            let operator = [(None, Vec::new())].into_iter();
            tell(self.tx.connection(), &row, OccasionKind::IncidentOpened, operator, self.now).await?;
            self.incidents.push(row.clone());
            self.add(&row, faults.iter().map(hit).collect()).await?;
        }
        Ok(())
    }

    /// Whom an outage hits needs not find out alone: what failed once of a system that answers nobody is left alone, so that
    /// runs wait with all their attempts. Not while what waited goes on.
    pub(super) async fn leave_alone(&mut self) -> Result<()> {
        use IncidentStatus::{Identified, Investigating};
        let under_way = self.incidents.iter().filter(|row| matches!(row.status, Investigating | Identified));
        let systems: Vec<Uuid> = under_way
            .filter(|row| row.fault == IncidentFault::Unavailable)
            .filter_map(|row| self.hit.get(&row.id))
            .flatten()
            .filter(|row| row.last_failed_at.is_some() && row.recovered_at.is_none())
            .map(|row| row.system_id)
            .collect();
        let left = circuit::leave_alone(self.tx, self.background.app(), &systems, self.now).await?;
        if left > 0 {
            tracing::info!(systems = left, "systems that an outage hits are left alone for a while");
        }
        Ok(())
    }

    async fn add(&mut self, incident: &incident::Model, mut hits: Vec<Hit>) -> Result<()> {
        if hits.is_empty() {
            return Ok(());
        }
        hits.sort_by_key(|hit| (hit.first_seen_at, hit.system_id));
        let rows = self.hit.entry(incident.id).or_default();
        let tenants = rows.iter().map(|row| row.tenant_id).collect();
        let added = add(self.tx.connection(), incident, (&tenants, rows.len()), &hits, self.now).await?;
        rows.extend(added);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a named cross-tenant function")]
async fn store_failed(tx: &BatchTx, row: &incident_system::Model) -> Result<()> {
    use incident_system::Column;
    incident_system::Entity::update_many()
        .col_expr(Column::LastFailedAt, Expr::value(row.last_failed_at))
        .col_expr(Column::RecoveredAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::TakenUpAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(row.id))
        .exec(tx.connection())
        .await
        .doing("storing that a system failed again")?;
    Ok(())
}

fn hit(fault: &Fault) -> Hit {
    Hit {
        tenant_id: fault.tenant_id,
        system_id: fault.system_id,
        first_seen_at: fault.first_seen_at,
        last_failed_at: Some(fault.last_seen_at),
    }
}

/// An incident that was found in what failed from a time on: what one of them has had for longer is its own.
pub(super) fn found(
    host: &str,
    fault: IncidentFault,
    faults: &[Fault],
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> incident::Model {
    let first = faults.iter().min_by_key(|fault| (fault.first_seen_at, fault.system_id));
    let title = match fault {
        IncidentFault::Unavailable => format!("{host} does not answer"),
        IncidentFault::RateLimited => format!("{host} takes no more requests"),
    };
    incident::Model {
        id: new_id(),
        host: Some(host.to_owned()),
        connector: first.map(|fault| fault.connector.clone()),
        fault,
        status: IncidentStatus::Investigating,
        severity: IncidentSeverity::Major,
        title,
        public_message: None,
        commander: None,
        started_at: first.map_or(now, |fault| Ord::max(fault.first_seen_at, from)),
        detected_at: now,
        status_at: now,
        resolved_at: None,
        over_at: None,
        system_count: 0,
        tenant_count: 0,
        probe_at: None,
        probe_count: 0,
        drained_from: None,
        drained_count: 0,
        drain_round: 0,
        postmortem: None,
        causes: StringList::default(),
        follow_ups: FollowUpList::default(),
        postmortem_at: None,
        postmortem_by: None,
        created_by: None,
    }
}
