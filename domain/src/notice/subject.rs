//! What an occasion begins, and what it says is over. Whoever was told of the one is told of the other.

use entity::occasion::{self, OccasionKind};
use serde_json::Value;
use uuid::Uuid;

/// What is not over once this is told; `None` for what has no end.
pub(crate) fn begun(occasion: &occasion::Model) -> Option<String> {
    match occasion.kind {
        OccasionKind::GroupNew
        | OccasionKind::GroupRegressed
        | OccasionKind::GroupEscalating
        | OccasionKind::Escalated
        | OccasionKind::SlaWarning
        | OccasionKind::SlaBreached => occasion.group_id.map(group),
        OccasionKind::RunFailed | OccasionKind::RunPartial => occasion.run_id.map(run),
        OccasionKind::Held => occasion.integration_id.map(held),
        OccasionKind::ReauthRequired => occasion.system_id.map(sign_in),
        OccasionKind::Late => occasion.integration_id.map(late),
        OccasionKind::HealthAlert => Some(health(occasion)),
        OccasionKind::IncidentOpened => Some(incident(occasion)),
        OccasionKind::SyntheticFailed => occasion.integration_id.map(synthetic),
        OccasionKind::GroupResolved
        | OccasionKind::Recovered
        | OccasionKind::Resumed
        | OccasionKind::Reauthorized
        | OccasionKind::VolumeAnomaly
        | OccasionKind::HealthRestored
        | OccasionKind::IncidentUpdated
        | OccasionKind::IncidentResolved
        | OccasionKind::ChannelDisabled
        | OccasionKind::SyntheticPassed
        | OccasionKind::RecordsExpiring => None,
    }
}

/// What is over.
pub(crate) fn ended(occasion: &occasion::Model) -> Vec<String> {
    match occasion.kind {
        OccasionKind::GroupResolved => {
            // What was merged into it began by itself.
            let mut groups: Vec<String> = occasion.group_id.map(group).into_iter().collect();
            if let Some(Value::Array(merged)) = occasion.detail.get("groups") {
                let ids = merged.iter().filter_map(|id| id.as_str()?.parse::<Uuid>().ok());
                groups.extend(ids.map(group));
            }
            groups
        }
        OccasionKind::Recovered => {
            let mut runs: Vec<String> = occasion.run_id.map(run).into_iter().collect();
            if let Some(Value::Array(more)) = occasion.detail.get("runs") {
                let ids = more.iter().filter_map(|id| id.as_str()?.parse::<Uuid>().ok());
                runs.extend(ids.filter(|id| Some(*id) != occasion.run_id).map(run));
            }
            runs.extend(occasion.integration_id.filter(|_| occasion.run_id.is_none()).map(late));
            runs
        }
        OccasionKind::Resumed => occasion.integration_id.map(held).into_iter().collect(),
        OccasionKind::Reauthorized => occasion.system_id.map(sign_in).into_iter().collect(),
        OccasionKind::HealthRestored => vec![health(occasion)],
        OccasionKind::IncidentResolved => vec![incident(occasion)],
        OccasionKind::SyntheticPassed => occasion.integration_id.map(synthetic).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The system whose sign-in a subject waits for.
pub(crate) fn system_of(subject: &str) -> Option<Uuid> {
    subject.strip_prefix(SIGN_IN)?.parse().ok()
}

/// Beginning of the subjects of [`system_of`].
pub(crate) const SIGN_IN: &str = "sign_in:";

fn group(id: Uuid) -> String {
    format!("group:{id}")
}

fn run(id: Uuid) -> String {
    format!("run:{id}")
}

fn held(integration: Uuid) -> String {
    format!("held:{integration}")
}

fn sign_in(system: Uuid) -> String {
    format!("{SIGN_IN}{system}")
}

fn late(integration: Uuid) -> String {
    format!("late:{integration}")
}

fn synthetic(integration: Uuid) -> String {
    format!("synthetic:{integration}")
}

/// A measure of an integration, of a tenant, or of the platform.
fn health(occasion: &occasion::Model) -> String {
    let of = occasion.integration_id.or(occasion.tenant_id).unwrap_or_default();
    let measure = occasion.detail.get("measure").and_then(Value::as_str);
    format!("health:{of}:{}", measure.or(occasion.code.as_deref()).unwrap_or_default())
}

/// Of each tenant that it hits.
fn incident(occasion: &occasion::Model) -> String {
    let (incident, tenant) =
        (occasion.incident_id.unwrap_or_default(), occasion.tenant_id.unwrap_or_default());
    format!("incident:{incident}:{tenant}")
}
