//! The real program, as an operator runs it: all in one process on SQLite, or `trestle api` and `trestle worker`
//! processes on PostgreSQL and Redis. It can be killed, stopped, paused and started again with the same data.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client::Client;
use super::files::TenantFiles;
use super::postgres::Database;
use super::process::Process;
use super::redis::Redis;
use super::watchdog;

/// How long the program may take until it listens, migrations included.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to end after SIGTERM: `TRESTLE_SHUTDOWN_SECONDS` is 25.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Ticks of `/proc/<pid>/stat` in a second: 100 on Linux on all machines that matter (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: u32 = 100;
const READY_LINE: &str = "listening on ";
const WORKER_READY_LINE: &str = "worker started";

/// Who signs in first, a PLATFORM_ADMIN.
pub const ADMIN_EMAIL: &str = "admin@example.com";
/// Their password.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// Networks of the outside systems of the tests.
const EGRESS_ALLOW: &str = "127.0.0.0/8,::1/128";

/// So many points that no test runs out of them that does not want to: all of a binary's tests are one caller.
const BUDGET_PER_MINUTE: &str = "100000000";
/// As many WebSockets.
const WEBSOCKETS_PER_CALLER: &str = "1000";

/// DER of a PKCS #8 Ed25519 key up to its 32 secret bytes (RFC 8410, section 7).
const ED25519_PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What to run, before it runs.
#[derive(Default)]
pub struct Setup {
    settings: Vec<(String, String)>,
    disk_bytes: Option<u64>,
}

impl Setup {
    /// The defaults of the program, but for the admin, egress to this machine, a free port, and budgets that suffice for
    /// all tests at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a setting by its name, `TRESTLE_…`.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// A run whose worker says nothing for so long is taken over.
    pub fn lease_seconds(self, seconds: u32) -> Self {
        self.setting("TRESTLE_LEASE_SECONDS", seconds)
    }

    /// Its data directory is a disk of this size, which is there as long as its process runs, and which nobody else
    /// sees but through [`Trestle::data_dir_inside`]. Linux.
    pub fn disk_bytes(self, bytes: u64) -> Self {
        Self { disk_bytes: Some(bytes), ..self }
    }

    /// Starts all in one process, on SQLite in a directory of its own.
    pub async fn embedded(self) -> Trestle {
        let mut trestle = Trestle::new(self.settings, None);
        trestle.disk_bytes = self.disk_bytes;
        trestle.start().await;
        trestle
    }

    /// Starts `trestle api` and `workers` times `trestle worker` on an empty database and an empty Redis.
    pub async fn split(self, workers: usize) -> Trestle {
        let stores = Stores { database: Database::create().await, redis: Redis::create().await };
        self.split_on(stores, workers).await
    }

    /// The same on stores that the caller made, for example on servers to stop.
    pub async fn split_on(self, stores: Stores, workers: usize) -> Trestle {
        let mut trestle = Trestle::new(self.settings, Some(stores));
        let migrated = trestle.run_once(&["migrate"]);
        assert!(migrated.status.success(), "trestle migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        trestle.worker_count = workers;
        trestle.start().await;
        trestle
    }
}

/// Where a split Trestle keeps things.
pub struct Stores {
    /// Its PostgreSQL database.
    pub database: Database,
    /// Its Redis.
    pub redis: Redis,
}

/// A running Trestle, killed when dropped. When the test failed, the end of its log is shown.
pub struct Trestle {
    directory: PathBuf,
    settings: Vec<(String, String)>,
    stores: Option<Stores>,
    worker_count: usize,
    disk_bytes: Option<u64>,
    server: Option<Process>,
    workers: Vec<Process>,
    url: String,
}

impl Trestle {
    /// All in one process with the default settings.
    pub async fn embedded() -> Self {
        Setup::new().embedded().await
    }

    /// `trestle api` and so many workers, each a process, with the default settings.
    pub async fn split(workers: usize) -> Self {
        Setup::new().split(workers).await
    }

    /// One on these stores of which no process runs yet; see [`run_once`](Self::run_once).
    pub fn stopped(stores: Stores) -> Self {
        Self::new(Vec::new(), Some(stores))
    }

    fn new(settings: Vec<(String, String)>, stores: Option<Stores>) -> Self {
        let directory = watchdog::directory("trestle");
        Self {
            directory,
            settings,
            stores,
            worker_count: 0,
            disk_bytes: None,
            server: None,
            workers: Vec::new(),
            url: String::new(),
        }
    }

    /// Where it listens: `http://HOST:PORT`, the same after a restart.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A caller who has not signed in.
    pub fn client(&self) -> Client {
        Client::anonymous(&self.url)
    }

