//! The property: whatever anybody asks, nobody gets anything of another tenant. Random tenants, callers of every role,
//! questions made of the schema, many at once and with staff between them, subscriptions while things happen.
//!
//! `TEST_ISOLATION_QUERIES` is how many questions are asked of each database; `TEST_ISOLATION_SEED` makes those of an
//! earlier run again. Deliberately absent: mutations, of which `access` tries each on another tenant's objects.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{join, join_all};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::question::{EMPTY, Questioner};
use super::town::{Caller, Town};
use crate::harness::postgres::Database;
use crate::harness::random::Random;
use crate::harness::subscription::{Incoming, Socket};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};

/// Questions of each database where nobody says how many: a minute of them.
const QUERIES_DEFAULT: usize = 4_000;
/// So many times as many are asked at most until everything was seen that must be: some of it is rare.
const QUERIES_FACTOR_MAX: usize = 4;
/// Questions of one request.
const BATCH: usize = 8;
/// Requests at once.
const AT_ONCE: usize = 12;
/// Listeners at once.
const LISTENERS: usize = 24;
/// How often something is made to happen in every tenant.
const STIR_INTERVAL: Duration = Duration::from_secs(2);
/// Shorter than a token is good.
const SIGN_IN_INTERVAL: Duration = Duration::from_secs(300);
/// So many of a hundred callers do not wait for their answer, and so long do they wait at most, in milliseconds.
const IMPATIENT_PERCENT: usize = 6;
const PATIENCE_MS_MAX: usize = 40;
/// How a socket is closed whose token is no longer good.
const TOKEN_EXPIRED: u16 = 4403;
/// How long a listener waits before it looks whether the questions are over.
const LISTEN_LIMIT: Duration = Duration::from_millis(500);
/// Kinds of objects, each of which somebody must have been shown for the test to mean anything.
const KINDS: [&str; 27] = [
    "audit",
    "backfill",
    "channel",
    "delivery",
    "contact",
    "event",
    "export",
    "failure",
    "group",
    "healthtarget",
    "incident",
    "integration",
    "invitation",
    "key",
    "killswitch",
    "notice",
    "policy",
    "portal",
    "quarantine",
    "reconciliation",
    "retry",
    "rule",
    "run",
    "session",
    "system",
    "tenant",
    "user",
];

#[tokio::test]
async fn nobody_is_shown_anything_of_another_tenant_on_sqlite() {
    hold(setup().embedded().await).await;
}

#[tokio::test]
async fn nobody_is_shown_anything_of_another_tenant_on_postgresql() {
    hold(setup().split(1).await).await;
}

/// With a mail server at which nobody answers: invitations are there, and wait.
fn setup() -> Setup {
    Setup::new()
        .setting("TRESTLE_SMTP_URL", "smtp://127.0.0.1:9?tls=none")
        .setting("TRESTLE_MAIL_FROM", "Trestle <trestle@example.com>")
        .setting("TRESTLE_PUBLIC_URL", "http://127.0.0.1:1")
}

/// What the answers had.
#[derive(Default)]
struct Seen {
    /// Questions that were taken, or about to be.
    taken: AtomicUsize,
    answered: AtomicUsize,
    requests: AtomicUsize,
    events: AtomicUsize,
    too_costly: AtomicUsize,
    abandoned: AtomicUsize,
    refused: AtomicUsize,
    /// Objects of the caller's own by kind.
    own: Mutex<BTreeMap<String, usize>>,
    /// Ids that nobody knew when they were seen, with who saw them: what came to be meanwhile.
    new: Mutex<HashSet<(String, usize)>>,
    /// Fields of the root that were asked.
    roots: Mutex<BTreeSet<String>>,
}

