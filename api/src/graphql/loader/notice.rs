//! What stands beside a notice and its deliveries.

use std::collections::HashMap;

use domain::Actor;
use domain::notice::{self, NoticeAttempt, NoticeDelivery};
use uuid::Uuid;

use super::super::error::Result;
use super::{Beside, Loaders};

/// The deliveries of a notice.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Deliveries;

impl Beside for Deliveries {
    type Value = Vec<NoticeDelivery>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        notice::deliveries_by_notices(actor, ids).await
    }
}

/// The attempts at a delivery.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Attempts;

impl Beside for Attempts {
    type Value = Vec<NoticeAttempt>;

    async fn by_ids(&self, actor: &Actor, ids: &[Uuid]) -> domain::Result<HashMap<Uuid, Self::Value>> {
        notice::attempts_by_deliveries(actor, ids).await
    }
}

impl Loaders {
    /// The deliveries of a notice.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn deliveries(&self, notice_id: Uuid) -> Result<Vec<NoticeDelivery>> {
        Ok(self.beside(notice_id, Deliveries).await?.unwrap_or_default())
    }

    /// The attempts at a delivery.
    ///
    /// # Errors
    /// What the domain refuses.
    pub(in crate::graphql) async fn attempts(&self, delivery_id: Uuid) -> Result<Vec<NoticeAttempt>> {
        Ok(self.beside(delivery_id, Attempts).await?.unwrap_or_default())
    }
}
