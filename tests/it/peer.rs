//! Programs of others that check ours from outside, in Node.js. Their packages are locked, and installed at first use.

use std::path::PathBuf;
use std::process::Command;

use crate::harness::process::find_program;

/// `node SCRIPT` in a directory beside this file, where `package` is installed. Panics when Node.js is missing.
pub fn node(directory: &str, package: &str, script: &str) -> Command {
    for program in ["node", "npm"] {
        assert!(
            find_program(program, &[]).is_some(),
            "`{program}` is not installed: `make test` installs Node.js, which runs the checks in tests/it/{directory}"
        );
    }
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it").join(directory);
    if !directory.join("node_modules").join(package).is_dir() {
        let mut install = Command::new("npm");
        let install = install.args(["ci", "--no-audit", "--no-fund"]).current_dir(&directory).output();
        let install = install.unwrap_or_else(|error| panic!("starting npm: {error}"));
        let complaint = String::from_utf8_lossy(&install.stderr);
        assert!(install.status.success(), "`npm ci` in {}:\n{complaint}", directory.display());
    }
    let mut command = Command::new("node");
    command.arg(script).current_dir(directory);
    command
}
