//! The place of a file that is written: what is there, how a new one gets there in one step, and how that is noticed
//! when a crash comes in between. Deliberately absent: what the file holds.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::path::Path as Key;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::blocking;
use super::bucket::{Bucket, Condition, Version};
use super::object::Remote;
use super::staging::{Staging, beside};
use super::store::{Readable, Store, fingerprint};
use super::upload::{Upload, give_up};
use crate::directory::{io_failure, writable_file};
use crate::{SystemError, SystemErrorKind};

/// What a file that was not there is identified by.
const ABSENT: &str = "absent";
/// Under which names the staging keeps what this module has to know after a crash.
const PUBLISHED: &str = "published";
const UPLOAD: &str = "upload";

/// Where a file is written.
pub(super) enum Target {
    /// A real path.
    Local(PathBuf),
    Object {
        bucket: Arc<Bucket>,
        key: Key,
        /// Beside which the staging is.
        local: PathBuf,
    },
}

/// What is in the place.
pub(super) struct There {
    /// Another one for each change; [`ABSENT`] for nothing.
    pub(super) identity: String,
    size: u64,
    version: Option<Version>,
    /// The run that wrote it, where that can be told.
    run: Option<String>,
}

/// What is written, before it is in its place.
pub(super) enum Out {
    Local { file: BufWriter<File>, temporary: PathBuf },
    Upload(Box<Upload>),
}

impl Target {
    /// `path` is relative; directories above it are made. `files_dir` is the tenant's directory.
    pub(super) async fn of(store: &Store, path: &str, files_dir: &Path) -> Result<Self, SystemError> {
        match store {
            Store::Local(root) => {
                let (root, path) = (root.clone(), path.to_owned());
                Ok(Self::Local(blocking(move || writable_file(&root, &path)).await?))
            }
            Store::Bucket(bucket) => {
                let key = bucket.key(path)?;
                let place = format!("{}\n{}", bucket.name(), key.as_ref());
                let name = format!("bucket-{:016x}", xxh3_64(place.as_bytes()));
                let root = files_dir.to_owned();
                let local = blocking(move || writable_file(&root, &name)).await?;
                Ok(Self::Object { bucket: bucket.clone(), key, local })
            }
        }
    }

    /// Beside what the staging is.
    pub(super) fn local(&self) -> &Path {
        match self {
            Self::Local(path) => path,
            Self::Object { local, .. } => local,
        }
    }

