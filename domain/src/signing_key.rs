//! The keys that sign tokens, in the database, so that every process has the same ones and they can be changed while
//! all are running. A new key is published first and signs later, when every process has read it; the one before goes
//! on verifying until its last token has ended. Deliberately absent: what a token says ([`token`](crate::token)), and
//! when processes read the keys again.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::signing_key;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DatabaseTransaction, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Entry};
use crate::error::{Doing, Error};
use crate::id::new_id;
use crate::identity;
use crate::portal_session::TTL_SECONDS_MAX;
use crate::token::{KEYS_MAX, Key, TokenSigner};

/// Time from one look for an unknown key to the next, in milliseconds: made-up tokens must not become queries.
const LOOK_AGAIN_MS: i64 = 1_000;

/// Why the keys can't be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The secret key is not the one that they were stored with.
    #[error("the keys that sign tokens were stored with another secret key")]
    OtherSecretKey(#[source] Error),
    /// They stand in the settings.
    #[error("the keys that sign tokens are fixed by the settings")]
    Fixed,
    /// There are [`KEYS_MAX`] that still verify or will sign.
    #[error("{KEYS_MAX} signing keys are in use, which is the limit; the first of them retires at {}", .0.format("%Y-%m-%d %H:%M:%S UTC"))]
    TooMany(DateTime<Utc>),
    /// No key has this id.
    #[error("there is no signing key `{0}`")]
    Unknown(String),
    /// The database can't be used.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A new key, and what becomes of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Its id: `kid` of tokens and of the published keys.
    pub key_id: String,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when tokens of the key before it are taken.
    pub former_until: DateTime<Utc>,
}

/// The keys of this process, as they were read last.
pub(crate) struct SigningKeys {
    signer: RwLock<Arc<TokenSigner>>,
    is_stored: bool,
    /// When an unknown key last made it look, in milliseconds since 1970.
    looked_at: AtomicI64,
}

impl SigningKeys {
    /// Fixed ones, or none until those of the database are read.
    pub(crate) fn new(fixed: Option<TokenSigner>) -> Self {
        let is_stored = fixed.is_none();
        let signer = fixed.unwrap_or_else(|| TokenSigner::of(Vec::new()));
        Self { signer: RwLock::new(Arc::new(signer)), is_stored, looked_at: AtomicI64::new(i64::MIN) }
    }

    /// As they are now.
    pub(crate) fn current(&self) -> Arc<TokenSigner> {
        self.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, signer: TokenSigner) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signer);
    }

    /// Whether it is time to look for an unknown key, which then is done by this caller alone.
    fn may_look(&self, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_millis();
        let due = |looked_at: i64| (now.saturating_sub(looked_at) >= LOOK_AGAIN_MS).then_some(now);
        self.is_stored && self.looked_at.fetch_update(Ordering::SeqCst, Ordering::SeqCst, due).is_ok()
    }
}

/// Reads the keys at the start of a process, and makes the first one: of `former_pem`, the key of an installation
/// that kept it in a file, else a new one. Several processes at once make one. Answers whether `former_pem` was taken.
/// Does nothing when the keys are fixed by the settings.
///
/// # Errors
/// When they can't be read, opened or made.
pub async fn load(app: &App, former_pem: Option<&str>) -> Result<bool, KeyError> {
    if !app.signing_keys().is_stored {
        return Ok(false);
    }
    let tx = begin_alone(app).await?;
    let now = app.clock().now();
    let is_first = in_use(&tx, now).await?.is_empty();
    if is_first {
        let pem = former_pem.map_or_else(TokenSigner::generate_pem, str::to_owned);
        insert(app, &tx, &pem, now, now).await?;
    }
    tx.commit().await.doing("committing the first signing key")?;
    reread(app).await?;
    Ok(is_first && former_pem.is_some())
}

/// Reads the keys again: another process may have changed them. Does nothing when they are fixed by the settings.
///
/// # Errors
/// When they can't be read or opened; those that were read before stay in use.
pub async fn reread(app: &App) -> Result<(), KeyError> {
    if !app.signing_keys().is_stored {
        return Ok(());
    }
    let rows = in_use(app.across_tenants().reader(), app.clock().now()).await?;
    let keys = rows.iter().map(|row| open(app, row)).collect::<Result<_, _>>()?;
    app.signing_keys().replace(TokenSigner::of(keys));
    Ok(())
}

