//! Hints in Redis: a list for each tenant, one ring of tenants that have work and room, leases with an end. Every step
//! is one script with Redis' own clock. Not here: what happens when Redis is away (`claims.rs`), and any truth about
//! jobs: a wiped Redis is refilled (`refill.rs`).

use std::error::Error;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use domain::dispatch::{JobHint, Priority, TenantCap};
use redis::{FromRedisValue, Script, ScriptInvocation};
use redis_client::RedisServer;
use uuid::Uuid;

use super::store::{Claimed, HintStore, Settlement};
use super::table::JobSource;
use super::wake::Wake;
use super::{QueueError, QueueOptions};
use crate::PATIENCE;

/// Before every key; the braces make it a hash tag, so that a queue lives in one slot of a Redis Cluster.
const KEY_PREFIX: &str = "{trestle:sync:0}";
/// Jobs in one script call: each costs a few microseconds, and nobody else is served meanwhile.
const BATCH_MAX: usize = 500;
/// Expired leases that one claim takes back.
const EXPIRED_MAX: usize = 100;
/// Tenants that one claim looks at beyond its limit, for those found at their cap or without work.
const TURNS_EXTRA: usize = 64;
/// After so long without a word from who refills the queue, another one begins anew.
const REFILL_PATIENCE: Duration = Duration::from_secs(30);
/// Hints kept for people that no worker understood.
const REFUSED_MAX: usize = 100;

/// The queue in Redis (6 or later, or Valkey).
#[derive(Clone)]
pub struct RedisQueue {
    redis: RedisServer,
    scripts: Arc<Scripts>,
    options: QueueOptions,
    /// Names this consumer in its leases.
    owner: Uuid,
    wake: Arc<Wake>,
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisQueue")
            .field("options", &self.options)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

struct Scripts {
    push: Script,
    claim: Script,
    extend: Script,
    settle: Script,
    caps: Script,
    cap: Script,
}

impl Scripts {
    fn new() -> Self {
        let prelude = include_str!("lua/prelude.lua");
        let script = |body: &str| Script::new(&format!("{prelude}\n{body}"));
        Self {
            push: script(include_str!("lua/push.lua")),
            claim: script(include_str!("lua/claim.lua")),
            extend: script(include_str!("lua/extend.lua")),
            settle: script(include_str!("lua/settle.lua")),
            caps: script(include_str!("lua/caps.lua")),
            cap: script(include_str!("lua/cap.lua")),
        }
    }
}

impl RedisQueue {
    /// A queue at `url` ([`RedisServer::new`]). Connects at the first command.
    ///
    /// # Errors
    /// [`QueueError::Url`].
    pub fn new(url: &str, options: QueueOptions) -> Result<Self, QueueError> {
        Ok(Self {
            redis: RedisServer::new(url, PATIENCE).map_err(QueueError::Url)?,
            scripts: Arc::new(Scripts::new()),
            options,
            owner: Uuid::now_v7(),
            wake: Arc::default(),
        })
    }

    /// Queues hints and wakes consumers; those queued already are left alone, one in flight is queued once more when
    /// it is settled.
    ///
    /// # Errors
    /// Redis did not answer; some of the hints may be queued.
    pub async fn push(&self, hints: &[JobHint]) -> Result<(), QueueError> {
        for batch in hints.chunks(BATCH_MAX) {
            let mut call = self.call(&self.scripts.push);
            add_hints(&mut call, batch);
            let _added: i64 = self.invoke(&call, "pushing").await?;
        }
        Ok(())
    }

    /// Whether Redis knows nothing of the queue, being new or wiped, and it is the caller's to refill it. It stays so for
    /// 30 s: say by [`Self::refilling`] that it goes on.
    ///
    /// # Errors
    /// Redis did not answer.
    pub async fn begin_refill(&self) -> Result<bool, QueueError> {
        self.mark_refill("NX", true).await
    }

    /// Says that the refill goes on, or that it is over. False when Redis was wiped since it began: what
    /// was pushed is gone.
    ///
    /// # Errors
    /// Redis did not answer.
    pub async fn refilling(&self, goes_on: bool) -> Result<bool, QueueError> {
        self.mark_refill("XX", goes_on).await
    }

