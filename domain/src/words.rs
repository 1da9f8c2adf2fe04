//! The words that people read of failures and of what to do about them: one file a language, with the operator's
//! own words over them. Deliberately absent: when which words are said (`failure`, `action`), and the words that are
//! stored with what happened, which are English.

mod locale;
mod message;
mod overrides;
mod rule;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use self::message::{Message, Value, parse_file};
use crate::permission::Audience;

pub use self::locale::Locale;
pub use self::overrides::{
    Overridden, TEXT_CHARS_MAX, Word, WordKey, WordPart, list, remove_override, reread, set_override,
};

/// What is filled into a message.
pub(crate) type Argument<'a> = (&'static str, Value<'a>);

/// The messages of every language.
pub(crate) struct Words {
    messages: [BTreeMap<String, Message>; Locale::ALL.len()],
}

/// The words of this process, as they were read last.
pub(crate) struct CurrentWords {
    words: RwLock<Arc<Words>>,
    /// Of which overrides they are made.
    overrides: RwLock<Vec<(String, Locale, String)>>,
    /// Held by who reads them again.
    reading: tokio::sync::Mutex<()>,
}

/// The words of one language.
#[derive(Clone)]
pub(crate) struct Language {
    words: Arc<Words>,
    locale: Locale,
}

/// Words as they are shipped; a test reads every message of them.
static SHIPPED: LazyLock<Arc<Words>> = LazyLock::new(|| {
    // What can't be read is left out here, and found by the test.
    Arc::new(Words { messages: Locale::ALL.map(|locale| parse_file(locale.text()).0) })
});

/// The words as they are shipped, in English: what is stored with what happened.
pub(crate) fn shipped_english() -> Language {
    Language { words: SHIPPED.clone(), locale: Locale::English }
}

/// The words as they are shipped.
#[cfg(test)]
pub(crate) fn shipped(locale: Locale) -> Language {
    Language { words: SHIPPED.clone(), locale }
}

impl CurrentWords {
    /// Those that are shipped, until those of the database are read.
    pub(crate) fn new() -> Self {
        Self {
            words: RwLock::new(SHIPPED.clone()),
            overrides: RwLock::new(Vec::new()),
            reading: tokio::sync::Mutex::new(()),
        }
    }

    /// As they are now, in a language.
    pub(crate) fn current(&self, locale: Locale) -> Language {
        let words = self.words.read().unwrap_or_else(PoisonError::into_inner).clone();
        Language { words, locale }
    }

    /// From now on with these over those that are shipped; most times they are the same as before.
    fn replace(&self, overrides: Vec<(String, Locale, String)>) {
        let mut known = self.overrides.write().unwrap_or_else(PoisonError::into_inner);
        if *known == overrides {
            return;
        }
        let words = Arc::new(Words::with(&overrides));
        *self.words.write().unwrap_or_else(PoisonError::into_inner) = words;
        *known = overrides;
    }
}

impl Words {
    /// What is shipped, with messages of some ids in the operator's words.
    fn with(overrides: &[(String, Locale, String)]) -> Self {
        let mut messages = SHIPPED.messages.clone();
        for (id, locale, text) in overrides {
            match fitting(id, *locale, text) {
                Some(message) => {
                    messages[*locale as usize].insert(id.clone(), message);
                }
                // Checked before it was stored, by a program of another version.
                None => tracing::warn!(
                    word.id = id,
                    locale = locale.tag(),
                    "an overridden word does not fit what is shipped and is not used"
                ),
            }
        }
        Self { messages }
    }

    fn message(&self, locale: Locale, id: &str) -> Option<&Message> {
        self.messages[locale as usize].get(id)
    }

    fn find(&self, locale: Locale, id: &str, arguments: &[Argument<'_>]) -> Option<String> {
        self.message(locale, id)?.fill(locale, arguments)
    }
}

impl Language {
    /// Which one it is.
    pub(crate) fn locale(&self) -> Locale {
        self.locale
    }

    /// A message in which nothing is filled.
    pub(crate) fn say(&self, id: &str) -> String {
        self.find(id, &[])
    }

    /// A message with what is filled into it.
    pub(crate) fn tell<'a>(&self, id: &str, arguments: impl IntoIterator<Item = Argument<'a>>) -> String {
        self.find(id, &arguments.into_iter().collect::<Vec<_>>())
    }

    /// What happened, by the catalogue.
    pub(crate) fn happened(&self, code: &str, subject: &str) -> String {
        let id = message_id(code);
        self.tell(&id, [("subject", subject.into())])
    }

    /// What somebody does about it, by the catalogue.
    pub(crate) fn action(&self, code: &str, audience: Audience) -> String {
        self.say(&action_id(code, audience))
    }

    fn find(&self, id: &str, arguments: &[Argument<'_>]) -> String {
        let said = self.words.find(self.locale, id, arguments);
        // A test says that this does not happen; what is shipped is better than none, if need be in another language.
        let said = said.or_else(|| SHIPPED.find(self.locale, id, arguments));
        let said = said.or_else(|| SHIPPED.find(Locale::English, id, arguments));
        said.unwrap_or_else(|| {
            tracing::error!(word.id = id, locale = self.locale.tag(), "a message has no words");
            id.to_owned()
        })
    }
}

/// An overridden message; `None` when it does not fit what is shipped, and so is not said.
fn fitting(id: &str, locale: Locale, text: &str) -> Option<Message> {
    let placeables = SHIPPED.message(locale, id)?.placeables();
    Message::parse(text).filter(|message| message.is_plain() && message.placeables() == placeables)
}

/// The message of a code that says what happened.
pub(crate) fn message_id(code: &str) -> String {
    crate::catalogue::entry(code).code.replace('.', "-")
}

/// The message of a code that says what somebody does.
pub(crate) fn action_id(code: &str, audience: Audience) -> String {
    let of = match audience {
        Audience::Customer => "customer",
        Audience::Support => "support",
        Audience::Engineer => "engineer",
    };
    format!("{}-{of}", message_id(code))
}

/// Several things in one sentence each begin with a small letter where the language has it so.
pub(crate) fn lower_first(text: &str) -> Cow<'_, str> {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_uppercase() => {
            Cow::Owned(first.to_lowercase().chain(characters).collect::<String>())
        }
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
