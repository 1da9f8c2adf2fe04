//! How much memory this process has. Deliberately absent: how much of it one run has, which nobody can tell.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Looks closer together are one: thousands of small runs may begin in a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The memory of this process, looked at now and then.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Option<(Instant, u64)>>);

impl Memory {
    /// Resident memory in bytes; `None` where the system does not say.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((at, bytes)) if at.elapsed() < LOOK_INTERVAL => Some(bytes),
            _ => {
                let bytes = resident_bytes()?;
                *last = Some((Instant::now(), bytes));
                Some(bytes)
            }
        }
    }
}

/// `VmRSS` of <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>; a file that is made in memory, so that
/// reading it blocks nobody.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::Memory;

    #[tokio::test]
    async fn a_process_has_some_memory() {
        let memory = Memory::default();
        let bytes = memory.resident_bytes().expect("Linux says");
        assert!((1_000_000..1_000_000_000_000).contains(&bytes), "{bytes}");
        assert_eq!(memory.resident_bytes(), Some(bytes), "a look that follows at once is the same");
    }
}
