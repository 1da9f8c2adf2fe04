use std::collections::BTreeMap;

use super::message::parse_file;
use super::{Locale, action_id, message_id, shipped, shipped_english};
use crate::catalogue;
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
        ["record-", "source-", "destination-", "reconciliation-", "platform-"]
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
fn an_unknown_code_reads_as_a_fault_of_ours() {
    assert_eq!(shipped_english().happened("no.such_code", "The run"), "The run met a fault on our side.");
    assert_eq!(
        shipped(Locale::German).happened("no.such_code", "Der Lauf"),
        "Der Lauf ist auf einen Fehler auf unserer Seite gestoßen."
    );
}
