//! Which fields of spans and events are kept, and how: by name, so that whoever logs something new decides that engineers may
//! read it. Numbers and booleans are, whatever they are called. Of a text the whole is masked again like what outside systems
//! say, though connectors have done that before.

use std::fmt::{self, Write};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use uuid::Uuid;

/// Texts that are kept. No field of these holds a credential, a token, a record or a body.
const TEXTS: [&str; 21] = [
    "channel.id",
    "code",
    "connector",
    "delivery.id",
    "detail",
    "error",
    "error.kind",
    "job.id",
    "kind",
    "mail.id",
    "notice.id",
    "operation",
    "quarantine.id",
    "reason",
    "request.id",
    "role",
    "status",
    "stream",
    "tap",
    "trace.id",
    "worker",
];
/// Of one text, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Of a text that is looked through, in bytes, whatever its length: more than is kept, so that a secret on the edge is blanked
/// whole.
const READ_BYTES_MAX: usize = 4 * TEXT_BYTES_MAX;
/// Of all attributes of a line, in bytes as JSON.
const ATTRIBUTES_BYTES_MAX: usize = 4 * 1024;
/// Of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// What was found in the fields of a span or an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) tenant_id: Option<Uuid>,
    pub(super) run_id: Option<Uuid>,
    pub(super) integration_id: Option<Uuid>,
    pub(super) system_id: Option<Uuid>,
    pub(super) message: String,
    pub(super) attributes: Map<String, Value>,
}

impl Found {
    /// Takes on what a span further out says, unless this says it.
    pub(super) fn within(&mut self, outer: &Self) {
        self.tenant_id = self.tenant_id.or(outer.tenant_id);
        self.run_id = self.run_id.or(outer.run_id);
        self.integration_id = self.integration_id.or(outer.integration_id);
        self.system_id = self.system_id.or(outer.system_id);
        for (name, value) in &outer.attributes {
            if !self.attributes.contains_key(name) {
                self.attributes.insert(name.clone(), value.clone());
            }
        }
    }

    /// What fits of the attributes; the longest texts go first.
    pub(super) fn into_attributes(self) -> Map<String, Value> {
        let mut attributes = self.attributes;
        while json!(attributes).to_string().len() > ATTRIBUTES_BYTES_MAX {
            let longest = attributes.iter().max_by_key(|(_, value)| value.to_string().len());
            let Some(name) = longest.map(|(name, _)| name.clone()) else { break };
            attributes.remove(&name);
        }
        attributes
    }

    fn text(&mut self, field: &Field, text: &str) {
        let id = || Uuid::parse_str(text).ok();
        match field.name() {
            "tenant.id" => self.tenant_id = id(),
            "run.id" => self.run_id = id(),
            "integration.id" => self.integration_id = id(),
            "system.id" => self.system_id = id(),
            "message" => self.message = cut(masked(text), MESSAGE_BYTES_MAX),
            name if TEXTS.contains(&name) => {
                let text = cut(masked(text), TEXT_BYTES_MAX);
                self.attributes.insert(name.to_owned(), Value::from(text));
            }
            _ => {}
        }
    }

    fn plain(&mut self, field: &Field, value: Value) {
        self.attributes.insert(field.name().to_owned(), value);
    }
}

impl Visit for Found {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, json!(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, json!(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, json!(u64::try_from(value).unwrap_or(u64::MAX)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = Beginning::default();
        let mut written = write!(text, "{value}");
        let mut source = value.source();
        while let (Ok(()), Some(cause)) = (written, source) {
            written = write!(text, ": {cause}");
            source = cause.source();
        }
        self.text(field, &text.0);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Beginning::default();
        // Of what does not fit there is the beginning.
        write!(text, "{value:?}").unwrap_or_default();
        self.text(field, &text.0);
    }
}

/// As much of what is written as is looked through.
#[derive(Default)]
struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = READ_BYTES_MAX - self.0.len();
        self.0.push_str(&part[..part.floor_char_boundary(room)]);
        // Nobody goes on writing what is not read.
        if part.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Without what follows names that tell of secrets.
fn masked(text: &str) -> String {
    connector::without_secrets(&text[..text.floor_char_boundary(READ_BYTES_MAX)])
}

/// Without NUL, which PostgreSQL stores in no text.
fn cut(text: String, bytes_max: usize) -> String {
    let mut text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{Beginning, READ_BYTES_MAX, TEXT_BYTES_MAX, cut, masked};

    #[test]
    fn of_what_is_long_no_more_is_read_than_may_be_kept() {
        let mut text = Beginning::default();
        let long = "é".repeat(READ_BYTES_MAX);
        assert!(write!(text, "x{long}").is_err());
        assert_eq!(text.0.len(), READ_BYTES_MAX - 1, "no character is cut in two");
        assert!(write!(text, "y").is_ok() && write!(text, "z").is_err());
        assert_eq!(text.0.chars().last(), Some('y'));
        let secret = format!("{} token={}", "x".repeat(TEXT_BYTES_MAX - 20), "s3cr3t".repeat(READ_BYTES_MAX));
        let kept = cut(masked(&secret), TEXT_BYTES_MAX);
        assert!(kept.ends_with(" token=[hidden]"), "{kept}");
        assert_eq!(cut("a\0b".to_owned(), 10), "a\u{fffd}b");
    }
}