impl Seen {
    /// Kinds of which nothing was shown, and fields of the root that nobody asked.
    fn lacks<'a>(&self, town: &'a Town) -> Vec<&'a str> {
        let (own, roots) = (self.own.lock().unwrap(), self.roots.lock().unwrap());
        let kinds = KINDS.into_iter().filter(|kind| !own.contains_key(*kind));
        let all = town.schema.get("Query").fields.keys();
        kinds.chain(all.filter(|name| !roots.contains(*name)).map(String::as_str)).collect()
    }
}

#[expect(clippy::print_stdout, reason = "the figures of a run, for whoever asks for them")]
async fn hold(trestle: Trestle) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_micros();
    let seed = number("TEST_ISOLATION_SEED").unwrap_or_else(|| u64::try_from(clock()).expect("it fits"));
    let queries = number("TEST_ISOLATION_QUERIES").map_or(QUERIES_DEFAULT, |queries| queries as usize);
    println!("TEST_ISOLATION_SEED={seed} TEST_ISOLATION_QUERIES={queries}");
    let mut random = Random::new(seed);
    let mut town = Town::build(trestle, &mut random).await;
    let (seen, over) = (Seen::default(), AtomicBool::new(false));
    let begin = Instant::now();
    let ask = async {
        let tasks = (0..AT_ONCE).map(|_| asker(&town, &seen, queries, Random::new(random.next())));
        join_all(tasks.collect::<Vec<_>>()).await;
        over.store(true, Ordering::Relaxed);
    };
    let stir = async {
        let (mut random, mut tick) = (Random::new(seed ^ 1), tokio::time::interval(STIR_INTERVAL));
        // A slow machine is not to catch up.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut signed_in = Instant::now();
        while !over.load(Ordering::Relaxed) {
            tick.tick().await;
            if signed_in.elapsed() > SIGN_IN_INTERVAL {
                town.sign_in_again().await;
                signed_in = Instant::now();
            }
            town.stir(&mut random).await;
        }
    };
    let listen = (0..LISTENERS)
        .map(|place| listener(&town, &seen, &over, place, Random::new(seed ^ (2 + place as u64))));
    join(ask, join(stir, join_all(listen))).await;
    let took = begin.elapsed();

    // What came to be while it was asked for is whose it is by now.
    town.look().await;
    for (id, caller) in seen.new.lock().unwrap().iter() {
        let caller = &town.callers[*caller];
        let uuid = Uuid::parse_str(&id[id.len() - 32..]).expect("it was found as one");
        let owner =
            town.owners.get(&uuid).unwrap_or_else(|| panic!("{} saw {id}, which is nothing", caller.label));
        assert!(caller.sees(*owner), "{} saw {id} of another tenant", caller.label);
    }
    let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
    let own = seen.own.lock().unwrap().clone();
    println!(
        "{} queries in {} requests, {} events, {took:?}; refused in part {}, too costly {}, abandoned {}; own objects seen: {own:?}",
        count(&seen.answered),
        count(&seen.requests),
        count(&seen.events),
        count(&seen.refused),
        count(&seen.too_costly),
        count(&seen.abandoned),
    );
    if town.trestle.is_split() {
        no_transaction_is_left_open(&town.trestle.stores().database).await;
    }
    // A test that sees nothing proves nothing.
    assert_eq!(seen.lacks(&town), [] as [&str; 0], "objects of every kind were shown, and every field asked");
    let unlisted: Vec<_> =
        own.keys().filter(|kind| !KINDS.contains(&kind.as_str()) && *kind != "healthalert").collect();
    assert!(unlisted.is_empty(), "kinds that KINDS lacks: {unlisted:?}");
    assert!(own.values().sum::<usize>() > queries, "{own:?}");
    assert!(count(&seen.events) > 0, "listeners heard something");
    assert!(count(&seen.too_costly) * 20 < count(&seen.requests), "most requests are executed");
}

/// One that stayed open would show its tenants' rows to whoever gets its connection next.
async fn no_transaction_is_left_open(database: &Database) {
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    let mut connection = database.connect().await;
    until("no transaction is open", SOON, async || {
        match sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.unwrap() {
            0 => Ok(()),
            open => Err(open),
        }
    })
    .await;
}

