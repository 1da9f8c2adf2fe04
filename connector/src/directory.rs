//! Paths inside a tenant's own directory, and the refusal of every path that leaves it.
//! Deliberately absent: reading and writing. All functions here block; call them on a blocking thread.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{SystemError, SystemErrorKind};

/// The real path of a file that is there.
///
/// # Errors
/// `Forbidden` for a path that leaves `root` (`..`, absolute, a link), `NotFound`, and `Misconfigured`
/// when something else than a file is there.
pub(crate) fn existing_file(root: &Path, relative: &str) -> Result<PathBuf, SystemError> {
    components(relative)?;
    let not_found = || {
        SystemError::new(SystemErrorKind::NotFound, format!("{relative} is not in the tenant's directory"))
            .with_hint(format!("there is no file `{relative}`"))
    };
    let root = match root.canonicalize() {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_found()),
        Err(error) => return Err(io_failure("opening the tenant's directory", &error)),
    };
    match root.join(relative).canonicalize() {
        Ok(path) => checked_file(&root, path, relative),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(not_found())
        }
        Err(error) => Err(io_failure(&format!("resolving {relative}"), &error)),
    }
}

/// The real path of a file that may be there or not; the directories above it are made.
///
/// # Errors
/// `Forbidden` for a path that leaves `root` (`..`, absolute, a link), and `Misconfigured` when something
/// else than a file is there.
pub(crate) fn writable_file(root: &Path, relative: &str) -> Result<PathBuf, SystemError> {
    let mut names = components(relative)?;
    let Some(file_name) = names.pop() else {
        return Err(not_relative(relative));
    };
    let failure = |error: io::Error| io_failure(&format!("making the directory of {relative}"), &error);
    fs::create_dir_all(root).map_err(failure)?;
    let root = root.canonicalize().map_err(failure)?;
    let mut directory = root.clone();
    for name in names {
        let next = directory.join(name);
        match fs::symlink_metadata(&next) {
            Ok(_) => {
                directory = next.canonicalize().map_err(|_| escapes(relative))?;
                if !directory.starts_with(&root) {
                    return Err(escapes(relative));
                }
                if !directory.is_dir() {
                    return Err(SystemError::new(
                        SystemErrorKind::Misconfigured,
                        format!("a directory of {relative} is a file"),
                    )
                    .with_hint(format!("a directory of the path `{relative}` is a file")));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&next).map_err(failure)?;
                directory = next;
            }
            Err(error) => return Err(failure(error)),
        }
    }
    let path = directory.join(file_name);
    match fs::symlink_metadata(&path) {
        // A link to nothing is refused as well: writing would create what it points to.
        Ok(_) => checked_file(&root, path.canonicalize().map_err(|_| escapes(relative))?, relative),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
        Err(error) => Err(failure(error)),
    }
}

/// An error of the local disk: what is not there is `NotFound`, a full disk can empty again, and the rest
/// is ours to repair.
pub(crate) fn io_failure(what: &str, error: &io::Error) -> SystemError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => SystemErrorKind::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::TimedOut => {
            SystemErrorKind::Unavailable
        }
        _ => SystemErrorKind::Internal,
    };
    SystemError::new(kind, format!("{what}: {error}"))
}

/// The names of a relative path that only goes down.
///
/// # Errors
/// `Forbidden` for one that goes up or is absolute, `Misconfigured` for one that names nothing.
pub(crate) fn components(relative: &str) -> Result<Vec<&str>, SystemError> {
    if relative.contains('\0') {
        return Err(escapes("(a path with a NUL byte)"));
    }
    let mut names = Vec::new();
    for component in Path::new(relative).components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().ok_or_else(|| not_relative(relative))?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(escapes(relative));
            }
        }
    }
    if names.is_empty() { Err(not_relative(relative)) } else { Ok(names) }
}

