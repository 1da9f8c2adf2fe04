//! A way to one checked address that has a name all the same. The driver takes the name for the certificate from the
//! host that it connects to, and would resolve it a second time; through a Unix socket it keeps the name and resolves
//! nothing. Deliberately absent: the protocol. Bytes go through as they come, encrypted from end to end.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A Unix socket, for one connection, behind which is one address.
pub(crate) struct Relay {
    door: Door,
    task: JoinSet<()>,
}

impl Relay {
    /// Connects to the address, and waits for the driver at a socket of this name.
    pub(crate) async fn open(address: SocketAddr, name: &str) -> io::Result<Self> {
        let outside = TcpStream::connect(address).await?;
        outside.set_nodelay(true)?;
        let door = Door::make()?;
        let listener = UnixListener::bind(door.0.join(name))?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Err(error) = pass_on(listener, outside).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a relay to a database ended");
            }
        });
        Ok(Self { door, task })
    }

    /// The directory of the socket.
    pub(crate) fn directory(&self) -> &Path {
        &self.door.0
    }

    /// Goes on by itself for as long as the connection that was made through it; dropped before, it ends.
    pub(crate) fn keep(mut self) {
        self.task.detach_all();
    }
}

/// Until either side ends: nobody waits for a server that does not close.
async fn pass_on(listener: UnixListener, mut outside: TcpStream) -> io::Result<u64> {
    let (mut inside, _address) = listener.accept().await?;
    drop(listener);
    let (mut from_driver, mut to_driver) = inside.split();
    let (mut from_server, mut to_server) = outside.split();
    tokio::select! {
        sent = tokio::io::copy(&mut from_driver, &mut to_server) => sent,
        received = tokio::io::copy(&mut from_server, &mut to_driver) => received,
    }
}

/// A directory that nobody else can look into, removed when dropped; open connections stay.
struct Door(PathBuf);

impl Door {
    fn make() -> io::Result<Self> {
        // Short: the path of a socket has some 100 bytes at most. One that exists already is not taken.
        let path = std::env::temp_dir().join(format!("trestle-{}", Uuid::now_v7().simple()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a socket's directory was not removed");
        }
    }
}
