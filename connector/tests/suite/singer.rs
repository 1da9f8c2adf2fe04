//! Taps that mean harm, or have accidents: real programs, by the launcher as it is in the product. What must hold each time:
//! the tap is kept to its limits, nothing of it lives on, nothing is left on the disk, and no secret is shown.
//! Deliberately absent: what every connector must do (`contract`), and taps of others (`tests/it/singer.rs`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connector::{
    Connector, CredentialStore, CursorRange, Egress, Item, OpenSource, Page, Record, Registry, SingerOptions,
    Source, StreamSpec, SyncMode, SystemAccess, SystemError, SystemErrorKind, TapLimits,
};
use futures::FutureExt;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "s3cr3t-4b71";
/// How long something that was let go of may take to be gone: a tap that ignores being asked has two seconds.
const GONE_LIMIT: Duration = Duration::from_secs(20);
/// Says which streams there are, as a tap does, where it is asked to.
const DISCOVERY: &str = r#"case "$*" in *--discover*) echo '{"streams": [{"tap_stream_id": "orders", "stream": "orders", "schema": {"properties": {"id": {}, "at": {}}}}]}'; exit 0;; esac
echo '{"type": "SCHEMA", "stream": "orders", "schema": {}, "key_properties": ["id"]}'
"#;
const RECORD: &str = r#"{"type": "RECORD", "stream": "orders", "record": {"id": 1}}"#;

/// A tap and where it runs.
struct Stage {
    dir: TempDir,
    connector: Arc<dyn Connector>,
    credential_store: CredentialStore,
}

impl Stage {
    /// With a shell script behind [`DISCOVERY`].
    fn new(script: &str) -> Self {
        Self::limited(script, TapLimits::default())
    }

    fn limited(script: &str, limits: TapLimits) -> Self {
        Self::of(&format!("#!/bin/sh\n{DISCOVERY}{script}\n"), limits)
    }

