//! When exports are carried out, and how: page after page, in the process of the API, which has the schema. What is stored is
//! the domain's; a process that ends hands back what it has, and one that is killed leaves it to the next claim.

use std::sync::Arc;
use std::time::Duration;

use domain::background::{Background, ClaimedExport, Stored};
use domain::export::ExportFailureCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::Exporter;
use super::document::Plan;
use super::page::{Page, PageError};

/// How often it is looked for exports that wait: others may have been asked for in other processes. One indexed query.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Exports that a process carries out at once: each keeps a connection of the database busy that callers wait for.
const AT_ONCE_MAX: usize = 2;
/// Lines are stored when there are so many bytes of them: what is stored in one piece.
const STORED_BYTES: usize = 768 * 1024;
/// And after so long, so that a crash costs no more.
const STORED_EVERY: Duration = Duration::from_secs(2);
/// For how long one is carried out before others have their turn.
const TURN: Duration = Duration::from_secs(60);

/// Why an export is not gone on with.
enum Stop {
    /// Its file is complete.
    Succeeded,
    /// It came to nothing, in words for whoever asked for it.
    Failed(ExportFailureCode, String),
    /// Something did not answer.
    PutOff,
    /// This process ends, or it is the turn of others.
    HandBack,
    /// It was canceled, or another process has it.
    Lost,
}

/// Lines that are not stored yet.
#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    rows: u64,
    cursor: Option<String>,
}

