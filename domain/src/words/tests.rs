use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::message::parse_file;
use super::overrides::{WordKey, WordPart, remove_override, reread, set_override};
use super::{Language, Locale, Words, action_id, message_id, shipped, shipped_english};
use crate::actor::Actor;
use crate::app::{App, AppOptions};
use crate::catalogue;
use crate::change::Changes;
use crate::clock::Clock;
use crate::dispatch::{Dispatch, DispatchError, JobHint};
use crate::permission::Audience;

const AUDIENCES: [Audience; 3] = [Audience::Customer, Audience::Support, Audience::Engineer];

/// Messages by id, with their placeables.
fn messages(locale: Locale) -> BTreeMap<String, Vec<String>> {
    let (messages, unread) = parse_file(locale.text());
    assert_eq!(unread, Vec::<String>::new(), "{}", locale.tag());
    messages.into_iter().map(|(id, message)| (id, message.placeables())).collect()
}

#[test]
fn every_language_has_every_message_with_the_same_placeables() {
    let english = messages(Locale::English);
    assert!(english.len() > 150, "{}", english.len());
    for locale in Locale::ALL {
        assert_eq!(messages(locale), english, "{}", locale.tag());
    }
}

#[test]
fn every_code_has_words_for_everybody_in_every_language_and_they_differ() {
    let english = messages(Locale::English);
    let of_codes = catalogue::entries().len() * 4;
    let is_of_code = |id: &&String| {
        ["record-", "source-", "destination-", "reconciliation-", "synthetic-", "platform-"]
            .iter()
            .any(|start| id.starts_with(start))
    };
    assert_eq!(english.keys().filter(is_of_code).count(), of_codes, "words of codes that are not there");
    for entry in catalogue::entries() {
        assert!(english.contains_key(&message_id(entry.code)), "{}", entry.code);
        let (in_english, in_german) = (shipped(Locale::English), shipped(Locale::German));
        assert!(in_german.happened(entry.code, "X").starts_with("X "), "{}", entry.code);
        assert_ne!(in_german.happened(entry.code, "X"), in_english.happened(entry.code, "X"));
        for audience in AUDIENCES {
            assert!(english.contains_key(&action_id(entry.code, audience)), "{}", entry.code);
            let said = in_german.action(entry.code, audience);
            assert_ne!(said, in_english.action(entry.code, audience), "{}", entry.code);
            assert!(said.ends_with('.'), "{said}");
        }
    }
}

#[test]
fn customers_never_read_of_our_teams_programs_or_settings() {
    // Lower case; what no customer can do anything with, or is nobody's business but ours.
    let staff = [
        "engineer",
        "entwickl",
        "technical detail",
        "technische einzelheit",
        "stack",
        "worker",
        "trestle_",
        "upstream",
        "exception",
        "egress",
        "plattformadmin",
        "platform admin",
        "hand over",
        "übergeben",
        "database",
        "datenbank",
        "sql",
        "vrl",
        "http ",
        "progresstimeout",
        "the customer",
        "dem kunden",
    ];
    for locale in Locale::ALL {
        let language = shipped(locale);
        for entry in catalogue::entries() {
            for said in [language.happened(entry.code, "X"), language.action(entry.code, Audience::Customer)]
            {
                let low = said.to_lowercase();
                for word in staff {
                    assert!(!low.contains(word), "{} of {}: {word}: {said}", locale.tag(), entry.code);
                }
            }
        }
    }
}

#[test]
fn an_override_is_said_only_while_it_fits_what_is_shipped() {
    let with = |id: &str, locale, text: &str| {
        let words = Words::with(&[(id.to_owned(), locale, text.to_owned())]);
        Language { words: Arc::new(words), locale: Locale::German }
    };
    let shipped = shipped(Locale::German);
    let id = "record-missing_key";
    for (text, expected) in [
        ("Ohne Schlüssel: { $subject }.", "Ohne Schlüssel: X."),
        ("Ohne Schlüssel.", shipped.happened("record.missing_key", "X").as_str()),
        ("{ $reference } ohne Schlüssel.", shipped.happened("record.missing_key", "X").as_str()),
        ("{ $subject", shipped.happened("record.missing_key", "X").as_str()),
    ] {
        assert_eq!(with(id, Locale::German, text).happened("record.missing_key", "X"), expected, "{text}");
    }
    // Another language's says nothing here, and one of a message that is gone nothing anywhere.
    let other = with(id, Locale::English, "No key: { $subject }.");
    assert_eq!(other.happened("record.missing_key", "X"), shipped.happened("record.missing_key", "X"));
    let gone = with("record-gone", Locale::German, "Weg.");
    assert_eq!(gone.words.message(Locale::German, "record-gone"), None);
}

struct NoQueue;

#[async_trait::async_trait]
impl Dispatch for NoQueue {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A process on the database of a directory.
async fn process(directory: &Path) -> Arc<App> {
    let options = AppOptions {
        database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.display()),
        files_dir: directory.join("files"),
        secret_keys: vec![[7; 32]],
        token_signer: None,
        connectors: connector::Registry::of(Vec::new()),
        references: crate::system::References::default(),
        dispatch: Arc::new(NoQueue),
        changes: Changes::in_process(),
        clock: Clock::from_fn(|| chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_790_000_000)),
        tenant_concurrency: 4,
        lease: Duration::from_secs(30),
        people: Default::default(),
        outside: Default::default(),
    };
    let app = App::open(options).await.expect("the database opens");
    app.migrate().await.expect("the schema can be made");
    crate::data_key::load(&app).await.expect("the key is the one of the settings");
    app
}

#[tokio::test]
async fn a_process_says_it_at_once_and_another_once_it_has_read_it_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let (one, two) = (process(directory.path()).await, process(directory.path()).await);
    let key = WordKey {
        code: "source.timeout".to_owned(),
        part: WordPart::Action,
        audience: Some(Audience::Support),
        locale: "en".to_owned(),
    };
    let said = |app: &App| app.words().current(Locale::English).action("source.timeout", Audience::Support);
    let before = said(&one);
    set_override(&Actor::operator(one.clone()), &key, "Call them.").await.expect("it can be said so");
    assert_eq!((said(&one), said(&two)), ("Call them.".to_owned(), before.clone()), "it has not looked yet");
    reread(&two).await.expect("reading works");
    assert_eq!(said(&two), "Call them.");

    set_override(&Actor::operator(two.clone()), &key, "Call them twice.").await.expect("it can be said so");
    assert_eq!((said(&one), said(&two)), ("Call them.".to_owned(), "Call them twice.".to_owned()));
    // Read by two at once.
    remove_override(&Actor::operator(one.clone()), &key).await.expect("it can be removed");
    let (first, second) = tokio::join!(reread(&two), reread(&two));
    first.and(second).expect("reading works");
    assert_eq!((said(&one), said(&two)), (before.clone(), before));
}

#[test]
fn an_unknown_code_reads_as_a_fault_of_ours() {
    assert_eq!(shipped_english().happened("no.such_code", "The run"), "The run met a fault on our side.");
    assert_eq!(
        shipped(Locale::German).happened("no.such_code", "Der Lauf"),
        "Der Lauf ist auf einen Fehler auf unserer Seite gestoßen."
    );
}
