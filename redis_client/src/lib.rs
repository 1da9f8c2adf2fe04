//! How Trestle reaches Redis (6 or later, or Valkey): one server, the master that Sentinels name, or a Cluster. One shared
//! connection for commands that comes back by itself, and one of its own for each channel that is listened to. Connecting
//! is lazy, so a process starts while Redis is down.
//!
//! Deliberately absent: what is kept there. Keys that one script touches carry one hash tag, so that they live in one slot
//! of a Cluster.

mod address;
mod cluster;
mod commands;
mod sentinel;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSub};
use redis::{Client, Msg, RedisError};
use tokio::time::{sleep, timeout};

pub use self::address::AddressError;
pub use self::commands::Commands;

use self::address::Address;
use self::cluster::Cluster;
use self::sentinel::Master;

/// Longest wait for a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for the answer to a subscription.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest pause between the attempts that one command waits for; the next command starts new ones.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Shortest pause before a channel is opened again.
const LISTEN_PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause before a channel is opened again.
const LISTEN_PAUSE_MAX: Duration = Duration::from_secs(5);

/// How commands behave when Redis is slow or away.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest wait for an answer.
    pub response: Duration,
    /// Attempts to connect that one command waits for.
    pub attempts: usize,
}

/// Redis at one URL. Clones share the connection for commands.
#[derive(Clone)]
pub struct RedisServer {
    place: Place,
    commands: Commands,
}

/// Where channels are listened to.
#[derive(Clone)]
enum Place {
    Server(Box<Client>),
    Master(Arc<Master>),
    Cluster(Arc<Cluster>),
}

impl fmt::Debug for RedisServer {
    /// Without the URL: it may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisServer").finish_non_exhaustive()
    }
}

/// What a listener hears.
pub enum Heard {
    /// The channel is open, for the first time or again; messages sent before are gone.
    Opened,
    /// A message.
    Message(Msg),
    /// The channel has closed: until it is open again, messages are lost.
    Closed,
}

/// Whether a URL is one that [`RedisServer::new`] takes.
///
/// # Errors
/// It is not.
pub fn check(url: &str) -> Result<(), AddressError> {
    Address::parse(url).map(drop)
}

impl RedisServer {
    /// Redis at a URL:
    ///
    /// - `redis://[user:password@]host[:port][/db]`: one server, `rediss://…` with TLS;
    /// - `redis-sentinel://[user:password@]host[:port],host[:port]…[/db]?master=name`: the master that these Sentinels
    ///   name, `rediss-sentinel://…` with TLS to both; `sentinelUser` and `sentinelPassword` when they have their own;
    /// - `redis-cluster://[user:password@]host[:port],host[:port]…`: a Cluster, `rediss-cluster://…` with TLS.
    ///
    /// TLS trusts the certificates that the system trusts (`SSL_CERT_FILE` names others).
    ///
    /// # Errors
    /// The URL is none of these. Nothing is connected to yet.
    pub fn new(url: &str, patience: Patience) -> Result<Self, AddressError> {
        // Whoever was first has installed the same.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let (place, commands) = match Address::parse(url)? {
            Address::Server(info) => {
                let client = Client::open(*info)?;
                let config = ConnectionManagerConfig::new()
                    .set_response_timeout(Some(patience.response))
                    .set_connection_timeout(Some(CONNECTION_TIMEOUT))
                    .set_max_delay(RECONNECT_DELAY_MAX)
                    .set_number_of_retries(patience.attempts);
                let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
                (Place::Server(Box::new(client)), Commands::of_server(manager))
            }
            Address::Sentinels(sentinels) => {
                let master = Arc::new(Master::new(*sentinels, patience)?);
                (Place::Master(master.clone()), Commands::of_master(master))
            }
            Address::Cluster(nodes) => {
                let cluster = Arc::new(Cluster::new(nodes, patience)?);
                (Place::Cluster(cluster.clone()), Commands::of_cluster(cluster))
            }
        };
        Ok(Self { place, commands })
    }

    /// For commands that answer at once.
    pub fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Listens to a channel, opening it again whenever it closes; never ends.
    pub async fn listen(&self, channel: &str, mut heard: impl FnMut(Heard) + Send) {
        let mut pause = LISTEN_PAUSE_MIN;
        loop {
            let retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            let ended = self.listen_once(channel, &mut heard).await;
            match ended {
                Ok(()) => {
                    heard(Heard::Closed);
                    tracing::warn!(channel, "a Redis channel closed, it is opened again");
                    pause = LISTEN_PAUSE_MIN;
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, channel, retry_ms, "a Redis channel cannot be opened");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LISTEN_PAUSE_MAX);
        }
    }

    /// Listens until the connection ends.
    async fn listen_once(&self, channel: &str, heard: &mut impl FnMut(Heard)) -> Result<(), RedisError> {
        let mut subscription = in_time(CONNECTION_TIMEOUT, self.subscription()).await?;
        in_time(SUBSCRIBE_TIMEOUT, subscription.subscribe(channel)).await?;
        heard(Heard::Opened);
        let mut messages = subscription.into_on_message();
        while let Some(message) = messages.next().await {
            heard(Heard::Message(message));
        }
        Ok(())
    }

    async fn subscription(&self) -> Result<PubSub, RedisError> {
        match &self.place {
            Place::Server(client) => client.get_async_pubsub().await,
            Place::Master(master) => master.client().await?.get_async_pubsub().await,
            Place::Cluster(cluster) => cluster.subscription().await,
        }
    }
}

async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    timeout(limit, work).await.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
}
