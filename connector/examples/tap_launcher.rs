//! The launcher of taps as a program of its own, for tests of this crate; in the product it is `trestle` itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    connector::launch_tap(std::env::args_os()).unwrap_or(ExitCode::FAILURE)
}
