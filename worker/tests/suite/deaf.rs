//! A destination that blocks its thread, so that no cancel reaches it, until it is released; then it writes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use async_trait::async_trait;
use connector::{
    Connector, Description, Destination, OpenDestination, OpenSource, Source, SystemAccess, SystemError,
    Write, WriteOutcome,
};
use tokio::sync::Notify;

/// Wraps another connector.
pub struct Deaf {
    inner: Arc<dyn Connector>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    wrote: Notify,
}

impl Deaf {
    /// Blocks until [`release`](Self::release).
    pub fn new(inner: Arc<dyn Connector>) -> Self {
        Self { inner, gate: Arc::default() }
    }

    /// Lets everything through from now on.
    pub fn release(&self) {
        *self.gate.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.gate.opened.notify_all();
    }

    /// Waits until a write that was blocked came back.
    pub async fn wrote(&self) {
        self.gate.wrote.notified().await;
    }
}

#[async_trait]
impl Connector for Deaf {
    fn description(&self) -> &Description {
        self.inner.description()
    }

    async fn test(&self, access: &SystemAccess) -> Result<String, SystemError> {
        self.inner.test(access).await
    }

    async fn open_source(&self, open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
        self.inner.open_source(open).await
    }

    async fn open_destination(&self, open: OpenDestination) -> Result<Box<dyn Destination>, SystemError> {
        let inner = self.inner.open_destination(open).await?;
        Ok(Box::new(DeafDestination { inner, gate: self.gate.clone() }))
    }
}

struct DeafDestination {
    inner: Box<dyn Destination>,
    gate: Arc<Gate>,
}

impl Gate {
    fn block(&self) {
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap_or_else(PoisonError::into_inner));
    }
}

#[async_trait]
impl Destination for DeafDestination {
    async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
        self.gate.block();
        let outcomes = self.inner.write(batch).await;
        self.gate.wrote.notify_one();
        outcomes
    }

    async fn finish(&mut self) -> Result<(), SystemError> {
        self.inner.finish().await
    }

    fn detects_unchanged(&self) -> bool {
        self.inner.detects_unchanged()
    }
}
