//! How this crate talks to Redis: one shared connection for commands that comes back by itself, and one of its own for
//! each channel that is listened to. Connecting is lazy, so a process starts while Redis is down.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Msg, RedisError};
use tokio::time::{sleep, timeout};

/// Longest wait for an answer. The client's default of 500 ms breaks under load that Redis survives.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest pause between the attempts that one command waits for; the next command starts new ones.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Attempts that one command waits for.
const RECONNECT_ATTEMPTS: usize = 2;
/// Shortest pause before a channel is opened again.
const LISTEN_PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause before a channel is opened again.
const LISTEN_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Redis at one URL. Clones share the connection for commands.
#[derive(Clone)]
pub(crate) struct RedisConnection {
    client: Client,
    commands: ConnectionManager,
}

impl fmt::Debug for RedisConnection {
    /// Without the URL: it may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

/// What a listener hears.
pub(crate) enum Heard {
    /// The channel is open, for the first time or again; messages sent before are gone.
    Opened,
    /// A message.
    Message(Msg),
}

impl RedisConnection {
    /// Redis at `url` (`redis://…`).
    ///
    /// # Errors
    /// The URL is not one of Redis.
    pub(crate) fn new(url: &str) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_max_delay(RECONNECT_DELAY_MAX)
            .set_number_of_retries(RECONNECT_ATTEMPTS);
        let commands = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { client, commands })
    }

    /// For commands that answer at once.
    pub(crate) fn commands(&self) -> ConnectionManager {
        self.commands.clone()
    }

    /// Listens to a channel, opening it again whenever it closes; never ends.
    pub(crate) async fn listen(&self, channel: &str, mut heard: impl FnMut(Heard) + Send) {
        let mut pause = LISTEN_PAUSE_MIN;
        loop {
            let retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            match self.listen_once(channel, &mut heard).await {
                Ok(()) => {
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
        let timed_out = |_elapsed| io::Error::from(io::ErrorKind::TimedOut);
        let mut subscription =
            timeout(CONNECTION_TIMEOUT, self.client.get_async_pubsub()).await.map_err(timed_out)??;
        timeout(RESPONSE_TIMEOUT, subscription.subscribe(channel)).await.map_err(timed_out)??;
        heard(Heard::Opened);
        let mut messages = subscription.into_on_message();
        while let Some(message) = messages.next().await {
            heard(Heard::Message(message));
        }
        Ok(())
    }
}
