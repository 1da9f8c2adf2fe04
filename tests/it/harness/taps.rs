//! Singer taps of others, each in an environment of its own, that `scripts/install-test-servers` installs.

use std::path::{Path, PathBuf};

/// The program of a tap.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    let target = test.ancestors().nth(3).map(Path::to_owned).expect("target/debug/deps/it-…");
    let program = target.join("tools/taps").join(name).join("bin").join(name);
    assert!(
        program.is_file(),
        "{} is missing: `make test` installs it, or scripts/install-test-servers alone",
        program.display()
    );
    program
}