    /// The first PLATFORM_ADMIN, signed in.
    pub async fn admin(&self) -> Client {
        self.client().sign_in(ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The files of the tenant `slug`.
    pub fn files(&self, slug: &str) -> TenantFiles {
        TenantFiles::of(&self.data_dir().join("files"), slug)
    }

    /// Its `TRESTLE_DATA_DIR`.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The same as its process sees it: where its disk is its own.
    pub fn data_dir_inside(&mut self) -> PathBuf {
        let data_dir = self.data_dir();
        let inside = data_dir.strip_prefix("/").expect("it is absolute").to_owned();
        PathBuf::from(format!("/proc/{}/root", self.server().id())).join(inside)
    }

    /// Whether it keeps things in PostgreSQL and Redis.
    pub fn is_split(&self) -> bool {
        self.stores.is_some()
    }

    /// The stores of a split Trestle.
    pub fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("not embedded")
    }

    /// The same, to stop and start them.
    pub fn stores_mut(&mut self) -> &mut Stores {
        self.stores.as_mut().expect("not embedded")
    }

    /// The process that listens: `trestle`, or `trestle api`.
    pub fn server(&mut self) -> &mut Process {
        self.server.as_mut().expect("it is started")
    }

    /// What the process that listens has taken of the processor so far, in all its threads.
    pub fn cpu_time(&self) -> Duration {
        let id = self.server.as_ref().expect("it is started").id();
        let path = format!("/proc/{id}/stat");
        let stat = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {path}: {error}"));
        // After the name, which may hold anything: state, then numbers; user and system time are the 14th and 15th of all.
        let (_, fields) = stat.rsplit_once(')').expect("the name is in brackets");
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().expect("ticks"));
        Duration::from_secs(1) * ticks.sum() / TICKS_PER_SECOND
    }

    /// One of the worker processes, by its place.
    pub fn worker(&mut self, index: usize) -> &mut Process {
        &mut self.workers[index]
    }

    /// Starts one more worker process and gives its place.
    pub fn add_worker(&mut self) -> usize {
        let index = self.workers.len();
        let name = format!("worker-{}", index + 1);
        let process = self.spawn(&name, &["worker"], &[]);
        self.workers.push(process);
        index
    }

    /// Ends the process that listens as a crash does, and starts it again on the same port.
    pub async fn restart_server(&mut self) {
        self.server().kill9();
        let arguments: &[&str] = if self.stores.is_some() { &["api"] } else { &[] };
        let address = self.url.strip_prefix("http://").expect("it was started").to_owned();
        let mut server = self.spawn("server", arguments, &[("TRESTLE_BIND", &address)]);
        server.line(READY_LINE, START_LIMIT).await;
        self.server = Some(server);
    }

    /// Ends a worker process as a crash does, and starts it again in its place, in an environment with `more`.
    pub async fn restart_worker(&mut self, index: usize, more: &[(&str, &str)]) {
        self.workers[index].kill9();
        let mut worker = self.spawn(&format!("worker-{}", index + 1), &["worker"], more);
        worker.line(WORKER_READY_LINE, START_LIMIT).await;
        self.workers[index] = worker;
    }

    /// Asks a worker process to end, waits until it has, and starts it again in its place; how the first one ended, and
    /// how long that took.
    pub async fn replace_worker(&mut self, index: usize) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.workers[index].signal("TERM");
        let status = self.workers[index].exit(STOP_LIMIT).await;
        let took = asked.elapsed();
        self.restart_worker(index, &[]).await;
        (status, took)
    }

    /// Starts one more `trestle api` on the same stores, on a port of its own.
    pub async fn another_server(&self) -> (Process, Client) {
        let mut process = self.spawn("another server", &["api"], &[]);
        let url = process.line(READY_LINE, START_LIMIT).await;
        (process, Client::anonymous(&url))
    }

    /// Ends every process as a crash does.
    pub fn kill9(&mut self) {
        for process in self.server.iter_mut().chain(&mut self.workers) {
            process.kill9();
        }
        self.server = None;
        self.workers.clear();
    }

    /// Asks every process to end, and waits until all have; how each ended, the server first.
    pub async fn terminate(&mut self) -> Vec<ExitStatus> {
        let mut processes: Vec<Process> =
            self.server.take().into_iter().chain(self.workers.drain(..)).collect();
        for process in &mut processes {
            process.signal("TERM");
        }
        let mut statuses = Vec::with_capacity(processes.len());
        for process in &mut processes {
            statuses.push(process.exit(STOP_LIMIT).await);
        }
        statuses
    }

    /// Starts what was killed or terminated, with the same data, settings and port.
    pub async fn start(&mut self) {
        assert!(self.server.is_none() && self.workers.is_empty(), "it runs already");
        let arguments: &[&str] = if self.stores.is_some() { &["api"] } else { &[] };
        let address = self.url.strip_prefix("http://").unwrap_or("127.0.0.1:0").to_owned();
        let mut server = self.spawn("server", arguments, &[("TRESTLE_BIND", &address)]);
        self.url = server.line(READY_LINE, START_LIMIT).await.trim_end_matches('/').to_owned();
        self.server = Some(server);
        for _ in 0..self.worker_count {
            self.add_worker();
        }
    }

