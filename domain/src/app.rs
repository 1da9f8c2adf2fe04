//! What a process has once: the database, the clock, the cipher, the connectors, the way to the queue and to
//! listeners.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use connector::{Egress, Registry};
use sea_orm::ConnectionTrait;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::authentication::RecentActors;
use crate::change::Changes;
use crate::cipher::Cipher;
use crate::clock::Clock;
use crate::connect_link::ConnectOptions;
use crate::database::{AcrossTenants, Database, PoolUse};
use crate::dispatch::Dispatch;
use crate::error::{Doing, Result};
use crate::export::ExportOptions;
use crate::incident::IncidentOptions;
use crate::mail::{LinkTemplate, MailLinks};
use crate::ownership_rule::CurrentRules;
use crate::rate_limit::{InProcess, RateLimits};
use crate::replica::Replica;
use crate::retention::RetentionOptions;
use crate::signing_key::SigningKeys;
use crate::system::References;
use crate::token::TokenSigner;
use crate::words::CurrentWords;

/// What an [`App`] is made of.
pub struct AppOptions {
    /// `postgres://…` or `sqlite://…`.
    pub database_url: String,
    /// Root of the tenants' directories.
    pub files_dir: PathBuf,
    /// Wrap the data keys that encrypt credentials and records: 32 random bytes each. The first wraps, all open.
    pub secret_keys: Vec<[u8; 32]>,
    /// Signs access tokens; `None`: the keys of the database do, which [`load`](crate::signing_key::load) reads.
    pub token_signer: Option<TokenSigner>,
    /// What can be connected to.
    pub connectors: Registry,
    /// Where credentials are that are references.
    pub references: References,
    /// The way to the queue.
    pub dispatch: Arc<dyn Dispatch>,
    /// The way to listeners.
    pub changes: Changes,
    /// The time of day.
    pub clock: Clock,
    /// Runs of one tenant at once.
    pub tenant_concurrency: u32,
    /// A run whose worker says nothing for so long is taken over.
    pub lease: Duration,
    /// How people come in.
    pub people: PeopleOptions,
    /// How runs deal with outside systems.
    pub outside: OutsideOptions,
}

/// How runs deal with outside systems.
#[derive(Clone, Debug)]
pub struct OutsideOptions {
    /// The longest first wait before a run is tried again whose system stayed down, where its integration does not say;
    /// it doubles with each attempt. A system that failed too often in a row rests twice as long at first.
    pub retry_wait: Duration,
    /// A group of failures is over when none of them is open and none has come for so long.
    pub group_quiet: Duration,
    /// When several tenants' trouble is one incident.
    pub incidents: IncidentOptions,
    /// Gives out turns at systems that may be asked only so often.
    pub rate_limits: Arc<dyn RateLimits>,
    /// How people reach the pages where they connect systems.
    pub connect: ConnectOptions,
    /// How large files of exports may be, and how long they are kept.
    pub exports: ExportOptions,
    /// For how long history is kept of tenants that have no numbers of their own.
    pub retention: RetentionOptions,
}

impl Default for OutsideOptions {
    fn default() -> Self {
        Self {
            retry_wait: Duration::from_secs(15),
            group_quiet: Duration::from_secs(60),
            incidents: IncidentOptions::default(),
            rate_limits: Arc::new(InProcess::default()),
            connect: ConnectOptions::default(),
            exports: ExportOptions::default(),
            retention: RetentionOptions::default(),
        }
    }
}

/// How people come in; by default without mail, and staff without a second factor.
#[derive(Clone, Debug, Default)]
pub struct PeopleOptions {
    /// Where links of mails lead; `None` where no mail is sent.
    pub mail: Option<MailLinks>,
    /// Where links of notices lead, each for an id; `None` where nobody has said.
    pub notice_link: Option<LinkTemplate>,
    /// Staff without a second factor may do nothing but set one up.
    pub staff_need_second_factor: bool,
    /// Which addresses identity providers, authorization servers and receivers of notices may be at.
    pub egress: Egress,
}

/// What a process has once.
pub struct App {
    database: Database,
    replica: Option<Replica>,
    cipher: Cipher,
    signing_keys: SigningKeys,
    words: CurrentWords,
    ownership_rules: CurrentRules,
    recent_actors: RecentActors,
    connectors: Registry,
    references: References,
    files_dir: PathBuf,
    dispatch: Arc<dyn Dispatch>,
    changes: Changes,
    clock: Clock,
    tasks: TaskTracker,
    tenant_concurrency: u32,
    lease: Duration,
    people: PeopleOptions,
    outside: OutsideOptions,
}

impl App {
    /// Connects to the database. Does not migrate.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::Error::Internal) when the database can't be reached.
    pub async fn open(options: AppOptions) -> Result<Arc<Self>> {
        Self::open_with_replica(options, None).await
    }

    /// The same beside a replica of PostgreSQL, `postgres://…`, which answers queries from when it is
    /// [watched](Self::watch_replica). It need not answer now.
    ///
    /// # Errors
    /// As [`open`](Self::open); when there is a replica of SQLite.
    pub async fn open_with_replica(options: AppOptions, replica_url: Option<&str>) -> Result<Arc<Self>> {
        let database = Database::connect(&options.database_url, replica_url).await?;
        Ok(Arc::new(Self {
            replica: database.replica().cloned().map(Replica::new),
            database,
            cipher: Cipher::new(&options.secret_keys),
            signing_keys: SigningKeys::new(options.token_signer),
            words: CurrentWords::new(),
            ownership_rules: CurrentRules::default(),
            recent_actors: RecentActors::default(),
            connectors: options.connectors,
            references: options.references,
            files_dir: options.files_dir,
            dispatch: options.dispatch,
            changes: options.changes,
            clock: options.clock,
            tasks: TaskTracker::new(),
            tenant_concurrency: options.tenant_concurrency,
            lease: options.lease,
            people: options.people,
            outside: options.outside,
        }))
    }

