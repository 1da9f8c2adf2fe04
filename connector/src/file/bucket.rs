//! A bucket of an S3-compatible store. `object_store` signs, pages and tries again; every request goes out by the
//! guarded client. Deliberately absent: credentials of the machine (profiles, roles, instance metadata), which are the
//! operator's and no tenant's.

mod guarded;
mod refusal;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, GetOptions, GetRange, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use reqwest::Url;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use self::guarded::{Guarded, GuardedConnector};
use super::reader::malformed;
use crate::directory::components;
use crate::egress::Redirects;
use crate::options::decode;
use crate::{Egress, SystemAccess, SystemError, SystemErrorKind};

/// How long a request may take with its whole reply: blocks and parts have a few MiB.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Attempts after the first, within a request: what lasts longer is the engine's to wait for.
const RETRIES_MAX: usize = 3;
/// How long attempts at one request may take together.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Who wrote an object, in its metadata (`x-amz-meta-trestle-run`).
const RUN: &str = "trestle-run";

/// Where the files are: a system's config.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BucketConfig {
    bucket: String,
    region: String,
    endpoint: Option<String>,
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    access_key_id: Option<String>,
    secret_access_key: Option<SecretString>,
    session_token: Option<SecretString>,
}

/// By what a version of an object is recognised: its ETag, or where the store gives none its time and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    e_tag: Option<String>,
    text: String,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        let text = match &meta.e_tag {
            Some(e_tag) => e_tag.clone(),
            None => format!("{}:{}", meta.last_modified.timestamp_millis(), meta.size),
        };
        Self { e_tag: meta.e_tag.clone(), text }
    }

    /// As it is stored.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// An object that is there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) version: Version,
    /// The run that wrote it, when one of ours did.
    pub(super) run: Option<String>,
}

/// What must be in a place for it to be written to.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// Nothing.
    Absent,
    /// This version.
    Is(Version),
    /// Whatever is there.
    Any,
}

/// A bucket, and the part of it that belongs to the system.
pub(super) struct Bucket {
    store: AmazonS3,
    guarded: Arc<Guarded>,
    name: String,
    /// Empty, or names with a `/` after each.
    prefix: String,
}

