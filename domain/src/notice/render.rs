//! A notice as each kind of channel shows it: JSON of Standard Webhooks, a mail in text and HTML, blocks of Slack.
//! Everything that people or outside systems have named is escaped for where it stands.
//!
//! Deliberately absent: signatures and the wire.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use entity::notice::{self, NoticeItem, NoticeKind};
use serde_json::{Value, json};
use uuid::Uuid;

use super::words::event_type;
use crate::id::{GlobalId, Kind};

/// Items that a mail or a message of Slack shows; the others are in the API. Slack takes 50 blocks.
const SHOWN_MAX: usize = 20;
/// Longest text of a block of Slack, in characters (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
const BLOCK_CHARS_MAX: usize = 3_000;
/// Longest subject, in characters: mail programs show fewer.
const SUBJECT_CHARS_MAX: usize = 150;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailText {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// One line about a notice.
pub(crate) fn subject(notice: &notice::Model) -> String {
    let items = &notice.items.0;
    let line = match (notice.kind, items.first()) {
        (NoticeKind::Test, _) => "A test of this channel".to_owned(),
        (NoticeKind::Single, Some(item)) => titled(item, notice.tenant_id),
        _ => {
            let recovered = items.iter().filter(|item| item.is_recovery).count();
            let count = notice.item_count;
            let what = if count == 1 { "notice" } else { "notices" };
            match recovered {
                0 => format!("{count} {what}"),
                recovered => format!("{count} {what}, {recovered} of something that is over"),
            }
        }
    };
    line.chars().map(|char| if char.is_control() { ' ' } else { char }).take(SUBJECT_CHARS_MAX).collect()
}

/// The body of a webhook.
pub(crate) fn webhook(notice: &notice::Model) -> Value {
    let (kind, data) = match (notice.kind, notice.items.0.first()) {
        (NoticeKind::Single, Some(item)) => (item.kind.map_or("notice.told", event_type), data_of(item)),
        (NoticeKind::Test, _) => {
            ("notice.tested", json!({ "summary": "This is a test: nothing has happened." }))
        }
        _ => {
            let items: Vec<Value> = notice.items.0.iter().map(with_type).collect();
            let left_out = left_out(notice, notice.items.0.len());
            ("notice.digested", json!({ "count": notice.item_count, "items": items, "moreCount": left_out }))
        }
    };
    let mut body = json!({ "type": kind, "timestamp": time(notice.created_at), "data": data });
    body["data"]["noticeId"] = GlobalId::new(Kind::Notice, notice.id).to_string().into();
    body
}

fn with_type(item: &NoticeItem) -> Value {
    let mut data = data_of(item);
    data["type"] = item.kind.map(event_type).into();
    data
}

fn data_of(item: &NoticeItem) -> Value {
    let id = |kind, id: Option<Uuid>| id.map(|id| GlobalId::new(kind, id).to_string());
    let named = |kind, of: Option<Uuid>, name: &Option<String>| {
        id(kind, of).map(|id| json!({ "id": id, "name": name }))
    };
    json!({
        "at": time(item.at),
        "tenant": named(Kind::Tenant, item.tenant_id, &item.tenant_name),
        "integration": named(Kind::Integration, item.integration_id, &item.integration_name),
        "system": named(Kind::System, item.system_id, &item.system_name),
        "runId": id(Kind::Run, item.run_id),
        "groupId": id(Kind::FailureGroup, item.group_id),
        "failureId": id(Kind::Failure, item.failure_id),
        "incidentId": id(Kind::Incident, item.incident_id),
        "code": item.code,
        "count": item.count,
        "businessReferences": item.references,
        "title": item.title,
        "summary": item.summary,
        "actsNext": item.acts,
        "action": item.action,
        "recovered": item.is_recovery,
        "link": item.link,
    })
}

/// A mail.
pub(crate) fn mail(notice: &notice::Model) -> MailText {
    let subject = subject(notice);
    let shown = &notice.items.0[..notice.items.0.len().min(SHOWN_MAX)];
    let mut text = format!("{subject}\n\n");
    let mut html = String::new();
    if notice.kind == NoticeKind::Test {
        text.push_str("This is a test: nothing has happened.\n\n");
        html.push_str("<p>This is a test: nothing has happened.</p>");
    }
    for item in shown {
        text_of(item, &mut text);
        html_of(item, &mut html);
    }
    let more = left_out(notice, shown.len());
    if more > 0 {
        write!(text, "And {more} more.\n\n").expect("a text grows");
        write!(html, "<p>And {more} more.</p>").expect("a text grows");
    }
    let why = match &notice.policy_name {
        Some(policy) => format!("You get this by the notice policy \"{policy}\"."),
        None => "You get this because you look after these notices.".to_owned(),
    };
    writeln!(text, "{why}").expect("a text grows");
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"supported-color-schemes\" content=\"light dark\"><title>{0}</title></head>\
         <body style=\"font-family:sans-serif;line-height:1.5;max-width:40em;margin:1em auto;padding:0 1em\">\
         <h1 style=\"font-size:1.2em\">{0}</h1>{html}\
         <p style=\"font-size:.85em;opacity:.75\">{1}</p></body></html>\n",
        escaped(&subject),
        escaped(&why)
    );
    MailText { subject, text, html }
}

