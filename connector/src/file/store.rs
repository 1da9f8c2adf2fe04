//! Where files are: the tenant's own directory or a bucket. What is the same of both is here, so that readers and
//! writers need not know. Deliberately absent: what is in a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use super::blocking;
use super::bucket::{Bucket, replaced};
use super::content::Raw;
use super::object::{Remote, RemoteObject};
use super::pattern::Pattern;
use crate::directory::{existing_file, io_failure};
use crate::{SystemError, SystemErrorKind};

/// First bytes of a local file that must not change while a run reads it.
const HEAD_BYTES: u64 = 4096;
/// Files that one pattern may mean.
const FILES_MAX: usize = 10_000;
/// Files and directories that are looked at for a pattern.
const LOOKED_AT_MAX: usize = 200_000;
/// Directories within directories.
const DEPTH_MAX: usize = 32;

/// Where the files of a system are.
#[derive(Clone)]
pub(super) enum Store {
    /// Below this directory.
    Local(PathBuf),
    /// In a bucket.
    Bucket(Arc<Bucket>),
}

/// A file that a pattern means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) path: String,
    /// Another one when the file changes.
    pub(super) fingerprint: String,
    pub(super) size_bytes: u64,
}

impl Listed {
    /// One that nobody has looked at.
    pub(super) fn unseen(path: String) -> Self {
        Self { path, fingerprint: String::new(), size_bytes: 0 }
    }
}

/// By what a file is recognised: an object by its version, a local file, which may grow meanwhile, by its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    pub(super) size: u64,
    head_bytes: u64,
    head_hash: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    version: Option<String>,
}

/// A file that was opened to be read.
pub(super) struct Opened {
    pub(super) file: Readable,
    pub(super) identity: Identity,
}

/// What of a file is open.
pub(super) enum Readable {
    /// With its real path.
    Local(File, PathBuf),
    /// One version of an object.
    Remote(Remote),
}

impl Readable {
    /// Its bytes, from the first on.
    pub(super) fn raw(&self) -> Result<Raw, SystemError> {
        Ok(match self {
            Self::Local(file, _) => {
                Raw::Local(file.try_clone().map_err(|error| io_failure("opening the file", &error))?)
            }
            Self::Remote(remote) => Raw::Remote(RemoteObject::new(remote.clone())),
        })
    }

    /// Looks again, as far as that costs nothing.
    ///
    /// # Errors
    /// `Malformed` when it is not the file that reading began with.
    pub(super) fn check(&self, identity: &Identity) -> Result<(), SystemError> {
        let Self::Local(file, _) = self else { return Ok(()) };
        let now = file.metadata().map_err(|error| io_failure("looking at the file", &error))?;
        if now.len() < identity.size { Err(replaced()) } else { Ok(()) }
    }

    /// Whether it goes on where an earlier reading of it stopped.
    ///
    /// # Errors
    /// `Malformed` when it is not the file that reading began with.
    pub(super) fn is_still(&self, now: &Identity, before: &Identity) -> Result<(), SystemError> {
        let same = match self {
            Self::Remote(_) => now.version == before.version && now.size == before.size,
            Self::Local(_, path) => {
                let head = head_of(path, before.head_bytes)
                    .map_err(|error| io_failure("looking at the file", &error))?;
                now.size >= before.size && head.head_hash == before.head_hash
            }
        };
        if same { Ok(()) } else { Err(replaced()) }
    }
}

