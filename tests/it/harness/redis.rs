//! Real Redis for the tests: a server each, because one starts in ten milliseconds and pub/sub is not separated by
//! database. `TEST_REDIS_URL` names a server to use instead, of which each test gets one database number, emptied.
//! Deliberately absent: persistence. What must survive is in PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::process::{Process, find_program, free_port};
use super::redis_set::RedisSet;
use super::wait::{SOON, until};
use super::watchdog;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Starts that are tried, should another program take the free port first.
const START_ATTEMPTS: usize = 5;
/// Databases of a Redis server, by its default configuration.
const DATABASES: usize = 16;
/// Name of the server's own socket in its directory.
const SOCKET: &str = "redis.sock";

static FREE: LazyLock<Mutex<Vec<usize>>> = LazyLock::new(|| Mutex::new((0..DATABASES).collect()));
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(DATABASES)));

/// An empty Redis for one test.
pub enum Redis {
    /// A server of its own.
    Own(RedisServer),
    /// A database of the server that `TEST_REDIS_URL` names.
    Database(RedisDatabase),
    /// Several servers that are one Redis, or one that speaks TLS.
    Set(RedisSet),
}

impl Redis {
    /// Gives an empty one.
    pub async fn create() -> Self {
        match std::env::var("TEST_REDIS_URL") {
            Ok(url) if !url.is_empty() => Self::Database(RedisDatabase::take(&url).await),
            _ => Self::Own(RedisServer::start().await),
        }
    }

    /// Where the program under test connects.
    pub fn url(&self) -> String {
        match self {
            Self::Own(server) => server.url(),
            Self::Database(database) => database.url.clone(),
            Self::Set(set) => set.url().to_owned(),
        }
    }

    /// The servers that are one Redis.
    pub fn set(&mut self) -> &mut RedisSet {
        match self {
            Self::Set(set) => set,
            _ => panic!("it is one plain server"),
        }
    }

    /// Loses everything in it, as a restart without persistence does.
    pub async fn flush(&self) {
        let () = redis::cmd("FLUSHDB")
            .query_async(&mut connect(&self.url()).await)
            .await
            .expect("a server of ours");
    }
}

/// A database of a common server, given back when dropped.
pub struct RedisDatabase {
    url: String,
    number: usize,
    _turn: OwnedSemaphorePermit,
}

impl RedisDatabase {
    async fn take(server_url: &str) -> Self {
        let turn = Arc::clone(&TURNS).acquire_owned().await.expect("never closed");
        let number = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop().expect("as many as turns");
        let mut url = reqwest::Url::parse(server_url).expect("TEST_REDIS_URL is a URL");
        url.set_path(&number.to_string());
        let url = url.to_string();
        let () = redis::cmd("FLUSHDB")
            .query_async(&mut connect(&url).await)
            .await
            .unwrap_or_else(|error| panic!("emptying database {number} of TEST_REDIS_URL: {error}"));
        Self { url, number, _turn: turn }
    }
}

impl Drop for RedisDatabase {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}

/// A server on 127.0.0.1, to stop and start at will. It stops when dropped.
pub struct RedisServer {
    directory: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts one that is the caller's alone.
    pub async fn start() -> Self {
        let mut server = Self { directory: watchdog::directory("redis"), port: 0, process: None };
        for attempt in 1.. {
            server.port = free_port();
            match server.launch().await {
                Ok(()) => break,
                Err(log) => assert!(attempt < START_ATTEMPTS, "redis-server does not start; its log:\n{log}"),
            }
        }
        server
    }

    /// Where the program under test connects.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Ends it as a crash does.
    pub fn stop_immediate(&mut self) {
        self.process = None;
    }

    /// Starts it again, empty, on the same port.
    pub async fn start_again(&mut self) {
        self.stop_immediate();
        if let Err(log) = self.launch().await {
            panic!("redis-server does not start again; its log:\n{log}");
        }
    }

    /// Freezes it: connections stay open, nothing is answered.
    pub fn pause(&mut self) {
        self.process.as_mut().expect("it runs").signal("STOP");
    }

    /// Ends a pause.
    pub fn resume(&mut self) {
        self.process.as_mut().expect("it runs").signal("CONT");
    }

    /// Starts the server and waits until it answers; its log when it ends instead.
    async fn launch(&mut self) -> Result<(), String> {
        let program = find_program("redis-server", &[]).unwrap_or_else(|| {
            panic!(
                "`redis-server` is not installed: the tests need Redis. `make test` installs it (package \
                 `redis-server`), or set TEST_REDIS_URL to a server whose databases may be emptied."
            )
        });
        let mut command = Command::new(program);
        command.current_dir(&self.directory).args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--unixsocket",
            SOCKET,
        ]);
        let process =
            Process::start("redis-server", &mut command, &self.directory.join("server.log"), "KILL");
        let process = self.process.insert(process);
        // By its socket: at the port another program might answer, should it have been quicker.
        let socket = self.directory.join(SOCKET);
        let client = redis::Client::open(format!("redis+unix://{}", socket.display())).expect("a valid URL");
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if process.exit_status().is_some() {
                return Err(process.log_tail());
            }
            match client.get_multiplexed_async_connection().await {
                Ok(_) => return Ok(()),
                Err(error) => assert!(
                    Instant::now() < deadline,
                    "redis-server does not answer: {error}; its log:\n{}",
                    process.log_tail()
                ),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A connection for looking at what is there.
pub async fn connect(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url)
        .expect("a Redis URL")
        .get_multiplexed_async_connection()
        .await
        .unwrap_or_else(|error| panic!("connecting to Redis for a test: {error}"))
}

/// Waits until the workers' queue is empty: what may be left is whose turn it is, and what is known of the whole.
pub async fn queue_emptied(url: &str) {
    let mut connection = connect(url).await;
    until("the queue in Redis is empty", SOON, async || {
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("{trestle:sync:0}:*")
            .query_async(&mut connection)
            .await
            .expect("a server of ours");
        let stays = |key: &String| [":turn", ":filled", ":caps"].iter().any(|name| key.ends_with(name));
        let left: Vec<String> = keys.into_iter().filter(|key| !stays(key)).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
