//! The way to a server, on which connections break and requests wait.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a request waits for.
type Wait = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

#[derive(Default)]
pub struct Faults {
    /// Connections that break when so many bytes of replies went through.
    pub breaks: AtomicU32,
    pub bytes: AtomicUsize,
    /// Connections that broke.
    pub broken: AtomicU32,
    /// The first request that holds all these words waits.
    pub before: Mutex<Option<(&'static [&'static str], Wait)>>,
}

/// A proxy; ends when dropped.
pub struct Proxy {
    pub url: String,
    pub faults: Arc<Faults>,
    _task: JoinSet<()>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Faults::default());
        let shared = faults.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                connections.spawn(pass(client, server, shared.clone()));
            }
        });
        Self { url, faults, _task: task }
    }

    /// The first request that holds all these words waits for what is made then.
    pub fn before(
        &self,
        words: &'static [&'static str],
        wait: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        *self.faults.before.lock().unwrap() = Some((words, Box::new(wait)));
    }
}

async fn pass(client: TcpStream, server: TcpStream, faults: Arc<Faults>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..count]);
            let wait = {
                let mut before = faults.before.lock().unwrap();
                before.take_if(|(words, _)| words.iter().all(|word| text.contains(word)))
            };
            if let Some((_, wait)) = wait {
                wait().await;
            }
            if to_server.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    let replies = async {
        let mut passed = 0;
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            passed += count;
            let breaks = passed > faults.bytes.load(Ordering::SeqCst)
                && faults
                    .breaks
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok();
            if breaks {
                faults.broken.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if to_client.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = replies => {}
    }
}
