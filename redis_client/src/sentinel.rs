//! The master that Sentinels name: asked for again when it is lost, or is a master no longer.

use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, ServerErrorKind, TlsMode};
use tokio::sync::Mutex;

use crate::address::Sentinels;
use crate::{CONNECTION_TIMEOUT, Patience};

/// Asks the Sentinels at the first command, and after each loss.
pub(crate) struct Master {
    sentinels: Mutex<SentinelClient>,
    connection: Mutex<Option<MultiplexedConnection>>,
    patience: Patience,
    database: i64,
}

impl Master {
    pub(crate) fn new(sentinels: Sentinels, patience: Patience) -> Result<Self, RedisError> {
        let Sentinels { nodes, master, has_tls, server, user, password } = sentinels;
        let settings = server.redis_settings();
        let mut client = SentinelClientBuilder::new(nodes, master, SentinelServerType::Master)?
            .set_client_to_redis_db(settings.db());
        if has_tls {
            client = client
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        if let Some(user) = settings.username() {
            client = client.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            client = client.set_client_to_redis_password(password);
        }
        if let Some(user) = user {
            client = client.set_client_to_sentinel_username(user);
        }
        if let Some(password) = password {
            client = client.set_client_to_sentinel_password(password);
        }
        Ok(Self {
            sentinels: Mutex::new(client.build()?),
            connection: Mutex::new(None),
            patience,
            database: settings.db(),
        })
    }

    /// A client of who is the master now.
    pub(crate) async fn client(&self) -> Result<Client, RedisError> {
        self.sentinels.lock().await.async_get_client().await
    }

    pub(crate) async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        // Callers who come meanwhile wait for the same connection.
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_response_timeout(Some(self.patience.response));
        let new = self.client().await?.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(connection.insert(new).clone())
    }

    /// Passes an answer on; one that shows that the master is lost makes the next command look for it.
    pub(crate) async fn watch<T>(&self, answer: Result<T, RedisError>) -> Result<T, RedisError> {
        if let Err(error) = &answer
            && is_lost(error)
        {
            *self.connection.lock().await = None;
        }
        answer
    }

    pub(crate) fn database(&self) -> i64 {
        self.database
    }
}

/// Also when it answers that it is a replica now, or loads its data.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading
            )
        )
}
