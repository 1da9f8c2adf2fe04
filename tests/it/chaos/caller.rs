//! A caller who wants an answer: what breaks off or finds the program away is asked again, until it is answered.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::{Client, mutation};
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD};
use crate::scene::text;

/// Longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(150);

/// The PLATFORM_ADMIN, who does not give up.
pub(super) struct Caller {
    client: Mutex<Client>,
    /// Attempts that were not answered, by what came back.
    unanswered: Mutex<BTreeMap<String, usize>>,
}

/// The payload of a mutation, or the codes of its user errors; and whether it may have been done by an attempt before.
pub(super) struct Answer {
    pub(super) payload: Result<Value, Vec<String>>,
    pub(super) is_repeated: bool,
}

impl Caller {
    /// Signed in already.
    pub(super) fn new(client: Client) -> Self {
        Self { client: Mutex::new(client), unanswered: Mutex::default() }
    }

    /// Calls a mutation until it is answered.
    pub(super) async fn mutate(&self, name: &str, input: Value, selection: &str) -> Answer {
        let (text, variables) = (mutation(name, selection), json!({"input": input}));
        let deadline = Instant::now() + PATIENCE;
        let mut is_repeated = false;
        loop {
            match self.attempt(&text, &variables).await {
                Ok(data) => {
                    let payload = data[name].clone();
                    let errors = payload["userErrors"].as_array().cloned().unwrap_or_default();
                    let codes: Vec<String> = errors.iter().map(|error| error["code"].to_string()).collect();
                    let payload = if codes.is_empty() { Ok(payload) } else { Err(codes) };
                    return Answer { payload, is_repeated };
                }
                Err(why) => {
                    assert!(Instant::now() < deadline, "{name} was not answered within {PATIENCE:?}: {why}");
                    is_repeated = true;
                    *lock(&self.unanswered).entry(why).or_default() += 1;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Attempts that were not answered, by what came back.
    pub(super) fn unanswered(&self) -> BTreeMap<String, usize> {
        lock(&self.unanswered).clone()
    }

    async fn attempt(&self, query: &str, variables: &Value) -> Result<Value, String> {
        let client = lock(&self.client).clone();
        let response = match client.try_send(query, variables.clone()).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err("no connection".to_owned()),
            Err(error) if error.is_timeout() => return Err("no answer in time".to_owned()),
            Err(_broken_off) => return Err("broken off".to_owned()),
        };
        let codes = response.codes();
        if codes.iter().any(|code| code == "UNAUTHENTICATED") {
            self.sign_in_again(&client).await;
        }
        if response.status.is_success() && codes.is_empty() && response.body["data"].is_object() {
            return Ok(response.body["data"].clone());
        }
        Err(format!("{} {}", response.status.as_u16(), codes.join(" ")))
    }

    /// Access tokens end after 15 minutes.
    async fn sign_in_again(&self, client: &Client) {
        let query = mutation("signIn", "accessToken");
        let input = json!({"input": {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}});
        if let Ok(response) = client.try_send(&query, input).await
            && let Some(token) = response.body["data"]["signIn"]["accessToken"].as_str()
        {
            *lock(&self.client) = client.with_token(token);
        }
    }
}

/// The UUID of an object of a payload.
pub(super) fn uuid(object: &Value) -> Uuid {
    let id = text(&object["id"]);
    let digits = id.rsplit('_').next().unwrap_or_default();
    Uuid::parse_str(digits).unwrap_or_else(|error| panic!("the id {id:?}: {error}"))
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