    /// Runs the program to its end with these arguments, on the same data and settings.
    pub fn run_once(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap_or_else(|error| panic!("starting trestle: {error}"))
    }

    /// Starts the program with these arguments, on the same data and settings.
    pub fn start_command(&self, name: &str, arguments: &[&str]) -> Process {
        self.spawn(name, arguments, &[])
    }

    /// Changes a setting of what starts from now on.
    pub fn change_setting(&mut self, name: &str, value: impl ToString) {
        self.settings.push((name.to_owned(), value.to_string()));
    }

    /// Everything that its processes logged.
    pub fn log(&self) -> String {
        self.server.iter().chain(&self.workers).map(Process::log).collect()
    }

    fn spawn(&self, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let mut command = self.command(arguments);
        command.envs(settings.iter().copied());
        Process::start(name, &mut command, &self.directory.join(format!("{name}.log")), "KILL")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        if let Some(bytes) = self.disk_bytes {
            command = on_a_disk(&command, bytes, &self.data_dir());
        }
        command
            .current_dir(&self.directory)
            .env("TRESTLE_DATA_DIR", self.data_dir())
            .env("TRESTLE_BIND", "127.0.0.1:0")
            .env("TRESTLE_ADMIN_EMAIL", ADMIN_EMAIL)
            .env("TRESTLE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("TRESTLE_EGRESS_ALLOW", EGRESS_ALLOW)
            .env("TRESTLE_BUDGET_PER_MINUTE", BUDGET_PER_MINUTE)
            .env("TRESTLE_WEBSOCKETS_PER_CALLER", WEBSOCKETS_PER_CALLER);
        if let Some(stores) = &self.stores {
            command
                .env("TRESTLE_DATABASE_URL", stores.database.url())
                .env("TRESTLE_REDIS_URL", stores.redis.url())
                .env("TRESTLE_SECRET_KEY", STANDARD.encode([7; 32]))
                .env("TRESTLE_JWT_KEY", jwt_key());
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Trestle {
    #[expect(clippy::print_stderr, reason = "the test runner shows what a failed test printed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for process in self.server.iter().chain(&self.workers) {
                eprintln!("---- log of {} ----\n{}", process.name(), process.log_tail());
            }
        }
        self.kill9();
        // What is left is removed with the directory of all tests at the end.
        std::fs::remove_dir_all(&self.directory).unwrap_or_default();
    }
}

/// `command` in a mount namespace of its own, with a file system of this size in `directory`. Where users may make
/// namespaces it needs no root.
fn on_a_disk(command: &Command, bytes: u64, directory: &Path) -> Command {
    std::fs::create_dir_all(directory).expect("below a directory of ours");
    let as_user = ["--user", "--map-root-user", "--mount"];
    let may_as_user = Command::new("unshare").args(as_user).arg("true").output();
    let namespaces = match may_as_user {
        Ok(tried) if tried.status.success() => &as_user[..],
        _ => &as_user[2..],
    };
    let mut inside = Command::new("unshare");
    inside
        .args(namespaces)
        .args(["sh", "-c"])
        .arg(r#"mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@""#)
        .args(["sh", &bytes.to_string()])
        .arg(directory)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside
}

/// The program with these arguments and without any setting from outside, proxies included.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        let folded = name.to_string_lossy().to_ascii_uppercase();
        let is_setting = folded.starts_with("TRESTLE_") || folded.starts_with("OTEL_");
        if is_setting || folded.ends_with("_PROXY") || folded == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command
}

/// The program that was built beside this test, or what `TEST_TRESTLE` names. Panics when it is missing, or older
/// than its sources: then the test would judge what nobody wrote.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("TEST_TRESTLE") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("the path of this program");
    let directory = test.ancestors().nth(2).expect("target/debug/deps/it-…");
    let program = directory.join("trestle");
    let Ok(built_at) = std::fs::metadata(&program).and_then(|metadata| metadata.modified()) else {
        panic!("{} is missing: run `make test`, or `cargo build --bin trestle` first", program.display());
    };
    if let Some(source) = newer_source(&directory.join("trestle.d"), built_at) {
        panic!(
            "{} is older than {source}: run `make test`, or `cargo build --bin trestle` first",
            program.display()
        );
    }
    program
}

/// A source that was changed after the program was built, by the list that cargo writes beside it.
fn newer_source(dependencies: &Path, built_at: SystemTime) -> Option<String> {
    let list = std::fs::read_to_string(dependencies).ok()?;
    let (_, sources) = list.split_once(": ")?;
    // Spaces of a path are escaped by a backslash.
    sources
        .trim()
        .replace("\\ ", "\0")
        .split(' ')
        .map(|source| source.replace('\0', " "))
        .find(|source| std::fs::metadata(source).and_then(|it| it.modified()).is_ok_and(|at| at > built_at))
}

/// A key for access tokens, the same in every process of every test that has stores.
pub fn jwt_key() -> String {
    let mut der = ED25519_PKCS8_PREFIX.to_vec();
    der.extend_from_slice(&[9; 32]);
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}