impl Store {
    /// Opens a file, of which the path is relative. `None` when it is not there.
    pub(super) async fn open(
        &self,
        path: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Opened>, SystemError> {
        let opened = match self {
            Self::Local(root) => {
                let (root, path) = (root.clone(), path.to_owned());
                blocking(move || open_local(&existing_file(&root, &path)?)).await
            }
            Self::Bucket(bucket) => {
                let key = bucket.key(path)?;
                let Some(found) = bucket.look(&key).await? else { return Ok(None) };
                let identity = Identity {
                    size: found.size,
                    head_bytes: 0,
                    head_hash: String::new(),
                    version: Some(found.version.text().to_owned()),
                };
                let remote = Remote::new(bucket.clone(), key, found.size, found.version, stop.clone());
                Ok(Opened { file: Readable::Remote(remote), identity })
            }
        };
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind == SystemErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The files that a pattern means, in the order of their paths.
    pub(super) async fn list(&self, pattern: Pattern) -> Result<Vec<Listed>, SystemError> {
        let mut listed = Listing { pattern, files: Vec::new(), looked_at: 0 };
        let mut listed = match self {
            Self::Local(root) => {
                let root = root.clone();
                blocking(move || {
                    listed.walk(&root)?;
                    Ok(listed)
                })
                .await?
            }
            Self::Bucket(bucket) => {
                let base = listed.pattern.base().to_owned();
                bucket
                    .list(&base, |path, size, version| {
                        listed.look_at(path, size, || Ok(version.text().to_owned()))
                    })
                    .await?;
                listed
            }
        };
        listed.files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(listed.files)
    }
}

/// Opens a local file by its real path. Blocks.
pub(super) fn open_local(path: &Path) -> Result<Opened, SystemError> {
    let file = File::open(path).map_err(|error| io_failure("opening the file", &error))?;
    let identity = head_of(path, HEAD_BYTES).map_err(|error| io_failure("looking at the file", &error))?;
    Ok(Opened { file: Readable::Local(file, path.to_owned()), identity })
}

/// A file that is not there, for the customer.
pub(super) fn not_there(path: &str) -> SystemError {
    SystemError::new(SystemErrorKind::NotFound, format!("{path} is not there"))
        .with_hint(format!("there is no file `{path}`"))
}

/// Size and time of the last change.
pub(super) fn fingerprint(metadata: &fs::Metadata) -> io::Result<String> {
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Ok(format!("{}:{modified}", metadata.len()))
}

fn head_of(path: &Path, head_bytes: u64) -> io::Result<Identity> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(head_bytes).read_to_end(&mut head)?;
    let head_hash = format!("{:016x}", xxh3_64(&head));
    Ok(Identity { size, head_bytes: head.len() as u64, head_hash, version: None })
}

struct Listing {
    pattern: Pattern,
    files: Vec<Listed>,
    looked_at: usize,
}

impl Listing {
    fn look_at(
        &mut self,
        path: &str,
        size_bytes: u64,
        fingerprint: impl FnOnce() -> Result<String, SystemError>,
    ) -> Result<(), SystemError> {
        self.count()?;
        if self.pattern.matches(path) {
            if self.files.len() == FILES_MAX {
                return Err(too_many(format!("the pattern means more than {FILES_MAX} files")));
            }
            self.files.push(Listed { path: path.to_owned(), fingerprint: fingerprint()?, size_bytes });
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), SystemError> {
        self.looked_at += 1;
        if self.looked_at > LOOKED_AT_MAX {
            let base = if self.pattern.base().is_empty() { "/" } else { self.pattern.base() };
            return Err(too_many(format!("there are more than {LOOKED_AT_MAX} files below `{base}`")));
        }
        Ok(())
    }

    /// Directories that are links are not gone into: they could lead in circles.
    fn walk(&mut self, root: &Path) -> Result<(), SystemError> {
        let failure = |error: io::Error| io_failure("listing the tenant's directory", &error);
        let root = match root.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            root => root.map_err(failure)?,
        };
        let base = match root.join(self.pattern.base()).canonicalize() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            base => base.map_err(failure)?,
        };
        if !base.starts_with(&root) {
            return Err(SystemError::new(SystemErrorKind::Forbidden, "a link leaves the tenant's directory")
                .with_hint("the path must stay inside your own directory"));
        }
        let mut directories = vec![(base, self.pattern.base().to_owned(), 0)];
        while let Some((directory, below, depth)) = directories.pop() {
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                entries => entries.map_err(failure)?,
            };
            for entry in entries {
                let entry = entry.map_err(failure)?;
                // A name that is no text can't be meant by a pattern, which is.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if below.is_empty() { name } else { format!("{below}/{name}") };
                let kind = entry.file_type().map_err(failure)?;
                if kind.is_dir() {
                    self.count()?;
                    if depth == DEPTH_MAX {
                        return Err(too_many(format!("directories are nested more than {DEPTH_MAX} deep")));
                    }
                    directories.push((entry.path(), path, depth + 1));
                    continue;
                }
                // Through a link: opening refuses one that leaves the directory.
                let metadata = match fs::metadata(entry.path()) {
                    // It went away meanwhile, or is a link to nothing.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    metadata => metadata.map_err(failure)?,
                };
                if metadata.is_file() {
                    self.look_at(&path, metadata.len(), || fingerprint(&metadata).map_err(failure))?;
                }
            }
        }
        Ok(())
    }
}

fn too_many(hint: String) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, hint.clone()).with_hint(hint)
}
