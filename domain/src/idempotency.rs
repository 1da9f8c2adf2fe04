//! The same key by the same principal within 24 hours answers with the first outcome and does nothing again.
//!
//! Use: begin the transaction, make the new object's id, and [`claim`] the key with it before anything
//! else. `Some(id)` is the object of the first call: drop the transaction and answer with that. A call at
//! the same time waits in [`claim`] for the first one's commit.

use chrono::Duration;
use entity::idempotency_key;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::actor::Actor;
use crate::app::App;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::scope::{TxScope, all_set};

/// How long a key is remembered.
pub const KEY_HOURS: i64 = 24;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// A mutation that must happen once.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    principal: String,
    key: String,
    operation: &'static str,
    hash: Vec<u8>,
}

impl Request {
    /// `None` when the caller gave no key.
    pub(crate) fn new(
        actor: &Actor,
        key: Option<&str>,
        operation: &'static str,
        input: &Value,
    ) -> Result<Option<Self>> {
        let Some(key) = key else { return Ok(None) };
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains('\0') {
            return Err(Error::rejected(Problem::new(
                ProblemCode::Invalid,
                ["idempotencyKey"],
                format!("must have 1 to {KEY_BYTES_MAX} bytes and no NUL"),
            )));
        }
        Ok(Some(Self {
            principal: actor.principal().to_string(),
            key: key.to_owned(),
            operation,
            hash: Sha256::digest(input.to_string()).to_vec(),
        }))
    }
}

/// The object that the key was taken for, if it was.
#[expect(clippy::disallowed_methods, reason = "rows of this table belong to a principal, not to a tenant")]
pub(crate) async fn find(app: &App, request: Option<&Request>) -> Result<Option<Uuid>> {
    let Some(request) = request else { return Ok(None) };
    let row = idempotency_key::Entity::find_by_id((request.principal.clone(), request.key.clone()))
        .one(app.across_tenants().writer())
        .await
        .doing("reading an idempotency key")?;
    match row {
        Some(row) if row.created_at >= app.clock().now() - Duration::hours(KEY_HOURS) => {
            same(row, request).map(Some)
        }
        _ => Ok(None),
    }
}

fn same(row: idempotency_key::Model, request: &Request) -> Result<Uuid> {
    if row.operation != request.operation || row.request_hash != request.hash {
        return Err(Error::conflict(
            "idempotencyKey",
            "this key was used for another request in the last 24 hours",
        ));
    }
    Ok(row.object_id)
}

/// Takes the key for `object_id`, or answers with the object that it was taken for.
#[expect(clippy::disallowed_methods, reason = "rows of this table belong to a principal, not to a tenant")]
pub(crate) async fn claim(tx: &TxScope, request: Option<&Request>, object_id: Uuid) -> Result<Option<Uuid>> {
    let Some(request) = request else { return Ok(None) };
    let now = tx.app().clock().now();
    let row = idempotency_key::Model {
        principal: request.principal.clone(),
        key: request.key.clone(),
        operation: request.operation.to_owned(),
        request_hash: request.hash.clone(),
        object_id,
        created_at: now,
    };
    let columns = [
        idempotency_key::Column::Operation,
        idempotency_key::Column::RequestHash,
        idempotency_key::Column::ObjectId,
        idempotency_key::Column::CreatedAt,
    ];
    let stale = idempotency_key::Column::CreatedAt.lt(now - Duration::hours(KEY_HOURS));
    let taken = OnConflict::columns([idempotency_key::Column::Principal, idempotency_key::Column::Key])
        .update_columns(columns)
        .action_and_where(stale)
        .to_owned();
    let stored = idempotency_key::Entity::insert(all_set::<idempotency_key::Entity>(row))
        .on_conflict(taken)
        .exec_without_returning(tx.connection())
        .await
        .doing("taking an idempotency key")?;
    if stored > 0 {
        return Ok(None);
    }
    let first = idempotency_key::Entity::find()
        .filter(
            idempotency_key::Column::Principal
                .eq(&request.principal)
                .and(idempotency_key::Column::Key.eq(&request.key)),
        )
        .one(tx.connection())
        .await
        .doing("reading an idempotency key")?
        .ok_or_else(|| Error::internal("reading an idempotency key", "it was taken and is not there"))?;
    same(first, request).map(Some)
}