fn checked_file(root: &Path, path: PathBuf, relative: &str) -> Result<PathBuf, SystemError> {
    if !path.starts_with(root) {
        return Err(escapes(relative));
    }
    if path.is_file() {
        return Ok(path);
    }
    let what = if path.is_dir() { "a directory" } else { "not a regular file" };
    Err(SystemError::new(SystemErrorKind::Misconfigured, format!("{relative} is {what}"))
        .with_hint(format!("`{relative}` is {what}")))
}

fn escapes(relative: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Forbidden, format!("{relative} leaves the tenant's directory"))
        .with_hint("the path must stay inside your own directory")
}

fn not_relative(relative: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("{relative:?} names no file"))
        .with_hint("the path must name a file, e.g. `in/orders.csv`")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::tempdir;

    use super::{existing_file, writable_file};
    use crate::SystemErrorKind;

    #[test]
    fn a_path_that_leaves_the_directory_is_forbidden() {
        let outer = tempdir().unwrap();
        let root = outer.path().join("tenant");
        fs::create_dir(&root).unwrap();
        fs::write(outer.path().join("secret.csv"), "id\n1\n").unwrap();
        fs::create_dir(outer.path().join("other")).unwrap();
        fs::write(outer.path().join("other/secret.csv"), "id\n1\n").unwrap();
        symlink(outer.path().join("secret.csv"), root.join("link.csv")).unwrap();
        symlink(outer.path().join("other"), root.join("linked")).unwrap();
        symlink(outer.path().join("not-there.csv"), root.join("dangling.csv")).unwrap();
        let absolute = outer.path().join("secret.csv");
        let absolute = absolute.to_str().unwrap();

        for path in
            ["../secret.csv", "in/../../secret.csv", absolute, "link.csv", "linked/secret.csv", "a\0b.csv"]
        {
            assert_eq!(
                existing_file(&root, path).unwrap_err().kind,
                SystemErrorKind::Forbidden,
                "read {path:?}"
            );
            assert_eq!(
                writable_file(&root, path).unwrap_err().kind,
                SystemErrorKind::Forbidden,
                "write {path:?}"
            );
        }
        assert_eq!(writable_file(&root, "dangling.csv").unwrap_err().kind, SystemErrorKind::Forbidden);
        assert_eq!(writable_file(&root, "linked/new.csv").unwrap_err().kind, SystemErrorKind::Forbidden);
        assert!(!outer.path().join("not-there.csv").exists());
        assert!(!outer.path().join("other/new.csv").exists());
    }

    #[test]
    fn a_link_that_stays_inside_is_followed() {
        let root = tempdir().unwrap();
        fs::write(root.path().join("orders-2026.csv"), "id\n1\n").unwrap();
        symlink(root.path().join("orders-2026.csv"), root.path().join("latest.csv")).unwrap();
        let expected = root.path().canonicalize().unwrap().join("orders-2026.csv");
        assert_eq!(existing_file(root.path(), "latest.csv").unwrap(), expected);
        assert_eq!(writable_file(root.path(), "./latest.csv").unwrap(), expected);
    }

    #[test]
    fn what_is_not_there_is_not_found_and_a_directory_is_no_file() {
        let root = tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        let error = existing_file(root.path(), "in/orders.csv").unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::NotFound);
        assert_eq!(error.hint.as_deref(), Some("there is no file `in/orders.csv`"));
        assert_eq!(existing_file(root.path(), "in").unwrap_err().kind, SystemErrorKind::Misconfigured);
        assert_eq!(existing_file(root.path(), ".").unwrap_err().kind, SystemErrorKind::Misconfigured);
        let missing = root.path().join("never-made");
        assert_eq!(existing_file(&missing, "a.csv").unwrap_err().kind, SystemErrorKind::NotFound);
    }

    #[test]
    fn directories_of_a_new_file_are_made() {
        let root = tempdir().unwrap();
        let tenant = root.path().join("tenant");
        let path = writable_file(&tenant, "out/2026/orders.csv").unwrap();
        assert!(path.parent().unwrap().is_dir());
        assert!(!path.exists());
    }
}
