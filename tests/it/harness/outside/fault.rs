//! What an outside system does wrong, and when.

use std::time::Duration;

use serde_json::{Value, json};

/// One way to go wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with a status and a JSON body; nothing is stored.
    Status(u16, Value),
    /// Answers 429 with `Retry-After`.
    RateLimited {
        /// What `Retry-After` says.
        retry_after_seconds: u64,
    },
    /// Never answers, as long as the caller waits.
    Hang,
    /// Answers rightly, but late.
    Slow(Duration),
    /// Closes the connection without an answer; nothing is stored.
    DropConnection,
    /// Stores the record, then closes the connection without an answer: the caller cannot know.
    LoseAnswer,
}

impl Fault {
    /// Refuses a record for a reason.
    pub fn rejected(reason: &str) -> Self {
        Self::Status(400, json!({"error": reason}))
    }
}

/// A fault and the requests that it applies to: all, unless said otherwise.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    key: Option<String>,
    only_writes: bool,
    skip: u64,
    left: Option<u64>,
}

impl Rule {
    /// On every request.
    pub fn new(fault: Fault) -> Self {
        Self { fault, key: None, only_writes: false, skip: 0, left: None }
    }

    /// Only on writes of the record `key`.
    pub fn on_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// Only on writes.
    pub fn on_writes(self) -> Self {
        Self { only_writes: true, ..self }
    }

    /// Only on so many requests; then it is over.
    pub fn times(self, times: u64) -> Self {
        Self { left: Some(times), ..self }
    }

    /// Not on the first `requests` that it would fit.
    pub fn after(self, requests: u64) -> Self {
        Self { skip: requests, ..self }
    }

    pub(super) fn is_on_key(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }
}

/// The fault for a request that writes `key` (or reads), used up by it.
pub(super) fn pick(rules: &mut [Rule], key: Option<&str>) -> Option<Fault> {
    for rule in rules {
        let is_other = rule.key.is_some() && rule.key.as_deref() != key || rule.only_writes && key.is_none();
        if is_other || rule.left == Some(0) {
            continue;
        }
        if rule.skip > 0 {
            rule.skip -= 1;
            continue;
        }
        rule.left = rule.left.map(|left| left - 1);
        return Some(rule.fault.clone());
    }
    None
}