/// Deletes keys that are no longer remembered, in background work. Returns how many went.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "rows of this table belong to a principal, not to a tenant")]
pub async fn purge(app: &App) -> Result<u64> {
    let before = app.clock().now() - Duration::hours(KEY_HOURS);
    let deleted = idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(before))
        .exec(app.across_tenants().writer())
        .await
        .doing("deleting old idempotency keys")?;
    Ok(deleted.rows_affected)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::DateTime;
    use serde_json::json;

    use super::{Request, claim, purge};
    use crate::actor::Actor;
    use crate::app::{App, AppOptions};
    use crate::change::Changes;
    use crate::clock::Clock;
    use crate::dispatch::{Dispatch, DispatchError, JobHint};
    use crate::error::{Error, Result};
    use crate::id::new_id;
    use crate::scope::TxScope;
    use crate::token::TokenSigner;

    struct NoQueue;

    #[async_trait::async_trait]
    impl Dispatch for NoQueue {
        async fn push(&self, _hints: &[JobHint]) -> std::result::Result<(), DispatchError> {
            Ok(())
        }

        async fn ping(&self) -> std::result::Result<(), DispatchError> {
            Ok(())
        }
    }

    async fn app(directory: &tempfile::TempDir, hours: Arc<AtomicI64>) -> Arc<App> {
        let clock = Clock::from_fn(move || {
            let seconds = 1_790_000_000 + hours.load(Ordering::SeqCst) * 3_600;
            DateTime::from_timestamp_secs(seconds).expect("a time")
        });
        let options = AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).expect("a key")),
            connectors: connector::Registry::of(Vec::new()),
            references: crate::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock,
            tenant_concurrency: 4,
            lease: std::time::Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        };
        let app = App::open(options).await.expect("the database opens");
        app.migrate().await.expect("the schema can be made");
        app
    }

    /// A mutation that makes one object; true when it was the one that made it.
    async fn mutate(
        app: &Arc<App>,
        key: &str,
        operation: &'static str,
        input: i32,
    ) -> Result<(uuid::Uuid, bool)> {
        let actor = Actor::operator(app.clone());
        let request = Request::new(&actor, Some(key), operation, &json!({ "input": input }))?;
        let tx = TxScope::begin(app, new_id()).await?;
        let id = new_id();
        if let Some(first) = claim(&tx, request.as_ref(), id).await? {
            return Ok((first, false));
        }
        tx.commit().await?;
        Ok((id, true))
    }

    #[tokio::test]
    async fn twenty_calls_at_once_make_one_object() {
        let directory = tempfile::tempdir().expect("a directory");
        let app = app(&directory, Arc::default()).await;
        let calls = (0..20).map(|_number| mutate(&app, "k", "startRun", 1));
        let results: Result<Vec<_>> = futures::future::join_all(calls).await.into_iter().collect();
        let results = results.expect("every call gets an answer");
        assert_eq!(results.iter().filter(|(_id, made)| *made).count(), 1);
        assert!(results.iter().all(|(id, _made)| *id == results[0].0));
    }

    #[tokio::test]
    async fn another_request_is_refused_until_the_key_is_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let hours = Arc::new(AtomicI64::new(0));
        let app = app(&directory, hours.clone()).await;
        let first = mutate(&app, "k", "startRun", 1).await.expect("the first");
        for (operation, input) in [("startRun", 2), ("retryRun", 1)] {
            let Err(Error::Rejected(problems)) = mutate(&app, "k", operation, input).await else {
                unreachable!("the key is taken");
            };
            assert_eq!(problems[0].path, ["idempotencyKey"]);
        }
        assert!(mutate(&app, "other", "startRun", 2).await.expect("another key").1);
        hours.store(24, Ordering::SeqCst);
        assert_eq!(mutate(&app, "k", "startRun", 1).await.expect("remembered"), (first.0, false));
        assert_eq!(purge(&app).await.expect("deleting works"), 0);
        hours.store(25, Ordering::SeqCst);
        let (second, made) = mutate(&app, "k", "startRun", 2).await.expect("forgotten");
        assert!(made && second != first.0);
        assert_eq!(purge(&app).await.expect("deleting works"), 1);
        assert_eq!(mutate(&app, "k", "startRun", 2).await.expect("remembered"), (second, false));
    }

    #[tokio::test]
    async fn a_call_that_fails_takes_no_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let app = app(&directory, Arc::default()).await;
        let actor = Actor::operator(app.clone());
        let request = Request::new(&actor, Some("k"), "startRun", &json!({ "input": 1 })).expect("a key");
        let tx = TxScope::begin(&app, new_id()).await.expect("a transaction");
        assert_eq!(claim(&tx, request.as_ref(), new_id()).await.expect("taken"), None);
        drop(tx);
        assert!(mutate(&app, "k", "startRun", 2).await.expect("free again").1);
        for key in ["", "a\0b", &"x".repeat(256)] {
            assert!(Request::new(&actor, Some(key), "startRun", &json!({})).is_err());
        }
        assert!(Request::new(&actor, None, "startRun", &json!({})).expect("no key").is_none());
    }
}
