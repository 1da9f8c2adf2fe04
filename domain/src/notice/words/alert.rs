//! Alerts of health in words: what is measured and what should be, why one is over, and what is to be done. Deliberately
//! absent: when alerts open and close, which `health` decides.

use entity::integration_health::HealthStatus;
use serde_json::Value;

use super::one;
use crate::health::AlertKind;
use crate::health::alert::Ending;
use crate::permission::Audience;

/// The title where an alert of an integration is over for another reason than that its target is met.
pub(super) fn title(detail: &Value, integration: &str) -> Option<String> {
    match one(detail, "ended")? {
        Ending::Met => None,
        Ending::Changed => Some(format!("{integration} is judged anew")),
        Ending::Paused | Ending::Archived | Ending::Suspended => {
            Some(format!("{integration} is not watched now"))
        }
    }
}

/// What is wrong, or why it is over.
pub(super) fn summary(detail: &Value) -> Option<String> {
    let measure = one(detail, "measure")?;
    if let Some(ending) = one(detail, "ended") {
        return Some(over(ending).to_owned());
    }
    let number = |name: &str| detail.get(name).and_then(Value::as_f64);
    Some(missed(measure, number("observed")?, number("expected")?))
}

/// What is to be done.
pub(super) fn action(detail: &Value, audience: Audience) -> Option<&'static str> {
    let _measure: AlertKind = one(detail, "measure")?;
    let is_customer = audience == Audience::Customer;
    Some(match one(detail, "status") {
        Some(HealthStatus::ActionRequired) if is_customer => {
            "Deal with what it asks of you: open failures, or a system to be signed in to again."
        }
        Some(HealthStatus::ActionRequired) => {
            "The customer is to deal with its open failures, or to sign in to a system again."
        }
        Some(HealthStatus::Held) => "Look at what it is held for, then resume the integration.",
        _ if is_customer => "Nothing is needed from you: we look into it.",
        _ => "Look at the integration's health, and at the runs behind it.",
    })
}

fn missed(measure: AlertKind, observed: f64, expected: f64) -> String {
    match measure {
        AlertKind::SuccessRate => format!("{observed:.1} % of its runs succeed; {expected:.1} % should."),
        AlertKind::Latency => {
            let (observed, expected) = (observed / 1_000.0, expected / 1_000.0);
            format!("Its runs take {observed:.1} s; they should take no more than {expected:.1} s.")
        }
        AlertKind::Freshness => {
            let (observed, expected) = (observed / 60.0, expected / 60.0);
            format!("Nothing has arrived for {observed:.0} minutes; something should every {expected:.0}.")
        }
        AlertKind::Volume => {
            let bound = if observed < expected { "at least" } else { "at most" };
            format!("It read {observed:.0} records in a day; {bound} {expected:.0} are usual.")
        }
    }
}

fn over(ending: Ending) -> &'static str {
    match ending {
        Ending::Met => "It is as it should be again.",
        Ending::Changed => "Something else is expected of it now.",
        Ending::Paused => "Somebody has paused it: nothing is expected of it meanwhile.",
        Ending::Archived => "Somebody has archived it: nothing is expected of it any more.",
        Ending::Suspended => "The tenant is suspended: nothing is expected of it meanwhile.",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{action, summary, title};
    use crate::permission::Audience;

    #[test]
    fn who_has_to_act_reads_what_is_to_be_done() {
        let late =
            |status| json!({"measure": "FRESHNESS", "observed": 720.0, "expected": 600.0, "status": status});
        let told = "Nothing has arrived for 12 minutes; something should every 10.";
        assert_eq!(summary(&late("STALE")).as_deref(), Some(told));
        let says = |status, audience| action(&late(status), audience);
        let nothing = "Nothing is needed from you: we look into it.";
        assert_eq!(says("FAILING", Audience::Customer), Some(nothing));
        let asks = "Deal with what it asks of you: open failures, or a system to be signed in to again.";
        assert_eq!(says("ACTION_REQUIRED", Audience::Customer), Some(asks));
        let staff = "The customer is to deal with its open failures, or to sign in to a system again.";
        assert_eq!(says("ACTION_REQUIRED", Audience::Support), Some(staff));
        assert_eq!(action(&json!({"count": 3}), Audience::Customer), None, "it is no alert");
        assert_eq!(summary(&json!({"count": 3})), None);
    }

    #[test]
    fn what_is_over_is_well_only_where_the_target_is_met() {
        let over = |ended| {
            let detail = json!({"measure": "LATENCY", "ended": ended});
            (title(&detail, "Orders"), summary(&detail))
        };
        assert_eq!(over("MET"), (None, Some("It is as it should be again.".to_owned())));
        let paused = "Somebody has paused it: nothing is expected of it meanwhile.".to_owned();
        assert_eq!(over("PAUSED"), (Some("Orders is not watched now".to_owned()), Some(paused)));
        let changed = "Something else is expected of it now.".to_owned();
        assert_eq!(over("CHANGED"), (Some("Orders is judged anew".to_owned()), Some(changed)));
    }
}