/// Reads the keys again because a token names one that is not known, at most once in a second. Answers whether it
/// did.
///
/// # Errors
/// When they can't be read or opened.
pub(crate) async fn look_again(app: &App) -> Result<bool, Error> {
    if !app.signing_keys().may_look(app.clock().now()) {
        return Ok(false);
    }
    reread(app).await.doing("looking for a signing key")?;
    Ok(true)
}

/// Makes the next key. It is published now and signs after `overlap`, within which every process must have read it;
/// the keys before it verify for as long as the longest token that they may sign until then.
///
/// # Errors
/// [`KeyError::Fixed`], [`KeyError::TooMany`], [`KeyError::OtherSecretKey`]; when the database can't be used.
pub async fn rotate(app: &App, overlap: Duration) -> Result<Rotated, KeyError> {
    if !app.signing_keys().is_stored {
        return Err(KeyError::Fixed);
    }
    let overlap = TimeDelta::from_std(overlap).doing("reading how long keys overlap")?;
    let tx = begin_alone(app).await?;
    let now = app.clock().now();
    let rows = in_use(&tx, now).await?;
    // A key that is stored with another secret key than theirs could be opened by no process.
    for row in &rows {
        open(app, row)?;
    }
    if rows.len() >= KEYS_MAX {
        let first = rows.iter().filter_map(|row| row.retires_at).min();
        return Err(KeyError::TooMany(first.unwrap_or(now)));
    }
    let signs_from = now + overlap;
    // Once more the overlap, for the clocks of processes that differ and a token signed at the last moment.
    let former_until = signs_from + TimeDelta::seconds(TTL_SECONDS_MAX) + overlap;
    identity::update::<signing_key::Entity>()
        .col_expr(signing_key::Column::RetiresAt, Expr::value(Some(former_until)))
        .filter(signing_key::Column::RetiresAt.is_null())
        .exec(&tx)
        .await
        .doing("retiring a signing key")?;
    let pem = TokenSigner::generate_pem();
    let key_id = insert(app, &tx, &pem, now, signs_from).await?;
    audit::commit(tx, Entry::of(None, None).detail(Some(key_id.clone())), "committing a signing key").await?;
    reread(app).await?;
    tracing::info!(key.id = key_id, "a new signing key was made");
    Ok(Rotated { key_id, signs_from, former_until })
}

/// Drops a key that has leaked: its tokens are refused by this process now, and by the others when they read the keys
/// again. Where it signs, or will, a new one does at once; gives that one's id.
///
/// # Errors
/// [`KeyError::Fixed`], [`KeyError::Unknown`], [`KeyError::OtherSecretKey`]; when the database can't be used.
pub async fn drop_key(app: &App, key_id: &str) -> Result<Option<String>, KeyError> {
    if !app.signing_keys().is_stored {
        return Err(KeyError::Fixed);
    }
    let tx = begin_alone(app).await?;
    let now = app.clock().now();
    let rows = in_use(&tx, now).await?;
    for row in &rows {
        open(app, row)?;
    }
    // They stand in the order in which they sign.
    let position = rows.iter().position(|row| row.kid == key_id);
    let position = position.ok_or_else(|| KeyError::Unknown(key_id.to_owned()))?;
    let signing = rows.iter().rposition(|row| row.signs_from <= now);
    identity::delete::<signing_key::Entity>()
        .filter(signing_key::Column::Id.eq(rows[position].id))
        .exec(&tx)
        .await
        .doing("dropping a signing key")?;
    // A key before it must not sign again: it retires sooner than tokens that it would sign now.
    let next = if signing.is_none_or(|signing| position >= signing) {
        Some(insert(app, &tx, &TokenSigner::generate_pem(), now, now).await?)
    } else {
        None
    };
    let entry = Entry::of(None, None).detail(Some(format!("dropped {key_id}")));
    audit::commit(tx, entry, "committing the end of a signing key").await?;
    reread(app).await?;
    tracing::warn!(key.id = key_id, next = next.as_deref(), "a signing key was dropped");
    Ok(next)
}

/// Deletes keys that have retired, in background work. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn purge(app: &App) -> Result<u64, Error> {
    let deleted = identity::delete::<signing_key::Entity>()
        .filter(signing_key::Column::RetiresAt.lte(app.clock().now()))
        .exec(app.across_tenants().writer())
        .await
        .doing("deleting retired signing keys")?;
    Ok(deleted.rows_affected)
}