    /// Brings the schema up to date. Several processes at once are safe on PostgreSQL: one migrates, the
    /// others wait.
    ///
    /// # Errors
    /// When a migration fails; those before it stay. When row-level security of PostgreSQL could not bind the program.
    pub async fn migrate(&self) -> Result<()> {
        self.database.migrate().await
    }

    /// Migrations that are not applied yet, by name.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.database.pending_migrations().await
    }

    /// Whether the database can be reached.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn database_ready(&self) -> Result<()> {
        self.across_tenants().reader().execute_unprepared("SELECT 1").await.doing("asking the database")?;
        Ok(())
    }

    /// Whether the database is a file of this one process: SQLite.
    pub fn is_embedded(&self) -> bool {
        self.database.url_of_postgres().is_none()
    }

    /// Sets the clock of this process by that of PostgreSQL, which all processes have in common; on SQLite there is
    /// nothing to do. To be called every few seconds: clocks drift, and people set them.
    ///
    /// # Errors
    /// When the database can't be asked; the clock goes on as it was set before.
    pub async fn follow_database_clock(&self) -> Result<()> {
        self.database.follow_clock().await
    }

    /// Whether the queue can be reached.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn queue_ready(&self) -> Result<()> {
        self.dispatch.ping().await.doing("asking the queue")
    }

    /// How the pools of connections are used.
    pub fn pools(&self) -> Vec<PoolUse> {
        self.database.pools()
    }

    /// Waits for what was spawned after commits, then closes the database.
    ///
    /// # Errors
    /// When closing fails.
    pub async fn close(&self) -> Result<()> {
        self.recent_actors.stop();
        self.tasks.close();
        self.tasks.wait().await;
        self.database.close().await
    }

    /// What can be connected to.
    pub fn connectors(&self) -> &Registry {
        &self.connectors
    }

    /// The way to listeners.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The time of day.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A run whose worker says nothing for so long is taken over.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The longest first wait before a run is tried again, where its integration does not say.
    pub fn retry_wait(&self) -> Duration {
        self.outside.retry_wait
    }

    /// A group of failures is over when none of them is open and none has come for so long.
    pub(crate) fn group_quiet(&self) -> Duration {
        self.outside.group_quiet
    }

    /// When several tenants' trouble is one incident.
    pub(crate) fn incidents(&self) -> &IncidentOptions {
        &self.outside.incidents
    }

    pub(crate) fn connect(&self) -> &ConnectOptions {
        &self.outside.connect
    }

    pub(crate) fn exports(&self) -> &ExportOptions {
        &self.outside.exports
    }

    /// For how long history is kept of tenants that have no numbers of their own.
    pub(crate) fn retention(&self) -> &RetentionOptions {
        &self.outside.retention
    }

    pub(crate) fn rate_limits(&self) -> &Arc<dyn RateLimits> {
        &self.outside.rate_limits
    }

    /// Runs of one tenant at once.
    pub fn tenant_concurrency(&self) -> u32 {
        self.tenant_concurrency
    }

    /// Signs and checks access tokens, with the keys that were read last.
    pub fn signer(&self) -> Arc<TokenSigner> {
        self.signing_keys.current()
    }

    /// The public keys of access tokens, for services that check them themselves; see [`TokenSigner::jwks`].
    pub fn jwks(&self) -> serde_json::Value {
        self.signer().jwks(self.clock.now())
    }

    /// The directory of a tenant's files.
    pub fn tenant_files_dir(&self, slug: &str) -> PathBuf {
        self.files_dir.join(slug)
    }

    pub(crate) fn people(&self) -> &PeopleOptions {
        &self.people
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// The connections that see every tenant; see [`AcrossTenants`].
    pub(crate) fn across_tenants(&self) -> &AcrossTenants {
        self.database.across_tenants()
    }

    pub(crate) fn signing_keys(&self) -> &SigningKeys {
        &self.signing_keys
    }

    pub(crate) fn words(&self) -> &CurrentWords {
        &self.words
    }

    /// The operator's rules of ownership.
    pub(crate) fn ownership_rules(&self) -> &CurrentRules {
        &self.ownership_rules
    }

    pub(crate) fn recent_actors(&self) -> &RecentActors {
        &self.recent_actors
    }

    pub(crate) fn references(&self) -> &References {
        &self.references
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    pub(crate) fn dispatch(&self) -> &Arc<dyn Dispatch> {
        &self.dispatch
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Encrypts for a row, by a data key that [`data_key::load`](crate::data_key::load) read; see [`Cipher::seal`]. A new
    /// column for it gets its line in [`data_key`](crate::data_key).
    pub(crate) fn seal(&self, tenant_id: Uuid, row_id: Uuid, plaintext: &[u8]) -> Result<Vec<u8>> {
        self.cipher.seal(tenant_id, row_id, plaintext, self.clock.now()).doing("encrypting")
    }

    /// Decrypts for a row; see [`Cipher::open`].
    pub(crate) fn unseal(&self, tenant_id: Uuid, row_id: Uuid, ciphertext: &[u8]) -> Result<Vec<u8>> {
        self.cipher.open(tenant_id, row_id, ciphertext).doing("decrypting")
    }
}
