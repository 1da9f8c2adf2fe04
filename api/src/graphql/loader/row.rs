//! Which rows are read by their ids.

use std::collections::HashMap;

use domain::Actor;
use domain::api_key::{self, ApiKey};
use domain::backfill::{self, Backfill};
use domain::export::{self, Export};
use domain::failure::{self, Failure};
use domain::failure_group::{self, FailureGroup};
use domain::integration::{self, Integration};
use domain::invitation::{self, Invitation};
use domain::portal_key::{self, PortalKey};
use domain::portal_session::{self, PortalSession};
use domain::quarantine::{self, Quarantine};
use domain::reconciliation::{self, Reconciliation};
use domain::retry::{self, Retry};
use domain::run::{self, Run};
use domain::system::{self, System};
use domain::tenant::{self, Tenant};
use domain::user::{self, User};
use uuid::Uuid;

use super::super::asked::Asked;
use super::Row;

macro_rules! rows {
    ($($row:ty: $by_ids:path,)*) => {$(
        impl Row for $row {
            async fn by_ids(
                actor: &Actor,
                ids: &[Uuid],
                _asked: Asked,
            ) -> domain::Result<HashMap<Uuid, Self>> {
                $by_ids(actor, ids).await
            }
        }
    )*};
}

impl Row for Integration {
    async fn by_ids(actor: &Actor, ids: &[Uuid], asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        integration::by_ids(actor, ids, asked.integration).await
    }
}

impl Row for Failure {
    async fn by_ids(actor: &Actor, ids: &[Uuid], asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        failure::by_ids(actor, ids, asked.failure).await
    }
}

impl Row for Run {
    async fn by_ids(actor: &Actor, ids: &[Uuid], asked: Asked) -> domain::Result<HashMap<Uuid, Self>> {
        run::by_ids(actor, ids, asked.run).await
    }
}

rows! {
    Tenant: tenant::by_ids,
    User: user::by_ids,
    Invitation: invitation::by_ids,
    ApiKey: api_key::by_ids,
    PortalKey: portal_key::by_ids,
    PortalSession: portal_session::by_ids,
    System: system::by_ids,
    FailureGroup: failure_group::by_ids,
    Retry: retry::by_ids,
    Backfill: backfill::by_ids,
    Quarantine: quarantine::by_ids,
    Reconciliation: reconciliation::by_ids,
    Export: export::by_ids,
}