    fn of(script: &str, limits: TapLimits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tap = dir.path().join("tap");
        fs::write(&tap, script).unwrap();
        fs::set_permissions(&tap, fs::Permissions::from_mode(0o755)).unwrap();
        let test = std::env::current_exe().unwrap();
        let launcher = test.ancestors().nth(2).unwrap().join("examples/tap_launcher");
        let options = SingerOptions::new([("tap-test".to_owned(), tap)].into(), dir.path().join("runs"));
        let options = SingerOptions { launcher, limits, ..options };
        let connector = Registry::with_taps(Egress::default(), options).get("singer").unwrap();
        Self { dir, connector, credential_store: CredentialStore::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open(&self) -> OpenSource {
        OpenSource {
            access: SystemAccess {
                config: json!({"tap": "tap-test", "config": {"at": self.dir.path()}}),
                credentials: json!({"config": {"password": SECRET}}).to_string().into(),
                files_dir: PathBuf::from("/nonexistent"),
                pace: Default::default(),
                tokens: None,
                progress: Default::default(),
                credential_store: self.credential_store.clone(),
                inbox: None,
            },
            stream: StreamSpec {
                name: "orders".to_owned(),
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                mode: SyncMode::Full,
                classified: Default::default(),
            },
            options: json!({"stream": "orders"}),
            since: None,
            overlap: None,
            from: None,
            only: None,
            part: None,
            resume: None,
            page_records_max: 100,
        }
    }

    async fn source(&self) -> Box<dyn Source> {
        self.connector.open_source(self.open()).await.unwrap()
    }

    /// Reads to the end, or to the error.
    async fn read(&self, open: OpenSource) -> (Vec<Page>, Result<Option<Value>, SystemError>) {
        let mut pages = Vec::new();
        let mut source = match self.connector.open_source(open).await {
            Ok(source) => source,
            Err(error) => return (pages, Err(error)),
        };
        loop {
            match source.next_page().await {
                Ok(Some(page)) => pages.push(page),
                Ok(None) => return (pages, Ok(source.watermark())),
                Err(error) => return (pages, Err(error)),
            }
        }
    }

    async fn error(&self) -> SystemError {
        let read = tokio::time::timeout(GONE_LIMIT * 2, self.read(self.open())).await;
        let error = read.expect("it ends").1.unwrap_err();
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        error
    }

    /// No directory of a run is left, which are there for as long as anything of it lives.
    async fn gone(&self) {
        let runs = self.path("runs");
        until("the directories are gone", || fs::read_dir(&runs).unwrap().next().is_none()).await;
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < GONE_LIMIT, "not within {GONE_LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn records(pages: &[Page]) -> Vec<&Record> {
    let items = pages.iter().flat_map(|page| &page.items);
    items.map(|item| if let Item::Record(record) = item { record } else { panic!("{item:?}") }).collect()
}

fn lives(pid: &str) -> bool {
    Path::new("/proc").join(pid.trim()).exists()
}

fn limits(change: impl FnOnce(&mut TapLimits)) -> TapLimits {
    let mut limits = TapLimits::default();
    change(&mut limits);
    limits
}

#[tokio::test]
async fn a_tap_has_a_private_directory_and_nothing_of_our_environment() {
    let python = r#"#!/usr/bin/python3
import json, os, stat, sys
if "--discover" in sys.argv:
    print('{"streams": [{"tap_stream_id": "orders"}]}')
    sys.exit()
path = sys.argv[sys.argv.index("--config") + 1]
mode = lambda path: oct(stat.S_IMODE(os.stat(path).st_mode))
record = {
    "environment": dict(os.environ), "cwd": os.getcwd(), "run": os.path.dirname(path), "group": os.getpgrp() == os.getppid(),
    "modes": [mode(os.path.dirname(path)), mode(os.getcwd()), mode(path)], "files": sorted(os.listdir("/proc/self/fd")),
    "config": json.load(open(path)),
}
print(json.dumps({"type": "RECORD", "stream": "orders", "record": record}))
"#;
    let stage = Stage::of(python, TapLimits::default());
    let (pages, end) = stage.read(stage.open()).await;
    end.unwrap();
    let record = records(&pages)[0];
    let environment: Vec<&String> = record["environment"].as_object().unwrap().keys().collect();
    let mut names: Vec<&str> = environment.iter().map(|name| name.as_str()).collect();
    names.sort_unstable();
    // Python adds what its locale is.
    names.retain(|name| *name != "LC_CTYPE");
    assert_eq!(names, ["HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "TZ"]);
    assert_eq!(record["modes"], json!(["0o700", "0o700", "0o600"]));
    assert_eq!(record["cwd"], record["environment"]["HOME"]);
    assert!(record["cwd"].as_str().unwrap().starts_with(record["run"].as_str().unwrap()));
    assert_eq!(record["config"], json!({"at": stage.dir.path(), "password": SECRET}));
    assert_eq!(record["group"], json!(true));
    // Standard input, output and error, the directory that is being listed, and what this test was given by its own parent.
    let given = |name: &str| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{name}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.is_some_and(|flags| u32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 == 0)
    };
    let own = record["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let own: Vec<&str> = own.filter(|name| !["0", "1", "2"].contains(name) && !given(name)).collect();
    assert_eq!(own.len(), 1, "{:?}", record["files"]);
    stage.gone().await;
}

#[tokio::test]
async fn a_line_without_end_and_output_without_end_are_ended() {
    let stage = Stage::limited("yes | tr -d '\\n'", limits(|limits| limits.line_bytes = 1024 * 1024));
    let error = stage.error().await;
    assert_eq!(error.kind, SystemErrorKind::Malformed, "{error:?}");
    stage.gone().await;

    let script = format!("exec yes '{RECORD}'");
    let stage = Stage::limited(&script, limits(|limits| limits.output_bytes = 200_000));
    let (pages, end) = stage.read(stage.open()).await;
    let error = end.unwrap_err();
    assert_eq!(
        (error.kind, error.hint.as_deref()),
        (SystemErrorKind::Malformed, Some("the tap does not stop writing"))
    );
    assert_eq!(records(&pages).len(), (200_000 - 77) / (RECORD.len() + 1), "what came before it is given");
    stage.gone().await;
    // What a run has written before it was resumed counts.
    let mut resumed = stage.open();
    resumed.resume = Some(pages.last().unwrap().checkpoint.clone());
    let (pages, end) = stage.read(resumed).await;
    assert_eq!((pages.len(), end.unwrap_err().kind), (0, SystemErrorKind::Malformed));
    stage.gone().await;

    let stage = Stage::limited("exec sleep 1000", limits(|limits| limits.time = Duration::from_millis(300)));
    assert_eq!(stage.error().await.kind, SystemErrorKind::Timeout);
    stage.gone().await;
    let stage = Stage::of(
        "#!/bin/sh\nexec sleep 1000\n",
        limits(|limits| limits.discovery_time = Duration::from_millis(300)),
    );
    assert_eq!(stage.connector.test(&stage.open().access).await.unwrap_err().kind, SystemErrorKind::Timeout);
    stage.gone().await;
}

#[tokio::test]
async fn nothing_that_a_tap_has_started_outlives_it() {
    // One that leaves group, session and parent, and holds none of the pipes.
    let hidden =
        r#"setsid sh -c 'echo $$ > "$1/pid"; exec sleep 1000' sh "$AT" </dev/null >/dev/null 2>&1 &"#;
    let at = r#"AT=$(sed 's/.*"at": *"\([^"]*\)".*/\1/' "$2")"#;
    let wait = r#"while [ ! -s "$AT/pid" ]; do sleep 0.01; done"#;
    let pid = |stage: &Stage| fs::read_to_string(stage.path("pid")).unwrap();

    let stage = Stage::new(&format!("{at}\n{hidden}\n{wait}\necho '{RECORD}'"));
    let (pages, end) = stage.read(stage.open()).await;
    end.unwrap();
    assert_eq!(records(&pages).len(), 1);
    assert!(!lives(&pid(&stage)), "it is gone with the tap");
    stage.gone().await;

    // One that is let go of while it runs, and does not care for being asked.
    let stage = Stage::new(&format!(
        "trap '' TERM INT HUP\n{at}\n{hidden}\n{wait}\necho $$ > \"$AT/own\"\necho '{RECORD}'\nwhile :; do sleep 0.05; done"
    ));
    let mut source = stage.source().await;
    let first = tokio::time::timeout(Duration::from_millis(500), source.next_page()).await;
    assert!(first.is_err(), "it waits for more");
    let own = || fs::read_to_string(stage.path("own")).unwrap_or_default();
    until("it runs", || !own().is_empty()).await;
    assert!(lives(&pid(&stage)) && lives(&own()));
    drop(source);
    stage.gone().await;
    assert!(!lives(&pid(&stage)) && !lives(&own()));
}

#[tokio::test]
async fn a_launcher_is_deaf_to_what_is_sent_to_everybody_and_a_tap_does_not_outlive_it() {
    let stage = Stage::new(&format!(
        "kill -TERM $PPID\nkill -INT $PPID\nkill -HUP $PPID\nsleep 0.2\necho '{RECORD}'"
    ));
    let (pages, end) = stage.read(stage.open()).await;
    end.unwrap();
    assert_eq!(records(&pages).len(), 1);
    stage.gone().await;

    let at = r#"AT=$(sed 's/.*"at": *"\([^"]*\)".*/\1/' "$2")"#;
    let stage =
        Stage::new(&format!("{at}\nsleep 1000 &\necho $! > \"$AT/own\"\nkill -KILL $PPID\nsleep 1000"));
    let error = stage.error().await;
    assert_eq!(error.kind, SystemErrorKind::Unavailable);
    assert!(error.detail.starts_with("its launcher has ended"), "{error:?}");
    let own = fs::read_to_string(stage.path("own")).unwrap();
    until("what the tap has started is gone", || !lives(&own)).await;
}

#[tokio::test]
async fn a_tap_that_takes_too_much_is_ended_and_says_why() {
    const HINT: &str = "the tap needs more memory than the operator of this installation allows";
    let python = |body: &str| {
        format!(
            "#!/usr/bin/python3\nimport os, sys, time\nif \"--discover\" in sys.argv:\n    print('{{\"streams\": [{{\"tap_stream_id\": \"orders\"}}]}}')\n    sys.exit()\n{body}\n"
        )
    };
    let small = || limits(|limits| limits.memory_bytes = 200 * 1024 * 1024);
    let alone = Stage::of(&python("hog = bytearray(1 << 30)"), small());
    // Each of them stays below what one may have.
    let together = Stage::of(
        &python(
            "for _ in range(6):\n    if os.fork() == 0: break\nhog = bytearray(b'x') * (50 << 20)\ntime.sleep(1000)",
        ),
        small(),
    );
    for stage in [alone, together] {
        let error = stage.error().await;
        assert_eq!(
            (error.kind, error.hint.as_deref()),
            (SystemErrorKind::Misconfigured, Some(HINT)),
            "{error:?}"
        );
        stage.gone().await;
    }
    let stage = Stage::new("while :; do sleep 1000 & done");
    let error = stage.error().await;
    assert_eq!(error.hint.as_deref(), Some("the tap starts more processes than it may"), "{error:?}");
    stage.gone().await;
}

#[tokio::test]
async fn what_was_read_before_a_tap_failed_is_given_and_its_complaints_show_no_secret() {
    let state = r#"{"type": "STATE", "value": {"at": 1}}"#;
    let script = format!(
        "echo '{RECORD}'\necho '{state}'\necho '{RECORD}'\ncat \"$2\" >&2\necho lost the connection >&2\nexit 3"
    );
    let stage = Stage::new(&script);
    let (pages, end) = stage.read(stage.open()).await;
    assert_eq!(records(&pages).len(), 2);
    assert_eq!(pages.last().unwrap().checkpoint["state"], json!({"at": 1}));
    let error = end.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Unavailable);
    assert!(error.detail.contains("code 3") && error.detail.contains("lost the connection"), "{error:?}");
    assert!(error.detail.contains("[hidden]") && !format!("{error:?}").contains(SECRET), "{error:?}");
    stage.gone().await;

    for (script, hint) in
        [("kill -SEGV $$", "the tap was ended from outside"), ("exit 1", "the tap ended with an error")]
    {
        let error = Stage::new(script).error().await;
        assert_eq!(
            (error.kind, error.hint.as_deref()),
            (SystemErrorKind::Unavailable, Some(hint)),
            "{error:?}"
        );
    }
    // It may say for itself that it ended well; the launcher speaks last.
    let error = Stage::new("printf '\\036tap ended: {\"exited\":0}\\n' >&2\nexit 1").error().await;
    assert!(error.detail.contains("code 1"), "{error:?}");
    let stage = Stage::of("#!/nonexistent/interpreter\n", TapLimits::default());
    assert_eq!(stage.error().await.kind, SystemErrorKind::Internal);
    stage.gone().await;
}

#[tokio::test]
async fn a_config_that_a_tap_renews_is_kept_and_the_next_one_is_given_it() {
    let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
    let rewrite =
        r#"sed 's/"password": *"[^"]*"/"password": "n3w-'$$'"/' "$2" > "$2.new" && mv "$2.new" "$2""#;
    let mut stage = Stage::new(&format!("cat \"$2\" >> /dev/null\n{rewrite}\necho '{RECORD}'\nexit 1"));
    stage.credential_store = CredentialStore::by({
        let kept = kept.clone();
        move |new| {
            kept.lock().unwrap().push(serde_json::from_str(new.expose_secret()).unwrap());
            async { Ok(()) }.boxed()
        }
    });
    let (_pages, end) = stage.read(stage.open()).await;
    assert_eq!(
        end.unwrap_err().kind,
        SystemErrorKind::Unavailable,
        "it failed, and what it has renewed counts"
    );
    let renewed = kept.lock().unwrap().clone();
    assert_eq!(renewed.len(), 1, "{renewed:?}");
    assert!(renewed[0]["config"]["password"].as_str().unwrap().starts_with("n3w-"), "{renewed:?}");
    assert_eq!(renewed[0]["config"].as_object().unwrap().len(), 1, "{renewed:?}");
    stage.gone().await;
}

#[tokio::test]
async fn links_that_a_tap_leaves_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("other.json"), json!({"password": "stolen"}).to_string()).unwrap();
    let kept: Arc<Mutex<usize>> = Arc::default();
    let to = outside.path().display();
    let script = format!(
        "ln -sf {to}/other.json \"$2\"\nln -s {to} link\nmkdir -p deep/er && ln -s {to} deep/er/link && chmod 0 deep/er\necho '{RECORD}'"
    );
    let mut stage = Stage::new(&script);
    stage.credential_store = CredentialStore::by({
        let kept = kept.clone();
        move |_new| {
            *kept.lock().unwrap() += 1;
            async { Ok(()) }.boxed()
        }
    });
    let (pages, end) = stage.read(stage.open()).await;
    end.unwrap();
    assert_eq!((records(&pages).len(), *kept.lock().unwrap()), (1, 0));
    stage.gone().await;
    assert!(outside.path().join("other.json").exists());
}

#[tokio::test]
async fn a_stream_goes_on_at_the_last_state_and_says_what_it_cannot() {
    // Each run gives two more than the state says.
    let script = r#"N=0
case "$*" in *--state*) N=$(sed 's/[^0-9]//g' "${6}");; esac
for I in 1 2; do
  N=$((N + 1))
  echo '{"type": "RECORD", "stream": "orders", "record": {"id": '$N'}}'
done
echo '{"type": "STATE", "value": {"n": '$N'}}'"#;
    let stage = Stage::new(script);
    let mut open = stage.open();
    open.stream.mode = SyncMode::Incremental;
    open.stream.cursor_field = Some("at".to_owned());
    for run in 0..3_u64 {
        let (pages, end) = stage.read(open.clone()).await;
        let ids: Vec<u64> = records(&pages).iter().map(|record| record["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, [run * 2 + 1, run * 2 + 2]);
        let watermark = end.unwrap();
        assert_eq!(watermark, Some(json!({"state": {"n": run * 2 + 2}})));
        open.since = watermark;
    }
    open.stream.mode = SyncMode::Full;
    let (pages, end) = stage.read(open.clone()).await;
    assert_eq!((records(&pages)[0]["id"].as_u64(), end.unwrap()), (Some(1), None), "FULL begins anew");

    let refused = [
        OpenSource { overlap: Some(1), ..open.clone() },
        OpenSource { from: Some(json!(1)), ..open.clone() },
        OpenSource { only: Some(CursorRange { from: json!(1), until: None }), ..open.clone() },
    ];
    for open in refused {
        let error = stage.read(open).await.1.unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::Misconfigured);
        assert!(error.hint.unwrap().starts_with("a tap can't"));
    }
    let mut unknown = open.clone();
    unknown.options = json!({"stream": "sales"});
    let error = stage.read(unknown).await.1.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("the tap has no stream `sales`; it has orders"));
    open.access.config["tap"] = json!("tap-other");
    let error = stage.read(open).await.1.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("the operator of this installation has not allowed this tap"));
    stage.gone().await;
}

#[tokio::test]
async fn a_tap_that_gives_nothing_of_the_stream_is_no_success() {
    let discovery = DISCOVERY.lines().next().unwrap();
    let other = r#"echo '{"type": "SCHEMA", "stream": "people", "schema": {}}'; echo '{"type": "RECORD", "stream": "people", "record": {"id": 1}}'"#;
    let stage = Stage::of(&format!("#!/bin/sh\n{discovery}\n{other}\n"), TapLimits::default());
    let error = stage.error().await;
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
    assert_eq!(error.hint.as_deref(), Some("the tap gave nothing of the stream; it spoke of: people"));
    // One that has read it before may have nothing to say.
    let mut open = stage.open();
    open.stream.mode = SyncMode::Incremental;
    open.since = Some(json!({"state": {"n": 1}}));
    let (pages, end) = stage.read(open).await;
    assert_eq!((pages.len(), end.unwrap()), (0, Some(json!({"state": {"n": 1}}))));
    stage.gone().await;
}
