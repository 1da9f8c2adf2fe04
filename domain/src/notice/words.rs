//! An occasion in the words of whoever is told: customers read no word of how the operator is organised, nor what outside
//! systems said. Deliberately absent: how a channel shows them (`render`).

mod alert;
mod escalation;

use std::collections::HashMap;

use entity::failure::{self, Impact, ResponsibleParty};
use entity::notice::NoticeItem;
use entity::occasion::{self, OccasionKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::catalogue;
use crate::failure::summary;
use crate::id::{GlobalId, Kind};
use crate::mail::LinkTemplate;
use crate::permission::Audience;
use crate::words::Language;

/// References that a notice names.
const REFERENCES_MAX: usize = 5;
/// Names of integrations that a notice about a system names.
const NAMES_MAX: usize = 3;

/// What occasions are about.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Their names.
    pub(crate) tenants: HashMap<Uuid, String>,
    /// Their names.
    pub(crate) integrations: HashMap<Uuid, String>,
    /// Their names.
    pub(crate) systems: HashMap<Uuid, String>,
    /// Without what is long of them.
    pub(crate) failures: HashMap<Uuid, failure::Model>,
    /// Names of the integrations that use a system.
    pub(crate) users_of: HashMap<Uuid, Vec<String>>,
}

/// The other systems of the tenant that an incident hits.
pub(crate) fn systems_besides(occasion: &occasion::Model) -> Vec<Uuid> {
    one(&occasion.detail, "systemIds").unwrap_or_default()
}

/// What an occasion says besides, where it says that.
fn one<T: DeserializeOwned>(detail: &Value, name: &str) -> Option<T> {
    T::deserialize(detail.get(name)?).ok()
}

/// An occasion as `audience` is told of it.
pub(crate) fn item(
    occasion: &occasion::Model,
    around: &Surroundings,
    language: &Language,
    audience: Audience,
    link: Option<&LinkTemplate>,
) -> NoticeItem {
    let tenant = occasion.tenant_id.and_then(|id| around.tenants.get(&id));
    let integration = occasion.integration_id.and_then(|id| around.integrations.get(&id).map(String::as_str));
    let system = occasion.system_id.and_then(|id| around.systems.get(&id).map(String::as_str));
    let failure = occasion.failure_id.and_then(|id| around.failures.get(&id));
    let told = Told { occasion, integration, system, failure, around, language, audience };
    let (title, summary) = (told.title(), told.summary());
    let party = told.party();
    NoticeItem {
        kind: Some(occasion.kind),
        is_recovery: is_recovery(occasion.kind),
        at: occasion.at,
        tenant_id: occasion.tenant_id,
        tenant_name: tenant.cloned(),
        integration_id: occasion.integration_id,
        integration_name: integration.map(str::to_owned),
        system_id: occasion.system_id,
        system_name: system.map(str::to_owned),
        run_id: occasion.run_id,
        failure_id: occasion.failure_id,
        group_id: occasion.group_id,
        incident_id: occasion.incident_id,
        code: code_of(occasion, failure).map(str::to_owned),
        count: told.count(),
        references: told.references(),
        title,
        summary,
        acts: party.map(|party| acts(party, audience).to_owned()),
        action: told.action(),
        link: told.place().and_then(|place| Some(link?.link(&place.to_string()))),
    }
}

/// Whether a kind says that something is over.
pub(crate) fn is_recovery(kind: OccasionKind) -> bool {
    matches!(
        kind,
        OccasionKind::GroupResolved
            | OccasionKind::Recovered
            | OccasionKind::Resumed
            | OccasionKind::Reauthorized
            | OccasionKind::HealthRestored
            | OccasionKind::IncidentResolved
            | OccasionKind::SyntheticPassed
    )
}

