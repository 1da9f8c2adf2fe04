//! A directory for one run of a tap, that nobody else may look into. Its launcher removes it at the end, since what is in it is
//! secret, and since the tap may write to it for as long as it lives. All functions here block.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

/// Directories of a machine that went down, or of launchers that were killed, are removed by the next run that comes so long
/// after. Whoever lives locks his own, at once when it is made.
const ORPHAN_AGE: Duration = Duration::from_secs(60);
/// Largest config that is read back, in bytes: what a system may hold, in both parts, and some layout.
const CONFIG_BYTES_MAX: u64 = 512 * 1024;
/// Where the tap may write.
const WORK: &str = "work";
const CONFIG: &str = "config.json";

/// The directory of one run.
pub(super) struct RunDirectory {
    path: PathBuf,
    /// Held also by the launcher, from when it begins.
    _lock: File,
    /// The config as it was read last.
    config: Vec<u8>,
}

impl RunDirectory {
    /// Makes one, with the tap's config in it.
    pub(super) fn create(root: &Path, config: &str) -> io::Result<Self> {
        let private = |recursive| {
            let mut builder = DirBuilder::new();
            builder.mode(0o700).recursive(recursive);
            builder
        };
        private(true).create(root)?;
        remove_orphans(root);
        let path = root.canonicalize()?.join(Uuid::now_v7().simple().to_string());
        private(false).create(&path)?;
        let lock = File::open(&path)?;
        lock.lock_shared()?;
        let directory = Self { path, _lock: lock, config: config.as_bytes().to_vec() };
        private(false).create(directory.path.join(WORK))?;
        directory.write(CONFIG, config)?;
        Ok(directory)
    }

    /// All of it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The config that the tap is given, and may rewrite.
    pub(super) fn config_path(&self) -> PathBuf {
        self.path.join(CONFIG)
    }

    /// Adds a private file; where it is.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// The config, if it is another one than it was when this was asked before. What is no file of a fitting size is none: a
    /// tap may have put anything there.
    pub(super) fn rewritten_config(&mut self) -> Option<Vec<u8>> {
        let path = self.config_path();
        if !fs::symlink_metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        File::open(&path).ok()?.take(CONFIG_BYTES_MAX + 1).read_to_end(&mut text).ok()?;
        if text == self.config || text.len() as u64 > CONFIG_BYTES_MAX {
            return None;
        }
        self.config.clone_from(&text);
        Some(text)
    }
}

/// Where the tap of this run is at home.
pub(super) fn work(directory: &Path) -> PathBuf {
    directory.join(WORK)
}

/// Removes a directory with all that is in it, also where nobody may enter it. Links are removed and not followed.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(directory)?;
            fs::remove_dir_all(directory)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_orphans(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        let age =
            entry.metadata().and_then(|it| it.modified()).map(|at| SystemTime::now().duration_since(at));
        let is_old = matches!(age, Ok(Ok(age)) if age > ORPHAN_AGE);
        let is_free = || File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if is_old
            && is_free()
            && let Err(error) = remove(&path)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, path = %path.display(), "the directory of a tap that is gone can't be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, SystemTime};

    use super::{RunDirectory, remove, work};

    #[test]
    fn it_is_private_and_its_config_is_read_back_only_if_it_is_one() {
        let root = tempfile::tempdir().unwrap();
        let mut directory = RunDirectory::create(&root.path().join("taps"), "{}").unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(directory.path()), mode(&work(directory.path()))), (0o700, 0o700));
        let config = directory.config_path();
        assert_eq!(mode(&config), 0o600);
        assert_eq!(directory.rewritten_config(), None);
        fs::write(&config, "{\"a\": 1}").unwrap();
        assert_eq!(directory.rewritten_config().unwrap(), b"{\"a\": 1}");
        assert_eq!(directory.rewritten_config(), None);

        fs::write(&config, vec![b' '; 600 * 1024]).unwrap();
        assert_eq!(directory.rewritten_config(), None);
        let secret = root.path().join("secret");
        fs::write(&secret, "{\"other\": 1}").unwrap();
        fs::remove_file(&config).unwrap();
        symlink(&secret, &config).unwrap();
        assert_eq!(directory.rewritten_config(), None);
        fs::remove_file(&config).unwrap();
        fs::create_dir(&config).unwrap();
        assert_eq!(directory.rewritten_config(), None);
        assert!(directory.write("config.json", "x").is_err(), "nothing is written over");
    }

    #[test]
    fn it_goes_with_all_that_is_in_it_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let taps = root.path().join("taps");
        let kept = root.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        let directory = RunDirectory::create(&taps, "{}").unwrap();
        let closed = work(directory.path()).join("closed");
        fs::create_dir(&closed).unwrap();
        symlink(&kept, closed.join("link")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        remove(directory.path()).unwrap();
        assert!(!directory.path().exists());
        assert!(kept.join("file").exists());

        // One that somebody holds stays, however old it is; one that nobody holds goes.
        let (old, used) =
            (RunDirectory::create(&taps, "{}").unwrap(), RunDirectory::create(&taps, "{}").unwrap());
        let old_path = old.path().to_owned();
        drop(old);
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 60);
        for path in [&old_path, used.path()] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let new = RunDirectory::create(&taps, "{}").unwrap();
        assert!(!old_path.exists() && used.path().exists() && new.path().exists());
    }
}