    /// Looks at the place.
    pub(super) async fn look(&self) -> Result<There, SystemError> {
        let absent = || There { identity: ABSENT.to_owned(), size: 0, version: None, run: None };
        match self {
            Self::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    let failure = |error: io::Error| io_failure("looking at the file", &error);
                    match fs::metadata(&path) {
                        Ok(metadata) => {
                            let identity = fingerprint(&metadata).map_err(failure)?;
                            Ok(There { identity, size: metadata.len(), version: None, run: None })
                        }
                        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(absent()),
                        Err(error) => Err(failure(error)),
                    }
                })
                .await
            }
            Self::Object { bucket, key, .. } => Ok(match bucket.look(key).await? {
                None => absent(),
                Some(found) => There {
                    identity: found.version.text().to_owned(),
                    size: found.size,
                    version: Some(found.version),
                    run: found.run,
                },
            }),
        }
    }

    /// Opens what is there, to be read; `None` when there is nothing or it is empty.
    pub(super) async fn open(
        &self,
        there: &There,
        stop: &CancellationToken,
    ) -> Result<Option<Readable>, SystemError> {
        if there.size == 0 {
            return Ok(None);
        }
        match (self, &there.version) {
            (Self::Object { bucket, key, .. }, Some(version)) => {
                let remote =
                    Remote::new(bucket.clone(), key.clone(), there.size, version.clone(), stop.clone());
                Ok(Some(Readable::Remote(remote)))
            }
            _ => {
                let path = self.local().to_owned();
                blocking(move || {
                    let file = File::open(&path).map_err(|error| io_failure("opening the file", &error))?;
                    Ok(Some(Readable::Local(file, path)))
                })
                .await
            }
        }
    }

    /// True when what is there was put there by this run, from this staging.
    pub(super) async fn is_published(
        &self,
        staging: &mut Staging,
        there: &There,
        loaded: &str,
        run: Uuid,
    ) -> Result<bool, SystemError> {
        Ok(match self {
            Self::Local(_) => staging.state(PUBLISHED).await?.as_deref() == Some(&there.identity),
            // The run may have read what an earlier stream of it wrote.
            Self::Object { .. } => {
                there.identity != loaded && there.run.as_deref() == Some(run.to_string().as_str())
            }
        })
    }

    /// Begins a new file, which takes the place of what is there now.
    pub(super) async fn begin(
        &self,
        there: &There,
        run: Uuid,
        stop: &CancellationToken,
    ) -> Result<Out, SystemError> {
        match self {
            Self::Object { bucket, key, .. } => {
                let condition = match &there.version {
                    None => Condition::Absent,
                    Some(version) => Condition::Is(version.clone()),
                };
                let upload = Upload::new(bucket.clone(), key.clone(), run, condition, stop.clone());
                Ok(Out::Upload(Box::new(upload)))
            }
            Self::Local(path) => {
                let path = path.clone();
                blocking(move || {
                    let failure = |error: io::Error| io_failure("writing the file", &error);
                    let temporary = beside(&path, &format!("{run}.tmp"));
                    let file = File::create(&temporary).map_err(failure)?;
                    if let Ok(existing) = fs::metadata(&path) {
                        file.set_permissions(existing.permissions()).map_err(failure)?;
                    }
                    Ok(Out::Local { file: BufWriter::with_capacity(256 * 1024, file), temporary })
                })
                .await
            }
        }
    }

    /// Puts a whole file in its place.
    ///
    /// # Errors
    /// `Malformed` when something else was put there meanwhile.
    pub(super) async fn publish(&self, staging: &mut Staging, out: Out) -> Result<(), SystemError> {
        let failure = |error: io::Error| io_failure("writing the file", &error);
        match (self, out) {
            (_, Out::Upload(upload)) => {
                if blocking(move || upload.finish()).await? {
                    Ok(())
                } else {
                    Err(changed())
                }
            }
            (Self::Object { .. }, Out::Local { .. }) => {
                Err(SystemError::new(SystemErrorKind::Internal, "a local file for a bucket"))
            }
            (Self::Local(path), Out::Local { file, temporary }) => {
                let (path, written) = (path.clone(), temporary.clone());
                let identity = blocking(move || {
                    file.into_inner()
                        .map_err(|error| failure(error.into_error()))?
                        .sync_all()
                        .map_err(failure)?;
                    fs::metadata(&written).and_then(|metadata| fingerprint(&metadata)).map_err(failure)
                })
                .await?;
                // Before the rename: after a crash behind it, the file in place is recognised as ours.
                staging.set_state(PUBLISHED, &identity).await?;
                blocking(move || {
                    fs::rename(&temporary, &path).map_err(failure)?;
                    match path.parent() {
                        Some(directory) => {
                            File::open(directory).and_then(|file| file.sync_all()).map_err(failure)
                        }
                        None => Ok(()),
                    }
                })
                .await
            }
        }
    }

    /// Remembers what would be left over after a crash.
    pub(super) async fn remember(staging: &mut Staging, upload: Option<&str>) -> Result<(), SystemError> {
        match upload {
            Some(id) if staging.state(UPLOAD).await?.as_deref() != Some(id) => {
                staging.set_state(UPLOAD, id).await
            }
            _ => Ok(()),
        }
    }

    /// Removes what an attempt that did not end has left over.
    pub(super) async fn clean(&self, staging: &mut Staging) -> Result<(), SystemError> {
        if let Self::Object { bucket, key, .. } = self
            && let Some(id) = staging.state(UPLOAD).await?
        {
            give_up(bucket, key, &id).await?;
        }
        Ok(())
    }
}

impl Out {
    /// The id of an upload that others don't see yet, once it has one.
    pub(super) fn upload(&self) -> Option<&str> {
        match self {
            Self::Local { .. } => None,
            Self::Upload(upload) => upload.id(),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local { file, .. } => file.write(bytes),
            Self::Upload(upload) => upload.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Local { file, .. } => file.flush(),
            Self::Upload(upload) => upload.flush(),
        }
    }
}

/// Something else wrote the file.
pub(super) fn changed() -> SystemError {
    super::reader::malformed("the file was changed by something else while the run wrote it".to_owned())
}