fn text_of(item: &NoticeItem, text: &mut String) {
    let mut line = |line: String| {
        text.push_str(&one_line(&line));
        text.push('\n');
    };
    line(item.title.clone());
    line(item.summary.clone());
    for (name, value) in facts(item) {
        line(format!("{name}: {value}"));
    }
    if let Some(link) = &item.link {
        line(link.clone());
    }
    text.push('\n');
}

fn html_of(item: &NoticeItem, html: &mut String) {
    let mark = if item.is_recovery { "#2e7d32" } else { "#c62828" };
    write!(
        html,
        "<div style=\"border-left:4px solid {mark};padding-left:1em;margin:1.5em 0\"><p><strong>{}</strong></p><p>{}</p>",
        escaped(&item.title),
        escaped(&item.summary)
    )
    .expect("a text grows");
    html.push_str("<table role=\"presentation\">");
    for (name, value) in facts(item) {
        write!(
            html,
            "<tr><td style=\"padding-right:1em;opacity:.75;vertical-align:top\">{name}</td><td>{}</td></tr>",
            escaped(&value)
        )
        .expect("a text grows");
    }
    html.push_str("</table>");
    if let Some(link) = &item.link {
        write!(html, "<p><a href=\"{}\">Look at it</a></p>", escaped(link)).expect("a text grows");
    }
    html.push_str("</div>");
}

