//! A secret that every adapter has in its credentials, and the proof that it is nowhere else.

use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing_subscriber::filter::LevelFilter;

/// Part of all credentials.
pub const SECRET: &str = "s3cr3t-9f2c71";

/// Everything that was logged, at every level, also by libraries.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records what is logged from now on.
pub fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::TRACE)
            .with_writer(|| Log)
            .init();
    });
}

/// Something that people or logs may see does not show the secret.
pub fn unseen(shown: &impl Debug) {
    let shown = format!("{shown:?}");
    assert!(!shown.contains(SECRET), "the secret is in {shown}");
}

/// Nothing that was logged shows the secret.
pub fn assert_clean() {
    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&logged);
    let line = text.lines().find(|line| line.contains(SECRET));
    assert!(line.is_none(), "the secret was logged: {}", line.unwrap_or_default());
    assert!(!text.is_empty(), "something is logged");
}