impl Bucket {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// `Misconfigured`, `Forbidden` for an endpoint that may not be reached, `Unauthorized` without credentials.
    pub(super) fn new(egress: &Egress, access: &SystemAccess) -> Result<Self, SystemError> {
        let config: BucketConfig = decode("config", &access.config)?;
        let credentials: Credentials = serde_json::from_str(access.credentials.expose_secret())
            .map_err(|_| missing_credentials("the credentials are no object of the expected form"))?;
        let (Some(id), Some(secret)) = (credentials.access_key_id, credentials.secret_access_key) else {
            return Err(missing_credentials("accessKeyId or secretAccessKey is missing"));
        };
        if let Some(endpoint) = &config.endpoint {
            let url = Url::parse(endpoint).map_err(|error| {
                SystemError::new(SystemErrorKind::Misconfigured, format!("endpoint: {error}"))
                    .with_hint("the endpoint is not a valid address")
            })?;
            egress.check_url(&url)?;
        }
        let client = egress.client(REQUEST_TIMEOUT, Redirects::None, HeaderMap::new())?;
        let guarded = Arc::new(Guarded::new(client, egress.clone(), access.progress.clone()));
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIMEOUT,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_access_key_id(id)
            .with_secret_access_key(secret.expose_secret())
            .with_retry(retry)
            // Whether plain http is allowed is for the guard to say.
            .with_allow_http(true)
            .with_http_connector(GuardedConnector(guarded.clone()));
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if let Some(token) = &credentials.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        let store = builder.build().map_err(|error| {
            SystemError::new(SystemErrorKind::Misconfigured, format!("the store's config: {error}"))
        })?;
        let mut prefix = String::new();
        let bare = config.prefix.trim_matches('/');
        if !bare.is_empty() {
            for name in components(bare)? {
                prefix.push_str(name);
                prefix.push('/');
            }
        }
        Ok(Self { store, guarded, name: config.bucket, prefix })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The key of a path.
    ///
    /// # Errors
    /// `Forbidden` for a path that leaves the prefix, `Misconfigured` for one that names nothing.
    pub(super) fn key(&self, path: &str) -> Result<Path, SystemError> {
        parsed(&format!("{}{}", self.prefix, components(path)?.join("/")))
    }

    /// How many objects there are below the prefix, as far as they are counted.
    pub(super) async fn count(&self, count_max: usize) -> Result<usize, SystemError> {
        let below = parsed(self.prefix.trim_end_matches('/'))?;
        let objects = self.store.list((!below.as_ref().is_empty()).then_some(&below)).take(count_max);
        let count = objects.try_fold(0, |count, _| async move { Ok(count + 1) }).await;
        count.map_err(|error| self.failure("listing objects", &error))
    }

    /// Looks at an object; `None` when it is not there.
    pub(super) async fn look(&self, key: &Path) -> Result<Option<Found>, SystemError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(key, options).await {
            Ok(found) => {
                let run =
                    found.attributes.get(&Attribute::Metadata(RUN.into())).map(|run| run.as_ref().to_owned());
                Ok(Some(Found { size: found.meta.size, version: Version::of(&found.meta), run }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure("looking at an object", &error)),
        }
    }

    /// Whether a condition holds at this moment.
    pub(super) async fn holds(&self, key: &Path, condition: &Condition) -> Result<bool, SystemError> {
        Ok(match condition {
            Condition::Any => true,
            Condition::Absent => self.look(key).await?.is_none(),
            Condition::Is(version) => self.look(key).await?.is_some_and(|there| there.version == *version),
        })
    }

    /// Bytes of one version of an object.
    ///
    /// # Errors
    /// `Malformed` when the object is another version by now, or gone.
    pub(super) async fn range(
        &self,
        key: &Path,
        version: &Version,
        range: Range<u64>,
    ) -> Result<Bytes, SystemError> {
        let expected = range.end - range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: version.e_tag.clone(),
            ..GetOptions::default()
        };
        let doing = "reading an object";
        let found = match self.store.get_opts(key, options).await {
            Ok(found) => found,
            Err(object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. }) => {
                return Err(replaced());
            }
            Err(error) => return Err(self.failure(doing, &error)),
        };
        if Version::of(&found.meta) != *version {
            return Err(replaced());
        }
        let bytes = found.bytes().await.map_err(|error| self.failure(doing, &error))?;
        if bytes.len() as u64 == expected {
            Ok(bytes)
        } else {
            let detail = format!("{expected} bytes were asked for, and {} came", bytes.len());
            Err(SystemError::new(SystemErrorKind::Unavailable, detail))
        }
    }

    /// Objects below a directory of the prefix (`""` is the prefix itself), each with its path in it. Ends with an
    /// error of `each`.
    pub(super) async fn list(
        &self,
        directory: &str,
        mut each: impl FnMut(&str, u64, &Version) -> Result<(), SystemError>,
    ) -> Result<(), SystemError> {
        let below = format!("{}{directory}", self.prefix);
        let below = Path::parse(below.trim_end_matches('/')).map_err(|error| {
            SystemError::new(SystemErrorKind::Misconfigured, format!("{below:?}: {error}"))
        })?;
        let mut objects = self.store.list((!below.as_ref().is_empty()).then_some(&below));
        while let Some(meta) =
            objects.try_next().await.map_err(|error| self.failure("listing objects", &error))?
        {
            if let Some(path) = meta.location.as_ref().strip_prefix(&self.prefix) {
                each(path, meta.size, &Version::of(&meta))?;
            }
        }
        Ok(())
    }

