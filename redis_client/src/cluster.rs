//! A Cluster: commands find the node of their slot, and follow it when slots move.

use redis::aio::PubSub;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Client, ConnectionInfo, RedisError};
use tokio::sync::OnceCell;

use crate::{CONNECTION_TIMEOUT, Patience};

/// Connects at the first command, by any of the nodes that the URL names.
pub(crate) struct Cluster {
    nodes: Vec<ConnectionInfo>,
    client: ClusterClient,
    connection: OnceCell<ClusterConnection>,
}

impl Cluster {
    pub(crate) fn new(nodes: Vec<ConnectionInfo>, patience: Patience) -> Result<Self, RedisError> {
        let client = ClusterClient::builder(nodes.clone())
            .connection_timeout(CONNECTION_TIMEOUT)
            .response_timeout(patience.response)
            .build()?;
        Ok(Self { nodes, client, connection: OnceCell::new() })
    }

    /// It finds nodes that came back or moved by itself.
    pub(crate) async fn connection(&self) -> Result<ClusterConnection, RedisError> {
        self.connection.get_or_try_init(|| self.client.get_async_connection()).await.cloned()
    }

    /// On the first node that answers: what is published anywhere is heard on every node.
    pub(crate) async fn subscription(&self) -> Result<PubSub, RedisError> {
        let mut outcome = None;
        for node in &self.nodes {
            match Client::open(node.clone())?.get_async_pubsub().await {
                Ok(subscription) => return Ok(subscription),
                Err(error) => outcome = Some(error),
            }
        }
        Err(outcome.unwrap_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound).into()))
    }
}
