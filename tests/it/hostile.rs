//! Callers who mean harm: each attack is refused with the status and code that say why, takes less than a tenth of a
//! second of a core, and others are served meanwhile. CPU time is measured, not time on the clock, so that a busy machine
//! does not matter. Deliberately absent: what well-meaning callers get wrong (`bad_input`), and who may do what
//! (`access`).

mod document;
mod id;
mod token;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::client::{Client, http};
use crate::harness::trestle::{Setup, Trestle, jwt_key};

/// Each attack is made so often: processor time is counted in hundredths of a second.
const REPEATS: usize = 20;
/// Of these so many at once.
const AT_ONCE: usize = 5;
/// What a refusal may take of a core, in a build without optimisation, with what the program does in the background
/// meanwhile.
const CPU_MAX: Duration = Duration::from_millis(100);
/// Pause of the one who is served meanwhile.
const MEANWHILE_PAUSE: Duration = Duration::from_millis(20);

/// One request that must be refused.
struct Attack {
    name: String,
    method: Method,
    /// What follows `/graphql` in the URL.
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

impl Attack {
    /// A POST of JSON.
    fn body(name: &str, body: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            method: Method::POST,
            query: String::new(),
            headers: vec![(CONTENT_TYPE.as_str(), "application/json".to_owned())],
            body: body.into(),
            status,
            code,
        }
    }

    /// A document without variables.
    fn document(name: &str, document: &str, status: u16, code: &'static str) -> Self {
        Self::body(name, json!({"query": document}).to_string(), status, code)
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    async fn send(&self, http: &reqwest::Client, url: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = http.request(self.method.clone(), format!("{url}/graphql{}", self.query));
        if !self.headers.iter().any(|(name, _)| *name == ACCEPT.as_str()) {
            request = request.header(ACCEPT, "application/graphql-response+json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(token) =
            token.filter(|_| !self.headers.iter().any(|(name, _)| *name == AUTHORIZATION.as_str()))
        {
            request = request.bearer_auth(token);
        }
        let response = request.body(self.body.clone()).send().await;
        let response = response.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// A program of its own: what it takes of the processor is for the attacks.
async fn program() -> Trestle {
    Setup::new().setting("TRESTLE_JWT_KEY", jwt_key()).embedded().await
}

/// Makes each attack, and checks what is said of it.
async fn all_are_refused(trestle: &Trestle, client: &Client, attacks: &[Attack]) {
    let http = http();
    let meanwhile = Meanwhile::start(trestle);
    let mut wrong = Vec::new();
    let mut figures = Vec::new();
    for attack in attacks {
        let before = trestle.cpu_time();
        for _ in 0..REPEATS / AT_ONCE {
            let answers = (0..AT_ONCE).map(|_| attack.send(&http, trestle.url(), client.token()));
            for (status, body) in join_all(answers).await {
                let code = body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
                let has_data = body.get("data").is_some_and(|data| !data.is_null());
                if (status.as_u16(), code) != (attack.status, attack.code) || has_data {
                    let body: String = body["errors"].to_string().chars().take(300).collect();
                    wrong.push(format!("{}: {status} {body}", attack.name));
                }
            }
        }
        let each = (trestle.cpu_time() - before) / REPEATS as u32;
        figures.push((each, &attack.name));
        if each > CPU_MAX {
            wrong.push(format!("{}: {each:?} of a core each", attack.name));
        }
    }
    let served = meanwhile.stop().await;
    figures.sort();
    figures.reverse();
    show(&format!(
        "{} attacks, others served {served} times; the dearest: {:?}",
        attacks.len(),
        &figures[..figures.len().min(8)]
    ));
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(served > 0, "nobody else was served");
    let log = trestle.log();
    let bad: Vec<_> =
        log.lines().filter(|line| line.contains("panicked") || line.contains(" ERROR ")).collect();
    assert!(bad.is_empty(), "the program complains:\n{}", bad.join("\n"));
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs this with --nocapture")]
fn show(text: &str) {
    eprintln!("{text}");
}

/// Somebody who asks for something all the time, and must be served each time.
struct Meanwhile {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Meanwhile {
    fn start(trestle: &Trestle) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, stopped) = (trestle.client(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut served = 0;
            while !stopped.load(Ordering::SeqCst) {
                let data = client.query("{ __typename }", Value::Null).await;
                assert_eq!(data, json!({"__typename": "Query"}));
                served += 1;
                tokio::time::sleep(MEANWHILE_PAUSE).await;
            }
            served
        });
        Self { stop, task }
    }

    /// How often they were served.
    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.expect("everybody else is served")
    }
}
