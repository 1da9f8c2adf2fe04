//! What is never shown of what a system and its stream are about: secrets, and what the stream's schema classifies, also
//! where another text repeats it. Deliberately absent: how the rest is shown.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::blanks::{self, Blanks};
use super::classified::Classified;
use super::{CAPTURED_BYTES_MAX, HIDDEN, Sent, WITHHELD};
use crate::Record;
use crate::http::refusal;

/// Access tokens that are remembered to be blanked: of the last renewals of a run.
const TOKENS_MAX: usize = 8;
/// Values of one message that are looked for in the texts of both, at most. Of messages with more nothing is shown.
pub(super) const VALUES_MAX: usize = 2_000;
/// In place of the value of a classified field, where another text repeats it.
const REPEATED: &str = "[classified]";

/// What is never shown of what a system and its stream are about.
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Vec<SecretString>,
    classified: Classified,
    /// The latest access tokens.
    tokens: Mutex<Vec<SecretString>>,
}

/// A body, as far as it can be looked through.
pub(super) enum Read<'a> {
    /// As it is: nothing is classified.
    Plain(&'a [u8]),
    /// Masked.
    Document(Value),
    Withheld,
}

/// Texts of classified fields, which other texts may repeat.
#[derive(Clone, Default)]
pub(super) struct Values {
    texts: HashSet<String>,
    /// There are more than are looked for.
    is_full: bool,
}

impl Redactor {
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        Self::default().hiding(secrets)
    }

    /// The same for a stream some of whose fields are classified.
    pub(crate) fn classifying(&self, classified: &Classified) -> Self {
        let (secrets, tokens) = (self.secrets.clone(), Mutex::new(self.tokens()));
        Self { secrets, classified: classified.clone(), tokens }
    }

    /// The same with more that is secret.
    pub(crate) fn hiding(&self, secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = self.secrets.iter().cloned().chain(secrets.into_iter().map(SecretString::from));
        Self {
            secrets: secrets.collect(),
            classified: self.classified.clone(),
            tokens: Mutex::new(self.tokens()),
        }
    }

    /// Remembers what is never to be shown.
    pub(crate) fn hide(&self, token: &SecretString) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.iter().any(|known| known.expose_secret() == token.expose_secret()) {
            return;
        }
        if tokens.len() == TOKENS_MAX {
            tokens.remove(0);
        }
        tokens.push(token.clone());
    }

    fn tokens(&self) -> Vec<SecretString> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an API answered, for engineers: cut to 2 KiB, and without what it repeats of what was sent.
    pub(crate) fn excerpt(&self, reply: &[u8], is_cut: bool, sent: &Sent) -> String {
        let mut values = self.values_of(sent);
        let read = self.read(reply, is_cut, &mut values);
        self.with_blanks(&values, |blanks| match read {
            Read::Plain(text) => refusal::excerpt(text, blanks),
            Read::Document(document) => refusal::excerpt(document.to_string().as_bytes(), blanks),
            Read::Withheld => WITHHELD.to_owned(),
        })
    }

    /// Words of ours that may repeat what was sent, such as an address; cut to 2 KiB.
    pub(crate) fn told(&self, words: &str, sent: Option<&Sent>) -> String {
        let values = sent.map(|sent| self.values_of(sent)).unwrap_or_default();
        self.with_blanks(&values, |blanks| refusal::excerpt(words.as_bytes(), blanks))
    }

    /// Remembers what a request is about, which its body need not say, nor say as JSON.
    pub(crate) fn remember(&self, sent: &mut Sent, about: &[&Record]) {
        if self.classified.is_empty() {
            return;
        }
        for (name, value) in about.iter().flat_map(|record| record.iter()) {
            self.collect_member(name, value, &mut sent.values);
        }
    }

    /// The values of classified fields that a request says, and is about.
    fn values_of(&self, sent: &Sent) -> Values {
        let mut values = sent.values.clone();
        self.read(sent.body(), false, &mut values);
        values
    }

    pub(super) fn with_blanks<T>(&self, values: &Values, work: impl FnOnce(&Blanks<'_>) -> T) -> T {
        if values.is_full {
            return work(&Blanks::everything(HIDDEN));
        }
        let tokens = self.tokens();
        let secrets = self.secrets.iter().chain(&tokens).map(|secret| (secret.expose_secret(), HIDDEN));
        work(&Blanks::of(secrets.chain(values.texts.iter().map(|text| (text.as_str(), REPEATED)))))
    }

    /// A body with what is classified masked, and its values remembered: the other message may repeat them.
    pub(super) fn read<'a>(&self, body: &'a [u8], is_cut: bool, values: &mut Values) -> Read<'a> {
        if body.is_empty() || self.classified.is_empty() {
            return Read::Plain(body);
        }
        if is_cut || body.len() > CAPTURED_BYTES_MAX {
            return Read::Withheld;
        }
        // A part of a document, many of them, or none: nobody knows what is where.
        let Ok(mut document) = serde_json::from_slice::<Value>(body) else { return Read::Withheld };
        self.collect(&document, values);
        if self.classified.is_everything() {
            return Read::Withheld;
        }
        self.mask(&mut document);
        Read::Document(document)
    }

    fn mask(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match self.classified.get(name) {
                        Some(class) if !member.is_null() => *member = Value::from(class.mask()),
                        _ => self.mask(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            _ => {}
        }
    }

    fn collect(&self, value: &Value, values: &mut Values) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.collect_member(name, member, values));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, values)),
            _ => {}
        }
    }

    fn collect_member(&self, name: &str, member: &Value, values: &mut Values) {
        match self.classified.is_everything() || self.classified.get(name).is_some() {
            true => values.add(member),
            false => self.collect(member, values),
        }
    }
}

impl Values {
    /// Every text and number in a value.
    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_text(text.clone()),
            Value::Number(number) => self.add_text(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_text(&mut self, text: String) {
        if !blanks::is_long(&text) {
            return;
        }
        if self.texts.len() < VALUES_MAX {
            self.texts.insert(text);
        } else {
            self.is_full |= !self.texts.contains(&text);
        }
    }
}