impl Exporter {
    /// Carries exports out until `shutdown`; what is under way then is handed back after its page, if that takes no longer
    /// than `patience`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken, patience: Duration) {
        let background = Background::new(self.app.clone());
        let mut look = interval(LOOK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut running = JoinSet::new();
        let mut failures = 0_u64;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = running.join_next() => log_panic(ended),
                () = self.wake.notified() => {}
                _ = look.tick() => {}
            }
            while running.len() < AT_ONCE_MAX {
                match background.claim_export().await {
                    Ok(Some(claimed)) => {
                        running.spawn(self.clone().carry_out(claimed, shutdown.clone()));
                    }
                    Ok(None) => {
                        failures = 0;
                        break;
                    }
                    Err(error) => {
                        failures += 1;
                        if failures.is_power_of_two() {
                            let error = &error as &dyn std::error::Error;
                            tracing::warn!(error, failures, "exports can't be claimed; it is tried again");
                        }
                        break;
                    }
                }
            }
        }
        let last = async {
            while let Some(ended) = running.join_next().await {
                log_panic(ended);
            }
        };
        if tokio::time::timeout(patience, last).await.is_err() {
            tracing::warn!("exports are left in the middle of a page; others go on when their leases end");
        }
    }

    async fn carry_out(self: Arc<Self>, mut claimed: ClaimedExport, shutdown: CancellationToken) {
        let (id, tenant_id, begun) = (claimed.id(), claimed.tenant_id(), Instant::now());
        let ended = match self.go_on(&mut claimed, &shutdown).await {
            Ok(Stop::Succeeded) => {
                let rows = claimed.row_count();
                claimed.succeed().await.map(|is_ours| {
                    if is_ours {
                        let duration_ms = begun.elapsed().as_millis() as u64;
                        tracing::info!(export.id = %id, tenant.id = %tenant_id, rows, duration_ms, "an export is complete");
                    }
                })
            }
            Ok(Stop::Failed(code, message)) => claimed.fail(code, &message).await.map(|is_ours| {
                if is_ours {
                    tracing::info!(export.id = %id, tenant.id = %tenant_id, code = ?code, "an export came to nothing");
                }
            }),
            Ok(Stop::PutOff) => claimed.put_off().await,
            Ok(Stop::HandBack) => claimed.hand_back().await,
            Ok(Stop::Lost) => Ok(()),
            // Its lease ends, and then it is claimed again.
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(export.id = %id, tenant.id = %tenant_id, error, "an export goes on later: the database failed");
        }
    }

    /// Reads and stores pages until there is a reason to stop.
    async fn go_on(&self, claimed: &mut ClaimedExport, shutdown: &CancellationToken) -> domain::Result<Stop> {
        let plan = match self.plan(claimed.query(), claimed.variables()) {
            Ok(plan) => plan,
            // It could be exported when it was asked for.
            Err(message) => return Ok(Stop::Failed(ExportFailureCode::QueryFailed, message)),
        };
        let mut after = claimed.cursor().map(str::to_owned);
        let mut pending = Pending::default();
        let begun = Instant::now();
        let mut stored_at = begun;
        loop {
            let page = match self.next_page(claimed, &plan, after.as_deref()).await? {
                Ok(page) => page,
                Err(stop) => {
                    // What was read before is as good as it was.
                    let stored = pending.store(claimed).await?;
                    return Ok(stored.unwrap_or(stop));
                }
            };
            for node in &page.nodes {
                pending.add(node)?;
            }
            if page.has_next && (page.end.is_none() || page.end == after) {
                return Err(domain::Error::internal("exporting", "a page ends where it began"));
            }
            after = page.end.or(after);
            pending.cursor = after.clone();
            let ends = shutdown.is_cancelled() || begun.elapsed() >= TURN;
            let is_full = pending.lines.len() >= STORED_BYTES || stored_at.elapsed() >= STORED_EVERY;
            if is_full || ends || !page.has_next {
                if let Some(stop) = pending.store(claimed).await? {
                    return Ok(stop);
                }
                stored_at = Instant::now();
            }
            match (page.has_next, ends) {
                (false, _) => return Ok(Stop::Succeeded),
                (true, true) => return Ok(Stop::HandBack),
                (true, false) => {}
            }
        }
    }

    /// The next page, read with the rights of this moment, while the lease is kept.
    async fn next_page(
        &self,
        claimed: &ClaimedExport,
        plan: &Plan,
        after: Option<&str>,
    ) -> domain::Result<Result<Page, Stop>> {
        let Some(reader) = claimed.reader().await? else {
            let message = "Whoever asked for it may not export this tenant any more.".to_owned();
            return Ok(Err(Stop::Failed(ExportFailureCode::Forbidden, message)));
        };
        let page = self.page(plan, plan.page_size(), after, reader);
        tokio::pin!(page);
        let every = claimed.renew_every();
        let mut renewal = interval_at(Instant::now() + every, every);
        let page = loop {
            tokio::select! {
                page = &mut page => break page,
                _ = renewal.tick() => {
                    if !claimed.renew().await? {
                        return Ok(Err(Stop::Lost));
                    }
                }
            }
        };
        Ok(page.map_err(|error| match error {
            PageError::Refused { code, message } => Stop::Failed(code, message),
            PageError::Unanswered(reason) => {
                tracing::warn!(
                    export.id = %claimed.id(),
                    tenant.id = %claimed.tenant_id(),
                    reason,
                    "a page of an export was not answered; it is tried again"
                );
                Stop::PutOff
            }
        }))
    }
}

impl Pending {
    fn add(&mut self, node: &async_graphql::Value) -> domain::Result<()> {
        serde_json::to_writer(&mut self.lines, node)
            .map_err(|error| domain::Error::internal("writing a line", error))?;
        self.lines.push(b'\n');
        self.rows += 1;
        Ok(())
    }

    /// Stores them, if there are any; answers with why it is not gone on with, if it is not.
    async fn store(&mut self, claimed: &mut ClaimedExport) -> domain::Result<Option<Stop>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let Self { lines, rows, cursor } = std::mem::take(self);
        Ok(match claimed.store(lines, rows, cursor).await? {
            Stored::Stored => None,
            Stored::Lost => Some(Stop::Lost),
            Stored::TooLarge { bytes_max } => {
                let message = format!(
                    "The file would have more than {bytes_max} bytes, which is the limit. Ask for less: by a filter, in \
                     several exports, or for fewer fields."
                );
                Some(Stop::Failed(ExportFailureCode::TooLarge, message))
            }
        })
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "an export ended by a panic; its lease ends"
        );
    }
}