/// Asks until there were enough questions.
async fn asker(town: &Town, seen: &Seen, queries: usize, mut random: Random) {
    loop {
        let taken = seen.taken.fetch_add(BATCH, Ordering::Relaxed);
        if taken >= queries && (taken >= queries * QUERIES_FACTOR_MAX || seen.lacks(town).is_empty()) {
            break;
        }
        let place = random.below(town.callers.len());
        let caller = &town.callers[place];
        let client = caller.client();
        let document = Questioner::new(town, caller, &mut random).document(BATCH);
        let staff = async {
            // Staff see all; their statements run between those of the others.
            if seen.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
                let all = "{ runs(first: 20) { edges { node { id tenant { id } } } } failures(first: 20) { edges { node { id } } } }";
                town.staff.client().query(all, Value::Null).await;
            }
        };
        if random.percent(IMPATIENT_PERCENT) {
            // What a caller who left leaves behind, in a connection of the database, the next one must not find.
            let patience = Duration::from_millis(1 + random.below(PATIENCE_MS_MAX) as u64);
            drop(tokio::time::timeout(patience, client.try_query(&document, json!({}))).await);
            seen.abandoned.fetch_add(1, Ordering::Relaxed);
        }
        let (answer, ()) = join(client.try_query(&document, json!({})), staff).await;
        let codes = answer.codes();
        let odd =
            |code: &&String| !matches!(code.as_str(), "FORBIDDEN" | "BAD_USER_INPUT" | "LIMIT_EXCEEDED");
        assert_eq!(codes.iter().find(odd), None, "{}: {document}\n{:#}", caller.label, answer.body);
        if codes.iter().any(|code| code == "LIMIT_EXCEEDED") {
            seen.too_costly.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        seen.answered.fetch_add(BATCH, Ordering::Relaxed);
        if !codes.is_empty() {
            seen.refused.fetch_add(1, Ordering::Relaxed);
        }
        Judge { town, seen, caller, place, asked: &document }.judge(&answer.body);
        let mut roots = seen.roots.lock().unwrap();
        for root in town.schema.get("Query").fields.keys() {
            if document.contains(&format!(": {root} ")) || document.contains(&format!(": {root}(")) {
                roots.insert(root.clone());
            }
        }
    }
}

/// Listens to one thing after the other until the questions are over.
async fn listener(town: &Town, seen: &Seen, over: &AtomicBool, first: usize, mut random: Random) {
    let place = first % town.callers.len();
    let caller = &town.callers[place];
    while !over.load(Ordering::Relaxed) {
        let client = caller.client();
        let mut socket = Socket::connect(client.url()).await;
        let token = client.token().expect("callers are signed in");
        let payload = json!({"Authorization": format!("Bearer {token}")});
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        let asked = Questioner::new(town, caller, &mut random).subscription();
        let mut is_open = false;
        let mut heard = 0;
        while !over.load(Ordering::Relaxed) && heard < 20 {
            let message = match socket.receive_within(LISTEN_LIMIT).await {
                None => continue,
                Some(Incoming::Message(message)) => message,
                Some(Incoming::Closed(Some((TOKEN_EXPIRED, _)))) => break,
                Some(Incoming::Closed(reason)) => panic!("{} was cut off: {reason:?}\n{asked}", caller.label),
            };
            match message["type"].as_str() {
                Some("connection_ack") if !is_open => {
                    is_open = true;
                    socket.send(json!({"id": "1", "type": "subscribe", "payload": {"query": asked}})).await;
                }
                Some("next") => {
                    heard += 1;
                    seen.events.fetch_add(1, Ordering::Relaxed);
                    let judge = Judge { town, seen, caller, place, asked: &asked };
                    judge.judge(&message["payload"]);
                }
                Some("ping") => socket.send(json!({"type": "pong"})).await,
                // Not found, or not allowed: what it says must be as clean.
                Some("error") => {
                    let judge = Judge { town, seen, caller, place, asked: &asked };
                    judge.judge(&json!({"errors": message["payload"]}));
                    break;
                }
                Some("complete") => break,
                _ => panic!("{}: {message:#}", caller.label),
            }
        }
    }
}

