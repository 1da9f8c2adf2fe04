//! Where credentials go that the other side has renewed, so that the next run has the new ones. Deliberately absent: where
//! they are kept, and who else may have changed them meanwhile.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use secrecy::SecretString;

use crate::SystemError;

/// Keeps new credentials in the place of those that were given.
type Replace = dyn Fn(SecretString) -> BoxFuture<'static, Result<(), SystemError>> + Send + Sync;

/// The place of a system's credentials; clones are of one place. Without one, new credentials are lost with the run.
#[derive(Clone, Default)]
pub struct CredentialStore(Option<Arc<Place>>);

struct Place {
    replace: Box<Replace>,
    latest: Mutex<Option<SecretString>>,
}

impl CredentialStore {
    /// As `replace` keeps them: JSON text of credentials.
    pub fn by(
        replace: impl Fn(SecretString) -> BoxFuture<'static, Result<(), SystemError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(Place { replace: Box::new(replace), latest: Mutex::default() })))
    }

    /// What was kept last by this run; `None` while the credentials that it was given stand.
    pub fn latest(&self) -> Option<SecretString> {
        self.0.as_ref()?.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps new credentials. Whoever opens an end again with the same access finds them, also when storing them failed.
    ///
    /// # Errors
    /// When they can't be stored.
    pub(crate) async fn replace(&self, credentials: SecretString) -> Result<(), SystemError> {
        let Some(place) = &self.0 else { return Ok(()) };
        *place.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
        (place.replace)(credentials).await
    }
}

impl fmt::Debug for CredentialStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CredentialStore").field(&self.0.is_some()).finish()
    }
}
