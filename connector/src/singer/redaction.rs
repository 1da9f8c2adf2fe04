//! Blanks what is secret in what a tap says. Deliberately absent: secrets that a tap has fetched itself and that nobody else
//! knows.

use serde_json::Value;

/// Shorter values are words like `on` or `eu`, without which nothing could be read any more.
const SECRET_CHARS_MIN: usize = 4;
/// Lines of a key in PEM are each a secret; shorter ones are its head and foot.
const SECRET_LINE_CHARS_MIN: usize = 16;
const HIDDEN: &str = "[hidden]";

/// What must not be shown.
#[derive(Clone, Default)]
pub(super) struct Redaction(Vec<String>);

impl Redaction {
    /// Every text and number of these credentials, as they are, in JSON, and in a URL.
    pub(super) fn of(credentials: &Value) -> Self {
        let mut secrets = Vec::new();
        collect(credentials, &mut secrets);
        let mut redaction = Self(secrets);
        redaction.order();
        redaction
    }

    /// And these as well.
    pub(super) fn and(&mut self, other: Self) {
        self.0.extend(other.0);
        self.order();
    }

    fn order(&mut self) {
        // Longer ones first: what is part of another is hidden with it.
        self.0.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.0.dedup();
    }

    /// The text without them.
    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), HIDDEN),
            false => text,
        })
    }
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect(value, secrets)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
        Value::String(text) => {
            add(text, SECRET_CHARS_MIN, secrets);
            text.lines().for_each(|line| add(line.trim(), SECRET_LINE_CHARS_MIN, secrets));
        }
        Value::Number(number) => add(&number.to_string(), SECRET_CHARS_MIN, secrets),
        Value::Null | Value::Bool(_) => {}
    }
}

fn add(text: &str, chars_min: usize, secrets: &mut Vec<String>) {
    if text.chars().count() < chars_min {
        return;
    }
    let json = Value::from(text).to_string();
    secrets.push(json[1..json.len() - 1].to_owned());
    let mut url = reqwest::Url::parse("a:").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().append_key_only(text);
        let encoded = url.query().unwrap_or_default().to_owned();
        // A space is one or the other.
        secrets.push(encoded.replace('+', "%20"));
        secrets.push(encoded);
    }
    secrets.push(text.to_owned());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Redaction;

    #[test]
    fn secrets_are_hidden_in_each_form_in_which_a_tap_may_say_them() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----";
        let credentials =
            json!({"password": "pa\"ss w&rd", "deep": {"list": ["t0ken", 4711]}, "key": key, "no": "eu"});
        let redaction = Redaction::of(&credentials);
        for said in [
            "GET /?p=pa%22ss+w%26rd",
            "GET /?p=pa%22ss%20w%26rd",
            "config: {\"password\": \"pa\\\"ss w&rd\"}",
            "password=pa\"ss w&rd",
            "Bearer t0ken",
            "pin 4711",
            "MIIEvQIBADANBgkqhkiG9w0",
        ] {
            let shown = redaction.apply(said);
            assert!(shown.contains("[hidden]"), "{shown}");
            for secret in ["ss", "t0ken", "4711", "MIIE"] {
                assert!(!shown.contains(secret) || secret == "ss" && shown.contains("password"), "{shown}");
            }
        }
        assert_eq!(redaction.apply("reading orders of eu"), "reading orders of eu");
    }
}