/// A transaction in which no other process makes keys.
async fn begin_alone(app: &App) -> Result<DatabaseTransaction, Error> {
    let tx = app.across_tenants().begin().await?;
    // On SQLite there is one writer at a time anyhow.
    if app.database().backend() == DatabaseBackend::Postgres {
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(8724190315)")
            .await
            .doing("locking the signing keys")?;
    }
    Ok(tx)
}

/// Keys that have not retired, in the order in which they sign.
async fn in_use(
    connection: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<signing_key::Model>, Error> {
    identity::find::<signing_key::Entity>()
        .filter(signing_key::Column::RetiresAt.is_null().or(signing_key::Column::RetiresAt.gt(now)))
        .order_by_asc(signing_key::Column::SignsFrom)
        .order_by_asc(signing_key::Column::Id)
        .limit(KEYS_MAX as u64)
        .all(connection)
        .await
        .doing("reading the signing keys")
}

async fn insert(
    app: &App,
    tx: &DatabaseTransaction,
    pem: &str,
    now: DateTime<Utc>,
    signs_from: DateTime<Utc>,
) -> Result<String, Error> {
    let key = Key::from_pem(pem, Some(signs_from), None).doing("making a signing key")?;
    let id = new_id();
    let row = signing_key::Model {
        id,
        kid: key.id.clone(),
        // Keys belong to no tenant.
        sealed_key: app.seal(Uuid::nil(), id, pem.as_bytes())?,
        created_at: now,
        signs_from,
        retires_at: None,
    };
    identity::insert::<signing_key::Entity>(tx, row, "storing a signing key").await?;
    Ok(key.id)
}

fn open(app: &App, row: &signing_key::Model) -> Result<Key, KeyError> {
    let pem = app.unseal(Uuid::nil(), row.id, &row.sealed_key).map_err(KeyError::OtherSecretKey)?;
    let pem = String::from_utf8(pem).doing("reading a signing key")?;
    Ok(Key::from_pem(&pem, Some(row.signs_from), row.retires_at).doing("reading a signing key")?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use secrecy::ExposeSecret;

    use super::{KeyError, drop_key, load, look_again, purge, reread, rotate};
    use crate::app::{App, AppOptions};
    use crate::authentication::AuthenticationError;
    use crate::bootstrap;
    use crate::change::Changes;
    use crate::clock::Clock;
    use crate::dispatch::{Dispatch, DispatchError, JobHint};
    use crate::session::{Origin, SignIn, sign_in};
    use crate::token::{KEYS_MAX, TokenSigner};

    const EMAIL: &str = "root@example.com";
    const PASSWORD: &str = "correct horse battery";
    const OVERLAP: Duration = Duration::from_secs(60);

    struct NoQueue;

    #[async_trait::async_trait]
    impl Dispatch for NoQueue {
        async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
            Ok(())
        }

        async fn ping(&self) -> Result<(), DispatchError> {
            Ok(())
        }
    }

    /// A database, a clock for all processes on it, and the secret key.
    struct Place {
        directory: tempfile::TempDir,
        seconds: Arc<AtomicI64>,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            Self { directory, seconds: Arc::new(AtomicI64::new(1_790_000_000)) }
        }

        async fn process(&self, secret_key: [u8; 32], fixed: Option<TokenSigner>) -> Arc<App> {
            let seconds = self.seconds.clone();
            let clock = Clock::from_fn(move || {
                DateTime::from_timestamp_secs(seconds.load(Ordering::SeqCst)).expect("a time")
            });
            let options = AppOptions {
                database_url: format!("sqlite://{}/trestle.db?mode=rwc", self.directory.path().display()),
                files_dir: self.directory.path().join("files"),
                secret_keys: vec![secret_key],
                token_signer: fixed,
                connectors: connector::Registry::of(Vec::new()),
                references: crate::system::References::default(),
                dispatch: Arc::new(NoQueue),
                changes: Changes::in_process(),
                clock,
                tenant_concurrency: 4,
                lease: Duration::from_secs(30),
                people: Default::default(),
                outside: Default::default(),
            };
            let app = App::open(options).await.expect("the database opens");
            app.migrate().await.expect("the schema can be made");
            let sealing = crate::data_key::load(&app).await;
            assert_eq!(sealing.is_ok(), secret_key == [7; 32], "{sealing:?}");
            app
        }

        /// A process that has read the keys.
        async fn started(&self) -> Arc<App> {
            let app = self.process([7; 32], None).await;
            load(&app, None).await.expect("the keys are there");
            app
        }

        fn pass(&self, time: TimeDelta) {
            self.seconds.fetch_add(time.num_seconds(), Ordering::SeqCst);
        }
    }

    /// The key of the settings.
    fn fixed(pem: &str) -> Option<TokenSigner> {
        Some(TokenSigner::from_pem(pem).expect("a key"))
    }

    async fn token(app: &Arc<App>) -> String {
        let input = SignIn { email: EMAIL.to_owned(), password: PASSWORD.into(), code: None };
        sign_in(app, input, &Origin::default())
            .await
            .expect("signing in works")
            .access_token
            .expose_secret()
            .to_owned()
    }

    fn key_id(token: &str) -> String {
        jsonwebtoken::decode_header(token).expect("a header").kid.expect("a key id")
    }

    fn published(app: &App) -> Vec<String> {
        let keys = app.jwks();
        let ids = keys["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str());
        ids.map(|id| id.expect("a key id").to_owned()).collect()
    }

    #[tokio::test]
    async fn a_key_follows_another_without_a_token_being_refused() {
        let place = Place::new();
        let (one, two) = (place.started().await, place.started().await);
        bootstrap::ensure_admin(&one, EMAIL, PASSWORD.into()).await.expect("an administrator");
        let first = published(&one);
        assert_eq!((first.len(), &published(&two)), (1, &first), "two processes, one key");
        assert_eq!(key_id(&token(&one).await), first[0]);

        let rotated = rotate(&one, OVERLAP).await.expect("a new key");
        let now: DateTime<Utc> = one.clock().now();
        assert_eq!(rotated.signs_from, now + OVERLAP);
        assert_eq!(
            rotated.former_until,
            now + TimeDelta::seconds(60 + 86_400 + 60),
            "a day of portal tokens"
        );
        let both = [first[0].clone(), rotated.key_id.clone()];
        assert_eq!(published(&one), both);
        assert_eq!(published(&two), first, "it has not looked yet");
        reread(&two).await.expect("reading works");
        assert_eq!(published(&two), both);

        place.pass(TimeDelta::seconds(59));
        let old = token(&two).await;
        assert_eq!(key_id(&old), first[0], "the new key is known everywhere before it signs");
        place.pass(TimeDelta::seconds(1));
        for app in [&one, &two] {
            let new = token(app).await;
            assert_eq!(key_id(&new), rotated.key_id);
            for good in [&old, &new] {
                app.authenticate(Some(good)).await.expect("both keys verify");
            }
        }

        place.pass(TimeDelta::seconds(86_400 + 59));
        assert_eq!((published(&one), purge(&one).await.expect("deleting works")), (both.to_vec(), 0));
        place.pass(TimeDelta::seconds(1));
        assert_eq!(published(&one), [rotated.key_id.as_str()], "retired to the second, without looking");
        assert!(matches!(one.authenticate(Some(&old)).await, Err(AuthenticationError::Invalid)));
        assert_eq!(purge(&one).await.expect("deleting works"), 1);
        assert_eq!(key_id(&token(&place.started().await).await), rotated.key_id);
    }

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_once_in_a_second() {
        let place = Place::new();
        let (one, two) = (place.started().await, place.started().await);
        bootstrap::ensure_admin(&one, EMAIL, PASSWORD.into()).await.expect("an administrator");
        rotate(&one, Duration::ZERO).await.expect("a new key");
        let new = token(&one).await;
        assert_eq!(published(&two).len(), 1);
        two.authenticate(Some(&new)).await.expect("it looks for the key that it does not know");
        assert_eq!(published(&two).len(), 2);

        assert!(!look_again(&two).await.expect("asking works"), "within the same second");
        place.pass(TimeDelta::seconds(1));
        assert!(look_again(&two).await.expect("asking works"));
        let stranger = place.process([7; 32], fixed(&TokenSigner::generate_pem())).await;
        let strange = token(&stranger).await;
        assert!(matches!(two.authenticate(Some(&strange)).await, Err(AuthenticationError::Invalid)));
        assert!(!look_again(&stranger).await.expect("asking works"), "fixed keys stand nowhere else");
    }

    #[tokio::test]
    async fn a_dropped_key_is_refused_and_another_one_signs_at_once() {
        let place = Place::new();
        let (one, two) = (place.started().await, place.started().await);
        bootstrap::ensure_admin(&one, EMAIL, PASSWORD.into()).await.expect("an administrator");
        let leaked = token(&two).await;
        assert!(matches!(drop_key(&one, "none").await, Err(KeyError::Unknown(_))));
        two.authenticate(Some(&leaked)).await.expect("nothing was dropped");

        let next = drop_key(&one, &key_id(&leaked)).await.expect("it is dropped").expect("another one signs");
        assert_eq!(published(&one), [next.as_str()]);
        assert!(matches!(one.authenticate(Some(&leaked)).await, Err(AuthenticationError::Invalid)));
        let new = token(&one).await;
        assert_eq!(key_id(&new), next);
        two.authenticate(Some(&new)).await.expect("it looks for the key that it does not know");
        assert!(matches!(two.authenticate(Some(&leaked)).await, Err(AuthenticationError::Invalid)));

        // A key that waits for its turn is dropped with it, and the one that it was to follow does not sign for ever.
        let rotated = rotate(&one, OVERLAP).await.expect("a new key");
        let third = drop_key(&one, &rotated.key_id).await.expect("it is dropped").expect("another one signs");
        assert_eq!(published(&one), [next.as_str(), third.as_str()]);
        place.pass(TimeDelta::seconds(1));
        assert_eq!(key_id(&token(&one).await), third);
        // One that signs no longer has no follower.
        assert_eq!(drop_key(&one, &next).await.expect("it is dropped"), None);
        assert_eq!(published(&one), [third.as_str()]);
        let fixed = place.process([7; 32], fixed(&TokenSigner::generate_pem())).await;
        assert!(matches!(drop_key(&fixed, &third).await, Err(KeyError::Fixed)));
    }

    #[tokio::test]
    async fn there_is_one_first_key_and_it_is_that_of_the_file() {
        let place = Place::new();
        let pem = TokenSigner::generate_pem();
        let before = place.process([7; 32], fixed(&pem)).await;
        bootstrap::ensure_admin(&before, EMAIL, PASSWORD.into()).await.expect("an administrator");
        let old = token(&before).await;

        let mut apps = Vec::new();
        for _ in 0..4 {
            apps.push(place.process([7; 32], None).await);
        }
        let loads = apps.iter().map(|app| load(app, Some(&pem)));
        let taken: Vec<bool> =
            futures::future::try_join_all(loads).await.expect("the keys are there").into_iter().collect();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
        for app in &apps {
            assert_eq!(published(app), [key_id(&old)]);
            app.authenticate(Some(&old)).await.expect("tokens stay good");
        }
        assert!(!load(&apps[0], Some(&TokenSigner::generate_pem())).await.expect("reading works"));
        assert_eq!(published(&apps[0]), [key_id(&old)], "only the first start takes the file");
    }

    #[tokio::test]
    async fn another_secret_key_opens_no_key_and_makes_none() {
        let place = Place::new();
        let app = place.started().await;
        let other = place.process([8; 32], None).await;
        assert!(matches!(load(&other, None).await, Err(KeyError::OtherSecretKey(_))));
        assert!(matches!(rotate(&other, OVERLAP).await, Err(KeyError::OtherSecretKey(_))));
        reread(&app).await.expect("nothing was made that it can't open");
        assert_eq!(published(&app).len(), 1);
    }

    #[tokio::test]
    async fn there_are_so_many_keys_at_most_and_none_that_is_fixed_is_rotated() {
        let place = Place::new();
        let app = place.started().await;
        let mut first_retires = None;
        for _ in 1..KEYS_MAX {
            let rotated = rotate(&app, OVERLAP).await.expect("a new key");
            first_retires.get_or_insert(rotated.former_until);
        }
        let Err(KeyError::TooMany(retires)) = rotate(&app, OVERLAP).await else {
            unreachable!("that would be one key too many");
        };
        assert_eq!((Some(retires), published(&app).len()), (first_retires, KEYS_MAX));

        let fixed = place.process([7; 32], fixed(&TokenSigner::generate_pem())).await;
        assert!(matches!(rotate(&fixed, OVERLAP).await, Err(KeyError::Fixed)));
        assert!(!load(&fixed, None).await.expect("nothing is done"));
        reread(&fixed).await.expect("nothing is done");
        assert_eq!((published(&fixed).len(), published(&app).len()), (1, KEYS_MAX));
    }
}
