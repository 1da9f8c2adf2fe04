//! Escalation in words: that nobody takes a group up, and since when; for staff also how a promised time stands. Deliberately
//! absent: when it is told, which `escalation` decides.

use chrono::{DateTime, Utc};
use entity::occasion::{self, OccasionKind};
use entity::sla_clock::SlaKind;
use serde_json::Value;

use super::one;
use crate::escalation::telling::duration;
use crate::permission::Audience;

/// The title, for what escalation tells; `None` for anything else. How many steps there were is the operator's affair: most
/// of them lead from one of its people to another.
pub(super) fn title(occasion: &occasion::Model, integration: &str, audience: Audience) -> Option<String> {
    let detail = &occasion.detail;
    Some(match occasion.kind {
        OccasionKind::Escalated => {
            let waited = duration(one(detail, "waitedSeconds")?);
            match one::<i64>(detail, "level").unwrap_or(1) {
                ..=1 => format!("{integration}: nobody has taken up failures for {waited}"),
                _ if audience == Audience::Customer => {
                    format!("{integration}: still nobody has taken up failures, after {waited}")
                }
                level => {
                    format!("{integration}: still nobody has taken up failures, after {waited} ({level})")
                }
            }
        }
        OccasionKind::SlaWarning => format!("{integration}: {} is due soon", promised(detail)?),
        OccasionKind::SlaBreached => format!("{integration}: {} is overdue", promised(detail)?),
        _ => return None,
    })
}

/// What is the matter, before why records fail; `None` for what escalation does not tell.
pub(super) fn beginning(occasion: &occasion::Model) -> Option<String> {
    let detail = &occasion.detail;
    let since = || one::<DateTime<Utc>>(detail, "since").map(|at| at.format("%Y-%m-%d %H:%M UTC"));
    Some(match occasion.kind {
        OccasionKind::Escalated => {
            let is_handed_over = one(detail, "isHandedOver").unwrap_or(false);
            let since = since()?;
            match is_handed_over {
                false => format!("Nobody has taken it up since {since}."),
                true => format!("Nobody has taken it up since {since}, so that it was handed over."),
            }
        }
        OccasionKind::SlaWarning | OccasionKind::SlaBreached => {
            let target = duration(one(detail, "targetSeconds")?);
            let what = match one(detail, "clock")? {
                SlaKind::Response => "an answer",
                SlaKind::Resolution => "an end",
            };
            let is = if occasion.kind == OccasionKind::SlaWarning { "is" } else { "was" };
            format!("It began at {}; {what} {is} promised within {target}.", since()?)
        }
        _ => return None,
    })
}

fn promised(detail: &Value) -> Option<&'static str> {
    Some(match one(detail, "clock")? {
        SlaKind::Response => "an answer",
        SlaKind::Resolution => "the end of failures",
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::occasion::OccasionKind;
    use serde_json::json;
    use uuid::Uuid;

    use super::{Audience, beginning, title};
    use crate::occasion::NewOccasion;

    fn told(kind: OccasionKind, detail: serde_json::Value) -> entity::occasion::Model {
        let mut row = NewOccasion::new(kind).row(Some(Uuid::nil()), DateTime::UNIX_EPOCH);
        row.detail = detail;
        row
    }

    #[test]
    fn it_grows_louder_and_says_since_when() {
        let escalated = |level: i32, waited: i64| {
            let detail = json!({
                "since": "2026-11-26T08:00:00+00:00", "waitedSeconds": waited, "level": level, "isHandedOver": true,
            });
            told(OccasionKind::Escalated, detail)
        };
        let first = escalated(1, 900);
        assert_eq!(
            title(&first, "Orders", Audience::Support).as_deref(),
            Some("Orders: nobody has taken up failures for 15 minutes")
        );
        let third = "Orders: still nobody has taken up failures, after 3 hours (3)";
        assert_eq!(title(&escalated(3, 10_800), "Orders", Audience::Support).as_deref(), Some(third));
        let theirs = "Orders: still nobody has taken up failures, after 3 hours";
        assert_eq!(title(&escalated(3, 10_800), "Orders", Audience::Customer).as_deref(), Some(theirs));
        let text = "Nobody has taken it up since 2026-11-26 08:00 UTC, so that it was handed over.";
        assert_eq!(beginning(&first).as_deref(), Some(text));
    }

    #[test]
    fn promises_are_said_with_their_time() {
        let detail =
            json!({"clock": "RESPONSE", "targetSeconds": 3_600, "since": "2026-11-26T08:00:00+00:00"});
        let warned = told(OccasionKind::SlaWarning, detail.clone());
        let title = |occasion: &_| title(occasion, "Orders", Audience::Support);
        assert_eq!(title(&warned).as_deref(), Some("Orders: an answer is due soon"));
        let breached = told(OccasionKind::SlaBreached, detail);
        assert_eq!(title(&breached).as_deref(), Some("Orders: an answer is overdue"));
        let text = "It began at 2026-11-26 08:00 UTC; an answer was promised within 60 minutes.";
        assert_eq!(beginning(&breached).as_deref(), Some(text));
        assert_eq!(title(&told(OccasionKind::GroupNew, json!({}))), None);
    }
}