    /// Writes a whole object. False when the condition does not hold.
    pub(super) async fn put(
        &self,
        key: &Path,
        bytes: Bytes,
        condition: &Condition,
        run: Uuid,
    ) -> Result<bool, SystemError> {
        let mode = match condition {
            Condition::Absent => PutMode::Create,
            Condition::Is(Version { e_tag: Some(e_tag), .. }) => {
                PutMode::Update(UpdateVersion { e_tag: Some(e_tag.clone()), version: None })
            }
            // Of a version nothing to compare with on the other side; it was looked at just before.
            Condition::Is(_) | Condition::Any => PutMode::Overwrite,
        };
        let options = PutOptions { mode, attributes: written_by(run), ..PutOptions::default() };
        let put = self.store.put_opts(key, PutPayload::from_bytes(bytes.clone()), options).await;
        if put.is_err() && self.guarded.is_not_implemented() {
            let options = PutOptions { attributes: written_by(run), ..PutOptions::default() };
            let put = self.store.put_opts(key, PutPayload::from_bytes(bytes), options).await;
            return self.written(put.map(drop));
        }
        self.written(put.map(drop))
    }

    /// Begins an object that is written in parts, and seen only when it is complete.
    pub(super) async fn begin(&self, key: &Path, run: Uuid) -> Result<String, SystemError> {
        let options = PutMultipartOptions { attributes: written_by(run), ..PutMultipartOptions::default() };
        let begun = self.store.create_multipart_opts(key, options).await;
        begun.map_err(|error| self.failure("beginning an upload", &error))
    }

    /// Writes a part; `index` counts from 0.
    pub(super) async fn part(
        &self,
        key: &Path,
        upload: &String,
        index: usize,
        bytes: Bytes,
    ) -> Result<PartId, SystemError> {
        let part = self.store.put_part(key, upload, index, PutPayload::from_bytes(bytes)).await;
        part.map_err(|error| self.failure("writing a part", &error))
    }

    /// Puts the parts together in the place of the object. False when the condition does not hold.
    pub(super) async fn complete(
        &self,
        key: &Path,
        upload: &String,
        parts: Vec<PartId>,
        condition: &Condition,
    ) -> Result<bool, SystemError> {
        self.guarded.completing_if(match condition {
            Condition::Absent => Some(("if-none-match", "*")),
            Condition::Is(version) => version.e_tag.as_deref().map(|e_tag| ("if-match", e_tag)),
            Condition::Any => None,
        })?;
        let completed = self.store.complete_multipart(key, upload, parts.clone()).await;
        self.guarded.completing_if(None)?;
        if completed.is_err() && self.guarded.is_not_implemented() {
            let completed = self.store.complete_multipart(key, upload, parts).await;
            return self.written(completed.map(drop));
        }
        self.written(completed.map(drop))
    }

    /// Gives up an upload; one that is not there is given up already.
    pub(super) async fn abort(&self, key: &Path, upload: &String) -> Result<(), SystemError> {
        match self.store.abort_multipart(key, upload).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failure("giving up an upload", &error)),
        }
    }

    fn written(&self, result: object_store::Result<()>) -> Result<bool, SystemError> {
        match result {
            Ok(()) => Ok(true),
            Err(object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. }) => {
                Ok(false)
            }
            Err(_) if self.guarded.condition_failed() => Ok(false),
            Err(error) => Err(self.failure("writing an object", &error)),
        }
    }

    fn failure(&self, doing: &str, error: &object_store::Error) -> SystemError {
        refusal::system_error(doing, &self.name, error, self.guarded.last_refusal())
    }
}

fn written_by(run: Uuid) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(RUN.into()), run.to_string())])
}

fn missing_credentials(detail: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Unauthorized, detail)
        .with_hint("the access key and its secret are missing from the credentials")
}

/// The object is not the one that reading began with.
pub(super) fn replaced() -> SystemError {
    malformed("the file was replaced while it was read".to_owned())
}

/// # Errors
/// `Misconfigured` for characters that no key can hold.
fn parsed(key: &str) -> Result<Path, SystemError> {
    Path::parse(key).map_err(|error| {
        SystemError::new(SystemErrorKind::Misconfigured, format!("{key:?}: {error}"))
            .with_hint("the path holds characters that a key can't hold")
    })
}
