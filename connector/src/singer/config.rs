//! A tap's config: what is not secret, with the credentials in it, on its way out to the tap and back again when the tap has
//! rewritten it.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::redaction::Redaction;
use crate::{SystemAccess, SystemError, SystemErrorKind, options};

/// How a tap is told which stream to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Selection {
    /// `--catalog`, with what `--discover` gave.
    #[default]
    Catalog,
    /// The same, which older taps call `--properties`.
    Properties,
    /// It has no discovery: it reads everything, and what is of other streams is left out.
    None,
}

/// A system's `config`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SystemConfig {
    pub(super) tap: String,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    pub(super) selection: Selection,
}

/// A system's `credentials`.
#[derive(Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[serde(default)]
    config: Map<String, Value>,
}

/// Both parts of a tap's config.
pub(super) struct TapConfig {
    plain: Map<String, Value>,
    secret: Map<String, Value>,
    access: SystemAccess,
}

impl TapConfig {
    /// Of what the system holds, or of what a tap of this run has made of it.
    ///
    /// # Errors
    /// `Misconfigured` when it is not of the right form.
    pub(super) fn of(access: &SystemAccess) -> Result<(SystemConfig, Self), SystemError> {
        let mut system: SystemConfig = options::decode("config", &access.config)?;
        let credentials = access.credential_store.latest().unwrap_or_else(|| access.credentials.clone());
        // What serde says of it may repeat what it found.
        let credentials: Credentials =
            serde_json::from_str(credentials.expose_secret()).map_err(|_secret| {
                SystemError::new(SystemErrorKind::Misconfigured, "the credentials are not of the right form")
            })?;
        let plain = std::mem::take(&mut system.config);
        Ok((system, Self { plain, secret: credentials.config, access: access.clone() }))
    }

    /// What must not be shown.
    pub(super) fn redaction(&self) -> Redaction {
        Redaction::of(&Value::Object(self.secret.clone()))
    }

    /// The text for the tap.
    pub(super) fn text(&self) -> SecretString {
        let mut whole = self.plain.clone();
        overlay(&mut whole, &self.secret);
        Value::Object(whole).to_string().into()
    }

    /// Keeps what a tap has changed in its credentials, or has added. What it changed in what is not secret is left to people.
    ///
    /// # Errors
    /// When the new ones can't be stored.
    pub(super) async fn take_back(&mut self, text: &[u8]) -> Result<(), SystemError> {
        // One that is being written at this moment is read at the next occasion.
        let Ok(Value::Object(rewritten)) = serde_json::from_slice(text) else { return Ok(()) };
        let secret = changed(&rewritten, &self.plain, &self.secret);
        if secret == self.secret {
            return Ok(());
        }
        self.secret = secret;
        let credentials = serde_json::json!({"config": self.secret}).to_string();
        self.access.credential_store.replace(credentials.into()).await
    }
}

/// Lays the one over the other, objects in objects.
fn overlay(below: &mut Map<String, Value>, above: &Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            _ => {
                below.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The secret part of a config that a tap has written: what was secret before, as it is now, and what is new. Nothing is
/// forgotten that the tap has left out.
fn changed(
    rewritten: &Map<String, Value>,
    plain: &Map<String, Value>,
    secret: &Map<String, Value>,
) -> Map<String, Value> {
    let mut now = secret.clone();
    for (name, value) in rewritten {
        match (value, plain.get(name), secret.get(name)) {
            (Value::Object(value), Some(Value::Object(plain)), before) => {
                let empty = Map::new();
                let inner = changed(value, plain, before.and_then(Value::as_object).unwrap_or(&empty));
                if !inner.is_empty() {
                    now.insert(name.clone(), Value::Object(inner));
                }
            }
            (_, Some(_), None) => {}
            (value, _, _) => {
                now.insert(name.clone(), value.clone());
            }
        }
    }
    now
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use futures::FutureExt;
    use secrecy::{ExposeSecret, SecretString};
    use serde_json::{Value, json};

    use super::TapConfig;
    use crate::{CredentialStore, SystemAccess};

    fn access(credentials: Value) -> (SystemAccess, Arc<Mutex<Vec<SecretString>>>) {
        let kept: Arc<Mutex<Vec<SecretString>>> = Arc::default();
        let store = {
            let kept = kept.clone();
            CredentialStore::by(move |new| {
                kept.lock().unwrap().push(new);
                async { Ok(()) }.boxed()
            })
        };
        let access = SystemAccess {
            config: json!({"tap": "tap-shop", "config": {"start": "2026", "oauth": {"id": 7, "host": "a"}}}),
            credentials: credentials.to_string().into(),
            files_dir: PathBuf::from("/nonexistent"),
            pace: Default::default(),
            tokens: None,
            progress: Default::default(),
            credential_store: store,
            inbox: None,
        };
        (access, kept)
    }

    fn text(config: &TapConfig) -> Value {
        serde_json::from_str(config.text().expose_secret()).unwrap()
    }

    #[tokio::test]
    async fn what_a_tap_changes_in_its_secrets_is_kept_and_nothing_else() {
        let credentials = json!({"config": {"password": "p", "oauth": {"refresh_token": "r1"}}});
        let (access, kept) = access(credentials);
        let (_system, mut config) = TapConfig::of(&access).unwrap();
        let whole = text(&config);
        assert_eq!(
            whole,
            json!({"start": "2026", "oauth": {"id": 7, "host": "a", "refresh_token": "r1"}, "password": "p"})
        );
        config.take_back(whole.to_string().as_bytes()).await.unwrap();
        config.take_back(b"{\"half\": ").await.unwrap();
        assert!(kept.lock().unwrap().is_empty(), "nothing has changed");

        let rewritten = json!({
            "start": "2030", "oauth": {"id": 8, "host": "a", "refresh_token": "r2", "access_token": "a1"}, "password": "p",
        });
        config.take_back(rewritten.to_string().as_bytes()).await.unwrap();
        let now: Value = serde_json::from_str(kept.lock().unwrap()[0].expose_secret()).unwrap();
        assert_eq!(
            now,
            json!({"config": {"oauth": {"refresh_token": "r2", "access_token": "a1"}, "password": "p"}})
        );

        // Whoever opens it again in the same run begins with these.
        let (_system, again) = TapConfig::of(&access).unwrap();
        let expected = json!({
            "start": "2026", "oauth": {"id": 7, "host": "a", "refresh_token": "r2", "access_token": "a1"}, "password": "p",
        });
        assert_eq!(text(&again), expected);
    }

    #[test]
    fn credentials_of_another_form_are_refused_without_being_shown() {
        for wrong in [json!({"secret": "hunter2"}), json!("hunter2"), json!({"config": "hunter2"})] {
            let error = TapConfig::of(&access(wrong).0).err().unwrap();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