/// What there is to know beside title and summary, each with its name.
fn facts(item: &NoticeItem) -> Vec<(&'static str, String)> {
    let references = (!item.references.is_empty()).then(|| item.references.join(", "));
    let all = [
        ("Tenant", item.tenant_name.clone()),
        ("Integration", item.integration_name.clone()),
        ("System", item.system_name.clone()),
        ("Records", references),
        ("Who acts", item.acts.clone()),
        ("What to do", item.action.clone()),
        ("When", Some(item.at.format("%Y-%m-%d %H:%M UTC").to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A message of Slack: blocks, and a text for where those can't be shown.
pub(crate) fn slack(notice: &notice::Model) -> Value {
    let subject = subject(notice);
    let shown = &notice.items.0[..notice.items.0.len().min(SHOWN_MAX)];
    let mut blocks = Vec::new();
    if notice.kind != NoticeKind::Single {
        let intro = match notice.kind {
            NoticeKind::Test => format!("*{}*\nThis is a test: nothing has happened.", plain(&subject)),
            _ => format!("*{}*", plain(&subject)),
        };
        blocks.push(section(intro));
    }
    for item in shown {
        let mark = if item.is_recovery { ":white_check_mark:" } else { ":warning:" };
        let mut text = format!("{mark} *{}*\n{}", plain(&item.title), plain(&item.summary));
        for (name, value) in facts(item) {
            write!(text, "\n{name}: {}", plain(&value)).expect("a text grows");
        }
        if let Some(link) = &item.link {
            write!(text, "\n<{}|Look at it>", link.replace(['|', '<', '>'], "")).expect("a text grows");
        }
        blocks.push(section(text));
    }
    let more = left_out(notice, shown.len());
    if more > 0 {
        blocks.push(section(format!("And {more} more.")));
    }
    json!({ "text": plain(&subject), "blocks": blocks })
}

fn section(text: String) -> Value {
    let text: String = text.chars().take(BLOCK_CHARS_MAX).collect();
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// Occasions that are not among those shown.
fn left_out(notice: &notice::Model, shown: usize) -> i64 {
    notice.item_count - i64::try_from(shown).unwrap_or(i64::MAX)
}

/// The operator hears of many tenants: whose it is comes first.
fn titled(item: &NoticeItem, owner: Option<Uuid>) -> String {
    match (&item.tenant_name, owner) {
        (Some(tenant), None) => format!("{tenant} · {}", item.title),
        _ => item.title.clone(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Text of HTML, also inside of quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            char if char.is_control() => safe.push(' '),
            char => safe.push(char),
        }
    }
    safe
}

/// Text of mrkdwn (<https://docs.slack.dev/messaging/formatting-message-text#escaping>). What would format it is set
/// apart by a character without width, for which there is no escape.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '*' | '_' | '~' | '`' => {
                safe.push('\u{200b}');
                safe.push(char);
                safe.push('\u{200b}');
            }
            char if char.is_control() => safe.push(' '),
            char => safe.push(char),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use entity::notice::{self, NoticeItem, NoticeItemList, NoticeKind};
    use entity::occasion::OccasionKind;
    use uuid::Uuid;

    use super::{mail, slack, webhook};
    use crate::id::{GlobalId, Kind};

    fn item(title: &str) -> NoticeItem {
        NoticeItem {
            kind: Some(OccasionKind::RunFailed),
            is_recovery: false,
            at: DateTime::UNIX_EPOCH,
            tenant_id: Some(Uuid::from_u128(2)),
            tenant_name: Some("Acme & <Sons>".to_owned()),
            integration_id: Some(Uuid::from_u128(3)),
            integration_name: Some("orders".to_owned()),
            system_id: None,
            system_name: None,
            run_id: Some(Uuid::from_u128(4)),
            failure_id: None,
            group_id: Some(Uuid::from_u128(5)),
            incident_id: None,
            code: Some("source.timeout".to_owned()),
            count: None,
            references: vec!["PO-1".to_owned()],
            title: title.to_owned(),
            summary: "It <script>alert('x')</script> \"failed\".".to_owned(),
            acts: Some("you".to_owned()),
            action: Some("Wait.".to_owned()),
            link: Some("https://portal.example/?a=1&id=run_4".to_owned()),
        }
    }

    fn notice(kind: NoticeKind, items: Vec<NoticeItem>, item_count: i64) -> notice::Model {
        notice::Model {
            id: Uuid::from_u128(9),
            tenant_id: Some(Uuid::from_u128(2)),
            policy_id: None,
            policy_name: Some("Standard".to_owned()),
            channel_id: Uuid::from_u128(8),
            channel_name: "channel".to_owned(),
            kind,
            occasion_kind: None,
            integration_id: None,
            items: NoticeItemList(items),
            item_count,
            waits_for: None,
            due_at: None,
            sent_at: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_mail_has_nothing_in_it_that_a_name_could_be() {
        let mail = mail(&notice(NoticeKind::Single, vec![item("orders\r\nBcc: x: <b>late</b>")], 1));
        assert_eq!(mail.subject, "orders  Bcc: x: <b>late</b>");
        assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(mail.html.contains("Acme &amp; &lt;Sons&gt;"), "{}", mail.html);
        assert!(mail.html.contains("href=\"https://portal.example/?a=1&amp;id=run_4\""), "{}", mail.html);
        for part in ["Integration: orders", "Records: PO-1", "Who acts: you", "What to do: Wait."] {
            assert!(mail.text.contains(part), "{part} in {}", mail.text);
        }
    }

    #[test]
    fn a_webhook_names_what_it_is_about() {
        let body = webhook(&notice(NoticeKind::Single, vec![item("orders")], 1));
        let id = |kind, id| GlobalId::new(kind, Uuid::from_u128(id)).to_string();
        assert_eq!(body["data"]["runId"], id(Kind::Run, 4));
        assert_eq!(body["data"]["groupId"], id(Kind::FailureGroup, 5));
        assert_eq!(body["data"]["failureId"], serde_json::Value::Null);
    }

    #[test]
    fn slack_reads_names_as_text() {
        let message = slack(&notice(NoticeKind::Single, vec![item("<!channel> *now*")], 1));
        let text = message["blocks"][0]["text"]["text"].as_str().expect("a text");
        assert!(!text.contains("<!channel>") && text.contains("&lt;!channel&gt;"), "{text}");
        assert!(text.contains("<https://portal.example/?a=1&id=run_4|Look at it>"), "{text}");
    }

    #[test]
    fn digests_tell_how_many_they_leave_out() {
        let items: Vec<NoticeItem> = (0..50).map(|number| item(&format!("run {number}"))).collect();
        let digest = notice(NoticeKind::Digest, items, 100_000);
        assert!(mail(&digest).text.contains("And 99980 more."));
        assert_eq!(mail(&digest).subject, "100000 notices");
        let body = webhook(&digest);
        assert_eq!(body["type"], "notice.digested");
        assert_eq!((&body["data"]["count"], &body["data"]["moreCount"]), (&100_000.into(), &99_950.into()));
        assert_eq!(body["data"]["items"][0]["type"], "run.failed");
        let blocks = slack(&digest)["blocks"].as_array().expect("blocks").len();
        assert_eq!(blocks, 22);
    }
}
