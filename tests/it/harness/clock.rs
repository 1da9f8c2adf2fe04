//! A wrong clock for a real process: a library that is loaded before the C library and tells another time. Linux.

use std::path::PathBuf;
use std::process::Command;

use super::watchdog;

/// What to add to the environment of a process whose clock shall be ahead by so many seconds, or behind.
pub fn off_by(seconds: i64) -> (String, String) {
    let directory = watchdog::directory("clock");
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    std::fs::write(&source, include_str!("clock.c")).expect("a directory of ours");
    let compiler = std::env::var_os("CC").map_or_else(|| PathBuf::from("cc"), PathBuf::from);
    let output = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(format!("-DOFF_SECONDS={seconds}"))
        .arg(&source)
        .arg("-ldl")
        .output()
        .unwrap_or_else(|error| panic!("starting {}, the C compiler: {error}", compiler.display()));
    assert!(output.status.success(), "compiling a clock: {}", String::from_utf8_lossy(&output.stderr));
    ("LD_PRELOAD".to_owned(), library.display().to_string())
}
