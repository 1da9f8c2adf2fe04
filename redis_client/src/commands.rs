//! The connection for commands, whatever stands behind it.

use std::fmt;
use std::sync::Arc;

use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::cluster::Cluster;
use crate::sentinel::Master;

/// Sends commands. Clones share one connection, which comes back by itself.
#[derive(Clone)]
pub struct Commands(Kind);

#[derive(Clone)]
enum Kind {
    Server(ConnectionManager),
    Master(Arc<Master>),
    Cluster(Arc<Cluster>),
}

impl fmt::Debug for Commands {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Commands").finish_non_exhaustive()
    }
}

impl Commands {
    pub(crate) fn of_server(manager: ConnectionManager) -> Self {
        Self(Kind::Server(manager))
    }

    pub(crate) fn of_master(master: Arc<Master>) -> Self {
        Self(Kind::Master(master))
    }

    pub(crate) fn of_cluster(cluster: Arc<Cluster>) -> Self {
        Self(Kind::Cluster(cluster))
    }
}

impl ConnectionLike for Commands {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.0 {
            Kind::Server(manager) => manager.req_packed_command(command),
            Kind::Master(master) => Box::pin(async {
                let mut connection = master.connection().await?;
                master.watch(connection.req_packed_command(command).await).await
            }),
            Kind::Cluster(cluster) => {
                Box::pin(async { cluster.connection().await?.req_packed_command(command).await })
            }
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.0 {
            Kind::Server(manager) => manager.req_packed_commands(pipeline, offset, count),
            Kind::Master(master) => Box::pin(async move {
                let mut connection = master.connection().await?;
                master.watch(connection.req_packed_commands(pipeline, offset, count).await).await
            }),
            Kind::Cluster(cluster) => Box::pin(async move {
                cluster.connection().await?.req_packed_commands(pipeline, offset, count).await
            }),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.0 {
            Kind::Server(manager) => manager.get_db(),
            Kind::Master(master) => master.database(),
            // A Cluster has one database.
            Kind::Cluster(_) => 0,
        }
    }
}