    async fn mark_refill(&self, when: &str, goes_on: bool) -> Result<bool, QueueError> {
        let mut set = redis::cmd("SET");
        set.arg(format!("{KEY_PREFIX}:filled")).arg(owner_name(self.owner)).arg(when);
        if goes_on {
            set.arg("PX").arg(lease_ms(REFILL_PATIENCE));
        }
        let mut connection = self.redis.commands();
        let answer: Option<String> = set
            .query_async(&mut connection)
            .await
            .map_err(|source| QueueError::Redis { operation: "marking a refill", source })?;
        Ok(answer.is_some())
    }

    /// Says how many runs a tenant may have at once from now on; `None`: as many as the options say.
    ///
    /// # Errors
    /// Redis did not answer; [`know_tenant_caps`](Self::know_tenant_caps) tells it later.
    pub async fn set_tenant_cap(&self, tenant_id: Uuid, cap: Option<u32>) -> Result<(), QueueError> {
        let mut call = self.call(&self.scripts.cap);
        call.arg(tenant_id.to_string()).arg(cap.map_or_else(String::new, |cap| cap.max(1).to_string()));
        let _known: i64 = self.invoke(&call, "setting a tenant's cap").await?;
        Ok(())
    }

    /// Tells all that there is of tenants' own caps, in place of what was known. Does nothing where it is known already.
    ///
    /// # Errors
    /// Redis did not answer.
    pub async fn know_tenant_caps(&self, caps: &[TenantCap]) -> Result<(), QueueError> {
        let digest = digest(caps);
        let mut connection = self.redis.commands();
        let known: Option<String> = redis::cmd("HGET")
            .arg(format!("{KEY_PREFIX}:caps"))
            .arg("")
            .query_async(&mut connection)
            .await
            .map_err(|source| QueueError::Redis { operation: "reading tenants' caps", source })?;
        if known.as_ref() == Some(&digest) {
            return Ok(());
        }
        let mut call = self.call(&self.scripts.caps);
        call.arg(digest);
        for TenantCap { tenant_id, cap } in caps {
            call.arg(tenant_id.to_string()).arg((*cap).max(1));
        }
        let changed: i64 = self.invoke(&call, "telling tenants' caps").await?;
        tracing::debug!(changed, known = caps.len(), "the caps of tenants were told to the queue");
        Ok(())
    }

    /// Asks whether Redis answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), QueueError> {
        let mut connection = self.redis.commands();
        redis::cmd("PING")
            .query_async(&mut connection)
            .await
            .map_err(|source| QueueError::Redis { operation: "pinging", source })
    }

    /// The limits it was made with.
    pub(super) fn options(&self) -> QueueOptions {
        self.options
    }

    fn call<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in ["jobs", "ring", "turn", "leases", "refused", "caps"] {
            call.key(format!("{KEY_PREFIX}:{key}"));
        }
        call.arg(KEY_PREFIX).arg(self.options.tenant_concurrency.max(1)).arg(owner_name(self.owner));
        call
    }

    async fn invoke<T: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
        operation: &'static str,
    ) -> Result<T, QueueError> {
        let mut connection = self.redis.commands();
        call.invoke_async(&mut connection).await.map_err(|source| QueueError::Redis { operation, source })
    }

    async fn settle_jobs<'a>(
        &self,
        jobs: impl ExactSizeIterator<Item = &'a [u8]> + Send,
        how: &'static str,
    ) -> Result<(), QueueError> {
        let mut call = self.call(&self.scripts.settle);
        call.arg(how).arg(REFUSED_MAX);
        for job in jobs {
            call.arg(job);
        }
        let _queued: i64 = self.invoke(&call, "settling").await?;
        Ok(())
    }

    /// Sets hints aside that cannot be understood; if that fails they come again when their lease ends.
    async fn refuse(&self, jobs: Vec<Vec<u8>>) {
        for job in &jobs {
            tracing::error!(
                job = %String::from_utf8_lossy(&job[..job.len().min(80)]),
                "a hint in the Redis queue is not understood, it is set aside in {KEY_PREFIX}:refused"
            );
        }
        for batch in jobs.chunks(BATCH_MAX) {
            if let Err(error) = self.settle_jobs(batch.iter().map(Vec::as_slice), "refused").await {
                tracing::warn!(error = &error as &dyn Error, "a hint could not be set aside");
            }
        }
    }
}