/// Looks through one answer.
struct Judge<'a> {
    town: &'a Town,
    seen: &'a Seen,
    caller: &'a Caller,
    place: usize,
    asked: &'a str,
}

impl Judge<'_> {
    fn judge(&self, body: &Value) {
        self.value(&body["data"], "", false, body);
        self.value(&body["errors"], "", true, body);
        self.empty(&body["data"], body);
    }

    fn value(&self, value: &Value, key: &str, is_error: bool, body: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.text(key, key, is_error, body);
                    self.value(value, key, is_error, body);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.value(value, key, is_error, body)),
            Value::String(text) => {
                self.text(text, key, is_error, body);
                if matches!(key, "cursor" | "startCursor" | "endCursor") {
                    let decoded = URL_SAFE_NO_PAD.decode(text).expect("cursors are base64");
                    self.text(&String::from_utf8(decoded).expect("of a text"), key, is_error, body);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// No mark and no id of another tenant, in whatever text. An error may say again what was asked.
    fn text(&self, text: &str, key: &str, is_error: bool, body: &Value) {
        for house in &self.town.houses {
            let is_foreign = !self.caller.sees(Some(house.uuid)) && text.contains(&house.mark);
            if is_foreign && !(is_error && self.asked.contains(&house.mark)) {
                self.leak(&format!("the mark of {}", house.mark), text, body);
            }
        }
        let digits: Vec<char> = text.chars().filter(|character| *character != '-').collect();
        for run in digits.split(|character| !matches!(character, '0'..='9' | 'a'..='f')) {
            for window in run.windows(32) {
                let hex: String = window.iter().collect();
                let Ok(uuid) = Uuid::parse_str(&hex) else { continue };
                match self.town.owners.get(&uuid) {
                    Some(owner) if self.caller.sees(*owner) => self.own(text, &hex),
                    Some(_) if matches!(key, "objectId" | "actorId") && self.is_key(uuid) => {}
                    Some(_) if is_error && self.asked.contains(&hex) => {}
                    Some(_) => self.leak("an id", text, body),
                    None if text.ends_with(&format!("_{hex}")) && !self.asked.contains(&hex) => {
                        self.seen.new.lock().unwrap().insert((text.to_owned(), self.place));
                    }
                    None => {}
                }
            }
        }
    }

    /// A key that may touch a tenant of the caller, whoever made it: the audit log says that it was made, and what it did.
    fn is_key(&self, id: Uuid) -> bool {
        self.caller.tenants.iter().any(|tenant| self.town.keys.contains(&(id, *tenant)))
    }

    fn own(&self, text: &str, hex: &str) {
        // An id, and no link that ends in one.
        if let Some(kind) = text.strip_suffix(hex).and_then(|kind| kind.strip_suffix('_'))
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            *self.seen.own.lock().unwrap().entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// What was asked for by something foreign is null, or has no edges, counts and lists nothing.
    fn empty(&self, value: &Value, body: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if !key.starts_with(EMPTY) {
                        self.empty(value, body);
                        continue;
                    }
                    let is_empty = value.is_null()
                        || value["edges"].as_array().is_some_and(Vec::is_empty)
                        || value.as_object().is_some_and(|counts| {
                            counts.iter().all(|(name, count)| {
                                name == "__typename" || *count == json!(0) || *count == json!([])
                            })
                        });
                    if !is_empty {
                        self.leak("something", key, body);
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.empty(value, body)),
            _ => {}
        }
    }

    fn leak(&self, what: &str, text: &str, body: &Value) -> ! {
        panic!(
            "{} was shown {what} of another tenant in {text:?}\nasked: {}\n{body:#}",
            self.caller.label, self.asked
        );
    }
}
