//! Faults that last while others are made: kill switches that people engage and release, and a tenant's system that is
//! down until its circuit has opened and runs wait for it. Each mends itself.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::sync::Mutex;

use super::caller::Caller;
use super::outside::Gate;
use crate::harness::fixture::Tenant;

/// How long a kill switch is engaged, in milliseconds: at least, and so much more by chance.
pub(super) const STOP_MS: (usize, usize) = (2_000, 3_000);
/// One whose engaging was answered to nobody releases itself after so long.
const EXPIRES_AFTER: Duration = Duration::from_secs(15);
/// Attempts fail for some seconds each, until five of them in a row have.
const OPENS_WITHIN: Duration = Duration::from_secs(120);
/// How long a system stays down after its circuit opened: a probe fails meanwhile, and runs come that wait.
const OPEN_FOR: Duration = Duration::from_secs(4);
/// One probe goes through, and the times that runs were given are over.
const DRAINS_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What making these takes.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) caller: Arc<Caller>,
    pub(super) tenants: Vec<Tenant>,
    pub(super) gate: Gate,
    /// Of the program's database.
    pub(super) url: String,
    /// One outage at a time.
    pub(super) outages: Arc<Mutex<()>>,
}

impl Means {
    /// Stops everything, or a tenant, and lets it go after a while. What went wrong.
    pub(super) async fn stop(self, tenant: Option<usize>, lasts: Duration) -> Vec<String> {
        let expires_at = DateTime::<Utc>::from(SystemTime::now() + EXPIRES_AFTER);
        let mut input = json!({
            "scope": "PLATFORM", "reason": "a storm", "messageForCustomers": "There is a storm.",
            "expiresAt": expires_at,
        });
        if let Some(tenant) = tenant {
            input["scope"] = json!("TENANT");
            input["tenantId"] = json!(self.tenants[tenant].id);
        }
        let answer = self.caller.mutate("engageKillSwitch", input, "killSwitch { id }").await;
        let switch = match answer.payload {
            Ok(payload) => payload["killSwitch"]["id"].clone(),
            // It was asked for so often that its end is in the past.
            Err(_codes) if answer.is_repeated => return Vec::new(),
            Err(codes) => return vec![format!("engageKillSwitch: {codes:?}")],
        };
        // Of two that were engaged the first one ends by itself.
        let lasts = if answer.is_repeated { EXPIRES_AFTER } else { lasts };
        tokio::time::sleep(lasts).await;
        let input = json!({"killSwitchId": switch});
        let answer = self.caller.mutate("releaseKillSwitch", input, "killSwitch { releasedAt }").await;
        match answer.payload {
            Ok(payload) if payload["killSwitch"]["releasedAt"] != Value::Null => Vec::new(),
            other => vec![format!("releaseKillSwitch: {other:?}")],
        }
    }

    /// Takes the system of the tenant that uses it most down, until its circuit has opened and a while longer; waits
    /// until it has closed again. What went wrong.
    #[expect(clippy::print_stdout, reason = "whether it opened is a figure of the storm")]
    pub(super) async fn outage(self) -> Vec<String> {
        let _turn = self.outages.lock().await;
        let begin = Instant::now();
        let busiest = "SELECT t.slug FROM run r JOIN tenant t ON t.id = r.tenant_id \
             JOIN integration i ON i.id = r.integration_id \
             JOIN system s ON s.id IN (i.source_id, i.destination_id) AND s.connector = 'http' \
             WHERE r.status IN ('QUEUED', 'RUNNING') GROUP BY t.slug ORDER BY count(*) DESC, t.slug LIMIT 1";
        let Some(tenant) = self.text(busiest).await else { return Vec::new() };
        let state = format!(
            "SELECT s.circuit_state FROM system s JOIN tenant t ON t.id = s.tenant_id \
             WHERE t.slug = '{tenant}' AND s.connector = 'http'"
        );
        let is = async |wanted: &str, limit: Duration| {
            let deadline = Instant::now() + limit;
            while self.text(&state).await.as_deref() != Some(wanted) {
                if Instant::now() > deadline {
                    return false;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            true
        };
        self.gate.close(&tenant);
        let opened = is("OPEN", OPENS_WITHIN).await;
        let opened_after = begin.elapsed();
        let waiting = self.waiting_max(&tenant, OPEN_FOR).await;
        self.gate.open(&tenant);
        let mended = Instant::now();
        if !opened {
            return vec![format!("the circuit of {tenant}'s system did not open within {OPENS_WITHIN:?}")];
        }
        let closed = is("CLOSED", DRAINS_WITHIN).await;
        println!(
            "the circuit of {tenant}'s system opened after {:.1} s, {waiting} runs waited, and closed {:.1} s after the end",
            opened_after.as_secs_f64(),
            mended.elapsed().as_secs_f64()
        );
        if closed { Vec::new() } else { vec![format!("the circuit of {tenant}'s system does not close")] }
    }

    /// How many runs of a tenant waited for its system at the same time within `limit`, at most.
    async fn waiting_max(&self, tenant: &str, limit: Duration) -> u64 {
        let sql = format!(
            "SELECT count(*)::text FROM job j JOIN tenant t ON t.id = j.tenant_id \
             WHERE t.slug = '{tenant}' AND j.wait_code = 'system.circuit_open' AND j.status = 'QUEUED'"
        );
        let (begin, mut most) = (Instant::now(), 0);
        while begin.elapsed() < limit {
            let waiting = self.text(&sql).await.and_then(|count| count.parse().ok());
            most = most.max(waiting.unwrap_or_default());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        most
    }

    /// The one text that `sql` gives, as soon as the database answers.
    async fn text(&self, sql: &str) -> Option<String> {
        loop {
            match self.try_text(sql).await {
                Ok(text) => return text,
                // It is being restarted.
                Err(_error) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn try_text(&self, sql: &str) -> Result<Option<String>, sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url).await?;
        connection.execute("SET trestle.tenants = '*'").await?;
        let row = connection.fetch_optional(AssertSqlSafe(sql.to_owned())).await?;
        Ok(row.map(|row| row.get(0)))
    }
}
