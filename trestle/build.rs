//! Writes the table of the portal's files, which are built into the program: what `npm run build` has left in `portal/dist`
//! (`make portal`). Where that is not there, the table is empty. Deliberately absent: building the portal.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What the build of the portal made.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../portal/dist");

#[expect(clippy::disallowed_methods, reason = "cargo says so where the table goes")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FILES}");
    let mut files = Vec::new();
    collect(Path::new(FILES), &mut files)?;
    // In the same order on every machine.
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let path =
            file.strip_prefix(FILES)?.to_str().ok_or("a file of the portal has a name that is not UTF-8")?;
        let file = file.to_str().ok_or("the portal is in a directory with a name that is not UTF-8")?;
        writeln!(table, "    ({:?}, include_bytes!({file:?})),", format!("/{path}"))?;
    }
    table.push_str("]\n");
    let directory = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&directory).join("portal.rs"), table)?;
    Ok(())
}

/// All files below a directory, which need not be there.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        // What tools of the build leave for each other.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
