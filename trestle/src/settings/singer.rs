//! Which Singer taps may be run, and what they may take.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use connector::{SingerOptions, TapLimits};

use super::value::{Number, filled, integer};
use super::{WrongSetting, wrong};

const NAME: &str = "TRESTLE_SINGER_TAPS";
/// Longest name of a tap, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Memory of a tap with all its processes, in MiB.
const MEMORY_MIB: usize = 1024;

/// Taps as the settings name them.
#[derive(Clone, Debug)]
pub struct Taps {
    programs: BTreeMap<String, PathBuf>,
    memory_bytes: u64,
}

impl Taps {
    pub(super) fn of(taps: Option<String>, memory_mib: Option<Number>) -> Result<Self, WrongSetting> {
        let mib = integer("TRESTLE_SINGER_MEMORY_MIB", memory_mib, MEMORY_MIB, 64..=1_048_576)?;
        let text = filled(taps).unwrap_or_default();
        let mut programs = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, program) = tap(part)?;
            if programs.insert(name.clone(), program).is_some() {
                return Err(wrong(NAME, format!("has the tap `{name}` twice")));
            }
        }
        if !programs.is_empty() && !cfg!(target_os = "linux") {
            return Err(wrong(NAME, "taps can be run on Linux only"));
        }
        Ok(Self { programs, memory_bytes: mib as u64 * 1024 * 1024 })
    }

    /// For the connector, with its directory below that of our data.
    pub fn options(&self, data_dir: &Path) -> SingerOptions {
        let options = SingerOptions::new(self.programs.clone(), data_dir.join("taps"));
        SingerOptions { limits: TapLimits { memory_bytes: self.memory_bytes, ..options.limits }, ..options }
    }
}

fn tap(part: &str) -> Result<(String, PathBuf), WrongSetting> {
    let Some((name, path)) = part.split_once('=') else {
        return Err(wrong(NAME, format!("`{part}` is not like tap-shop=/opt/taps/bin/tap-shop")));
    };
    let (name, path) = (name.trim(), Path::new(path.trim()));
    let is_name = name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !is_name {
        let problem = format!(
            "`{name}` is no name of a tap: letters, digits, `-`, `_` and `.`, {NAME_CHARS_MAX} at most"
        );
        return Err(wrong(NAME, problem));
    }
    let is_program = path.is_absolute()
        && path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if !is_program {
        return Err(wrong(NAME, format!("{} is not the absolute path of a program", path.display())));
    }
    Ok((name.to_owned(), path.to_owned()))
}
