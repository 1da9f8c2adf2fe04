//! Leaves nothing behind: a shell that outlives this binary, learns every server we start, and stops them when we
//! end, however we end (statics are not dropped, and nothing runs after SIGKILL). It notices by the end of its input.
//! Deliberately absent: `PR_SET_PDEATHSIG`, which fires when the *thread* of a test ends, not the process.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Reads `+ pid signal` and `- pid` lines; at the end of input each process left gets its signal, five seconds
/// later its group gets KILL, and the directory `$1` is removed.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
left=" "
while read -r sign pid signal; do
  case $sign in
    +) left="$left$pid:$signal " ;;
    -) kept=" "; for one in $left; do [ "${one%%:*}" = "$pid" ] || kept="$kept$one "; done; left=$kept ;;
  esac
done
for one in $left; do kill -s "${one##*:}" "${one%%:*}"; kill -s CONT "${one%%:*}"; done
turns=0
while [ $turns -lt 50 ]; do
  alive=; for one in $left; do kill -s 0 "${one%%:*}" && alive=1; done
  [ -n "$alive" ] || break
  turns=$((turns + 1)); sleep 0.1
done
for one in $left; do kill -s KILL -- "-${one%%:*}"; done
rm -rf -- "$1"
"#;

struct Watchdog {
    input: Mutex<ChildStdin>,
    root: PathBuf,
}

static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
static DIRECTORY_NUMBER: AtomicU64 = AtomicU64::new(0);

/// Has `pid`, the leader of its process group, stopped by `signal` when this binary ends.
pub fn watch(pid: u32, signal: &str) {
    tell(&format!("+ {pid} {signal}\n"));
}

/// Forgets `pid`, whose end was waited for: the number may belong to somebody else from now on.
pub fn forget(pid: u32) {
    tell(&format!("- {pid}\n"));
}

/// A new directory that is removed when this binary ends. Other users can pass through it, because PostgreSQL does
/// not run as root.
pub fn directory(name: &str) -> PathBuf {
    let number = DIRECTORY_NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = watchdog().root.join(format!("{name}-{number}"));
    create(&path);
    path
}

fn create(path: &Path) {
    std::fs::create_dir_all(path).unwrap_or_else(|error| panic!("creating {}: {error}", path.display()));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o711)).expect("just created by us");
}

fn tell(line: &str) {
    let mut input = watchdog().input.lock().unwrap_or_else(PoisonError::into_inner);
    input.write_all(line.as_bytes()).expect("the watchdog reads until we end");
}

#[expect(clippy::zombie_processes, reason = "it ends after us, that is what it is for")]
fn watchdog() -> &'static Watchdog {
    WATCHDOG.get_or_init(|| {
        let root = tempfile::Builder::new()
            .prefix("trestle-it-")
            .tempdir()
            .unwrap_or_else(|error| panic!("creating a directory for the tests' data: {error}"))
            .keep();
        create(&root);
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(&root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("starting sh: {error}"));
        let input = child.stdin.take().expect("piped above");
        Watchdog { input: Mutex::new(input), root }
    })
}
