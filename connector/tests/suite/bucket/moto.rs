//! S3 as moto's server speaks it (<https://docs.getmoto.org>), a program of its own that `scripts/install-test-servers`
//! installs.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use connector::Egress;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientOptions, ObjectStore as _, ObjectStoreExt as _, PutPayload};

/// How long it may take until it answers: Python reads many files first.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A server in a process of its own; ends when the last test lets go of it.
pub struct Moto {
    process: Child,
    pub port: u16,
    _directory: tempfile::TempDir,
}

impl Moto {
    /// One for all tests that run at the same time: each has a bucket of its own.
    pub fn shared() -> Arc<Self> {
        static SERVER: Mutex<Weak<Moto>> = Mutex::new(Weak::new());
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program())
            .current_dir(&directory)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + START_LIMIT;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto's server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, port, _directory: directory }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A request that is not signed, and the text of its reply.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        let reply = egress().fetch(request, Duration::from_secs(30), 10_000_000).await.unwrap();
        let text = String::from_utf8(reply.body().clone()).unwrap();
        assert!(reply.status().is_success(), "{method} {path}: {} {text}", reply.status());
        text
    }

    /// A new bucket.
    pub async fn bucket(&self) -> Bucket {
        let name = format!("b-{}", uuid::Uuid::now_v7());
        self.ask("PUT", &format!("/{name}"), &[], "").await;
        self.open(&name, "key", "secret")
    }

    /// A bucket as somebody sees it.
    pub fn open(&self, name: &str, id: &str, secret: &str) -> Bucket {
        let store = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region("us-east-1")
            .with_endpoint(self.url())
            .with_allow_http(true)
            .with_access_key_id(id)
            .with_secret_access_key(secret)
            .with_http_connector(Guarded)
            .build()
            .unwrap();
        Bucket { name: name.to_owned(), store }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A bucket as another program sees it.
pub struct Bucket {
    pub name: String,
    pub store: AmazonS3,
}

impl Bucket {
    pub async fn put(&self, key: &str, content: impl Into<PutPayload>) {
        self.store.put(&key.into(), content.into()).await.unwrap();
    }

    pub async fn get(&self, key: &str) -> Vec<u8> {
        self.store.get(&key.into()).await.unwrap().bytes().await.unwrap().to_vec()
    }

    pub async fn keys(&self) -> Vec<String> {
        use futures::TryStreamExt as _;
        let objects: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        objects.into_iter().map(|object| object.location.to_string()).collect()
    }
}

/// The only address of these tests.
pub fn egress() -> Egress {
    Egress::new(vec!["127.0.0.1/32".parse().unwrap()])
}

#[derive(Debug)]
struct Guarded;

impl HttpConnector for Guarded {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(egress().http_client(Duration::from_secs(60)).unwrap()))
    }
}

fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).map(Path::to_owned).unwrap();
    let program = target.join("tools/moto/bin/moto_server");
    assert!(
        program.is_file(),
        "{} is missing: `make test` installs it, or scripts/install-test-servers alone",
        program.display()
    );
    program
}
