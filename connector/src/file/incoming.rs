//! A file that somebody puts where sources read: nothing is seen of it until it is whole, then it takes its place in one
//! step, and one that never gets whole leaves nothing. Deliberately absent: what it holds, and who may put it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::blocking;
use super::bucket::Condition;
use super::content::failure;
use super::store::Store;
use super::upload::Upload;
use crate::directory::{io_failure, place_of};
use crate::{NewFile, SystemError, SystemErrorKind};

/// Where in the tenant's directory files are that are not whole: hidden, so that no pattern means them, and on the file
/// system of their places, because only there a rename is one step.
const DIRECTORY: &str = ".trestle/uploads";
/// Collected before it is written, in bytes: what comes in is small, and each write takes another thread.
const BUFFER_BYTES: usize = 1024 * 1024;
/// Age from which on a file is taken for one of a process that ended: nobody sends that long.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// A file on its way; dropped, it is given up.
pub struct IncomingFile {
    /// Not here while a thread writes to it, nor after that failed.
    out: Option<Out>,
    buffer: Vec<u8>,
    is_new: bool,
}

enum Out {
    Local(Draft),
    Upload(Box<Upload>),
}

impl IncomingFile {
    /// Asks whether there is a place for it, and begins it.
    pub(super) async fn begin(store: Store, file: NewFile) -> Result<Self, SystemError> {
        let (out, is_new) = match store {
            Store::Local(root) => {
                let (draft, is_new) = blocking(move || Draft::begin(root, file)).await?;
                (Out::Local(draft), is_new)
            }
            Store::Bucket(bucket) => {
                let key = bucket.key(&file.path)?;
                let is_new = bucket.look(&key).await?.is_none();
                let condition = if file.only_new { Condition::Absent } else { Condition::Any };
                // No run wrote it, so its id is one that none has.
                let upload = Upload::new(bucket, key, Uuid::now_v7(), condition, CancellationToken::new());
                (Out::Upload(Box::new(upload)), is_new)
            }
        };
        Ok(Self { out: Some(out), buffer: Vec::new(), is_new })
    }

    /// Whether nothing was in its place when it began.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Adds to it.
    ///
    /// # Errors
    /// `Unavailable` when there is no room; those of the store.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SystemError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush().await }
    }

    /// Puts it in its place. False when only a new file was wanted, and something is there by now.
    ///
    /// # Errors
    /// As [`write`](Self::write); `Forbidden` and `Misconfigured` when its place has become another one meanwhile.
    pub async fn finish(mut self) -> Result<bool, SystemError> {
        self.flush().await?;
        match self.out.take() {
            Some(Out::Local(draft)) => blocking(move || draft.publish()).await,
            Some(Out::Upload(upload)) => blocking(move || upload.finish()).await,
            None => Err(given_up()),
        }
    }

    async fn flush(&mut self) -> Result<(), SystemError> {
        let mut out = self.out.take().ok_or_else(given_up)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (out, buffer) = blocking(move || {
            out.write_all(&buffer).map_err(|error| failure("writing the file", &error))?;
            buffer.clear();
            Ok((out, buffer))
        })
        .await?;
        self.out = Some(out);
        self.buffer = buffer;
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(draft) => draft.file.write(bytes),
            Self::Upload(upload) => upload.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Local(draft) => draft.file.flush(),
            Self::Upload(upload) => upload.flush(),
        }
    }
}

/// A file that is not in its place yet. Everything here blocks.
struct Draft {
    root: PathBuf,
    path: String,
    only_new: bool,
    file: File,
    temporary: PathBuf,
}

impl Draft {
    /// The second is whether nothing is in its place.
    fn begin(root: PathBuf, new: NewFile) -> Result<(Self, bool), SystemError> {
        if new.kept.contains(&new.path) {
            let detail = format!("{} belongs to another system", new.path);
            return Err(SystemError::new(SystemErrorKind::Forbidden, detail)
                .with_hint(format!("`{}` is the database of another system", new.path)));
        }
        let failure = |error: io::Error| io_failure("beginning the file", &error);
        let directory = root.join(DIRECTORY);
        fs::create_dir_all(&directory).map_err(failure)?;
        let (_place, is_there) = place_of(&root, &new.path, false)?;
        remove_abandoned(&directory);
        let temporary = directory.join(format!(".{}", Uuid::now_v7().simple()));
        let file = File::create_new(&temporary).map_err(failure)?;
        Ok((Self { root, path: new.path, only_new: new.only_new, file, temporary }, !is_there))
    }

    fn publish(self) -> Result<bool, SystemError> {
        let failure = |error: io::Error| io_failure("putting the file in its place", &error);
        let (place, is_there) = place_of(&self.root, &self.path, true)?;
        if is_there {
            let existing = fs::metadata(&place).map_err(failure)?;
            self.file.set_permissions(existing.permissions()).map_err(failure)?;
        }
        self.file.sync_all().map_err(failure)?;
        if self.only_new {
            // A rename would replace what somebody else has put there meanwhile; a second name is refused.
            match fs::hard_link(&self.temporary, &place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                linked => linked.map_err(failure)?,
            }
        } else {
            fs::rename(&self.temporary, &place).map_err(failure)?;
        }
        if let Some(directory) = place.parent() {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failure)?;
        }
        Ok(true)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove(&self.temporary);
    }
}

/// Removes what processes that ended have left. Best effort: what can't be removed now is for the next one.
fn remove_abandoned(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > ABANDONED_AFTER) {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(error = %error, "a file that nobody waits for could not be removed");
        }
        _ => {}
    }
}

fn given_up() -> SystemError {
    SystemError::new(SystemErrorKind::Internal, "writing the file failed before")
}