/// The name of a kind in the taxonomy of events.
pub fn event_type(kind: OccasionKind) -> &'static str {
    match kind {
        OccasionKind::GroupNew => "failure_group.opened",
        OccasionKind::GroupRegressed => "failure_group.regressed",
        OccasionKind::GroupEscalating => "failure_group.grown",
        OccasionKind::GroupResolved => "failure_group.resolved",
        OccasionKind::RunFailed => "run.failed",
        OccasionKind::RunPartial => "run.partially_failed",
        OccasionKind::Recovered => "run.recovered",
        OccasionKind::Late => "integration.delayed",
        OccasionKind::Held => "integration.held",
        OccasionKind::Resumed => "integration.resumed",
        OccasionKind::ReauthRequired => "system.reauth_required",
        OccasionKind::Reauthorized => "system.reauthorized",
        OccasionKind::VolumeAnomaly => "integration.volume_deviated",
        OccasionKind::HealthAlert => "health.degraded",
        OccasionKind::HealthRestored => "health.restored",
        OccasionKind::IncidentOpened => "incident.opened",
        OccasionKind::IncidentUpdated => "incident.updated",
        OccasionKind::IncidentResolved => "incident.resolved",
        OccasionKind::ChannelDisabled => "notice_channel.disabled",
        OccasionKind::Escalated => "failure_group.escalated",
        OccasionKind::SlaWarning => "sla.nearly_breached",
        OccasionKind::SlaBreached => "sla.breached",
        OccasionKind::SyntheticFailed => "synthetic_check.failed",
        OccasionKind::SyntheticPassed => "synthetic_check.passed",
        OccasionKind::RecordsExpiring => "failure_records.expiring",
    }
}

/// Records concerned, where an occasion says how many.
pub(crate) fn count_of(occasion: &occasion::Model) -> Option<i64> {
    ["count", "failed"].into_iter().find_map(|name| occasion.detail.get(name)?.as_i64())
}

/// How much depends on what happened: on the group that an occasion is about, or the failure that shows it.
pub(crate) fn impact_of(occasion: &occasion::Model, failure: Option<&failure::Model>) -> Option<Impact> {
    one(&occasion.detail, "impact").or(failure.map(|failure| failure.impact))
}

/// The code that an occasion's text speaks of: of the failure that shows it, or its own.
pub(crate) fn code_of<'a>(
    occasion: &'a occasion::Model,
    failure: Option<&'a failure::Model>,
) -> Option<&'a str> {
    failure.map(|failure| failure.code.as_str()).or(occasion.code.as_deref())
}

/// Who acts on what happened, in texts and for policies alike; of what is over, who has.
pub(crate) fn party_of(
    occasion: &occasion::Model,
    failure: Option<&failure::Model>,
) -> Option<ResponsibleParty> {
    let said: Option<ResponsibleParty> = one(&occasion.detail, "responsibleParty");
    said.or(match occasion.kind {
        OccasionKind::ReauthRequired | OccasionKind::ChannelDisabled | OccasionKind::RecordsExpiring => {
            Some(ResponsibleParty::Customer)
        }
        OccasionKind::IncidentOpened | OccasionKind::IncidentUpdated => Some(ResponsibleParty::ThirdParty),
        // Of the operator's there is no customer.
        _ => None,
    })
    .filter(|_| occasion.tenant_id.is_some())
    .or(failure.map(|failure| failure.responsible_party))
    .or(occasion.code.as_deref().map(|code| catalogue::entry(code).responsible_party))
    .or(matches!(occasion.kind, OccasionKind::Held | OccasionKind::VolumeAnomaly)
        .then_some(ResponsibleParty::Customer))
}

/// Who acts, to whom it is said.
fn acts(party: ResponsibleParty, audience: Audience) -> &'static str {
    match (party, audience) {
        (ResponsibleParty::ThirdParty, _) => "the maker of the other system",
        (ResponsibleParty::Customer, Audience::Customer) => "you",
        (ResponsibleParty::Support | ResponsibleParty::Engineering, Audience::Customer) => "us",
        (ResponsibleParty::Customer, _) => "the customer",
        (ResponsibleParty::Support, _) => "support",
        (ResponsibleParty::Engineering, _) => "engineering",
    }
}

struct Told<'a> {
    occasion: &'a occasion::Model,
    /// Its name.
    integration: Option<&'a str>,
    /// Its name.
    system: Option<&'a str>,
    failure: Option<&'a failure::Model>,
    around: &'a Surroundings,
    language: &'a Language,
    audience: Audience,
}

