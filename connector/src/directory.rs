//! Paths inside a tenant's own directory, and the refusal of every path that leaves it.
//! Deliberately absent: reading and writing. All functions here block; call them on a blocking thread.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{SystemError, SystemErrorKind};

/// Longest path of a file that somebody puts, in bytes: a key of S3 has 1,024, with the prefix of its system.
const PATH_BYTES_MAX: usize = 700;
/// Longest of its names: file systems take 255, of which the names of what is staged beside a file take up to 50.
const NAME_BYTES_MAX: usize = 200;

/// The path of a file that somebody puts into a directory or a bucket, in one spelling: `in/orders.csv`.
///
/// # Errors
/// `Forbidden` for one that goes up or is absolute, `Misconfigured` for one that names no file, is too long, or has a
/// hidden name, which is what files have that nobody is to read.
pub fn file_path(text: &str) -> Result<String, SystemError> {
    let names = components(text)?;
    if matches!(text.rsplit('/').next(), Some("" | ".")) {
        return Err(not_relative(text));
    }
    let refusal = if text.chars().any(char::is_control) {
        Some("the path must not have control characters".to_owned())
    } else if names.iter().any(|name| name.starts_with('.')) {
        Some("no name in the path may begin with a dot: such files are not read".to_owned())
    } else if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
        Some(format!("no name in the path may be longer than {NAME_BYTES_MAX} bytes"))
    } else if text.len() > PATH_BYTES_MAX {
        Some(format!("the path must not be longer than {PATH_BYTES_MAX} bytes"))
    } else {
        None
    };
    match refusal {
        None => Ok(names.join("/")),
        Some(hint) => Err(SystemError::new(SystemErrorKind::Misconfigured, hint.clone()).with_hint(hint)),
    }
}

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
                    return Err(no_directory(relative));
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

/// The place of a file that is put below a directory that is there, and whether a file is in it. No link is followed, not
/// even one that stays inside. `make`: the directories above it are made.
///
/// # Errors
/// `Forbidden` for a path that leaves `root` or goes over a link, and `Misconfigured` when something else than a file is
/// there.
pub(crate) fn place_of(root: &Path, relative: &str, make: bool) -> Result<(PathBuf, bool), SystemError> {
    let mut names = components(relative)?;
    let Some(file_name) = names.pop() else {
        return Err(not_relative(relative));
    };
    let failure = |error: io::Error| io_failure(&format!("finding the place of {relative}"), &error);
    let mut place = root.canonicalize().map_err(failure)?;
    for name in names {
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => return Err(linked(relative)),
            Ok(_) => return Err(no_directory(relative)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failure(error)),
            Err(_absent) if make => match fs::create_dir(&place) {
                // By somebody else who puts a file there.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(failure)?,
            },
            Err(_absent) => {}
        }
    }
    place.push(file_name);
    match fs::symlink_metadata(&place) {
        Ok(found) if found.is_file() => Ok((place, true)),
        Ok(found) if found.is_symlink() => Err(linked(relative)),
        Ok(found) => Err(no_file(relative, found.is_dir())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((place, false)),
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
    Err(no_file(relative, path.is_dir()))
}

fn no_file(relative: &str, is_directory: bool) -> SystemError {
    let what = if is_directory { "a directory" } else { "not a regular file" };
    SystemError::new(SystemErrorKind::Misconfigured, format!("{relative} is {what}"))
        .with_hint(format!("`{relative}` is {what}"))
}

fn no_directory(relative: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Misconfigured, format!("a directory of {relative} is a file"))
        .with_hint(format!("a directory of the path `{relative}` is a file"))
}

fn linked(relative: &str) -> SystemError {
    SystemError::new(SystemErrorKind::Forbidden, format!("{relative} goes over a link"))
        .with_hint("the path must not go over a link")
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

    use super::{existing_file, file_path, place_of, writable_file};
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
    fn a_file_that_is_put_has_a_plain_path_in_one_spelling() {
        for (text, path) in [("in/orders.csv", "in/orders.csv"), ("./in//ü 1.csv", "in/ü 1.csv"), ("a", "a")]
        {
            assert_eq!(file_path(text).unwrap(), path);
        }
        for (text, kind) in [
            ("../orders.csv", SystemErrorKind::Forbidden),
            ("in/../../orders.csv", SystemErrorKind::Forbidden),
            ("/etc/passwd", SystemErrorKind::Forbidden),
            ("in/a\0.csv", SystemErrorKind::Forbidden),
            ("", SystemErrorKind::Misconfigured),
            ("in/", SystemErrorKind::Misconfigured),
            ("in/.", SystemErrorKind::Misconfigured),
            (".trestle/x.done", SystemErrorKind::Misconfigured),
            ("in/.orders.csv", SystemErrorKind::Misconfigured),
            ("in/a\n.csv", SystemErrorKind::Misconfigured),
            (&"n".repeat(201), SystemErrorKind::Misconfigured),
            (&"in/".repeat(240), SystemErrorKind::Misconfigured),
            (&format!("{}a", "in/".repeat(240)), SystemErrorKind::Misconfigured),
        ] {
            assert_eq!(file_path(text).unwrap_err().kind, kind, "{text:?}");
        }
    }

    #[test]
    fn a_file_is_put_over_no_link_and_directories_are_made_when_it_is_there() {
        let root = tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/orders.csv"), "id\n1\n").unwrap();
        symlink(root.path().join("in"), root.path().join("linked")).unwrap();
        symlink(root.path().join("in/orders.csv"), root.path().join("in/latest.csv")).unwrap();
        for path in ["linked/new.csv", "linked/orders.csv", "in/latest.csv", "../orders.csv"] {
            assert_eq!(
                place_of(root.path(), path, true).unwrap_err().kind,
                SystemErrorKind::Forbidden,
                "{path}"
            );
        }
        for path in ["in", "in/orders.csv/a.csv"] {
            assert_eq!(
                place_of(root.path(), path, true).unwrap_err().kind,
                SystemErrorKind::Misconfigured,
                "{path}"
            );
        }
        let real = root.path().canonicalize().unwrap();
        assert_eq!(
            place_of(root.path(), "in/orders.csv", false).unwrap(),
            (real.join("in/orders.csv"), true)
        );
        let new = (real.join("out/2026/a.csv"), false);
        assert_eq!(place_of(root.path(), "out/2026/a.csv", false).unwrap(), new);
        assert!(!real.join("out").exists());
        assert_eq!(place_of(root.path(), "out/2026/a.csv", true).unwrap(), new);
        assert!(real.join("out/2026").is_dir());
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