/// What the first claim is told when Redis does not know the caps: it is new, or was wiped.
const CAPS_UNKNOWN: &[u8] = b"caps";

/// A queue in Redis with the tenants whose caps it has to know.
#[derive(Clone)]
pub(super) struct RedisStore {
    queue: RedisQueue,
    source: Arc<dyn JobSource>,
}

impl RedisStore {
    /// `source` knows the caps.
    pub(super) fn new(queue: RedisQueue, source: Arc<dyn JobSource>) -> Self {
        Self { queue, source }
    }

    async fn claim_entries(&self, limit: usize) -> Result<Vec<Vec<u8>>, QueueError> {
        let queue = &self.queue;
        let mut call = queue.call(&queue.scripts.claim);
        call.arg(limit).arg(lease_ms(queue.options.lease)).arg(EXPIRED_MAX).arg(limit + TURNS_EXTRA);
        queue.invoke(&call, "claiming").await
    }
}

impl HintStore for RedisStore {
    async fn claim(&self, limit: usize, _held: &[JobHint]) -> Result<Claimed, QueueError> {
        let limit = limit.min(BATCH_MAX);
        let mut answer = self.claim_entries(limit).await?;
        if answer.first().is_some_and(|first| first == CAPS_UNKNOWN) {
            self.queue.know_tenant_caps(&self.source.tenant_caps().await?).await?;
            answer = self.claim_entries(limit).await?;
        }
        let (more, entries) = answer.split_first().ok_or(QueueError::Answer { operation: "claiming" })?;
        let mut hints = Vec::with_capacity(limit);
        let mut refused = Vec::new();
        for entry in entries.chunks(3) {
            match entry {
                [job, tenant, priority] => match decode(job, tenant, priority) {
                    Some(hint) => hints.push(hint),
                    None => refused.push(job.clone()),
                },
                _ => return Err(QueueError::Answer { operation: "claiming" }),
            }
        }
        if !refused.is_empty() {
            self.queue.refuse(refused).await;
        }
        Ok(Claimed { hints, more: more.as_slice() == b"1" })
    }

    async fn extend(&self, held: &[JobHint]) -> Result<usize, QueueError> {
        let mut lost = 0;
        for batch in held.chunks(BATCH_MAX) {
            let mut call = self.queue.call(&self.queue.scripts.extend);
            call.arg(lease_ms(self.queue.options.lease));
            add_hints(&mut call, batch);
            let lost_here: usize = self.queue.invoke(&call, "extending leases").await?;
            lost += lost_here;
        }
        Ok(lost)
    }

    async fn settle(&self, hints: &[JobHint], how: Settlement) -> Result<(), QueueError> {
        let how = match how {
            Settlement::Done => "done",
            Settlement::Back => "back",
        };
        for batch in hints.chunks(BATCH_MAX) {
            let jobs: Vec<String> = batch.iter().map(|hint| hint.job_id.to_string()).collect();
            self.queue.settle_jobs(jobs.iter().map(String::as_bytes), how).await?;
        }
        Ok(())
    }

    async fn listen(&self) {
        // Opened: something may have been pushed while nobody listened.
        let queue = &self.queue;
        queue.redis.listen(&format!("{KEY_PREFIX}:wake"), |_heard| queue.wake.ring()).await;
    }

    fn wake(&self) -> &Arc<Wake> {
        &self.queue.wake
    }
}

fn owner_name(owner: Uuid) -> String {
    owner.simple().to_string()
}

/// Tells lists of caps apart; two processes of one build say the same of one list.
fn digest(caps: &[TenantCap]) -> String {
    let mut hasher = DefaultHasher::new();
    caps.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn lease_ms(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)
}

fn add_hints(call: &mut ScriptInvocation<'_>, hints: &[JobHint]) {
    for hint in hints {
        call.arg(hint.job_id.to_string()).arg(hint.tenant_id.to_string()).arg(hint.priority as i16);
    }
}

fn decode(job: &[u8], tenant: &[u8], priority: &[u8]) -> Option<JobHint> {
    let job_id = Uuid::try_parse_ascii(job).ok()?;
    let tenant_id = Uuid::try_parse_ascii(tenant).ok()?;
    let priority = std::str::from_utf8(priority).ok()?.parse().ok()?;
    Some(JobHint { job_id, tenant_id, priority: Priority::from_i16(priority) })
}