impl Told<'_> {
    fn title(&self) -> String {
        if let Some(title) = self.said("title", "staffTitle") {
            return title;
        }
        let integration = self.integration.unwrap_or("An integration");
        if let Some(title) = alert::title(&self.occasion.detail, integration) {
            return title;
        }
        if let Some(title) = escalation::title(self.occasion, integration, self.audience) {
            return title;
        }
        let system = self.system.unwrap_or("A system");
        match self.occasion.kind {
            OccasionKind::GroupNew => format!("{integration}: records fail for a new reason"),
            OccasionKind::GroupRegressed => format!("{integration}: records fail again"),
            OccasionKind::GroupEscalating if self.text("impactBefore").is_some() => {
                format!("{integration}: what fails now matters more than before")
            }
            OccasionKind::GroupEscalating => format!("{integration}: more and more records fail"),
            OccasionKind::GroupResolved => format!("{integration}: a reason of failures is dealt with"),
            OccasionKind::RunFailed => format!("{integration}: a run could not go on"),
            OccasionKind::RunPartial => match (self.count(), self.number("read")) {
                (Some(failed), Some(read)) => {
                    format!("{integration}: {failed} of {read} records did not arrive")
                }
                _ => format!("{integration}: some records did not arrive"),
            },
            OccasionKind::Recovered => format!("{integration}: recovered"),
            OccasionKind::Late => format!("{integration} is late"),
            OccasionKind::Held => format!("{integration} is held"),
            OccasionKind::Resumed => format!("{integration} is held no more"),
            OccasionKind::ReauthRequired => format!("{system}: somebody must sign in again"),
            OccasionKind::Reauthorized => format!("{system} lets us in again"),
            OccasionKind::VolumeAnomaly => format!("{integration}: an unusual number of records"),
            OccasionKind::HealthAlert => match self.integration {
                Some(_) => format!("{integration} is not as healthy as it should be"),
                None => "Runs are not as healthy as they should be".to_owned(),
            },
            OccasionKind::HealthRestored => match self.integration {
                Some(_) => format!("{integration} is healthy again"),
                None => "Runs are healthy again".to_owned(),
            },
            OccasionKind::IncidentOpened => self.fault("incident-title"),
            OccasionKind::IncidentUpdated => self.language.say("incident-news-title"),
            OccasionKind::IncidentResolved => self.language.say("incident-over-title"),
            OccasionKind::ChannelDisabled => {
                let channel = self.text("channel").unwrap_or_default();
                format!("Notices to `{channel}` are switched off")
            }
            OccasionKind::Escalated => format!("{integration}: nobody has taken up failures"),
            OccasionKind::SlaWarning => format!("{integration}: a promise is due soon"),
            OccasionKind::SlaBreached => format!("{integration}: a promise is overdue"),
            OccasionKind::SyntheticFailed => format!("{integration}: its synthetic check fails"),
            OccasionKind::SyntheticPassed => format!("{integration}: its synthetic check fails no more"),
            OccasionKind::RecordsExpiring => self.language.say("records-expiring-title"),
        }
    }

    fn summary(&self) -> String {
        if let Some(said) = self.said("summary", "staffSummary") {
            return said;
        }
        if let Some(reason) = self.text("reason") {
            return self.with_users(reason);
        }
        if let Some(summary) = alert::summary(&self.occasion.detail) {
            return summary;
        }
        if let Some(beginning) = escalation::beginning(self.occasion) {
            return format!("{beginning} {}", self.failing());
        }
        match self.occasion.kind {
            OccasionKind::Recovered => match self.occasion.detail.get("runs") {
                Some(Value::Array(runs)) if runs.len() > 1 => {
                    format!("Every failure of {} runs is dealt with.", runs.len())
                }
                _ => "Every failure of the run is dealt with.".to_owned(),
            },
            OccasionKind::Resumed => match self.text("now").as_deref() {
                Some("PAUSED") => "Somebody has paused it.".to_owned(),
                Some("ARCHIVED") => "Somebody has archived it.".to_owned(),
                _ => "It goes on.".to_owned(),
            },
            OccasionKind::Reauthorized => self.with_users("What waited for it is tried again.".to_owned()),
            OccasionKind::GroupResolved => "Nothing of it is open any more.".to_owned(),
            OccasionKind::SyntheticPassed => match self.text("now").as_deref() {
                Some("REMOVED") => "Somebody has removed it.".to_owned(),
                Some("ARCHIVED") => "Somebody has archived the integration.".to_owned(),
                _ => "The test record went the whole way.".to_owned(),
            },
            OccasionKind::RecordsExpiring => self.expiring(),
            OccasionKind::IncidentOpened | OccasionKind::IncidentUpdated => {
                let message = self.text("publicMessage").unwrap_or_else(|| self.fault("incident-message"));
                self.with_users(message)
            }
            OccasionKind::IncidentResolved => self.with_users(self.language.say("incident-over")),
            _ => self.failing(),
        }
    }

    /// How many records will be deleted, and from when on.
    fn expiring(&self) -> String {
        let is_floor = self.occasion.detail.get("isFloor") == Some(&Value::Bool(true));
        let message = if is_floor { "records-expiring-many" } else { "records-expiring" };
        let number =
            |name| self.number(name).and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
        let date = self.text("from").unwrap_or_default();
        let filled =
            [("count", number("count").into()), ("date", date.into()), ("days", number("days").into())];
        self.language.tell(message, filled)
    }

    /// Why records or a run failed.
    fn failing(&self) -> String {
        if let Some(failure) = self.failure {
            let first = summary(self.language, failure, &failure.field_errors.0);
            return match self.count() {
                Some(count) if count > 1 => format!("{count} records are concerned. The first: {first}"),
                _ => first,
            };
        }
        match &self.occasion.code {
            Some(code) => {
                let subject = match self.count() {
                    _ if self.occasion.kind == OccasionKind::SyntheticFailed => "The test record".to_owned(),
                    Some(count) if count > 1 => format!("Each of {count} records"),
                    _ => "A record or run".to_owned(),
                };
                let text = self.language.happened(code, &subject);
                if text.ends_with('.') { text } else { text + "." }
            }
            None => self.title() + ".",
        }
    }

    /// With the integrations that a system is used by.
    fn with_users(&self, text: String) -> String {
        let systems = self.occasion.system_id.into_iter().chain(systems_besides(self.occasion));
        let mut users: Vec<&String> = Vec::new();
        for user in systems.filter_map(|id| self.around.users_of.get(&id)).flatten() {
            if !users.contains(&user) {
                users.push(user);
            }
        }
        if users.is_empty() {
            return text;
        }
        let named: Vec<String> = users.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
        let more = match users.len().saturating_sub(NAMES_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{text} It is used by {}{more}.", named.join(", "))
    }

    fn party(&self) -> Option<ResponsibleParty> {
        if is_recovery(self.occasion.kind) { None } else { party_of(self.occasion, self.failure) }
    }

    fn action(&self) -> Option<String> {
        if is_recovery(self.occasion.kind) {
            return None;
        }
        if let Some(said) = self.said("action", "staffAction") {
            return Some(said);
        }
        let own = match self.occasion.kind {
            OccasionKind::ReauthRequired => Some(match self.audience {
                Audience::Customer => "Renew the sign-in of the system, or connect it again.",
                _ => "Ask the customer to renew the sign-in of the system, or to connect it again.",
            }),
            OccasionKind::ChannelDisabled => {
                Some("Mend the receiver, then activate the channel: what waits for it is sent then.")
            }
            OccasionKind::VolumeAnomaly => Some("Look whether the source has what it should."),
            OccasionKind::Late | OccasionKind::HealthAlert => {
                alert::action(&self.occasion.detail, self.audience)
            }
            OccasionKind::IncidentOpened | OccasionKind::IncidentUpdated => {
                let message = match self.audience {
                    Audience::Customer => "incident-wait",
                    Audience::Support | Audience::Engineer => "incident-wait-staff",
                };
                return Some(self.language.say(message));
            }
            OccasionKind::RecordsExpiring => return Some(self.language.say("records-expiring-action")),
            OccasionKind::Held if self.failure.is_none() => {
                Some("Look at what it is held for, then resume the integration.")
            }
            _ => None,
        };
        let of_code = || Some(self.language.action(code_of(self.occasion, self.failure)?, self.audience));
        own.map(str::to_owned).or_else(of_code)
    }

    fn references(&self) -> Vec<String> {
        let named: Vec<String> = match self.occasion.detail.get("references") {
            Some(Value::Array(named)) => {
                named.iter().filter_map(|name| Some(name.as_str()?.to_owned())).take(REFERENCES_MAX).collect()
            }
            _ => Vec::new(),
        };
        if named.is_empty() {
            return self.failure.and_then(|failure| failure.business_reference.clone()).into_iter().collect();
        }
        named
    }

    /// Where somebody looks.
    fn place(&self) -> Option<GlobalId> {
        let group = self.occasion.group_id.map(|id| GlobalId::new(Kind::FailureGroup, id));
        let failure = self.occasion.failure_id.map(|id| GlobalId::new(Kind::Failure, id));
        let run = self.occasion.run_id.map(|id| GlobalId::new(Kind::Run, id));
        let integration = self.occasion.integration_id.map(|id| GlobalId::new(Kind::Integration, id));
        let system = self.occasion.system_id.map(|id| GlobalId::new(Kind::System, id));
        match self.occasion.kind {
            OccasionKind::Held | OccasionKind::Resumed => integration,
            OccasionKind::IncidentOpened | OccasionKind::IncidentUpdated | OccasionKind::IncidentResolved => {
                self.occasion.incident_id.map(|id| GlobalId::new(Kind::Incident, id))
            }
            OccasionKind::RunFailed | OccasionKind::RunPartial | OccasionKind::Recovered => run.or(failure),
            OccasionKind::RecordsExpiring => {
                self.occasion.tenant_id.map(|id| GlobalId::new(Kind::Tenant, id))
            }
            _ => group.or(failure).or(run).or(integration).or(system),
        }
    }

    /// Words that depend on what is wrong with an outside system.
    fn fault(&self, message: &str) -> String {
        let fault = self.text("fault").unwrap_or_else(|| "unavailable".to_owned());
        self.language.tell(message, [("fault", fault.into())])
    }

    fn count(&self) -> Option<i64> {
        count_of(self.occasion)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.occasion.detail.get(name)?.as_i64()
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(self.occasion.detail.get(name)?.as_str()?.to_owned())
    }

    /// Words that came with the occasion: those for staff are never a customer's.
    fn said(&self, name: &str, staff_name: &str) -> Option<String> {
        match self.audience {
            Audience::Customer => self.text(name),
            Audience::Support | Audience::Engineer => self.text(staff_name).or_else(|| self.text(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::failure::{Impact, ResponsibleParty};
    use entity::occasion::OccasionKind;
    use serde_json::json;
    use uuid::Uuid;

    use super::{Surroundings, impact_of, item, party_of};
    use crate::id::{GlobalId, Kind};
    use crate::mail::LinkTemplate;
    use crate::occasion::NewOccasion;
    use crate::permission::Audience;
    use crate::words::shipped_english;

    #[test]
    fn customers_read_of_us_and_staff_of_who_it_is() {
        let occasion = NewOccasion::new(OccasionKind::RunPartial)
            .run(Uuid::from_u128(7))
            .code(Some("record.mapping_failed".to_owned()))
            .detail("failed", 3)
            .detail("read", 100)
            .detail("references", vec!["PO-1", "PO-2"])
            .row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        let link = LinkTemplate::parse("https://portal.example/open/{token}").expect("a link");
        let around = Surroundings::default();
        let told = item(&occasion, &around, &shipped_english(), Audience::Customer, Some(&link));
        assert_eq!(told.title, "An integration: 3 of 100 records did not arrive");
        assert_eq!(told.summary, "Each of 3 records could not be converted for the destination.");
        assert_eq!(told.acts.as_deref(), Some("us"));
        assert_eq!(told.references, ["PO-1", "PO-2"]);
        let place = told.link.expect("a link");
        assert_eq!(place, "https://portal.example/open/run_00000000000000000000000000000007");
        let words = format!("{} {} {:?}", told.title, told.summary, told.action);
        assert!(!words.contains("support") && words.contains("Nothing is needed from you"), "{words}");
        let staff = item(&occasion, &around, &shipped_english(), Audience::Support, None);
        assert_eq!(staff.acts.as_deref(), Some("engineering"));
        assert_eq!(staff.link, None);
    }

    #[test]
    fn words_for_staff_are_no_customers() {
        let mut occasion =
            NewOccasion::new(OccasionKind::HealthAlert).row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        occasion.detail =
            json!({"staffSummary": "db-7 is down for 3 tenants", "summary": "A system is down."});
        let told = |occasion: &_, audience| {
            item(occasion, &Surroundings::default(), &shipped_english(), audience, None).summary
        };
        assert_eq!(told(&occasion, Audience::Customer), "A system is down.");
        assert_eq!(told(&occasion, Audience::Engineer), "db-7 is down for 3 tenants");
        occasion.detail = json!({"staffSummary": "db-7 is down"});
        assert!(!told(&occasion, Audience::Customer).contains("db-7"));
    }

    #[test]
    fn a_group_is_where_its_notices_lead() {
        let occasion = NewOccasion::new(OccasionKind::GroupRegressed)
            .run(Uuid::from_u128(7))
            .group(Uuid::from_u128(8))
            .code(Some("record.mapping_failed".to_owned()))
            .row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        let link = LinkTemplate::parse("https://portal.example/open/{token}").expect("a link");
        let around = Surroundings::default();
        let told = item(&occasion, &around, &shipped_english(), Audience::Customer, Some(&link));
        let place = told.link.expect("a link");
        let id = GlobalId::new(Kind::FailureGroup, Uuid::from_u128(8));
        assert_eq!(place, format!("https://portal.example/open/{id}"));
    }

    #[test]
    fn more_of_the_same_and_what_matters_more_are_told_apart() {
        let escalating = NewOccasion::new(OccasionKind::GroupEscalating).detail("impact", "CRITICAL");
        let mut occasion = escalating.row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        let around = Surroundings::default();
        let title = |occasion: &entity::occasion::Model| {
            item(occasion, &around, &shipped_english(), Audience::Customer, None).title
        };
        assert_eq!(title(&occasion), "An integration: more and more records fail");
        assert_eq!(impact_of(&occasion, None), Some(Impact::Critical));
        occasion.detail["impactBefore"] = json!("LOW");
        assert_eq!(title(&occasion), "An integration: what fails now matters more than before");
    }

    #[test]
    fn a_synthetic_check_is_told_in_words_of_its_record() {
        let failed = NewOccasion::new(OccasionKind::SyntheticFailed)
            .integration(Uuid::from_u128(9))
            .code(Some("destination.unavailable".to_owned()))
            .row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        let told = |occasion: &_| {
            item(occasion, &Surroundings::default(), &shipped_english(), Audience::Customer, None)
        };
        let words = told(&failed);
        assert_eq!(words.title, "An integration: its synthetic check fails");
        assert!(words.summary.starts_with("The test record "), "{}", words.summary);
        assert!(!words.is_recovery && words.action.is_some());
        let passed = |now: &str| {
            let row = NewOccasion::new(OccasionKind::SyntheticPassed).detail("now", now);
            told(&row.row(Some(Uuid::nil()), DateTime::UNIX_EPOCH))
        };
        assert_eq!(passed("PASSED").summary, "The test record went the whole way.");
        assert_eq!(passed("REMOVED").summary, "Somebody has removed it.");
        assert_eq!(passed("ARCHIVED").summary, "Somebody has archived the integration.");
        assert!(passed("PASSED").is_recovery && passed("PASSED").action.is_none());
    }

    #[test]
    fn records_that_go_are_told_with_how_many_and_from_when_on() {
        let told = |count: u64, is_floor: bool, audience| {
            let occasion = NewOccasion::new(OccasionKind::RecordsExpiring)
                .detail("count", count)
                .detail("isFloor", is_floor)
                .detail("from", "2026-10-01")
                .detail("days", 30)
                .row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
            item(&occasion, &Surroundings::default(), &shipped_english(), audience, None)
        };
        let one = told(1, false, Audience::Customer);
        assert_eq!(one.title, "Records of failures will be deleted");
        let stays = "after 30 days. The failures themselves stay as long as you keep them.";
        let expected = format!(
            "The record of 1 failure that is dealt with will be deleted from 2026-10-01 (UTC) on, {stays}"
        );
        assert_eq!((one.summary, one.acts.as_deref(), one.count), (expected, Some("you"), Some(1)));
        assert!(one.action.is_some_and(|action| action.starts_with("Export what you want to keep")));
        let many = told(10_000, true, Audience::Support);
        assert!(many.summary.starts_with("The records of more than 10"), "{}", many.summary);
        assert_eq!(many.acts.as_deref(), Some("the customer"));
    }

    #[test]
    fn policies_ask_for_the_party_that_is_named() {
        let mut occasion = NewOccasion::new(OccasionKind::GroupNew)
            .code(Some("record.mapping_failed".to_owned()))
            .detail("responsibleParty", "SUPPORT")
            .row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        assert_eq!(party_of(&occasion, None), Some(ResponsibleParty::Support));
        occasion.detail = json!({});
        assert_eq!(party_of(&occasion, None), Some(ResponsibleParty::Engineering));
    }
}
